#include "eigengrad/ops/functions.hpp"

#include "eigengrad/transform/jacobian.hpp"
#include "specials.hpp"

// Numbers in comments are lines of the reliability list.
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using specials::check;

#define CHECK_FUNCTION(function, float_units)                                                                         \
  TEST(Functions, function) {                                                                                         \
    check<float>(                                                                                                     \
        #function, [](const auto& x) { return eg::function(x); }, [](long double x) { return std::function(x); },     \
        float_units);                                                                                                 \
    check<double>(                                                                                                    \
        #function, [](const auto& x) { return eg::function(x); }, [](long double x) { return std::function(x); }, 1); \
  }

// 29, 32: each as the standard library's, at zeros, denormals, ends, infinities and NaN.
CHECK_FUNCTION(exp, 3)
CHECK_FUNCTION(expm1, 3)
CHECK_FUNCTION(log, 3)
CHECK_FUNCTION(log1p, 4)
CHECK_FUNCTION(sqrt, 2)
CHECK_FUNCTION(sin, 4)
CHECK_FUNCTION(cos, 4)
CHECK_FUNCTION(tan, 4)
CHECK_FUNCTION(tanh, 4)
CHECK_FUNCTION(erf, 2)

// 29, 32: pow as std::pow, of all pairs.
TEST(Functions, pow) {
  const auto f = [](const auto& a, const auto& b) { return eg::pow(a, b); };
  specials::check_pairs<float>("pow", f, [](float a, float b) { return std::pow(a, b); }, 2);
  specials::check_pairs<double>("pow", f, [](double a, double b) { return std::pow(a, b); }, 1);
}

// 32: by name.
TEST(Functions, BeyondTheDomain) {
  const Tensor x = {0, -1};
  EXPECT_EQ(Tensor(sqrt(x))(0), 0);
  EXPECT_TRUE(std::isnan(Tensor(sqrt(x))(1)));
  EXPECT_EQ(Tensor(log(x))(0), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(Tensor(log(x))(1)));
  EXPECT_EQ(Tensor(pow(x, 0.0))(0), 1);
  EXPECT_EQ(Tensor(pow(x, -1.0))(0), std::numeric_limits<double>::infinity());
  EXPECT_EQ(Tensor(pow(2 * x, 3))(1), -8);
  EXPECT_TRUE(std::isnan(Tensor(pow(x, 0.5))(1)));
}

TEST(Functions, PowTakesNumbersOnEitherSide) {
  const Tensor x = {1, 2, 3};
  EXPECT_TRUE((Tensor(pow(x, 2)).array() == Tensor{1, 4, 9}.array()).all());
  EXPECT_TRUE((Tensor(pow(2, x)).array() == Tensor{2, 4, 8}.array()).all());
  EXPECT_TRUE((Tensor(pow(x, x)).array() == Tensor{1, 4, 27}.array()).all());
}

// Where the base or the exponent is 0, no 0 times infinity spoils the derivatives of the gradient.
TEST(Functions, PowHasSecondDerivativesAtZero) {
  const auto expect_hessian = [](double a, double b, const std::vector<double>& expected) {
    const std::vector<Tensor> at = {Tensor::full({}, a), Tensor::full({}, b)};
    const auto h = eg::hessian([](const std::vector<Tensor>& x) { return pow(x[0], x[1]); }, at);
    const std::vector<double> actual = {h[0][0].item(), h[0][1].item(), h[1][0].item(), h[1][1].item()};
    for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(actual[k], expected[k], 1e-15) << a << "^" << b << ", " << k;
  };
  expect_hessian(0, 2, {2, 0, 0, 0});
  expect_hessian(0, 3, {0, 0, 0, 0});
  expect_hessian(0.5, 0, {0, 2, 2, std::log(0.5) * std::log(0.5)});
  EXPECT_EQ(eg::hessian([](const auto& x) { return pow(x, 0); }, Tensor::full({}, 0)).item(), 0);
}

// The functions work on plain numbers and on dual numbers too.
TEST(Functions, OnNumbers) {
  EXPECT_EQ(eg::exp(0.0), 1);
  EXPECT_EQ(eg::tanh(0.5f), std::tanh(0.5f));
  const auto y = eg::exp(eg::Dual<double>(2, 1)) * 3;
  EXPECT_DOUBLE_EQ(y.value, 3 * std::exp(2));
  EXPECT_DOUBLE_EQ(y.tangent, 3 * std::exp(2));
}
