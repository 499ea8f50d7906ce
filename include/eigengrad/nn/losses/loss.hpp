#pragma once

#include "../../core/tensor.hpp"
#include "../../formula/apply.hpp"
#include "../../ops/sum.hpp"

// Losses that compare term by term, and how terms are brought together, for losses of your own.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// How a loss brings its terms together: the mean over the batch of each sample's sum (the default), the mean over all
/// elements, their sum, or not at all.
enum class Reduction { batch_mean, mean, sum, none };

/// What the sum of a loss' terms is divided by.
inline Index loss_divisor(const char* name, const Shape& shape, Reduction reduction, const Location& where) {
  const Index count = reduction == Reduction::sum          ? 1
                      : reduction == Reduction::batch_mean ? (shape.rank() > 0 ? shape[0] : 1)
                                                           : shape.size();
  require<ShapeError>(count > 0, name, ": shape ", shape,
                      " has no samples to take a mean of: leave the empty batch out", where);
  return count;
}
/// The terms themselves, of their own shape, operation by operation: fused they would be compiled into every program.
template <Expression X>
EIGENGRAD_COLD auto unreduced(const X& terms) {
  return as_recorded(terms);
}
/// Brings the terms of a loss, [n, ...], together.
template <Expression X>
auto reduce_loss(const char* name, const X& terms, Reduction reduction, const Location& where) {
  using T = typename X::Element;
  if (reduction == Reduction::none) return unreduced(terms);
  const T divisor = static_cast<T>(loss_divisor(name, terms.shape(), reduction, where));
  return sum_over({name, where}, terms, Reduced(terms.shape(), {}, false, name, where), divisor);
}

/// A loss compares like with like: broadcasting here would hide a mistake.
inline void require_same_shape(const char* loss, const Shape& prediction, const Shape& target, const Location& where) {
  require<ShapeError>(prediction == target, loss, ": the prediction is ", prediction, ", the target is ", target,
                      ": reshape one to the other's shape", where);
}

/// (1/N) sum over samples and outputs of (y - yhat)^2, N the number of samples. Gradient: 2 (yhat - y) / N.
template <Expression P, Expression Q>
auto mse_loss(const P& prediction, const Q& target, Reduction reduction = Reduction::batch_mean,
              Location where = Location::current()) {
  require_same_shape("mse_loss", prediction.shape(), target.shape(), where);
  return reduce_loss("mse_loss", square(prediction - target), reduction, where);
}

/// |yhat - y|, the mean absolute error; its gradient where they are equal is 0.
template <Expression P, Expression Q>
auto l1_loss(const P& prediction, const Q& target, Reduction reduction = Reduction::batch_mean,
             Location where = Location::current()) {
  require_same_shape("l1_loss", prediction.shape(), target.shape(), where);
  return reduce_loss("l1_loss", abs(prediction - target), reduction, where);
}

/// d^2 / 2 for |d| <= delta, delta (|d| - delta / 2) beyond, d = yhat - y. Huber: Robust estimation of a location
/// parameter, 1964.
struct HuberOperation {
  static constexpr const char* name = "huber";
  EIGENGRAD_INLINE static auto value(const auto& d, const auto& delta) {
    return where(abs(d) <= delta, 0.5 * d * d, delta * (abs(d) - 0.5 * delta));
  }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& d, const auto& delta) {
    return to_each(dy * clamp(d, -delta, delta), where(abs(d) <= delta, 0, dy * (abs(d) - delta)));
  }
};
template <Expression P, Expression Q>
auto huber_loss(const P& prediction, const Q& target, double delta = 1, Reduction reduction = Reduction::batch_mean,
                Location where = Location::current()) {
  require_same_shape("huber_loss", prediction.shape(), target.shape(), where);
  require<ValueError>(delta > 0, "huber_loss: delta = ", delta, " must be positive", where);
  return reduce_loss("huber_loss", apply<HuberOperation>(prediction - target, delta), reduction, where);
}

/// -(y log p + (1 - y) log(1 - p)) of a probability p; a term that y leaves out is 0, also where its logarithm is
/// infinite.
struct BinaryCrossEntropyOperation {
  static constexpr const char* name = "binary_cross_entropy";
  static constexpr int cost = 24;
  EIGENGRAD_INLINE static auto value(const auto& p, const auto& y) {
    return -(where(y == 0, 0, y * log(p)) + where(y == 1, 0, (1 - y) * log1p(-p)));
  }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& p, const auto& y) {
    return to_each(dy * (where(y == 1, 0, (1 - y) / (1 - p)) - where(y == 0, 0, y / p)), dy * (log1p(-p) - log(p)));
  }
};
/// A target is a label 0 or 1, or a probability, within 0.001; a NaN passes, and comes out again.
template <class T>
void require_probable(const char* loss, const Tensor<T>& target, const Location& where) {
  for (const T number : kernel_access(target).number_span())
    require<ValueError>(!(number < T(-1e-3) || number > T(1.001)), loss, ": a target is ", number,
                        ", which is not in [0, 1]: give labels 0 and 1, or probabilities", where);
}

/// The cross-entropy of probabilities against targets in [0, 1], of one shape. Throws ValueError for a prediction or
/// target that is no probability: give logits to binary_cross_entropy_with_logits.
template <Expression P, Expression Q>
auto binary_cross_entropy(const P& prediction, const Q& target, Reduction reduction = Reduction::batch_mean,
                          Location where = Location::current()) {
  const Tensor<typename P::Element>& p = prediction.to_tensor();
  const Tensor<typename Q::Element>& y = target.to_tensor();
  require_same_shape("binary_cross_entropy", p.shape(), y.shape(), where);
  for (const auto number : kernel_access(p).number_span())
    require<ValueError>(
        !(number < 0 || number > 1), "binary_cross_entropy: ", number,
        " is not a probability: put a Sigmoid before, or give logits to binary_cross_entropy_with_logits", where);
  require_probable("binary_cross_entropy", y, where);
  return reduce_loss("binary_cross_entropy", apply<BinaryCrossEntropyOperation>(p, y), reduction, where);
}

/// max(x, 0) - x y + log(1 + exp(-|x|)): the cross-entropy of sigmoid(x), which stays finite.
struct LogitCrossEntropyOperation {
  static constexpr const char* name = "binary_cross_entropy_with_logits";
  static constexpr int cost = 26;
  EIGENGRAD_INLINE static auto value(const auto& x, const auto& y) {
    return maximum(x, 0) - x * y + log1p(exp(-abs(x)));
  }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x, const auto& y) {
    // sigmoid(x) - y, where x is large from what is missing to 1 on both sides.
    const auto tail = sigmoid(where(x > 0, -x, x));
    return to_each(dy * where(x > 0, (1 - y) - tail, tail - y), -(dy * x));
  }
};
/// The cross-entropy of logits against targets in [0, 1], of one shape; finite for every finite logit.
/// Gradient: (sigmoid(x) - y) / N. Throws ValueError for a target that is no probability.
template <Expression P, Expression Q>
auto binary_cross_entropy_with_logits(const P& logits, const Q& target, Reduction reduction = Reduction::batch_mean,
                                      Location where = Location::current()) {
  require_same_shape("binary_cross_entropy_with_logits", logits.shape(), target.shape(), where);
  const Tensor<typename Q::Element>& y = target.to_tensor();
  require_probable("binary_cross_entropy_with_logits", y, where);
  return reduce_loss("binary_cross_entropy_with_logits", apply<LogitCrossEntropyOperation>(logits, y), reduction,
                     where);
}

// Compiled by blocks: struct BlockRule<LogitCrossEntropyOperation, T, false, false>
// Compiled by blocks: struct BlockRule<BinaryCrossEntropyOperation, T, false, false>
}}  // namespace eigengrad::EIGENGRAD_ABI
