// Derivatives through tensors without elements.
#include <gtest/gtest.h>

#include "eigengrad/ops/index.hpp"
#include "eigengrad/transform/jacobian.hpp"

namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;

namespace {

// What one element stretched to none, or none summed to one element, passes on is zero.
void expect_zeros(const auto& f) {
  const Tensor x = {2.0}, v = {3.0};
  EXPECT_EQ(eg::grad(f, x)(0), 0);
  EXPECT_EQ(eg::jvp(f, x, v).second(0), 0);
  EXPECT_EQ(eg::hvp(f, x, v)(0), 0);
}

}  // namespace

TEST(Nothing, HasDerivativesOfZero) {
  expect_zeros([](const auto& x) { return sum(slice(x, 0, 0, 0), {}, true); });
  expect_zeros([](const auto& x) { return sum(square(slice(x, 0, 1, 1)), 0, true); });
  expect_zeros([](const auto& x) { return sum(broadcast_to(x, {0}), {}, true); });
  expect_zeros([](const auto& x) { return sum(exp(x) * Tensor::ones({0}), 0, true); });
}
