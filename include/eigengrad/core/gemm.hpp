#pragma once

#include "buffer.hpp"
#include "lane.hpp"

// The matrix product C (=|+=) A . B over lanes. B is taken in panels of two lanes' columns, packed one after another so
// that they are read in order; a tile of rows of A against a panel keeps its sums in registers. Packing is skipped
// where it would cost more than it saves. Measured against Eigen's kernel in docs/performance.md.
namespace eigengrad::inline EIGENGRAD_ABI {

/// A row-major matrix, or the transpose of one, to read from: element (i, j) is data[i * row_step + j * column_step].
template <class T>
struct MatrixView {
  const T* data;
  Index row_step, column_step;

  EIGENGRAD_INLINE T operator()(Index i, Index j) const { return data[i * row_step + j * column_step]; }
};

template <class T>
class Gemm {
 public:
  /// C[m, n] = A[m, k] . B[k, n] (+ C if `add`, + bias[n] in every row if not null). C is contiguous.
  static void run(Index m, Index n, Index k, MatrixView<T> a, MatrixView<T> b, T* c, bool add,
                  const T* bias = nullptr) {
    if (m == 0 || n == 0) return;
    if (k == 0) return nothing(m, n, c, add, bias);
    if (n == 1 && m * k <= 128) return column(m, k, a, b, c, add, bias);
    if (m < 4 && b.row_step == 1 && a.column_step == 1 && k >= width) return dots(m, n, k, a, b, c, add, bias);
    const Index panel = 2 * width;
    // Rows of B that are already lanes next to each other can be read in place while they stay in the cache.
    const bool in_place = b.column_step == 1 && n % width == 0 && (k * n <= 8192 || m <= rows);
    Block packed_b, packed_a;
    T* b_panel = nullptr;
    alignas(64) T small[256];  // for products too small to be worth a buffer
    if (!in_place) b_panel = k * panel <= 256 ? small : scratch(packed_b, k * panel);
    if (a.column_step != 1 && n > panel && k > 1) a = pack_rows(m, k, a, packed_a);
    for (Index j = 0; j < n; j += panel) {
      const Index columns = std::min(panel, n - j), lanes = (columns + width - 1) / width;
      MatrixView<T> right{b.data + j, b.row_step, 1};
      if (!in_place) {
        pack_panel(k, columns, lanes * width, {b.data + j * b.column_step, b.row_step, b.column_step}, b_panel);
        right = {b_panel, lanes * width, 1};
      }
      const T* bias_here = bias != nullptr ? bias + j : nullptr;
      if (lanes == 2)
        panel_product<2>(m, n, k, a, right, c + j, columns, add, bias_here);
      else
        panel_product<1>(m, n, k, a, right, c + j, columns, add, bias_here);
    }
  }

 private:
  using L = lane_t<T>;
  static constexpr Index width = lane_width<T>;
  static constexpr int rows = EIGENGRAD_LANE_BYTES == 64 ? 8 : 4;  // as many sums as there are registers for

  /// A sum over nothing: C as it is or 0, plus the bias. Operands without numbers have no address to count from.
  static void nothing(Index m, Index n, T* c, bool add, const T* bias) {
    for (Index i = 0; i < m; ++i)
      for (Index j = 0; j < n; ++j, ++c) *c = (add ? *c : T(0)) + (bias != nullptr ? bias[j] : T(0));
  }

  static T* scratch(Block& block, Index size) {
    block = Block(static_cast<std::size_t>(size) * sizeof(T));
    return static_cast<T*>(block.data());
  }

  /// to[p][0 .. padded) = the panel's row p, then zeros.
  static void pack_panel(Index k, Index columns, Index padded, MatrixView<T> b, T* to) {
    if (b.column_step == 1) {
      const Index full = columns - columns % width;
      for (Index p = 0; p < k; ++p, to += padded) {
        const T* from = b.data + p * b.row_step;
        for (Index j = 0; j < full; j += width) lane::store<T>(to + j, lane::load(from + j));
        if (full == columns) continue;
        lane::store<T>(to + full, L(0));
        for (Index j = full; j < columns; ++j) {
          to[j] = from[j];
          EIGENGRAD_NO_VECTORS;  // of a loop of few
        }
      }
      return;
    }
    if (columns < padded)
      for (Index p = 0; p < k; ++p) lane::store<T>(to + p * padded + padded - width, L(0));
    // A transposed operand: eight of its rows at a time, so that reads and writes both stay in few cache lines.
    Index j = 0;
    for (; j + 8 <= columns; j += 8) {
      const T* from = b.data + j * b.column_step;
      T* row = to + j;
      for (Index p = 0; p < k; ++p, ++from, row += padded)
        for (Index l = 0; l < 8; ++l) row[l] = from[l * b.column_step];
    }
    for (; j < columns; ++j)
      for (Index p = 0; p < k; ++p) to[p * padded + j] = b(p, j);
  }

  /// A transposed copied to rows, by blocks of eight.
  static MatrixView<T> pack_rows(Index m, Index k, MatrixView<T> a, Block& block) {
    T* to = scratch(block, m * k);
    for (Index i = 0; i < m; i += 8) {
      const Index count = std::min<Index>(8, m - i);
      for (Index p = 0; p < k; ++p)
        for (Index l = 0; l < count; ++l) to[(i + l) * k + p] = a(i + l, p);
    }
    return {to, k, 1};
  }

  /// A small matrix times a column.
  static void column(Index m, Index k, MatrixView<T> a, MatrixView<T> b, T* c, bool add, const T* bias) {
    for (Index i = 0; i < m; ++i, a.data += a.row_step) {
      T sum = bias != nullptr ? *bias : T(0);
      const T *left = a.data, *right = b.data;
      for (Index p = 0; p < k; ++p, left += a.column_step, right += b.row_step) {
        sum = sum + *left * *right;
        EIGENGRAD_NO_VECTORS;
      }
      c[i] = add ? T(c[i] + sum) : sum;
    }
  }

  template <int lanes>
  static void panel_product(Index m, Index n, Index k, MatrixView<T> a, MatrixView<T> b, T* c, Index columns, bool add,
                            const T* bias) {
    Index i = 0;
    for (; i + rows <= m; i += rows) tile<rows, lanes>(k, a, i, b, c + i * n, n, columns, add, bias);
    if (rows > 4 && i + 4 <= m) {
      tile<4, lanes>(k, a, i, b, c + i * n, n, columns, add, bias);
      i += 4;
    }
    if (i + 2 <= m) {
      tile<2, lanes>(k, a, i, b, c + i * n, n, columns, add, bias);
      i += 2;
    }
    if (i < m) tile<1, lanes>(k, a, i, b, c + i * n, n, columns, add, bias);
  }

  template <int height, int lanes>
  static void tile(Index k, MatrixView<T> a, Index i, MatrixView<T> b, T* c, Index n, Index columns, bool add,
                   const T* bias) {
    const bool whole = columns == lanes * width;
    L sums[height][lanes];
    L start[lanes];
    for_indices<lanes>([&](auto v) EIGENGRAD_INLINE_LAMBDA {
      start[v] = L(0);
      if (bias != nullptr)
        start[v] = whole ? lane::load(bias + v * width) : lane::load(bias + v * width, columns - v * width);
    });
    for_indices<height>([&](auto r) EIGENGRAD_INLINE_LAMBDA {
      for_indices<lanes>([&](auto v) EIGENGRAD_INLINE_LAMBDA { sums[r][v] = start[v]; });
    });
    const T* left = a.data + i * a.row_step;
    const T* right = b.data;
    for (Index p = 0; p < k; ++p, left += a.column_step, right += b.row_step) {
      L row[lanes];
      for_indices<lanes>([&](auto v) EIGENGRAD_INLINE_LAMBDA { row[v] = lane::load(right + v * width); });
      for_indices<height>([&](auto r) EIGENGRAD_INLINE_LAMBDA {
        const L number = L(left[r * a.row_step]);
        for_indices<lanes>([&](auto v) EIGENGRAD_INLINE_LAMBDA { sums[r][v] = sums[r][v] + number * row[v]; });
      });
    }
    for_indices<height>([&](auto r) EIGENGRAD_INLINE_LAMBDA {
      for_indices<lanes>([&](auto v) EIGENGRAD_INLINE_LAMBDA {
        T* to = c + r * n + v * width;
        if (whole || v + 1 < lanes) {
          if (add) sums[r][v] = sums[r][v] + lane::load(to);
          lane::store<T>(to, sums[r][v]);
        } else {
          const Index left_over = columns - v * width;
          if (add) sums[r][v] = sums[r][v] + lane::load(to, left_over);
          lane::store<T>(to, sums[r][v], left_over);
        }
      });
    });
  }

  /// Few rows against a transposed B: every element is a product of two rows, and B is read once.
  static void dots(Index m, Index n, Index k, MatrixView<T> a, MatrixView<T> b, T* c, bool add, const T* bias) {
    for (Index i = 0; i < m; ++i)
      for (Index j = 0; j < n; ++j) {
        const T *left = a.data + i * a.row_step, *right = b.data + j * b.column_step;
        L sums[4] = {L(0), L(0), L(0), L(0)};
        Index p = 0;
        for (; p + 4 * width <= k; p += 4 * width)
          for_indices<4>([&](auto v) EIGENGRAD_INLINE_LAMBDA {
            sums[v] = sums[v] + lane::load(left + p + v * width) * lane::load(right + p + v * width);
          });
        for (; p + width <= k; p += width) sums[0] = sums[0] + lane::load(left + p) * lane::load(right + p);
        T sum = lane::sum<T>((sums[0] + sums[1]) + (sums[2] + sums[3]));
        for (; p < k; ++p) sum = sum + left[p] * right[p];
        if (bias != nullptr) sum = sum + bias[j];
        c[i * n + j] = add ? T(c[i * n + j] + sum) : sum;
      }
  }
};

}  // namespace eigengrad::inline EIGENGRAD_ABI
