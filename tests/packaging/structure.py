"""Fails when a header includes, declares or befriends against the arrows between folders, when headers include each
other in a circle, when one uses a type or concept that only its neighbours include (functions are not looked at) or is
longer than it may be, when a folder's umbrella holds more than includes, or when a header that every user compiles is
heavy.

    python3 -B tests/packaging/structure.py include/eigengrad
"""

import functools
import pathlib
import re
import statistics
import sys

# The arrows: a folder may include itself, what stands here, and config.hpp and version.hpp beside it. A folder's own
# headers may use its parts; never the other way.
CORE = ["simd", "core"]
ROOMS = ["kernels/" + each for each in ("alignment", "attention", "convolution", "lookup", "normalization", "pooling",
                                        "recurrence")]
KERNELS = CORE + ["kernels/gemm", "kernels"] + ROOMS
ENGINE = KERNELS + ["autograd/engine"]
AUTOGRAD = ENGINE + ["autograd/inspect", "autograd"]
OPS = AUTOGRAD + ["formula", "ops"]
MODULE = OPS + ["nn/module"]
NN = MODULE + ["nn/layers", "nn/losses", "nn"]
ARROWS = {
    "simd": [],
    "core": ["simd"],
    "kernels/gemm": CORE,
    "kernels": CORE + ["kernels/gemm"],
    **{room: CORE + ["kernels/gemm", "kernels"] for room in ROOMS},
    "autograd/engine": KERNELS,
    "autograd/inspect": ENGINE,
    "autograd": ENGINE + ["autograd/inspect"],
    "formula": AUTOGRAD,
    "ops": AUTOGRAD + ["formula"],
    "nn/module": OPS,
    "nn/layers": MODULE,
    "nn/losses": MODULE,
    "nn": MODULE + ["nn/layers", "nn/losses"],
    "optim": AUTOGRAD,
    "transform": OPS,
    "io": CORE,
    "data": KERNELS + ["io"],
    "train": NN + ["optim", "data"],
    "compiled": NN + ["optim", "transform", "io", "data", "train"],
    "export": NN + ["io"],
    "viz": CORE + ["io", "autograd/engine", "autograd/inspect", "autograd"],
}
FROM_EVERYWHERE = ["config.hpp", "version.hpp"]
HEAVY = ["iostream", "regex", "functional", "iomanip"]
MOST_LINES, MEDIAN_LINES = 400, 130


def folder_of(header):
    return header.rpartition("/")[0]


def may_use(header, other):
    return (other in FROM_EVERYWHERE or folder_of(header) in ("", folder_of(other))
            or folder_of(other) in ARROWS[folder_of(header)])


def without_comments(text):
    """Nor strings, which may hold anything."""
    return re.sub(r'//[^\n]*|"(?:\\.|[^"\\\n])*"', "", text)


class Tree:
    def __init__(self, texts):
        self.texts = texts
        self.code = {name: without_comments(re.sub(r"^ *#.*$", "", text, flags=re.M)) for name, text in texts.items()}
        self.includes = {name: [self.target(name, each) for each in re.findall(r'^ *# *include "([^"]+)"', text, re.M)]
                         for name, text in texts.items()}
        self.umbrellas = {name for name, code in self.code.items() if not code.strip()}
        self.home = self.homes()

    @staticmethod
    def target(header, included):
        parts = []
        for part in (folder_of(header) + "/" + included).split("/"):
            if part == "..":
                parts.pop()
            elif part:
                parts.append(part)
        return "/".join(parts)

    def homes(self):
        """Which header defines a type or concept; of several, none."""
        found = {}
        for name, code in self.code.items():
            for kind, type_name, end in re.findall(
                    r"^(?:template <.*> )?(?:inline )?(class|struct|concept|enum class|using)(?: \[\[\w+\]\])? "
                    r"([A-Z]\w*)\b(?!<)(.*)$", code, re.M):
                if not (kind in ("class", "struct") and end == ";"):
                    found.setdefault(type_name, set()).add(name)
        return {type_name: next(iter(names)) for type_name, names in found.items() if len(names) == 1}

    @functools.lru_cache(None)
    def provides(self, header):
        """A header stands for itself and for what it includes of its own folder; an umbrella for all it includes."""
        result = {header}
        for each in self.includes[header]:
            if header in self.umbrellas or folder_of(each) == folder_of(header):
                result |= self.provides(each)
        return frozenset(result)

    def used_types(self, header):
        """Types of other headers that stand in the code and are not also names of its own."""
        code = self.code[header]
        own = set(re.findall(r"\b(?:class|struct|concept|enum|using|typename|auto|Number)(?:\.\.\.)? (\w+)", code))
        return {word for word in set(re.findall(r"(?<![\w.:>])[A-Z]\w+|(?<=eigengrad::)[A-Z]\w+", code))
                if word not in own and self.home.get(word, header) != header}

    def missing(self, header):
        """header -> the types for which it should be included."""
        provided = frozenset().union(*(self.provides(each) for each in self.includes[header]), {header})
        result = {}
        for word in self.used_types(header):
            home = self.home[word]
            if home not in provided and may_use(header, home) and home not in FROM_EVERYWHERE:
                result.setdefault(home, set()).add(word)
        return result

    def circle(self):
        """Headers that include each other, or nothing."""
        state, path = {}, []

        def visit(header):
            state[header] = "open"
            path.append(header)
            for each in self.includes[header]:
                if state.get(each) == "open":
                    return path[path.index(each):] + [each]
                if each not in state and (found := visit(each)):
                    return found
            path.pop()
            state[header] = "done"
            return None

        for header in self.texts:
            if header not in state and (found := visit(header)):
                return found
        return None


def problems_of(tree):
    if circle := tree.circle():
        yield "a circle: " + " -> ".join(circle)
        return
    for header, text in sorted(tree.texts.items()):
        folder = folder_of(header)
        if folder and folder not in ARROWS:
            yield f"{header}: folder {folder} has no row in the table of arrows"
            continue
        if not folder and header not in FROM_EVERYWHERE and header not in tree.umbrellas:
            yield f"{header}: an umbrella header holds only includes"
        for each in tree.includes[header]:
            if each not in tree.texts:
                yield f"{header}: includes {each}, which is not there"
            elif not may_use(header, each):
                yield f"{header}: includes {each}; {folder} may use only: {', '.join(ARROWS[folder])}"
        for each in re.findall(r"^ *# *include <([^>]+)>", text, re.M):
            if each in HEAVY:
                yield f"{header}: includes <{each}>, which every user would compile"
        declared = re.findall(r"^ *(?:friend )?(?:class|struct) (\w+);", tree.code[header], re.M)
        for each in declared + re.findall(r"^ *friend (\w+)(?:<.*>)?;", tree.code[header], re.M):
            if folder and each in tree.home and not may_use(header, tree.home[each]):
                yield f"{header}: declares {each} of {tree.home[each]}, against the arrows"
        if header not in tree.umbrellas:
            for each, words in sorted(tree.missing(header).items()):
                yield f"{header}: uses {', '.join(sorted(words))} without including {each}"
        if (lines := text.count("\n")) > MOST_LINES:
            yield f"{header}: {lines} lines, where {MOST_LINES} are the most"
    lines = sorted(text.count("\n") for text in tree.texts.values())
    if statistics.median(lines) > MEDIAN_LINES:
        yield f"the median header has {statistics.median(lines)} lines, where {MEDIAN_LINES} are the most"


def main():
    root = pathlib.Path(sys.argv[1])
    tree = Tree({file.relative_to(root).as_posix(): file.read_text() for file in sorted(root.rglob("*.hpp"))})
    problems = list(problems_of(tree))
    print("\n".join(problems) or f"{len(tree.texts)} headers include what they use, along the arrows")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
