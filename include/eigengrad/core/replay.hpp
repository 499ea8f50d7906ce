#pragma once

#include <type_traits>
#include <utility>

#include "buffer.hpp"

// How an operation tells a compiled step what it reads and writes, and how to compute again.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// One computation that can be carried out again, on whatever its operands then hold.
struct ReplayStep {
  virtual ~ReplayStep() = default;
  virtual void run() = 0;

  ReplayStep* next = nullptr;
};
/// Any function of its own; core/replay_tensors.hpp has a class for most, which needs no other per operation.
template <class F>
struct ReplayStepOf final : ReplayStep {
  template <class Make>
  explicit ReplayStepOf(const Make& make) : function(make()) {}
  void run() override { function(); }
  F function;
};

/// A parameter that a step reads (transform/step_plan.hpp), known without its number type.
struct ReplayParameter {
  ReplayParameter(const void* state, Block& value, const bool& wanted, std::size_t size)
      : identity(state), place(&value), requires_grad(&wanted), bytes(size) {}
  virtual ~ReplayParameter() = default;
  /// Where a gradient can be gathered apart from the parameter's own: of the step run anew, and of the replayed one.
  virtual void* slot(bool replayed) = 0;
  virtual bool same_gradients() const = 0;
  /// The block of the gradient gathered apart; null where there is none.
  virtual const Block* gathered() const = 0;
  /// Gives the parameter's gradient numbers of its own.
  virtual void unshare_gradient() = 0;

  const void* identity;
  Block* place;
  const bool* requires_grad;
  std::size_t bytes;
};

/// Tensors outside that a step may read and give new values, as running statistics (transform/module_state.hpp).
struct ReplayState {
  explicit ReplayState(const void* of) : owner(of) {}
  virtual ~ReplayState() = default;
  /// Whether it is about the tensor at `place`.
  virtual bool has(const void* place) const = 0;
  /// How many of its tensors were given the numbers of the block `owner`.
  virtual std::uint32_t count_given(const void* block_owner) = 0;
  /// Whether the step gave one of them new numbers.
  virtual bool written() const = 0;
  /// Puts back what was there, and keeps what the step gave for comparison.
  virtual void rewind() = 0;
  /// Around the recording: gives the tensors numbers that only the step holds, and finds out what it makes of them.
  virtual void begin_record() = 0;
  virtual void end_record(bool done) = 0;
  /// The tensors as they are now go into the replay; its results go into the tensors.
  virtual bool load() = 0;
  virtual void store() = 0;
  virtual bool same_as(const ReplayState& rewound) const = 0;

  const void* owner;
};

/// What a number type is called by whoever does not know it: a shared library has its own copy of whatever else could
/// stand for a type.
template <class T>
constexpr const char* number_type_in_text() {
  return __PRETTY_FUNCTION__;
}
struct TensorPlace;
/// A module as it tells itself to a plan.
struct ReplayModule {
  const void* module;
  /// Tells `each` where the module's buffers are.
  void (*visit_buffers)(const void* module, void (*each)(void* to, const TensorPlace& buffer), void* to);
};

/// Listens to what is computed on its thread, in order to do it again (transform/step_plan.hpp).
class ReplayPlan {
 public:
  /// Takes over a computation that gave what was last told to `computed`.
  virtual void add(ReplayStep* step) = 0;
  /// The numbers of `result` are computed by a step; `operation` did it first.
  virtual void computed(const char* operation, const Block& result) = 0;
  /// The numbers of `operand` are read by a step.
  virtual void reads(const char* operation, const Block& operand) = 0;
  /// The numbers of `literal` were written in the program's text, or come from its own data.
  virtual void literal(const Block& literal) = 0;
  /// A parameter, by the address of its ParameterHandle; is told once of each.
  virtual void reads_parameter(const void* handle, const char* number_type) = 0;
  virtual bool knows(const void* module_or_parameter) const = 0;
  /// A module on which the step depends; is told once of each.
  virtual void reads_module(const ReplayModule& module) = 0;
  /// A number outside, part of `owner`, on which the step depends.
  virtual void setting(const void* owner, const void* number, std::size_t bytes) = 0;
  /// What belongs to `owner` is gone.
  virtual void forget(const void* owner) = 0;

  bool forbids = true;  // what cannot be replayed; off on the way back, which is not

 protected:
  ~ReplayPlan() = default;
};

inline void forbid_in_plan(const ReplayPlan& plan, const char* operation, const char* remedy, const Location& where) {
  if (!plan.forbids) return;
  if (where.line != 0) fail<GradientError>(operation, ": not possible while a step is being compiled: ", remedy, where);
  fail<GradientError>(operation, ": not possible while a step is being compiled: ", remedy);
}

/// What a computation reads: reads(x, labels).
struct ReplayReads {
  const Block* blocks[4];
};
/// What it writes: writes(result).
struct ReplayWrites {
  const Block* blocks[4];
};
/// What a computation reads: reads(x, labels).
template <class... X>
EIGENGRAD_INLINE ReplayReads reads(const X&... operands) {
  return {{&operands.block()...}};
}
/// What it writes: writes(result).
template <class... X>
EIGENGRAD_INLINE ReplayWrites writes(const X&... results) {
  return {{&results.block()...}};
}

EIGENGRAD_COLD inline void tell_plan(const char* operation, const ReplayReads& from, const ReplayWrites& to) {
  ReplayPlan& plan = *thread_state().replay_plan;
  for (const Block* block : from.blocks)
    if (block != nullptr) plan.reads(operation, *block);
  for (const Block* block : to.blocks)
    if (block != nullptr) plan.computed(operation, *block);
}
template <class Make>
EIGENGRAD_COLD void add_to_plan(const Make& make) {
  thread_state().replay_plan->add(new ReplayStepOf<std::decay_t<decltype(make())>>(make));
}
/// Called by every operation after it has computed, and before it is recorded: on_replay("name", reads(x),
/// writes(result), [&] { return run; }), where run() computes again, into the same result.
template <class Make>
EIGENGRAD_INLINE void on_replay(const char* operation, const ReplayReads& from, const ReplayWrites& to,
                                const Make& make) {
  if (thread_state().replay_plan != nullptr) [[unlikely]] {
    tell_plan(operation, from, to);
    add_to_plan(make);
  }
}
/// For operands that are not a few tensors: before on_replay, each is told to the plan that `listening_plan` gives.
EIGENGRAD_INLINE ReplayPlan* listening_plan() { return thread_state().replay_plan; }
EIGENGRAD_INLINE void tell_literal(const Block& block) {
  if (thread_state().replay_plan != nullptr) [[unlikely]]
    thread_state().replay_plan->literal(block);
}

/// Lets a compiled step know that it depends on a number outside, as on Dropout's probability: it is compared at every
/// call. `owner` is the module that it is part of.
template <class Number>
EIGENGRAD_INLINE void depends_on(const void* owner, const Number& number) {
  static_assert(std::is_arithmetic_v<Number> || std::is_enum_v<Number>, "depends_on: a number, bool or enumerator");
  if (thread_state().replay_plan != nullptr) [[unlikely]]
    thread_state().replay_plan->setting(owner, &number, sizeof number);
}

/// While it lives, no plan listens on this thread: for an operation made of others that is replayed as a whole.
class NotReplayed {
 public:
  NotReplayed() : plan_(std::exchange(thread_state().replay_plan, nullptr)) {}
  NotReplayed(const NotReplayed&) = delete;
  ~NotReplayed() { thread_state().replay_plan = plan_; }

 private:
  ReplayPlan* plan_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
