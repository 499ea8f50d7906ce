#include "eigengrad/ops/activations.hpp"

#include "specials.hpp"

// Numbers in comments are lines of the reliability list.
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using specials::check;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity(),
                 not_a_number = std::numeric_limits<double>::quiet_NaN();

double at(const auto& f, double x) {
  const Tensor y = f(Tensor::full({9}, x));
  for (const double number : y) EXPECT_TRUE(number == y(0) || std::isnan(y(0)));  // in a lane as in its rest
  return y(0);
}
#define AT(function, x) at([](const Tensor& t) { return eg::function(t); }, x)

template <class T>
void check_all(double units) {
  check<T>("relu", [](const auto& x) { return relu(x); }, [](long double x) { return x <= 0 ? 0 : x; });
  check<T>(
      "leaky_relu", [](const auto& x) { return leaky_relu(x, 0.25); },
      [](long double x) { return x > 0 ? x : 0.25L * x; });
  check<T>("elu", [](const auto& x) { return elu(x); }, [](long double x) { return x > 0 ? x : std::expm1(x); }, units);
  check<T>(
      "softplus", [](const auto& x) { return softplus(x); },
      [](long double x) { return std::fmax(x, 0) + (std::isnan(x) ? x : std::log1p(std::exp(-std::abs(x)))); }, units);
}

}  // namespace

// 29
TEST(Activations, SpecialNumbers) {
  check_all<float>(4);
  check_all<double>(2);
}

// 33: far out the values are exact.
TEST(Activations, SigmoidAndTanhFarOut) {
  for (const double x : {40., 745., 1e4, infinity}) {
    EXPECT_EQ(AT(tanh, x), 1);
    EXPECT_EQ(AT(tanh, -x), -1);
    EXPECT_NEAR(AT(sigmoid, x), 1, x > 40 ? 0 : 1e-15);
    EXPECT_NEAR(AT(sigmoid, -x), std::exp(-x), x > 40 ? 0 : 1e-30);  // at 745 the smallest number there is
  }
  EXPECT_EQ(AT(sigmoid, 0), 0.5);
  EXPECT_NEAR(AT(sigmoid, -700) / std::exp(-700), 1, 1e-12);
  const auto far = eg::Tensor<float>(sigmoid(eg::Tensor<float>{-1e4, -200, -80, 0, 80, 1e4}));
  EXPECT_EQ(far(0), 0);
  EXPECT_NEAR(far(2) / std::exp(-80.f), 1, 1e-5);
  EXPECT_EQ(far(3), 0.5f);
  EXPECT_EQ(far(5), 1);
}

// 30: NaN stays NaN.
TEST(Activations, NanInNanOut) {
  EXPECT_TRUE(std::isnan(AT(relu, not_a_number)) && std::isnan(AT(leaky_relu, not_a_number)) &&
              std::isnan(AT(elu, not_a_number)) && std::isnan(AT(sigmoid, not_a_number)) &&
              std::isnan(AT(softplus, not_a_number)) && std::isnan(AT(gelu, not_a_number)) &&
              std::isnan(AT(silu, not_a_number)) && std::isnan(AT(tanh, not_a_number)));
  const auto y = eg::Tensor<float>(relu(eg::Tensor<float>::full({19}, std::nanf(""))));
  for (const float number : y) EXPECT_TRUE(std::isnan(number));
}

// 31: at zero.
TEST(Activations, AtZero) {
  EXPECT_EQ(AT(relu, 0), 0);
  EXPECT_EQ(AT(relu, -0.0), 0);
  EXPECT_EQ(AT(elu, 0), 0);
  EXPECT_EQ(AT(gelu, 0), 0);
  EXPECT_EQ(AT(silu, 0), 0);
  EXPECT_DOUBLE_EQ(AT(softplus, 0), std::log(2));
}

// 37
TEST(Activations, SoftplusDoesNotOverflow) {
  EXPECT_EQ(AT(softplus, -1000), 0);
  EXPECT_EQ(AT(softplus, 1000), 1000);
  EXPECT_EQ(AT(softplus, infinity), infinity);
  EXPECT_EQ(AT(softplus, -infinity), 0);
}

TEST(Activations, KnownValues) {
  EXPECT_NEAR(AT(gelu, 1), 0.84134474606854293, 1e-15);
  EXPECT_NEAR(AT(gelu, -1), -0.15865525393145707, 1e-15);
  EXPECT_NEAR(AT(silu, 1), 0.73105857863000490, 1e-15);
  EXPECT_NEAR(AT(elu, -1), std::expm1(-1), 1e-15);
  EXPECT_NEAR(AT(leaky_relu, -2), -0.02, 1e-16);
  EXPECT_EQ(AT(gelu, 1e4), 1e4);
  EXPECT_EQ(AT(gelu, -1e4), 0);
  EXPECT_EQ(AT(silu, -1e4), 0);
}
