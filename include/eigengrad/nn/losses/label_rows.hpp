#pragma once

#include "../../core/dual.hpp"
#include "../../core/tensor.hpp"
#include "../../kernels/extreme.hpp"
#include "../../kernels/sums.hpp"
#include "../../simd/math.hpp"
#include "cross_entropy.hpp"

// The cross-entropy of a label with weights of classes and smoothing, as numbers: of a row, and of a lane of rows that
// lie side by side.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What each class' -log(p) counts for a label y: (1 - smoothing) weight_y at y, and smoothing / classes times its
/// weight at every class.
template <class T>
struct LabelShares {
  using Plain = plain_t<T>;
  const Plain* weights;  // null: each is 1
  Index classes;
  Plain smoothing;

  Plain weight_of(Index c) const { return weights != nullptr ? weights[c] : Plain(1); }
  Plain own(Index label) const { return (Plain(1) - smoothing) * weight_of(label); }
  Plain everywhere() const { return smoothing / static_cast<Plain>(classes); }
  Plain total_weight() const {
    Total<Plain> total(0);
    for (Index c = 0; c < classes; ++c) total += weight_of(c);
    return static_cast<Plain>(total);
  }
  /// All of them, times `scale`.
  void write_targets(Index label, T scale, T* to) const {
    for (Index c = 0; c < classes; ++c) to[c] = T(everywhere() * weight_of(c)) * scale;
    to[label] = to[label] + T(own(label)) * scale;
  }
  /// Of the classes from c on, in a lane.
  EIGENGRAD_INLINE lane_t<T> weights_from(Index c) const {
    if constexpr (is_lane<lane_t<T>>)
      return weights != nullptr ? lane_t<T>(lane::load(weights + c)) : lane_t<T>(1);
    else
      return lane_t<T>(weight_of(c));
  }

  /// The loss of one row of logits x, and in `to`, unless null, the derivative times `scale`.
  T row(const T* x, Index label, Plain weight_of_all, T scale, T* to) const {
    using L = lane_t<T>;
    constexpr Index width = lane_width<T>;
    const T largest = winner_of_row<Largest>(x, classes);
    const bool smooth = smoothing != 0;
    if (smooth && !(std::isfinite(plain_value(x[label])) && std::isfinite(plain_value(largest)))) {
      const Tensor<T> targets = Tensor<T>::empty({classes});
      write_targets(label, T(1), kernel_access(targets).shared_data());
      return cross_entropy_row<T>(x, classes, kernel_access(targets).numbers(), first_place(x, classes, largest),
                                  largest, scale, to);
    }
    const Plain here = own(label), rest = smooth ? everywhere() * weight_of_all : Plain(0);
    T loss = cross_entropy_row<T>(x, classes, nullptr, label, largest, scale * T(here + rest), to);
    if (!smooth) return loss * T(here);
    LaneSum<T> sums;
    const T factor = scale * T(everywhere());
    Index c = 0;
    for (; c + width <= classes; c += width) {
      const L weight = weights_from(c);
      sums.add(weight * (L(x[label]) - L(lane::load(x + c))));
      if (to != nullptr) lane::store<T>(to + c, L(lane::load(to + c) - L(factor) * weight));
    }
    Sum<T> spread = sums.total();
    for (; c < classes; ++c) {
      spread = spread + Sum<T>(T(weight_of(c)) * (x[label] - x[c]));
      if (to != nullptr) to[c] = to[c] - factor * T(weight_of(c));
    }
    if (to != nullptr) to[label] = to[label] + scale * T(rest);
    return loss * T(here + rest) + T(everywhere()) * quotient_of_sum<T>(spread, T(1));
  }

  /// The same for a lane of rows side by side, class after class `step` apart; labels of -1 do not count. Whether it
  /// was done: it is not where a row's largest number is infinite or NaN.
  static constexpr bool has_lanes = is_lane<lane_t<T>>;
  bool lane_of_rows(const T* x, Index step, const Index* labels, Plain weight_of_all, T scale, T* loss, T* to) const
    requires has_lanes
  {
    using L = lane_t<T>;
    constexpr Index width = lane_width<T>;
    T label_of[extent(width)], own_of[extent(width)], counts_of[extent(width)];
    for (Index i = 0; i < width; ++i) {
      label_of[i] = static_cast<T>(labels[i]);
      own_of[i] = labels[i] < 0 ? T(0) : own(labels[i]);
      counts_of[i] = labels[i] < 0 ? T(0) : everywhere();
    }
    const L label = lane::load(label_of), here = lane::load(own_of), spread_share = lane::load(counts_of);
    const bool smooth = smoothing != 0;
    L largest = lane::load(x);
    for (Index c = 1; c < classes; ++c) largest = winner<Largest>(largest, L(lane::load(x + c * step)));
    if (!(lane::sum<T>(largest - largest) == T(0))) return false;
    L others(0), own_exponential(0), chosen(0), spread(0);
    for (Index c = 0; c < classes; ++c) {
      const L number = lane::load(x + c * step), below = number - largest, e = math::exp(below);
      const auto mine = label == L(static_cast<T>(c));
      others = others + math::select(mine, L(0), e);
      own_exponential = math::select(mine, e, own_exponential);
      chosen = math::select(mine, number, chosen);
      if (smooth) spread = spread - L(weight_of(c)) * below;
      if (to != nullptr) lane::store<T>(to + c * step, e);
    }
    const L sum = others + own_exponential;
    const L normaliser = math::select(own_exponential == L(1), math::log1p(others), math::log(sum));
    const L rest = spread_share * L(weight_of_all), all = here + rest;
    const auto counts = here + spread_share != L(0);
    const L terms = here * (normaliser + (largest - chosen)) + (rest * normaliser + spread_share * spread);
    lane::store<T>(loss, math::select(counts, smooth ? terms : L(here * (normaliser + (largest - chosen))), L(0)));
    if (to == nullptr) return true;
    const L factor = L(scale) * all / sum, at_label = L(scale) * rest - others * factor;
    for (Index c = 0; c < classes; ++c) {
      const L e = lane::load(to + c * step);
      L slope = math::select(label == L(static_cast<T>(c)), at_label, e * factor);
      if (smooth) slope = slope - L(scale) * spread_share * L(weight_of(c));
      lane::store<T>(to + c * step, math::select(counts, slope, L(0)));
    }
    return true;
  }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
