#pragma once

#include <cstring>

#include "../../core/buffer.hpp"
#include "../../simd/lane.hpp"
#include "matrix_view.hpp"
#include "tile.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// How operands of products are copied to lie as tiles read them.
template <class T>
class GemmPack {
  using L = lane_t<T>;
  using Sizes = GemmSizes<T>;
  static constexpr Index width = Sizes::width, rows = Sizes::rows;

 public:
  EIGENGRAD_OUTLINE static T* scratch(Block& block, Index size) {
    block = Block(bytes_of_numbers(size, sizeof(T)));
    return static_cast<T*>(block.data());
  }

  /// to[p][0 .. padded) = the panel's row p, then zeros.
  EIGENGRAD_OUTLINE static void panel(Index k, Index columns, Index padded, const OffsetView<T>& b, T* to) {
    const bool by_rows = b.columns == nullptr && b.column_step == 1,
               by_columns = b.rows == nullptr && b.row_step == 1 && b.columns == nullptr;
    if (by_rows) return panel_of_rows(k, columns, padded, b, to);
    // The lanes' rest is computed with, though never looked at.
    if (columns < padded)
      for (Index p = 0; p < k; ++p) lane::store<T>(to + p * padded + padded - width, L(0));
    if (by_columns) return transpose(columns, k, b.data, b.column_step, to, padded);
    for (Index p = 0; p < k; ++p, to += padded) {
      const T* const from = b.data + b.row(p);
      for (Index j = 0; j < columns; ++j) to[j] = from[b.column(j)];
    }
  }

  /// All panels of B one after another, in each [k][panel]; the last one's missing columns are zeros, or another lane.
  EIGENGRAD_OUTLINE static void panels(Index k, Index n, const OffsetView<T>& b, T* to) {
    constexpr Index step = Sizes::panel, group = 4;
    const Index whole = n - n % step;
    if (b.columns == nullptr && b.column_step == 1) {
      // Some rows at a time from end to end, which is how memory is fast.
      Index p = 0;
      for (; p + group <= k; p += group) {
        const T* from[group];
        for (Index q = 0; q < group; ++q) from[q] = b.data + b.row(p + q);
        T* row = to + p * step;
        for (Index j = 0; j < whole; j += step, row += step * k)
          for_indices<group>([&](auto q) EIGENGRAD_INLINE_LAMBDA {
            lane::store<T>(row + q * step, lane::load(from[q] + j));
            lane::store<T>(row + q * step + width, lane::load(from[q] + j + width));
          });
      }
      for (; p < k; ++p) {
        const T* const from = b.data + b.row(p);
        T* row = to + p * step;
        for (Index j = 0; j < whole; j += step, row += step * k) {
          lane::store<T>(row, lane::load(from + j));
          lane::store<T>(row + width, lane::load(from + j + width));
        }
      }
    } else {
      for (Index j = 0; j < whole; j += step) panel(k, step, step, b.from(0, j), to + j * k);
    }
    if (const Index rest = n - whole; rest > 0) panel(k, rest, step, b.from(0, whole), to + whole * k);
  }

  /// Tiles of A one after another, in each [k][rows]; the last one's missing rows are not written.
  EIGENGRAD_OUTLINE static void tiles(Index m, Index k, const OffsetView<T>& a, T* to) {
    const Index whole = m - m % rows;
    if (a.rows == nullptr && a.row_step == 1) {
      tiles_of_columns(whole, k, a, to);
    } else if (a.columns == nullptr && a.column_step == 1) {
      tiles_of_rows(whole, k, a, to);
    } else {
      some_rows(0, whole, k, a, to);
    }
    some_rows(whole, m, k, a, to);
  }

  /// to[j][i] = from[i][j], by squares of lanes.
  EIGENGRAD_OUTLINE static void transpose(Index from_rows, Index from_columns, const T* from, Index from_step, T* to,
                                          Index to_step) {
    const Index squares = from_columns - from_columns % width;
    Index i = 0;
    for (; width > 1 && i + width <= from_rows; i += width) {
      for (Index j = 0; j < squares; j += width) {
        L lanes[extent(width)];
        EIGENGRAD_UNROLL
        for (Index l = 0; l < width; ++l) lanes[l] = lane::load(from + (i + l) * from_step + j);
        lane::transpose<T>(lanes);
        EIGENGRAD_UNROLL
        for (Index l = 0; l < width; ++l) lane::store<T>(to + (j + l) * to_step + i, lanes[l]);
      }
      for (Index j = squares; j < from_columns; ++j)
        for (Index l = i; l < i + width; ++l) to[j * to_step + l] = from[l * from_step + j];
    }
    for (; i < from_rows; ++i)
      for (Index j = 0; j < from_columns; ++j) to[j * to_step + i] = from[i * from_step + j];
  }

 private:
  static void panel_of_rows(Index k, Index columns, Index padded, const OffsetView<T>& b, T* to) {
    const Index full = columns - columns % width;
    for (Index p = 0; p < k; ++p, to += padded) {
      const T* from = b.data + b.row(p);
      for (Index j = 0; j < full; j += width) lane::store<T>(to + j, lane::load(from + j));
      if (full == columns) continue;
      lane::store<T>(to + full, L(0));
      for (Index j = full; j < columns; ++j) {
        to[j] = from[j];
        EIGENGRAD_NO_VECTORS;  // of a loop of few
      }
    }
  }
  /// A column of A after another, which are numbers next to each other.
  static void tiles_of_columns(Index m, Index k, const OffsetView<T>& a, T* to) {
    constexpr Index group = 4;  // columns at a time fill whole cache lines
    Index p = 0;
    for (; p + group <= k; p += group) {
      const T* from[group];
      for (Index q = 0; q < group; ++q) from[q] = a.data + a.column(p + q);
      T* tile = to + p * rows;
      for (Index i = 0; i < m; i += rows, tile += rows * k)
        for_indices<group>(
            [&](auto q) EIGENGRAD_INLINE_LAMBDA { std::memcpy(tile + q * rows, from[q] + i, rows * sizeof(T)); });
    }
    for (; p < k; ++p) {
      const T* const from = a.data + a.column(p);
      T* tile = to + p * rows;
      for (Index i = 0; i < m; i += rows, tile += rows * k) std::memcpy(tile, from + i, rows * sizeof(T));
    }
  }
  /// Rows of numbers next to each other, by squares of lanes, a square being one tile's or several.
  static void tiles_of_rows(Index m, Index k, const OffsetView<T>& a, T* to) {
    constexpr Index square = width > 1 && width % rows == 0 ? width : 0;
    Index i = 0;
    if constexpr (square > 0)
      for (; i + square <= m; i += square) {
        const T* from[extent(square)];
        for (Index l = 0; l < square; ++l) from[l] = a.data + a.row(i + l);
        T* tile = to + i * k;
        Index p = 0;
        for (; p + square <= k; p += square, tile += square * rows) {
          L lanes[extent(square)];
          EIGENGRAD_UNROLL
          for (Index l = 0; l < square; ++l) lanes[l] = lane::load(from[l] + p);
          lane::transpose<T>(lanes);
          EIGENGRAD_UNROLL
          for (Index l = 0; l < square; ++l) {
            T column[extent(square)];
            lane::store<T>(column, lanes[l]);
            for (Index t = 0; t < square; t += rows) std::memcpy(tile + t * k + l * rows, column + t, rows * sizeof(T));
          }
        }
        if (p < k) some_rows(i, i + square, k, a, to, p);
      }
    some_rows(i, m, k, a, to);
  }
  /// Rows `begin`, where a tile begins, to `end`, number by number.
  EIGENGRAD_OUTLINE static void some_rows(Index begin, Index end, Index k, const OffsetView<T>& a, T* to,
                                          Index first = 0) {
    for (Index i = begin; i < end; ++i) {
      const T* const from = a.data + a.row(i);
      T* const row = to + i / rows * rows * k + i % rows;
      for (Index p = first; p < k; ++p) row[p * rows] = from[a.column(p)];
    }
  }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
