#include <gtest/gtest.h>

#include <eigengrad/viz/levels.hpp>

#include "xml.hpp"

namespace viz = eigengrad::viz;
using viz::Scale;

namespace {

std::string labels(const std::vector<viz::Tick>& ticks) {
  std::string text;
  for (const auto& tick : ticks)
    if (!tick.is_minor)
      text += (text.empty() ? "" : " ") + tick.text + (tick.exponent.empty() ? "" : "^" + tick.exponent);
  return text;
}

TEST(Axes, LinearTicksAreRound) {
  EXPECT_EQ(labels(viz::linear_ticks({0, 1}, 5)), "0.0 0.2 0.4 0.6 0.8 1.0");
  EXPECT_EQ(labels(viz::linear_ticks({-1.3, 4.2}, 5)),
            "\xe2\x88\x92"
            "1 0 1 2 3 4");
  EXPECT_EQ(labels(viz::linear_ticks({0, 100000}, 4)), "0 20000 40000 60000 80000 100000");
  EXPECT_EQ(labels(viz::linear_ticks({1e9, 1e9 + 1}, 2)),
            "1\xc3\x97"
            "10^9 1.0000000005\xc3\x97"
            "10^9 1.000000001\xc3\x97"
            "10^9");
  EXPECT_EQ(labels(viz::linear_ticks({0, 3e-5}, 3)),
            "0 1\xc3\x97"
            "10^\xe2\x88\x92"
            "5 2\xc3\x97"
            "10^\xe2\x88\x92"
            "5 3\xc3\x97"
            "10^\xe2\x88\x92"
            "5");
  EXPECT_EQ(labels(viz::linear_ticks({0, 2e7}, 4)),
            "0 5\xc3\x97"
            "10^6 1\xc3\x97"
            "10^7 1.5\xc3\x97"
            "10^7 2\xc3\x97"
            "10^7");
}

TEST(Axes, LogTicksArePowersOfTen) {
  EXPECT_EQ(labels(viz::log_ticks({0.02, 300}, 5)),
            "10^\xe2\x88\x92"
            "1 10^0 10^1 10^2");
  EXPECT_EQ(labels(viz::log_ticks({1, 9}, 5)), "1 2 5");
  EXPECT_EQ(labels(viz::log_ticks({2.1, 2.9}, 5)), "2.2 2.4 2.6 2.8");
  const auto wide = viz::log_ticks({1e-200, 1e200}, 6);
  EXPECT_LE(std::count_if(wide.begin(), wide.end(), [](auto& t) { return !t.is_minor; }), 7);
  const auto decades = viz::log_ticks({1, 100}, 5);
  EXPECT_EQ(std::count_if(decades.begin(), decades.end(), [](auto& t) { return t.is_minor; }), 16);
}

TEST(Axes, TicksLieInTheRangeAndAreFewForEveryRange) {
  for (const double low : {-1e299, -3.7e5, -1.0, -1e-9, 0.0, 1e-280, 0.3, 99.0, 1e20})
    for (const double length : {1e-270, 1e-9, 0.7, 1.0, 12345.0, 1e30, 1e299}) {
      viz::Extent extent;
      extent.see(low);
      extent.see(low + length);
      const viz::Range range = viz::padded(extent, Scale::linear, 0.05);
      const viz::Axis axis(range, Scale::linear, 300, false);
      const auto ticks = axis.ticks(11);
      EXPECT_GE(ticks.size(), 1u) << low << " " << length;
      EXPECT_LE(ticks.size(), 12u);
      for (const auto& tick : ticks) {
        EXPECT_GE(axis.position(tick.value), -0.01) << low << " " << length;
        EXPECT_LE(axis.position(tick.value), 300.01) << low << " " << length;
      }
    }
}

TEST(Axes, LabelsDoNotTouch) {
  for (const double pixels : {40.0, 100.0, 350.0, 900.0})
    for (const viz::Range range : {viz::Range{0, 1}, {-1e6, 1e6}, {1000, 1000.001}, {0, 7e-8}}) {
      const viz::Axis axis(range, Scale::linear, pixels, false);
      const auto ticks = axis.ticks(11);
      if (ticks.size() <= 2) continue;  // Fewer cannot be had.
      for (std::size_t i = 1; i < ticks.size(); ++i) {
        const double room = axis.position(ticks[i].value) - axis.position(ticks[i - 1].value);
        EXPECT_GE(room, (ticks[i].width(11) + ticks[i - 1].width(11)) / 2) << pixels << " " << range.low;
      }
    }
}

TEST(Axes, PositionsFollowTheScale) {
  const viz::Axis linear({-1, 3}, Scale::linear, 200, false), up({0, 10}, Scale::linear, 100, true),
      log({0.01, 100}, Scale::log, 400, false);
  EXPECT_DOUBLE_EQ(linear.position(0), 50);
  EXPECT_DOUBLE_EQ(up.position(10), 0);
  EXPECT_DOUBLE_EQ(up.position(2.5), 75);
  EXPECT_NEAR(log.position(1), 200, 1e-9);
  EXPECT_TRUE(std::isnan(log.position(0)));
  EXPECT_TRUE(std::isnan(log.position(-1)));
  EXPECT_TRUE(std::isnan(linear.position(std::numeric_limits<double>::infinity())));
  EXPECT_TRUE(std::isfinite(linear.position(1.7e308)));
  EXPECT_TRUE(std::isfinite(viz::Axis({1e-290, 1e290}, Scale::log, 400, false).position(1)));
}

TEST(Axes, EmptyAndConstantDataGetARange) {
  EXPECT_EQ(viz::padded({}, Scale::linear, 0.1).high, 1);
  EXPECT_EQ(viz::padded({}, Scale::log, 0.1).low, 1);
  for (const Scale scale : {Scale::linear, Scale::log})
    for (const double value : {5.0, 1e-300, 1e300, 1.7e308, 5e-324}) {
      viz::Extent extent;
      extent.see(value, scale);
      const viz::Range range = viz::padded(extent, scale, 0.05);
      EXPECT_LT(range.low, range.high) << value;
      EXPECT_NO_THROW(viz::check_range(range, scale, "test")) << value;
    }
}

TEST(Axes, RangesThatCannotBeDrawnAreRefused) {
  EXPECT_EQ(message_of<eigengrad::ValueError>([] { viz::check_range({4, -4}, Scale::linear, "panel"); }),
            "panel: range 4 to -4: give two different finite numbers, the lower first, or {} to take the data's");
  EXPECT_THROW(viz::check_range({1, 1}, Scale::linear, "panel"), eigengrad::ValueError);
  EXPECT_THROW(viz::check_range({0, std::nan("")}, Scale::linear, "panel"), eigengrad::ValueError);
  EXPECT_THROW(viz::check_range({0, HUGE_VAL}, Scale::linear, "panel"), eigengrad::ValueError);
  EXPECT_NE(message_of<eigengrad::ValueError>([] {
              viz::check_range({-1, 1}, Scale::log, "panel");
            }).find("a log axis cannot show -1"),
            std::string::npos);
}

TEST(Levels, HoldTheValuesAndSuitTheirSpread) {
  const viz::Range unit{0, 1};
  const auto linear =
      viz::chosen_levels(viz::Grid::sample([](double x, double y) { return x + y; }, unit, unit, 20, 20), {}, 10);
  EXPECT_LE(linear.front(), 0);
  EXPECT_GE(linear.back(), 2);
  EXPECT_GE(linear.size(), 8u);
  const auto log = viz::chosen_levels(
      viz::Grid::sample([](double x, double) { return std::pow(10, 4 * x); }, unit, unit, 20, 20), {}, 10);
  ASSERT_EQ(log.size(), 9u);
  EXPECT_NEAR(log.front(), 1, 1e-9);
  EXPECT_NEAR(log.back(), 1e4, 1e-6);
  for (const double value : {0.0, 5.0, -1e300, std::nan("")})
    EXPECT_NO_THROW(viz::check_levels(
        viz::chosen_levels(viz::Grid::sample([&](double, double) { return value; }, unit, unit, 3, 3), {}, 10), 2, "t"))
        << value;
  EXPECT_THROW(viz::check_levels({1, 1}, 2, "field"), eigengrad::ValueError);
}

}  // namespace
