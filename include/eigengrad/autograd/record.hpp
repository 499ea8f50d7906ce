#pragma once

#include <optional>
#include <tuple>

#include "contribute.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// One input of a recorded operation and the rule for its gradient: rule(dy) returns what to add to it, in the shape of
/// the input or one that broadcasting stretched it to.
template <class T, class Rule>
struct Edge {
  TapeLink link;
  Rule rule;
  TypedNode<T>* target = nullptr;
};

template <class Input, class Rule>
EIGENGRAD_INLINE auto wrt(const Input& input, Rule rule) {
  using T = typename Input::Element;
  const Tensor<T>& tensor = input.to_tensor();
  return Edge<T, Rule>{tensor.link(), std::move(rule)};
}

/// An operation with one rule per differentiable input.
template <class T, class... Edges>
class RecordNode final : public OperationNode<T> {
 public:
  RecordNode(const char* operation, const Shape& shape, Edges&... edges)
      : OperationNode<T>(operation, shape), edges_(std::in_place, std::move(edges)...) {}

  void propagate() override {
    const Tensor<T> dy = whole(this->take_gradient(), this->shape_);
    std::apply([&](auto&... edge) { (pass(edge, dy), ...); }, *edges_);
  }
  void release() override { edges_.reset(); }

 private:
  template <class E>
  static void pass(E& edge, const Tensor<T>& dy) {
    if (edge.target == nullptr) return;
    auto* slot = edge.target->slot();
    if (slot != nullptr) contribute(*slot, edge.target->shape(), edge.rule(dy));
  }

  std::optional<std::tuple<Edges...>> edges_;
};

/// Records an operation: its name, its value, and how the gradient flows to each input, as in
///   record("matmul", value, wrt(a, [=](const auto& dy) { return product(dy, b); }), wrt(b, ...)).
/// Returns the value, connected to the recording tape if one of the inputs is.
template <class T, class... Edges>
Tensor<T> record(const char* name, Tensor<T> value, Edges&&... edges) {
  value.set_link({});
  TapeState* tape = recording_tape();
  if (tape == nullptr) return value;
  const auto find = [&]<class E, class Rule>(Edge<E, Rule>& edge) { edge.target = node_on<E>(tape, edge.link, name); };
  (find(edges), ...);
  if (!((edges.target != nullptr) || ...)) return value;
  Node* node = tape->template add<RecordNode<T, std::decay_t<Edges>...>>(tape->last, name, value.shape(), edges...);
  ++tape->records;
  value.set_link(tape->link_to(node));
  return value;
}

/// Whether an operation on these tensors would be recorded; lets a hot operation skip making its rules.
template <class... Tensors>
EIGENGRAD_INLINE bool records(const char* name, const Tensors&... inputs) {
  const TapeState* tape = recording_tape();
  if (tape == nullptr) return false;
  bool any = false;
  ((any = node_on(tape, inputs, name) != nullptr || any), ...);  // each is asked, so that two mixed tapes are noticed
  return any;
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
