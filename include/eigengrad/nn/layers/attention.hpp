#pragma once

#include "../../autograd/parameter.hpp"
#include "../../autograd/tape.hpp"
#include "../../core/tensor.hpp"
#include "../../kernels/attention/step.hpp"
#include "../../ops/attention.hpp"
#include "../../ops/attention_heads.hpp"
#include "../../ops/index.hpp"
#include "../../ops/reduce.hpp"
#include "../../ops/shape.hpp"
#include "../../ops/where.hpp"
#include "../module/init.hpp"
#include "../module/module.hpp"
#include "linear.hpp"

// Attention with several heads as a layer, and what it keeps of a sequence that it generates.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of MultiheadAttention.
struct MultiheadAttentionOptions {
  double dropout = 0;  // of the weights, in training
  bool bias = true;
  Index kdim = 0, vdim = 0;  // the sizes of keys and values where they are not the queries'
  bool batch_first = false;  // [B, T, E] in place of [T, B, E]
};

/// Which keys a layer's queries attend to. In masks of bools, true = not attended, as in PyTorch's layers (and unlike
/// its function); numbers are added to the scores.
template <class T>
struct MultiheadMasks {
  AttentionMask<T> mask = {};              // [T, S], or [B * heads, T, S]
  AttentionMask<T> key_padding_mask = {};  // [B, S]
  bool causal = false;                     // query i attends to the keys up to i
};

/// What MultiheadAttention::with_weights gives: weights are [B, T, S], or for every head [B, heads, T, S].
template <class T>
struct WeightedAttention {
  Tensor<T> output, weights;
};

/// Keys and values of a sequence's past, with room for more: MultiheadAttention::cache.
template <class T>
struct AttentionCache {
  Tensor<T> keys, values;  // [B, capacity, E], of which the first `length` rows are set
  Index length = 0;

  Index capacity() const { return keys.shape()[1]; }
  /// Begins a new sequence.
  void clear() { length = 0; }
};

/// Attention of several heads: q [T, B, E], k [S, B, kdim], v [S, B, vdim] -> [T, B, E], or [B, T, E] with batch_first;
/// without B for one sequence. Weights and their start are PyTorch's: in_proj_weight [3E, E] of q, k and v, xavier
/// uniform, biases 0. A query that attends to nothing gives the projection of 0. Vaswani and others, 2017, sec. 3.2.2.
template <class T>
class MultiheadAttention : public Module<T> {
 public:
  EIGENGRAD_COLD MultiheadAttention(Index embed, Index heads, MultiheadAttentionOptions options = {},
                                    Generator& generator = default_generator())
      : out_proj(embed, embed, {.bias = options.bias}, generator), settings_(options), embed_(embed), heads_(heads) {
    require<ValueError>(embed > 0 && heads > 0 && embed % heads == 0, "MultiheadAttention: ", embed,
                        " numbers do not divide into ", heads, " heads: make the first a multiple of the second");
    require<ValueError>(options.dropout >= 0 && options.dropout < 1, "MultiheadAttention: the dropout ",
                        options.dropout, " is not in [0, 1)");
    require<ValueError>(options.kdim >= 0 && options.vdim >= 0, "MultiheadAttention: kdim ", options.kdim, " and vdim ",
                        options.vdim, " must not be negative");
    if (settings_.kdim == 0) settings_.kdim = embed;
    if (settings_.vdim == 0) settings_.vdim = embed;
    const WeightInitializer<T> xavier{&init::xavier_uniform<T>, 1};
    if (packed()) {
      in_proj_weight.initialize_as({3 * embed, embed}, xavier, generator);
    } else {
      q_proj_weight.initialize_as({embed, embed}, xavier, generator);
      k_proj_weight.initialize_as({embed, settings_.kdim}, xavier, generator);
      v_proj_weight.initialize_as({embed, settings_.vdim}, xavier, generator);
    }
    if (!options.bias) return;
    in_proj_bias.initialize_as(Tensor<T>::zeros({3 * embed}));
    out_proj.bias.initialize_as(Tensor<T>::zeros({embed}));
  }

  /// attention(q, k, v, {.causal = true}). Throws ShapeError naming all shapes.
  Tensor<T> operator()(const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v, const MultiheadMasks<T>& masks = {},
                       Location where = Location::current()) {
    return this->called_from(where, [&] { return attend_to(q, k, v, masks); });
  }
  /// Self-attention: q, k and v are one product of x.
  Tensor<T> operator()(const Tensor<T>& x, const MultiheadMasks<T>& masks, Location where = Location::current()) {
    return this->called_from(where, [&] { return attend_to(x, x, x, masks); });
  }
  using Module<T>::operator();
  Tensor<T> forward(const Tensor<T>& x) override { return attend_to(x, x, x, {}); }

  /// The same with the weights, the heads' mean or each head's; slower, as these are kept.
  WeightedAttention<T> with_weights(const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v,
                                    const MultiheadMasks<T>& masks = {}, bool average = true,
                                    Location where = Location::current()) {
    return this->called_from(where, [&] {
      const Call call = prepared(q, k, v, masks);
      const typename AttentionForm<T>::Given in(call.operands);
      const Tensor<std::int64_t> seed = attention_seed(call.form.sizes);
      forbid_in_replay("with_weights", "take the output alone");
      if (seed.size() > 0) draw_seed(kernel_access(seed).shared_data());
      Tensor<T> weights = dropped_weights(call.form, attention_weights(call.form, in, call.masks), seed);
      const Tensor<T> output = out_proj.forward(weighted_values(call.form, in, weights));
      if (average) weights = mean(weights, 1, false, calling_line());
      return WeightedAttention<T>{without_batch(output, q.rank()), q.rank() == 3 ? weights : squeeze(weights, 0)};
    });
  }

  /// Room for the keys and values of `capacity` steps of B sequences.
  AttentionCache<T> cache(Index batch, Index capacity, Location where = Location::current()) const {
    require<ValueError>(batch >= 0 && capacity >= 0, "cache: sizes ", batch, " and ", capacity, " must not be negative",
                        where);
    return {Tensor<T>::zeros({batch, capacity, embed_}), Tensor<T>::zeros({batch, capacity, embed_})};
  }
  /// Causal self-attention of the next rows of sequences, as a model generates: x has the layer's layout, with T of 1
  /// or more, the cache what came before. The same numbers as over the whole; no gradient, and no dropout.
  Tensor<T> step(const Tensor<T>& x, AttentionCache<T>& past, Location where = Location::current()) {
    return this->called_from(where, [&] {
      forbid_in_replay("step", "call it outside, or the whole sequence inside");
      const NoGrad pause;
      return step_to(x, past);
    });
  }

  void members(Members<T>& m) override {
    if (packed()) {
      m("in_proj_weight", in_proj_weight);
    } else {
      m("q_proj_weight", q_proj_weight);
      m("k_proj_weight", k_proj_weight);
      m("v_proj_weight", v_proj_weight);
    }
    if (has_bias()) m("in_proj_bias", in_proj_bias);
    m("out_proj", out_proj);
  }
  std::string kind() const override { return "MultiheadAttention"; }
  bool has_bias() const { return in_proj_bias.size() > 0; }
  bool batch_first() const { return settings_.batch_first; }

  Parameter<T> in_proj_weight;  // of q, k, v, one below the other; empty where these have sizes of their own
  Parameter<T> q_proj_weight, k_proj_weight, v_proj_weight;
  Parameter<T> in_proj_bias;
  Linear<T> out_proj;

 private:
  struct Call {
    AttentionForm<T> form;
    std::array<Tensor<T>, 3> operands;
    AttentionMasks4<T> masks;
  };

  bool packed() const { return settings_.kdim == embed_ && settings_.vdim == embed_; }
  static bool same(const Tensor<T>& a, const Tensor<T>& b) {
    return kernel_access(a).numbers() == kernel_access(b).numbers() && a.shape() == b.shape() &&
           kernel_access(a).link().node == kernel_access(b).link().node;
  }

  Tensor<T> attend_to(const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v, const MultiheadMasks<T>& masks) {
    const Call call = prepared(q, k, v, masks);
    return without_batch(out_proj.forward(attend(call.form, call.operands, call.masks, calling_line())), q.rank());
  }
  Tensor<T> without_batch(const Tensor<T>& y, Index rank) const {
    return rank == 3 ? y : squeeze(y, batch_axis(), calling_line());
  }
  Tensor<T> with_batch(const Tensor<T>& x) const {
    return x.rank() == 3 ? x : unsqueeze(x, batch_axis(), calling_line());
  }
  Index batch_axis() const { return settings_.batch_first ? 0 : 1; }
  Index time_axis() const { return settings_.batch_first ? 1 : 0; }

  Tensor<T> product(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias, Index first,
                    Index count) const {
    const Tensor<T> part = weight.shape()[0] == count ? weight : slice(weight, 0, first, first + count);
    return linear(x, part, bias.size() > 0 ? slice(bias, 0, first, first + count) : bias, calling_line());
  }
  /// Heads in rows of `width` numbers, from number `first` of a row on.
  HeadsPlace place(Index first, Index width, Index batch, Index rows) const {
    const Index size = embed_ / heads_;
    return settings_.batch_first ? HeadsPlace{first, rows * width, size, width}
                                 : HeadsPlace{first, width, size, batch * width};
  }

  /// q, k and v in as few products as can be, and where their heads lie in them.
  EIGENGRAD_OUTLINE Call prepared(const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v,
                                  const MultiheadMasks<T>& masks) const {
    require_shapes(q, k, v);
    depends_on(this, settings_.dropout);
    Call call;
    AttentionForm<T>& form = call.form;
    AttentionSizes<T>& s = form.sizes;
    s = sizes_of(q, k);
    s.causal = masks.causal;
    s.dropout = this->is_training() ? settings_.dropout : 0;
    const bool self = packed() && same(q, k) && same(k, v), joined = self || (packed() && same(k, v));
    const Index E = embed_;
    if (self) {
      call.operands[0] = linear(
          appearance_of(with_batch(q), "linear"), in_proj_weight.appear("linear"),
          has_bias() ? in_proj_bias.appear("linear") : Appearance<T>{in_proj_bias.value(), nullptr}, calling_line());
    } else {
      const Tensor<T> bias = in_proj_bias.to_tensor();
      const Tensor<T> weight = packed() ? in_proj_weight.to_tensor() : q_proj_weight.to_tensor();
      call.operands[0] = product(with_batch(q), weight, bias, 0, E);
      if (joined) {
        call.operands[1] = product(with_batch(k), weight, bias, E, 2 * E);
      } else {
        call.operands[1] = product(with_batch(k), packed() ? weight : k_proj_weight.to_tensor(), bias, E, E);
        call.operands[2] = product(with_batch(v), packed() ? weight : v_proj_weight.to_tensor(), bias, 2 * E, E);
      }
    }
    form.k_operand = self ? 0 : 1;
    form.v_operand = self ? 0 : joined ? 1 : 2;
    form.q = form.dq = place(0, self ? 3 * E : E, s.batch, s.queries);
    form.k = form.dk = place(self ? E : 0, self ? 3 * E : joined ? 2 * E : E, s.batch, s.keys);
    form.v = form.dv = place(self ? 2 * E : joined ? E : 0, self ? 3 * E : joined ? 2 * E : E, s.batch, s.keys);
    form.output = place(0, E, s.batch, s.queries);
    for (std::size_t i = 0; i < 3; ++i) form.gradient_shapes[i] = call.operands[i].shape();
    form.shape = settings_.batch_first ? Shape{s.batch, s.queries, E} : Shape{s.queries, s.batch, E};
    call.masks = joined_masks(masks, s);
    return call;
  }
  AttentionSizes<T> sizes_of(const Tensor<T>& q, const Tensor<T>& k) const {
    const bool one = q.rank() == 2;
    AttentionSizes<T> s;
    s.batch = one ? 1 : q.shape()[batch_axis()];
    s.heads = heads_;
    s.queries = q.shape()[one ? 0 : time_axis()];
    s.keys = k.shape()[one ? 0 : time_axis()];
    s.size = s.value_size = embed_ / heads_;
    s.scale = static_cast<T>(1 / std::sqrt(static_cast<double>(s.size)));
    return s;
  }
  void require_shapes(const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v) const {
    const Shape &a = q.shape(), &b = k.shape(), &c = v.shape();
    bool fits = (a.rank() == 2 || a.rank() == 3) && b.rank() == a.rank() && c.rank() == a.rank();
    if (fits) {
      const Index time = a.rank() == 2 ? 0 : time_axis();
      fits = a.back() == embed_ && b.back() == settings_.kdim && c.back() == settings_.vdim && b[time] == c[time] &&
             (a.rank() == 2 || (a[batch_axis()] == b[batch_axis()] && a[batch_axis()] == c[batch_axis()]));
    }
    if (!fits) refuse_shapes(a, b, c);
  }
  [[noreturn]] EIGENGRAD_COLD void refuse_shapes(const Shape& q, const Shape& k, const Shape& v) const {
    const char* const layout = settings_.batch_first ? "[B, T, " : "[T, B, ";
    const char* const other = settings_.batch_first ? "[B, S, " : "[S, B, ";
    fail<ShapeError>("MultiheadAttention: q is ", q, ", k is ", k, ", v is ", v, ": they must be ", layout, embed_,
                     "], ", other, settings_.kdim, "] and ", other, settings_.vdim,
                     "], or all without B; with .batch_first ", settings_.batch_first ? "false T" : "true B",
                     " comes first", calling_line());
  }

  /// The two masks as one of bools, true = attend, and one of numbers.
  AttentionMasks4<T> joined_masks(const MultiheadMasks<T>& given, const AttentionSizes<T>& s) const {
    AttentionMasks4<T> result;
    if (!given.mask.given() && !given.key_padding_mask.given()) return result;
    const Shape &scores = given.mask.shape(), &padding = given.key_padding_mask.shape();
    require<ShapeError>(!given.mask.given() || scores == Shape{s.queries, s.keys} ||
                            scores == Shape{s.batch * s.heads, s.queries, s.keys},
                        "MultiheadAttention: the mask is ", scores, ": it must be ", Shape{s.queries, s.keys}, " or ",
                        Shape{s.batch * s.heads, s.queries, s.keys}, calling_line());
    require<ShapeError>(!given.key_padding_mask.given() || padding == Shape{s.batch, s.keys} ||
                            (s.batch == 1 && padding == Shape{s.keys}),
                        "MultiheadAttention: the key_padding_mask is ", padding, ": it must be ",
                        Shape{s.batch, s.keys}, calling_line());
    const auto of_scores = [&](const auto& mask) {
      const Shape& shape = mask.shape();
      return reshape(mask,
                     shape.rank() == 2 ? Shape{1, 1, s.queries, s.keys} : Shape{s.batch, s.heads, s.queries, s.keys});
    };
    const auto of_keys = [&](const auto& mask) { return reshape(mask, Shape{s.batch, 1, 1, s.keys}); };
    const Tensor<bool>&masked = given.mask.chosen, &padded = given.key_padding_mask.chosen;
    if (!is_left_out(masked) && !is_left_out(padded))
      result.chosen = !(of_scores(masked) || of_keys(padded));
    else if (!is_left_out(masked))
      result.chosen = !of_scores(masked);
    else if (!is_left_out(padded))
      result.chosen = !of_keys(padded);
    const Tensor<T>&added = given.mask.added, &to_keys = given.key_padding_mask.added;
    if (!is_left_out(added) && !is_left_out(to_keys))
      result.added = of_scores(added) + of_keys(to_keys);
    else if (!is_left_out(added))
      result.added = of_scores(added);
    else if (!is_left_out(to_keys))
      result.added = of_keys(to_keys);
    return result;
  }

  Tensor<T> step_to(const Tensor<T>& x, AttentionCache<T>& past) {
    require<ValueError>(packed(), "step: keys and values of other sizes are no self-attention: kdim is ",
                        settings_.kdim, ", vdim ", settings_.vdim, calling_line());
    require_shapes(x, x, x);
    AttentionSizes<T> s = sizes_of(x, x);
    const Index rows = s.queries, E = embed_;
    require<ShapeError>(past.keys.shape() == past.values.shape() && past.keys.rank() == 3 &&
                            past.keys.shape()[0] == s.batch && past.keys.shape().back() == E,
                        "step: x is ", x.shape(), ", the cache ", past.keys.shape(), ": it must be [", s.batch,
                        ", capacity, ", E, "], as attention.cache gives", calling_line());
    require<ShapeError>(past.length + rows <= past.capacity(), "step: the cache has room for ", past.capacity(),
                        " rows, ", past.length, " are set and ", rows, " come: make it larger, or clear() it",
                        calling_line());
    const Tensor<T> qkv = linear(
        appearance_of(with_batch(x), "linear"), in_proj_weight.appear("linear"),
        has_bias() ? in_proj_bias.appear("linear") : Appearance<T>{in_proj_bias.value(), nullptr}, calling_line());
    Tensor<T> y = Tensor<T>::empty(with_batch(x).shape());
    const HeadsPlace from = place(0, 3 * E, s.batch, rows), to = place(0, E, s.batch, rows),
                     kept{0, past.capacity() * E, s.size, E};
    const T* const numbers = kernel_access(qkv).numbers();
    T *const keys = kernel_access(past.keys).writable_numbers(),
             *const values = kernel_access(past.values).writable_numbers(), *const out = kernel_access(y).shared_data();
    s.queries = 1;
    for (Index i = 0; i < rows; ++i) {
      for (Index b = 0; b < s.batch; ++b) {
        const T* const row = numbers + b * from.batch_step + i * from.row_step;
        const Index at = b * kept.batch_step + past.length * E;
        std::copy_n(row + E, E, keys + at);
        std::copy_n(row + 2 * E, E, values + at);
      }
      s.keys = ++past.length;
      attention_step<T>(s, from.rows(numbers + i * from.row_step), kept.rows<const T>(keys), kept.rows<const T>(values),
                        to.rows(out + i * to.row_step));
    }
    return without_batch(out_proj.forward(y), x.rank());
  }

  MultiheadAttentionOptions settings_;
  Index embed_, heads_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
