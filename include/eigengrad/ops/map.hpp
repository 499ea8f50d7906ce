#pragma once

#include "../core/dual.hpp"
#include "../core/pack.hpp"
#include "../formula/apply.hpp"
#include "activations.hpp"

// Your scalar function over whole tensors, with its gradient.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A user's scalar function as an operation; its gradient comes from running the function on dual lanes.
template <class Function, std::size_t arity>
struct MapOperation {
  static constexpr int cost = 20;

  const char* name;
  [[no_unique_address]] Function function;

  template <class... X>
  EIGENGRAD_INLINE auto value(const X&... x) const {
    return function(x...);
  }
  /// For gradients of gradients: the operations that the function is made of, one by one.
  template <class... X>
  auto unfold(const X&... x) const {
    return function(x...);
  }
  template <class DY, class... X>
    requires(sizeof...(X) == arity)
  EIGENGRAD_INLINE auto gradient(const DY& dy, const X&... x) const {
    return [&]<std::size_t... k>(std::index_sequence<k...>) {
      return to_each(dy * slope<k>(std::index_sequence<k...>(), x...)...);
    }(std::make_index_sequence<arity>());
  }

 private:
  template <std::size_t k, std::size_t... j, class... X>
  EIGENGRAD_INLINE auto slope(std::index_sequence<j...>, const X&... x) const {
    using V = PackElement<k, X...>;
    return Dual<V>(function(Dual<V>(x, V(j == k ? 1 : 0))...)).tangent;
  }
};

/// Applies a generic scalar function to whole tensors: one pass, one record, as in
///   map("gelu", [](auto x) { return 0.5f * x * (1 + tanh(0.79788456f * (x + 0.044715f * x * x * x))); }, x).
/// The arguments broadcast. The function must be pure; it may use our element-wise operations and plain numbers.
template <class Function, Expression... X>
auto map(const char* name, Function function, const X&... x) {
  using Op = MapOperation<Function, sizeof...(X)>;
  return make_formula(Op{name, std::move(function)}, x...);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
