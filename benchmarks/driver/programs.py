"""The programs that do the works, and how they are asked."""
import os
import subprocess
import sys

from results import BY_HAND, COMPILED, EAGER, EIGENGRAD, LIBTORCH, REPLAYED


def openblas_core(cpuinfo):
    """OpenBLAS's name for a processor; Debian's otherwise takes a generic kernel for one it does not know."""
    lines = [line.partition(":")[2] for line in cpuinfo.splitlines() if line.startswith(("flags", "vendor_id"))]
    words = " ".join(lines).split()
    if "avx512f" in words:
        return "SkylakeX"
    if "avx2" in words:
        return "Zen" if "AuthenticAMD" in words else "Haswell"
    return None


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


class Program:
    """A program in as many processes as there are numbers of threads; each waits for questions (harness.hpp). With
    `alone`, each work has a process to itself, as what a user builds does one work."""

    def __init__(self, command, ways, build, alone=False):
        self.command, self.ways, self.build, self.alone = command, ways, build, alone
        self.processes, self.asked = {}, {}  # by the number of threads

    def environment(self, threads=1):
        own = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads),
               "TORCHINDUCTOR_CACHE_DIR": os.path.join(self.build, "inductor")}
        core = openblas_core(read("/proc/cpuinfo"))
        if core:
            own["OPENBLAS_CORETYPE"] = core
        return {**os.environ, **own}

    def about(self):
        """The line of versions; None where the program does not run."""
        try:
            found = subprocess.run([*self.command, "--about"], capture_output=True, text=True, env=self.environment())
        except OSError:
            return None
        return found.stdout.splitlines()[0] if found.returncode == 0 and found.stdout else None

    def ask(self, way, work, threads, seconds):
        """Seconds per step, or None where there is no such work."""
        process = self.processes.get(threads)
        if process is None or process.poll() is not None or (self.alone and self.asked[threads] != work):
            process = self.start(threads)
        self.asked[threads] = work
        process.stdin.write(f"{way}\t{work}\t{seconds}\n")
        process.stdin.flush()
        return self.number(process.stdout.readline().strip() or "error the program ended", way, work)

    def start(self, threads):
        self.end(self.processes.pop(threads, None))
        with self.log() as log:
            self.processes[threads] = subprocess.Popen(
                [*self.command, "--threads", str(threads), "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=log, text=True, env=self.environment(threads))
        return self.processes[threads]

    def memory(self, way, work):
        """The most bytes that a process which only does this work ever has."""
        with self.log() as log:
            found = subprocess.run([*self.command, "--way", way, "--memory", work], stdout=subprocess.PIPE,
                                   stderr=log, text=True, env=self.environment())
        return self.number(found.stdout.strip().split("\t")[-1] or "error the program ended", way, work)

    def log(self):
        """Where the programs' own words go."""
        return open(os.path.join(self.build, "bench.log"), "a", encoding="utf-8")

    @staticmethod
    def number(answer, way, work):
        try:
            return float(answer)
        except ValueError:
            if answer != "-":
                print(f"{work}, {way}: {answer}", file=sys.stderr)
            return None

    @staticmethod
    def end(process):
        if process is not None:
            process.stdin.close()
            process.stdout.close()
            process.wait()

    def close(self):
        while self.processes:
            self.end(self.processes.popitem()[1])


def find_programs(source, build, python, options):
    """Programs that run, lines about them for the header, and what is missing and how to get it."""
    folder = os.path.join(build, "benchmarks")
    wanted = [("eigengrad", [os.path.join(folder, "eigengrad")], (EIGENGRAD, REPLAYED, BY_HAND), None)]
    if options.libtorch:
        wanted.append(("libtorch", [os.path.join(folder, "libtorch", "works")], (LIBTORCH,),
                       "libtorch was not found: sudo apt-get install libtorch-dev"))
    if options.pytorch:
        ways = (EAGER,) if options.quick else (EAGER, COMPILED)
        wanted.append(("PyTorch", [python, os.path.join(source, "benchmarks", "pytorch", "works.py")], ways,
                       f"'import torch' does not work in {python}: install PyTorch into an environment "
                       "(python3 -m venv env; env/bin/pip install torch) and name its python: "
                       "PYTHON=env/bin/python scripts/bench.sh"))
    programs, header, missing = [], {}, []
    for name, command, ways, remedy in wanted:
        program = Program(command, ways, build, alone=not remedy)  # the others' start would take most of the time
        about = program.about()
        if about:
            programs.append(program)
            core = program.environment().get("OPENBLAS_CORETYPE")
            header[name] = f"{about}, OPENBLAS_CORETYPE={core}" if name == "libtorch" else about
        elif remedy:
            missing.append(remedy)
        else:
            raise RuntimeError(f"{command[0]} does not run")
    return programs, header, missing
