#pragma once

#include <cstring>
#include <vector>

#include "../core/buffer.hpp"
#include "../core/loop.hpp"
#include "../kernels/sums.hpp"
#include "rows.hpp"
#include "sum_rows.hpp"

// A formula's gradient where shapes differ: rows backward, with sums over what was stretched.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Where the gradient of one operand goes; null when it is not wanted.
template <class T>
struct Sink {
  T* data = nullptr;
  bool add = false;
  bool padded = false;     // its last lane may be written whole
  bool stretched = false;  // along the row, over which it is then summed
};

/// How reverse's lanes are to be worked on. `first` is the first sink that is wanted; with `single` all are the same.
template <class T>
struct ReverseJob {
  const Sink<T>* sinks;
  int first = 0;
  bool single = false;
  bool has_result = false;
  Total<T>* totals;  // for stretched sinks
};
/// Adds lanes begin to end of the row to the sinks; only the first `row` numbers count.
template <class T>
using ReverseLanes = void (*)(const void* formula, const Cursor* cursors, const ReverseJob<T>& job, Index begin,
                              Index end, Index row);

/// Sums over many rows, as a bias' gradient is, would lose digits in floats: after at most some 128 rows, what a sink
/// has gathered is added to totals in double, and the sink begins again at 0.
template <class T>
class ManyRows {
 public:
  /// For rows `first` to `end` of the loop.
  ManyRows(const Rows<T>& rows, const Sink<T>* sinks, int leaves, Index first, Index end) {
    if (end - first > block && !std::is_same_v<T, Total<T>>) start(rows, sinks, leaves, end - first);
  }
  ManyRows(const ManyRows&) = delete;
  ~ManyRows() { delete[] gathered_; }
  void end_row(const Sink<T>* sinks, const Index* offsets) {
    if (count_ > 0) [[unlikely]]
      next(sinks, offsets);
  }
  void end(const Sink<T>* sinks) {
    for (int g = 0; g < count_; ++g) {
      Gathered& each = gathered_[g];
      flush(each, sinks, 0, each.size);
      each.totals.move_to(sinks[each.leaf].data, T(1), 0, each.size);
    }
  }

 private:
  static constexpr Index block = 128;
  struct Gathered {
    int leaf;
    Index size, row;
    bool in_turn;        // rows meet in all places in turn; else in one, then in the next
    Index period, left;  // rows between two flushes, and until the next
    Totals<T> totals;
  };

  EIGENGRAD_OUTLINE void start(const Rows<T>& rows, const Sink<T>* sinks, int leaves, Index count) {
    const Loop& loop = rows.loop;
    for (int k = 0; k < leaves; ++k) {
      bool mine = sinks[k].data != nullptr;
      for (int before = 0; before < k; ++before) mine = mine && sinks[before].data != sinks[k].data;
      if (!mine) continue;
      const Index size = rows.operands[k].shape->size(), row = loop.row_strides[k] == 0 ? 1 : loop.row;
      const Index places = row == 0 ? 0 : size / row;
      if (places == 0 || loop.rows / places <= block || places > count) continue;
      const bool in_turn = loop.rows_at_one_place(k) <= block;
      const Index period = in_turn ? block * places : block;
      if (gathered_ == nullptr) gathered_ = new Gathered[static_cast<std::size_t>(leaves)];
      gathered_[count_++] = {k, size, row, in_turn, period, period, Totals<T>(1, size)};
    }
  }
  EIGENGRAD_OUTLINE void next(const Sink<T>* sinks, const Index* offsets) {
    for (int g = 0; g < count_; ++g) {
      Gathered& each = gathered_[g];
      if (--each.left > 0) continue;
      each.in_turn ? flush(each, sinks, 0, each.size)
                   : flush(each, sinks, offsets[each.leaf], offsets[each.leaf] + each.row);
      each.left = each.period;
    }
  }
  static void flush(const Gathered& each, const Sink<T>* sinks, Index begin, Index end) {
    T* const from = sinks[each.leaf].data;
    for (Index j = begin; j < end; ++j) each.totals.add(j, Sum<T>(std::exchange(from[j], T(0))));
  }

  Gathered* gathered_ = nullptr;
  int count_ = 0;
};

/// Lanes 0 to `whole` of one long row. What is summed along it is summed in blocks, as many as the length asks for.
template <class T>
EIGENGRAD_OUTLINE void reverse_long_row(ReverseLanes<T> lanes, const void* formula, const Cursor* cursors,
                                        const ReverseJob<T>& job, int leaves, Index whole, Index row) {
  const RowBlocks<T> blocks(whole);
  Total<T> totals[RowBlocks<T>::most][Loop::max_operands];
  parallel_for(blocks.count, team_size(), [&](Index b) {
    std::fill_n(totals[b], leaves, Total<T>(0));
    ReverseJob<T> own = job;
    own.totals = totals[b];
    for (Index from = blocks.begin(b); from < blocks.end(b); from += lane_chunk<T>)
      lanes(formula, cursors, own, from, (std::min)(from + lane_chunk<T>, blocks.end(b)), row);
  });
  for (Index b = 0; b < blocks.count; ++b)
    for (int k = 0; k < leaves; ++k) job.totals[k] = job.totals[k] + totals[b][k];
}

/// Rows `first` to `end`.
template <class T>
EIGENGRAD_OUTLINE void reverse_some_rows(const Rows<T>& rows, ReverseLanes<T> lanes, const void* formula,
                                         const Sink<T>* wanted, int leaves, bool has_result, Index first, Index end,
                                         bool long_row) {
  constexpr Index width = lane_width<T>;
  const Loop& loop = rows.loop;
  const Index row = loop.row;
  Sink<T> sinks[Loop::max_operands];
  Total<T> totals[Loop::max_operands] = {};
  T last[Loop::max_operands][extent(width)];
  ReverseJob<T> job{sinks, 0, true, has_result, totals};
  while (wanted[job.first].data == nullptr) ++job.first;
  bool padded = rows.padded(), sums = false;
  for (int k = 0; k < leaves; ++k) {
    sinks[k] = wanted[k];
    if (sinks[k].data == nullptr) continue;
    sinks[k].stretched = loop.row_strides[k] == 0;
    sums = sums || sinks[k].stretched;
    // A last lane may be written whole in a sink of one row, and in one of all rows where the next row comes later.
    const bool one_row = rows.operands[k].shape->size() == row;
    padded = padded &&
             (sinks[k].stretched || (sinks[k].padded && (one_row || (!sinks[k].add && !rows.reads(sinks[k].data)))));
    job.single = job.single && sinks[k].data == wanted[job.first].data && !sinks[k].stretched;
  }
  ManyRows<T> many_rows(rows, wanted, leaves, first, end);
  Index at = first;

  loop.for_each_row(first, end, [&](const Index* offsets) {
    const Index whole = end_of_lanes<T>(row, padded && rows.padded_at(at++, end));
    // A sum along the row has the row's rest by itself, whether that is written whole or not: the bits stay the same.
    const Index full = sums ? end_of_lanes<T>(row, false) : whole, chunk = sums ? lane_chunk<T> : whole;
    rows.start(offsets);
    for (int k = 0; k < leaves; ++k)
      if (wanted[k].data != nullptr) sinks[k].data = wanted[k].data + offsets[k];
    if (long_row)
      reverse_long_row(lanes, formula, rows.cursors, job, leaves, full, row);
    else
      for (Index from = 0; from < full; from += chunk)
        lanes(formula, rows.cursors, job, from, (std::min)(from + chunk, full), row);
    if (full < whole) lanes(formula, rows.cursors, job, full, whole, row);
    if (whole < row) {
      rows.start_tail(whole, row - whole);
      for (int k = 0; k < leaves; ++k) {
        if (sinks[k].data == nullptr || sinks[k].stretched) continue;
        // The same tensor in two places shares one piece of scratch, as it shares its gradient.
        int owner = 0;
        while (wanted[owner].data != wanted[k].data) ++owner;
        if (owner == k) std::copy_n(sinks[k].data + whole, sinks[k].add ? row - whole : 0, last[k]);
        sinks[k].data = last[owner];
      }
      lanes(formula, rows.cursors, job, 0, width, row - whole);
    }
    for (int k = 0; k < leaves; ++k) {
      if (wanted[k].data == nullptr) continue;
      if (sinks[k].stretched) {
        T& sum = wanted[k].data[offsets[k]];
        sum = static_cast<T>(sum + totals[k]);
        totals[k] = Total<T>(0);
      } else if (sinks[k].data == last[k]) {
        std::copy_n(last[k], row - whole, wanted[k].data + offsets[k] + whole);
      }
    }
    many_rows.end_row(wanted, offsets);
  });
  many_rows.end(wanted);
}

/// Blocks of rows for several threads. A sink to which rows of several blocks are added has numbers of its own in each
/// block; these are summed at last, in order.
template <class T>
EIGENGRAD_OUTLINE void reverse_blocks(const Rows<T>& rows, ReverseLanes<T> lanes, const void* formula,
                                      const Sink<T>* wanted, int leaves, bool has_result) {
  constexpr Index most = 16;
  const Loop& loop = rows.loop;
  Index sizes[Loop::max_operands], gathered = 0;  // of sinks that several rows are added to; 0 for others
  int owners[Loop::max_operands];
  for (int k = 0; k < leaves; ++k) {
    const Index size = rows.operands[k].shape->size();
    owners[k] = k;
    for (int before = k - 1; before >= 0; --before)
      if (wanted[before].data == wanted[k].data) owners[k] = before;
    const bool several = size < loop.rows * (loop.row_strides[k] == 0 ? 1 : loop.row);
    sizes[k] = wanted[k].data != nullptr && several ? size : 0;
    if (owners[k] == k) gathered += sizes[k];
  }
  Index blocks = (std::min)(most, loop.rows);
  if (gathered > 0) blocks = (std::min)(blocks, loop.rows * loop.row / (2 * gathered));
  if (blocks < 2) return reverse_some_rows(rows, lanes, formula, wanted, leaves, has_result, 0, loop.rows, false);
  const Block memory(bytes_of_numbers(blocks * gathered, sizeof(T)));
  T* const numbers = static_cast<T*>(memory.data());
  std::memset(static_cast<void*>(numbers), 0, static_cast<std::size_t>(blocks * gathered) * sizeof(T));
  parallel_for(blocks, team_size(), [&](Index b) {
    OwnRows<T> own(rows);
    Sink<T> sinks[Loop::max_operands];
    T* next = numbers + b * gathered;
    for (int k = 0; k < leaves; ++k) {
      sinks[k] = wanted[k];
      if (sizes[k] == 0) continue;
      sinks[k].data = owners[k] == k ? std::exchange(next, next + sizes[k]) : sinks[owners[k]].data;
      sinks[k].add = true;
      sinks[k].padded = false;
    }
    reverse_some_rows(own.rows, lanes, formula, sinks, leaves, has_result, loop.rows * b / blocks,
                      loop.rows * (b + 1) / blocks, false);
  });
  const Totals<T> totals(1, gathered);
  for (Index b = 0; b < blocks; ++b)
    for (Index j = 0; j < gathered; j += lane_width<T>) totals.add_lane(j, lane::load(numbers + b * gathered + j));
  Index place = 0;
  for (int k = 0; k < leaves; ++k)
    for (Index j = 0; owners[k] == k && j < sizes[k]; ++j, ++place) {
      T& to = wanted[k].data[j];
      to = static_cast<T>(quotient_of_sum<T>(totals.at(place) + Sum<T>(to), T(1)));
    }
}

template <class T>
EIGENGRAD_OUTLINE void reverse_rows(const Rows<T>& rows, ReverseLanes<T> lanes, const void* formula,
                                    const Sink<T>* wanted, int leaves, bool has_result, bool large) {
  if (large && rows.loop.rows > 1)
    reverse_blocks(rows, lanes, formula, wanted, leaves, has_result);
  else
    reverse_some_rows(rows, lanes, formula, wanted, leaves, has_result, 0, rows.loop.rows, large);
}

template <class T>
EIGENGRAD_OUTLINE void reverse_flat(ReverseLanes<T> lanes, const void* formula, const Cursor* cursors,
                                    const ReverseJob<T>& job, Index size) {
  parallel_lanes<T>(size, [&](Index begin, Index end) { lanes(formula, cursors, job, begin, end, size); });
}

// Compiled: void reverse_rows(const Rows<T>&, ReverseLanes<T>, const void*, const Sink<T>*, int, bool, bool)
}}  // namespace eigengrad::EIGENGRAD_ABI
