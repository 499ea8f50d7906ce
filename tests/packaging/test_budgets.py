"""Does every file have a budget, named or not?"""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "compile_time"))
import measure

PROJECT = pathlib.Path(__file__).parents[2]
BUDGETS = measure.read_budgets(pathlib.Path(measure.__file__).with_name("budgets.txt"))


class Budgets(unittest.TestCase):
    def test_a_new_file_has_that_of_its_folder(self):
        self.assertEqual(measure.budget_line("examples/not_there_yet.cpp", BUDGETS), "examples")
        self.assertEqual(measure.budget_line("include/eigengrad/nn/layers/not_there_yet.hpp", BUDGETS),
                         "include/eigengrad/nn")
        self.assertEqual(measure.budget_line("examples/xor.cpp", BUDGETS), "examples/xor.cpp")

    def test_nothing_is_without_one(self):
        for pattern in ("examples/*.cpp", "include/eigengrad/**/*.hpp"):
            for file in PROJECT.glob(pattern):
                self.assertIsNotNone(measure.budget_line(file.relative_to(PROJECT).as_posix(), BUDGETS), file)

    def test_names_lead_to_files(self):
        here = pathlib.Path(measure.__file__).parent
        for name in BUDGETS:
            file = name.split("+")[0].split(":")[0]
            self.assertTrue((here / file if file.startswith("programs/") else PROJECT / file).exists(), name)


if __name__ == "__main__":
    unittest.main()
