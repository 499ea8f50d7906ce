#pragma once

#include <charconv>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "config.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// Base of everything the library throws.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Shapes that do not fit an operation.
struct ShapeError : Error {
  using Error::Error;
};
/// A position, axis or class label outside its range.
struct IndexError : Error {
  using Error::Error;
};
/// A number or setting outside what is allowed.
struct ValueError : Error {
  using Error::Error;
};
/// Misuse of the tape: nothing recorded, records released, two tapes mixed.
struct GradientError : Error {
  using Error::Error;
};
/// A NaN or an infinity that an operation made, found by a tape with {.detect_anomaly = true}.
struct AnomalyError : Error {
  using Error::Error;
};
/// A dual number's tangent lost on the way to code that is not written for dual numbers.
struct TangentError : GradientError {
  using GradientError::GradientError;
};
/// A file that is missing, unreadable or malformed.
struct FileError : Error {
  using Error::Error;
};

/// Where the user called from; the last, defaulted parameter of named functions.
/// (std::source_location is not to be had with clang 14 and libstdc++; the two built-ins are.)
struct Location {
  const char* file = "";
  unsigned line = 0;

  static constexpr Location current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return {file, line};
  }
};

inline void append(std::string& text, std::string_view part) { text += part; }
template <class Number>
  requires std::is_arithmetic_v<Number>
void append(std::string& text, Number part) {
  if constexpr (std::is_same_v<Number, bool>)
    return append(text, part ? "true" : "false");
  else {
    char digits[64];
    const auto end = std::to_chars(digits, digits + sizeof digits, part).ptr;
    text.append(digits, end);
  }
}
inline void append(std::string& text, const Location& where) {
  const std::string_view file = where.file;
  const auto slash = file.find_last_of("/\\");
  text += " (";
  text += slash == std::string_view::npos ? file : file.substr(slash + 1);
  text += ':';
  append(text, where.line);
  text += ')';
}

/// The parts written one after another: text, numbers, shapes, a location.
template <class... Parts>
EIGENGRAD_COLD std::string to_text(const Parts&... parts) {
  std::string text;
  (append(text, parts), ...);
  return text;
}

/// Throws E with the parts as its message.
template <class E, class... Parts>
[[noreturn]] EIGENGRAD_COLD void fail(const Parts&... parts) {
  throw E(to_text(parts...));
}

/// The library's only assertion, on in every build: throws E with the parts as its message unless `condition` holds.
template <class E, class... Parts>
EIGENGRAD_INLINE void require(bool condition, const Parts&... parts) {
  if (!condition) [[unlikely]]
    fail<E>(parts...);
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
