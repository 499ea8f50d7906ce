#pragma once

#include "../core/buffer.hpp"
#include "../core/threads.hpp"
#include "../simd/lane.hpp"
#include "library_product.hpp"
#include "matrix_view.hpp"

// The matrix product C (=|+=) A . B over lanes. B is taken in panels of two lanes' columns, packed one after another so
// that they are read in order; a tile of rows of A against a panel keeps its sums in registers. Packing is skipped
// where it would cost more than it saves. Measured against Eigen's kernel in docs/performance.md.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
class Gemm {
 public:
  /// C[m, n] = A[m, k] . B[k, n] (+ C if `add`, + bias[n] in every row if not null). C is contiguous; with `room`,
  /// lanes that begin inside it, or inside the bias, can be written and read whole. Large ones go to the library that
  /// the program was built to use, if any.
  EIGENGRAD_INLINE static void run(Index m, Index n, Index k, const MatrixView<T>& a, const MatrixView<T>& b, T* c,
                                   bool add, const T* bias = nullptr, bool room = false) {
    if constexpr (has_library_product<T>)
      if (worth_library(m, n, k) && by_library(m, n, k, a, b, c, add, bias)) return;
    compute(m, n, k, a, b, c, add, bias, room);
  }
  /// The same by our own kernel.
  static void compute(Index m, Index n, Index k, const MatrixView<T>& a, const MatrixView<T>& b, T* c, bool add,
                      const T* bias, bool room) {
    if (m == 0 || n == 0) return;
    if (k == 0) return nothing(m, n, c, add, bias);
    if (n == 1 && m * k <= 128) return column(m, k, a, b, c, add, bias);
    if (n <= width && k * width <= stack_room && room && !add) return narrow(m, n, k, a, b, c, bias);
    const bool by_rows = m < 4 && b.row_step == 1 && a.column_step == 1 && k >= width;
    if constexpr (has_threads)
      if (m * n * k >= (by_rows ? large / 8 : large)) [[unlikely]]
        if (const int threads = team_size(); threads > 1)
          return by_rows ? dots_by(threads, m, n, k, a, b, c, add, bias)
                         : panels_by(threads, m, n, k, a, b, c, add, bias, room);
    if (by_rows) return dots(m, 0, n, n, k, a, b, c, add, bias);
    panels(m, n, k, a, b, c, add, bias, room, 0, n);
  }

 private:
  /// False where the operands do not lie as libraries want them: rows, or columns, of numbers next to each other.
  static bool by_library(Index m, Index n, Index k, const MatrixView<T>& a, const MatrixView<T>& b, T* c, bool add,
                         const T* bias) {
    LibraryOperand<T> left, right;
    if (!left.set(a.data, a.row_step, a.column_step, m, k) || !right.set(b.data, b.row_step, b.column_step, k, n))
      return false;
    if (bias != nullptr)
      for (Index i = 0; i < m; ++i)
        for (Index j = 0; j < n; ++j) c[i * n + j] = add ? c[i * n + j] + bias[j] : bias[j];
    return library_product(m, n, k, left, right, add || bias != nullptr, c);
  }

  using L = lane_t<T>;
  static constexpr Index width = lane_width<T>;
  static constexpr int rows = EIGENGRAD_LANE_BYTES == 64 ? 8 : 4;  // as many sums as there are registers for
  static constexpr Index panel = 2 * width;                        // a panel's columns
  static constexpr Index stack_room = 256;                         // numbers of B that are packed on the stack
  static constexpr Index large = Index{1} << 20;                   // products of numbers that are worth a second thread

  /// Columns `from`, where a panel begins, to `to` of C.
  EIGENGRAD_OUTLINE static void panels(Index m, Index n, Index k, MatrixView<T> a, const MatrixView<T>& b, T* c,
                                       bool add, const T* bias, bool room, Index from, Index to) {
    // Rows of B that are already lanes next to each other can be read in place while they stay in the cache.
    const bool in_place = b.column_step == 1 && (n % width == 0 || b.padded) && (k * n <= 8192 || m <= rows || k <= 32);
    // What a row's last lane writes too much is where the next row begins, which comes later.
    const bool whole = room && !add && n <= panel;
    Block packed_b, packed_a;
    T* b_panel = nullptr;
    alignas(64) T on_stack[stack_room];  // for products too small to be worth a buffer
    if (!in_place) b_panel = k * panel <= stack_room ? on_stack : scratch(packed_b, k * panel);
    if (a.column_step != 1 && n > panel && k > 1) a = pack_rows(m, k, a, packed_a);
    // Of few products each, C is what takes time: it is written by rows, not by panels.
    if (const Index block = 4 * rows; in_place && k <= 32 && m > block && to - from > 4 * panel) {
      for (Index i = 0; i < m; i += block)
        panels((std::min)(block, m - i), n, k, {a.data + i * a.row_step, a.row_step, a.column_step}, b, c + i * n, add,
               bias, room, from, to);
      return;
    }
    for (Index j = from; j < to; j += panel) {
      const Index columns = (std::min)(panel, n - j), lanes = (columns + width - 1) / width;
      MatrixView<T> right{b.data + j, b.row_step, 1};
      if (!in_place) {
        pack_panel(k, columns, lanes * width, {b.data + j * b.column_step, b.row_step, b.column_step}, b_panel);
        right = {b_panel, lanes * width, 1};
      }
      const T* bias_here = bias != nullptr ? bias + j : nullptr;
      if (lanes == 2)
        panel_product<2>(m, n, k, a, right, c + j, whole ? 2 * width : columns, add, bias_here);
      else
        panel_product<1>(m, n, k, a, right, c + j, whole ? width : columns, add, bias_here);
    }
  }

  /// A sum over nothing: C as it is or 0, plus the bias. Operands without numbers have no address to count from.
  static void nothing(Index m, Index n, T* c, bool add, const T* bias) {
    for (Index i = 0; i < m; ++i)
      for (Index j = 0; j < n; ++j, ++c) *c = (add ? *c : T(0)) + (bias != nullptr ? bias[j] : T(0));
  }

  static T* scratch(Block& block, Index size) {
    block = Block(bytes_of_numbers(size, sizeof(T)));
    return static_cast<T*>(block.data());
  }

  /// to[p][0 .. padded) = the panel's row p, then zeros.
  static void pack_panel(Index k, Index columns, Index padded, const MatrixView<T>& b, T* to) {
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
    // The lanes' rest is computed with, though never looked at.
    if (columns < padded)
      for (Index p = 0; p < k; ++p) lane::store<T>(to + p * padded + padded - width, L(0));
    transpose(columns, k, b.data, b.column_step, to, padded);
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

  /// A transposed copied to rows.
  static MatrixView<T> pack_rows(Index m, Index k, const MatrixView<T>& a, Block& block) {
    T* to = scratch(block, m * k);
    pack_some_rows(0, m, k, a, to);
    return {to, k, 1};
  }
  static void pack_some_rows(Index from, Index end, Index k, const MatrixView<T>& a, T* to) {
    transpose(k, end - from, a.data + from * a.row_step, a.column_step, to + from * k, k);
  }

  // On several threads: whole panels, or where there are few of them blocks of whole tiles' rows, so that every element
  // is computed as by one thread.
  EIGENGRAD_COLD static void panels_by(int threads, Index m, Index n, Index k, MatrixView<T> a, const MatrixView<T>& b,
                                       T* c, bool add, const T* bias, bool room) {
    const Index count = (n + panel - 1) / panel;
    Block packed;
    if (a.column_step != 1 && n > panel && k > 1) {
      T* to = scratch(packed, m * k);
      parallel_ranges(m, 8, 32, [&](Index from, Index end) { pack_some_rows(from, end, k, a, to); });
      a = {to, k, 1};
    }
    if (count >= 2 * threads || (count >= threads && count % threads == 0) || m < 4 * rows)
      return parallel_for(count, threads, [&](Index p) {
        panels(m, n, k, a, b, c, add, bias, room, p * panel, (std::min)(n, (p + 1) * panel));
      });
    constexpr Index unit = std::max<Index>(rows, width);
    const Index units = m / unit, pieces = std::min<Index>(threads, units / 2);
    parallel_for(pieces, threads, [&](Index p) {
      const auto block = [&](Index begin, Index end, bool may_write_on) {
        panels(end - begin, n, k, {a.data + begin * a.row_step, a.row_step, a.column_step}, b, c + begin * n, add, bias,
               may_write_on, 0, n);
      };
      const Index begin = units * p / pieces * unit, end = p + 1 == pieces ? m : units * (p + 1) / pieces * unit;
      // What a block's last lanes write too much would be where another thread's rows are.
      if (room && p + 1 < pieces && n <= panel) {
        block(begin, end - unit, true);
        block(end - unit, end, false);
      } else {
        block(begin, end, room);
      }
    });
  }
  EIGENGRAD_COLD static void dots_by(int threads, Index m, Index n, Index k, const MatrixView<T>& a,
                                     const MatrixView<T>& b, T* c, bool add, const T* bias) {
    const Index lanes = n / width, pieces = std::min<Index>(threads, std::max<Index>(lanes, 1));
    parallel_for(pieces, threads, [&](Index p) {
      const Index from = lanes * p / pieces * width, to = p + 1 == pieces ? n : lanes * (p + 1) / pieces * width;
      dots(m, from, to, n, k, a, b, c, add, bias);
    });
  }

  /// A small product no wider than a lane, all of which may be used.
  EIGENGRAD_OUTLINE static void narrow(Index m, Index n, Index k, const MatrixView<T>& a, const MatrixView<T>& b, T* c,
                                       const T* bias) {
    alignas(64) T packed[stack_room];
    const T* right = b.data;
    Index step = b.row_step;
    if (b.column_step != 1 || !b.padded) {
      T* to = packed;
      for (Index p = 0; p < k; ++p, to += width) {
        const T* from = b.data + p * step;
        if (2 * n == width) {  // a lane stored number by number is slow to load
          lane::store<T>(to, half_lane(from, b.column_step));
          continue;
        }
        lane::store<T>(to, L(0));
        for (Index j = 0; j < n; ++j, from += b.column_step) {
          to[j] = *from;
          EIGENGRAD_NO_VECTORS;
        }
      }
      right = packed;
      step = width;
    }
    const L start = bias != nullptr ? lane::load(bias) : L(0);
    const T* left = a.data;
    for (; m >= 4; m -= 4, left += 4 * a.row_step, c += 4 * n) narrow_rows<4>(k, left, a, right, step, start, c, n);
    for (; m > 0; --m, left += a.row_step, c += n) narrow_rows<1>(k, left, a, right, step, start, c, n);
  }
  /// Half a lane of numbers that lie apart, then zeros.
  EIGENGRAD_INLINE static L half_lane(const T* from, Index step) {
    if constexpr (is_lane<L>)
      return [&]<Index... j>(std::integer_sequence<Index, j...>) EIGENGRAD_INLINE_LAMBDA {
        return L(typename L::Values{from[j * step]...});
      }(std::make_integer_sequence<Index, width / 2>());
    else
      return L(from[0]);
  }
  template <int height>
  EIGENGRAD_INLINE static void narrow_rows(Index k, const T* left, const MatrixView<T>& a, const T* right, Index step,
                                           const L& start, T* c, Index n) {
    L sums[extent(height)];
    EIGENGRAD_UNROLL
    for (int r = 0; r < height; ++r) sums[r] = start;
    for (Index p = 0; p < k; ++p, left += a.column_step, right += step) {
      const L row = lane::load(right);
      EIGENGRAD_UNROLL
      for (int r = 0; r < height; ++r) sums[r] = sums[r] + L(left[r * a.row_step]) * row;
    }
    if constexpr (height == 4 && width > 1)
      if (2 * n == width) {  // two rows fill a lane: whoever reads it need not wait for two stores
        lane::store<T>(c, lane::join_halves<T>(sums[0], sums[1]));
        lane::store<T>(c + width, lane::join_halves<T>(sums[2], sums[3]));
        return;
      }
    // What a row's lane writes too much is where the next row begins, which comes later.
    EIGENGRAD_UNROLL
    for (int r = 0; r < height; ++r) lane::store<T>(c + r * n, sums[r]);
  }

  /// A small matrix times a column.
  EIGENGRAD_OUTLINE static void column(Index m, Index k, const MatrixView<T>& a, const MatrixView<T>& b, T* c, bool add,
                                       const T* bias) {
    if constexpr (width >= 4) {
      if (k >= 4 && k <= width && a.column_step == 1 && b.row_step == 1 && a.padded && b.padded) {
        const L right = lane::load(b.data);
        for (Index i = 0; i < m; ++i) {
          T sum = lane::sum<T>(lane::first<T>(lane::load(a.data + i * a.row_step) * right, k));
          if (bias != nullptr) sum = sum + *bias;
          c[i] = add ? T(c[i] + sum) : sum;
        }
        return;
      }
    }
    for (Index i = 0; i < m; ++i) {
      T sum = bias != nullptr ? *bias : T(0);
      const T *left = a.data + i * a.row_step, *right = b.data;
      for (Index p = 0; p < k; ++p, left += a.column_step, right += b.row_step) {
        sum = sum + *left * *right;
        EIGENGRAD_NO_VECTORS;
      }
      c[i] = add ? T(c[i] + sum) : sum;
    }
  }

  template <int lanes>
  static void panel_product(Index m, Index n, Index k, const MatrixView<T>& a, const MatrixView<T>& b, T* c,
                            Index columns, bool add, const T* bias) {
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
  static void tile(Index k, const MatrixView<T>& a, Index i, const MatrixView<T>& b, T* c, Index n, Index columns,
                   bool add, const T* bias) {
    const bool whole = columns == lanes * width;
    L sums[extent(height)][extent(lanes)];
    L start[extent(lanes)];
    EIGENGRAD_UNROLL
    for (int v = 0; v < lanes; ++v) {
      start[v] = L(0);
      if (bias != nullptr)
        start[v] = whole ? lane::load(bias + v * width) : lane::load(bias + v * width, columns - v * width);
    }
    EIGENGRAD_UNROLL
    for (int r = 0; r < height; ++r) {
      EIGENGRAD_UNROLL
      for (int v = 0; v < lanes; ++v) sums[r][v] = start[v];
    }
    const T* left = a.data + i * a.row_step;
    const T* right = b.data;
    for (Index p = 0; p < k; ++p, left += a.column_step, right += b.row_step) {
      L row[extent(lanes)];
      EIGENGRAD_UNROLL
      for (int v = 0; v < lanes; ++v) row[v] = lane::load(right + v * width);
      EIGENGRAD_UNROLL
      for (int r = 0; r < height; ++r) {
        const L number = L(left[r * a.row_step]);
        EIGENGRAD_UNROLL
        for (int v = 0; v < lanes; ++v) sums[r][v] = sums[r][v] + number * row[v];
      }
    }
    EIGENGRAD_UNROLL
    for (int r = 0; r < height; ++r) {
      EIGENGRAD_UNROLL
      for (int v = 0; v < lanes; ++v) {
        T* to = c + r * n + v * width;
        if (whole || v + 1 < lanes) {
          if (add) sums[r][v] = sums[r][v] + lane::load(to);
          lane::store<T>(to, sums[r][v]);
        } else {
          const Index left_over = columns - v * width;
          if (add) sums[r][v] = sums[r][v] + lane::load(to, left_over);
          lane::store<T>(to, sums[r][v], left_over);
        }
      }
    }
  }

  /// Few rows against a transposed B: every element is a product of two rows, and B is read once.
  EIGENGRAD_OUTLINE static void dots(Index m, Index from, Index to, Index n, Index k, const MatrixView<T>& a,
                                     const MatrixView<T>& b, T* c, bool add, const T* bias) {
    for (Index i = 0; i < m; ++i) {
      Index j = from;
      if (width > 1 && k % width == 0 && k <= 256)  // short rows: a lane of elements at once
        for (; j + width <= to; j += width) {
          const T *left = a.data + i * a.row_step, *right = b.data + j * b.column_step;
          L sums[extent(width)] = {};
          for (Index p = 0; p < k; p += width) {
            const L numbers = lane::load(left + p);
            for_indices<width>([&](auto v) EIGENGRAD_INLINE_LAMBDA {
              sums[v] = sums[v] + numbers * lane::load(right + v * b.column_step + p);
            });
          }
          T* const element = c + i * n + j;
          L sum = lane::sums<T>(sums);
          if (bias != nullptr) sum = sum + lane::load(bias + j);
          lane::store<T>(element, add ? L(sum + lane::load(element)) : sum);
        }
      for (; j < to; ++j) {
        const T *left = a.data + i * a.row_step, *right = b.data + j * b.column_step;
        L sums[4] = {L(0), L(0), L(0), L(0)};
        Index p = 0;
        for (; p + 4 * width <= k; p += 4 * width) {
          EIGENGRAD_UNROLL
          for (int v = 0; v < 4; ++v)
            sums[v] = sums[v] + lane::load(left + p + v * width) * lane::load(right + p + v * width);
        }
        for (; p + width <= k; p += width) sums[0] = sums[0] + lane::load(left + p) * lane::load(right + p);
        T sum = lane::sum<T>((sums[0] + sums[1]) + (sums[2] + sums[3]));
        for (; p < k; ++p) sum = sum + left[p] * right[p];
        if (bias != nullptr) sum = sum + bias[j];
        c[i * n + j] = add ? T(c[i * n + j] + sum) : sum;
      }
    }
  }
};

// Compiled: class Gemm<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
