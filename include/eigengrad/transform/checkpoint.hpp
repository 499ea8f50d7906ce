#pragma once

#include <tuple>

#include "../autograd/tape.hpp"
#include "../ops/apply.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// While it lives, this thread records on `tape`, whatever else it was doing.
class RecordOn {
 public:
  explicit RecordOn(TapeState* tape)
      : innermost_(std::exchange(thread_state().innermost, tape)), paused_(std::exchange(thread_state().paused, 0)) {}
  RecordOn(const RecordOn&) = delete;
  ~RecordOn() {
    thread_state().innermost = innermost_;
    thread_state().paused = paused_;
  }

 private:
  TapeState* innermost_;
  int paused_;
};

/// The record of a whole function, of which only the inputs are kept.
template <class T, class F, class... X>
class CheckpointNode final : public OperationNode<T> {
 public:
  CheckpointNode(TapeState* tape, const Shape& shape, const F& f, const Generator& random, const Tensor<X>&... inputs)
      : OperationNode<T>("checkpoint", shape),
        tape_(tape),
        random_(random),
        f_(f),
        nodes_{node_on(tape, inputs, "checkpoint")...},
        inputs_(inputs...) {
    this->forward = Forward::never;
  }

  void propagate() override {
    const Tensor<T> dy = whole(this->take_gradient(), this->shape_);
    const bool keeps = records_gradients();
    const Node* mark = tape_->last;
    const Tensor<T> y = again();
    require<GradientError>(y.shape() == this->shape_, "checkpoint: the function gave ", this->shape_,
                           " the first time and ", y.shape(), " when it was run again: it must do the same every time");
    propagate_through(tape_, mark, y, dy, !keeps);
  }
  void visit_inputs(void (*visit)(void*, Node*), void* context) const override {
    for (Node* node : nodes_)
      if (node != nullptr) visit(context, node);
  }
  void release() override { inputs_.reset(); }

 private:
  /// Runs the function again, recorded this time, with the random numbers it had.
  Tensor<T> again() {
    const RecordOn record(tape_);
    struct Random {
      Generator saved = default_generator();
      ~Random() { default_generator() = saved; }
    } restore;
    default_generator() = random_;
    return Tensor<T>(std::apply(f_, *inputs_));
  }

  TapeState* tape_;
  Generator random_;
  F f_;
  Node* nodes_[sizeof...(X)];
  std::optional<std::tuple<Tensor<X>...>> inputs_;
};

/// f(x...) without keeping what lies in between: the way back computes it again. Time for memory: about one more
/// forward pass. f must do the same every time; it is kept by value, so capture models by reference; random numbers
/// come again. Gradients are those of f(x...), to the last bit. Chen, Xu, Zhang, Guestrin: Training deep nets with
/// sublinear memory cost, 2016.
template <class F, Expression... X>
auto checkpoint(const F& f, const X&... x) {
  return [&](const Tensor<typename X::Element>&... inputs) {
    using T = typename std::decay_t<decltype(f(inputs...))>::Element;
    TapeState* tape = recording_tape();
    // A compiled step keeps everything that lies in between anyway.
    if (tape == nullptr || listening_plan() != nullptr) return Tensor<T>(f(inputs...));
    const Generator random = default_generator();
    Tensor<T> result;
    {
      const NoGrad pause;
      result = Tensor<T>(f(inputs...)).unrecorded();
    }
    Node* node = tape->template add<CheckpointNode<T, F, typename X::Element...>>(tape->last, tape, result.shape(), f,
                                                                                  random, inputs...);
    tape->connect(result, node);
    return result;
  }(x.to_tensor()...);
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
