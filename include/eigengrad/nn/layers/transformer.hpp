#pragma once

#include <vector>

#include "../../autograd/engine/tape_state.hpp"
#include "../../core/tensor.hpp"
#include "../../formula/pointwise.hpp"
#include "../../ops/arithmetic.hpp"
#include "../../ops/attention.hpp"
#include "../module/layer.hpp"
#include "../module/module.hpp"
#include "activation.hpp"
#include "attention.hpp"
#include "attention_parts.hpp"
#include "dropout.hpp"
#include "linear.hpp"
#include "normalization.hpp"

// The blocks of Transformers, with PyTorch's names, and stacks of them.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

enum class TransformerActivation { relu, gelu };

/// Settings of TransformerEncoderLayer and TransformerDecoderLayer.
struct TransformerLayerOptions {
  Index feed_forward = 2048;
  double dropout = 0.1;
  TransformerActivation activation = TransformerActivation::relu;
  bool norm_first = false;   // x + f(norm(x)) in place of norm(x + f(x))
  bool batch_first = false;  // [B, T, d] in place of [T, B, d]
  double epsilon = 1e-5;     // of the norms
  bool bias = true;
};

/// What a decoder's queries attend to: in their own sequence, and in the memory. In masks of bools, true = not
/// attended.
template <class T>
struct DecoderMasks {
  AttentionMask<T> mask = {}, key_padding_mask = {};
  bool causal = false;
  AttentionMask<T> memory_mask = {}, memory_key_padding_mask = {};
  bool memory_causal = false;
};

/// linear2(dropout(activation(linear1(x)))), and what encoders and decoders share beside it.
template <class T>
class TransformerLayer : public Layer<T> {
 public:
  bool batch_first() const { return self_attn.batch_first(); }

  MultiheadAttention<T> self_attn;
  Linear<T> linear1, linear2;
  Dropout<T> dropout;
  TransformerActivation activation;
  bool norm_first;

 protected:
  EIGENGRAD_COLD TransformerLayer(Index d, Index heads, const TransformerLayerOptions& options, Generator& generator)
      : self_attn(d, heads, attention_options(options), generator),
        linear1(d, options.feed_forward, {.bias = options.bias}, generator),
        linear2(options.feed_forward, d, {.bias = options.bias}, generator),
        dropout(options.dropout),
        activation(options.activation),
        norm_first(options.norm_first) {}

  static MultiheadAttentionOptions attention_options(const TransformerLayerOptions& options) {
    return {.dropout = options.dropout, .bias = options.bias, .batch_first = options.batch_first};
  }
  static LayerNorm<T> norm(Index d, const TransformerLayerOptions& options) {
    return LayerNorm<T>(Shape{d}, {.epsilon = options.epsilon, .bias = options.bias});
  }
  Tensor<T> feed_forward(const Tensor<T>& x) {
    depends_on(this, activation);
    const Tensor<T> inner =
        activation == TransformerActivation::relu ? rectified(x) : gelu_(linear1(x, Location()), Location());
    return linear2(dropout(inner, Location()), Location());
  }
  /// norm(x + f(x)), or with norm_first x + f(norm(x)), with f's dropout.
  template <class F>
  Tensor<T> residual(const Tensor<T>& x, LayerNorm<T>& norm, Dropout<T>& drop, const F& f) {
    depends_on(this, norm_first);
    const Tensor<T> change = drop(f(norm_first ? norm(x, Location()) : x), Location());
    const Tensor<T> sum(x + change, calling_line());
    return norm_first ? sum : norm(sum, Location());
  }

 private:
  /// Under linear1's record, but where a tape looks at every value.
  Tensor<T> rectified(const Tensor<T>& x) {
    const TapeState* tape = recording_tape();
    const Pointwise<T>* then = relu_.pointwise();
    if (then == nullptr || (tape != nullptr && tape->observer != nullptr))
      return relu_(linear1(x, Location()), Location());
    return linear1.forward_then(x, *then);
  }

  ReLU<T> relu_;
  GELU<T> gelu_;
};

/// x + self_attn, then + feed-forward, each with its norm: [T, B, d] -> the same. block(x, {.causal = true}); in a
/// Sequential without masks. Vaswani and others, 2017, sec. 3.1; norm_first: Xiong and others: On layer normalization
/// in the Transformer architecture, 2020.
template <class T>
class TransformerEncoderLayer : public TransformerLayer<T> {
 public:
  EIGENGRAD_COLD TransformerEncoderLayer(Index d, Index heads, TransformerLayerOptions options = {},
                                         Generator& generator = default_generator())
      : TransformerLayer<T>(d, heads, options, generator),
        norm1(this->norm(d, options)),
        norm2(this->norm(d, options)),
        dropout1(options.dropout),
        dropout2(options.dropout) {}

  using Module<T>::operator();
  Tensor<T> operator()(const Tensor<T>& x, const MultiheadMasks<T>& masks, Location where = Location::current()) {
    return this->called_from(where, [&] { return block(x, masks); });
  }
  Tensor<T> forward(const Tensor<T>& x) override { return block(x, {}); }
  /// The next rows of sequences, as self_attn.step: causal, without gradient or dropout of weights.
  Tensor<T> step(const Tensor<T>& x, AttentionCache<T>& past, Location where = Location::current()) {
    return this->called_from(where, [&] {
      const NoGrad pause;
      return block_of(x, [&](const Tensor<T>& each) { return this->self_attn.step(each, past, Location()); });
    });
  }

  void members(Members<T>& m) override {
    m("self_attn", this->self_attn);
    m("linear1", this->linear1);
    m("dropout", this->dropout);
    m("linear2", this->linear2);
    m("norm1", norm1);
    m("norm2", norm2);
    m("dropout1", dropout1);
    m("dropout2", dropout2);
  }
  std::string kind() const override { return "TransformerEncoderLayer"; }

  LayerNorm<T> norm1, norm2;
  Dropout<T> dropout1, dropout2;

 private:
  Tensor<T> block(const Tensor<T>& x, const MultiheadMasks<T>& masks) {
    return block_of(x, [&](const Tensor<T>& each) { return this->self_attn(each, masks, Location()); });
  }
  template <class F>
  Tensor<T> block_of(const Tensor<T>& x, const F& attention) {
    const Tensor<T> attended = this->residual(x, norm1, dropout1, attention);
    return this->residual(attended, norm2, dropout2, [&](const Tensor<T>& each) { return this->feed_forward(each); });
  }
};

/// Self-attention of x [T, B, d], attention to memory [S, B, d] and feed-forward, each with its norm:
/// decoder(x, memory, {.causal = true}).
template <class T>
class TransformerDecoderLayer : public TransformerLayer<T> {
 public:
  EIGENGRAD_COLD TransformerDecoderLayer(Index d, Index heads, TransformerLayerOptions options = {},
                                         Generator& generator = default_generator())
      : TransformerLayer<T>(d, heads, options, generator),
        multihead_attn(d, heads, this->attention_options(options), generator),
        norm1(this->norm(d, options)),
        norm2(this->norm(d, options)),
        norm3(this->norm(d, options)),
        dropout1(options.dropout),
        dropout2(options.dropout),
        dropout3(options.dropout) {}

  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& memory, const DecoderMasks<T>& masks = {},
                       Location where = Location::current()) {
    return this->called_from(where, [&] {
      return block_of(
          x,
          [&](const Tensor<T>& each) {
            return this->self_attn(each, {masks.mask, masks.key_padding_mask, masks.causal}, Location());
          },
          [&](const Tensor<T>& each) {
            return multihead_attn(each, memory, memory,
                                  {masks.memory_mask, masks.memory_key_padding_mask, masks.memory_causal}, Location());
          });
    });
  }
  /// Throws ValueError: a decoder takes a memory, too.
  EIGENGRAD_COLD Tensor<T> forward(const Tensor<T>& x) override {
    fail<ValueError>("TransformerDecoderLayer: x is ", x.shape(), ", and there is no memory: call decoder(x, memory)",
                     calling_line());
  }
  /// The next rows of sequences: causal, without gradient or dropout of weights. `memory` is kept by
  /// multihead_attn.cache_of(memory).
  Tensor<T> step(const Tensor<T>& x, AttentionCache<T>& past, const AttentionCache<T>& memory,
                 Location where = Location::current()) {
    return this->called_from(where, [&] {
      const NoGrad pause;
      return block_of(
          x, [&](const Tensor<T>& each) { return this->self_attn.step(each, past, Location()); },
          [&](const Tensor<T>& each) { return multihead_attn.look(each, memory, Location()); });
    });
  }

  void members(Members<T>& m) override {
    m("self_attn", this->self_attn);
    m("multihead_attn", multihead_attn);
    m("linear1", this->linear1);
    m("dropout", this->dropout);
    m("linear2", this->linear2);
    m("norm1", norm1);
    m("norm2", norm2);
    m("norm3", norm3);
    m("dropout1", dropout1);
    m("dropout2", dropout2);
    m("dropout3", dropout3);
  }
  std::string kind() const override { return "TransformerDecoderLayer"; }

  MultiheadAttention<T> multihead_attn;
  LayerNorm<T> norm1, norm2, norm3;
  Dropout<T> dropout1, dropout2, dropout3;

 private:
  template <class F, class G>
  Tensor<T> block_of(const Tensor<T>& x, const F& attention, const G& to_memory) {
    const Tensor<T> attended = this->residual(x, norm1, dropout1, attention),
                    looked = this->residual(attended, norm2, dropout2, to_memory);
    return this->residual(looked, norm3, dropout3, [&](const Tensor<T>& each) { return this->feed_forward(each); });
  }
};

/// Copies of a layer one after another, which start with the same weights, as PyTorch's, and perhaps a last norm.
template <class T, class Block>
class TransformerStack : public Layer<T> {
 public:
  void members(Members<T>& m) override {
    Index i = 0;
    for (Block& layer : layers) m(to_text("layers.", i++), layer);
    for (LayerNorm<T>& last : norm) m("norm", last);
  }

  std::vector<Block> layers;
  std::vector<LayerNorm<T>> norm;  // one or none

 protected:
  EIGENGRAD_COLD TransformerStack(const char* kind, const Block& layer, Index count) {
    require<ValueError>(count >= 0, kind, ": ", count, " layers: there cannot be fewer than none");
    layers.assign(static_cast<std::size_t>(count), layer);
  }
  EIGENGRAD_COLD void require_caches(std::size_t count, const Location& where) const {
    require<ShapeError>(count == layers.size(), "step: ", count, " caches for ", layers.size(),
                        " layers: take those that caches(batch, capacity) gives", where);
  }
  Tensor<T> normed(const Tensor<T>& x) { return norm.empty() ? x : norm.front()(x, Location()); }
};

/// encoder(x, {.causal = true}): TransformerEncoder<float>(block, 6), or with a last norm (block, 6, norm).
template <class T>
class TransformerEncoder : public TransformerStack<T, TransformerEncoderLayer<T>> {
  using Stack = TransformerStack<T, TransformerEncoderLayer<T>>;

 public:
  EIGENGRAD_COLD TransformerEncoder(const TransformerEncoderLayer<T>& layer, Index count)
      : Stack("TransformerEncoder", layer, count) {}
  EIGENGRAD_COLD TransformerEncoder(const TransformerEncoderLayer<T>& layer, Index count, const LayerNorm<T>& last)
      : TransformerEncoder(layer, count) {
    this->norm.push_back(last);
  }

  using Module<T>::operator();
  Tensor<T> operator()(const Tensor<T>& x, const MultiheadMasks<T>& masks, Location where = Location::current()) {
    return this->called_from(where, [&] { return all(x, masks); });
  }
  Tensor<T> forward(const Tensor<T>& x) override { return all(x, {}); }
  /// A cache for each layer.
  std::vector<AttentionCache<T>> caches(Index batch, Index capacity, Location where = Location::current()) const {
    std::vector<AttentionCache<T>> result;
    for (const auto& layer : this->layers) result.push_back(layer.self_attn.cache(batch, capacity, where));
    return result;
  }
  /// The next rows of sequences through all layers, as TransformerEncoderLayer::step.
  Tensor<T> step(const Tensor<T>& x, std::vector<AttentionCache<T>>& past, Location where = Location::current()) {
    return this->called_from(where, [&] {
      const NoGrad pause;
      this->require_caches(past.size(), calling_line());
      Tensor<T> y = x;
      for (std::size_t i = 0; i < past.size(); ++i) y = this->layers[i].step(y, past[i], Location());
      return this->normed(y);
    });
  }
  std::string kind() const override { return "TransformerEncoder"; }

 private:
  Tensor<T> all(const Tensor<T>& x, const MultiheadMasks<T>& masks) {
    Tensor<T> y = x;
    for (auto& layer : this->layers) y = layer(y, masks, Location());
    return this->normed(y);
  }
};

/// decoder(x, memory, {.causal = true}): TransformerDecoder<float>(block, 6), or with a last norm (block, 6, norm).
template <class T>
class TransformerDecoder : public TransformerStack<T, TransformerDecoderLayer<T>> {
  using Stack = TransformerStack<T, TransformerDecoderLayer<T>>;

 public:
  EIGENGRAD_COLD TransformerDecoder(const TransformerDecoderLayer<T>& layer, Index count)
      : Stack("TransformerDecoder", layer, count) {}
  EIGENGRAD_COLD TransformerDecoder(const TransformerDecoderLayer<T>& layer, Index count, const LayerNorm<T>& last)
      : TransformerDecoder(layer, count) {
    this->norm.push_back(last);
  }

  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& memory, const DecoderMasks<T>& masks = {},
                       Location where = Location::current()) {
    return this->called_from(where, [&] {
      Tensor<T> y = x;
      for (auto& layer : this->layers) y = layer(y, memory, masks, Location());
      return this->normed(y);
    });
  }
  /// Throws ValueError: a decoder takes a memory, too.
  EIGENGRAD_COLD Tensor<T> forward(const Tensor<T>& x) override {
    fail<ValueError>("TransformerDecoder: x is ", x.shape(), ", and there is no memory: call decoder(x, memory)",
                     calling_line());
  }
  std::string kind() const override { return "TransformerDecoder"; }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
