#pragma once

#include "shape.hpp"

// Loops over shapes that broadcast.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// How to walk a space of positions over operands that broadcast into it: axes that every operand crosses
/// contiguously are merged, so most loops have one axis. An operand's stride is 0 on the axes it is stretched over;
/// on the innermost axis, the row, it is 0 or 1.
struct Loop {
  static constexpr int max_operands = 24;
  using Offsets = Index[max_operands];

  Index row = 1;   // the row's length
  Index rows = 1;  // how many rows
  int operands = 0;
  Index row_strides[max_operands];

  Loop(const Shape& space, std::initializer_list<const Shape*> shapes)
      : Loop(space, shapes.begin(), static_cast<int>(shapes.size())) {}
  Loop(const Shape& space, const Shape* const* shapes, int count) : operands(count) {
    bool flat = true;
    for (int k = 0; k < count; ++k) {
      const bool same = *shapes[k] == space;
      if (!same && shapes[k]->size() != 1) flat = false;
      row_strides[k] = same && space.size() != 1 ? 1 : 0;
    }
    row = space.size();
    if (flat) [[likely]]
      return;
    plan(space, shapes);
  }

  /// Calls body(offsets) for every row, with each operand's element offset of the row's start.
  template <class Body>
  EIGENGRAD_INLINE void for_each_row(Body&& body) const {
    for_each_row(0, rows, body);
  }
  /// The same for rows `first` to `end`.
  template <class Body>
  EIGENGRAD_INLINE void for_each_row(Index first, Index end, Body&& body) const {
    if (row == 0) return;
    Offsets offsets = {};
    Index position[Shape::max_rank] = {};
    if (first > 0) [[unlikely]]
      go_to(first, position, offsets);
    // The body stands here once, so that it is compiled once.
    for (Index done = first; done < end; ++done) {
      if (done > first) advance(offsets, position);
      body(static_cast<const Index*>(offsets));
    }
  }

  /// How many consecutive rows read operand k from the same start, as it is stretched along the axis before the last.
  Index rows_at_one_place(int k) const {
    return outer_rank_ > 0 && strides_[outer_rank_ - 1][k] == 0 ? sizes_[outer_rank_ - 1] : 1;
  }

 private:
  EIGENGRAD_OUTLINE void advance(Index* offsets, Index* position) const {
    for (Index axis = outer_rank_ - 1;; --axis) {
      for (int k = 0; k < operands; ++k) offsets[k] += strides_[axis][k];
      if (++position[axis] < sizes_[axis]) break;
      for (int k = 0; k < operands; ++k) offsets[k] -= strides_[axis][k] * sizes_[axis];
      position[axis] = 0;
    }
  }
  EIGENGRAD_COLD void go_to(Index at, Index* position, Index* offsets) const {
    for (Index axis = outer_rank_ - 1; axis >= 0; --axis) {
      position[axis] = at % sizes_[axis];
      at /= sizes_[axis];
      for (int k = 0; k < operands; ++k) offsets[k] += strides_[axis][k] * position[axis];
    }
  }
  EIGENGRAD_COLD void plan(const Shape& space, const Shape* const* shapes) {
    // Outermost first; an axis that continues the one before it in every operand is merged into it.
    Index rank = 0;
    Index contiguous[max_operands];
    for (int k = 0; k < operands; ++k) contiguous[k] = shapes[k]->size();
    for (Index axis = 0; axis < space.rank(); ++axis) {
      const Index size = space[axis];
      Index strides[max_operands];
      bool merges = rank > 0;
      for (int k = 0; k < operands; ++k) {
        const Shape& shape = *shapes[k];
        const Index own = axis - (space.rank() - shape.rank());
        const Index own_size = own < 0 ? 1 : shape[own];
        if (own_size > 1) contiguous[k] /= own_size;
        strides[k] = own_size == 1 ? 0 : contiguous[k];
        if (rank > 0 && strides_[rank - 1][k] != strides[k] * size) merges = false;
      }
      if (size == 1) continue;
      if (merges)
        sizes_[rank - 1] *= size;
      else
        sizes_[rank++] = size;
      for (int k = 0; k < operands; ++k) strides_[rank - 1][k] = strides[k];
    }
    outer_rank_ = rank > 0 ? rank - 1 : 0;
    row = rank > 0 ? sizes_[rank - 1] : 1;
    rows = 1;
    for (Index axis = 0; axis < outer_rank_; ++axis) rows *= sizes_[axis];
    for (int k = 0; k < operands; ++k) row_strides[k] = rank > 0 ? strides_[rank - 1][k] : 0;
  }

  Index outer_rank_ = 0;
  Index sizes_[Shape::max_rank];
  Index strides_[Shape::max_rank][max_operands];
};

}}  // namespace eigengrad::EIGENGRAD_ABI
