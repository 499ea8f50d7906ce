#pragma once

#include "file.hpp"
#include "legend.hpp"

// Panels in one SVG picture: save(path), or svg().
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// Settings of Figure.
struct FigureOptions {
  std::string title = {};
  Index columns = 1;
};

/// Panels in rows, drawn as one SVG picture: the same panels give the same bytes everywhere.
class Figure {
 public:
  /// Throws ValueError for fewer than one column.
  explicit Figure(FigureOptions options = {}) : options_(std::move(options)) {
    require<ValueError>(options_.columns >= 1, "figure: ", options_.columns, " columns: use at least 1");
  }
  /// A figure of one panel.
  explicit Figure(Panel panel) { add(std::move(panel)); }

  Figure& add(Panel panel) {
    panels_.push_back(std::move(panel));
    return *this;
  }
  /// The picture as text.
  std::string svg() const;
  /// Writes the picture to a file, whole or not at all; throws FileError naming path and reason.
  void save(const std::string& path) const { write_file(path, svg()); }

 private:
  /// Where a panel's frame lies within its cell, and what its edges carry.
  struct Cell {
    Panel panel;
    std::vector<Tick> x_ticks, y_ticks, bar_ticks;
    std::optional<Point> legend;
    std::vector<std::string> titles;
    double left = 0, right = 0, top = 0, bottom = 0;
    double x_label_at = 36, y_label_at = 0;
    bool x_upwards = false;  // labels below too wide to stand side by side
  };

  std::vector<Cell> cells() const;
  static void draw(Svg& svg, const Cell& cell, double left, double top);

  FigureOptions options_;
  std::vector<Panel> panels_;
};

inline constexpr double tick_font = 11, label_font = 12.5, title_font = 13.5, title_row = 18;

/// A panel's title in one line or, where it is wider than the frame, in two, broken at the space nearest the middle.
inline std::vector<std::string> title_lines(const std::string& title, double width) {
  if (title.empty()) return {};
  const double bold = 1.08 * title_font;  // as wide as bold letters are
  std::size_t space = std::string::npos;
  if (title.size() < 400 && text_width(title, bold) > width)
    for (std::size_t i = 0; i < title.size(); ++i) {
      const auto from_middle = [&](std::size_t place) {
        return std::abs(2.0 * static_cast<double>(place) - static_cast<double>(title.size()));
      };
      if (title[i] == ' ' && (space == std::string::npos || from_middle(i) < from_middle(space))) space = i;
    }
  if (space == std::string::npos) return {shortened(title, title_font, width + 20)};
  return {shortened(title.substr(0, space), title_font, width + 20),
          shortened(title.substr(space + 1), title_font, width + 20)};
}

// How wide the widest text beside an axis is.
inline double widest_label(const std::vector<Tick>& ticks) {
  double widest = 0;
  for (const Tick& tick : ticks)
    if (!tick.is_minor) widest = (std::max)(widest, tick.width(tick_font));
  return widest;
}

// How wide the texts below an axis `pixels` long may be without touching.
inline double label_room(const Axis& axis, const std::vector<Tick>& ticks, double pixels) {
  for (std::size_t i = 1; i < ticks.size(); ++i)
    pixels = (std::min)(pixels, std::abs(axis.position(ticks[i].value) - axis.position(ticks[i - 1].value)) - 3);
  return pixels;
}

inline std::vector<Figure::Cell> Figure::cells() const {
  std::vector<Cell> result;
  const auto columns = static_cast<std::size_t>(options_.columns);
  for (std::size_t i = 0; i < panels_.size(); ++i) {
    Cell cell{panels_[i], {}, {}, {}, {}, {}};
    const PanelOptions& options = cell.panel.options();
    // Neighbours with the same colour bar share one, at the right end of the row.
    const bool has_right = (i + 1) % columns != 0 && i + 1 < panels_.size();
    if (has_right && panels_[i].colour_bar() == panels_[i + 1].colour_bar()) cell.panel.drop_colour_bar();
    cell.x_ticks = cell.panel.x_ticks(tick_font);
    cell.y_ticks = cell.panel.y_ticks(tick_font);
    cell.legend = legend_place(cell.panel);
    const bool bare = cell.panel.is_bare();
    const double widest = widest_label(cell.y_ticks);
    cell.y_label_at = 8 + widest + 14;
    cell.left = !options.y_label.empty() ? cell.y_label_at + 10 : bare ? 0 : widest + 14;
    const double below = widest_label(cell.x_ticks);
    cell.x_upwards = cell.panel.has_own_ticks() && below > label_room(cell.panel.x_axis(), cell.x_ticks, options.width);
    const double marks = bare ? 0 : cell.x_upwards ? below + 12 : 24;
    cell.x_label_at = marks + 12;
    cell.bottom = marks + (options.x_label.empty() ? 0 : 18);
    cell.titles = title_lines(options.title, options.width);
    cell.top = 8 + title_row * static_cast<double>(cell.titles.size()) + (cell.titles.empty() ? 0 : 2) +
               (options.subtitle.empty() ? 0 : 16);
    cell.right = bare ? 0 : 12;
    if (!cell.x_ticks.empty() && !cell.x_upwards)
      cell.right = (std::max)(cell.right, cell.x_ticks.back().width(tick_font) / 2 + 2);
    if (const auto& bar = cell.panel.colour_bar()) {
      cell.bar_ticks = bar_labels(*bar, options.height);
      cell.right = 14 + 21 + widest_label(cell.bar_ticks) + (bar->label.empty() ? 6 : 27);
    }
    result.push_back(std::move(cell));
  }
  return result;
}

inline std::string Figure::svg() const {
  constexpr double margin = 10, gap = 14;
  const std::vector<Cell> all = cells();
  const auto columns = static_cast<std::size_t>(options_.columns);
  const std::size_t rows = (all.size() + columns - 1) / columns;
  // Frames line up: a column's margins and width are its widest panel's, a row's its tallest's.
  struct Track {
    double before = 0, frame = 0, after = 0, start = 0;
  };
  std::vector<Track> across((std::min)(columns, all.size())), down(rows);
  std::vector<LegendEntry> below;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Track &column = across[i % columns], &row = down[i / columns];
    column.before = (std::max)(column.before, all[i].left);
    column.frame = (std::max)(column.frame, all[i].panel.options().width);
    column.after = (std::max)(column.after, all[i].right);
    row.before = (std::max)(row.before, all[i].top);
    row.frame = (std::max)(row.frame, all[i].panel.options().height);
    row.after = (std::max)(row.after, all[i].bottom);
    if (all[i].legend || all[i].panel.options().legend == LegendPlace::none) continue;
    for (LegendEntry& entry : legend_entries(all[i].panel))
      if (std::find(below.begin(), below.end(), entry) == below.end()) below.push_back(std::move(entry));
  }
  const auto place = [&](std::vector<Track>& tracks, double at) {
    for (Track& track : tracks) {
      track.start = at;
      at += track.before + track.frame + track.after + (&track == &tracks.back() ? 0 : gap);
    }
    return at;
  };
  const double width = (std::max)(place(across, margin) + margin, 60.0);
  double height = place(down, margin + (options_.title.empty() ? 0 : 28));
  const std::vector<LegendColumn> legend = legend_columns(below, width - 2 * margin);
  const double legend_top = height + 8;
  if (!legend.empty()) {
    const std::size_t legend_rows = (below.size() + legend.size() - 1) / legend.size();
    height = legend_top + legend_row * static_cast<double>(legend_rows);
  }
  height += margin;

  Svg svg(std::ceil(width), std::ceil(height),
          options_.title.empty() && !all.empty() ? all[0].panel.options().title : options_.title);
  svg.text(width / 2, margin + 14, shortened(options_.title, 15, 0.88 * width),
           {.size = 15, .anchor = Anchor::middle, .bold = true});
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Track &column = across[i % columns], &row = down[i / columns];
    draw(svg, all[i], column.start + column.before, row.start + row.before);
  }
  for (std::size_t i = 0; i < below.size(); ++i) {
    const LegendColumn& column = legend[i % legend.size()];
    const std::size_t above = i / legend.size();
    const auto row = static_cast<double>(above);
    draw_entry(svg, below[i], margin + column.start, legend_top + legend_row * (row + 0.5), 0.6 * width, column.sample);
  }
  return std::move(svg).finish();
}

inline void Figure::draw(Svg& svg, const Cell& cell, double left, double top) {
  const PanelOptions& options = cell.panel.options();
  const double width = options.width, height = options.height;
  const Axis across = cell.panel.x_axis(), up = cell.panel.y_axis();
  const bool bare = cell.panel.is_bare();
  const bool filled = !cell.panel.layers().empty() || !cell.panel.pictures().empty();
  std::string grid, zero, marks;
  const auto move = [](std::string& d, double x, double y) {
    d += 'M';
    append_number(d, x);
    d += ' ';
    append_number(d, y);
  };
  svg.open("g", "transform", to_text("translate(", std::llround(left), " ", std::llround(top), ")"));
  const auto tick_marks = [&](const Axis& axis, const std::vector<Tick>& ticks, bool upright) {
    for (const Tick& tick : ticks) {
      const double at = axis.position(tick.value), length = tick.is_minor ? 2.5 : 5;
      move(marks, upright ? -length : at, upright ? at : height);
      append_number(marks += upright ? 'h' : 'v', length);
      if (tick.is_minor) continue;
      if ((upright ? height - at : at) > 14) {  // A grid line beside the frame's own would only blur it.
        std::string& line = tick.value == 0 ? zero : grid;
        move(line, upright ? 0 : at, upright ? at : 0);
        append_number(line += upright ? 'h' : 'v', upright ? width : height);
      }
      const bool turned = !upright && cell.x_upwards;
      const TextOptions style{.size = tick_font,
                              .anchor = upright || turned ? Anchor::end : Anchor::middle,
                              .upwards = turned,
                              .exponent = tick.exponent};
      svg.text(upright  ? -9
               : turned ? at + 4
                        : at,
               upright  ? at + 4
               : turned ? height + 9
                        : height + 18,
               tick.text, style);
    }
  };
  tick_marks(across, cell.x_ticks, false);
  tick_marks(up, cell.y_ticks, true);
  svg.text(width / 2, height + cell.x_label_at, shortened(options.x_label, label_font, width),
           {.size = label_font, .anchor = Anchor::middle});
  svg.text(-cell.y_label_at, height / 2, shortened(options.y_label, label_font, height + 20),
           {.size = label_font, .anchor = Anchor::middle, .upwards = true});
  double title_at = -10;
  svg.text(width / 2, title_at, shortened(options.subtitle, label_font, width + 20),
           {.size = label_font, .anchor = Anchor::middle});
  if (!options.subtitle.empty()) title_at -= 16;
  for (std::size_t line = cell.titles.size(); line-- > 0; title_at -= title_row)
    svg.text(width / 2, title_at, cell.titles[line], {.size = title_font, .anchor = Anchor::middle, .bold = true});

  // A nested svg clips to the frame without ids, which would clash when several pictures stand on one page.
  svg.open("svg", "width", width, "height", height, "overflow", "hidden");
  if (options.grid && !filled) {
    if (!grid.empty()) svg.element("path", "d", grid, "stroke", "#e6e6e6", "stroke-width", 0.8);
    if (!zero.empty()) svg.element("path", "d", zero, "stroke", "#b0b0b0", "stroke-width", 1);
  }
  draw_pictures(svg, cell.panel);
  for (const Layer& layer : cell.panel.layers()) draw_layer(svg, cell.panel, layer);
  for (const Series& series : cell.panel.series()) draw_series(svg, cell.panel, series);
  for (const Note& note : cell.panel.notes()) {
    const double x = across.position(note.x), y = up.position(note.y) + 0.36 * label_font;
    svg.open("g", "stroke", "#ffffff", "stroke-width", 3, "stroke-linejoin", "round", "paint-order", "stroke");
    svg.text(x, y, shortened(note.text, label_font, width - 8), {.size = label_font, .anchor = Anchor::middle});
    svg.close("g");
  }
  svg.close("svg");

  if (!marks.empty()) svg.element("path", "d", marks, "stroke", "#555555", "stroke-width", 0.8);
  if (filled && !bare)
    svg.element("rect", "width", width, "height", height, "fill", "none", "stroke", "#555555", "stroke-width", 1);
  else if (!bare)
    svg.element("path", "d", to_text("M0 0v", std::lround(height), "h", std::lround(width)), "fill", "none", "stroke",
                "#555555");
  if (const auto& bar = cell.panel.colour_bar()) draw_colour_bar(svg, *bar, cell.bar_ticks, width + 14, height);
  if (cell.legend) draw_legend(svg, cell.panel, *cell.legend);
  svg.close("g");
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
