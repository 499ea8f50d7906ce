#include <gtest/gtest.h>

#include <eigengrad/viz/contour.hpp>

#include "xml.hpp"

namespace viz = eigengrad::viz;

namespace {

constexpr viz::Range square{-2, 2};

double area(const std::vector<viz::Curve>& curves) {
  double sum = 0;
  for (const auto& curve : curves)
    for (std::size_t i = 1; i < curve.points.size(); ++i)
      sum += (curve.points[i - 1].x * curve.points[i].y - curve.points[i].x * curve.points[i - 1].y) / 2;
  return sum;
}

TEST(Contour, OfACircleLiesOnTheCircle) {
  const auto grid = viz::Grid::sample([](double x, double y) { return x * x + y * y; }, square, square, 101, 101);
  const auto curves = viz::contour_lines(grid, 1);
  ASSERT_EQ(curves.size(), 1u);
  EXPECT_TRUE(curves[0].closed);
  EXPECT_GT(curves[0].points.size(), 100u);
  for (const auto& p : curves[0].points) EXPECT_NEAR(std::hypot(p.x, p.y), 1, 5e-4);
  EXPECT_NEAR(std::abs(area(curves)), std::numbers::pi, 5e-3);
}

TEST(Contour, OfAPlaneIsOneStraightOpenLine) {
  const auto grid = viz::Grid::sample([](double x, double y) { return 3 * x + y; }, square, square, 7, 9);
  const auto curves = viz::contour_lines(grid, 0.25);
  ASSERT_EQ(curves.size(), 1u);
  EXPECT_FALSE(curves[0].closed);
  for (const auto& p : curves[0].points) EXPECT_NEAR(3 * p.x + p.y, 0.25, 1e-12);
  EXPECT_NEAR(std::abs(curves[0].points.front().y), 2, 1e-12);
  EXPECT_NEAR(std::abs(curves[0].points.back().y), 2, 1e-12);
}

TEST(Contour, RegionsAreClosedAndHaveTheRightArea) {
  const auto bowl = viz::Grid::sample([](double x, double y) { return x * x + y * y; }, square, square, 101, 101);
  // At least 1: the square without the disc; at least -1: the whole square.
  EXPECT_NEAR(area(viz::contour_region(bowl, 1)), 16 - std::numbers::pi, 5e-3);
  EXPECT_NEAR(area(viz::contour_region(bowl, -1)), 16, 1e-9);
  EXPECT_TRUE(viz::contour_region(bowl, 9).empty());
  for (const auto& curve : viz::contour_region(bowl, 1)) EXPECT_TRUE(curve.closed);
}

TEST(Contour, SaddlesJoinWithoutCrossing) {
  const viz::Grid saddle({1, 0, 0, 1}, {0, 1}, {0, 1}, 2, 2);
  for (const double level : {0.3, 0.5, 0.7}) {
    const auto curves = viz::contour_lines(saddle, level);
    ASSERT_EQ(curves.size(), 2u) << level;
    for (const auto& curve : curves) EXPECT_EQ(curve.points.size(), 2u);
  }
}

TEST(Contour, HolesAreLeftOut) {
  const auto grid =
      viz::Grid::sample([](double x, double y) { return x > 0.01 ? std::nan("") : y; }, square, square, 41, 41);
  for (const auto& curve : viz::contour_lines(grid, 0.5))
    for (const auto& p : curve.points) EXPECT_LE(p.x, 1e-12);
  EXPECT_NEAR(area(viz::contour_region(grid, -5)), 8, 1e-9);
}

TEST(Contour, HugeValuesDoNotOverflow) {
  const viz::Grid grid({-1.7e308, 1.7e308, -1.7e308, 1.7e308}, {0, 1}, {0, 1}, 2, 2);
  const auto curves = viz::contour_lines(grid, 0);
  ASSERT_EQ(curves.size(), 1u);
  for (const auto& p : curves[0].points) EXPECT_NEAR(p.x, 0.5, 1e-12);
}

TEST(Grid, WrongSizesAreRefused) {
  EXPECT_EQ(message_of<eigengrad::ShapeError>([] { viz::Grid({1, 2, 3}, {0, 1}, {0, 1}, 2, 2); }),
            "grid: 3 values for 2 rows of 2: give rows * columns values, row by row from the lowest y");
  EXPECT_THROW(viz::Grid({1}, {0, 1}, {0, 1}, 1, 1), eigengrad::ShapeError);
  EXPECT_THROW(viz::Grid({1, 2, 3, 4}, {}, {0, 1}, 2, 2), eigengrad::ValueError);
  EXPECT_THROW(viz::Grid({0, 1}, {0, 1}, 2, 1'000'000'000), eigengrad::ShapeError);
}

TEST(Grid, TakesATensorRowByRow) {
  const viz::Grid grid(eigengrad::Tensor<float>{{1, 2, 3}, {4, 5, 6}}, {0, 2}, {0, 1}, 2, 3);
  EXPECT_EQ(grid(1, 0), 4);
  EXPECT_EQ(grid.x(2), 2);
}

}  // namespace
