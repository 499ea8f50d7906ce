#pragma once

#include <limits>

#include "lane.hpp"

// What the functions on lanes are made of, and the functions on plain numbers, which are the standard library's.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace math {

#define EIGENGRAD_SCALAR_FUNCTION(function)  \
  template <class T>                         \
    requires std::is_arithmetic_v<T>         \
  EIGENGRAD_INLINE T function(T x) {         \
    return static_cast<T>(std::function(x)); \
  }
EIGENGRAD_SCALAR_FUNCTION(exp)
EIGENGRAD_SCALAR_FUNCTION(expm1)
EIGENGRAD_SCALAR_FUNCTION(log)
EIGENGRAD_SCALAR_FUNCTION(log1p)
EIGENGRAD_SCALAR_FUNCTION(sqrt)
EIGENGRAD_SCALAR_FUNCTION(sin)
EIGENGRAD_SCALAR_FUNCTION(cos)
EIGENGRAD_SCALAR_FUNCTION(tan)
EIGENGRAD_SCALAR_FUNCTION(tanh)
EIGENGRAD_SCALAR_FUNCTION(erf)
EIGENGRAD_SCALAR_FUNCTION(erfc)
#undef EIGENGRAD_SCALAR_FUNCTION
template <class T>
  requires std::is_arithmetic_v<T>
EIGENGRAD_INLINE T pow(T x, T y) {
  return static_cast<T>(std::pow(x, y));
}
template <class T>
  requires(!is_lane<T>)
EIGENGRAD_INLINE T select(bool condition, T yes, T no) {
  return condition ? yes : no;
}
template <class T>
  requires std::is_arithmetic_v<T>
EIGENGRAD_INLINE T abs(T x) {
  return x < T(0) ? -x : x == T(0) ? T(0) : x;
}

#if EIGENGRAD_LANE_BYTES > 0
using FloatLane = Lane<float>;
using DoubleLane = Lane<double>;

template <class T>
EIGENGRAD_INLINE Lane<T> select(Mask<T> condition, Lane<T> yes, Lane<T> no) {
  return condition.bits ? yes.values : no.values;
}
template <class T>
EIGENGRAD_INLINE Lane<T> from_bits(typename Lane<T>::Bits bits) {
  return reinterpret_cast<typename Lane<T>::Values>(bits);
}
template <class T>
EIGENGRAD_INLINE typename Lane<T>::Bits to_bits(Lane<T> x) {
  return reinterpret_cast<typename Lane<T>::Bits>(x.values);
}
template <class T>
EIGENGRAD_INLINE Lane<T> abs(Lane<T> x) {
  return from_bits<T>(to_bits(x) & (std::numeric_limits<typename LaneVectors<T>::Bits>::max)());
}
/// x with the sign of y.
template <class T>
EIGENGRAD_INLINE Lane<T> copysign(Lane<T> x, Lane<T> y) {
  constexpr auto magnitude = (std::numeric_limits<typename LaneVectors<T>::Bits>::max)();
  return from_bits<T>((to_bits(x) & magnitude) | (to_bits(y) & ~magnitude));
}

/// Whether a mask is true anywhere: halves first.
template <std::size_t bytes>
EIGENGRAD_INLINE bool any_bit(const void* bits) {
  if constexpr (bytes > 16) {
    using Half [[gnu::vector_size(bytes / 2)]] = std::int64_t;
    Half halves[2];
    std::memcpy(halves, bits, sizeof halves);
    halves[0] |= halves[1];
    return any_bit<bytes / 2>(halves);
  } else {
    std::int64_t parts[2];
    std::memcpy(parts, bits, sizeof parts);
    return (parts[0] | parts[1]) != 0;
  }
}
#if defined(__AVX__)
template <>
EIGENGRAD_INLINE bool any_bit<32>(const void* bits) {
  long long all [[gnu::vector_size(32)]];
  std::memcpy(&all, bits, sizeof all);
  return __builtin_ia32_ptestz256(all, all) == 0;
}
#endif
template <class T>
EIGENGRAD_INLINE bool any(Mask<T> mask) {
  return any_bit<sizeof mask.bits>(&mask.bits);
}

/// Number by number.
template <class T, class Function>
EIGENGRAD_INLINE Lane<T> each(Function function, Lane<T> x) {
  for (Index i = 0; i < Lane<T>::width; ++i) x.values[i] = function(x.values[i]);
  return x;
}
template <class T>
EIGENGRAD_INLINE Lane<T> tan(Lane<T> x) {
  return each([](T number) { return std::tan(number); }, x);
}

#if defined(__x86_64__)
#if EIGENGRAD_LANE_BYTES > 16
#define EIGENGRAD_SQRT(suffix) "vsqrt" suffix " {%1, %0|%0, %1}" : "=v"(root) : "v"(x.values)
#else
#define EIGENGRAD_SQRT(suffix) "sqrt" suffix " {%1, %0|%0, %1}" : "=x"(root) : "x"(x.values)
#endif
/// By the processor's instruction: loops over std::sqrt are not vectorised, since it sets errno, and the header that
/// has the instruction as a function takes long to compile.
template <class T>
EIGENGRAD_INLINE Lane<T> sqrt(Lane<T> x) {
  typename Lane<T>::Values root;
  if constexpr (sizeof(T) == sizeof(float))
    __asm__(EIGENGRAD_SQRT("ps"));
  else
    __asm__(EIGENGRAD_SQRT("pd"));
  return root;
}
#undef EIGENGRAD_SQRT
#else
template <class T>
EIGENGRAD_INLINE Lane<T> sqrt(Lane<T> x) {
  return each([](T number) { return std::sqrt(number); }, x);
}
#endif

/// x within [lowest, highest]; NaN stays.
template <class T>
EIGENGRAD_INLINE Lane<T> clamp(Lane<T> x, std::type_identity_t<T> lowest, std::type_identity_t<T> highest) {
  const Lane<T> low(lowest), high(highest);
#if defined(__AVX__) && EIGENGRAD_LANE_BYTES > 16
  // g++ compares and blends, twice; where an operand is NaN these give the last one.
  typename Lane<T>::Values result;
  if constexpr (sizeof(T) == sizeof(float))
    __asm__("vmaxps {%2, %1, %0|%0, %1, %2}" : "=v"(result) : "v"(low.values), "v"(x.values));
  else
    __asm__("vmaxpd {%2, %1, %0|%0, %1, %2}" : "=v"(result) : "v"(low.values), "v"(x.values));
  if constexpr (sizeof(T) == sizeof(float))
    __asm__("vminps {%2, %1, %0|%0, %1, %2}" : "=v"(result) : "v"(high.values), "v"(result));
  else
    __asm__("vminpd {%2, %1, %0|%0, %1, %2}" : "=v"(result) : "v"(high.values), "v"(result));
  return result;
#else
  return select(x > high, high, select(x < low, low, x));
#endif
}

/// a - b, wrapping around: for the bits of numbers out of range, whose result is replaced afterwards.
EIGENGRAD_INLINE FloatLane::Bits wrapping_subtract(FloatLane::Bits a, FloatLane::Bits b) {
  using Unsigned [[gnu::vector_size(EIGENGRAD_LANE_BYTES)]] = std::uint32_t;
  return reinterpret_cast<FloatLane::Bits>(reinterpret_cast<Unsigned>(a) - reinterpret_cast<Unsigned>(b));
}
#endif

}}}  // namespace eigengrad::EIGENGRAD_ABI::math
