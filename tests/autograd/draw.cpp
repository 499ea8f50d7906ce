#include "eigengrad/autograd/draw.hpp"

#include <gtest/gtest.h>

#include "eigengrad/nn/layers/linear.hpp"
#include "eigengrad/nn/losses/loss.hpp"

namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using Parameter = eg::Parameter<double>;

namespace {

/// Reads DOT as far as we write it: every quoted string ends on its line, and every line is a statement.
std::string dot_problem(const std::string& text) {
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) return "no newline at the end";
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (static_cast<unsigned char>(line[i]) < 0x20) return "a control character: " + line;
      if (quoted && line[i] == '\\') {
        if (++i == line.size() || (line[i] != '"' && line[i] != '\\' && line[i] != 'n')) return "an escape: " + line;
      } else if (line[i] == '"') {
        quoted = !quoted;
      } else if (!quoted && (line[i] == '<' || line[i] == '&')) {
        return "outside a string: " + line;
      }
    }
    if (quoted) return "an unfinished string: " + line;
    if (line.back() != ';' && line.back() != '{' && line.back() != '}') return "no statement: " + line;
  }
  return "";
}

}  // namespace

TEST(Draw, IsDot) {
  const Parameter w(Tensor{1, 2}, "w");
  const Tensor x{3, 4};
  eg::Tape tape({.keep_values = true});
  const Tensor y = w * x;
  const Tensor loss = sum(y * y);
  tape.backward(loss, {.retain_graph = true});
  EXPECT_EQ(draw(tape),
            "digraph tape {\n"
            "  rankdir=LR;\n"
            "  node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\", fontsize=11];\n"
            "  n0 [fillcolor=\"#dcebf5\", label=\"w\\n[2]\\nvalue [1, 2]\\ngradient [18, 64]\"];\n"
            "  n1 [fillcolor=\"#eeeeee\", label=\"c0\\n[2]\\nvalue [3, 4]\"];\n"
            "  n2 [fillcolor=\"#ffffff\", label=\"%0 = w * c0\\n[2]\\nvalue [3, 8]\\ngradient [6, 16]\"];\n"
            "  n3 [fillcolor=\"#ffffff\", label=\"%1 = sum(%0 * %0)\\n[]\\nvalue 73\\ngradient 1\"];\n"
            "  n0 -> n2;\n"
            "  n1 -> n2;\n"
            "  n2 -> n3;\n"
            "}\n");
}

// Only parameters' numbers are to be had without {.keep_values = true}.
TEST(Draw, WithoutOptions) {
  const Parameter w(Tensor{1, 2}, "w");
  eg::Tape tape;
  const Tensor loss = sum(w * w);
  EXPECT_NE(draw(tape).find("label=\"w\\n[2]\\nvalue [1, 2]\"]"), std::string::npos) << draw(tape);
  tape.backward(loss, {.retain_graph = true});
  EXPECT_NE(draw(tape).find("label=\"w\\n[2]\\nvalue [1, 2]\\ngradient [2, 4]\"]"), std::string::npos) << draw(tape);
  EXPECT_NE(draw(tape).find("label=\"%0 = sum(w * w)\\n[]\"]"), std::string::npos) << draw(tape);
  EXPECT_EQ(dot_problem(draw(tape)), "");
}

TEST(Draw, AnEmptyTape) {
  const eg::Tape tape;
  EXPECT_EQ(dot_problem(draw(tape)), "");
}

// 61: hostile names.
TEST(Draw, HostileNamesAreEscaped) {
  const std::string bad[] = {"\"",    "\\", "\n", "a\"]; n9 [label=\"b", "<b>&amp;</b>", std::string("\0\x1b\r\t", 4),
                             "\\n\\", ""};
  for (const std::string& name : bad) {
    const Parameter w(Tensor{1, 2}, name);
    eg::Tape tape;
    const Tensor y = w * 2;
    EXPECT_EQ(dot_problem(draw(tape)), "") << draw(tape);
  }
  EXPECT_EQ(eg::dot_escaped("a\"b\\c\nd&e<f>\x01"), "a\\\"b\\\\c\\nd&amp;e<f> ");
}

// The two-layer network of M. Mazur's "A step by step backpropagation example" (2015): its printed numbers.
TEST(Draw, TheWorkedExample) {
  const Parameter w1(Tensor{{.15, .20}, {.25, .30}}, "w1"), b1(Tensor{.35, .35}, "b1");
  const Parameter w2(Tensor{{.40, .45}, {.50, .55}}, "w2"), b2(Tensor{.60, .60}, "b2");
  const Tensor x{{.05, .10}}, target{{.01, .99}};
  eg::Tape tape({.keep_values = true});
  const Tensor hidden = sigmoid(eg::linear<double>(x, w1.to_tensor(), b1.to_tensor()));
  const Tensor output = sigmoid(eg::linear<double>(hidden, w2.to_tensor(), b2.to_tensor()));
  const Tensor loss = sum(square(target - output) / 2);
  tape.backward(loss, {.retain_graph = true});
  const eg::TapeGraph graph = graph_of(tape);
  const auto item = [&](const std::string& title) {
    for (const auto& each : graph.items)
      if (each.title == title) return each;
    ADD_FAILURE() << title << " is not in " << draw(tape);
    return eg::TapeGraph::Item{};
  };
  EXPECT_EQ(item("c0").value, "[0.05, 0.1]");  // the input, which only the product's rule keeps
  EXPECT_EQ(item("%0 = linear(c0, w1, b1)").value, "[0.3775, 0.3925]");
  EXPECT_EQ(item("%1 = sigmoid(%0)").value, "[0.5933, 0.5969]");
  EXPECT_EQ(item("%1 = sigmoid(%0)").gradient, "[0.03635, 0.04137]");
  EXPECT_EQ(item("%3 = sigmoid(%2)").value, "[0.7514, 0.7729]");
  EXPECT_EQ(item("%3 = sigmoid(%2)").gradient, "[0.7414, -0.2171]");
  EXPECT_EQ(item("%4 = sum(square(c1 - %3) / 2)").value, "0.2984");
  EXPECT_EQ(item("w2").gradient, "[0.08217, 0.08267, -0.0226, -0.02274]");
  EXPECT_EQ(item("w1").gradient, "[0.0004386, 0.0008771, 0.0004977, 0.0009954]");
  EXPECT_EQ(graph.edges.size(), 10u);
  EXPECT_EQ(dot_problem(draw(tape)), "");
}

TEST(Draw, ALargeTensorShowsItsFirstNumbers) {
  const Parameter w(Tensor::arange(1000.0), "w");
  eg::Tape tape({.keep_values = true});
  const Tensor y = w * 2, z = sum(w) * Tensor::ones({3});
  const std::string text = draw(tape);
  EXPECT_NE(text.find("value [0, 2, 4, 6, ...]"), std::string::npos) << text;
  EXPECT_NE(text.find("value 4.995e+05"), std::string::npos) << text;
}
