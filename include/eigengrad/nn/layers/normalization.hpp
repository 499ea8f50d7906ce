#pragma once

#include <limits>
#include <optional>

#include "../../autograd/parameter.hpp"
#include "../../core/tensor.hpp"
#include "../../ops/normalization.hpp"
#include "../module/layer.hpp"
#include "../module/module.hpp"

// Norms of examples: what they do to one does not depend on the others, nor on training or evaluation.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of LayerNorm.
struct LayerNormOptions {
  double epsilon = 1e-5;
  bool elementwise_affine = true;  // a weight and a bias for every normalised number
  bool bias = true;                // false: the weight alone
};
/// Settings of RMSNorm.
struct RMSNormOptions {
  std::optional<double> epsilon = std::nullopt;  // std::nullopt: the number type's machine epsilon
  bool elementwise_affine = true;
};
/// Settings of GroupNorm.
struct GroupNormOptions {
  double epsilon = 1e-5;
  bool affine = true;  // a weight and a bias for every channel
};

/// y = (x - mean) / sqrt(variance + epsilon) * weight + bias over the last axes, whose sizes it is given:
/// LayerNorm<float>({64}). Any number of axes before them. Ba, Kiros, Hinton: Layer normalization, 2016.
template <class T>
class LayerNorm : public Layer<T> {
 public:
  EIGENGRAD_COLD explicit LayerNorm(const Shape& sizes, LayerNormOptions options = {})
      : normalized_shape(sizes), epsilon(options.epsilon) {
    require<ShapeError>(sizes.rank() > 0, "LayerNorm: shape [] has no axis: give the sizes of the last axes, as {64}");
    normalization::require_epsilon("LayerNorm", epsilon);
    if (!options.elementwise_affine) return;
    weight.initialize_as(Tensor<T>::ones(sizes));
    if (options.bias) bias.initialize_as(Tensor<T>::zeros(sizes));
  }
  explicit LayerNorm(Index size, LayerNormOptions options = {}) : LayerNorm(Shape{size}, options) {}

  EIGENGRAD_OUTLINE Tensor<T> forward(const Tensor<T>& x) override {
    depends_on(this, epsilon);
    return normalization::norm_layer(x, normalized_shape, normalization::if_any(weight), normalization::if_any(bias),
                                     epsilon, calling_line());
  }
  void members(Members<T>& m) override {
    if (weight.size() > 0) m("weight", weight);
    if (bias.size() > 0) m("bias", bias);
  }
  std::string kind() const override { return "LayerNorm"; }

  Shape normalized_shape;
  double epsilon;
  Parameter<T> weight, bias;
};

/// y = x / sqrt(mean(x^2) + epsilon) * weight over the last axes, whose sizes it is given. Zhang, Sennrich: Root mean
/// square layer normalization, 2019.
template <class T>
class RMSNorm : public Layer<T> {
 public:
  EIGENGRAD_COLD explicit RMSNorm(const Shape& sizes, RMSNormOptions options = {})
      : normalized_shape(sizes), epsilon(options.epsilon.value_or(std::numeric_limits<plain_t<T>>::epsilon())) {
    require<ShapeError>(sizes.rank() > 0, "RMSNorm: shape [] has no axis: give the sizes of the last axes, as {64}");
    normalization::require_epsilon("RMSNorm", epsilon);
    if (options.elementwise_affine) weight.initialize_as(Tensor<T>::ones(sizes));
  }
  explicit RMSNorm(Index size, RMSNormOptions options = {}) : RMSNorm(Shape{size}, options) {}

  EIGENGRAD_OUTLINE Tensor<T> forward(const Tensor<T>& x) override {
    depends_on(this, epsilon);
    return normalization::norm_root_mean_square<T>(x, normalized_shape, normalization::if_any(weight), epsilon,
                                                   calling_line());
  }
  void members(Members<T>& m) override {
    if (weight.size() > 0) m("weight", weight);
  }
  std::string kind() const override { return "RMSNorm"; }

  Shape normalized_shape;
  double epsilon;
  Parameter<T> weight;
};

/// Groups of channels of each example normalised by their mean and variance: [batch, channels, ...] -> the same.
/// GroupNorm<float>(groups, channels), groups a divisor of channels. Wu, He: Group normalization, 2018.
template <class T>
class GroupNorm : public Layer<T> {
 public:
  EIGENGRAD_COLD GroupNorm(Index number_of_groups, Index channels, GroupNormOptions options = {})
      : num_groups(number_of_groups), num_channels(channels), epsilon(options.epsilon) {
    require<ValueError>(num_groups > 0 && channels >= 0 && channels % num_groups == 0, "GroupNorm: ", channels,
                        " channels in ", num_groups,
                        " groups: give the number of groups, a divisor of the channels, and the channels");
    normalization::require_epsilon("GroupNorm", epsilon);
    if (!options.affine) return;
    weight.initialize_as(Tensor<T>::ones({channels}));
    bias.initialize_as(Tensor<T>::zeros({channels}));
  }

  EIGENGRAD_OUTLINE Tensor<T> forward(const Tensor<T>& x) override {
    depends_on(this, epsilon);
    require<ShapeError>(x.rank() >= 2 && x.shape()[1] == num_channels, "GroupNorm: x is ", x.shape(), ": give [batch, ",
                        num_channels, ", ...], the layer's number of channels", calling_line());
    return normalization::norm_channel_groups(x, num_groups, normalization::if_any(weight), normalization::if_any(bias),
                                              epsilon, calling_line());
  }
  void members(Members<T>& m) override {
    if (weight.size() > 0) m("weight", weight);
    if (bias.size() > 0) m("bias", bias);
  }
  std::string kind() const override { return "GroupNorm"; }

  Index num_groups, num_channels;
  double epsilon;
  Parameter<T> weight, bias;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
