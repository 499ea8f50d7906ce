#pragma once

#include "error.hpp"

// Clang lets a program be compiled with -funsafe-math-optimizations, -fassociative-math, -freciprocal-math,
// -fno-signed-zeros or -fno-honor-nans and tells the code nothing (GCC does: config.hpp). So each unit tries, when
// the program begins, whether what these flags may change has been changed, and the first tensor throws if so. What is
// merged with other units' code would try their flags: the trial has internal linkage.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Whether a unit of this program was compiled with flags under which our results would be wrong.
EIGENGRAD_SHARED inline constinit bool float_rules_broken = false;

inline void require_float_rules() {
  require<Error>(!float_rules_broken,
                 "eigengrad: part of this program was compiled with -funsafe-math-optimizations, -fassociative-math, "
                 "-freciprocal-math, -fno-signed-zeros, -fno-honor-nans or another mode of fast mathematics, under "
                 "which its results would be wrong: compile it without");
}

#if defined(__clang__)
static bool keeps_float_rules() noexcept {
  // The compiler may know nothing of the numbers, but all of what is done with them.
  const volatile float numbers[] = {1.25f, 5.f, -0.f, __builtin_nanf(""), __builtin_inff()};
  const float fraction = numbers[0], five = numbers[1], zero = numbers[2], nan = numbers[3], infinity = numbers[4];
  const volatile float seventh = five / 49.f;  // which is not five times the rounded 1 / 49
  const bool adds_in_order = (fraction + 0x1.8p23f) - 0x1.8p23f == 1.f, divides = seventh * 0x1p30f == 109565496.f;
  const volatile float positive_zero = zero + 0.f;
  const bool honours_nan = nan != nan && !(nan <= infinity), honours_infinity = infinity == __builtin_inff();
  return adds_in_order && divides && !__builtin_signbitf(positive_zero) && honours_nan && honours_infinity;
}
[[maybe_unused]] static const bool float_rules_kept = keeps_float_rules() || (float_rules_broken = true, false);
#endif

}}  // namespace eigengrad::EIGENGRAD_ABI
