#pragma once

#include "../core/tensor.hpp"
#include "cursor.hpp"

// The walk over rows that broadcasting needs, compiled once and not once per formula: a formula lends it the function
// that works on lanes (ops/kernels.hpp). A row's rest is one more lane whose operands were copied aside.
namespace eigengrad::inline EIGENGRAD_ABI {

/// Sums of floats are carried in double.
template <class T>
struct TotalOf {
  using type = std::conditional_t<std::is_same_v<T, float>, double, T>;
};
template <class X>
struct TotalOf<Dual<X>> {
  using type = Dual<typename TotalOf<X>::type>;
};
template <class T>
using Total = typename TotalOf<T>::type;

/// Sums along a row are carried per chunk.
template <class T>
inline constexpr Index lane_chunk = 128 * lane_width<T>;

/// Where the whole lanes of a row end: before its rest, or, where there is room behind the row, after it.
template <class T>
EIGENGRAD_INLINE Index end_of_lanes(Index row, bool room) {
  constexpr Index width = lane_width<T>;
  return room ? (row + width - 1) / width * width : row - row % width;
}

/// A loop over a space and the operands that are read in it. Shapes behind the operands' belong to what is written.
template <class T>
struct Rows {
  const RowOperand* operands;
  int count;
  Cursor* cursors;
  Loop loop;

  Rows(const Shape& space, const RowOperand* read, int read_count, Cursor* at, const Shape* written = nullptr)
      : operands(read), count(read_count), cursors(at), loop(make_loop(space, read, read_count, written)) {}

  /// Whether there is one row, and every operand that advances along it can be read to the end of its last lane.
  bool padded() const {
    bool result = loop.rows == 1;
    for (int k = 0; k < count; ++k) result = result && (loop.row_strides[k] == 0 || operands[k].padded);
    return result;
  }
  void start(const Index* offsets) {
    for (int k = 0; k < count; ++k) cursors[k].template start<T>(operands[k], offsets[k], loop.row_strides[k]);
  }
  void start_tail(Index i, Index left) {
    for (int k = 0; k < count; ++k) cursors[k].template start_tail<T>(operands[k], i, left);
  }

 private:
  static Loop make_loop(const Shape& space, const RowOperand* operands, int count, const Shape* written) {
    const Shape* shapes[Loop::max_operands];
    for (int k = 0; k < count; ++k) shapes[k] = operands[k].shape;
    if (written != nullptr) shapes[count++] = written;
    return Loop(space, shapes, count);
  }
};

/// Writes lanes 0 to end of a formula to `target`, or adds them.
using EvaluateLanes = void (*)(const void* formula, const Cursor* cursors, void* target, Index end, bool add);

template <class T, class E>
EIGENGRAD_OUTLINE void evaluate_rows(Rows<T> rows, EvaluateLanes lanes, const void* formula, E* target, bool add,
                                     bool room) {
  constexpr Index width = lane_width<T>;
  const Index row = rows.loop.row, whole = end_of_lanes<T>(row, room && rows.padded());
  rows.loop.for_each_row([&](const Index* offsets) {
    rows.start(offsets);
    lanes(formula, rows.cursors, target, whole, add);
    if (whole < row) {
      E last[width] = {};
      if (add) std::copy_n(target + whole, row - whole, last);
      rows.start_tail(whole, row - whole);
      lanes(formula, rows.cursors, last, width, add);
      std::copy_n(last, row - whole, target + whole);
    }
    target += row;
  });
}

/// The same for a formula and its derivative.
template <class T>
using DerivativeLanes = void (*)(const void* formula, const Cursor* cursors, const bool* wanted, T* target,
                                 T* derivative, Index end);

template <class T>
EIGENGRAD_OUTLINE void derivative_rows(Rows<T> rows, DerivativeLanes<T> lanes, const void* formula, const bool* wanted,
                                       T* target, T* derivative) {
  constexpr Index width = lane_width<T>;
  const Index row = rows.loop.row, whole = end_of_lanes<T>(row, rows.padded());
  rows.loop.for_each_row([&](const Index* offsets) {
    rows.start(offsets);
    lanes(formula, rows.cursors, wanted, target, derivative, whole);
    if (whole < row) {
      T last[2][width];
      rows.start_tail(whole, row - whole);
      lanes(formula, rows.cursors, wanted, last[0], last[1], width);
      std::copy_n(last[0], row - whole, target + whole);
      std::copy_n(last[1], row - whole, derivative + whole);
    }
    target += row;
    derivative += row;
  });
}

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
  Total<T>* totals;  // for stretched sinks
};
/// Adds lanes begin to end of the row to the sinks; only the first `row` numbers count.
template <class T>
using ReverseLanes = void (*)(const void* formula, const Cursor* cursors, const ReverseJob<T>& job, Index begin,
                              Index end, Index row);

/// Keeps the digits of sinks that many rows are added to, as a bias' is: every 128 rows what has gathered moves to
/// doubles.
template <class T>
class ManyRows {
 public:
  ManyRows(const Loop& loop, const Sink<T>* sinks, int leaves) {
    if (loop.rows > block && !std::is_same_v<T, Total<T>>) start(loop, sinks, leaves);
  }
  void end_row(const Loop& loop, const Sink<T>* sinks, const Index* offsets) {
    if (gathered_) next(loop, sinks, offsets);
  }

 private:
  static constexpr Index block = 128;

  void start(const Loop& loop, const Sink<T>* sinks, int leaves) {
    leaves_ = leaves;
    for (int k = 0; k < leaves; ++k) {
      bool mine = sinks[k].data != nullptr && loop.run(k) > block;
      for (int before = 0; before < k; ++before) mine = mine && sinks[before].data != sinks[k].data;
      run_[k] = mine ? loop.run(k) : 0;
      if (!mine || gathered_) continue;
      gathered_ = Block(static_cast<std::size_t>(leaves * loop.row) * sizeof(Total<T>));
      std::fill_n(static_cast<Total<T>*>(gathered_.data()), leaves * loop.row, Total<T>(0));
    }
  }
  void next(const Loop& loop, const Sink<T>* sinks, const Index* offsets) {
    ++rows_;
    for (int k = 0; k < leaves_; ++k) {
      const bool ends = run_[k] > 0 && rows_ % run_[k] == 0;
      if (run_[k] == 0 || (!ends && rows_ % block != 0)) continue;
      T* from = sinks[k].data + offsets[k];
      Total<T>* to = static_cast<Total<T>*>(gathered_.data()) + k * loop.row;
      for (Index j = 0; j < (loop.row_strides[k] == 0 ? 1 : loop.row); ++j) {
        to[j] = to[j] + from[j];
        from[j] = ends ? static_cast<T>(to[j]) : T(0);
        if (ends) to[j] = Total<T>(0);
      }
    }
  }

  Block gathered_;
  int leaves_ = 0;
  Index run_[Loop::max_operands];  // how many rows a sink's row gathers; 0 where it is not for us
  Index rows_ = 0;
};

template <class T>
EIGENGRAD_OUTLINE void reverse_rows(Rows<T> rows, ReverseLanes<T> lanes, const void* formula, const Sink<T>* wanted,
                                    int leaves, bool has_result) {
  constexpr Index width = lane_width<T>;
  const Loop& loop = rows.loop;
  const Index row = loop.row;
  Sink<T> sinks[Loop::max_operands];
  Total<T> totals[Loop::max_operands] = {};
  T last[Loop::max_operands][width];
  ReverseJob<T> job{sinks, 0, true, has_result, totals};
  while (wanted[job.first].data == nullptr) ++job.first;
  bool room = rows.padded(), sums = false;
  for (int k = 0; k < leaves; ++k) {
    sinks[k] = wanted[k];
    if (sinks[k].data == nullptr) continue;
    sinks[k].stretched = loop.row_strides[k] == 0;
    sums = sums || sinks[k].stretched;
    room = room && (sinks[k].stretched || sinks[k].room);
    job.single = job.single && sinks[k].data == wanted[job.first].data && !sinks[k].stretched;
  }
  const Index whole = end_of_lanes<T>(row, room), chunk = sums ? lane_chunk<T> : whole;
  ManyRows<T> many_rows(loop, wanted, leaves);

  loop.for_each_row([&](const Index* offsets) {
    rows.start(offsets);
    for (int k = 0; k < leaves; ++k)
      if (wanted[k].data != nullptr) sinks[k].data = wanted[k].data + offsets[k];
    for (Index from = 0; from < whole; from += chunk)
      lanes(formula, rows.cursors, job, from, std::min(from + chunk, whole), row);
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
    many_rows.end_row(loop, wanted, offsets);
  });
}

/// Adds rows of floats up without losing digits: every 128 rows the sum so far moves to a row of doubles.
template <class T>
class RowSum {
 public:
  static constexpr Index block = 128;

  explicit RowSum(Index size) : partial_(Tensor<T>::zeros({size})), total_(Tensor<Total<T>>::zeros({size})) {}
  T* row() {
    if (++rows_ > block) flush();
    return partial_.mutable_data();
  }
  void move_to(T* target) {
    flush();
    Total<T>* total = total_.mutable_data();
    for (Index i = 0; i < total_.size(); ++i) {
      target[i] = static_cast<T>(target[i] + total[i]);
      total[i] = Total<T>(0);
    }
  }

 private:
  void flush() {
    T* partial = partial_.mutable_data();
    Total<T>* total = total_.mutable_data();
    for (Index i = 0; i < total_.size(); ++i) {
      total[i] = total[i] + partial[i];
      partial[i] = T(0);
    }
    rows_ = 1;
  }

  Tensor<T> partial_;
  Tensor<Total<T>> total_;
  Index rows_ = 0;
};

/// Returns the sum of the row's numbers in lanes begin to end, of which the first `row` count; or, with `to`, adds each
/// times `scale` to it and returns 0.
template <class T>
using SumLanes = Total<T> (*)(const void* formula, const Cursor* cursors, T* to, Index begin, Index end, Index row,
                              T scale);

template <class T>
EIGENGRAD_OUTLINE void sum_rows(Rows<T> rows, SumLanes<T> lanes, const void* formula, bool to_one, T* target, T scale) {
  constexpr Index width = lane_width<T>;
  const Loop& loop = rows.loop;
  const Index row = loop.row, run = loop.run(rows.count);
  const bool along_row = loop.row_strides[rows.count] == 0;
  const bool by_blocks = !along_row && run > RowSum<T>::block && !std::is_same_v<T, Total<T>>;
  RowSum<T> sums(by_blocks ? row : 0);
  Index rows_done = 0;
  Total<T> total(0);
  const Index whole = end_of_lanes<T>(row, along_row && rows.padded());
  loop.for_each_row([&](const Index* offsets) {
    rows.start(offsets);
    T* const gathered = target + offsets[rows.count];
    if (along_row) {
      for (Index from = 0; from < whole; from += lane_chunk<T>)
        total = total + lanes(formula, rows.cursors, nullptr, from, std::min(from + lane_chunk<T>, whole), row, scale);
      if (whole < row) {
        rows.start_tail(whole, row - whole);
        total = total + lanes(formula, rows.cursors, nullptr, 0, width, row - whole, scale);
      }
      if (to_one) return;
      *gathered = static_cast<T>(*gathered + total * scale);
      total = Total<T>(0);
    } else {
      T* const to = by_blocks ? sums.row() : gathered;
      lanes(formula, rows.cursors, to, 0, whole, row, scale);
      if (whole < row) {
        T last[width] = {};
        std::copy_n(to + whole, row - whole, last);
        rows.start_tail(whole, row - whole);
        lanes(formula, rows.cursors, last, 0, width, row - whole, scale);
        std::copy_n(last, row - whole, to + whole);
      }
      if (by_blocks && ++rows_done % run == 0) sums.move_to(gathered);
    }
  });
  if (to_one && along_row) target[0] = static_cast<T>(target[0] + total * scale);
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
