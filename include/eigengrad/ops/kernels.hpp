#pragma once

#include "../core/tensor.hpp"
#include "apply.hpp"
#include "cursor.hpp"

// The loops of a formula F over lanes: forward, backward, and forward into a sum. Each has the same frame: rows, whole
// lanes of a row, and the row's rest as one more lane whose operands were copied aside (`tail`).
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

/// A formula's operands, and `extra` tensors of its scalar type, made ready for the loop.
template <class F, int extra>
struct Operands {
  using T = typename F::Scalar;
  static constexpr int count = F::leaves + extra;

  const F& formula;
  const Shape* shapes[count + 1];
  Cursor cursors[count + 1];
  const T* extras[extra + 1];

  explicit Operands(const F& f) : formula(f) {
    formula.template for_each_leaf<0>([&](auto k, const auto& tensor) { shapes[k] = &tensor.shape(); });
  }
  void add(int j, const Tensor<T>& tensor) {
    shapes[F::leaves + j] = &tensor.shape();
    extras[j] = tensor.data();
  }
  /// Whether there is one row, and every operand that advances along it can be read to the end of its last lane.
  bool padded(const Loop& loop) const {
    bool result = loop.rows == 1;
    formula.template for_each_leaf<0>(
        [&](auto k, const auto& tensor) { result = result && (loop.row_strides[k] == 0 || tensor.padded()); });
    return result;
  }
  EIGENGRAD_INLINE void start_row(const Loop& loop, const Index* offsets) {
    formula.template for_each_leaf<0>([&](auto k, const auto& tensor) {
      cursors[k].template start<T>(tensor.data() + offsets[k], loop.row_strides[k]);
    });
    for (int j = 0, k = F::leaves; j < extra; ++j, ++k)
      cursors[k].template start<T>(extras[j] + offsets[k], loop.row_strides[k]);
  }
  EIGENGRAD_INLINE void start_tail(Index i, Index count_left) {
    formula.template for_each_leaf<0>([&](auto k, const auto& tensor) {
      cursors[k].template start_tail<T, std::decay_t<decltype(*tensor.data())>>(i, count_left);
    });
    for (int k = F::leaves; k < count; ++k) cursors[k].template start_tail<T, T>(i, count_left);
  }
};

/// Where the whole lanes of a row end: before its rest, or, where there is room behind the row, after it.
template <class T>
EIGENGRAD_INLINE Index end_of_lanes(Index row, bool room) {
  constexpr Index width = lane_width<T>;
  return room ? (row + width - 1) / width * width : row - row % width;
}

/// target (=|+=) formula, in the formula's shape; `room` says that target's last lane may be written whole.
template <class F>
void evaluate(const F& formula, typename F::Element* target, bool add, bool room) {
  using T = typename F::Scalar;
  using E = typename F::Element;
  constexpr Index width = lane_width<T>;
  Operands<F, 0> operands(formula);
  const Loop loop(formula.shape(), operands.shapes, F::leaves);
  const Index whole = end_of_lanes<T>(loop.row, room && operands.padded(loop));
  loop.for_each_row([&](const Index* offsets) EIGENGRAD_FLATTEN_LAMBDA {
    operands.start_row(loop, offsets);
    E last[width];
    E* to = target;
    for (bool tail = false;; tail = true) {
      for (Index i = 0, end = tail ? width : whole; i < end; i += width) {
        lane_t<T> values[F::nodes];
        auto value = formula.template forward<T, 0, 0>(operands.cursors, i, values);
        if constexpr (is_mask<decltype(value)>) {
          lane::store_mask<T>(to + i, value, width);
        } else {
          if (add) value = value + lane::load(to + i);
          lane::store(to + i, value);
        }
      }
      if (tail || whole >= loop.row) break;
      operands.start_tail(whole, loop.row - whole);
      for (Index j = 0; j < width; ++j) last[j] = add && whole + j < loop.row ? target[whole + j] : E(0);
      to = last;
    }
    for (Index j = whole; j < loop.row; ++j) target[j] = last[j - whole];
    target += loop.row;
  });
}

/// target = formula and derivative = d formula / d operand, for a formula in which one tensor, unstretched, stands in
/// every place marked in `wanted`.
template <class F>
void evaluate_with_derivative(const F& formula, const bool* wanted, typename F::Scalar* target,
                              typename F::Scalar* derivative) {
  using T = typename F::Scalar;
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>;
  Operands<F, 0> operands(formula);
  const Loop loop(formula.shape(), operands.shapes, F::leaves);
  const Index whole = end_of_lanes<T>(loop.row, operands.padded(loop));
  loop.for_each_row([&](const Index* offsets) EIGENGRAD_FLATTEN_LAMBDA {
    operands.start_row(loop, offsets);
    T last[2][width];
    T *to = target, *to_derivative = derivative;
    for (bool tail = false;; tail = true) {
      for (Index i = 0, end = tail ? width : whole; i < end; i += width) {
        L values[F::nodes], adjoints[F::leaves] = {}, sum(0);
        lane::store<T>(to + i, formula.template forward<T, 0, 0>(operands.cursors, i, values));
        formula.template reverse<T, 0, 0>(values, L(1), adjoints);
        for_indices<F::leaves>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
          if (wanted[k]) sum = sum + adjoints[k];
        });
        lane::store(to_derivative + i, sum);
      }
      if (tail || whole >= loop.row) break;
      operands.start_tail(whole, loop.row - whole);
      to = last[0];
      to_derivative = last[1];
    }
    for (Index j = whole; j < loop.row; ++j) {
      target[j] = last[0][j - whole];
      derivative[j] = last[1][j - whole];
    }
    target += loop.row;
    derivative += loop.row;
  });
}

/// Where the gradient of one operand goes; null when it is not wanted.
template <class T>
struct Sink {
  T* data = nullptr;
  bool add = false;
  bool room = false;  // its last lane may be written whole
};

/// Keeps the digits of sinks that many rows are added to, as a bias' is: every 128 rows what has gathered moves to
/// doubles.
template <class T, int leaves>
class ManyRows {
 public:
  EIGENGRAD_INLINE ManyRows(const Loop& loop, const Sink<T>* sinks) {
    if (loop.rows > block && !std::is_same_v<T, Total<T>>) start(loop, sinks);
  }
  EIGENGRAD_INLINE void end_row(const Loop& loop, const Sink<T>* sinks, const Index* offsets) {
    if (gathered_) next(loop, sinks, offsets);
  }

 private:
  static constexpr Index block = 128;

  EIGENGRAD_COLD void start(const Loop& loop, const Sink<T>* sinks) {
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
    for (int k = 0; k < leaves; ++k) {
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
  Index run_[leaves];  // how many rows a sink's row gathers; 0 where it is not for us
  Index rows_ = 0;
};

/// Adds to every sink its operand's gradient, given dy, which broadcasts to the formula's shape. `result`, if not null,
/// is the formula's value. An operand that was stretched has a sink that already holds numbers to add to.
template <class F>
void reverse(const F& formula, const Tensor<typename F::Scalar>* result, const Tensor<typename F::Scalar>& dy,
             const Sink<typename F::Scalar>* sinks) {
  using T = typename F::Scalar;
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>, chunk = 128 * width;  // sums along a row are carried per chunk
  constexpr int leaves = F::leaves;
  Operands<F, 2> operands(formula);
  operands.add(0, dy);
  operands.add(1, result != nullptr ? *result : dy);
  const Loop loop(formula.shape(), operands.shapes, leaves + 2);

  // When every wanted place is the same tensor, its gradient is summed in registers and stored once.
  int first = 0;
  while (first < leaves && sinks[first].data == nullptr) ++first;
  if (first == leaves) return;
  bool single = true;
  for (int k = first; k < leaves; ++k)
    single = single && (sinks[k].data == nullptr || (sinks[k].data == sinks[first].data && loop.row_strides[k] == 1));
  const bool add_common = sinks[first].add;
  bool room = operands.padded(loop) && (loop.row_strides[leaves] == 0 || dy.padded()) &&
              (result == nullptr || result->padded());
  for (int k = first; k < leaves; ++k)
    room = room && (sinks[k].data == nullptr || loop.row_strides[k] == 0 || sinks[k].room);
  const Index whole = end_of_lanes<T>(loop.row, room);
  ManyRows<T, leaves> many_rows(loop, sinks);

  loop.for_each_row([&](const Index* offsets) EIGENGRAD_FLATTEN_LAMBDA {
    operands.start_row(loop, offsets);
    T* to[leaves];
    L sums[leaves] = {};
    Total<T> totals[leaves] = {};
    T last[leaves][width];
    for (int k = 0; k < leaves; ++k) to[k] = sinks[k].data != nullptr ? sinks[k].data + offsets[k] : nullptr;

    for (bool tail = false;; tail = true) {
      const Index all = tail ? width : whole;
      for (Index from = 0; from < all; from += chunk) {
        const Index end = std::min(from + chunk, all);
        for (Index i = from; i < end; i += width) {
          L values[F::nodes], adjoints[leaves] = {};
          formula.template forward<T, 0, 0>(operands.cursors, i, values);
          if constexpr (from_result<F>)
            if (result != nullptr) values[0] = operands.cursors[leaves + 1].template load<T>(i);
          formula.template reverse<T, 0, 0>(values, operands.cursors[leaves].template load<T>(i), adjoints);
          if (single) {
            L sum(0);
            for_indices<leaves>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
              if (to[k] != nullptr) sum = sum + adjoints[k];
            });
            if (add_common) sum = sum + lane::load(to[first] + i);
            lane::store(to[first] + i, sum);
          } else {
            for_indices<leaves>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
              if (to[k] == nullptr) return;
              if (loop.row_strides[k] == 0)
                sums[k] =
                    sums[k] + (i + width <= loop.row || tail ? adjoints[k] : lane::first<T>(adjoints[k], loop.row - i));
              else
                lane::store(to[k] + i, sinks[k].add ? L(adjoints[k] + lane::load(to[k] + i)) : adjoints[k]);
            });
          }
        }
        for (int k = 0; k < leaves; ++k) {
          if (to[k] == nullptr || loop.row_strides[k] != 0) continue;
          if (tail) {
            lane::store(last[k], sums[k]);
            for (Index j = 0; j < loop.row - whole; ++j) totals[k] = totals[k] + last[k][j];
          } else {
            totals[k] = totals[k] + lane::sum<T>(sums[k]);
          }
          sums[k] = L(0);
        }
      }
      if (tail || whole >= loop.row) break;
      operands.start_tail(whole, loop.row - whole);
      for (int k = 0; k < leaves; ++k) {
        if (to[k] == nullptr || loop.row_strides[k] == 0) continue;
        // The same tensor in two places shares one piece of scratch, as it shares its gradient.
        int owner = 0;
        while (sinks[owner].data != sinks[k].data) ++owner;
        if (owner == k) std::copy_n(to[k] + whole, sinks[k].add ? loop.row - whole : 0, last[k]);
        to[k] = last[owner];
      }
    }
    for (int k = 0; k < leaves; ++k) {
      if (sinks[k].data == nullptr) continue;
      if (loop.row_strides[k] == 0)
        sinks[k].data[offsets[k]] = static_cast<T>(sinks[k].data[offsets[k]] + totals[k]);
      else if (whole < loop.row && to[k] == last[k])
        std::copy_n(last[k], loop.row - whole, sinks[k].data + offsets[k] + whole);
    }
    many_rows.end_row(loop, sinks, offsets);
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

/// target += scale * (the formula summed over the axes on which `kept` has size 1); target has shape `kept`.
template <class F>
void sum_into(const F& formula, const Shape& kept, typename F::Scalar* target, typename F::Scalar scale) {
  using T = typename F::Scalar;
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>, chunk = 128 * width;
  constexpr int leaves = F::leaves;
  Operands<F, 0> operands(formula);
  operands.shapes[leaves] = &kept;
  const Loop loop(formula.shape(), operands.shapes, leaves + 1);
  const bool along_row = loop.row_strides[leaves] == 0, to_one = kept.size() == 1;
  const Index run = loop.run(leaves);
  const bool by_blocks = !along_row && run > RowSum<T>::block && !std::is_same_v<T, Total<T>>;
  RowSum<T> rows(by_blocks ? loop.row : 0);
  Index rows_done = 0;
  Total<T> total(0);
  const Index whole = end_of_lanes<T>(loop.row, along_row && operands.padded(loop));
  loop.for_each_row([&](const Index* offsets) EIGENGRAD_FLATTEN_LAMBDA {
    operands.start_row(loop, offsets);
    T* const row = by_blocks ? rows.row() : target + offsets[leaves];
    T* to = row;
    T last[width] = {};
    for (bool tail = false;; tail = true) {
      const Index all = tail ? width : whole;
      for (Index from = 0; from < all; from += chunk) {
        const Index end = std::min(from + chunk, all);
        L sums[4] = {L(0), L(0), L(0), L(0)};  // four, so that one addition need not wait for the last
        const auto value = [&](Index i) EIGENGRAD_INLINE_LAMBDA {
          L values[F::nodes];
          return formula.template forward<T, 0, 0>(operands.cursors, i, values);
        };
        Index i = from;
        if (along_row) {
          for (; i + 4 * width <= std::min(end, loop.row); i += 4 * width)
            for_indices<4>([&](auto k) EIGENGRAD_INLINE_LAMBDA { sums[k] = sums[k] + value(i + k * width); });
          for (; i < end; i += width)
            sums[0] = sums[0] + (i + width <= loop.row || tail ? value(i) : lane::first<T>(value(i), loop.row - i));
        } else {
          for (; i < end; i += width) lane::store<T>(to + i, lane::load(to + i) + value(i) * scale);
          continue;
        }
        const L sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        if (tail) {
          lane::store(last, sum);
          for (Index j = 0; j < loop.row - whole; ++j) total = total + last[j];
        } else {
          total = total + lane::sum<T>(sum);
        }
      }
      if (tail || whole >= loop.row) break;
      operands.start_tail(whole, loop.row - whole);
      if (!along_row) {
        std::copy_n(to + whole, loop.row - whole, last);
        to = last;
      }
    }
    if (!along_row) {
      for (Index j = whole; j < loop.row; ++j) row[j] = last[j - whole];
      if (by_blocks && ++rows_done % run == 0) rows.move_to(target + offsets[leaves]);
    } else if (!to_one) {
      target[offsets[leaves]] = static_cast<T>(target[offsets[leaves]] + total * scale);
      total = Total<T>(0);
    }
  });
  if (to_one && along_row) target[0] = static_cast<T>(target[0] + total * scale);
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
