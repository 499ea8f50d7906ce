"""Does the list of eigengrad::compiled hold what the headers say?"""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "scripts/generate"))
import compiled

HEADERS = {
    "nn/layer.hpp": '#include "../core/a.hpp"\nclass Layer; void far(int, float);\n// Compiled: class Layer<T>\n// Compiled: void far(int,\n'
                    "//   float)\n}}  // namespace\n",
    "core/a.hpp": "class A;\n// Compiled: class A<T>\n}}  // namespace\n",
    "core/b.hpp": "// Not compiled: class B<T>\n",
}


class Compiled(unittest.TestCase):
    def test_lists_what_headers_say_after_what_they_include(self):
        part = compiled.part_of(HEADERS)
        self.assertIn('#include "../core/a.hpp"\n#include "../nn/layer.hpp"\n\n', part)
        self.assertIn("#define EIGENGRAD_COMPILED_FOR(prefix, T) \\\n  prefix template class A<T>; \\\n"
                      "  prefix template class Layer<T>; \\\n  prefix template void far(int, float);\n", part)
        self.assertNotIn("B<T>", part)

    def test_lists_operations_on_each_class_of_operands_and_rules_by_blocks_apart(self):
        part = compiled.part_of({"ops/a.hpp": "void far(); struct Tan;\n// Compiled on X: void far(const X&)\n"
                                              "// Compiled once: void far()\n"
                                              "// Compiled by blocks: struct BlockRule<Tan, T, false>\n"})
        self.assertIn("#define EIGENGRAD_COMPILED_ON(prefix, T, X) \\\n  prefix template void far(const X&);\n", part)
        self.assertIn("#define EIGENGRAD_COMPILED_FOR(prefix, T) \\\n  EIGENGRAD_COMPILED_ON(prefix, T, Tensor<T>)", part)
        self.assertIn("#define EIGENGRAD_COMPILED_ONCE(prefix) \\\n  prefix template void far();\n", part)
        self.assertIn("  prefix template struct BlockRule<Tan, T, false>; \\\n"
                      "  EIGENGRAD_COMPILED_ON(prefix, T, BlockNumbers<T>)\n", part)

    def test_tells_of_what_is_gone(self):
        with self.assertRaises(SystemExit) as told:
            compiled.part_of({**HEADERS, "core/a.hpp": HEADERS["core/a.hpp"].replace("class A;", "")})
        self.assertIn("core/a.hpp: there is no A", str(told.exception))

    def test_breaks_long_lines(self):
        lines = compiled.wrapped("void f(" + "const Argument&, " * 9 + "int)")
        self.assertEqual(len(lines), 2)
        self.assertTrue(all(len(line) <= compiled.WIDTH for line in lines))


if __name__ == "__main__":
    unittest.main()
