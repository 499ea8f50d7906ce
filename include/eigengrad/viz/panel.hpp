#pragma once

#include <optional>

#include "contour.hpp"
#include "image.hpp"
#include "levels.hpp"
#include "style.hpp"

// One pair of axes, and what is drawn on it: lines, points, arrows, fields, regions, contours, images, words.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// Where the legend goes: `automatic` takes a corner in which it covers no data; where there is none, and over fields
/// and images, it goes `below` the figure, where the panels' legends are merged.
enum class LegendPlace { automatic, upper_left, upper_right, lower_left, lower_right, below, none };

/// `width` and `height` are the frame's, in pixels, without the labels around it. The subtitle stands below the title,
/// smaller.
struct PanelOptions {
  std::string title = {}, subtitle = {}, x_label = {}, y_label = {};
  Scale x_scale = Scale::linear, y_scale = Scale::linear;
  Range x_range = {}, y_range = {};
  LegendPlace legend = LegendPlace::automatic;
  bool grid = true;
  double width = 320, height = 240;
};

/// Colours are "#rrggbb" or a CSS name; empty takes the palette's next.
struct LineOptions {
  std::string label = {}, colour = {};
  Dash dash = Dash::automatic;
  double width = 2;
  Marker marker = Marker::none;
  double size = 3.5;
};
/// Settings of scatter.
struct ScatterOptions {
  std::string label = {}, colour = {};
  Marker marker = Marker::automatic;
  double size = 4.5;
  std::string outline = "#ffffff";
};
/// Settings of arrows.
struct ArrowOptions {
  std::string label = {}, colour = {};
  Dash dash = Dash::solid;
  double width = 1.8;
  Marker marker = Marker::automatic;
};
/// `levels` are the borders of the bands, ascending; empty chooses round ones, about `bands`.
struct FieldOptions {
  std::vector<double> levels = {};
  Spacing spacing = Spacing::automatic;
  double bands = 10;
  ColourMap map = ColourMap::viridis;
  double fade = 0;  // the share of white mixed in, to let lines stand out
  bool colour_bar = true;
  std::string label = {};
};
/// Settings of contour.
struct ContourOptions {
  std::vector<double> levels = {};
  Spacing spacing = Spacing::automatic;
  double bands = 10;
  std::string label = {}, colour = "#333333";
  Dash dash = Dash::solid;
  double width = 0.8;
};

/// `range` holds the numbers at the map's ends, {} takes the matrix's own (see image_range); `x_range` and `y_range`
/// say where the image lies on the axes, {} gives each number a square of 1. The title stands above the image.
struct ImageOptions {
  ColourMap map = ColourMap::grey;
  Range range = {}, x_range = {}, y_range = {};
  bool outline = false;
  std::string title = {};
  bool colour_bar = false;
  std::string bar_label = {};
  Index side = 84;
};

/// Points that are joined (line, arrows) or not (scatter), with how they look.
struct Series {
  enum class Kind { line, scatter, arrows };
  Kind kind = Kind::line;
  Numbers x, y;
  std::string label, colour, outline;
  Dash dash = Dash::solid;
  Marker marker = Marker::none;
  double width = 0, size = 0;
};
/// The part of a grid that is at least `level`, filled, or its border.
struct Layer {
  std::size_t grid = 0;
  double level = 0;
  bool filled = false;
  std::string colour, label;
  Dash dash = Dash::solid;
  double width = 0;
};
/// Words within the frame, around a point of the data.
struct Note {
  double x = 0, y = 0;
  std::string text;
};
/// An image and where it lies on the axes.
struct Picture {
  std::string address, title;
  Range x, y;
  bool outline = false;
};
/// The borders and the colours of a field's bands; of an image two levels, and the colours between them.
struct ColourBar {
  std::vector<double> levels;
  std::vector<Colour> colours;
  std::string label;
  bool is_smooth() const { return colours.size() >= levels.size(); }
  friend bool operator==(const ColourBar&, const ColourBar&) = default;
};

/// One pair of axes and what is drawn on it, in the order it was added. A value.
class Panel {
 public:
  /// Throws ValueError for a size or range that cannot be drawn.
  explicit Panel(PanelOptions options = {}) : options_(std::move(options)) {
    for (const double size : {options_.width, options_.height})
      require<ValueError>(size >= 20 && size <= 5000, "panel: size ", size, ": use 20 to 5000 pixels");
    check_range(options_.x_range, options_.x_scale, "panel");
    check_range(options_.y_range, options_.y_scale, "panel");
  }

  /// Joins the points (x[i], y[i]); one that is not finite leaves a gap. Throws ShapeError when the sizes differ.
  Panel& line(const Numbers& x, const Numbers& y, const LineOptions& options = {}) {
    check_sizes(x, y, "line");
    return add({Series::Kind::line, x, y, options.label, options.colour, "#ffffff", options.dash, options.marker,
                options.width, options.size});
  }
  /// Draws a marker at each point. Throws as line does.
  Panel& scatter(const Numbers& x, const Numbers& y, const ScatterOptions& options = {}) {
    check_sizes(x, y, "scatter");
    return add({Series::Kind::scatter, x, y, options.label, options.colour, options.outline, Dash::solid,
                options.marker, 0, options.size});
  }
  /// Joins the points as a path with arrow heads along it and a small marker at each step. Throws as line does.
  Panel& arrows(const Numbers& x, const Numbers& y, const ArrowOptions& options = {}) {
    check_sizes(x, y, "arrows");
    return add({Series::Kind::arrows, x, y, options.label, options.colour, "#ffffff", options.dash, options.marker,
                options.width, 2.8});
  }
  /// Fills the bands between levels with a map's colours, and sets a colour bar beside the panel.
  Panel& field(Grid grid, const FieldOptions& options = {}) {
    ColourBar bar{options.levels.empty() ? chosen_levels(grid, options.spacing, options.bands) : options.levels,
                  {},
                  options.label};
    check_levels(bar.levels, 2, "field");
    const std::size_t bands = bar.levels.size() - 1;
    for (std::size_t band = 0; band < bands; ++band) {
      const double share = bands == 1 ? 0.5 : static_cast<double>(band) / static_cast<double>(bands - 1);
      bar.colours.push_back(blend(map_colour(options.map, share), 0xffffff, std::clamp(options.fade, 0.0, 1.0)));
      // The lowest band also takes what lies below it: it is painted first, everywhere.
      const double level = band == 0 ? std::numeric_limits<double>::lowest() : bar.levels[band];
      layers_.push_back({grids_.size(), level, true, to_hex(bar.colours.back()), {}, Dash::solid, 0});
    }
    grids_.push_back(std::move(grid));
    if (options.colour_bar) bar_ = std::move(bar);
    return *this;
  }
  /// Fills where the grid is at least `level` with one colour.
  Panel& region(Grid grid, double level, std::string colour, std::string label = {}) {
    layers_.push_back({grids_.size(), level, true, std::move(colour), std::move(label), Dash::solid, 0});
    grids_.push_back(std::move(grid));
    return *this;
  }
  /// Draws the lines where the grid crosses each level.
  Panel& contour(Grid grid, const ContourOptions& options = {}) {
    const auto levels = options.levels.empty() ? chosen_levels(grid, options.spacing, options.bands) : options.levels;
    check_levels(levels, 1, "contour");
    for (const double level : levels)
      layers_.push_back({grids_.size(), level, false, options.colour, level == levels[0] ? options.label : "",
                         options.dash, options.width});
    grids_.push_back(std::move(grid));
    return *this;
  }
  /// Shows a matrix as an image, its first row above, each number as a rectangle of one colour; NaN in missing_colour.
  /// Throws ShapeError unless it is one matrix with 1 to 5000 rows and columns, ValueError for a range that does not
  /// rise.
  Panel& image(const Images& matrix, const ImageOptions& options = {}) {
    matrix.validate("image");
    require<ShapeError>(matrix.count() == 1, "image: ", matrix.shape(), " holds ", matrix.count(),
                        " matrices: show one, or all on an image_sheet");
    for (const Range& range : {options.range, options.x_range, options.y_range})
      check_range(range, Scale::linear, "image");
    const Range range = options.range.given() ? options.range : image_range(options.map, matrix.numbers());
    const auto place = [](const Range& given, Index count) {
      return given.given() ? given : Range{0, static_cast<double>(count)};
    };
    pictures_.push_back({image_address(matrix, options.map, range, options.side), options.title,
                         place(options.x_range, matrix.columns()), place(options.y_range, matrix.rows()),
                         options.outline});
    if (options.colour_bar)
      bar_ = {{range.low, range.high}, map_colours(options.map, image_colours), options.bar_label};
    return *this;
  }
  // Puts these marks on the axes in place of round numbers; without any, the frame is not drawn either.
  Panel& ticks(std::vector<Tick> x, std::vector<Tick> y) {
    x_ticks_ = std::move(x);
    y_ticks_ = std::move(y);
    return *this;
  }
  /// Writes words centred on a point, readable over whatever is there.
  Panel& note(double x, double y, std::string text) {
    notes_.push_back({x, y, std::move(text)});
    return *this;
  }

  const PanelOptions& options() const { return options_; }
  const std::vector<Series>& series() const { return series_; }
  const std::vector<Layer>& layers() const { return layers_; }
  const std::vector<Picture>& pictures() const { return pictures_; }
  const std::vector<Note>& notes() const { return notes_; }
  const Grid& grid(std::size_t i) const { return grids_[i]; }
  const std::optional<ColourBar>& colour_bar() const { return bar_; }
  void drop_colour_bar() { bar_.reset(); }

  Axis x_axis() const { return axis(options_.x_range, options_.x_scale, options_.width, false); }
  Axis y_axis() const { return axis(options_.y_range, options_.y_scale, options_.height, true); }
  std::vector<Tick> x_ticks(double size) const { return x_ticks_ ? *x_ticks_ : x_axis().ticks(size); }
  std::vector<Tick> y_ticks(double size) const { return y_ticks_ ? *y_ticks_ : y_axis().ticks(size); }
  bool has_own_ticks() const { return x_ticks_ || y_ticks_; }
  // Without marks on its axes, and so without a frame.
  bool is_bare() const { return x_ticks_ && y_ticks_ && x_ticks_->empty() && y_ticks_->empty(); }

 private:
  static void check_sizes(const Numbers& x, const Numbers& y, std::string_view operation) {
    require<ShapeError>(x.size() == y.size(), operation, ": x has ", x.size(), " numbers and y has ", y.size(),
                        ": give one y for each x");
  }
  Panel& add(Series series) {
    const bool scatter = series.kind == Series::Kind::scatter;
    std::size_t& count = scatter ? clouds_ : lines_;
    if (series.colour.empty()) series.colour = to_hex(palette_colour(count));
    if (series.dash == Dash::automatic) series.dash = numbered_dash(count);
    if (series.marker == Marker::automatic) series.marker = numbered_marker(count);
    ++count;
    series_.push_back(std::move(series));
    return *this;
  }
  /// The given range; else the data's: a grid's as it is, points with a margin around them.
  Axis axis(const Range& given, Scale scale, double pixels, bool upwards) const {
    if (given.given()) return {given, scale, pixels, upwards};
    Extent points, grids;
    for (const Series& series : series_)
      for (const double value : upwards ? series.y : series.x) points.see(value, scale);
    for (const Grid& grid : grids_) {
      const Range& range = upwards ? grid.y_range() : grid.x_range();
      grids.see(range.low, scale);
      grids.see(range.high, scale);
    }
    for (const Picture& picture : pictures_) {
      const Range& range = upwards ? picture.y : picture.x;
      grids.see(range.low, scale);
      grids.see(range.high, scale);
    }
    const bool filled = !grids.empty();
    return {padded(filled ? grids : points, scale, filled ? 0 : upwards ? 0.06 : 0.03), scale, pixels, upwards};
  }

  PanelOptions options_;
  std::vector<Series> series_;
  std::vector<Layer> layers_;
  std::vector<Grid> grids_;
  std::vector<Picture> pictures_;
  std::vector<Note> notes_;
  std::optional<std::vector<Tick>> x_ticks_, y_ticks_;
  std::optional<ColourBar> bar_;
  std::size_t lines_ = 0, clouds_ = 0;
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
