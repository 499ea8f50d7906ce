#pragma once

#include <limits>

#include "lane.hpp"

// The functions an operation's value is made of, on plain numbers (the standard library's) and on lanes. Float lanes
// have vector kernels with a relative error of a few units in the last place; double lanes, which serve checks, call
// the standard library number by number. NaN gives NaN everywhere.
namespace eigengrad::inline EIGENGRAD_ABI::math {

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

// Number by number, by the standard library.
template <class T, class Function>
EIGENGRAD_INLINE Lane<T> each(Function function, Lane<T> x) {
  for (Index i = 0; i < Lane<T>::width; ++i) x.values[i] = function(x.values[i]);
  return x;
}
#define EIGENGRAD_EACH(function)                                    \
  template <class T>                                                \
  EIGENGRAD_INLINE Lane<T> function(Lane<T> x) {                    \
    return each([](T number) { return std::function(number); }, x); \
  }
EIGENGRAD_EACH(exp)
EIGENGRAD_EACH(expm1)
EIGENGRAD_EACH(log)
EIGENGRAD_EACH(log1p)
EIGENGRAD_EACH(sin)
EIGENGRAD_EACH(cos)
EIGENGRAD_EACH(tan)
EIGENGRAD_EACH(tanh)
EIGENGRAD_EACH(erf)
EIGENGRAD_EACH(erfc)
#if !defined(__x86_64__)
EIGENGRAD_EACH(sqrt)
#endif
#undef EIGENGRAD_EACH
template <class T>
EIGENGRAD_INLINE Lane<T> pow(Lane<T> x, Lane<T> y) {
  for (Index i = 0; i < Lane<T>::width; ++i) x.values[i] = std::pow(x.values[i], y.values[i]);
  return x;
}

using FloatLane = Lane<float>;

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
#endif

/// a - b, wrapping around: for the bits of numbers out of range, whose result is replaced afterwards.
EIGENGRAD_INLINE FloatLane::Bits wrapping_subtract(FloatLane::Bits a, FloatLane::Bits b) {
  using Unsigned [[gnu::vector_size(EIGENGRAD_LANE_BYTES)]] = std::uint32_t;
  return reinterpret_cast<FloatLane::Bits>(reinterpret_cast<Unsigned>(a) - reinterpret_cast<Unsigned>(b));
}

/// x = power * log(2) + rest, |rest| <= log(2) / 2, for |x| < 2^21; log(2) in two parts (Cody, Waite 1980).
struct PowerAndRest {
  FloatLane power, rest;
};
EIGENGRAD_INLINE PowerAndRest reduce_by_log2(FloatLane x) {
  const FloatLane shifter = 0x1.8p23f;  // adding it rounds to a whole number
  const FloatLane power = (x * 1.44269504f + shifter) - shifter;
  return {power, (x - power * 0.693359375f) - power * -2.12194440e-4f};
}
/// exp(r) - 1 for |r| <= log(2) / 2: Taylor's series to r^7 / 7!, whose remainder is 5e-9.
EIGENGRAD_INLINE FloatLane expm1_of_rest(FloatLane r) {
  // By pairs, so that fewer steps wait for one another (Estrin's scheme).
  const FloatLane square = r * r;
  const FloatLane low = r * (1.f / 6) + 0.5f, middle = r * (1.f / 120) + 1.f / 24, high = r * (1.f / 5040) + 1.f / 720;
  const FloatLane p = (high * square + middle) * square + low;
  return p * square + r;
}
/// 2^n for whole n in [-126, 127].
EIGENGRAD_INLINE FloatLane power_of_two(FloatLane n) {
  // The sum's low bits are the biased exponent.
  return from_bits<float>(to_bits(n + 0x1.8p23f + 127.f) << 23);
}

EIGENGRAD_INLINE FloatLane exp(FloatLane x) {
  // Outside, the result is 0 or infinity. The scale comes in two halves, so that both ends are reached exactly.
  x = select(x > FloatLane(90.f), FloatLane(90.f), select(x < FloatLane(-105.f), FloatLane(-105.f), x));
  const auto [power, rest] = reduce_by_log2(x);
  const FloatLane shifter = 0x1.8p23f;
  const FloatLane half = (power * 0.5f + shifter) - shifter;
  return ((expm1_of_rest(rest) + 1.f) * power_of_two(half)) * power_of_two(power - half);
}
EIGENGRAD_INLINE FloatLane expm1(FloatLane x) {
  const FloatLane clamped =
      select(x > FloatLane(88.f), FloatLane(88.f), select(x < FloatLane(-30.f), FloatLane(-30.f), x));
  const auto [power, rest] = reduce_by_log2(clamped);
  const FloatLane scale = power_of_two(power);
  return select(x > FloatLane(88.f), exp(x),
                select(x == FloatLane(0.f), x, scale * expm1_of_rest(rest) + (scale - 1.f)));
}
/// erfc(a) for a >= 0: exp(-a^2) P(a) / Q(a), the quotient fitted to 6e-9. Of a^2 both halves of the digits are needed,
/// as a relative error there is one of a^2 times as much here.
EIGENGRAD_INLINE FloatLane erfc_of_magnitude(FloatLane a) {
  a = select(a > FloatLane(10.5f), FloatLane(10.5f), a);  // long 0
  const FloatLane head = from_bits<float>(to_bits(a) & ~0xfff);
  const auto [power, rest] = reduce_by_log2(-(head * head));
  const FloatLane shifter = 0x1.8p23f;
  const FloatLane half = (power * 0.5f + shifter) - shifter;
  const FloatLane e = expm1_of_rest(rest - (a - head) * (a + head)) + 1.f;
  FloatLane p = a * 0.0327980073f + 0.229225947f;
  p = p * a + 0.731619196f;
  p = p * a + 1.23842488f;
  p = p * a + 1.f;
  FloatLane q = a * 0.0581322556f + 0.406318813f;
  q = q * a + 1.32539669f;
  q = q * a + 2.40226288f;
  q = q * a + 2.36680462f;
  q = q * a + 1.f;
  return ((p / q * e) * power_of_two(half)) * power_of_two(power - half);
}
EIGENGRAD_INLINE FloatLane erfc(FloatLane x) {
  const FloatLane tail = erfc_of_magnitude(abs(x));
  return select(x < FloatLane(0.f), 2.f - tail, tail);
}
/// Below 0.9 x P(x^2), fitted to 1e-9.
EIGENGRAD_INLINE FloatLane erf(FloatLane x) {
  const FloatLane z = x * x;
  FloatLane p = z * 7.85376669e-05f - 0.000801016762f;
  p = p * z + 0.00518832503f;
  p = p * z - 0.0268538107f;
  p = p * z + 0.112835851f;
  p = p * z - 0.376126258f;
  p = p * z + 1.12837917f;
  return select(abs(x) < FloatLane(0.9f), x * p, copysign(1.f - erfc_of_magnitude(abs(x)), x));
}
/// x P(x^2) / Q(x^2), fitted for the least relative error below 8 (6 units in the last place at most, every float
/// tried); from there on 1, which is as close. Half the work of going by exp.
EIGENGRAD_INLINE FloatLane tanh(FloatLane x) {
  const FloatLane z = x * x;
  FloatLane p = z * 1.52303952e-08f + 2.18946459e-05f;
  p = p * z + 0.00357159706f;
  p = p * z + 0.134444972f;
  p = p * z + 1.f;
  FloatLane q = z * 8.52243744e-07f + 0.000341129041f;
  q = q * z + 0.0261644392f;
  q = q * z + 0.467778245f;
  q = q * z + 1.f;
  return select(abs(x) >= FloatLane(8.f), copysign(FloatLane(1.f), x), (x * p) / q);
}
/// log(x) = exponent * log(2) + log(1 + f), sqrt(1/2) <= 1 + f < sqrt(2); with s = f / (2 + f),
/// log(1 + f) = f - s (f - r), r = 2/3 s^2 + 2/5 s^4 + ... (W. J. Cody's form, as in fdlibm's e_log.c).
EIGENGRAD_INLINE FloatLane log(FloatLane x) {
  const FloatLane smallest_normal = (std::numeric_limits<float>::min)();
  const Mask<float> denormal = x < smallest_normal;
  const FloatLane normal = select(denormal, x * 0x1p23f, x);
  const auto bits = wrapping_subtract(to_bits(normal), FloatLane::Bits{} + 0x3f3504f3);  // sqrt(1/2)
  FloatLane exponent = __builtin_convertvector(bits >> 23, FloatLane::Values);
  exponent = select(denormal, exponent - 23.f, exponent);
  const FloatLane f = from_bits<float>((bits & 0x7fffff) + 0x3f3504f3) - 1.f;
  const FloatLane s = f / (f + 2.f), z = s * s;
  const FloatLane r = z * (z * (z * (z * (z * (2.f / 11) + 2.f / 9) + 2.f / 7) + 2.f / 5) + 2.f / 3);
  FloatLane result = exponent * 0.693359375f + (f - (s * (f - r) - exponent * -2.12194440e-4f));
  const FloatLane infinity = std::numeric_limits<float>::infinity();
  const FloatLane nan = std::numeric_limits<float>::quiet_NaN();
  result = select(x < infinity, result, x);  // infinity and NaN
  result = select(x == FloatLane(0.f), -infinity, result);
  return select(x < FloatLane(0.f), nan, result);
}
EIGENGRAD_INLINE FloatLane log1p(FloatLane x) {
  // log(1 + x) corrected for what rounding 1 + x lost (Kahan); exact where 1 + x rounds to 1.
  const FloatLane u = x + 1.f, lost = u - 1.f;
  const FloatLane infinity = std::numeric_limits<float>::infinity();
  const Mask<float> plain = lost == FloatLane(0.f) || u == infinity;
  return select(plain, x,
                log(u) * select(u == FloatLane(0.f), FloatLane(1.f), x / select(plain, FloatLane(1.f), lost)));
}

/// sin and cos share the reduction x = quadrant * pi / 2 + rest in three parts, good for |x| <= 8192; a lane with a
/// larger number goes to the standard library.
struct Quadrants {
  typename FloatLane::Bits quadrant;
  FloatLane sine, cosine;
};
EIGENGRAD_INLINE bool beyond(FloatLane x, float bound) {
  const auto outside = (abs(x) > FloatLane(bound)).bits;
  std::int32_t any = 0;
  for (Index i = 0; i < FloatLane::width; ++i) any |= outside[i];
  return any != 0;
}
EIGENGRAD_INLINE Quadrants reduce_by_half_pi(FloatLane x) {
  const FloatLane shifter = 0x1.8p23f;
  const FloatLane shifted = x * 0.636619772f + shifter, n = shifted - shifter;
  const FloatLane r = ((x - n * 1.5703125f) - n * 4.837512969970703125e-4f) - n * 7.54978995489188216e-8f;
  const FloatLane z = r * r;
  // Taylor's series: remainders 2e-9 and 3e-10 at pi / 4.
  const FloatLane sine = r + r * z * (z * (z * (z * (1.f / 362880) - 1.f / 5040) + 1.f / 120) - 1.f / 6);
  const FloatLane cosine =
      1.f + z * (z * (z * (z * (z * (-1.f / 3628800) + 1.f / 40320) - 1.f / 720) + 1.f / 24) - 0.5f);
  return {to_bits(shifted), sine, cosine};
}
EIGENGRAD_INLINE FloatLane pick_quadrant(const Quadrants& q, typename FloatLane::Bits quadrant) {
  const FloatLane value = select(Mask<float>{(quadrant & 1) != 0}, q.cosine, q.sine);
  return from_bits<float>(to_bits(value) ^ ((quadrant & 2) << 30));
}
EIGENGRAD_INLINE FloatLane sin(FloatLane x) {
  if (beyond(x, 8192.f)) [[unlikely]]
    return each([](float number) { return std::sin(number); }, x);
  const Quadrants q = reduce_by_half_pi(x);
  return select(x == FloatLane(0.f), x, pick_quadrant(q, q.quadrant));
}
EIGENGRAD_INLINE FloatLane cos(FloatLane x) {
  if (beyond(x, 8192.f)) [[unlikely]]
    return each([](float number) { return std::cos(number); }, x);
  const Quadrants q = reduce_by_half_pi(x);
  return pick_quadrant(q, wrapping_subtract(q.quadrant, FloatLane::Bits{} - 1));
}
#endif

}  // namespace eigengrad::inline EIGENGRAD_ABI::math
