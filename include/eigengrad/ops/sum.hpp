#pragma once

#include "../autograd/engine/compute.hpp"
#include "../autograd/engine/contribute.hpp"
#include "../core/tensor.hpp"
#include "../formula/expression.hpp"
#include "axes.hpp"
#include "cast.hpp"

// Sums and means over axes; they fuse with the formula they are given.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Sums a formula again, into the tensors of the first time.
template <class F>
struct SumReplay {
  using T = typename F::Scalar;
  F formula;
  Shape kept;
  Tensor<T> result;
  T divisor;
  Tensor<T> derivative{};
  std::array<bool, F::leaves + 1> wanted{};

  void operator()() {
    T* const to = result.shared_data();
    std::fill_n(to, result.size(), T(0));
    if constexpr (is_formula<F> && is_real<T>)
      if (derivative.size() > 0)
        return void(sum_with_derivative(formula, wanted.data(), to, derivative.shared_data(), divisor));
    sum_into(formula, kept, to, divisor);
  }
};

/// A sum over everything with its derivative, in one pass; the derivative is empty where that cannot be.
template <class F, class T>
EIGENGRAD_INLINE Tensor<T> sum_recorded(const F& formula, const typename FormulaNode<F>::Targets& targets, bool* wanted,
                                        const Tensor<T>& result, const T& divisor) {
  if (!only_one_target(formula, targets, wanted)) return {};
  Tensor<T> derivative = Tensor<T>::empty(formula.shape());
  if (!sum_with_derivative(formula, wanted, result.shared_data(), derivative.shared_data(), divisor)) return {};
  return derivative;
}

/// `expression` summed over axes and divided, once, by `divisor`; a formula is summed as it is computed, without a
/// temporary. Sums are carried as kernels/sums.hpp says.
template <Expression X>
auto sum_over(const OperationName& name, const X& expression, const Reduced& reduced, typename X::Element divisor) {
  using T = typename X::Element;
  if constexpr (is_formula<X> && !std::is_same_v<T, bool>) {
    Tensor<T> result = Tensor<T>::zeros(reduced.result);
    TapeState* tape = recording_tape();
    typename FormulaNode<X>::Targets targets;
    const bool recorded = tape != nullptr && find_targets(tape, expression, targets);
    Tensor<T> derivative;
    std::array<bool, X::leaves + 1> wanted{};
    if constexpr (is_real<T>)
      if (recorded && reduced.kept.size() == 1)
        derivative = sum_recorded(expression, targets, wanted.data(), result, divisor);
    if (derivative.size() == 0) sum_into(expression, reduced.kept, result.shared_data(), divisor);
    tell_operands(name.name, expression);
    on_replay(name.name, reads(), writes(result, derivative),
              [&] { return SumReplay<X>{expression, reduced.kept, result, divisor, derivative, wanted}; });
    if (!recorded) return result;
    auto* node =
        tape->template add<FormulaNode<X>>(tape->last, name, result, expression, targets, reduced.kept, divisor);
    node->keep_derivative(std::move(derivative));
    tape->connect(result, node);
    return result;
  } else {
    const Tensor<T>& x = expression.to_tensor();
    const auto run = [kept = reduced.kept, size = reduced.result.size(), divisor](T* to, const Tensor<T>& from) {
      std::fill_n(to, size, T(0));
      sum_into(Leaf<T>{from}, kept, to, divisor);
    };
    const auto stretched = [kept = reduced.kept, divisor, whole = x.shape()](const auto& dy) {
      return Expanded<T>{recorded_reshape(recorded_quotient(dy, divisor), kept), whole};
    };
    return compute<T>(name, reduced.result, run, with_respect_to(x, stretched));
  }
}

/// The sum over all or the named axes. Gradient: dy to every element. The sum of none is 0.
template <Expression X>
auto sum(const X& x, const Axes& axes = {}, bool keepdims = false, Location where = Location::current()) {
  using T = typename X::Element;
  if constexpr (std::is_same_v<T, bool>)
    return sum(cast<std::int64_t>(x), axes, keepdims, where);  // how many are true
  else
    return sum_over({"sum", where}, x, Reduced(shape_of(x), axes, keepdims, "sum", where), T(1));
}

/// The mean over all or the named axes, of a floating-point expression. Gradient: dy / count. The mean of none is NaN.
template <Expression X>
auto mean(const X& x, const Axes& axes = {}, bool keepdims = false, Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(!std::is_integral_v<T>, "mean of integers or bools: cast<float>(tensor) first");
  const Reduced reduced(shape_of(x), axes, keepdims, "mean", where);
  if (reduced.count == 0) return Tensor<T>::full(reduced.result, T(std::numeric_limits<double>::quiet_NaN()));
  return sum_over({"mean", where}, x, reduced, static_cast<T>(reduced.count));
}

}}  // namespace eigengrad::EIGENGRAD_ABI
