#pragma once

#include <vector>

#include "../autograd/engine/recorded.hpp"
#include "../core/pool_allocator.hpp"
#include "../core/tensor.hpp"
#include "../formula/formula.hpp"
#include "grad.hpp"

// Forward mode through records: each takes the tangents of its inputs to that of its output, in the order in which they
// were made. Formulas need no second set of rules: an element's derivative is a number, so their rules with a tangent
// in place of dy are it. Other records' rules are linear in dy, and are transposed one by one.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// While it lives, this thread records, even within NoGrad.
class RecordsAgain {
 public:
  RecordsAgain() : paused_(std::exchange(thread_state().paused, 0)) {}
  RecordsAgain(const RecordsAgain&) = delete;
  ~RecordsAgain() { thread_state().paused = paused_; }

 private:
  int paused_;
};

/// The tangents of a function's records, as they become known; a record without one does not depend on the inputs.
template <class T>
class Tangents {
 public:
  explicit Tangents(TapeState* tape) : tape_(tape) {}

  const Tensor<T>* find(const Node* node) const {
    if (node == nullptr || node->place >= known_.size() || known_[node->place].node != node) return nullptr;
    return &known_[node->place].tangent;
  }
  void set(Node* node, Tensor<T> tangent) {
    node->place = static_cast<std::uint32_t>(known_.size());
    known_.push_back({node, std::move(tangent)});
  }

  /// Takes the tangents through the records after `mark` up to `last`. False where one of them cannot be passed.
  bool push_through(const Node* mark, Node* last) {
    Nodes nodes;
    for (Node* node = last; node != nullptr && node != mark; node = node->previous) nodes.push_back(node);
    for (std::size_t i = nodes.size(); i-- > 0;)
      if (find(nodes[i]) == nullptr && depends(*nodes[i]) && !push(nodes[i])) return false;
    return true;
  }

 private:
  using Nodes = std::vector<Node*, PoolAllocator<Node*>>;
  struct Known {
    Node* node;
    Tensor<T> tangent;
  };
  struct Asked {
    const Tangents& tangents;
    bool found = false;
  };

  /// Whether one of the record's inputs has a tangent.
  bool depends(const Node& node) const {
    Asked asked{*this};
    node.visit_inputs(
        [](void* to, Node* input) {
          auto& self = *static_cast<Asked*>(to);
          self.found = self.found || self.tangents.find(input) != nullptr;
        },
        &asked);
    return asked.found;
  }
  bool push(Node* node) {
    switch (node->forward) {
      case Forward::transposed:
        return push_transposed(static_cast<OperationNode<T>*>(node));
      case Forward::formula:
        return push_formula(static_cast<FormulaNode<T>*>(node));
      case Forward::operation:
        return push_operation(static_cast<TracedNode<T>*>(node));
      case Forward::fitting:
        return push_fitting(static_cast<FittingNode<T>*>(node));
      case Forward::never:
        break;
    }
    return false;
  }

  bool push_formula(FormulaNode<T>* node) {
    const Node* mark = tape_->last;
    Tensor<T> y;
    {
      const RecordsAgain record;
      y = node->unfold();
    }
    Node* const top = node_on(tape_, y, "jvp");
    if (top == nullptr || !push_through(mark, top)) return top == nullptr;
    if (const Tensor<T>* tangent = find(top)) set(node, node->summed(*tangent));
    return true;
  }
  bool push_operation(TracedNode<T>* node) {
    Parts parts;
    for (int k = 0; k < node->count(); ++k) {
      const Tensor<T>* tangent = find(node->input(k));
      if (tangent == nullptr) continue;
      const Traced<T> part = node->part(k, *tangent);
      if (part.exists()) parts.add(recorded_expand(part.value(), node->shape()));
    }
    return parts.give(*this, node);
  }
  bool push_fitting(FittingNode<T>* node) {
    Parts parts;
    const Shape& shape = node->shape();
    for_each_input(node, [&](Node* input) {
      const Tensor<T>* tangent = find(input);
      if (tangent == nullptr) return;
      const Index from = tangent->size(), to = shape.size();
      const Tensor<T> fitting = from == to              ? recorded_reshape(*tangent, shape)
                                : from > 0 && from < to ? recorded_expand(*tangent, shape)
                                : to == 0               ? Tensor<T>::zeros(shape)
                                                        : recorded_sum_to(*tangent, shape);
      parts.add(recorded_quotient(fitting, node->divisor()));
    });
    return parts.give(*this, node);
  }
  /// J^T u, by the record's rules, is linear in u: its gradient in the direction of the tangents is J times them.
  bool push_transposed(OperationNode<T>* node) {
    Nodes inputs;
    for_each_input(node, [&](Node* input) { inputs.push_back(input); });
    if (Tensor<T> result; inputs.size() == 1 && node->done_to(*find(inputs[0]), result)) {
      set(node, std::move(result));
      return true;
    }
    std::vector<std::pair<Tensor<T>, const Tensor<T>*>, PoolAllocator<std::pair<Tensor<T>, const Tensor<T>*>>> pulled;
    Tensor<T> u = Tensor<T>::zeros(node->shape());
    {
      const RecordsAgain record;
      tape_->connect(u, tape_->template add<FittingNode<T>>(tape_->last, "input", u.shape(), nullptr));
      const OnlyInputs only(*this, *node, inputs);
      node->gathered().value = u;
      node->gathered().filled = true;
      node->propagate();
      for (Node* input : inputs) {
        const Tensor<T>* tangent = find(input);
        if (tangent == nullptr) continue;
        Slot<T>& slot = static_cast<OperationNode<T>*>(input)->gathered();
        if (!slot.filled) continue;  // no gradient arrives there, or it was taken for an input that is named twice
        pulled.emplace_back(whole(std::exchange(slot.value, Tensor<T>()), input->shape()), tangent);
        slot.filled = false;
      }
    }
    Parts parts;
    for (const auto& [gradient, tangent] : pulled)
      parts.add(pull_back<T>(tape_, gradient, *tangent, {u}, recording_tape() != nullptr)[0]);
    return parts.give(*this, node);
  }

  /// While it lives, of these inputs only those gather a gradient that have a tangent; afterwards they have none.
  class OnlyInputs {
   public:
    OnlyInputs(const Tangents& tangents, Node& node, const Nodes& inputs)
        : tangents_(tangents), node_(node), inputs_(inputs) {
      for (Node* input : inputs)
        if (input->wanted && tangents.find(input) == nullptr) {
          input->wanted = false;
          off_.push_back(input);
        }
    }
    OnlyInputs(const OnlyInputs&) = delete;
    ~OnlyInputs() {
      node_.forget_gradient();
      for (Node* input : inputs_)
        if (tangents_.find(input) != nullptr) input->forget_gradient();
      for (Node* input : off_) input->wanted = true;
    }

   private:
    const Tangents& tangents_;
    Node& node_;
    const Nodes& inputs_;
    Nodes off_;
  };
  /// What adds up to a tangent.
  struct Parts {
    Tensor<T> total;
    bool any = false;

    void add(const Tensor<T>& part) {
      total = any ? recorded_add(total, part) : part;
      any = true;
    }
    bool give(Tangents& to, Node* node) {
      if (any) to.set(node, std::move(total));
      return true;
    }
  };
  template <class Visit>
  static void for_each_input(const Node* node, Visit visit) {
    node->visit_inputs([](void* self, Node* input) { (*static_cast<Visit*>(self))(input); }, &visit);
  }

  TapeState* tape_;
  std::vector<Known, PoolAllocator<Known>> known_;
};

/// J v for a recorded function and one vector per input, recorded with `create_graph`. False where a record in between
/// cannot be passed forwards.
template <class T>
bool push_forward(const RecordedFunction<T>& recorded, const std::vector<Tensor<T>>& v, bool create_graph,
                  Tensor<T>& result) {
  TapeState* tape = recorded.tape().state();
  const Tensor<T>& y = recorded.value();
  TypedNode<T>* const top = node_on(tape, y, "jvp");
  const NoGrad pause(!create_graph);
  Tangents<T> tangents(tape);
  const Node* first = nullptr;
  for (std::size_t k = 0; k < v.size(); ++k) {
    Node* const input = node_on(tape, recorded.inputs()[k], "jvp");
    if (k == 0) first = input->previous;
    tangents.set(input, v[k]);
  }
  if (top != nullptr && !tangents.push_through(first, top)) return false;
  const Tensor<T>* found = tangents.find(top);
  result = found != nullptr ? *found : Tensor<T>::zeros(y.shape());
  return true;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
