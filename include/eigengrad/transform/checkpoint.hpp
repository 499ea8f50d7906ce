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

/// Two numbers that tell a function's results apart without keeping them. Run again, recorded, it may round otherwise.
struct Fingerprint {
  double weighted = 0, size = 0;

  template <class T>
  explicit Fingerprint(const Tensor<T>& values) {
    const T* numbers = values.numbers();
    for (Index i = 0; i < values.size(); ++i) {
      const double number = static_cast<double>(plain_value(numbers[i]));
      weighted += number * (1 + 0.001 * static_cast<double>(i % 997));  // so that places count
      size += std::abs(number);
    }
  }
  bool agrees(const Fingerprint& other, double tolerance) const {
    if (!std::isfinite(size) || !std::isfinite(other.size)) return std::isfinite(size) == std::isfinite(other.size);
    return std::abs(weighted - other.weighted) <= tolerance * (size + other.size);
  }
};

/// The record of a whole function, of which only the inputs are kept, and handles of the parameters it read.
template <class T, class F, class... X>
class CheckpointNode final : public OperationNode<T> {
 public:
  CheckpointNode(TapeState* tape, const Shape& shape, const F& f, const Generator& random, KeptReads reads,
                 const Fingerprint& result, const Tensor<X>&... inputs)
      : OperationNode<T>("checkpoint", shape),
        tape_(tape),
        random_(random),
        reads_(std::move(reads)),
        result_(result),
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
    const double tolerance = std::sqrt(static_cast<double>(std::numeric_limits<plain_t<T>>::epsilon()));
    require<GradientError>(
        result_.agrees(Fingerprint(y), tolerance), "checkpoint: the function gave other numbers of shape ", y.shape(),
        " when it was run again than the first time: something that it reads was changed before backward (a mode, a "
        "buffer, a captured tensor), or it draws from a generator of its own: let it do the same every time");
    propagate_through(tape_, mark, y, dy, !keeps);
  }
  void visit_inputs(void (*visit)(void*, Node*), void* context) const override {
    for (Node* node : nodes_)
      if (node != nullptr) visit(context, node);
    for (const auto& read : reads_)
      if (Node* node = read->node(tape_)) visit(context, node);
  }
  void release() override {
    inputs_.reset();
    reads_.clear();
  }

 private:
  /// Runs the function again, recorded this time, with the random numbers it had.
  Tensor<T> again() {
    const RecordOn record(tape_);
    struct Random {
      Generator saved = default_generator();
      ~Random() { default_generator() = saved; }
    } restore;
    default_generator() = random_;
    const StandIns as_they_were(reads_, tape_);
    return Tensor<T>(std::apply(f_, *inputs_));
  }

  TapeState* tape_;
  Generator random_;
  KeptReads reads_;
  Fingerprint result_;
  F f_;
  Node* nodes_[sizeof...(X)];
  std::optional<std::tuple<Tensor<X>...>> inputs_;
};

/// f(x...) without keeping what lies in between: the way back computes it again. Time for memory: about one more
/// forward pass. f must do the same every time, or GradientError is thrown; it is kept by value, so capture models by
/// reference; random numbers and parameters' values come again. Gradients are those of f(x...), to the last bit. Chen,
/// Xu, Zhang, Guestrin: Training deep nets with sublinear memory cost, 2016.
template <class F, Expression... X>
auto checkpoint(const F& f, const X&... x) {
  return [&](const Tensor<typename X::Element>&... inputs) {
    using T = typename std::decay_t<decltype(f(inputs...))>::Element;
    TapeState* tape = recording_tape();
    // A compiled step keeps everything that lies in between anyway.
    if (tape == nullptr || listening_plan() != nullptr) return Tensor<T>(f(inputs...));
    const Generator random = default_generator();
    Tensor<T> result;
    KeptReads reads;
    {
      const NoGrad pause;
      const StandIns note(&reads);
      result = Tensor<T>(f(inputs...)).unrecorded();
    }
    Node* node = tape->template add<CheckpointNode<T, F, typename X::Element...>>(
        tape->last, tape, result.shape(), f, random, std::move(reads), Fingerprint(result), inputs...);
    tape->connect(result, node);
    return result;
  }(x.to_tensor()...);
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
