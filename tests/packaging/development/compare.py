"""Compiles a sample of operations and the five programs of tests/packaging/compile_time with eigengrad::development and
without, and fails where they print other numbers than rounding explains, or record something else.

    python3 tests/packaging/development/compare.py g++ . /usr/include/eigen3
"""

import concurrent.futures
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile

# Hundreds of steps of training magnify the last digits.
TOLERANCES = {"rows": 2e-4, "lstm": 0.02, "transformer": 0.02, "vae": 0.02, "physics": 0.05, "table": 0.02}
# Of these the way to the answer is chaotic: their last two lines count.
CHAOTIC = {"physics"}
NUMBER = re.compile(r"-?(?:\d+\.?\d*(?:e[-+]?\d+)?|nan|inf)")


def run(command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit("failed: " + " ".join(map(str, command)) + "\n" + done.stdout[-2000:] + done.stderr[-4000:])
    return done.stdout


def differences(one, other, tolerance):
    """Lines that differ in their words, or in a number by more than the tolerance of it or of 1."""
    lines = one.splitlines(), other.splitlines()
    if len(lines[0]) != len(lines[1]):
        return [f"{len(lines[0])} lines and {len(lines[1])}"]
    result = []
    for a, b in zip(*lines):
        numbers = [[float(n) for n in NUMBER.findall(line)] for line in (a, b)]
        same_words = NUMBER.sub("#", a) == NUMBER.sub("#", b)
        close = len(numbers[0]) == len(numbers[1]) and all(
            (math.isnan(x) and math.isnan(y)) or x == y or abs(x - y) <= tolerance * max(1, abs(x))
            for x, y in zip(*numbers))
        if not (same_words and close):
            result.append(f"    {a}\n    {b}")
    return result


def main():
    compiler, source, eigen = sys.argv[1:4]
    source = pathlib.Path(source).resolve()
    programs = [source / "tests/packaging/development/rows.cpp",
                *sorted((source / "tests/packaging/compile_time/programs").glob("*.cpp"))]
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)

        def compile_to(file, to, *flags):
            run([compiler, "-std=c++20", "-O1", "-I" + str(source / "include"), "-isystem", eigen,
                 f'-DEIGENGRAD_DATA_DIR="{source}/data"', *flags, "-c", file, "-o", to])
            return to

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            library = pool.submit(compile_to, source / "src/compiled.cpp", work / "library.o", "-DEIGENGRAD_DEVELOPMENT")
            ways = {}
            for file in programs:
                ways[file.stem] = [
                    pool.submit(compile_to, file, work / (file.stem + ".fused.o")),
                    pool.submit(compile_to, file, work / (file.stem + ".blocks.o"), "-DEIGENGRAD_DEVELOPMENT",
                                "-DEIGENGRAD_COMPILED")]
            failed = False
            for name, (fused, blocks) in ways.items():
                outputs = []
                for objects in ([fused.result()], [blocks.result(), library.result()]):
                    run([compiler, *objects, "-o", work / name])
                    outputs.append(run([work / name, work]))
                if name in CHAOTIC:
                    outputs = ["\n".join(output.splitlines()[-2:]) for output in outputs]
                found = differences(*outputs, TOLERANCES[name])
                failed = failed or bool(found)
                print(f"{name}: {len(outputs[0].splitlines())} lines, {len(found)} differ", *found[:20], sep="\n")
    if failed:
        sys.exit("eigengrad::development computes something else")


if __name__ == "__main__":
    main()
