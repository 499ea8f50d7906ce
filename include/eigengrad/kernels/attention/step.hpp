#pragma once

#include "../lane_tile.hpp"
#include "scores.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The products of one query with `count` keys.
template <int count, class T>
EIGENGRAD_INLINE void step_scores(const T* query, const T* key, Index step, Index size, T* to) {
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>;
  L parts[extent(count)];
  EIGENGRAD_UNROLL
  for (int r = 0; r < count; ++r) parts[r] = L(0);
  Index p = 0;
  for (; p + width <= size; p += width) {
    const L numbers = lane::load(query + p);
    EIGENGRAD_UNROLL
    for (int r = 0; r < count; ++r) parts[r] = parts[r] + numbers * lane::load(key + r * step + p);
  }
  for (int r = 0; r < count; ++r) {
    T sum = lane::sum<T>(parts[r]);
    for (Index j = p; j < size; ++j) sum = sum + query[j] * key[r * step + j];
    to[r] = sum;
  }
}

/// One query of each head against its keys so far, as a model generates: q and output have one row each, k and v are a
/// cache that has room for more. Reads every number of the cache once, and asks for no memory but the scores'.
template <class T>
void attention_step(const AttentionSizes<T>& s, const AttentionRows<const T>& q, const AttentionRows<const T>& k,
                    const AttentionRows<const T>& v, const AttentionRows<T>& output) {
  using Blocks = AttentionBlocks<T>;
  constexpr Index width = lane_width<T>;
  constexpr int group = 4;
  const Index values = LaneTile<T>::padded(s.value_size);
  AttentionScratch<T> scratch(LaneTile<T>::padded(s.keys) + values);
  T *const scores = scratch.next(LaneTile<T>::padded(s.keys)), *const sums = scratch.next(values);
  for (Index number = 0; number < s.all_heads(); ++number) {
    const Index element = number / s.heads, head = number % s.heads;
    const T *const query = q.head(element, head), *key = k.head(element, head), *value = v.head(element, head);
    Index done = 0;
    for (; done + group <= s.keys; done += group, key += group * k.row_step)
      step_scores<group>(query, key, k.row_step, s.size, scores + done);
    for (; done < s.keys; ++done, key += k.row_step) step_scores<1>(query, key, k.row_step, s.size, scores + done);
    AttentionSizes<T> all = s;
    all.causal = false;
    const T scale = Blocks::finish_row(all, element, head, 0, 0, s.keys, scores);
    T most(Blocks::none), total(0);
    Blocks::soften(scores, s.keys, scale, most, total, sums, 0);
    std::fill_n(sums, values, T(0));
    if (s.value_size % width == 0)
      LaneTile<T>::add_product_of_rows(1, s.value_size, s.keys, scores, 0, 1, value, v.row_step, sums, values);
    else
      for (Index i = 0; i < s.keys; ++i, value += v.row_step)
        for (Index j = 0; j < s.value_size; ++j) sums[j] = sums[j] + scores[i] * value[j];
    const T part = is_equal(total, T(0)) ? T(0) : T(T(1) / total);
    T* const to = output.head(element, head);
    for (Index j = 0; j < s.value_size; ++j) to[j] = sums[j] * part;
  }
}

// Compiled: void attention_step(const AttentionSizes<T>&, const AttentionRows<const T>&, const AttentionRows<const
//   T>&, const AttentionRows<const T>&, const AttentionRows<T>&)
}}  // namespace eigengrad::EIGENGRAD_ABI
