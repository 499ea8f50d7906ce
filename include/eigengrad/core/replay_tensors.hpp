#pragma once

#include "tensor.hpp"

// The same of tensors.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A step over a few tensors of one type: operations that can do with it add no class of their own to a program.
template <class T>
struct TensorStep final : ReplayStep {
  using Run = void (*)(const TensorStep& step);
  static constexpr int max_operands = 3;

  TensorStep(Run f, const Tensor<T>& to, std::initializer_list<const Tensor<T>*> from, const void* more,
             bool was_recorded = false)
      : function(f), result(to), setting(more), recorded(was_recorded) {
    Tensor<T>* next_operand = operands;
    for (const Tensor<T>* operand : from) *next_operand++ = *operand;
  }
  void run() override { function(*this); }
  T* to() const { return kernel_access(result).shared_data(); }

  Run function;
  Tensor<T> result;
  Tensor<T> operands[max_operands];
  const void* setting;  // whatever else the function needs
  bool recorded;        // whether the way back was prepared for
};

template <class T>
EIGENGRAD_COLD void add_to_plan(const char* operation, const Tensor<T>& result,
                                std::initializer_list<const Tensor<T>*> operands, typename TensorStep<T>::Run run,
                                const void* setting, bool recorded) {
  for (const Tensor<T>* operand : operands)
    thread_state().replay_plan->reads(operation, kernel_access(*operand).block());
  thread_state().replay_plan->computed(operation, kernel_access(result).block());
  thread_state().replay_plan->add(new TensorStep<T>(run, result, operands, setting, recorded));
}
/// Called after `result` was computed: `run` does it again, from the step's operands.
template <class T, class Run>
EIGENGRAD_INLINE void on_replay(const char* operation, const Tensor<T>& result,
                                std::initializer_list<const Tensor<T>*> operands, Run run,
                                const void* setting = nullptr, bool recorded = false) {
  if (thread_state().replay_plan != nullptr) [[unlikely]]
    add_to_plan<T>(operation, result, operands, run, setting, recorded);
}

// Compiled: struct TensorStep<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
