#include "eigengrad/ops/sum.hpp"

#include <gtest/gtest.h>

#include "eigengrad/autograd/tape.hpp"
#include "support/message.hpp"

// Numbers in comments are lines of the reliability list.
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;

namespace {

bool same(const Tensor& a, const Tensor& b) { return a.shape() == b.shape() && (a.array() == b.array()).all(); }

/// Sums by plain counting.
Tensor expected(const Tensor& x, const std::vector<eg::Index>& over, bool keepdims) {
  const eg::Shape& shape = x.shape();
  eg::Shape kept = shape, result;
  for (const eg::Index axis : over) kept.set(axis, 1);
  for (eg::Index axis = 0; axis < shape.rank(); ++axis)
    if (keepdims || std::find(over.begin(), over.end(), axis) == over.end()) result.push_back(kept[axis]);
  Tensor sums = Tensor::zeros(result);
  for (eg::Index element = 0; element < x.size(); ++element) {
    eg::Index rest = element, place = 0, stride = 1;
    for (eg::Index axis = shape.rank() - 1; axis >= 0; --axis) {
      if (kept[axis] != 1) place += rest % shape[axis] * stride;
      stride *= kept[axis];
      rest /= shape[axis];
    }
    sums.mutable_data()[place] += x.data()[element];
  }
  return sums;
}

}  // namespace

TEST(Sum, OverEverySetOfAxes) {
  for (const eg::Shape& shape : {eg::Shape{2, 3, 4, 5}, eg::Shape{1, 3, 1, 19}, eg::Shape{4, 1, 2, 1}}) {
    const Tensor x = Tensor::randint(-9, 9, shape);
    for (int mask = 1; mask < 16; ++mask)
      for (const bool keepdims : {false, true}) {
        std::vector<eg::Index> over;
        eg::Axes axes;
        for (eg::Index axis = 0; axis < 4; ++axis)
          if ((mask >> axis & 1) != 0) over.push_back(axis), axes.axes[axes.count++] = axis % 2 == 0 ? axis : axis - 4;
        EXPECT_TRUE(same(sum(x, axes, keepdims), expected(x, over, keepdims))) << eg::to_text(shape) << mask;
        EXPECT_TRUE(same(sum(2.0 * x - x, axes, keepdims), expected(x, over, keepdims))) << eg::to_text(shape) << mask;
      }
  }
}

TEST(Sum, AllAxesAndMeans) {
  const Tensor x = {{1, 2, 3}, {4, 5, 6}};
  EXPECT_EQ(sum(x).item(), 21);
  EXPECT_EQ(sum(x, {}, true).shape(), (eg::Shape{1, 1}));
  EXPECT_EQ(sum(Tensor::full({}, 3.)).item(), 3);
  EXPECT_TRUE(same(mean(x, 0), Tensor{2.5, 3.5, 4.5}));
  EXPECT_TRUE(same(mean(x * x, 1, true), Tensor{{14. / 3}, {77. / 3}}));
  const Tensor mask_sum = sum(x * x - x);
  EXPECT_EQ(mask_sum.item(), 70);
}

// Plain numbers, many rows: several rows are added at a time, and a last lane is read on into the next row.
TEST(Sum, OfManyRows) {
  for (const eg::Index rows : {127, 128, 129, 131, 300})
    for (const eg::Index columns : {1, 3, 15, 16, 17, 100, 131, 300}) {
      const Tensor x = Tensor::randint(-9, 9, {rows, columns});
      const eg::Tensor<float> floats = eg::cast<float>(x);
      std::vector<float> outside(floats.begin(), floats.end());
      const auto view = eg::Tensor<float>::view(outside.data(), floats.shape());
      for (const eg::Index axis : {0, 1})
        for (const bool keepdims : {false, true}) {
          const Tensor right = expected(x, {axis}, keepdims);
          EXPECT_TRUE(same(sum(x, axis, keepdims), right)) << eg::to_text(x.shape(), axis);
          EXPECT_TRUE(same(eg::cast<double>(sum(floats, axis, keepdims)), right)) << eg::to_text(x.shape(), axis);
          EXPECT_TRUE(same(eg::cast<double>(sum(view, axis, keepdims)), right)) << eg::to_text(x.shape(), axis);
        }
    }
}

TEST(Sum, Integers) {
  const eg::Tensor<std::int64_t> x = {{1, 2}, {3, 4}};
  EXPECT_EQ(sum(x, 0)(1), 6);
  EXPECT_EQ(sum(eg::Tensor<bool>{{true, false}, {true, true}}, 0)(0), 2);
}

// 24
TEST(Sum, Empty) {
  EXPECT_EQ(sum(Tensor::zeros({0, 3})).item(), 0);
  EXPECT_TRUE(same(sum(Tensor::zeros({0, 3}), 0), Tensor::zeros({3})));
  EXPECT_EQ(sum(Tensor::zeros({0, 3}), 1).shape(), (eg::Shape{0}));
  EXPECT_TRUE(std::isnan(mean(Tensor::zeros({0, 3})).item()));
}

// 26
TEST(Sum, RefusesAxesThatAreNotThere) {
  const Tensor x = Tensor::ones({2, 3});
  const std::string text = support::message_of<eg::IndexError>([&] { (void)sum(x, 2); });
  EXPECT_NE(text.find("sum: axis 2 of shape [2, 3]"), std::string::npos) << text;
  EXPECT_NE(text.find("(sum.cpp:"), std::string::npos) << text;
  EXPECT_THROW((void)sum(x, {0, -2}), eg::IndexError);
  EXPECT_THROW((void)mean(x, -3), eg::IndexError);
}

// 30
TEST(Sum, NanComesThrough) {
  Tensor x = Tensor::ones({3, 5});
  x.at(1, 4) = std::nan("");
  EXPECT_TRUE(std::isnan(sum(x).item()));
  EXPECT_TRUE(std::isnan(sum(x, 0)(4)) && sum(x, 0)(3) == 3);
  EXPECT_TRUE(std::isnan(sum(x, 1)(1)) && sum(x, 1)(2) == 5);
}

// 38: ten million floats of 0.1: the relative error is below 1e-6, along a row and down columns.
TEST(Sum, KeepsItsDigits) {
  const double tenth = 0.1f;
  const auto x = eg::Tensor<float>::full({10'000'000}, 0.1f);
  EXPECT_NEAR(static_cast<double>(sum(x).item()) / (tenth * 1e7), 1, 1e-6);
  EXPECT_NEAR(static_cast<double>(mean(x).item()) / tenth, 1, 1e-6);
  EXPECT_NEAR(static_cast<double>(sum(x * 1.f).item()) / (tenth * 1e7), 1, 1e-6);
  for (const eg::Index columns : {1, 3, 10, 64}) {
    const eg::Index rows = x.size() / columns;
    const auto sums = sum(kernel_access(x).alias({rows, columns}), 0);
    // Blocks of 128 rows are added up in float, which is worth at most 128 half units: 7.6e-6.
    for (const float number : sums) EXPECT_NEAR(number / (tenth * static_cast<double>(rows)), 1, 2e-6) << columns;
  }
  const auto inner = sum(kernel_access(x).alias({10, 1'000'000}), 1);
  for (const float number : inner) EXPECT_NEAR(number / (tenth * 1e6), 1, 1e-6);
}

// 38: and the gradients of broadcast operands, which are sums too: every way of being stretched, also in runs.
TEST(Sum, GradientsOfBroadcastOperandsKeepTheirDigits) {
  using Floats = eg::Tensor<float>;
  const auto x = Floats::full({2, 300'000, 4}, 0.1f);
  for (const eg::Shape& shape :
       {eg::Shape{}, eg::Shape{4}, eg::Shape{2, 1, 4}, eg::Shape{2, 1, 1}, eg::Shape{1, 300'000, 1}}) {
    const eg::Parameter<float> p(Floats::ones(shape)), row(Floats::ones({4}));
    eg::Tape tape;
    tape.backward(sum(((x * p) * row) * p));
    const double expected = 0.1f * 2400e3 / static_cast<double>(p.size());
    for (const float number : p.grad()) ASSERT_NEAR(number / (2 * expected), 1, 4e-6) << eg::to_text(shape);
    for (const float number : row.grad()) ASSERT_NEAR(number / (0.1f * 600e3), 1, 2e-6) << eg::to_text(shape);
  }
}
