#include <eigengrad/io/half.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace eg = eigengrad;

TEST(Half, EveryOneComesBack) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = eg::from_half(half), brain = eg::from_bfloat16(half);
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(eg::from_half(eg::to_half(value)))) << bits;
    else
      EXPECT_EQ(eg::to_half(value), half) << bits;
    if (std::isnan(brain))
      EXPECT_TRUE(std::isnan(eg::from_bfloat16(eg::to_bfloat16(brain)))) << bits;
    else
      EXPECT_EQ(eg::to_bfloat16(brain), half) << bits;
  }
  EXPECT_EQ(eg::from_half(0x3c00), 1);
  EXPECT_EQ(eg::from_half(0x7bff), 65504);
  EXPECT_EQ(eg::from_half(0x0001), 0x1p-24f);
  EXPECT_EQ(eg::from_half(0x0400), 0x1p-14f);
  EXPECT_EQ(eg::from_bfloat16(0x3f80), 1);
}

// The nearest, found by trying: among all there are.
TEST(Half, RoundsToTheNearestAndTiesToEven) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> exponent(-27, 17), mantissa(1, 2);
  for (int i = 0; i < 20000; ++i) {
    float value = std::ldexp(mantissa(random), static_cast<int>(exponent(random)));
    if (i % 4 == 0) {  // just between two
      const float low = eg::from_half(static_cast<std::uint16_t>(random() % 0x7bff));
      value = (low + eg::from_half(static_cast<std::uint16_t>(eg::to_half(low) + 1))) / 2;
    }
    const std::uint16_t half = eg::to_half(value);
    if (value >= 65520) {
      EXPECT_EQ(half, 0x7c00) << value;
      continue;
    }
    const float distance = std::abs(eg::from_half(half) - value);
    for (const int step : {-1, 1}) {
      const int other = half + step;
      if (other < 0 || other >= 0x7c00) continue;
      const float its = std::abs(eg::from_half(static_cast<std::uint16_t>(other)) - value);
      EXPECT_TRUE(distance < its || (distance == its && half % 2 == 0)) << value;
    }
    EXPECT_EQ(eg::to_half(-value), half | 0x8000) << value;
  }
  EXPECT_EQ(eg::to_half(65519.996f), 0x7bff);
  EXPECT_EQ(eg::to_bfloat16(1 + 0x1p-8f), 0x3f80) << "a tie, to even";
  EXPECT_EQ(eg::to_bfloat16(1 + 3 * 0x1p-8f), 0x3f82);
  EXPECT_EQ(eg::to_bfloat16(std::numeric_limits<float>::max()), 0x7f80);
}
