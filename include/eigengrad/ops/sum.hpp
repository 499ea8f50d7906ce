#pragma once

#include "../autograd/engine/compute.hpp"
#include "../autograd/engine/contribute.hpp"
#include "../core/tensor.hpp"
#include "../formula/formula.hpp"
#include "axes.hpp"
#include "cast.hpp"

// Sums and means over axes; they fuse with the formula they are given.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Sums a formula again, into the tensors of the first time.
template <class T>
struct SumReplay {
  FormulaReplay<T, T> formula;
  FormulaSums<T> sums;
  Shape kept;
  T divisor;

  void operator()() {
    const ListedFormula<T> view(formula.kind, formula.formula, formula.space);
    T* const to = kernel_access(formula.result).shared_data();
    std::fill_n(to, formula.result.size(), T(0));
    if constexpr (is_real<T>)
      if (formula.derivative.size() > 0)
        return void(sum_with_derivative(view, sums, formula.wanted, to, kernel_access(formula.derivative).shared_data(),
                                        divisor));
    sum_into(view, sums.sum, kept, to, divisor);
  }
};

/// A formula summed over axes and divided, once, by `divisor`, as it is computed; recorded where a tape is recording.
template <class T>
EIGENGRAD_OUTLINE Tensor<T> sum_of_formula(const FormulaKind<T>& kind, const FormulaSums<T>& sums, const void* formula,
                                           const Shape& space, const OperationName& name, const Reduced& reduced,
                                           const T& divisor) {
  const ListedFormula<T> view(kind, formula, space);
  Tensor<T> result = Tensor<T>::zeros(reduced.result), derivative;
  bool wanted[FormulaView<T>::max_leaves] = {};
  bool recorded = false;
  TapeState* tape = recording_tape();
  typename FormulaNode<T>::Targets targets;
  if constexpr (is_real<T>) {
    recorded = tape != nullptr && !kind.is_plain && find_targets(tape, view, name.name, targets);
    if (recorded && reduced.kept.size() == 1 && only_one_target(view, targets, wanted)) {
      derivative = Tensor<T>::empty(space);
      // In one pass, where that can be.
      if (!sum_with_derivative(view, sums, wanted, kernel_access(result).shared_data(),
                               kernel_access(derivative).shared_data(), divisor))
        derivative = {};
    }
  }
  if (derivative.size() == 0) sum_into(view, sums.sum, reduced.kept, kernel_access(result).shared_data(), divisor);
  tell_operands(name.name, view);
  on_replay(name.name, reads(), writes(result, derivative),
            [&] { return SumReplay<T>{{view, result, derivative, wanted}, sums, reduced.kept, divisor}; });
  if constexpr (is_real<T>)
    if (recorded) {
      auto* node = FormulaNode<T>::add_summed(*tape, name, result, view, targets, reduced.kept, divisor);
      node->keep_derivative(std::move(derivative));
      tape->connect(result, node);
    }
  return result;
}

/// `expression` summed over axes and divided, once, by `divisor`; a formula is summed as it is computed, without a
/// temporary. Sums are carried as kernels/sums.hpp says.
template <Expression X>
auto sum_over(const OperationName& name, const X& expression, const Reduced& reduced, typename X::Element divisor) {
  using T = typename X::Element;
  if constexpr (is_formula<X> && !std::is_same_v<T, bool>) {
    return sum_of_formula<T>(kind_of(expression), sums_of(expression), address_of_formula(expression),
                             expression.shape(), name, reduced, divisor);
  } else {
    const Tensor<T>& x = expression.to_tensor();
    const auto run = [kept = reduced.kept, size = reduced.result.size(), divisor](T* to, const Tensor<T>& from) {
      std::fill_n(to, size, T(0));
      const Leaf<T> leaf{from};
      sum_into(ListedFormula<T>(formula_kind<Leaf<T>>, &leaf, leaf.shape()), formula_sums<Leaf<T>>.sum, kept, to,
               divisor);
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

// Compiled: Tensor<T> sum_of_formula(const FormulaKind<T>&, const FormulaSums<T>&, const void*, const Shape&, const
//   OperationName&, const Reduced&, const T&)
}}  // namespace eigengrad::EIGENGRAD_ABI
