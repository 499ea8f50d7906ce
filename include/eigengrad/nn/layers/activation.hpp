#pragma once

#include "../../autograd/engine/node.hpp"
#include "../../core/tensor.hpp"
#include "../../formula/pointwise.hpp"
#include "../../ops/activations.hpp"
#include "../../ops/reduce.hpp"
#include "../../ops/softmax.hpp"
#include "../module/layer.hpp"
#include "../module/module.hpp"
#include "linear.hpp"

// The activation functions as layers. Each says how the weights in front of it should start, so that signals neither
// grow nor die on their way through the layers.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Weights in front of a function that saturates on both sides.
template <class T>
WeightInitializer<T> for_saturating(double gain = 1) {
  return {&init::xavier_uniform<T>, gain};
}
/// Weights in front of a rectifier whose negative side has this slope. He et al., 2015, eq. 15.
template <class T>
WeightInitializer<T> for_rectifier(double slope = 0) {
  return {&init::kaiming_uniform<T>, std::sqrt(2 / (1 + rounded(slope * slope)))};
}

/// An activation that flattens out towards both limits; `diagnose` counts the outputs near them.
constexpr ActivationTraits saturating_between(double lower_limit, double upper_limit) {
  return {.lower_limit = lower_limit, .upper_limit = upper_limit};
}
/// One whose units pass no gradient where they give this number; `diagnose` counts those that do so for every sample.
constexpr ActivationTraits dying_at(double output) { return {.dead_output = output}; }

/// A layer's formula, whose record names the line that called the layer.
template <class T, class E>
Tensor<T> evaluated_for_caller(const E& expression) {
  if constexpr (std::is_same_v<E, Tensor<T>>)
    return expression;
  else
    return Tensor<T>(expression, calling_line());
}

#define EIGENGRAD_ACTIVATION(Name, function, initializer, traits)                       \
  template <class T>                                                                    \
  struct Name : Layer<T> {                                                              \
    using Result = decltype(function(std::declval<const OperationProbe<T>&>()));                \
    Tensor<T> forward(const Tensor<T>& x) override {                                    \
      if constexpr (is_pointwise<Result, T>)                                            \
        return apply_pointwise(*pointwise_of<Result, T>, x, calling_line());            \
      else                                                                              \
        return evaluated_for_caller<T>(function(x));                                    \
    }                                                                                   \
    const Pointwise<T>* pointwise() const override { return pointwise_of<Result, T>; }  \
    std::string kind() const override { return #Name; }                                 \
    WeightInitializer<T> preferred_initializer() const override { return initializer; } \
    ActivationTraits activation_traits() const override { return traits; }              \
  };
/// x itself.
EIGENGRAD_ACTIVATION(Identity, , {}, {})
/// sigmoid(x) as a layer, applied in place behind a Linear.
EIGENGRAD_ACTIVATION(Sigmoid, sigmoid, for_saturating<T>(), saturating_between(0, 1))
/// tanh(x) as a layer, applied in place behind a Linear.
EIGENGRAD_ACTIVATION(Tanh, tanh, for_saturating<T>(5.0 / 3), saturating_between(-1, 1))
/// relu(x) as a layer, applied in place behind a Linear.
EIGENGRAD_ACTIVATION(ReLU, relu, for_rectifier<T>(), dying_at(0))
/// gelu(x) as a layer.
EIGENGRAD_ACTIVATION(GELU, gelu, for_rectifier<T>(), {})
/// silu(x) as a layer.
EIGENGRAD_ACTIVATION(SiLU, silu, for_rectifier<T>(), {})
/// softplus(x) as a layer.
EIGENGRAD_ACTIVATION(Softplus, softplus, for_rectifier<T>(), {})
#undef EIGENGRAD_ACTIVATION

/// x for x > 0, slope * x elsewhere: a ReLU that cannot die.
template <class T>
struct LeakyReLU : Layer<T> {
  explicit LeakyReLU(double negative_slope = 0.01) : slope(static_cast<T>(negative_slope)) {}
  Tensor<T> forward(const Tensor<T>& x) override { return {leaky_relu(x, slope), calling_line()}; }
  std::string kind() const override { return "LeakyReLU"; }
  WeightInitializer<T> preferred_initializer() const override {
    return for_rectifier<T>(static_cast<double>(plain_value(slope)));
  }

  T slope;
};

/// x for x > 0, alpha * (exp(x) - 1) elsewhere.
template <class T>
struct ELU : Layer<T> {
  explicit ELU(double negative_limit = 1) : alpha(static_cast<T>(negative_limit)) {}
  Tensor<T> forward(const Tensor<T>& x) override { return {elu(x, alpha), calling_line()}; }
  std::string kind() const override { return "ELU"; }
  WeightInitializer<T> preferred_initializer() const override { return for_rectifier<T>(); }

  T alpha;
};

/// Numbers that are positive and sum to 1 along an axis: probabilities.
template <class T>
struct Softmax : Layer<T> {
  explicit Softmax(Index along = -1) : axis(along) {}
  Tensor<T> forward(const Tensor<T>& x) override { return softmax(x, axis, calling_line()); }
  std::string kind() const override { return "Softmax"; }
  WeightInitializer<T> preferred_initializer() const override { return for_saturating<T>(); }

  Index axis;
};

/// The largest of each group of `pieces` neighbours on the last axis: [..., out * pieces] -> [..., out]. The gradient
/// goes to the first largest. Goodfellow, Warde-Farley, Mirza, Courville, Bengio: Maxout networks, 2013, eq. 2.
template <Expression X>
auto maxout(const X& expression, Index pieces = 2, Location where = Location::current()) {
  const Tensor<typename X::Element>& x = expression.to_tensor();
  require<ShapeError>(pieces > 0 && x.rank() > 0 && x.shape().back() % pieces == 0, "maxout: the last axis of ",
                      x.shape(), " does not divide into groups of ", pieces, ": make it a multiple", where);
  Shape grouped = x.shape();
  grouped.set(x.rank() - 1, x.shape().back() / pieces);
  grouped.push_back(pieces);
  return (max)(reshape(x, grouped, where), -1, false, where);
}

/// Maxout(pieces): the largest of each group of neighbouring features. Maxout(in, out, pieces): of as many linear
/// functions of its own, a piecewise linear convex activation that is learned.
template <class T>
struct Maxout : Layer<T> {
  explicit Maxout(Index group_size = 2) : pieces(group_size) {}
  Maxout(Index in, Index out, Index group_size = 2) : pieces(group_size) {
    require<ValueError>(pieces > 0, "Maxout: ", pieces, " pieces: there must be at least one");
    lines.push_back(Linear<T>(in, out * pieces));
  }
  Tensor<T> forward(const Tensor<T>& x) override {
    return maxout(lines.empty() ? x : lines.front()(x, {}), pieces, calling_line());
  }
  void members(Members<T>& m) override {
    if (!lines.empty()) m("lines", lines.front());
  }
  std::string kind() const override { return "Maxout"; }
  WeightInitializer<T> preferred_initializer() const override { return for_rectifier<T>(); }

  Index pieces;
  std::vector<Linear<T>> lines;  // one or none
};

// Compiled: struct Sigmoid<T>
// Compiled: struct Tanh<T>
// Compiled: struct ReLU<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
