#include "eigengrad/core/exact.hpp"

#include <gtest/gtest.h>

#include "eigengrad/core/tensor.hpp"
#include "eigengrad/ops/arithmetic.hpp"
#include "eigengrad/ops/cast.hpp"
#include "eigengrad/ops/where.hpp"
#include "support/message.hpp"

namespace eg = eigengrad;
using support::message_of;
using I = eg::Tensor<std::int64_t>;
using D = eg::Tensor<double>;
using F = eg::Tensor<float>;

namespace {
constexpr std::int64_t p53 = std::int64_t{1} << 53, p24 = std::int64_t{1} << 24;
constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min(),
                       largest = std::numeric_limits<std::int64_t>::max();

template <class T>
std::vector<T> list(const eg::Tensor<T>& tensor) {
  return {tensor.begin(), tensor.end()};
}
std::string refusal(const auto& function) { return message_of<eg::ValueError>(function); }
}  // namespace

TEST(Exact, TellsWhichNumbersATypeHas) {
  static_assert(eg::has_exactly<float>(p24) && !eg::has_exactly<float>(p24 + 1) && eg::has_exactly<float>(p24 + 2));
  static_assert(eg::has_exactly<double>(-p53) && !eg::has_exactly<double>(-p53 - 1));
  static_assert(eg::has_exactly<double>(lowest) && !eg::has_exactly<double>(largest));
  static_assert(eg::has_exactly<std::int8_t>(-128) && !eg::has_exactly<std::int8_t>(128));
  static_assert(!eg::has_exactly<std::uint8_t>(-1) && eg::has_exactly<std::uint8_t>(255));
  static_assert(!eg::has_exactly<std::int64_t>(std::numeric_limits<std::uint64_t>::max()));
  EXPECT_TRUE(eg::has_exactly<std::int64_t>(-0x1p63));
  EXPECT_FALSE(eg::has_exactly<std::int64_t>(0x1p63));
  EXPECT_TRUE(eg::has_exactly<std::uint64_t>(0x1p63));
  EXPECT_FALSE(eg::has_exactly<std::uint64_t>(0x1p64));
  EXPECT_FALSE(eg::has_exactly<std::uint8_t>(-1.0f));
  EXPECT_FALSE(eg::has_exactly<int>(0.5));
  EXPECT_FALSE(eg::has_exactly<int>(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_FALSE(eg::has_exactly<int>(-std::numeric_limits<double>::infinity()));
}

// 66: counting, to the last whole number.
TEST(Exact, ArangeCountsInWholeNumbers) {
  EXPECT_EQ(list(I::arange(p53, p53 + 3)), (std::vector<std::int64_t>{p53, p53 + 1, p53 + 2}));
  EXPECT_EQ(list(I::arange(p53 + 1, p53 + 2)), (std::vector<std::int64_t>{p53 + 1}));
  EXPECT_EQ(I::arange(0, 10000000000000001, 100000000000000).size(), 101);
  EXPECT_EQ(list(I::arange(5, 0, -2)), (std::vector<std::int64_t>{5, 3, 1}));
  EXPECT_EQ(list(I::arange(lowest, largest, largest)), (std::vector<std::int64_t>{lowest, -1, largest - 1}));
  EXPECT_EQ(list(I::arange(largest, lowest, lowest)), (std::vector<std::int64_t>{largest, -1}));
  EXPECT_EQ(list(eg::Tensor<std::int8_t>::arange(-128, 127, 100)), (std::vector<std::int8_t>{-128, -28, 72}));
  EXPECT_EQ(list(I::arange(1e3, 1.2e3, 1e2)), (std::vector<std::int64_t>{1000, 1100}));
  EXPECT_EQ(list(F::arange(p24 - 1, p24 + 1)), (std::vector<float>{p24 - 1, p24}));
  EXPECT_EQ(list(F::arange(0, 1, 0.1)).size(), 10u);
  EXPECT_EQ(list(F::arange(0, 1, 0.1f)).size(), 10u);
  EXPECT_EQ(F::arange(0, 1, 0.1)(3), 0.3f);
  EXPECT_EQ(D::arange(p53, p53 + 4, 2)(1), static_cast<double>(p53 + 2));
  EXPECT_EQ(I::arange(3, 3).size() + I::arange(3, 1).size() + D::arange(3.5, 1).size(), 0);
}
TEST(Exact, ArangeRefusesWhatItsTypeDoesNotHave) {
  EXPECT_EQ(refusal([] { F::arange(p24, p24 + 2); }),
            "arange: there is no float 16777217: use a number type that has it, such as double or int64");
  EXPECT_NE(refusal([] { D::arange(p53, p53 + 2); }).find("there is no double 9007199254740993"), std::string::npos);
  EXPECT_NE(refusal([] { F::arange(16777216.0, 16777218.0, 1.0); }).find("no float 16777217"), std::string::npos);
  EXPECT_NE(refusal([] { I::arange(0, 3.5); }).find("arange: there is no int64 3.5: give a whole number"),
            std::string::npos);
  EXPECT_NE(refusal([] {
              eg::Tensor<int>::arange(0, std::int64_t{5'000'000'000}, 4'000'000'000);
            }).find("no int32 4000000000"),
            std::string::npos);
  EXPECT_NE(refusal([] { I::arange(lowest, largest); }).find("no end that fits in memory"), std::string::npos);
  EXPECT_NE(refusal([] { D::arange(1e17, 1e17 + 1000, 0.5); }).find("the step 0.5 is lost"), std::string::npos);
  EXPECT_THROW(I::arange(0, 5, 0), eg::ValueError);
  EXPECT_THROW(I::arange(0, std::numeric_limits<double>::quiet_NaN()), eg::ValueError);
  EXPECT_THROW(I::arange(0, std::numeric_limits<std::uint64_t>::max()), eg::ValueError);
}

TEST(Exact, Linspace) {
  EXPECT_EQ(list(I::linspace(p53 + 1, p53 + 5, 5)),
            (std::vector<std::int64_t>{p53 + 1, p53 + 2, p53 + 3, p53 + 4, p53 + 5}));
  EXPECT_EQ(list(I::linspace(0, 10, 4)), (std::vector<std::int64_t>{0, 3, 6, 10}));
  EXPECT_EQ(list(I::linspace(10, 0, 4)), (std::vector<std::int64_t>{10, 6, 3, 0})) << "rounded down, as NumPy's";
  EXPECT_EQ(list(I::linspace(-5, 0, 3)), (std::vector<std::int64_t>{-5, -3, 0}));
  EXPECT_EQ(list(I::linspace(lowest, largest, 2)), (std::vector<std::int64_t>{lowest, largest}));
  EXPECT_EQ(list(I::linspace(7, 9, 1)), (std::vector<std::int64_t>{7}));
  EXPECT_EQ(I::linspace(7, 9, 0).size(), 0);
  EXPECT_NE(refusal([] { F::linspace(0, p24 + 1, 2); }).find("linspace: there is no float 16777217"),
            std::string::npos);
  EXPECT_NE(refusal([] { I::linspace(0, 0.5, 2); }).find("linspace: there is no int64 0.5"), std::string::npos);
}

TEST(Exact, Randint) {
  EXPECT_EQ(I::randint(p53 + 1, p53 + 2, {3})(2), p53 + 1);
  EXPECT_NE(refusal([] { F::randint(p24 + 1, p24 + 2, {3}); }).find("randint: there is no float 16777217"),
            std::string::npos);
  EXPECT_NE(
      refusal([] { F::randint(0, 4 * p24 + 1, {3}); }).find("float does not have all whole numbers from 0 to 67108865"),
      std::string::npos);
  EXPECT_NE(refusal([] { eg::Tensor<std::int8_t>::randint(0, 300, {3}); }).find("no int8 299"), std::string::npos);
  EXPECT_NE(refusal([] { eg::Tensor<std::uint8_t>::randint(-1, 3, {3}); }).find("no uint8 -1"), std::string::npos);
}

TEST(Exact, Cast) {
  EXPECT_EQ(list(eg::cast<std::int64_t>(D{2.7, -2.7, -0x1p63})), (std::vector<std::int64_t>{2, -2, lowest}));
  EXPECT_EQ(eg::cast<double>(I{p53, lowest})(1), -0x1p63);
  EXPECT_EQ(eg::cast<float>(D{16777217.0})(0), 16777216.0f) << "floating-point numbers are rounded";
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  for (const double bad : {nan, inf, -inf, 1e300, 0x1p63})
    EXPECT_NE(refusal([&] { eg::cast<std::int64_t>(D{1, bad}); }).find("cast: there is no int64 "), std::string::npos)
        << bad;
  EXPECT_NE(refusal([] { eg::cast<double>(I{p53 + 1}); }).find("cast: there is no double 9007199254740993"),
            std::string::npos);
  EXPECT_NE(refusal([] { eg::cast<float>(I{p24 + 1}); }).find("cast: there is no float 16777217"), std::string::npos);
  EXPECT_NE(refusal([] { eg::cast<std::int8_t>(I{300}); }).find("cast: there is no int8 300"), std::string::npos);
  EXPECT_NE(refusal([] { eg::cast<std::uint8_t>(D{-1}); }).find("cast: there is no uint8 -1"), std::string::npos);
  EXPECT_EQ(eg::cast<bool>(I{0, p53 + 1})(1), true);
  EXPECT_EQ(eg::cast<int>(eg::Tensor<bool>{true, false})(0), 1);
}

TEST(Exact, NumbersBesideTensors) {
  const I big{p53 + 1};
  EXPECT_TRUE(eg::Tensor<bool>(big == p53 + 1)(0));
  EXPECT_FALSE(eg::Tensor<bool>(big == p53)(0));
  EXPECT_TRUE(eg::Tensor<bool>(big > I{p53})(0));
  EXPECT_EQ(I(big + 1)(0), p53 + 2);
  EXPECT_NE(refusal([] {
              (void)eg::Tensor<bool>(eg::Tensor<int>{5} == (std::int64_t{1} << 32) + 5);
            }).find("no int32 4294967301"),
            std::string::npos);
  EXPECT_NE(refusal([] { (void)eg::Tensor<bool>(F{1} < p24 + 1); }).find("no float 16777217"), std::string::npos);
  EXPECT_NE(refusal([] { (void)eg::Tensor<bool>(D{1} == p53 + 1); }).find("no double 9007199254740993"),
            std::string::npos);
  EXPECT_NE(refusal([] { (void)eg::Tensor<bool>(eg::Tensor<std::uint8_t>{255} == -1); }).find("no uint8 -1"),
            std::string::npos);
}
