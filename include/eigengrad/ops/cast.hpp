#pragma once

#include "map.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// The shape of a tensor, parameter or formula, without evaluating it.
template <Expression X>
const Shape& shape_of(const X& x) {
  return x.shape();
}

/// What numbers of type T are as type U: dual ones stay dual between floating-point types.
template <class T, class U>
struct CastTo {
  using type = U;
};
template <class X, class U>
  requires std::is_floating_point_v<U>
struct CastTo<Dual<X>, U> {
  using type = Dual<typename CastTo<X, U>::type>;
};

/// The same numbers as type To, converted as static_cast does. Gradient: dy, converted back, between floating-point
/// types. Dual numbers become dual ones of that type.
template <class To, Expression X>
auto cast(const X& expression) -> Tensor<typename CastTo<typename X::Element, To>::type> {
  using T = typename X::Element;
  using U = typename CastTo<T, To>::type;
  const Tensor<T>& x = expression.to_tensor();
  if constexpr (std::is_same_v<T, U>) {
    return x;
  } else {
    Tensor<U> result = Tensor<U>::empty(x.shape());
    const auto run = [=] {
      std::transform(x.numbers(), x.end(), result.shared_data(), [](T number) {
        if constexpr (is_dual<T> && !is_dual<U>)
          return static_cast<U>(plain_value(number));  // integers and bools have no derivative to lose
        else
          return static_cast<U>(number);
      });
    };
    run();
    on_replay([&] { return run; });
    if constexpr (is_real<T> && is_real<U>)
      if (records("cast", x))
        return record("cast", std::move(result), wrt(x, [](const Tensor<U>& dy) { return cast<T>(dy); }));
    return result;
  }
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
