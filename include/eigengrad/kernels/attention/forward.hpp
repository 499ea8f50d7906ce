#pragma once

#include "../../core/threads.hpp"
#include "../lane_tile.hpp"
#include "scores.hpp"

// Attention by blocks: no more scores than one block's exist at a time, and of a row's softmax only its largest score
// and sum are carried on. Milakov, Gimelshein: Online normalizer calculation for softmax, 2018; Dao and others:
// FlashAttention, 2022.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
class AttentionForward {
  using Blocks = AttentionBlocks<T>;
  using Tile = LaneTile<T>;
  static constexpr Index width = lane_width<T>, large = Index{1} << 17;

 public:
  /// output [.., queries, value_size]; rows that attend to nothing are 0. `log_sums` [batch, heads, queries], kept for
  /// the way back, may be null: log(sum(exp(scores))) of each row, infinity where there are none.
  static void run(const AttentionSizes<T>& sizes, const AttentionRows<const T>& q, const AttentionRows<const T>& k,
                  const AttentionRows<const T>& v, const AttentionRows<T>& output, T* log_sums) {
    const Index heads = sizes.all_heads(), rows = Blocks::queries(sizes), blocks = (sizes.queries + rows - 1) / rows;
    if (heads == 0 || blocks == 0) return;
    const int threads = heads * sizes.queries * sizes.keys >= large ? team_size() : 1;
    // Few heads are cut into pieces of queries, each of which packs its keys anew.
    const Index pieces = threads > 1 && heads < 4 * threads ? std::min<Index>(blocks, 4) : 1;
    parallel_for(heads * pieces, threads, [&](Index p) {
      const Index head = p / pieces, piece = p % pieces;
      AttentionForward(sizes, q, k, v, output, log_sums, head)
          .queries(blocks * piece / pieces * rows, (std::min)(sizes.queries, blocks * (piece + 1) / pieces * rows));
    });
  }

 private:
  AttentionForward(const AttentionSizes<T>& sizes, const AttentionRows<const T>& q, const AttentionRows<const T>& k,
                   const AttentionRows<const T>& v, const AttentionRows<T>& output, T* log_sums, Index head)
      : s_(sizes),
        number_(head),
        element_(head / sizes.heads),
        head_(head % sizes.heads),
        q_(q.head(element_, head_)),
        k_(k.head(element_, head_)),
        v_(v.head(element_, head_)),
        output_(output.head(element_, head_)),
        q_step_(q.row_step),
        k_step_(k.row_step),
        v_step_(v.row_step),
        output_step_(output.row_step),
        log_sums_(log_sums) {}

  EIGENGRAD_OUTLINE void queries(Index from, Index to) const {
    if (from >= to) return;
    const Index keys = s_.keys_until(to - 1), values = Tile::padded(s_.value_size), rows = Blocks::queries(s_);
    AttentionScratch<T> scratch(Tile::padded(keys) * s_.size + WholeRows<T>::room(keys, s_.value_size, v_step_) +
                                rows * (Blocks::keys + values) + Blocks::keys);
    T* const packed = scratch.next(Tile::padded(keys) * s_.size);
    Blocks::pack(keys, s_.size, k_, k_step_, packed);
    const WholeRows<T> v(v_, v_step_, keys, s_.value_size,
                         scratch.next(WholeRows<T>::room(keys, s_.value_size, v_step_)));
    T *const scores = scratch.next(rows * Blocks::keys), *const sums = scratch.next(rows * values),
             *const factors = scratch.next(Blocks::keys);
    for (Index query = from; query < to; query += rows)
      block(query, (std::min)(rows, to - query), packed, keys, v, scores, sums, factors);
  }

  void block(Index query, Index rows, const T* packed, Index packed_keys, const WholeRows<T>& v, T* scores, T* sums,
             T* factors) const {
    const Index keys = s_.keys_until(query + rows - 1), values = Tile::padded(s_.value_size);
    T most[extent(Blocks::most_queries)], total[extent(Blocks::most_queries)];
    std::fill_n(most, rows, T(Blocks::none));
    std::fill_n(total, rows, T(0));
    std::fill_n(sums, rows * values, T(0));
    for (Index key = 0; key < keys; key += Blocks::keys) {
      const Index count = (std::min)(Blocks::keys, keys - key);
      Tile::product_of_rows(rows, count, s_.size, q_ + query * q_step_, q_step_, packed + key * s_.size,
                            Blocks::packed_step(key, packed_keys), scores, Blocks::keys);
      weights(query, rows, key, count, scores, most, total, sums, factors);
      Tile::add_product_of_rows(rows, s_.value_size, count, scores, Blocks::keys, 1, v.data + key * v.step, v.step,
                                sums, values);
    }
    finish(query, rows, most, total, sums);
  }
  EIGENGRAD_OUTLINE void weights(Index query, Index rows, Index key, Index count, T* scores, T* most, T* total, T* sums,
                                 T* factors) const {
    const Index values = Tile::padded(s_.value_size);
    for (Index i = 0; i < rows; ++i, scores += Blocks::keys) {
      const T scale = Blocks::finish_row(s_, element_, head_, query + i, key, count, scores);
      Blocks::soften(scores, count, scale, most[i], total[i], sums + i * values, values / width);
      if (s_.dropout > 0) {
        AttentionDropout<T>(s_).factors(number_, query + i, key, count, factors);
        for (Index j = 0; j < count; ++j) scores[j] = scores[j] * factors[j];
      }
    }
  }
  EIGENGRAD_OUTLINE void finish(Index query, Index rows, const T* most, const T* total, const T* sums) const {
    const Index values = Tile::padded(s_.value_size);
    for (Index i = 0; i < rows; ++i, sums += values) {
      const bool nothing = is_equal(total[i], T(0));
      const T part = nothing ? T(0) : T(T(1) / total[i]);
      T* const to = output_ + (query + i) * output_step_;
      for (Index j = 0; j < s_.value_size; ++j) to[j] = sums[j] * part;
      if (log_sums_ == nullptr) continue;
      using math::log;
      log_sums_[number_ * s_.queries + query + i] = nothing ? T(-Blocks::none) : T(most[i] + log(total[i]));
    }
  }

  const AttentionSizes<T>& s_;
  Index number_, element_, head_;
  const T *q_, *k_, *v_;
  T* output_;
  Index q_step_, k_step_, v_step_, output_step_;
  T* log_sums_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
