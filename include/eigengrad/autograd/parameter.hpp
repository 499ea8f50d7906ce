#pragma once

#include "../core/tensor.hpp"
#include "engine/tape_state.hpp"

// What is learned: leaves with an identity, a value and a gradient.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What happened where a gradient is missing because it went to a copy, and how to mend it.
inline constexpr const char* reached_copy =
    "a copy of it was differentiated: copying a Parameter, or a model, makes new parameters, whose gradients stay with "
    "them; take it by reference (auto&, const auto&), capture it by reference ([&]), keep ParameterRefs or pointers in "
    "lists, or ask the copy for its gradient";

/// Hears which parameters a function reads (transform/checkpoint.hpp).
struct ParameterNotes {
  virtual bool has(const void* parameter) const = 0;
  /// One more, by the address of its ParameterHandle; `standing` is the tensor that stands for it, null where none
  /// does.
  virtual void add(const void* handle, const char* number_type, const void* standing) = 0;

 protected:
  ~ParameterNotes() = default;
};

/// While it lives, tensors stand in for parameters on this thread: what is computed from a parameter is computed from
/// its tensor. So a model becomes a function of its parameters.
class StandIns : public AnyStandIns {
 public:
  struct Entry {
    const void* parameter;
    const void* tensor;
    const Lineage* lineage;
    mutable bool used = false, copy_used = false;
  };
  template <class Parameters, class T>
  StandIns(const Parameters& parameters, const std::vector<Tensor<T>>& tensors) : StandIns(tensors.size()) {
    for (std::size_t k = 0; k < tensors.size(); ++k)
      entries_[k] = {&parameters[k].state(), &tensors[k], &parameters[k].state().lineage};
  }
  template <class Entries>
    requires requires(const Entries& entries) { entries.size(); }
  explicit StandIns(const Entries& entries) : StandIns(entries.size()) {
    std::copy(entries.begin(), entries.end(), entries_);
  }
  /// Notes what is read, and changes nothing.
  explicit StandIns(ParameterNotes* notes) : outer_(innermost()), notes_(notes) { thread_state().stand_ins = this; }
  StandIns(const StandIns&) = delete;
  ~StandIns() {
    thread_state().stand_ins = outer_;
    delete[] entries_;
  }

  EIGENGRAD_COLD static const void* find(const void* parameter, const Lineage& lineage) {
    for (const StandIns* list = innermost(); list != nullptr; list = list->outer_)
      for (const Entry& entry : *list)
        if (entry.parameter == parameter) {
          entry.used = true;
          return entry.tensor;
        }
    for (const StandIns* list = lineage.is_copy() ? innermost() : nullptr; list != nullptr; list = list->outer_)
      for (const Entry& entry : *list) entry.copy_used = entry.copy_used || lineage.descends_from(*entry.lineage);
    return nullptr;
  }
  /// Where it is to be noted that a parameter is read, if anywhere, and has not been yet.
  EIGENGRAD_COLD static ParameterNotes* notes_for(const void* parameter) {
    for (const StandIns* list = innermost(); list != nullptr; list = list->outer_) {
      for (const Entry& entry : *list)
        if (entry.parameter == parameter) return nullptr;
      if (list->notes_ == nullptr) continue;
      return list->notes_->has(parameter) ? nullptr : list->notes_;
    }
    return nullptr;
  }
  /// Throws GradientError where a copy was computed with in place of a parameter.
  EIGENGRAD_LAZY void require_no_copies(const char* operation) const {
    for (const Entry& entry : *this)
      require<GradientError>(entry.used || !entry.copy_used, operation, ": parameter ", &entry - entries_,
                             " of the list was not computed with, but ", reached_copy);
  }

 private:
  explicit StandIns(std::size_t count) : outer_(innermost()), entries_(new Entry[count]), count_(count) {
    thread_state().stand_ins = this;
  }
  static const StandIns* innermost() { return static_cast<const StandIns*>(thread_state().stand_ins); }
  const Entry* begin() const { return entries_; }
  const Entry* end() const { return entries_ + count_; }

  const StandIns* outer_;
  Entry* entries_ = nullptr;
  std::size_t count_ = 0;
  ParameterNotes* notes_ = nullptr;
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

/// A parameter's record on a tape.
template <class T>
TypedNode<T>* add_leaf(TapeState* tape, const ParameterHandle<T>& parameter) {
  auto* leaf = tape->template add<LeafNode<T>>(tape->last_leaf, parameter);
  if (parameter->lineage.is_copy()) [[unlikely]]
    tape->has_copies = true;
  if (tape->redirect != nullptr) [[unlikely]]
    tape->redirect(tape->redirect_context, leaf);
  return leaf;
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

  const Tensor<T>& value() const {
    const ParameterState<T>& parameter = state();
    if (thread_state().replay_plan != nullptr) [[unlikely]]
      tell_plan();
    return parameter.value;
  }
  const Shape& shape() const { return state().value.shape(); }
  Index size() const { return state().value.size(); }
  /// Replaces the value; throws ShapeError when the shape differs.
  EIGENGRAD_COLD void set_value(const Tensor<T>& value, Location where = Location::current()) const {
    forbid_in_replay("set_value", "give the parameter its value before the step or after it", where);
    require<ShapeError>(value.shape() == shape(), "set_value: the parameter is ", shape(), ", the new value is ",
                        value.shape(), ": give a value of the parameter's shape, or make a new parameter", where);
    state().value = kernel_access(value).unrecorded();
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
  EIGENGRAD_COLD void draw(const WeightInitializer<T>& initializer) const {
    const DrawnStart<T>& before = state().start;
    draw_from({initializer, before.by.draw != nullptr ? before.from : default_generator().branch()});
  }
  EIGENGRAD_COLD void draw_from(const DrawnStart<T>& start) const {
    Generator generator(start.from);
    initialize(start.by.draw(shape(), start.by.gain, generator));
    state().start = start;
  }
  bool is_fresh() const { return state().fresh; }
  /// The gradient gathered since the last zero_grad; zeros when none has arrived. After a backward with
  /// {.create_graph = true} it is recorded and can be differentiated again. Throws GradientError when none has arrived
  /// because a copy of this parameter was differentiated instead.
  Tensor<T> grad(Location where = Location::current()) const {
    forbid_in_replay("grad", "the gradient that was gathered before is no input of the step: pass it in as one");
    const Slot<T>& slot = state().gradient;
    if (state().lineage.has_copies()) require_all_here("grad", where);
    state().was_read = true;
    if (slot.filled) return slot.value;
    return Tensor<T>::zeros(shape());
  }
  /// Gives it a gradient, in place of what was gathered: one made elsewhere, clipped, averaged over processes. Throws
  /// ShapeError when the shape differs.
  EIGENGRAD_OUTLINE void set_grad(const Tensor<T>& gradient, Location where = Location::current()) const {
    forbid_in_replay("set_grad", "give the parameter its gradient after the step", where);
    require<ShapeError>(gradient.shape() == shape(), "set_grad: the parameter is ", shape(), ", the gradient is ",
                        gradient.shape(), ": give one of the parameter's shape", where);
    state().gradient.value = kernel_access(gradient).unrecorded();
    state().gradient.filled = true;
    if (state().lineage.has_copies()) [[unlikely]]
      state().lineage.forget();
  }
  /// The name that prints and pictures of a tape show; empty when it has none.
  std::string name() const { return state().name.get(); }
  void set_name(const std::string& name) const { state().name.set(name); }
  /// Whether a backward has reached this parameter since the last zero_grad.
  bool has_grad() const { return state().gradient.filled; }
  /// Forgets the gradient; its buffer is written over by the next one.
  void zero_grad() const {
    forbid_in_replay("zero_grad", "a step that is replayed does not run it: call it before the step or after it");
    state().gradient.filled = false;
    if (state().lineage.has_copies()) [[unlikely]]
      state().lineage.forget();
  }
  /// Whether, since the last zero_grad, gradients went to copies of this parameter and not here. A copy that has an
  /// optimizer is meant as a parameter of its own, unless this one never had a gradient.
  bool copy_reached_instead() const { return !has_grad() && state().lineage.copy_reached(!state().was_reached()); }
  /// Throws GradientError naming `operation` when that is so, or a part of the gradient went to a copy that has ended.
  EIGENGRAD_COLD void require_all_here(const char* operation, Location where = {}) const {
    require<GradientError>(!copy_reached_instead(), operation, ": ", *this, " has no gradient, but ", reached_copy,
                           where);
    require<GradientError>(!state().lineage.copy_lost(), operation, ": ", *this,
                           " lacks a part of its gradient: in the same loss, ", reached_copy, where);
  }
  bool requires_grad() const { return state().requires_grad; }
  /// A parameter that does not require a gradient is a constant to the tape: frozen.
  void set_requires_grad(bool required) const {
    if (state().requires_grad == required) return;
    forbid_in_replay("set_requires_grad", "freeze or unfreeze before the step");
    state().requires_grad = required;
    state_.tell_change();
  }

  /// The value as the recording tape sees it: what is computed from it can be differentiated.
  Tensor<T> to_tensor() const {
    if (const Tensor<T>* tensor = stand_in()) return *tensor;
    TypedNode<T>* leaf = make_leaf();
    return leaf != nullptr ? kernel_access(value()).linked(recording_tape()->link_to(leaf)) : value();
  }
  /// The same for an operation that can do without a tensor of its own: the bare value, and the record behind it.
  Appearance<T> appear(const char* operation) const {
    if (const Tensor<T>* tensor = stand_in()) return appearance_of(*tensor, operation);
    const Tensor<T>& bare = value();  // there is a state
    TapeState* tape = recording_tape();
    return {bare, tape != nullptr && state_->requires_grad ? add_leaf(tape, state_) : nullptr};
  }

  /// For optimizers and the tape: value and gradient to work on in place.
  ParameterState<T>& state() const {
    require<GradientError>(state_.get() != nullptr, "parameter: it was moved from: use the one it was moved to");
    return *state_.get();
  }
  /// Whether both refer to one parameter (== compares the numbers).
  bool same_as(const ParameterRef& other) const { return state_.get() == other.state_.get(); }

  friend void append(std::string& text, const ParameterRef& parameter) {
    const std::string name = parameter.name();
    text += name.empty() ? to_text("a parameter of shape ", parameter.shape())
                         : to_text("parameter ", name, " of shape ", parameter.shape());
  }

 protected:
  explicit ParameterRef(ParameterHandle<T> state) : state_(std::move(state)) {}

  ParameterHandle<T> state_;

 private:
  EIGENGRAD_COLD void tell_plan() const {
    ReplayPlan& plan = *thread_state().replay_plan;
    state_->watched = true;
    if (!plan.knows(state_.get())) plan.reads_parameter(&state_, number_type_in_text<T>());
  }
  const Tensor<T>* stand_in() const {
    if (thread_state().stand_ins == nullptr) [[likely]]
      return nullptr;
    return find_stand_in();
  }
  EIGENGRAD_COLD const Tensor<T>* find_stand_in() const {
    const auto* found = static_cast<const Tensor<T>*>(StandIns::find(state_.get(), state_->lineage));
    if (ParameterNotes* notes = StandIns::notes_for(state_.get())) notes->add(&state_, number_type_in_text<T>(), found);
    return found;
  }
  /// Its record on the tape; null where nothing is recorded, or no gradient wanted.
  TypedNode<T>* make_leaf() const {
    TapeState* tape = recording_tape();
    if (tape == nullptr || !state().requires_grad) return nullptr;
    return add_leaf(tape, state_);
  }
};

/// A leaf to differentiate with respect to: an identity with a value and a gradient. Moving takes the identity along,
/// copying makes a new parameter of the same value without a gradient, and assigning a copy sets the value.
template <class T>
class Parameter : public ParameterRef<T> {
 public:
  Parameter() : Parameter(Tensor<T>()) {}
  explicit Parameter(const Tensor<T>& value)
      : ParameterRef<T>(ParameterHandle<T>(new ParameterState<T>{kernel_access(value).unrecorded()})) {}
  template <std::same_as<Tensor<T>> E>
  Parameter(const E&) = delete;  // becomes one only where that is said: Parameter<T> w(tensor)
  template <std::same_as<Tensor<T>> E>
  Parameter& operator=(const E&) = delete;  // another value: w.set_value(tensor)
  Parameter(const Tensor<T>& value, const std::string& name) : Parameter(value) { this->set_name(name); }
  EIGENGRAD_COLD Parameter(const Parameter& other)
      : ParameterRef<T>(ParameterHandle<T>(new ParameterState<T>{.value = other.value(),
                                                                 .requires_grad = other.requires_grad(),
                                                                 .fresh = other.is_fresh(),
                                                                 .start = other.state().start,
                                                                 .name = other.state().name,
                                                                 .lineage = Lineage(other.state().lineage)})) {}
  Parameter(Parameter&& other) noexcept : ParameterRef<T>(std::move(other)) { this->state_.tell_change(); }
  EIGENGRAD_OUTLINE ~Parameter() {
    disown();
    this->state_.tell_change();
  }
  /// Sets the value, so that an optimizer which holds this parameter goes on with it; the gradient is forgotten, name
  /// and requires_grad stay. For another shape this becomes a new parameter, a copy of `other`.
  EIGENGRAD_COLD Parameter& operator=(const Parameter& other) {
    if (this == &other) return *this;
    if (this->state_.get() == nullptr || !(this->shape() == other.shape())) return *this = Parameter(other);
    this->set_value(other.value());
    this->state().fresh = other.is_fresh();
    this->state().start = other.state().start;
    this->zero_grad();
    return *this;
  }
  Parameter& operator=(Parameter&& other) noexcept {
    if (this == &other) return *this;
    disown();
    ParameterRef<T>::operator=(std::move(other));
    return *this;
  }

  /// Starts anew as a parameter of this value and shape.
  EIGENGRAD_COLD void initialize_as(const Tensor<T>& value) {
    *this = Parameter(value);
    this->state().fresh = true;
  }
  /// The same with a value drawn by `initializer`. In a Sequential it depends on the seed and on the order of layers,
  /// whatever order the compiler makes them in.
  EIGENGRAD_COLD void initialize_as(const Shape& shape, const WeightInitializer<T>& initializer,
                                    Generator& generator = default_generator()) {
    *this = Parameter(Tensor<T>::empty(shape));
    this->draw_from({initializer, generator.branch()});
  }

 private:
  void disown() {
    if (this->state_.get() == nullptr) return;
    this->state_->has_owner.store(false, std::memory_order_relaxed);
    this->state_->tell_if_lost();
  }
};

// Compiled: class ParameterRef<T>
// Compiled: class Parameter<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
