#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "svg.hpp"

// Lines of a picture, thinned.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// Writes the `d` attribute of a path: two decimals, and no point that lies on the line of its neighbours.
class PathText {
 public:
  /// Adds one run of points in pixels.
  void add(std::span<const Point> points, bool closed = false) {
    if (points.empty()) return;
    text_ += 'M';
    write(points[0]);
    Point kept = rounded(points[0]);
    std::vector<Point> skipped;  // since `kept`; all of them lie on the line from it to the last
    for (const Point& next : points.subspan(1)) {
      const Point point = rounded(next), last = skipped.empty() ? kept : skipped.back();
      if (point.x == last.x && point.y == last.y) continue;
      if (!skipped.empty() && !straight(kept, skipped, point)) {
        write_next(last);
        kept = last;
        skipped.clear();
      }
      skipped.push_back(point);
    }
    if (!skipped.empty()) write_next(skipped.back());
    if (closed) text_ += 'z';
  }
  const std::string& text() const { return text_; }

 private:
  static Point rounded(const Point& p) { return {std::round(p.x * 100) / 100, std::round(p.y * 100) / 100}; }
  static bool straight(const Point& a, std::span<const Point> between, const Point& c) {
    const double x = c.x - a.x, y = c.y - a.y, length = std::hypot(x, y);
    const Point& b = between.back();
    if (between.size() > 100 || (b.x - a.x) * (c.x - b.x) + (b.y - a.y) * (c.y - b.y) <= 0) return false;
    return std::all_of(between.begin(), between.end(),
                       [&](const Point& p) { return std::abs(x * (p.y - a.y) - y * (p.x - a.x)) <= 0.03 * length; });
  }
  void write_next(const Point& p) {
    text_ += 'L';
    write(p);
  }
  void write(const Point& p) {
    append_number(text_, p.x);
    text_ += ' ';
    append_number(text_, p.y);
  }

  std::string text_;
};

/// The points that matter to the eye: of those that follow one another within half a pixel's width, the first, the
/// lowest, the highest and the last. Keeps a curve of a million steps as small as the picture is wide.
inline std::vector<Point> thinned(std::span<const Point> points) {
  std::vector<Point> result;
  for (std::size_t begin = 0; begin < points.size();) {
    const double column = std::floor(points[begin].x * 2);
    std::size_t end = begin, low = begin, high = begin;
    for (; end < points.size() && std::floor(points[end].x * 2) == column; ++end) {
      if (points[end].y < points[low].y) low = end;
      if (points[end].y > points[high].y) high = end;
    }
    std::size_t kept[] = {begin, (std::min)(low, high), (std::max)(low, high), end - 1};
    for (std::size_t i = 0; i < 4; ++i)
      if (i == 0 || kept[i] != kept[i - 1]) result.push_back(points[kept[i]]);
    begin = end;
  }
  return result;
}

/// Splits at points that are no numbers: each run becomes a line of its own.
inline std::vector<std::span<const Point>> runs(std::span<const Point> points) {
  const auto broken = [&](std::size_t i) { return std::isnan(points[i].x) || std::isnan(points[i].y); };
  std::vector<std::span<const Point>> result;
  for (std::size_t begin = 0, end = 0; end <= points.size(); ++end)
    if (end == points.size() || broken(end)) {
      if (end > begin) result.push_back(points.subspan(begin, end - begin));
      begin = end + 1;
    }
  return result;
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
