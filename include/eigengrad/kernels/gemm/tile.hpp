#pragma once

#include <algorithm>
#include <cstring>

#include "../../simd/lane.hpp"
#include "matrix_view.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// How products are cut.
template <class T>
struct GemmSizes {
  static constexpr Index width = lane_width<T>;
  static constexpr int rows = EIGENGRAD_LANE_BYTES == 64 ? 8 : 4;  // of a tile: as many sums as there are registers for
  static constexpr Index panel = 2 * width;                        // a tile's columns
  // So many products are summed up at once; longer sums are cut into pieces. Where both operands are packed a piece is
  // short, so that a panel of B and a tile's rows of A stay in the first-level cache; where A is read as it lies, what
  // counts is that pieces are few, and long ones only keep the rounding small.
  static constexpr Index packed_depth = 192, panel_depth = 768;

  /// The longest sum that is not cut: where it is a third longer than a piece, reading C once more costs more.
  static constexpr Index uncut(Index most) { return most + most / 3; }
  /// How long the pieces are of a sum over k, of `most` at most if it is cut; it depends on k alone.
  static Index depth(Index k, Index most) {
    if (k <= uncut(most)) return k;
    const Index pieces = (k + most - 1) / most;
    return ((k + pieces - 1) / pieces + 3) / 4 * 4;
  }
};

/// A tile of C: its sums stay in registers while one piece of k is walked over.
template <class T>
class GemmTile {
  using L = lane_t<T>;
  using Sizes = GemmSizes<T>;
  static constexpr Index width = Sizes::width;

 public:
  /// C's next `columns` columns, a panel's or fewer, for m rows.
  template <int lanes>
  EIGENGRAD_INLINE static void panel(Index m, Index k, const MatrixView<T>& a, const MatrixView<T>& b,
                                     const ProductTarget<T>& c, Index columns) {
    if (k <= Sizes::uncut(Sizes::panel_depth))
      piece<lanes>(m, k, a, b, c, columns);
    else
      pieces(m, k, a, b, c, columns);
  }

  /// A whole tile of an A whose columns are numbers next to each other, which is also packed on the way: so nobody
  /// waits for memory before the first product.
  static void packing(Index k, const MatrixView<T>& a, const MatrixView<T>& b, const ProductTarget<T>& c, Index columns,
                      T* packed) {
    tile<Sizes::rows, 2, true>(k, a, 0, b, c, columns, Sizes::rows, packed);
  }

 private:
  EIGENGRAD_INLINE static void prefetch([[maybe_unused]] const T* from) {
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(from);
#endif
  }
  /// A tile after another, so that what one piece of k after another adds to it stays near. Where lanes would be
  /// written in part, or over the next row, their sums are gathered aside.
  EIGENGRAD_COLD static void pieces(Index m, Index k, const MatrixView<T>& a, const MatrixView<T>& b,
                                    const ProductTarget<T>& c, Index columns) {
    constexpr Index rows = Sizes::rows;
    const Index depth = Sizes::depth(k, Sizes::panel_depth), step = columns > width ? 2 * width : width;
    const bool in_place = columns == step && c.step >= step;
    alignas(64) T sums[extent(rows * Sizes::panel)];
    for (Index i = 0; i < m; i += rows) {
      const Index here = (std::min)(rows, m - i);
      ProductTarget<T> target = in_place ? c.from(i, 0) : ProductTarget<T>{sums, step};
      for (Index p = 0; p < k; p += depth) {
        const MatrixView<T> left{a.data + i * a.row_step + p * a.column_step, a.row_step, a.column_step},
            right{b.data + p * b.row_step, b.row_step, 1};
        const Index deep = (std::min)(depth, k - p);
        step > width ? piece<2>(here, deep, left, right, target, step)
                     : piece<1>(here, deep, left, right, target, step);
        target.add = true;
        target.bias = target.row_bias = nullptr;
      }
      if (!in_place) add_to(c.from(i, 0), here, columns, sums, step);
    }
  }
  static void add_to(const ProductTarget<T>& c, Index m, Index n, const T* from, Index step) {
    for (Index i = 0; i < m; ++i, from += step) {
      T* const to = c.data + i * c.step;
      const T own = c.row_bias != nullptr ? c.row_bias[i] : T(0);
      for (Index j = 0; j < n; ++j) {
        T sum = from[j] + own;
        if (c.bias != nullptr) sum = sum + c.bias[j];
        to[j] = c.add ? T(sum + to[j]) : sum;
      }
    }
  }
  template <int lanes>
  static void piece(Index m, Index k, const MatrixView<T>& a, const MatrixView<T>& b, const ProductTarget<T>& c,
                    Index columns) {
    constexpr int rows = Sizes::rows;
    Index i = 0;
    for (; i + rows <= m; i += rows) tile<rows, lanes>(k, a, i, b, c, columns);
    if (rows > 4 && i + 4 <= m) {
      tile<4, lanes>(k, a, i, b, c, columns);
      i += 4;
    }
    // Two or three rows cost no more time as four, of which the last are read again and not written.
    if (const int rest = static_cast<int>(m - i); rest > 1)
      tile<4, lanes>(k, a, i, b, c, columns, rest);
    else if (rest == 1)
      tile<1, lanes>(k, a, i, b, c, columns);
  }
  template <int height, int lanes, bool packs = false>
  static void tile(Index k, const MatrixView<T>& a, Index i, const MatrixView<T>& b, const ProductTarget<T>& c,
                   Index columns, int present = height, [[maybe_unused]] T* packed = nullptr) {
    const bool whole = columns == lanes * width;
    Index from[extent(height)];  // where rows begin
    EIGENGRAD_UNROLL
    for (int r = 0; r < height; ++r) from[r] = (height == 4 && r >= present ? present - 1 : r) * a.row_step;
    L sums[extent(height)][extent(lanes)];
    L start[extent(lanes)];
    EIGENGRAD_UNROLL
    for (int v = 0; v < lanes; ++v) {
      start[v] = L(0);
      if (c.bias != nullptr)
        start[v] = whole ? lane::load(c.bias + v * width) : lane::load(c.bias + v * width, columns - v * width);
    }
    EIGENGRAD_UNROLL
    for (int r = 0; r < height; ++r) {
      EIGENGRAD_UNROLL
      for (int v = 0; v < lanes; ++v) sums[r][v] = start[v];
    }
    if (const T* own = c.row_bias; own != nullptr) [[unlikely]] {
      own += i;
      EIGENGRAD_UNROLL
      for (int r = 0; r < height; ++r) {
        EIGENGRAD_UNROLL
        for (int v = 0; v < lanes; ++v) sums[r][v] = sums[r][v] + L(own[r < present ? r : 0]);
      }
    }
    const T* left = a.data + i * a.row_step;
    const T* right = b.data;
    for (Index p = 0; p < k; ++p, left += a.column_step, right += b.row_step) {
      L row[extent(lanes)];
      EIGENGRAD_UNROLL
      for (int v = 0; v < lanes; ++v) row[v] = lane::load(right + v * width);
      if constexpr (packs) {
        prefetch(left + 32 * a.column_step);
        std::memcpy(packed, left, height * sizeof(T));
        packed += height;
      }
      EIGENGRAD_UNROLL
      for (int r = 0; r < height; ++r) {
        const L number = L(left[from[r]]);
        EIGENGRAD_UNROLL
        for (int v = 0; v < lanes; ++v) sums[r][v] = sums[r][v] + number * row[v];
      }
    }
    if (!whole || present < height) {
      L some[extent(height * lanes)];  // of which the address is taken: the sums stay in registers
      EIGENGRAD_UNROLL
      for (int r = 0; r < height; ++r) {
        EIGENGRAD_UNROLL
        for (int v = 0; v < lanes; ++v) some[r * lanes + v] = sums[r][v];
      }
      return write_some(some, present, c.from(i, 0), columns);
    }
    EIGENGRAD_UNROLL
    for (int r = 0; r < height; ++r) {
      EIGENGRAD_UNROLL
      for (int v = 0; v < lanes; ++v) {
        T* const to = c.data + (i + r) * c.step + v * width;
        if (c.add) sums[r][v] = sums[r][v] + lane::load(to);
        lane::store<T>(to, sums[r][v]);
      }
    }
  }
  /// Some of a tile's rows, or a last lane that is not C's alone.
  EIGENGRAD_OUTLINE static void write_some(const L* sums, int height, const ProductTarget<T>& c, Index columns) {
    for (int r = 0; r < height; ++r) {
      T* to = c.data + r * c.step;
      for (Index left_over = columns; left_over > 0; left_over -= width, to += width, ++sums) {
        if (left_over >= width)
          lane::store<T>(to, c.add ? L(*sums + lane::load(to)) : *sums);
        else
          lane::store<T>(to, c.add ? L(*sums + lane::load(to, left_over)) : *sums, left_over);
      }
    }
  }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
