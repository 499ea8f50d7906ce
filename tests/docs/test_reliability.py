"""Does the check of citations see what it should, and nothing else?"""
import unittest

import reliability

PAGE = "# Title\n\n1. first\n2. second *(uncited)*\n\n## More\n\n3. third\n4. fourth\n"


class Citations(unittest.TestCase):
    def test_begin_a_comment(self):
        for text, numbers in (("// Line 26: both", {26}), ("// Lines 1, 24 to 26 and 30 of the list", {1, 24, 25, 26, 30}),
                              ("  // 3, 25: sums\n", {3, 25}), ("// 1e7 floats", set()), ("x; // Line 3: no", set()),
                              ("// see line 7: no", set()), ("# 62: each alone", {62}), ("// 12 units", set())):
            self.assertEqual(reliability.cited(text), numbers, text)

    def of(self, *texts):
        return list(reliability.problems_of(PAGE, [("a.cpp", text) for text in texts]))

    def test_agree_with_the_page(self):
        self.assertEqual(self.of("// Lines 1, 3: x", "// 4: y"), [])
        self.assertIn("line 9", self.of("// Lines 1, 3: x", "// 4: y", "// 9: z")[0])
        self.assertIn("take its mark", self.of("// Lines 1 to 4: x")[0])
        self.assertIn("no test cites line 4", self.of("// Lines 1, 3: x")[0])

    def test_numbers_go_up(self):
        self.assertIn("from 1 up", list(reliability.problems_of("1. a\n3. b\n", [("a.cpp", "// Lines 1, 3: x")]))[0])


if __name__ == "__main__":
    unittest.main()
