// The gradient table again, one order higher: the gradients of every row are themselves a function whose gradient
// gradcheck compares with finite differences, under broadcasting, reductions and for every class of shapes.
#include <gtest/gtest.h>

#include "eigengrad/ops/join.hpp"
#include "eigengrad/transform/jacobian.hpp"
#include "gradient_row.hpp"

namespace gradients {

/// All inputs' gradients of the row's output weighed by `seed`, one after another.
auto gradients_of_row(const Row& row, const eg::Tensor<double>& seed) {
  return [&row, seed](const List& x) {
    const List gradients = eg::grad([&](const List& inputs) { return sum(row.run(inputs) * seed); }, x);
    List flat;
    for (const auto& gradient : gradients) flat.push_back(reshape(gradient, {-1}));
    return eg::concatenate(flat);
  };
}

TEST(GradientTable, HasGradientsOfGradients) {
  eg::Generator generator(23);
  for (const Row& row : table()) {
    std::size_t done = 0;
    for (const Shapes& shapes : row.shapes) {
      const List inputs = draw(row, shapes, generator);
      if (++done > 12 && done % 4 != 0) continue;  // the time; every class of shapes comes up in some row
      SCOPED_TRACE(row.name + " " + text(shapes));
      const auto seed = eg::Tensor<double>::randn(row.run(inputs).shape(), generator);
      EXPECT_NO_THROW(eg::gradcheck(gradients_of_row(row, seed), inputs));
    }
  }
}

// Line 23: mixed second derivatives do not depend on the order.
TEST(GradientTable, HasSymmetricHessians) {
  eg::Generator generator(24);
  for (const Row& row : table()) {
    SCOPED_TRACE(row.name);
    const List inputs = draw(row, row.shapes[std::min<std::size_t>(row.shapes.size() - 1, 2)], generator);
    const auto seed = eg::Tensor<double>::randn(row.run(inputs).shape(), generator);
    const auto blocks = eg::hessian([&](const List& x) { return sum(row.run(x) * seed); }, inputs);
    for (std::size_t i = 0; i < blocks.size(); ++i)
      for (std::size_t j = 0; j < blocks.size(); ++j)
        for (eg::Index a = 0; a < inputs[i].size(); ++a)
          for (eg::Index b = 0; b < inputs[j].size(); ++b) {
            const double one = blocks[i][j].data()[a * inputs[j].size() + b],
                         other = blocks[j][i].data()[b * inputs[i].size() + a];
            EXPECT_NEAR(one, other, 1e-12 * (1 + std::abs(one)));
          }
  }
}

// Gradients that do not depend on the input any more are zeros, not an error.
TEST(GradientTable, GivesZerosBeyondTheLastDerivative) {
  const auto x = eg::Tensor<double>{1, 2, 3};
  const auto h = eg::hessian([](const auto& v) { return sum(3 * v); }, x);
  EXPECT_EQ(h.shape(), (eg::Shape{3, 3}));
  for (const double number : h) EXPECT_EQ(number, 0);
}

}  // namespace gradients
