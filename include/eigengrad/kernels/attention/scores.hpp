#pragma once

#include <cstring>
#include <limits>

#include "../../core/buffer.hpp"
#include "../../core/dual.hpp"
#include "../../core/size.hpp"
#include "../../simd/math.hpp"
#include "../lane_tile.hpp"
#include "sizes.hpp"

// Blocks of scores: rows of queries against columns of keys, masked, and their exponentials.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
struct AttentionBlocks {
  using L = lane_t<T>;
  using Tile = LaneTile<T>;
  static constexpr Index width = lane_width<T>;
  /// A block's columns on the way forward, where the sums over rows cost; and on the way back, which needs two blocks.
  static constexpr Index keys = 128, keys_back = 64;
  /// Rows of a block: where later keys are left out small blocks leave out more.
  static Index queries(const AttentionSizes<T>& s) { return s.causal ? 32 : 64; }
  static constexpr Index most_queries = 64;
  static constexpr plain_t<T> none = -std::numeric_limits<plain_t<T>>::infinity();
  /// Smaller exponentials are taken for 0: they add nothing, and denormal numbers are slow.
  static constexpr plain_t<T> least = std::is_same_v<plain_t<T>, float> ? plain_t<T>(-87) : plain_t<T>(-708);

  /// Rows of numbers as columns, a block of keys after another; the one that begins with `key` at key * size.
  static void pack(Index count, Index size, const T* from, Index from_step, T* to) {
    for (Index key = 0; key < count; key += keys)
      Tile::pack_transposed(size, (std::min)(keys, count - key), from + key * from_step, 1, from_step, to + key * size,
                            packed_step(key, count));
  }
  static Index packed_step(Index key, Index count) { return (std::min)(keys, Tile::padded(count - key)); }

  /// exp(x), 0 where it is hardly anything; NaN stays.
  EIGENGRAD_INLINE static L exponential(const L& x) {
    using math::exp;
    const auto is_small = is_below(x, L(least));
    return math::select(is_small, L(0), exp(math::select(is_small, L(least), x)));
  }
  EIGENGRAD_INLINE static L larger(const L& a, const L& b) { return math::select(is_below(b, a), a, b); }
  /// The largest of a vector's numbers, halves first.
  template <Index count, class Vector>
  EIGENGRAD_INLINE static T largest_of(const Vector& from) {
    if constexpr (count == 1) {
      return from;
    } else if constexpr (count == 2) {
      return from[0] > from[1] ? from[0] : from[1];
    } else {
      using Half [[gnu::vector_size(count / 2 * sizeof(T))]] = T;
      Half halves[2];
      std::memcpy(halves, &from, sizeof halves);
      return largest_of<count / 2>(Half(halves[0] > halves[1] ? halves[0] : halves[1]));
    }
  }
  EIGENGRAD_INLINE static T largest(const L& from) {
    if constexpr (width == 1)
      return from;
    else
      return largest_of<width>(from.values);
  }

  /// Whether scores are only scaled products, and in their order.
  static bool plain(const AttentionSizes<T>& s) {
    return s.mask.data == nullptr && s.bias.data == nullptr && is_below(T(0), s.scale);
  }

  /// A row of products as scores, `count` of them from `key` on; the rest of the last lane and what is masked, -inf.
  /// Returns by what they are still to be multiplied.
  EIGENGRAD_INLINE static T finish_row(const AttentionSizes<T>& s, Index element, Index head, Index query, Index key,
                                       Index count, T* row) {
    T scale = s.scale;
    if (!plain(s)) {
      masked_row(s, element, head, query, key, count, row);
      scale = T(1);
    }
    const Index seen = s.causal ? std::clamp<Index>(query + 1 - key, 0, count) : count;
    for (Index j = seen; j < Tile::padded(count); ++j) row[j] = T(none);
    return scale;
  }
  EIGENGRAD_OUTLINE static void masked_row(const AttentionSizes<T>& s, Index element, Index head, Index query,
                                           Index key, Index count, T* row) {
    for (Index j = 0; j < count; ++j) row[j] = row[j] * s.scale;
    if (s.bias.data != nullptr) {
      const T* const bias = s.bias.row(element, head, query) + key * s.bias.column_step;
      if (s.bias.column_step == 1)
        for (Index j = 0; j < count; ++j) row[j] = row[j] + bias[j];
      else
        for (Index j = 0; j < count; ++j) row[j] = row[j] + bias[j * s.bias.column_step];
    }
    if (s.mask.data != nullptr) {
      const bool* const mask = s.mask.row(element, head, query) + key * s.mask.column_step;
      for (Index j = 0; j < count; ++j) row[j] = mask[j * s.mask.column_step] ? row[j] : T(none);
    }
  }

  /// One more block of a row's softmax: the scores become exponentials, and what was summed up with a smaller largest
  /// score, the sum and the row of `values` lanes, is made to fit.
  EIGENGRAD_INLINE static void soften(T* row, Index count, T scale, T& most, T& sum, T* values, Index value_lanes) {
    const L by(scale);
    L top = L(T(none));
    for (Index j = 0; j < count; j += width) top = larger(lane::load(row + j) * by, top);
    const T before = most, now = largest(top), nothing(none);
    if (is_below(most, now)) most = now;
    const L shift(is_equal(most, nothing) ? T(0) : most);
    L sums(0);
    for (Index j = 0; j < count; j += width) {
      const L e = exponential(lane::load(row + j) * by - shift);
      lane::store<T>(row + j, e);
      sums = sums + e;
    }
    if (is_below(before, most) && !is_equal(before, nothing)) {
      using math::exp;
      const T factor = exp(before - most);
      sum = sum * factor;
      for (Index v = 0; v < value_lanes; ++v)
        lane::store<T>(values + v * width, lane::load(values + v * width) * L(factor));
    }
    sum = sum + lane::sum<T>(sums);
  }
};

/// Numbers of the thread's own while a piece of work lasts.
template <class T>
class AttentionScratch {
 public:
  explicit AttentionScratch(Index count)
      : block_(bytes_of_numbers(count, sizeof(T))), at_(static_cast<T*>(block_.data())) {}
  T* next(Index count) {
    T* const result = at_;
    at_ += count;
    return result;
  }

 private:
  Block block_;
  T* at_;
};

/// Rows that can be read again and again in whole lanes: as they are, or copied to `room` where lanes end behind a row,
/// or where many rows lie so far apart that they take each other's places in a cache.
template <class T>
struct WholeRows {
  const T* data;
  Index step;

  static bool as_they_are(Index rows, Index columns, Index step) {
    return columns % lane_width<T> == 0 && (step < 2 * columns || rows <= 256);
  }
  static Index room(Index rows, Index columns, Index step) {
    return as_they_are(rows, columns, step) ? 0 : rows * LaneTile<T>::padded(columns);
  }
  WholeRows(const T* from, Index from_step, Index rows, Index columns, T* to) : data(from), step(from_step) {
    if (as_they_are(rows, columns, step)) return;
    data = to;
    step = LaneTile<T>::padded(columns);
    for (Index i = 0; i < rows; ++i, to += step, from += from_step) {
      std::copy_n(from, columns, to);
      std::fill(to + columns, to + step, T(0));
    }
  }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
