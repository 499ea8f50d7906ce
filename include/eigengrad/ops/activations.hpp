#pragma once

#include "functions.hpp"

// What bends a line: the activation functions, as formulas. nn/activation.hpp has the layers.
namespace eigengrad::inline EIGENGRAD_ABI {

/// 1 / (1 + exp(-x)), exact far out on both sides.
struct SigmoidOperation {
  static constexpr const char* name = "sigmoid";
  static constexpr int cost = 12;
  static constexpr bool gradient_from_value = true;
  EIGENGRAD_INLINE static auto value(const auto& x) { return 1 / (1 + exp(-x)); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto&, const auto& y) { return dy * y * (1 - y); }
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
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x, const auto& alpha, const auto& y) {
    return to_each(where(x > 0, dy, dy * (y + alpha)), where(x > 0, 0, dy * expm1(x)));
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
    return dy * (0.5 * erfc(-0.70710678118654752 * x) + x * (0.3989422804014327 * exp(-0.5 * (x * x))));
  }
};
template <Elementwise X>
EIGENGRAD_INLINE auto gelu(const X& x) {
  return apply<GeluOperation>(x);
}

/// x * sigmoid(x), also called swish. Elfwing, Uchibe, Doya: Sigmoid-weighted linear units, 2018.
struct SiluOperation {
  static constexpr const char* name = "silu";
  static constexpr int cost = 14;
  EIGENGRAD_INLINE static auto value(const auto& x) { return x * sigmoid(x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) {
    const auto s = sigmoid(x);
    return dy * (s + x * s * (1 - s));
  }
};
template <Elementwise X>
EIGENGRAD_INLINE auto silu(const X& x) {
  return apply<SiluOperation>(x);
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
