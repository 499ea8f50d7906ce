#include <gtest/gtest.h>

#include <eigengrad/viz/viz.hpp>

#include "xml.hpp"

namespace eg = eigengrad;
namespace viz = eigengrad::viz;

namespace {

const eg::Tensor<float> corners = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};

/// High between the lines x + y = 0.5 and 1.5, where XOR is true.
eg::Tensor<float> exclusive_or(const eg::Tensor<float>& points) {
  auto result = eg::Tensor<float>::empty({points.shape()[0], 1});
  float* next = result.mutable_data();
  for (eg::Index i = 0; i < points.shape()[0]; ++i) {
    const float sum = points.data()[2 * i] + points.data()[2 * i + 1];
    *next++ = 1 / (1 + std::exp(-8 * (0.5f - std::abs(sum - 1))));
  }
  return result;
}

TEST(DecisionRegions, ShowBoundaryPointsAndColourBar) {
  const viz::Panel panel =
      viz::decision_regions(exclusive_or, corners, eg::Tensor<float>{{0}, {1}, {1}, {0}}, {.title = "XOR"});
  ASSERT_EQ(panel.series().size(), 2u);
  EXPECT_EQ(panel.series()[0].x.size(), 2u);
  EXPECT_NE(panel.series()[0].marker, panel.series()[1].marker);
  EXPECT_NE(panel.series()[0].colour, panel.series()[1].colour);
  ASSERT_TRUE(panel.colour_bar().has_value());
  EXPECT_DOUBLE_EQ(panel.colour_bar()->levels.front(), 0);
  EXPECT_DOUBLE_EQ(panel.colour_bar()->levels.back(), 1);
  const auto& boundary = panel.layers().back();
  ASSERT_FALSE(boundary.filled);
  const auto curves = viz::contour_lines(panel.grid(boundary.grid), boundary.level);
  ASSERT_EQ(curves.size(), 2u);
  for (const auto& curve : curves)
    for (const auto& p : curve.points) EXPECT_NEAR(std::abs(p.x + p.y - 1), 0.5, 2e-3);
  const std::string svg = viz::Figure(panel).svg();
  EXPECT_EQ(xml_problem(svg), "");
  for (const auto* text : {">XOR<", ">class 0<", ">class 1<", ">decision boundary<", ">model output<"})
    EXPECT_EQ(occurrences(svg, text), 1u + (text[1] == 'X')) << text;
}

TEST(DecisionRegions, SayWhenAModelGivesOneNumberEverywhere) {
  const auto model = [](const eg::Tensor<float>& points) {
    return eg::Tensor<float>::full({points.shape()[0], 1}, 0.497f);
  };
  const viz::Panel flat = viz::decision_regions(model, corners, {0, 1, 1, 0});
  EXPECT_EQ(occurrences(viz::Figure(flat).svg(), ">the output stays at 0.50<"), 1u);
  // Roundings around the threshold draw no boundary.
  const auto noise = [](const eg::Tensor<float>& points) {
    auto result = eg::Tensor<float>::full({points.shape()[0], 1}, 0.5f);
    for (eg::Index i = 0; i < result.size(); ++i) result.mutable_data()[i] += i % 3 == 0 ? 1e-7f : -1e-7f;
    return result;
  };
  const viz::Panel unlearned = viz::decision_regions(noise, corners, {0, 1, 1, 0});
  EXPECT_TRUE(viz::contour_lines(unlearned.grid(unlearned.layers().back().grid), 0.5).empty());
  EXPECT_EQ(unlearned.notes().size(), 1u);
  EXPECT_TRUE(viz::decision_regions(exclusive_or, corners, {0, 1, 1, 0}).notes().empty());
}

TEST(DecisionRegions, LogitsArePartedAtTheirThreshold) {
  const auto model = [](const eg::Tensor<double>& points) {
    auto result = eg::Tensor<double>::empty({points.shape()[0]});
    for (eg::Index i = 0; i < result.size(); ++i) result.mutable_data()[i] = 10 * points.data()[2 * i];
    return result;
  };
  const viz::Panel panel = viz::decision_regions(model, eg::Tensor<double>{{-1, 0}, {1, 1}}, {0, 1}, {.threshold = 0});
  const auto& levels = panel.colour_bar()->levels;
  EXPECT_NEAR(levels.front(), -levels.back(), 1e-9);
  for (const auto& curve : viz::contour_lines(panel.grid(panel.layers().back().grid), 0))
    for (const auto& p : curve.points) EXPECT_NEAR(p.x, 0, 1e-9);
}

TEST(DecisionRegions, OfManyClassesFollowTheLargestScore) {
  // Three wedges around the origin: the best class is the nearest of three directions.
  const auto model = [](const eg::Tensor<float>& points) {
    auto result = eg::Tensor<float>::empty({points.shape()[0], 3});
    float* next = result.mutable_data();
    for (eg::Index i = 0; i < points.shape()[0]; ++i)
      for (const double angle : {0.0, 2.1, 4.2})
        *next++ =
            static_cast<float>(std::cos(angle) * points.data()[2 * i] + std::sin(angle) * points.data()[2 * i + 1]);
    return result;
  };
  const eg::Tensor<float> points = {{1, 0}, {-0.5f, 0.8f}, {-0.5f, -0.8f}};
  const viz::Panel panel = viz::decision_regions(model, points, eg::Tensor<std::int64_t>{0, 1, 2},
                                                 {.class_names = {"east", "north", "south"}});
  EXPECT_EQ(panel.layers().size(), 5u);  // three regions and their two borders
  const std::string svg = viz::Figure(panel).svg();
  EXPECT_EQ(xml_problem(svg), "");
  for (const auto* text : {">east<", ">north<", ">south<", ">decision boundary<"})
    EXPECT_EQ(occurrences(svg, text), 1u) << text;
}

TEST(DecisionRegions, WrongInputIsRefused) {
  EXPECT_EQ(message_of<eg::ShapeError>([] { viz::decision_regions(exclusive_or, eg::Tensor<float>{{1, 2, 3}}, {0}); }),
            "decision_regions: points are [1, 3]: give [n, 2], or pick two columns");
  EXPECT_EQ(message_of<eg::ShapeError>([] { viz::decision_regions(exclusive_or, corners, {0, 1}); }),
            "decision_regions: 2 labels for points [4, 2]: give one label for each point");
  EXPECT_THROW(viz::decision_regions(exclusive_or, corners, {0, 1, 0.5, 1}), eg::ValueError);
  EXPECT_THROW(viz::decision_regions(exclusive_or, corners, {0, 1, -1, 1}), eg::ValueError);
  EXPECT_THROW(viz::decision_regions(exclusive_or, corners, {0, 1, std::nan(""), 1}), eg::ValueError);
  const auto wrong = [](const eg::Tensor<float>&) { return eg::Tensor<float>::zeros({3, 1}); };
  EXPECT_NE(message_of<eg::ShapeError>([&] {
              viz::decision_regions(wrong, corners, {0, 1, 1, 0});
            }).find("the model gave [3, 1] for points [4096, 2]"),
            std::string::npos);
}

TEST(DecisionRegions, AModelGoneWrongStillGivesAPicture) {
  const auto lost = [](const eg::Tensor<float>& points) {
    return eg::Tensor<float>::full({points.shape()[0], 1}, std::nanf(""));
  };
  EXPECT_EQ(xml_problem(viz::Figure(viz::decision_regions(lost, corners, {0, 1, 1, 0})).svg()), "");
  EXPECT_EQ(xml_problem(viz::Figure(viz::decision_regions(lost, eg::Tensor<float>::zeros({0, 2}), {})).svg()), "");
}

TEST(ActivationSheet, GivesEachItsValueAndDerivative) {
  const auto x = eg::Tensor<double>::linspace(-3, 3, 61);
  std::vector<viz::Activation> activations;
  for (const auto* name : {"sigmoid", "tanh", "relu", "leaky_relu", "elu", "maxout"})
    activations.push_back({name, x, x, x, "f(x)"});
  const std::string svg = viz::activation_sheet(activations, {.title = "Activations"}).svg();
  EXPECT_EQ(xml_problem(svg), "");
  for (const auto& activation : activations) EXPECT_EQ(occurrences(svg, ">" + activation.name + "<"), 1u);
  EXPECT_EQ(occurrences(svg, ">f(x)<"), 6u);
  EXPECT_EQ(occurrences(svg, ">value<"), 1u);
  EXPECT_EQ(occurrences(svg, ">derivative<"), 1u);
  EXPECT_EQ(occurrences(svg, "stroke-dasharray=\"7 4\""), 7u);  // six curves and the legend
  EXPECT_THROW(viz::activation_sheet({{"odd", x, x, {1, 2}}}), eg::ShapeError);
}

TEST(LossCurve, CountsStepsAndLeavesGaps) {
  const viz::Panel panel =
      viz::loss_curve({{"training", {4, 2, 1, 0.5}}, {"validation", {5, 1}, 2, 2}}, {.title = "Loss", .log_y = true});
  EXPECT_EQ(panel.series()[0].x[0], 1);
  EXPECT_EQ(panel.series()[1].x[0], 2);
  EXPECT_EQ(panel.series()[1].x[1], 4);
  EXPECT_NE(panel.series()[0].dash, panel.series()[1].dash);
  EXPECT_EQ(xml_problem(viz::Figure(panel).svg()), "");
  EXPECT_EQ(
      xml_problem(
          viz::Figure(viz::loss_curve({{"diverged", {1, 1e300, HUGE_VAL, std::nan("")}}}, {.log_y = true})).svg()),
      "");
  EXPECT_EQ(xml_problem(viz::Figure(viz::loss_curve({})).svg()), "");
}

TEST(DescentPath, MarksStartAndEnd) {
  const auto bowl = [](double x, double y) { return x * x + 5 * y * y; };
  const viz::Panel panel =
      viz::descent_path(bowl, {{"descent", {-2, -1, -0.5, std::nan("")}, {1, -0.5, 0.2, 0}}}, {.title = "Bowl"});
  ASSERT_EQ(panel.series().size(), 3u);
  EXPECT_EQ(panel.series()[1].x[0], -2);
  EXPECT_EQ(panel.series()[2].x[0], -0.5);  // the last point that is a number
  EXPECT_TRUE(panel.colour_bar().has_value());
  const std::string svg = viz::Figure(panel).svg();
  EXPECT_EQ(xml_problem(svg), "");
  for (const auto* text : {">descent<", ">start<", ">end<", ">loss<"}) EXPECT_EQ(occurrences(svg, text), 1u) << text;
  EXPECT_THROW(viz::descent_path(bowl, {{"odd", {1, 2}, {1}}}), eg::ShapeError);
  EXPECT_EQ(xml_problem(viz::Figure(viz::descent_path(bowl, {})).svg()), "");
  EXPECT_EQ(xml_problem(viz::Figure(viz::descent_path(bowl, {{"away", {0, 1e150, 1e300}, {0, -1e200, 1e308}}})).svg()),
            "");
}

}  // namespace
