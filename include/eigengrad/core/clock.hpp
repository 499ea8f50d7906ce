#pragma once

#include <ctime>
#if !defined(CLOCK_MONOTONIC)
#include <chrono>
#endif

#include "../config.hpp"

// Seconds, to measure with.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Seconds on a clock that never goes back. <chrono>, which it does without where it can, takes a tenth as long to
/// compile as Eigen.
inline double seconds_now() {
#if defined(CLOCK_MONOTONIC)
  std::timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
#else
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
#endif
}

}}  // namespace eigengrad::EIGENGRAD_ABI
