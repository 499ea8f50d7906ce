#pragma once

#include "tensor.hpp"

// Tensors of dual numbers, taken apart and put together. Nothing here is recorded.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// value + tangent * epsilon, element by element: what a function is given to get its derivative along `tangent`.
/// Throws ShapeError unless both have one shape.
template <class T>
Tensor<Dual<T>> make_dual(const Tensor<T>& value, const Tensor<T>& tangent, Location where = Location::current()) {
  require<ShapeError>(value.shape() == tangent.shape(), "make_dual: the value is ", value.shape(), ", the tangent is ",
                      tangent.shape(), ": give a tangent of the value's shape", where);
  Tensor<Dual<T>> result = Tensor<Dual<T>>::empty(value.shape());
  const auto run = [=] {
    std::transform(value.numbers(), value.end(), tangent.numbers(), result.shared_data(),
                   [](T v, T t) { return Dual<T>(v, t); });
  };
  run();
  on_replay("make_dual", reads(value, tangent), writes(result), [&] { return run; });
  return result;
}
/// The values of dual numbers, a constant.
template <class T>
Tensor<T> value_part(const Tensor<Dual<T>>& x) {
  Tensor<T> result = Tensor<T>::empty(x.shape());
  const auto run = [=] {
    std::transform(x.numbers(), x.end(), result.shared_data(), [](const Dual<T>& number) { return number.value; });
  };
  run();
  on_replay("value_part", reads(x), writes(result), [&] { return run; });
  return result;
}
/// Their tangents: the derivative of what the values are, along the direction that went in.
template <class T>
Tensor<T> tangent_part(const Tensor<Dual<T>>& x) {
  Tensor<T> result = Tensor<T>::empty(x.shape());
  const auto run = [=] {
    std::transform(x.numbers(), x.end(), result.shared_data(), [](const Dual<T>& number) { return number.tangent; });
  };
  run();
  on_replay("tangent_part", reads(x), writes(result), [&] { return run; });
  return result;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
