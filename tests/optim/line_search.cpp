#include "eigengrad/optim/line_search.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eg = eigengrad;
using Point = eg::LinePoint<double>;

// Searches along a function of the step, given with its slope, and checks both strong Wolfe conditions.
template <class Loss, class Slope>
static Point search(const Loss& loss, const Slope& slope, double first_step, std::vector<double>* tried = nullptr) {
  const auto at = [&](double t) {
    if (tried != nullptr) tried->push_back(t);
    const double height = loss(t);
    return Point{t, std::isnan(height) ? std::numeric_limits<double>::infinity() : height, slope(t), {}};
  };
  const Point start = at(0), found = eg::strong_wolfe(at, start, first_step, {});
  EXPECT_LE(found.loss, start.loss + 1e-4 * found.step * start.slope);
  EXPECT_LE(std::abs(found.slope), -0.9 * start.slope);
  EXPECT_EQ(found.loss, loss(found.step));
  return found;
}

TEST(LineSearch, TheCubicThroughACubicIsExact) {
  const auto cubic = [](double t) { return Point{t, t * t * t - 3 * t, 3 * t * t - 3, {}}; };  // smallest at 1
  EXPECT_NEAR(eg::cubic_minimum(cubic(0), cubic(3), 0, 3), 1, 1e-14);
  EXPECT_NEAR(eg::cubic_minimum(cubic(3), cubic(0), 0, 3), 1, 1e-14) << "in either order";
  EXPECT_EQ(eg::cubic_minimum(cubic(0), cubic(3), 2, 3), 2) << "within the bounds";
  EXPECT_EQ(eg::cubic_minimum(Point{0, 0, -1, {}}, Point{2, -2, -1, {}}, 0, 4), 2) << "a line has none: the middle";
  EXPECT_EQ(eg::cubic_minimum(Point{0, 0, -1, {}}, Point{2, std::numeric_limits<double>::infinity(), 1, {}}, 0, 2), 1);
}

TEST(LineSearch, AFirstStepThatIsGoodEnoughIsTaken) {
  std::vector<double> tried;
  const Point found = search([](double t) { return t * t - 2 * t; }, [](double t) { return 2 * t - 2; }, 0.5, &tried);
  EXPECT_EQ(found.step, 0.5);
  EXPECT_EQ(tried.size(), 2u);
}

TEST(LineSearch, ShortAndLongFirstStepsEndWhereTheConditionsHold) {
  for (const double first : {1e-6, 1e-3, 0.1, 1.0, 10.0, 1e3, 1e6}) {
    SCOPED_TRACE(first);
    search([](double t) { return t * t - 2 * t; }, [](double t) { return 2 * t - 2; }, first);
    search([](double t) { return -t / (t * t + 2); },  // the first function of More and Thuente, 1994
           [](double t) { return (t * t - 2) / ((t * t + 2) * (t * t + 2)); }, std::min(first, 1e3));
    search([](double t) { return std::pow(t + 0.004, 5) - 2 * std::pow(t + 0.004, 4); },  // their second
           [](double t) { return 5 * std::pow(t + 0.004, 4) - 8 * std::pow(t + 0.004, 3); }, std::min(first, 1e3));
  }
}

TEST(LineSearch, StepsOutOfTheDomainAreTooLong) {
  const Point found = search([](double t) { return -std::log(1 + t) - std::log(1 - t) - t; },
                             [](double t) { return -1 / (1 + t) + 1 / (1 - t) - 1; }, 50);
  EXPECT_LT(found.step, 1);
}

TEST(LineSearch, WhereNothingIsLowerItStaysAtTheStart) {
  int calls = 0;
  const auto at = [&](double t) {
    ++calls;
    return Point{t, 1 + t, -1, {}};  // the slope promises what does not come
  };
  EXPECT_EQ(eg::strong_wolfe(at, Point{0, 1, -1, {}}, 1, {.narrowest = 1e-3}).step, 0);
  EXPECT_LE(calls, 26);
  calls = 0;
  EXPECT_GT(eg::strong_wolfe([&](double t) { return ++calls, Point{t, -t, -1, {}}; }, Point{0, 0, -1, {}}, 1, {}).step,
            1e9)
      << "downhill for ever: the longest step tried";
  EXPECT_EQ(calls, 26);
}
