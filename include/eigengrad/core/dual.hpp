#pragma once

#include "lane.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// A value and its derivative in one direction: value + tangent * epsilon, epsilon^2 = 0. Every element-wise operation
/// works on it (ops/apply.hpp derives how from the operation's gradient), on lanes of it as on single numbers.
template <class X>
struct Dual {
  X value{};
  X tangent{};

  Dual() = default;
  EIGENGRAD_INLINE Dual(X v) : value(v) {}
  EIGENGRAD_INLINE Dual(X v, X t) : value(v), tangent(t) {}
  template <class Number>
    requires(std::is_arithmetic_v<Number> && !std::is_same_v<Number, X>)
  EIGENGRAD_INLINE Dual(Number number) : value(X(number)) {}
};

template <class X>
inline constexpr bool is_dual = false;
template <class X>
inline constexpr bool is_dual<Dual<X>> = true;

}  // namespace eigengrad::inline EIGENGRAD_ABI
