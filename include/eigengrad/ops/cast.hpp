#pragma once

#include "map.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// The shape of a tensor, parameter or formula, without evaluating it.
template <Expression X>
const Shape& shape_of(const X& x) {
  return x.shape();
}

/// The same numbers as type U, converted as static_cast does. Gradient: dy, converted back, between floating-point
/// types.
template <class U, Expression X>
Tensor<U> cast(const X& expression) {
  using T = typename X::Element;
  const Tensor<T>& x = expression.to_tensor();
  if constexpr (std::is_same_v<T, U>) {
    return x;
  } else {
    Tensor<U> result = Tensor<U>::empty(x.shape());
    const auto run = [=] {
      std::transform(x.begin(), x.end(), result.shared_data(), [](T number) { return static_cast<U>(number); });
    };
    run();
    on_replay([&] { return run; });
    if constexpr (std::is_floating_point_v<T> && std::is_floating_point_v<U>)
      if (records("cast", x))
        return record("cast", std::move(result), wrt(x, [](const Tensor<U>& dy) { return cast<T>(dy); }));
    return result;
  }
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
