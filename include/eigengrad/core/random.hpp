#pragma once

#include "generator.hpp"
#include "thread_state.hpp"

// The seed of everything random on a thread.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// This thread's generator, which everything random uses unless it is given another.
inline Generator& default_generator() { return thread_state().generator; }

/// Seeds this thread's generator: the same seed gives the same numbers, bit for bit.
inline void manual_seed(std::uint64_t seed) {
  forbid_in_replay("manual_seed", "seed before the step: it draws new numbers whenever it is replayed");
  default_generator().seed(seed);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
