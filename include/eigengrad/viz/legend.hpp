#pragma once

#include "draw.hpp"

// Legends.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// What a legend says: a sample of how something is drawn, and its name.
struct LegendEntry {
  std::string label, colour, outline;
  bool patch = false;
  Dash dash = Dash::solid;
  Marker marker = Marker::none;
  double width = 0, size = 0;
  friend bool operator==(const LegendEntry&, const LegendEntry&) = default;
};

inline constexpr double legend_font = 12, legend_row = 18;

/// The panel's labelled lines, points and regions.
inline std::vector<LegendEntry> legend_entries(const Panel& panel) {
  std::vector<LegendEntry> result;
  for (const Layer& layer : panel.layers())
    if (!layer.label.empty())
      result.push_back({layer.label, layer.colour, "", layer.filled, layer.dash, Marker::none, layer.width, 0});
  for (const Series& series : panel.series())
    if (!series.label.empty())
      result.push_back(
          {series.label, series.colour, series.outline, false, series.dash, series.marker, series.width, series.size});
  return result;
}

/// How wide an entry's sample is: a line needs more than a point.
inline double legend_sample(const LegendEntry& entry) { return entry.patch ? 22 : entry.width > 0 ? 32 : 14; }

/// How wide an entry is, below others whose samples take `column`.
inline double legend_width(const LegendEntry& entry, double most, double column) {
  return column + 6 + (std::min)(text_width(entry.label, legend_font), most);
}

/// Draws one entry, its sample in the middle of a column that begins at x, its middle at y.
inline void draw_entry(Svg& svg, const LegendEntry& entry, double x, double y, double most, double column) {
  const double sample = legend_sample(entry), label = x + column + 6;
  x += (column - sample) / 2;
  if (entry.patch)
    svg.element("rect", "x", x, "y", y - 6, "width", sample, "height", 12, "fill", entry.colour, "stroke", "#888888",
                "stroke-width", 0.5);
  else if (entry.width > 0)
    svg.element("path", "d", to_text("M", std::lround(x), " ", std::lround(y), "h", std::lround(sample)), "fill",
                "none", "stroke", entry.colour, "stroke-width", entry.width, "stroke-dasharray",
                dash_pattern(entry.dash));
  if (entry.marker != Marker::none)
    svg.element("path", "d", marker_path(entry.marker, {x + sample / 2, y}, entry.size), "fill", entry.colour, "stroke",
                entry.outline, "stroke-width", 0.8);
  svg.text(label, y + 0.36 * legend_font, shortened(entry.label, legend_font, most), {.size = legend_font});
}

/// Where a box of this size covers no data, from the frame's upper left; nothing when every place is taken.
inline std::optional<Point> free_place(const Panel& panel, double width, double height) {
  const double right = panel.options().width - width - 8, low = panel.options().height - height - 8;
  if (right < 8 || low < 8) return {};
  std::vector<Point> places = {{right, 8},       {8, 8},       {8, low},       {right, low},
                               {right, low / 2}, {8, low / 2}, {right / 2, 8}, {right / 2, low}};
  std::erase_if(places, [&](const Point& place) {
    const auto covered = [&](double x, double y) {
      return x > place.x - 6 && x < place.x + width + 6 && y > place.y - 6 && y < place.y + height + 6;
    };
    for (const Series& series : panel.series())
      for (const auto points = pixels(panel, series.x, series.y); const auto run : runs(points))
        for (std::size_t i = 0; i < run.size(); ++i) {
          if (covered(run[i].x, run[i].y)) return true;
          if (i == 0 || series.kind == Series::Kind::scatter) continue;
          const double x = run[i].x - run[i - 1].x, y = run[i].y - run[i - 1].y;
          for (double share = 0, step = 4 / (std::max)(std::hypot(x, y), 4.0); share < 1; share += step)
            if (covered(run[i - 1].x + share * x, run[i - 1].y + share * y)) return true;
        }
    return false;
  });
  return places.empty() ? std::nullopt : std::optional(places[0]);
}

/// The widest sample of the entries, so that their labels line up.
inline double widest_sample(const std::vector<LegendEntry>& entries) {
  double widest = 0;
  for (const LegendEntry& entry : entries) widest = (std::max)(widest, legend_sample(entry));
  return widest;
}

/// The size of a legend within a panel.
inline Point legend_box(const Panel& panel, const std::vector<LegendEntry>& entries) {
  const double column = widest_sample(entries);
  double width = 0;
  for (const LegendEntry& entry : entries)
    width = (std::max)(width, legend_width(entry, 0.6 * panel.options().width, column));
  return {width + 14, legend_row * static_cast<double>(entries.size()) + 6};
}

/// The upper left of the panel's own legend; nothing when it belongs below the figure or there is none.
inline std::optional<Point> legend_place(const Panel& panel) {
  const auto entries = legend_entries(panel);
  if (entries.empty()) return {};
  const Point box = legend_box(panel, entries);
  const double right = panel.options().width - box.x - 8, low = panel.options().height - box.y - 8;
  switch (panel.options().legend) {
    case LegendPlace::upper_left:
      return Point{8, 8};
    case LegendPlace::upper_right:
      return Point{right, 8};
    case LegendPlace::lower_left:
      return Point{8, low};
    case LegendPlace::lower_right:
      return Point{right, low};
    case LegendPlace::automatic:
      return panel.layers().empty() && panel.pictures().empty() ? free_place(panel, box.x, box.y) : std::nullopt;
    default:
      return {};
  }
}

/// Draws the legend inside the frame whose upper left is given.
inline void draw_legend(Svg& svg, const Panel& panel, Point place) {
  const auto entries = legend_entries(panel);
  const Point box = legend_box(panel, entries);
  svg.element("rect", "x", place.x, "y", place.y, "width", box.x, "height", box.y, "rx", 3, "fill", "#ffffff",
              "fill-opacity", 0.85, "stroke", "#cccccc", "stroke-width", 0.8);
  double y = place.y + 3 + legend_row / 2;
  for (const LegendEntry& entry : entries) {
    draw_entry(svg, entry, place.x + 6, y, 0.6 * panel.options().width, widest_sample(entries));
    y += legend_row;
  }
}

/// A column of a legend in several rows: where it begins, how wide its samples and all of it are.
struct LegendColumn {
  double start = 0, sample = 0, width = 0;
};

/// The columns of a legend whose rows hold `count` entries each, in the middle of `width`.
inline std::vector<LegendColumn> legend_columns(const std::vector<LegendEntry>& entries, std::size_t count,
                                                double width) {
  constexpr double gap = 18;
  std::vector<LegendColumn> columns(count);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    double& sample = columns[i % count].sample;
    sample = (std::max)(sample, legend_sample(entries[i]));
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    LegendColumn& column = columns[i % count];
    column.width = (std::max)(column.width, legend_width(entries[i], 0.6 * width, column.sample));
  }
  double total = -gap;
  for (const LegendColumn& column : columns) total += column.width + gap;
  double at = (width - total) / 2;
  for (LegendColumn& column : columns) {
    column.start = at;
    at += column.width + gap;
  }
  return columns;
}

/// The same with as many columns as fit, in rows filled as evenly as can be.
inline std::vector<LegendColumn> legend_columns(const std::vector<LegendEntry>& entries, double width) {
  for (std::size_t rows = 1; rows < entries.size(); ++rows) {
    auto columns = legend_columns(entries, (entries.size() + rows - 1) / rows, width);
    if (columns.front().start >= 0) return columns;
  }
  auto column = legend_columns(entries, entries.empty() ? 0 : 1, width);
  if (!column.empty()) column.front().start = (std::max)(column.front().start, 0.0);
  return column;
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
