#pragma once

#include "panel.hpp"

// A matrix with its rows and columns named: attention, confusion, correlation.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// `row_labels` and `column_labels` stand beside each row and below each column; {} numbers them from 0. The range is
/// what the map's ends stand for; {} takes the matrix's own. `cell` is the size of one number in pixels, 0 chooses it.
struct HeatMapOptions {
  std::string title = {}, subtitle = {}, x_label = {}, y_label = {};
  std::vector<std::string> row_labels = {}, column_labels = {};
  ColourMap map = ColourMap::viridis;
  Range range = {};
  bool colour_bar = true;
  std::string bar_label = {};
  double cell = 0;
};

/// The characters of a text, to label the rows or columns of an attention map; white space is made visible.
inline std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> result;
  while (!text.empty()) {
    const std::size_t length = (std::max)(character_length(text), std::size_t{1});
    const std::string_view each = text.substr(0, length);
    result.emplace_back(each == " "    ? "\xe2\x90\xa3"
                        : each == "\n" ? "\xe2\x86\xb5"
                        : each == "\t" ? "\xe2\x87\xa5"
                                       : each);
    text.remove_prefix(length);
  }
  return result;
}

// Labels at the middles of so many cells; as many are left out as would touch on an axis so long. Numbers by default,
// at round steps.
inline std::vector<Tick> cell_ticks(Index count, const std::vector<std::string>& labels, double pixels, bool upwards) {
  const auto total = static_cast<double>(count);
  double stride = std::ceil(12 * total / pixels);
  if (labels.empty()) {
    stride = (std::max)(1.0, round_step((std::max)(1.0, 24 * total / pixels)));
    if (stride * pixels < 20 * total) stride = round_step(2 * stride);
  }
  std::vector<Tick> result;
  for (Index i = 0; i < count; i += static_cast<Index>(stride)) {
    const double middle = static_cast<double>(i) + 0.5;
    result.push_back({upwards ? total - middle : middle,
                      labels.empty() ? to_text(i) : shortened(labels[static_cast<std::size_t>(i)], 11, 120)});
  }
  return result;
}

/// A matrix [rows, columns] as a panel, its first row above, with labels along both axes and a colour bar. NaN is shown
/// in missing_colour. Throws ShapeError for more or less than one matrix of 1 to 5000 rows and columns or another
/// number of labels, ValueError for a size or range that cannot be drawn.
inline Panel heat_map(const Images& matrix, const HeatMapOptions& options = {}) {
  matrix.validate("heat_map");
  require<ShapeError>(matrix.count() == 1, "heat_map: ", matrix.shape(), " holds ", matrix.count(),
                      " matrices: give one, or show all on an image_sheet");
  const Index rows = matrix.rows(), columns = matrix.columns();
  const auto check_labels = [&](const std::vector<std::string>& labels, Index count, std::string_view what) {
    require<ShapeError>(labels.empty() || static_cast<Index>(labels.size()) == count, "heat_map: ", labels.size(), " ",
                        what, " labels for a matrix ", matrix.shape(), ": give one for each ", what, ", or none");
  };
  check_labels(options.row_labels, rows, "row");
  check_labels(options.column_labels, columns, "column");
  require<ValueError>(options.cell >= 0 && options.cell <= 1000, "heat_map: cell ", options.cell,
                      ": use 0 to 1000 pixels");
  const double longest = static_cast<double>((std::max)(rows, columns));
  // Labelled cells are at least as high as a letter, up to a picture of 1200 pixels.
  const bool labelled = !options.row_labels.empty() || !options.column_labels.empty();
  double cell = (std::min)(28.0, 420 / longest);
  if (labelled) cell = (std::max)(cell, (std::min)(14.0, 1200 / longest));
  cell = options.cell > 0 ? options.cell : cell >= 1 ? std::floor(cell) : cell;
  const double width = (std::max)(cell * static_cast<double>(columns), 20.0);
  const double height = (std::max)(cell * static_cast<double>(rows), 20.0);
  require<ShapeError>(width <= 5000 && height <= 5000, "heat_map: ", matrix.shape(), " with cells of ", cell,
                      " pixels is ", std::llround(width), " wide and ", std::llround(height),
                      " high: use smaller cells, for at most 5000 pixels");
  Panel panel({.title = options.title,
               .subtitle = options.subtitle,
               .x_label = options.x_label,
               .y_label = options.y_label,
               .width = width,
               .height = height});
  panel.ticks(cell_ticks(columns, options.column_labels, width, false),
              cell_ticks(rows, options.row_labels, height, true));
  return panel.image(
      matrix,
      {.map = options.map, .range = options.range, .colour_bar = options.colour_bar, .bar_label = options.bar_label});
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
