#pragma once

#include "../../core/pack.hpp"
#include "../../core/releasable.hpp"
#include "../../core/tensor.hpp"
#include "recorded.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// One input of a recorded operation and the rule for its gradient: rule(dy), or rule(dy, y) with the operation's
/// result, returns what to add to it, in the shape of the input or one that broadcasting stretched it to. `again` does
/// a linear operation to another tensor.
template <class T, class Rule, class Again = Nothing>
struct Edge {
  using Element = T;
  TapeLink link;
  Rule rule;
  [[no_unique_address]] Again again = {};
  TypedNode<T>* target = nullptr;
};

template <class Input, class Rule>
EIGENGRAD_INLINE auto wrt(const Input& input, Rule rule) {
  using T = typename Input::Element;
  const Tensor<T>& tensor = input.to_tensor();
  return Edge<T, Rule>{tensor.link(), std::move(rule)};
}
/// The same for the only input of a linear operation, with the operation: a tangent need not ask the rule's transpose.
template <class Input, class Rule, class Again>
EIGENGRAD_INLINE auto wrt(const Input& input, Rule rule, Again again) {
  using T = typename Input::Element;
  const Tensor<T>& tensor = input.to_tensor();
  return Edge<T, Rule, Again>{tensor.link(), std::move(rule), std::move(again)};
}

/// Whether a rule is written from the operation's result: rule(dy, y).
template <class Rule, class T>
inline constexpr bool takes_result = std::is_invocable_v<Rule&, const Tensor<T>&, const Tensor<T>&>;

/// An operation with one rule per differentiable input.
template <class T, class... Edges>
class RecordNode final : public OperationNode<T> {
 public:
  RecordNode(const OperationName& operation, const Shape& shape, Edges&... edges)
      : OperationNode<T>(operation, shape), inputs_{edges.target...}, edges_(Pack<Edges...>{{std::move(edges)}...}) {
    if (!(std::is_same_v<typename Edges::Element, T> && ...)) this->forward = Forward::never;
  }
  /// Keeps the result, connected to this record, for the rules that are written from it.
  void keep(const Tensor<T>& result) {
    if constexpr (needs_result) result_ = result;
  }

  void propagate() override {
    const Tensor<T> dy = whole(this->take_gradient(), this->shape_);
    [&]<std::size_t... j>(std::index_sequence<j...>) {
      (pass(part<j>(*edges_), dy), ...);
    }(std::index_sequence_for<Edges...>());
  }
  bool done_to(const Tensor<T>& tangent, Tensor<T>& result) const override {
    if constexpr (sizeof...(Edges) == 1 && !(std::is_same_v<decltype(Edges::again), Nothing> && ...)) {
      if (edges_.held()) result = part<0>(*edges_).again(tangent);
      return edges_.held();
    }
    return OperationNode<T>::done_to(tangent, result);
  }
  void visit_inputs(void (*visit)(void*, Node*), void* context) const override {
    for (Node* input : inputs_)
      if (input != nullptr) visit(context, input);
  }
  void describe(Steps& steps) const override {
    for (const Node* input : inputs_) steps.operand(input);
    steps.operation(this->name, static_cast<int>(sizeof...(Edges)));
  }
  void release() override {
    edges_.release();
    if constexpr (needs_result) result_ = Tensor<T>();
  }

 private:
  static constexpr bool needs_result = (takes_result<decltype(Edges::rule), T> || ...);

  template <class E>
  void pass(E& edge, const Tensor<T>& dy) {
    if (edge.target == nullptr) return;
    auto* slot = edge.target->slot();
    if (slot == nullptr) return;
    const auto give = [&](auto&& gradient) {
      using Wanted = typename std::decay_t<decltype(slot->value)>::Element;
      constexpr bool fits =
          requires { contribute(*slot, edge.target->shape(), std::forward<decltype(gradient)>(gradient)); };
      if constexpr (fits || !(is_dual<T> || is_dual<Wanted>))
        contribute(*slot, edge.target->shape(), std::forward<decltype(gradient)>(gradient));
      else
        fail<TangentError>(this->name,
                           ": the rule's numbers are not of its input's type, as when an operation written "
                           "for double meets dual numbers: write it for any number type");
    };
    if constexpr (takes_result<decltype(E::rule), T>)
      give(edge.rule(dy, result_));
    else
      give(edge.rule(dy));
  }

  Node* inputs_[sizeof...(Edges)];
  Releasable<Pack<Edges...>> edges_;
  [[no_unique_address]] std::conditional_t<needs_result, Tensor<T>, Nothing> result_;
};

/// Records an operation: its name, its value, and how the gradient flows to each input, as in
///   record("matmul", value, wrt(a, [=](const auto& dy) { return product(dy, b); }), wrt(b, ...)).
/// A rule may take the result too: [](const auto& dy, const auto& y) { return dy * (1 - y * y); }. A rule written in
/// tensor operations, on operands captured as they were given, can be differentiated again.
/// Returns the value, connected to the recording tape if one of the inputs is. In place of the name, {name, where}
/// says which line of the user's to name.
template <class T, class... Edges>
Tensor<T> record(const OperationName& name, Tensor<T> value, Edges&&... edges) {
  value.set_link({});
  if constexpr (is_real<T> || (is_real<typename std::decay_t<Edges>::Element> || ...)) {
    TapeState* tape = recording_tape();
    if (tape == nullptr) return value;
    const auto find = [&]<class E, class... Rule>(Edge<E, Rule...>& edge) {
      edge.target = node_on<E>(tape, edge.link, name.name);
    };
    (find(edges), ...);
    if (!((edges.target != nullptr) || ...)) return value;
    auto* node = tape->template add<RecordNode<T, std::decay_t<Edges>...>>(tape->last, name, value.shape(), edges...);
    tape->connect(value, node);
    node->keep(value);
  }
  return value;
}

/// Whether an operation on these tensors would be recorded; lets a hot operation skip making its rules.
template <class... Tensors>
EIGENGRAD_INLINE bool records(const char* name, const Tensors&... inputs) {
  if constexpr (!(is_real<typename Tensors::Element> || ...)) return false;
  TapeState* tape = recording_tape();
  if (tape == nullptr) return false;
  bool any = false;
  ((any = node_on(tape, inputs, name) != nullptr || any), ...);  // each is asked, so that two mixed tapes are noticed
  if (tape->observer != nullptr && any) [[unlikely]]
    (tape->tell_input(inputs), ...);
  return any;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
