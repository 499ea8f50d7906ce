#include "eigengrad/viz/graph.hpp"

#include <gtest/gtest.h>

#include "eigengrad/nn/layers/linear.hpp"
#include "eigengrad/nn/losses/loss.hpp"
#include "xml.hpp"

namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using Parameter = eg::Parameter<double>;
using Layout = eg::viz::LayeredLayout;

namespace {

bool overlap(const Layout::Box& a, const Layout::Box& b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

}  // namespace

TEST(Graph, IsWellFormed) {
  const Parameter w(Tensor{{.1, .2}}, "w"), b(Tensor{.3}, "b");
  eg::Tape tape({.keep_values = true});
  const Tensor y = tanh(eg::linear<double>(Tensor{{1, 2}}, w.to_tensor(), b.to_tensor()));
  tape.backward(sum(square(y - 1)), {.retain_graph = true});
  const std::string svg = eg::viz::draw_svg(tape, {.title = "One neuron"});
  EXPECT_EQ(xml_problem(svg), "");
  EXPECT_EQ(occurrences(svg, "<rect "), 1u + 6u);  // the paper, w, b, the input and three records
  EXPECT_EQ(occurrences(svg, "fill=\"none\""), 5u);
  EXPECT_EQ(occurrences(svg, ">%1 = tanh(%0)<"), 1u);
  EXPECT_EQ(occurrences(svg, ">gradient (backward)<"), 1u);
  EXPECT_EQ(occurrences(svg, "One neuron"), 2u);
}

TEST(Graph, OfAnEmptyTapeOrWithoutNumbers) {
  const Parameter w(Tensor{1, 2});
  eg::Tape tape;
  EXPECT_EQ(xml_problem(eg::viz::draw_svg(tape)), "");
  const Tensor y = w * 2;
  const std::string svg = eg::viz::draw_svg(tape, {.title = ""});
  EXPECT_EQ(xml_problem(svg), "");
  EXPECT_EQ(occurrences(svg, "gradient"), 0u);
}

TEST(Graph, HostileNamesAreEscaped) {
  for (const std::string& name :
       {std::string("</text><script>"), std::string("\"'&<>\\\n\0\x1b\xff", 10), std::string(5000, 'w')}) {
    const Parameter w(Tensor{1, 2}, name);
    eg::Tape tape;
    const Tensor y = exp(w) * w;
    const std::string svg = eg::viz::draw_svg(tape, {.title = name});
    EXPECT_EQ(xml_problem(svg), "");
    EXPECT_EQ(svg.find("<script"), std::string::npos);
  }
}

// Boxes never overlap, nor does an edge that passes; every edge leads to the right.
TEST(Graph, LayoutsHaveNoOverlaps) {
  eg::Generator generator(11);
  for (int trial = 0; trial < 40; ++trial) {
    const std::size_t count = 2 + generator.below(25);
    std::vector<Layout::Box> boxes;
    std::vector<Layout::Edge> edges;
    for (std::size_t k = 0; k < count; ++k) {
      boxes.push_back({20 + 200 * generator.uniform(), 20 + 60 * generator.uniform()});
      for (std::size_t other = 0; other < k; ++other)
        if (generator.uniform() < 0.15) edges.push_back({other, k});
    }
    Layout layout(boxes, edges);
    layout.arrange(40, 15);
    for (std::size_t a = 0; a < layout.boxes.size(); ++a) {
      const Layout::Box& box = layout.boxes[a];
      EXPECT_GE(box.x, -1e-9);
      EXPECT_GE(box.y, -1e-9);
      EXPECT_LE(box.x + box.width, layout.width() + 1e-9);
      EXPECT_LE(box.y + box.height, layout.height() + 1e-9);
      for (std::size_t b = 0; b < a; ++b)
        EXPECT_FALSE(overlap(box, layout.boxes[b])) << trial << ": " << a << ", " << b;
    }
    for (const Layout::Edge& edge : layout.edges) {
      const Layout::Box *from = &layout.boxes[edge.from], *to = &layout.boxes[edge.to];
      EXPECT_GE(to->x, from->x + from->width + 40 - 1e-9);
      EXPECT_EQ(edge.way.size(), to->column - from->column - 1);
    }
  }
}

// A chain stands in a line.
TEST(Graph, AChainIsStraight) {
  Layout layout({{50, 20}, {60, 40}, {50, 30}, {50, 20}}, {{0, 1}, {1, 2}, {2, 3}});
  layout.arrange(40, 15);
  for (const Layout::Box& box : layout.boxes) EXPECT_NEAR(box.y + box.height / 2, 20, 1e-9);
}
