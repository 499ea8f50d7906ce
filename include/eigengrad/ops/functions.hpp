#pragma once

#include "../formula/apply.hpp"
#include "arithmetic.hpp"

// Exponential, logarithmic and trigonometric functions. `cost` is in additions, roughly: it decides what is worth
// keeping for the way back.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The exponential.
struct ExpOperation {
  static constexpr const char* name = "exp";
  static constexpr int cost = 10;
  EIGENGRAD_INLINE static auto value(const auto& x) { return math::exp(x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto&, const auto& y) { return dy * y; }
};
template <Elementwise X>
EIGENGRAD_INLINE auto exp(const X& x) {
  return apply<ExpOperation>(x);
}

/// exp(x) - 1, exact for small x.
struct Expm1Operation {
  static constexpr const char* name = "expm1";
  static constexpr int cost = 10;
  EIGENGRAD_INLINE static auto value(const auto& x) { return math::expm1(x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) { return dy * exp(x); }  // y + 1 has no digits
};
template <Elementwise X>
EIGENGRAD_INLINE auto expm1(const X& x) {
  return apply<Expm1Operation>(x);
}

/// The natural logarithm: -infinity at 0, NaN below.
struct LogOperation {
  static constexpr const char* name = "log";
  static constexpr int cost = 10;
  EIGENGRAD_INLINE static auto value(const auto& x) { return math::log(x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) { return dy / x; }
};
template <Elementwise X>
EIGENGRAD_INLINE auto log(const X& x) {
  return apply<LogOperation>(x);
}

/// log(1 + x), exact for small x.
struct Log1pOperation {
  static constexpr const char* name = "log1p";
  static constexpr int cost = 12;
  EIGENGRAD_INLINE static auto value(const auto& x) { return math::log1p(x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) { return dy / (x + 1); }
};
template <Elementwise X>
EIGENGRAD_INLINE auto log1p(const X& x) {
  return apply<Log1pOperation>(x);
}

/// The square root: NaN below 0; the gradient at 0 is infinite.
struct SqrtOperation {
  static constexpr const char* name = "sqrt";
  static constexpr int cost = 5;
  EIGENGRAD_INLINE static auto value(const auto& x) { return math::sqrt(x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto&, const auto& y) { return 0.5 * dy / y; }
};
template <Elementwise X>
EIGENGRAD_INLINE auto sqrt(const X& x) {
  return apply<SqrtOperation>(x);
}

/// a to the power b, as std::pow. The gradient for a is 0 where b is 0, for b where a is 0 and b is not negative.
struct PowOperation {
  static constexpr const char* name = "pow";
  static constexpr int cost = 40;
  EIGENGRAD_INLINE static auto value(const auto& a, const auto& b) { return math::pow(a, b); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& a, const auto& b, const auto& y) {
    // What would be 0 times infinity, b / a at b = 0 and y log(a) at a = 0, is 0; and the infinity is never computed,
    // so the derivatives of these are free of it as well.
    const auto flat = b == 0 && a * 2.220446049250313e-16 == 0, zero = a == 0 && b >= 0;  // denormal, too, for 1 / a
    return to_each(where(flat, 0, dy * b * pow(where(flat, 1, a), b - 1)),
                   where(zero, 0, dy * y * log(where(zero, 1, a))));
  }
};
template <Elementwise A, Elementwise B>
EIGENGRAD_INLINE auto pow(const A& a, const B& b) {
  return apply<PowOperation>(a, b);
}

/// The sine.
struct SinOperation {
  static constexpr const char* name = "sin";
  static constexpr int cost = 10;
  EIGENGRAD_INLINE static auto value(const auto& x) { return math::sin(x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) { return dy * cos(x); }
};
template <Elementwise X>
EIGENGRAD_INLINE auto sin(const X& x) {
  return apply<SinOperation>(x);
}

/// The cosine.
struct CosOperation {
  static constexpr const char* name = "cos";
  static constexpr int cost = 10;
  EIGENGRAD_INLINE static auto value(const auto& x) { return math::cos(x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) { return -(dy * sin(x)); }
};
template <Elementwise X>
EIGENGRAD_INLINE auto cos(const X& x) {
  return apply<CosOperation>(x);
}

/// The tangent.
struct TanOperation {
  static constexpr const char* name = "tan";
  static constexpr int cost = 40;
  EIGENGRAD_INLINE static auto value(const auto& x) { return math::tan(x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto&, const auto& y) { return dy * (1 + y * y); }
};
template <Elementwise X>
EIGENGRAD_INLINE auto tan(const X& x) {
  return apply<TanOperation>(x);
}

/// The derivative of tanh: 1 / cosh(x)^2, from x, as 1 - y^2 has no digits left where y is nearly 1.
struct TanhSlopeOperation {
  static constexpr const char* name = "tanh_slope";
  static constexpr int cost = 20;
  EIGENGRAD_INLINE static auto value(const auto& x) { return of(x, math::tanh(x)); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x, const auto& y);
  /// From y = tanh(x), too, without a quotient: 1 + |y| is 2 / (1 + exp(-2 |x|)).
  EIGENGRAD_INLINE static auto of(const auto& x, const auto& y) {
    const auto root = 1 + abs(y);
    return exp(-2 * abs(x)) * (root * root);
  }
};
/// The hyperbolic tangent.
struct TanhOperation {
  static constexpr const char* name = "tanh";
  static constexpr int cost = 10;
  using Slope = TanhSlopeOperation;
  EIGENGRAD_INLINE static auto value(const auto& x) { return math::tanh(x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x, const auto& y) {
    return dy * slope_of<Slope>(x, y);
  }
  /// What the slope changes by with y: f'' / f'.
  EIGENGRAD_INLINE static auto bend(const auto& y) { return -2 * y; }
};
template <Elementwise X>
EIGENGRAD_INLINE auto tanh(const X& x) {
  return apply<TanhOperation>(x);
}
EIGENGRAD_INLINE auto TanhSlopeOperation::gradient(const auto& dy, const auto& x, const auto& y) {
  return dy * (-2 * (tanh(x) * y));
}

/// The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.
struct ErfOperation {
  static constexpr const char* name = "erf";
  static constexpr int cost = 40;
  EIGENGRAD_INLINE static auto value(const auto& x) { return math::erf(x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) {
    return dy * (1.1283791670955126 * exp(-(x * x)));
  }
};
template <Elementwise X>
EIGENGRAD_INLINE auto erf(const X& x) {
  return apply<ErfOperation>(x);
}

/// 1 - erf(x), exact where erf is nearly 1.
struct ErfcOperation {
  static constexpr const char* name = "erfc";
  static constexpr int cost = 40;
  EIGENGRAD_INLINE static auto value(const auto& x) { return math::erfc(x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) {
    return dy * (-1.1283791670955126 * exp(-(x * x)));
  }
};
template <Elementwise X>
EIGENGRAD_INLINE auto erfc(const X& x) {
  return apply<ErfcOperation>(x);
}

// Compiled by blocks: struct BlockRule<ExpOperation, T, false>
// Compiled by blocks: struct BlockRule<Expm1Operation, T, false>
// Compiled by blocks: struct BlockRule<LogOperation, T, false>
// Compiled by blocks: struct BlockRule<Log1pOperation, T, false>
// Compiled by blocks: struct BlockRule<SqrtOperation, T, false>
// Compiled by blocks: struct BlockRule<SinOperation, T, false>
// Compiled by blocks: struct BlockRule<CosOperation, T, false>
// Compiled by blocks: struct BlockRule<TanOperation, T, false>
// Compiled by blocks: struct BlockRule<TanhOperation, T, false>
// Compiled by blocks: struct BlockRule<ErfOperation, T, false>
// Compiled by blocks: struct BlockRule<ErfcOperation, T, false>
// Compiled by blocks: struct BlockRule<PowOperation, T, false, false>
}}  // namespace eigengrad::EIGENGRAD_ABI
