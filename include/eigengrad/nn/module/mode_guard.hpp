#pragma once

#include <vector>

#include "../../core/pool_allocator.hpp"
#include "module.hpp"

// Training or evaluation mode while it lives.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Puts a module into training or evaluation mode, and each of its parts back into its own when it ends. The list of
/// modes lies in pooled memory, so that answering asks nothing of the heap.
template <class T>
class [[nodiscard]] ModeGuard {
 public:
  explicit ModeGuard(Module<T>& model) {
    model.visit(
        [](void* to, const typename Members<T>::Member& member) {
          if (member.module == nullptr) return;
          static_cast<ModeGuard*>(to)->modes_.push_back({member.module, member.module->training_});
        },
        this, false);
  }
  ModeGuard(Module<T>& model, bool training) : ModeGuard(model) {
    for (const Mode& mode : modes_) mode.module->training_ = training;
  }
  ModeGuard(const ModeGuard&) = delete;
  ModeGuard& operator=(const ModeGuard&) = delete;
  ~ModeGuard() {
    for (const Mode& mode : modes_) mode.module->training_ = mode.training;
  }

 private:
  struct Mode {
    Module<T>* module;
    bool training;
  };
  std::vector<Mode, PoolAllocator<Mode>> modes_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
