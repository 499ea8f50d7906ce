#pragma once

#include <bit>
#include <cstdint>

#include "../config.hpp"

// Floats of 16 bits, as files have them.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// IEEE's 16-bit floats and those with float's exponent (bfloat16), as float.
inline float from_half(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000u) << 16, exponent = bits >> 10 & 31u, fraction = bits & 1023u;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent > 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float tiny = static_cast<float>(fraction) * 0x1p-24f;
  return sign != 0 ? -tiny : tiny;
}
inline float from_bfloat16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
/// The nearest one, the even one of two; what is too large becomes an infinity.
inline std::uint16_t to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
  std::uint32_t result = 0;
  if (size > 0x7f800000u)
    result = 0x7e00u | (size >> 13 & 0x3ffu);  // NaN
  else if (size >= 0x477ff000u)
    result = 0x7c00u;
  else if (size < 0x38800000u)  // whole multiples of 2^-24, rounded by float's own sum
    result = std::bit_cast<std::uint32_t>(std::bit_cast<float>(size) * 0x1p24f + 0x1p23f) - 0x4b000000u;
  else
    result = (size - (112u << 23) + 0xfffu + (size >> 13 & 1u)) >> 13;
  return static_cast<std::uint16_t>(sign | result);
}
inline std::uint16_t to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
