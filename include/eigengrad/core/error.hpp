#pragma once

#include <charconv>
#include <concepts>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "../config.hpp"

// Errors: Error, and under it ShapeError, IndexError, ValueError, GradientError (and TangentError), AnomalyError,
// FileError.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Base of everything the library throws.
struct EIGENGRAD_SHARED Error : std::runtime_error {
  using std::runtime_error::runtime_error;

  /// On its way out of modules: names the place before what was said, "layer 2 (Sequential), layer 0 (Linear): ...".
  EIGENGRAD_COLD void add_place(std::string place, const std::string& kind) {
    bool number = true;
    for (const char c : place) number = number && (c == '.' || (c >= '0' && c <= '9'));
    if (number) place = std::string("layer ").append(place);
    place += " (";
    place += kind;
    place += has_place_ ? "), " : "): ";
    std::runtime_error::operator=(std::runtime_error(place + what()));
    has_place_ = true;
  }
  const void* came_out_of = nullptr;  // a module, until the one around it has named it

 private:
  bool has_place_ = false;
};
/// Shapes that do not fit an operation.
struct EIGENGRAD_SHARED ShapeError : Error {
  using Error::Error;
};
/// A position, axis or class label outside its range.
struct EIGENGRAD_SHARED IndexError : Error {
  using Error::Error;
};
/// A number or setting outside what is allowed.
struct EIGENGRAD_SHARED ValueError : Error {
  using Error::Error;
};
/// Misuse of the tape: nothing recorded, records released, two tapes mixed.
struct EIGENGRAD_SHARED GradientError : Error {
  using Error::Error;
};
/// What a tape with {.detect_anomaly = true} found: a NaN or an infinity that an operation made, or a number read where
/// the gradient does not follow.
struct EIGENGRAD_SHARED AnomalyError : Error {
  using Error::Error;
};
/// A dual number's tangent lost on the way to code that is not written for dual numbers.
struct EIGENGRAD_SHARED TangentError : GradientError {
  using GradientError::GradientError;
};
/// A file that is missing, unreadable or malformed.
struct EIGENGRAD_SHARED FileError : Error {
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

/// One part of a message: text, a number, or whatever has an append(std::string&, ...). Refers to what it was made
/// from. All messages are put together by one function over such parts; a function per list of types took time to
/// compile.
class TextPart {
 public:
  TextPart(const char* part) : write_(&write_characters), text_(part) {}
  TextPart(std::string_view part) : write_(&write_text), text_(part.data()), size_(part.size()) {}
  TextPart(const std::string& part) : TextPart(std::string_view(part)) {}
  TextPart(bool part) : TextPart(part ? "true" : "false") {}
  template <std::signed_integral Number>
  TextPart(Number part) : write_(&write_integer), integer_(part) {}
  template <std::unsigned_integral Number>
  TextPart(Number part) : write_(&write_size), integer_(static_cast<long long>(part)) {}
  TextPart(float part) : write_(&write_float), number_(static_cast<double>(part)) {}
  TextPart(double part) : write_(&write_double), number_(part) {}
  template <class Other>
    requires std::is_class_v<Other>
  TextPart(const Other& part) : write_(&write_object<Other>), object_(&part) {}

  void write(std::string& text) const { write_(text, *this); }

 private:
  EIGENGRAD_COLD static void write_characters(std::string& text, const TextPart& part) { text += part.text_; }
  EIGENGRAD_COLD static void write_text(std::string& text, const TextPart& part) {
    text.append(part.text_, part.size_);
  }
  EIGENGRAD_COLD static void write_integer(std::string& text, const TextPart& part) {
    char digits[24];
    std::snprintf(digits, sizeof digits, "%lld", part.integer_);
    text += digits;
  }
  EIGENGRAD_COLD static void write_size(std::string& text, const TextPart& part) {
    char digits[24];
    std::snprintf(digits, sizeof digits, "%llu", static_cast<unsigned long long>(part.integer_));
    text += digits;
  }
  // The fewest digits that give the number back.
  EIGENGRAD_COLD static void write_float(std::string& text, const TextPart& part) {
    if (part.number_ != part.number_) return text += "nan", void();  // its sign says nothing
    char digits[64];
    text.append(digits, std::to_chars(digits, digits + sizeof digits, static_cast<float>(part.number_)).ptr);
  }
  EIGENGRAD_COLD static void write_double(std::string& text, const TextPart& part) {
    if (part.number_ != part.number_) return text += "nan", void();
    char digits[64];
    text.append(digits, std::to_chars(digits, digits + sizeof digits, part.number_).ptr);
  }
  template <class Other>
  EIGENGRAD_COLD static void write_object(std::string& text, const TextPart& part) {
    append(text, *static_cast<const Other*>(part.object_));
  }

  void (*write_)(std::string& text, const TextPart& part);
  union {
    const char* text_;
    long long integer_;
    double number_;
    const void* object_;
  };
  std::size_t size_ = 0;
};

inline void append(std::string& text, std::string_view part) { text += part; }
template <class Number>
  requires std::is_arithmetic_v<Number>
void append(std::string& text, Number part) {
  TextPart(part).write(text);
}
EIGENGRAD_COLD inline void append(std::string& text, const Location& where) {
  if (where.line == 0) return;  // not known
  const char* name = where.file;
  for (const char* c = where.file; *c != '\0'; ++c)
    if (*c == '/' || *c == '\\') name = c + 1;
  text += " (";
  text += name;
  text += ":";
  append(text, where.line);
  text += ")";
}

EIGENGRAD_COLD inline std::string text_of(std::initializer_list<TextPart> parts) {
  std::string text;
  for (const TextPart& part : parts) part.write(text);
  return text;
}
/// The parts written one after another: text, numbers, shapes, a location.
template <class... Parts>
std::string to_text(const Parts&... parts) {
  return text_of({TextPart(parts)...});
}

// What a failure's message consists of: for each part how it is passed on, and for an object how it is written.
struct FailPart {
  char kind;
  void (*write)(std::string& text, const void* object) = nullptr;
};
template <class Other>
EIGENGRAD_COLD void write_object(std::string& text, const void* object) {
  append(text, *static_cast<const Other*>(object));
}
template <class Part>
consteval FailPart fail_part() {
  if constexpr (std::is_class_v<Part>)
    return {'o', &write_object<Part>};
  else if constexpr (std::is_same_v<Part, bool>)
    return {'b'};
  else if constexpr (std::is_integral_v<Part>)
    return {std::is_signed_v<Part> ? 'i' : 'u'};
  else if constexpr (std::is_floating_point_v<Part>)
    return {std::is_same_v<Part, float> ? 'f' : 'd'};
  else
    static_assert(std::is_convertible_v<const Part&, const char*>, "a message has no way to say this type");
  return {'s'};
}
template <class... Parts>
inline constexpr FailPart fail_parts[] = {fail_part<Parts>()...};

template <class E>
[[noreturn]] EIGENGRAD_COLD void throw_error(const std::string& text) {
  throw E(text);
}
/// Raises what the parts say. One function with a list of arguments as C has them, as a function for each list of types
/// took a fiftieth of a program's time to compile. Numbers go by value, so that a hot function's need not lie in memory
/// for the message's sake.
[[noreturn]] EIGENGRAD_COLD inline void fail_by_parts(void (*throw_error)(const std::string&), const FailPart* part,
                                                      std::size_t count, ...) {
  std::string text;
  std::va_list rest;
  va_start(rest, count);
  for (const FailPart* const end = part + count; part != end; ++part) switch (part->kind) {
      case 's':
        TextPart(va_arg(rest, const char*)).write(text);
        break;
      case 'i':
        TextPart(va_arg(rest, long long)).write(text);
        break;
      case 'u':
        TextPart(va_arg(rest, unsigned long long)).write(text);
        break;
      case 'f':
        TextPart(static_cast<float>(va_arg(rest, double))).write(text);
        break;
      case 'd':
        TextPart(va_arg(rest, double)).write(text);
        break;
      case 'b':
        TextPart(va_arg(rest, int) != 0).write(text);
        break;
      default:
        part->write(text, va_arg(rest, const void*));
    }
  va_end(rest);
  throw_error(text);
  std::abort();  // not reached
}
template <class Part>
EIGENGRAD_INLINE auto fail_argument(const Part& part) {
  if constexpr (std::is_class_v<Part>)
    return static_cast<const void*>(&part);
  else if constexpr (std::is_array_v<Part>)
    return static_cast<const char*>(part);
  else if constexpr (std::is_integral_v<Part> && !std::is_same_v<Part, bool>)
    return static_cast<std::conditional_t<std::is_signed_v<Part>, long long, unsigned long long>>(part);
  else
    return part;
}
/// Throws E with the parts as its message.
template <class E, class... Parts>
[[noreturn]] EIGENGRAD_INLINE void fail(const Parts&... parts) {
  fail_by_parts(&throw_error<E>, fail_parts<Parts...>, sizeof...(Parts), fail_argument(parts)...);
}

/// The library's only assertion, on in every build: throws E with the parts as its message unless `condition` holds.
template <class E, class... Parts>
EIGENGRAD_INLINE void(require)(bool condition, const Parts&... parts) {
  if (!condition) [[unlikely]]
    fail<E>(parts...);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
