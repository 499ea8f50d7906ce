#include "eigengrad/ops/map.hpp"

#include <gtest/gtest.h>

#include "eigengrad/autograd/gradcheck.hpp"
#include "eigengrad/ops/sum.hpp"
#include "support/message.hpp"

namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;

namespace {

const auto gelu = [](auto x) { return 0.5 * x * (1 + tanh(0.79788456 * (x + 0.044715 * x * x * x))); };
const auto distance = [](auto a, auto b) { return sqrt(a * a + b * b); };
Tensor random(const eg::Shape& shape) {
  eg::Generator generator(3);
  return Tensor::randn(shape, generator);
}

}  // namespace

TEST(Map, IsOnePassAndOneRecord) {
  const eg::Parameter<double> x(random({5, 7}));
  eg::Tape tape;
  const Tensor y = eg::map("my_gelu", gelu, x);
  EXPECT_EQ(tape.operations(), std::vector<std::string>{"my_gelu"});
  for (eg::Index i = 0; i < 35; ++i) {
    const double t = x.value().data()[i];
    EXPECT_NEAR(y.data()[i], 0.5 * t * (1 + std::tanh(0.79788456 * (t + 0.044715 * t * t * t))), 1e-15);
  }
}

// Lines 1, 4 of the reliability list, for functions of one's own; and the formula of the same text gives the same.
TEST(Map, GradientComesFromDualNumbers) {
  eg::gradcheck([](const auto& x) { return eg::map("gelu", gelu, x); }, random({3, 19}));
  eg::gradcheck([](const auto& a, const auto& b) { return eg::map("distance", distance, a, b); }, random({4, 5}),
                random({5}));
  eg::gradcheck([](const auto& a, const auto& b) { return sum(eg::map("distance", distance, a, b * 2.0) * a, 0); },
                random({4, 1}), random({3}));
  const Tensor x = random({41});
  const eg::Parameter<double> mapped(x), formula(x);
  eg::Tape tape;
  tape.backward(sum(eg::map("gelu", gelu, mapped)) + sum(gelu(formula.to_tensor())));
  EXPECT_LE((mapped.grad().array() - formula.grad().array()).abs().maxCoeff(), 1e-14);
}

TEST(Map, MixesWithFormulas) {
  const Tensor x = random({4, 4});
  const Tensor y = eg::map("gelu", gelu, x + 1) * 2 - x;
  EXPECT_LE((y.array() - (2 * Tensor(gelu(x + 1.0)).array() - x.array())).abs().maxCoeff(), 1e-14);
  EXPECT_EQ(Tensor(eg::map("gelu", gelu, Tensor::zeros({0, 3}))).shape(), (eg::Shape{0, 3}));
}

TEST(Map, FunctionsWithConditions) {
  const auto leaky = [](auto x) { return where(x > 0, x, 0.1 * x); };
  const auto capture = [slope = 0.25](auto x) { return maximum(x, slope * x); };
  eg::gradcheck([&](const auto& x) { return eg::map("leaky", leaky, x); }, random({31}));
  eg::gradcheck([&](const auto& x) { return eg::map("capture", capture, x); }, random({31}));
}

TEST(Map, NamesItselfInErrors) {
  const std::string text = support::message_of<eg::ShapeError>(
      [&] { (void)eg::map("distance", distance, Tensor::ones({2}), Tensor::ones({3})); });
  EXPECT_NE(text.find("distance: shapes [2] and [3]"), std::string::npos) << text;
}
