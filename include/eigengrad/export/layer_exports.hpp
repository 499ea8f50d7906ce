#pragma once

#include <cstddef>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

#include "../autograd/parameter.hpp"
#include "../core/shape.hpp"
#include "../core/tensor.hpp"
#include "../kernels/convolution/shape.hpp"
#include "../kernels/recurrence/cell.hpp"
#include "../nn/branches.hpp"
#include "../nn/layers/activation.hpp"
#include "../nn/layers/batch_norm.hpp"
#include "../nn/layers/channel_dropout.hpp"
#include "../nn/layers/convolution.hpp"
#include "../nn/layers/dropout.hpp"
#include "../nn/layers/lambda.hpp"
#include "../nn/layers/linear.hpp"
#include "../nn/layers/normalization.hpp"
#include "../nn/layers/pooling.hpp"
#include "../nn/layers/rectifiers.hpp"
#include "../nn/layers/recurrent.hpp"
#include "../nn/sequential.hpp"
#include "../ops/convolution_options.hpp"
#include "../ops/pad.hpp"
#include "graph.hpp"
#include "module_export.hpp"

// One row for each class of layers: which nodes it is in a graph.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

// What a row's function has in hand: the layer as what it is.
template <class M, class T>
M& layer_at(const LayerPlace<T>& at) {
  return static_cast<M&>(at.module);
}

template <class T>
EIGENGRAD_COLD std::size_t export_convolution(const LayerPlace<T>& at) {
  const auto& layer = layer_at<ConvolutionLayer<T>>(at);
  const ConvolutionSettings& s = layer.settings();
  if (s.mode != PaddingMode::zeros) at.refuse(" pads by another mode than zeros: only zeros can be exported");
  const Shape& weight = layer.weight.shape();
  std::vector<double> stride, dilation, before, after;
  for (int i = 2 - s.axes; i < 2; ++i) {
    const ConvolutionAxis axis = convolution_axis(s.axis(i), s.same, 1, weight[s.axes + i]);
    stride.push_back(static_cast<double>(axis.stride));
    dilation.push_back(static_cast<double>(axis.dilation));
    before.push_back(static_cast<double>(axis.before));
    after.push_back(static_cast<double>(axis.after));
  }
  std::vector<double> longer;  // the result, at its end
  for (int i = 2 - s.axes; i < 2; ++i) longer.push_back(static_cast<double>(s.axis(i).output_padding));
  return at.node(s.name(), {at.weight("weight", layer.weight), at.weight("bias", layer.bias)},
                 {{"stride", stride},
                  {"dilation", dilation},
                  {"padding_before", before},
                  {"padding_after", after},
                  {"output_padding", longer},
                  {"groups", numbers_of(s.groups)}});
}
/// The running statistics' norm, of evaluation.
template <class T>
EIGENGRAD_COLD std::size_t export_batch_norm(const LayerPlace<T>& at) {
  const auto& layer = layer_at<BatchNorm<T>>(at);
  if (!layer.track_running_stats)
    at.refuse(" has no running statistics, and normalises by its batch in evaluation, too: it cannot be exported");
  return at.node("batch_norm",
                 {at.buffer("running_mean", layer.running_mean), at.buffer("running_var", layer.running_var),
                  at.weight("weight", layer.weight), at.weight("bias", layer.bias)},
                 {{"epsilon", numbers_of(layer.epsilon)}});
}
template <class T, int axes>
EIGENGRAD_COLD std::size_t export_instance_norm(const LayerPlace<T>& at) {
  const auto& layer = layer_at<InstanceNorm<T>>(at);
  if (layer.track_running_stats) at.refuse(" keeps running statistics, which is not exported yet");
  return at.node("instance_norm", {at.weight("weight", layer.weight), at.weight("bias", layer.bias)},
                 {{"axes", numbers_of(axes)}, {"epsilon", numbers_of(layer.epsilon)}});
}
template <class T>
EIGENGRAD_COLD std::size_t export_layer_norm(const LayerPlace<T>& at) {
  const auto& layer = layer_at<LayerNorm<T>>(at);
  return at.node("layer_norm", {at.weight("weight", layer.weight), at.weight("bias", layer.bias)},
                 {{"axes", numbers_of(layer.normalized_shape.rank())}, {"epsilon", numbers_of(layer.epsilon)}});
}
template <class T>
EIGENGRAD_COLD std::size_t export_rms_norm(const LayerPlace<T>& at) {
  const auto& layer = layer_at<RMSNorm<T>>(at);
  return at.node("rms_norm", {at.weight("weight", layer.weight)},
                 {{"axes", numbers_of(layer.normalized_shape.rank())}, {"epsilon", numbers_of(layer.epsilon)}});
}
template <class T>
EIGENGRAD_COLD std::size_t export_group_norm(const LayerPlace<T>& at) {
  const auto& layer = layer_at<GroupNorm<T>>(at);
  return at.node("group_norm", {at.weight("weight", layer.weight), at.weight("bias", layer.bias)},
                 {{"groups", numbers_of(layer.num_groups)}, {"epsilon", numbers_of(layer.epsilon)}});
}
template <class T, class M>
EIGENGRAD_COLD std::size_t export_max_pool1d(const LayerPlace<T>& at) {
  const auto& layer = layer_at<M>(at);
  const auto& o = layer.options();
  return at.node("max_pool1d", {},
                 {{"kernel", numbers_of(layer.kernel())},
                  {"stride", numbers_of(o.stride.value_or(layer.kernel()))},
                  {"padding", numbers_of(o.padding)},
                  {"dilation", numbers_of(o.dilation)},
                  {"ceil_mode", numbers_of(o.ceil_mode)}});
}
template <class T>
EIGENGRAD_COLD std::size_t export_max_pool2d(const LayerPlace<T>& at) {
  const auto& layer = layer_at<MaxPool2d<T>>(at);
  const auto& o = layer.options();
  const auto stride = o.stride.or_else(layer.kernel());
  return at.node("max_pool2d", {},
                 {{"kernel", numbers_of(layer.kernel().rows, layer.kernel().columns)},
                  {"stride", numbers_of(stride.rows, stride.columns)},
                  {"padding", numbers_of(o.padding.rows, o.padding.columns)},
                  {"dilation", numbers_of(o.dilation.rows, o.dilation.columns)},
                  {"ceil_mode", numbers_of(o.ceil_mode)}});
}
template <class T>
EIGENGRAD_COLD std::size_t export_avg_pool1d(const LayerPlace<T>& at) {
  const auto& layer = layer_at<AvgPool1d<T>>(at);
  const auto& o = layer.options();
  return at.node("avg_pool1d", {},
                 {{"kernel", numbers_of(layer.kernel())},
                  {"stride", numbers_of(o.stride.value_or(layer.kernel()))},
                  {"padding", numbers_of(o.padding)},
                  {"ceil_mode", numbers_of(o.ceil_mode)},
                  {"count_include_pad", numbers_of(o.count_include_pad)},
                  {"divisor", numbers_of(0)}});
}
template <class T>
EIGENGRAD_COLD std::size_t export_avg_pool2d(const LayerPlace<T>& at) {
  const auto& layer = layer_at<AvgPool2d<T>>(at);
  const auto& o = layer.options();
  const auto stride = o.stride.or_else(layer.kernel());
  return at.node("avg_pool2d", {},
                 {{"kernel", numbers_of(layer.kernel().rows, layer.kernel().columns)},
                  {"stride", numbers_of(stride.rows, stride.columns)},
                  {"padding", numbers_of(o.padding.rows, o.padding.columns)},
                  {"ceil_mode", numbers_of(o.ceil_mode)},
                  {"count_include_pad", numbers_of(o.count_include_pad)},
                  {"divisor", numbers_of(o.divisor_override.value_or(0))}});
}
template <class T>
EIGENGRAD_COLD std::size_t export_maxout(const LayerPlace<T>& at) {
  auto& layer = layer_at<Maxout<T>>(at);
  const std::size_t x = layer.lines.empty() ? at.x : at.inner("lines", layer.lines.front(), at.x);
  return at.node_of("maxout", {x}, {{"pieces", numbers_of(layer.pieces)}}, at.result());
}

/// A node for each layer and direction.
template <class T>
EIGENGRAD_COLD std::size_t export_recurrent(const LayerPlace<T>& at) {
  const auto& layer = layer_at<Recurrent<T>>(at);
  const RecurrentKind kind = layer.recurrence_kind();
  const char* const name = kind == RecurrentKind::lstm   ? "lstm"
                           : kind == RecurrentKind::gru  ? "gru"
                           : kind == RecurrentKind::relu ? "rnn_relu"
                                                         : "rnn_tanh";
  const std::size_t directions = layer.is_bidirectional() ? 2 : 1;
  std::size_t x = at.x;
  for (std::size_t i = 0; i < layer.parts.size(); i += directions) {
    std::vector<std::size_t> results;
    Shape shape = at.from();
    for (std::size_t d = 0; d < directions; ++d) {
      const RecurrentParameters<T>& part = layer.parts[i + d];
      if (part.weight_hr.size() > 0) at.refuse(" has a proj_size, which is not exported yet");
      const std::string end = to_text("_l", i / directions, d == 1 ? "_reverse" : "");
      shape.set(shape.rank() - 1, part.weight_hh.shape()[1]);
      results.push_back(
          at.node_of(name,
                     {x, at.weight("weight_ih" + end, part.weight_ih), at.weight("weight_hh" + end, part.weight_hh),
                      at.weight("bias_ih" + end, part.bias_ih), at.weight("bias_hh" + end, part.bias_hh)},
                     {{"batch_first", numbers_of(layer.is_batch_first())}, {"backwards", numbers_of(d)}}, shape));
    }
    x = results[0];
    if (directions == 1) continue;
    shape.set(shape.rank() - 1, 2 * shape.back());
    x = at.node_of("concatenate", results, {{"axis", numbers_of(-1)}}, shape);
  }
  return x;
}

// Modules of modules.
template <class T>
EIGENGRAD_COLD std::size_t export_sequential(const LayerPlace<T>& at) {
  auto& layers = layer_at<Sequential<T>>(at);
  std::size_t x = at.x;
  for (Index i = 0; i < layers.size(); ++i) x = at.inner(to_text(i), layers[i], x);
  return x;
}
template <class T>
EIGENGRAD_COLD std::size_t export_residual(const LayerPlace<T>& at) {
  auto& layer = layer_at<Residual<T>>(at);
  const std::size_t y = at.inner("body", layer.body(), at.x);
  const std::size_t around = layer.shortcut() != nullptr ? at.inner("shortcut", *layer.shortcut(), at.x) : at.x;
  return at.node_of("add", {around, y}, {}, at.result());
}
template <class T>
EIGENGRAD_COLD std::size_t export_parallel(const LayerPlace<T>& at) {
  auto& layer = layer_at<Parallel<T>>(at);
  std::vector<std::size_t> branches;
  for (Index i = 0; i < layer.size(); ++i) branches.push_back(at.inner(to_text(i), layer[i], at.x));
  if (branches.size() == 1) return branches[0];
  // What is concatenated is longer along one axis than what each branch gives.
  const Shape result = at.result(), first = at.to.graph.value(branches[0]).shape;
  for (Index axis = 0; axis < result.rank(); ++axis)
    if (result[axis] != first[axis]) return at.node_of("concatenate", branches, {{"axis", numbers_of(axis)}}, result);
  std::size_t sum = branches[0];
  for (std::size_t i = 1; i < branches.size(); ++i) {
    if (at.to.graph.value(branches[i]).shape != result)
      at.refuse(" puts a branch of no numbers beside others, which is not exported: leave that branch out");
    sum = at.node_of("add", {sum, branches[i]}, {}, result);
  }
  return sum;
}

template <class T>
EIGENGRAD_COLD const std::vector<LayerExport<T>>& layer_exports() {
  using At = const LayerPlace<T>&;
  constexpr auto nothing = [](At at) { return at.x; };
  constexpr auto reshaped = [](At at) { return at.node("reshape"); };
  static const std::vector<LayerExport<T>> rows = {
      {typeid(Sequential<T>), "Sequential", "", &export_sequential<T>},
      {typeid(Residual<T>), "Residual", "", &export_residual<T>},
      {typeid(Parallel<T>), "Parallel", "", &export_parallel<T>},
      {typeid(Linear<T>), "Linear", "",
       [](At at) {
         const auto& layer = layer_at<Linear<T>>(at);
         return at.node("linear", {at.weight("weight", layer.weight), at.weight("bias", layer.bias)});
       }},
      {typeid(Conv1d<T>), "Conv1d", "", &export_convolution<T>},
      {typeid(Conv2d<T>), "Conv2d", "", &export_convolution<T>},
      {typeid(ConvTranspose1d<T>), "ConvTranspose1d", "", &export_convolution<T>},
      {typeid(ConvTranspose2d<T>), "ConvTranspose2d", "", &export_convolution<T>},
      {typeid(MaxPool1d<T>), "MaxPool1d", "", &export_max_pool1d<T, MaxPool1d<T>>},
      {typeid(MaxPool2d<T>), "MaxPool2d", "", &export_max_pool2d<T>},
      {typeid(AvgPool1d<T>), "AvgPool1d", "", &export_avg_pool1d<T>},
      {typeid(AvgPool2d<T>), "AvgPool2d", "", &export_avg_pool2d<T>},
      {typeid(AdaptiveAvgPool1d<T>), "AdaptiveAvgPool1d", "adaptive_avg_pool1d", nullptr},
      {typeid(AdaptiveAvgPool2d<T>), "AdaptiveAvgPool2d", "adaptive_avg_pool2d", nullptr},
      {typeid(AdaptiveMaxPool1d<T>), "AdaptiveMaxPool1d", "adaptive_max_pool1d", nullptr},
      {typeid(AdaptiveMaxPool2d<T>), "AdaptiveMaxPool2d", "adaptive_max_pool2d", nullptr},
      {typeid(GlobalAvgPool<T>), "GlobalAvgPool", "global_avg_pool", nullptr},
      {typeid(GlobalMaxPool<T>), "GlobalMaxPool", "global_max_pool", nullptr},
      {typeid(BatchNorm1d<T>), "BatchNorm1d", "", &export_batch_norm<T>},
      {typeid(BatchNorm2d<T>), "BatchNorm2d", "", &export_batch_norm<T>},
      {typeid(InstanceNorm1d<T>), "InstanceNorm1d", "", &export_instance_norm<T, 1>},
      {typeid(InstanceNorm2d<T>), "InstanceNorm2d", "", &export_instance_norm<T, 2>},
      {typeid(LayerNorm<T>), "LayerNorm", "", &export_layer_norm<T>},
      {typeid(RMSNorm<T>), "RMSNorm", "", &export_rms_norm<T>},
      {typeid(GroupNorm<T>), "GroupNorm", "", &export_group_norm<T>},
      {typeid(LSTM<T>), "LSTM", "", &export_recurrent<T>},
      {typeid(GRU<T>), "GRU", "", &export_recurrent<T>},
      {typeid(RNN<T>), "RNN", "", &export_recurrent<T>},
      {typeid(Identity<T>), "Identity", "", nothing},
      {typeid(Dropout<T>), "Dropout", "", nothing},
      {typeid(Dropout1d<T>), "Dropout1d", "", nothing},
      {typeid(Dropout2d<T>), "Dropout2d", "", nothing},
      {typeid(AlphaDropout<T>), "AlphaDropout", "", nothing},
      {typeid(FeatureAlphaDropout<T>), "FeatureAlphaDropout", "", nothing},
      {typeid(Flatten<T>), "Flatten", "", reshaped},
      {typeid(Unflatten<T>), "Unflatten", "", reshaped},
      {typeid(Sigmoid<T>), "Sigmoid", "sigmoid", nullptr},
      {typeid(Tanh<T>), "Tanh", "tanh", nullptr},
      {typeid(ReLU<T>), "ReLU", "relu", nullptr},
      {typeid(ReLU6<T>), "ReLU6", "relu6", nullptr},
      {typeid(GELU<T>), "GELU", "gelu", nullptr},
      {typeid(GELUTanh<T>), "GELUTanh", "gelu_tanh", nullptr},
      {typeid(SiLU<T>), "SiLU", "silu", nullptr},
      {typeid(Mish<T>), "Mish", "mish", nullptr},
      {typeid(SELU<T>), "SELU", "selu", nullptr},
      {typeid(Softplus<T>), "Softplus", "softplus", nullptr},
      {typeid(Softsign<T>), "Softsign", "softsign", nullptr},
      {typeid(Hardswish<T>), "Hardswish", "hardswish", nullptr},
      {typeid(Hardsigmoid<T>), "Hardsigmoid", "hardsigmoid", nullptr},
      {typeid(LogSigmoid<T>), "LogSigmoid", "log_sigmoid", nullptr},
      {typeid(Tanhshrink<T>), "Tanhshrink", "tanhshrink", nullptr},
      {typeid(LeakyReLU<T>), "LeakyReLU", "",
       [](At at) { return at.node("leaky_relu", {}, {{"slope", numbers_of(layer_at<LeakyReLU<T>>(at).slope)}}); }},
      {typeid(PReLU<T>), "PReLU", "",
       [](At at) { return at.node("prelu", {at.weight("weight", layer_at<PReLU<T>>(at).weight)}); }},
      {typeid(ELU<T>), "ELU", "",
       [](At at) { return at.node("elu", {}, {{"alpha", numbers_of(layer_at<ELU<T>>(at).alpha)}}); }},
      {typeid(CELU<T>), "CELU", "",
       [](At at) { return at.node("celu", {}, {{"alpha", numbers_of(layer_at<CELU<T>>(at).alpha)}}); }},
      {typeid(Hardtanh<T>), "Hardtanh", "",
       [](At at) {
         const auto& layer = layer_at<Hardtanh<T>>(at);
         return at.node("hardtanh", {}, {{"low", numbers_of(layer.low)}, {"high", numbers_of(layer.high)}});
       }},
      {typeid(Threshold<T>), "Threshold", "",
       [](At at) {
         const auto& layer = layer_at<Threshold<T>>(at);
         return at.node("threshold", {},
                        {{"limit", numbers_of(layer.limit)}, {"otherwise", numbers_of(layer.otherwise)}});
       }},
      {typeid(Hardshrink<T>), "Hardshrink", "",
       [](At at) { return at.node("hardshrink", {}, {{"limit", numbers_of(layer_at<Hardshrink<T>>(at).limit)}}); }},
      {typeid(Softshrink<T>), "Softshrink", "",
       [](At at) { return at.node("softshrink", {}, {{"limit", numbers_of(layer_at<Softshrink<T>>(at).limit)}}); }},
      {typeid(GLU<T>), "GLU", "",
       [](At at) { return at.node("glu", {}, {{"axis", numbers_of(layer_at<GLU<T>>(at).axis)}}); }},
      {typeid(Softmax<T>), "Softmax", "",
       [](At at) { return at.node("softmax", {}, {{"axis", numbers_of(layer_at<Softmax<T>>(at).axis)}}); }},
      {typeid(Softmin<T>), "Softmin", "",
       [](At at) { return at.node("softmin", {}, {{"axis", numbers_of(layer_at<Softmin<T>>(at).axis)}}); }},
      {typeid(LogSoftmax<T>), "LogSoftmax", "",
       [](At at) { return at.node("log_softmax", {}, {{"axis", numbers_of(layer_at<LogSoftmax<T>>(at).axis)}}); }},
      {typeid(Maxout<T>), "Maxout", "", &export_maxout<T>},
  };
  return rows;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
