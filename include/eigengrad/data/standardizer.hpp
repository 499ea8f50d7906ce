#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "../core/tensor.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// Brings every column to mean 0 and standard deviation 1, as measured on the data it was fitted to:
///   const eg::Standardizer<float> standardize(train.inputs);  train.inputs = standardize(train.inputs);  // and test's
/// A constant column is only shifted. Shapes [n, ...]: whatever follows the first axis counts as columns.
template <class T>
class Standardizer {
 public:
  Standardizer() = default;
  explicit Standardizer(const Tensor<T>& inputs, Location where = Location::current()) { fit(inputs, where); }

  /// Measures mean and (population) standard deviation per column, in double. Throws ValueError without any row.
  void fit(const Tensor<T>& inputs, Location where = Location::current()) {
    require<ShapeError>(inputs.rank() >= 2, "standardizer: fitted to shape ", inputs.shape(),
                        ", where [samples, columns] is needed: reshape to [n, 1] for one column", where);
    require<ValueError>(inputs.shape()[0] > 0, "standardizer: shape ", inputs.shape(), " has no samples to fit to",
                        where);
    const Index rows = inputs.shape()[0];
    const Shape columns = inputs.shape().without(0);
    const std::size_t width = static_cast<std::size_t>(columns.size());
    const double count = static_cast<double>(rows), epsilon = std::numeric_limits<T>::epsilon();
    std::vector<double> means(width), squares(width);
    const T* next = inputs.numbers();
    for (Index row = 0; row < rows; ++row)
      for (double& mean : means) mean += static_cast<double>(*next++) / count;
    next = inputs.numbers();
    for (Index row = 0; row < rows; ++row)
      for (std::size_t column = 0; column < width; ++column) {
        const double away = static_cast<double>(*next++) - means[column];
        squares[column] += away * away / count;
      }
    Tensor<T> mean = Tensor<T>::empty(columns), deviation = Tensor<T>::empty(columns);
    T* mean_out = mean.mutable_data();
    T* deviation_out = deviation.mutable_data();
    for (std::size_t column = 0; column < width; ++column) {
      const double spread = std::sqrt(squares[column]);
      // A spread that is only rounding of the values must not be blown up.
      const bool constant = spread <= 10 * epsilon * std::abs(means[column]) || static_cast<T>(spread) == T(0);
      *mean_out++ = static_cast<T>(means[column]);
      *deviation_out++ = constant ? T(1) : static_cast<T>(spread);
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
    T* out = result.writable_numbers();
    const T* in = inputs.numbers();
    for (Index row = 0; row < inputs.shape()[0]; ++row)
      for (Index column = 0; column < mean_.size(); ++column)
        *out++ = formula(*in++, mean_.numbers()[column], deviation_.numbers()[column]);
    return result;
  }

  Tensor<T> mean_, deviation_;
};

}  // namespace eigengrad::inline EIGENGRAD_ABI
