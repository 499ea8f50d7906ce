#pragma once

#include <charconv>
#include <clocale>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>

#include "../core/error.hpp"

// Numbers read from text, the same in every locale.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

enum class NumberStatus { good, malformed, out_of_range };

/// strtod, which knows denormals and rounds exactly, made independent of the locale's decimal point.
EIGENGRAD_LAZY double parse_slowly(std::string text, std::size_t& used) {
  const char* point = std::localeconv()->decimal_point;
  const std::size_t place = text.find('.'), width = std::string_view(point).size();
  if (place != std::string::npos) text.replace(place, 1, point);
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  used = static_cast<std::size_t>(end - text.c_str());
  if (place != std::string::npos && used > place) used -= width - 1;
  return value;
}

/// Reads the whole text as a number, in any locale: 1, -2.5, +1e3, inf, nan. What is too small becomes 0 or a
/// denormal number; what is too large for T is out of range.
template <class T>
NumberStatus parse_number(std::string_view text, T& value) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-' && text[1] != '+') text.remove_prefix(1);
  if (text.empty() || text[0] == '+' || text.find_first_not_of("0123456789+-.eEinfatyINFATY") != std::string_view::npos)
    return NumberStatus::malformed;
  [[maybe_unused]] const char* const end = text.data() + text.size();
  if constexpr (std::is_integral_v<T>) {
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (stop != end || error == std::errc::invalid_argument) return NumberStatus::malformed;
    return error == std::errc() ? NumberStatus::good : NumberStatus::out_of_range;
  } else {
    double number = 0;
    bool in_range = false;
#if defined(__cpp_lib_to_chars)
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (stop != end || error == std::errc::invalid_argument) return NumberStatus::malformed;
    in_range = error == std::errc();
#endif
    if (!in_range) {  // too large, too small, or a library without from_chars for double
      std::size_t used = 0;
      number = parse_slowly(std::string(text), used);
      if (used != text.size()) return NumberStatus::malformed;
      if (std::isinf(number) && text.find_first_of("iI") == std::string_view::npos) return NumberStatus::out_of_range;
    }
    if (std::isfinite(number) && std::abs(number) > static_cast<double>((std::numeric_limits<T>::max)()))
      return NumberStatus::out_of_range;
    value = static_cast<T>(number);
    return NumberStatus::good;
  }
}

}}  // namespace eigengrad::EIGENGRAD_ABI
