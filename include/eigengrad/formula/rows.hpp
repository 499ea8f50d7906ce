#pragma once

#include "../core/loop.hpp"
#include "../core/tensor.hpp"
#include "../core/threads.hpp"
#include "cursor.hpp"

// The walk over rows that broadcasting needs, compiled once and not once per formula: a formula lends it the function
// that works on lanes (formula/kernels.hpp). A row's rest is one more lane whose operands were copied aside.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Where the whole lanes of a row end: before its rest, or, where there is padding behind it, after it.
template <class T>
EIGENGRAD_INLINE Index end_of_lanes(Index row, bool padded) {
  constexpr Index width = lane_width<T>;
  return padded ? (row + width - 1) / width * width : row - row % width;
}

/// A loop over a space and the operands that are read in it. Shapes behind the operands' belong to what is written.
template <class T>
struct Rows {
  const RowOperand* operands;
  int count;
  Cursor* cursors;
  Index written_size;
  Loop loop;

  Rows(const Shape& space, const RowOperand* read, int read_count, Cursor* at, const Shape* written = nullptr)
      : operands(read),
        count(read_count),
        cursors(at),
        written_size(written != nullptr ? written->size() : 0),
        loop(make_loop(space, read, read_count, written)) {}

  /// Whether there is one row, and every operand that advances along it can be read to the end of its last lane.
  bool is_one_padded_row() const { return loop.rows == 1 && padded(); }
  /// Whether every operand can be read to the end of any row's last lane: there the next row begins, or memory to
  /// spare.
  bool padded() const {
    bool result = true;
    for (int k = 0; k < count; ++k) result = result && (loop.row_strides[k] == 0 || operands[k].padded);
    return result;
  }
  /// Whether the last lane of row `at` can be written whole. What it writes behind the row is overwritten by the rows
  /// that follow, so it must not reach row `end`, which another thread may have written; behind the very last row there
  /// is padding.
  bool padded_at(Index at, Index end) const {
    return end == loop.rows || (end - at) * loop.row >= end_of_lanes<T>(loop.row, true);
  }
  bool reads(const void* numbers) const {
    bool result = false;
    for (int k = 0; k < count; ++k) result = result || operands[k].data == numbers;
    return result;
  }
  void start(const Index* offsets) const {
    for (int k = 0; k < count; ++k) cursors[k].template start<T>(operands[k], offsets[k], loop.row_strides[k]);
  }
  void start_tail(Index i, Index left) const {
    for (int k = 0; k < count; ++k) cursors[k].template start_tail<T>(operands[k], i, left);
  }

 private:
  EIGENGRAD_OUTLINE static Loop make_loop(const Shape& space, const RowOperand* operands, int count,
                                          const Shape* written) {
    const Shape* shapes[Loop::max_operands];
    for (int k = 0; k < count; ++k) shapes[k] = operands[k].shape;
    if (written != nullptr) shapes[count++] = written;
    return Loop(space, shapes, count);
  }
};

/// Operands for one of several threads that walk over the same rows.
template <class T>
struct OwnRows {
  Cursor cursors[Loop::max_operands];
  Rows<T> rows;

  explicit OwnRows(const Rows<T>& shared) : rows(shared) { rows.cursors = cursors; }
};

/// How many elements of a formula are worth a second thread: fewer, the more is done with each.
template <class F>
inline constexpr Index large_size = (Index{1} << 20) / (8 + F::cost);

/// body(begin, end) over ranges of lanes that several threads may work on.
template <class T, class Body>
void parallel_lanes(Index end, const Body& body) {
  constexpr Index piece = 16384;
  parallel_ranges(end, 64 * lane_width<T>, piece, body);
}
/// body(rows, first, end) over ranges of the loop's rows; each range has cursors of its own.
template <class T, class Body>
void parallel_rows(const Rows<T>& rows, const Body& body) {
  constexpr Index piece = 16384;
  parallel_ranges(rows.loop.rows, 1, 1 + piece / (rows.loop.row + 1), [&](Index first, Index end) {
    OwnRows<T> own(rows);
    body(own.rows, first, end);
  });
}

/// Writes lanes begin to end of a formula to `target`, or adds them.
using EvaluateLanes = void (*)(const void* formula, const Cursor* cursors, void* target, Index begin, Index end,
                               bool add);

template <class T>
EIGENGRAD_OUTLINE void evaluate_flat(EvaluateLanes lanes, const void* formula, const Cursor* cursors, void* target,
                                     Index size, bool add) {
  parallel_lanes<T>(size, [=](Index begin, Index end) { lanes(formula, cursors, target, begin, end, add); });
}

template <class T, class E>
EIGENGRAD_OUTLINE void evaluate_rows(Rows<T> rows, EvaluateLanes lanes, const void* formula, E* target, bool add,
                                     bool padded, bool large) {
  constexpr Index width = lane_width<T>;
  const Index row = rows.loop.row;
  // What a row's last lane writes too much is where the next row begins, which comes later.
  const bool writes_padding = padded && rows.padded() && (rows.loop.rows == 1 || (!add && !rows.reads(target)));
  const auto walk = [=](Rows<T>& here, Index first, Index last, bool by_lanes) {
    E* to = target + first * row;
    Index at = first;
    here.loop.for_each_row(first, last, [&](const Index* offsets) {
      const Index whole = end_of_lanes<T>(row, writes_padding && here.padded_at(at++, last));
      here.start(offsets);
      if (by_lanes)
        evaluate_flat<T>(lanes, formula, here.cursors, to, whole, add);
      else
        lanes(formula, here.cursors, to, 0, whole, add);
      if (whole < row) {
        E last_lane[extent(width)] = {};
        if (add) std::copy_n(to + whole, row - whole, last_lane);
        here.start_tail(whole, row - whole);
        lanes(formula, here.cursors, last_lane, 0, width, add);
        std::copy_n(last_lane, row - whole, to + whole);
      }
      to += row;
    });
  };
  if (has_threads && large && rows.loop.rows > 1)
    parallel_rows(rows, [&](Rows<T>& own, Index first, Index end) { walk(own, first, end, false); });
  else
    walk(rows, 0, rows.loop.rows, has_threads && large);
}

/// The same for a formula and its derivative.
template <class T>
using DerivativeLanes = void (*)(const void* formula, const Cursor* cursors, const bool* wanted, T* target,
                                 T* derivative, Index begin, Index end);

template <class T>
EIGENGRAD_OUTLINE void derivative_flat(DerivativeLanes<T> lanes, const void* formula, const Cursor* cursors,
                                       const bool* wanted, T* target, T* derivative, Index size) {
  parallel_lanes<T>(size,
                    [=](Index begin, Index end) { lanes(formula, cursors, wanted, target, derivative, begin, end); });
}

template <class T>
EIGENGRAD_OUTLINE void derivative_rows(Rows<T> rows, DerivativeLanes<T> lanes, const void* formula, const bool* wanted,
                                       T* target, T* derivative, bool large) {
  constexpr Index width = lane_width<T>;
  const Index row = rows.loop.row, whole = end_of_lanes<T>(row, rows.is_one_padded_row());
  const auto walk = [=](Rows<T>& here, Index first, Index end, bool by_lanes) {
    Index at = first * row;
    here.loop.for_each_row(first, end, [&](const Index* offsets) {
      here.start(offsets);
      if (by_lanes)
        derivative_flat(lanes, formula, here.cursors, wanted, target + at, derivative + at, whole);
      else
        lanes(formula, here.cursors, wanted, target + at, derivative + at, 0, whole);
      if (whole < row) {
        T last[2][extent(width)];
        here.start_tail(whole, row - whole);
        lanes(formula, here.cursors, wanted, last[0], last[1], 0, width);
        std::copy_n(last[0], row - whole, target + at + whole);
        std::copy_n(last[1], row - whole, derivative + at + whole);
      }
      at += row;
    });
  };
  if (has_threads && large && rows.loop.rows > 1)
    parallel_rows(rows, [&](Rows<T>& own, Index first, Index end) { walk(own, first, end, false); });
  else
    walk(rows, 0, rows.loop.rows, has_threads && large);
}

// Compiled: void evaluate_rows(Rows<T>, EvaluateLanes, const void*, T*, bool, bool, bool)
}}  // namespace eigengrad::EIGENGRAD_ABI
