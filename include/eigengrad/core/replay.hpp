#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "error.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// One computation that can be carried out again, on whatever its operands then hold.
struct ReplayStep {
  virtual ~ReplayStep() = default;
  virtual void run() = 0;
};
template <class F>
struct ReplayStepOf final : ReplayStep {
  explicit ReplayStepOf(F f) : function(std::move(f)) {}
  void run() override { function(); }
  F function;
};

/// What was computed while it was listening, in order (transform/compile.hpp). Each step writes into the tensor that it
/// made the first time.
class ReplayPlan {
 public:
  template <class F>
  void add(F f) {
    add_step(new ReplayStepOf<F>(std::move(f)));
  }
  void run() {
    for (const auto& step : steps_) step->run();
  }
  std::size_t size() const { return steps_.size(); }

 private:
  EIGENGRAD_COLD void add_step(ReplayStep* step) { steps_.emplace_back(step); }

  std::vector<std::unique_ptr<ReplayStep>> steps_;
};

/// The plan that listens on this thread, or null.
inline constinit thread_local ReplayPlan* replay_plan = nullptr;

/// Called by every operation after it has computed: `make` gives the function that does it again.
template <class Make>
EIGENGRAD_COLD void add_to_plan(const Make& make) {
  replay_plan->add(make());
}
template <class Make>
EIGENGRAD_INLINE void on_replay(const Make& make) {
  if (replay_plan != nullptr) [[unlikely]]
    add_to_plan(make);
}

/// While it lives, no plan listens on this thread: for an operation made of others that is replayed as a whole.
class NotReplayed {
 public:
  NotReplayed() : plan_(std::exchange(replay_plan, nullptr)) {}
  NotReplayed(const NotReplayed&) = delete;
  ~NotReplayed() { replay_plan = plan_; }

 private:
  ReplayPlan* plan_;
};

/// What cannot be replayed says so.
EIGENGRAD_INLINE void forbid_in_replay(const char* operation, const char* remedy) {
  require<GradientError>(replay_plan == nullptr, operation, ": not possible while a step is being compiled: ", remedy);
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
