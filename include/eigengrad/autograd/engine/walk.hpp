#pragma once

#include <algorithm>
#include <vector>

#include "../../core/pool_allocator.hpp"
#include "../../core/tensor.hpp"
#include "recorded.hpp"

// The walk over the records, backwards.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of backward and gradient.
struct BackwardOptions {
  bool retain_graph = false;  // keep the records for another backward
  bool create_graph = false;  // record what backward computes, so that gradients can be differentiated; keeps too
};

/// After an error no half-gathered gradient stays behind.
struct ForgetGradients {
  Node* from;
  ~ForgetGradients() {
    for (; from != nullptr; from = from->previous) from->forget_gradient();
  }
};

/// Lets parameters know that copies of them have got gradients.
EIGENGRAD_COLD inline void tell_origins(const TapeState& tape) {
  for (Node* node = tape.last_leaf; node != nullptr; node = node->previous) {
    ParameterLeaf& leaf = *node->leaf();
    if (!leaf.lineage().is_copy()) continue;
    bool beside = false;
    for (const Node* other = tape.last_leaf; other != nullptr && !beside; other = other->previous)
      beside = leaf.lineage().descends_from(other->leaf()->lineage());
    leaf.tell_origin(beside);
  }
}

/// All or nothing: a walk that fails leaves every parameter's gradient as it was. Gradients that are there already are
/// kept, by a handle; who adds to one then makes a copy of it.
class KeptGradients {
 public:
  explicit KeptGradients(TapeState& tape) : tape_(tape) {
    for (Node* leaf = tape.last_leaf; leaf != nullptr; leaf = leaf->previous)
      if (leaf->reached()) [[unlikely]]
        keep(*leaf);
    if (tape.redirect != nullptr) return;  // gathered elsewhere
    tape.redirect = &appeared;
    tape.redirect_context = this;
  }
  KeptGradients(const KeptGradients&) = delete;
  ~KeptGradients() {
    if (tape_.redirect == &appeared) tape_.redirect = nullptr;
    if (!done_ || any_) [[unlikely]]
      end();
  }
  void done() { done_ = true; }

 private:
  EIGENGRAD_COLD void keep(Node& leaf) {
    leaf.leaf()->keep_gradient();
    any_ = true;
  }
  /// A parameter that is met on the way back only, as in a checkpoint: its gradient may be of before, or of this walk
  /// when it was met already.
  EIGENGRAD_COLD static void appeared(void* kept, Node* leaf) {
    if (!leaf->reached()) return;
    static_cast<KeptGradients*>(kept)->keep(*leaf);
    for (const Node* older = leaf->previous; older != nullptr; older = older->previous)
      if (older->leaf()->parameter() == leaf->leaf()->parameter()) return leaf->leaf()->leave_gradient_alone();
  }
  EIGENGRAD_COLD void end() {
    for (Node* leaf = tape_.last_leaf; leaf != nullptr; leaf = leaf->previous)
      done_ ? leaf->leaf()->drop_kept_gradient() : leaf->leaf()->restore_gradient();
  }

  TapeState& tape_;
  bool done_ = false, any_ = false;
};

/// Walks the records backwards from `root`, which gets `seed`; the tape's observer looks on.
template <class T>
void walk(TapeState& tape, TypedNode<T>& root, Tensor<T> seed, BackwardOptions options) {
  TapeObserver* const observer = tape.observer;
  KeptGradients kept(tape);
  ForgetGradients forget{&root};
  struct Observed {
    TapeObserver* observer;
    ~Observed() {
      if (observer != nullptr) observer->end_backward();
    }
  } observed{observer};
  if (observer != nullptr) [[unlikely]]
    observer->begin_backward(root, AnyNumbers::of(seed));
  const NoGrad pause(!options.create_graph);
  if (Slot<T>* slot = root.slot()) contribute(*slot, root.shape(), std::move(seed));
  for (Node* node = root.leaf() != nullptr ? nullptr : &root; node != nullptr; node = node->previous) {
    if (!node->reached()) continue;
    if (observer != nullptr) [[unlikely]]
      observer->propagate(*node);
    else
      node->propagate();
    if (options.retain_graph || options.create_graph) continue;
    node->release();
    node->released = true;
  }
  forget.from = nullptr;
  kept.done();
  if (tape.has_copies) [[unlikely]]
    tell_origins(tape);
}

/// Switches off, while it lives, every record that leads from `root` to none of the inputs: what remains is what the
/// gradients with respect to the inputs need. An input that was computed after `root` stays out.
EIGENGRAD_LAZY class OnlyTowards {
 public:
  OnlyTowards(Node* root, const std::vector<Delayed<Node*, Lazy>>& inputs) {
    std::size_t missing = inputs.size();
    const auto is_input = [&](const Node* node) {
      return std::find(inputs.begin(), inputs.end(), node) != inputs.end();
    };
    for (Node* node = root; node != nullptr && missing > 0; node = node->previous) {
      nodes_.push_back(node);
      if (is_input(node)) --missing;
    }
    const std::size_t count = nodes_.size();
    for (std::size_t i = 0; i < count; ++i) set(nodes_[i], false);
    // What is still on lies before them all.
    for (std::size_t i = 0; i < count; ++i)
      nodes_[i]->visit_inputs(
          [](void* self, Node* input) {
            if (input->wanted) static_cast<OnlyTowards*>(self)->set(input, false);
          },
          this);
    for (std::size_t i = count; i-- > 0;) {
      bool leads = is_input(nodes_[i]);
      nodes_[i]->visit_inputs([](void* any, Node* input) { *static_cast<bool*>(any) |= input->wanted; }, &leads);
      nodes_[i]->wanted = leads;
    }
  }
  OnlyTowards(const OnlyTowards&) = delete;
  ~OnlyTowards() {
    for (std::size_t i = saved_.size(); i-- > 0;) saved_[i].first->wanted = saved_[i].second;
  }
  /// The records from root back to the oldest input.
  const auto& nodes() const { return nodes_; }

 private:
  void set(Node* node, bool wanted) {
    saved_.push_back({node, node->wanted});
    node->wanted = wanted;
  }
  using Saved = std::pair<Delayed<Node*, Lazy>, bool>;
  std::vector<Delayed<Node*, Lazy>, PoolAllocator<Delayed<Node*, Lazy>>> nodes_;
  std::vector<Saved, PoolAllocator<Saved>> saved_;
};

/// The vector-Jacobian product of `root` with `seed` with respect to recorded tensors, which need not be parameters and
/// whose .grad() nothing is added to: one gradient per input, zeros where none arrives. The records are kept.
template <class T>
std::vector<Tensor<T>> pull_back(TapeState* tape, const Tensor<T>& root, const Tensor<T>& seed,
                                 const std::vector<Tensor<T>>& inputs, bool create_graph) {
  if (thread_state().replay_plan != nullptr) [[unlikely]] {  // to be replayed, it is done by operations
    create_graph = create_graph || recording_tape() == tape;
    if (!create_graph)
      forbid_in_replay("gradient", "its records lie on a tape that is not recording: take the gradient where they are");
  }
  std::vector<Delayed<Node*, T>> targets;
  targets.reserve(inputs.size());
  std::vector<Tensor<T>> gradients(inputs.size());
  std::vector<Delayed<bool, T>> found(inputs.size(), false);
  for (const Tensor<T>& input : inputs) targets.push_back(node_on(tape, input, "gradient"));
  if (TypedNode<T>* top = node_on(tape, root, "gradient")) {
    const OnlyTowards<> only(top, targets);
    ForgetGradients forget{top};
    const NoGrad pause(!create_graph);
    if (Slot<T>* slot = top->slot()) contribute(*slot, root.shape(), seed);
    for (Node* node : only.nodes()) {
      if (!node->reached()) continue;
      for (std::size_t k = 0; k < inputs.size(); ++k)
        if (targets[k] == node) {
          gradients[k] = expanded_to(static_cast<OperationNode<T>*>(node)->gathered().value, inputs[k].shape());
          found[k] = true;
        }
      node->propagate();
    }
  }
  for (std::size_t k = 0; k < inputs.size(); ++k)
    if (!found[k]) gradients[k] = Tensor<T>::zeros(inputs[k].shape());
  return gradients;
}

// Compiled: void walk(TapeState&, TypedNode<T>&, Tensor<T>, BackwardOptions)
// Compiled once: class OnlyTowards<>
}}  // namespace eigengrad::EIGENGRAD_ABI
