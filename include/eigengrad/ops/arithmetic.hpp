#pragma once

#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "where.hpp"

// Each operation: what it is, and what flows back. docs/numerics.md has the values at kinks and beyond the domain.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class A, class B>
concept ArithmeticOperands = ElementwiseOperands<A, B> && !MixedNumbers<A, B>;
// What does not go together. (Of a deleted operator clang would list all others, of a macro its expansion.)
template <class A, class B>
concept Unlike = MixedNumbers<A, B> || BesideEigen<A, B>;
template <class A, class B>
  requires Unlike<A, B>
A operator+(const A& a, const B&) {
  static_assert(!Unlike<A, B>,
                "cast<T>(tensor) one of two number types; beside Eigen's, Tensor<T>::from_eigen(matrix)");
  return a;
}
template <class A, class B>
  requires Unlike<A, B>
A operator-(const A& a, const B&) {
  static_assert(!Unlike<A, B>,
                "cast<T>(tensor) one of two number types; beside Eigen's, Tensor<T>::from_eigen(matrix)");
  return a;
}
template <class A, class B>
  requires Unlike<A, B>
A operator*(const A& a, const B&) {
  static_assert(!Unlike<A, B>,
                "cast<T>(tensor) one of two number types; beside Eigen's, Tensor<T>::from_eigen(matrix)");
  return a;
}
template <class A, class B>
  requires Unlike<A, B>
A operator/(const A& a, const B&) {
  static_assert(!Unlike<A, B>,
                "cast<T>(tensor) one of two number types; beside Eigen's, Tensor<T>::from_eigen(matrix)");
  return a;
}

/// a + b; as all element-wise operations it broadcasts, and each gradient is summed back to its operand's shape.
struct AddOperation {
  static constexpr const char* name = "add";
  static constexpr bool is_arithmetic = true;
  EIGENGRAD_INLINE static auto value(const auto& a, const auto& b) { return a + b; }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto&, const auto&) { return to_each(dy, dy); }
};
template <class A, class B>
  requires ArithmeticOperands<A, B>
EIGENGRAD_INLINE auto operator+(const A& a, const B& b) {
  return apply<AddOperation>(a, b);
}

/// a - b.
struct SubtractOperation {
  static constexpr const char* name = "subtract";
  static constexpr bool is_arithmetic = true;
  EIGENGRAD_INLINE static auto value(const auto& a, const auto& b) { return a - b; }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto&, const auto&) { return to_each(dy, -dy); }
};
template <class A, class B>
  requires ArithmeticOperands<A, B>
EIGENGRAD_INLINE auto operator-(const A& a, const B& b) {
  return apply<SubtractOperation>(a, b);
}

/// a times b, element by element; matmul is the matrix product.
struct MultiplyOperation {
  static constexpr const char* name = "multiply";
  static constexpr bool is_arithmetic = true;
  EIGENGRAD_INLINE static auto value(const auto& a, const auto& b) { return a * b; }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& a, const auto& b) {
    return to_each(dy * b, dy * a);
  }
};
template <class A, class B>
  requires ArithmeticOperands<A, B>
EIGENGRAD_INLINE auto operator*(const A& a, const B& b) {
  return apply<MultiplyOperation>(a, b);
}

/// a / b, of floating-point numbers as IEEE 754 says; whole numbers by 0 throw ValueError.
struct DivideOperation {
  static constexpr const char* name = "divide";
  static constexpr bool is_arithmetic = true;
  EIGENGRAD_INLINE static auto value(const auto& a, const auto& b) {
    using B = std::decay_t<decltype(b)>;
    if constexpr (std::is_integral_v<B>)
      require<ValueError>(b != 0, "divide: an integer divided by 0: cast<float>(tensor) first, for infinity");
    if constexpr (std::is_integral_v<B> && std::is_signed_v<B>)
      if (b == -1) return static_cast<B>(0 - static_cast<std::make_unsigned_t<B>>(a));  // the smallest has no opposite
    return a / b;
  }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto&, const auto& b, const auto& y) {
    return to_each(dy / b, -(dy * y / b));  // (dy / b) y would be NaN where y is 0 and dy / b too large
  }
};
template <class A, class B>
  requires ArithmeticOperands<A, B>
EIGENGRAD_INLINE auto operator/(const A& a, const B& b) {
  return apply<DivideOperation>(a, b);
}

/// -a.
struct NegateOperation {
  static constexpr const char* name = "negate";
  static constexpr bool is_arithmetic = true;
  EIGENGRAD_INLINE static auto value(const auto& x) { return -x; }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto&) { return -dy; }
};
template <class A>
  requires OperatorOperand<A>
EIGENGRAD_INLINE auto operator-(const A& a) {
  return apply<NegateOperation>(a);
}

/// x * x.
struct SquareOperation {
  static constexpr const char* name = "square";
  EIGENGRAD_INLINE static auto value(const auto& x) { return x * x; }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) { return 2 * (dy * x); }
};
template <Elementwise X>
EIGENGRAD_INLINE auto square(const X& x) {
  return apply<SquareOperation>(x);
}

/// |x|; the gradient at 0 is 0.
struct AbsOperation {
  static constexpr const char* name = "abs";
  EIGENGRAD_INLINE static auto value(const auto& x) { return math::abs(x); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) { return dy * sign(x); }
};
template <Elementwise X>
EIGENGRAD_INLINE auto abs(const X& x) {
  return apply<AbsOperation>(x);
}

/// The larger; the gradient goes to the first where they are equal; NaN in either gives NaN.
struct MaximumOperation {
  static constexpr const char* name = "maximum";
  EIGENGRAD_INLINE static auto value(const auto& a, const auto& b) { return where(a >= b || a != a, a, b); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& a, const auto& b) {
    return to_each(where(a >= b || a != a, dy, 0), where(a >= b || a != a, 0, dy));
  }
};
template <Elementwise A, Elementwise B>
EIGENGRAD_INLINE auto maximum(const A& a, const B& b) {
  return apply<MaximumOperation>(a, b);
}

/// The smaller; the gradient goes to the first where they are equal; NaN in either gives NaN.
struct MinimumOperation {
  static constexpr const char* name = "minimum";
  EIGENGRAD_INLINE static auto value(const auto& a, const auto& b) { return where(a <= b || a != a, a, b); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& a, const auto& b) {
    return to_each(where(a <= b || a != a, dy, 0), where(a <= b || a != a, 0, dy));
  }
};
template <Elementwise A, Elementwise B>
EIGENGRAD_INLINE auto minimum(const A& a, const B& b) {
  return apply<MinimumOperation>(a, b);
}

/// x limited to [low, high], or high where low is larger; the gradient is 0 outside and 1 on the borders.
struct ClampOperation {
  static constexpr const char* name = "clamp";
  EIGENGRAD_INLINE static auto value(const auto& x, const auto& low, const auto& high) {
    const auto raised = where(x < low, low, x);
    return where(raised > high, high, raised);
  }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x, const auto& low, const auto& high) {
    return to_each(where(x < low || x > high, 0, dy), where(x < low && low <= high, dy, 0),
                   where(x > high || (x < low && low > high), dy, 0));
  }
};
template <Elementwise X, Elementwise L, Elementwise H>
EIGENGRAD_INLINE auto clamp(const X& x, const L& low, const H& high) {
  return apply<ClampOperation>(x, low, high);
}

template <class X, class B>
EIGENGRAD_INLINE Dual<X>& operator+=(Dual<X>& a, const B& b) {
  return a = Dual<X>(a + b);
}
template <class X, class B>
EIGENGRAD_INLINE Dual<X>& operator-=(Dual<X>& a, const B& b) {
  return a = Dual<X>(a - b);
}
template <class X, class B>
EIGENGRAD_INLINE Dual<X>& operator*=(Dual<X>& a, const B& b) {
  return a = Dual<X>(a * b);
}
template <class X, class B>
EIGENGRAD_INLINE Dual<X>& operator/=(Dual<X>& a, const B& b) {
  return a = Dual<X>(a / b);
}

template <class T, class B>
Tensor<T>& operator+=(Tensor<T>& a, const B& b) {
  return a = a + b;
}
template <class T, class B>
Tensor<T>& operator-=(Tensor<T>& a, const B& b) {
  return a = a - b;
}
template <class T, class B>
Tensor<T>& operator*=(Tensor<T>& a, const B& b) {
  return a = a * b;
}
template <class T, class B>
Tensor<T>& operator/=(Tensor<T>& a, const B& b) {
  return a = a / b;
}

// Compiled by blocks: struct BlockRule<NegateOperation, T, false>
// Compiled by blocks: struct BlockRule<SquareOperation, T, false>
// Compiled by blocks: struct BlockRule<AbsOperation, T, false>
// Compiled by blocks: struct BlockRule<AddOperation, T, false, false>
// Compiled by blocks: struct BlockRule<SubtractOperation, T, false, false>
// Compiled by blocks: struct BlockRule<MultiplyOperation, T, false, false>
// Compiled by blocks: struct BlockRule<DivideOperation, T, false, false>
// Compiled by blocks: struct BlockRule<MaximumOperation, T, false, false>
// Compiled by blocks: struct BlockRule<MinimumOperation, T, false, false>
// Compiled by blocks: struct BlockRule<ClampOperation, T, false, false, false>
}}  // namespace eigengrad::EIGENGRAD_ABI
