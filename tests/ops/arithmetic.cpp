#include "eigengrad/ops/arithmetic.hpp"

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/ops/sum.hpp"
#include "specials.hpp"
#include "support/message.hpp"

// Numbers in comments are lines of the reliability list.
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using specials::check_pairs;

namespace {

bool same(const Tensor& a, const Tensor& b) { return a.shape() == b.shape() && (a.array() == b.array()).all(); }

template <class T>
void check_all() {
  check_pairs<T>("add", [](const auto& a, const auto& b) { return a + b; }, [](T a, T b) { return a + b; });
  check_pairs<T>("subtract", [](const auto& a, const auto& b) { return a - b; }, [](T a, T b) { return a - b; });
  check_pairs<T>("multiply", [](const auto& a, const auto& b) { return a * b; }, [](T a, T b) { return a * b; });
  check_pairs<T>("divide", [](const auto& a, const auto& b) { return a / b; }, [](T a, T b) { return a / b; });
  // 30: NaN in, NaN out, unlike std::max; 31: of equals the first, also of -0 and 0.
  check_pairs<T>(
      "maximum", [](const auto& a, const auto& b) { return maximum(a, b); },
      [](T a, T b) { return std::isnan(a) || a >= b ? a : b; });
  check_pairs<T>(
      "minimum", [](const auto& a, const auto& b) { return minimum(a, b); },
      [](T a, T b) { return std::isnan(a) || a <= b ? a : b; });
  specials::check<T>("negate", [](const auto& x) { return -x; }, [](long double x) { return -x; });
  specials::check<T>("abs", [](const auto& x) { return eg::abs(x); }, [](long double x) { return std::abs(x); });
  specials::check<T>(
      "square", [](const auto& x) { return eg::square(x); },
      [](long double x) { return static_cast<T>(x) * static_cast<T>(x); });
  specials::check<T>(
      "clamp", [](const auto& x) { return clamp(x, -1, 2); },
      [](long double x) { return x > 2    ? 2
                                 : x < -1 ? -1
                                          : x; });
}

}  // namespace

// 29
TEST(Arithmetic, SpecialNumbersFloat) { check_all<float>(); }
TEST(Arithmetic, SpecialNumbersDouble) { check_all<double>(); }

// 30
TEST(Arithmetic, NanInNanOut) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor a = {nan, 1, nan}, b = {1, nan, nan};
  for (const Tensor& y : {Tensor(maximum(a, b)), Tensor(minimum(a, b)), Tensor(a + b), Tensor(abs(a) + abs(b)),
                          Tensor(clamp(a + b, 0, 1))})
    for (const double number : y) EXPECT_TRUE(std::isnan(number));
}

// As numpy.clip and torch.clamp.
TEST(Arithmetic, ClampGivesHighWhereLowIsLarger) {
  const Tensor x = {-1, 0.5, 2, std::numeric_limits<double>::quiet_NaN()};
  const Tensor y = clamp(x, 1, 0);
  for (eg::Index i = 0; i < 3; ++i) EXPECT_EQ(y(i), 0);
  EXPECT_TRUE(std::isnan(y(3)));
}

TEST(Arithmetic, NumbersOnEitherSide) {
  const Tensor x = {1, 2, 4};
  EXPECT_TRUE(same(x + 1, Tensor{2, 3, 5}));
  EXPECT_TRUE(same(1 + x, Tensor{2, 3, 5}));
  EXPECT_TRUE(same(1 - x, Tensor{0, -1, -3}));
  EXPECT_TRUE(same(8 / x, Tensor{8, 4, 2}));
  EXPECT_TRUE(same(x / 2, Tensor{0.5, 1, 2}));
  EXPECT_TRUE(same(maximum(x, 2), Tensor{2, 2, 4}));
  EXPECT_TRUE(same(minimum(2, x), Tensor{1, 2, 2}));
  EXPECT_TRUE(std::signbit(Tensor(x * -0.0)(0)));  // a constant keeps its sign
  EXPECT_EQ(Tensor(1 / (0 * x * -1.0))(0), -std::numeric_limits<double>::infinity());
}

TEST(Arithmetic, InPlace) {
  Tensor x = {1, 2, 4};
  const Tensor before = x;
  x += 1;
  x *= x;
  x -= Tensor{1, 1, 1};
  x /= 2.0;
  EXPECT_TRUE(same(x, Tensor{1.5, 4, 12}));
  EXPECT_TRUE(same(before, Tensor{1, 2, 4}));
}

TEST(Arithmetic, Integers) {
  const eg::Tensor<std::int64_t> x = {7, -7, 9}, y = {2, 2, 3};
  const eg::Tensor<std::int64_t> quotient = x / y, sum = x + y * 2;
  EXPECT_EQ(quotient(1), -3);
  EXPECT_EQ(sum(2), 15);
  EXPECT_THROW((void)eg::Tensor<std::int64_t>(x / 0), eg::ValueError);
  // The one quotient that does not fit wraps as NumPy's does; the processor would stop the program.
  const std::int64_t smallest = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(eg::Tensor<std::int64_t>(eg::Tensor<std::int64_t>{smallest, 7} / -1)(0), smallest);
  EXPECT_EQ(eg::Tensor<std::int64_t>(eg::Tensor<std::int64_t>{smallest, 7} / -1)(1), -7);
}

// 25
TEST(Arithmetic, Broadcasts) {
  const Tensor column = {{1}, {2}}, row = {10, 20, 30}, one = {{5}};
  EXPECT_TRUE(same(column + row, Tensor{{11, 21, 31}, {12, 22, 32}}));
  EXPECT_TRUE(same(row * column, Tensor{{10, 20, 30}, {20, 40, 60}}));
  EXPECT_TRUE(same(one - column, Tensor{{4}, {3}}));
  EXPECT_TRUE(same(Tensor::full({}, 2.) * row, Tensor{20, 40, 60}));
  EXPECT_EQ(Tensor(Tensor::zeros({0, 3}) + row).shape(), (eg::Shape{0, 3}));
  EXPECT_EQ(Tensor(Tensor::zeros({2, 0}) + column).shape(), (eg::Shape{2, 0}));
}

// 26
TEST(Arithmetic, MismatchNamesBothShapes) {
  const std::string text =
      support::message_of<eg::ShapeError>([&] { (void)(Tensor::ones({2, 3}) * Tensor::ones({2})); });
  EXPECT_NE(text.find("multiply: shapes [2, 3] and [2] do not broadcast"), std::string::npos) << text;
}

// 39: denormal numbers are kept, not flushed.
TEST(Arithmetic, DenormalNumbersAreKept) {
  const auto tiny = eg::Tensor<float>::full({33}, 1e-40f);
  for (const float number : eg::Tensor<float>(tiny * 2)) EXPECT_EQ(number, 1e-40f * 2);
  for (const float number : eg::Tensor<float>(tiny * 1e30f)) EXPECT_NEAR(number, 1e-10f, 1e-15f);
}

// dy / b is infinite there, the gradient is not.
TEST(Arithmetic, GradientOfZeroByATinyNumber) {
  eg::Parameter<float> a(eg::Tensor<float>{0, 1}), b(eg::Tensor<float>{1e-40f, 2});
  eg::Tape tape;
  tape.backward(sum(a / b));
  EXPECT_EQ(b.grad()(0), 0);
  EXPECT_EQ(b.grad()(1), -0.25f);
}

// 20: transposed and blocked Eigen inputs give what contiguous ones give.
TEST(Arithmetic, EigenInputsOfAnyLayout) {
  Eigen::MatrixXd big = Eigen::MatrixXd::NullaryExpr(
      7, 9, [](Eigen::Index i, Eigen::Index j) { return static_cast<double>(i * 10 + j); });
  const Tensor block = Tensor::from_eigen(big.block(1, 2, 3, 4)),
               transposed = Tensor::from_eigen(big.transpose().block(2, 1, 4, 3));
  const Tensor y = block * 2 + 1;
  EXPECT_TRUE(y.matrix() == Eigen::MatrixXd(big.block(1, 2, 3, 4).array() * 2 + 1));
  EXPECT_TRUE(Tensor(transposed * 2 + 1).matrix() == Eigen::MatrixXd(y.matrix().transpose()));
  const Eigen::Matrix<double, 7, 9, Eigen::RowMajor> rows = big;
  EXPECT_TRUE(same(Tensor::view(rows) + 0.0, Tensor::from_eigen(big)));
}
