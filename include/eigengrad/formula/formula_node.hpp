#pragma once

#include "../autograd/engine/tape_state.hpp"
#include "../core/tensor.hpp"
#include "expression.hpp"
#include "kernels.hpp"

// The record of a formula.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// dy times a stored derivative.
struct DerivativeProduct {
  static constexpr const char* name = "multiply";
  EIGENGRAD_INLINE static auto value(const auto& a, const auto& b) { return a * b; }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& a, const auto& b) {
    return to_each(dy * b, dy * a);
  }
};

/// Where dy is the number 1, as under a plain sum, the stored derivative already is the gradient: it is moved into the
/// slot without a copy. Only if nobody but the `holders` counted here has it, as who else does may write to it later.
template <class T>
EIGENGRAD_INLINE bool hand_over(Slot<T>& slot, const Tensor<T>& dy, const Tensor<T>& derivative,
                                std::uint32_t holders = 1) {
  if (dy.size() != 1 || !(*dy.numbers() == T(1)) || slot.filled || derivative.holders() > holders) return false;
  slot.value = derivative;
  slot.filled = true;
  return true;
}
/// The slot gets dy, one number, times the derivative, which the record itself holds `holders` times.
template <class T>
void contribute_multiple(Slot<T>& slot, const Tensor<T>& dy, const Tensor<T>& derivative, std::uint32_t holders = 1) {
  if (hand_over(slot, dy, derivative, holders)) return;
  bool add = false;
  Tensor<T>& gradient = prepare(slot, derivative.shape(), add);
  const T* from = derivative.numbers();
  T* to = gradient.shared_data();
  const lane_t<T> factor(*dy.numbers());
  if (!gradient.padded()) {
    for (Index i = 0; i < derivative.size(); ++i) to[i] = (add ? to[i] : T(0)) + *dy.numbers() * from[i];
    return;
  }
  for (Index i = 0; i < derivative.size(); i += lane_width<T>) {
    lane_t<T> product = factor * lane::load(from + i);
    if (add) product = product + lane::load(to + i);
    lane::store<T>(to + i, product);
  }
}

/// Makes ready where the gradient of a formula's operand k goes, if it is wanted. `size` is the formula's.
template <class T>
EIGENGRAD_OUTLINE void open_sink(int k, TypedNode<T>& target, const Tensor<T>& operand, Index size, const Tensor<T>& dy,
                                 Slot<T>** targets, Sink<T>* sinks) {
  Slot<T>* slot = target.slot();
  if (slot == nullptr) return;
  targets[k] = slot;
  for (int before = 0; before < k; ++before)
    if (targets[before] == slot) {
      sinks[k] = sinks[before];
      sinks[k].add = true;
      return;
    }
  const bool by_number = dy.size() == size && dy.size() > 1;
  Tensor<T>& gradient = by_number ? prepare_over(dy, *slot, operand.shape(), sinks[k].add)
                                  : prepare(*slot, operand.shape(), sinks[k].add);
  sinks[k].data = gradient.shared_data();
  sinks[k].room = gradient.padded();
  if (sinks[k].add || (operand.size() == size && operand.size() > 1)) return;
  std::fill_n(sinks[k].data, operand.size(), T(0));  // stretched, or a scalar: gathered by adding
  sinks[k].add = true;
}

/// Whether a formula is worth storing its derivative, rather than computing it all again on the way back: it has an
/// expensive operation whose result the top does not already give.
template <class F>
inline constexpr bool stores_derivative =
    (from_result<F> ? F::inner_cost : F::cost) >= 8 && is_real<typename F::Scalar>;

/// What records of formulas, evaluated or summed, have in common. `seen_` is the shape in which dy lines up with the
/// formula, `divisor_` what a mean divides by.
template <class T>
class UnfoldedNode : public OperationNode<T> {
 public:
  UnfoldedNode(const OperationName& operation, const Shape& shape) : OperationNode<T>(operation, shape) {
    this->forward = Forward::formula;
  }
  UnfoldedNode(const OperationName& operation, const Shape& shape, const Shape& seen, T divisor)
      : OperationNode<T>(operation, shape), seen_(seen), divisor_(divisor), summed_(true) {
    this->forward = Forward::formula;
  }
  /// The formula, not summed, carried out operation by operation, each recorded by itself.
  virtual Tensor<T> unfold() const = 0;
  /// A tangent of the formula's shape, summed as the formula is.
  Tensor<T> summed(const Tensor<T>& tangent) const {
    if (!summed_) return tangent;
    return recorded_reshape(recorded_quotient(recorded_sum_to(tangent, seen_), divisor_), this->shape_);
  }

 protected:
  /// To be differentiated again the formula is unfolded, and dy is passed through that.
  EIGENGRAD_COLD void propagate_recorded() {
    Tensor<T> dy = whole(this->take_gradient(), this->shape_);
    const TapeState* tape = recording_tape();
    const Node* mark = tape->last;
    const Tensor<T> y = unfold();
    if (summed_) dy = recorded_expand(recorded_quotient(recorded_reshape(dy, seen_), divisor_), y.shape());
    propagate_through(tape, mark, y, dy);
  }

  Shape seen_;
  T divisor_ = T(1);
  bool summed_ = false;
};

/// The record of a formula.
template <class F>
class FormulaNode final : public UnfoldedNode<typename F::Scalar> {
 public:
  using T = typename F::Scalar;
  using Targets = std::array<TypedNode<T>*, F::leaves>;

  FormulaNode(const OperationName& operation, const Tensor<T>& value, const F& formula, const Targets& targets)
      : UnfoldedNode<T>(operation, value.shape()), formula_(formula), targets_(targets) {}
  FormulaNode(const OperationName& operation, const Tensor<T>& value, const F& formula, const Targets& targets,
              const Shape& seen, T divisor)
      : UnfoldedNode<T>(operation, value.shape(), seen, divisor), formula_(formula), targets_(targets) {}
  EIGENGRAD_COLD Tensor<T> unfold() const override { return formula_.template trace<T>().value(); }
  void keep_result(const Tensor<T>& result) {
    if constexpr (from_result<F>) result_ = result;
  }
  void keep_derivative(Tensor<T> derivative) {
    derivative_ = std::move(derivative);
    this->kept_numbers_ = derivative_.size();
  }

  void visit_inputs(void (*visit)(void*, Node*), void* context) const override {
    for (TypedNode<T>* target : targets_)
      if (target != nullptr) visit(context, target);
  }
  void describe(Steps& steps) const override {
    auto* next = targets_.data();
    formula_.describe(steps, next);
    if (summed_) steps.operation(this->name, 1);
  }
  void release() override {
    formula_.template for_each_leaf<0>([&](auto k, const auto& operand) {
      // Constants stay, to be printed. The others' buffers may be written over, and their shapes are gone with them.
      if (targets_[k] != nullptr) const_cast<std::decay_t<decltype(operand)>&>(operand).release();
    });
    result_.release();
    derivative_.release();
  }
  void propagate() override {
    if (records_gradients()) [[unlikely]]
      return this->propagate_recorded();
    Tensor<T> dy = this->take_gradient();
    if (summed_) {
      dy = whole(std::move(dy), this->shape_);
      if (derivative_.size() > 0) return pass_summed_derivative(dy);
      if (divisor_ != T(1)) divide(dy);
      if (dy.size() != 1) dy = dy.alias(seen_);  // one number broadcasts as it is
    }
    if constexpr (stores_derivative<F>)
      if (derivative_.size() > 0) return pass_derivative(dy);

    Sink<T> sinks[F::leaves] = {};
    Slot<T>* targets[F::leaves] = {};
    const auto open = [&](int k, const auto& operand) {
      if constexpr (std::is_same_v<std::decay_t<decltype(operand)>, Tensor<T>>)
        if (TypedNode<T>* target = targets_.data()[k])
          open_sink(k, *target, operand, formula_.size(), dy, targets, sinks);
    };
    formula_.template for_each_leaf<0>(open);
    reverse(formula_, result_.size() == formula_.size() && result_.size() > 0 ? &result_ : nullptr, dy, sinks);
  }

 private:
  void divide(Tensor<T>& dy) const {
    T* to = dy.writable_numbers();
    if constexpr (!std::is_same_v<T, bool>)  // a mask has no gradient
      for (Index i = 0; i < dy.size(); ++i) to[i] = to[i] / divisor_;
  }
  void pass_derivative(const Tensor<T>& dy) {
    for (TypedNode<T>* target : targets_)
      if (target != nullptr) {
        if (Slot<T>* slot = target->slot(); slot != nullptr && !hand_over(*slot, dy, derivative_)) {
          bool add = false;
          Tensor<T>& gradient = prepare_over(dy, *slot, this->shape_, add);
          evaluate(Formula<DerivativeProduct, Leaf<T>, Leaf<T>>({}, Leaf<T>{dy}, Leaf<T>{derivative_}),
                   gradient.shared_data(), add, gradient.padded());
        }
        return;
      }
  }
  /// The same under a sum over everything: dy is one number.
  void pass_summed_derivative(const Tensor<T>& dy) {
    if constexpr (!std::is_integral_v<T>)  // whole numbers are never recorded
      for (TypedNode<T>* target : targets_)
        if (target != nullptr) {
          if (Slot<T>* slot = target->slot()) contribute_multiple(*slot, dy, derivative_);
          return;
        }
  }

  using UnfoldedNode<T>::seen_, UnfoldedNode<T>::divisor_, UnfoldedNode<T>::summed_;

  F formula_;
  Targets targets_;
  Tensor<T> result_, derivative_;
};

/// Which records the formula's operands come from; false when none is on the recording tape.
template <class F>
EIGENGRAD_INLINE bool find_targets(const TapeState* tape, const F& formula, typename FormulaNode<F>::Targets& targets) {
  bool any = false;
  formula.template for_each_leaf<0>([&](auto k, const auto& operand) {
    targets[k] = nullptr;
    if constexpr (std::is_same_v<std::decay_t<decltype(operand)>, Tensor<typename F::Scalar>>) {
      targets[k] = node_on(tape, operand, formula.name());
      any = any || targets[k] != nullptr;
    }
  });
  return any;
}

/// Marks the places that need a gradient; true when one tensor stands in all of them, and unstretched: value and
/// derivative can then be had in one pass.
template <class F>
bool only_one_target(const F& formula, const typename FormulaNode<F>::Targets& targets, bool* wanted) {
  using T = typename F::Scalar;
  const Slot<T>* only = nullptr;
  bool one = formula.size() > 0;
  formula.template for_each_leaf<0>([&](auto k, const auto& operand) {
    wanted[k] = targets[k] != nullptr;
    if constexpr (std::is_same_v<std::decay_t<decltype(operand)>, Tensor<T>>)
      if (wanted[k]) {
        if (only == nullptr) only = targets[k]->slot_identity();
        one = one && targets[k]->slot_identity() == only && operand.shape() == formula.shape();
      }
  });
  return one;
}

/// A rule's formula, to be differentiated again.
template <class Op, class... Arguments>
Tensor<typename Formula<Op, Arguments...>::Scalar> as_recorded(const Formula<Op, Arguments...>& formula) {
  return formula.template trace<typename Formula<Op, Arguments...>::Scalar>().value();
}

template <class Op, class... Arguments>
void Formula<Op, Arguments...>::write_to(Tensor<Element>& target, bool add) const {
  tell_operands(op_.name, *this);
  Element* to = target.writable_numbers();
  evaluate(*this, to, add, target.padded());
}

/// Tells a listening plan which tensors a formula reads.
template <class F>
EIGENGRAD_INLINE void tell_operands(const char* operation, const F& formula) {
  if (ReplayPlan* plan = listening_plan()) [[unlikely]]
    formula.template for_each_leaf<0>([&](auto, const auto& operand) { plan->reads(operation, operand.block()); });
}

/// Evaluates a formula again, into the tensors of the first time.
template <class F>
struct FormulaReplay {
  F formula;
  Tensor<typename F::Element> result;
  Tensor<typename F::Scalar> derivative{};
  std::array<bool, F::leaves + 1> wanted{};

  void operator()() {
    if constexpr (stores_derivative<F> && std::is_same_v<typename F::Element, typename F::Scalar>)
      if (derivative.size() > 0)
        return evaluate_with_derivative(formula, wanted.data(), result.shared_data(), derivative.shared_data());
    evaluate(formula, result.shared_data(), false, true);
  }
};

template <class Op, class... Arguments>
auto Formula<Op, Arguments...>::to_tensor(Location where) const -> Tensor<Element> {
  Tensor<Element> result = Tensor<Element>::empty(shape());
  Tensor<Scalar> derivative;
  std::array<bool, extent(leaves + 1)> wanted{};
  // One place makes the step that is replayed, so that it is compiled once.
  const auto remember = [&] {
    tell_operands(op_.name, *this);
    on_replay(op_.name, reads(), writes(result, derivative),
              [&] { return FormulaReplay<Formula>{*this, result, derivative, wanted}; });
  };
  if constexpr (!Predicate<Op> && leaves > 0) {
    using Recorded = FormulaNode<Formula>;
    TapeState* tape = recording_tape();
    typename Recorded::Targets targets;
    if (tape != nullptr && find_targets(tape, *this, targets)) {
      if constexpr (stores_derivative<Formula>) {
        if (only_one_target(*this, targets, wanted.data())) {
          derivative = Tensor<Element>::empty(shape());
          evaluate_with_derivative(*this, wanted.data(), result.writable_numbers(), derivative.writable_numbers());
        }
      }
      if (derivative.size() == 0) evaluate(*this, result.writable_numbers(), false, true);
      auto* node = tape->template add<Recorded>(tape->last, OperationName(op_.name, where), result, *this, targets);
      remember();
      if constexpr (stores_derivative<Formula>) node->keep_derivative(std::move(derivative));
      tape->connect(result, node);
      node->keep_result(result);
      return result;
    }
  }
  evaluate(*this, result.writable_numbers(), false, true);
  remember();
  return result;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
