"""Applies the recipes of docs/add_an_operation.md to a copy of the tree, as a stranger would who follows the page word for
word, and runs the tests that are affected: rows in the gradient table and its completeness, the new test files, the
arrows between headers, and what is generated.

    python3 -B tests/docs/recipes.py <source> <compiler> <folder of Eigen> [flags for compiling and linking]
"""

import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

PAGE = "docs/add_an_operation.md"
UMBRELLA = "include/eigengrad/eigengrad.hpp"
END_OF_HEADER = "}}  // namespace eigengrad::EIGENGRAD_ABI"
NEIGHBOURS = {"include/eigengrad/nn/layers": "linear.hpp", "include/eigengrad/optim": "sgd.hpp"}
COPIED = ["include", "tests", "docs", "scripts", "examples", "README.md"]


class Mistake(Exception):
    """What the page leaves open, or what does not fit where it says."""


def places_of(page):
    """heading -> the files that the page's table names."""
    return {cells[0]: re.findall(r"`([^`]+\.[ch]pp)`", " ".join(cells[1:]))
            for line in page.split("\n") if line.startswith("| ") and "`" in line
            for cells in [[cell.strip() for cell in line.strip("| ").split(" | ")]]}


def blocks_of(page):
    """(file, code) of each recipe's blocks, in order. What stands before '## In the library' is for programs of one's own."""
    places, result = places_of(page), []
    page = page[page.index("\n## In the library"):]
    for section in re.split(r"^## ", page, flags=re.M)[2:]:
        heading = section.split("\n", 1)[0]
        paths, table = [], places.get(heading, [])
        for text, code in re.findall(r"(.*?)^```cpp\n(.*?)^```$", section, re.M | re.S):
            paths += [each for each in re.findall(r"`((?:include|tests)/[\w/]+\.[ch]pp)`", text) if each != UMBRELLA]
            is_code = not re.match(r"TEST\(|\s+\w+(<\d>)?\(\"", code)
            fitting = [each for each in paths if each.startswith("include") == is_code] or [
                each for each in table if each.startswith("include") == is_code]
            if not fitting:
                raise Mistake(f"'{heading}': the page does not say where this goes:\n{code}")
            if fitting[0] in paths:
                paths.remove(fitting[0])
            result.append((fitting[0], code))
    return result


def head_of_tests(page):
    """The lines that the page says a new test file begins with."""
    block = re.search(r"A new test file begins with\n\n((?:    .*\n|\n)+)", page)
    return re.sub(r"^    ", "", block[1].strip("\n"), flags=re.M) + "\n\n"


def changed(text, code, path, page, neighbour):
    """The file with the block in it; `text` is None for a new one."""
    if path.startswith("include"):
        if text is None:
            begin = neighbour[:re.search(r"^namespace eigengrad.*\n", neighbour, re.M).end()]
            text = re.sub(r"^//[^\n]*\n", "", begin, flags=re.M) + "\n" + END_OF_HEADER + "\n"
        before, end, after = text.rpartition(END_OF_HEADER)
        if not end:
            raise Mistake(f"{path} does not end as headers do")
        return before + code + "\n" + end + after
    if re.match(r"\s", code):
        before, end, after = (text or "").rpartition("  };\n}\n")
        if not end:
            raise Mistake(f"{path} has no rows to add one to")
        return before + code + end + after
    return (head_of_tests(page) if text is None else text + "\n") + code


def apply(root):
    """Does what the page says; returns the files that were changed."""
    page = (root / PAGE).read_text()
    files = []
    for path, code in blocks_of(page):
        file = root / path
        neighbour = file.parent / NEIGHBOURS.get(str(pathlib.PurePosixPath(path).parent), "none")
        if not file.exists() and path.startswith("include") and not neighbour.exists():
            raise Mistake(f"{path}: {PAGE} names no neighbour for a new header there")
        file.parent.mkdir(exist_ok=True)
        file.write_text(changed(file.read_text() if file.exists() else None, code, path, page,
                                neighbour.read_text() if neighbour.exists() else ""))
        if path not in files:
            files.append(path)
    return files


def run(command, folder):
    """The output of a command that must succeed."""
    done = subprocess.run([str(each) for each in command], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        output = (done.stdout + done.stderr).strip().split("\n")
        raise Mistake(" ".join(str(each) for each in command) + "\n" + "\n".join(output[:60]))
    return done.stdout


def main():
    source, compiler, eigen, *flags = sys.argv[1:]
    source = pathlib.Path(source).resolve()
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for each in COPIED:
            if (source / each).is_dir():
                shutil.copytree(source / each, root / each, ignore=shutil.ignore_patterns("__pycache__", "corpus"))
            else:
                shutil.copy(source / each, root / each)
        files = apply(root)
        print("changed: " + ", ".join(files))
        run([sys.executable, "-B", "scripts/generate.py"], root)
        run([sys.executable, "-B", "tests/packaging/structure.py", "include/eigengrad"], root)

        tests = [path for path in files if path.startswith("tests") and not path.startswith("tests/ops/gradient_")]
        rows = [path.relative_to(root).as_posix() for pattern in ("gradient_*.cpp", "dual_*.cpp")
                for path in sorted((root / "tests/ops").glob(pattern))]
        common = [compiler, "-std=c++20", "-O0", "-g0", "-Iinclude", "-Itests", "-isystem", eigen,
                  *[flag for flag in flags if not flag.startswith("-l")]]
        run([*common, f"-DEIGENGRAD_SOURCE_DIR=\"{root}\"", "-c", "tests/support.cpp", "-o", "support.o"], root)
        # As in the project's own build, one header for all is compiled first.
        (root / "all.hpp").write_text("#include <gtest/gtest.h>\n#include <eigengrad/eigengrad.hpp>\n")
        run([*common, "-x", "c++-header", "all.hpp"], root)

        def compiled(path):
            run([*common, "-Winvalid-pch", "-include", "all.hpp", "-c", path, "-o", path + ".o"], root)

        # The longest first.
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(compiled, sorted(rows + tests, key=lambda path: -(root / path).stat().st_size)))
        for name, paths in (("run_rows", rows), ("run_tests", tests)):
            run([compiler, *[path + ".o" for path in paths], "support.o", "-o", name, "-lgtest_main", "-lgtest",
                 "-lpthread", *[flag for flag in flags if flag.startswith("-l")]], root)
            print(run([f"./{name}", "--gtest_brief=1"], root).strip())


if __name__ == "__main__":
    try:
        main()
    except Mistake as mistake:
        sys.exit(str(mistake))
