"""That structure.py finds what it is to find, in trees of a few lines; and that ctags finds ours."""

import json
import pathlib
import re
import shutil
import subprocess
import unittest

import structure

INCLUDE = pathlib.Path(__file__).resolve().parents[2] / "include/eigengrad"
HEAD = "#pragma once\n"


def problems(**headers):
    texts = {name.replace("__", "/") + ".hpp": HEAD + text for name, text in headers.items()}
    return list(structure.problems_of(structure.Tree(texts)))


class Structure(unittest.TestCase):
    def test_a_right_tree_has_none(self):
        self.assertEqual(problems(core__shape="class Shape {};\n", ops__sum='#include "../core/shape.hpp"\nShape f();\n'), [])

    def test_includes_against_the_arrows(self):
        self.assertIn("core/a.hpp: includes ops/b.hpp; core may use only: simd",
                      problems(core__a='#include "../ops/b.hpp"\n', ops__b="class Beta {};\n"))
        self.assertTrue(problems(nn__module__a='#include "../b.hpp"\n', nn__b="class Beta {};\n"))

    def test_declares_and_befriends_against_the_arrows(self):
        upward = problems(core__a="class Beta;\n", ops__b="class Beta {};\n")
        self.assertEqual(upward, ["core/a.hpp: declares Beta of ops/b.hpp, against the arrows"])
        self.assertTrue(problems(core__a="class Alpha {\n  friend class Beta;\n};\n", ops__b="class Beta {};\n"))

    def test_lives_on_its_neighbours_includes(self):
        tree = dict(core__shape="class Shape {};\n", autograd__engine__node='#include "../../core/shape.hpp"\nclass Node {};\n')
        self.assertEqual(problems(**tree, ops__sum='#include "../autograd/engine/node.hpp"\nShape f(Node);\n'),
                         ["ops/sum.hpp: uses Shape without including core/shape.hpp"])

    def test_a_circle(self):
        self.assertTrue(any("circle" in each for each in problems(core__a='#include "b.hpp"\nclass Alpha {};\n',
                                                                  core__b='#include "a.hpp"\nclass Beta {};\n')))

    def test_umbrellas_long_and_heavy_headers(self):
        self.assertTrue(problems(umbrella="class Alpha {};\n"))
        self.assertTrue(problems(core__a="\n" * 500))
        self.assertTrue(problems(core__a="#include <iostream>\nclass Alpha {};\n"))
        self.assertTrue(problems(attic__a="class Alpha {};\n"))


@unittest.skipUnless(shutil.which("ctags") and "Universal" in subprocess.run(
    ["ctags", "--version"], capture_output=True, text=True).stdout, "Universal Ctags is not installed")
class Ctags(unittest.TestCase):
    def test_finds_every_class_and_the_functions_of_a_sample(self):
        tree = structure.Tree({file.relative_to(INCLUDE).as_posix(): file.read_text() for file in INCLUDE.rglob("*.hpp")})
        out = subprocess.run(["ctags", "--output-format=json", "--languages=C++", "--langmap=C++:.hpp", "-R", str(INCLUDE)],
                             check=True, capture_output=True, text=True).stdout
        found = {}
        for tag in map(json.loads, out.splitlines()):
            found.setdefault(pathlib.Path(tag["path"]).relative_to(INCLUDE).as_posix(), set()).add(tag["name"])
        for name, header in tree.home.items():
            if not re.search(rf"^(?:template <.*> )?concept {name}\b", tree.code[header], re.M):
                self.assertIn(name, found.get(header, ()), header)
        for header, names in {"core/shape.hpp": ["push_back", "broadcast", "checked_axis"],
                              "ops/functions.hpp": ["exp", "tanh", "TanhOperation", "gradient"],
                              "ops/index.hpp": ["slice", "gather", "element"],
                              "nn/layers/linear.hpp": ["linear", "run_linear", "forward", "members"],
                              "optim/optimizer.hpp": ["zero_grad", "clip_gradient_norm"],
                              "transform/grad.hpp": ["grad"]}.items():
            for name in names:
                self.assertIn(name, found[header], header)


if __name__ == "__main__":
    unittest.main()
