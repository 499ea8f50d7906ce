#pragma once

#include "axes.hpp"
#include "numbers.hpp"

// Values of a function over a rectangle.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace viz {

/// Values at evenly spaced points of a rectangle, row by row from the lowest y; numbers that are not finite are holes.
class Grid {
 public:
  /// `values` holds rows * columns numbers, such as a Tensor [rows, columns]. Throws ShapeError when it does not or
  /// there are fewer than 2 of either, ValueError for a range that does not rise.
  Grid(const Numbers& values, Range x, Range y, Index rows, Index columns)
      : values_(values.begin(), values.end()), x_(x), y_(y), rows_(rows), columns_(columns) {
    validate();
    require<ShapeError>(static_cast<Index>(values_.size()) == rows * columns, "grid: ", values_.size(), " values for ",
                        rows, " rows of ", columns, ": give rows * columns values, row by row from the lowest y");
  }
  /// Calls `f(x, y)` at every point.
  template <class F>
  static Grid sample(F&& f, Range x, Range y, Index rows = 121, Index columns = 121) {
    Grid grid(x, y, rows, columns);
    for (Index row = 0; row < rows; ++row)
      for (Index column = 0; column < columns; ++column)
        grid.set(row, column, static_cast<double>(f(grid.x(column), grid.y(row))));
    return grid;
  }
  /// All zero, to be set.
  Grid(Range x, Range y, Index rows, Index columns) : x_(x), y_(y), rows_(rows), columns_(columns) {
    validate();
    values_.resize(static_cast<std::size_t>(rows * columns));
  }

  Index rows() const { return rows_; }
  Index columns() const { return columns_; }
  const Range& x_range() const { return x_; }
  const Range& y_range() const { return y_; }
  double x(Index column) const { return place(x_, column, columns_); }
  double y(Index row) const { return place(y_, row, rows_); }
  double operator()(Index row, Index column) const {
    return values_[static_cast<std::size_t>(row * columns_ + column)];
  }
  void set(Index row, Index column, double value) {
    values_[static_cast<std::size_t>(row * columns_ + column)] = value;
  }
  /// Sets all that are no holes to one value.
  void flatten(double value) {
    for (double& each : values_)
      if (std::isfinite(each)) each = value;
  }
  const std::vector<double>& values() const { return values_; }
  Extent extent() const {
    Extent result;
    for (const double value : values_) result.see(value);
    return result;
  }

 private:
  static double place(const Range& range, Index i, Index count) {
    return i == count - 1
               ? range.high
               : range.low + (range.high - range.low) * static_cast<double>(i) / static_cast<double>(count - 1);
  }
  void validate() const {
    require<ShapeError>(rows_ >= 2 && columns_ >= 2 && rows_ <= 5000 && columns_ <= 5000, "grid: ", rows_, " rows and ",
                        columns_, " columns: use 2 to 5000 of each");
    for (const Range& range : {x_, y_}) {
      require<ValueError>(range.given(), "grid: the range 0 to 0 is empty: give the range the values were taken from");
      check_range(range, Scale::linear, "grid");
    }
  }

  std::vector<double> values_;
  Range x_, y_;
  Index rows_ = 0, columns_ = 0;
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::viz
