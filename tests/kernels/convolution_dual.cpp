#include "convolution_reference.hpp"

#include <gtest/gtest.h>

#include "eigengrad/ops/arithmetic.hpp"

namespace eg = eigengrad;

namespace {

using Dual = eg::Dual<double>;
using Numbers = std::vector<double>;

std::vector<Dual> duals(const Numbers& values, const Numbers& tangents) {
  std::vector<Dual> result(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) result[i] = Dual(values[i], tangents[i]);
  return result;
}
void expect_tangents(const std::vector<Dual>& found, const Numbers& value, const Numbers& a, const Numbers& b) {
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(found[i].value, value[i]) << i;
    ASSERT_EQ(found[i].tangent, a[i] + b[i]) << i;
  }
}

}  // namespace

// Dual numbers go through the same code, one at a time: a product's tangent is that of each factor in turn.
TEST(Convolution, DualNumbers) {
  std::mt19937 random(8);
  const auto next = [&] { return static_cast<int>(random() % 7) - 3; };
  for (const eg::ConvolutionShape& shape : reference::shapes(40, 15)) {
    const reference::Case<double> c(shape, next), t(shape, next);
    reference::Case<double> in_weight = c, in_x = c;  // one operand's tangent in its place
    in_weight.weight = t.weight;
    in_x.x = t.x;
    in_x.dy = t.dy;
    const reference::Results plain = expected(c), by_weight = expected(in_weight), by_x = expected(in_x);
    const std::vector<Dual> x = duals(c.x, t.x), weight = duals(c.weight, t.weight), dy = duals(c.dy, t.dy);
    std::vector<Dual> y(dy.size()), dx(x.size()), dw(weight.size());
    eg::convolution_forward<Dual>(shape, x.data(), weight.data(), y.data());
    eg::convolution_input_gradient<Dual>(shape, dy.data(), weight.data(), dx.data());
    eg::convolution_weight_gradient<Dual>(shape, x.data(), dy.data(), dw.data());
    SCOPED_TRACE(reference::name(shape));
    expect_tangents(y, plain.y, by_weight.y, by_x.y);
    expect_tangents(dx, plain.dx, by_weight.dx, by_x.dx);
    reference::Case<double> in_dy = c;
    in_dy.dy = t.dy;
    in_x.dy = c.dy;
    expect_tangents(dw, plain.dw, expected(in_x).dw, expected(in_dy).dw);
    if (HasFatalFailure()) return;
  }
}
