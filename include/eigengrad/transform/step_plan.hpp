#pragma once

#include <cstring>
#include <vector>

#include "../autograd/engine/node.hpp"
#include "../autograd/parameter.hpp"
#include "../core/host_access.hpp"
#include "../core/replay.hpp"
#include "module_state.hpp"
#include "number_type.hpp"

// What a compiled step does again, in order.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A parameter as a compiled step knows it.
template <class T>
struct ReplayParameterOf final : ReplayParameter {
  explicit ReplayParameterOf(const ParameterHandle<T>& handle)
      : ReplayParameter(handle.get(), kernel_access(handle->value).block(), handle->requires_grad,
                        static_cast<std::size_t>(handle->value.size()) * sizeof(T)),
        kept(handle) {}
  void* slot(bool replayed) override { return &gradients[replayed ? 1 : 0]; }
  bool same_gradients() const override {
    return gradients[0].filled == gradients[1].filled &&
           (!gradients[0].filled || same_replayed_bits(gradients[0].value, gradients[1].value));
  }
  const Block* gathered() const override {
    return gradients[0].filled ? &kernel_access(gradients[0].value).block() : nullptr;
  }
  void unshare_gradient() override {
    if (kept->gradient.filled) kernel_access(kept->gradient.value).writable_numbers();
  }
  ParameterHandle<T> kept;
  Slot<T> gradients[2] = {{{}, false, true}, {{}, false, true}};
};

/// What a step computed, and what it depends on.
template <class T>
class StepPlan final : public ReplayPlan {
 public:
  /// Pointers, to ask whether one is among them.
  class Pointers {
   public:
    bool contains(const void* pointer) const { return !table_.empty() && table_[place_of(pointer)] == pointer; }
    /// False when it was there already.
    bool insert(const void* pointer) {
      if (2 * count_ >= table_.size()) grow();
      const void*& place = table_[place_of(pointer)];
      if (place == pointer) return false;
      place = pointer;
      ++count_;
      return true;
    }

   private:
    /// Where it is, or would be.
    std::size_t place_of(const void* pointer) const {
      const std::size_t mask = table_.size() - 1;
      std::size_t place = ((reinterpret_cast<std::uintptr_t>(pointer) >> 6) * 0x9e3779b97f4a7c15u >> 20) & mask;
      while (table_[place] != nullptr && table_[place] != pointer) place = (place + 1) & mask;
      return place;
    }
    void grow() {
      std::vector<Delayed<const void*, T>> former(std::max<std::size_t>(64, 2 * table_.size()), nullptr);
      former.swap(table_);
      for (const void* pointer : former)
        if (pointer != nullptr) table_[place_of(pointer)] = pointer;
    }

    std::vector<Delayed<const void*, T>> table_;  // a power of two, at most half full
    std::size_t count_ = 0;
  };

  struct Numbers {
    Block block;  // that owns them
    const char* operation;
    bool on_way_back;
  };
  struct Setting {
    const void *owner, *number;
    std::size_t bytes;
    std::uint64_t value;  // the bytes it had
    bool changed() const {
      std::uint64_t now = 0;
      std::memcpy(&now, number, bytes);
      return now != value;
    }
  };

  StepPlan() = default;
  StepPlan(const StepPlan&) = delete;
  ~StepPlan() { drop_steps(); }

  void add(ReplayStep* step) override {
    *end_ = step;
    end_ = &step->next;
  }
  void computed(const char* operation, const Block& result) override {
    if (result && known_.insert(result.owner_identity())) results.push_back({result.owner(), operation, !forbids});
  }
  void reads(const char* operation, const Block& operand) override {
    if (!operand || operand->shape.size() == 0) return;  // nothing is read of what is empty
    Block watched = operand;
    // What nobody owns is read where it lies, whoever writes to it.
    if (operand.is_foreign() || (watch_only != nullptr && watch_only->contains(operand.owner_identity())))
      watched.watch();
    if (!operand.is_foreign() && known_.insert(operand.owner_identity()))
      constants.push_back({operand.owner(), operation, !forbids});
  }
  void literal(const Block& literal) override {
    if (literal && known_.insert(literal.owner_identity())) literals_.push_back(literal.owner());
  }
  void reads_parameter(const void* handle, const char* number_type) override {
    for_number_type<T>(number_type, "compile", [&]<class U>(U*) {
      take(std::make_unique<ReplayParameterOf<U>>(*static_cast<const ParameterHandle<U>*>(handle)));
    });
  }
  void take(std::unique_ptr<Delayed<ReplayParameter, T>> parameter) {
    literal(*parameter->place);
    parameters.push_back(std::move(parameter));
  }
  void reads_module(const ReplayModule& module) override {
    states.push_back(std::make_unique<ModuleState<Delayed<void, T>>>(module, states));
  }
  bool knows(const void* module_or_parameter) const override {
    for (const auto& parameter : parameters)
      if (parameter->identity == module_or_parameter) return true;
    for (const auto& state : states)
      if (state->owner == module_or_parameter) return true;
    return false;
  }
  void setting(const void* owner, const void* number, std::size_t bytes) override {
    for (const Setting& other : settings)
      if (other.number == number) return;
    settings.push_back({owner, number, bytes, 0});
    std::memcpy(&settings.back().value, number, bytes);
  }
  void forget(const void* owner) override {
    std::erase_if(settings, [owner](const Setting& setting) { return setting.owner == owner; });
    std::erase_if(states, [owner](const auto& state) { return state->owner == owner; });
  }

  void run() {
    for (ReplayStep* step = first_; step != nullptr; step = step->next) step->run();
  }
  /// Lets go of everything but the steps and the settings.
  void forget_numbers() {
    results.clear();
    constants.clear();
    literals_.clear();
    known_ = Pointers();
  }
  void drop_steps() {
    while (first_ != nullptr) delete std::exchange(first_, first_->next);
    end_ = &first_;
  }

  std::vector<Numbers> results, constants;
  std::vector<std::unique_ptr<Delayed<ReplayParameter, T>>> parameters;
  std::vector<std::unique_ptr<Delayed<ReplayState, T>>> states;
  std::vector<Setting> settings;
  const Pointers* watch_only = nullptr;  // tensors outside: who holds them is watched

 private:
  ReplayStep* first_ = nullptr;
  ReplayStep** end_ = &first_;
  std::vector<Delayed<Block, T>> literals_;
  Pointers known_;  // blocks whose numbers are computed or literal, or are told already
};

/// While it lives, the plan hears what this thread computes, and what cannot be replayed is refused.
class ListeningPlan final : HostAccess {
 public:
  explicit ListeningPlan(ReplayPlan& plan) : former_(std::exchange(thread_state().replay_plan, &plan)) {}
  ~ListeningPlan() { thread_state().replay_plan = former_; }

 private:
  void read(const char* how, const TapeLink&, const Location& where) override {
    forbid_in_replay(how, "the step might depend on the value, and would not see another one; return it instead",
                     where);
  }
  void write(const char* how, const TapeLink&, const Location& where) override {
    forbid_in_replay(how,
                     "what is written by hand is not written again; compute it by operations, or before the step and "
                     "pass it in",
                     where);
  }

  ReplayPlan* former_;
};

/// While it lives, this thread's changes are those of a step, which need not be recorded anew because of them.
class InStep {
 public:
  InStep() : former_(std::exchange(thread_state().in_step, true)) {}
  InStep(const InStep&) = delete;
  ~InStep() { thread_state().in_step = former_; }

 private:
  bool former_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
