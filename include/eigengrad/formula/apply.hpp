#pragma once

#include "../core/dual.hpp"
#include "../core/pack.hpp"
#include "../simd/math.hpp"

// One element-wise operation is one struct:
//   struct TanhOperation {
//     static constexpr const char* name = "tanh";
//     static auto value(auto x) { return math::tanh(x); }
//     static auto gradient(auto dy, auto, auto y) { return dy * (1 - y * y); }
//   };
// `value` sees lanes (or single numbers). `gradient` sees the upstream gradient dy, the inputs and, if it takes one
// more, the result; it returns what flows to the input, or to_each(...) with one per input. It is written in
// arithmetic that lanes, dual numbers and tensors all have. apply<TanhOperation>(x) does the rest.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What can stand in a formula: a tensor, a parameter, another formula.
template <class X>
concept Expression = requires(const X& x) {
  typename X::Element;
  x.to_tensor();
};
/// A tensor on which each operation is carried out, and recorded, at once (formula/traced.hpp).
template <class X>
concept TracedValue = requires { typename X::TracedElement; };
/// What an element-wise operation takes.
template <class X>
concept Elementwise = Expression<X> || Number<X> || is_lane<X> || is_mask<X> || is_dual<X> || TracedValue<X>;

/// The gradients of an operation's inputs, in order.
template <class... Gradients>
EIGENGRAD_INLINE auto to_each(const Gradients&... gradients) {
  return Pack<Gradients...>{{gradients}...};
}
/// In place of a gradient: this input has none.
struct NoGradient {};

template <class Op>
concept Predicate = requires { requires Op::is_predicate; };

/// Whether a formula's top operation writes its gradient from its result, which then need not be computed again.
template <class F>
inline constexpr bool from_result = false;

/// Calls op.gradient with or without the result; always returns a pack.
template <class Op, class DY, class Y, class... X>
EIGENGRAD_INLINE auto gradients_of(const Op& op, const DY& dy, const Y& y, const X&... x) {
  const auto as_pack = [](const auto& result) {
    if constexpr (requires { result.is_pack; })
      return result;
    else
      return Pack<std::decay_t<decltype(result)>>{{result}};
  };
  if constexpr (requires { op.gradient(dy, x..., y); })
    return as_pack(op.gradient(dy, x..., y));
  else
    return as_pack(op.gradient(dy, x...));
}

/// The first lane or the deepest dual type among X, to which plain numbers are lifted.
template <class... X>
struct LiftedTo {
  using type = void;
};
template <class First, class... Rest>
struct LiftedTo<First, Rest...> {
  using Other = typename LiftedTo<Rest...>::type;
  using type =
      std::conditional_t<(is_lane<First> || is_dual<First>) && dual_depth<First> >= dual_depth<Other>, First, Other>;
};
template <class L>
inline constexpr bool is_dual_lane = false;
template <class T>
inline constexpr bool is_dual_lane<Dual<Lane<T>>> = true;
template <class X>
inline constexpr bool is_dual_lane<Dual<Dual<X>>> = is_dual_lane<Dual<X>>;
template <class L, class X>
EIGENGRAD_INLINE auto lift(const X& x) {
  if constexpr (std::is_void_v<L> || is_mask<X> || is_lane<X> || (is_dual<X> && dual_depth<X> == dual_depth<L>))
    return x;
  else if constexpr (is_dual<L>)
    return decltype(L::value)(x);  // a constant: it has no tangent to follow
  else
    return L(x);
}
template <class X>
EIGENGRAD_INLINE auto value_part(const X& x) {
  if constexpr (is_dual<X>)
    return x.value;
  else
    return x;
}

template <class Op, class... X>
EIGENGRAD_INLINE auto apply_with(const Op& op, const X&... x);

/// Whether an operation is one of + - * / alone, which need no function.
template <class Op>
concept Arithmetic = requires { requires Op::is_arithmetic; };

// A single number stands in a lane while an operation works on it: the functions that a user's operation calls are
// found for lanes wherever it is written, for double only where they are in scope.
template <class T, class X>
EIGENGRAD_INLINE auto in_lane(const X& x) {
  if constexpr (std::is_same_v<X, bool>)
    return lane_t<T>(x ? 1 : 0) != lane_t<T>(0);
  else
    return lane_t<T>(x);
}
template <class Op, class T>
inline constexpr bool runs_in_lanes = !Arithmetic<Op> && std::is_arithmetic_v<T> && (lane_width<T> > 1);
template <class X>
EIGENGRAD_INLINE auto out_of_lane(const X& x) {
  if constexpr (is_lane<X> || (is_mask<X> && !std::is_same_v<X, bool>))
    return x[0];
  else
    return x;
}
template <class T, class Op, class... X>
EIGENGRAD_INLINE auto value_of_number(const Op& op, const X&... x) {
  if constexpr (runs_in_lanes<Op, T>)
    return out_of_lane(apply_with(op, in_lane<T>(x)...));
  else
    return apply_with(op, x...);
}
template <class T, std::size_t k, class Op, class V, class... X>
EIGENGRAD_INLINE V tangent_of_number(const Op& op, const V& tangent, const V& value, const X&... x) {
  if constexpr (runs_in_lanes<Op, T>)
    return V(out_of_lane(part<k>(gradients_of(op, in_lane<T>(tangent), in_lane<T>(value), in_lane<T>(x)...))));
  else
    return V(part<k>(gradients_of(op, tangent, value, x...)));
}

/// The position of the first true.
constexpr std::size_t first_true(auto... conditions) {
  std::size_t position = 0;
  (void)((conditions || (++position, false)) || ...);
  return position;
}

// Forward mode for every operation at once: each element's Jacobian is a number, so the gradient rule with a tangent in
// place of dy is the derivative in that direction.
template <class Op, class... X>
EIGENGRAD_INLINE auto apply_to_duals(const Op& op, const X&... x) {
  using T = std::decay_t<decltype(LiftedTo<X...>::type::value)>;
  auto value = value_of_number<T>(op, value_part(x)...);
  if constexpr (is_mask<decltype(value)>) {
    return value;
  } else {
    using V = decltype(value);
    Dual<V> result(value, V(0));
    constexpr std::size_t first = first_true(is_dual<X>...);
    const auto add = [&]<std::size_t k>(std::integral_constant<std::size_t, k>, const auto& input) {
      if constexpr (is_dual<std::decay_t<decltype(input)>>) {
        if constexpr (!is_lane<V>)
          if (is_zero(input.tangent)) return;  // 0 also times an infinite slope
        const V part = tangent_of_number<T, k>(op, V(input.tangent), value, value_part(x)...);
        result.tangent = k == first ? part : V(result.tangent + part);
      }
    };
    [&]<std::size_t... k>(std::index_sequence<k...>) {
      (add(std::integral_constant<std::size_t, k>(), x), ...);
    }(std::index_sequence_for<X...>());
    return result;
  }
}

// Single dual numbers serve checks: what is expensive is called rather than compiled into every loop anew.
template <class Op, class... X>
EIGENGRAD_OUTLINE auto call_with_duals(const Op& op, const X&... x) {
  return apply_to_duals(op, x...);
}

template <class Op, class... X>
auto make_formula(const Op& op, const X&... x);  // formula/formula.hpp
template <class Op, class... X>
auto evaluate_traced(const Op& op, const X&... x);  // formula/traced.hpp

/// An operation on whatever it is given: tensors make a formula, numbers a number.
template <class Op, class... X>
EIGENGRAD_INLINE auto apply_with(const Op& op, const X&... x) {
  using L = typename LiftedTo<X...>::type;
  if constexpr ((Expression<X> || ...))
    return make_formula(op, x...);
  else if constexpr ((TracedValue<X> || ...))
    return evaluate_traced(op, x...);
  else if constexpr (is_dual<L> && requires { op.unfold(lift<L>(x)...); })
    return op.unfold(lift<L>(x)...);
  else if constexpr (is_dual_lane<L>)
    return apply_to_duals(op, lift<L>(x)...);
  else if constexpr (is_dual<L>)
    return call_with_duals(op, lift<L>(x)...);
  else if constexpr (std::is_void_v<L> && (Number<X> && ...))
    return op.value(static_cast<std::common_type_t<X...>>(x)...);
  else
    return op.value(lift<L>(x)...);
}
/// An element-wise operation on its inputs: a formula of tensors, a number of numbers.
template <class Op, class... X>
EIGENGRAD_INLINE auto apply(const X&... x) {
  return apply_with(Op{}, x...);
}
/// The derivative at x of a function whose value there is y: of numbers from both; else as an operation, to be
/// differentiated again.
template <class Slope, class X>
EIGENGRAD_INLINE auto slope_of(const X& x, [[maybe_unused]] const X& y) {
  if constexpr (is_lane<X> || std::is_floating_point_v<X>)
    return Slope::of(x, y);
  else
    return apply<Slope>(x);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
