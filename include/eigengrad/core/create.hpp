#pragma once

#include "tensor.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

template <class T>
Tensor<T> Tensor<T>::arange(T start, T stop, T step) {
  require<ValueError>(step != T(0), "arange: the step must not be 0");
  const double steps = std::ceil((static_cast<double>(plain_value(stop)) - static_cast<double>(plain_value(start))) /
                                 static_cast<double>(plain_value(step)));
  require<ValueError>(steps < 1e15, "arange: from ", start, " to ", stop, " by ", step,
                      " has no end that fits in memory");
  Tensor result = empty({steps > 0 ? static_cast<Index>(steps) : 0});
  for (Index i = 0; i < result.size(); ++i) result.own()[i] = static_cast<T>(start + static_cast<T>(i) * step);
  return result;
}

template <class T>
Tensor<T> Tensor<T>::linspace(T start, T stop, Index count) {
  Tensor result = empty({count});
  if constexpr (is_dual<T>) {  // the tangents are spaced evenly too
    for (Index i = 0; i < count; ++i)
      result.own()[i] =
          start + (stop - start) * (static_cast<double>(i) / static_cast<double>(std::max<Index>(count - 1, 1)));
    return result;
  }
  const double span = static_cast<double>(plain_value(stop)) - static_cast<double>(plain_value(start)),
               parts = static_cast<double>(count - 1);
  // Divided last, so that a 0 in the middle of -4 to 4 is 0 and not the rounding of a step.
  for (Index i = 0; i < count; ++i)
    result.own()[i] = static_cast<T>(static_cast<double>(plain_value(start)) +
                                     (count > 1 ? span * static_cast<double>(i) / parts : 0));
  if (count > 1) result.own()[count - 1] = stop;
  return result;
}

template <class T>
Tensor<T> Tensor<T>::eye(Index rows, Index columns) {
  if (columns == -1) columns = rows;
  Tensor result = zeros({rows, columns});
  for (Index i = 0; i < rows && i < columns; ++i) result.own()[i * columns + i] = T(1);
  return result;
}

template <class T>
Tensor<T> Tensor<T>::rand(const Shape& shape, Generator& generator) {
  forbid_in_replay("rand", "the same numbers would come every time; draw them outside and pass them in");
  Tensor result = empty(shape);
  // 24 bits for float: rounding a double could give 1.
  for (Index i = 0; i < result.size(); ++i)
    result.own()[i] = std::is_same_v<plain_t<T>, float>
                          ? static_cast<T>(static_cast<float>(generator.next() >> 40) * 0x1p-24f)
                          : static_cast<T>(generator.uniform());
  return result;
}

template <class T>
Tensor<T> Tensor<T>::randn(const Shape& shape, Generator& generator) {
  forbid_in_replay("randn", "the same numbers would come every time; draw them outside and pass them in");
  Tensor result = empty(shape);
  for (Index i = 0; i < result.size(); ++i) result.own()[i] = static_cast<T>(generator.normal());
  return result;
}

template <class T>
Tensor<T> Tensor<T>::randint(std::int64_t low, std::int64_t high, const Shape& shape, Generator& generator) {
  forbid_in_replay("randint", "the same numbers would come every time; draw them outside and pass them in");
  require<ValueError>(low < high, "randint: low = ", low, " must be below high = ", high);
  Tensor result = empty(shape);
  const std::uint64_t range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  for (Index i = 0; i < result.size(); ++i)
    result.own()[i] =
        static_cast<T>(static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + generator.below(range)));
  return result;
}

template <class T>
template <class Derived>
Tensor<T> Tensor<T>::from_eigen(const Eigen::DenseBase<Derived>& source) {
  Tensor result = empty(Derived::IsVectorAtCompileTime ? Shape{source.size()} : Shape{source.rows(), source.cols()});
  Eigen::Map<Eigen::Array<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> target(result.own(), source.rows(),
                                                                                      source.cols());
  target = source.derived().array().template cast<T>();
  return result;
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
