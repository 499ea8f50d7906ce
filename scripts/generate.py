#!/usr/bin/env python3
"""Writes what follows from the headers: docs/quick_reference.md, of the comments that begin with ///, and the umbrella
header's lines for headers that it does not reach. Run it after changing a header; with --check it changes nothing and
fails where something would change.

    python3 scripts/generate.py [--check] [the project's folder]
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "generate"))
import compiled
import quick_reference
import umbrella


def main():
    arguments = [each for each in sys.argv[1:] if each != "--check"]
    project = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parents[1])
    stale = []
    # The umbrella first: the page says which headers it brings.
    for module in (compiled, umbrella, quick_reference):
        file = project / module.PATH
        new = module.generated(project)
        if file.exists() and file.read_text() == new:
            continue
        stale.append(module.PATH)
        if "--check" not in sys.argv:
            file.write_text(new)
            print("written: " + module.PATH)
    if stale and "--check" in sys.argv:
        sys.exit(f"out of date: {', '.join(stale)}. Run: python3 scripts/generate.py")


if __name__ == "__main__":
    main()
