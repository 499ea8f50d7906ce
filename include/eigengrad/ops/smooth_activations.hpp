#pragma once

#include "../autograd/engine/joint.hpp"
#include "../core/kernel_access.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../simd/lane.hpp"
#include "activations.hpp"
#include "index.hpp"
#include "softmax.hpp"

// Activations without kinks, beside sigmoid, tanh, gelu and silu. Each is right far out, and so are its derivatives.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// x / (1 + |x|), a tanh without an exponential. Turian, Bergstra, Bengio: Quadratic features and deep architectures
/// for chunking, 2009.
struct SoftsignOperation {
  static constexpr const char* name = "softsign";
  static constexpr int cost = 8;
  EIGENGRAD_INLINE static auto value(const auto& x) { return x / (1 + abs(x)); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) {
    const auto root = 1 / (1 + abs(x));
    return dy * (root * root);
  }
};
template <Elementwise X>
EIGENGRAD_INLINE auto softsign(const X& x) {
  return apply<SoftsignOperation>(x);
}

/// log(sigmoid(x)), without overflow.
struct LogSigmoidOperation {
  static constexpr const char* name = "log_sigmoid";
  static constexpr int cost = 24;
  EIGENGRAD_INLINE static auto value(const auto& x) { return minimum(x, 0) - log1p(exp(-abs(x))); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) { return dy * sigmoid(-x); }
};
template <Elementwise X>
EIGENGRAD_INLINE auto log_sigmoid(const X& x) {
  return apply<LogSigmoidOperation>(x);
}

/// x - tanh(x).
struct TanhshrinkOperation {
  static constexpr const char* name = "tanhshrink";
  static constexpr int cost = 12;
  EIGENGRAD_INLINE static auto value(const auto& x) { return x - tanh(x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) { return dy * square(tanh(x)); }
};
template <Elementwise X>
EIGENGRAD_INLINE auto tanhshrink(const X& x) {
  return apply<TanhshrinkOperation>(x);
}

/// The derivative of mish: t + x s (1 - t^2), s = sigmoid(x), t = tanh(softplus(x)).
struct MishSlopeOperation {
  static constexpr const char* name = "mish_slope";
  static constexpr int cost = 36;
  EIGENGRAD_INLINE static auto value(const auto& x) {
    const auto e = exp(-abs(x)), s = where(x < 0, e, 1) / (1 + e);
    const auto n = where(x < 0, e * (e + 2), 1 + 2 * e), rest = where(x < 0, 2, 2 * (e * e)), d = n + rest;
    const auto t = n / d;
    return t + x * s * (rest / d) * (1 + t);
  }
  /// s (1 - t^2) (2 + x (1 - s - 2 s t)), of functions that can be differentiated again.
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) {
    const auto p = softplus(x);
    const auto s = sigmoid(x);
    return dy * (s * apply<TanhSlopeOperation>(p) * (2 + x * (sigmoid(-x) - 2 * (s * tanh(p)))));
  }
};
/// x tanh(softplus(x)). Misra: Mish, a self regularized non-monotonic activation function, 2019.
struct MishOperation {
  static constexpr const char* name = "mish";
  static constexpr int cost = 24;
  EIGENGRAD_INLINE static auto value(const auto& x) {
    const auto e = exp(-abs(x));
    const auto n = where(x < 0, e * (e + 2), 1 + 2 * e), rest = where(x < 0, 2, 2 * (e * e));
    return x * (n / (n + rest));
  }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) { return dy * apply<MishSlopeOperation>(x); }
};
template <Elementwise X>
EIGENGRAD_INLINE auto mish(const X& x) {
  return apply<MishOperation>(x);
}

/// What sigmoid is given in gelu_tanh: 2 sqrt(2 / pi) (x + 0.044715 x^3).
EIGENGRAD_INLINE auto gelu_cubic(const auto& x) { return x * (1.5957691216057308 + 0.071354816272600244 * (x * x)); }
/// The derivative of gelu_tanh: s + x s' v', v the cubic of x and s = sigmoid(v).
struct GeluTanhSlopeOperation {
  static constexpr const char* name = "gelu_tanh_slope";
  static constexpr int cost = 40;
  EIGENGRAD_INLINE static auto value(const auto& number) {
    const auto x = clamp(number, -64, 64);  // s' is 0 there, and the cubic still finite
    const auto v = gelu_cubic(x);
    const auto rise = 1.5957691216057308 + 0.21406444881780073 * (x * x);
    return sigmoid(v) + x * rise * apply<SigmoidSlopeOperation>(v);
  }
  /// s' (2 v' + x (v'' - tanh(v / 2) v'^2)).
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& number) {
    const auto x = clamp(number, -64, 64);
    const auto v = gelu_cubic(x);
    const auto rise = 1.5957691216057308 + 0.21406444881780073 * (x * x);
    return dy * (apply<SigmoidSlopeOperation>(v) *
                 (2 * rise + x * (0.42812889763560147 * x - tanh(0.5 * v) * (rise * rise))));
  }
};
/// GELU by a tanh: x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)), as GPT-2 has it, up to 0.0005 from gelu. Hendrycks,
/// Gimpel: Gaussian error linear units, 2016.
struct GeluTanhOperation {
  static constexpr const char* name = "gelu_tanh";
  static constexpr int cost = 20;
  EIGENGRAD_INLINE static auto value(const auto& x) { return times_sigmoid(x, gelu_cubic(x)); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) { return dy * apply<GeluTanhSlopeOperation>(x); }
};
template <Elementwise X>
EIGENGRAD_INLINE auto gelu_tanh(const X& x) {
  return apply<GeluTanhOperation>(x);
}
/// Which GELU: with the error function, or with a tanh in its place.
enum class Approximate { none, tanh };
template <Expression X>
Tensor<typename X::Element> gelu(const X& x, Approximate approximate, Location where = Location::current()) {
  return approximate == Approximate::tanh ? Tensor<typename X::Element>(gelu_tanh(x), where)
                                          : Tensor<typename X::Element>(gelu(x), where);
}

/// softmax(-x): the smallest gets the most.
template <Expression X>
Tensor<typename X::Element> softmin(const X& x, Index axis = -1, Location where = Location::current()) {
  return softmax(-x, axis, where);
}

/// The first half of an axis times the sigmoid of the second: [..., 2 n, ...] -> [..., n, ...]. Throws ShapeError for
/// an odd size. Dauphin, Fan, Auli, Grangier: Language modeling with gated convolutional networks, 2017.
template <Expression X>
Tensor<typename X::Element> glu(const X& expression, Index axis = -1, Location where = Location::current()) {
  using T = typename X::Element;
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>;
  const Tensor<T>& x = expression.to_tensor();
  const AroundAxis around(x.shape(), axis, "glu", where);
  require<ShapeError>(around.count % 2 == 0, "glu: axis ", around.axis, " of ", x.shape(),
                      " has an odd size: the second half are the gates of the first", where);
  const Index half = around.count / 2, size = half * around.inner;
  const auto run = [=, outer = around.outer](T* to, std::span<const Tensor<T>> operands) {
    const T* from = kernel_access(operands[0]).numbers();
    for (Index o = 0; o < outer; ++o, from += 2 * size, to += size) {
      Index j = 0;
      for (; j + width <= size; j += width)
        lane::store<T>(to + j, L(times_sigmoid(L(lane::load(from + j)), L(lane::load(from + size + j)))));
      for (; j < size; ++j) to[j] = static_cast<T>(times_sigmoid(from[j], from[size + j]));
    }
  };
  const auto back = [=, outer = around.outer](const Tensor<T>& dy, const std::array<bool, 1>&) {
    const auto slopes_of = [=](T* to, const Tensor<T>& upstream, const Tensor<T>& operand) {
      const T *from = kernel_access(operand).numbers(), *d = kernel_access(upstream).numbers();
      for (Index o = 0; o < outer; ++o, from += 2 * size, to += 2 * size, d += size) {
        Index j = 0;
        for (; j + width <= size; j += width) {
          const L y = lane::load(d + j), a = lane::load(from + j), b = lane::load(from + size + j);
          lane::store<T>(to + j, L(times_sigmoid(y, b)));
          lane::store<T>(to + size + j, L(y * a * SigmoidSlopeOperation::value(b)));
        }
        for (; j < size; ++j) {
          to[j] = static_cast<T>(times_sigmoid(d[j], from[size + j]));
          to[size + j] = static_cast<T>(d[j] * from[j] * apply<SigmoidSlopeOperation>(from[size + j]));
        }
      }
    };
    return std::array{compute_values<T>("glu", x.shape(), slopes_of, dy, x)};
  };
  const auto composed = [along = around.axis, half](std::span<const Tensor<T>> operands) {
    return Tensor<T>(slice(operands[0], along, 0, half) * sigmoid(slice(operands[0], along, half)));
  };
  return compute<T>({"glu", where}, around.resized(x.shape(), half), run,
                    with_respect_to_all(std::array{Tensor<T>(x)}, back, composed));
}

}}  // namespace eigengrad::EIGENGRAD_ABI
