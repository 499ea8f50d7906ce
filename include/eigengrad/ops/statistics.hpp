#pragma once

#include "../autograd/engine/compute.hpp"
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
/// A function of the variance, as one operation, as how it is computed depends on the values. rule(moments, dy, y)
/// gives the gradient, dy and y being of shape [.., 1, ..].
template <class T, class Function, class Rule>
Tensor<T> of_variance(const OperationName& name, const Tensor<T>& x, const Axes& axes, const VarianceOptions& options,
                      Function function, Rule rule) {
  const Reduced reduced(x.shape(), axes, options.keepdims, name.name, name.where);
  const Moments<T> kept{Tensor<T>::empty(reduced.kept),
                        Tensor<T>::empty(reduced.kept),
                        {},
                        axes,
                        degrees_of_freedom<T>(reduced, options)};
  const auto run = [=, freedom = kept.freedom](T* to, const Tensor<T>& from, T* mean, T* rest) {
    const Moments<T> moments = moments_of(from, axes, reduced, freedom);
    const Tensor<T> result = function(moments.variance);
    std::copy_n(kernel_access(moments.mean).numbers(), moments.mean.size(), mean);
    std::copy_n(kernel_access(moments.rest).numbers(), moments.rest.size(), rest);
    std::copy_n(kernel_access(result).numbers(), result.size(), to);
  };
  const auto back = [=, shape = reduced.kept](const auto& dy, const auto& y) {
    return rule(kept, recorded_reshape(dy, shape), recorded_reshape(y, shape));
  };
  return compute<T>(name, reduced.result, run, with_respect_to(x, back), extra_output(kept.mean),
                    extra_output(kept.rest));
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
  return of_variance(
      {"var", where}, t, axes, options, [](const Tensor<T>& variance) { return variance; },
      [t](const Moments<T>& moments, const Tensor<T>& dy, const Tensor<T>&) {
        return moments.centred(2 * dy / moments.freedom, t);
      });
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
  return of_variance({"std", where}, t, axes, options, root<T>,
                     [t](const Moments<T>& moments, const Tensor<T>& dy, const Tensor<T>& y) {
                       return moments.centred(quotient_or_zero<T>(dy, moments.freedom * y), t);
                     });
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
  const auto run = [axes, any = t.size() > 0 && reduced.count > 0](T* to, const Tensor<T>& from) {
    const Tensor<T> norms = kept_norms(from, axes, any);
    std::copy_n(kernel_access(norms).numbers(), norms.size(), to);
  };
  const auto back = [t, shape = reduced.kept](const auto& dy, const auto& y) {
    return quotient_or_zero<T>(recorded_reshape(dy, shape), recorded_reshape(y, shape)) * t;
  };
  return compute<T>({"norm", where}, reduced.result, run, with_respect_to(t, back));
}

// Compiled on X: Tensor<T> var(const X&, const Axes&, VarianceOptions, Location)
// Compiled on X: Tensor<T> std(const X&, const Axes&, VarianceOptions, Location)
// Compiled on X: Tensor<T> norm(const X&, const Axes&, bool, Location)
}}  // namespace eigengrad::EIGENGRAD_ABI
