#pragma once

#include "../../core/tensor.hpp"
#include "../../kernels/attention/sizes.hpp"
#include "../../ops/arithmetic.hpp"
#include "../../ops/attention.hpp"
#include "../../ops/attention_heads.hpp"
#include "../../ops/shape.hpp"
#include "../../ops/where.hpp"

// What layers with attention are given beside tensors, what they give, and what they keep.
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

/// Keys and values of what came before, with room for more: MultiheadAttention::cache.
template <class T>
struct AttentionCache {
  Tensor<T> keys, values;  // [B, capacity, E], of which the first `length` rows are set
  Index length = 0;

  Index capacity() const { return keys.shape()[1]; }
  /// Begins a new sequence.
  void clear() { length = 0; }
};

/// The two masks for a batch of sequences as one of bools, true = attend, and one of numbers. Throws ShapeError.
template <class T>
EIGENGRAD_OUTLINE AttentionMasks4<T> joined_masks(const MultiheadMasks<T>& given, const AttentionSizes<T>& s,
                                                  const Location& where) {
  AttentionMasks4<T> result;
  if (!given.mask.given() && !given.key_padding_mask.given()) return result;
  const Shape &scores = given.mask.shape(), &padding = given.key_padding_mask.shape();
  const Shape one{s.queries, s.keys}, each{s.batch * s.heads, s.queries, s.keys}, keys{s.batch, s.keys};
  require<ShapeError>(!given.mask.given() || scores == one || scores == each, "MultiheadAttention: the mask is ",
                      scores, ": it must be ", one, " or ", each, where);
  require<ShapeError>(!given.key_padding_mask.given() || padding == keys || (s.batch == 1 && padding == Shape{s.keys}),
                      "MultiheadAttention: the key_padding_mask is ", padding, ": it must be ", keys, where);
  const auto of_scores = [&](const auto& mask) {
    const bool for_all = mask.rank() == 2;
    return reshape(mask, Shape{for_all ? 1 : s.batch, for_all ? 1 : s.heads, s.queries, s.keys}, where);
  };
  const auto of_keys = [&](const auto& mask) { return reshape(mask, Shape{s.batch, 1, 1, s.keys}, where); };
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

// Compiled: AttentionMasks4<T> joined_masks(const MultiheadMasks<T>&, const AttentionSizes<T>&, const Location&)
}}  // namespace eigengrad::EIGENGRAD_ABI
