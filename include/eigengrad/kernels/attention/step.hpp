#pragma once

#include "../lane_tile.hpp"
#include "scores.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// One query of each head against its keys so far, as a model generates: q and output have one row each, k and v are a
/// cache that has room for more. Reads every number of the cache once, and asks for no memory but the scores'.
template <class T>
void attention_step(const AttentionSizes<T>& s, const AttentionRows<const T>& q, const AttentionRows<const T>& k,
                    const AttentionRows<const T>& v, const AttentionRows<T>& output) {
  using L = lane_t<T>;
  using Blocks = AttentionBlocks<T>;
  constexpr Index width = lane_width<T>, group = 4;
  const Index values = LaneTile<T>::padded(s.value_size);
  AttentionScratch<T> scratch(LaneTile<T>::padded(s.keys) + values);
  T *const scores = scratch.next(LaneTile<T>::padded(s.keys)), *const sums = scratch.next(values);
  for (Index number = 0; number < s.all_heads(); ++number) {
    const Index element = number / s.heads, head = number % s.heads;
    const T *const query = q.head(element, head), *key = k.head(element, head), *value = v.head(element, head);
    const Index whole = s.size - s.size % width;
    for (Index i = 0; i < s.keys; i += group, key += group * k.row_step) {
      const Index count = (std::min)(group, s.keys - i);
      L parts[extent(group)] = {L(0), L(0), L(0), L(0)};
      for (Index r = 0; r < count; ++r)
        for (Index p = 0; p < whole; p += width)
          parts[r] = parts[r] + lane::load(query + p) * lane::load(key + r * k.row_step + p);
      for (Index r = 0; r < count; ++r) {
        T sum = lane::sum<T>(parts[r]);
        for (Index p = whole; p < s.size; ++p) sum = sum + query[p] * key[r * k.row_step + p];
        scores[i + r] = sum;
      }
    }
    AttentionSizes<T> all = s;
    all.causal = false;
    const T scale = Blocks::finish_row(all, element, head, 0, 0, s.keys, scores);
    T most = Blocks::none, total = 0;
    Blocks::soften(scores, s.keys, scale, most, total, sums, 0);
    std::fill_n(sums, values, T(0));
    for (Index i = 0; i < s.keys; ++i, value += v.row_step) {
      const L weight(scores[i]);
      Index j = 0;
      for (; j + width <= s.value_size; j += width)
        lane::store<T>(sums + j, lane::load(sums + j) + weight * lane::load(value + j));
      for (; j < s.value_size; ++j) sums[j] = sums[j] + scores[i] * value[j];
    }
    const T part = total == T(0) ? T(0) : T(1) / total;
    T* const to = output.head(element, head);
    for (Index j = 0; j < s.value_size; ++j) to[j] = sums[j] * part;
  }
}

}}  // namespace eigengrad::EIGENGRAD_ABI
