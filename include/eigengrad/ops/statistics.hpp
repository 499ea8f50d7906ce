#pragma once

#include "../autograd/engine/node.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "activations.hpp"
#include "reduce.hpp"
#include "sum.hpp"

// Variance, standard deviation and norm, over axes.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of var and std: what the count is less than, and whether reduced axes stay with size 1.
struct VarianceOptions {
  Index correction = 1;  // divide by count - correction: 1 estimates from a sample, 0 is the population's
  bool keepdims = false;
};

/// count - correction, at least 0.
template <class T>
T degrees_of_freedom(const Reduced& reduced, const VarianceOptions& options) {
  return static_cast<T>((std::max)(Index{0}, reduced.count - options.correction));
}

/// What var and std are made of, of shape [.., 1, ..]: the mean, what its rounding took from it, the variance.
template <class T>
struct Moments {
  Tensor<T> mean, rest, variance;
  Axes axes;
  T freedom;

  /// scale (x - mean), a formula; where gradients are recorded with a mean that is, too, so that it can be
  /// differentiated again.
  auto centred(const Tensor<T>& scale, const Tensor<T>& x) const {
    if (records_gradients()) return scale * ((x - eigengrad::mean(x, axes, true)) - Tensor<T>::zeros({}));
    return scale * ((x - mean) - rest);
  }
};

/// Two passes over x. Where the mean is so large that its rounding would be seen in the variance, two more, in which
/// the deviations' own mean is subtracted. Chan, Golub, LeVeque: Algorithms for computing the sample variance, 1983.
template <class T>
Moments<T> moments_of(const Tensor<T>& x, const Axes& axes, const Reduced& reduced, T freedom) {
  const OperationName name("var");
  Moments<T> result{mean(x, axes, true), Tensor<T>::zeros(reduced.kept), {}, axes, freedom};
  const Reduced kept(x.shape(), axes, true, "var", {});
  result.variance = sum_over(name, square(x - result.mean), kept, freedom);
  const T unseen = T(1e4) * std::numeric_limits<plain_t<T>>::epsilon();
  if (x.size() == 0 || !any(result.variance < square(unseen * result.mean)).item()) return result;
  result.rest = mean(x - result.mean, axes, true);
  result.variance = sum_over(name, square((x - result.mean) - result.rest), kept, freedom);
  return result;
}
/// The same, run again as a whole by a compiled step, as how it is computed depends on the values.
template <class T>
Moments<T> replayed_moments_of(const Tensor<T>& x, const Axes& axes, const Reduced& reduced, T freedom) {
  const auto run = [x = x.unrecorded(), axes, reduced, freedom] {
    const NotReplayed pause;
    return moments_of(x, axes, reduced, freedom);
  };
  const Moments<T> result = run();
  on_replay("var", reads(x), writes(result.mean, result.rest, result.variance), [&] {
    return [=] {
      const Moments<T> again = run();
      std::copy_n(again.mean.numbers(), again.mean.size(), result.mean.shared_data());
      std::copy_n(again.rest.numbers(), again.rest.size(), result.rest.shared_data());
      std::copy_n(again.variance.numbers(), again.variance.size(), result.variance.shared_data());
    };
  });
  return result;
}

/// The variance over all or the named axes: sum((x - mean)^2) / (count - correction), with correction 1 unless another
/// is given, as torch.var. NaN where that is nothing divided by nothing. Gradient: 2 dy (x - mean) / (count -
/// correction).
template <Expression X>
Tensor<typename X::Element> var(const X& x, const Axes& axes = {}, VarianceOptions options = {},
                                Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "var of integers or bools: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const Reduced reduced(t.shape(), axes, options.keepdims, "var", where);
  const Moments<T> moments = replayed_moments_of(t, axes, reduced, degrees_of_freedom<T>(reduced, options));
  Tensor<T> result = moments.variance.alias(reduced.result);
  if (!records("var", t)) return result;
  return record({"var", where}, std::move(result), wrt(t, [t, moments, shape = reduced.kept](const Tensor<T>& dy) {
                  return moments.centred(2 * recorded_reshape(dy, shape) / moments.freedom, t);
                }));
}

/// The same with keepdims alone: var(x, 0, true).
template <Expression X, std::same_as<bool> Keepdims>
Tensor<typename X::Element> var(const X& x, const Axes& axes, Keepdims keepdims, Location where = Location::current()) {
  return var(x, axes, VarianceOptions{.keepdims = keepdims}, where);
}

/// dy / y, but 0 where y is 0, also for what is differentiated again.
template <class T>
Tensor<T> quotient_or_zero(const Tensor<T>& dy, const Tensor<T>& y) {
  return Tensor<T>(where(y == 0, 0, dy / where(y == 0, 1, y)));
}

/// sqrt(x); a dual number's tangent is 0 where x is.
template <class T>
Tensor<T> root(const Tensor<T>& x) {
  if constexpr (is_dual<T>)
    return where(x == 0, 0, sqrt(x));
  else
    return sqrt(x);
}

/// The standard deviation, sqrt(var); gradient dy (x - mean) / ((count - correction) std), and 0 where std is 0.
template <Expression X>
Tensor<typename X::Element> std(const X& x, const Axes& axes = {}, VarianceOptions options = {},
                                Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "std of integers or bools: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const Reduced reduced(t.shape(), axes, options.keepdims, "std", where);
  const Moments<T> moments = replayed_moments_of(t, axes, reduced, degrees_of_freedom<T>(reduced, options));
  Tensor<T> result = root(moments.variance).alias(reduced.result);
  if (!records("std", t)) return result;
  return record({"std", where}, std::move(result),
                wrt(t, [t, moments, shape = reduced.kept](const Tensor<T>& dy, const Tensor<T>& y) {
                  return moments.centred(
                      quotient_or_zero<T>(recorded_reshape(dy, shape), moments.freedom * recorded_reshape(y, shape)),
                      t);
                }));
}

template <Expression X, std::same_as<bool> Keepdims>
Tensor<typename X::Element> std(const X& x, const Axes& axes, Keepdims keepdims, Location where = Location::current()) {
  return std(x, axes, VarianceOptions{.keepdims = keepdims}, where);
}

/// sqrt(sum(x^2)) of each group, of shape [.., 1, ..]; where squares overflow or vanish, of scaled numbers.
template <class T>
Tensor<T> kept_norms(const Tensor<T>& x, const Axes& axes, bool any) {
  const Tensor<T> plain = root(sum(square(x), axes, true));
  // The square of what is smaller than this loses digits.
  const T least = std::sqrt((std::numeric_limits<T>::min)() / std::numeric_limits<T>::epsilon());
  if (!any || all(plain > least && plain < std::numeric_limits<T>::infinity()).item()) return plain;
  const Tensor<T> largest = (max)(abs(x), axes, true).detach();
  const Tensor<T> scale = where(largest > 0 && largest < std::numeric_limits<T>::infinity(), largest, 1);
  return scale * root(sum(square(x / scale), axes, true));
}

/// The Euclidean norm over all or the named axes. Gradient: dy x / norm, and 0 at the zero vector, where it has a kink
/// and all further derivatives are 0, too: for its square write sum(square(x)), whose Hessian is 2 I everywhere.
template <Expression X>
Tensor<typename X::Element> norm(const X& x, const Axes& axes = {}, bool keepdims = false,
                                 Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "norm of integers or bools: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const Reduced reduced(t.shape(), axes, keepdims, "norm", where);
  // How it is computed depends on the values, so a compiled step runs it as a whole.
  const auto run = [x = t.unrecorded(), axes, any = t.size() > 0 && reduced.count > 0] {
    const NotReplayed pause;
    return kept_norms(x, axes, any);
  };
  const Tensor<T> kept = run();
  on_replay("norm", reads(t), writes(kept), [&] {
    return [=] {
      const Tensor<T> again = run();
      std::copy(again.numbers(), again.end(), kept.shared_data());
    };
  });
  Tensor<T> result = kept.alias(reduced.result);
  if (!records("norm", t)) return result;
  return record({"norm", where}, std::move(result),
                wrt(t, [t, shape = reduced.kept](const Tensor<T>& dy, const Tensor<T>& y) {
                  return quotient_or_zero<T>(recorded_reshape(dy, shape), recorded_reshape(y, shape)) * t;
                }));
}

}}  // namespace eigengrad::EIGENGRAD_ABI
