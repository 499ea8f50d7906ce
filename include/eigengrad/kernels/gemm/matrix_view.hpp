#pragma once

#include "../../config.hpp"

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

/// A matrix whose rows, or columns, or both begin where a table says: element (i, j) is
/// data[rows[i] + columns[j]], with i * row_step and j * column_step in place of a table that is null. It may read the
/// same number in several places, as a convolution does.
template <class T>
struct OffsetView {
  const T* data;
  Index row_step, column_step;
  const Index *rows = nullptr, *columns = nullptr;

  OffsetView(const T* numbers, Index between_rows, Index between_columns, const Index* row_offsets = nullptr,
             const Index* column_offsets = nullptr)
      : data(numbers),
        row_step(between_rows),
        column_step(between_columns),
        rows(row_offsets),
        columns(column_offsets) {}
  OffsetView(const MatrixView<T>& plain) : OffsetView(plain.data, plain.row_step, plain.column_step) {}

  bool has_tables() const { return rows != nullptr || columns != nullptr; }
  Index row(Index i) const { return rows != nullptr ? rows[i] : i * row_step; }
  Index column(Index j) const { return columns != nullptr ? columns[j] : j * column_step; }
  /// What begins at element (i, j).
  OffsetView from(Index i, Index j) const {
    return {data + (rows != nullptr ? 0 : i * row_step) + (columns != nullptr ? 0 : j * column_step), row_step,
            column_step, rows != nullptr ? rows + i : nullptr, columns != nullptr ? columns + j : nullptr};
  }
};

/// Where a product goes, and what is added to it.
template <class T>
struct ProductTarget {
  T* data;
  Index step;                   // between rows
  bool add = false;             // to what is there
  const T* bias = nullptr;      // one number for each column
  const T* row_bias = nullptr;  // one for each row
  bool padded = false;  // with rows next to each other: lanes that begin inside C, or the bias, can be used whole

  /// What begins at element (i, j).
  ProductTarget from(Index i, Index j) const {
    return {data + i * step + j,
            step,
            add,
            bias != nullptr ? bias + j : nullptr,
            row_bias != nullptr ? row_bias + i : nullptr,
            padded};
  }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
