// Lines 38, 65 and 75 of the reliability list: whatever sums is accurate to the bound of docs/numerics.md, and a mean is
// the mean.
#include <eigengrad/eigengrad.hpp>

#include <gtest/gtest.h>

namespace eg = eigengrad;
using F = eg::Tensor<float>;
using D = eg::Tensor<double>;
using I = eg::Tensor<std::int64_t>;

namespace {

// The gradient of a parameter of `shape` under `loss`, each number of which should be `expected`.
template <class Loss>
void expect_gradient(const char* what, const eg::Shape& shape, float expected, const Loss& loss) {
  const eg::Parameter<float> p(F::zeros(shape));
  eg::Tape tape;
  tape.backward(loss(p));
  for (const float g : p.grad()) EXPECT_NEAR(g, expected, 4e-6f * expected) << what;
}

template <class T>
void expect_mean_of_equal_numbers(T number) {
  for (eg::Index n = 1; n < 700; n += n < 70 ? 1 : 37) {
    SCOPED_TRACE(n);
    const auto x = eg::Tensor<T>::full({n}, number);
    const auto rows = eg::Tensor<T>::full({3, n}, number), columns = eg::Tensor<T>::full({n, 3}, number);
    const auto cube = eg::Tensor<T>::full({n, 2, 3}, number);
    EXPECT_EQ(mean(x).item(), number);
    EXPECT_EQ(eg::Tensor<T>(mean(1 * x)).item(), number) << "a formula's";
    for (const auto& means : {mean(rows, 1), mean(columns, 0), mean(cube, {0, 2}), mean(cube, {1, 2}), mean(cube, 0)})
      for (const T m : means) EXPECT_EQ(m, number);
    for (const auto& spreads : {var(x, {}, {.correction = 0}), var(rows, 1, {.correction = 0}),
                                var(columns, 0, {.correction = 0}), eg::std(cube, {0, 2}, {.correction = 0})})
      for (const T s : spreads) EXPECT_EQ(s, T(0));
    EXPECT_EQ(eg::l1_loss(x, eg::Tensor<T>::zeros({n})).to_tensor().item(), std::abs(number));
    EXPECT_EQ(eg::r2_score(x, x), 1);
    if (std::abs(number) > T(1e-15)) {
      EXPECT_EQ(eg::r2_score(eg::Tensor<T>(2 * x), x), 0) << "of a constant target that is missed";
    }
  }
}

}  // namespace

TEST(Sums, TheMeanOfEqualNumbersIsThatNumber) {
  for (const double number : {1.0, 0.1, 1.0 / 3, 14.62, -7.7, 1e8 + 0.1, 1e150, 1e-14})
    expect_mean_of_equal_numbers<double>(number);
  for (const float number : {1.f, 0.1f, 1.f / 3, 14.62f, -7.7f, 1e8f, 1e15f, 1e-14f})
    expect_mean_of_equal_numbers<float>(number);
}

TEST(Sums, TheMeanOfRecordedAndDualNumbers) {
  for (const eg::Index n : {3, 7, 15, 49, 300, 1001}) {
    const eg::Parameter<float> p(F::full({n}, 0.1f));
    eg::Tape tape;
    const F m = mean(p);
    EXPECT_EQ(m.item(), 0.1f);
    tape.backward(m);
    EXPECT_EQ(p.grad()(0), 1.f / static_cast<float>(n));
    EXPECT_DOUBLE_EQ(eg::value_part(mean(eg::make_dual(D::full({n}, 0.1), D::ones({n})))).item(), 0.1);
  }
}

TEST(Sums, VarianceFarFromZero) {
  for (const float offset : {0.f, 1e5f, 1e6f, 1e7f}) {
    const F x{offset, offset + 1, offset + 2, offset + 3};
    EXPECT_FLOAT_EQ(var(x, {}, {.correction = 0}).item(), 1.25f) << offset;
    EXPECT_FLOAT_EQ(eg::std(x).item(), std::sqrt(5.f / 3)) << offset;
    const eg::Parameter<float> p(x);
    eg::Tape tape;
    tape.backward(var(p, {}, {.correction = 0}));
    for (eg::Index i = 0; i < 4; ++i) EXPECT_FLOAT_EQ(p.grad()(i), 0.5f * (static_cast<float>(i) - 1.5f)) << offset;
  }
  EXPECT_FLOAT_EQ(var(F{1e7f, 1e7f + 1, 1e7f + 2}, {}, {.correction = 0}).item(), 2.f / 3);
  for (const double offset : {1e5, 1e8, 1e12, 4e15}) {
    const D x{{offset, offset + 1}, {offset + 2, offset + 3}};
    EXPECT_DOUBLE_EQ(var(x, {}, {.correction = 0}).item(), 1.25) << offset;
    EXPECT_DOUBLE_EQ(var(x, 0)(1), 2) << offset;
  }
  const auto hessian = eg::hessian([](const auto& x) { return var(x, {}, {.correction = 0}); }, D{1e8, 1e8 + 1});
  EXPECT_DOUBLE_EQ(hessian(0, 0), 0.5);
  EXPECT_DOUBLE_EQ(hessian(0, 1), -0.5);
}

// 0.1f over 10^6 to 10^7 terms: a plain loop of floats is off by up to 9 %.
TEST(Sums, ManySmallTermsKeepTheirDigits) {
  constexpr eg::Index many = 3'000'000;
  constexpr float total = 3e5f;
  const F x = F::full({many}, 0.1f), wide = F::full({many / 3, 3}, 0.1f), cube = F::full({many / 6, 2, 3}, 0.1f);
  for (const float s : {sum(x).item(), sum(sum(wide, 0)).item(), sum(1 * x).item(), sum(wide).item()})
    EXPECT_NEAR(s, total, 1);
  for (const float s : sum(wide, 0)) EXPECT_NEAR(s, total / 3, 0.4f);
  for (const float s : sum(cube, {0, 2})) EXPECT_NEAR(s, total / 2, 0.6f) << "two places in turn";
  for (const float s : sum(1 * cube, {0, 2})) EXPECT_NEAR(s, total / 2, 0.6f);
  expect_gradient("broadcast_to", {1}, total, [&](auto& p) { return sum(eg::broadcast_to(p, {many}) * 0.1f); });
  expect_gradient("broadcast_to of rows", {3}, total / 3,
                  [&](auto& p) { return sum(eg::broadcast_to(p, {many / 3, 3}) * 0.1f); });
  expect_gradient("formula", {1}, total, [&](auto& p) { return sum(p * x); });
  expect_gradient("formula, rows", {3}, total / 3, [&](auto& p) { return sum(p * wide); });
  expect_gradient("formula, columns in turn", {2, 1}, total / 2, [&](auto& p) { return sum(p * cube); });
  expect_gradient("formula, one in a cube", {1, 2, 3}, total / 6, [&](auto& p) { return sum(p * cube); });
  expect_gradient("index_select", {2}, total / 2, [&](auto& p) {
    return sum(eg::index_select(p, 0, eg::cast<std::int64_t>(F::randint(0, 1, {many / 2}))) * 0.1f) +
           sum(p * x(0) * 1.5e6f) - sum(eg::select(p, 0, 0) * 1.5e5f);
  });
  expect_gradient("gather", {1}, total, [&](auto& p) { return sum(eg::gather(p, 0, I::zeros({many})) * 0.1f); });
  expect_gradient("matmul over batches", {1, 1}, total,
                  [&](auto& p) { return sum(matmul(reshape(x, {many, 1, 1}), p)); });
  eg::Linear<float> layer(1, 3);
  eg::Tape tape;
  tape.backward(sum(layer(F::ones({many / 3, 1})) * 0.1f));
  for (const float g : layer.bias.grad()) EXPECT_NEAR(g, total / 3, 1);
}

TEST(Sums, SecondOrderToo) {
  const auto f = [](const F& x) {
    return sum(eg::broadcast_to(x, {3'000'000}) * 0.1f * eg::broadcast_to(x, {3'000'000}));
  };
  EXPECT_NEAR(eg::hessian(f, F{1.f}).data()[0], 6e5f, 3);
}

TEST(Sums, InfinityAndNaNComeThrough) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(sum(D{1, inf, 2}).item(), inf);
  EXPECT_EQ(mean(D{1, -inf, 2}).item(), -inf);
  EXPECT_TRUE(std::isnan(sum(D{inf, -inf}).item()));
  EXPECT_EQ(sum(D{1e308, 1e308}).item(), inf);
  EXPECT_EQ(mean(F{3e38f, 3e38f}).item(), 3e38f) << "floats are carried in double";
  EXPECT_EQ(sum(D{1e16, 1, -1e16}).item(), 1) << "what rounding takes is kept";
}
