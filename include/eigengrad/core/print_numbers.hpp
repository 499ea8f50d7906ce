#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "dual.hpp"

// Numbers as words of one width, as NumPy's array2string chooses them: 8 digits after the point at most, fewer where
// fewer say the same, the scientific form where the numbers are too large, too small or too far apart.
namespace eigengrad::inline EIGENGRAD_ABI::print {

constexpr std::size_t most_digits = 8;  // after the point
/// Whether the type has fewer digits than that.
template <class T>
inline constexpr bool is_short = std::numeric_limits<T>::digits10 < 8;

/// A finite number in parts: "-1", "25" and, in the scientific form, sign and digits of the exponent: "+08".
struct NumberParts {
  std::string whole, fraction, exponent;
};

/// Reads what std::to_chars wrote.
inline NumberParts parts_of(const char* first, const char* last) {
  const std::string_view text(first, static_cast<std::size_t>(last - first));
  const auto e = std::min(text.find('e'), text.size());
  const std::string_view digits = text.substr(0, e);
  const auto point = std::min(digits.find('.'), digits.size());
  NumberParts parts;
  parts.whole = digits.substr(0, point);
  if (point < digits.size()) parts.fraction = digits.substr(point + 1);
  while (!parts.fraction.empty() && parts.fraction.back() == '0') parts.fraction.pop_back();
  if (e < text.size()) parts.exponent = text.substr(e + 1);
  return parts;
}
/// The number rounded to `precision` digits after the point; trailing zeros dropped.
template <class T>
NumberParts rounded_parts(T number, std::chars_format format, std::size_t precision) {
  char text[512];
  return parts_of(text, std::to_chars(text, text + sizeof text, number, format, static_cast<int>(precision)).ptr);
}
/// The fewest digits that give the number back.
template <class T>
NumberParts shortest_parts(T number, std::chars_format format) {
  char text[512];
  return parts_of(text, std::to_chars(text, text + sizeof text, number, format).ptr);
}

/// Whether NumPy would choose the scientific form for these numbers.
template <class T>
bool needs_exponents(const std::vector<T>& numbers) {
  T largest = 0, smallest = std::numeric_limits<T>::infinity();
  for (const T number : numbers) {
    if (!std::isfinite(number) || number == 0) continue;
    largest = std::max(largest, std::abs(number));
    smallest = std::min(smallest, std::abs(number));
  }
  if (largest == 0) return false;
  constexpr T too_large = static_cast<T>(is_short<T> ? 1e6 : 1e8);
  return largest >= too_large || smallest < T(0.0001) || largest / smallest > T(1000);
}

inline std::string padded(std::string text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

template <class T>
  requires std::is_floating_point_v<T>
std::vector<std::string> to_words(const std::vector<T>& numbers) {
  const bool scientific = needs_exponents(numbers);
  const auto format = scientific ? std::chars_format::scientific : std::chars_format::fixed;
  std::vector<NumberParts> all;
  std::size_t left = 0, right = 0, exponent = 0, widest_special = 0;
  for (const T number : numbers) {
    NumberParts parts;
    if (std::isfinite(number)) {
      parts = shortest_parts(number, format);
      if (parts.fraction.size() > most_digits) parts = rounded_parts(number, format, most_digits);
      left = std::max(left, parts.whole.size());
      right = std::max(right, parts.fraction.size());
      exponent = std::max(exponent, parts.exponent.size());
    } else {
      parts.whole = std::isnan(number) ? "nan" : number < 0 ? "-inf" : "inf";
      widest_special = std::max(widest_special, parts.whole.size());
    }
    all.push_back(std::move(parts));
  }
  const std::size_t after_point = right + (exponent > 0 ? exponent + 1 : 0);
  const std::size_t width = std::max(left + 1 + after_point, widest_special);
  std::vector<std::string> words;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    NumberParts& parts = all[i];
    // In the scientific form all get as many digits as the longest, true ones rather than zeros.
    if (scientific && std::isfinite(numbers[i])) parts = rounded_parts(numbers[i], format, right);
    std::string word = std::move(parts.whole);
    if (std::isfinite(numbers[i])) {
      word += '.';
      word += parts.fraction;
      word.append(right - parts.fraction.size(), scientific ? '0' : ' ');
      if (scientific) {
        word += 'e';
        word += parts.exponent[0];
        word.append(exponent - parts.exponent.size(), '0');
        word.append(parts.exponent, 1);
      }
    }
    words.push_back(padded(std::move(word), width));
  }
  return words;
}

/// Integers, aligned right; bools as True and False.
template <class T>
  requires std::is_integral_v<T>
std::vector<std::string> to_words(const std::vector<T>& numbers) {
  std::vector<std::string> words;
  std::size_t width = 0;
  for (const T number : numbers) {
    if constexpr (std::is_same_v<T, bool>)
      words.push_back(number ? "True" : "False");
    else
      words.push_back(std::to_string(number));
    width = std::is_same_v<T, bool> ? 5 : std::max(width, words.back().size());
  }
  for (std::string& word : words) word = padded(std::move(word), width);
  return words;
}

/// Dual numbers, as NumPy writes complex ones: 1. + 2.5e is the value 1 with the tangent 2.5.
template <class X>
std::vector<std::string> to_words(const std::vector<Dual<X>>& numbers) {
  std::vector<X> values, tangents;
  for (const Dual<X>& number : numbers) {
    values.push_back(number.value);
    tangents.push_back(number.tangent);
  }
  std::vector<std::string> words = to_words(values), right = to_words(tangents);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto end = right[i].find_last_not_of(' ') + 1;
    words[i] += " + " + right[i].substr(0, end) + 'e' + right[i].substr(end);
  }
  return words;
}

/// One number by itself, with all its digits, as Python prints it: 0.1, 1.0, 1e+20, nan, True, 7.
template <class T>
std::string to_word(T number) {
  if constexpr (std::is_same_v<T, bool>) {
    return number ? "True" : "False";
  } else if constexpr (is_dual<T>) {
    return to_word(number.value) + " + " + to_word(number.tangent) + 'e';
  } else if constexpr (std::is_integral_v<T>) {
    return std::to_string(number);
  } else {
    if (!std::isfinite(number)) return std::isnan(number) ? "nan" : number < 0 ? "-inf" : "inf";
    NumberParts parts = shortest_parts(number, std::chars_format::scientific);
    const double size = std::abs(static_cast<double>(number));
    if (size != 0 && (size < 1e-4 || size >= (is_short<T> ? 1e6 : 1e16)))
      return parts.whole + (parts.fraction.empty() ? "" : "." + parts.fraction) + 'e' + parts.exponent;
    // Written out around the point, with zeros where the digits end before it or begin behind it.
    const bool negative = parts.whole[0] == '-';
    std::string digits = parts.whole.substr(negative) + parts.fraction;
    int point = 1 + std::stoi(parts.exponent);
    for (; point < 1; ++point) digits.insert(0, 1, '0');
    const auto whole = static_cast<std::size_t>(point);
    if (digits.size() <= whole) digits.append(whole + 1 - digits.size(), '0');
    return (negative ? "-" : "") + digits.substr(0, whole) + '.' + digits.substr(whole);
  }
}

}  // namespace eigengrad::inline EIGENGRAD_ABI::print
