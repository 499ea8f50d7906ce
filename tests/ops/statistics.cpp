#include <eigengrad/ops/statistics.hpp>

#include <eigengrad/eigengrad.hpp>

#include "support/numeric.hpp"

namespace eg = eigengrad;
using eg::Shape;
using eg::Tensor;

// The documented way to a squared norm, and to a part without what it leaves out.
TEST(Norm, ItsSquareAtZeroIsWrittenAsASum) {
  const auto hessian = eg::hessian([](const auto& x) { return sum(square(x)); }, Tensor<double>{0, 0});
  EXPECT_EQ(hessian(0, 0), 2);
  EXPECT_EQ(hessian(0, 1), 0);
  EXPECT_EQ(eg::hessian([](const auto& x) { return square(eg::norm(x)); }, Tensor<double>{0, 0})(0, 0), 0)
      << "as docs/numerics.md says";
}
TEST(Norm, APartIsTakenBeforeItIsComputedWith) {
  const Tensor<double> x = {4, 0};
  const Tensor<double> after = eg::grad([](const auto& v) { return select(sqrt(v), 0, 0); }, x);
  EXPECT_TRUE(std::isnan(after(1)));
  const Tensor<double> before = eg::grad([](const auto& v) { return Tensor<double>(sqrt(select(v, 0, 0))); }, x);
  EXPECT_EQ(before(0), 0.25);
  EXPECT_EQ(before(1), 0);
}

TEST(Var, EqualsTheDefinition) {
  const Tensor<double> x = {{1, 2, 4}, {3, 3, 9}};
  EXPECT_DOUBLE_EQ(eg::var(Tensor<double>{1, 2, 4}).item(), 7.0 / 3);
  EXPECT_DOUBLE_EQ(eg::var(Tensor<double>{1, 2, 4}, {}, {.correction = 0}).item(), 14.0 / 9);
  EXPECT_DOUBLE_EQ(eg::var(x, 1)(1), 12);
  expect_tensor<double>(eg::var(x, 0, {.correction = 0, .keepdims = true}), {1, 3}, {1, 0.25, 6.25});
  expect_tensor<double>(eg::std(x, 0, {.correction = 0}), {3}, {1, 0.5, 2.5});
  EXPECT_EQ(eg::std(x, {0, 1}, {.keepdims = true}).shape(), (Shape{1, 1}));
  EXPECT_EQ(eg::std(x, {0, 1}, true).shape(), (Shape{1, 1}));
  expect_tensor<double>(eg::var(x, 0, true), {1, 3}, {2, 0.5, 12.5});
  EXPECT_EQ(eg::std(Tensor<double>::full({5}, 0.1)).item(), 0);
  EXPECT_THROW(eg::var(x, 2), eg::IndexError);
}

TEST(Var, KeepsDigitsFarFromZero) {
  const Tensor<float> x = {10000001, 10000002, 10000003};
  EXPECT_EQ(eg::var(x).item(), 1);
}

TEST(Var, OfTooFewIsNan) {
  EXPECT_TRUE(std::isnan(eg::var(Tensor<double>{3}).item()));
  EXPECT_EQ(eg::var(Tensor<double>{3}, {}, {.correction = 0}).item(), 0);
  EXPECT_TRUE(std::isnan(eg::var(Tensor<double>()).item()));
  EXPECT_EQ(eg::var(Tensor<double>::zeros({0, 3}), 1).shape(), (Shape{0}));
}

TEST(Norm, IsEuclidean) {
  const Tensor<double> x = {{3, 4}, {0, 0}, {-5, 12}};
  expect_tensor<double>(eg::norm(x, 1), {3}, {5, 0, 13});
  expect_tensor<double>(eg::norm(x, 1, true), {3, 1}, {5, 0, 13});
  EXPECT_DOUBLE_EQ(eg::norm(x).item(), std::sqrt(194.0));
  EXPECT_EQ(eg::norm(Tensor<double>()).item(), 0);
  expect_tensor<double>(eg::norm(Tensor<double>::zeros({2, 0}), 1), {2}, {0, 0});
  EXPECT_EQ(eg::norm(Tensor<double>::zeros({0, 2}), 1).shape(), (Shape{0}));
  EXPECT_THROW(eg::norm(x, 2), eg::IndexError);
}

TEST(Norm, NeitherOverflowsNorVanishes) {
  EXPECT_DOUBLE_EQ(eg::norm(Tensor<double>{3e200, 4e200}).item(), 5e200);
  EXPECT_DOUBLE_EQ(eg::norm(Tensor<double>{3e-200, 4e-200}).item(), 5e-200);
  EXPECT_FLOAT_EQ(eg::norm(Tensor<float>{3e30f, 4e30f}).item(), 5e30f);
  expect_tensor<double>(eg::norm(Tensor<double>{{0, 4e200}, {0, 0}, {3, 4}}, 1), {3}, {4e200, 0, 5});
  const double infinity = std::numeric_limits<double>::infinity(),
               not_a_number = std::numeric_limits<double>::quiet_NaN();
  expect_tensor<double>(eg::norm(Tensor<double>{{infinity, 1}, {not_a_number, 1}}, 1), {2}, {infinity, not_a_number});
}

TEST(StatisticsGradients, AgreeWithDifferences) {
  for (const Shape& shape : {Shape{5}, Shape{1, 5}, Shape{5, 1}, Shape{4, 17}, Shape{2, 3, 4}}) {
    const auto x = Tensor<double>::randn(shape);
    for (eg::Index axis = -1; axis <= shape.rank(); ++axis) {
      const eg::Axes axes = axis == shape.rank() ? eg::Axes() : eg::Axes(axis);
      expect_gradient([=](const auto& v) { return eg::norm(v, axes); }, x, "norm");
      expect_gradient([=](const auto& v) { return eg::var(v, axes, {.correction = 0}); }, x, "var");
      if (eg::Reduced(shape, axes, false, "", {}).count == 1) continue;
      expect_gradient([=](const auto& v) { return eg::var(v, axes, {.keepdims = true}); }, x, "var");
      expect_gradient([=](const auto& v) { return eg::std(v, axes); }, x, "std");
      expect_gradient([=](const auto& v) { return eg::std(v, axes, {.correction = 0, .keepdims = true}); }, x, "std");
    }
  }
  const auto x = Tensor<double>::randn({2, 3, 4});
  expect_gradient([](const auto& v) { return eg::norm(v, {0, 2}); }, x, "norm");
  expect_gradient([](const auto& v) { return eg::std(v, {0, 2}); }, x, "std");
}

TEST(StatisticsGradients, AreZeroAtTheKinks) {
  const eg::Parameter<double> p(Tensor<double>::zeros({3}));
  {
    eg::Tape tape;
    tape.backward(eg::norm(p));
    expect_tensor<double>(p.grad(), {3}, {0, 0, 0});
    p.zero_grad();
  }
  eg::Tape tape;
  tape.backward(eg::std(p));
  expect_tensor<double>(p.grad(), {3}, {0, 0, 0});
}
