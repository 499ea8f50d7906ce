#pragma once

#include <array>
#include <span>

#include "../../core/pack.hpp"
#include "../../core/releasable.hpp"
#include "../../core/tensor.hpp"
#include "compute.hpp"

// For operations whose gradients come together, in one pass over their numbers (docs/add_an_operation.md).
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Operands whose gradients one rule gives at once.
template <class T, std::size_t count, class Rule, class Composed>
struct JointEdge {
  std::array<Tensor<T>, count> tensors;
  Rule rule;
  Composed composed;
  std::array<TypedNode<T>*, count> targets = {};
};

/// Operands, each of which may be left out (an empty tensor), and the rule for all their gradients: rule(dy, wanted),
/// or rule(dy, y, wanted) with the result, returns an array with one tensor for each that is `wanted`; the others are
/// not looked at. composed(operands), given them as a span, makes the same result by recorded operations: where
/// gradients are differentiated again, they flow through that. `run` of compute gets the operands as a span, too.
template <class T, std::size_t count, class Rule, class Composed>
auto with_respect_to_all(std::array<Tensor<T>, count> operands, Rule rule, Composed composed) {
  return JointEdge<T, count, Rule, Composed>{std::move(operands), std::move(rule), std::move(composed)};
}

template <class T, std::size_t count, class Rule, class Composed>
std::span<const Tensor<T>> operand_of(const JointEdge<T, count, Rule, Composed>& edge) {
  return edge.tensors;
}

template <class T>
bool is_left_out(const Tensor<T>& operand) {
  return operand.shape() == Shape::empty();
}

template <class U, std::size_t count, class Rule, class Composed>
  requires is_real<U>
struct Flow<JointEdge<U, count, Rule, Composed>> : Flow<Nothing> {
  using Targets = std::array<TypedNode<U>*, count>;
  using Wanted = std::array<bool, count>;
  struct Kept {
    std::array<Tensor<U>, count> operands;
    Rule rule;
    Composed composed;
  };
  static constexpr bool takes_y = std::is_invocable_v<Rule&, const Tensor<U>&, const Tensor<U>&, const Wanted&>;

  explicit Flow(JointEdge<U, count, Rule, Composed>& edge)
      : Flow<Nothing>(Nothing()),
        targets(edge.targets),
        kept({std::move(edge.tensors), std::move(edge.rule), std::move(edge.composed)}, true) {
    for (std::size_t k = 0; k < count; ++k) given[k] = !is_left_out((*kept).operands[k]);
  }

  template <class T>
  static constexpr bool needs_result = takes_y;
  template <class T>
  static constexpr bool same_type = std::is_same_v<T, U>;
  void visit(void (*visit_node)(void*, Node*), void* context) const {
    for (TypedNode<U>* target : targets)
      if (target != nullptr) visit_node(context, target);
  }
  void describe(Steps& steps) const {
    for (std::size_t k = 0; k < count; ++k)
      if (given[k]) steps.operand(targets[k]);
  }
  template <class Y>
  void pass(const char* operation, const Tensor<U>& dy, const Y& y) {
    if (records_gradients()) [[unlikely]]
      return pass_recorded(dy);
    std::array<Slot<U>*, count> slots_of;
    Wanted wanted;
    bool any = false;
    for (std::size_t k = 0; k < count; ++k) {
      slots_of[k] = targets[k] != nullptr ? targets[k]->slot() : nullptr;
      wanted[k] = slots_of[k] != nullptr;
      any = any || wanted[k];
    }
    if (!any) return;
    std::array<Tensor<U>, count> gradients;
    if constexpr (takes_y)
      gradients = (*kept).rule(dy, y, wanted);
    else
      gradients = (*kept).rule(dy, wanted);
    for (std::size_t k = 0; k < count; ++k)
      if (wanted[k]) give<U>(operation, *targets[k], *slots_of[k], std::move(gradients[k]));
  }
  void release() { kept.release(); }

  Targets targets;
  std::array<bool, count> given = {};
  Releasable<Kept> kept;

 private:
  EIGENGRAD_COLD void pass_recorded(const Tensor<U>& dy) {
    const TapeState* tape = recording_tape();
    const Node* mark = tape->last;
    const Tensor<U> y = (*kept).composed(std::span<const Tensor<U>>((*kept).operands));
    propagate_through(tape, mark, y, dy);
  }
};

template <class U, std::size_t count, class Rule, class Composed>
bool find_target(const TapeState* tape, const char* operation, JointEdge<U, count, Rule, Composed>& edge) {
  bool any = false;
  if constexpr (is_real<U>)
    for (std::size_t k = 0; k < count; ++k) {
      edge.targets[k] = node_on(tape, edge.tensors[k], operation);
      any = any || edge.targets[k] != nullptr;
    }
  return any;
}
template <class U, std::size_t count, class Rule, class Composed>
void tell_observer(TapeState& tape, const JointEdge<U, count, Rule, Composed>& edge) {
  for (const Tensor<U>& tensor : edge.tensors)
    if (!is_left_out(tensor)) tape.tell_input(tensor);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
