#pragma once

#include "../config.hpp"

// A matrix where it lies: numbers, sizes, steps.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A row-major matrix, or the transpose of one, to read from: element (i, j) is data[i * row_step + j * column_step].
template <class T>
struct MatrixView {
  const T* data;
  Index row_step, column_step;
  bool padded = false;  // every lane that begins inside can be read whole

  EIGENGRAD_INLINE MatrixView(const T* numbers, Index between_rows, Index between_columns, bool is_padded = false)
      : data(numbers), row_step(between_rows), column_step(between_columns), padded(is_padded) {}
  EIGENGRAD_INLINE MatrixView(const MatrixView& other) : data(other.data), row_step(other.row_step) {  // as a Shape
    EIGENGRAD_NO_VECTORS;
    column_step = other.column_step;
    EIGENGRAD_NO_VECTORS;
    padded = other.padded;
  }
  EIGENGRAD_INLINE MatrixView& operator=(const MatrixView& other) = default;

  EIGENGRAD_INLINE T operator()(Index i, Index j) const { return data[i * row_step + j * column_step]; }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
