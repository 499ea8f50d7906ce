#pragma once

#include <algorithm>

#include "../core/threads.hpp"
#include "../simd/lane.hpp"
#include "sums.hpp"

// The order in which numbers are added up, wherever that is done: sum_run of them, lane by lane along a row or row by
// row down the columns, one after another in their own type, which keeps equal ones exact; then this run moves to
// totals (kernels/sums.hpp). What is left at the end moves there one by one. Where sums are cut depends on sizes alone,
// so the bits do not depend on threads.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// How many numbers meet in their own type before they move to totals.
inline constexpr Index sum_run = 4;
/// Sums along a row are carried in lanes for as many numbers.
template <class T>
inline constexpr Index lane_chunk = 128 * lane_width<T>;

/// Adds rows of plain numbers, `step` apart, to the sums from `place` on, columns `begin` to `end`, by runs. `padded`
/// to the end of the last one's lane.
template <class T>
EIGENGRAD_OUTLINE void add_rows(const Totals<T>& totals, Index place, const T* from, Index rows, Index step,
                                bool padded, Index begin, Index end) {
  constexpr Index width = lane_width<T>;
  const Index columns = end - begin,
              whole = begin + (padded ? (columns + width - 1) / width * width : columns - columns % width);
  for (; rows >= sum_run; rows -= sum_run, from += sum_run * step) {
    const T *const b = from + step, *const c = b + step, *const d = c + step;
    Index j = begin;
    for (; j < whole; j += width)
      totals.add_lane(place + j, ((lane::load(from + j) + lane::load(b + j)) + lane::load(c + j)) + lane::load(d + j));
    for (; j < end; ++j) totals.add(place + j, Sum<T>(((from[j] + b[j]) + c[j]) + d[j]));
  }
  for (; rows > 0; --rows, from += step)
    for (Index j = begin; j < end; ++j) totals.add(place + j, Sum<T>(from[j]));
}

/// How a row of lanes is cut to be summed: by whole chunks, into at most so many blocks, of which several threads may
/// each take some. Depends on its length alone.
template <class T>
struct RowBlocks {
  static constexpr Index most = 64;

  explicit RowBlocks(Index whole) : whole_(whole) {
    const Index chunks = (whole + lane_chunk<T> - 1) / lane_chunk<T>;
    step_ = std::max<Index>(4, (chunks + most - 1) / most) * lane_chunk<T>;
  }
  Index begin(Index block) const { return block * step_; }
  Index end(Index block) const { return (std::min)(whole_, (block + 1) * step_); }
  bool has(Index block) const { return begin(block) < whole_; }
  Index count() const { return (whole_ + step_ - 1) / step_; }  // a division, which small sums would wait for

 private:
  Index whole_, step_;
};
/// The sum of chunk(begin, end) over the chunks that lanes 0 to `whole` of a row are cut into; `large` asks for
/// threads.
template <class T, class Chunk>
Sum<T> sum_of_chunks(Index whole, [[maybe_unused]] bool large, const Chunk& chunk) {
  const RowBlocks<T> blocks(whole);
  const auto sum_of_block = [&](Index b) {
    Sum<T> sum(0);
    for (Index from = blocks.begin(b); from < blocks.end(b); from += lane_chunk<T>)
      sum = sum + chunk(from, (std::min)(from + lane_chunk<T>, blocks.end(b)));
    return sum;
  };
  Sum<T> total(0);
  if constexpr (has_threads) {
    if (large) {
      Sum<T> parts[RowBlocks<T>::most];
      parallel_for(blocks.count(), team_size(), [&](Index b) { parts[b] = sum_of_block(b); });
      for (Index b = 0; blocks.has(b); ++b) total = total + parts[b];
      return total;
    }
  }
  for (Index b = 0; blocks.has(b); ++b) total = total + sum_of_block(b);
  return total;
}

/// The sum of whole lanes of numbers that follow each other, of one chunk.
template <class T>
EIGENGRAD_OUTLINE Sum<T> sum_of_lanes(const T* from, Index count) {
  constexpr Index width = lane_width<T>;
  LaneSum<T> sums;
  Index i = 0;
  for (; i + sum_run * width <= count; i += sum_run * width)
    sums.add(((lane::load(from + i) + lane::load(from + i + width)) + lane::load(from + i + 2 * width)) +
             lane::load(from + i + 3 * width));
  for (; i < count; i += width) sums.add(lane::load(from + i));
  return sums.total();
}
template <class T>
EIGENGRAD_OUTLINE Sum<T> sum_of_whole_lanes(const T* from, Index count, bool large) {
  return sum_of_chunks<T>(count, large,
                          [=](Index begin, Index end) { return sum_of_lanes(from + begin, end - begin); });
}
/// The sum of `count` numbers that follow each other; `large` asks for threads.
template <class T>
Sum<T> sum_of_numbers(const T* from, Index count, bool large = false) {
  const Index whole = count - count % lane_width<T>;
  Sum<T> total = whole > 0 ? sum_of_whole_lanes(from, whole, large) : Sum<T>(0);
  for (Index i = whole; i < count; ++i) total = total + Sum<T>(from[i]);
  return total;
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
EIGENGRAD_OUTLINE void sum_plain_rows(const T* from, Index rows, Index columns, bool padded, T* target,
                                      const T& divisor) {
  const Totals<T> totals(1, columns);
  const auto some = [&](Index begin, Index end) {
    add_rows(totals, 0, from, rows, columns, padded, begin, end);
    totals.move_to(target, divisor, begin, end);
  };
  if (has_threads && rows * columns >= (Index{1} << 18))
    parallel_columns(columns, some);
  else
    some(0, columns);
}

/// sum_few_rows of the columns from j on, which fill no lane.
template <class T>
EIGENGRAD_COLD void sum_last_columns(const T* from, Index rows, Index j, Index columns, T* to, bool add) {
  for (; j < columns; ++j) {
    Sum<T> sum(0);
    const T* row = from + j;
    Index left = rows;
    for (; left >= sum_run; left -= sum_run, row += sum_run * columns)
      sum = sum + Sum<T>(((row[0] + row[columns]) + row[2 * columns]) + row[3 * columns]);
    for (; left > 0; --left, row += columns) sum = sum + Sum<T>(*row);
    const T rounded = quotient_of_sum<T>(sum, T(1));
    to[j] = add ? to[j] + rounded : rounded;
  }
}
/// to (=|+=) the sum of few rows of plain numbers, by the same rule, in registers. `padded` says that the last lane of
/// rows may be read whole, and of `to` written.
template <class T>
EIGENGRAD_OUTLINE void sum_few_rows(const T* from, Index rows, Index columns, bool padded, T* to, bool add) {
  constexpr Index width = lane_width<T>;
  const Index whole = padded ? columns : columns - columns % width;
  Index j = 0;
  for (; j < whole; j += width) {
    LaneSum<T> sums;
    const T* row = from + j;
    Index left = rows;
    for (; left >= sum_run; left -= sum_run, row += sum_run * columns)
      sums.add(((lane::load(row) + lane::load(row + columns)) + lane::load(row + 2 * columns)) +
               lane::load(row + 3 * columns));
    for (; left > 0; --left, row += columns) sums.add(lane::load(row));
    const lane_t<T> sum = sums.rounded();
    lane::store<T>(to + j, add ? lane_t<T>(lane::load(to + j) + sum) : sum);
  }
  if (j < columns) sum_last_columns(from, rows, j, columns, to, add);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
