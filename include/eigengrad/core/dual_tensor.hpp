#pragma once

#include "compute_values.hpp"
#include "tensor.hpp"

// Tensors of dual numbers, taken apart and put together. Nothing here is recorded.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// value + tangent * epsilon, element by element: what a function is given to get its derivative along `tangent`.
/// Throws ShapeError unless both have one shape.
template <class T>
Tensor<Dual<T>> make_dual(const Tensor<T>& value, const Tensor<T>& tangent, Location where = Location::current()) {
  require<ShapeError>(value.shape() == tangent.shape(), "make_dual: the value is ", value.shape(), ", the tangent is ",
                      tangent.shape(), ": give a tangent of the value's shape", where);
  const auto run = [](Dual<T>* to, const Tensor<T>& values, const Tensor<T>& tangents) {
    std::transform(kernel_access(values).numbers(), values.end(), kernel_access(tangents).numbers(), to,
                   [](T v, T t) { return Dual<T>(v, t); });
  };
  return compute_values<Dual<T>>("make_dual", value.shape(), run, value, tangent);
}
/// The values of dual numbers, a constant.
template <class T>
Tensor<T> value_part(const Tensor<Dual<T>>& x) {
  const auto run = [](T* to, const Tensor<Dual<T>>& from) {
    std::transform(kernel_access(from).numbers(), from.end(), to, [](const Dual<T>& number) { return number.value; });
  };
  return compute_values<T>("value_part", x.shape(), run, x);
}
/// Their tangents: the derivative of what the values are, along the direction that went in.
template <class T>
Tensor<T> tangent_part(const Tensor<Dual<T>>& x) {
  const auto run = [](T* to, const Tensor<Dual<T>>& from) {
    std::transform(kernel_access(from).numbers(), from.end(), to, [](const Dual<T>& number) { return number.tangent; });
  };
  return compute_values<T>("tangent_part", x.shape(), run, x);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
