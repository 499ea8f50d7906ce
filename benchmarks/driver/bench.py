"""Compares eigengrad with Eigen by hand, libtorch and PyTorch: see --help. scripts/bench.sh builds, then runs it."""
import argparse
import datetime
import json
import os
import platform
import re
import sys
import time

from building import Building
from chart import charts
from programs import find_programs, read
from results import COMPILED, EAGER, EIGENGRAD, Row, caption, digits, gradient_to_forward, report
from roofline import roofline

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def expression(text):
    try:
        return re.compile(text)
    except re.error as problem:
        raise argparse.ArgumentTypeError(f"'{text}' is not a regular expression: {problem}")


def natural(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 on")
    return int(text)


def naturals(text):
    return [natural(part) for part in text.split(",")]


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="scripts/bench.sh", allow_abbrev=False,
        description="Builds and runs the benchmarks; prints one table, and writes bench.json and bench_*.svg into "
        "build/bench. All programs do each work in turns, round after round; figures are medians of wall time.",
        epilog="PyTorch is looked for in the python that the variable PYTHON names, python3 otherwise.")
    parser.add_argument("--works", type=expression, default=expression(""), metavar="REGEX",
                        help="only works whose name it finds: those of benchmarks/works.txt, memory/train/..., "
                        "compile/..., size/xor, start_to_end/xor")
    parser.add_argument("--rounds", type=natural, metavar="N", help="how many (5; with --quick 2)")
    parser.add_argument("--threads", type=naturals, metavar="N,...",
                        help="numbers of threads (1,2; 1 where there is one processor)")
    parser.add_argument("--quick", action="store_true",
                        help="some three minutes: shorter measurements; without torch.compile, PyTorch's memory, and "
                        "compile times of other examples than xor.cpp")
    parser.add_argument("--no-libtorch", dest="libtorch", action="store_false")
    parser.add_argument("--no-pytorch", dest="pytorch", action="store_false")
    # For bench.sh, which wants to know before it builds.
    parser.add_argument("--check-options", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.threads = options.threads or ([1, 2] if (os.cpu_count() or 1) > 1 else [1])
    options.seconds = 0.03 if options.quick else 0.06
    return options


def listed_works(wanted):
    with open(os.path.join(SOURCE, "benchmarks", "works.txt"), encoding="utf-8") as file:
        works = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    return [work for work in works if wanted(work)]


def tell(words):
    """Progress, on one line where it is a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)


def measure(programs, works, options):
    rows = {(work, threads): Row(work, threads, "s") for work in works for threads in options.threads}
    few = 1 if options.quick else 3
    for turn in range(options.rounds if rows else 0):
        if not sys.stderr.isatty():
            print(f"== round {turn + 1} of {options.rounds}", file=sys.stderr)
        for (work, threads), row in rows.items():
            tell(f"round {turn + 1} of {options.rounds}: {work}, {threads} thread{'s' * (threads > 1)}")
            for program in programs:
                for way in program.ways:
                    found = row.rounds.get(way, [])
                    # What is not done is not asked for again; what takes long is measured a few times only.
                    if (turn > 0 and not found) or (len(found) >= few and found[0] > 2 * options.seconds):
                        continue
                    row.add(way, program.ask(way, work, threads, options.seconds))
                if threads > 1:
                    time.sleep(0.1)  # threads that wait for work take processors from whoever comes next
    return list(rows.values())


def memory(programs, works, options):
    rows = []
    for work in works:
        row = Row("memory/" + work, 1, "B")
        tell(row.work)
        for program in programs:
            for way in program.ways:
                if way != COMPILED and not (options.quick and way == EAGER):  # the compiler's memory is not the work's
                    row.add(way, program.memory(way, work))
        rows.append(row)
    return rows


def processor():
    model = re.search(r"model name\s*:\s*(.*)", read("/proc/cpuinfo"))
    return f"{model.group(1) if model else platform.processor()}, {os.cpu_count()} processors"


def others():
    """How many processors other programs keep busy while this one sleeps, and what to think of it."""
    before = [int(word) for word in read("/proc/stat").split()[1:9]]  # all processors; idle at 3, waiting at 4
    time.sleep(1)
    spent = [int(word) - was for word, was in zip(read("/proc/stat").split()[1:9], before)]
    busy = (1 - (spent[3] + spent[4]) / sum(spent)) * (os.cpu_count() or 1) if sum(spent) else 0
    warning = "; compare this run's figures with care, those of several threads not at all" if busy > 0.2 else ""
    return f"{busy:.1f} processors busy{warning}"


def probe(programs):
    """What the machine does at most just now, on one thread: (operations per second, bytes per second)."""
    program = next(program for program in programs if EIGENGRAD in program.ways)
    adds = min(program.ask(EIGENGRAD, "machine/multiply_adds", 1, 0.05) for _ in range(3))
    scale = min(program.ask(EIGENGRAD, "machine/scale/256M", 1, 0.05) for _ in range(3))
    return 1e6 / adds, (256 << 20) / scale


def told(peak, speed):
    return f"{digits(peak / 1e9)} GFLOP/s in registers, {digits(speed / 1e9)} GB/s from 256MB"


def drift(before, after):
    """How much the machine itself changed while others were measured on it."""
    most = max(abs(b / a - 1) for a, b in zip(before, after))
    return f"{100 * most:.0f} %" + ("; the machine was not the same throughout: measure again" if most > 0.1 else "")


def main(arguments):
    options = parse(arguments)
    wanted = lambda name: options.works.search(name) is not None
    if options.check_options:
        return 0
    build = os.path.join(SOURCE, "build", "bench")
    python = os.environ.get("PYTHON", "python3")
    programs, abouts, missing = find_programs(SOURCE, build, python, options)
    for words in missing:
        print(f"== {words}", file=sys.stderr)
    now = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    header = {"date": now, "processor": processor(), **abouts,
              "other programs": others(), "threads": " and ".join(map(str, options.threads)),
              "rounds": str(options.rounds)}
    if missing:
        header["missing"] = "; ".join(missing)
    before = probe(programs)
    header["machine at the start"] = told(*before)
    rows = measure(programs, listed_works(wanted), options)
    after = probe(programs)
    header["machine at the end"] = told(*after)
    header["drift"] = drift(before, after)
    for program in programs:
        program.close()
    rows += gradient_to_forward(rows)
    rows += memory(programs, listed_works(lambda work: work.startswith("train/") and wanted("memory/" + work)), options)
    rows += Building(SOURCE, build, programs, python).rows(wanted, options.rounds, options.quick, tell)
    tell("")
    if not rows:
        print(f"bench.sh: no work is found by '{options.works.pattern}'; benchmarks/works.txt has their names",
              file=sys.stderr)
        return 2
    text = report(header, rows)
    print(text)
    if limits := roofline(rows):
        print("\n" + caption(header) + "\n" + limits)
    first = [row for row in rows if row.threads == options.threads[0] and not row.work.startswith("memory/")]
    threads = f"{options.threads[0]} thread{'s' * (options.threads[0] > 1)}"
    everything = {"header": header, "rows": [row.as_dict() for row in rows]}
    pictures = charts(f"{header['processor']}, {threads}", first)
    for name, content in {"bench.json": json.dumps(everything, indent=1), **pictures}.items():
        with open(os.path.join(build, name), "w", encoding="utf-8") as file:
            file.write(content)
    print(f"\nwritten: {os.path.relpath(build)}/{', '.join(['bench.json', *pictures])}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
