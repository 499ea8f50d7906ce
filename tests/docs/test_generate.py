"""Does the quick reference say what headers say, and does the umbrella reach them?"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "scripts/generate"))
import declarations
import quick_reference
import umbrella

HEADER = """#pragma once

#include "../core/tensor.hpp"

// Things to try. A second sentence.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of stir.
struct StirOptions {
  double speed = 1;  // rounds a second
  bool warm = false, covered = true;
};

/// a to the power b; 1 at 0.
struct PowerOperation {
  static constexpr const char* name = "power";
  static auto value(const auto& a, const auto& b) { return a; }
};
template <Elementwise A, Elementwise B>
EIGENGRAD_INLINE auto power(const A& a, const B& b) {
  return apply<PowerOperation>(a, b);
}

/// The largest along an axis. Throws IndexError where there is none.
template <Expression X>
  requires(!Number<X>)
Tensor<typename X::Element>(max)(const X& x, const Axes& axes = {}, bool keepdims = false,
                                 Location where = Location::current()) {
  const char* text = "} // no comment {";
  return x;
}

// For max alone.
template <class T>
void helper(T) {}

/// A bowl:
///   Bowl<float> bowl(3);
template <class T>
class Bowl : public Base<T> {
 public:
  explicit Bowl(Index size);
  Bowl(const Bowl&) = delete;
  /// How much is in it.
  Index level() const { return level_; }
  static Bowl filled(const Shape& shape) { return Bowl(1); }
  void spill() const;
  std::string kind() const override { return "Bowl"; }

 private:
  /// Not to be seen.
  Index secret() const;
  Index level_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
"""


class Declarations(unittest.TestCase):
    found = {each.name: each for each in declarations.declarations_of(HEADER)}

    def test_functions(self):
        self.assertEqual(self.found["max"].signature, "Tensor<T> max(x, Axes axes = {}, bool keepdims = false)")
        self.assertEqual(self.found["power"].signature, "power(a, b)")
        self.assertEqual(self.found["power"].applies, "PowerOperation")
        self.assertEqual(self.found["helper"].documentation, "")

    def test_classes(self):
        bowl = {each.name: each for each in self.found["Bowl"].members if not each.hidden}
        self.assertEqual(self.found["Bowl"].documentation, "A bowl: `Bowl<float> bowl(3);`")
        self.assertEqual(set(bowl), {"Bowl", "level", "filled", "spill"})
        self.assertEqual(bowl["level"].signature, "Index level()")
        self.assertTrue(bowl["filled"].static)

    def test_settings(self):
        speed, warm = self.found["StirOptions"].members
        self.assertEqual((speed.signature, speed.trailing), ("speed = 1", "rounds a second"))
        self.assertEqual(warm.signature, "warm = false, .covered = true")

    def test_purpose(self):
        self.assertEqual(declarations.purpose_of(HEADER), "Things to try. A second sentence.")


class QuickReference(unittest.TestCase):
    def test_has_what_is_documented_and_spoken_of(self):
        lines = quick_reference.header_lines(HEADER, {"power", "max", "Bowl", "filled", "level", "helper"})
        self.assertEqual(lines, [
            "- **`StirOptions`**: Settings of stir.",
            "  - `speed = 1`: rounds a second",
            "  - `warm = false, .covered = true`",
            "- `power(a, b)`: a to the power b; 1 at 0.",
            "- `Tensor<T> max(x, Axes axes = {}, bool keepdims = false)`: The largest along an axis. Throws IndexError where "
            "there is none.",
            "- **`Bowl<T>`**: A bowl: `Bowl<float> bowl(3);`",
            "  - `Index level()`: How much is in it.",
            "  - `Bowl(Index size)`, `Bowl<T>::filled(Shape shape)`",
        ])

    def test_leaves_out_what_nobody_speaks_of(self):
        self.assertEqual(len(quick_reference.header_lines(HEADER, {"max"})), 4)

    def test_keeps_whole_sentences(self):
        self.assertEqual(quick_reference.first_sentences("One. " + "Two " * 99 + "."), "One.")

    def test_shows_the_same_letters(self):
        self.assertEqual(quick_reference.plain("a*b `x<y>` Tensor<T> a * b"), "a\\*b `x<y>` Tensor\\<T> a * b")

    def test_is_written_whole_and_keeps_its_beginning(self):
        with tempfile.TemporaryDirectory() as folder:
            project = pathlib.Path(folder)
            for name, text in (("include/eigengrad/ops/try.hpp", HEADER), ("README.md", "max power"),
                               ("include/eigengrad/eigengrad.hpp", '#include "ops/try.hpp"\n'),
                               ("include/eigengrad/simd/inner.hpp", "// Registers.\nnamespace eigengrad {}\n"),
                               ("docs/quick_reference.md", "# By hand\n\n" + quick_reference.MARK + "\nold\n")):
                (project / name).parent.mkdir(parents=True, exist_ok=True)
                (project / name).write_text(text)
            page = quick_reference.generated(project)
            self.assertTrue(page.startswith("# By hand\n"))
            self.assertNotIn("old", page)
            self.assertIn("### `ops/try.hpp`\n\nThings to try. A second sentence.\n\n- **`StirOptions`**", page)
            self.assertIn("- `simd/inner.hpp`: Registers.", page)
            (project / "docs/quick_reference.md").write_text(page)
            self.assertEqual(quick_reference.generated(project), page)


class Script(unittest.TestCase):
    def test_checks_and_says_what_to_run(self):
        script = pathlib.Path(__file__).parents[2] / "scripts/generate.py"
        with tempfile.TemporaryDirectory() as folder:
            project = pathlib.Path(folder)
            for name, text in (("include/eigengrad/ops/try.hpp", HEADER), ("README.md", "max"),
                               ("include/eigengrad/compiled/compiled.hpp", "#pragma once\n\n// Held.\n"),
                               ("include/eigengrad/eigengrad.hpp", "#pragma once\n\n#include \"version.hpp\"\n")):
                (project / name).parent.mkdir(parents=True, exist_ok=True)
                (project / name).write_text(text)
            (project / "docs").mkdir()

            def run(*options):
                return subprocess.run([sys.executable, "-B", script, *options, folder], capture_output=True, text=True)

            before = run("--check")
            self.assertEqual(before.returncode, 1)
            self.assertIn("docs/quick_reference.md. Run: python3 scripts/generate.py", before.stderr)
            self.assertFalse((project / "docs/quick_reference.md").exists())
            self.assertEqual(run().returncode, 0)
            self.assertIn('#include "ops/try.hpp"', (project / "include/eigengrad/eigengrad.hpp").read_text())
            self.assertEqual(run("--check").returncode, 0)


class Umbrella(unittest.TestCase):
    HEADERS = {"eigengrad.hpp": '#include "core/tensor.hpp"\n\n// All.\n#include "ops/b.hpp"\n#include "optim/d.hpp"\n',
               "core/tensor.hpp": "class T;", "ops/b.hpp": '#include "../core/inner.hpp"\n', "core/inner.hpp": "x",
               "optim/d.hpp": "x", "viz/viz.hpp": "x", "data/csv_gz.hpp": "x"}

    def test_gets_a_line_for_a_new_header_in_order(self):
        self.assertEqual(umbrella.completed(self.HEADERS), self.HEADERS["eigengrad.hpp"])
        new = umbrella.completed({**self.HEADERS, "ops/c.hpp": "x", "transform/e.hpp": "x"})
        self.assertEqual(new, '#include "core/tensor.hpp"\n\n// All.\n#include "ops/b.hpp"\n#include "ops/c.hpp"\n'
                              '#include "optim/d.hpp"\n#include "transform/e.hpp"\n')


if __name__ == "__main__":
    unittest.main()
