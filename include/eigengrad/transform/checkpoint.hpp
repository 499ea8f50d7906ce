#pragma once

#include <memory>
#include <optional>
#include <tuple>

#include "../autograd/engine/tape_state.hpp"
#include "../autograd/tape.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "number_type.hpp"

// Memory for time: what lies in between is computed again on the way back.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// While it lives, this thread records on `tape`, whatever else it was doing.
class RecordOn {
 public:
  explicit RecordOn(TapeState* tape)
      : innermost_(static_cast<TapeState*>(std::exchange(thread_state().innermost, tape))),
        paused_(std::exchange(thread_state().paused, 0)) {}
  RecordOn(const RecordOn&) = delete;
  ~RecordOn() {
    thread_state().innermost = innermost_;
    thread_state().paused = paused_;
  }

 private:
  TapeState* innermost_;
  int paused_;
};

/// A parameter as it was when a function read it, to be read again by the function later.
struct KeptRead {
  explicit KeptRead(const void* identity) : parameter(identity) {}
  virtual ~KeptRead() = default;
  /// The tensor that stands for it, recorded on `tape` where its gradient is wanted.
  virtual const void* appear(TapeState* tape) = 0;
  /// The record that it came from on `tape`, where it was no leaf.
  virtual Node* node(const TapeState* tape) const = 0;
  virtual const Lineage* lineage() const = 0;

  const void* parameter;
};
/// The value is a handle, so an optimizer that steps meanwhile writes to another; one that stood in stays recorded.
template <class T>
struct KeptReadOf final : KeptRead {
  KeptReadOf(const ParameterHandle<T>& handle, const Tensor<T>* standing)
      : KeptRead(handle.get()),
        kept(handle),
        value(standing != nullptr ? *standing : handle->value),
        is_leaf(standing == nullptr && handle->requires_grad) {}
  const void* appear(TapeState* tape) override {
    if (is_leaf) value = kernel_access(value).linked(tape->link_to(add_leaf(tape, kept)));
    return &value;
  }
  Node* node(const TapeState* tape) const override { return is_leaf ? nullptr : node_on(tape, value, "checkpoint"); }
  const Lineage* lineage() const override { return &kept->lineage; }

  ParameterHandle<T> kept;
  Tensor<T> value;
  bool is_leaf;
};

/// What a function whose result is of Ts reads.
template <class T>
class KeptReads final : public ParameterNotes {
 public:
  KeptReads() = default;
  KeptReads(KeptReads&&) noexcept = default;

  bool has(const void* parameter) const override {
    for (const auto& read : reads_)
      if (read->parameter == parameter) return true;
    return false;
  }
  void add(const void* handle, const char* number_type, const void* standing) override {
    for_number_type<T>(number_type, "checkpoint", [&]<class U>(U*) {
      reads_.push_back(std::make_unique<KeptReadOf<U>>(*static_cast<const ParameterHandle<U>*>(handle),
                                                       static_cast<const Tensor<U>*>(standing)));
    });
  }
  /// Lets them be read again.
  std::vector<Delayed<StandIns::Entry, T>> appear(TapeState* tape) const {
    std::vector<Delayed<StandIns::Entry, T>> entries;
    for (const auto& read : reads_) entries.push_back({read->parameter, read->appear(tape), read->lineage()});
    return entries;
  }
  void visit_nodes(const TapeState* tape, void (*visit)(void*, Node*), void* context) const {
    for (const auto& read : reads_)
      if (Node* node = read->node(tape)) visit(context, node);
  }
  void clear() { reads_.clear(); }

 private:
  std::vector<std::unique_ptr<Delayed<KeptRead, T>>> reads_;
};

/// Two numbers that tell a function's results apart without keeping them. Run again, recorded, it may round otherwise.
struct Fingerprint {
  double weighted = 0, size = 0;

  template <class T>
  explicit Fingerprint(const Tensor<T>& values) {
    const T* numbers = kernel_access(values).numbers();
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
  CheckpointNode(TapeState* tape, const Shape& shape, const F& f, const Generator& random, KeptReads<T> reads,
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
    const Tensor<T> dy = expanded_to(this->take_gradient(), this->shape_);
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
    reads_.visit_nodes(tape_, visit, context);
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
    const StandIns as_they_were(reads_.appear(tape_));
    return Tensor<T>(std::apply(f_, *inputs_));
  }

  TapeState* tape_;
  Generator random_;
  KeptReads<T> reads_;
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
    KeptReads<T> reads;
    {
      const NoGrad pause;
      const StandIns note(&reads);
      result = kernel_access(Tensor<T>(f(inputs...))).unrecorded();
    }
    Node* node = tape->template add<CheckpointNode<T, F, typename X::Element...>>(
        tape->last, tape, result.shape(), f, random, std::move(reads), Fingerprint(result), inputs...);
    tape->connect(result, node);
    return result;
  }(x.to_tensor()...);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
