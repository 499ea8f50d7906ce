#pragma once

#include <concepts>

#include "error.hpp"

// What t(i, j) is made of.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A position along the first axis, which brings along the line it was written in: functions of any number of positions
/// have no place for a defaulted Location.
struct Position {
  template <std::integral Whole>
  EIGENGRAD_INLINE Position(Whole position, Location from = Location::current())
      : index(static_cast<Index>(position)), where(from) {}
  Index index;
  Location where;
};

/// Reading one element, by its position; throws IndexError outside the shape. It is a plain number: element(t, i, j)
/// can be differentiated. That of a variable is a constant in place, so that a compiler which is asked to assign to it
/// names this class.
template <class T, class Derived>
struct ToWriteAnElementSay_at {
  template <std::integral... Rest>
  const T& operator()(Position first, Rest... rest) & {  // to write: t.at(i, j) = value
    return self().element_at("t(i, j)", first.where, {first.index, static_cast<Index>(rest)...});
  }
  template <std::integral... Rest>
  T operator()(Position first, Rest... rest) const& {  // to write: t.at(i, j) = value
    return self().element_at("t(i, j)", first.where, {first.index, static_cast<Index>(rest)...});
  }
  T operator()(Location where = Location::current()) const { return self().element_at("t()", where, {}); }

 private:
  const Derived& self() const { return *static_cast<const Derived*>(this); }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
