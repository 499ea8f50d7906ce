"""The driver on a small canned result: python3 -m unittest discover -s benchmarks/driver"""
import contextlib
import io
import json
import sys
import tempfile
import unittest
import xml.etree.ElementTree

import bench
import chart
import peak_memory
import programs
import results
import roofline
from results import BY_HAND, COMPILED, EIGENGRAD, LIBTORCH, REPLAYED, Row


def canned():
    """A step that libtorch is behind in and the hand-written one ahead, its loss alone, and a size."""
    gradient = Row("gradient/xor/2-8-1/b4", 1, "s", {EIGENGRAD: [4e-7, 9e-7, 5e-7], REPLAYED: [3e-7] * 3,
                                                      BY_HAND: [2.5e-7] * 3, LIBTORCH: [6e-5, 7e-5, 5e-5]})
    forward = Row("forward/xor/2-8-1/b4", 1, "s", {EIGENGRAD: [2e-7], LIBTORCH: [2e-5]})
    return [gradient, forward, Row("size/xor", 0, "B", {EIGENGRAD: [367000]})]


class PeakMemory(unittest.TestCase):
    def test_growth_is_above_what_a_process_has_anyway(self):
        class Canned:
            peaks = iter((9e6, 8e6, 12e6))

            def memory(self, way, work):
                return next(self.peaks)

        self.assertEqual(peak_memory.growth(Canned(), EIGENGRAD, "model_step/lenet/b64", 3, 4e6), 5e6)

    def test_a_row_has_the_ratio_unless_one_is_missing(self):
        self.assertEqual(peak_memory.row("a", 5e6, 2e7), ["a", "5.00 MB", "20.0 MB", "0.250"])
        self.assertEqual(peak_memory.row("a", 5e6, None), ["a", "5.00 MB", "-", "-"])


class Results(unittest.TestCase):
    def test_quantities_have_three_digits_and_a_unit(self):
        for number, unit, text in ((4.52e-7, "s", "452 ns"), (1.5e-5, "s", "15.0 us"), (0.00123, "s", "1.23 ms"),
                                   (12.34, "s", "12.3 s"), (367000, "B", "367 kB"), (2.5e9, "B", "2.50 GB"),
                                   (2.84, "", "2.84"), (0.0457, "", "0.0457"), (None, "s", "-"), (0, "s", "0 ns")):
            self.assertEqual(results.quantity(number, unit), text)

    def test_ratios_are_of_medians(self):
        row = canned()[0]
        self.assertAlmostEqual(row.ratio(LIBTORCH), 120)
        self.assertAlmostEqual(row.ratio(BY_HAND), 0.5)
        self.assertIsNone(row.ratio(COMPILED))

    def test_nothing_found_is_not_kept(self):
        row = Row("infer/xor/2-8-1/b1", 1, "s")
        row.add(LIBTORCH, None)
        self.assertEqual(row.rounds, {})

    def test_gradient_to_forward(self):
        found = results.gradient_to_forward(canned())
        self.assertEqual([row.work for row in found], ["gradient:forward/xor/2-8-1/b4"])
        self.assertAlmostEqual(found[0].median(EIGENGRAD), 2.5)
        self.assertAlmostEqual(found[0].median(LIBTORCH), 3)
        self.assertIsNone(found[0].median(BY_HAND))

    def test_table(self):
        lines = results.table(canned()).splitlines()
        self.assertEqual(len({len(line) for line in lines}), 1, "columns are aligned")
        cells = [text.strip() for text in lines[2].strip("|").split("|")]
        self.assertEqual(cells, ["gradient/xor/2-8-1/b4", "1", "500 ns", "300 ns (0.600)", "250 ns (0.500)",
                                 "60.0 us (120)", "-", "-"])

    def test_what_is_behind_is_told_against_the_better_of_recorded_and_replayed(self):
        self.assertEqual(results.behind(canned()),
                         ["gradient/xor/2-8-1/b4, 1 thread: 300 ns, by hand 250 ns (1.20 times as much)"])
        self.assertIn("eigengrad is ahead in every line", results.report({}, canned()[1:]))

    def test_the_machine_stands_with_every_table(self):
        header = {"processor": "An EPYC, 2 processors", "machine at the start": bench.told(7.5e10, 2e10),
                  "machine at the end": bench.told(7.4e10, 2e10), "eigengrad": "g++ -O3", "threads": "1 and 2"}
        self.assertEqual(results.caption(header), "An EPYC, 2 processors; machine at the start 75.0 GFLOP/s in registers, "
                         "20.0 GB/s from 256MB; machine at the end 74.0 GFLOP/s in registers, 20.0 GB/s from 256MB; "
                         "g++ -O3; threads 1 and 2")
        self.assertIn(results.caption(header), results.report(header, canned()))

    def test_a_machine_that_changes_is_told(self):
        self.assertEqual(bench.drift((1e11, 2e10), (1.01e11, 2e10)), "1 %")
        self.assertIn("measure again", bench.drift((1e11, 2e10), (1e11, 1.5e10)))

    def test_threads_that_slow_a_work_down_are_told(self):
        rows = [Row(work, threads, "s", {EIGENGRAD: [seconds]}) for work, threads, seconds in
                (("a", 1, 1e-3), ("b", 1, 1e-3), ("a", 2, 1.04e-3), ("b", 2, 2e-3))]
        self.assertEqual(results.slowed_by_threads(rows), ["b: 2.00 ms with 2 threads, 1.00 ms with 1"])
        self.assertEqual(results.slowed_by_threads([Row("c", 1, "s"), Row("c", 2, "s", {EIGENGRAD: [1]})]), [])
        self.assertIn("More threads take eigengrad longer in:\n  b: 2.00 ms", results.report({}, rows))

    def test_json(self):
        found = json.loads(json.dumps(canned()[0].as_dict()))
        self.assertEqual(found["medians"][EIGENGRAD], 5e-7)
        self.assertEqual(found["rounds"][EIGENGRAD], [4e-7, 9e-7, 5e-7])


class Roofline(unittest.TestCase):
    def test_operations_and_bytes(self):
        # A product is 2 b m n, backward two more but none for the input; values and gradients of the weights move.
        self.assertEqual(roofline.needs("infer/classifier/10-5/b3"), (300, 4 * (55 + 45)))
        self.assertEqual(roofline.needs("gradient/classifier/10-5/b3"), (600, 4 * (110 + 45)))
        self.assertEqual(roofline.needs("reduce/sum/1M"), (1e6, 4e6))
        self.assertEqual(roofline.needs("weight_gradient/4x3x2"), (48, 4 * (8 + 6 + 12)))
        self.assertEqual(roofline.needs("function/cube/double/10k"), (4e4, 16e4))
        # LeNet-5: 117,600 multiply-adds of the first convolution, 240,000 of the second, 58,920 of three linear layers.
        self.assertEqual(roofline.needs("model_answer/lenet/b2")[0], 2 * 2 * (117600 + 240000 + 58920))
        self.assertEqual(roofline.needs("model_answer/lstm/3x2x5x7")[0], 2 * 3 * 2 * 28 * 12)
        self.assertEqual(roofline.needs("layer_step/attention/2x3x8x4")[0], 14 * 2 * 3 * 64 * 4)
        self.assertIsNone(roofline.needs("memory/train/xor/2-8-1/b4/sgd"))

    def test_every_work_is_counted_or_is_no_computation(self):
        uncounted = {work.split("/")[0] for work in bench.listed_works(bool) if roofline.needs(work) is None}
        self.assertLessEqual(uncounted, {"machine", "memory"})

    def test_table(self):
        machine = [Row("machine/multiply_adds", 1, "s", {EIGENGRAD: [1e-5]})]  # 100 GFLOP/s
        machine += [Row("machine/scale/" + size, 1, "s", {EIGENGRAD: [moved / 1e10]}) for _, size, moved in roofline.LEVELS]
        rows = machine + [Row("reduce/sum/1M", 1, "s", {EIGENGRAD: [8e-4]}), Row("reduce/sum/1M", 2, "s", {EIGENGRAD: [1]}),
                          Row("infer/classifier/1000-1000/b1000", 1, "s", {EIGENGRAD: [0.04]})]
        lines = roofline.roofline(rows).splitlines()
        self.assertIn("100 GFLOP/s in registers; 10.0 GB/s from 16kB", lines[0])
        self.assertEqual(len(lines), 6)
        cells = [[text.strip() for text in line.strip("|").split("|")] for line in lines[4:]]
        self.assertEqual(cells[0][3:], ["400 us", "800 us", "50 %", "memory of 8MB"])
        self.assertEqual(cells[1][3:], ["20.0 ms", "40.0 ms", "50 %", "computing"])
        self.assertEqual(roofline.roofline(rows[1:]), "", "nothing to compare with")


class Chart(unittest.TestCase):
    def bars(self, rows):
        (name, picture), = chart.charts("a <processor> & more", rows).items()
        self.assertEqual(name, "bench_gradient.svg")
        picture = xml.etree.ElementTree.fromstring(picture)
        space = "{http://www.w3.org/2000/svg}"
        words = [text.text for text in picture.iter(space + "text")]
        return [bar for bar in picture.iter(space + "rect") if bar.get("height") == str(chart.BAR - 1)], words

    def test_has_a_bar_and_a_number_for_each_ratio(self):
        bars, words = self.bars(canned())
        self.assertEqual(len(bars), 3)  # by hand and libtorch, and libtorch; a size is no time
        for expected in ("gradient", "xor/2-8-1/b4", "0.500", "120", "1000"):
            self.assertIn(expected, words)
        slower, faster = (float(bar.get("width")) for bar in bars[:2])
        self.assertAlmostEqual(faster / slower, 6.9, delta=0.05)  # log 120 / log 2

    def test_nothing_measured_is_no_picture(self):
        self.assertEqual(chart.charts("a processor", []), {})

    def test_kinds_share_a_picture_while_their_works_are_few(self):
        rows = [Row(f"{kind}/{i}", 1, "s", {EIGENGRAD: [1e-6], LIBTORCH: [1e-3]})
                for kind, count in (("train", 10), ("infer", 5), ("hvp", 1), ("formula", 16), ("reduce", 3))
                for i in range(count)]
        pictures = chart.charts("a processor", rows)
        self.assertEqual(list(pictures), ["bench_train.svg", "bench_infer.svg", "bench_formula.svg",
                                          "bench_reduce.svg"])
        heights = [int(xml.etree.ElementTree.fromstring(picture).get("height")) for picture in pictures.values()]
        self.assertLess(max(heights), 1000)


class Programs(unittest.TestCase):
    ANSWERS = ("import sys\nprint('about') if '--about' in sys.argv else None\n"
               "for line in sys.stdin if '--serve' in sys.argv else ():\n"
               "    way, work, seconds = line.strip().split('\\t')\n"
               "    if work == 'end': sys.exit()\n"
               "    print({'good': seconds, 'none': '-'}.get(work, 'error no ' + work), flush=True)\n")

    def test_asks_and_starts_again_what_has_ended(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()) as told:
            program = programs.Program([sys.executable, "-c", self.ANSWERS], ("way",), folder)
            self.assertEqual(program.about(), "about")
            self.assertEqual(program.ask("way", "good", 1, 0.25), 0.25)
            self.assertIsNone(program.ask("way", "none", 1, 0.25))
            self.assertIsNone(program.ask("way", "bad", 1, 0.25))
            self.assertIsNone(program.ask("way", "end", 1, 0.25))
            program.processes[1].wait()
            self.assertEqual(program.ask("way", "good", 1, 0.5), 0.5)
            self.assertEqual(program.ask("way", "good", 2, 0.5), 0.5)
            program.close()
        self.assertEqual(told.getvalue().splitlines(),
                         ["bad, way: error no bad", "end, way: error the program ended"])

    def test_alone_each_work_has_a_process(self):
        counts = self.ANSWERS.replace("print({'good': seconds, 'none': '-'}.get(work, 'error no ' + work), flush=True)",
                                      "n = globals().get('n', 0) + 1; print(n, flush=True)")
        with tempfile.TemporaryDirectory() as folder:
            program = programs.Program([sys.executable, "-c", counts], ("way",), folder, alone=True)
            self.assertEqual([program.ask("way", work, 1, 0.25) for work in ("a", "a", "b", "a")], [1, 2, 1, 1])
            program.close()

    def test_missing_program(self):
        self.assertIsNone(programs.Program(["/nowhere/to/be/found"], (), "").about())

    def test_openblas_core(self):
        for vendor, flags, core in (("AuthenticAMD", "avx2 fma", "Zen"), ("GenuineIntel", "avx2", "Haswell"),
                                    ("AuthenticAMD", "avx2 avx512f", "SkylakeX"), ("GenuineIntel", "sse2", None)):
            self.assertEqual(programs.openblas_core(f"vendor_id\t: {vendor}\nflags\t\t: {flags}\n"), core)


class Options(unittest.TestCase):
    def test_defaults(self):
        self.assertEqual(bench.parse([]).rounds, 5)
        self.assertEqual(bench.parse(["--quick"]).rounds, 2)
        self.assertEqual(bench.parse(["--rounds", "9", "--quick"]).rounds, 9)
        self.assertEqual(bench.parse(["--threads", "1,4"]).threads, [1, 4])

    def test_bad_ones_are_named(self):
        for arguments, words in ((["--rounds", "0"], "'0' is not a whole number from 1 on"),
                                 (["--rounds", "many"], "'many' is not a whole number"),
                                 (["--works", "("], "'(' is not a regular expression"),
                                 (["--no-lib"], "unrecognized arguments: --no-lib")):
            with self.assertRaises(SystemExit) as stop, contextlib.redirect_stderr(io.StringIO()) as told:
                bench.parse(arguments)
            self.assertEqual(stop.exception.code, 2)
            self.assertIn(words, told.getvalue())

    def test_works_are_found_by_name(self):
        self.assertEqual(len(set(bench.listed_works(lambda name: True))), len(bench.listed_works(lambda name: True)))
        self.assertEqual(bench.listed_works(lambda name: name == "adam/10M"), ["adam/10M"])


if __name__ == "__main__":
    unittest.main()
