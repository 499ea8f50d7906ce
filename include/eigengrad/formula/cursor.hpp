#pragma once

#include <cstddef>

#include "../core/loop.hpp"
#include "../core/tensor.hpp"
#include "../simd/lane.hpp"

// Where in each operand a row of a formula is.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A tensor in a loop, whatever it holds.
struct RowOperand {
  const std::byte* data;
  const Shape* shape;
  Index bytes;  // of one element
  bool padded;  // can be read to the end of its last lane
};

/// Where an operand stands in the current row. An operand that is stretched along the row, and the row's last, partial
/// lane, are read from `copies` with a step of nothing, so reading never asks which case it is.
struct Cursor {
  alignas(64) std::byte copies[64];
  const std::byte* at;
  Index step;  // all bits set to advance, none to stay

  /// Begins at the first of a tensor's numbers, read one after another if it has the space's shape and is padded, or at
  /// its only one. False for any other tensor: it needs a walk over rows.
  template <class T, class E>
  EIGENGRAD_INLINE bool start_flat(const Tensor<E>& tensor, const Shape& space) {
    at = reinterpret_cast<const std::byte*>(tensor.numbers());
    step = -1;
    if (tensor.shape() == space && tensor.padded()) [[likely]]
      return true;
    if (tensor.size() != 1) return false;
    repeat<T>(sizeof(E), 1);
    return true;
  }
  /// Begins a row of lanes of T at element `first`.
  template <class T>
  EIGENGRAD_INLINE void start(const RowOperand& operand, Index first, Index row_stride) {
    step = -row_stride;
    at = operand.data + first * operand.bytes;
    if (row_stride == 0) repeat<T>(operand.bytes, 1);
  }
  /// Moves to the row's last `count` elements, from element i on.
  template <class T>
  EIGENGRAD_INLINE void start_tail(const RowOperand& operand, Index i, Index count) {
    if (step == 0) return;
    at += i * operand.bytes;
    repeat<T>(operand.bytes, count);
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
  template <class T>
  EIGENGRAD_INLINE void repeat(Index bytes, Index count) {
    static_assert(sizeof(T) * lane_width<T> <= sizeof copies);
    if (bytes != sizeof(T))
      repeat_elements(reinterpret_cast<const bool*>(at), lane_width<T>, count);
    else if (count == 1)
      lane::store<T>(reinterpret_cast<T*>(copies), lane_t<T>(*reinterpret_cast<const T*>(at)));
    else
      repeat_elements(reinterpret_cast<const T*>(at), lane_width<T>, count);
    at = copies;
    step = 0;
  }
  template <class E>
  void repeat_elements(const E* from, Index width, Index count) {
    E* to = reinterpret_cast<E*>(copies);
    for (Index i = 0; i < width; ++i) to[i] = from[i < count ? i : count - 1];
  }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
