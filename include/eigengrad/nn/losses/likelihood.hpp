#pragma once

#include "../../autograd/engine/contribute.hpp"
#include "../../core/tensor.hpp"
#include "../../formula/apply.hpp"
#include "../../ops/functions.hpp"
#include "../../ops/where.hpp"
#include "loss.hpp"

// Losses that compare distributions, and the likelihood of counts and of measurements.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// |d| - beta / 2 beyond beta, d^2 / (2 beta) within, d = yhat - y: huber_loss / beta; l1_loss for beta = 0. Girshick:
/// Fast R-CNN, 2015, eq. 3.
template <Expression P, Expression Q>
auto smooth_l1_loss(const P& prediction, const Q& target, double beta = 1, Reduction reduction = Reduction::batch_mean,
                    Location where = Location::current()) {
  require_same_shape("smooth_l1_loss", prediction.shape(), target.shape(), where);
  require<ValueError>(beta >= 0, "smooth_l1_loss: beta = ", beta, " must not be negative", where);
  if (beta == 0) return reduce_loss("smooth_l1_loss", abs(prediction - target), reduction, where);
  return reduce_loss("smooth_l1_loss", apply<HuberOperation>(prediction - target, beta) * (1 / beta), reduction, where);
}

/// y (log(y) - x) of a probability y and a logarithm x of one; 0 where y is 0.
struct KlDivOperation {
  static constexpr const char* name = "kl_div";
  static constexpr int cost = 12;
  EIGENGRAD_INLINE static auto value(const auto& x, const auto& y) { return where(y == 0, 0, y * (log(y) - x)); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x, const auto& y) {
    return to_each(-(dy * y), dy * (log(y) + 1 - x));
  }
};
/// The same of two logarithms.
struct KlDivLogOperation {
  static constexpr const char* name = "kl_div_log_target";
  static constexpr int cost = 12;
  EIGENGRAD_INLINE static auto value(const auto& x, const auto& y) {
    const auto p = exp(y);
    return where(p == 0, 0, p * (y - x));
  }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x, const auto& y) {
    const auto p = exp(y);
    return to_each(-(dy * p), dy * where(p == 0, 0, p * (y - x + 1)));
  }
};
/// Settings of kl_div_loss: whether the target is a logarithm, too.
struct KlDivOptions {
  bool log_target = false;
  Reduction reduction = Reduction::batch_mean;
};
/// The Kullback-Leibler divergence of logarithms of probabilities from a target, sum y (log(y) - x): of one shape, [n,
/// ...]. PyTorch's kl_div; batch_mean is the divergence, `mean` divides by the number of outputs as well. The target's
/// gradient at 0 is -infinity.
template <Expression P, Expression Q>
auto kl_div_loss(const P& log_probabilities, const Q& target, KlDivOptions options = {},
                 Location where = Location::current()) {
  require_same_shape("kl_div_loss", log_probabilities.shape(), target.shape(), where);
  if (options.log_target)
    return reduce_loss("kl_div_loss", apply<KlDivLogOperation>(log_probabilities, target), options.reduction, where);
  return reduce_loss("kl_div_loss", apply<KlDivOperation>(log_probabilities, target), options.reduction, where);
}

/// Settings of poisson_nll_loss: whether the prediction is the rate's logarithm; whether the term that does not depend
/// on it is added, by Stirling's formula; and what keeps the logarithm of a rate finite.
struct PoissonNllOptions {
  bool log_input = true;
  bool full = false;
  double epsilon = 1e-8;
  Reduction reduction = Reduction::batch_mean;
};
/// -log of the probability of counts y under Poisson rates, of one shape: exp(x) - y x for x = log(rate), or
/// rate - y log(rate + epsilon).
template <Expression P, Expression Q>
auto poisson_nll_loss(const P& prediction, const Q& target, PoissonNllOptions options = {},
                      Location where = Location::current()) {
  using T = scalar_of<P, Q>;
  const char* const name = "poisson_nll_loss";
  require_same_shape(name, prediction.shape(), target.shape(), where);
  const Tensor<T>& x = tensor_of<T>(prediction);
  const Tensor<T>& y = tensor_of<T>(target);
  Tensor<T> terms;
  if (options.log_input)
    terms = exp(x) - y * x;
  else
    terms = x - y * log(x + options.epsilon);
  if (!options.full) return reduce_loss(name, terms, options.reduction, where);
  const Tensor<T> many = eigengrad::where(y > 1, y, 1);
  terms = terms + eigengrad::where(y > 1, many * log(many) - many + 0.5 * log(6.283185307179586 * many), 0);
  return reduce_loss(name, terms, options.reduction, where);
}

/// A variance, no smaller than `least`; its gradient is as if it were not limited.
struct LeastVarianceOperation {
  static constexpr const char* name = "least_variance";
  EIGENGRAD_INLINE static auto value(const auto& variance, const auto& least) {
    return where(variance < least, least, variance);
  }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto&, const auto&) { return to_each(dy, 0 * dy); }
};
/// Settings of gaussian_nll_loss: whether log(2 pi) / 2 is added, and the smallest variance that counts.
struct GaussianNllOptions {
  bool full = false;
  double epsilon = 1e-6;
  Reduction reduction = Reduction::batch_mean;
};
/// -log of the density of measurements under N(prediction, variance): (log(v) + (yhat - y)^2 / v) / 2. The variance has
/// the prediction's shape, or 1 for its last axis. Throws ValueError for a negative one. Nix, Weigend: Estimating the
/// mean and variance of the target probability distribution, 1994.
template <Expression P, Expression Q, Expression V>
auto gaussian_nll_loss(const P& prediction, const Q& target, const V& variance, GaussianNllOptions options = {},
                       Location where = Location::current()) {
  using T = scalar_of<P, Q, V>;
  const char* const name = "gaussian_nll_loss";
  require_same_shape(name, prediction.shape(), target.shape(), where);
  const Tensor<T>& given = tensor_of<T>(variance);
  Shape one_for_all = prediction.shape();
  if (one_for_all.rank() > 0) one_for_all.set(one_for_all.rank() - 1, 1);
  require<ShapeError>(given.shape() == prediction.shape() || given.shape() == one_for_all, name, ": the prediction is ",
                      prediction.shape(), ", the variance is ", given.shape(),
                      ": give one for each number, or one for each row", where);
  for (const T number : kernel_access(given).number_span())
    require<ValueError>(!(number < 0), name, ": a variance is ", static_cast<double>(plain_value(number)),
                        ": give numbers that are not negative, as by softplus or exp", where);
  const Tensor<T> v = apply<LeastVarianceOperation>(given, options.epsilon);
  const double constant = options.full ? 0.9189385332046727 : 0.0;
  return reduce_loss("gaussian_nll_loss", 0.5 * (log(v) + square(prediction - target) / v) + constant,
                     options.reduction, where);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
