#pragma once

#include "panel.hpp"

// Paths of gradient descent over a loss surface.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// The points an optimizer visited, the start first.
struct DescentPath {
  std::string label;
  Numbers x, y;
};

/// Ranges left empty hold all paths; `levels` as in FieldOptions.
struct DescentOptions {
  std::string title = {}, subtitle = {}, x_label = "w1", y_label = "w2", bar_label = "loss";
  Range x_range = {}, y_range = {};
  std::vector<double> levels = {};
  Spacing spacing = Spacing::automatic;
  double bands = 10;
  ColourMap map = ColourMap::viridis;
  double fade = 0.4;
  Index resolution = 241;
  bool colour_bar = true;
  double width = 380, height = 300;
};

/// Paths of gradient descent over the contours of a loss surface, `surface(x, y)`, with arrow heads, each start and end
/// marked. Throws ShapeError when a path's x and y differ in size.
template <class Surface>
Panel descent_path(Surface&& surface, const std::vector<DescentPath>& paths, const DescentOptions& options = {}) {
  Extent x_extent, y_extent;
  for (const DescentPath& path : paths) {
    for (const double value : path.x) x_extent.see(value);
    for (const double value : path.y) y_extent.see(value);
  }
  const Range x = options.x_range.given() ? options.x_range : padded(x_extent, Scale::linear, 0.2);
  const Range y = options.y_range.given() ? options.y_range : padded(y_extent, Scale::linear, 0.3);
  const Grid grid = Grid::sample(surface, x, y, options.resolution, options.resolution);

  Panel panel({.title = options.title,
               .subtitle = options.subtitle,
               .x_label = options.x_label,
               .y_label = options.y_label,
               .x_range = x,
               .y_range = y,
               .width = options.width,
               .height = options.height});
  panel.field(grid, {.levels = options.levels,
                     .spacing = options.spacing,
                     .bands = options.bands,
                     .map = options.map,
                     .fade = options.fade,
                     .colour_bar = options.colour_bar,
                     .label = options.bar_label});
  panel.contour(grid, {.levels = options.levels,
                       .spacing = options.spacing,
                       .bands = options.bands,
                       .colour = "#3c3c3c",
                       .width = 0.6});
  constexpr Colour colours[] = {0xd55e00, 0x0072b2, 0x000000, 0xcc79a7};
  for (std::size_t i = 0; i < paths.size(); ++i)
    panel.arrows(paths[i].x, paths[i].y, {.label = paths[i].label, .colour = to_hex(colours[i % std::size(colours)])});
  std::vector<double> start_x, start_y, end_x, end_y;
  for (const DescentPath& path : paths) {
    std::vector<std::size_t> finite;
    for (std::size_t i = 0; i < path.x.size(); ++i)
      if (std::isfinite(path.x[i]) && std::isfinite(path.y[i])) finite.push_back(i);
    if (finite.empty()) continue;
    start_x.push_back(path.x[finite.front()]), start_y.push_back(path.y[finite.front()]);
    end_x.push_back(path.x[finite.back()]), end_y.push_back(path.y[finite.back()]);
  }
  if (start_x.empty()) return panel;
  panel.scatter(start_x, start_y,
                {.label = "start", .colour = "#ffffff", .marker = Marker::square, .size = 5, .outline = "#000000"});
  panel.scatter(end_x, end_y,
                {.label = "end", .colour = "#f0e442", .marker = Marker::star, .size = 5.5, .outline = "#000000"});
  return panel;
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
