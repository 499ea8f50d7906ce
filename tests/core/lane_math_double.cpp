#include <gtest/gtest.h>

#include <vector>

#include "eigengrad/core/random.hpp"
#include "eigengrad/simd/math.hpp"

// The functions on lanes of doubles, and pow, beside the standard library's on long doubles: at most 4 units in the
// last place (docs/numerics.md has the largest found), denormal results and the specials of IEEE included.
namespace eg = eigengrad;
namespace math = eigengrad::math;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// How far off a number is, in units of the exact one's last place; huge where one is NaN, infinite or negative and the
/// other is not.
template <class T>
double units(T got, long double exact) {
  using Limits = std::numeric_limits<T>;
  const auto right = static_cast<T>(exact);
  if (std::isnan(got) || std::isnan(right)) return std::isnan(got) && std::isnan(right) ? 0 : 1e9;
  if (std::isinf(got) || std::isinf(right)) return got == right ? 0 : 1e9;
  if (right == 0 && got == 0) return std::signbit(got) == std::signbit(right) ? 0 : 1e9;
  const int exponent = std::max(right == 0 ? Limits::min_exponent : std::ilogb(right), Limits::min_exponent - 1);
  return static_cast<double>(std::abs(static_cast<long double>(got) - exact) /
                             std::ldexp(1.0L, exponent - (Limits::digits - 1)));
}

template <class T>
std::vector<T> special_numbers() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> numbers;
  for (const T number : {T(0),
                         Limits::denorm_min(),
                         Limits::min(),
                         Limits::min() / 4,
                         Limits::epsilon() / 4,
                         Limits::epsilon() / 2,
                         Limits::epsilon(),
                         T(0.5),
                         T(1),
                         1 - Limits::epsilon(),
                         1 + Limits::epsilon(),
                         T(1.5),
                         T(2),
                         T(3),
                         T(4),
                         T(5),
                         T(8),
                         T(9),
                         T(40),
                         T(708.5),
                         T(709.78),
                         T(709.79),
                         T(745.13),
                         T(745.14),
                         T(3.14159265358979323846),
                         T(6.28318530717958648),
                         T(1.57079632679489662),
                         T(355),
                         T(32768),
                         T(32769),
                         T(1e10),
                         T(1e22),
                         1 / Limits::epsilon() - 1,
                         2 / Limits::epsilon() - 1,
                         2 / Limits::epsilon() + 2,
                         Limits::max(),
                         Limits::infinity(),
                         Limits::quiet_NaN()}) {
    numbers.push_back(number);
    numbers.push_back(-number);
  }
  return numbers;
}

/// Fails where a function is off by more than `allowed`: at the specials, over [low, high] and over all exponents.
void check(const char* name, const auto& function, const auto& exact, double low, double high, double allowed = 4) {
  std::vector<double> numbers = special_numbers<double>();
  eg::Generator generator(31);
  for (int i = 0; i < 200'000; ++i) {
    const double place = generator.uniform();
    numbers.push_back(low + (high - low) * place);
    numbers.push_back((i % 2 == 0 ? 1 : -1) *
                      std::ldexp(1 + place, static_cast<int>(2040 * generator.uniform()) - 1021));
  }
  constexpr eg::Index width = eg::lane_width<double>;
  while (numbers.size() % width != 0) numbers.push_back(1);
  double worst = 0, worst_at = 0;
  for (std::size_t i = 0; i < numbers.size(); i += width) {
    const auto result = function(eg::lane::load(&numbers[i]));
    for (eg::Index j = 0; j < width; ++j) {
      const double x = numbers[i + static_cast<std::size_t>(j)];
      const double here = units(result[j], exact(static_cast<long double>(x)));
      if (here > worst) worst = here, worst_at = x;
    }
  }
  EXPECT_LE(worst, allowed) << name << " at " << worst_at;
  ::testing::Test::RecordProperty(name, std::to_string(worst));
}

#define CHECK_LANE(function, low, high, ...)                                                                    \
  check(                                                                                                        \
      #function, [](auto x) { return math::function(x); }, [](long double x) { return std::function(x); }, low, \
      high __VA_OPT__(, ) __VA_ARGS__)

/// The largest error of pow over pairs that `next` makes.
template <class T>
void check_pow(const char* name, const auto& next, double allowed) {
  constexpr eg::Index width = eg::lane_width<T>;
  double worst = 0;
  T worst_x = 0, worst_y = 0;
  for (int i = 0; i < 20'000; ++i) {
    T x[std::size_t{width}], y[std::size_t{width}];
    for (eg::Index j = 0; j < width; ++j) next(j, x[j], y[j]);
    const auto result = math::pow(eg::lane::load(x), eg::lane::load(y));
    for (eg::Index j = 0; j < width; ++j) {
      const double here = units<T>(result[j], std::pow(static_cast<long double>(x[j]), static_cast<long double>(y[j])));
      if (here > worst) worst = here, worst_x = x[j], worst_y = y[j];
    }
  }
  EXPECT_LE(worst, allowed) << name << " at " << worst_x << ", " << worst_y;
}

template <class T>
void check_pow_of_specials() {
  for (const T x : special_numbers<T>())
    for (const T y : special_numbers<T>()) {
      const T got = math::pow(eg::lane_t<T>(x), eg::lane_t<T>(y))[0];
      EXPECT_LE(units<T>(got, std::pow(static_cast<long double>(x), static_cast<long double>(y))), 4)
          << "pow(" << x << ", " << y << ") gives " << got << ", not " << std::pow(x, y);
      // Beside another exponent in the same lane the general way is taken.
      eg::lane_t<T> mixed(y);
      mixed.values[eg::lane_width<T> - 1] = T(0.3);
      const T general = math::pow(eg::lane_t<T>(x), mixed)[0];
      EXPECT_LE(units<T>(general, std::pow(static_cast<long double>(x), static_cast<long double>(y))), 4)
          << "pow(" << x << ", " << y << ") gives " << general << " in general, not " << std::pow(x, y);
    }
}

}  // namespace

// Lines 29, 32, 33 of the reliability list.
TEST(LaneMathDouble, Exp) {
  CHECK_LANE(exp, -1, 1);
  CHECK_LANE(exp, -746, 710);
}
TEST(LaneMathDouble, Expm1) {
  CHECK_LANE(expm1, -1, 1);
  CHECK_LANE(expm1, -40, 710);
}
TEST(LaneMathDouble, Log) {
  CHECK_LANE(log, 0.5, 2);
  CHECK_LANE(log, 0, 1000);
}
TEST(LaneMathDouble, Log1p) {
  CHECK_LANE(log1p, -1, 1);
  CHECK_LANE(log1p, 0, 1000);
}
TEST(LaneMathDouble, Tanh) {
  CHECK_LANE(tanh, -1, 1);
  CHECK_LANE(tanh, -25, 25);
}
TEST(LaneMathDouble, Erf) {
  CHECK_LANE(erf, -1, 1);
  CHECK_LANE(erf, -7, 7);
}
TEST(LaneMathDouble, Erfc) {
  CHECK_LANE(erfc, -1, 1);
  CHECK_LANE(erfc, -7, 27.3);
}
TEST(LaneMathDouble, Sqrt) { CHECK_LANE(sqrt, 0, 1e6, 0.5); }
TEST(LaneMathDouble, Tan) { CHECK_LANE(tan, -10, 10, 1); }
// Beyond 32768 the standard library's.
TEST(LaneMathDouble, SineAndCosine) {
  CHECK_LANE(sin, -10, 10);
  CHECK_LANE(sin, -40'000, 40'000);
  CHECK_LANE(cos, -10, 10);
  CHECK_LANE(cos, -40'000, 40'000);
}
// Where the digits of x cancel with those of a multiple of pi / 2.
TEST(LaneMathDouble, SineAndCosineNearTheirZeros) {
  constexpr long double quarter = 1.57079632679489661923132169163975144L;
  for (int k = 1; k < 20'860; ++k) {
    const auto x = static_cast<double>(k * quarter);
    const double sine = math::sin(eg::lane_t<double>(x))[0], cosine = math::cos(eg::lane_t<double>(x))[0];
    ASSERT_LE(units<double>(sine, std::sin(static_cast<long double>(x))), 4) << x;
    ASSERT_LE(units<double>(cosine, std::cos(static_cast<long double>(x))), 4) << x;
  }
}

TEST(LanePow, Specials) {
  check_pow_of_specials<double>();
  check_pow_of_specials<float>();
}
TEST(LanePow, IsExactToRoundingNearly) {
  eg::Generator generator(5);
  const auto spread = [&](double size) { return (generator.uniform() - 0.5) * size; };
  check_pow<double>("any", [&](eg::Index, double& x, double& y) { x = generator.uniform() * 10, y = spread(20); }, 0.9);
  check_pow<double>("near 1", [&](eg::Index, double& x, double& y) { x = 1 + spread(1e-3), y = spread(1.4e6); }, 0.9);
  check_pow<double>(
      "far",
      [&](eg::Index, double& x, double& y) {
        x = std::ldexp(1 + generator.uniform(), static_cast<int>(spread(2000)));
        y = spread(3);
      },
      0.9);
  check_pow<float>(
      "any",
      [&](eg::Index, float& x, float& y) {
        x = static_cast<float>(generator.uniform() * 10);
        y = static_cast<float>(spread(70));
      },
      0.6);
}
TEST(LanePow, WholeExponents) {
  eg::Generator generator(6);
  for (int n = -12; n <= 12; ++n) {
    const auto next = [&]<class T>(eg::Index, T& x, T& y) {
      x = static_cast<T>((generator.uniform() - 0.5) * 20);
      y = static_cast<T>(n);
    };
    check_pow<double>("whole", next, n == 2 ? 0.5 : 4);
    check_pow<float>("whole", next, n == 2 ? 0.5 : 4);
  }
  // What can be represented is exact.
  for (int base = -40; base <= 40; ++base) {
    double power = 1;
    for (int n = 0; n <= 12 && std::abs(power) < 0x1p53; ++n, power *= base) {
      EXPECT_EQ(math::pow(eg::lane_t<double>(base), eg::lane_t<double>(n))[0], power) << base << ", " << n;
      if (std::abs(power) < 0x1p24) {
        EXPECT_EQ(static_cast<double>(math::pow(eg::lane_t<float>(base), eg::lane_t<float>(n))[0]), power) << base;
      }
    }
  }
}
// 1 / x^n where x^n leaves the range on the way.
TEST(LanePow, NegativeExponentsAtTheEndsOfTheRange) {
  for (const double x : {1.5e154, 1e-160, -1e103, 3e-108, 4e77, 1e81})
    for (const double n : {-1.0, -2.0, -3.0, -4.0})
      EXPECT_LE(units<double>(math::pow(eg::lane_t<double>(x), eg::lane_t<double>(n))[0],
                              std::pow(static_cast<long double>(x), static_cast<long double>(n))),
                4)
          << x << ", " << n;
}
TEST(LanePow, OneHalfIsTheRoot) {
  for (const double x : {0.0, 2.0, 1e-310, 1e300})
    EXPECT_EQ(math::pow(eg::lane_t<double>(x), eg::lane_t<double>(0.5))[0], std::sqrt(x));
  EXPECT_FALSE(std::signbit(math::pow(eg::lane_t<double>(-0.0), eg::lane_t<double>(0.5))[0]));
  EXPECT_EQ(math::pow(eg::lane_t<double>(-infinity), eg::lane_t<double>(0.5))[0], infinity);
  EXPECT_TRUE(std::isnan(math::pow(eg::lane_t<double>(-1.0), eg::lane_t<double>(0.5))[0]));
}
