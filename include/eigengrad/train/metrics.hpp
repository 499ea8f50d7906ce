#pragma once

#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../kernels/sums.hpp"

// How good predictions are, as plain numbers. Not differentiable: losses are.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The class that one sample's scores name: of several, the first largest; of one, 1 above the threshold, else 0; -1,
/// which is no class, if a score is NaN.
template <class T>
Index class_of(const T* scores, Index count, double threshold) {
  if (count == 1) return *scores != *scores ? -1 : static_cast<double>(*scores) > threshold ? 1 : 0;
  Index best = 0;
  for (Index j = 0; j < count; ++j) {
    if (scores[j] != scores[j]) return -1;
    if (scores[j] > scores[best]) best = j;
  }
  return best;
}

/// How many scores a sample has, in [n], [n, 1] or [n, classes]; throws ShapeError for other shapes.
EIGENGRAD_LAZY Index scores_per_sample(const char* name, const Shape& prediction, const Location& where) {
  require<ShapeError>(prediction.rank() == 1 || (prediction.rank() == 2 && prediction[1] > 0), name,
                      ": the prediction is ", prediction,
                      ": give scores [n, classes], or [n] or [n, 1] for two classes", where);
  return prediction.rank() == 1 ? 1 : prediction[1];
}

/// A sample's label, 0 to classes - 1.
template <class Y>
Index checked_label(const char* name, const Tensor<Y>& labels, Index i, Index classes, const Location& where) {
  const auto label = static_cast<Index>(kernel_access(labels).numbers()[i]);
  require<IndexError>(label >= 0 && label < classes, name, ": label ", label, " at position ", i, " is outside 0 to ",
                      classes - 1, ": as many scores as classes are needed (one will do for two)", where);
  return label;
}

/// Scores [n, classes], or [n] or [n, 1] against the threshold -> labels [n]; -1 where a score is NaN.
template <Expression P>
Tensor<std::int64_t> predicted_classes(const P& prediction, double threshold = 0.5,
                                       Location where = Location::current()) {
  const Tensor<typename P::Element>& scores = prediction.to_tensor();
  const Index count = scores_per_sample("predicted_classes", scores.shape(), where), n = scores.shape()[0];
  Tensor<std::int64_t> result = Tensor<std::int64_t>::empty({n});
  std::int64_t* to = kernel_access(result).writable_numbers();
  for (Index i = 0; i < n; ++i) to[i] = class_of(kernel_access(scores).numbers() + i * count, count, threshold);
  return result;
}

/// The class that sample i's target names: a label, 0 or 1 for a single score, or a one-hot (or soft) row.
template <class Y>
Index target_class(const Tensor<Y>& target, Index i, Index scores, const Location& where) {
  if constexpr (std::is_integral_v<Y>) {
    return checked_label("accuracy", target, i, scores == 1 ? 2 : scores, where);
  } else {
    const Y* row = kernel_access(target).numbers() + i * scores;
    Y sum(0);
    bool proper = true;
    for (Index j = 0; j < scores; ++j) {
      proper = proper && row[j] >= 0 && (scores > 1 || row[j] == 0 || row[j] == 1);
      sum += row[j];
    }
    proper = proper && (scores == 1 || std::abs(static_cast<double>(sum) - 1) < 1e-3);
    require<ValueError>(proper, "accuracy: the target of sample ", i, " of ", target.shape(),
                        " names no class: give 0 or 1 for a single score, rows that sum to 1 for several, or labels",
                        where);
    return class_of(row, scores, 0.5);
  }
}

/// How many predictions are right; see accuracy.
template <class T, class Y>
Index count_right(const Tensor<T>& prediction, const Tensor<Y>& target, double threshold, const Location& where) {
  const Index scores = scores_per_sample("accuracy", prediction.shape(), where), n = prediction.shape()[0];
  const bool one_each = std::is_integral_v<Y> || scores == 1;
  const bool fits =
      one_each ? target.shape() == Shape{n} || target.shape() == Shape{n, 1} : target.shape() == prediction.shape();
  require<ShapeError>(fits, "accuracy: the prediction is ", prediction.shape(), ", the target is ", target.shape(),
                      ": give labels [n], or rows of the prediction's shape", where);
  Index right = 0;
  for (Index i = 0; i < n; ++i) {
    const Index is = target_class(target, i, scores, where);
    if (class_of(kernel_access(prediction).numbers() + i * scores, scores, threshold) == is) ++right;
  }
  return right;
}

/// The share of predictions that are right. Scores [n, classes]: the first largest counts, against integer labels [n]
/// or one-hot rows [n, classes]. Scores [n] or [n, 1]: 1 above the threshold (0.5; 0 for logits), against 0 and 1. NaN
/// is wrong. Throws ShapeError for shapes that do not fit or no samples, IndexError or ValueError for targets that name
/// no class.
template <Expression P, Expression Q>
double accuracy(const P& prediction, const Q& target, double threshold = 0.5, Location where = Location::current()) {
  const Tensor<typename P::Element>& scores = prediction.to_tensor();
  const Tensor<typename Q::Element>& truth = target.to_tensor();
  const Index right = count_right(scores, truth, threshold, where);
  require<ShapeError>(scores.shape()[0] > 0, "accuracy: the prediction is ", scores.shape(),
                      ": there are no samples to judge", where);
  return static_cast<double>(right) / static_cast<double>(scores.shape()[0]);
}

/// How often a sample of class i (row) was taken for class j (column): [classes, classes]. The prediction: scores, as
/// for accuracy, or integer classes [n]. Throws IndexError for a class outside 0 to classes - 1, ShapeError for other
/// shapes.
template <Expression P>
Tensor<std::int64_t> confusion_matrix(const P& prediction, const Tensor<std::int64_t>& labels, Index classes,
                                      double threshold = 0.5, Location where = Location::current()) {
  using T = typename P::Element;
  require<ValueError>(classes > 0, "confusion_matrix: ", classes, " classes: there must be at least one", where);
  Tensor<std::int64_t> taken_for;
  if constexpr (std::is_integral_v<T>)
    taken_for = prediction.to_tensor();
  else
    taken_for = predicted_classes(prediction, threshold, where);
  require<ShapeError>(taken_for.rank() == 1 && labels.shape() == taken_for.shape(),
                      "confusion_matrix: the predicted classes are ", taken_for.shape(), ", the labels are ",
                      labels.shape(), ": one of each per sample is needed", where);
  Tensor<std::int64_t> result = Tensor<std::int64_t>::zeros({classes, classes});
  std::int64_t* counts = kernel_access(result).writable_numbers();
  for (Index i = 0; i < labels.size(); ++i)
    ++counts[checked_label("confusion_matrix", labels, i, classes, where) * classes +
             checked_label("confusion_matrix", taken_for, i, classes, where)];
  return result;
}

/// The coefficient of determination, 1 - sum (y - yhat)^2 / sum (y - mean y)^2 per output, averaged over the outputs: 1
/// is perfect, 0 as good as the mean. A constant target gives 1 when it is met and 0 when not. Throws ShapeError.
template <Expression P, Expression Q>
double r2_score(const P& prediction, const Q& target, Location where = Location::current()) {
  using T = typename P::Element;
  const Tensor<T>& yhat = prediction.to_tensor();
  const Tensor<T>& y = target.to_tensor();
  require<ShapeError>(yhat.shape() == y.shape() && y.rank() > 0 && y.size() > 0, "r2_score: the prediction is ",
                      yhat.shape(), ", the target is ", y.shape(), ": give both as [n] or [n, outputs], n at least 1",
                      where);
  const Index n = y.shape()[0], outputs = y.size() / n;
  double total = 0;
  for (Index j = 0; j < outputs; ++j) {
    double residual = 0, spread = 0;
    PreciseSum sum;
    for (Index i = 0; i < n; ++i) sum = sum + static_cast<double>(kernel_access(y).numbers()[i * outputs + j]);
    const double mean = quotient_of_sum(sum, static_cast<double>(n));
    for (Index i = 0; i < n; ++i) {
      const auto is = static_cast<double>(kernel_access(y).numbers()[i * outputs + j]);
      const auto said = static_cast<double>(kernel_access(yhat).numbers()[i * outputs + j]);
      residual += (is - said) * (is - said);
      spread += (is - mean) * (is - mean);
    }
    total += spread != 0 ? 1 - residual / spread : residual == 0 ? 1 : 0;
  }
  return total / static_cast<double>(outputs);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
