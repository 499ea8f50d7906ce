#pragma once

#include <limits>

#include "../simd/lane.hpp"
#include "error.hpp"

// Numbers with their derivative in one direction. Every operation takes them.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class X>
concept Number = std::is_arithmetic_v<X>;

template <class X>
struct Dual;
template <class X>
inline constexpr bool is_dual = false;
template <class X>
inline constexpr bool is_dual<Dual<X>> = true;
/// How often Dual is wrapped around a number: 2 for Dual<Dual<double>>, which holds second derivatives.
template <class X>
inline constexpr int dual_depth = 0;
template <class X>
inline constexpr int dual_depth<Dual<X>> = 1 + dual_depth<X>;
/// What can be differentiated: floating-point numbers, and dual numbers of them.
template <class T>
inline constexpr bool is_real = std::is_floating_point_v<T>;
template <class X>
inline constexpr bool is_real<Dual<X>> = is_real<X>;
/// double for Dual<double>; any other number's own type.
template <class T>
struct PlainNumber {
  using type = T;
};
template <class X>
struct PlainNumber<Dual<X>> : PlainNumber<X> {};
template <class T>
using plain_t = typename PlainNumber<T>::type;

[[noreturn]] EIGENGRAD_COLD inline void fail_on_lost_tangent() {
  fail<TangentError>(
      "dual: a dual number became a plain one, which has no tangent: write the function for numbers of any type, as in "
      "[](const auto& x), or say value_part(x) where the derivative is not wanted");
}

/// A value and its derivative in one direction: value + tangent * epsilon, epsilon^2 = 0. Every element-wise operation
/// works on it (formula/apply.hpp derives how from the operation's gradient), on lanes of it as on single numbers.
/// It converts to its plain number, so that what is not written for dual numbers compiles, but throws TangentError.
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
  /// Of another precision.
  template <class Y>
    requires(dual_depth<X> == dual_depth<Y> && !std::is_same_v<X, Y>)
  explicit Dual(const Dual<Y>& other) : value(static_cast<X>(other.value)), tangent(static_cast<X>(other.tangent)) {}

  // Implicit to X only: were it to other numbers too, `x > 0 ? x : 0` would be ambiguous.
  template <class Number>
    requires(std::is_same_v<Number, X> || std::is_arithmetic_v<Number>)
  explicit(!std::is_same_v<Number, X>) operator Number() const {
    fail_on_lost_tangent();
  }
};

/// The number itself, without tangents at any depth.
template <class T>
EIGENGRAD_INLINE plain_t<T> plain_value(const T& number) {
  if constexpr (is_dual<T>)
    return plain_value(number.value);
  else
    return number;
}

/// Whether a number is 0 with all its tangents.
template <class T>
EIGENGRAD_INLINE bool is_zero(const T& number) {
  if constexpr (is_dual<T>)
    return is_zero(number.value) && is_zero(number.tangent);
  else
    return number == T(0);
}

/// Messages and prints show a dual number as 1.5 + 2.0e.
template <class X>
void append(std::string& text, const Dual<X>& number) {
  append(text, number.value);
  text += " + ";
  append(text, number.tangent);
  text += 'e';
}

}}  // namespace eigengrad::EIGENGRAD_ABI

/// The limits of the values.
template <class X>
struct std::numeric_limits<eigengrad::Dual<X>> : std::numeric_limits<X> {};
