#pragma once

#include <algorithm>

#include "dual.hpp"
#include "shape.hpp"

// Values in nested braces.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// One number or a brace of them: what the braces in Tensor<T>{{1, 2}, {3, 4}} are made of.
template <class T>
class Nested {
 public:
  template <class Number>
    requires(std::is_arithmetic_v<Number> || (is_dual<Number> && !std::is_same_v<Number, T>))
  Nested(Number value) : value_(static_cast<T>(value)), is_number_(true) {}
  Nested(const T& value)
    requires(!std::is_arithmetic_v<T>)
      : value_(value), is_number_(true) {}
  Nested(std::initializer_list<Nested> parts) : parts_(parts) {}

  /// Appends the sizes below this level; throws ShapeError where `shape`, once known, is not met.
  EIGENGRAD_OUTLINE Shape shape() const {
    if (is_number_) return {};
    return nested_shape(parts_);
  }
  EIGENGRAD_OUTLINE void copy_to(T*& next) const {  // not inlined into itself
    if (is_number_)
      *next++ = value_;
    else
      for (const Nested& part : parts_) part.copy_to(next);
  }

  EIGENGRAD_COLD friend Shape nested_shape(std::initializer_list<Nested> parts) {
    Shape result{static_cast<Index>(parts.size())};
    if (parts.size() == 0) return result;
    const Shape first = parts.begin()->shape();
    for (const Nested& part : parts)
      require<ShapeError>(part.shape() == first, "tensor: braces of shapes ", first, " and ", part.shape(),
                          " side by side: every row needs the same number of values");
    return result + first;
  }

 private:
  T value_{};
  bool is_number_ = false;
  std::initializer_list<Nested> parts_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
