#pragma once

#include "../autograd/engine/contribute.hpp"
#include "../autograd/engine/tape_state.hpp"
#include "../core/tensor.hpp"
#include "../simd/lane.hpp"
#include "expression.hpp"
#include "kernels.hpp"
#include "rows.hpp"
#include "stored_derivative.hpp"

// The record of a formula.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Where dy is the number 1, as under a plain sum, the stored derivative already is the gradient: it is moved into the
/// slot without a copy. Only if nobody but the `holders` counted here has it, as who else does may write to it later.
template <class T>
EIGENGRAD_INLINE bool hand_over(Slot<T>& slot, const Tensor<T>& dy, const Tensor<T>& derivative,
                                std::uint32_t holders = 1) {
  if (dy.size() != 1 || !(*kernel_access(dy).numbers() == T(1)) || slot.filled ||
      kernel_access(derivative).holders() > holders)
    return false;
  slot.value = derivative;
  slot.filled = true;
  return true;
}
/// The slot gets dy, which broadcasts to the derivative's shape, times the derivative, which the record itself holds
/// `holders` times.
template <class T>
EIGENGRAD_OUTLINE void contribute_multiple(Slot<T>& slot, const Tensor<T>& dy, const Tensor<T>& derivative,
                                           std::uint32_t holders = 1) {
  if (hand_over(slot, dy, derivative, holders)) return;
  bool add = false;
  const Shape& shape = derivative.shape();
  Tensor<T>& gradient = dy.size() == 1 ? prepare(slot, shape, add) : prepare_over(dy, slot, shape, add);
  const T *from = kernel_access(derivative).numbers(), *by = kernel_access(dy).numbers();
  T* to = kernel_access(gradient).shared_data();
  const Index size = derivative.size(), stride = dy.size() == 1 ? 0 : 1;
  if (stride == 1 && dy.shape() != shape) return multiply_stretched(to, dy, derivative, add);
  const bool padded = kernel_access(gradient).padded() && kernel_access(derivative).padded() &&
                      (stride == 0 || kernel_access(dy).padded());
  constexpr Index large = Index{1} << 17;
  if (stride == 0 && padded && size < large) {  // a loss' gradient, which small steps spend their time on
    const lane_t<T> number(*by);
    for (Index i = 0; i < size; i += lane_width<T>) {
      lane_t<T> product = number * lane::load(from + i);
      if (add) product = product + lane::load(to + i);
      lane::store<T>(to + i, product);
    }
    return;
  }
  if (has_threads && size >= large)
    parallel_lanes<T>(size, [=](Index begin, Index end) {
      multiply_row(to + begin, by + begin * stride, stride, from + begin, end - begin, padded, add);
    });
  else
    multiply_row(to, by, stride, from, size, padded, add);
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
  sinks[k].data = kernel_access(gradient).shared_data();
  sinks[k].padded = kernel_access(gradient).padded();
  if (sinks[k].add || (operand.size() == size && operand.size() > 1)) return;
  std::fill_n(sinks[k].data, operand.size(), T(0));  // stretched, or a scalar: gathered by adding
  sinks[k].add = true;
}

/// The record of a formula, evaluated or summed. A copy of the formula lies behind it, and where its operands'
/// gradients go. `seen_` is the shape in which dy lines up with the formula, `divisor_` what a mean divides by.
template <class T>
class FormulaNode final : public OperationNode<T> {
 public:
  using Targets = TypedNode<T> * [FormulaView<T>::max_leaves];

  /// Makes the record of a formula that gave `value`.
  static FormulaNode* add(TapeState& tape, const OperationName& operation, const Tensor<T>& value,
                          const FormulaView<T>& view, const Targets& targets) {
    FormulaNode* node = place_for(tape, view.kind);
    return chain(tape, new (node) FormulaNode(operation, value, view, targets));
  }
  /// The same for one that was summed.
  static FormulaNode* add_summed(TapeState& tape, const OperationName& operation, const Tensor<T>& value,
                                 const FormulaView<T>& view, const Targets& targets, const Shape& seen, T divisor) {
    FormulaNode* node = add(tape, operation, value, view, targets);
    node->seen_ = seen;
    node->divisor_ = divisor;
    node->summed_ = true;
    return node;
  }
  /// The formula, not summed, carried out operation by operation, each recorded by itself.
  EIGENGRAD_COLD Tensor<T> unfold() const { return view_.kind.unfold(view_.formula); }
  /// A tangent of the formula's shape, summed as the formula is.
  EIGENGRAD_COLD Tensor<T> summed(const Tensor<T>& tangent) const {
    if (!summed_) return tangent;
    return recorded_reshape(recorded_quotient(recorded_sum_to(tangent, seen_), divisor_), this->shape_);
  }
  void keep_result(const Tensor<T>& result) {
    if (view_.kind.from_result) result_ = result;
  }
  void keep_derivative(Tensor<T> derivative) {
    derivative_ = std::move(derivative);
    this->kept_numbers_ = derivative_.size();
  }

  void visit_inputs(void (*visit)(void*, Node*), void* context) const override {
    for (int k = 0; k < view_.kind.leaves; ++k)
      if (targets()[k] != nullptr) visit(context, targets()[k]);
  }
  void describe(Steps& steps) const override {
    view_.kind.describe(view_.formula, steps, targets());
    if (summed_) steps.operation(this->name, 1);
  }
  void release() override {
    for (int k = 0; k < view_.kind.leaves; ++k)
      // Constants stay, to be printed. The others' buffers may be written over, and their shapes are gone with them.
      if (targets()[k] != nullptr) kernel_access(*const_cast<Tensor<T>*>(view_.leaves[k].numbers)).release();
    kernel_access(result_).release();
    kernel_access(derivative_).release();
  }
  void propagate() override {
    if (records_gradients()) [[unlikely]]
      return propagate_recorded();
    Tensor<T> dy = this->take_gradient();
    if (summed_) {
      dy = expanded_to(std::move(dy), this->shape_);
      if (derivative_.size() > 0) return pass_derivative(dy);
      if (divisor_ != T(1)) divide(dy);
      if (dy.size() != 1) dy = kernel_access(dy).alias(seen_);  // one number broadcasts as it is
    }
    if (derivative_.size() > 0) return pass_derivative(dy);

    Sink<T> sinks[FormulaView<T>::max_leaves];
    Slot<T>* gathering[FormulaView<T>::max_leaves];
    const Index size = view_.space.size();
    for (int k = 0; k < view_.kind.leaves; ++k) {
      sinks[k] = {};
      gathering[k] = nullptr;
      if (targets()[k] != nullptr) open_sink(k, *targets()[k], *view_.leaves[k].numbers, size, dy, gathering, sinks);
    }
    reverse(view_, result_.size() == size && size > 0 ? &result_ : nullptr, dy, sinks);
  }

 private:
  FormulaNode(const OperationName& operation, const Tensor<T>& value, const FormulaView<T>& view,
              const Targets& targets)
      : OperationNode<T>(operation, value.shape()), view_{view.kind, formula_behind(view.kind), view.space, nullptr} {
    this->forward = Forward::formula;
    view.kind.copy(view.formula, const_cast<void*>(view_.formula));
    for (int k = 0; k < view.kind.leaves; ++k) {
      this->targets()[k] = targets[k];
      EIGENGRAD_NO_VECTORS;  // of a few, for which memcpy would be called
    }
    auto* const leaves = reinterpret_cast<FormulaLeaf<T>*>(this->targets() + view.kind.leaves);
    view.kind.list(view_.formula, leaves);
    view_.leaves = leaves;
  }
  ~FormulaNode() { view_.kind.destroy(const_cast<void*>(view_.formula)); }

  // Behind the record lie the targets, the list of operands, and the formula.
  TypedNode<T>** targets() const { return reinterpret_cast<TypedNode<T>**>(const_cast<FormulaNode*>(this + 1)); }
  static std::size_t place_of_formula(const FormulaKind<T>& kind) {
    const std::size_t end =
        sizeof(FormulaNode) + static_cast<std::size_t>(kind.leaves) * (sizeof(TypedNode<T>*) + sizeof(FormulaLeaf<T>));
    return (end + kind.alignment - 1) & ~(kind.alignment - 1);  // a power of two: a division takes as long as a loop
  }
  const void* formula_behind(const FormulaKind<T>& kind) const {
    return reinterpret_cast<const std::byte*>(this) + place_of_formula(kind);
  }
  static FormulaNode* place_for(TapeState& tape, const FormulaKind<T>& kind) {
    return static_cast<FormulaNode*>(tape.arena.take(place_of_formula(kind) + kind.bytes));
  }
  static FormulaNode* chain(TapeState& tape, FormulaNode* node) {
    node->destroy = [](Node* any) { static_cast<FormulaNode*>(any)->~FormulaNode(); };
    node->previous = tape.last;
    tape.last = node;
    return node;
  }

  /// To be differentiated again the formula is unfolded, and dy is passed through that.
  EIGENGRAD_COLD void propagate_recorded() {
    Tensor<T> dy = expanded_to(this->take_gradient(), this->shape_);
    const TapeState* tape = recording_tape();
    const Node* mark = tape->last;
    const Tensor<T> y = unfold();
    if (summed_) dy = recorded_expand(recorded_quotient(recorded_reshape(dy, seen_), divisor_), y.shape());
    propagate_through(tape, mark, y, dy);
  }
  void divide(Tensor<T>& dy) const {
    T* to = kernel_access(dy).writable_numbers();
    for (Index i = 0; i < dy.size(); ++i) to[i] = to[i] / divisor_;
  }
  void pass_derivative(const Tensor<T>& dy) {
    if (Slot<T>* slot = only_slot()) contribute_multiple(*slot, dy, derivative_);
  }
  Slot<T>* only_slot() const {
    for (int k = 0; k < view_.kind.leaves; ++k)
      if (targets()[k] != nullptr) return targets()[k]->slot();
    return nullptr;
  }

  FormulaView<T> view_;
  Shape seen_;
  T divisor_ = T(1);
  bool summed_ = false;
  Tensor<T> result_, derivative_;
};

/// Which records the formula's operands come from; false when none is on the recording tape.
template <class T>
EIGENGRAD_INLINE bool find_targets(const TapeState* tape, const FormulaView<T>& view, const char* name,
                                   typename FormulaNode<T>::Targets& targets) {
  bool any = false;
  for (int k = 0; k < view.kind.leaves; ++k) {
    targets[k] = view.leaves[k].mask == nullptr ? node_on(tape, *view.leaves[k].numbers, name) : nullptr;
    any = any || targets[k] != nullptr;
  }
  return any;
}

/// Marks the places that need a gradient; true when one tensor stands in all of them, and unstretched: value and
/// derivative can then be had in one pass.
template <class T>
EIGENGRAD_INLINE bool only_one_target(const FormulaView<T>& view, const typename FormulaNode<T>::Targets& targets,
                                      bool* wanted) {
  const Slot<T>* only = nullptr;
  bool one = view.space.size() > 0;
  for (int k = 0; k < view.kind.leaves; ++k) {
    wanted[k] = targets[k] != nullptr;
    if (!wanted[k]) continue;
    if (only == nullptr) only = targets[k]->slot_identity();
    one = one && targets[k]->slot_identity() == only && view.leaves[k].numbers->shape() == view.space;
  }
  return one;
}

/// A copy of a formula, for a step that is replayed into the tensors of the first time.
template <class T, class E>
struct FormulaReplay {
  FormulaReplay(const FormulaView<T>& of, const Tensor<E>& to, const Tensor<T>& slopes, const bool* marked)
      : kind(of.kind),
        space(of.space),
        formula(::operator new(kind.bytes, std::align_val_t(kind.alignment))),
        result(to),
        derivative(slopes) {
    kind.copy(of.formula, formula);
    std::copy_n(marked, kind.leaves, wanted);
  }
  FormulaReplay(const FormulaReplay&) = delete;
  ~FormulaReplay() {
    kind.destroy(formula);
    ::operator delete(formula, std::align_val_t(kind.alignment));
  }

  void operator()() {
    const ListedFormula<T> view(kind, formula, space);
    if constexpr (std::is_same_v<T, E>)
      if (derivative.size() > 0)
        return evaluate_with_derivative(view, wanted, kernel_access(result).shared_data(),
                                        kernel_access(derivative).shared_data());
    evaluate(view, kernel_access(result).shared_data(), false, true);
  }

  const FormulaKind<T>& kind;
  const Shape& space;
  void* formula;
  Tensor<E> result;
  Tensor<T> derivative;
  bool wanted[FormulaView<T>::max_leaves];
};

/// Tells a listening plan which tensors a formula reads.
template <class T>
EIGENGRAD_INLINE void tell_operands(const char* operation, const FormulaView<T>& view) {
  if (ReplayPlan* plan = listening_plan()) [[unlikely]]
    for (int k = 0; k < view.kind.leaves; ++k) plan->reads(operation, view.leaves[k].block());
}

/// The formula's value, recorded where a tape is recording.
template <class E, class T>
EIGENGRAD_OUTLINE Tensor<E> value_of_formula(const FormulaKind<T>& kind, const void* formula, const Shape& space,
                                             const OperationName& name) {
  const ListedFormula<T> view(kind, formula, space);
  Tensor<E> result = Tensor<E>::empty(space);
  Tensor<T> derivative;
  bool wanted[FormulaView<T>::max_leaves] = {};
  // One place makes the step that is replayed, so that it is compiled once.
  const auto remember = [&] {
    tell_operands(name.name, view);
    on_replay(name.name, reads(), writes(result, derivative),
              [&] { return FormulaReplay<T, E>(view, result, derivative, wanted); });
  };
  if constexpr (std::is_same_v<E, T> && is_real<T>) {
    TapeState* tape = recording_tape();
    typename FormulaNode<T>::Targets targets;
    if (tape != nullptr && find_targets(tape, view, name.name, targets)) {
      if (kind.stores_derivative && only_one_target(view, targets, wanted)) {
        derivative = Tensor<T>::empty(space);
        evaluate_with_derivative(view, wanted, kernel_access(result).writable_numbers(),
                                 kernel_access(derivative).writable_numbers());
      } else {
        evaluate(view, kernel_access(result).writable_numbers(), false, true);
      }
      auto* node = FormulaNode<T>::add(*tape, name, result, view, targets);
      remember();
      if (kind.stores_derivative) node->keep_derivative(std::move(derivative));
      tape->connect(result, node);
      node->keep_result(result);
      return result;
    }
  }
  evaluate(view, kernel_access(result).writable_numbers(), false, true);
  remember();
  return result;
}
template <class E, class T>
EIGENGRAD_OUTLINE void write_formula(const FormulaKind<T>& kind, const void* formula, const Shape& space,
                                     const char* name, Tensor<E>& target, bool add) {
  const ListedFormula<T> view(kind, formula, space);
  tell_operands(name, view);
  E* to = kernel_access(target).writable_numbers();
  evaluate(view, to, add, kernel_access(target).padded());
}

/// A rule's formula, to be differentiated again.
template <class Op, class... Arguments>
Tensor<typename Formula<Op, Arguments...>::Scalar> as_recorded(const Formula<Op, Arguments...>& formula) {
  return formula.template trace<typename Formula<Op, Arguments...>::Scalar>().value();
}

/// What is known of a formula, where its type is, and what its loops read.
template <class Op, class... Arguments>
const auto& kind_of(const Formula<Op, Arguments...>&) {
  return formula_kind<Formula<Op, Arguments...>>;
}
template <class Op, class... Arguments>
const auto& sums_of(const Formula<Op, Arguments...>&) {
  return formula_sums<Formula<Op, Arguments...>>;
}
template <class Op, class... Arguments>
const void* address_of_formula(const Formula<Op, Arguments...>& formula) {
  return &formula;
}

template <class Op, class... Arguments>
void Formula<Op, Arguments...>::write_to(Tensor<Element>& target, bool add) const {
  write_formula<Element>(formula_kind<Formula>, this, shape(), op_.name, target, add);
}
template <class Op, class... Arguments>
auto Formula<Op, Arguments...>::to_tensor(Location where) const -> Tensor<Element> {
  return value_of_formula<Element>(formula_kind<Formula>, this, shape(), {op_.name, where});
}

// Compiled: class FormulaNode<T>
// Compiled: Tensor<T> value_of_formula(const FormulaKind<T>&, const void*, const Shape&, const OperationName&)
// Compiled: Tensor<bool> value_of_formula(const FormulaKind<T>&, const void*, const Shape&, const OperationName&)
// Compiled: void write_formula(const FormulaKind<T>&, const void*, const Shape&, const char*, Tensor<T>&, bool)
}}  // namespace eigengrad::EIGENGRAD_ABI
