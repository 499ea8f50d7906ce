#pragma once

#include "rows.hpp"

// Formulas summed as they are computed, over all, along rows, or over rows.
namespace eigengrad::inline EIGENGRAD_ABI {

/// Adds rows of floats up without losing digits: every 128 rows the sum so far moves to a row of doubles.
template <class T>
class RowSum {
 public:
  static constexpr Index block = 128;

  /// For columns `begin` to `end`.
  EIGENGRAD_OUTLINE RowSum(Index begin, Index end)
      : begin_(begin), end_(end), partial_(bytes<T>()), total_(bytes<Total<T>>()) {
    std::fill_n(static_cast<T*>(partial_.data()), end, T(0));
    std::fill_n(static_cast<Total<T>*>(total_.data()), end, Total<T>(0));
  }
  T* row() {
    if (rows_ == block) flush();
    ++rows_;
    return static_cast<T*>(partial_.data());
  }
  /// Adds rows of plain numbers that follow each other, several at a time; `readable` to the end of the last one's
  /// lane.
  EIGENGRAD_OUTLINE void add(const T* from, Index rows, Index step, bool readable) {
    constexpr Index width = lane_width<T>, group = 4;
    const Index whole = begin_ + end_of_lanes<T>(end_ - begin_, readable);
    for (; rows >= group; rows -= group, from += group * step) {
      if (rows_ + group > block) flush();
      rows_ += group;
      T* const to = static_cast<T*>(partial_.data());
      const T *const b = from + step, *const c = b + step, *const d = c + step;
      Index j = begin_;
      for (; j < whole; j += width)
        lane::store<T>(to + j, lane::load(to + j) + ((lane::load(from + j) + lane::load(b + j)) +
                                                     (lane::load(c + j) + lane::load(d + j))));
      for (; j < end_; ++j) to[j] = to[j] + ((from[j] + b[j]) + (c[j] + d[j]));
    }
    for (; rows > 0; --rows, from += step) {
      T* const to = row();
      for (Index j = begin_; j < end_; ++j) to[j] = to[j] + from[j];
    }
  }
  EIGENGRAD_OUTLINE void move_to(T* target, T scale = T(1)) {
    flush();
    Total<T>* total = static_cast<Total<T>*>(total_.data());
    for (Index i = begin_; i < end_; ++i) {
      target[i] = static_cast<T>(target[i] + total[i] * scale);
      total[i] = Total<T>(0);
    }
  }

 private:
  EIGENGRAD_OUTLINE void flush() {
    T* partial = static_cast<T*>(partial_.data());
    Total<T>* total = static_cast<Total<T>*>(total_.data());
    for (Index i = begin_; i < end_; ++i) {
      total[i] = total[i] + partial[i];
      partial[i] = T(0);
    }
    rows_ = 0;
  }

  template <class X>
  std::size_t bytes() const {
    return static_cast<std::size_t>(end_) * sizeof(X);
  }

  Index begin_, end_;
  Block partial_, total_;
  Index rows_ = 0;
};

/// Returns the sum of the row's numbers in lanes begin to end, of which the first `row` count; or, with `to`, adds each
/// times `scale` to it and returns 0.
template <class T>
using SumLanes = Total<T> (*)(const void* formula, const Cursor* cursors, T* to, Index begin, Index end, Index row,
                              T scale);

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
Total<T> sum_of_row(const Rows<T>& rows, SumLanes<T> lanes, const void* formula, const Index* offsets, bool large) {
  constexpr Index width = lane_width<T>;
  const Index row = rows.loop.row, whole = end_of_lanes<T>(row, rows.readable());
  const auto chunks = [&](Index from, Index end) {
    Total<T> sum(0);
    for (; from < end; from += lane_chunk<T>)
      sum = sum + lanes(formula, rows.cursors, nullptr, from, (std::min)(from + lane_chunk<T>, end), row, T(1));
    return sum;
  };
  rows.start(offsets);
  Total<T> total(0);
  if (large) {
    const RowBlocks<T> blocks(whole);
    Total<T> parts[RowBlocks<T>::most];
    parallel_for(blocks.count, team_size(), [&](Index b) { parts[b] = chunks(blocks.begin(b), blocks.end(b)); });
    for (Index b = 0; b < blocks.count; ++b) total = total + parts[b];
  } else {
    total = chunks(0, whole);
  }
  if (whole < row) {
    rows.start_tail(whole, row - whole);
    total = total + lanes(formula, rows.cursors, nullptr, 0, width, row - whole, T(1));
  }
  return total;
}

/// SumLanes of everything, which also writes what each number's part in `scale` times the sum is: the derivative.
template <class T>
using SumDerivativeLanes = Total<T> (*)(const void* formula, const Cursor* cursors, const bool* wanted, T* derivative,
                                        Index begin, Index end, Index row, T scale);

/// sum_of_row for one row without a rest, and its derivative.
template <class T>
EIGENGRAD_OUTLINE Total<T> sum_with_derivative_flat(SumDerivativeLanes<T> lanes, const void* formula,
                                                    const Cursor* cursors, const bool* wanted, T* derivative,
                                                    Index size, T scale, bool large) {
  const Index whole = end_of_lanes<T>(size, true);
  const auto chunks = [&](Index from, Index end) {
    Total<T> sum(0);
    for (; from < end; from += lane_chunk<T>)
      sum = sum + lanes(formula, cursors, wanted, derivative, from, (std::min)(from + lane_chunk<T>, end), size, scale);
    return sum;
  };
  if (!large) return chunks(0, whole);
  const RowBlocks<T> blocks(whole);
  Total<T> parts[RowBlocks<T>::most], total(0);
  parallel_for(blocks.count, team_size(), [&](Index b) { parts[b] = chunks(blocks.begin(b), blocks.end(b)); });
  for (Index b = 0; b < blocks.count; ++b) total = total + parts[b];
  return total;
}

/// Everything summed up; what is large in blocks, of rows or along the only one, whose sums are summed in order.
template <class T>
Total<T> sum_of_all(const Rows<T>& rows, SumLanes<T> lanes, const void* formula, bool large) {
  constexpr Index most = 64;
  const Index count = rows.loop.rows, blocks = large ? (std::min)(most, count) : 1;
  Total<T> parts[most], total(0);
  const auto sum_block = [&](const Rows<T>& here, Index b) {
    parts[b] = Total<T>(0);
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

/// Rows added up to one row (or to several), its columns `begin` to `end`; the last ones with the row's rest.
template <class T>
void sum_columns(const Rows<T>& rows, SumLanes<T> lanes, const void* formula, T* target, T scale, Index begin,
                 Index end) {
  constexpr Index width = lane_width<T>;
  const Loop& loop = rows.loop;
  const Index row = loop.row, run = loop.run(rows.count);
  const bool by_blocks = run > RowSum<T>::block && !std::is_same_v<T, Total<T>>;
  const Index whole = end_of_lanes<T>(row, by_blocks && rows.readable());  // a block of sums has room for a last lane
  RowSum<T> sums(by_blocks ? begin : 0, by_blocks ? end : 0);
  Index rows_done = 0;
  loop.for_each_row([&](const Index* offsets) {
    rows.start(offsets);
    T* const gathered = target + offsets[rows.count];
    T* const to = by_blocks ? sums.row() : gathered;
    lanes(formula, rows.cursors, to, begin, (std::min)(end, whole), row, scale);
    if (end == row && whole < row) {
      T last[extent(width)] = {};
      std::copy_n(to + whole, row - whole, last);
      rows.start_tail(whole, row - whole);
      lanes(formula, rows.cursors, last, 0, width, row - whole, scale);
      std::copy_n(last, row - whole, to + whole);
    }
    if (by_blocks && ++rows_done % run == 0) sums.move_to(gathered);
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

/// target += scale * the sum of many rows of plain numbers.
template <class T>
EIGENGRAD_OUTLINE void sum_plain_rows(const T* from, Index rows, Index columns, bool readable, T* target, T scale) {
  const auto some = [=](Index begin, Index end) {
    RowSum<T> sums(begin, end);
    sums.add(from, rows, columns, readable);
    sums.move_to(target, scale);
  };
  if (has_threads && rows * columns >= (Index{1} << 18))
    parallel_columns(columns, some);
  else
    some(0, columns);
}

template <class T>
EIGENGRAD_OUTLINE void sum_rows(const Rows<T>& rows, SumLanes<T> lanes, const void* formula, bool to_one, T* target,
                                T scale, bool large) {
  const Loop& loop = rows.loop;
  const Index row = loop.row;
  if (to_one) {
    target[0] = static_cast<T>(target[0] + sum_of_all(rows, lanes, formula, large) * scale);
  } else if (loop.row_strides[rows.count] != 0) {
    if (!has_threads || !large) return sum_columns(rows, lanes, formula, target, scale, 0, row);
    parallel_columns(row, [&](Index begin, Index end) {
      OwnRows<T> own(rows);
      sum_columns(own.rows, lanes, formula, target, scale, begin, end);
    });
  } else {
    const auto walk = [&](const Rows<T>& here, Index first, Index end) {
      here.loop.for_each_row(first, end, [&](const Index* offsets) {
        T& gathered = target[offsets[rows.count]];
        gathered = static_cast<T>(gathered + sum_of_row(here, lanes, formula, offsets, false) * scale);
      });
    };
    if (has_threads && large && rows.written_size == loop.rows)
      parallel_rows(rows, walk);
    else
      walk(rows, 0, loop.rows);
  }
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
