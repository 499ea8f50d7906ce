#include <gtest/gtest.h>

#include <limits>

#include <eigengrad/viz/heat_map.hpp>
#include <eigengrad/viz/image_sheet.hpp>

#include "png.hpp"
#include "xml.hpp"

namespace eg = eigengrad;
namespace viz = eigengrad::viz;
using eg::ShapeError;
using eg::ValueError;

namespace {

const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
constexpr viz::Colour pink = viz::missing_colour;

/// Counts from 0 to 1, as many as the shape holds.
eg::Tensor<double> ramp(eg::Shape shape) {
  auto result = eg::Tensor<double>::empty(shape);
  for (eg::Index i = 0; i < result.size(); ++i)
    result.mutable_data()[i] = static_cast<double>(i) / static_cast<double>(std::max(result.size() - 1, eg::Index{1}));
  return result;
}

std::vector<viz::Colour> colours_of(const eg::Tensor<double>& matrix, viz::ColourMap map, viz::Range range = {}) {
  return numbers_of(decoded(viz::Panel().image(matrix, {.map = map, .range = range}).pictures().at(0).address),
                    static_cast<std::size_t>(matrix.shape()[1]));
}

// The addresses and sums were written by Python's zlib and base64 modules.
TEST(Png, IsWhatAnotherWriterWrites) {
  EXPECT_EQ(viz::png_address(viz::png_image(2, std::string_view("\x00\xff\x80\x40", 4))),
            "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAABX3VL4AAAAEUlEQVR4AQEGAPn/"
            "AAD/AIBABUIBwHnpCcQAAAAASUVORK5CYII=");
  const std::vector<viz::Colour> colours = {0x000000, 0xffffff, 0xe6007e};
  EXPECT_EQ(viz::png_address(viz::png_image(3, std::string_view("\0\1\2", 3), colours)),
            "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAMAAAABCAMAAAAsPuSGAAAACVBMVEUAAAD////"
            "mAH5pFHNYAAAAD0lEQVR4AQEEAPv/AAABAgAIAAStpU5OAAAAAElFTkSuQmCC");
  EXPECT_EQ(viz::chunk_checksum("123456789"), 0xcbf43926u);
  EXPECT_EQ(viz::stream_checksum("Wikipedia"), 0x11e60398u);
  EXPECT_EQ(unpacked(viz::stored_stream("")), "");
  // 300 x 300 pixels with a filter byte before each row: more than a block holds.
  std::string lines;
  for (int i = 0; i < 90000; ++i) {
    if (i % 300 == 0) lines += '\0';
    lines += static_cast<char>(i * 7 % 256);
  }
  const std::string stream = viz::stored_stream(lines);
  EXPECT_EQ(stream.size(), 90316u);
  EXPECT_EQ(viz::chunk_checksum(stream), 0x410f0fbdu);
  EXPECT_EQ(viz::stream_checksum(lines), 0x2e6214au);
  EXPECT_EQ(unpacked(stream), lines);
}

TEST(Image, GreyRunsFromBlackToWhite) {
  EXPECT_EQ(colours_of({{0, 1}, {0.5, 0.2}}, viz::ColourMap::grey),
            (std::vector<viz::Colour>{0x000000, 0xffffff, 0x808080, 0x333333}));
  EXPECT_EQ(colours_of({{0, 1, 2, -5, 200}}, viz::ColourMap::grey, {0, 2}),
            (std::vector<viz::Colour>{0x000000, 0x808080, 0xffffff, 0x000000, 0xffffff}));
  // One number everywhere is the middle of its range.
  EXPECT_EQ(colours_of({{3, 3}}, viz::ColourMap::grey), (std::vector<viz::Colour>{0x808080, 0x808080}));
  EXPECT_EQ(colours_of({{0}}, viz::ColourMap::grey), (std::vector<viz::Colour>{0x808080}));
}

TEST(Image, BlueOrangeHasItsMiddleAtZero) {
  const auto map = viz::ColourMap::blue_orange;
  const viz::Colour low = viz::map_colour(map, 0), middle = viz::map_colour(map, 0.5), high = viz::map_colour(map, 1);
  EXPECT_EQ(colours_of({{0, 4, -4}}, map), (std::vector<viz::Colour>{middle, high, low}));
  EXPECT_EQ(colours_of({{0, 4, -2}}, map)[0], middle);
  EXPECT_EQ(colours_of({{0, 4, -2}}, map)[2], viz::map_colour(map, 0.25 + 0.25 / 63)) << "the nearest of 127 colours";
  EXPECT_EQ(colours_of({{0, 0}}, map), (std::vector<viz::Colour>{middle, middle}));
  EXPECT_EQ(colours_of({{0, 2, 4}}, map, {0, 4}), (std::vector<viz::Colour>{low, middle, high}));
}

TEST(Image, NanIsPinkAndInfinitiesAreTheEnds) {
  EXPECT_EQ(colours_of({{nan, 0, 1, inf, -inf}}, viz::ColourMap::grey),
            (std::vector<viz::Colour>{pink, 0x000000, 0xffffff, 0xffffff, 0x000000}));
  for (const auto map :
       {viz::ColourMap::grey, viz::ColourMap::blue_orange, viz::ColourMap::viridis, viz::ColourMap::cividis}) {
    EXPECT_EQ(colours_of({{nan, nan}}, map), (std::vector<viz::Colour>{pink, pink}));
    const viz::Colour low = viz::map_colour(map, 0), high = viz::map_colour(map, 1);
    EXPECT_EQ(colours_of({{inf, -inf}}, map), (std::vector<viz::Colour>{high, low}));
    EXPECT_EQ(colours_of({{-1e308, 1e308, nan}}, map), (std::vector<viz::Colour>{low, high, pink}));
    const auto all = colours_of(ramp({1, 1000}), map);
    EXPECT_EQ(std::count(all.begin(), all.end(), pink), 0);
    EXPECT_EQ(all.front(), map == viz::ColourMap::blue_orange ? viz::map_colour(map, 0.5) : low);
    EXPECT_EQ(all.back(), high);
  }
}

TEST(Image, StandsOnAxesWithItsFirstRowAbove) {
  viz::Panel panel({.title = "digit", .width = 280, .height = 280});
  panel.image(ramp({28, 28})).line({0, 28}, {0, 28}, {.label = "rising"});
  EXPECT_EQ(panel.x_axis().range().high, 28);
  EXPECT_EQ(panel.y_axis().range().low, 0);
  const std::string svg = viz::Figure(panel).svg();
  EXPECT_EQ(xml_problem(svg), "");
  EXPECT_EQ(occurrences(svg, "<image x=\"0\" y=\"0\" width=\"280\" height=\"280\" preserveAspectRatio=\"none\""), 1u);
  EXPECT_LT(svg.find("<image"), svg.find("stroke=\"#0072b2\"")) << "lines are drawn over images";
  const auto images = images_of(svg);
  ASSERT_EQ(images.size(), 1u);
  EXPECT_EQ(images[0].width, 84u) << "three pixels a number";
  EXPECT_EQ(images[0].height, 84u);
  EXPECT_EQ(images[0].pixels.front(), 0x000000u);
  EXPECT_EQ(images[0].pixels.back(), 0xffffffu);
  // Where it is told to, beside another.
  viz::Panel two({.width = 200, .height = 100});
  two.image(ramp({2, 2}), {.x_range = {0, 1}, .y_range = {0, 1}});
  two.image(ramp({2, 2}), {.x_range = {1, 2}, .y_range = {0, 1}});
  EXPECT_EQ(occurrences(viz::Figure(two).svg(), "<image x=\"100\" y=\"0\" width=\"100\" height=\"100\""), 1u);
}

TEST(Image, TakesTensorsOfAnyNumbersAndFormulas) {
  const eg::Tensor<std::int64_t> counts = {{0, 1}, {2, 4}};
  const eg::Tensor<float> floats = {{0, 1}, {2, 4}};
  const std::vector<viz::Colour> expected = {0x000000, 0x404040, 0x808080, 0xffffff};
  for (const viz::Images& images : {viz::Images(counts), viz::Images(floats), viz::Images(floats + floats)})
    EXPECT_EQ(numbers_of(decoded(viz::Panel().image(images).pictures().at(0).address), 2), expected);
}

TEST(ImageSheet, ShowsAllInRows) {
  auto images = ramp({5, 3, 4});
  const std::string svg = viz::image_sheet(images, {.title = "Digits", .columns = 2}).svg();
  EXPECT_EQ(xml_problem(svg), "");
  EXPECT_EQ(occurrences(svg, ">Digits<"), 2u);  // the picture's own and the one to be read
  EXPECT_EQ(
      occurrences(
          svg, "<g image-rendering=\"optimizeSpeed\" style=\"image-rendering:crisp-edges;image-rendering:pixelated\""),
      1u);
  // 14 pixels for each number, a gap of 6.
  EXPECT_EQ(occurrences(svg, "<image x=\"62\" y=\"48\" width=\"56\" height=\"42\""), 1u);
  EXPECT_EQ(occurrences(svg, "<image x=\"0\" y=\"96\" width=\"56\" height=\"42\""), 1u);
  const auto all = images_of(svg);
  ASSERT_EQ(all.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    const auto colours = numbers_of(all[i], 4);
    for (std::size_t k = 0; k < 12; ++k)  // one range for all
      EXPECT_EQ(colours[k], 0x10101u * static_cast<unsigned>(std::lround(255 * images.data()[12 * i + k])));
  }
  EXPECT_EQ(svg, viz::image_sheet(images, {.title = "Digits", .columns = 2}).svg()) << "the same bytes";
}

TEST(ImageSheet, GivesEachItsOwnRangeWhenAsked) {
  for (const Decoded& each : images_of(viz::image_sheet(ramp({5, 3, 4}), {.own_range = true}).svg())) {
    EXPECT_EQ(each.pixels.front(), 0x000000u);
    EXPECT_EQ(each.pixels.back(), 0xffffffu);
  }
  const auto given = images_of(viz::image_sheet(ramp({2, 1, 2}), {.range = {0, 2}}).svg());
  EXPECT_EQ(given[1].pixels.back(), 0x808080u);
}

TEST(ImageSheet, TitlesStandAboveTheirImagesAsText) {
  const std::string svg =
      viz::image_sheet(ramp({2, 8, 8}), {.titles = {"<b>&", "a title much wider than its image"}}).svg();
  EXPECT_EQ(xml_problem(svg), "");
  EXPECT_EQ(occurrences(svg, ">&lt;b&gt;&amp;<"), 1u);
  EXPECT_EQ(occurrences(svg, "\xe2\x80\xa6<"), 1u) << "shortened";
  EXPECT_EQ(occurrences(svg, "wider"), 0u);
}

TEST(ImageSheet, HasOneBarForAll) {
  const std::string svg =
      viz::image_sheet(ramp({4, 3, 3}), {.map = viz::ColourMap::blue_orange, .colour_bar = true, .bar_label = "weight"})
          .svg();
  EXPECT_EQ(xml_problem(svg), "");
  EXPECT_EQ(occurrences(svg, ">weight<"), 1u);
  EXPECT_EQ(occurrences(svg, ">1<") + occurrences(svg, ">1.0<"), 1u);
  const auto all = images_of(svg);
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[4].width, 1u);
  EXPECT_EQ(all[4].height, viz::image_colours);
  EXPECT_EQ(all[4].pixels.front(), viz::map_colour(viz::ColourMap::blue_orange, 1));
  EXPECT_EQ(all[4].pixels.back(), viz::map_colour(viz::ColourMap::blue_orange, 0));
}

TEST(ImageSheet, StaysAsLittleAsItsPixels) {
  EXPECT_LT(viz::image_sheet(ramp({32, 28, 28})).svg().size(), 48'000u);
  auto noise = eg::Tensor<double>::empty({32, 28, 28});
  for (eg::Index i = 0; i < noise.size(); ++i) noise.mutable_data()[i] = static_cast<double>(i * 7919 % 1009) - 504;
  EXPECT_LT(viz::image_sheet(noise, {.map = viz::ColourMap::blue_orange}).svg().size(), 64'000u);
  EXPECT_LT(viz::image_sheet(ramp({32, 3, 3})).svg().size(), 45'000u);
}

TEST(ImageSheet, CountsAllDimensionsButTheLastTwo) {
  EXPECT_EQ(images_of(viz::image_sheet(ramp({4, 2, 3, 3})).svg()).size(), 8u);
  EXPECT_EQ(images_of(viz::image_sheet(ramp({3, 3})).svg()).size(), 1u);
  EXPECT_EQ(images_of(viz::image_sheet(ramp({1000, 2, 2})).svg()).size(), 1000u);
  EXPECT_EQ(xml_problem(viz::image_sheet(ramp({1, 1, 5000}), {.title = "a line"}).svg()), "");
  EXPECT_EQ(xml_problem(viz::image_sheet(ramp({1, 1, 1}), {.title = "one", .pixel_size = 0.01, .gap = 0}).svg()), "");
}

TEST(ImageSheet, WhatCannotBeShownIsRefused) {
  const auto message = [](const eg::Tensor<double>& images, const viz::ImageSheetOptions& options = {}) {
    return message_of<ShapeError>([&] { viz::image_sheet(images, options); });
  };
  EXPECT_EQ(message(ramp({5})), "image_sheet: [5] is no matrix: give [rows, columns] or [n, rows, columns]");
  for (const eg::Shape& shape :
       {eg::Shape{0, 3, 3}, eg::Shape{3, 0, 3}, eg::Shape{3, 3, 0}, eg::Shape{1, 1, 5001}, eg::Shape{5001, 1}})
    EXPECT_EQ(message(ramp(shape)), eg::to_text("image_sheet: ", shape,
                                                " cannot be shown: give at least one image [rows, columns] with 1 to "
                                                "5000 of each, in the last two dimensions"));
  EXPECT_EQ(message(ramp({4, 2, 2}), {.titles = {"a", "b", "c"}}),
            "image_sheet: 3 titles for images [4, 2, 2]: give one for each of the 4, or none");
  EXPECT_EQ(message(ramp({100, 28, 28}), {.columns = 1}),
            "image_sheet: images [100, 28, 28] in 1 columns are 56 pixels wide and 6194 high together: keep to 5000 by "
            "fewer images, other columns or a smaller pixel_size");
  EXPECT_THROW(viz::image_sheet(ramp({2, 2}), {.columns = -1}), ValueError);
  EXPECT_THROW(viz::image_sheet(ramp({2, 2}), {.range = {2, 1}}), ValueError);
  for (const double size : {-1.0, nan, inf, 1e300}) {
    EXPECT_THROW(viz::image_sheet(ramp({2, 2}), {.pixel_size = size}), ValueError) << size;
    EXPECT_THROW(viz::image_sheet(ramp({2, 2}), {.gap = size}), ValueError) << size;
  }
  EXPECT_THROW(viz::image_sheet(ramp({2, 2}), {.own_range = true, .colour_bar = true}), ValueError);
  EXPECT_EQ(message_of<ShapeError>([] { viz::Panel().image(ramp({2, 3, 3})); }),
            "image: [2, 3, 3] holds 2 matrices: show one, or all on an image_sheet");
  EXPECT_EQ(message_of<ShapeError>([] { viz::Images(ramp({2, 3, 3}))[2]; }),
            "images: there is no image 2 in [2, 3, 3]: they count from 0 to 1");
  EXPECT_THROW(viz::Images(ramp({3}))[0], ShapeError);
}

TEST(HeatMap, LabelsBothAxes) {
  const std::string svg = viz::Figure(viz::heat_map(ramp({2, 3}), {.title = "Attention",
                                                                   .x_label = "read",
                                                                   .y_label = "written",
                                                                   .row_labels = {"<i>", "&"},
                                                                   .column_labels = {"a", "b", "\""},
                                                                   .bar_label = "weight"}))
                              .svg();
  EXPECT_EQ(xml_problem(svg), "");
  for (const auto* text :
       {">&lt;i&gt;<", ">&amp;<", ">a<", ">b<", ">&quot;<", ">weight<", ">read<", ">written<", ">1.0<"})
    EXPECT_EQ(occurrences(svg, text), 1u) << text;
  // Cells of 28 pixels: the first row is above, the first column at the left.
  EXPECT_EQ(occurrences(svg, "<text x=\"-9\" y=\"18\" font-size=\"11\" text-anchor=\"end\">&lt;i"), 1u) << svg;
  EXPECT_EQ(occurrences(svg, "<text x=\"14\" y=\"74\" font-size=\"11\" text-anchor=\"middle\">a"), 1u) << svg;
  const auto all = images_of(svg);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].pixels.front(), viz::map_colour(viz::ColourMap::viridis, 0));
  EXPECT_EQ(all[0].pixels.back(), viz::map_colour(viz::ColourMap::viridis, 1));
}

TEST(HeatMap, LongLabelsBelowAreTurned) {
  const std::string svg = viz::Figure(viz::heat_map(ramp({1, 2}), {.column_labels = {"animal", std::string(500, 'm')},
                                                                   .colour_bar = false}))
                              .svg();
  EXPECT_EQ(xml_problem(svg), "");
  EXPECT_EQ(occurrences(svg, "rotate(-90 18 37)\">animal<"), 1u) << svg;
  EXPECT_LT(svg.size(), 10'000u);
  EXPECT_EQ(occurrences(svg, "m\xe2\x80\xa6<"), 1u);
}

TEST(HeatMap, NumbersRowsThatHaveNoNamesAndLeavesOutWhatWouldTouch) {
  const std::string svg = viz::Figure(viz::heat_map(ramp({100, 50}), {.colour_bar = false})).svg();
  EXPECT_EQ(occurrences(svg, ">0<"), 2u);
  EXPECT_EQ(occurrences(svg, ">40<"), 2u);
  EXPECT_EQ(occurrences(svg, ">90<"), 1u);
  EXPECT_EQ(occurrences(svg, ">7<"), 0u);
  std::vector<std::string> labels(2000, "x");
  const std::string many = viz::Figure(viz::heat_map(ramp({2000, 2}), {.row_labels = labels})).svg();
  EXPECT_LT(occurrences(many, ">x<"), 110u);
  EXPECT_EQ(xml_problem(viz::Figure(viz::heat_map(ramp({1, 1}))).svg()), "");
  EXPECT_EQ(xml_problem(viz::Figure(viz::heat_map(eg::Tensor<double>{{nan, inf}})).svg()), "");
}

TEST(HeatMap, CharactersOfATextAreLabels) {
  EXPECT_EQ(viz::characters("a b\n"), (std::vector<std::string>{"a", "\xe2\x90\xa3", "b", "\xe2\x86\xb5"}));
  EXPECT_EQ(viz::characters("\xc3\xa9\xff<"), (std::vector<std::string>{"\xc3\xa9", "\xff", "<"}));
  EXPECT_TRUE(viz::characters("").empty());
  const std::string svg = viz::Figure(viz::heat_map(ramp({3, 3}), {.row_labels = viz::characters("\xff<\x01"),
                                                                   .column_labels = viz::characters("&\"'")}))
                              .svg();
  EXPECT_EQ(xml_problem(svg), "");
}

TEST(HeatMap, WhatCannotBeShownIsRefused) {
  EXPECT_EQ(message_of<ShapeError>([] { viz::heat_map(ramp({2, 3, 3})); }),
            "heat_map: [2, 3, 3] holds 2 matrices: give one, or show all on an image_sheet");
  EXPECT_EQ(message_of<ShapeError>([] { viz::heat_map(ramp({2, 3}), {.row_labels = {"a"}}); }),
            "heat_map: 1 row labels for a matrix [2, 3]: give one for each row, or none");
  EXPECT_EQ(message_of<ShapeError>([] { viz::heat_map(ramp({2, 3}), {.column_labels = {"a", "b"}}); }),
            "heat_map: 2 column labels for a matrix [2, 3]: give one for each column, or none");
  EXPECT_EQ(message_of<ShapeError>([] { viz::heat_map(ramp({2, 300}), {.cell = 20}); }),
            "heat_map: [2, 300] with cells of 20 pixels is 6000 wide and 40 high: use smaller cells, for at most 5000 "
            "pixels");
  EXPECT_THROW(viz::heat_map(ramp({0, 3})), ShapeError);
  EXPECT_THROW(viz::heat_map(ramp({3})), ShapeError);
  EXPECT_THROW(viz::heat_map(ramp({2, 2}), {.cell = nan}), ValueError);
  EXPECT_THROW(viz::heat_map(ramp({2, 2}), {.range = {nan, 1}}), ValueError);
}

}  // namespace
