#pragma once

#include "panel.hpp"
#include "path.hpp"

// Panels drawn.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// The points in pixels from the frame's upper left; NaN for what the axes cannot show.
inline std::vector<Point> pixels(const Panel& panel, const Numbers& x, const Numbers& y) {
  const Axis across = panel.x_axis(), up = panel.y_axis();
  std::vector<Point> result(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) result[i] = {across.position(x[i]), up.position(y[i])};
  return result;
}

inline void draw_layer(Svg& svg, const Panel& panel, const Layer& layer) {
  const Axis across = panel.x_axis(), up = panel.y_axis();
  const Grid& grid = panel.grid(layer.grid);
  PathText path;
  for (auto& [points, closed] : layer.filled ? contour_region(grid, layer.level) : contour_lines(grid, layer.level)) {
    for (Point& p : points) p = {across.position(p.x), up.position(p.y)};
    for (const auto run : runs(points)) path.add(run, closed && run.size() == points.size());
  }
  if (path.text().empty()) return;
  if (layer.filled)
    svg.element("path", "d", path.text(), "fill", layer.colour, "fill-rule", "evenodd");
  else
    svg.element("path", "d", path.text(), "fill", "none", "stroke", layer.colour, "stroke-width", layer.width,
                "stroke-dasharray", dash_pattern(layer.dash), "stroke-linejoin", "round");
}

inline constexpr double caption_font = 11, caption_row = 15;

// Pictures with sharp pixels, under thin outlines, and their titles.
inline void draw_pictures(Svg& svg, const Panel& panel) {
  if (panel.pictures().empty()) return;
  const Axis across = panel.x_axis(), up = panel.y_axis();
  std::string outlines;
  // Readers know one or another of these words; the last that is known counts.
  svg.open("g", "image-rendering", "optimizeSpeed", "style", "image-rendering:crisp-edges;image-rendering:pixelated");
  for (const Picture& picture : panel.pictures()) {
    const double left = across.position(picture.x.low), top = up.position(picture.y.high);
    const double width = across.position(picture.x.high) - left, height = up.position(picture.y.low) - top;
    svg.element("image", "x", left, "y", top, "width", width, "height", height, "preserveAspectRatio", "none", "href",
                picture.address);
    if (!picture.outline) continue;
    PathText path;
    path.add(std::vector<Point>{{left, top}, {left + width, top}, {left + width, top + height}, {left, top + height}},
             true);
    outlines += path.text();
  }
  svg.close("g");
  if (!outlines.empty()) svg.element("path", "d", outlines, "fill", "none", "stroke", "#999999", "stroke-width", 0.6);
  for (const Picture& picture : panel.pictures()) {
    const double left = across.position(picture.x.low), width = across.position(picture.x.high) - left;
    svg.text(left + width / 2, up.position(picture.y.high) - 4, shortened(picture.title, caption_font, width),
             {.size = caption_font, .anchor = Anchor::middle});
  }
}

inline void draw_marker(Svg& svg, Marker marker, Point at, double size, std::string_view colour,
                        std::string_view outline) {
  svg.element("path", "d", marker_path(marker, at, size), "fill", colour, "stroke", outline, "stroke-width", 0.8);
}

/// Heads along the run, about 70 pixels apart, each turned as the path runs where it sits.
inline void draw_heads(Svg& svg, std::span<const Point> run, const Series& series) {
  std::vector<double> travelled = {0};
  for (std::size_t i = 1; i < run.size(); ++i)
    travelled.push_back(travelled.back() + std::hypot(run[i].x - run[i - 1].x, run[i].y - run[i - 1].y));
  const auto at = [&](double distance) {
    const auto next = std::upper_bound(travelled.begin() + 1, travelled.end() - 1, distance) - travelled.begin();
    const auto i = static_cast<std::size_t>(next);
    const double share = (distance - travelled[i - 1]) / (std::max)(travelled[i] - travelled[i - 1], 1e-9);
    return Point{run[i - 1].x + share * (run[i].x - run[i - 1].x), run[i - 1].y + share * (run[i].y - run[i - 1].y)};
  };
  const double length = travelled.back();
  if (run.size() < 2 || length < 20) return;
  const double spacing = length / (std::max)(1.0, (std::min)(std::round(length / 70), 60.0));
  std::string d;
  for (double aim = spacing / 2; aim < length; aim += spacing) {
    // Amid a long step rather than near its corners.
    const auto next = std::upper_bound(travelled.begin() + 1, travelled.end() - 1, aim);
    const double middle = *next - *(next - 1) > 14 ? (*next + *(next - 1)) / 2 : aim;
    const Point tail = at(middle - 4), tip = at(middle + 4);
    const double x = tip.x - tail.x, y = tip.y - tail.y, reach = std::hypot(x, y);
    if (reach < 4) continue;  // The path turns back here.
    const double ux = x / reach, uy = y / reach;
    char letter = 'M';
    for (const auto& [along, across] : {Point{6, 0}, Point{-5, 4.6}, Point{-2.5, 0}, Point{-5, -4.6}}) {
      d += letter;
      append_number(d, (tip.x + tail.x) / 2 + along * ux - across * uy);
      d += ' ';
      append_number(d, (tip.y + tail.y) / 2 + along * uy + across * ux);
      letter = 'L';
    }
    d += 'z';
  }
  if (!d.empty()) svg.element("path", "d", d, "fill", series.colour, "stroke", series.outline, "stroke-width", 0.8);
}

inline void draw_series(Svg& svg, const Panel& panel, const Series& series) {
  const std::vector<Point> points = pixels(panel, series.x, series.y);
  const bool joined = series.kind != Series::Kind::scatter, arrows = series.kind == Series::Kind::arrows;
  const auto in_frame = [&](const Point& p) {
    return p.x > -20 && p.y > -20 && p.x < panel.options().width + 20 && p.y < panel.options().height + 20;
  };
  const auto parts = runs(points);
  if (joined) {
    PathText path;
    for (const auto run : parts)
      if (run.size() > 1) path.add(thinned(run));
    if (!path.text().empty()) {
      if (arrows)  // A white edge keeps the path apart from the field under it.
        svg.element("path", "d", path.text(), "fill", "none", "stroke", series.outline, "stroke-width",
                    series.width + 1.8, "stroke-linejoin", "round", "stroke-linecap", "round");
      svg.element("path", "d", path.text(), "fill", "none", "stroke", series.colour, "stroke-width", series.width,
                  "stroke-dasharray", dash_pattern(series.dash), "stroke-linejoin", "round");
    }
  }
  for (const auto run : parts) {
    // A point on its own would not be seen in a line without markers.
    const bool alone = joined && run.size() == 1;
    if (alone) draw_marker(svg, Marker::circle, run[0], 1.6 * series.width, series.colour, series.outline);
    if (series.marker == Marker::none || alone) continue;
    for (std::size_t i = 0; i < run.size(); ++i) {
      // Steps too small to be told apart are left to the path's line.
      const bool close = arrows && i > 0 && std::hypot(run[i].x - run[i - 1].x, run[i].y - run[i - 1].y) < 6;
      if (in_frame(run[i]) && !close)
        draw_marker(svg, series.marker, run[i], series.size, series.colour, series.outline);
    }
    if (arrows) draw_heads(svg, run, series);
  }
}

// What a smooth bar shows.
inline Axis bar_axis(const ColourBar& bar, double height) {
  return {{bar.levels.front(), bar.levels.back()}, Scale::linear, height, true};
}

/// Draws the field's colours from low (below) to high, as high as the frame, with a label at as many borders as fit.
inline void draw_colour_bar(Svg& svg, const ColourBar& bar, const std::vector<Tick>& labels, double x, double height) {
  const double band = height / static_cast<double>(bar.colours.size());
  if (bar.is_smooth()) {
    std::string pixels;
    for (std::size_t i = bar.colours.size(); i-- > 0;) pixels += static_cast<char>(i);
    svg.element("image", "x", x, "y", 0, "width", 14, "height", height, "preserveAspectRatio", "none", "href",
                png_address(png_image(1, pixels, bar.colours)));
  }
  for (std::size_t i = 0; i < bar.colours.size() && !bar.is_smooth(); ++i) {
    // Each band reaches up under the next ones, so that no seam shows.
    const double bottom = height - band * static_cast<double>(i);
    svg.element("rect", "x", x, "y", 0, "width", 14, "height", bottom, "fill", to_hex(bar.colours[i]));
  }
  svg.element("rect", "x", x, "y", 0, "width", 14, "height", height, "fill", "none", "stroke", "#555555",
              "stroke-width", 0.8);
  double widest = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].is_minor) continue;
    const double y =
        bar.is_smooth() ? bar_axis(bar, height).position(labels[i].value) : height - band * static_cast<double>(i);
    svg.element("path", "d", to_text("M", std::lround(x + 14), " ", std::lround(y), "h4"), "stroke", "#555555",
                "stroke-width", 0.8);
    svg.text(x + 21, y + 4, labels[i].text, {.size = 11, .exponent = labels[i].exponent});
    widest = (std::max)(widest, labels[i].width(11));
  }
  svg.text(x + 21 + widest + 19, height / 2, shortened(bar.label, 12, height),
           {.size = 12, .anchor = Anchor::middle, .upwards = true});
}

/// The bar's labels, those without room marked minor.
inline std::vector<Tick> bar_labels(const ColourBar& bar, double height) {
  if (bar.is_smooth())
    return linear_ticks({bar.levels.front(), bar.levels.back()}, (std::max)(height < 40 ? 1.0 : 2.5, height / 55));
  const double largest = (std::max)(std::abs(bar.levels.front()), std::abs(bar.levels.back()));
  const double band = height / static_cast<double>(bar.colours.size());
  const auto every = static_cast<std::size_t>((std::max)(1.0, std::ceil(18 / band)));
  const double ratio = bar.levels.front() > 0 ? bar.levels.back() / bar.levels.front() : 1;
  std::vector<Tick> result;
  for (std::size_t i = 0; i < bar.levels.size(); ++i) {
    const double value = bar.levels[i];
    double step = i + 1 < bar.levels.size() ? bar.levels[i + 1] - value : value - bar.levels[i - 1];
    if (i > 0) step = (std::min)(step, value - bar.levels[i - 1]);
    // Levels over many powers of ten each get the form that suits them alone; round steps need no further decimals.
    const double power = std::pow(10, std::floor(std::log10(ratio > 50 ? std::abs(value) : step) + 1e-9));
    const double tenth = std::abs(step / power - std::round(step / power)) > 1e-6 ? power / 10 : power;
    result.push_back(labelled(value, ratio > 50 ? power : tenth, ratio > 50 ? std::abs(value) : largest));
    result.back().is_minor = i % every != 0;
  }
  return result;
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
