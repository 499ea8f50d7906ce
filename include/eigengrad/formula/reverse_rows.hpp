#pragma once

#include <algorithm>
#include <utility>

#include "../core/buffer.hpp"
#include "../core/loop.hpp"
#include "../kernels/run_sums.hpp"
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
  bool sums = false;  // whether any is stretched
};
/// Adds lanes begin to end of the row to the sinks; only the first `row` numbers count. To stretched ones, at most a
/// chunk, the sums of runs are written one after another, and the lanes that are left.
template <class T>
using ReverseLanes = void (*)(const void* formula, const Cursor* cursors, const ReverseJob<T>& job, Index begin,
                              Index end, Index row);

/// What one row gives to its stretched sinks, summed as sum_of_row sums.
template <class T>
class RowSums {
  static constexpr Index width = lane_width<T>, room = (lane_chunk<T> / (sum_run * width) + sum_run) * width,
                         few_sinks = 4;

 public:
  /// Points stretched sinks to where their runs are written.
  RowSums(Sink<T>* sinks, int leaves) : leaves_(leaves) {
    Index count = 0;
    for (int k = 0; k < leaves; ++k) count += sinks[k].stretched ? 1 : 0;
    if (count > few_sinks) memory_ = Block(bytes_of_numbers(count * room, sizeof(T)));
    T* next = count > few_sinks ? static_cast<T*>(memory_.data()) : for_few_;
    for (int k = 0; k < leaves; ++k) {
      totals_[k] = Sum<T>(0);
      if (sinks[k].stretched) sinks[k].data = std::exchange(next, next + room);
    }
  }
  RowSums(const RowSums&) = delete;

  /// Lanes `from` to `end`, by chunks; the row's rest is a chunk by itself.
  EIGENGRAD_OUTLINE void add_chunks(ReverseLanes<T> lanes, const void* formula, const Cursor* cursors,
                                    const ReverseJob<T>& job, Index from, Index end, Index row) {
    for (; from < end; from += lane_chunk<T>) {
      const Index size = (std::min)(lane_chunk<T>, end - from) / width, parts = size / sum_run + size % sum_run;
      lanes(formula, cursors, job, from, from + size * width, row);
      for (int k = 0; k < leaves_; ++k)
        if (job.sinks[k].stretched) {
          LaneSum<T> sum;
          for (Index p = 0; p < parts; ++p) sum.add(lane::load(job.sinks[k].data + p * width));
          totals_[k] = totals_[k] + sum.total();
        }
    }
  }
  /// The whole lanes of a long row, in the blocks of sum_of_chunks.
  EIGENGRAD_COLD void add_blocks(ReverseLanes<T> lanes, const void* formula, const Cursor* cursors,
                                 const ReverseJob<T>& job, Index full, Index row) {
    const RowBlocks<T> blocks(full);
    Sum<T> parts[RowBlocks<T>::most][Loop::max_operands];
    parallel_for(blocks.count(), team_size(), [&](Index b) {
      Sink<T> sinks[Loop::max_operands];
      std::copy_n(job.sinks, leaves_, sinks);
      RowSums own(sinks, leaves_);
      ReverseJob<T> own_job = job;
      own_job.sinks = sinks;
      own.add_chunks(lanes, formula, cursors, own_job, blocks.begin(b), blocks.end(b), row);
      std::copy_n(own.totals_, leaves_, parts[b]);
    });
    for (Index b = 0; blocks.has(b); ++b)
      for (int k = 0; k < leaves_; ++k) totals_[k] = totals_[k] + parts[b][k];
  }
  /// The sum for sink k, which begins anew.
  Sum<T> take(int k) { return std::exchange(totals_[k], Sum<T>(0)); }

 private:
  int leaves_;
  Block memory_;
  Sum<T> totals_[Loop::max_operands];
  alignas(64) T for_few_[extent(few_sinks * room)];
};

/// Sinks to which many rows are added, as a bias' is: a run of rows gathers aside and moves to totals, by the rule of
/// kernels/run_sums.hpp. What rows have been summed up to along them moves there at once.
template <class T>
class ManyRows {
 public:
  /// For rows `first` to `end` of the loop; points `sinks` to where they gather. With `blocks` totals are there, from
  /// `places` on, and stay there.
  ManyRows(const Rows<T>& rows, const Sink<T>* wanted, int leaves, Index first, Index end, const Totals<T>* blocks,
           const Index* places, Sink<T>* sinks)
      : wanted_(wanted) {
    std::fill_n(steps_, leaves, Index{-1});
    if (end - first > few_numbers / 8 || blocks != nullptr) start(rows, leaves, first, blocks, places, sinks);
  }
  ManyRows(const ManyRows&) = delete;

  /// Where a row of sink k begins, seen from the first.
  Index offset(int k, const Index* offsets) const { return offsets[k] & steps_[k]; }
  bool is_aside(int k) const { return steps_[k] == 0; }
  void begin_row(Sink<T>* sinks) const {
    for (int g = 0; g < count_; ++g)
      if (gathered_[g].one_row) sinks[gathered_[g].leaf].add = gathered_[g].left != sum_run;
  }
  /// Takes the sum of a row; false where no totals are kept of sink k.
  bool add(int k, Index place, const Sum<T>& sum) const {
    for (int g = 0; g < count_; ++g)
      if (wanted_[gathered_[g].leaf].data == wanted_[k].data) {
        totals_->add(gathered_[g].place + place, sum);
        return true;
      }
    return false;
  }
  void end_row(const Index* offsets) {
    for (int g = 0; g < count_; ++g) {
      Gathered& each = gathered_[g];
      if (each.run == nullptr) continue;
      const bool last = ++each.passed == each.meeting;
      const bool alone = each.one_row && each.passed > each.meeting / sum_run * sum_run;
      if (--each.left == 0 || alone) move(each, offsets[each.leaf]);
      if (!last || !each.one_row) continue;
      each.passed = 0;
      if (totals_ != &own_) continue;
      own_.add_to(wanted_[each.leaf].data + offsets[each.leaf], each.place, each.row);
      if (each.row < each.size) own_.clear(each.place, each.row);
    }
  }
  void end(const Index* offsets) {
    for (int g = 0; g < count_; ++g) {
      Gathered& each = gathered_[g];
      if (each.run != nullptr && each.one_row) {
        if (each.left != each.period) move(each, offsets[each.leaf]);
        continue;
      }
      if (each.run != nullptr) totals_->add_numbers(each.place, each.run, each.size);
      if (totals_ == &own_) own_.add_to(wanted_[each.leaf].data, each.place, each.size);
    }
  }

 private:
  struct Gathered {
    int leaf;
    Index size, row, meeting;    // numbers; those of a row; rows that meet in one place
    bool one_row;                // all of which follow each other: they gather in one row
    bool in_turn;                // else: whether rows meet in all places in turn
    Index period, left, passed;  // rows between two moves, until the next, and since the place was another
    Index place;                 // in the totals
    T* run;                      // null where rows are summed along them
  };

  void move(Gathered& each, Index offset) {
    each.left = each.period;
    if (!each.one_row) {
      const Index from = each.in_turn ? 0 : offset;
      return totals_->take_numbers(each.place + from, each.run + from, each.in_turn ? each.size : each.row);
    }
    // Behind the only row of totals there is room for the whole of the last lane.
    const bool own = totals_ == &own_;
    totals_->add_numbers(each.place + (own ? 0 : offset), each.run,
                         own || each.row == each.size ? end_of_lanes<T>(each.row, true) : each.row);
  }
  EIGENGRAD_COLD void start(const Rows<T>& rows, int leaves, Index first, const Totals<T>* blocks, const Index* places,
                            Sink<T>* sinks) {
    const Loop& loop = rows.loop;
    Index own_size = 0, aside = 0;
    for (int k = 0; k < leaves; ++k) {
      if (wanted_[k].data == nullptr) continue;
      int owner = 0;
      while (wanted_[owner].data != wanted_[k].data) ++owner;
      if (owner < k) continue;
      const bool stretched = loop.row_strides[k] == 0;
      const Index size = rows.operands[k].shape->size(), row = stretched ? 1 : loop.row;
      const Index meeting = row == 0 || size == 0 ? 0 : loop.rows / (size / row);
      // Of few rows a sum in T is right enough, and totals would cost a tenth.
      if (meeting <= (blocks != nullptr ? 1 : stretched ? few_numbers / 8 : few_numbers)) continue;
      Gathered& each = gathered_[count_++];
      each.leaf = k;
      each.size = size;
      each.row = row;
      each.meeting = meeting;
      each.one_row = !stretched && (size == row || loop.rows_at_one_place(k) == meeting);
      each.in_turn = loop.rows_at_one_place(k) <= sum_run;
      each.period = each.left = each.in_turn && !each.one_row ? sum_run * (size / row) : sum_run;
      each.passed = first % meeting;
      const Index room = end_of_lanes<T>(each.one_row ? row : size, true);
      each.place = blocks != nullptr ? places[k] : own_size;
      own_size += room;
      if (!stretched) aside += room;
    }
    if (count_ == 0) return;
    if (blocks == nullptr) own_ = Totals<T>(1, own_size);
    totals_ = blocks != nullptr ? blocks : &own_;
    memory_ = Block(bytes_of_numbers(aside, sizeof(T)));
    T* next = static_cast<T*>(memory_.data());
    std::fill_n(next, aside, T(0));
    for (int g = 0; g < count_; ++g) {
      Gathered& each = gathered_[g];
      each.run = nullptr;
      if (loop.row_strides[each.leaf] == 0) continue;
      each.run = std::exchange(next, next + end_of_lanes<T>(each.one_row ? each.row : each.size, true));
      for (int k = each.leaf; k < leaves; ++k) {  // the same tensor may stand in several places
        if (wanted_[k].data != wanted_[each.leaf].data) continue;
        sinks[k].data = each.run;
        sinks[k].padded = sinks[k].add = true;
        if (each.one_row) steps_[k] = 0;
      }
    }
  }

  const Sink<T>* wanted_;
  Index steps_[Loop::max_operands];  // 0 for those whose rows gather in one
  Gathered gathered_[Loop::max_operands];
  int count_ = 0;
  Totals<T> own_;
  const Totals<T>* totals_ = nullptr;
  Block memory_;
};

/// Rows `first` to `end`; with `blocks` see ManyRows.
template <class T>
EIGENGRAD_OUTLINE void reverse_some_rows(const Rows<T>& rows, ReverseLanes<T> lanes, const void* formula,
                                         const Sink<T>* wanted, int leaves, bool has_result, Index first, Index end,
                                         bool long_row, const Totals<T>* blocks = nullptr,
                                         const Index* places = nullptr) {
  constexpr Index width = lane_width<T>;
  const Loop& loop = rows.loop;
  const Index row = loop.row;
  Sink<T> begins[Loop::max_operands], sinks[Loop::max_operands];
  T last[Loop::max_operands][extent(width)];
  ReverseJob<T> job{sinks, 0, true, has_result, false};
  while (wanted[job.first].data == nullptr) ++job.first;
  std::copy_n(wanted, leaves, begins);
  ManyRows<T> many_rows(rows, wanted, leaves, first, end, blocks, places, begins);
  bool padded = rows.padded();
  for (int k = 0; k < leaves; ++k) {
    sinks[k] = begins[k];
    if (sinks[k].data == nullptr) continue;
    sinks[k].stretched = loop.row_strides[k] == 0;
    job.sums = job.sums || sinks[k].stretched;
    // A last lane may be written whole in a sink of one row, and in one of all rows where the next row comes later.
    const bool one_row = many_rows.is_aside(k) || rows.operands[k].shape->size() == row;
    padded = padded &&
             (sinks[k].stretched || (sinks[k].padded && (one_row || (!sinks[k].add && !rows.reads(sinks[k].data)))));
    job.single = job.single && sinks[k].data == begins[job.first].data && !sinks[k].stretched;
  }
  RowSums<T> sums(sinks, leaves);
  Index at = first;

  loop.for_each_row(first, end, [&](const Index* offsets) {
    const Index whole = end_of_lanes<T>(row, padded && rows.padded_at(at, end));
    ++at;
    // A sum along the row has the row's rest by itself, whether that is written whole or not: the bits stay the same.
    const Index full = job.sums ? end_of_lanes<T>(row, false) : whole;
    rows.start(offsets);
    for (int k = 0; k < leaves; ++k)
      if (begins[k].data != nullptr && !sinks[k].stretched)
        sinks[k].data = begins[k].data + many_rows.offset(k, offsets);
    many_rows.begin_row(sinks);
    if (long_row)
      sums.add_blocks(lanes, formula, rows.cursors, job, full, row);
    else if (job.sums)
      sums.add_chunks(lanes, formula, rows.cursors, job, 0, full, row);
    else
      lanes(formula, rows.cursors, job, 0, full, row);
    if (full < whole) sums.add_chunks(lanes, formula, rows.cursors, job, full, whole, row);
    if (whole < row) {
      rows.start_tail(whole, row - whole);
      for (int k = 0; k < leaves; ++k) {
        if (sinks[k].data == nullptr || sinks[k].stretched) continue;
        // The same tensor in two places shares one piece of scratch, as it shares its gradient.
        int owner = 0;
        while (begins[owner].data != begins[k].data) ++owner;
        if (owner == k) std::copy_n(sinks[k].data + whole, sinks[k].add ? row - whole : 0, last[k]);
        sinks[k].data = last[owner];
      }
      sums.add_chunks(lanes, formula, rows.cursors, job, 0, width, row - whole);
    }
    for (int k = 0; k < leaves; ++k) {
      if (begins[k].data == nullptr) continue;
      if (sinks[k].stretched) {
        const Sum<T> sum = sums.take(k);
        if (many_rows.add(k, offsets[k], sum)) continue;
        T& to = wanted[k].data[offsets[k]];
        to = static_cast<T>(to + quotient_of_sum<T>(sum, T(1)));
      } else if (sinks[k].data == last[k]) {
        std::copy_n(last[k], row - whole, begins[k].data + many_rows.offset(k, offsets) + whole);
      }
    }
    many_rows.end_row(offsets);
    if (at == end) many_rows.end(offsets);
  });
}

/// Blocks of rows for several threads. A sink to which rows of several blocks are added has totals in each block, which
/// are added up at last, in order.
template <class T>
EIGENGRAD_COLD void reverse_blocks(const Rows<T>& rows, ReverseLanes<T> lanes, const void* formula,
                                   const Sink<T>* wanted, int leaves, bool has_result) {
  constexpr Index most = 16, width = lane_width<T>;
  const Loop& loop = rows.loop;
  Index sizes[Loop::max_operands], places[Loop::max_operands], gathered = 0;  // of sinks that several rows are added to
  for (int k = 0; k < leaves; ++k) {
    const Index size = rows.operands[k].shape->size();
    int owner = 0;
    while (owner < k && wanted[owner].data != wanted[k].data) ++owner;
    const bool several = size < loop.rows * (loop.row_strides[k] == 0 ? 1 : loop.row);
    sizes[k] = wanted[k].data != nullptr && several && owner == k ? size : 0;
    places[k] = gathered;
    gathered += (sizes[k] + width - 1) / width * width;
  }
  const Index runs = (loop.rows + sum_run - 1) / sum_run;  // which no block cuts
  Index blocks = (std::min)(most, runs);
  if (gathered > 0) blocks = (std::min)(blocks, loop.rows * loop.row / (2 * gathered));
  if (blocks < 2) return reverse_some_rows(rows, lanes, formula, wanted, leaves, has_result, 0, loop.rows, false);
  const Totals<T> totals(blocks, gathered);
  parallel_for(blocks, team_size(), [&](Index b) {
    OwnRows<T> own(rows);
    Index own_places[Loop::max_operands];
    for (int k = 0; k < leaves; ++k) own_places[k] = totals.place(b) + places[k];
    reverse_some_rows(own.rows, lanes, formula, wanted, leaves, has_result, sum_run * (runs * b / blocks),
                      (std::min)(loop.rows, sum_run * (runs * (b + 1) / blocks)), false, &totals, own_places);
  });
  totals.gather();
  for (int k = 0; k < leaves; ++k) totals.add_to(wanted[k].data, places[k], sizes[k]);
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
