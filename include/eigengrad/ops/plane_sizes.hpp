#pragma once

#include <limits>

#include "../core/error.hpp"
#include "../core/shape.hpp"

// What operations on images [.., rows, columns] are given: one number for each of the two axes.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// One number for the rows and one for the columns of images: {3, 2}, or 3 for both. {} is none, where that has a
/// meaning.
struct PlaneSizes {
  PlaneSizes() = default;
  PlaneSizes(Index both) : rows(both), columns(both) {}
  PlaneSizes(Index rows_, Index columns_) : rows(rows_), columns(columns_) {}

  bool given() const { return columns != none; }
  PlaneSizes or_else(const PlaneSizes& other) const { return given() ? *this : other; }

  static constexpr Index none = (std::numeric_limits<Index>::min)();
  Index rows = none, columns = none;
};

/// How an operation sees a tensor: as planes [count, rows, columns], where a sequence is a plane of one row.
struct PlanesOf {
  Index count = 1, rows = 1, columns = 1;

  Index size() const { return rows * columns; }
};

/// The last `dimensions` axes of x as planes, one or two axes in front. Throws ShapeError naming the axes for others.
EIGENGRAD_OUTLINE inline PlanesOf planes_of(const char* operation, const Shape& x, Index dimensions,
                                            const Location& where) {
  require<ShapeError>(x.rank() == dimensions + 1 || x.rank() == dimensions + 2, operation, ": shape ", x,
                      dimensions == 1 ? ": give sequences [n, channels, length], or one without n"
                                      : ": give images [n, channels, rows, columns], or one without n",
                      where);
  const Index count = Shape(x.begin(), x.end() - dimensions).size();
  return {count, dimensions == 1 ? 1 : x[x.rank() - 2], x.back()};
}
/// `x` with other rows and columns.
inline Shape with_planes(const Shape& x, Index dimensions, Index rows, Index columns) {
  Shape result = x;
  if (dimensions == 2) result.set(x.rank() - 2, rows);
  result.set(x.rank() - 1, columns);
  return result;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
