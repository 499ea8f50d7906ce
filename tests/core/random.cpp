#include "eigengrad/core/random.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eg = eigengrad;

// Line 21 of the reliability list: the numbers are the same on every machine, and in every process.
TEST(Random, NumbersAreFixedBySeed) {
  eg::Generator a(42), b(42), other(43);
  std::vector<std::uint64_t> of_a, of_b;
  for (int i = 0; i < 100; ++i) {
    of_a.push_back(a.next());
    of_b.push_back(b.next());
  }
  EXPECT_EQ(of_a, of_b);
  EXPECT_NE(of_a[0], other.next());
}

// The reference implementation's first numbers, from the state 1, 2, 3, 4.
TEST(Random, IsXoshiro256StarStar) {
  eg::Generator generator;
  generator.set_state({{1, 2, 3, 4}});
  for (const std::uint64_t expected :
       {std::uint64_t{11520}, std::uint64_t{0}, std::uint64_t{1509978240}, std::uint64_t{1215971899390074240}})
    EXPECT_EQ(generator.next(), expected);
}

// splitmix64's first numbers from the seed 0.
TEST(Random, IsSeededBySplitmix64) {
  const eg::Generator generator(0);
  EXPECT_EQ(generator.state().words[0], 0xe220a8397b1dcdafu);
  EXPECT_EQ(generator.state().words[1], 0x6e789e6aa1b965f4u);
}

TEST(Random, StateCanBeSavedAndRestored) {
  eg::Generator generator(7);
  generator.next();
  const auto state = generator.state();
  const double first = generator.normal();
  generator.set_state(state);
  EXPECT_EQ(generator.normal(), first);
}

TEST(Random, Uniform) {
  eg::Generator generator(1);
  double sum = 0, lowest = 1, highest = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double number = generator.uniform();
    sum += number;
    lowest = std::min(lowest, number);
    highest = std::max(highest, number);
  }
  EXPECT_TRUE(lowest >= 0 && lowest < 1e-3 && highest < 1 && highest > 0.999);
  EXPECT_NEAR(sum / 1e5, 0.5, 0.005);
}

TEST(Random, NormalHasItsMoments) {
  eg::Generator generator(2);
  double moments[4] = {};
  for (int i = 0; i < 200'000; ++i) {
    const double number = generator.normal();
    ASSERT_TRUE(std::isfinite(number));
    for (int k = 0; k < 4; ++k) moments[k] += std::pow(number, k + 1) / 2e5;
  }
  EXPECT_NEAR(moments[0], 0, 0.01);
  EXPECT_NEAR(moments[1], 1, 0.02);
  EXPECT_NEAR(moments[2], 0, 0.04);
  EXPECT_NEAR(moments[3], 3, 0.12);
}

TEST(Random, BelowIsUniform) {
  eg::Generator generator(3);
  int counts[7] = {};
  for (int i = 0; i < 70'000; ++i) ++counts[generator.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 400);
  EXPECT_EQ(generator.below(1), 0u);
  EXPECT_LT(generator.below(std::uint64_t{1} << 63), std::uint64_t{1} << 63);
  EXPECT_THROW(generator.below(0), eg::ValueError);
}

TEST(Random, ManualSeedSetsTheDefault) {
  eg::manual_seed(5);
  const double first = eg::default_generator().uniform();
  eg::manual_seed(5);
  EXPECT_EQ(eg::default_generator().uniform(), first);
}
