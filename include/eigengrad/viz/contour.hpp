#pragma once

#include "grid.hpp"

// Contours of grids.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// One line of a contour in the grid's units; a closed one ends where it starts.
struct Curve {
  std::vector<Point> points;
  bool closed = false;
};

/// Marching squares with linear interpolation. Every piece has what is at least `level` on its left, so that each
/// crossed edge of the grid has one piece that starts and one that ends there, and pieces join by following them.
class Marcher {
 public:
  /// A ring of `outside` is laid around the grid, and holes are filled with it.
  Marcher(const Grid& grid, double level, double outside)
      : grid_(grid), level_(level), rows_(grid.rows() + 2), columns_(grid.columns() + 2) {
    values_.assign(static_cast<std::size_t>(rows_ * columns_), outside);
    for (Index row = 0; row < grid.rows(); ++row)
      for (Index column = 0; column < grid.columns(); ++column)
        if (const double value = grid(row, column); std::isfinite(value)) values_[node(row + 1, column + 1)] = value;
  }

  std::vector<Curve> curves() {
    next_.assign(2 * values_.size(), none);
    std::vector<bool> has_previous(next_.size());
    for (Index row = 0; row + 1 < rows_; ++row)
      for (Index column = 0; column + 1 < columns_; ++column) march(row, column, has_previous);
    std::vector<Curve> result;
    for (std::size_t edge = 0; edge < next_.size(); ++edge)  // Open lines first, from their starts; then the loops.
      if (next_[edge] != none && !has_previous[edge]) result.push_back(follow(edge));
    for (std::size_t edge = 0; edge < next_.size(); ++edge)
      if (next_[edge] != none) result.push_back(follow(edge));
    return result;
  }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  std::size_t node(Index row, Index column) const { return static_cast<std::size_t>(row * columns_ + column); }

  void march(Index row, Index column, std::vector<bool>& has_previous) {
    const std::size_t corner = node(row, column), above = node(row + 1, column);
    const double values[] = {values_[corner], values_[corner + 1], values_[above + 1], values_[above]};
    unsigned inside = 0;
    double middle = 0;
    for (unsigned i = 0; i < 4; ++i) {
      if (std::isnan(values[i])) return;
      inside |= (values[i] >= level_ ? 1u : 0u) << i;
      middle += values[i] / 4;
    }
    // An edge is numbered by the node it starts from: twice, and one more for the upright one.
    const std::size_t bottom = 2 * corner, left = bottom + 1, top = 2 * above, right = 2 * corner + 3;
    const auto join = [&](std::size_t from, std::size_t to) {
      next_[from] = to;
      has_previous[to] = true;
    };
    const bool high_middle = middle >= level_;
    switch (inside) {
      case 1:
        join(bottom, left);
        break;
      case 2:
        join(right, bottom);
        break;
      case 3:
        join(right, left);
        break;
      case 4:
        join(top, right);
        break;
      case 5:
        join(bottom, high_middle ? right : left), join(top, high_middle ? left : right);
        break;
      case 6:
        join(top, bottom);
        break;
      case 7:
        join(top, left);
        break;
      case 8:
        join(left, top);
        break;
      case 9:
        join(bottom, top);
        break;
      case 10:
        join(left, high_middle ? bottom : top), join(right, high_middle ? top : bottom);
        break;
      case 11:
        join(right, top);
        break;
      case 12:
        join(left, right);
        break;
      case 13:
        join(bottom, right);
        break;
      case 14:
        join(left, bottom);
        break;
      default:
        break;
    }
  }

  Curve follow(std::size_t edge) {
    Curve curve;
    curve.points.push_back(crossing(edge));
    const std::size_t first = edge;
    while (next_[edge] != none) {
      edge = std::exchange(next_[edge], none);
      curve.points.push_back(crossing(edge));
    }
    curve.closed = edge == first;
    return curve;
  }

  Point crossing(std::size_t edge) const {
    const std::size_t from = edge / 2, to = edge % 2 == 0 ? from + 1 : from + static_cast<std::size_t>(columns_);
    const double a = values_[from], b = values_[to];
    // Against a hole or the ring the region ends at its own last point. Halves, because b - a may overflow.
    const double share = std::isinf(a) ? 1 : std::isinf(b) ? 0 : (level_ / 2 - a / 2) / (b / 2 - a / 2);
    const Point p = position(from), q = position(to);
    return {p.x + share * (q.x - p.x), p.y + share * (q.y - p.y)};
  }
  Point position(std::size_t at) const {
    const auto place = static_cast<Index>(at);
    return {grid_.x(std::clamp<Index>(place % columns_ - 1, 0, grid_.columns() - 1)),
            grid_.y(std::clamp<Index>(place / columns_ - 1, 0, grid_.rows() - 1))};
  }

  const Grid& grid_;
  double level_;
  Index rows_, columns_;
  std::vector<double> values_;
  std::vector<std::size_t> next_;
};

/// The lines where the grid's values cross `level`; they stop at the border and at holes.
inline std::vector<Curve> contour_lines(const Grid& grid, double level) {
  return Marcher(grid, level, std::numeric_limits<double>::quiet_NaN()).curves();
}

/// The borders of the region whose values are at least `level`: closed, to be filled.
inline std::vector<Curve> contour_region(const Grid& grid, double level) {
  return Marcher(grid, level, -std::numeric_limits<double>::infinity()).curves();
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
