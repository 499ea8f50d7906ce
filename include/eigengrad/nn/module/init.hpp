#pragma once

#include "../../core/tensor.hpp"

// Starting values for weights of shape [out, in, ...]. fan_in is the numbers that enter one output, fan_out those that
// one input enters. Each takes (shape, its setting, generator) and draws in order, so a seed fixes all.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace init {

/// How many numbers enter an output, and how many outputs a number enters.
struct Fans {
  double in, out;

  explicit Fans(const Shape& shape) {
    require<ShapeError>(shape.rank() >= 2, "init: shape ", shape,
                        " has no fan-in and fan-out: give a weight of [out, in]");
    const Index receptive = shape[1] == 0 || shape[0] == 0 ? 0 : shape.size() / shape[0] / shape[1];
    in = static_cast<double>(shape[1] * receptive);
    out = static_cast<double>(shape[0] * receptive);
  }
};

template <class T>
Tensor<T> zeros(const Shape& shape) {
  return Tensor<T>::zeros(shape);
}
template <class T>
Tensor<T> constant(const Shape& shape, T value) {
  return Tensor<T>::full(shape, value);
}
/// Uniform in [low, high).
template <class T>
EIGENGRAD_COLD Tensor<T> uniform(const Shape& shape, double low, double high,
                                 Generator& generator = default_generator()) {
  require<ValueError>(low <= high, "init::uniform: low = ", low, " is above high = ", high);
  Tensor<T> result = Tensor<T>::empty(shape);
  T* numbers = kernel_access(result).writable_numbers();
  // Rounding to T could give `high` itself, which is left out.
  using Plain = plain_t<T>;
  const Plain last = static_cast<Plain>(high),
              below = low < high ? std::nextafter(last, static_cast<Plain>(low)) : last;
  for (Index i = 0; i < result.size(); ++i)
    numbers[i] = (std::min)(static_cast<Plain>(low + rounded((high - low) * generator.uniform())), below);
  return result;
}
/// Uniform in [-bound, bound).
template <class T>
Tensor<T> uniform_within(const Shape& shape, double bound, Generator& generator = default_generator()) {
  return uniform<T>(shape, -bound, bound, generator);
}
/// Normal, of this mean and deviation.
template <class T>
Tensor<T> normal(const Shape& shape, double mean, double deviation, Generator& generator = default_generator()) {
  require<ValueError>(deviation >= 0, "init::normal: the deviation ", deviation, " is negative");
  Tensor<T> result = Tensor<T>::empty(shape);
  T* numbers = kernel_access(result).writable_numbers();
  for (Index i = 0; i < result.size(); ++i) numbers[i] = static_cast<T>(mean + rounded(deviation * generator.normal()));
  return result;
}

/// U(-b, b), b = gain sqrt(6 / (fan_in + fan_out)). Glorot, Bengio: Understanding the difficulty of training deep
/// feedforward neural networks, 2010, eq. 16.
template <class T>
Tensor<T> xavier_uniform(const Shape& shape, double gain = 1, Generator& generator = default_generator()) {
  const Fans fan(shape);
  const double bound = gain * std::sqrt(6 / (std::max)(1.0, fan.in + fan.out));
  return uniform<T>(shape, -bound, bound, generator);
}
/// N(0, gain^2 2 / (fan_in + fan_out)).
template <class T>
Tensor<T> xavier_normal(const Shape& shape, double gain = 1, Generator& generator = default_generator()) {
  const Fans fan(shape);
  return normal<T>(shape, 0, gain * std::sqrt(2 / (std::max)(1.0, fan.in + fan.out)), generator);
}
/// U(-b, b), b = gain sqrt(3 / fan_in); gain sqrt(2) suits ReLU. He, Zhang, Ren, Sun: Delving deep into rectifiers,
/// 2015.
template <class T>
Tensor<T> kaiming_uniform(const Shape& shape, double gain = std::sqrt(2.0),
                          Generator& generator = default_generator()) {
  const double bound = gain * std::sqrt(3 / (std::max)(1.0, Fans(shape).in));
  return uniform<T>(shape, -bound, bound, generator);
}
/// N(0, gain^2 / fan_in); gain sqrt(2) suits ReLU. He, Zhang, Ren, Sun, 2015, eq. 10.
template <class T>
Tensor<T> kaiming_normal(const Shape& shape, double gain = std::sqrt(2.0), Generator& generator = default_generator()) {
  return normal<T>(shape, 0, gain / std::sqrt((std::max)(1.0, Fans(shape).in)), generator);
}
/// U(-b, b), b = gain sqrt(3 / fan_in): variance 1 / fan_in. LeCun, Bottou, Orr, Mueller: Efficient BackProp, 1998,
/// sec. 4.6.
template <class T>
Tensor<T> lecun_uniform(const Shape& shape, double gain = 1, Generator& generator = default_generator()) {
  return kaiming_uniform<T>(shape, gain, generator);
}
/// N(0, gain^2 / fan_in).
template <class T>
Tensor<T> lecun_normal(const Shape& shape, double gain = 1, Generator& generator = default_generator()) {
  return kaiming_normal<T>(shape, gain, generator);
}
/// Rows or columns, whichever are fewer, are orthonormal, times gain. Saxe, McClelland, Ganguli: Exact solutions to the
/// nonlinear dynamics of learning in deep linear neural networks, 2014. By Gram-Schmidt, twice, on normal numbers.
template <class T>
Tensor<T> orthogonal(const Shape& shape, double gain = 1, Generator& generator = default_generator()) {
  require<ShapeError>(shape.rank() >= 2, "init::orthogonal: shape ", shape,
                      " is no matrix: give a weight of [out, in]");
  const Index rows = shape[0], columns = rows == 0 ? 0 : shape.size() / rows;
  const Index count = (std::min)(rows, columns), length = (std::max)(rows, columns);
  Tensor<double> basis = Tensor<double>::randn({count, length}, generator);
  double* vectors = kernel_access(basis).writable_numbers();
  for (Index i = 0; i < count; ++i) {
    double* v = vectors + i * length;
    for (int pass = 0; pass < 2; ++pass)
      for (Index j = 0; j < i; ++j) {
        const double* u = vectors + j * length;
        double dot = 0;
        for (Index p = 0; p < length; ++p) dot += rounded(u[p] * v[p]);
        for (Index p = 0; p < length; ++p) v[p] -= rounded(dot * u[p]);
      }
    double square = 0;
    for (Index p = 0; p < length; ++p) square += rounded(v[p] * v[p]);
    for (Index p = 0; p < length; ++p) v[p] /= std::sqrt(square);
  }
  Tensor<T> result = Tensor<T>::empty(shape);
  T* numbers = kernel_access(result).writable_numbers();
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j)
      numbers[i * columns + j] =
          static_cast<T>(gain * (rows <= columns ? vectors[i * length + j] : vectors[j * length + i]));
  return result;
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::init
