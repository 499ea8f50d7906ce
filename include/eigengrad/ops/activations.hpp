#pragma once

#include "../formula/apply.hpp"
#include "functions.hpp"

// What bends a line: the activation functions, as formulas. nn/layers/activation.hpp has the layers.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The derivative of sigmoid, from x, as 1 - y has no digits left where y is nearly 1.
struct SigmoidSlopeOperation {
  static constexpr const char* name = "sigmoid_slope";
  static constexpr int cost = 12;
  EIGENGRAD_INLINE static auto value(const auto& x) {
    const auto e = exp(-abs(x)), root = 1 / (1 + e);
    return e * (root * root);
  }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x, const auto& y) {
    return dy * (-(y * tanh(0.5 * x)));
  }
  /// From y = sigmoid(x), too, without a quotient, and with the exponential that y was made of.
  EIGENGRAD_INLINE static auto of(const auto& x, const auto& y) {
    const auto root = where(x < 0, 1 - y, y);
    return exp(-abs(x)) * (root * root);
  }
};
/// 1 / (1 + exp(-x)), exact far out on both sides.
struct SigmoidOperation {
  static constexpr const char* name = "sigmoid";
  static constexpr int cost = 12;
  using Slope = SigmoidSlopeOperation;
  EIGENGRAD_INLINE static auto value(const auto& x) {
    const auto e = exp(-abs(x));  // exp(-x) overflows where the result is still a number
    return where(x < 0, e, 1) / (1 + e);
  }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x, const auto& y) {
    return dy * slope_of<Slope>(x, y);
  }
  /// What the slope changes by with y: f'' / f'.
  EIGENGRAD_INLINE static auto bend(const auto& y) { return 1 - 2 * y; }
};
template <Elementwise X>
EIGENGRAD_INLINE auto sigmoid(const X& x) {
  return apply<SigmoidOperation>(x);
}

/// log(1 + exp(x)), a smooth relu; does not overflow.
struct SoftplusOperation {
  static constexpr const char* name = "softplus";
  static constexpr int cost = 24;
  EIGENGRAD_INLINE static auto value(const auto& x) { return maximum(x, 0) + log1p(exp(-abs(x))); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) { return dy * sigmoid(x); }
};
template <Elementwise X>
EIGENGRAD_INLINE auto softplus(const X& x) {
  return apply<SoftplusOperation>(x);
}

/// max(x, 0); the gradient at 0 is 0, NaN stays NaN.
struct ReluOperation {
  static constexpr const char* name = "relu";
  static constexpr bool gradient_from_value = true;
  EIGENGRAD_INLINE static auto value(const auto& x) { return where(x <= 0, 0, x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto&, const auto& y) { return where(y <= 0, 0, dy); }
};
template <Elementwise X>
EIGENGRAD_INLINE auto relu(const X& x) {
  return apply<ReluOperation>(x);
}

/// x for x > 0, slope * x elsewhere. Maas, Hannun, Ng: Rectifier nonlinearities improve neural network acoustic models,
/// 2013.
struct LeakyReluOperation {
  static constexpr const char* name = "leaky_relu";
  EIGENGRAD_INLINE static auto value(const auto& x, const auto& slope) { return where(x > 0, x, slope * x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x, const auto& slope) {
    return to_each(where(x > 0, dy, slope * dy), where(x > 0, 0, dy * x));
  }
};
template <Elementwise X, Elementwise S = double>
EIGENGRAD_INLINE auto leaky_relu(const X& x, const S& slope = 0.01) {
  return apply<LeakyReluOperation>(x, slope);
}

/// x for x > 0, alpha * (exp(x) - 1) elsewhere. Clevert, Unterthiner, Hochreiter: ELUs, 2016, eq. 15.
struct EluOperation {
  static constexpr const char* name = "elu";
  static constexpr int cost = 12;
  EIGENGRAD_INLINE static auto value(const auto& x, const auto& alpha) { return where(x > 0, x, alpha * expm1(x)); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x, const auto& alpha) {
    const auto below = minimum(x, 0);  // exp(x) above would be infinite, and 0 times that NaN
    return to_each(where(x > 0, dy, dy * (alpha * exp(below))), dy * expm1(below));
  }
};
template <Elementwise X, Elementwise A = double>
EIGENGRAD_INLINE auto elu(const X& x, const A& alpha = 1.0) {
  return apply<EluOperation>(x, alpha);
}

/// x times the normal distribution function, exactly. Hendrycks, Gimpel: Gaussian error linear units, 2016.
struct GeluOperation {
  static constexpr const char* name = "gelu";
  static constexpr int cost = 44;
  EIGENGRAD_INLINE static auto value(const auto& x) { return 0.5 * x * erfc(-0.70710678118654752 * x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) {
    const auto root = exp(-0.25 * (x * x));  // its square would lose digits before the product with x does
    return dy * (0.5 * erfc(-0.70710678118654752 * x) + 0.3989422804014327 * x * root * root);
  }
};
template <Elementwise X>
EIGENGRAD_INLINE auto gelu(const X& x) {
  return apply<GeluOperation>(x);
}

/// factor * sigmoid(x), the digits of which do not suffer where sigmoid(x) is denormal.
EIGENGRAD_INLINE auto times_sigmoid(const auto& factor, const auto& x) {
  const auto deep = x < -64;
  const auto e = exp(where(deep, x + 64, -abs(x)));
  const auto product = factor * where(x < 0, e, 1) / (1 + where(deep, 0, e));
  return where(deep, product * 1.6038108905486378e-28, product);  // exp(-64)
}
/// The derivatives of silu, first and second: s (1 + x (1 - s)) and s (1 - s) (2 - x (2 s - 1)), s = sigmoid(x).
struct SiluSlopeOperation {
  static constexpr const char* name = "silu_slope";
  static constexpr int cost = 40;
  EIGENGRAD_INLINE static auto value(const auto& x) { return times_sigmoid(1 + x * sigmoid(-x), x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) {
    return dy * (apply<SigmoidSlopeOperation>(x) * (2 - x * tanh(0.5 * x)));
  }
};
/// x * sigmoid(x), also called swish. Elfwing, Uchibe, Doya: Sigmoid-weighted linear units, 2018.
struct SiluOperation {
  static constexpr const char* name = "silu";
  static constexpr int cost = 14;
  EIGENGRAD_INLINE static auto value(const auto& x) { return times_sigmoid(x, x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) { return dy * apply<SiluSlopeOperation>(x); }
};
template <Elementwise X>
EIGENGRAD_INLINE auto silu(const X& x) {
  return apply<SiluOperation>(x);
}

// Compiled by blocks: struct BlockRule<SigmoidOperation, T, false>
// Compiled by blocks: struct BlockRule<SoftplusOperation, T, false>
// Compiled by blocks: struct BlockRule<ReluOperation, T, false>
// Compiled by blocks: struct BlockRule<GeluOperation, T, false>
// Compiled by blocks: struct BlockRule<SiluOperation, T, false>
// Compiled by blocks: struct BlockRule<LeakyReluOperation, T, false, false>
// Compiled by blocks: struct BlockRule<EluOperation, T, false, false>
}}  // namespace eigengrad::EIGENGRAD_ABI
