#pragma once

#include "tape_state.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// While it lives, tensors stand in for parameters on this thread: what is computed from a parameter is computed from
/// its tensor. So a model becomes a function of its parameters.
class StandIns {
 public:
  struct Entry {
    const void* parameter;
    const void* tensor;
  };
  template <class Parameters, class T>
  StandIns(const Parameters& parameters, const std::vector<Tensor<T>>& tensors)
      : outer_(std::exchange(thread_state().stand_ins, this)) {
    for (std::size_t k = 0; k < tensors.size(); ++k) entries_.push_back({&parameters[k].state(), &tensors[k]});
  }
  StandIns(const StandIns&) = delete;
  ~StandIns() { thread_state().stand_ins = outer_; }

  EIGENGRAD_COLD static const void* find(const void* parameter) {
    for (const StandIns* list = thread_state().stand_ins; list != nullptr; list = list->outer_)
      for (const Entry& entry : list->entries_)
        if (entry.parameter == parameter) return entry.tensor;
    return nullptr;
  }

 private:
  const StandIns* outer_;
  std::vector<Entry> entries_;
};

/// A tensor and the record it comes from on the tape that records, null for a constant.
template <class T>
struct Appearance {
  const Tensor<T>& tensor;
  TypedNode<T>* node;
};
template <class T>
EIGENGRAD_INLINE Appearance<T> appearance_of(const Tensor<T>& tensor, const char* operation) {
  const TapeState* tape = recording_tape();
  return {tensor, tape != nullptr ? node_on(tape, tensor, operation) : nullptr};
}

/// Refers to a parameter and keeps it alive: what optimizers hold and `parameters()` returns.
template <class T>
class ParameterRef {
 public:
  using Element = T;

  template <std::same_as<Tensor<T>> E>
  ParameterRef(const E&) = delete;       // a tensor is a constant: make it a Parameter<T> w(tensor), and list w
  operator T() const = delete;           // its only number: w.value().item()
  void operator-=(auto) const = delete;  // to change it: w.set_value(w.value() - change), or let an optimizer

  const Tensor<T>& value() const { return state().value; }
  const Shape& shape() const { return value().shape(); }
  Index size() const { return value().size(); }
  /// Replaces the value; throws ShapeError when the shape differs.
  EIGENGRAD_OUTLINE void set_value(const Tensor<T>& value, Location where = Location::current()) const {
    require<ShapeError>(value.shape() == shape(), "set_value: the parameter is ", shape(), ", the new value is ",
                        value.shape(), ": give a value of the parameter's shape, or make a new parameter", where);
    state().value = value.unrecorded();
    state().fresh = false;
    state().start = {};
  }
  /// Sets a starting value, which a Sequential may replace by one that suits the activation that follows.
  void initialize(const Tensor<T>& value) const {
    set_value(value);
    state().fresh = true;
  }
  /// Draws a starting value; where one was drawn before, from the same stream of random numbers, so that no other
  /// changes.
  EIGENGRAD_OUTLINE void draw(const WeightInitializer<T>& initializer) const {
    const DrawnStart<T>& before = state().start;
    draw_from({initializer, before.by.draw != nullptr ? before.from : default_generator().branch()});
  }
  EIGENGRAD_OUTLINE void draw_from(const DrawnStart<T>& start) const {
    Generator generator(start.from);
    initialize(start.by.draw(shape(), start.by.gain, generator));
    state().start = start;
  }
  bool is_fresh() const { return state().fresh; }
  /// The gradient gathered since the last zero_grad; zeros when none has arrived. After a backward with
  /// {.create_graph = true} it is recorded and can be differentiated again.
  Tensor<T> grad() const {
    const Slot<T>& slot = state().gradient;
    return slot.filled ? slot.value : Tensor<T>::zeros(shape());
  }
  /// The name that prints and pictures of a tape show; empty when it has none.
  std::string name() const { return state().name.get(); }
  void set_name(const std::string& name) const { state().name.set(name); }
  /// Whether a backward has reached this parameter since the last zero_grad.
  bool has_grad() const { return state().gradient.filled; }
  /// Forgets the gradient; its buffer is written over by the next one.
  void zero_grad() const { state().gradient.filled = false; }
  bool requires_grad() const { return state().requires_grad; }
  /// A parameter that does not require a gradient is a constant to the tape: frozen.
  void set_requires_grad(bool required) const { state().requires_grad = required; }

  /// The value as the recording tape sees it: what is computed from it can be differentiated.
  Tensor<T> to_tensor() const {
    if (const Tensor<T>* tensor = stand_in()) return *tensor;
    TypedNode<T>* leaf = make_leaf();
    return leaf != nullptr ? value().linked(recording_tape()->link_to(leaf)) : value();
  }
  /// The same for an operation that can do without a tensor of its own: the bare value, and the record behind it.
  Appearance<T> appear(const char* operation) const {
    if (const Tensor<T>* tensor = stand_in()) return appearance_of(*tensor, operation);
    return {value(), make_leaf()};
  }

  /// For optimizers and the tape: value and gradient to work on in place.
  ParameterState<T>& state() const {
    require<GradientError>(state_.get() != nullptr, "parameter: it was moved from: use the one it was moved to");
    return *state_.get();
  }
  /// Whether both refer to one parameter (== compares the numbers).
  bool same_as(const ParameterRef& other) const { return state_.get() == other.state_.get(); }

 protected:
  explicit ParameterRef(ParameterHandle<T> state) : state_(std::move(state)) {}

  ParameterHandle<T> state_;

 private:
  const Tensor<T>* stand_in() const {
    if (thread_state().stand_ins == nullptr) [[likely]]
      return nullptr;
    return static_cast<const Tensor<T>*>(StandIns::find(state_.get()));
  }
  /// Its record on the tape; null where nothing is recorded, or no gradient wanted.
  TypedNode<T>* make_leaf() const {
    TapeState* tape = recording_tape();
    if (tape == nullptr || !state().requires_grad) return nullptr;
    auto* leaf = tape->template add<LeafNode<T>>(tape->last_leaf, state_);
    if (tape->redirect != nullptr) [[unlikely]]
      tape->redirect(tape->redirect_context, leaf);
    return leaf;
  }
};

/// A leaf to differentiate with respect to: an identity with a value and a gradient. Moving keeps the identity, copying
/// makes a new parameter with the same value and no gradient.
template <class T>
class Parameter : public ParameterRef<T> {
 public:
  Parameter() : Parameter(Tensor<T>()) {}
  explicit Parameter(const Tensor<T>& value)
      : ParameterRef<T>(ParameterHandle<T>(new ParameterState<T>{value.unrecorded()})) {}
  template <std::same_as<Tensor<T>> E>
  Parameter(const E&) = delete;  // becomes one only where that is said: Parameter<T> w(tensor)
  template <std::same_as<Tensor<T>> E>
  Parameter& operator=(const E&) = delete;  // another value: w.set_value(tensor)
  Parameter(const Tensor<T>& value, const std::string& name) : Parameter(value) { this->set_name(name); }
  Parameter(const Parameter& other)
      : ParameterRef<T>(
            ParameterHandle<T>(new ParameterState<T>{other.value(), Slot<T>{{}, false, true}, other.requires_grad(),
                                                     other.is_fresh(), other.state().start, other.state().name})) {}
  Parameter(Parameter&&) noexcept = default;
  Parameter& operator=(const Parameter& other) {
    if (this != &other) *this = Parameter(other);
    return *this;
  }
  Parameter& operator=(Parameter&&) noexcept = default;

  /// Starts anew as a parameter of this value and shape.
  EIGENGRAD_OUTLINE void initialize_as(const Tensor<T>& value) {
    *this = Parameter(value);
    this->state().fresh = true;
  }
  /// The same with a value drawn by `initializer`. In a Sequential it depends on the seed and on the order of layers,
  /// whatever order the compiler makes them in.
  EIGENGRAD_OUTLINE void initialize_as(const Shape& shape, const WeightInitializer<T>& initializer,
                                       Generator& generator = default_generator()) {
    *this = Parameter(Tensor<T>::empty(shape));
    this->draw_from({initializer, generator.branch()});
  }
};

}  // namespace eigengrad::inline EIGENGRAD_ABI
