#include <gtest/gtest.h>

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/ops/join.hpp"
#include "eigengrad/ops/matmul.hpp"
#include "eigengrad/ops/softmax.hpp"
#include "eigengrad/ops/statistics.hpp"
#include "support/close.hpp"

// What the gradient table (dual_table.cpp) does not hold: single numbers, plain tensors beside dual ones, kinks.
namespace eg = eigengrad;
using Dual = eg::Dual<double>;
using Tensor = eg::Tensor<double>;
using support::close;

TEST(DualNumbers, MixWithPlainOnes) {
  Dual x(3, 1);
  EXPECT_EQ((2.0 * x * x - x / 2 + 1).tangent, 11.5);
  EXPECT_TRUE(x > 2 && 2 < x && x == 3 && x <= 3.5f);
  EXPECT_DOUBLE_EQ(exp(x).tangent, std::exp(3));
  EXPECT_EQ(eg::pow(Dual(-3, 1), 2).tangent, -6);  // the exponent's own slope is NaN here
  x += 1;
  x *= x;
  EXPECT_EQ(x.value, 16);
  EXPECT_EQ(x.tangent, 8);
}

TEST(DualNumbers, Nest) {
  using Second = eg::Dual<Dual>;
  const Second x(Dual(0.5, 1), Dual(1, 0));
  EXPECT_NEAR(sin(x).tangent.tangent, -std::sin(0.5), 1e-15);
  EXPECT_NEAR((x * x * x).tangent.tangent, 3, 1e-15);
  EXPECT_NEAR((x * Dual(2, 5)).tangent.tangent, 5, 1e-15);  // a shallower one is a constant to the outer direction
  const eg::Tensor<Second> t = eg::Tensor<Second>::full({3}, x);
  EXPECT_NEAR(eg::Tensor<Second>(exp(2 * t))(1).tangent.tangent, 4 * std::exp(1.0), 1e-14);
}

TEST(DualTensors, TakePlainOnesAsConstants) {
  const Tensor w = {{1, 2}, {3, 4}}, v = {{5, 6}, {7, 8}}, dx = {{1, -1}, {0.5, 2}};
  const auto x = eg::make_dual(v, dx);
  const eg::Parameter<double> p(w);
  const auto tangent = [](const auto& y) { return eg::tangent_part(eg::Tensor<Dual>(y)); };
  EXPECT_TRUE(close(tangent(w * x + w), Tensor(w * dx)));
  EXPECT_TRUE(close(tangent(x * p), Tensor(w * dx)));
  EXPECT_TRUE(close(tangent(square(w) * x), Tensor(w * w * dx)));
  EXPECT_TRUE(close(tangent(x * Dual(2, 3)), Tensor(2 * dx + 3 * v)));
  EXPECT_TRUE(close(tangent(w * Dual(2, 3)), Tensor(3 * w)));
  EXPECT_TRUE(close(tangent(matmul(x, p)), matmul(dx, w)));
  EXPECT_TRUE(close(tangent(matmul(w, x)), matmul(w, dx)));
  EXPECT_TRUE(close(tangent(matmul(w, Tensor{1, 2})), {0, 0}));
  EXPECT_TRUE(close(tangent(where(w > 2, x, w)), {0, 0, 0.5, 2}));
  EXPECT_TRUE(close(tangent(where(x > 5.5, w, x)), {1, 0, 0, 0}));
  EXPECT_TRUE(close(tangent(eg::concatenate({x, w})), {1, -1, 0.5, 2, 0, 0, 0, 0}));
  EXPECT_TRUE(close(tangent(eg::stack({w, x})), {0, 0, 0, 0, 1, -1, 0.5, 2}));
  EXPECT_TRUE(close(tangent(maximum(x, w)), dx));
  EXPECT_THROW(eg::concatenate<double>({x, w}), eg::TangentError);
  EXPECT_THROW(Tensor(x * w), eg::TangentError);
}

TEST(DualTensors, CastToDualOnes) {
  const auto x = eg::make_dual<double>({1.5, -2}, {3, 4});
  const eg::Tensor<eg::Dual<float>> y = eg::cast<float>(x);
  EXPECT_EQ(y(1).tangent, 4.f);
  const eg::Tensor<std::int64_t> whole = eg::cast<std::int64_t>(x);  // no derivative to lose
  EXPECT_EQ(whole(0), 1);
}

TEST(DualTensors, OfFloatsSumInDouble) {
  const auto x = eg::make_dual(eg::Tensor<float>::full({100000}, 0.1f), eg::Tensor<float>::full({100000}, 0.7f));
  EXPECT_NEAR(sum(x).item().tangent, 70000.f, 0.01f);
  EXPECT_NEAR(mean(eg::gelu(x)).item().value, 0.1f * 0.5398278f, 1e-6f);
  EXPECT_NEAR(eg::softmax(x)(7).value, 1e-5f, 1e-10f);
}

TEST(DualTensors, HaveTheDocumentedTangentAtKinks) {
  const auto zero = eg::make_dual<double>({0, 0}, {1, 2});
  EXPECT_EQ(norm(zero).item().tangent, 0);
  EXPECT_EQ(eg::std(zero).item().tangent, std::sqrt(0.5) * 0);
  constexpr double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(log_sum_exp(eg::make_dual<double>({-inf, -inf}, {1, 2})).item().tangent, 0);
  EXPECT_EQ(max(eg::make_dual<double>({1, 1}, {5, 6})).item().tangent, 5);  // of the first
}

TEST(DualTensors, MapsDifferentiateTwice) {
  const auto cube = [](const auto& x) { return eg::map("cube", [](auto v) { return v * v * v; }, x); };
  const eg::Parameter<Dual> x(eg::make_dual<double>({2, 3}, {1, 10}));
  eg::Tape tape;
  tape.backward(sum(cube(x)));
  EXPECT_TRUE(close(eg::value_part(x.grad()), {12, 27}));
  EXPECT_TRUE(close(eg::tangent_part(x.grad()), {12, 180}));  // 6 x times the direction
}

TEST(DualTensors, SeeEigen) {
  const Eigen::Matrix<Dual, 2, 1> source(Dual(1, 2), Dual(3, 4));
  const auto x = eg::Tensor<Dual>::from_eigen(source);
  EXPECT_EQ(x.matrix()(1, 0).tangent, 4);
}
