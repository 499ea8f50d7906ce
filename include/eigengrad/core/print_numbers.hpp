#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <type_traits>

#include "dual.hpp"

// Numbers as words of one width, as NumPy's array2string chooses them: 8 digits after the point at most, fewer where
// fewer say the same, the scientific form where the numbers are too large, too small or too far apart. Real numbers are
// doubles here, of which it is known whether they were floats: so all of this is compiled once.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace print {

constexpr std::size_t most_digits = 8;  // after the point

/// A finite number in parts: "-1", "25" and, in the scientific form, sign and digits of the exponent: "+08".
class NumberParts {
 public:
  static constexpr int shortest = -1;  // the fewest digits that give the number back

  /// Rounded to `precision` digits after the point; trailing zeros dropped. `is_short` says that it is a float's
  /// number.
  EIGENGRAD_COLD NumberParts(double number, bool is_short, std::chars_format format, int precision = shortest) {
    char* const end = text_ + sizeof text_ - 1;
    const auto written = precision != shortest ? std::to_chars(text_, end, number, format, precision)
                         : is_short            ? std::to_chars(text_, end, static_cast<float>(number), format)
                                               : std::to_chars(text_, end, number, format);
    *written.ptr = '\0';
    const char* c = text_;
    while (*c != '\0' && *c != '.' && *c != 'e') ++c;
    whole = {text_, c};
    if (*c == '.') {
      const char* const first = ++c;
      while (*c != '\0' && *c != 'e') ++c;
      const char* last = c;
      while (last > first && last[-1] == '0') --last;
      fraction = {first, last};
    }
    if (*c == 'e') exponent = {c + 1, written.ptr};
  }
  NumberParts(const NumberParts&) = delete;

  std::string_view whole, fraction, exponent;

 private:
  char text_[512];
};

EIGENGRAD_COLD inline const char* special_word(double number) {
  return std::isnan(number) ? "nan" : number < 0 ? "-inf" : "inf";
}
/// The word `width` wide, flush right.
EIGENGRAD_COLD inline void append_right(std::string& text, std::string_view word, std::size_t width) {
  if (word.size() < width) text.append(width - word.size(), ' ');
  text += word;
}

/// Real numbers that are written in one width. All are shown to it twice, in two rounds, before the first is written.
class RealColumn {
 public:
  explicit RealColumn(bool is_short) : is_short_(is_short) {}

  EIGENGRAD_COLD void look(int round, double number) {
    if (!std::isfinite(number)) {
      widest_special_ = (std::max)(widest_special_, std::string_view(special_word(number)).size());
    } else if (round == 0) {
      if (number == 0) return;
      largest_ = (std::max)(largest_, std::abs(number));
      smallest_ = (std::min)(smallest_, std::abs(number));
    } else {
      const NumberParts parts(number, is_short_, format());
      const NumberParts rounded(number, is_short_, format(), static_cast<int>(most_digits));
      const bool is_long = parts.fraction.size() > most_digits;
      left_ = (std::max)(left_, (is_long ? rounded : parts).whole.size());
      right_ = (std::max)(right_, (is_long ? rounded : parts).fraction.size());
      exponent_ = (std::max)(exponent_, parts.exponent.size());
    }
  }
  EIGENGRAD_COLD void write(std::string& text, double number) const {
    const std::size_t after_point = right_ + (exponent_ > 0 ? exponent_ + 1 : 0);
    const std::size_t width = (std::max)(left_ + 1 + after_point, widest_special_);
    if (!std::isfinite(number)) return append_right(text, special_word(number), width);
    // In the scientific form all get as many digits as the longest, true ones rather than zeros.
    const std::size_t digits = is_scientific() ? right_ : most_digits;
    const NumberParts exact(number, is_short_, format());
    const NumberParts rounded(number, is_short_, format(), static_cast<int>(digits));
    const NumberParts& parts = is_scientific() || exact.fraction.size() > most_digits ? rounded : exact;
    append_right(text, parts.whole, width - 1 - after_point);
    text += '.';
    text += parts.fraction;
    text.append(right_ - parts.fraction.size(), is_scientific() ? '0' : ' ');
    if (!is_scientific()) return;
    text += 'e';
    text += parts.exponent[0];
    text.append(exponent_ - parts.exponent.size(), '0');
    text += parts.exponent.substr(1);
  }

 private:
  /// Whether NumPy would choose the scientific form; decided in the numbers' own precision.
  EIGENGRAD_COLD bool is_scientific() const {
    if (largest_ == 0) return false;
    if (!is_short_) return largest_ >= 1e8 || smallest_ < 0.0001 || largest_ / smallest_ > 1000;
    const auto largest = static_cast<float>(largest_), smallest = static_cast<float>(smallest_);
    return largest >= 1e6f || smallest < 0.0001f || largest / smallest > 1000;
  }
  std::chars_format format() const {
    return is_scientific() ? std::chars_format::scientific : std::chars_format::fixed;
  }

  bool is_short_;
  double largest_ = 0, smallest_ = std::numeric_limits<double>::infinity();
  std::size_t left_ = 0, right_ = 0, exponent_ = 0, widest_special_ = 0;
};

/// A real number by itself, with all its digits, as Python prints it: 0.1, 1.0, 1e+20, nan.
EIGENGRAD_COLD inline void append_real(std::string& text, double number, bool is_short) {
  if (!std::isfinite(number)) {
    text += special_word(number);
    return;
  }
  const NumberParts parts(number, is_short, std::chars_format::scientific);
  const double size = std::abs(number);
  if (size != 0 && (size < 1e-4 || size >= (is_short ? 1e6 : 1e16))) {
    text += parts.whole;
    if (!parts.fraction.empty()) text += '.';
    text += parts.fraction;
    text += 'e';
    text += parts.exponent;
    return;
  }
  // Written out around the point, with zeros where the digits end before it or begin behind it.
  const auto digits_start = text.size() + (parts.whole[0] == '-' ? 1 : 0);
  const int exponent = std::atoi(parts.exponent.data());
  text += parts.whole;
  text += parts.fraction;
  if (exponent < 0) text.insert(digits_start, static_cast<std::size_t>(-exponent), '0');
  const std::size_t point = digits_start + 1 + static_cast<std::size_t>((std::max)(exponent, 0));
  if (text.size() <= point) text.append(point + 1 - text.size(), '0');
  text.insert(point, 1, '.');
}

/// Numbers of type T that are written in one width; as RealColumn. Integers are aligned right.
template <class T>
class Column {
 public:
  void look(int, T number) { width_ = (std::max)(width_, word_of(number).size()); }
  void write(std::string& text, T number) const { append_right(text, word_of(number), width_); }

 private:
  static std::string word_of(T number) {
    if constexpr (std::is_same_v<T, bool>)
      return number ? "True" : "False";
    else
      return to_text(number);
  }
  std::size_t width_ = std::is_same_v<T, bool> ? 5 : 0;
};
template <class T>
  requires std::is_floating_point_v<T>
class Column<T> : public RealColumn {
 public:
  Column() : RealColumn(std::numeric_limits<T>::digits10 < 8) {}
};
/// Dual numbers, as NumPy writes complex ones: 1. + 2.5e is the value 1 with the tangent 2.5.
template <class X>
class Column<Dual<X>> {
 public:
  void look(int round, const Dual<X>& number) {
    values_.look(round, number.value);
    tangents_.look(round, number.tangent);
  }
  void write(std::string& text, const Dual<X>& number) const {
    values_.write(text, number.value);
    text += " + ";
    tangents_.write(text, number.tangent);
    text.insert(text.find_last_not_of(' ') + 1, 1, 'e');
  }

 private:
  Column<X> values_, tangents_;
};

/// One number by itself, with all its digits, as Python prints it: 0.1, 1.0, 1e+20, nan, True, 7.
template <class T>
void append_word(std::string& text, const T& number) {
  if constexpr (is_dual<T>) {
    append_word(text, number.value);
    text += " + ";
    append_word(text, number.tangent);
    text += 'e';
  } else if constexpr (std::is_floating_point_v<T>) {
    append_real(text, static_cast<double>(number), std::numeric_limits<T>::digits10 < 8);
  } else if constexpr (std::is_same_v<T, bool>) {
    text += number ? "True" : "False";
  } else {
    append(text, number);
  }
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::print
