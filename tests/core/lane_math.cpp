#include "eigengrad/simd/math.hpp"

#include <gtest/gtest.h>

#include <bit>

#include <vector>

#include "eigengrad/core/random.hpp"

// The vector kernels beside the standard library, in units of the result's last place.
namespace eg = eigengrad;
namespace math = eigengrad::math;
using L = eg::lane_t<float>;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// How many floats lie between the two; 0 for two NaNs.
double distance(float a, double exact) {
  const auto b = static_cast<float>(exact);
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b) ? 0 : 1e9;
  if (a == b) return std::signbit(a) == std::signbit(b) ? 0 : 1e9;
  if (std::isinf(a) || std::isinf(b)) return 1e9;
  const double unit = std::max(std::ldexp(1.0, std::ilogb(b == 0 ? std::numeric_limits<float>::denorm_min() : b) - 23),
                               std::ldexp(1.0, -149));
  return std::abs(static_cast<double>(a) - exact) / unit;
}
float at(const L& lane, eg::Index i) {
  float numbers[eg::lane_width<float>];
  eg::lane::store<float>(numbers, lane);
  return numbers[i];
}

/// The largest distance over numbers spread over [low, high], and over the special ones.
void check(const auto& lane_function, const auto& exact, float low, float high, double allowed) {
  eg::Generator generator(29);
  std::vector<float> numbers = {0.f,
                                -0.f,
                                1.f,
                                -1.f,
                                infinity,
                                -infinity,
                                std::nanf(""),
                                std::numeric_limits<float>::denorm_min(),
                                -std::numeric_limits<float>::denorm_min(),
                                std::numeric_limits<float>::min(),
                                std::numeric_limits<float>::max(),
                                -std::numeric_limits<float>::max(),
                                std::numeric_limits<float>::epsilon(),
                                0.5f,
                                2.f,
                                1e-20f,
                                1e20f,
                                -1e20f,
                                low,
                                high};
  for (int i = 0; i < 200'000; ++i) {
    const auto number = static_cast<float>(low + (double{high} - low) * generator.uniform());
    numbers.push_back(i % 3 == 0 ? number * 1e-3f : number);
  }
  while (numbers.size() % eg::lane_width<float> != 0) numbers.push_back(1);
  double worst = 0;
  float worst_at = 0;
  for (std::size_t i = 0; i < numbers.size(); i += eg::lane_width<float>) {
    const L result = lane_function(eg::lane::load(&numbers[i]));
    for (eg::Index j = 0; j < eg::lane_width<float>; ++j) {
      const float x = numbers[i + static_cast<std::size_t>(j)];
      const double here = distance(at(result, j), exact(static_cast<double>(x)));
      if (here > worst) worst = here, worst_at = x;
    }
  }
  EXPECT_LE(worst, allowed) << "at " << worst_at;
}

}  // namespace

#define CHECK_LANE(function, low, high, allowed) \
  check([](L x) { return math::function(x); }, [](double x) { return std::function(x); }, low, high, allowed)

// Line 29 of the reliability list.
TEST(LaneMath, Exp) { CHECK_LANE(exp, -104.f, 90.f, 3); }
TEST(LaneMath, Expm1) { CHECK_LANE(expm1, -20.f, 89.f, 3); }
TEST(LaneMath, Log) { CHECK_LANE(log, 0.f, 10.f, 3); }
TEST(LaneMath, Log1p) { CHECK_LANE(log1p, -0.999f, 10.f, 4); }
TEST(LaneMath, Sqrt) { CHECK_LANE(sqrt, 0.f, 1e6f, 2); }
TEST(LaneMath, Tanh) { CHECK_LANE(tanh, -12.f, 12.f, 6); }
TEST(LaneMath, TanhStaysWithinOneAndIsOdd) {
  for (std::uint32_t bits = 0x3f000000; bits < 0x41200000; bits += 101) {  // 0.5 to 10
    const float x = std::bit_cast<float>(bits), y = at(math::tanh(L(x)), 0);
    ASSERT_LE(y, 1.f) << x;
    ASSERT_EQ(at(math::tanh(L(-x)), 0), -y) << x;
  }
}
TEST(LaneMath, Tan) { CHECK_LANE(tan, -1.5f, 1.5f, 2); }
TEST(LaneMath, Erf) { CHECK_LANE(erf, -4.f, 4.f, 4); }
TEST(LaneMath, Erfc) { CHECK_LANE(erfc, -4.f, 10.f, 6); }
TEST(LaneMath, Abs) { CHECK_LANE(abs, -4.f, 4.f, 0); }

// Near their zeros sine and cosine are exact to a float's rounding of 1, as the reduction keeps absolute digits.
TEST(LaneMath, SineAndCosine) {
  eg::Generator generator(1);
  for (int i = 0; i < 100'000; ++i) {
    const auto x = static_cast<float>((generator.uniform() - 0.5) * (i % 2 == 0 ? 20 : 16'000));
    EXPECT_NEAR(at(math::sin(L(x)), 0), std::sin(double{x}), 2.5e-7) << x;
    EXPECT_NEAR(at(math::cos(L(x)), 0), std::cos(double{x}), 2.5e-7) << x;
  }
  for (const float x : {1e4f, -1e6f, 1e30f}) EXPECT_NEAR(at(math::sin(L(x)), 0), std::sin(double{x}), 1e-7);
  EXPECT_TRUE(std::isnan(at(math::sin(L(infinity)), 0)) && std::isnan(at(math::cos(L(std::nanf(""))), 0)));
  EXPECT_TRUE(std::signbit(at(math::sin(L(-0.f)), 0)));
}

TEST(LaneMath, LoadsAndStoresPartOfALane) {
  constexpr eg::Index width = eg::lane_width<float>;
  std::vector<float> from(width), to(width + 1);
  for (eg::Index i = 0; i < width; ++i) from[static_cast<std::size_t>(i)] = static_cast<float>(i + 1);
  for (eg::Index count = 1; count <= width; ++count) {
    std::fill(to.begin(), to.end(), -1.f);
    eg::lane::store(to.data(), eg::lane::load(from.data(), count), count);
    for (eg::Index i = 0; i <= width; ++i)
      EXPECT_EQ(to[static_cast<std::size_t>(i)], i < count ? static_cast<float>(i + 1) : -1.f);
  }
  EXPECT_EQ(eg::lane::sum<float>(eg::lane::load(from.data())), static_cast<float>(width * (width + 1) / 2));
}
