#pragma once

#include "figure.hpp"

// Many small images on one sheet: filters, feature maps, digits, generated images.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// Settings of image_sheet.
struct ImageSheetOptions {
  std::string title = {};
  std::vector<std::string> titles = {};  // one above each image, or none
  Index columns = 0;                     // images side by side; 0 takes 8, more where there are more than 64
  ColourMap map = ColourMap::grey;       // blue_orange has its middle at 0
  Range range = {};                      // the numbers at the map's ends; {} takes the images' own
  bool own_range = false;                // a range for each image rather than one for all
  double pixel_size = 0;                 // how wide and high one number is drawn; 0 makes an image about 56 wide
  double gap = 6;                        // between images
  bool colour_bar = false;
  std::string bar_label = {};
};

/// Images [n, rows, columns] side by side in rows; all dimensions before the last two count images. NaN is shown in
/// missing_colour. Throws ShapeError for images that are empty or more than 5000 pixels together, or another number of
/// titles, ValueError for other settings that cannot be drawn.
inline Figure image_sheet(const Images& images, const ImageSheetOptions& options = {}) {
  images.validate("image_sheet");
  const Index count = images.count(), longest = (std::max)(images.rows(), images.columns());
  require<ShapeError>(options.titles.empty() || static_cast<Index>(options.titles.size()) == count,
                      "image_sheet: ", options.titles.size(), " titles for images ", images.shape(),
                      ": give one for each of the ", count, ", or none");
  require<ValueError>(options.columns >= 0, "image_sheet: ", options.columns,
                      " columns: use at least 1, or 0 for as many as fit well");
  require<ValueError>(options.pixel_size >= 0 && options.pixel_size <= 1000 && options.gap >= 0 && options.gap <= 1000,
                      "image_sheet: pixel_size ", options.pixel_size, " and gap ", options.gap,
                      ": use 0 to 1000 pixels each");
  require<ValueError>(!(options.colour_bar && options.own_range),
                      "image_sheet: one colour bar cannot tell the range of each image: leave own_range or colour_bar "
                      "out");
  const Index columns = (std::min)(
      count, options.columns > 0
                 ? options.columns
                 : (std::max)(Index{8}, static_cast<Index>(std::ceil(std::sqrt(static_cast<double>(count))))));
  const Index rows = (count + columns - 1) / columns;
  const auto side = static_cast<double>(longest);
  const double automatic = longest <= 56 ? std::floor(56 / side) : (std::min)(1.0, 400 / side);
  const double pixel = options.pixel_size > 0 ? options.pixel_size : automatic;
  const double image_width = (std::max)(pixel * static_cast<double>(images.columns()), 4.0);
  const double image_height = (std::max)(pixel * static_cast<double>(images.rows()), 4.0);
  const double across = image_width + options.gap, row_title = options.titles.empty() ? 0 : caption_row;
  const double down = row_title + image_height + options.gap;
  const double content = across * static_cast<double>(columns) - options.gap;
  const double height = (std::max)(down * static_cast<double>(rows) - options.gap, 20.0);
  // A narrow sheet makes room for its title.
  const double width = (std::max)({content, 20.0, (std::min)(text_width(options.title, 1.08 * title_font), 240.0)});
  require<ShapeError>(width <= 5000 && height <= 5000, "image_sheet: images ", images.shape(), " in ", columns,
                      " columns are ", std::llround(width), " pixels wide and ", std::llround(height),
                      " high together: keep to 5000 by fewer images, other columns or a smaller pixel_size");

  Panel panel(
      {.title = options.title, .x_range = {0, width}, .y_range = {0, height}, .width = width, .height = height});
  panel.ticks({}, {});
  const Range common =
      options.range.given() || options.own_range ? options.range : image_range(options.map, images.numbers());
  for (Index i = 0; i < count; ++i) {
    const Index row = i / columns;
    const double left = (width - content) / 2 + across * static_cast<double>(i % columns);
    const double top = height - row_title - down * static_cast<double>(row);
    panel.image(images[i], {.map = options.map,
                            .range = common,
                            .x_range = {left, left + image_width},
                            .y_range = {top - image_height, top},
                            .outline = true,
                            .title = options.titles.empty() ? "" : options.titles[static_cast<std::size_t>(i)],
                            .colour_bar = options.colour_bar && i == 0,
                            .bar_label = options.bar_label,
                            .side = 28});
  }
  return Figure(std::move(panel));
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
