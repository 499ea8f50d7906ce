#pragma once

#include <utility>

#include "../../simd/lane.hpp"
#include "matrix_view.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Products so small that nothing is to be planned for them.
template <class T>
class SmallGemm {
  using L = lane_t<T>;
  static constexpr Index width = lane_width<T>;

 public:
  static constexpr Index stack_room = 256;  // numbers of B that are packed on the stack

  /// A small product no wider than a lane, all of which may be used.
  EIGENGRAD_OUTLINE static void narrow(Index m, Index n, Index k, const MatrixView<T>& a, const MatrixView<T>& b, T* c,
                                       const T* bias) {
    alignas(64) T packed[extent(stack_room)];
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

 private:
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
};

}}  // namespace eigengrad::EIGENGRAD_ABI
