#pragma once

#include "../core/tensor.hpp"
#include "../kernels/sums.hpp"
#include "apply.hpp"
#include "reverse_rows.hpp"
#include "sum_rows.hpp"

// The loops of a formula F over lanes: forward, backward, and forward into a sum. Each is one function over the lanes
// of a row; where shapes differ, formula/rows.hpp calls it row by row.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A formula's operands, and `extra` tensors of its scalar type, made ready for the loop.
template <class F, int extra>
struct Operands {
  using T = typename F::Scalar;
  static constexpr int count = F::leaves + extra;

  const F& formula;
  Cursor cursors[extent(count + 1)];
  RowOperand list[extent(count + 1)];

  EIGENGRAD_INLINE explicit Operands(const F& of) : formula(of) {}

  /// Starts every operand at its beginning if all are of the space's shape, or single numbers: nothing to plan then.
  template <class... More>
  EIGENGRAD_INLINE bool start_flat(const Shape& space, const More&... more) {
    bool flat = true;
    const auto start = [&](int k, const auto& tensor)
                           EIGENGRAD_INLINE_LAMBDA { flat = flat && cursors[k].template start_flat<T>(tensor, space); };
    each(start, more...);
    return flat;
  }
  template <class... More>
  EIGENGRAD_OUTLINE Rows<T> rows(const Shape& space, const Shape* written, const More&... more) {
    const auto set = [&](int k, const auto& tensor) {
      list[k] = {reinterpret_cast<const std::byte*>(tensor.numbers()), &tensor.shape(), sizeof(*tensor.numbers()),
                 tensor.padded()};
    };
    each(set, more...);
    return Rows<T>(space, list, count, cursors, written);
  }

 private:
  template <class Visit, class... More>
  EIGENGRAD_INLINE void each(const Visit& visit, const More&... more) const {
    static_assert(sizeof...(more) == extra);
    formula.template for_each_leaf<0>(visit);
    int k = F::leaves;
    (visit(k++, more), ...);
  }
};

template <class F>
EIGENGRAD_KERNEL void evaluate_lanes(const void* f, const Cursor* cursors, void* target, Index begin, Index end,
                                     bool add) {
  using T = typename F::Scalar;
  const F& formula = *static_cast<const F*>(f);
  auto* const to = static_cast<typename F::Element*>(target);
  lane_t<T> values[F::nodes] = {};
  for (Index i = begin; i < end; i += lane_width<T>) {
    auto value = formula.template forward<T, 0, 0>(cursors, i, i == begin, values);
    if constexpr (is_mask<decltype(value)>) {
      lane::store_mask<T>(to + i, value, lane_width<T>);
    } else {
      if (add) value = value + lane::load(to + i);
      lane::store(to + i, value);
    }
  }
}

/// target (=|+=) formula, in the formula's shape; `room` says that target's last lane may be written whole.
template <class F>
void evaluate(const F& formula, typename F::Element* target, bool add, bool room) {
  using T = typename F::Scalar;
  const Shape& space = formula.shape();
  Operands<F, 0> operands(formula);
  const bool large = space.size() >= large_size<F>;
  if (!room || !operands.start_flat(space))
    evaluate_rows<T>(operands.rows(space, nullptr), &evaluate_lanes<F>, &formula, target, add, room, large);
  else if (has_threads && large)
    evaluate_flat<T>(&evaluate_lanes<F>, &formula, operands.cursors, target, space.size(), add);
  else
    evaluate_lanes<F>(&formula, operands.cursors, target, 0, space.size(), add);
}

template <class F>
EIGENGRAD_KERNEL void derivative_lanes(const void* f, const Cursor* cursors, const bool* wanted,
                                       typename F::Scalar* target, typename F::Scalar* derivative, Index begin,
                                       Index end) {
  using T = typename F::Scalar;
  const F& formula = *static_cast<const F*>(f);
  for (Index i = begin; i < end; i += lane_width<T>) {
    lane_t<T> values[F::nodes], adjoints[F::leaves] = {}, sum(0);
    lane::store<T>(target + i, formula.template forward<T, 0, 0>(cursors, i, true, values));
    formula.template reverse<T, 0, 0>(values, lane_t<T>(1), adjoints);
    for_indices<F::leaves>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
      if (wanted[k]) sum = sum + adjoints[k];
    });
    lane::store(derivative + i, sum);
  }
}

/// target = formula and derivative = d formula / d operand, for a formula in which one tensor, unstretched, stands in
/// every place marked in `wanted`.
template <class F>
void evaluate_with_derivative(const F& formula, const bool* wanted, typename F::Scalar* target,
                              typename F::Scalar* derivative) {
  const Shape& space = formula.shape();
  Operands<F, 0> operands(formula);
  using T = typename F::Scalar;
  const bool large = space.size() >= large_size<F>;
  if (!operands.start_flat(space))
    derivative_rows<T>(operands.rows(space, nullptr), &derivative_lanes<F>, &formula, wanted, target, derivative,
                       large);
  else if (has_threads && large)
    derivative_flat<T>(&derivative_lanes<F>, &formula, operands.cursors, wanted, target, derivative, space.size());
  else
    derivative_lanes<F>(&formula, operands.cursors, wanted, target, derivative, 0, space.size());
}

template <class F>
EIGENGRAD_KERNEL void reverse_lanes(const void* f, const Cursor* cursors, const ReverseJob<typename F::Scalar>& job,
                                    Index begin, Index end, Index row) {
  using T = typename F::Scalar;
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>;
  constexpr int leaves = F::leaves;
  const F& formula = *static_cast<const F*>(f);
  T* to[extent(leaves)];
  bool add[extent(leaves)], stretched[extent(leaves)];
  L sums[extent(leaves)] = {};
  for (int k = 0; k < leaves; ++k) {
    to[k] = job.sinks[k].data;
    add[k] = job.sinks[k].add;
    stretched[k] = job.sinks[k].stretched;
    EIGENGRAD_NO_VECTORS;  // of a few bytes, which are then taken apart again
  }
  // When every wanted place is the same tensor, its gradient is summed in registers and stored once.
  const bool single = job.single, has_result = job.has_result, add_common = add[job.first];
  T* const common = to[job.first];
  L values[extent(F::nodes)] = {};
  for (Index i = begin; i < end; i += width) {
    L adjoints[extent(leaves)] = {};
    formula.template forward<T, 0, 0>(cursors, i, i == begin, values);
    if constexpr (from_result<F>)
      if (has_result) values[0] = cursors[leaves + 1].template load<T>(i);
    formula.template reverse<T, 0, 0>(values, cursors[leaves].template load<T>(i), adjoints);
    if (single) {
      L sum(0);
      for_indices<leaves>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
        if (to[k] != nullptr) sum = sum + adjoints[k];
      });
      if (add_common) sum = sum + lane::load(common + i);
      lane::store(common + i, sum);
    } else {
      for_indices<leaves>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
        if (to[k] == nullptr) return;
        if (stretched[k])
          sums[k] = sums[k] + (i + width <= row ? adjoints[k] : lane::first<T>(adjoints[k], row - i));
        else
          lane::store(to[k] + i, add[k] ? L(adjoints[k] + lane::load(to[k] + i)) : adjoints[k]);
      });
    }
  }
  if (single) return;
  for_indices<leaves>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
    if (to[k] != nullptr && stretched[k]) job.totals[k] = job.totals[k] + lane::sum<T>(sums[k]);
  });
}

/// Adds to every sink its operand's gradient, given dy, which broadcasts to the formula's shape. `result`, if not null,
/// is the formula's value. An operand that was stretched has a sink that already holds numbers to add to.
template <class F>
void reverse(const F& formula, const Tensor<typename F::Scalar>* result, const Tensor<typename F::Scalar>& dy,
             const Sink<typename F::Scalar>* sinks) {
  constexpr int leaves = F::leaves;
  int first = 0;
  while (first < leaves && sinks[first].data == nullptr) ++first;
  if (first == leaves) return;
  const Shape& space = formula.shape();
  Operands<F, 2> operands(formula);
  const Tensor<typename F::Scalar>& value = result != nullptr ? *result : dy;
  bool flat = operands.start_flat(space, dy, value), single = true;
  for (int k = first; k < leaves; ++k)
    if (sinks[k].data != nullptr) {
      flat = flat && sinks[k].room && operands.cursors[k].step != 0;
      single = single && sinks[k].data == sinks[first].data;
    }
  const Index size = space.size();
  const bool large = size >= large_size<F>;
  if (!flat)
    reverse_rows(operands.rows(space, nullptr, dy, value), &reverse_lanes<F>, &formula, sinks, leaves,
                 result != nullptr, large);
  else if (has_threads && large)
    reverse_flat(&reverse_lanes<F>, &formula, operands.cursors, {sinks, first, single, result != nullptr, nullptr},
                 size);
  else
    reverse_lanes<F>(&formula, operands.cursors, {sinks, first, single, result != nullptr, nullptr}, 0, size, size);
}

template <class F>
EIGENGRAD_KERNEL Sum<typename F::Scalar> sum_lanes(const void* f, const Cursor* cursors,
                                                   const Totals<typename F::Scalar>* to, Index place, Index begin,
                                                   Index end, Index row) {
  using T = typename F::Scalar;
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>;
  const F& formula = *static_cast<const F*>(f);
  L values[F::nodes] = {};
  const auto value = [&](Index i) EIGENGRAD_INLINE_LAMBDA {
    return formula.template forward<T, 0, 0>(cursors, i, i == begin, values);
  };
  Index i = begin;
  if (to != nullptr) {
    for (; i < end; i += width) to->add_lane(place + i, value(i));
    return Sum<T>(0);
  }
  LaneSum<T> sums;
  for (; i + 4 * width <= (std::min)(end, row); i += 4 * width) {  // by fours, which keeps equal numbers exact
    const L a = value(i), b = value(i + width), c = value(i + 2 * width), d = value(i + 3 * width);
    sums.add((a + b) + (c + d));
  }
  for (; i < end; i += width) sums.add(i + width <= row ? value(i) : lane::first<T>(value(i), row - i));
  return sums.total();
}

/// sum_lanes of the whole, in its order, and what each number's part in `scale` times the sum is: the gradient, as the
/// operand marked in `wanted` is the only one that has one.
template <class F>
EIGENGRAD_KERNEL Sum<typename F::Scalar> sum_derivative_lanes(const void* f, const Cursor* cursors, const bool* wanted,
                                                              typename F::Scalar* derivative, Index begin, Index end,
                                                              Index row, typename F::Scalar scale) {
  using T = typename F::Scalar;
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>;
  const F& formula = *static_cast<const F*>(f);
  const L seed(scale);
  LaneSum<T> sums;
  L four[4] = {L(0), L(0), L(0), L(0)};
  const Index fours = begin + ((std::min)(end, row) - begin) / (4 * width) * (4 * width);
  for (Index i = begin; i < end; i += width) {
    L values[F::nodes], adjoints[F::leaves] = {}, slope(0);
    L value = formula.template forward<T, 0, 0>(cursors, i, true, values);
    formula.template reverse<T, 0, 0>(values, seed, adjoints);
    for_indices<F::leaves>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
      if (wanted[k]) slope = slope + adjoints[k];
    });
    lane::store(derivative + i, slope);
    if (i + width > row) value = lane::first<T>(value, row - i);
    if (i >= fours) {
      sums.add(value);
      continue;
    }
    for (int k = 0; k < 3; ++k) four[k] = four[k + 1];
    four[3] = value;
    if ((i - begin) % (4 * width) == 3 * width) sums.add((four[0] + four[1]) + (four[2] + four[3]));
  }
  return sums.total();
}

/// target += the sum of the formula / divisor, and derivative = what each number's part in that is. False, and nothing
/// done, when an operand is stretched.
template <class F>
bool sum_with_derivative(const F& formula, const bool* wanted, typename F::Scalar* target,
                         typename F::Scalar* derivative, const typename F::Scalar& divisor) {
  using T = typename F::Scalar;
  const Shape& space = formula.shape();
  Operands<F, 0> operands(formula);
  if (!operands.start_flat(space)) return false;
  const Index size = space.size();
  const Sum<T> total = sum_with_derivative_flat<T>(&sum_derivative_lanes<F>, &formula, operands.cursors, wanted,
                                                   derivative, size, T(1) / divisor, size >= 2 * large_size<F>);
  target[0] = static_cast<T>(target[0] + quotient_of_sum<T>(total, divisor));
  return true;
}

/// target += (the formula summed over the axes on which `kept` has size 1) / divisor; target has shape `kept`.
template <class F>
void sum_into(const F& formula, const Shape& kept, typename F::Scalar* target, const typename F::Scalar& divisor) {
  using T = typename F::Scalar;
  const Shape& space = formula.shape();
  Operands<F, 0> operands(formula);
  const Index size = space.size();
  if (kept.size() == 1 && size <= lane_chunk<T> && operands.start_flat(space)) {
    const Sum<T> total = sum_lanes<F>(&formula, operands.cursors, nullptr, 0, 0, size, size);
    target[0] = static_cast<T>(target[0] + quotient_of_sum<T>(total, divisor));
  } else {
    const Rows<T> rows = operands.rows(space, &kept);
    if constexpr (F::cost == 0 && F::leaves == 1)
      if (rows.loop.rows > 1 && rows.written_size == rows.loop.row && rows.loop.row_strides[1] != 0)
        return sum_plain_rows(formula.tensor.numbers(), rows.loop.rows, rows.loop.row, rows.readable(), target,
                              divisor);
    sum_rows(rows, &sum_lanes<F>, &formula, kept.size() == 1, target, divisor, size >= 2 * large_size<F>);
  }
}

}}  // namespace eigengrad::EIGENGRAD_ABI
