#pragma once

#include "../core/tensor.hpp"
#include "../formula/formula.hpp"

// Comparisons, which make masks, and the choice by a mask.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Whether an operator on it is ours: a tensor, formula, parameter or dual number.
template <class A>
concept OperatorOperand = Expression<A> || is_dual<A> || TracedValue<A>;
/// Two things an operator of ours joins.
template <class A, class B>
concept ElementwiseOperands = Elementwise<A> && Elementwise<B> && (OperatorOperand<A> || OperatorOperand<B>);
/// Tensors of two number types, masks aside.
template <class A, class B>
concept MixedNumbers =
    Expression<A> && Expression<B> && !std::is_same_v<plain_t<typename A::Element>, plain_t<typename B::Element>> &&
    !std::is_same_v<typename A::Element, bool> && !std::is_same_v<typename B::Element, bool>;
/// A tensor beside one of Eigen's matrices or arrays.
template <class A, class B>
concept BesideEigen = (Expression<A> && requires { typename B::PlainObject; }) ||
                      (Expression<B> && requires { typename A::PlainObject; });

#define EIGENGRAD_COMPARISON(Op, symbol, text)                                              \
  struct Op {                                                                               \
    static constexpr const char* name = text;                                               \
    static constexpr bool is_predicate = true;                                              \
    EIGENGRAD_INLINE static auto value(const auto& a, const auto& b) { return a symbol b; } \
  };                                                                                        \
  template <class A, class B>                                                               \
    requires ElementwiseOperands<A, B>                                                      \
  EIGENGRAD_INLINE auto operator symbol(const A& a, const B& b) {                           \
    return apply<Op>(a, b);                                                                 \
  }
EIGENGRAD_COMPARISON(LessOperation, <, "less")
EIGENGRAD_COMPARISON(LessEqualOperation, <=, "less_equal")
EIGENGRAD_COMPARISON(GreaterOperation, >, "greater")
EIGENGRAD_COMPARISON(GreaterEqualOperation, >=, "greater_equal")
EIGENGRAD_COMPARISON(EqualOperation, ==, "equal")
EIGENGRAD_COMPARISON(NotEqualOperation, !=, "not_equal")
EIGENGRAD_COMPARISON(LogicalAndOperation, &&, "logical_and")
EIGENGRAD_COMPARISON(LogicalOrOperation, ||, "logical_or")
#undef EIGENGRAD_COMPARISON

/// Where a mask is false.
struct LogicalNotOperation {
  static constexpr const char* name = "logical_not";
  static constexpr bool is_predicate = true;
  EIGENGRAD_INLINE static auto value(const auto& a) { return !a; }
};
template <class A>
  requires(Expression<A> || TracedValue<A>)
EIGENGRAD_INLINE auto operator!(const A& a) {
  return apply<LogicalNotOperation>(a);
}

/// Where a number is NaN.
template <Elementwise X>
EIGENGRAD_INLINE auto isnan(const X& x) {
  return x != x;
}

/// `yes` where the condition holds, `no` elsewhere; each gets the gradient of its own places.
struct WhereOperation {
  static constexpr const char* name = "where";
  EIGENGRAD_INLINE static auto value(const auto& condition, const auto& yes, const auto& no) {
    if constexpr (Number<std::decay_t<decltype(condition)>>)
      return math::select(condition != 0, yes, no);  // of plain numbers it came as one of them
    else
      return math::select(condition, yes, no);
  }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& condition, const auto&, const auto&);
};
/// The type of a choice between two numbers: the compared tensors', or the numbers' own.
template <class C, class Own>
struct ChoiceOf {
  using type = std::conditional_t<std::is_integral_v<Own> && !std::is_same_v<Own, bool>, std::int64_t, Own>;
};
template <class C, class Own>
  requires(std::is_floating_point_v<typename C::Scalar>)
struct ChoiceOf<C, Own> {
  using type = typename C::Scalar;
};

template <class C, Elementwise Yes, Elementwise No>
  requires(!(Expression<C> && Number<Yes> && Number<No>))
EIGENGRAD_INLINE auto where(const C& condition, const Yes& yes, const No& no) {
  return apply<WhereOperation>(condition, yes, no);
}
/// One of two numbers: where(x > 0, 1, 0) is of x's type, where(mask, 1.5, 0) of the numbers' own.
template <Expression C, Number Yes, Number No>
auto where(const C& condition, Yes yes, No no) {
  using T = typename ChoiceOf<C, std::common_type_t<Yes, No>>::type;
  return where(condition, Tensor<T>::full({}, static_cast<T>(yes)), static_cast<T>(no));
}
EIGENGRAD_INLINE auto WhereOperation::gradient(const auto& dy, const auto& condition, const auto&, const auto&) {
  return to_each(NoGradient(), where(condition, dy, 0), where(condition, 0, dy));
}

/// -1, 0 or 1; sign(NaN) is NaN. Its gradient is 0.
struct SignOperation {
  static constexpr const char* name = "sign";
  EIGENGRAD_INLINE static auto value(const auto& x) { return where(x > 0, 1, where(x < 0, -1, x)); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto&) { return 0 * dy; }
};
template <Elementwise X>
EIGENGRAD_INLINE auto sign(const X& x) {
  return apply<SignOperation>(x);
}

// Compiled by blocks: struct BlockRule<SignOperation, T, false>
// Compiled by blocks: struct BlockRule<LessOperation, T, false, false>
// Compiled by blocks: struct BlockRule<LessEqualOperation, T, false, false>
// Compiled by blocks: struct BlockRule<GreaterOperation, T, false, false>
// Compiled by blocks: struct BlockRule<GreaterEqualOperation, T, false, false>
// Compiled by blocks: struct BlockRule<EqualOperation, T, false, false>
// Compiled by blocks: struct BlockRule<NotEqualOperation, T, false, false>
// Compiled by blocks: struct BlockRule<WhereOperation, T, true, false, false>
}}  // namespace eigengrad::EIGENGRAD_ABI
