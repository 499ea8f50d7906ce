#include <gtest/gtest.h>

#include <clocale>
#include <locale>
#include <span>

#include <eigengrad/viz/figure.hpp>

#include "xml.hpp"

namespace viz = eigengrad::viz;

namespace {

std::string svg_of(viz::Panel panel) { return viz::Figure(std::move(panel)).svg(); }

struct DecimalComma : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
};

void expect_valid(const std::string& svg) {
  EXPECT_EQ(xml_problem(svg), "");
  for (const auto* word : {"nan", "inf", "NaN", "1000000"}) EXPECT_EQ(occurrences(svg, word), 0u) << word;
}

TEST(Figure, HoldsTitleLabelsTicksAndLegend) {
  viz::Panel panel({.title = "Curves", .x_label = "time", .y_label = "height"});
  panel.line({0, 1, 2}, {0, 1, 4}, {.label = "square"}).line({0, 1, 2}, {0, 1, 2}, {.label = "straight"});
  const std::string svg = svg_of(panel);
  expect_valid(svg);
  for (const auto* text : {">Curves<", ">time<", ">height<", ">square<", ">straight<", ">0.0<", ">2.0<", "#0072b2",
                           "#d55e00", "stroke-dasharray=\"7 4\""})
    EXPECT_GE(occurrences(svg, text), 1u) << text;
}

// The x of the text that begins with `words`.
double place_of(const std::string& svg, const std::string& words) {
  const std::size_t end = svg.find(">" + words), begin = svg.rfind("<text x=\"", end);
  return std::stod(svg.substr(begin + 9));
}

TEST(Figure, ATitleWiderThanItsFrameTakesTwoLines) {
  const std::string title = "Three spirals, a 2-32-32-3 network";
  const std::string narrow = svg_of(viz::Panel({.title = title, .width = 240}));
  expect_valid(narrow);
  EXPECT_EQ(occurrences(narrow, ">Three spirals, a<"), 1u) << narrow;
  EXPECT_EQ(occurrences(narrow, ">2-32-32-3 network<"), 1u);
  for (const std::string& line : viz::title_lines(title, 240))
    EXPECT_LE(viz::text_width(line, viz::title_font), 240) << line;
  EXPECT_EQ(viz::title_lines(title, 320), (std::vector<std::string>{title}));
  EXPECT_EQ(viz::title_lines(std::string(300, 'm'), 200).size(), 1u) << "one word is shortened";
  EXPECT_TRUE(viz::title_lines("", 200).empty());
}

TEST(Figure, HoldsSubtitleAndNotes) {
  viz::Panel panel({.title = "Sigmoid", .subtitle = "1 / (1 + exp(-x)) < 1"});
  panel.line({0, 1}, {0, 1}).note(0.5, 0.25, "here & there").note(std::nan(""), 1, "nowhere");
  const std::string svg = svg_of(panel);
  expect_valid(svg);
  EXPECT_EQ(occurrences(svg, ">1 / (1 + exp(-x)) &lt; 1<"), 1u);
  EXPECT_EQ(occurrences(svg, ">here &amp; there<"), 1u);
  EXPECT_NEAR(place_of(svg, "here"), 160, 1) << "the middle of a frame of 320";
}

TEST(Figure, RowsOfALegendLineUp) {
  viz::Panel panel({.legend = viz::LegendPlace::below, .width = 300});
  panel.scatter({0}, {0}, {.label = "dots"}).line({0, 1}, {0, 1}, {.label = "a line"});
  panel.line({0, 1}, {1, 2}, {.label = "the second of the lines"}).line({0, 1}, {2, 3}, {.label = "last"});
  const std::string svg = svg_of(panel);
  EXPECT_EQ(place_of(svg, "dots"), place_of(svg, "the second of the lines")) << svg;
  EXPECT_EQ(place_of(svg, "a line"), place_of(svg, "last"));
  EXPECT_GT(place_of(svg, "last"), place_of(svg, "dots") + viz::text_width("the second of the lines", 12));
  const std::string inside = svg_of(viz::Panel({.legend = viz::LegendPlace::upper_left})
                                        .scatter({0}, {0}, {.label = "dots"})
                                        .line({0, 1}, {0, 1}, {.label = "a line"}));
  EXPECT_EQ(place_of(inside, "dots"), place_of(inside, "a line"));
}

TEST(Figure, TakesEveryKindOfNumbers) {
  const std::vector<double> numbers = {1, 2, 3};
  const std::vector<int> integers = {1, 2, 3};
  const eigengrad::Tensor<float> tensor = {1, 2, 3};
  viz::Panel panel;
  panel.line(numbers, tensor).line(std::span<const double>(numbers), integers).scatter({1, 2, 3}, tensor);
  expect_valid(svg_of(panel));
}

TEST(Figure, DifferentSizesAreRefused) {
  viz::Panel panel;
  EXPECT_EQ(message_of<eigengrad::ShapeError>([&] { panel.line({1, 2, 3}, {1, 2}); }),
            "line: x has 3 numbers and y has 2: give one y for each x");
  EXPECT_THROW(panel.scatter({1}, {}), eigengrad::ShapeError);
  EXPECT_THROW(panel.arrows({1}, {}), eigengrad::ShapeError);
  EXPECT_TRUE(panel.series().empty());
  EXPECT_THROW(viz::Panel({.width = 0}), eigengrad::ValueError);
  EXPECT_THROW(viz::Panel({.height = std::nan("")}), eigengrad::ValueError);
  EXPECT_THROW(viz::Figure({.columns = 0}), eigengrad::ValueError);
  EXPECT_THROW(panel.field(viz::Grid({0, 1}, {0, 1}, 2, 2), {.levels = {2, 1}}), eigengrad::ValueError);
}

TEST(Figure, AwkwardDataGivesAValidPicture) {
  const double nan = std::nan(""), inf = HUGE_VAL;
  const std::vector<std::vector<double>> data = {{},
                                                 {3},
                                                 {0},
                                                 {5, 5, 5},
                                                 {nan},
                                                 {nan, 1, nan},
                                                 {inf, -inf, 2},
                                                 {-1.7e308, 0, 1.7e308},
                                                 {5e-324, 1e-300},
                                                 {1e300, 1e300},
                                                 {-1, 0, 1},
                                                 {1e-320, 1e308},
                                                 {1, 1 + 1e-15}};
  for (const auto& y : data)
    for (const auto scale : {viz::Scale::linear, viz::Scale::log}) {
      std::vector<double> x(y.size());
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
      viz::Panel panel({.x_scale = scale, .y_scale = scale});
      panel.line(x, y, {.label = "line", .marker = viz::Marker::square})
          .scatter(y, x, {.label = "points"})
          .arrows(y, y, {.label = "arrows"});
      expect_valid(svg_of(panel));
    }
  expect_valid(svg_of(viz::Panel()));
  EXPECT_EQ(xml_problem(viz::Figure().svg()), "");
}

TEST(Figure, PointsThatAreNoNumbersMakeAGap) {
  const auto pieces = [](const viz::Numbers& y) {
    const std::string svg = svg_of(viz::Panel({.grid = false}).line({0, 1, 2, 3, 4}, y, {.colour = "#123456"}));
    const auto end = svg.find("stroke=\"#123456\""), begin = svg.rfind("d=\"", end);
    return occurrences(std::string_view(svg).substr(begin, end - begin), "M");
  };
  EXPECT_EQ(pieces({1, 2, 1, 2, 1}), 1u);
  EXPECT_EQ(pieces({1, 2, std::nan(""), 2, 1}), 2u);
  EXPECT_EQ(pieces({1, 2, HUGE_VAL, 2, 1}), 2u);
}

TEST(Figure, LogAxisSpacesPowersEvenly) {
  viz::Panel panel({.y_scale = viz::Scale::log, .y_range = {1e-3, 1e3}, .height = 300});
  panel.line({0, 1, 2}, {1e-3, 1, 1e3});
  EXPECT_NEAR(panel.y_axis().position(1e-3), 300, 1e-9);
  EXPECT_NEAR(panel.y_axis().position(1), 150, 1e-9);
  const std::string svg = svg_of(panel);
  EXPECT_EQ(occurrences(svg, ">10<tspan"), 7u);
}

TEST(Figure, HostileTextStaysText) {
  const std::string hostile = "<script>alert(\"1\")</script> & '\x01\xff";
  viz::Panel panel({.title = hostile, .x_label = hostile, .y_label = hostile});
  panel.line({0, 1}, {0, 1}, {.label = hostile, .colour = hostile});
  panel.field(viz::Grid::sample([](double x, double y) { return x * y; }, {0, 1}, {0, 1}, 5, 5), {.label = hostile});
  panel.region(viz::Grid({0, 1}, {0, 1}, 2, 2), 0, hostile, hostile);
  viz::Figure figure({.title = hostile});
  const std::string svg = figure.add(panel).svg();
  expect_valid(svg);
  EXPECT_EQ(occurrences(svg, "<script"), 0u);
}

TEST(Figure, TheSamePanelsGiveTheSameBytesInEveryLocale) {
  const auto make = [] {
    viz::Panel panel({.title = "t", .x_range = {-0.5, 1.5}});
    panel.field(viz::Grid::sample([](double x, double y) { return std::sin(3 * x) + y; }, {-1, 1}, {-1, 1}, 30, 30),
                {.label = "z"});
    return svg_of(panel.line({0.25, 1.75}, {0.5, 1e-3}, {.label = "a"}));
  };
  const std::string first = make();
  EXPECT_EQ(first, make());
  for (const auto* name : {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8"})  // what is not installed changes nothing
    if (std::setlocale(LC_ALL, name) != nullptr) break;
  const std::locale before = std::locale::global(std::locale(std::locale(), new DecimalComma));
  const std::string german = make();
  std::locale::global(before);
  std::setlocale(LC_ALL, "C");
  EXPECT_EQ(first, german);
}

TEST(Figure, LegendAvoidsTheData) {
  viz::Panel falling, full;
  falling.line({0, 1}, {1, 0}, {.label = "falling"});
  const auto place = viz::legend_place(falling);
  ASSERT_TRUE(place.has_value());
  EXPECT_GT(place->x, falling.options().width / 2);  // upper right
  std::vector<double> x, y;
  for (int i = 0; i < 900; ++i) x.push_back(i % 30), y.push_back(i / 30);
  full.scatter(x, y, {.label = "everywhere"});
  EXPECT_FALSE(viz::legend_place(full).has_value());
  EXPECT_GE(occurrences(svg_of(full), ">everywhere<"), 1u);  // below instead
  viz::Panel silent({.legend = viz::LegendPlace::none});
  EXPECT_EQ(occurrences(svg_of(silent.line({0, 1}, {0, 1}, {.label = "silent"})), ">silent<"), 0u);
}

TEST(Figure, PanelsBelowShareOneLegendAndNeighboursOneColourBar) {
  viz::Figure figure({.columns = 2});
  for (int i = 0; i < 2; ++i) {
    viz::Panel panel;
    panel.field(viz::Grid::sample([](double x, double y) { return x + y; }, {0, 1}, {0, 1}, 9, 9), {.label = "sum"});
    figure.add(panel.scatter({0.5}, {0.5}, {.label = "middle"}));
  }
  const std::string svg = figure.svg();
  expect_valid(svg);
  EXPECT_EQ(occurrences(svg, ">middle<"), 1u);
  EXPECT_EQ(occurrences(svg, ">sum<"), 1u);
}

TEST(Figure, AMillionStepsStaySmall) {
  std::vector<double> x, y;
  for (int i = 0; i < 1'000'000; ++i) x.push_back(i), y.push_back(static_cast<double>(i * 7919LL % 1000));
  EXPECT_LT(svg_of(viz::Panel().line(x, y, {.label = "noise"})).size(), 100'000u);
}

}  // namespace
