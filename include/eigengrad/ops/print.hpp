#pragma once

#include "../core/print.hpp"
#include "../formula/apply.hpp"

// std::cout << formula.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Prints a formula, which is evaluated for it, or a parameter's value, as NumPy prints an array.
template <class Character, class Traits, Expression X>
  requires(!std::is_same_v<X, Tensor<typename X::Element>>)
std::basic_ostream<Character, Traits>& operator<<(std::basic_ostream<Character, Traits>& out, const X& x) {
  const Tensor<typename X::Element> tensor = x.to_tensor();
  return out << tensor;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
