#pragma once

#include <cmath>
#include <limits>

#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../formula/expression.hpp"
#include "../kernels/attention/sizes.hpp"
#include "attention_heads.hpp"
#include "shape.hpp"

// Attention: sums of values, weighted by how well their keys fit a query.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A mask of scores: of bools, or of numbers that are added. Nothing where it is left out.
template <class T>
struct AttentionMask {
  AttentionMask() = default;
  template <Expression E>
    requires(std::is_same_v<typename E::Element, bool> || std::is_same_v<plain_t<typename E::Element>, plain_t<T>>)
  AttentionMask(const E& mask) {
    if constexpr (std::is_same_v<typename E::Element, bool>)
      chosen = mask.to_tensor();
    else
      added = tensor_of<T>(mask);
  }

  bool given() const { return !is_left_out(chosen) || !is_left_out(added); }
  const Shape& shape() const { return is_left_out(added) ? chosen.shape() : added.shape(); }

  Tensor<bool> chosen;
  Tensor<T> added;
};

/// Settings of scaled_dot_product_attention.
template <class T>
struct AttentionOptions {
  static constexpr double unset = std::numeric_limits<double>::quiet_NaN();

  AttentionMask<T> mask = {};  // [..., T, S]; bools: true = attend; numbers are added to the scores
  bool causal = false;         // query i attends to the keys up to i
  double scale = unset;        // of the scores; 1 / sqrt(d) if it is not set
  double dropout = 0;          // the probability to drop a weight; the others grow by 1 / (1 - dropout)
};

/// The axes before a matrix's two as batches and heads, which is the last of them.
struct LeadingAxes {
  static Shape of(const Shape& shape) { return {shape.begin(), shape.end() - 2}; }
  static bool joins(const Shape& a, const Shape& b) {
    for (Index axis = 1; axis <= (std::min)(a.rank(), b.rank()); ++axis) {
      const Index left = a[a.rank() - axis], right = b[b.rank() - axis];
      if (left != right && left != 1 && right != 1) return false;
    }
    return true;
  }
  explicit LeadingAxes(const Shape& leading) : all(leading) {
    heads = all.rank() > 0 ? all.back() : 1;
    for (Index axis = 0; axis + 1 < all.rank(); ++axis) batch *= all[axis];
  }
  /// [batch or 1, heads or 1] of a tensor, which is stretched where its batches are so in part.
  template <class U>
  Shape fold(Tensor<U>& x, const Location& where) const {
    Shape own = of(x.shape());
    bool whole = own.rank() == all.rank(), single = true;
    for (Index axis = 0; axis + 1 < own.rank(); ++axis) {
      single = single && own[axis] == 1;
      whole = whole && own[axis] == all[axis];
    }
    if (!whole && !single) {
      x = broadcast_to(x, all + Shape{x.shape()[x.rank() - 2], x.shape().back()}, where);
      own = all;
      whole = true;
    }
    return {whole ? batch : 1, own.rank() > 0 ? own.back() : 1};
  }

  Shape all;
  Index batch = 1, heads = 1;
};

/// A mask for scores [..., queries, keys] as [batch or 1, heads or 1, queries or 1, keys or 1].
template <class U>
Tensor<U> folded_mask(Tensor<U> mask, const LeadingAxes& leading, Index queries, Index keys, const Location& where) {
  if (is_left_out(mask)) return mask;
  const Shape& shape = mask.shape();
  const Shape scores = leading.all + Shape{queries, keys};
  bool fits = shape.rank() <= scores.rank();
  for (Index axis = 1; fits && axis <= shape.rank(); ++axis) {
    const Index size = shape[shape.rank() - axis];
    fits = size == 1 || size == scores[scores.rank() - axis];
  }
  require<ShapeError>(fits, "scaled_dot_product_attention: the mask is ", shape, ", the scores are ", scores,
                      ": counted from the last, each axis must have the same size or size 1", where);
  if (shape.rank() < 2) mask = reshape(mask, Shape{1, shape.rank() == 0 ? 1 : shape[0]}, where);
  const Shape two = leading.fold(mask, where), last{mask.shape()[mask.rank() - 2], mask.shape().back()};
  return reshape(mask, two + last, where);
}

template <class T>
EIGENGRAD_OUTLINE Tensor<T> attention_of(std::array<Tensor<T>, 3> operands, const AttentionOptions<T>& options,
                                         const Location& where) {
  const Shape q = operands[0].shape(), k = operands[1].shape(), v = operands[2].shape();
  bool fits =
      q.rank() >= 2 && k.rank() >= 2 && v.rank() >= 2 && q.back() == k.back() && k[k.rank() - 2] == v[v.rank() - 2];
  fits = fits && LeadingAxes::joins(LeadingAxes::of(q), LeadingAxes::of(k)) &&
         LeadingAxes::joins(LeadingAxes::of(q), LeadingAxes::of(v)) &&
         LeadingAxes::joins(LeadingAxes::of(k), LeadingAxes::of(v));
  require<ShapeError>(fits, "scaled_dot_product_attention: q is ", q, ", k is ", k, ", v is ", v,
                      ": they must be [..., T, d], [..., S, d] and [..., S, e], with the same leading axes or 1 in "
                      "their place",
                      where);
  require<ShapeError>(q.back() > 0, "scaled_dot_product_attention: q is ", q,
                      ": rows of no numbers have no products; the last axis must not be empty", where);
  require<ValueError>(options.dropout >= 0 && options.dropout <= 1, "scaled_dot_product_attention: the dropout ",
                      options.dropout, " is not in [0, 1]", where);
  const LeadingAxes leading(
      broadcast(broadcast(LeadingAxes::of(q), LeadingAxes::of(k), "attention"), LeadingAxes::of(v), "attention"));
  AttentionForm<T> form;
  AttentionSizes<T>& s = form.sizes;
  s.batch = leading.batch;
  s.heads = leading.heads;
  s.queries = q[q.rank() - 2];
  s.keys = k[k.rank() - 2];
  s.size = q.back();
  s.value_size = v.back();
  s.causal = options.causal;
  s.scale = static_cast<T>(options.scale == options.scale ? options.scale : 1 / std::sqrt(static_cast<double>(s.size)));
  s.dropout = options.dropout < 1 ? options.dropout : 0;
  const Index rows[3] = {s.queries, s.keys, s.keys}, sizes[3] = {s.size, s.size, s.value_size};
  HeadsPlace* const places[3] = {&form.q, &form.k, &form.v};
  HeadsPlace* const gradients[3] = {&form.dq, &form.dk, &form.dv};
  for (std::size_t i = 0; i < 3; ++i) {
    const Shape two = leading.fold(operands[i], where);
    const Index head = rows[i] * sizes[i];
    *places[i] = {0, two[0] == 1 ? 0 : two[1] * head, two[1] == 1 ? 0 : head, sizes[i]};
    *gradients[i] = {0, s.heads * head, head, sizes[i]};
    form.gradient_shapes[i] = leading.all + Shape{rows[i], sizes[i]};
  }
  form.output = {0, s.heads * s.queries * s.value_size, s.queries * s.value_size, s.value_size};
  form.shape = leading.all + Shape{s.queries, s.value_size};
  const AttentionMasks4<T> masks{folded_mask(options.mask.chosen, leading, s.queries, s.keys, where),
                                 folded_mask(options.mask.added, leading, s.queries, s.keys, where)};
  const Tensor<T> y = attend(form, operands, masks, where);
  return options.dropout < 1 ? y : Tensor<T>(y * T(0), where);
}

/// softmax(scale q k^T + mask) v over the last two axes: q [..., T, d], k [..., S, d], v [..., S, e] -> [..., T, e];
/// leading axes broadcast. A query that attends to nothing gives 0. The weights are not kept, but for block after block
/// of them. Throws ShapeError naming all shapes. Vaswani and others: Attention is all you need, 2017, eq. 1.
template <Expression Q, Expression K, Expression V>
Tensor<scalar_of<Q, K, V>> scaled_dot_product_attention(const Q& query, const K& key, const V& value,
                                                        const AttentionOptions<scalar_of<Q, K, V>>& options = {},
                                                        Location where = Location::current()) {
  using T = scalar_of<Q, K, V>;
  static_assert(is_real<T>, "scaled_dot_product_attention of integers: cast<float>(tensor) first");
  return attention_of(std::array<Tensor<T>, 3>{tensor_of<T>(query), tensor_of<T>(key), tensor_of<T>(value)}, options,
                      where);
}

// Compiled: Tensor<T> attention_of(std::array<Tensor<T>, 3>, const AttentionOptions<T>&, const Location&)
}}  // namespace eigengrad::EIGENGRAD_ABI
