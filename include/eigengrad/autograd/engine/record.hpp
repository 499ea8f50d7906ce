#pragma once

#include <span>
#include <vector>

#include "../../core/pack.hpp"
#include "../../core/releasable.hpp"
#include "../../core/tensor.hpp"
#include "recorded.hpp"

// For operations of your own: how one is recorded, with a rule for each input's gradient (docs/add_an_operation.md).
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// An operand of an operation, and the rule for its gradient: rule(dy), or rule(dy, y) with the operation's result,
/// returns what to add to it, in the shape of the operand or one that broadcasting stretched it to. `again` does a
/// linear operation to another tensor.
template <class Held, class Rule, class Again = Nothing>
struct Edge {
  using Element = typename std::decay_t<Held>::Element;
  Held tensor;  // a reference, but for what was a formula or a parameter
  Rule rule;
  [[no_unique_address]] Again again = {};
  TypedNode<Element>* target = nullptr;
};
/// Any number of operands of one type: rule(k, dy) is for operand k.
template <class T, class Rule>
struct ListEdge {
  std::span<const Tensor<T>> tensors;
  Rule rule;
  std::vector<TypedNode<T>*> targets = {};
};

/// An operand, and how its gradient follows from dy, the result's: with_respect_to(x, [=](const auto& dy) { return dy *
/// slope; }). A rule returns a tensor, a formula, or what is Deferred (contribute.hpp); the engine adds it up.
template <class Input, class Rule>
EIGENGRAD_INLINE auto with_respect_to(const Input& input, Rule&& rule) {
  return Edge<decltype(input.to_tensor()), std::decay_t<Rule>>{input.to_tensor(), std::forward<Rule>(rule)};
}
/// The same for the only input of a linear operation, with the operation: a tangent need not ask the rule's transpose.
template <class Input, class Rule, class Again>
EIGENGRAD_INLINE auto with_respect_to(const Input& input, Rule&& rule, Again&& again) {
  return Edge<decltype(input.to_tensor()), std::decay_t<Rule>, std::decay_t<Again>>{
      input.to_tensor(), std::forward<Rule>(rule), std::forward<Again>(again)};
}
/// The same for a list of operands: rule(k, dy).
template <class T, class Rule>
auto with_respect_to(const std::span<const Tensor<T>>& inputs, Rule&& rule) {
  return ListEdge<T, std::decay_t<Rule>>{inputs, std::forward<Rule>(rule)};
}
/// with_respect_to in short.
template <class... Arguments>
EIGENGRAD_INLINE auto wrt(Arguments&&... arguments) {
  return with_respect_to(std::forward<Arguments>(arguments)...);
}

/// Whether an operand is there: one that was left out is an empty tensor.
template <class Held, class Rule, class Again>
bool is_given(const Edge<Held, Rule, Again>& edge) {
  return edge.target != nullptr || !(edge.tensor.shape() == Shape::empty());
}
/// Whether a rule is written from the operation's result: rule(dy, y).
template <class Rule, class T>
inline constexpr bool takes_result = std::is_invocable_v<Rule&, const Tensor<T>&, const Tensor<T>&>;

/// Adds what a rule returned to the gradient of `target`.
template <class T, class U, class Result>
EIGENGRAD_INLINE void give(const char* operation, TypedNode<U>& target, Slot<U>& slot, Result&& gradient) {
  constexpr bool fits = requires { contribute(slot, target.shape(), std::forward<Result>(gradient)); };
  if constexpr (fits || !(is_dual<T> || is_dual<U>))
    contribute(slot, target.shape(), std::forward<Result>(gradient));
  else
    fail<TangentError>(operation,
                       ": the rule's numbers are not of its input's type, as when an operation written "
                       "for double meets dual numbers: write it for any number type");
}

/// What a record keeps of one of the things that an operation was given: of an extra output or labels, nothing.
template <class Part>
struct Flow {
  explicit Flow(const Part&) {}

  template <class T>
  static constexpr bool needs_result = false;
  template <class T>
  static constexpr bool same_type = true;
  static constexpr bool bare = true;  // once released, need not be destroyed
  void visit(void (*)(void*, Node*), void*) const {}
  void describe(Steps&) const {}
  template <class T, class Y>
  void pass(const char*, const Tensor<T>&, const Y&) {}
  template <class T>
  bool done_to(const Tensor<T>&, Tensor<T>&) const {
    return false;
  }
  void release() {}
};
/// A constant, which has its place among the operands.
template <class U>
  requires is_real<U>
struct Flow<Tensor<U>> : Flow<Nothing> {
  explicit Flow(const Tensor<U>&) : Flow<Nothing>(Nothing()) {}
  void describe(Steps& steps) const { steps.operand(nullptr); }
};
/// The rule, kept until it is released; of an operand that is no part of the tape it is not kept at all.
template <class Held, class Rule, class Again>
  requires is_real<typename Edge<Held, Rule, Again>::Element>
struct Flow<Edge<Held, Rule, Again>> {
  using U = typename Edge<Held, Rule, Again>::Element;
  struct Rules {
    Rule rule;
    [[no_unique_address]] Again again;
  };
  explicit Flow(Edge<Held, Rule, Again>& edge)
      : target(edge.target),
        rules({std::move(edge.rule), std::move(edge.again)}, edge.target != nullptr),
        given(is_given(edge)) {}

  template <class T>
  static constexpr bool needs_result = takes_result<Rule, T>;
  template <class T>
  static constexpr bool same_type = std::is_same_v<T, U>;
  static constexpr bool bare = true;
  void visit(void (*visit_node)(void*, Node*), void* context) const {
    if (target != nullptr) visit_node(context, target);
  }
  void describe(Steps& steps) const {
    if (given) steps.operand(target);
  }
  template <class T, class Y>
  void pass(const char* operation, const Tensor<T>& dy, const Y& y) {
    Slot<U>* slot = target != nullptr ? target->slot() : nullptr;
    if (slot == nullptr) return;
    if constexpr (takes_result<Rule, T>)
      give<T>(operation, *target, *slot, (*rules).rule(dy, y));
    else
      give<T>(operation, *target, *slot, (*rules).rule(dy));
  }
  template <class T>
  bool done_to(const Tensor<T>& tangent, Tensor<T>& result) const {
    if constexpr (!std::is_same_v<Again, Nothing>)
      if (rules.held()) {
        result = (*rules).again(tangent);
        return true;
      }
    return false;
  }
  void release() { rules.release(); }

  TypedNode<U>* target;
  Releasable<Rules> rules;
  bool given;  // an operand that may be left out
};
template <class U, class Rule>
  requires is_real<U>
struct Flow<ListEdge<U, Rule>> : Flow<Nothing> {
  static constexpr bool bare = false;
  explicit Flow(ListEdge<U, Rule>& edge)
      : Flow<Nothing>(Nothing()), targets(std::move(edge.targets)), rule({std::move(edge.rule)}, true) {}

  void visit(void (*visit_node)(void*, Node*), void* context) const {
    for (TypedNode<U>* target : targets)
      if (target != nullptr) visit_node(context, target);
  }
  void describe(Steps& steps) const {
    for (TypedNode<U>* target : targets) steps.operand(target);
  }
  template <class T, class Y>
  void pass(const char* operation, const Tensor<T>& dy, const Y&) {
    for (std::size_t k = 0; k < targets.size(); ++k)
      if (Slot<U>* slot = targets[k] != nullptr ? targets[k]->slot() : nullptr)
        give<T>(operation, *targets[k], *slot, (*rule)(static_cast<Index>(k), dy));
  }
  void release() { rule.release(); }

  std::vector<TypedNode<U>*> targets;
  Releasable<Rule> rule;
};

/// An operation with one rule per differentiable operand.
template <class T, class... Parts>
class RecordNode final : public OperationNode<T> {
 public:
  template <class... Given>
  RecordNode(const OperationName& operation, const Shape& shape, Given&... parts)
      : OperationNode<T>(operation, shape), flows_{{Flow<Parts>(parts)}...} {
    if (!(Flow<Parts>::template same_type<T> && ...)) this->forward = Forward::never;
  }
  /// Keeps the result, connected to this record, for the rules that are written from it.
  void keep(const Tensor<T>& result) {
    if constexpr (needs_result) result_ = result;
  }

  void propagate() override {
    const Tensor<T> dy = whole(this->take_gradient(), this->shape_);
    for_each_flow([&](auto& flow) { flow.pass(this->name, dy, result_); });
  }
  bool done_to(const Tensor<T>& tangent, Tensor<T>& result) const override {
    bool done = false;
    for_each_flow([&](const auto& flow) { done = done || flow.done_to(tangent, result); });
    return done;
  }
  void visit_inputs(void (*visit)(void*, Node*), void* context) const override {
    for_each_flow([&](const auto& flow) { flow.visit(visit, context); });
  }
  void describe(Steps& steps) const override {
    const int before = steps.count();
    for_each_flow([&](const auto& flow) { flow.describe(steps); });
    steps.operation(this->name, steps.count() - before);
  }
  void release() override {
    for_each_flow([](auto& flow) { flow.release(); });
    if constexpr (needs_result) result_.release();
    this->spent = (Flow<Parts>::bare && ...);
  }

 private:
  static constexpr bool needs_result = (Flow<Parts>::template needs_result<T> || ...);

  template <class F>
  EIGENGRAD_INLINE void for_each_flow(F f) {
    [&]<std::size_t... j>(std::index_sequence<j...>) {
      (f(part<j>(flows_)), ...);
    }(std::index_sequence_for<Parts...>());
  }
  template <class F>
  EIGENGRAD_INLINE void for_each_flow(F f) const {
    [&]<std::size_t... j>(std::index_sequence<j...>) {
      (f(part<j>(flows_)), ...);
    }(std::index_sequence_for<Parts...>());
  }

  Pack<Flow<Parts>...> flows_;
  [[no_unique_address]] std::conditional_t<needs_result, Tensor<T>, Nothing> result_;
};

/// Finds the record of an operand on `tape`; whether there is one. Of a tensor that was given without a rule there must
/// be none.
template <class Held, class Rule, class Again>
EIGENGRAD_INLINE bool find_target(const TapeState* tape, const char* operation, Edge<Held, Rule, Again>& edge) {
  using U = typename Edge<Held, Rule, Again>::Element;
  if constexpr (is_real<U>) edge.target = node_on<U>(tape, edge.tensor.link(), operation);
  return edge.target != nullptr;
}
template <class U, class Rule>
bool find_target(const TapeState* tape, const char* operation, ListEdge<U, Rule>& edge) {
  bool any = false;
  for (const Tensor<U>& tensor : edge.tensors) {
    edge.targets.push_back(node_on(tape, tensor, operation));
    any = any || edge.targets.back() != nullptr;
  }
  return any;
}
template <class U>
bool find_target(const TapeState* tape, const char* operation, const Tensor<U>& constant) {
  require<GradientError>(node_on(tape, constant, operation) == nullptr, operation, ": an operand of shape ",
                         constant.shape(),
                         " is recorded, but there is no rule for its gradient: give it by with_respect_to(x, rule), or "
                         "take it as a constant by .detach()");
  return false;
}
template <class U>
bool find_target(const TapeState* tape, const char* operation, const std::span<const Tensor<U>>& constants) {
  for (const Tensor<U>& constant : constants) find_target(tape, operation, constant);
  return false;
}
template <class Other>
EIGENGRAD_INLINE bool find_target(const TapeState*, const char*, const Other&) {
  return false;
}

template <class Held, class Rule, class Again>
void tell_observer(TapeState& tape, const Edge<Held, Rule, Again>& edge) {
  if (is_given(edge)) tape.tell_input(edge.tensor);
}
template <class U, class Rule>
void tell_observer(TapeState& tape, const ListEdge<U, Rule>& edge) {
  for (const Tensor<U>& tensor : edge.tensors) tape.tell_input(tensor);
}
template <class U>
  requires is_real<U>
void tell_observer(TapeState& tape, const Tensor<U>& constant) {
  tape.tell_input(constant);
}
template <class Other>
void tell_observer(TapeState&, const Other&) {}

/// Records an operation whose value is there already, as that of a view: its name, its value, and how the gradient
/// flows to each operand, as compute does with what it has computed. Returns the value, connected to the recording tape
/// if one of the operands is. In place of the name, {name, where} says which line of the user's to name.
template <class T, class... Parts>
Tensor<T> record(const OperationName& name, Tensor<T> value, Parts&&... parts) {
  value.set_link({});
  if constexpr (is_real<T>) {  // no other tensor is ever recorded
    TapeState* tape = recording_tape();
    if (tape == nullptr) return value;
    bool any = false;
    ((any = find_target(tape, name.name, parts) || any), ...);  // each is asked, so that two mixed tapes are noticed
    if (!any) return value;
    auto* node = tape->template add<RecordNode<T, std::decay_t<Parts>...>>(tape->last, name, value.shape(), parts...);
    if (tape->observer != nullptr) [[unlikely]]
      (tell_observer(*tape, parts), ...);
    tape->connect(value, node);
    node->keep(value);
  }
  return value;
}

/// Whether an operation on these tensors would be recorded; for one that then keeps more.
template <class... Tensors>
EIGENGRAD_INLINE bool records(const char* name, const Tensors&... inputs) {
  if constexpr (!(is_real<typename Tensors::Element> || ...)) return false;
  TapeState* tape = recording_tape();
  if (tape == nullptr) return false;
  bool any = false;
  ((any = node_on(tape, inputs, name) != nullptr || any), ...);
  return any;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
