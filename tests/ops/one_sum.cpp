#include <eigengrad/eigengrad.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "support/sanitizers.hpp"

// Lines 38 and 75 of the reliability list: every way of summing the same numbers gives the same sum, to the rounding of
// a float; and where it is the same numbers in the same order, the same bits.
namespace eg = eigengrad;

namespace {

using Tensor = eg::Tensor<float>;
using Tensor64 = eg::Tensor<double>;
// A tenth where sanitizers and no optimisation make it a minute's work.
constexpr eg::Index count = EIGENGRAD_ANY_SANITIZER ? 1'000'000 : 10'000'000, ten = 10;

/// The gradient of the sum of f(w) with respect to w.
template <class F>
Tensor gradient(const eg::Shape& shape, const F& f) {
  eg::Parameter<float> w(Tensor::zeros(shape));
  eg::Tape tape;
  tape.backward(sum(f(w)));
  return w.grad();
}
double first(const Tensor& x) { return static_cast<double>(x.data()[0]); }
Tensor stretched(const Tensor& x, const eg::Shape& shape) {
  return gradient(shape, [&](const auto& w) { return Tensor(w * x); });
}
Tensor broadcast(const Tensor& x, const eg::Shape& shape) {
  return gradient(shape, [&](const auto& w) { return Tensor(Tensor(broadcast_to(w, x.shape())) * x); });
}

/// x [count] summed in all ways that there are, the whole of it or every tenth; `exact` says how many units in the last
/// place they may be off.
void expect_every_way(const Tensor& x, double exact) {
  const eg::Index size = x.size();
  const Tensor tall = reshape(x, {size / ten, ten}), wide = reshape(x, {ten, size / ten});
  double all = 0, column = 0, row = 0, place = 0, squares = 0;
  for (eg::Index i = 0; i < size; ++i) {
    const auto number = static_cast<double>(x.data()[i]);
    all += number;
    squares += number * number;
    if (i % ten == 0) column += number;
    if (i < size / ten) row += number;
    if (i / 100 % ten == 0) place += number;
  }
  const auto expect = [&](double sum, double expected, const std::string& way) {
    EXPECT_NEAR(sum, expected, exact * std::ldexp(1.0, std::ilogb(expected) - 23)) << way;
  };
  expect(first(sum(x)), all, "sum");
  expect(first(mean(x)), all / static_cast<double>(size), "mean");
  expect(first(sum(x * 1)), all, "sum of a formula");
  expect(first(sum(tall, 0)), column, "sum over rows");
  expect(first(sum(wide, 1)), row, "sum along rows");
  expect(first(sum(tall * 1, 0)), column, "sum of a formula over rows");
  expect(first(sum(wide * 1, 1)), row, "sum of a formula along rows");
  expect(first(norm(x)), std::sqrt(squares), "norm");
  expect(first(stretched(x, {})), all, "formula, one number");
  expect(first(gradient({}, [&](const auto& w) { return Tensor(w * x + w * 0); })), all, "formula, twice");
  expect(first(stretched(tall, {ten})), column, "formula, over rows");
  expect(first(stretched(wide, {ten, 1})), row, "formula, along long rows");
  expect(first(stretched(tall, {})), all, "formula, along and over rows");
  expect(first(stretched(reshape(x, {size / 1000, ten, 100}), {1, ten, 1})), place, "formula, around an axis");
  expect(first(broadcast(x, {1})), all, "broadcast_to");
  expect(first(broadcast(tall, {ten})), column, "broadcast_to over rows");
  expect(first(broadcast(wide, {ten, 1})), row, "broadcast_to along rows");
  expect(first(broadcast(reshape(x, {size / 1000, ten, 100}), {1, ten, 1})), place, "broadcast_to around an axis");

  eg::Linear<float> layer(1, ten);
  eg::Tape tape;
  tape.backward(sum(Tensor(layer.forward(Tensor::ones({size / ten, 1})) * tall)));
  expect(first(layer.bias.grad()), column, "a bias");
  eg::Parameter<float> table(Tensor::zeros({1, ten}));
  eg::Tape next;
  next.backward(sum(Tensor(index_select(table, 0, eg::Tensor<std::int64_t>::zeros({size / ten})) * tall)));
  expect(first(table.grad()), column, "what was taken often");
}

}  // namespace

TEST(OneSum, EqualNumbersAreExact) { expect_every_way(Tensor::full({count}, 0.1f), 1); }
TEST(OneSum, RandomNumbersToTheLastDigit) { expect_every_way(Tensor::rand({1'000'000}), 2); }

// The rule of kernels/run_sums.hpp is one: the same numbers in the same order give the same bits. Only a formula adds
// up to 128 rows in their own type.
TEST(OneSum, TheSameBits) {
  for (const eg::Index rows : {1, 3, 4, 5, 64, 130, 1001})
    for (const eg::Index columns : {1, 5, 16, 64, 100, 1023, 20'000}) {
      const Tensor x = Tensor::randn({rows, columns}), all = reshape(x, {x.size()});
      const auto expect = [&](const Tensor& is, const Tensor& wanted, const char* way) {
        for (eg::Index i = 0; i < wanted.size(); ++i)
          ASSERT_EQ(is.data()[i], wanted.data()[i]) << way << ", " << rows << " x " << columns << " at " << i;
      };
      if (x.size() > 1) {
        expect(stretched(all, {}), sum(all), "formula");
        expect(broadcast(all, {1}), sum(all), "broadcast_to");
        expect(sum(all * 1), sum(all), "a formula's sum");
      }
      if (rows > 128 || columns == 1) expect(stretched(x, {columns}), sum(x, 0), "formula over rows");
      expect(broadcast(x, {columns}), sum(x, 0), "broadcast_to over rows");
      expect(stretched(x, {rows, 1}), sum(x, 1), "formula along rows");
      expect(broadcast(x, {rows, 1}), sum(x, 1), "broadcast_to along rows");
      eg::Linear<float> layer(1, columns);
      eg::Tape tape;
      tape.backward(layer.forward(Tensor::ones({rows, 1})), x);
      expect(layer.bias.grad(), sum(x, 0), "a bias");
    }
}
// Doubles are summed in two: what is lost without is found again.
TEST(OneSum, DoublesKeepWhatIsSmall) {
  const eg::Index size = 4099;
  auto x = eg::Tensor<double>::full({size}, 1.0);
  x.mutable_data()[0] = 1e17;
  x.mutable_data()[size - 1] = -1e17;
  eg::Parameter<double> one(eg::Tensor<double>::zeros({})), row(eg::Tensor<double>::zeros({1, 1}));
  eg::Tape tape;
  tape.backward(sum(Tensor64(one * x)) + sum(Tensor64(row * reshape(x, {size, 1}))));
  // The three that 1e17 meets in its own type are lost with it.
  EXPECT_NEAR(one.grad().data()[0], static_cast<double>(size - 2), 16);
  EXPECT_NEAR(row.grad().data()[0], static_cast<double>(size - 2), 16);
}
// What does not fill a lane counts once, whatever is behind it.
TEST(OneSum, OddRows) {
  for (const eg::Index rows : {1, 3, 130, 700})
    for (const eg::Index columns : {1, 2, 7, 15, 16, 17, 31, 64, 65, 250, 1023, 1024, 1025, 2100}) {
      const Tensor x = Tensor::rand({rows, columns});
      double all = 0;
      for (const float number : x) all += static_cast<double>(number);
      double by_rows = 0, by_columns = 0;
      for (const float number : stretched(x, {rows, 1})) by_rows += static_cast<double>(number);
      for (const float number : stretched(x, {columns})) by_columns += static_cast<double>(number);
      EXPECT_NEAR(by_rows, all, 3e-7 * (1 + all)) << rows << " x " << columns;
      EXPECT_NEAR(by_columns, all, 3e-7 * (1 + all)) << rows << " x " << columns;
      EXPECT_NEAR(first(stretched(x, {})), all, 3e-7 * (1 + all));
      // In two places of one formula, the other operand being stretched.
      const Tensor along = Tensor::rand({rows, 1});
      const eg::Parameter<float> other(along);
      const Tensor twice = gradient({rows, columns}, [&](const auto& w) { return Tensor(w * other + (x - w)); });
      for (eg::Index i = 0; i < rows; ++i)
        for (eg::Index j = 0; j < columns; ++j)
          ASSERT_EQ(twice(i, j), along(i, 0) - 1) << rows << " x " << columns << " at " << i << ", " << j;
    }
}
