#pragma once

#include <cstddef>

#include "../core/lane.hpp"
#include "../core/loop.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// Where a formula's operand stands in the current row. An operand that is stretched along the row, and the row's
/// last, partial lane, are read from `copies` with a step of nothing, so reading never asks which case it is.
struct Cursor {
  alignas(64) std::byte copies[64];
  const std::byte* at;
  Index step;  // all bits set to advance, none to stay

  /// Begins a row of lanes of T over elements E at `from`.
  template <class T, class E>
  EIGENGRAD_INLINE void start(const E* from, Index row_stride) {
    step = -row_stride;
    at = reinterpret_cast<const std::byte*>(from);
    if (row_stride == 0) repeat<T>(from, 1);
  }
  /// Moves to the row's last `count` elements, from element i on.
  template <class T, class E>
  EIGENGRAD_INLINE void start_tail(Index i, Index count) {
    if (step != 0) repeat<T>(reinterpret_cast<const E*>(at) + i, count);
  }
  template <class T>
  EIGENGRAD_INLINE lane_t<T> load(Index i) const {
    return lane::load(reinterpret_cast<const T*>(at) + (i & step));
  }
  template <class T>
  EIGENGRAD_INLINE mask_t<T> load_mask(Index i) const {
    return lane::load_mask<T>(reinterpret_cast<const bool*>(at) + (i & step), lane_width<T>);
  }

 private:
  template <class T, class E>
  EIGENGRAD_INLINE void repeat(const E* from, Index count) {
    static_assert(sizeof(E) * lane_width<T> <= sizeof copies);
    E* to = reinterpret_cast<E*>(copies);
    for (Index i = 0; i < lane_width<T>; ++i) to[i] = from[i < count ? i : count - 1];
    at = copies;
    step = 0;
  }
};

}  // namespace eigengrad::inline EIGENGRAD_ABI
