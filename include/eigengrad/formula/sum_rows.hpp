#pragma once

#include "../core/loop.hpp"
#include "../kernels/sums.hpp"
#include "rows.hpp"

// Formulas summed as they are computed, over all, along rows, or over rows.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Evaluates a row's numbers from `begin` to `end`, whole lanes, of which those before `row` count. Without `to`
/// returns their sum; with `to` adds each to a sum of its own, from `place` on, and returns 0.
template <class T>
using SumLanes = Sum<T> (*)(const void* formula, const Cursor* cursors, const Totals<T>* to, Index place, Index begin,
                            Index end, Index row);

/// How a row of lanes is cut to be summed: by whole chunks, into at most so many blocks. Depends on its length alone.
template <class T>
struct RowBlocks {
  static constexpr Index most = 64;

  explicit RowBlocks(Index whole) : whole_(whole) {
    const Index chunks = (whole + lane_chunk<T> - 1) / lane_chunk<T>;
    step_ = std::max<Index>(4, (chunks + most - 1) / most) * lane_chunk<T>;
    count = (whole + step_ - 1) / step_;
  }
  Index begin(Index block) const { return block * step_; }
  Index end(Index block) const { return (std::min)(whole_, (block + 1) * step_); }

  Index count = 0;

 private:
  Index whole_, step_;
};

/// What the row at `offsets` sums up to.
template <class T>
Sum<T> sum_of_row(const Rows<T>& rows, SumLanes<T> lanes, const void* formula, const Index* offsets, bool large) {
  constexpr Index width = lane_width<T>;
  const Index row = rows.loop.row, whole = end_of_lanes<T>(row, rows.readable());
  const auto chunks = [&](Index from, Index end) {
    Sum<T> sum(0);
    for (; from < end; from += lane_chunk<T>)
      sum = sum + lanes(formula, rows.cursors, nullptr, 0, from, (std::min)(from + lane_chunk<T>, end), row);
    return sum;
  };
  rows.start(offsets);
  Sum<T> total(0);
  if (large) {
    const RowBlocks<T> blocks(whole);
    Sum<T> parts[RowBlocks<T>::most];
    parallel_for(blocks.count, team_size(), [&](Index b) { parts[b] = chunks(blocks.begin(b), blocks.end(b)); });
    for (Index b = 0; b < blocks.count; ++b) total = total + parts[b];
  } else {
    total = chunks(0, whole);
  }
  if (whole < row) {
    rows.start_tail(whole, row - whole);
    total = total + lanes(formula, rows.cursors, nullptr, 0, 0, width, row - whole);
  }
  return total;
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
  const Index whole = end_of_lanes<T>(size, true);
  const auto chunks = [&](Index from, Index end) {
    Sum<T> sum(0);
    for (; from < end; from += lane_chunk<T>)
      sum = sum + lanes(formula, cursors, wanted, derivative, from, (std::min)(from + lane_chunk<T>, end), size, scale);
    return sum;
  };
  if (!large) return chunks(0, whole);
  const RowBlocks<T> blocks(whole);
  Sum<T> parts[RowBlocks<T>::most], total(0);
  parallel_for(blocks.count, team_size(), [&](Index b) { parts[b] = chunks(blocks.begin(b), blocks.end(b)); });
  for (Index b = 0; b < blocks.count; ++b) total = total + parts[b];
  return total;
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
  const Index row = rows.loop.row, whole = end_of_lanes<T>(row, rows.readable());
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

/// body(begin, end) over ranges of columns, as few as there are threads: short pieces of many rows are slow to read.
template <class Body>
void parallel_columns(Index columns, const Body& body) {
  constexpr Index unit = 64;
  const int threads = team_size();
  const Index units = (columns + unit - 1) / unit, pieces = std::clamp<Index>(columns / 256, 1, threads);
  parallel_for(pieces, threads,
               [&](Index p) { body(units * p / pieces * unit, (std::min)(columns, units * (p + 1) / pieces * unit)); });
}

/// target += the sum of many rows of plain numbers / divisor.
template <class T>
EIGENGRAD_OUTLINE void sum_plain_rows(const T* from, Index rows, Index columns, bool readable, T* target,
                                      const T& divisor) {
  const Totals<T> totals(1, columns);
  const auto some = [&](Index begin, Index end) {
    add_rows(totals, from, rows, columns, readable, begin, end);
    totals.move_to(target, divisor, begin, end);
  };
  if (has_threads && rows * columns >= (Index{1} << 18))
    parallel_columns(columns, some);
  else
    some(0, columns);
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
