#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "../core/tensor.hpp"

// Missing numbers, filled column by column.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What stands in for a column's missing numbers.
enum class Impute { mean, median };

/// Fills NaN, as missing numbers are read, by each column's mean or median of the data it was fitted to:
///   const eg::Imputer<float> fill(train.inputs);  train.inputs = fill(train.inputs);  // and test's
/// Shapes [n, ...]: whatever follows the first axis counts as columns. Fit it before a Standardizer.
template <class T>
class Imputer {
 public:
  Imputer() = default;
  explicit Imputer(const Tensor<T>& inputs, Impute by = Impute::mean, Location where = Location::current()) {
    fit(inputs, by, where);
  }
  /// From values saved before, one for each column, as values() gives them.
  static Imputer from_values(const Tensor<T>& values, Location where = Location::current()) {
    require<ShapeError>(values.rank() >= 1, "imputer: the values are ", values.shape(),
                        ", where one for each column is needed", where);
    for (Index i = 0; i < values.size(); ++i)
      require<ValueError>(!std::isnan(values.data()[i]), "imputer: the value of column ", i, " is NaN", where);
    Imputer result;
    result.values_ = values;
    return result;
  }

  /// Measures each column without its NaN, in double; the median of an even count is the middle of two. Throws
  /// ValueError for a column of NaN alone.
  void fit(const Tensor<T>& inputs, Impute by = Impute::mean, Location where = Location::current()) {
    require<ShapeError>(inputs.rank() >= 2, "imputer: fitted to shape ", inputs.shape(),
                        ", where [samples, columns] is needed: reshape to [n, 1] for one column", where);
    const Index rows = inputs.shape()[0];
    const Shape columns = inputs.shape().without(0);
    Tensor<T> values = Tensor<T>::empty(columns);
    T* out = kernel_access(values).writable_numbers();
    Column column;
    for (Index c = 0; c < columns.size(); ++c) {
      column.clear();
      for (Index row = 0; row < rows; ++row)
        if (const T each = inputs.data()[row * columns.size() + c]; !std::isnan(each))
          column.push_back(static_cast<double>(each));
      require<ValueError>(!column.empty(), "imputer: column ", c, " of shape ", inputs.shape(),
                          " has no numbers but NaN: leave it out", where);
      const double value = by == Impute::mean ? mean_of(column) : median_of(column);
      require<ValueError>(!std::isnan(value), "imputer: column ", c, " of shape ", inputs.shape(),
                          " has infinite numbers of both signs: replace them, or use the median", where);
      *out++ = static_cast<T>(value);
    }
    values_ = std::move(values);
  }

  /// The inputs with NaN replaced, [n, ...]; a new tensor. Throws ShapeError for other columns than it was fitted to.
  Tensor<T> operator()(const Tensor<T>& inputs, Location where = Location::current()) const {
    require<ShapeError>(inputs.rank() >= 1 && inputs.shape().without(0) == values_.shape(), "imputer: inputs ",
                        inputs.shape(), " do not match the columns ", values_.shape(), " it was fitted to", where);
    Tensor<T> result = Tensor<T>::empty(inputs.shape());
    T* out = kernel_access(result).writable_numbers();
    for (Index i = 0; i < inputs.size(); ++i) {
      const T each = inputs.data()[i];
      out[i] = std::isnan(each) ? values_.data()[i % values_.size()] : each;
    }
    return result;
  }

  const Tensor<T>& values() const { return values_; }

 private:
  using Column = std::vector<Delayed<double, T>>;

  // Of a column of equal numbers it is that number.
  static double mean_of(const Column& column) {
    const double first = std::isfinite(column[0]) ? column[0] : 0;
    double away = 0;
    for (const double each : column) away += each - first;
    return first + away / static_cast<double>(column.size());
  }
  static double median_of(Column& column) {
    const auto middle = column.begin() + static_cast<std::ptrdiff_t>(column.size() / 2);
    std::nth_element(column.begin(), middle, column.end());
    if (column.size() % 2 == 1) return *middle;
    const double below = *std::max_element(column.begin(), middle);
    return below == *middle ? below : below + (*middle - below) / 2;
  }

  Tensor<T> values_;
};

// Compiled: class Imputer<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
