#include <eigengrad/ops/softmax.hpp>

#include "support/numeric.hpp"

namespace eg = eigengrad;
using eg::Shape;
using eg::Tensor;

namespace {

template <class T>
constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();

/// Rows on which a naive softmax overflows or divides nothing by nothing.
template <class T>
Tensor<T> hard_rows() {
  return {{T(1000), T(1000)},           {T(-1000), T(0)},    {T(1e30), T(-1e30)}, {infinity<T>, T(0)},
          {-infinity<T>, -infinity<T>}, {-infinity<T>, T(2)}};
}

template <class T>
class Softmax : public testing::Test {};
using Floats = testing::Types<float, double>;
TYPED_TEST_SUITE(Softmax, Floats);

}  // namespace

TYPED_TEST(Softmax, HardRows) {
  using T = TypeParam;
  const T nan = not_a_number<T>, inf = infinity<T>, half = std::log(T(2));
  expect_tensor<T>(eg::softmax(hard_rows<T>()), {6, 2}, {T(0.5), T(0.5), 0, 1, 1, 0, nan, nan, nan, nan, 0, 1});
  const auto logs = eg::log_softmax(hard_rows<T>());
  for (const eg::Index column : {0, 1}) EXPECT_NEAR(logs(0, column), -half, 1e-6);
  const std::vector<T> rest(logs.begin() + 2, logs.end());
  expect_tensor<T>(Tensor<T>::from(rest, {10}), {10}, {-1000, 0, 0, T(-1e30) - T(1e30), nan, nan, nan, nan, -inf, 0});
  const auto sums = eg::log_sum_exp(hard_rows<T>(), 1);
  EXPECT_NEAR(sums(0), 1000 + half, 1e-3);
  const std::vector<T> others(sums.begin() + 1, sums.end());
  expect_tensor<T>(Tensor<T>::from(others, {5}), {5}, {0, T(1e30), inf, -inf, 2});
}

TYPED_TEST(Softmax, RowsSumToOneAndEqualTheDefinition) {
  using T = TypeParam;
  const double tolerance = std::is_same_v<T, float> ? 2e-6 : 1e-14;
  for (const eg::Index n : {1, 2, 3, 7, 8, 10, 16, 17, 31, 33, 100, 1000, 5000}) {
    const auto x = Tensor<T>::randn({3, n});
    const Tensor<T> y = eg::softmax(x), logs = eg::log_softmax(x), sums = eg::log_sum_exp(x, 1);
    for (eg::Index row = 0; row < 3; ++row) {
      double total = 0, exponentials = 0;
      for (eg::Index i = 0; i < n; ++i) {
        total += static_cast<double>(y(row, i));
        exponentials += std::exp(static_cast<double>(x(row, i)));
      }
      EXPECT_NEAR(total, 1, tolerance);
      EXPECT_NEAR(static_cast<double>(sums(row)), std::log(exponentials), 10 * tolerance);
      for (eg::Index i = 0; i < n; ++i) {
        const double exact = std::exp(static_cast<double>(x(row, i))) / exponentials;
        ASSERT_NEAR(static_cast<double>(y(row, i)), exact, tolerance * exact * 4);
        ASSERT_NEAR(static_cast<double>(logs(row, i)), std::log(exact), 10 * tolerance);
      }
    }
  }
}

TYPED_TEST(Softmax, ShiftingARowChangesNothing) {
  using T = TypeParam;
  const Tensor<T> x = {{1, 2, 4, -3, 0, 7, 5}};
  for (const T shift : {T(64), T(-512), T(4096)}) {
    const Tensor<T> shifted = x + shift;  // exact, these being whole numbers
    const auto expected = eg::softmax(x), actual = eg::softmax(shifted);
    EXPECT_TRUE(std::equal(actual.begin(), actual.end(), expected.begin()));
    const auto logs = eg::log_softmax(x), shifted_logs = eg::log_softmax(shifted);
    EXPECT_TRUE(std::equal(logs.begin(), logs.end(), shifted_logs.begin()));
  }
}

// 34: rows of large, infinite and equal numbers.
TEST(SoftmaxAxes, EveryAxisEqualsTheLastOfATranspose) {
  const auto x = Tensor<double>::randn({2, 3, 4});
  for (const eg::Index axis : {0, 1, 2, -1, -2, -3}) {
    const auto along = eg::softmax(x, axis), logs = eg::log_softmax(x, axis);
    const auto last = eg::softmax(eg::transpose(x, axis, -1));
    const auto expected = eg::transpose(last, axis, -1);
    ASSERT_EQ(along.shape(), x.shape());
    for (eg::Index i = 0; i < x.size(); ++i) {
      EXPECT_DOUBLE_EQ(along.data()[i], expected.data()[i]);
      EXPECT_NEAR(logs.data()[i], std::log(expected.data()[i]), 1e-14);
    }
  }
}

TEST(SoftmaxAxes, EmptyTensorsAndErrors) {
  EXPECT_EQ(eg::softmax(Tensor<float>::zeros({0, 3})).shape(), (Shape{0, 3}));
  EXPECT_EQ(eg::log_softmax(Tensor<float>::zeros({3, 0})).shape(), (Shape{3, 0}));
  EXPECT_EQ(eg::softmax(Tensor<float>::zeros({0, 3}), 0).shape(), (Shape{0, 3}));
  const float inf = infinity<float>;
  expect_tensor<float>(eg::log_sum_exp(Tensor<float>::zeros({2, 0}), 1), {2}, {-inf, -inf});
  expect_tensor<float>(eg::log_sum_exp(Tensor<float>()), {}, {-inf});
  EXPECT_EQ(eg::log_sum_exp(Tensor<float>::zeros({0, 3}), 1).shape(), (Shape{0}));
  EXPECT_EQ(eg::log_sum_exp(Tensor<float>::zeros({2, 3}), 1, true).shape(), (Shape{2, 1}));
  EXPECT_EQ(eg::log_sum_exp(Tensor<float>::zeros({2, 3, 4}), {0, 2}).shape(), (Shape{3}));
  expect_error<eg::IndexError>([] { eg::softmax(Tensor<float>::zeros({2, 3}), 2); },
                               {"softmax: axis 2", "[2, 3]", "softmax.cpp"});
  expect_error<eg::IndexError>([] { eg::log_softmax(Tensor<float>::zeros({2}), -2); }, {"log_softmax: axis -2"});
  expect_error<eg::IndexError>([] { eg::log_sum_exp(Tensor<float>::zeros({2}), 1); }, {"log_sum_exp: axis 1"});
}

TEST(SoftmaxGradients, AgreeWithDifferences) {
  for (const Shape& shape : {Shape{1}, Shape{5}, Shape{1, 1}, Shape{1, 5}, Shape{5, 1}, Shape{3, 19}, Shape{2, 3, 4},
                             Shape{0, 3}, Shape{3, 0}}) {
    const auto x = Tensor<double>::randn(shape);
    for (eg::Index axis = -1; axis < shape.rank(); ++axis) {
      expect_gradient([=](const auto& v) { return eg::softmax(v, axis); }, x, "softmax");
      expect_gradient([=](const auto& v) { return eg::log_softmax(v, axis); }, x, "log_softmax");
      if (x.size() == 0) continue;
      expect_gradient([=](const auto& v) { return eg::log_sum_exp(v, axis); }, x, "log_sum_exp");
      expect_gradient([=](const auto& v) { return eg::log_sum_exp(v, axis, true); }, x, "log_sum_exp");
    }
    if (x.size() > 0) expect_gradient([](const auto& v) { return eg::log_sum_exp(v); }, x, "log_sum_exp");
  }
  const auto x = Tensor<double>::randn({2, 3, 4});
  expect_gradient([](const auto& v) { return eg::log_sum_exp(v, {0, 2}); }, x, "log_sum_exp");
  expect_gradient([](const auto& v) { return eg::softmax(2 * v + 1); }, x, "softmax of a formula");
}

TEST(SoftmaxGradients, AreFiniteFarOut) {
  const eg::Parameter<float> p(Tensor<float>{{1000, 1000}, {-1000, 0}, {1e30f, -1e30f}});
  for (const int which : {0, 1, 2}) {
    eg::Tape tape;
    const Tensor<float> y = which == 0 ? eg::softmax(p) : which == 1 ? eg::log_softmax(p) : eg::log_sum_exp(p, 1, true);
    tape.backward(y, Tensor<float>(Tensor<float>::ones(y.shape()) * 3.f));
    for (const float g : p.grad()) EXPECT_TRUE(std::isfinite(g)) << which;
    p.zero_grad();
  }
  const eg::Parameter<float> q(Tensor<float>{-infinity<float>, -infinity<float>});
  eg::Tape tape;
  tape.backward(eg::log_sum_exp(q));
  expect_tensor<float>(q.grad(), {2}, {0, 0});
}
