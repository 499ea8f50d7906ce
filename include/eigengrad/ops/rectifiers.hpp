#pragma once

#include "../autograd/engine/recorded.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "activations.hpp"

// Activations made of pieces: what comes after relu, leaky_relu and elu. At a kink the gradient is PyTorch's.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// leaky_relu with learned slopes: one for all, or [channels], for axis 1 of x. Gradients at 0: slope dy, and 0 for the
/// slope. He, Zhang, Ren, Sun: Delving deep into rectifiers, 2015, eq. 1.
template <Expression X, Expression W>
Tensor<typename X::Element> prelu(const X& x, const W& slope, Location where = Location::current()) {
  using T = typename X::Element;
  const Tensor<T>& t = x.to_tensor();
  const Tensor<T>& slopes = slope.to_tensor();
  if (slopes.size() == 1) return Tensor<T>(leaky_relu(t, recorded_reshape(slopes, Shape{}, where)), where);
  require<ShapeError>(slopes.rank() == 1 && t.rank() >= 2 && slopes.shape()[0] == t.shape()[1], "prelu: x is ",
                      t.shape(), ", the slopes are ", slopes.shape(),
                      ": give one slope, or one for each channel, which axis 1 of x has", where);
  Shape along;
  for (Index axis = 1; axis < t.rank(); ++axis) along.push_back(axis == 1 ? t.shape()[1] : 1);
  return Tensor<T>(leaky_relu(t, recorded_reshape(slopes, along, where)), where);
}

/// 1.0507 elu(x, 1.6733), which keeps mean 0 and variance 1. Klambauer, Unterthiner, Mayr, Hochreiter:
/// Self-normalizing neural networks, 2017, eq. 2.
struct SeluOperation {
  static constexpr const char* name = "selu";
  static constexpr int cost = 12;
  static constexpr double scale = 1.0507009873554804934193349852946, below = 1.7580993408473768599402175208123;
  EIGENGRAD_INLINE static auto value(const auto& x) { return where(x > 0, scale * x, below * expm1(x)); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) {
    return where(x > 0, scale * dy, dy * (below * exp(minimum(x, 0))));
  }
};
template <Elementwise X>
EIGENGRAD_INLINE auto selu(const X& x) {
  return apply<SeluOperation>(x);
}

/// x for x > 0, alpha (exp(x / alpha) - 1) elsewhere: smooth for every alpha. Barron: Continuously differentiable
/// exponential linear units, 2017.
struct CeluOperation {
  static constexpr const char* name = "celu";
  static constexpr int cost = 16;
  EIGENGRAD_INLINE static auto value(const auto& x, const auto& alpha) {
    return where(x > 0, x, alpha * expm1(minimum(x, 0) / alpha));
  }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x, const auto& alpha) {
    const auto below = minimum(x, 0) / alpha;
    return to_each(where(x > 0, dy, dy * exp(below)), dy * (expm1(below) - below * exp(below)));
  }
};
template <Elementwise X, Elementwise A = double>
EIGENGRAD_INLINE auto celu(const X& x, const A& alpha = 1.0) {
  return apply<CeluOperation>(x, alpha);
}

/// x limited to [0, 6]; the gradient is 0 on the borders.
struct Relu6Operation {
  static constexpr const char* name = "relu6";
  static constexpr bool gradient_from_value = true;
  EIGENGRAD_INLINE static auto value(const auto& x) { return where(x <= 0, 0, where(x >= 6, 6, x)); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto&, const auto& y) {
    return where(y <= 0 || y >= 6, 0, dy);
  }
};
template <Elementwise X>
EIGENGRAD_INLINE auto relu6(const X& x) {
  return apply<Relu6Operation>(x);
}

/// x limited to [low, high]; the gradient is 0 on the borders, where clamp's is 1.
struct HardtanhOperation {
  static constexpr const char* name = "hardtanh";
  EIGENGRAD_INLINE static auto value(const auto& x, const auto& low, const auto& high) {
    return where(x <= low, low, where(x >= high, high, x));
  }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x, const auto& low, const auto& high) {
    return to_each(where(x <= low || x >= high, 0, dy), where(x <= low, dy, 0), where(x > low && x >= high, dy, 0));
  }
};
template <Elementwise X>
EIGENGRAD_INLINE auto hardtanh(const X& x, double low = -1, double high = 1) {
  return apply<HardtanhOperation>(x, low, high);
}

/// relu6(x + 3) / 6, a sigmoid of three pieces; the gradient is 0 at -3 and 3.
struct HardsigmoidOperation {
  static constexpr const char* name = "hardsigmoid";
  EIGENGRAD_INLINE static auto value(const auto& x) { return where(x <= -3, 0, where(x >= 3, 1, (x + 3) / 6)); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) { return where(x <= -3 || x >= 3, 0, dy / 6); }
};
template <Elementwise X>
EIGENGRAD_INLINE auto hardsigmoid(const X& x) {
  return apply<HardsigmoidOperation>(x);
}

/// x hardsigmoid(x); the gradient is 0 at -3 and 1 at 3. Howard et al.: Searching for MobileNetV3, 2019.
struct HardswishOperation {
  static constexpr const char* name = "hardswish";
  EIGENGRAD_INLINE static auto value(const auto& x) { return where(x <= -3, 0, where(x >= 3, x, x * (x + 3) / 6)); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) {
    return where(x <= -3, 0, where(x >= 3, dy, dy * (x / 3 + 0.5)));
  }
};
template <Elementwise X>
EIGENGRAD_INLINE auto hardswish(const X& x) {
  return apply<HardswishOperation>(x);
}

/// x where it is above `limit`, `otherwise` elsewhere; NaN stays NaN.
struct ThresholdOperation {
  static constexpr const char* name = "threshold";
  EIGENGRAD_INLINE static auto value(const auto& x, const auto& limit, const auto& otherwise) {
    return where(x <= limit, otherwise, x);
  }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x, const auto& limit, const auto&) {
    return to_each(where(x <= limit, 0, dy), 0 * dy, where(x <= limit, dy, 0));
  }
};
template <Elementwise X>
EIGENGRAD_INLINE auto threshold(const X& x, double limit, double otherwise) {
  return apply<ThresholdOperation>(x, limit, otherwise);
}

/// x where |x| > limit, 0 elsewhere.
struct HardshrinkOperation {
  static constexpr const char* name = "hardshrink";
  EIGENGRAD_INLINE static auto value(const auto& x, const auto& limit) { return where(abs(x) <= limit, 0, x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x, const auto& limit) {
    return to_each(where(abs(x) <= limit, 0, dy), 0 * dy);
  }
};
template <Elementwise X>
EIGENGRAD_INLINE auto hardshrink(const X& x, double limit = 0.5) {
  return apply<HardshrinkOperation>(x, limit);
}

/// x moved towards 0 by `limit`, and 0 where |x| <= limit.
struct SoftshrinkOperation {
  static constexpr const char* name = "softshrink";
  EIGENGRAD_INLINE static auto value(const auto& x, const auto& limit) {
    return where(abs(x) <= limit, 0, where(x > 0, x - limit, x + limit));
  }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x, const auto& limit) {
    return to_each(where(abs(x) <= limit, 0, dy), -(dy * sign(value(x, limit))));
  }
};
template <Elementwise X>
EIGENGRAD_INLINE auto softshrink(const X& x, double limit = 0.5) {
  return apply<SoftshrinkOperation>(x, limit);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
