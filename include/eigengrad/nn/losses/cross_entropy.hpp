#pragma once

#include "../../autograd/engine/compute.hpp"
#include "../../core/tensor.hpp"
#include "../../formula/apply.hpp"
#include "../../kernels/short_rows.hpp"
#include "../../ops/softmax.hpp"
#include "loss.hpp"

// Losses for classes: of logits, and of probabilities.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Class labels [n] checked against [n, classes]: their shape, and what they are.
EIGENGRAD_LAZY void require_labels_of(const char* loss, const Shape& prediction, const Shape& labels,
                                      const Location& where) {
  require<ShapeError>(prediction.rank() == 2 && labels == Shape{prediction[0]}, loss, ": the prediction is ",
                      prediction, ", the labels are ", labels, ": give [n, classes] and labels [n]", where);
}
EIGENGRAD_LAZY void require_labels(const char* loss, const Shape& prediction, const Tensor<std::int64_t>& labels,
                                   const Location& where) {
  for (Index i = 0; i < labels.size(); ++i)
    require<IndexError>(kernel_access(labels).numbers()[i] >= 0 && kernel_access(labels).numbers()[i] < prediction[1],
                        loss, ": label ", kernel_access(labels).numbers()[i], " at position ", i, " is outside 0 to ",
                        prediction[1] - 1, ": as many outputs as classes are needed", where);
}

/// 1 at each row's label, 0 elsewhere.
template <class T>
Tensor<T> one_hot_rows(const Shape& shape, const Tensor<std::int64_t>& labels, const Location& where = {}) {
  const auto run = [=](T* to, const Tensor<std::int64_t>& chosen) {
    require_labels("cross_entropy", shape, chosen, where);
    std::fill_n(to, shape.size(), T(0));
    for (Index i = 0; i < chosen.size(); ++i) to[i * shape[1] + kernel_access(chosen).numbers()[i]] = T(1);
  };
  return compute_values<T>("one_hot", shape, run, labels);
}

/// The cross-entropy of a row of logits x with the row `target`, y, or, where that is null, with the label `chosen`. If
/// `to` is not null, it gets (softmax(x) w - y) scale, the derivative times `scale`; w is the sum of y. For a target
/// `chosen` is where x is largest: of its probability p, 1 - p is the sum of the others, which keeps its digits.
template <class T>
T cross_entropy_row(const T* x, Index count, const T* target, Index chosen, T largest, T scale, T* to) {
  const T shift = std::isfinite(plain_value(largest)) ? largest : T(0);
  const T others = sum_of_exponentials(x, count, shift, to, chosen);
  const T own = to != nullptr ? to[chosen] : T(exp(x[chosen] - shift)), sum = others + own;
  const T normaliser = own == T(1) ? T(log1p(others + (own - T(1)))) : T(log(sum));  // own - 1 may have a tangent
  if (target == nullptr) {
    const T loss = normaliser + (shift - x[chosen]);
    if (to == nullptr) return loss;
    const T factor = scale / sum;
    Index j = 0;
    for (; j + lane_width<T> <= count; j += lane_width<T>)
      lane::store<T>(to + j, lane::load(to + j) * lane_t<T>(factor));
    for (; j < count; ++j) to[j] = to[j] * factor;
    to[chosen] = -(others * factor);
    return loss;
  }
  Total<T> total(0), rest(0);
  for (Index j = 0; j < count; ++j) {
    if (j != chosen) rest += target[j];
    if (!is_zero(target[j])) total += target[j] * (normaliser + (shift - x[j]));
  }
  const T loss = static_cast<T>(total), weight = static_cast<T>(rest);
  if (to == nullptr) return loss;
  const T factor = (weight + target[chosen]) / sum;
  const T here = (own / sum * weight - others / sum * target[chosen]) * scale;
  for (Index j = 0; j < count; ++j) to[j] = (to[j] * factor - target[j]) * scale;
  to[chosen] = here;
  return loss;
}

/// What softmax_cross_entropy leaves for the way back: the derivative, and what it takes to differentiate that.
template <class T>
struct SoftmaxCrossEntropyGradient {
  Tensor<T> derivative, distribution;
  Tensor<std::int64_t> labels;
  T scale;
  bool per_sample;
  Tensor<T> logits;
  Tensor<T> dy;

  Shape shape() const { return derivative.shape(); }
  /// dy times the derivative, dy being a number per row.
  void write_to(Tensor<T>& target, bool add) const {
    const Index n = derivative.shape()[0], classes = derivative.shape()[1];
    T* const to = kernel_access(target).writable_numbers();
    for (Index i = 0; i < n; ++i)
      for (Index j = i * classes; j < (i + 1) * classes; ++j) {
        const T here = kernel_access(derivative).numbers()[j] * kernel_access(dy).numbers()[i];
        to[j] = add ? to[j] + here : here;
      }
  }
  /// Of a loss that is one number the derivative is handed over if dy is 1.
  bool hand_to(Slot<T>& slot) const {
    if (per_sample) return false;
    contribute_multiple(slot, dy, derivative, 2);  // held by the rule, and by what it returned
    return true;
  }
  /// The same of recorded operations, to be differentiated again.
  Tensor<T> to_tensor() const {
    Tensor<T> y = distribution;
    if (labels.size() > 0) {
      y = one_hot_rows<T>(shape(), labels);
    }
    // softmax(x) w - y, in which 1 - softmax(x) has its digits.
    const Tensor<T> weight = sum(y, 1, true), logarithm = log_softmax(logits);
    const Tensor<T> rows = recorded_reshape(dy, per_sample ? Shape{shape()[0], 1} : Shape{1, 1}) * scale;
    return (exp(logarithm) * (weight - y) + y * expm1(logarithm)) * rows;
  }
};

/// Writes the loss, divided by `divisor`, and its derivative to `to` if that is not null.
template <class T>
void softmax_cross_entropy_rows(const Tensor<T>& x, const Tensor<std::int64_t>& labels, const Tensor<T>& distribution,
                                T* to, T* loss, bool per_sample, T divisor) {
  const T scale = T(1) / divisor;
  const Index n = x.shape()[0], classes = x.shape()[1];
  const auto rows = [&](Index first, Index end) {
    const auto loss_of = [&](Index i) {
      const T* row = kernel_access(x).numbers() + i * classes;
      const T* const y = labels.size() > 0 ? nullptr : kernel_access(distribution).numbers() + i * classes;
      const T largest = winner_of_row<Largest>(row, classes);
      const Index chosen = y == nullptr ? kernel_access(labels).numbers()[i] : first_place(row, classes, largest);
      return cross_entropy_row(row, classes, y, chosen, largest, scale, to != nullptr ? to + i * classes : nullptr);
    };
    if constexpr (is_real<T>)
      if (labels.size() > 0 && classes <= ShortRows<T>::most_classes) {
        const Index begin = first * classes;
        return ShortRows<T>::losses(kernel_access(x).numbers() + begin, end - first, classes,
                                    kernel_access(labels).numbers() + first, scale,
                                    to != nullptr ? to + begin : nullptr, per_sample ? loss + first : nullptr,
                                    [&](Index i) { return loss_of(first + i); });
      }
    Total<T> total(0);
    for (Index i = first; i < end; ++i) {
      const T term = loss_of(i);
      if (per_sample)
        loss[i] = term;
      else
        total += term;
    }
    return total;
  };
  if (n * classes < large_rows) {
    const Total<T> total = rows(0, n);
    if (!per_sample) loss[0] = static_cast<T>(total / divisor);
    return;
  }
  constexpr Index most = 64;
  const Index blocks = (std::min)(most, n);
  Total<T> parts[most], total(0);
  parallel_for(blocks, team_size(), [&](Index b) { parts[b] = rows(n * b / blocks, n * (b + 1) / blocks); });
  for (Index b = 0; b < blocks; ++b) total += parts[b];
  if (!per_sample) loss[0] = static_cast<T>(total / divisor);
}

template <class T>
Tensor<T> softmax_cross_entropy_of(const Tensor<T>& x, const Tensor<std::int64_t>& labels,
                                   const Tensor<T>& distribution, Reduction reduction, const Location& where) {
  const char* name = "softmax_cross_entropy";
  const Index n = x.shape()[0], classes = x.shape()[1];
  require<ShapeError>(n > 0 || reduction == Reduction::none || reduction == Reduction::sum, name, ": the logits are ",
                      x.shape(), ", no samples to take a mean of: leave the empty batch out", where);
  require<ShapeError>(n == 0 || classes > 0 || labels.size() > 0, name, ": the logits are ", x.shape(),
                      ": there must be at least one class", where);
  const bool recorded = labels.size() > 0 ? records(name, x) : records(name, x, distribution);
  const bool per_sample = reduction == Reduction::none;
  const T divisor = per_sample || reduction == Reduction::sum ? T(1) : T(n), scale = T(1) / divisor;
  const Tensor<T> derivative = recorded ? Tensor<T>::empty(x.shape()) : Tensor<T>();
  const auto run = [=](T* loss, const Tensor<T>& logits, const Tensor<T>& target, const Tensor<std::int64_t>& chosen,
                       T* to) {
    require_labels(name, logits.shape(), chosen, where);
    softmax_cross_entropy_rows(logits, chosen, target, to, loss, per_sample, divisor);
  };
  const auto of_logits = [=](const Tensor<T>& dy) {
    return SoftmaxCrossEntropyGradient<T>{derivative, distribution, labels, scale, per_sample, x, dy};
  };
  const auto of_target = [=](const Tensor<T>& dy) {
    return -(log_softmax(x) * (recorded_reshape(dy, per_sample ? Shape{n, 1} : Shape{1, 1}) * scale));
  };
  return compute<T>({name, where}, per_sample ? Shape{n} : Shape{}, run, with_respect_to(x, of_logits),
                    with_respect_to(distribution, of_target), labels, extra_output(derivative));
}

/// What is neither labels nor a distribution of the prediction's number type.
template <class P, class Q>
concept UnlikeTarget = MixedNumbers<P, Q> && !std::is_same_v<typename Q::Element, std::int64_t>;
template <Expression P, Expression Q>
  requires UnlikeTarget<P, Q>
Tensor<typename P::Element> softmax_cross_entropy(const P&, const Q&, Reduction = Reduction::batch_mean,
                                                  Location = {}) {
  static_assert(!UnlikeTarget<P, Q>,
                "softmax_cross_entropy: labels are Tensor<std::int64_t>, distributions Tensor<T>: cast them");
  return {};
}
template <Expression P, Expression Q>
  requires UnlikeTarget<P, Q>
Tensor<typename P::Element> cross_entropy(const P&, const Q&, Reduction = Reduction::batch_mean, Location = {}) {
  static_assert(!UnlikeTarget<P, Q>,
                "cross_entropy: labels are Tensor<std::int64_t>, distributions Tensor<T>: cast them");
  return {};
}

/// -(1/N) sum y log(softmax(x)), fused and stable. logits [n, classes]; target: labels Tensor<int64> [n], or a
/// distribution [n, classes]. Gradients: (softmax(x) - y) / N, for a distribution -log(softmax(x)) / N. `none` gives
/// [n]; `mean` is over samples. Throws IndexError for a label out of range, ShapeError for shapes that do not fit.
template <Expression P, Expression Q>
auto softmax_cross_entropy(const P& logits, const Q& target, Reduction reduction = Reduction::batch_mean,
                           Location where = Location::current()) {
  constexpr bool classes = std::is_same_v<typename Q::Element, std::int64_t>;
  using T = std::conditional_t<classes, typename P::Element, scalar_of<P, Q>>;
  const Tensor<T>& x = tensor_of<T>(logits);
  if constexpr (classes) {
    const Tensor<std::int64_t>& labels = target.to_tensor();
    require_labels_of("softmax_cross_entropy", x.shape(), labels.shape(), where);
    return softmax_cross_entropy_of<T>(x, labels, {}, reduction, where);
  } else {
    static_assert(std::is_same_v<plain_t<typename Q::Element>, plain_t<T>>,
                  "softmax_cross_entropy: labels are Tensor<std::int64_t>, distributions Tensor<T>");
    const Tensor<T>& distribution = tensor_of<T>(target);
    require<ShapeError>(x.rank() == 2 && x.shape()[1] > 0 && distribution.shape() == x.shape(),
                        "softmax_cross_entropy: the logits are ", x.shape(), ", the target is ", distribution.shape(),
                        ": give a distribution of the logits' shape, or labels as Tensor<std::int64_t>", where);
    return softmax_cross_entropy_of<T>(x, {}, distribution, reduction, where);
  }
}

/// -y log(p) of a probability; 0 where y is 0.
struct CrossEntropyOperation {
  static constexpr const char* name = "cross_entropy";
  static constexpr int cost = 12;
  EIGENGRAD_INLINE static auto value(const auto& p, const auto& y) { return where(y == 0, 0, -(y * log(p))); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& p, const auto& y) {
    return to_each(where(y == 0, 0, -(dy * y / p)), -(dy * log(p)));
  }
};

/// -(1/N) sum y log(p) of probabilities p [n, classes] against a one-hot or soft target of the same shape, or labels
/// [n]. Throws ValueError unless every row is a distribution: softmax_cross_entropy takes logits. `none` gives [n,
/// classes].
template <Expression P, Expression Q>
auto cross_entropy(const P& probabilities, const Q& target, Reduction reduction = Reduction::batch_mean,
                   Location where = Location::current()) {
  using T = typename P::Element;
  const Tensor<T>& p = probabilities.to_tensor();
  require<ShapeError>(p.rank() == 2, "cross_entropy: the probabilities are ", p.shape(), ": give [n, classes]", where);
  const Index n = p.shape()[0], classes = p.shape()[1];
  for (Index i = 0; i < n; ++i) {
    Total<T> sum(0);
    for (Index j = 0; j < classes; ++j) {
      const T number = kernel_access(p).numbers()[i * classes + j];
      require<ValueError>(!(number < 0 || number > 1), "cross_entropy: row ", i, " has ", number,
                          ", which is not a probability: put a Softmax before, or give logits to softmax_cross_entropy",
                          where);
      sum += number;
    }
    require<ValueError>(!(std::abs(static_cast<double>(plain_value(sum)) - 1) > 1e-3), "cross_entropy: row ", i,
                        " sums to ", static_cast<double>(plain_value(sum)),
                        ", not 1: put a Softmax before, or give logits to softmax_cross_entropy", where);
  }
  if constexpr (std::is_same_v<typename Q::Element, std::int64_t>) {
    const Tensor<std::int64_t>& labels = target.to_tensor();
    require_labels_of("cross_entropy", p.shape(), labels.shape(), where);
    const Tensor<T> y = one_hot_rows<T>(p.shape(), labels, where);
    return reduce_loss("cross_entropy", apply<CrossEntropyOperation>(p, y),
                       reduction == Reduction::mean ? Reduction::batch_mean : reduction, where);
  } else {
    require_same_shape("cross_entropy", p.shape(), target.shape(), where);
    const Tensor<typename Q::Element>& y = target.to_tensor();
    require_probable("cross_entropy", y, where);
    return reduce_loss("cross_entropy", apply<CrossEntropyOperation>(p, y),
                       reduction == Reduction::mean ? Reduction::batch_mean : reduction, where);
  }
}

// Compiled on X: auto softmax_cross_entropy(const X&, const Tensor<std::int64_t>&, Reduction, Location)
// Compiled: Tensor<T> softmax_cross_entropy_of(const Tensor<T>&, const Tensor<std::int64_t>&, const Tensor<T>&,
//   Reduction, const Location&)
}}  // namespace eigengrad::EIGENGRAD_ABI
