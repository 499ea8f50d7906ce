#pragma once

#include "../simd/math.hpp"
#include "extreme.hpp"
#include "run_sums.hpp"
#include "sums.hpp"

// Rows of exponentials. Every row has its largest number subtracted first, so that none overflows.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The sum of exp(x - shift) over n numbers but the one at `without`; all exponentials where `to` is not null. What is
/// small beside the largest keeps its digits when that is left out.
template <class T>
T sum_of_exponentials(const T* x, Index n, T shift, T* to, Index without = -1) {
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>, step = sum_run * width;
  LaneSum<T> sums;
  Index i = 0;
  for (const Index whole = n - n % width; i < whole;) {
    L sum(0);
    for (const Index end = i + step <= whole ? i + step : i + width; i < end; i += width) {
      const L e = exp(lane::load(x + i) - L(shift));
      if (to != nullptr) lane::store<T>(to + i, e);
      if (without >= i && without < i + width) [[unlikely]] {
        T some[extent(width)];
        lane::store<T>(some, e);
        some[without - i] = T(0);
        sum = sum + lane::load(some);
      } else {
        sum = sum + e;
      }
    }
    sums.add(sum);
  }
  Sum<T> total = sums.total();
  if (i < n) {
    const L e = exp(lane::load(x + i, n - i) - L(shift));
    T last[extent(width)];
    lane::store<T>(last, e);
    for (Index j = 0; j < n - i; ++j) {
      if (i + j != without) total = total + Sum<T>(last[j]);
      if (to != nullptr) to[i + j] = last[j];
    }
  }
  return quotient_of_sum<T>(total, T(1));
}

/// y = softmax(x) of one row; x and y may be the same.
template <class T>
void softmax_row(const T* x, T* y, Index n) {
  const T sum = sum_of_exponentials(x, n, winner_of_row<Largest>(x, n), y), scale = T(1) / sum;
  for (Index i = 0; i < n; ++i) y[i] = y[i] * scale;
}
/// y = x - log(sum(exp(x))) of one row; x and y may be the same.
template <class T>
void log_softmax_row(const T* x, T* y, Index n) {
  const T largest = winner_of_row<Largest>(x, n);
  const T others = sum_of_exponentials(x, n, largest, static_cast<T*>(nullptr), first_place(x, n, largest));
  const T rest = log1p(others + (largest - largest));  // NaN of infinity
  for (Index i = 0; i < n; ++i) y[i] = (x[i] - largest) - rest;
}

/// As many numbers in rows with exponentials are worth a second thread.
inline constexpr Index large_rows = Index{1} << 15;

}}  // namespace eigengrad::EIGENGRAD_ABI
