#pragma once

#include <eigengrad/eigengrad.hpp>

// The formulas that are measured, and checked against what is written by hand.
namespace formulas {

inline constexpr auto gelu = [](const auto& x) {
  return 0.5f * x * (1 + tanh(0.79788456f * (x + 0.044715f * x * x * x)));
};
/// Twelve operations.
inline constexpr auto chain = [](const auto& x) {
  return tanh(sqrt(square(sigmoid(1.5f * x + 0.5f) - 0.3f) + 0.1f) * exp(-(x * x)));
};
inline constexpr auto normalise = [](const auto& x, const auto& gain, const auto& bias) {
  return (x - mean(x, -1, true)) / sqrt(var(x, -1, {.correction = 0, .keepdims = true}) + 1e-5f) * gain + bias;
};

}  // namespace formulas
