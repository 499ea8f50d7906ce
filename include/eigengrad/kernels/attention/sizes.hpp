#pragma once

#include <cstdint>

#include "../../config.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Rows of numbers of every head of every element of a batch: a row's numbers follow each other, rows, heads and
/// elements may lie apart in any order, as where heads are slices of wider rows.
template <class T>
struct AttentionRows {
  T* data = nullptr;
  Index batch_step = 0, head_step = 0, row_step = 0;

  T* head(Index element, Index number) const {
    return data != nullptr ? data + element * batch_step + number * head_step : nullptr;
  }
};

/// One number for every query and key of every head; a step is 0 where it is stretched.
template <class T>
struct AttentionMatrix {
  const T* data = nullptr;  // null for none
  Index batch_step = 0, head_step = 0, row_step = 0, column_step = 0;

  const T* row(Index element, Index head, Index query) const {
    return data + element * batch_step + head * head_step + query * row_step;
  }
};

/// softmax(scale q k^T + bias) v: q [batch, heads, queries, size], k [.., keys, size], v [.., keys, value_size].
template <class T>
struct AttentionSizes {
  Index batch = 0, heads = 0, queries = 0, keys = 0, size = 0, value_size = 0;
  T scale = T(1);
  bool causal = false;         // query i attends to the keys up to i
  AttentionMatrix<bool> mask;  // true = attend
  AttentionMatrix<T> bias;
  double dropout = 0;      // the probability to drop, below 1
  std::uint64_t seed = 0;  // what is dropped depends on it and the place alone

  Index all_heads() const { return batch * heads; }
  /// So many keys from the first are attended to by queries up to `query`.
  Index keys_until(Index query) const { return causal && query + 1 < keys ? query + 1 : keys; }
};

/// What a weight is multiplied by: 0, or 1 / (1 - dropout). A number for each place by splitmix64 as a hash of it.
template <class T>
class AttentionDropout {
 public:
  explicit AttentionDropout(const AttentionSizes<T>& sizes)
      : seed_(sizes.seed),
        keys_(sizes.keys),
        queries_(sizes.queries),
        least_(static_cast<std::uint32_t>(sizes.dropout * 0x1p32)),
        kept_(static_cast<T>(1 / (1 - sizes.dropout))) {}

  /// For the keys from `key` on of a query of head number `head`.
  void factors(Index head, Index query, Index key, Index count, T* to) const {
    const std::uint64_t first =
        mix(seed_ + golden) + static_cast<std::uint64_t>((head * queries_ + query) * keys_ + key) * golden;
    for (Index j = 0; j < count; ++j)
      to[j] = (mix(first + static_cast<std::uint64_t>(j) * golden) >> 32) < least_ ? T(0) : kept_;
  }

 private:
  static constexpr std::uint64_t golden = 0x9e3779b97f4a7c15u;
  static constexpr std::uint64_t mix(std::uint64_t bits) {
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
    return bits ^ (bits >> 31);
  }

  std::uint64_t seed_;
  Index keys_, queries_;
  std::uint64_t least_;
  T kept_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
