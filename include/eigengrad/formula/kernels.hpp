#pragma once

#include "../autograd/engine/describe.hpp"
#include "../autograd/engine/node.hpp"
#include "../core/tensor.hpp"
#include "../kernels/run_sums.hpp"
#include "../kernels/sums.hpp"
#include "apply.hpp"
#include "view.hpp"

// The loops of a formula F over lanes: forward, backward, and forward into a sum. Each is one function over the lanes
// of a row; where shapes differ, formula/rows.hpp calls it row by row. Only these are compiled for each formula; who
// calls them (formula/view.hpp) knows its kind alone.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

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
  for (int k = 0; k < leaves; ++k) {
    to[k] = job.sinks[k].data;
    add[k] = job.sinks[k].add;
    stretched[k] = job.sinks[k].stretched;
    EIGENGRAD_NO_VECTORS;  // of a few bytes, which are then taken apart again
  }
  // When every wanted place is the same tensor, its gradient is summed in registers and stored once.
  const bool single = job.single, has_result = job.has_result, add_common = add[job.first];
  T* const common = to[job.first];
  // Of stretched sinks run after run is written, and what is left of lanes one by one (kernels/run_sums.hpp).
  constexpr Index run_lanes = sum_run * width;
  Index left = !job.sums ? end : end - begin >= run_lanes ? sum_run : 1, written = 0;
  L values[extent(F::nodes)] = {}, run[extent(leaves)] = {};
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
          run[k] = run[k] + (i + width <= row ? adjoints[k] : lane::first<T>(adjoints[k], row - i));
        else
          lane::store(to[k] + i, add[k] ? L(adjoints[k] + lane::load(to[k] + i)) : adjoints[k]);
      });
      if (--left > 0) continue;
      left = end - i >= run_lanes + width ? sum_run : 1;
      for_indices<leaves>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
        if (!stretched[k]) return;
        lane::store<T>(to[k] + written, run[k]);
        run[k] = L(0);
      });
      written += width;
    }
  }
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
  // Four lanes are added up at a time, which keeps equal numbers exact. A formula that is computed at length is
  // compiled in one place; a short one in one for each of the four, which then overlap.
  constexpr bool in_one_place = F::cost >= 8 || F::nodes > 4;
  const Index fours = to != nullptr ? begin : begin + ((std::min)(end, row) - begin) / (4 * width) * (4 * width);
  LaneSum<T> sums;
  L four[4] = {L(0), L(0), L(0), L(0)};
  Index i = begin;
  if constexpr (!in_one_place)
    for (; i < fours; i += 4 * width) {
      const L a = value(i), b = value(i + width), c = value(i + 2 * width), d = value(i + 3 * width);
      sums.add(((a + b) + c) + d);
    }
  for (; i < end; i += width) {
    L next = value(i);
    if (to != nullptr) {
      to->add_lane(place + i, next);
      continue;
    }
    if (in_one_place && i < fours) {
      for (int k = 0; k < 3; ++k) four[k] = four[k + 1];
      four[3] = next;
      if ((i - begin) % (4 * width) == 3 * width) sums.add(((four[0] + four[1]) + four[2]) + four[3]);
      continue;
    }
    if (i + width > row) next = lane::first<T>(next, row - i);
    sums.add(next);
  }
  return to != nullptr ? Sum<T>(0) : sums.total();
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
  L run(0);
  const Index runs_end = begin + ((std::min)(end, row) - begin) / (sum_run * width) * (sum_run * width);
  for (Index i = begin; i < end; i += width) {
    L values[F::nodes], adjoints[F::leaves] = {}, slope(0);
    L value = formula.template forward<T, 0, 0>(cursors, i, true, values);
    formula.template reverse<T, 0, 0>(values, seed, adjoints);
    for_indices<F::leaves>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
      if (wanted[k]) slope = slope + adjoints[k];
    });
    lane::store(derivative + i, slope);
    if (i + width > row) value = lane::first<T>(value, row - i);
    run = run + value;
    if (i < runs_end && (i - begin) % (sum_run * width) != (sum_run - 1) * width) continue;
    sums.add(run);
    run = L(0);
  }
  return sums.total();
}

/// Whether a formula is worth storing its derivative, rather than computing it all again on the way back: it has an
/// expensive operation whose result the top does not already give.
template <class F>
inline constexpr bool stores_derivative =
    (from_result<F> ? F::inner_cost : F::cost) >= 8 && is_real<typename F::Scalar>;

/// The functions of a FormulaKind, for formulas of type F.
template <class F>
struct KindOf {
  using T = typename F::Scalar;
  static constexpr bool is_plain = F::cost == 0 && F::leaves == 1;
  static constexpr bool recorded = is_real<T> && std::is_same_v<typename F::Element, T> && !is_plain;

  static void list(const void* formula, FormulaLeaf<T>* leaves) {
    static_cast<const F*>(formula)->template for_each_leaf<0>([&](int k, const auto& tensor)
                                                                  EIGENGRAD_INLINE_LAMBDA { leaves[k](tensor); });
  }
  static void copy(const void* formula, void* to) { new (to) F(*static_cast<const F*>(formula)); }
  static void destroy(void* formula) { static_cast<F*>(formula)->~F(); }
  EIGENGRAD_COLD static void describe(const void* formula, Steps& steps, TypedNode<T>** targets) {
    static_cast<const F*>(formula)->describe(steps, targets);
  }
  EIGENGRAD_COLD static Tensor<T> unfold(const void* formula) {
    return static_cast<const F*>(formula)->template trace<T>().value();
  }
  static constexpr FormulaKind<T> make() {
    FormulaKind<T> kind{.leaves = F::leaves,
                        .is_plain = is_plain,
                        .from_result = from_result<F>,
                        .stores_derivative = false,
                        .large = large_size<F>,
                        .bytes = sizeof(F),
                        .alignment = alignof(F),
                        .list = &list,
                        .copy = &copy,
                        .destroy = &destroy,
                        .describe = nullptr,
                        .unfold = nullptr,
                        .evaluate = nullptr,
                        .derivative = nullptr,
                        .reverse = nullptr};
    if constexpr (!is_plain) kind.evaluate = &evaluate_lanes<F>;
    if constexpr (recorded) {
      kind.stores_derivative = stores_derivative<F>;
      kind.describe = &describe;
      kind.unfold = &unfold;
      kind.reverse = &reverse_lanes<F>;
      if constexpr (stores_derivative<F>) kind.derivative = &derivative_lanes<F>;
    }
    return kind;
  }
  static constexpr FormulaSums<T> make_sums() {
    if constexpr (recorded)
      return {&sum_lanes<F>, &sum_derivative_lanes<F>};
    else
      return {&sum_lanes<F>, nullptr};
  }
};
template <class F>
inline constexpr FormulaKind<typename F::Scalar> formula_kind = KindOf<F>::make();
template <class F>
inline constexpr FormulaSums<typename F::Scalar> formula_sums = KindOf<F>::make_sums();

}}  // namespace eigengrad::EIGENGRAD_ABI
