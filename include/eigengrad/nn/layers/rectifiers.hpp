#pragma once

#include "../../autograd/engine/node.hpp"
#include "../../autograd/parameter.hpp"
#include "../../core/tensor.hpp"
#include "../../formula/pointwise.hpp"
#include "../../ops/rectifiers.hpp"
#include "../../ops/smooth_activations.hpp"
#include "../module/layer.hpp"
#include "../module/module.hpp"
#include "activation.hpp"

// Activation layers beside those of activation.hpp; the functions are in ops/rectifiers.hpp and
// ops/smooth_activations.hpp.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

#define EIGENGRAD_PLAIN_ACTIVATION(Name, function, initializer, traits)                               \
  template <class T>                                                                                  \
  struct Name : Layer<T> {                                                                            \
    Tensor<T> forward(const Tensor<T>& x) override { return Tensor<T>(function(x), calling_line()); } \
    std::string kind() const override { return #Name; }                                               \
    WeightInitializer<T> preferred_initializer() const override { return initializer; }               \
    ActivationTraits activation_traits() const override { return traits; }                            \
  };
/// selu(x) as a layer; the weights before it start N(0, 1 / fan_in).
EIGENGRAD_PLAIN_ACTIVATION(SELU, selu, (WeightInitializer<T>{&init::lecun_normal<T>, 1}), {})
/// mish(x) as a layer.
EIGENGRAD_PLAIN_ACTIVATION(Mish, mish, for_rectifier<T>(), {})
/// gelu_tanh(x) as a layer: PyTorch's GELU(approximate="tanh").
EIGENGRAD_PLAIN_ACTIVATION(GELUTanh, gelu_tanh, for_rectifier<T>(), {})
/// hardswish(x) as a layer.
EIGENGRAD_PLAIN_ACTIVATION(Hardswish, hardswish, for_rectifier<T>(), {})
/// hardsigmoid(x) as a layer.
EIGENGRAD_PLAIN_ACTIVATION(Hardsigmoid, hardsigmoid, for_saturating<T>(), saturating_between(0, 1))
/// softsign(x) as a layer.
EIGENGRAD_PLAIN_ACTIVATION(Softsign, softsign, for_saturating<T>(), saturating_between(-1, 1))
/// log_sigmoid(x) as a layer.
EIGENGRAD_PLAIN_ACTIVATION(LogSigmoid, log_sigmoid, for_rectifier<T>(), {})
/// tanhshrink(x) as a layer.
EIGENGRAD_PLAIN_ACTIVATION(Tanhshrink, tanhshrink, {}, {})
#undef EIGENGRAD_PLAIN_ACTIVATION

/// relu6(x) as a layer, applied in place behind a Linear.
template <class T>
struct ReLU6 : Layer<T> {
  using Result = decltype(relu6(std::declval<const OperationProbe<T>&>()));
  Tensor<T> forward(const Tensor<T>& x) override {
    if constexpr (is_pointwise<Result, T>)
      return apply_pointwise(*pointwise_of<Result, T>, x, calling_line());
    else
      return Tensor<T>(relu6(x), calling_line());
  }
  const Pointwise<T>* pointwise() const override { return pointwise_of<Result, T>; }
  std::string kind() const override { return "ReLU6"; }
  WeightInitializer<T> preferred_initializer() const override { return for_rectifier<T>(); }
  ActivationTraits activation_traits() const override { return dying_at(0); }
};

/// x for x > 0, slope x elsewhere, with a slope that is learned: one, or one for each channel (axis 1).
template <class T>
struct PReLU : Layer<T> {
  explicit PReLU(Index parameters = 1, double start = 0.25) {
    require<ValueError>(parameters >= 1, "PReLU: ", parameters, " slopes: there must be at least one");
    weight.initialize_as(Tensor<T>::full({parameters}, static_cast<T>(start)));
  }
  Tensor<T> forward(const Tensor<T>& x) override { return prelu(x, weight, calling_line()); }
  void members(Members<T>& m) override { m("weight", weight); }
  std::string kind() const override { return "PReLU"; }
  WeightInitializer<T> preferred_initializer() const override { return for_rectifier<T>(0.25); }

  Parameter<T> weight;
};

/// celu(x, alpha) as a layer.
template <class T>
struct CELU : Layer<T> {
  explicit CELU(double negative_limit = 1) : alpha(static_cast<T>(negative_limit)) {
    require<ValueError>(negative_limit != 0, "CELU: alpha must not be 0");
  }
  Tensor<T> forward(const Tensor<T>& x) override { return Tensor<T>(celu(x, alpha), calling_line()); }
  std::string kind() const override { return "CELU"; }
  WeightInitializer<T> preferred_initializer() const override { return for_rectifier<T>(); }

  T alpha;
};

/// x limited to [low, high] as a layer.
template <class T>
struct Hardtanh : Layer<T> {
  explicit Hardtanh(double lower_limit = -1, double upper_limit = 1) : low(lower_limit), high(upper_limit) {
    require<ValueError>(low < high, "Hardtanh: the limits ", low, " and ", high, " must rise");
  }
  Tensor<T> forward(const Tensor<T>& x) override { return Tensor<T>(hardtanh(x, low, high), calling_line()); }
  std::string kind() const override { return "Hardtanh"; }
  WeightInitializer<T> preferred_initializer() const override { return for_saturating<T>(); }
  ActivationTraits activation_traits() const override { return saturating_between(low, high); }

  double low, high;
};

/// x above `limit`, `otherwise` elsewhere, as a layer.
template <class T>
struct Threshold : Layer<T> {
  Threshold(double least, double value) : limit(least), otherwise(value) {}
  Tensor<T> forward(const Tensor<T>& x) override { return Tensor<T>(threshold(x, limit, otherwise), calling_line()); }
  std::string kind() const override { return "Threshold"; }
  WeightInitializer<T> preferred_initializer() const override { return for_rectifier<T>(); }
  ActivationTraits activation_traits() const override { return dying_at(otherwise); }

  double limit, otherwise;
};

/// hardshrink(x, limit) as a layer.
template <class T>
struct Hardshrink : Layer<T> {
  explicit Hardshrink(double least = 0.5) : limit(least) {}
  Tensor<T> forward(const Tensor<T>& x) override { return Tensor<T>(hardshrink(x, limit), calling_line()); }
  std::string kind() const override { return "Hardshrink"; }

  double limit;
};

/// softshrink(x, limit) as a layer.
template <class T>
struct Softshrink : Layer<T> {
  explicit Softshrink(double least = 0.5) : limit(least) {
    require<ValueError>(limit >= 0, "Softshrink: the limit ", limit, " must not be negative");
  }
  Tensor<T> forward(const Tensor<T>& x) override { return Tensor<T>(softshrink(x, limit), calling_line()); }
  std::string kind() const override { return "Softshrink"; }

  double limit;
};

/// glu(x, axis) as a layer: half as many features come out.
template <class T>
struct GLU : Layer<T> {
  explicit GLU(Index along = -1) : axis(along) {}
  Tensor<T> forward(const Tensor<T>& x) override { return glu(x, axis, calling_line()); }
  std::string kind() const override { return "GLU"; }
  WeightInitializer<T> preferred_initializer() const override { return for_saturating<T>(); }

  Index axis;
};

/// The logarithm of softmax along an axis, without its rounding.
template <class T>
struct LogSoftmax : Layer<T> {
  explicit LogSoftmax(Index along = -1) : axis(along) {}
  Tensor<T> forward(const Tensor<T>& x) override { return log_softmax(x, axis, calling_line()); }
  std::string kind() const override { return "LogSoftmax"; }
  WeightInitializer<T> preferred_initializer() const override { return for_saturating<T>(); }

  Index axis;
};

/// softmax(-x) along an axis.
template <class T>
struct Softmin : Layer<T> {
  explicit Softmin(Index along = -1) : axis(along) {}
  Tensor<T> forward(const Tensor<T>& x) override { return softmin(x, axis, calling_line()); }
  std::string kind() const override { return "Softmin"; }
  WeightInitializer<T> preferred_initializer() const override { return for_saturating<T>(); }

  Index axis;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
