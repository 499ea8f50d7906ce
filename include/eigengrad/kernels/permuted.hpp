#pragma once

#include "../core/shape.hpp"

// Numbers copied with their axes in another order.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// to[c * to_stride + r] = from[r * from_stride + c], in blocks that stay in the first cache.
template <class T>
void transpose_block(const T* from, Index from_stride, T* to, Index to_stride, Index rows, Index columns) {
  constexpr Index block = 16;
  for (Index r = 0; r < rows; r += block)
    for (Index c = 0; c < columns; c += block)
      for (Index j = c, last = (std::min)(c + block, columns); j < last; ++j)
        for (Index i = r, end = (std::min)(r + block, rows); i < end; ++i)
          to[j * to_stride + i] = from[i * from_stride + j];
}

/// A copy whose axes stand in another order. Axes that stay neighbours are merged; what is left is copied row by row
/// where the last axis stays last, and transposed in blocks where it does not.
template <class T>
class PermutedCopy {
 public:
  PermutedCopy(const Shape& from, const Index* order) {
    Index steps_in[Shape::max_rank];
    for (Index axis = from.rank() - 1, step = 1; axis >= 0; step *= from[axis--]) steps_in[axis] = step;
    for (Index k = 0; k < from.rank(); ++k) {
      const Index size = from[order[k]], step = steps_in[order[k]];
      if (size == 1) continue;
      if (rank_ > 0 && from_[rank_ - 1] == step * size) {
        sizes_[rank_ - 1] *= size;
        from_[rank_ - 1] = step;
      } else {
        sizes_[rank_] = size;
        from_[rank_++] = step;
      }
    }
    for (Index axis = rank_ - 1, step = 1; axis >= 0; step *= sizes_[axis--]) to_[axis] = step;
    row_ = rank_ - 1;
    while (row_ > 0 && from_[row_] != 1) --row_;
  }
  void copy(const T* from, T* to, Index axis = 0) const {
    const Index last = rank_ - 1;
    if (axis == row_ && axis != last) return copy(from, to, axis + 1);
    if (axis < last) {
      for (Index i = 0; i < sizes_[axis]; ++i) copy(from + i * from_[axis], to + i * to_[axis], axis + 1);
    } else if (rank_ == 0) {
      *to = *from;
    } else if (row_ == last) {
      std::copy_n(from, sizes_[last], to);
    } else {
      transpose_block(from, from_[last], to, to_[row_], sizes_[last], sizes_[row_]);
    }
  }

 private:
  Index rank_ = 0;
  Index row_ = 0;  // the axis along which the source is contiguous
  Index sizes_[Shape::max_rank], from_[Shape::max_rank], to_[Shape::max_rank];
};

}}  // namespace eigengrad::EIGENGRAD_ABI
