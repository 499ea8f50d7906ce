#pragma once

#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "map.hpp"

// From one number type to another.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

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

template <class To, class From>
EIGENGRAD_INLINE To cast_number(const From& number) {
  if constexpr (std::is_floating_point_v<From> && is_whole_type<To>)
    return exactly<To>(std::trunc(number), "cast");
  else if constexpr (is_whole_type<From> && std::is_arithmetic_v<To>)
    return exactly<To>(number, "cast");
  else
    return static_cast<To>(number);
}

/// The same numbers as type To; what lies behind a point is dropped for an integer. Gradient: dy, converted back,
/// between floating-point types. Throws ValueError where To does not have a whole number: beyond its range or digits,
/// or NaN.
template <class To, Expression X>
auto cast(const X& expression) -> Tensor<typename CastTo<typename X::Element, To>::type> {
  using T = typename X::Element;
  using U = typename CastTo<T, To>::type;
  const Tensor<T>& x = expression.to_tensor();
  if constexpr (std::is_same_v<T, U>) {
    return x;
  } else {
    const auto run = [](U* to, const Tensor<T>& from) {
      std::transform(from.numbers(), from.end(), to, [](T number) {
        if constexpr (is_dual<T> && !is_dual<U>)
          return cast_number<U>(plain_value(number));  // integers and bools have no derivative to lose
        else
          return cast_number<U>(number);
      });
    };
    return compute<U>("cast", x.shape(), run, with_respect_to(x, [](const auto& dy) { return cast<T>(dy); }));
  }
}

}}  // namespace eigengrad::EIGENGRAD_ABI
