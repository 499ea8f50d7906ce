"""Does a recipe go where the page says?"""
import unittest

import recipes

PAGE = """# Adding

```cpp
struct Own {};
```

## In the library

| recipe | code | row or test |
| --- | --- | --- |
| An operation | `include/eigengrad/ops/try.hpp`, or another | `tests/ops/gradient_structural.cpp` |
| A layer | `include/eigengrad/nn/layers/new.hpp`: a new file | `tests/nn/new.cpp` |

A new test file begins with

    #include "eigengrad/eigengrad.hpp"

    namespace eg = eigengrad;

## An operation

In a header of `include/eigengrad/ops/`:

```cpp
auto operation();
```

Its row:

```cpp
      structural("operation", {any}, OF(operation(x[0])), unary, large),
```

And values, in `tests/ops/values.cpp`:

```cpp
TEST(Operation, Has) {}
```

## A layer

Its own.

```cpp
struct New {};
```

```cpp
TEST(New, Is) {}
```
"""
HEADER = '#pragma once\n\n#include "a.hpp"\n\n// What for.\nnamespace eigengrad { inline namespace EIGENGRAD_ABI {\n\nint x;\n\n' + (
    recipes.END_OF_HEADER + "\n")


class Recipes(unittest.TestCase):
    def test_say_where_they_go(self):
        self.assertEqual([path for path, _ in recipes.blocks_of(PAGE)], [
            "include/eigengrad/ops/try.hpp", "tests/ops/gradient_structural.cpp", "tests/ops/values.cpp",
            "include/eigengrad/nn/layers/new.hpp", "tests/nn/new.cpp"])

    def test_that_do_not_are_mistakes(self):
        with self.assertRaises(recipes.Mistake):
            recipes.blocks_of(PAGE.replace("| A layer", "| Another"))

    def test_go_inside(self):
        self.assertEqual(recipes.changed(HEADER, "int y;\n", "include/a.hpp", PAGE, ""),
                         HEADER.replace("int x;\n\n", "int x;\n\nint y;\n\n"))
        rows = "list() {\n  return {\n      row(1),\n  };\n}\n\n}  // namespace\n"
        self.assertEqual(recipes.changed(rows, "      row(2),\n", "tests/ops/rows.cpp", PAGE, ""),
                         rows.replace("row(1),\n", "row(1),\n      row(2),\n"))
        self.assertEqual(recipes.changed("TEST(A, B) {}\n", "TEST(C, D) {}\n", "tests/a.cpp", PAGE, ""),
                         "TEST(A, B) {}\n\nTEST(C, D) {}\n")

    def test_make_new_files(self):
        self.assertEqual(recipes.changed(None, "int y;\n", "include/a.hpp", PAGE, HEADER),
                         '#pragma once\n\n#include "a.hpp"\n\nnamespace eigengrad { inline namespace EIGENGRAD_ABI {\n\n'
                         "int y;\n\n" + recipes.END_OF_HEADER + "\n")
        self.assertEqual(recipes.changed(None, "TEST(C, D) {}\n", "tests/a.cpp", PAGE, ""),
                         '#include "eigengrad/eigengrad.hpp"\n\nnamespace eg = eigengrad;\n\nTEST(C, D) {}\n')


if __name__ == "__main__":
    unittest.main()
