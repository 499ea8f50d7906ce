#pragma once

#include <optional>

#include "../../autograd/engine/compute.hpp"
#include "../../core/tensor.hpp"
#include "../../formula/apply.hpp"
#include "../../kernels/sums.hpp"
#include "../../ops/cast.hpp"
#include "../../ops/index.hpp"
#include "../../ops/shape.hpp"
#include "../../ops/softmax.hpp"
#include "cross_entropy.hpp"
#include "label_rows.hpp"
#include "loss.hpp"

// Losses for class labels with everything that may be asked of them: weights of classes, labels that do not count,
// smoothing, and logits of any rank.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of softmax_cross_entropy. `weight` has a factor for each class; labels equal to `ignore_index` do not
/// count. With label_smoothing e a label's share is 1 - e, and e / classes goes to every class. `mean` is over the
/// labels that count, each by its weight.
template <class T>
struct CrossEntropyOptions {
  Tensor<plain_t<T>> weight = {};
  Index ignore_index = -100;
  double label_smoothing = 0;
  Reduction reduction = Reduction::mean;
};
/// Settings of nll_loss, as of softmax_cross_entropy.
template <class T>
struct NllOptions {
  Tensor<plain_t<T>> weight = {};
  Index ignore_index = -100;
  Reduction reduction = Reduction::mean;
};

/// Labels [n, d...] beside numbers [n, classes, d...], or [] beside [classes]: what each counts.
template <class T>
struct LabelledRows {
  using Plain = plain_t<T>;
  const char* name;
  Location where;
  AroundAxis around;
  Shape numbers_shape, labels_shape;
  Tensor<Plain> weight;
  Index ignored;
  Plain smoothing;
  Reduction reduction;

  EIGENGRAD_COLD LabelledRows(const char* loss, const Location& from, const Shape& numbers, const Shape& labels,
                              const CrossEntropyOptions<T>& options)
      : name(loss),
        where(from),
        around(checked_rank(loss, from, numbers, labels), numbers.rank() > 1 ? 1 : 0, loss, from),
        numbers_shape(numbers),
        labels_shape(labels),
        weight(options.weight.detach()),
        ignored(options.ignore_index),
        smoothing(static_cast<Plain>(options.label_smoothing)),
        reduction(options.reduction) {
    require<ShapeError>(labels == numbers.without(around.axis), name, ": the prediction is ", numbers,
                        ", the labels are ", labels, ": give [n, classes, ...] and labels [n, ...]", where);
    require<ShapeError>(!weighted() || weight.shape() == Shape{around.count}, name, ": the prediction is ", numbers,
                        ", the weights are ", weight.shape(), ": give one for each class", where);
    require<ValueError>(options.label_smoothing >= 0 && options.label_smoothing <= 1, name,
                        ": label_smoothing = ", options.label_smoothing, " is not in [0, 1]", where);
    require<ShapeError>(labels.size() > 0 || reduction == Reduction::none || reduction == Reduction::sum, name,
                        ": the prediction is ", numbers, ", no samples to take a mean of: leave the empty batch out",
                        where);
  }

  bool weighted() const { return !(weight.shape() == Shape::empty()); }
  Plain weight_of(Index label) const { return weighted() ? kernel_access(weight).numbers()[label] : Plain(1); }
  /// Calls body(row, label, offset of the row's first number) for every label; -1 for one that does not count.
  template <class Body>
  void for_each(const Tensor<std::int64_t>& labels, Index begin, Index end, const Body& body) const {
    for (Index i = begin; i < end; ++i) {
      const std::int64_t label = kernel_access(labels).numbers()[i];
      const Index o = i / around.inner, j = i % around.inner;
      body(i, label == ignored ? Index{-1} : label, o * around.count * around.inner + j);
    }
  }
  /// Throws IndexError for a label out of range; what the sum of the terms is divided by.
  T checked_divisor(const Tensor<std::int64_t>& labels) const {
    Total<Plain> total(0);
    for (Index i = 0; i < labels.size(); ++i) {
      const std::int64_t label = kernel_access(labels).numbers()[i];
      if (label == ignored) continue;
      require<IndexError>(label >= 0 && label < around.count, name, ": label ", label, " at position ", i,
                          " is outside 0 to ", around.count - 1,
                          ": as many outputs as classes are needed, or set ignore_index", where);
      total += weight_of(label);
    }
    if (reduction == Reduction::mean) return T(static_cast<Plain>(total));
    return T(static_cast<Plain>(reduction == Reduction::batch_mean && labels.rank() > 0 ? labels.shape()[0] : 1));
  }
  LabelShares<T> shares() const {
    return {weighted() ? kernel_access(weight).numbers() : nullptr, around.count, smoothing};
  }
  /// What every class' -log(p) is multiplied by, in the numbers' shape; divided, unless nothing is brought together.
  Tensor<T> targets(const Tensor<std::int64_t>& labels) const {
    const auto run = [rows = *this](T* to, const Tensor<std::int64_t>& chosen, const Tensor<Plain>& /*in rows*/) {
      const T scale = T(1) / rows.checked_divisor(chosen);
      const Index classes = rows.around.count, inner = rows.around.inner;
      const Tensor<T> row = Tensor<T>::empty({classes});
      T* const targets = kernel_access(row).shared_data();
      rows.for_each(chosen, 0, chosen.size(), [&](Index, Index label, Index first) {
        if (label < 0)
          std::fill_n(targets, classes, T(0));
        else
          rows.shares().write_targets(label, scale, targets);
        for (Index c = 0; c < classes; ++c) to[first + c * inner] = targets[c];
      });
    };
    return compute_values<T>(name, numbers_shape, run, labels, weight);
  }
  /// A loss' dy beside the numbers: stretched over the classes.
  Tensor<T> beside_numbers(const Tensor<T>& dy) const {
    Shape shape = numbers_shape;
    for (Index axis = 0; axis < shape.rank(); ++axis)
      if (axis == around.axis || reduction != Reduction::none) shape.set(axis, 1);
    return recorded_reshape(dy, shape);
  }
  Shape result() const { return reduction == Reduction::none ? labels_shape : Shape{}; }
  /// The terms, brought together.
  void finish(const Tensor<T>& terms, T divisor, T* to) const {
    if (reduction == Reduction::none) return;
    to[0] = quotient_of_sum<T>(sum_of_numbers(kernel_access(terms).numbers(), terms.size()), divisor);
  }

 private:
  static const Shape& checked_rank(const char* loss, const Location& from, const Shape& numbers, const Shape& labels) {
    require<ShapeError>(numbers.rank() >= 1, loss, ": the prediction is ", numbers, ", the labels are ", labels,
                        ": give [n, classes, ...] and labels [n, ...]", from);
    return numbers;
  }
};

/// What the loss of labels leaves for the way back: its derivative, times dy; by recorded operations, what is
/// differentiated again.
template <class T>
struct LabelledGradient {
  Tensor<T> derivative, logits, dy;
  Tensor<std::int64_t> labels;
  const LabelledRows<T>& rows;

  Shape shape() const { return derivative.shape(); }
  void write_to(Tensor<T>& target, bool add) const {
    const Index classes = rows.around.count, inner = rows.around.inner;
    T* const to = kernel_access(target).writable_numbers();
    const T *const from = kernel_access(derivative).numbers(), *const d = kernel_access(dy).numbers();
    const bool each = rows.reduction == Reduction::none;
    for (Index k = 0; k < derivative.size(); ++k) {
      const T here = from[k] * d[each ? k / (classes * inner) * inner + k % inner : 0];
      to[k] = add ? to[k] + here : here;
    }
  }
  bool hand_to(Slot<T>& slot) const {
    if (rows.reduction == Reduction::none) return false;
    contribute_multiple(slot, dy, derivative, 2);
    return true;
  }
  /// softmax(x) w - y, in which 1 - softmax(x) has its digits.
  Tensor<T> to_tensor() const {
    const Tensor<T> y = rows.targets(labels);
    const Tensor<T> weight = sum(y, rows.around.axis, true), logarithm = log_softmax(logits, rows.around.axis);
    return (exp(logarithm) * (weight - y) + y * expm1(logarithm)) * rows.beside_numbers(dy);
  }
};

/// The terms of the labels from `begin` to `end`, and their derivatives, times `scale`, unless `to` is null.
template <class T>
void run_labelled_rows(const LabelledRows<T>& rows, const T* x, const Tensor<std::int64_t>& labels, Index begin,
                       Index end, T scale, T* term, T* to) {
  const LabelShares<T> shares = rows.shares();
  const plain_t<T> weight_of_all = shares.total_weight();
  const Index classes = rows.around.count, inner = rows.around.inner;
  const Tensor<T> scratch = Tensor<T>::empty({2, inner > 1 ? classes : 0});
  T *const row = kernel_access(scratch).shared_data(), *const slopes = row + (inner > 1 ? classes : 0);
  const auto one = [&](Index i, Index label, Index first) {
    T* const slope = to == nullptr ? nullptr : inner == 1 ? to + first : slopes;
    const T* numbers = x + first;
    for (Index c = 0; inner > 1 && c < classes; ++c) row[c] = numbers[c * inner];
    if (inner > 1) numbers = row;
    term[i] = label < 0 ? T(0) : shares.row(numbers, label, weight_of_all, scale, slope);
    if (slope != nullptr && label < 0) std::fill_n(slope, classes, T(0));
    for (Index c = 0; slope != nullptr && inner > 1 && c < classes; ++c) to[first + c * inner] = slope[c];
  };
  Index i = begin;
  if constexpr (LabelShares<T>::has_lanes) {
    constexpr Index width = lane_width<T>;
    while (inner >= width && classes <= few_numbers && i + width <= end) {
      const Index left = inner - i % inner;  // in this round of classes
      if (left < width) {
        rows.for_each(labels, i, i + left, one);
        i += left;
        continue;
      }
      Index lane_labels[extent(width)], first = 0;
      rows.for_each(labels, i, i + width, [&](Index k, Index label, Index at) {
        lane_labels[k - i] = label;
        if (k == i) first = at;
      });
      if (!shares.lane_of_rows(x + first, inner, lane_labels, weight_of_all, scale, term + i,
                               to != nullptr ? to + first : nullptr))
        rows.for_each(labels, i, i + width, one);
      i += width;
    }
  }
  rows.for_each(labels, i, end, one);
}

template <class T>
Tensor<T> cross_entropy_of_labels(const Tensor<T>& x, const Tensor<std::int64_t>& labels,
                                  const CrossEntropyOptions<T>& options, const Location& where) {
  const char* const name = "softmax_cross_entropy";
  const LabelledRows<T> rows(name, where, x.shape(), labels.shape(), options);
  const Tensor<T> derivative = records(name, x) ? Tensor<T>::empty(x.shape()) : Tensor<T>();
  const auto run = [rows](T* loss, const Tensor<T>& logits, const Tensor<std::int64_t>& chosen,
                          const Tensor<plain_t<T>>& /*in rows*/, T* to) {
    const T divisor = rows.checked_divisor(chosen), scale = T(1) / divisor;
    const bool each = rows.reduction == Reduction::none;
    const Tensor<T> terms = each ? Tensor<T>() : Tensor<T>::empty({chosen.size()});
    T* const term = each ? loss : kernel_access(terms).shared_data();
    // Lanes begin where a round of labels side by side does, whatever thread takes it.
    parallel_ranges(chosen.size(), (std::max)(Index{1}, rows.around.inner), large_rows / (rows.around.count + 1) + 1,
                    [&](Index begin, Index end) {
                      run_labelled_rows(rows, kernel_access(logits).numbers(), chosen, begin, end, scale, term, to);
                    });
    rows.finish(terms, divisor, loss);
  };
  const auto back = [=](const Tensor<T>& dy) { return LabelledGradient<T>{derivative, x, dy, labels, rows}; };
  return compute<T>({name, where}, rows.result(), run, with_respect_to(x, back), labels, rows.weight,
                    extra_output(derivative));
}

/// A distribution for each row in place of a label.
template <class T>
Tensor<T> cross_entropy_of_distributions(const Tensor<T>& x, const Tensor<T>& target,
                                         const CrossEntropyOptions<T>& options, const Location& where) {
  const char* const name = "softmax_cross_entropy";
  require<ShapeError>(x.rank() >= 1 && x.shape() == target.shape(), name, ": the logits are ", x.shape(),
                      ", the target is ", target.shape(),
                      ": give a distribution of the logits' shape, or labels as Tensor<std::int64_t>", where);
  const Index axis = x.rank() > 1 ? 1 : 0, classes = x.shape()[axis];
  require<ShapeError>(options.weight.shape() == Shape::empty() || options.weight.shape() == Shape{classes}, name,
                      ": the logits are ", x.shape(), ", the weights are ", options.weight.shape(),
                      ": give one for each class", where);
  Tensor<T> share = target;
  if (options.label_smoothing != 0)
    share = target * (1 - options.label_smoothing) + options.label_smoothing / static_cast<double>(classes);
  if (!(options.weight.shape() == Shape::empty())) {
    Shape along;
    for (Index i = axis; i < x.rank(); ++i) along.push_back(i == axis ? classes : 1);
    share = share * cast<T>(reshape(options.weight.detach(), along));
  }
  const Tensor<T> terms = -sum(share * log_softmax(x, axis, where), axis);
  return reduce_loss("softmax_cross_entropy", terms, options.reduction, where);
}

/// -log(softmax(x)) of the labels, with weights of classes, labels that do not count, and smoothing; for logits of any
/// rank [n, classes, d...] and labels [n, d...], or a distribution of the logits' shape. Fused and stable, of every
/// order. Throws IndexError for a label out of range, ShapeError for shapes that do not fit.
template <Expression P, Expression Q>
auto softmax_cross_entropy(const P& logits, const Q& target,
                           const CrossEntropyOptions<std::type_identity_t<typename P::Element>>& options,
                           Location where = Location::current()) {
  using T = typename P::Element;
  if constexpr (std::is_same_v<typename Q::Element, std::int64_t>)
    return cross_entropy_of_labels<T>(logits.to_tensor(), target.to_tensor(), options, where);
  else
    return cross_entropy_of_distributions<T>(logits.to_tensor(), tensor_of<T>(target), options, where);
}

/// -x at the labels, of logarithms of probabilities [n, classes, d...] and labels [n, d...]: what LogSoftmax is
/// followed by. `mean` is over the labels that count, each by its weight. Throws as softmax_cross_entropy does.
template <Expression P>
auto nll_loss(const P& log_probabilities, const Tensor<std::int64_t>& labels,
              const NllOptions<std::type_identity_t<typename P::Element>>& options = {},
              Location where = Location::current()) {
  using T = typename P::Element;
  const Tensor<T>& x = log_probabilities.to_tensor();
  const LabelledRows<T> rows("nll_loss", where, x.shape(), labels.shape(),
                             {options.weight, options.ignore_index, 0, options.reduction});
  const auto run = [rows](T* loss, const Tensor<T>& numbers, const Tensor<std::int64_t>& chosen,
                          const Tensor<plain_t<T>>& /*in rows*/) {
    const T divisor = rows.checked_divisor(chosen);
    const bool each = rows.reduction == Reduction::none;
    const Tensor<T> terms = each ? Tensor<T>() : Tensor<T>::empty({chosen.size()});
    T* const term = each ? loss : kernel_access(terms).shared_data();
    rows.for_each(chosen, 0, chosen.size(), [&](Index i, Index label, Index first) {
      term[i] = label < 0
                    ? T(0)
                    : -(kernel_access(numbers).numbers()[first + label * rows.around.inner] * T(rows.weight_of(label)));
    });
    rows.finish(terms, divisor, loss);
  };
  const auto back = [=](const Tensor<T>& dy) { return -(rows.targets(labels) * rows.beside_numbers(dy)); };
  return compute<T>({"nll_loss", where}, rows.result(), run, with_respect_to(x, back), labels, rows.weight);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
