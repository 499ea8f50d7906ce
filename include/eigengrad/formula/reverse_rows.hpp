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
  bool room = false;       // its last lane may be written whole
  bool stretched = false;  // along the row, over which it is then summed
};

/// How reverse's lanes are to be worked on. `first` is the first sink that is wanted; with `single` all are the same.
template <class T>
struct ReverseJob {
  const Sink<T>* sinks;
  int first = 0;
  bool single = false;
  bool has_result = false;
};
/// Writes lanes begin to end of the row to the sinks, or adds them.
template <class T>
using ReverseLanes = void (*)(const void* formula, const Cursor* cursors, const ReverseJob<T>& job, Index begin,
                              Index end);

/// Keeps the digits of sinks in which more than 128 rows meet, as in a bias': what some four rows come to moves to
/// totals.
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
  /// Adds what a row of leaf k sums up to; false where no totals are kept of it.
  bool add(const Sink<T>* sinks, int k, Index place, const Sum<T>& number) const {
    for (int g = 0; g < count_; ++g)
      if (sinks[gathered_[g].leaf].data == sinks[k].data) {
        gathered_[g].totals.add(place, number);
        return true;
      }
    return false;
  }
  void end(const Sink<T>* sinks) {
    for (int g = 0; g < count_; ++g) {
      Gathered& each = gathered_[g];
      each.totals.take(0, sinks[each.leaf].data, each.size);
      each.totals.move_to(sinks[each.leaf].data, T(1), 0, each.size);
    }
  }

 private:
  static constexpr Index block = 128, run = 4;
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
      const bool in_turn = loop.run(k) <= run;
      const Index period = in_turn ? run * places : run;
      if (gathered_ == nullptr) gathered_ = new Gathered[static_cast<std::size_t>(leaves)];
      gathered_[count_++] = {k, size, row, in_turn, period, period, Totals<T>(1, size)};
    }
  }
  EIGENGRAD_OUTLINE void next(const Sink<T>* sinks, const Index* offsets) {
    for (int g = 0; g < count_; ++g) {
      Gathered& each = gathered_[g];
      if (--each.left > 0) continue;
      const Index begin = each.in_turn ? 0 : offsets[each.leaf];
      each.totals.take(begin, sinks[each.leaf].data + begin, each.in_turn ? each.size : each.row);
      each.left = each.period;
    }
  }
  Gathered* gathered_ = nullptr;
  int count_ = 0;
};

/// Rows backward of which something is summed along the row: that is written aside, a chunk after another, and summed
/// from there as every run of numbers is. What does not fill a lane is summed by itself, however it comes here.
template <class T>
class SummedRows {
  static constexpr Index width = lane_width<T>, near = 16 * width;

 public:
  static constexpr Index chunk = 64 * width;

  SummedRows(const ReverseLanes<T>& lanes, const void* formula, const ReverseJob<T>& job, const Sink<T>* sinks,
             int leaves, Index row)
      : lanes_(lanes), formula_(formula), job_(job), wanted_(sinks), leaves_(leaves), row_(row) {
    for (int k = 0; k < leaves; ++k) sums_ += is_sum(k) ? 1 : 0;
    room_ = (std::min)(chunk, end_of_lanes<T>(row, true));
    if (sums_ * room_ > near) memory_ = Block(bytes_of_numbers(sums_ * room_, sizeof(T)));
  }
  explicit operator bool() const { return sums_ > 0; }

  /// Lanes `begin` to `end` of the row at `offsets`, added to `totals`.
  void run(const Rows<T>& rows, const Index* offsets, Index begin, Index end, Sum<T>* totals) {
    Sink<T> sinks[Loop::max_operands];
    ReverseJob<T> job = job_;
    job.sinks = sinks;
    for (Index from = begin; from < end; from += room_) {
      const Index count = (std::min)(room_, end - from), numbers = (std::min)(count, row_ - from);
      Index at[Loop::max_operands];
      for (int k = 0; k < rows.count; ++k) at[k] = offsets[k] + from * rows.loop.row_strides[k];
      rows.start(at);
      T* next = sums_ * room_ > near ? static_cast<T*>(memory_.data()) : near_;
      for (int k = 0; k < leaves_; ++k) {
        sinks[k] = wanted_[k];
        if (is_sum(k))
          sinks[k] = {std::exchange(next, next + room_)};
        else if (sinks[k].data != nullptr)
          sinks[k].data += at[k];
      }
      lanes_(formula_, rows.cursors, job, 0, count);
      const Index full = numbers - numbers % width;
      for (int k = 0; k < leaves_; ++k) {
        if (!is_sum(k)) continue;
        if (full > 0) totals[k] = totals[k] + sum_of_lanes(sinks[k].data, full);
        if (full < numbers) totals[k] = totals[k] + sum_of_some(sinks[k].data + full, numbers - full);
      }
    }
  }
  bool is_sum(int k) const { return wanted_[k].data != nullptr && wanted_[k].stretched; }

 private:
  ReverseLanes<T> lanes_;
  const void* formula_;
  ReverseJob<T> job_;
  const Sink<T>* wanted_;  // `stretched` is set
  int leaves_;
  Index row_, room_ = 0, sums_ = 0;
  Block memory_;
  alignas(64) T near_[extent(near)];
};

/// Whole lanes of one long row, in blocks, as many as the length asks for.
template <class T>
EIGENGRAD_OUTLINE void reverse_long_row(ReverseLanes<T> lanes, const void* formula, const Rows<T>& rows,
                                        const ReverseJob<T>& job, const Sink<T>* sinks, int leaves,
                                        const Index* offsets, Index whole, Sum<T>* totals) {
  const RowBlocks<T> blocks(whole);
  Sum<T> parts[RowBlocks<T>::most][Loop::max_operands];
  parallel_for(blocks.count, team_size(), [&](Index b) {
    std::fill_n(parts[b], leaves, Sum<T>(0));
    SummedRows<T> own(lanes, formula, job, sinks, leaves, rows.loop.row);
    own.run(OwnRows<T>(rows).rows, offsets, blocks.begin(b), blocks.end(b), parts[b]);
  });
  for (Index b = 0; b < blocks.count; ++b)
    for (int k = 0; k < leaves; ++k) totals[k] = totals[k] + parts[b][k];
}

template <class T>
EIGENGRAD_OUTLINE void reverse_flat(ReverseLanes<T> lanes, const void* formula, const Cursor* cursors,
                                    const ReverseJob<T>& job, Index size) {
  parallel_lanes<T>(size, [&](Index begin, Index end) { lanes(formula, cursors, job, begin, end); });
}

/// Rows `first` to `end`.
template <class T>
EIGENGRAD_OUTLINE void reverse_some_rows(const Rows<T>& rows, ReverseLanes<T> lanes, const void* formula,
                                         const Sink<T>* wanted, int leaves, bool has_result, Index first, Index end,
                                         bool long_row) {
  constexpr Index width = lane_width<T>;
  const Loop& loop = rows.loop;
  const Index row = loop.row;
  Sink<T> sinks[Loop::max_operands], stretched[Loop::max_operands];
  Sum<T> totals[Loop::max_operands] = {};
  T last[Loop::max_operands][extent(width)];
  ReverseJob<T> job{sinks, 0, true, has_result};
  while (wanted[job.first].data == nullptr) ++job.first;
  bool room = rows.readable();
  for (int k = 0; k < leaves; ++k) {
    sinks[k] = stretched[k] = wanted[k];
    if (sinks[k].data == nullptr) continue;
    stretched[k].stretched = loop.row_strides[k] == 0;
    // A last lane may be written whole in a sink of one row, and in one of all rows where the next row comes later.
    const bool one_row = rows.operands[k].shape->size() == row;
    room = room &&
           (stretched[k].stretched || (sinks[k].room && (one_row || (!sinks[k].add && !rows.reads(sinks[k].data)))));
    job.single = job.single && sinks[k].data == wanted[job.first].data && !stretched[k].stretched;
  }
  SummedRows<T> summed(lanes, formula, job, stretched, leaves, row);
  ManyRows<T> many_rows(rows, wanted, leaves, first, end);
  Index at = first;

  loop.for_each_row(first, end, [&](const Index* offsets) {
    const Index whole = end_of_lanes<T>(row, room && rows.may_write_on(at++, end));
    if (summed) {
      const Index full = long_row ? end_of_lanes<T>(row, false) : 0;
      if (long_row) reverse_long_row(lanes, formula, rows, job, stretched, leaves, offsets, full, totals);
      summed.run(rows, offsets, full, whole, totals);
    }
    if (!summed || whole < row) {
      rows.start(offsets);
      for (int k = 0; k < leaves; ++k)
        if (wanted[k].data != nullptr) sinks[k].data = wanted[k].data + offsets[k];
    }
    if (!summed) {
      if (long_row)
        reverse_flat(lanes, formula, rows.cursors, job, whole);
      else
        lanes(formula, rows.cursors, job, 0, whole);
    }
    if (whole < row) {
      rows.start_tail(whole, row - whole);
      for (int k = 0; k < leaves; ++k) {
        if (sinks[k].data == nullptr) continue;
        // The same tensor in two places shares one piece of scratch, as it shares its gradient; sums have their own.
        int owner = summed.is_sum(k) ? k : 0;
        while (wanted[owner].data != wanted[k].data) ++owner;
        if (summed.is_sum(k))
          sinks[k].add = false;
        else if (owner == k)
          std::copy_n(sinks[k].data + whole, sinks[k].add ? row - whole : 0, last[k]);
        sinks[k].data = last[owner];
      }
      lanes(formula, rows.cursors, job, 0, width);
    }
    for (int k = 0; k < leaves; ++k) {
      if (wanted[k].data == nullptr) continue;
      if (summed.is_sum(k)) {
        if (whole < row) totals[k] = totals[k] + sum_of_some(last[k], row - whole);
        T& sum = wanted[k].data[offsets[k]];
        if (!many_rows.add(wanted, k, offsets[k], totals[k])) sum = quotient_of_sum<T>(Sum<T>(sum) + totals[k], T(1));
        totals[k] = Sum<T>(0);
      } else if (whole < row && sinks[k].data == last[k]) {
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
      sinks[k].room = false;
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

// Compiled: void reverse_rows(const Rows<T>&, ReverseLanes<T>, const void*, const Sink<T>*, int, bool, bool)
}}  // namespace eigengrad::EIGENGRAD_ABI
