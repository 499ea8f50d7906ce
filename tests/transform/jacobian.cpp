#include "eigengrad/transform/jacobian.hpp"

#include <gtest/gtest.h>

#include "eigengrad/ops/matmul.hpp"
#include "support/close.hpp"

namespace eg = eigengrad;
using support::expect_error;
using Tensor = eg::Tensor<double>;

namespace {

const Tensor point{0.3, -0.7, 1.2}, direction{1, 2, 3};
const auto f = [](const auto& x) { return sum(x * x * x) * sum(x); };
const auto F = [](const auto& x) { return sin(x) * sum(x); };
/// [3] -> [9], taller than wide.
const auto outer = [](const auto& x) { return reshape(matmul(reshape(x, {3, 1}), reshape(x, {1, 3})), {9}); };

/// F's Jacobian by hand: cos(x_i) s delta_ij + sin(x_i).
double jacobian_of_F(eg::Index i, eg::Index j) {
  const double s = point(0) + point(1) + point(2);
  return (i == j ? std::cos(point(i)) * s : 0) + std::sin(point(i));
}
/// f's Hessian by hand: f = C S with C = sum x^3, S = sum x.
double hessian_of_f(eg::Index i, eg::Index j) {
  const double s = point(0) + point(1) + point(2);
  return (i == j ? 6 * point(i) * s : 0) + 3 * point(i) * point(i) + 3 * point(j) * point(j);
}

}  // namespace

TEST(Jacobian, IsTheSameByRowsAndByColumns) {
  for (const auto mode : {eg::JacobianMode::automatic, eg::JacobianMode::reverse, eg::JacobianMode::forward}) {
    const Tensor j = eg::jacobian(F, point, mode);
    EXPECT_EQ(j.shape(), (eg::Shape{3, 3}));
    for (eg::Index a = 0; a < 3; ++a)
      for (eg::Index b = 0; b < 3; ++b) EXPECT_NEAR(j(a, b), jacobian_of_F(a, b), 1e-14);
    const Tensor tall = eg::jacobian(outer, point, mode);
    EXPECT_EQ(tall.shape(), (eg::Shape{9, 3}));
    EXPECT_NEAR(tall(1, 0), point(1), 1e-15);
    EXPECT_NEAR(tall(4, 1), 2 * point(1), 1e-15);
  }
}

TEST(Jacobian, HasTheShapesOneAfterTheOther) {
  const Tensor x = Tensor::rand({2, 3});
  EXPECT_EQ(eg::jacobian([](const auto& v) { return sum(v * v, 1); }, x).shape(), (eg::Shape{2, 2, 3}));
  EXPECT_EQ(eg::jacobian([](const auto& v) { return sum(v * v); }, x).shape(), (eg::Shape{2, 3}));
  EXPECT_EQ(eg::jacobian([](const auto& v) { return v * v; }, Tensor::zeros({0, 3})).shape(), (eg::Shape{0, 3, 0, 3}));
  expect_error<eg::ShapeError>(
      [] { eg::jacobian([](const auto& v) { return v * v; }, Tensor::zeros({1, 1, 1, 1, 1})); },
      {"jacobian", "[1, 1, 1, 1, 1]", "8 axes", "flatten"});
}

TEST(Jacobian, OfAListIsAList) {
  const std::vector<Tensor> x{{1, 2}, {3, 4, 5}};
  const auto both = eg::jacobian([](const std::vector<Tensor>& v) { return v[0] * sum(v[1]); }, x);
  EXPECT_EQ(both[0].shape(), (eg::Shape{2, 2}));
  EXPECT_EQ(both[1].shape(), (eg::Shape{2, 3}));
  EXPECT_EQ(both[0](1, 1), 12);
  EXPECT_EQ(both[1](1, 2), 2);
}

TEST(Jvp, IsTheJacobianTimesAVector) {
  const auto [out, tangent] = eg::jvp(F, point, direction);
  EXPECT_EQ(out.shape(), point.shape());
  const auto [linear_out, push] = eg::linearize(F, point);
  for (eg::Index i = 0; i < 3; ++i) {
    double expected = 0;
    for (eg::Index j = 0; j < 3; ++j) expected += jacobian_of_F(i, j) * direction(j);
    EXPECT_NEAR(tangent(i), expected, 1e-14);
    EXPECT_EQ(push(direction)(i), tangent(i));
    EXPECT_EQ(linear_out(i), out(i));
  }
  expect_error<eg::ShapeError>([] { eg::jvp(F, point, Tensor{1, 2}); }, {"jvp", "[3]", "[2]", "jacobian.cpp"});
}

TEST(Vjp, PullsBackAsOftenAsOneLikes) {
  const auto [out, pullback] = eg::vjp(F, point);
  EXPECT_EQ(out.shape(), point.shape());
  for (int again = 0; again < 2; ++again)
    for (eg::Index j = 0; j < 3; ++j) {
      double expected = 0;
      for (eg::Index i = 0; i < 3; ++i) expected += jacobian_of_F(i, j) * direction(i);
      EXPECT_NEAR(pullback(direction)(j), expected, 1e-14);
    }
  expect_error<eg::ShapeError>([&back = pullback] { back(Tensor{1, 2}); }, {"vjp", "[3]", "[2]"});
}

TEST(Vjp, SaysWhenItsTapeHasEnded) {
  const auto pullback = [] {
    const eg::Tape tape;
    return eg::vjp(F, point).second;
  }();
  expect_error<eg::GradientError>([&] { pullback(direction); }, {"vjp", "ended"});
}

TEST(Hessian, IsAllSecondDerivatives) {
  const Tensor h = eg::hessian(f, point);
  EXPECT_EQ(h.shape(), (eg::Shape{3, 3}));
  for (eg::Index i = 0; i < 3; ++i) {
    double product = 0;
    for (eg::Index j = 0; j < 3; ++j) {
      EXPECT_NEAR(h(i, j), hessian_of_f(i, j), 1e-13);
      product += hessian_of_f(i, j) * direction(j);
    }
    EXPECT_NEAR(eg::hvp(f, point, direction)(i), product, 1e-13);
  }
  EXPECT_EQ(eg::hessian([](const auto& x) { return sum(x * x); }, Tensor::ones({2, 3})).shape(),
            (eg::Shape{2, 3, 2, 3}));
}

TEST(Hessian, RefusesMoreThanOneNumberAndVectorsThatDoNotFit) {
  expect_error<eg::ShapeError>([] { eg::hessian(F, point); }, {"hessian", "[3]", "jacobian"});
  expect_error<eg::ShapeError>([] { eg::hvp(F, point, direction); }, {"hvp", "[3]"});
  expect_error<eg::ShapeError>([] { eg::hvp(f, point, Tensor{1}); }, {"hvp", "[3]", "[1]"});
}

// The third derivative: a Hessian inside a recorded function.
TEST(Hessian, CanBeDifferentiated) {
  const auto cube = [](const auto& x) { return sum(x * x * x); };
  const Tensor g = eg::grad([&](const auto& x) { return sum(eg::hessian(cube, x)); }, point);
  for (const double number : g) EXPECT_NEAR(number, 6, 1e-13);
}
