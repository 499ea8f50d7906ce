#pragma once

#include <algorithm>

#include "../core/dual.hpp"
#include "../simd/lane.hpp"
#include "gemm/matrix_view.hpp"

// Products whose sums stay in registers and go from there to a function instead of to memory: gates and exponentials
// are taken of them at once. A sum over k is added up in the order of k whatever tile a row falls into, so the bits of
// a row do not depend on the rows beside it.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// a < b and a == b of lanes, or of dual numbers' values.
template <class L>
EIGENGRAD_INLINE auto is_below(const L& a, const L& b) {
  if constexpr (is_dual<L>)
    return plain_value(a) < plain_value(b);
  else
    return a < b;
}
template <class L>
EIGENGRAD_INLINE auto is_equal(const L& a, const L& b) {
  if constexpr (is_dual<L>)
    return plain_value(a) == plain_value(b);
  else
    return a == b;
}

template <class T>
struct LaneTile {
  using L = lane_t<T>;
  static constexpr Index width = lane_width<T>;
  static constexpr int most_lanes = EIGENGRAD_LANE_BYTES == 64 ? 4 : 2;
  alignas(64) static inline const T zeros[extent(most_lanes * width)] = {};  // to start from
  /// As many rows as there are registers for, and as can be pointed to.
  template <int lanes>
  static constexpr int most_rows = (std::min)(8, (EIGENGRAD_LANE_BYTES == 64 ? 24 : 8) / lanes);

  /// sums[r][v] += a[r, p] b[p, v] for p in [0, k), k > 0; b's rows are `b_step` apart.
  template <int height, int lanes>
  EIGENGRAD_INLINE static void accumulate(L (&sums)[extent(height)][extent(lanes)], Index k, const T* a, Index a_row,
                                          Index a_column, const T* b, Index b_step) {
    do {
      L row[extent(lanes)];
      EIGENGRAD_UNROLL
      for (int v = 0; v < lanes; ++v) row[v] = lane::load(b + v * width);
      EIGENGRAD_UNROLL
      for (int r = 0; r < height; ++r) {
        const L number = L(a[r * a_row]);
        EIGENGRAD_UNROLL
        for (int v = 0; v < lanes; ++v) sums[r][v] = sums[r][v] + number * row[v];
      }
      a += a_column;
      b += b_step;
    } while (--k > 0);
  }

  /// body(height, i) for tiles of rows that make up [0, m); the height is known to the compiler.
  template <int lanes, class Body>
  EIGENGRAD_INLINE static void for_rows(Index m, const Body& body) {
    constexpr int most = most_rows<lanes>;
    Index i = 0;
    // Of 8 rows two tiles of 4 take less time than one of 6 and one of 2.
    for (; i + most <= m && !(most == 6 && m - i == 8); i += most) body(std::integral_constant<int, most>(), i);
    if constexpr (most > 4)
      for (; i + 4 <= m; i += 4) body(std::integral_constant<int, 4>(), i);
    if constexpr (most > 2 && lanes > 2)
      for (; i + 2 <= m; i += 2) body(std::integral_constant<int, 2>(), i);
    for (; i < m; ++i) body(std::integral_constant<int, 1>(), i);
  }

  /// body(lanes, first) for panels that make up `count` lanes of columns; their width is known to the compiler.
  template <class Body>
  EIGENGRAD_INLINE static void for_panels(Index count, const Body& body) {
    Index first = 0;
    for (; first + most_lanes <= count; first += most_lanes) body(std::integral_constant<int, most_lanes>(), first);
    if constexpr (most_lanes > 2)
      if (first + 2 <= count) {
        body(std::integral_constant<int, 2>(), first);
        first += 2;
      }
    if (first < count) body(std::integral_constant<int, 1>(), first);
  }

  static constexpr Index lanes_of(Index columns) { return (columns + width - 1) / width; }
  static constexpr Index padded(Index columns) { return lanes_of(columns) * width; }

  /// Columns of B in panels, one after another, each row by row, so that they are read in order; what is missing of the
  /// last lane is 0. `to` has k * padded(n) numbers: the panel that begins with lane f begins at f * width * k.
  static void pack(Index k, Index n, const MatrixView<T>& b, T* to) {
    for_panels(lanes_of(n), [&](auto lanes, Index first) {
      constexpr Index step = lanes * width;
      T* const panel = to + first * width * k;
      const Index begin = first * width, columns = (std::min)(step, n - begin);
      if (b.column_step == 1)
        for (Index p = 0; p < k; ++p) {
          const T* const from = b.data + p * b.row_step + begin;
          std::copy_n(from, columns, panel + p * step);
          std::fill(panel + p * step + columns, panel + (p + 1) * step, T(0));
        }
      else
        pack_transposed(k, columns, b.data + begin * b.column_step, b.row_step, b.column_step, panel, step);
    });
  }
  /// to[p * to_step + j] = from[p * row_step + j * column_step] for p < k, j < columns, and 0 for the columns from
  /// there to to_step if `fill`; by squares of lanes where numbers follow each other down the columns.
  EIGENGRAD_OUTLINE static void pack_transposed(Index k, Index columns, const T* from, Index row_step,
                                                Index column_step, T* to, Index to_step, bool fill = true) {
    Index j = 0;
    if (width > 1 && row_step == 1)
      for (; j + width <= columns; j += width) {
        Index p = 0;
        for (; p + width <= k; p += width) {
          L square[extent(width)];
          EIGENGRAD_UNROLL
          for (Index l = 0; l < width; ++l) square[l] = lane::load(from + (j + l) * column_step + p);
          lane::transpose<T>(square);
          EIGENGRAD_UNROLL
          for (Index l = 0; l < width; ++l) lane::store<T>(to + (p + l) * to_step + j, square[l]);
        }
        for (; p < k; ++p)
          for (Index l = j; l < j + width; ++l) to[p * to_step + l] = from[p + l * column_step];
      }
    for (Index p = 0; p < k; ++p) {
      for (Index l = j; l < columns; ++l) to[p * to_step + l] = from[p * row_step + l * column_step];
      if (fill)
        for (Index l = columns; l < to_step; ++l) to[p * to_step + l] = T(0);
    }
  }

  /// C[m, padded(n)] += A[m, k] . B, which is packed; a piece of B at a time, which then stays in the nearest cache.
  EIGENGRAD_OUTLINE static void add_product(Index m, Index n, Index k, const T* a, Index a_row, const T* packed, T* c,
                                            Index c_row) {
    constexpr Index depth = 128;
    for (Index p = 0; p < k; p += depth)
      for_panels(lanes_of(n), [&](auto lanes, Index first) {
        constexpr Index step = lanes * width;
        T* const to = c + first * width;
        panel<lanes>(m, (std::min)(depth, k - p), a + p, a_row, 1, packed + first * width * k + p * step, step, to,
                     c_row, to, c_row);
      });
  }
  /// C[m, padded(n)] = A[m, k] . B, whose rows are `b_row` apart and can be read in whole lanes.
  EIGENGRAD_OUTLINE static void product_of_rows(Index m, Index n, Index k, const T* a, Index a_row, const T* b,
                                                Index b_row, T* c, Index c_row) {
    for_panels(lanes_of(n), [&](auto lanes, Index first) {
      panel<lanes>(m, k, a, a_row, 1, b + first * width, b_row, zeros, 0, c + first * width, c_row);
    });
  }
  /// C += A . B of such.
  EIGENGRAD_OUTLINE static void add_product_of_rows(Index m, Index n, Index k, const T* a, Index a_row, Index a_column,
                                                    const T* b, Index b_row, T* c, Index c_row) {
    for_panels(lanes_of(n), [&](auto lanes, Index first) {
      T* const to = c + first * width;
      panel<lanes>(m, k, a, a_row, a_column, b + first * width, b_row, to, c_row, to, c_row);
    });
  }
  /// A panel of a product: C = start + A . B, all of `lanes`; start may be C, or one row for all with `start_row` 0.
  template <int lanes>
  EIGENGRAD_OUTLINE static void panel(Index m, Index k, const T* a, Index a_row, Index a_column, const T* b,
                                      Index b_step, const T* start, Index start_row, T* c, Index c_row) {
    if (k == 0) {
      for (Index i = 0; i < m; ++i)
        for (Index v = 0; v < lanes; ++v)
          lane::store<T>(c + i * c_row + v * width, lane::load(start + i * start_row + v * width));
      return;
    }
    for_rows<lanes>(m, [&](auto height, Index i) EIGENGRAD_INLINE_LAMBDA {
      constexpr int rows = height;
      L sums[extent(rows)][extent(lanes)];
      EIGENGRAD_UNROLL
      for (int r = 0; r < rows; ++r) {
        EIGENGRAD_UNROLL
        for (int v = 0; v < lanes; ++v) sums[r][v] = lane::load(start + (i + r) * start_row + v * width);
      }
      accumulate<rows, lanes>(sums, k, a + i * a_row, a_row, a_column, b, b_step);
      EIGENGRAD_UNROLL
      for (int r = 0; r < rows; ++r) {
        EIGENGRAD_UNROLL
        for (int v = 0; v < lanes; ++v) lane::store<T>(c + (i + r) * c_row + v * width, sums[r][v]);
      }
    });
  }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
