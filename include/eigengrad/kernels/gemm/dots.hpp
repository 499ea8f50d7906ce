#pragma once

#include <algorithm>

#include "../../core/threads.hpp"
#include "../../simd/lane.hpp"
#include "matrix_view.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Few rows against a transposed B: every element is a product of two rows, and B is read once.
template <class T>
class RowGemm {
  using L = lane_t<T>;
  static constexpr Index width = lane_width<T>;

 public:
  /// Columns `from` to `to` of C.
  EIGENGRAD_OUTLINE static void columns(Index m, Index from, Index to, Index k, const MatrixView<T>& a,
                                        const MatrixView<T>& b, const ProductTarget<T>& c) {
    const T* const bias = c.bias;
    for (Index i = 0; i < m; ++i) {
      const T start = c.row_bias != nullptr ? c.row_bias[i] : T(0);
      T* const row = c.data + i * c.step;
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
          T* const element = row + j;
          L sum = lane::sums<T>(sums);
          if (bias != nullptr) sum = sum + lane::load(bias + j);
          if (c.row_bias != nullptr) sum = sum + L(start);
          lane::store<T>(element, c.add ? L(sum + lane::load(element)) : sum);
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
        if (c.row_bias != nullptr) sum = sum + start;
        row[j] = c.add ? T(row[j] + sum) : sum;
      }
    }
  }
  EIGENGRAD_COLD static void by_threads(int threads, Index m, Index n, Index k, const MatrixView<T>& a,
                                        const MatrixView<T>& b, const ProductTarget<T>& c) {
    const Index lanes = n / width, pieces = std::min<Index>(threads, std::max<Index>(lanes, 1));
    parallel_for(pieces, threads, [&](Index p) {
      const Index from = lanes * p / pieces * width, to = p + 1 == pieces ? n : lanes * (p + 1) / pieces * width;
      columns(m, from, to, k, a, b, c);
    });
  }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
