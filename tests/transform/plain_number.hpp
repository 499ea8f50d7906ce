#pragma once

#include <cmath>
#include <numbers>

// The numbers of an evaluation that shares nothing with the library: they know how exactly they can be known, and,
// being dual twice over, carry first and second derivatives.
namespace plain {

/// Thrown where a program asks for what cannot be compared: a kink, a value out of an operation's domain, no fit.
struct Skip {};

/// A number and the size of what was added up to get it: its rounding error is at most some units of the last place of
/// `size`.
struct Sized {
  double value = 0, size = 0;
  Sized() = default;
  Sized(double number) : value(number), size(std::abs(number)) {}
  Sized(double number, double error) : value(number), size(error + std::abs(number)) {}

  friend Sized operator+(const Sized& a, const Sized& b) { return {a.value + b.value, a.size + b.size}; }
  friend Sized operator-(const Sized& a, const Sized& b) { return {a.value - b.value, a.size + b.size}; }
  friend Sized operator*(const Sized& a, const Sized& b) {
    return {a.value * b.value, a.size * std::abs(b.value) + std::abs(a.value) * b.size + 1e-16 * a.size * b.size};
  }
  friend Sized operator/(const Sized& a, const Sized& b) {
    const double y = a.value / b.value;
    return {y, (a.size + std::abs(y) * b.size) / std::abs(b.value)};
  }
  /// f(x), whose derivative there is `slope`.
  static Sized of(double y, double slope, const Sized& x) { return {y, std::abs(slope) * x.size}; }
};
inline Sized exp(const Sized& x) { return Sized::of(std::exp(x.value), std::exp(x.value), x); }
inline Sized log(const Sized& x) { return Sized::of(std::log(x.value), 1 / x.value, x); }
inline Sized sqrt(const Sized& x) { return Sized::of(std::sqrt(x.value), 0.5 / std::sqrt(x.value), x); }
inline Sized sin(const Sized& x) { return Sized::of(std::sin(x.value), std::cos(x.value), x); }
inline Sized cos(const Sized& x) { return Sized::of(std::cos(x.value), std::sin(x.value), x); }
inline Sized erf(const Sized& x) {
  return Sized::of(std::erf(x.value), 2 / std::sqrt(std::numbers::pi) * std::exp(-x.value * x.value), x);
}
inline Sized tanh(const Sized& x) { return Sized::of(std::tanh(x.value), 1, x); }
inline Sized sigmoid(const Sized& x) { return Sized::of(1 / (1 + std::exp(-x.value)), 1, x); }
inline double plain_value(const Sized& x) { return x.value; }

/// value + tangent e with e * e = 0.
template <class T>
struct Dual {
  T value, tangent;
  Dual() = default;
  Dual(double number) : value(number) {}
  Dual(const T& number, const T& slope) : value(number), tangent(slope) {}

  friend Dual operator+(const Dual& a, const Dual& b) { return {a.value + b.value, a.tangent + b.tangent}; }
  friend Dual operator-(const Dual& a, const Dual& b) { return {a.value - b.value, a.tangent - b.tangent}; }
  friend Dual operator*(const Dual& a, const Dual& b) {
    return {a.value * b.value, a.tangent * b.value + a.value * b.tangent};
  }
  friend Dual operator/(const Dual& a, const Dual& b) {
    const T y = a.value / b.value;
    return {y, (a.tangent - y * b.tangent) / b.value};
  }
};
template <class T>
Dual<T> exp(const Dual<T>& x) {
  const T y = exp(x.value);
  return {y, y * x.tangent};
}
template <class T>
Dual<T> log(const Dual<T>& x) {
  return {log(x.value), x.tangent / x.value};
}
template <class T>
Dual<T> sqrt(const Dual<T>& x) {
  const T y = sqrt(x.value);
  return {y, T(0.5) * x.tangent / y};
}
template <class T>
Dual<T> sin(const Dual<T>& x) {
  return {sin(x.value), cos(x.value) * x.tangent};
}
template <class T>
Dual<T> cos(const Dual<T>& x) {
  return {cos(x.value), T(-1) * sin(x.value) * x.tangent};
}
template <class T>
Dual<T> erf(const Dual<T>& x) {
  return {erf(x.value), T(2 / std::sqrt(std::numbers::pi)) * exp(T(-1) * x.value * x.value) * x.tangent};
}
// Far out these two lose the digits of their slopes, as everybody's do; so `size` must know of it.
template <class T>
Dual<T> tanh(const Dual<T>& x) {
  const T y = tanh(x.value);
  return {y, (T(1) - y * y) * x.tangent};
}
template <class T>
Dual<T> sigmoid(const Dual<T>& x) {
  const T y = sigmoid(x.value);
  return {y, y * (T(1) - y) * x.tangent};
}
template <class T>
double plain_value(const Dual<T>& x) {
  return plain_value(x.value);
}

/// With x + s e + t f for an input: value.value is the function, value.tangent its derivative along s, tangent.value
/// along t, and tangent.tangent the second derivative along both.
using Number = Dual<Dual<Sized>>;

/// Whether a > b; they must not be so close that rounding decides.
inline bool greater(const Number& a, const Number& b) {
  const double difference = plain_value(a) - plain_value(b);
  if (!(std::abs(difference) > 1e-6)) throw Skip();
  return difference > 0;
}
/// x, which must lie between the two.
inline const Number& within(double low, const Number& x, double high) {
  if (!(plain_value(x) > low && plain_value(x) < high)) throw Skip();
  return x;
}

}  // namespace plain
