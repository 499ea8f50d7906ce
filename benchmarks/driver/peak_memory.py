"""What the works on layers need in memory, eigengrad's program beside PyTorch's: by how much the most that a process
ever had resident, after ten steps of one work, is above what it has with its libraries loaded and next to nothing
done. Code that a step is the first to need is in it: 10 to 20 MB of PyTorch's, which flatters eigengrad where the rest
is small. Build first (scripts/bench.sh does); PYTHON names the python that has PyTorch."""
import argparse
import os
import statistics
import sys

from bench import SOURCE, expression, listed_works, natural
from programs import find_programs
from results import EAGER, EIGENGRAD, aligned, digits, quantity

NOTHING = "reduce/sum/1k"  # what little a process does whose memory is not a work's


def peak(program, way, work, rounds):
    """The median of some rounds, in bytes; None where there is no such work."""
    found = [program.memory(way, work) for _ in range(rounds)]
    return None if None in found else statistics.median(found)


def growth(program, way, work, rounds, start):
    most = peak(program, way, work, rounds)
    return None if most is None or start is None else most - start


def row(work, own, other):
    ratio = digits(own / other) if own is not None and other and other > 0 else "-"
    return [work, quantity(own, "B"), quantity(other, "B"), ratio]


def main(arguments):
    parser = argparse.ArgumentParser(prog="peak_memory.py", description=__doc__)
    parser.add_argument("--works", type=expression, default=expression("^(model|layer)_"), metavar="REGEX")
    parser.add_argument("--rounds", type=natural, default=3, metavar="N")
    options = parser.parse_args(arguments, argparse.Namespace(libtorch=False, pytorch=True, quick=True))
    build = os.path.join(SOURCE, "build", "bench")
    programs, abouts, missing = find_programs(SOURCE, build, os.environ.get("PYTHON", "python3"), options)
    by_way = {way: program for program in programs for way in program.ways}
    if EAGER not in by_way:
        print("\n".join(missing), file=sys.stderr)
        return 1
    print("\n".join(f"{name}: {about}" for name, about in abouts.items()), end="\n\n")
    asked = [(by_way[way], way) for way in (EIGENGRAD, EAGER)]
    starts = [peak(program, way, NOTHING, options.rounds) for program, way in asked]
    rows = [["work", "eigengrad", "PyTorch", "ratio"]]
    for work in listed_works(lambda name: options.works.search(name) is not None):
        rows.append(row(work, *(growth(program, way, work, options.rounds, start)
                                for (program, way), start in zip(asked, starts))))
    print(aligned(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
