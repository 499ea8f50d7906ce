#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "../core/tensor.hpp"
#include "../kernels/run_sums.hpp"
#include "../kernels/sums.hpp"

// Columns brought to mean 0 and deviation 1.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Brings every column to mean 0 and standard deviation 1, as measured on the data it was fitted to:
///   const eg::Standardizer<float> standardize(train.inputs);  train.inputs = standardize(train.inputs);  // and test's
/// A constant column is only shifted. Shapes [n, ...]: whatever follows the first axis counts as columns.
template <class T>
class Standardizer {
 public:
  Standardizer() = default;
  explicit Standardizer(const Tensor<T>& inputs, Location where = Location::current()) { fit(inputs, where); }
  /// From a mean and a deviation saved before, one for each column. Throws ShapeError when their shapes differ or have
  /// no axis, ValueError for a deviation that is 0, negative or infinite.
  Standardizer(const Tensor<T>& mean, const Tensor<T>& deviation, Location where = Location::current())
      : mean_(mean), deviation_(deviation) {
    require<ShapeError>(mean.rank() >= 1 && mean.shape() == deviation.shape(), "standardizer: the mean is ",
                        mean.shape(), ", the deviation ", deviation.shape(),
                        ": give one of each for every column, as mean() and deviation() do", where);
    for (Index i = 0; i < deviation.size(); ++i) {
      const T each = deviation.data()[i];
      require<ValueError>(!(each <= T(0)) && !std::isinf(each), "standardizer: the deviation of column ", i, " is ",
                          each, ": it must be above 0 (1 for a constant column) and finite", where);
    }
  }

  /// Measures mean and (population) standard deviation per column, in double. Throws ValueError without any row.
  void fit(const Tensor<T>& inputs, Location where = Location::current()) {
    require<ShapeError>(inputs.rank() >= 2, "standardizer: fitted to shape ", inputs.shape(),
                        ", where [samples, columns] is needed: reshape to [n, 1] for one column", where);
    require<ValueError>(inputs.shape()[0] > 0, "standardizer: shape ", inputs.shape(), " has no samples to fit to",
                        where);
    const Index rows = inputs.shape()[0];
    const Shape columns = inputs.shape().without(0);
    const Index width = columns.size();
    const T count = static_cast<T>(rows);
    const Totals<T> sums(1, width);
    add_rows(sums, 0, kernel_access(inputs).numbers(), rows, width, false, 0, width);
    Tensor<T> mean = Tensor<T>::zeros(columns), deviation = Tensor<T>::empty(columns);
    T* const mean_out = kernel_access(mean).writable_numbers();
    T* const deviation_out = kernel_access(deviation).writable_numbers();
    sums.move_to(mean_out, count, 0, width);
    // What the mean lacks by rounding is taken out of the squares.
    std::vector<Sum<T>> away(static_cast<std::size_t>(width)), squares(static_cast<std::size_t>(width));
    const T* next = kernel_access(inputs).numbers();
    for (Index row = 0; row < rows; ++row)
      for (std::size_t column = 0; column < away.size(); ++column) {
        const double d = static_cast<double>(*next++) - static_cast<double>(mean_out[column]);
        away[column] = away[column] + d;
        squares[column] = squares[column] + d * d;
      }
    for (std::size_t column = 0; column < away.size(); ++column) {
      const double sum = static_cast<double>(away[column]), n = static_cast<double>(rows);
      const double spread = std::sqrt((std::max)(0.0, (static_cast<double>(squares[column]) - sum * sum / n) / n));
      deviation_out[column] = static_cast<T>(spread) > T(0) ? static_cast<T>(spread) : T(1);
    }
    mean_ = std::move(mean);
    deviation_ = std::move(deviation);
  }

  /// (inputs - mean) / deviation, [n, ...]; a new tensor.
  Tensor<T> operator()(const Tensor<T>& inputs, Location where = Location::current()) const {
    return apply(inputs, [](T value, T mean, T deviation) { return (value - mean) / deviation; }, where);
  }
  Tensor<T> transform(const Tensor<T>& inputs, Location where = Location::current()) const {
    return (*this)(inputs, where);
  }
  /// Back to the original scale: inputs * deviation + mean.
  Tensor<T> inverse(const Tensor<T>& inputs, Location where = Location::current()) const {
    return apply(inputs, [](T value, T mean, T deviation) { return value * deviation + mean; }, where);
  }

  const Tensor<T>& mean() const { return mean_; }
  const Tensor<T>& deviation() const { return deviation_; }

 private:
  template <class Formula>
  Tensor<T> apply(const Tensor<T>& inputs, Formula formula, Location where) const {
    require<ShapeError>(inputs.rank() >= 1 && inputs.shape().without(0) == mean_.shape(), "standardizer: inputs ",
                        inputs.shape(), " do not match the columns ", mean_.shape(), " it was fitted to", where);
    Tensor<T> result = Tensor<T>::empty(inputs.shape());
    T* out = kernel_access(result).writable_numbers();
    const T* in = kernel_access(inputs).numbers();
    for (Index row = 0; row < inputs.shape()[0]; ++row)
      for (Index column = 0; column < mean_.size(); ++column)
        *out++ = formula(*in++, kernel_access(mean_).numbers()[column], kernel_access(deviation_).numbers()[column]);
    return result;
  }

  Tensor<T> mean_, deviation_;
};

// Compiled: class Standardizer<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
