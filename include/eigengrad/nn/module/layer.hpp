#pragma once

#include <type_traits>

#include "../../core/tensor.hpp"
#include "../../formula/pointwise.hpp"
#include "module.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A module that makes one tensor of one tensor: what a Sequential is built of. Derive from it and override `forward`.
template <class T>
class Layer : public Module<T> {
 public:
  Tensor<T> forward(const Tensor<T>& x) override = 0;

  /// forward, and `then` on every number of it. Override it, beside forward, where both in one are quicker: a
  /// Sequential calls it when the next layer is such a function. A class that overrides forward alone is not passed
  /// over there; who calls this himself must know that it fits the forward.
  virtual Tensor<T> forward_then(const Tensor<T>& x, const Pointwise<T>& then) {
    return apply_pointwise(then, forward(x), calling_line());
  }
  /// The function that forward applies to every number, for the layer before to take along; null where there is no such
  /// table (formula/pointwise.hpp). Override it beside forward.
  virtual const Pointwise<T>* pointwise() const { return nullptr; }
};

/// The class that declares a member function, of the type of &M::forward: a base of M where M inherits it.
template <class MemberFunction>
struct DeclaringClass;
template <class Function, class Class>
struct DeclaringClass<Function Class::*> {
  using type = Class;
};
/// Whether a class that has these member functions overrides Answer where it overrides Forward, or later; not so where
/// it overrides forward and inherits what was said of another.
template <class Answer, class Forward>
concept OverriddenBeside =
    std::is_base_of_v<typename DeclaringClass<Forward>::type, typename DeclaringClass<Answer>::type>;

// Compiled: class Layer<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
