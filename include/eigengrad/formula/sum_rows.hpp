#pragma once

#include "../core/loop.hpp"
#include "../kernels/run_sums.hpp"
#include "../kernels/sums.hpp"
#include "rows.hpp"

// Formulas summed as they are computed, over all, along rows, or over rows.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Evaluates a row's numbers from `begin` to `end`, whole lanes, of which those before `row` count. Without `to`
/// returns their sum; with `to` adds each to a sum of its own, from `place` on, and returns 0.
template <class T>
using SumLanes = Sum<T> (*)(const void* formula, const Cursor* cursors, const Totals<T>* to, Index place, Index begin,
                            Index end, Index row);

/// What the row at `offsets` sums up to: whole lanes by chunks, and the rest by itself, whether there is padding behind
/// it or not.
template <class T>
Sum<T> sum_of_row(const Rows<T>& rows, SumLanes<T> lanes, const void* formula, const Index* offsets, bool large) {
  constexpr Index width = lane_width<T>;
  const Index row = rows.loop.row, full = end_of_lanes<T>(row, false);
  rows.start(offsets);
  Sum<T> total = sum_of_chunks<T>(
      full, large, [&](Index begin, Index end) { return lanes(formula, rows.cursors, nullptr, 0, begin, end, row); });
  if (full == row) return total;
  if (rows.padded()) return total + lanes(formula, rows.cursors, nullptr, 0, full, full + width, row);
  rows.start_tail(full, row - full);
  return total + lanes(formula, rows.cursors, nullptr, 0, 0, width, row - full);
}

/// SumLanes of everything, which also writes what each number's part in `scale` times the sum is: the derivative.
template <class T>
using SumDerivativeLanes = Sum<T> (*)(const void* formula, const Cursor* cursors, const bool* wanted, T* derivative,
                                      Index begin, Index end, Index row, T scale);

/// sum_of_row for one row without a rest, and its derivative.
template <class T>
EIGENGRAD_OUTLINE Sum<T> sum_with_derivative_flat(SumDerivativeLanes<T> lanes, const void* formula,
                                                  const Cursor* cursors, const bool* wanted, T* derivative, Index size,
                                                  T scale, bool large) {
  const Index full = end_of_lanes<T>(size, false);
  const Sum<T> total = sum_of_chunks<T>(full, large, [&](Index begin, Index end) {
    return lanes(formula, cursors, wanted, derivative, begin, end, size, scale);
  });
  if (full == size) return total;
  return total + lanes(formula, cursors, wanted, derivative, full, full + lane_width<T>, size, scale);
}

/// Everything summed up; what is large in blocks, of rows or along the only one, whose sums are summed in order.
template <class T>
Sum<T> sum_of_all(const Rows<T>& rows, SumLanes<T> lanes, const void* formula, bool large) {
  constexpr Index most = 64;
  const Index count = rows.loop.rows, blocks = large ? (std::min)(most, count) : 1;
  Sum<T> parts[most], total(0);
  const auto sum_block = [&](const Rows<T>& here, Index b) {
    parts[b] = Sum<T>(0);
    here.loop.for_each_row(count * b / blocks, count * (b + 1) / blocks, [&](const Index* offsets) {
      parts[b] = parts[b] + sum_of_row(here, lanes, formula, offsets, large && count == 1);
    });
  };
  if (blocks == 1)
    sum_block(rows, 0);
  else
    parallel_for(blocks, team_size(), [&](Index b) { sum_block(OwnRows<T>(rows).rows, b); });
  for (Index b = 0; b < blocks; ++b) total = total + parts[b];
  return total;
}

/// Rows added up to the rows of `totals`, columns `begin` to `end`; the last ones with the row's rest.
template <class T>
void sum_columns(const Rows<T>& rows, SumLanes<T> lanes, const void* formula, const Totals<T>& totals, Index begin,
                 Index end) {
  constexpr Index width = lane_width<T>;
  const Index row = rows.loop.row, whole = end_of_lanes<T>(row, rows.padded());
  rows.loop.for_each_row([&](const Index* offsets) {
    rows.start(offsets);
    const Index place = totals.place(offsets[rows.count] / row);
    lanes(formula, rows.cursors, &totals, place, begin, (std::min)(end, whole), row);
    if (end == row && whole < row) {
      rows.start_tail(whole, row - whole);
      lanes(formula, rows.cursors, &totals, place + whole, 0, width, row - whole);
    }
  });
}

/// target += the sums / divisor.
template <class T>
EIGENGRAD_OUTLINE void sum_rows(const Rows<T>& rows, SumLanes<T> lanes, const void* formula, bool to_one, T* target,
                                const T& divisor, bool large) {
  const Loop& loop = rows.loop;
  const Index row = loop.row;
  if (to_one) {
    target[0] = static_cast<T>(target[0] + quotient_of_sum<T>(sum_of_all(rows, lanes, formula, large), divisor));
  } else if (row == 0) {
    return;
  } else if (loop.row_strides[rows.count] != 0) {
    const Totals<T> totals(rows.written_size / row, row);
    const auto some = [&](const Rows<T>& here, Index begin, Index end) {
      sum_columns(here, lanes, formula, totals, begin, end);
      totals.move_to(target, divisor, begin, end);
    };
    if (!has_threads || !large) return some(rows, 0, row);
    parallel_columns(row, [&](Index begin, Index end) { some(OwnRows<T>(rows).rows, begin, end); });
  } else if (rows.written_size < loop.rows) {  // several rows to a place
    const Totals<T> totals(1, rows.written_size);
    loop.for_each_row([&](const Index* offsets) {
      totals.add(offsets[rows.count], sum_of_row(rows, lanes, formula, offsets, false));
    });
    totals.move_to(target, divisor, 0, rows.written_size);
  } else {
    const auto walk = [&](const Rows<T>& here, Index first, Index end) {
      here.loop.for_each_row(first, end, [&](const Index* offsets) {
        T& gathered = target[offsets[rows.count]];
        gathered =
            static_cast<T>(gathered + quotient_of_sum<T>(sum_of_row(here, lanes, formula, offsets, false), divisor));
      });
    };
    if (has_threads && large)
      parallel_rows(rows, walk);
    else
      walk(rows, 0, loop.rows);
  }
}

// Compiled: void sum_rows(const Rows<T>&, SumLanes<T>, const void*, bool, T*, const T&, bool)
}}  // namespace eigengrad::EIGENGRAD_ABI
