#pragma once

#include <memory>
#include <vector>

#include "../../autograd/engine/tape_state.hpp"
#include "../../core/tensor.hpp"
#include "../../kernels/recurrence/step.hpp"

// A recurrent layer step by step, in real time: no step asks anything of the heap.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Where a recurrent layer is: h [layers * directions, batch, state], and of an LSTM the cells c [.., batch, hidden].
/// Empty ones stand for zeros.
template <class T>
struct RecurrentState {
  Tensor<T> h = {}, c = {};

  /// As a constant, for backpropagation that ends here.
  RecurrentState detach() const { return {h.detach(), c.detach()}; }
};

/// One layer's cell with packed weights.
template <class T>
struct RecurrentStepper {
  virtual ~RecurrentStepper() = default;
  virtual void run(const T* x, T* state, T* cells) const = 0;
};
template <class T>
using RecurrentStepperHandle = std::unique_ptr<RecurrentStepper<T>>;
template <class T, RecurrentKind kind>
struct RecurrentStepperOf final : RecurrentStepper<T> {
  RecurrentStepperOf(const RecurrentSizes& sizes, const RecurrentWeights<T>& weights) : step(sizes, weights) {}
  void run(const T* x, T* state, T* cells) const override { step(x, state, cells); }

  RecurrentStep<T, kind> step;
};
template <RecurrentKind kind, class Parameters>
auto make_stepper(const RecurrentSizes& sizes, const Parameters& part) {
  using T = typename decltype(part.weight_ih)::Element;
  const auto numbers = [](const auto& parameter) {
    return parameter.size() > 0 ? kernel_access(parameter.value()).numbers() : nullptr;
  };
  return RecurrentStepperHandle<T>(
      new RecurrentStepperOf<T, kind>(sizes, {numbers(part.weight_ih), numbers(part.weight_hh), numbers(part.bias_ih),
                                              numbers(part.bias_hh), numbers(part.weight_hr)}));
}

/// A recurrent layer that goes from step to step: made by lstm.stream(batch), it has the weights that the layer had
/// then, and a state of its own, which begins as zeros.
template <class T>
class RecurrentStream {
 public:
  RecurrentStream(Index batch, Index inputs, Index state, bool has_cells, Index hidden)
      : batch_(batch), inputs_(inputs), size_(state), hidden_(has_cells ? hidden : 0) {}
  void add(RecurrentStepperHandle<T> layer) {
    layers_.push_back(std::move(layer));
    reset();
  }

  /// x [batch, in], or [in] for a batch of 1, to what the last layer gives, [batch, state] or [state]. Throws
  /// ShapeError; GradientError for what is recorded or compiled, as no gradient comes back from here.
  Tensor<T> operator()(const Tensor<T>& x, Location where = Location::current()) {
    const bool one = x.rank() == 1;
    require<ShapeError>((one && batch_ == 1 && x.shape()[0] == inputs_) || x.shape() == Shape({batch_, inputs_}),
                        "stream: x is ", x.shape(), ", where ", Shape{batch_, inputs_}, " is needed", where);
    require<GradientError>(!is_recorded(x), "stream: x of ", x.shape(),
                           " is recorded, but no gradient comes back from here: call the layer on whole sequences, or "
                           "give x.detach()",
                           where);
    forbid_in_replay("stream", "call the layer on whole sequences", where);
    const Shape shape = one ? Shape{size_} : Shape{batch_, size_};
    if (!(output_.shape() == shape)) output_ = Tensor<T>::empty(shape);
    const T* from = kernel_access(x).numbers();
    T* h = kernel_access(h_).writable_numbers();
    T* c = hidden_ > 0 ? kernel_access(c_).writable_numbers() : nullptr;
    for (const RecurrentStepperHandle<T>& layer : layers_) {
      layer->run(from, h, c);
      from = h;
      h += batch_ * size_;
      if (c != nullptr) c += batch_ * hidden_;
    }
    std::copy_n(from, batch_ * size_, kernel_access(output_).writable_numbers());
    return output_;
  }

  /// Where it is, and goes on from: h [layers, batch, state], c [layers, batch, hidden].
  RecurrentState<T> state() const { return {h_, c_}; }
  /// Throws ShapeError. Empty ones stand for zeros.
  void set_state(const RecurrentState<T>& state, Location where = Location::current()) {
    const Tensor<T> h = state.h, c = state.c;
    reset();
    const auto require_and_set = [&](const char* what, Tensor<T>& to, const Tensor<T>& from) {
      if (from.shape() == Shape::empty()) return;
      require<ShapeError>(from.shape() == to.shape(), "stream: ", what, " is ", from.shape(), ", where ", to.shape(),
                          " is needed", where);
      to = from.detach();
    };
    require_and_set("h", h_, h);
    require_and_set("c", c_, c);
  }
  /// Back to zeros.
  void reset() {
    const auto count = static_cast<Index>(layers_.size());
    h_ = Tensor<T>::zeros({count, batch_, size_});
    if (hidden_ > 0) c_ = Tensor<T>::zeros({count, batch_, hidden_});
  }

 private:
  Index batch_, inputs_, size_, hidden_;
  std::vector<RecurrentStepperHandle<T>> layers_;
  Tensor<T> h_, c_, output_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
