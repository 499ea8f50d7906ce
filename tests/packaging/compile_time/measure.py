"""Measures what our headers and examples take to compile at -O2 against the same compiler's time for Eigen, prints a
table, and fails where one takes more than budgets.txt allows, or where a header does not compile alone, twice and
without a warning. Processor time, so that other work hardly counts. How many times two programs differ depends on the
processor, too: what is over by time is counted in instructions, where valgrind is there to count.

    python3 tests/packaging/compile_time/measure.py g++ . /usr/include/eigen3 [--without-zlib] [--without-rapidjson]
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

ROUNDS, MOST_ROUNDS = 3, 5
NEEDS = {"--without-zlib": r"eigengrad/[a-z_/]*(gzip|_gz|fashion_mnist|npz|zip_writer)\.hpp",
         "--without-rapidjson": r"eigengrad/[a-z_/]*safetensors[a-z_]*\.hpp"}


def left_out(text, options):
    """Whether a header of that name, or a program of that text, needs what is not there."""
    return any(re.search(NEEDS[option], text) for option in NEEDS.keys() & set(options))


def used_by(command):
    """The user time, and the most memory in MiB, of a command that must succeed."""
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, used = os.wait4(pid, 0)
    if status != 0:
        sys.exit("failed: " + " ".join(command))
    return used.ru_utime, used.ru_maxrss / 1024


def processor_time(command):
    return used_by(command)[0]


def instructions(command):
    """How many the compiler executed; the same on every processor."""
    with tempfile.TemporaryDirectory() as folder:
        count = subprocess.run(["valgrind", "--tool=cachegrind", "--cache-sim=no", "--trace-children=yes",
                                "--cachegrind-out-file=" + os.path.join(folder, "%p"), *command],
                               check=True, capture_output=True, text=True).stderr
    return sum(int(each.replace(",", "")) for each in re.findall(r"I +refs: +([\d,]+)", count))


def read_budgets(file):
    """name -> how many times Eigen/Core (or, after 'of', another line's name)."""
    budgets = {}
    for line in file.read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            budgets[words[0]] = (float(words[1]), words[3] if len(words) > 3 else "Eigen/Core")
    return budgets


def budget_line(name, budgets):
    """Which line holds for it: its own, or that of the folder it lies in."""
    name = name.replace(", ", "+")
    while name not in budgets and "/" in name:
        name = name.rsplit("/", 1)[0]
    return name if name in budgets else None


def budget_of(name, budgets):
    return budgets.get(budget_line(name, budgets), (float("inf"), "Eigen/Core"))


def is_over(name, times, budgets):
    limit, unit = budget_of(name, budgets)
    return times[name] > limit * times[unit]


def main():
    compiler, source, eigen, *options = sys.argv[1:]
    source = pathlib.Path(source).resolve()
    here = pathlib.Path(__file__).parent
    budgets = read_budgets(here / "budgets.txt")
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)

        def command_of(file, *flags, to=None):
            return [compiler, "-std=c++20", "-O2", "-I" + str(source / "include"), "-isystem", eigen,
                    '-DEIGENGRAD_DATA_DIR="data"', *flags, "-c", str(file), "-o",
                    str(to or work / (file.name + ".o"))]

        def time_of(file, *flags, to=None):
            return processor_time(command_of(file, *flags, to=to))

        def including(header):
            file = work / (header.replace("/", "_") + ".cpp")
            file.write_text(2 * ("#include <" + header + ">\n") + "int main() {}\n")
            return file

        umbrella, example = "include/eigengrad/eigengrad.hpp", "examples/xor.cpp"
        close = {"Eigen/Core": including("Eigen/Core"), umbrella: including("eigengrad/eigengrad.hpp"),
                 "two_products": here / "two_products.cpp", example: source / example}
        linked, with_library = example + ", eigengrad::compiled", work / "with_library.o"
        times, rounds = {}, {name: [] for name in [*close, linked]}
        # In turn, so that a slow moment meets them all. Medians count: a processor that is fast for a moment would give
        # the shorter ones a least that the longer ones never see. More rounds follow while they are over budget.
        for done in range(MOST_ROUNDS):
            if done >= ROUNDS and not any(is_over(name, times, budgets) for name in times):
                break
            for name, file in close.items():
                rounds[name].append(time_of(file))
            rounds[linked].append(time_of(source / example, "-DEIGENGRAD_COMPILED", to=with_library))
            times = {name: statistics.median(each) for name, each in rounds.items()}

        counted = {}

        def count(name, file):
            counted[name] = instructions(command_of(file, to=work / (name.replace("/", "_") + ".counted.o")))

        def to_count(name, file):
            """What is to be counted as it is over by time: it, and its unit."""
            if not is_over(name, times, budgets) or not shutil.which("valgrind"):
                return {}
            unit = budget_of(name, budgets)[1]
            return {each: at for each, at in ((name, file), (unit, close[unit])) if each not in counted}

        library = work / "library.o"
        time_of(source / "src/compiled.cpp", to=library)
        answers = []
        for objects in ([work / "xor.cpp.o"], [with_library, library]):
            subprocess.run([compiler, *map(str, objects), "-o", str(work / "xor")], check=True)
            answers.append(subprocess.run([str(work / "xor")], check=True, capture_output=True).stdout)
        if answers[0] != answers[1]:
            sys.exit("xor.cpp prints something else when it is linked with eigengrad::compiled")

        once = {}
        for header in sorted((source / "include/eigengrad").rglob("*.hpp")):
            name = header.relative_to(source / "include").as_posix()
            if not left_out(name, options):
                once["include/" + name] = including(name)
        for file in sorted((source / "examples").glob("*.cpp")):
            if not left_out(file.read_text(), options):
                once["examples/" + file.name] = file
        once = {name: file for name, file in once.items() if name not in times}
        # What users write: as they build it at last, and with eigengrad::development, as they build it before.
        flags, memory = {}, {}
        for file in sorted((here / "programs").glob("*.cpp")):
            for name, how in ((f"programs/{file.name}", ["-march=native"]),
                              (f"programs/{file.name}+eigengrad::development",
                               ["-O1", "-march=native", "-DEIGENGRAD_DEVELOPMENT", "-DEIGENGRAD_COMPILED"])):
                once[name], flags[name] = file, how

        # Each header begins by Eigen/Core, which is compiled once for all of them; what it takes is put back.
        precompiled = work / "eigen_core.hpp"
        precompiled.write_text("#include <Eigen/Core>\n")
        subprocess.run([compiler, "-std=c++20", "-O2", "-isystem", eigen, "-x", "c++-header", str(precompiled), "-o",
                        str(precompiled) + ".gch"], check=True)
        with_eigen = ["-Winvalid-pch", "-include", str(precompiled)]
        (work / "nothing.cpp").write_text("int main() {}\n")
        put_back = times["Eigen/Core"] - min(time_of(work / "nothing.cpp", *with_eigen) for _ in range(3))

        def is_header(name):
            return name.startswith("include/") and budget_of(name, budgets)[0] >= 1

        def time_once(name):
            warnings = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"] if name.startswith("include/") else []
            shared = with_eigen if is_header(name) else []
            used, mebibytes = used_by(command_of(once[name], *warnings, *shared, *flags.get(name, []),
                                                 to=work / (name.replace("/", "_") + ".o")))
            memory[name] = mebibytes
            return used + (put_back if is_header(name) else 0)

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            counts = {}
            for name, file in close.items():
                counts.update(to_count(name, file))
            counting = [pool.submit(count, name, file) for name, file in counts.items()]
            times.update(zip(once, pool.map(time_once, once)))
            for each in counting:
                each.result()
        for name, file in once.items():
            # Again, with nothing beside it, and next to its unit: a processor is slower for minutes, too.
            unit = budget_of(name, budgets)[1]
            for _ in range(2):
                if is_over(name, times, budgets):
                    slower = time_of(close[unit]) / times[unit]
                    times[name] = min(times[name], time_of(file, *flags.get(name, [])) / slower)
            if name not in flags:
                for each, at in to_count(name, file).items():
                    count(each, at)

    print(f"{'':46}{'seconds':>8}{'times':>7}{'budget':>8}")
    for name, seconds in times.items():
        limit, unit = budget_of(name, budgets)
        of = "" if unit == "Eigen/Core" else f"  of {unit}"
        print(f"{name:46}{seconds:8.2f}{seconds / times[unit]:7.2f}{limit:8.2f}{of}" +
              (f"  {memory[name]:.0f} MiB" if name in flags else ""))
    for name in counted:
        limit, unit = budget_of(name, budgets)
        if unit in counted:
            print(f"{name}: {counted[name] / counted[unit]:.2f} times by instructions, of {limit:.2f}")
    over = [name for name in times if is_over(name, times, budgets) and
            (name not in counted or is_over(name, counted, budgets))]
    hungry = [name for name in flags if memory[name] > budgets[name + ":MiB"][0]]
    if hungry:
        sys.exit("takes more memory to compile than budgets.txt allows: " + ", ".join(hungry))
    if over:
        sys.exit("takes longer to compile than tests/packaging/compile_time/budgets.txt allows: " + ", ".join(over))
    without = [name for name in times if name.startswith(("include", "examples", "programs")) and not budget_line(name, budgets)]
    unused = budgets.keys() - {budget_line(name, budgets) for name in times} - {name + ":MiB" for name in flags}
    if without or unused and not NEEDS.keys() & set(options):
        sys.exit(f"budgets.txt: no budget for {without}, no file for {sorted(unused)}")


if __name__ == "__main__":
    main()
