#pragma once

#include "../../autograd/engine/node.hpp"
#include "../../autograd/engine/tape_state.hpp"
#include "../../autograd/parameter.hpp"
#include "../../core/tensor.hpp"
#include "../../kernels/attention/sizes.hpp"
#include "../../kernels/attention/step.hpp"
#include "../../ops/attention.hpp"
#include "../../ops/attention_heads.hpp"
#include "../../ops/index.hpp"
#include "../../ops/reduce.hpp"
#include "../../ops/shape.hpp"
#include "../module/init.hpp"
#include "../module/module.hpp"
#include "attention_parts.hpp"
#include "linear.hpp"

// Attention with several heads as a layer, and what it keeps of a sequence that it generates.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

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
      const Tensor<T> output = out_proj(weighted_values(call.form, in, weights), Location());
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
  /// The keys and values of a whole memory [S, B, E], as attention(x, memory, memory) computes them.
  AttentionCache<T> cache_of(const Tensor<T>& memory, Location where = Location::current()) {
    return without_gradient(where, [&] {
      require_shapes(memory, memory, memory, true);
      const AttentionSizes<T> s = sizes_of(memory, memory);
      AttentionCache<T> result = cache(s.batch, s.keys, calling_line());
      append(result, projected(memory, embed_, 2 * embed_), 0, s);
      return result;
    });
  }
  /// Causal self-attention of the next rows of sequences, as a model generates: x has the layer's layout, with T of 1
  /// or more, the cache what came before. The same numbers as over the whole; no gradient, and no dropout.
  Tensor<T> step(const Tensor<T>& x, AttentionCache<T>& past, Location where = Location::current()) {
    return without_gradient(where, [&] {
      require_shapes(x, x, x, true);
      const AttentionSizes<T> s = sizes_of(x, x);
      require_cache(x, past, s.batch);
      require<ShapeError>(past.length + s.queries <= past.capacity(), "step: the cache has room for ", past.capacity(),
                          " rows, ", past.length, " are set and ", s.queries, " come: make it larger, or clear() it",
                          calling_line());
      const Tensor<T> product = projected(x, 0, 3 * embed_);
      append(past, product, embed_, s);
      return seen(x, product, past, past.length - s.queries + 1, 1);
    });
  }
  /// Attention of any rows of x to the whole of a cache, as of cache_of(memory). No gradient, and no dropout.
  Tensor<T> look(const Tensor<T>& x, const AttentionCache<T>& memory, Location where = Location::current()) {
    return without_gradient(where, [&] {
      require_shapes(x, x, x, true);
      require_cache(x, memory, sizes_of(x, x).batch);
      return seen(x, projected(x, 0, embed_), memory, memory.length, 0);
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
    return without_batch(out_proj(attend(call.form, call.operands, call.masks, calling_line()), Location()), q.rank());
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
    call.masks = joined_masks(masks, s, calling_line());
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
  void require_shapes(const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v, bool cached = false) const {
    require<ValueError>(!cached || packed(), "step: keys and values of other sizes are not kept: kdim is ",
                        settings_.kdim, ", vdim ", settings_.vdim, calling_line());
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

  template <class Work>
  auto without_gradient(const Location& where, const Work& work) -> decltype(work()) {
    return this->called_from(where, [&] {
      forbid_in_replay("step", "call it outside, or give the whole sequence inside");
      const NoGrad pause;
      return work();
    });
  }
  EIGENGRAD_COLD void refuse_cache(const Shape& x, const Shape& kept, Index batch) const {
    fail<ShapeError>("step: x is ", x, ", the cache ", kept, ": it must be [", batch, ", capacity, ", embed_,
                     "], as attention.cache gives", calling_line());
  }
  void require_cache(const Tensor<T>& x, const AttentionCache<T>& past, Index batch) const {
    const Shape& kept = past.keys.shape();
    if (!(kept.rank() == 3 && kept == past.values.shape() && kept[0] == batch && kept[2] == embed_))
      refuse_cache(x.shape(), kept, batch);
  }
  /// x times `count` rows of the weights of q, k and v, from row `first` on.
  Tensor<T> projected(const Tensor<T>& x, Index first, Index count) const {
    return product(with_batch(x), in_proj_weight.value(), in_proj_bias.value(), first, count);
  }
  /// Puts keys and values, which stand in a product's rows from number `first` on, behind those that are there.
  void append(AttentionCache<T>& past, const Tensor<T>& product, Index first, const AttentionSizes<T>& s) const {
    const Index width = product.shape().back(), E = embed_, rows = s.queries;
    const HeadsPlace from = place(first, width, s.batch, rows);
    const T* const numbers = kernel_access(product).numbers();
    T *const keys = kernel_access(past.keys).writable_numbers(), *const values =
                                                                     kernel_access(past.values).writable_numbers();
    for (Index b = 0; b < s.batch; ++b)
      for (Index i = 0; i < rows; ++i) {
        const T* const row = numbers + from.offset + b * from.batch_step + i * from.row_step;
        const Index at = (b * past.capacity() + past.length + i) * E;
        std::copy_n(row, E, keys + at);
        std::copy_n(row + E, E, values + at);
      }
    past.length += rows;
  }
  /// What queries, the first numbers of a product's rows, see of a cache: the first its `first` rows, each after it
  /// `more` more.
  Tensor<T> seen(const Tensor<T>& x, const Tensor<T>& product, const AttentionCache<T>& past, Index first, Index more) {
    AttentionSizes<T> s = sizes_of(x, x);
    const Index rows = s.queries, E = embed_;
    const Tensor<T> y = Tensor<T>::empty(with_batch(x).shape());
    const HeadsPlace from = place(0, product.shape().back(), s.batch, rows), to = place(0, E, s.batch, rows),
                     kept{0, past.capacity() * E, s.size, E};
    const T *const keys = kernel_access(past.keys).numbers(), *const values = kernel_access(past.values).numbers(),
                   *const numbers = kernel_access(product).numbers();
    T* const out = kernel_access(y).shared_data();
    s.queries = 1;
    for (Index i = 0; i < rows; ++i) {
      s.keys = first + i * more;
      attention_step<T>(s, from.rows(numbers + i * from.row_step), kept.rows(keys), kept.rows(values),
                        to.rows(out + i * to.row_step));
    }
    return without_batch(out_proj(y, Location()), x.rank());
  }

  MultiheadAttentionOptions settings_;
  Index embed_, heads_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
