#include <gtest/gtest.h>

#include <limits>

#include <eigengrad/viz/path.hpp>

#include "xml.hpp"

namespace viz = eigengrad::viz;

namespace {

std::string number(double value) {
  std::string text;
  viz::append_number(text, value);
  return text;
}
std::string escaped(std::string_view content) {
  std::string text;
  viz::append_escaped(text, content);
  return text;
}

TEST(Svg, NumbersHaveAtMostTwoDecimalsAndAreFinite) {
  EXPECT_EQ(number(0), "0");
  EXPECT_EQ(number(-0.001), "0");
  EXPECT_EQ(number(1.5), "1.5");
  EXPECT_EQ(number(-12.346), "-12.35");
  EXPECT_EQ(number(7.05), "7.05");
  EXPECT_EQ(number(std::numeric_limits<double>::quiet_NaN()), "0");
  EXPECT_EQ(number(std::numeric_limits<double>::infinity()), "1000000");
  EXPECT_EQ(number(-1e308), "-1000000");
}

// 61: hostile text.
TEST(Svg, HostileTextIsEscaped) {
  EXPECT_EQ(escaped("<script>alert('x')</script>"), "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
  EXPECT_EQ(escaped("a & \"b\""), "a &amp; &quot;b&quot;");
  EXPECT_EQ(escaped("a\tb\nc"), "a b c");
  EXPECT_EQ(escaped(std::string_view("\0\x01\x1b\x7f", 4)), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(Svg, OnlyWholeUtf8PassesThrough) {
  const std::string_view good = "\xc3\xa9 \xe2\x88\x92 \xf0\x9f\x98\x80";
  EXPECT_EQ(escaped(good), good);
  const std::string broken = "\xef\xbf\xbd";
  EXPECT_EQ(escaped("\xff"), broken);
  EXPECT_EQ(escaped("\xc3"), broken);                                         // cut off
  EXPECT_EQ(escaped("\xc0\xbc"), broken + broken);                            // an overlong "<"
  EXPECT_EQ(escaped("\xed\xa0\x80"), broken + broken + broken);               // a surrogate
  EXPECT_EQ(escaped("\xef\xbf\xbe"), broken + broken + broken);               // U+FFFE
  EXPECT_EQ(escaped("\xf4\x90\x80\x80"), broken + broken + broken + broken);  // beyond U+10FFFF
  EXPECT_EQ(escaped("\xc2\x85"), broken + broken);                            // a control character of two bytes
}

TEST(Svg, AttributesCannotBeBrokenOutOf) {
  viz::Svg svg(100, 50, "a <b> & c");
  svg.element("rect", "fill", "red\" onload=\"alert(1)", "width", std::nan(""));
  svg.text(3, 4, "</text><script>", {.bold = true, .upwards = true, .exponent = "<2>"});
  const std::string text = std::move(svg).finish();
  EXPECT_EQ(xml_problem(text), "") << text;
  EXPECT_EQ(occurrences(text, "<script"), 0u);
  EXPECT_EQ(occurrences(text, "onload=\""), 0u);
  EXPECT_EQ(occurrences(text, "viewBox=\"0 0 100 50\""), 1u);
}

TEST(Svg, TheCheckerItselfFindsFaults) {
  EXPECT_EQ(xml_problem("<a><b x=\"1\"/>t</a>\n"), "");
  for (const auto* bad : {"<a>", "<a></b>", "<a x=\"1\" x=\"2\"/>", "<a>&</a>", "<a/><b/>", "<a x=\"<\"/>",
                          "<a>\x01</a>", "<a x=1/>", "t"})
    EXPECT_NE(xml_problem(bad), "") << bad;
}

TEST(Svg, LongTextIsCut) {
  EXPECT_EQ(viz::shortened("short", 12, 100), "short");
  const std::string cut = viz::shortened(std::string(100'000, 'm'), 12, 100);
  EXPECT_LE(viz::text_width(cut, 12), 105);
  EXPECT_TRUE(cut.ends_with("\xe2\x80\xa6"));
}

TEST(Path, StraightPiecesBecomeOneAndTurnsStay) {
  viz::PathText path;
  const std::vector<viz::Point> points = {{0, 0}, {1, 1}, {1, 1}, {2, 2}, {3, 3}, {3, 8}, {3, 4}};
  path.add(points);
  EXPECT_EQ(path.text(), "M0 0L3 3L3 8L3 4");
  path.add(std::vector<viz::Point>{{5, 5}, {6, 5}, {6, 6}}, true);
  EXPECT_EQ(path.text(), "M0 0L3 3L3 8L3 4M5 5L6 5L6 6z");
}

TEST(Path, ACircleStaysRound) {
  viz::PathText path;
  std::vector<viz::Point> points;
  for (int i = 0; i <= 10000; ++i)
    points.push_back({100 * std::cos(i * 6.2831853e-4), 100 * std::sin(i * 6.2831853e-4)});
  path.add(points);
  EXPECT_GT(occurrences(path.text(), "L"), 60u);
  EXPECT_LT(occurrences(path.text(), "L"), 400u);
}

TEST(Path, ThinningKeepsPeaksAndEnds) {
  std::vector<viz::Point> points;
  for (int i = 0; i < 1'000'000; ++i) points.push_back({i / 5000.0, i == 123'456 ? -7.0 : i == 654'321 ? 9.0 : 1.0});
  const auto kept = viz::thinned(points);
  EXPECT_LT(kept.size(), 2000u);
  const auto has = [&](double y) { return std::any_of(kept.begin(), kept.end(), [&](auto& p) { return p.y == y; }); };
  EXPECT_TRUE(has(-7) && has(9));
  EXPECT_EQ(kept.front().x, points.front().x);
  EXPECT_EQ(kept.back().x, points.back().x);
}

TEST(Path, PointsThatAreNoNumbersSplitTheLine) {
  const double gap = std::nan("");
  const std::vector<viz::Point> points = {{gap, 0}, {0, 0}, {1, 1}, {2, gap}, {3, gap}, {4, 4}};
  const auto parts = viz::runs(points);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].size(), 2u);
  EXPECT_EQ(parts[1].size(), 1u);
  EXPECT_TRUE(viz::runs({}).empty());
}

}  // namespace
