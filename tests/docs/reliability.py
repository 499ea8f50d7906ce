"""Fails when a test cites a line of docs/reliability.md that is not there, or when the page's mark (uncited) stands at a
line that a test cites, or not at one that none does.

    python3 -B tests/docs/reliability.py .
"""

import pathlib
import re
import sys

MARK = " *(uncited)*"
NUMBERS = r"\d+(?:(?:, | and | to )\d+)*"
CITATION = re.compile(rf"^\s*(?://|#) ?(?:Lines? ({NUMBERS})\b|({NUMBERS}):)", re.M)


def cited(text):
    """The numbers that a test's comments begin with, as in '// Lines 1, 24 to 26: ...' or '// 26: ...'."""
    result = set()
    for match in CITATION.finditer(text):
        for first, last in re.findall(r"(\d+)(?: to (\d+))?", match[1] or match[2]):
            result |= set(range(int(first), int(last or first) + 1))
    return result


def lines_of(page):
    """number -> whether it is marked."""
    return {int(number): line.endswith(MARK)
            for number, line in re.findall(r"^(\d+)\. (.*)$", page, re.M)}


def problems_of(page, tests):
    """What to mend; `tests` are names and texts."""
    lines, seen = lines_of(page), set()
    if list(lines) != list(range(1, len(lines) + 1)):
        yield "docs/reliability.md: the numbers do not go from 1 up by 1"
    for name, text in tests:
        numbers = cited(text)
        seen |= numbers
        for number in sorted(numbers - lines.keys()):
            yield f"{name}: cites line {number}, which docs/reliability.md does not have"
    for number, marked in lines.items():
        if marked and number in seen:
            yield f"docs/reliability.md: a test cites line {number}: take its mark{MARK} away"
        if not marked and number not in seen:
            yield f"docs/reliability.md: no test cites line {number}: let its test say so, or end the line with{MARK}"


def main():
    project = pathlib.Path(sys.argv[1])
    tests = [(file.relative_to(project).as_posix(), file.read_text()) for folder in ("tests", "benchmarks")
             for file in sorted((project / folder).rglob("*")) if re.search(r"\.(cpp|hpp|cmake)$|CMakeLists", file.name)]
    page = (project / "docs/reliability.md").read_text()
    problems = list(problems_of(page, tests))
    marks = [number for number, marked in lines_of(page).items() if marked]
    print("\n".join(problems) or f"tests cite {len(lines_of(page)) - len(marks)} of {len(lines_of(page))} lines; not {marks}")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
