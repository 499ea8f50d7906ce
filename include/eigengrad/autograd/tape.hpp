#pragma once

#include "../core/tensor.hpp"
#include "engine/walk.hpp"
#include "inspect/table.hpp"
#include "parameter.hpp"

// The tape: records, and walks back.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Records what this thread evaluates while it lives; the innermost tape records. Without one nothing is recorded.
/// `tape.backward(loss)` walks the records backwards and adds each parameter's gradient to its .grad().
class Tape {
 public:
  Tape() : state_(TapeStates::take()) {
    while (innermost_tape() != nullptr && innermost_tape()->abandoned.load(std::memory_order_acquire))
      TapeStates::end_abandoned();
    state_->recorder = &thread_state();
    state_->outer = static_cast<TapeState*>(std::exchange(thread_state().innermost, state_));
    state_->paused_outside = std::exchange(thread_state().paused, 0);
  }
  /// Tape tape({.detect_anomaly = true}), {.profile = true}, {.keep_values = true}: looks on while it records.
  EIGENGRAD_LAZY explicit Tape(const TapeOptions& options) : Tape() {
    if (options.detect_anomaly || options.profile || options.keep_values)
      state_->observer = new Watch<>(*state_, options);
  }
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;
  /// On another thread than the one that records, which may be recording now, what was recorded is left to that one:
  /// its next tape drops it.
  ~Tape() {
    if (stops_here()) {
      leave();
      TapeStates::reuse(state_);
    } else {
      state_->abandoned.store(true, std::memory_order_release);
    }
  }
  /// Records no more, but keeps what was recorded; the tape around it records again. Throws GradientError on another
  /// thread than the one that records.
  void stop() {
    require<GradientError>(stops_here(), "tape.stop: another thread is recording on this tape: stop it there");
    leave();
  }

  /// The number of records.
  Index size() const { return state_->records; }
  /// The operations' names, oldest first.
  EIGENGRAD_LAZY std::vector<std::string> operations() const {
    std::vector<Delayed<std::string, Lazy>> names;
    for (const Node* node = state_->last; node != nullptr; node = node->previous) names.emplace_back(node->name);
    std::reverse(names.begin(), names.end());
    return names;
  }

  /// Names of the parameters that were computed with here, but have no gradient: p0, p1 ... where they have no name.
  EIGENGRAD_LAZY std::vector<std::string> parameters_without_gradient() const {
    return eigengrad::parameters_without_gradient(*state_);
  }
  /// What each record took; throws GradientError unless this is a Tape tape({.profile = true}).
  EIGENGRAD_LAZY Profile profile(Location where = Location::current()) const { return profile_of(*state_, where); }
  /// For prints and pictures.
  const TapeState& state() const { return *state_; }

  /// Gradients of `loss`, which has one element, with respect to the parameters it was computed from; added to .grad().
  /// Throws GradientError for a loss that was not recorded here, has more elements, or whose records were released.
  template <class L>
  EIGENGRAD_OUTLINE void backward(const L& loss, BackwardOptions options = {}, Location where = Location::current()) {
    using T = typename L::Element;
    const Tensor<T>& root = Tensor<T>::evaluated(loss, where);
    require<GradientError>(root.size() == 1, "backward: shape ", root.shape(), " has ", root.size(),
                           " elements: reduce it to one by sum or mean, or give a seed of its shape", where);
    Tensor<T> seed = Tensor<T>::ones(root.shape());
    TypedNode<T>* node = checked_root(root, seed, options, where);
    walk(*state_, *node, std::move(seed), options);
  }
  /// The same from any tensor, weighting its elements by `seed` of its shape: the vector-Jacobian product.
  template <class L>
  void backward(const L& output, const Tensor<typename L::Element>& seed, BackwardOptions options = {},
                Location where = Location::current()) {
    using T = typename L::Element;
    const Tensor<T>& root = Tensor<T>::evaluated(output, where);
    walk(*state_, *checked_root(root, seed, options, where), seed, options);
  }
  /// tape.backward(loss, {}): options, not a seed.
  enum class NoOptions {};
  template <class L>
  void backward(const L& loss, NoOptions, Location where = Location::current()) {
    backward(loss, BackwardOptions(), where);
  }

  /// Gradients with respect to `parameters` in their order, without touching any .grad(); zeros where none arrives.
  template <class L, class Parameters>
  auto gradient(const L& loss, const Parameters& parameters, BackwardOptions options = {},
                Location where = Location::current()) {
    using T = typename L::Element;
    const Tensor<T>& root = Tensor<T>::evaluated(loss, where);
    require<GradientError>(root.size() == 1, "gradient: shape ", root.shape(), " has ", root.size(),
                           " elements: reduce it to one by sum or mean", where);
    const Tensor<T> seed = Tensor<T>::ones(root.shape());
    TypedNode<T>* node = checked_root(root, seed, options, where);
    if constexpr (requires { parameters.state(); }) {
      return std::move(gather<T>(*node, seed, &parameters, &parameters + 1, options).front());
    } else {
      return gather<T>(*node, seed, std::begin(parameters), std::end(parameters), options);
    }
  }
  /// Of parameters named one by one: gradient(loss, {w, b}).
  template <class L>
  auto gradient(const L& loss, std::initializer_list<ParameterRef<typename L::Element>> parameters,
                BackwardOptions options = {}, Location where = Location::current()) {
    return gradient(loss, std::span(parameters.begin(), parameters.size()), options, where);
  }

 private:
  bool stops_here() const { return state_->recorder == nullptr || state_->recorder == &thread_state(); }
  void leave() {
    TapeState* inner = nullptr;
    for (TapeState* tape = innermost_tape(); tape != nullptr; inner = std::exchange(tape, tape->outer))
      if (tape == state_) {
        if (inner != nullptr)
          inner->outer = state_->outer;
        else
          thread_state().innermost = state_->outer;
        (inner != nullptr ? inner->paused_outside : thread_state().paused) = state_->paused_outside;
        break;
      }
    state_->outer = nullptr;
    state_->recorder = nullptr;
  }
  template <class T>
  TypedNode<T>* checked_root(const Tensor<T>& root, const Tensor<T>& seed, BackwardOptions options, Location where) {
    forbid_in_replay("backward", "the step's own backward comes after it; for gradients inside take eg::grad", where);
    const TapeLink& link = root.link();
    require<GradientError>(link.node != nullptr, "backward: this tensor of shape ", root.shape(),
                           " was not recorded: compute it from a Parameter while this tape lives, and do not write to "
                           "it; a number read by t(i, j) or item() is a constant, where element(t, i, j) is recorded",
                           thread_state().paused != 0 ? "; recording is paused now: a NoGrad of this thread lives" : "",
                           where);
    require<GradientError>(link.tape == state_ && link.serial == state_->serial.load(std::memory_order_relaxed),
                           "backward: this tensor of shape ", root.shape(),
                           " was recorded by another tape: call backward on that one while it lives", where);
    require<ShapeError>(seed.shape() == root.shape(), "backward: the output is ", root.shape(), ", the seed is ",
                        seed.shape(), ": give a seed of the output's shape", where);
    require<GradientError>(!options.create_graph || recording_tape() == state_,
                           "backward: create_graph records on this tape, but ",
                           recording_tape() == nullptr ? "recording is paused" : "a tape begun later is recording",
                           ": end the NoGrad or the inner tape first", where);
    return static_cast<TypedNode<T>*>(static_cast<Node*>(link.node));
  }

  template <class T, class Iterator>
  std::vector<Tensor<T>> gather(TypedNode<T>& root, const Tensor<T>& seed, Iterator first, Iterator last,
                                BackwardOptions options) {
    using Slots = std::vector<std::pair<ParameterState<T>*, Slot<T>>>;
    Slots gathered;
    for (Iterator i = first; i != last; ++i) gathered.push_back({&i->state(), Slot<T>{{}, false, true}});
    const auto redirect = [](void* context, Node* node) {
      ParameterLeaf& leaf = *node->leaf();
      leaf.gather_in(nullptr);  // what is not asked for is gathered nowhere
      for (auto& [parameter, slot] : *static_cast<Slots*>(context))
        if (parameter == leaf.parameter()) leaf.gather_in(&slot);
    };
    struct Restore {
      TapeState* tape;
      ~Restore() {
        tape->redirect = nullptr;
        for (Node* leaf = tape->last_leaf; leaf != nullptr; leaf = leaf->previous) leaf->leaf()->gather_in_parameter();
      }
    } restore{state_};
    for (Node* leaf = state_->last_leaf; leaf != nullptr; leaf = leaf->previous) redirect(&gathered, leaf);
    state_->redirect = redirect;
    state_->redirect_context = &gathered;
    walk(*state_, root, seed, options);
    std::vector<Tensor<T>> gradients;
    if (state_->has_copies) [[unlikely]]
      for (auto& [parameter, slot] : gathered)
        require<GradientError>(!copy_stands_in_for(*parameter), "gradient: a parameter of shape ",
                               parameter->value.shape(), " was not computed with, but ", reached_copy);
    for (auto& [parameter, slot] : gathered)
      gradients.push_back(slot.filled ? std::move(slot.value) : Tensor<T>::zeros(parameter->value.shape()));
    return gradients;
  }

  /// Whether this parameter appeared nowhere here, but a copy of it did.
  template <class T>
  EIGENGRAD_COLD bool copy_stands_in_for(const ParameterState<T>& parameter) const {
    bool copied = false;
    for (const Node* node = state_->last_leaf; node != nullptr; node = node->previous) {
      if (node->leaf()->parameter() == &parameter) return false;
      copied = copied || node->leaf()->lineage().descends_from(parameter.lineage);
    }
    return copied;
  }

  TapeState* state_;
};

/// Writes the records as a table, the oldest first, and below it which parameters have no gradient after a backward.
EIGENGRAD_LAZY void append(std::string& text, const Tape& tape) { append_table(text, tape.state()); }
template <class C, class Traits>
std::basic_ostream<C, Traits>& operator<<(std::basic_ostream<C, Traits>& out, const Tape& tape) {
  const std::string text = to_text(tape);
  return out << std::basic_string<C, Traits>(text.begin(), text.end());
}

}}  // namespace eigengrad::EIGENGRAD_ABI
