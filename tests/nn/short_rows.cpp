#include <gtest/gtest.h>
#include <eigengrad/autograd/parameter.hpp>
#include <eigengrad/autograd/tape.hpp>
#include <eigengrad/nn/losses/cross_entropy.hpp>

#include <cmath>

// Softmax cross-entropy of few classes, beside its formula in long double: loss and derivative to some ulp however far
// the label's logit lies above or below the others.
namespace eg = eigengrad;

namespace {

template <class T>
void expect_right(eg::Index rows, eg::Index classes, double spread) {
  SCOPED_TRACE(testing::Message() << rows << " rows of " << classes << " within " << spread);
  eg::Generator generator(static_cast<std::uint64_t>(rows * 100 + classes));
  const eg::Tensor<T> x =
      static_cast<T>(2 * spread) * eg::Tensor<T>::rand({rows, classes}, generator) - static_cast<T>(spread);
  const auto labels = eg::Tensor<std::int64_t>::randint(0, classes, {rows}, generator);
  eg::Parameter<T> p(x);
  eg::Tensor<T> losses;
  {
    eg::Tape tape;
    losses = eg::softmax_cross_entropy(p, labels, eg::Reduction::none);
    tape.backward(sum(losses).to_tensor());
  }
  // A difference of two logits is rounded to half an ulp of itself, and that is the error of its exponential.
  const long double ulp = std::numeric_limits<T>::epsilon(), few = 8 + static_cast<long double>(spread),
                    least = std::numeric_limits<T>::min();
  long double total = 0;
  for (eg::Index i = 0; i < rows; ++i) {
    const eg::Index label = labels(i);
    long double others = 0;  // in units of the label's exponential
    for (eg::Index j = 0; j < classes; ++j)
      if (j != label) others += std::exp(static_cast<long double>(x(i, j)) - static_cast<long double>(x(i, label)));
    const long double loss = std::log1p(others);
    total += loss;
    EXPECT_NEAR(losses(i), static_cast<double>(loss), static_cast<double>(std::max(least, few * ulp * loss)));
    for (eg::Index j = 0; j < classes; ++j) {
      long double share = 0;
      for (eg::Index k = 0; k < classes; ++k)
        if (k != j) share += std::exp(static_cast<long double>(x(i, k)) - static_cast<long double>(x(i, j)));
      const long double derivative = j == label ? -share / (1 + share) : 1 / (1 + share);
      EXPECT_NEAR(p.grad()(i, j), static_cast<double>(derivative),
                  static_cast<double>(std::max(least, few * ulp * std::abs(derivative))));
    }
  }
  const T mean = eg::softmax_cross_entropy(p, labels).item();
  const long double expected = total / static_cast<long double>(rows);
  EXPECT_NEAR(mean, static_cast<double>(expected), static_cast<double>(few * ulp * std::abs(expected) + least));
}

}  // namespace

TEST(ShortRows, AreRightForAnyNumberOfRowsAndClasses) {
  for (const eg::Index classes : {1, 2, 3, 7, 8, 9, 10, 15, 16, 17, 31, 32})
    for (const eg::Index rows : {1, 2, 5, 63, 64, 65, 200}) {
      expect_right<float>(rows, classes, 4);
      if (rows < 10) expect_right<double>(rows, (std::min)(classes, eg::Index{16}), 4);
    }
}

TEST(ShortRows, LoseNoDigitOnEitherSide) {
  for (const double spread : {20.0, 60.0, 80.0}) expect_right<float>(30, 4, spread);
  for (const double spread : {20.0, 200.0, 340.0}) expect_right<double>(30, 4, spread);
  const eg::Tensor<std::int64_t> label = {0};
  for (int far = -800; far <= 800; far += 10) {
    eg::Parameter<double> p(eg::Tensor<double>{{static_cast<double>(far), 0}});
    eg::Tape tape;
    const auto loss = eg::softmax_cross_entropy(p, label);
    tape.backward(loss);
    const auto x = static_cast<long double>(far);
    const auto expected = static_cast<double>(far > 0 ? std::log1p(std::exp(-x)) : std::log1p(std::exp(x)) - x);
    EXPECT_NEAR(loss.item(), expected, std::max(1e-300, 4e-16 * expected)) << far;
    const auto slope = static_cast<double>(-1 / (1 + std::exp(x)));
    EXPECT_NEAR(p.grad()(0, 0), slope, std::max(1e-300, -1e-15 * slope)) << far;
  }
}

TEST(ShortRows, LeaveInfinityAndNaNToTheGeneralWay) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const eg::Tensor<float> x = {{inf, 0, 1}, {nan, 0, 1}, {0, nan, 1}, {-inf, -inf, -inf}, {-inf, 0, 0}, {0, -inf, 0}};
  const eg::Tensor<std::int64_t> labels = {1, 2, 0, 0, 0, 0};
  eg::Parameter<float> p(x);
  eg::Tape tape;
  const auto losses = eg::softmax_cross_entropy(p, labels, eg::Reduction::none);
  EXPECT_EQ(losses(0), inf);
  for (const int row : {1, 2, 3}) EXPECT_TRUE(std::isnan(losses(row))) << row;
  EXPECT_EQ(losses(4), inf);
  EXPECT_FLOAT_EQ(losses(5), std::log(2.0f));
  tape.backward(sum(losses).to_tensor());
  EXPECT_EQ(p.grad()(5, 1), 0);
  EXPECT_EQ(p.grad()(5, 0), -0.5f);
  EXPECT_TRUE(std::isnan(p.grad()(1, 1)));
}
