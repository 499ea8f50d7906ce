#pragma once

#include <type_traits>
#include <utility>

#include "thread_state.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

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

/// What was computed while it was listening, in order (transform/compile.hpp). Each step writes into the tensor that it
/// made the first time.
class ReplayPlan {
 public:
  ReplayPlan() = default;
  ReplayPlan(const ReplayPlan&) = delete;
  ~ReplayPlan() { clear(); }

  EIGENGRAD_COLD void add(ReplayStep* step) {
    *end_ = step;
    end_ = &step->next;
  }
  void run() {
    for (ReplayStep* step = first_; step != nullptr; step = step->next) step->run();
  }
  EIGENGRAD_COLD void clear() {
    while (first_ != nullptr) delete std::exchange(first_, first_->next);
    end_ = &first_;
  }

 private:
  ReplayStep* first_ = nullptr;
  ReplayStep** end_ = &first_;
};

/// Called by every operation after it has computed: `make` gives the function that does it again.
template <class Make>
EIGENGRAD_COLD void add_to_plan(const Make& make) {
  thread_state().replay_plan->add(new ReplayStepOf<std::decay_t<decltype(make())>>(make));
}
template <class Make>
EIGENGRAD_INLINE void on_replay(const Make& make) {
  if (thread_state().replay_plan != nullptr) [[unlikely]]
    add_to_plan(make);
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

/// What cannot be replayed says so.
EIGENGRAD_INLINE void forbid_in_replay(const char* operation, const char* remedy) {
  require<GradientError>(thread_state().replay_plan == nullptr, operation,
                         ": not possible while a step is being compiled: ", remedy);
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
