"""What the targets eigengrad::compiled and eigengrad::development instantiate: each header says it of its own classes and
functions, in lines before the namespace ends (a longer one goes on in lines that begin with three blanks):

    // Compiled: class Linear<T>                               for T float and double
    // Compiled on X: Tensor<T> softmax(const X&, Location)    for tensors, parameters, and formulas of one class
    // Compiled once: class BasicCsvTable<>                    of no number type
    // Compiled by blocks: struct BlockRule<Tan, T, false>     with eigengrad::development alone
"""

import re
import sys

import umbrella

PATH = "include/eigengrad/compiled/compiled.hpp"
MARK = "// From here on by scripts/generate.py, of the lines `// Compiled ...: ...` in the headers: change those.\n"
WIDTH = 116


KINDS = ("", " on X", " once", " by blocks")


def entries_of(text, kind=""):
    """What a header says of one kind, as after `template` in an explicit instantiation."""
    lines = re.findall(rf"^// Compiled{kind}: (.*(?:\n//   .*)*)$", text, re.M)
    return [re.sub(r"\n//\s+", " ", line) for line in lines]


def name_of(entry):
    """What a header must have to say so."""
    if rule := re.match(r"struct BlockRule<(\w+)", entry):
        return rule[1]
    return (re.match(r"(?:class|struct) (\w+)", entry) or re.match(r"Tensor<T>\((\w+)\)", entry) or
            re.search(r"(\w+)(?:<[\w:]+>)?\(", entry))[1]


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


def macro(name, parameters, entries, more=()):
    lines = [line for entry in entries for line in wrapped(entry)] + list(more)
    return " \\\n".join([f"#define {name}({parameters})", *lines])


def part_of(headers):
    """The includes and the macros; `headers` are names and texts, without this one and the umbrella."""
    found = {kind: {name: entries_of(headers[name], kind) for name in in_order(headers)} for kind in KINDS}
    for kind, of_headers in found.items():
        for header, entries in of_headers.items():
            for entry in entries:
                name = name_of(entry)
                if not re.search(rf"\b{name}\b", re.sub(r"//[^\n]*", "", headers[header])):
                    sys.exit(f"{header}: there is no {name}, of which it says `// Compiled{kind}: {entry}`: "
                             "take that line away")
    # What formulas by blocks are made of is included by what makes them, where there are any.
    included = sorted(name for name in headers if any(found[kind][name] for kind in KINDS[:3]))
    lists = {kind: [entry for entries in found[kind].values() for entry in entries] for kind in KINDS}

    def on(*operands):
        return [f"  EIGENGRAD_COMPILED_ON(prefix, T, {each})" for each in operands] if lists[" on X"] else []

    macros = [macro("EIGENGRAD_COMPILED_ON", "prefix, T, X", lists[" on X"]),
              macro("EIGENGRAD_COMPILED_FOR", "prefix, T", lists[""],
                    on("Tensor<T>", "Parameter<T>", "ParameterRef<T>")),
              macro("EIGENGRAD_COMPILED_ONCE", "prefix", lists[" once"]),
              macro("EIGENGRAD_COMPILED_BLOCKS", "prefix, T", lists[" by blocks"], on("BlockNumbers<T>"))]
    return "\n".join([*(f'#include "../{name}"' for name in included), "",
                      "// NOLINTBEGIN(bugprone-macro-parentheses): `prefix` is extern, or nothing",
                      "// clang-format off", "\n\n".join(macros), "// clang-format on",
                      "// NOLINTEND(bugprone-macro-parentheses)", "", ""])


END = """/// All of it, where the library or the program is compiled with these number types.
#define EIGENGRAD_COMPILED_ALL(prefix)   \\
  EIGENGRAD_COMPILED_ONCE(prefix)        \\
  EIGENGRAD_COMPILED_FOR(prefix, float)  \\
  EIGENGRAD_COMPILED_FOR(prefix, double) \\
  EIGENGRAD_COMPILED_BY_BLOCKS(prefix)
#if defined(EIGENGRAD_DEVELOPMENT)
#define EIGENGRAD_COMPILED_BY_BLOCKS(prefix) \\
  EIGENGRAD_COMPILED_BLOCKS(prefix, float)   \\
  EIGENGRAD_COMPILED_BLOCKS(prefix, double)
#else
#define EIGENGRAD_COMPILED_BY_BLOCKS(prefix)
#endif

#if defined(EIGENGRAD_COMPILED)
namespace eigengrad { inline namespace EIGENGRAD_ABI {
EIGENGRAD_COMPILED_ALL(extern)
}}  // namespace eigengrad::EIGENGRAD_ABI
#endif
"""


def generated(project):
    root = project / "include/eigengrad"
    headers = {file.relative_to(root).as_posix(): file.read_text() for file in sorted(root.rglob("*.hpp"))}
    own = headers.pop("compiled/compiled.hpp")
    headers.pop("eigengrad.hpp")
    return own.partition(MARK)[0] + MARK + part_of(headers) + END
