"""Compile time, size and start-up of programs."""
import json
import os
import re
import subprocess
import sys
import time

from results import BY_HAND, EAGER, EIGENGRAD, LIBTORCH, Row


def compile_commands(build):
    """Source file -> its compile command."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        return {entry["file"]: entry["command"] for entry in json.load(file)}


def flags_of(command):
    """Where a command looks for headers, what it defines, and which C++ it takes."""
    return re.findall(r"(?:-isystem |-I|-D|-std=)\S+", command.replace("\\\"", '"'))


def user_seconds(compiler, flags, source, text=None):
    """User time of compiling a file, or a text, with -O2; None where it does not compile."""
    command = [compiler, *" ".join(flags).split(), "-O2", "-x", "c++", "-c", "-o", os.devnull]
    command.append(source if text is None else "-")
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write((text or "").encode())
    process.stdin.close()
    problem = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status != 0:
        print(f"{source} does not compile: {problem[:300]}", file=sys.stderr)
        return None
    return usage.ru_utime


class Building:
    """What is measured about building and starting programs; `python` is the one that has PyTorch."""

    def __init__(self, source, build, programs, python):
        self.source, self.build, self.python = source, build, python
        self.ways = {way: program for program in programs for way in program.ways}
        self.commands = compile_commands(build)
        with open(os.path.join(build, "CMakeCache.txt"), encoding="utf-8") as file:
            self.compiler = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", file.read(), re.M).group(1)

    def path(self, *parts):
        return os.path.join(self.source, *parts)

    def rows(self, wanted, rounds, quick, tell):
        """Rows whose name `wanted` takes."""
        own = flags_of(self.commands[self.path("benchmarks", "main.cpp")])
        torch_xor = self.path("benchmarks", "libtorch", "xor.cpp")
        torch = flags_of(self.commands.get(torch_xor, ""))
        include = lambda header: ("", f"#include <{header}>\n")
        jobs = {"compile/#include": {EIGENGRAD: (own, *include("eigengrad/eigengrad.hpp")),
                                     BY_HAND: (own, *include("Eigen/Core")),
                                     LIBTORCH: (torch, *include("torch/torch.h"))},
                "compile/examples/xor.cpp": {EIGENGRAD: (own, self.path("examples", "xor.cpp"), None),
                                             BY_HAND: (own, self.path("benchmarks", "xor", "by_hand.cpp"), None),
                                             LIBTORCH: (torch, torch_xor, None)}}
        if not quick:
            for name in sorted(os.listdir(self.path("examples"))):
                if name.endswith(".cpp"):
                    jobs.setdefault(f"compile/examples/{name}", {EIGENGRAD: (own, self.path("examples", name), None)})
        found = []
        for work, ways in jobs.items():
            if not wanted(work):
                continue
            tell(work)
            row = Row(work, 0, "s")
            # The two that budgets are set for, in turns, three times; what takes long once.
            for turn in range(1 if quick or BY_HAND not in ways else min(3, rounds)):
                for way, (flags, source, text) in ways.items():
                    if way in self.ways and (turn == 0 or way != LIBTORCH):
                        row.add(way, user_seconds(self.compiler, flags, source, text))
            found.append(row)
        return found + self.xor_rows(wanted, rounds, tell)

    def xor_rows(self, wanted, rounds, tell):
        """Size of the XOR program, and the time it takes from start to end."""
        folder = os.path.join(self.build, "benchmarks")
        commands = {EIGENGRAD: [os.path.join(folder, "xor_eigengrad")], BY_HAND: [os.path.join(folder, "xor_by_hand")],
                    LIBTORCH: [os.path.join(folder, "libtorch", "xor")],
                    EAGER: [self.python, self.path("benchmarks", "pytorch", "xor.py")]}
        commands = {way: command for way, command in commands.items() if way in self.ways}
        size, start = Row("size/xor", 0, "B"), Row("start_to_end/xor", 1, "s")
        if wanted(size.work):
            for way, command in commands.items():
                size.add(way, os.path.getsize(command[0]) if way != EAGER else None)
        if wanted(start.work):
            tell(start.work)
            for _ in range(rounds):
                for way, command in commands.items():
                    began = time.perf_counter()
                    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=self.ways[way].environment())
                    start.add(way, time.perf_counter() - began)
        return [row for row in (size, start) if row.rounds]
