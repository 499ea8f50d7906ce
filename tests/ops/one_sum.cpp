#include <eigengrad/eigengrad.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "support/sanitizers.hpp"

// Every way of summing the same ten million numbers gives the same sum, to the rounding of a float; what a formula
// stretched gathers 128 terms in its own type first.
namespace eg = eigengrad;

namespace {

using Tensor = eg::Tensor<float>;
// A tenth where sanitizers and no optimisation make it a minute's work.
constexpr eg::Index count = EIGENGRAD_ANY_SANITIZER ? 1'000'000 : 10'000'000, ten = 10;
const double exact = static_cast<double>(0.1f) * static_cast<double>(count);

/// `share` of the whole sum.
void expect_share(double sum, double share, const std::string& way) {
  EXPECT_NEAR(sum / share, exact, (way.rfind("formula", 0) == 0 ? 3e-6 : 2e-7) * exact) << way;
}
/// The gradient of the sum of f(w) with respect to w.
template <class F>
Tensor gradient(const eg::Shape& shape, const F& f) {
  eg::Parameter<float> w(Tensor::zeros(shape));
  eg::Tape tape;
  tape.backward(sum(f(w)));
  return w.grad();
}
double first(const Tensor& x) { return static_cast<double>(x.data()[0]); }

}  // namespace

TEST(OneSum, EveryWayGivesTheSame) {
  const Tensor x = Tensor::full({count}, 0.1f), tall = reshape(x, {count / ten, ten}),
               wide = reshape(x, {ten, count / ten});
  expect_share(first(sum(x)), 1, "sum");
  expect_share(first(mean(x)) * static_cast<double>(count), 1, "mean");
  expect_share(first(sum(tall, 0)), 0.1, "sum over rows");
  expect_share(first(sum(wide, 1)), 0.1, "sum along rows");
  expect_share(std::pow(first(norm(Tensor::full({count}, std::sqrt(0.1f)))), 2), 1, "norm");
  expect_share(first(gradient({1}, [&](const auto& w) { return Tensor(w * x); })), 1, "formula, one number");
  expect_share(first(gradient({}, [&](const auto& w) { return Tensor(w * x + w * 0); })), 1, "formula, twice");
  expect_share(first(gradient({1}, [&](const auto& w) { return Tensor(Tensor(broadcast_to(w, {count})) * x); })), 1,
               "broadcast_to");
  expect_share(first(gradient({ten}, [&](const auto& w) { return Tensor(w * tall); })), 0.1, "formula, over rows");
  expect_share(first(gradient({count / ten, 1}, [&](const auto& w) { return Tensor(w * tall); })), 1e-6,
               "formula, along short rows");
  expect_share(first(gradient({ten, 1}, [&](const auto& w) { return Tensor(w * wide); })), 0.1,
               "formula, along long rows");
  expect_share(first(gradient({1, ten, 1},
                              [&](const auto& w) { return Tensor(w * Tensor(reshape(x, {count / 1000, ten, 100}))); })),
               0.1, "formula, along and over rows");
  expect_share(
      first(gradient({ten}, [&](const auto& w) { return Tensor(Tensor(broadcast_to(w, tall.shape())) * tall); })), 0.1,
      "broadcast_to over rows");

  eg::Linear<float> layer(1, ten);
  eg::Tape tape;
  tape.backward(sum(Tensor(layer.forward(Tensor::ones({count / ten, 1})) * tall)));
  expect_share(first(layer.bias.grad()), 0.1, "a bias");
}
// What does not fill a lane counts once, whatever is behind it.
TEST(OneSum, OddRows) {
  for (const eg::Index rows : {1, 3, 130, 700})
    for (const eg::Index columns : {1, 2, 7, 15, 16, 17, 31, 64, 65, 250, 1023, 1024, 1025, 2100}) {
      const Tensor x = Tensor::rand({rows, columns});
      double all = 0;
      for (const float number : x) all += static_cast<double>(number);
      double by_rows = 0, by_columns = 0;
      for (const float number : gradient({rows, 1}, [&](const auto& w) { return Tensor(w * x); }))
        by_rows += static_cast<double>(number);
      for (const float number : gradient({columns}, [&](const auto& w) { return Tensor(w * x); }))
        by_columns += static_cast<double>(number);
      EXPECT_NEAR(by_rows, all, 2e-6 * (1 + all)) << rows << " x " << columns;
      EXPECT_NEAR(by_columns, all, 2e-6 * (1 + all)) << rows << " x " << columns;
      EXPECT_NEAR(first(gradient({}, [&](const auto& w) { return Tensor(w * x); })), all, 2e-6 * (1 + all));
      // In two places of one formula, the other operand being stretched.
      const Tensor along = Tensor::rand({rows, 1});
      const eg::Parameter<float> stretched(along);
      const Tensor twice = gradient({rows, columns}, [&](const auto& w) { return Tensor(w * stretched + (x - w)); });
      for (eg::Index i = 0; i < rows; ++i)
        for (eg::Index j = 0; j < columns; ++j)
          ASSERT_EQ(twice(i, j), along(i, 0) - 1) << rows << " x " << columns << " at " << i << ", " << j;
    }
}
