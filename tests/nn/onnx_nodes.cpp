// ONNX's own tests of nodes that are layers here, in float: a second opinion beside PyTorch's. tests/ops/onnx_nodes.cpp
// has the others.
#include "eigengrad/eigengrad.hpp"
#include "eigengrad/nn/layers/batch_norm.hpp"
#include "eigengrad/nn/layers/dropout.hpp"
#include "eigengrad/nn/layers/recurrent.hpp"
#include "eigengrad/nn/losses/labelled.hpp"
#include "eigengrad/ops/adaptive_pooling.hpp"
#include "eigengrad/ops/attention.hpp"
#include "eigengrad/ops/batch_norm.hpp"
#include "eigengrad/ops/convolution.hpp"
#include "eigengrad/ops/normalization.hpp"
#include "eigengrad/ops/positions.hpp"
#include "eigengrad/ops/resample.hpp"
#include "eigengrad/ops/unfold.hpp"
#include "support/onnx_node.hpp"

namespace eg = eigengrad;
using eg::Index, eg::Shape;
using onnx::axis_from_front;
using onnx::F, onnx::List, onnx::Node, onnx::Whole, onnx::Runs;

namespace {

using N = const Node&;

/// What convolutions and pools are told of an axis.
struct Windows {
  Windows(const Node& n, const F& x, const std::vector<Index>& kernels) : kernel(kernels), axes(kernels.size()) {
    stride = n.integers("strides", axes, 1);
    dilation = n.integers("dilations", axes, 1);
    before = n.integers("pads", 2 * axes, 0);
    after.assign(before.begin() + static_cast<std::ptrdiff_t>(axes), before.end());
    before.resize(axes);
    const std::string rule = n.word("auto_pad", "NOTSET");
    for (std::size_t i = 0; i < axes && rule.starts_with("SAME"); ++i) {
      const Index size = x.shape()[static_cast<Index>(i) + 2], count = (size + stride[i] - 1) / stride[i];
      const Index all = std::max<Index>(0, (count - 1) * stride[i] + (kernel[i] - 1) * dilation[i] + 1 - size);
      before[i] = rule == "SAME_UPPER" ? all / 2 : all - all / 2;
      after[i] = all - before[i];
    }
  }
  eg::PlaneSizes pair(const std::vector<Index>& each) const { return {each[0], each[1]}; }

  std::vector<Index> kernel, stride, dilation, before, after;
  std::size_t axes;
};
List conv(const Node& n) {
  const F x = n[0], weight = n[1];
  const Windows w(n, x, {weight.shape()[2], weight.shape()[3]});
  return {conv2d(pad2d(x, {w.before[0], w.after[0], w.before[1], w.after[1]}), weight, n[2],
                 {.stride = {w.stride[0], w.stride[1]},
                  .dilation = {w.dilation[0], w.dilation[1]},
                  .groups = n.integer("group", 1)})};
}
List conv_transpose(const Node& n) {
  const F x = n[0], weight = n[1];
  const Index groups = n.integer("group", 1);
  if (x.rank() == 3) return {conv_transpose1d(x, weight, n[2], {.groups = groups})};
  const Windows w(n, x, {weight.shape()[2], weight.shape()[3]});
  std::vector<Index> longer = n.integers("output_padding", 2, 0);
  if (n.given.has("output_shape"))
    for (std::size_t i = 0; i < 2; ++i)
      longer[i] = n.given.integers("output_shape")[i] -
                  ((x.shape()[static_cast<Index>(i) + 2] - 1) * w.stride[i] + (w.kernel[i] - 1) * w.dilation[i] + 1);
  return {conv_transpose2d(x, weight, n[2],
                           {.stride = {w.stride[0], w.stride[1]},
                            .padding = {w.before[0], w.before[1]},
                            .output_padding = {longer[0], longer[1]},
                            .dilation = {w.dilation[0], w.dilation[1]},
                            .groups = groups})};
}
List max_pool(const Node& n) {
  const Windows w(n, n[0], n.given.integers("kernel_shape"));
  const bool ceil_mode = n.integer("ceil_mode", 0) != 0;
  if (w.axes == 1)
    return {
        max_pool1d(n[0], w.kernel[0],
                   {.stride = w.stride[0], .padding = w.before[0], .dilation = w.dilation[0], .ceil_mode = ceil_mode})};
  return {max_pool2d(n[0], w.pair(w.kernel),
                     {.stride = w.pair(w.stride),
                      .padding = w.pair(w.before),
                      .dilation = w.pair(w.dilation),
                      .ceil_mode = ceil_mode})};
}
List average_pool(const Node& n) {
  const Windows w(n, n[0], n.given.integers("kernel_shape"));
  const bool ceil_mode = n.integer("ceil_mode", 0) != 0, padding_counts = n.integer("count_include_pad", 0) != 0;
  if (w.axes == 1)
    return {avg_pool1d(
        n[0], w.kernel[0],
        {.stride = w.stride[0], .padding = w.before[0], .ceil_mode = ceil_mode, .count_include_pad = padding_counts})};
  return {avg_pool2d(n[0], w.pair(w.kernel),
                     {.stride = w.pair(w.stride),
                      .padding = w.pair(w.before),
                      .ceil_mode = ceil_mode,
                      .count_include_pad = padding_counts})};
}
List over_all(const F& pooled, const F& x) {
  Shape shape = pooled.shape();
  while (shape.rank() < x.rank()) shape.push_back(1);
  return {reshape(pooled, shape)};
}
List col2im(const Node& n) {
  const Windows w(n, n[0], n.list(2));
  return {fold(n[0], w.pair(n.list(1)), w.pair(w.kernel),
               {.stride = w.pair(w.stride), .padding = w.pair(w.before), .dilation = w.pair(w.dilation)})};
}
List pad(const Node& n) {
  const std::vector<Index> p = n.list(1);
  const std::string mode = n.word("mode", "constant");
  return {pad2d(n[0], {p[2], p[6], p[3], p[7]},
                mode == "edge"      ? eg::PaddingMode::replicate
                : mode == "reflect" ? eg::PaddingMode::reflect
                : mode == "wrap"    ? eg::PaddingMode::circular
                                    : eg::PaddingMode::zeros)};
}
List resize(const Node& n, int scales, int sizes) {
  eg::UpsampleOptions options;
  options.mode = n.word("mode", "nearest") == "linear" ? eg::UpsampleMode::bilinear : eg::UpsampleMode::nearest;
  options.align_corners = n.word("coordinate_transformation_mode", "") == "align_corners";
  // Of all axes, or of those named.
  std::vector<Index> axes = n.integers("axes", 0, 0);
  if (axes.empty()) axes = {0, 1, 2, 3};
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto at = static_cast<Index>(i);
    if (n.has(scales)) {
      if (axes[i] == 2) options.scale_factor.rows = static_cast<double>(n[scales](at));
      if (axes[i] == 3) options.scale_factor.columns = static_cast<double>(n[scales](at));
    } else {
      if (axes[i] == 2) options.size.rows = n.whole(sizes)(at);
      if (axes[i] == 3) options.size.columns = n.whole(sizes)(at);
    }
  }
  return {upsample(n[0], options)};
}

Shape last_axes(const Node& n) {
  const F x = n[0];
  return {x.shape().begin() + axis_from_front(n.integer("axis", -1), x), x.shape().end()};
}
List batch_normalization(const Node& n) {
  const double epsilon = n.number("epsilon", 1e-5), momentum = n.number("momentum", 0.9);
  if (n.integer("training_mode", 0) == 0) return {batch_norm_given(n[0], n[3], n[4], n[1], n[2], epsilon)};
  const F x = n[0], before = n[4];
  eg::BatchNorm2d<float> layer(x.shape()[1], {.epsilon = epsilon, .momentum = 1 - momentum});
  layer.weight.set_value(n[1]);
  layer.bias.set_value(n[2]);
  layer.running_mean = n[3];
  layer.running_var = before;
  const F y = layer(x);
  // There the running variance goes to the biased one, as 1 / count; here to that of 1 / (count - 1).
  const auto count = static_cast<float>(x.size() / x.shape()[1]), kept = static_cast<float>(momentum);
  return {y, layer.running_mean, F(kept * before + (layer.running_var - kept * before) * ((count - 1) / count))};
}
/// Rows of gates, which stand in ONNX's order [directions, gates * hidden, ...], as PyTorch's of one direction.
F gates_of(const F& all, Index direction, Index hidden, const std::vector<Index>& order) {
  const F rows = select(all, 0, direction);
  List parts;
  for (const Index gate : order) parts.push_back(eg::slice(rows, 0, gate * hidden, (gate + 1) * hidden));
  return eg::concatenate(parts);
}
F backwards(const F& x) {
  Whole places = Whole::empty({x.shape()[0]});
  for (Index i = 0; i < places.size(); ++i) places.mutable_data()[i] = places.size() - 1 - i;
  return index_select(x, 0, places);
}
template <class Layer, class Options>
List recurrent(const Node& n, const std::vector<Index>& order, Options options) {
  const F W = n[1], R = n[2], B = n[3];
  const Index hidden = n.integer("hidden_size", 0), rows = static_cast<Index>(order.size()) * hidden;
  const std::string direction = n.word("direction", "forward");
  options.bias = n.has(3);
  options.batch_first = n.integer("layout", 0) == 1;
  options.bidirectional = direction == "bidirectional";
  Layer layer(W.shape()[2], hidden, options);
  eg::NamedTensors state;
  for (Index d = 0; d < W.shape()[0]; ++d) {
    const std::string end = d == 1 ? "_l0_reverse" : "_l0";
    state.add("weight_ih" + end, gates_of(W, d, hidden, order));
    state.add("weight_hh" + end, gates_of(R, d, hidden, order));
    if (!options.bias) continue;
    state.add("bias_ih" + end, gates_of(eg::slice(B, 1, 0, rows), d, hidden, order));
    state.add("bias_hh" + end, gates_of(eg::slice(B, 1, rows, 2 * rows), d, hidden, order));
  }
  layer.load_state_dict(state);
  const auto [output, last] = layer(direction == "reverse" ? backwards(n[0]) : n[0], {n[5], n[6]});
  const Shape& s = output.shape();
  const Index directions = W.shape()[0];
  if (options.batch_first) return {reshape(output, {s[0], s[1], directions, hidden}), permute(last.h, {1, 0, 2})};
  const F split = permute(reshape(output, {s[0], s[1], directions, hidden}), {0, 2, 1, 3});
  List result = {direction == "reverse" ? backwards(split) : split, last.h};
  if (layer.kind() == "LSTM") result.push_back(last.c);
  return result;
}
/// [batch, steps, heads * size] -> [batch, heads, steps, size].
F heads_of(const F& x, Index heads) {
  const Shape& s = x.shape();
  return permute(reshape(x, {s[0], s[1], heads, s[2] / heads}), {0, 2, 1, 3});
}
F together(const F& x) {
  const F y = permute(x, {0, 2, 1, 3});
  return reshape(y, {y.shape()[0], y.shape()[1], y.shape()[2] * y.shape()[3]});
}
List attention(const Node& n) {
  const bool flat = n[0].rank() == 3;
  const Index heads = n.integer("kv_num_heads", 0);
  const F q = flat ? heads_of(n[0], n.integer("q_num_heads", 0)) : n[0];
  F k = flat ? heads_of(n[1], heads) : n[1], v = flat ? heads_of(n[2], heads) : n[2];
  if (n.has(4)) {
    k = eg::concatenate({n[4], k}, 2);
    v = eg::concatenate({n[5], v}, 2);
  }
  if (const Index times = q.shape()[1] / k.shape()[1]; times > 1) {  // heads that share keys and values
    Whole shared = Whole::empty({q.shape()[1]});
    for (Index i = 0; i < shared.size(); ++i) shared.mutable_data()[i] = i / times;
    k = index_select(k, 1, shared);
    v = index_select(v, 1, shared);
  }
  eg::AttentionOptions<float> options{.causal = n.integer("is_causal", 0) != 0};
  if (n.given.has("scale")) options.scale = n.given.number("scale");
  if (n.has(3) && n.any(3).holds<bool>())
    options.mask = n.any(3).as<bool>();
  else if (n.has(3))
    options.mask = n[3];
  const F y = scaled_dot_product_attention(q, k, v, options);
  return {flat ? together(y) : y};
}
List rotary_embedding(const Node& n) {
  const bool flat = n[0].rank() == 3;
  const F x = flat ? heads_of(n[0], n.integer("num_heads", 0)) : n[0];
  List all;
  for (Index b = 0; b < x.shape()[0]; ++b) {  // each with positions of its own
    const auto angles = [&](int place) {
      return n.has(3) ? index_select(n[place], 0, select(n.whole(3), 0, b)) : select(n[place], 0, b);
    };
    all.push_back(
        rotary(select(x, 0, b), eg::stack({angles(1), angles(2)}), {.interleaved = n.integer("interleaved", 0) != 0}));
  }
  const F y = eg::stack(all);
  return {flat ? together(y) : y};
}

template <class Options>
Options loss_options(const Node& n) {
  const std::string reduction = n.word("reduction", "mean");
  Options options{.weight = n[2]};
  options.ignore_index = n.integer("ignore_index", -100);
  options.reduction = reduction == "none"  ? eg::Reduction::none
                      : reduction == "sum" ? eg::Reduction::sum
                                           : eg::Reduction::mean;
  return options;
}

const Runs& runs() {
  static const Runs all = {
      {"Attention", attention},
      {"AveragePool", average_pool},
      {"BatchNormalization", batch_normalization},
      {"Col2Im", col2im},
      {"Conv", conv},
      {"ConvTranspose", conv_transpose},
      {"DepthToSpace", [](N n) -> List { return {pixel_shuffle(n[0], n.integer("blocksize", 0))}; }},
      {"Dropout",
       [](N n) -> List {
         eg::Dropout<float> layer(n.has(1) ? static_cast<double>(n[1].item()) : n.number("ratio", 0.5));
         n.has(2) && n.any(2).as<bool>().item() ? layer.train() : layer.eval();
         return {layer(n[0])};
       }},
      {"GRU", [](N n) { return recurrent<eg::GRU<float>>(n, {1, 0, 2}, eg::GRUOptions()); }},
      {"GlobalAveragePool", [](N n) { return over_all(global_avg_pool(n[0]), n[0]); }},
      {"GlobalMaxPool", [](N n) { return over_all(global_max_pool(n[0]), n[0]); }},
      {"GroupNormalization",
       [](N n) -> List {
         return {group_norm(n[0], n.integer("num_groups", 0), n[1], n[2], n.number("epsilon", 1e-5))};
       }},
      {"InstanceNormalization",
       [](N n) -> List { return {instance_norm(n[0], n[1], n[2], n.number("epsilon", 1e-5))}; }},
      {"LSTM", [](N n) { return recurrent<eg::LSTM<float>>(n, {0, 2, 3, 1}, eg::LSTMOptions()); }},
      {"LayerNormalization",
       [](N n) -> List { return {layer_norm(n[0], last_axes(n), n[1], n[2], n.number("epsilon", 1e-5))}; }},
      {"MaxPool", max_pool},
      {"MeanVarianceNormalization", [](N n) -> List { return {batch_norm(n[0], F(), F(), 1e-12)}; }},
      {"NegativeLogLikelihoodLoss",
       [](N n) -> List { return {nll_loss(n[0], n.whole(1), loss_options<eg::NllOptions<float>>(n))}; }},
      {"Pad", pad},
      {"RMSNormalization", [](N n) -> List { return {rms_norm(n[0], last_axes(n), n[1], n.number("epsilon", 1e-5))}; }},
      {"RNN", [](N n) { return recurrent<eg::RNN<float>>(n, {0}, eg::RNNOptions()); }},
      {"Resize", [](N n) { return resize(n, 2, 3); }},
      {"RotaryEmbedding", rotary_embedding},
      {"SoftmaxCrossEntropyLoss",
       [](N n) -> List {
         return {softmax_cross_entropy(n[0], n.whole(1), loss_options<eg::CrossEntropyOptions<float>>(n)),
                 log_softmax(n[0], 1)};
       }},
      {"SpaceToDepth", [](N n) -> List { return {pixel_unshuffle(n[0], n.integer("blocksize", 0))}; }},
      {"Upsample", [](N n) { return resize(n, 1, 9); }},
  };
  return all;
}

}  // namespace

TEST(OnnxNodes, AreOurLayers) { EXPECT_EQ(onnx::compare(runs()), 210); }
