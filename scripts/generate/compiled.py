"""What the target eigengrad::compiled instantiates: each header says it of its own classes and functions, in lines
`// Compiled: class Linear<T>` before the namespace ends (a longer one goes on in lines that begin with three blanks)."""

import re
import sys

import umbrella

PATH = "include/eigengrad/compiled/compiled.hpp"
MARK = "// From here on by scripts/generate.py, of the lines `// Compiled: ...` in the headers: change those.\n"
WIDTH = 116


def entries_of(text):
    """What a header says, as after `template` in an explicit instantiation."""
    lines = re.findall(r"^// Compiled: (.*(?:\n//   .*)*)$", text, re.M)
    return [re.sub(r"\n//\s+", " ", line) for line in lines]


def in_order(headers):
    """Names, each after those it includes."""
    result, seen = [], set()

    def visit(name):
        if name in seen or name not in headers:
            return
        seen.add(name)
        for each in umbrella.includes_of(name, headers[name]):
            visit(each)
        result.append(name)

    for name in sorted(headers):
        visit(name)
    return result


def wrapped(entry):
    """An instantiation as lines of the macro."""
    lines, line = [], "  prefix template"
    for word in (entry + ";").split(" "):
        if len(line) + 1 + len(word) > WIDTH:
            lines.append(line)
            line = "     "
        line += " " + word
    return lines + [line]


def part_of(headers):
    """The includes and the macro; `headers` are names and texts, without this one and the umbrella."""
    found = {name: entries_of(headers[name]) for name in in_order(headers)}
    for header, entries in found.items():
        for entry in entries:
            name = (re.match(r"(?:class|struct) (\w+)", entry) or re.search(r"(\w+)\(", entry))[1]
            if not re.search(rf"\b{name}\b", re.sub(r"//[^\n]*", "", headers[header])):
                sys.exit(f"{header}: there is no {name}, of which it says `// Compiled: {entry}`: take that line away")
    found = {name: entries for name, entries in found.items() if entries}
    lines = [f'#include "../{name}"' for name in sorted(found)]
    macro = ["#define EIGENGRAD_COMPILED_FOR(prefix, T)"]
    macro += [line for entries in found.values() for entry in entries for line in wrapped(entry)]
    return "\n".join(lines + ["", "// NOLINTBEGIN(bugprone-macro-parentheses): `prefix` is extern, or nothing",
                              "// clang-format off", " \\\n".join(macro), "// clang-format on",
                              "// NOLINTEND(bugprone-macro-parentheses)", "", ""])


END = """#if defined(EIGENGRAD_COMPILED)
namespace eigengrad { inline namespace EIGENGRAD_ABI {
EIGENGRAD_COMPILED_FOR(extern, float)
EIGENGRAD_COMPILED_FOR(extern, double)
}}  // namespace eigengrad::EIGENGRAD_ABI
#endif
"""


def generated(project):
    root = project / "include/eigengrad"
    headers = {file.relative_to(root).as_posix(): file.read_text() for file in sorted(root.rglob("*.hpp"))}
    own = headers.pop("compiled/compiled.hpp")
    headers.pop("eigengrad.hpp")
    return own.partition(MARK)[0] + MARK + part_of(headers) + END
