#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "error.hpp"

// Whole numbers from one number type to another: as they are, or refused.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
inline constexpr bool is_whole_type = std::is_integral_v<T> && !std::is_same_v<T, bool>;

/// The distance from 0, which for the lowest integer fits no signed type.
template <std::integral From>
constexpr std::uint64_t magnitude_of(From number) {
  return number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
}

/// Whether To has this very number. NaN and infinity are no integers.
template <class To, class From>
constexpr bool has_exactly(From number) {
  // Between floating-point types numbers are rounded.
  if constexpr (std::is_same_v<To, bool> || std::is_same_v<From, bool> || std::is_same_v<To, From> ||
                !(std::is_integral_v<From> || std::is_integral_v<To>)) {
    return true;
  } else if constexpr (std::is_integral_v<From> && std::is_integral_v<To>) {
    return (number < 0) == (static_cast<To>(number) < 0) && static_cast<From>(static_cast<To>(number)) == number;
  } else if constexpr (std::is_integral_v<From>) {  // between the first and the last bit that is set
    const std::uint64_t magnitude = magnitude_of(number);
    return magnitude == 0 ||
           static_cast<int>(std::bit_width(magnitude)) - std::countr_zero(magnitude) <= std::numeric_limits<To>::digits;
  } else {
    constexpr From limit = static_cast<From>(std::uint64_t{1} << (std::numeric_limits<To>::digits - 1)) * 2;
    return number < limit && number >= (std::is_signed_v<To> ? -limit : From(0)) && std::floor(number) == number;
  }
}

template <class T>
constexpr const char* number_type_name() {
  if constexpr (std::is_floating_point_v<T>)
    return sizeof(T) == 4 ? "float" : sizeof(T) == 8 ? "double" : "long double";
  constexpr bool is_signed = std::is_signed_v<T>;
  switch (sizeof(T)) {
    case 1:
      return is_signed ? "int8" : "uint8";
    case 2:
      return is_signed ? "int16" : "uint16";
    case 4:
      return is_signed ? "int32" : "uint32";
    default:
      return is_signed ? "int64" : "uint64";
  }
}
template <class From>
[[noreturn]] EIGENGRAD_COLD void fail_inexact(const char* operation, From number, const char* type) {
  fail<ValueError>(operation, ": there is no ", type, " ", number,
                   std::is_floating_point_v<From> ? ": give a whole number in the range of that type"
                                                  : ": use a number type that has it, such as double or int64");
}
/// A whole number as To; throws ValueError naming `operation` where To has only its neighbours.
template <class To, class From>
EIGENGRAD_INLINE constexpr To exactly(From number, const char* operation) {
  if (!has_exactly<To>(number)) [[unlikely]]
    fail_inexact(operation, number, number_type_name<To>());
  return static_cast<To>(number);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
