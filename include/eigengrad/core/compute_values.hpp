#pragma once

#include <span>
#include <vector>

#include "pack.hpp"
#include "tensor.hpp"

// Numbers that a function computes from tensors, and computes again where a step is replayed: said once.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// While it lives, an operation's own function is at work: what it does with tensors is neither recorded nor replayed
/// by itself.
class InsideOperation {
 public:
  InsideOperation() : thread_(thread_state()), plan_(std::exchange(thread_.replay_plan, nullptr)) { ++thread_.paused; }
  InsideOperation(const InsideOperation&) = delete;
  ~InsideOperation() {
    thread_.replay_plan = plan_;
    --thread_.paused;
  }

 private:
  ThreadState& thread_;
  ReplayPlan* plan_;
};

/// Another tensor that a computation writes beside its result, as a mask or positions. Its function gets a pointer to
/// the numbers, null where the tensor is empty.
template <class Held>
struct ExtraOutput {
  Held tensor;
};
template <class U>
ExtraOutput<const Tensor<U>&> extra_output(const Tensor<U>& tensor) {
  return {tensor};
}

// What a computation's function is given for each operand, what a step keeps of it, and what a plan is told.
template <class U>
EIGENGRAD_INLINE const Tensor<U>& argument_of(const Tensor<U>& operand) {
  return operand;
}
template <class U>
std::span<const Tensor<U>> argument_of(std::span<const Tensor<U>> operands) {
  return operands;
}
template <class U>
std::span<const Tensor<U>> argument_of(const std::vector<Tensor<U>>& operands) {
  return operands;
}
template <class Held>
EIGENGRAD_INLINE auto* argument_of(const ExtraOutput<Held>& output) {
  return output.tensor.size() > 0 ? output.tensor.shared_data() : nullptr;
}
template <class U>
Tensor<U> kept_of(const Tensor<U>& operand) {
  return operand.unrecorded();
}
template <class U>
std::vector<Tensor<U>> kept_of(std::span<const Tensor<U>> operands) {
  return {operands.begin(), operands.end()};
}
template <class U>
ExtraOutput<Tensor<U>> kept_of(const ExtraOutput<const Tensor<U>&>& output) {
  return {output.tensor};
}
template <class U>
void tell_plan(ReplayPlan& plan, const char* operation, const Tensor<U>& operand) {
  plan.reads(operation, operand.block());
}
template <class U>
void tell_plan(ReplayPlan& plan, const char* operation, std::span<const Tensor<U>> operands) {
  for (const Tensor<U>& operand : operands) plan.reads(operation, operand.block());
}
template <class Held>
void tell_plan(ReplayPlan& plan, const char* operation, const ExtraOutput<Held>& output) {
  plan.computed(operation, output.tensor.block());
}

/// The function with what it reads and writes, to be called again.
template <class T, class Run, class... Kept>
struct ComputeStep final : ReplayStep {
  ComputeStep(const Run& run, const Tensor<T>& to, Kept... from)
      : function(run), result(to), operands{{std::move(from)}...} {}
  void run() override {
    const InsideOperation inside;
    [&]<std::size_t... j>(std::index_sequence<j...>) {
      function(result.shared_data(), argument_of(part<j>(operands))...);
    }(std::index_sequence_for<Kept...>());
  }

  Run function;
  Tensor<T> result;
  Pack<Kept...> operands;
};
template <class T, class Run, class... Operands>
EIGENGRAD_COLD void add_compute_step(const char* operation, const Tensor<T>& result, const Run& run,
                                     const Operands&... operands) {
  ReplayPlan& plan = *thread_state().replay_plan;
  (tell_plan(plan, operation, operands), ...);
  plan.computed(operation, result.block());
  plan.add(new ComputeStep<T, Run, decltype(kept_of(operands))...>(run, result, kept_of(operands)...));
}

/// A tensor whose numbers run(T* to, operands...) writes, now and whenever a compiled step that did it is replayed. An
/// operand is a tensor, a span of tensors, or an extra_output(tensor). Nothing is recorded: autograd/engine/compute.hpp
/// does that too.
template <class T, class Run, class... Operands>
Tensor<T> compute_values(const char* operation, const Shape& shape, const Run& run, const Operands&... operands) {
  Tensor<T> result = Tensor<T>::empty(shape);
  {
    const InsideOperation inside;
    run(result.shared_data(), argument_of(operands)...);
  }
  if (thread_state().replay_plan != nullptr) [[unlikely]]
    add_compute_step(operation, result, run, operands...);
  return result;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
