#pragma once

#include "tape_state.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// Refers to a parameter and keeps it alive: what optimizers hold and `parameters()` returns.
template <class T>
class ParameterRef {
 public:
  using Element = T;

  const Tensor<T>& value() const { return state().value; }
  const Shape& shape() const { return value().shape(); }
  Index size() const { return value().size(); }
  /// Replaces the value; throws ShapeError when the shape differs.
  void set_value(const Tensor<T>& value, Location where = Location::current()) const {
    require<ShapeError>(value.shape() == shape(), "set_value: the parameter is ", shape(), ", the new value is ",
                        value.shape(), ": give a value of the parameter's shape, or make a new parameter", where);
    state().value = value.unrecorded();
    state().fresh = false;
  }
  /// Sets a starting value, which a Sequential may replace by one that suits the activation that follows.
  void initialize(const Tensor<T>& value) const {
    set_value(value);
    state().fresh = true;
  }
  bool is_fresh() const { return state().fresh; }
  /// The gradient gathered since the last zero_grad; zeros when none has arrived.
  Tensor<T> grad() const {
    const Slot<T>& slot = state().gradient;
    return slot.filled ? slot.value.unrecorded() : Tensor<T>::zeros(shape());
  }
  /// Whether a backward has reached this parameter since the last zero_grad.
  bool has_grad() const { return state().gradient.filled; }
  /// Forgets the gradient; its buffer is written over by the next one.
  void zero_grad() const { state().gradient.filled = false; }
  bool requires_grad() const { return state().requires_grad; }
  /// A parameter that does not require a gradient is a constant to the tape: frozen.
  void set_requires_grad(bool required) const { state().requires_grad = required; }

  /// The value as the recording tape sees it: what is computed from it can be differentiated.
  Tensor<T> to_tensor() const {
    Tensor<T> result = value();
    if (TapeState* tape = recording_tape(); tape != nullptr && state_->requires_grad)
      result.set_link(tape->link_to(tape->template add<LeafNode<T>>(tape->last_leaf, state_)));
    return result;
  }

  /// For optimizers and the tape: value and gradient to work on in place.
  ParameterState<T>& state() const {
    require<GradientError>(state_ != nullptr, "parameter: it was moved from: use the one it was moved to");
    return *state_;
  }
  /// Whether both refer to one parameter (== compares the numbers).
  bool same_as(const ParameterRef& other) const { return state_ == other.state_; }

 protected:
  explicit ParameterRef(std::shared_ptr<ParameterState<T>> state) : state_(std::move(state)) {}

  std::shared_ptr<ParameterState<T>> state_;
};

/// A leaf to differentiate with respect to: an identity with a value and a gradient. Moving keeps the identity, copying
/// makes a new parameter with the same value and no gradient.
template <class T>
class Parameter : public ParameterRef<T> {
 public:
  Parameter() : Parameter(Tensor<T>()) {}
  explicit Parameter(const Tensor<T>& value)
      : ParameterRef<T>(std::make_shared<ParameterState<T>>(ParameterState<T>{value.unrecorded()})) {}
  Parameter(const Parameter& other)
      : ParameterRef<T>(std::make_shared<ParameterState<T>>(
            ParameterState<T>{other.value(), Slot<T>{{}, false, true}, other.requires_grad(), other.is_fresh()})) {}
  Parameter(Parameter&&) noexcept = default;
  Parameter& operator=(const Parameter& other) {
    if (this != &other) *this = Parameter(other);
    return *this;
  }
  Parameter& operator=(Parameter&&) noexcept = default;

  /// Starts anew as a parameter of this value and shape.
  void initialize_as(const Tensor<T>& value) {
    *this = Parameter(value);
    this->state().fresh = true;
  }
};

}  // namespace eigengrad::inline EIGENGRAD_ABI
