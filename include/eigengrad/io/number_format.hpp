#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "../config.hpp"

// The number types that files have.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What numbers a file holds.
enum class NumberFormat : std::uint8_t {
  boolean,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  float16,
  bfloat16,
  float32,
  float64
};
/// What a number of a format is made of: as numeric_limits says it.
struct NumberFormatTraits {
  const char *name, *type;  // of NumPy; what of C++ holds it
  unsigned char bytes, digits;
  bool is_signed, is_float;
};
constexpr NumberFormatTraits traits_of(NumberFormat format) {
  constexpr NumberFormatTraits traits[] = {
      {"bool", "bool", 1, 1, false, false},
      {"int8", "std::int8_t", 1, 7, true, false},
      {"int16", "std::int16_t", 2, 15, true, false},
      {"int32", "std::int32_t", 4, 31, true, false},
      {"int64", "std::int64_t", 8, 63, true, false},
      {"uint8", "std::uint8_t", 1, 8, false, false},
      {"uint16", "std::uint16_t", 2, 16, false, false},
      {"uint32", "std::uint32_t", 4, 32, false, false},
      {"uint64", "std::uint64_t", 8, 64, false, false},
      {"float16", "float", 2, 11, true, true},
      {"bfloat16", "float", 2, 8, true, true},
      {"float32", "float", 4, 24, true, true},
      {"float64", "double", 8, 53, true, true},
  };
  return traits[static_cast<int>(format)];
}
constexpr const char* to_string(NumberFormat format) { return traits_of(format).name; }

/// The format in which a T is stored; T is a number that files know.
template <class T>
consteval NumberFormat format_of() {
  using enum NumberFormat;
  if constexpr (std::is_same_v<T, bool>)
    return boolean;
  else if constexpr (std::is_same_v<T, float>)
    return float32;
  else if constexpr (std::is_same_v<T, double>)
    return float64;
  else {
    static_assert(std::is_integral_v<T> && sizeof(T) <= 8, "a file holds bool, whole numbers, float and double");
    constexpr NumberFormat whole[2][4] = {{uint8, uint16, uint32, uint64}, {int8, int16, int32, int64}};
    return whole[std::is_signed_v<T>][std::bit_width(sizeof(T)) - 1];
  }
}
/// Whether a T is exactly every number that the format has.
template <class T>
constexpr bool holds_all(NumberFormat format) {
  constexpr NumberFormatTraits to = traits_of(format_of<T>());
  const NumberFormatTraits from = traits_of(format);
  if (std::is_same_v<T, bool>) return format == NumberFormat::boolean;
  return to.digits >= from.digits && (to.is_signed || !from.is_signed) && (to.is_float || !from.is_float);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
