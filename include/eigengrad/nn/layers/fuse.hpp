#pragma once

#include <cmath>

#include "../../autograd/parameter.hpp"
#include "../../core/kernel_access.hpp"
#include "../../core/tensor.hpp"

// A layer and the normalisation behind it as one layer, for evaluation.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A copy of a convolution or Linear that computes what `norm`, a BatchNorm in evaluation mode, makes of its result:
/// each output's weights times weight / sqrt(running_var + epsilon), and the bias that goes with it. Throws ValueError
/// in training mode, ShapeError where the two do not fit.
template <class L, class Norm>
EIGENGRAD_COLD L fuse(const L& layer, const Norm& norm, Location where = Location::current()) {
  using T = typename L::Element;
  require<ValueError>(!norm.is_training(), "fuse: ", norm.kind(),
                      " is in training mode, in which it normalises by its batch: call eval() first", where);
  Index groups = 1;
  bool transposed = false;
  if constexpr (requires { layer.settings(); }) {
    transposed = layer.settings().transposed;
    groups = layer.settings().groups;
  }
  const Shape& shape = layer.weight.shape();
  const Index outputs = transposed ? shape[1] * groups : shape[0];
  const bool affine = norm.weight.size() > 0;
  require<ShapeError>(norm.running_mean.size() == outputs && norm.running_var.size() == outputs &&
                          (!affine || norm.weight.size() == outputs),
                      "fuse: the weight of ", layer.kind(), " is ", shape, ", with ", outputs,
                      " outputs, and the running mean of ", norm.kind(), " is ", norm.running_mean.shape(),
                      ": they must be as many", where);
  const T *const mean = kernel_access(norm.running_mean).numbers(), *const variance =
                                                                        kernel_access(norm.running_var).numbers();
  Tensor<T> scale = Tensor<T>::empty({outputs}), bias = Tensor<T>::empty({outputs}), weight = layer.weight.value();
  T *const scales = kernel_access(scale).writable_numbers(), *const offsets = kernel_access(bias).writable_numbers();
  for (Index o = 0; o < outputs; ++o) {
    const T gain = affine ? kernel_access(norm.weight.value()).numbers()[o] : T(1),
            own = layer.has_bias() ? kernel_access(layer.bias.value()).numbers()[o] : T(0);
    scales[o] = gain / std::sqrt(variance[o] + static_cast<T>(norm.epsilon));
    offsets[o] = (own - mean[o]) * scales[o];
    if (norm.bias.size() > 0) offsets[o] += kernel_access(norm.bias.value()).numbers()[o];
  }
  T* const weights = kernel_access(weight).writable_numbers();
  const Index taps = weight.size() / (shape[0] * shape[1]);
  for (Index i = 0; i < weight.size(); ++i) {
    const Index first = i / (shape[1] * taps), second = i / taps % shape[1];
    weights[i] *= scales[transposed ? first / (shape[0] / groups) * shape[1] + second : first];
  }
  L fused = layer;
  fused.weight.set_value(weight);
  fused.bias = Parameter<T>(bias);
  return fused;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
