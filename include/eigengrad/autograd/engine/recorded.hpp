#pragma once

#include "../../core/replay_tensors.hpp"
#include "contribute.hpp"

// What the engine itself does with gradients (add, stretch, sum back, reshape), as recorded operations: gradients of
// gradients flow through them. Each rule is another of these.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
Tensor<T> recorded_quotient(const Tensor<T>& x, T divisor);

/// The record of a reshape, a stretch, a sum over stretched axes, an addition or a multiple: dy, divided by the
/// divisor, goes to every input, in its shape.
template <class T>
class FittingNode final : public OperationNode<T> {
 public:
  FittingNode(const OperationName& operation, const Shape& shape, TypedNode<T>* first, TypedNode<T>* second = nullptr,
              T divisor = T(1))
      : OperationNode<T>(operation, shape), targets_{first, second}, divisor_(divisor) {
    this->forward = Forward::fitting;
  }
  T divisor() const { return divisor_; }
  void propagate() override {
    const Tensor<T> dy = recorded_quotient(expanded_to(this->take_gradient(), this->shape_), divisor_);
    for (TypedNode<T>* target : targets_) {
      Slot<T>* slot = target != nullptr ? target->slot() : nullptr;
      if (slot == nullptr) continue;
      const Shape& shape = target->shape();
      // A stretch makes more of the input's elements, or none; a sum over stretched axes makes fewer, or some of none.
      const bool stretched = dy.size() == 0 || (shape.size() > 0 && shape.size() < dy.size());
      if (shape.size() == dy.size())
        contribute(*slot, shape, recorded_reshape(dy, shape));
      else if (stretched)
        contribute(*slot, shape, dy);
      else
        contribute(*slot, shape, Expanded<T>{dy, shape});
    }
  }
  void visit_inputs(void (*visit)(void*, Node*), void* context) const override {
    for (TypedNode<T>* target : targets_)
      if (target != nullptr) visit(context, target);
  }
  void release() override {}

 private:
  TypedNode<T>* targets_[2];
  T divisor_;
};

template <class T>
EIGENGRAD_COLD Tensor<T> record_fitting(const OperationName& name, Tensor<T> result, const Tensor<T>& a,
                                        const Tensor<T>* b = nullptr, T divisor = T(1)) {
  kernel_access(result).set_link({});
  TapeState* tape = recording_tape();
  if (tape == nullptr) return result;
  TypedNode<T>*first = node_on(tape, a, name.name), *second = b != nullptr ? node_on(tape, *b, name.name) : nullptr;
  if (first == nullptr && second == nullptr) return result;
  if constexpr (is_real<T>) {
    Node* node = tape->template add<FittingNode<T>>(tape->last, name, result.shape(), first, second, divisor);
    tape->connect(result, node);
  }
  return result;
}

template <class T>
Tensor<T> recorded_reshape(const Tensor<T>& x, const Shape& shape, const Location& where) {
  return x.shape() == shape ? x : record_fitting({"reshape", where}, kernel_access(x).alias(shape), x);
}
/// `value` summed over the axes that stretching `shape` to it adds.
template <class T>
Tensor<T> recorded_sum_to(const Tensor<T>& value, const Shape& shape) {
  return value.shape() == shape ? value : record_fitting("sum_to", sum_to(value, shape), value);
}
/// `value` stretched to `shape`.
template <class T>
Tensor<T> recorded_expand(const Tensor<T>& value, const Shape& shape) {
  return value.shape() == shape ? value : record_fitting("broadcast_to", expand(value, shape), value);
}
template <class T>
EIGENGRAD_COLD Tensor<T> recorded_parts(const Tensor<T>& x, T divisor) {
  const auto run = [](const TensorStep<T>& step) {
    const T* from = kernel_access(step.operands[0]).numbers();
    for (Index i = 0; i < step.result.size(); ++i)
      step.to()[i] = from[i] / kernel_access(step.operands[1]).numbers()[0];
  };
  Tensor<T> result = Tensor<T>::empty(x.shape());
  const Tensor<T> number = Tensor<T>::full({}, divisor);
  run(TensorStep<T>(run, result, {&x, &number}, nullptr));
  on_replay("divide", result, {&x, &number}, run);
  return record_fitting("divide", std::move(result), x, static_cast<const Tensor<T>*>(nullptr), divisor);
}
/// x divided by a number.
template <class T>
Tensor<T> recorded_quotient(const Tensor<T>& x, T divisor) {
  if constexpr (std::is_same_v<T, bool>)
    return x;  // a mask has no gradient
  else
    return divisor == T(1) ? x : recorded_parts(x, divisor);
}
/// a + b of one shape.
template <class T>
Tensor<T> recorded_add(const Tensor<T>& a, const Tensor<T>& b) {
  Tensor<T> result = a;
  add_in_place(result, b);
  on_replay("add", result, {&a, &b}, [](const TensorStep<T>& step) {
    const T *left = kernel_access(step.operands[0]).numbers(), *right = kernel_access(step.operands[1]).numbers();
    for (Index i = 0; i < step.result.size(); ++i) step.to()[i] = left[i] + right[i];
  });
  return record_fitting("add", std::move(result), a, &b);
}

template <class T>
void contribute_recorded(Slot<T>& slot, const Shape& shape, const Tensor<T>& value) {
  if (!(value.shape() == shape)) require_stretched(value.shape(), shape);
  Tensor<T> fitting = recorded_sum_to(value, shape);
  slot.value = slot.filled ? recorded_add(expanded_to(slot.value, shape), fitting) : std::move(fitting);
  slot.filled = true;
}

/// Passes dy on to what `y` was computed from by the records that came after `mark`: for a record that is first
/// unfolded into others, which may be released at once.
template <class T>
void propagate_through(const TapeState* tape, const Node* mark, const Tensor<T>& y, const Tensor<T>& dy,
                       bool release = false) {
  TypedNode<T>* top = node_on(tape, y, "backward");
  if (top == nullptr) return;
  if (Slot<T>* slot = top->slot()) contribute(*slot, y.shape(), dy);
  for (Node* node = top; node != nullptr && node != mark; node = node->previous) {
    if (!node->reached()) continue;
    node->propagate();
    if (!release) continue;
    node->release();
    node->released = true;
  }
}

// Compiled: class FittingNode<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
