#pragma once

#include "basic.hpp"

// exp, expm1, log, log1p and tanh on lanes.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace math {
#if EIGENGRAD_LANE_BYTES > 0

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

/// 2^n for whole n in [-1022, 1023].
EIGENGRAD_INLINE DoubleLane power_of_two(DoubleLane n) {
  return from_bits<double>(to_bits(n + (0x1.8p52 + 1023)) << 52);
}
/// number * 2^power, rounded once, for whole powers in [-252, 254], or of doubles [-2044, 2046].
template <class T>
EIGENGRAD_INLINE Lane<T> scale(Lane<T> number, Lane<T> power) {
#if defined(__AVX512F__) && EIGENGRAD_LANE_BYTES == 64
  typename Lane<T>::Values result;
  if constexpr (sizeof(T) == sizeof(float))
    __asm__("vscalefps {%2, %1, %0|%0, %1, %2}" : "=v"(result) : "v"(number.values), "v"(power.values));
  else
    __asm__("vscalefpd {%2, %1, %0|%0, %1, %2}" : "=v"(result) : "v"(number.values), "v"(power.values));
  return result;
#else
  const Lane<T> shifter = sizeof(T) == sizeof(float) ? T(0x1.8p23) : T(0x1.8p52);
  const Lane<T> half = (power * T(0.5) + shifter) - shifter;  // in two halves, so that both ends are reached exactly
  return (number * power_of_two(half)) * power_of_two(power - half);
#endif
}

EIGENGRAD_INLINE FloatLane exp(FloatLane x) {
  const auto [power, rest] = reduce_by_log2(clamp(x, -105.f, 90.f));  // outside it is 0 or infinity
  return scale(expm1_of_rest(rest) + 1.f, power);
}
EIGENGRAD_INLINE FloatLane expm1(FloatLane x) {
  const auto [power, rest] = reduce_by_log2(clamp(x, -30.f, 88.f));
  const FloatLane scale = power_of_two(power);
  return select(x > FloatLane(88.f), exp(x),
                select(x == FloatLane(0.f), x, scale * expm1_of_rest(rest) + (scale - 1.f)));
}

/// The same of doubles; the first part of log(2) has 32 digits, so that its products with powers are exact.
EIGENGRAD_INLINE DoubleLane whole_powers(DoubleLane x) {
  const DoubleLane shifter = 0x1.8p52;
  return (x * 0x1.71547652b82fep+0 + shifter) - shifter;
}
struct DoublePowerAndRest {
  DoubleLane power, rest;
};
EIGENGRAD_INLINE DoublePowerAndRest reduce_by_log2(DoubleLane x) {
  const DoubleLane power = whole_powers(x);
  return {power, (x - power * 0x1.62e42feep-1) - power * 0x1.a39ef35793c76p-33};
}
/// exp(r) - 1 - r for |r| <= 0.347: r^2 Q(r), Q interpolated at Chebyshev's points; off by 4e-17 of exp(r) - 1.
EIGENGRAD_INLINE DoubleLane beyond_linear(DoubleLane r) {
  const DoubleLane square = r * r;
  DoubleLane even = square * 2.76202305675069e-07 + 2.4801520996825697e-05;
  DoubleLane odd = square * 2.5100494788905042e-08 + 2.7557268229963227e-06;
  even = even * square + 0.0013888888917406447;
  odd = odd * square + 0.00019841269863201828;
  even = even * square + 0.04166666666662374;
  odd = odd * square + 0.008333333333330032;
  even = even * square + 0.5000000000000001;
  odd = odd * square + 0.16666666666666669;
  return (odd * r + even) * square;
}
EIGENGRAD_INLINE DoubleLane expm1_of_rest(DoubleLane r) { return beyond_linear(r) + r; }
EIGENGRAD_INLINE DoubleLane exp(DoubleLane x) {
  const auto [power, rest] = reduce_by_log2(clamp(x, -746, 710));
  return scale(expm1_of_rest(rest) + 1.0, power);
}
EIGENGRAD_INLINE DoubleLane expm1(DoubleLane x) {
  const auto [power, rest] = reduce_by_log2(clamp(x, -40, 710));
  const DoubleLane half = power_of_two(power - 1.0);  // half as much does not overflow before the result does
  return select(abs(x) < DoubleLane(0x1p-54), x, (half * expm1_of_rest(rest) + (half - 0.5)) * 2.0);
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

/// expm1(2 a) / (expm1(2 a) + 2); from 20 on that is 1.
EIGENGRAD_INLINE DoubleLane tanh(DoubleLane x) {
  const DoubleLane a = abs(x), bounded = select(a > DoubleLane(20.0), DoubleLane(20.0), a);
  const auto [power, rest] = reduce_by_log2(bounded + bounded);
  const DoubleLane two_to_power = power_of_two(power);
  const DoubleLane e = two_to_power * expm1_of_rest(rest) + (two_to_power - 1.0);
  return copysign(e / (e + 2.0), x);
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

/// x = 2^exponent (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), for finite x > 0 that are not denormal; `bias` is the exponent
/// of 1.
struct ExponentAndFraction {
  DoubleLane exponent, f;
};
EIGENGRAD_INLINE ExponentAndFraction split_normal(DoubleLane x, DoubleLane bias = 1023.0) {
  using Unsigned [[gnu::vector_size(EIGENGRAD_LANE_BYTES)]] = std::uint64_t;
  constexpr std::uint64_t one = 0x3ff0000000000000, root_of_half = 0x3fe6a09e667f3bcd, fraction = 0xfffffffffffff;
  // The exponent becomes a number by standing in the digits of 2^52.
  const Unsigned bits = reinterpret_cast<Unsigned>(x.values) + (one - root_of_half);
  const auto biased = reinterpret_cast<DoubleLane::Values>((bits >> 52) | 0x4330000000000000u);
  const auto mantissa = reinterpret_cast<DoubleLane::Values>((bits & fraction) + root_of_half);
  return {DoubleLane(biased) - (bias + 0x1p52), DoubleLane(mantissa) - 1.0};
}
/// The same of denormal numbers, too.
EIGENGRAD_INLINE ExponentAndFraction split_exponent(DoubleLane x) {
  const Mask<double> denormal = x < DoubleLane((std::numeric_limits<double>::min)());
  return split_normal(select(denormal, x * 0x1p54, x), select(denormal, DoubleLane(1023.0 + 54), DoubleLane(1023.0)));
}
/// log(2^exponent (1 + f)) + lost / (2^exponent (1 + f)), of doubles: the series of r fitted as in fdlibm's e_log.c.
EIGENGRAD_INLINE DoubleLane log_of_parts(DoubleLane exponent, DoubleLane f, DoubleLane s, DoubleLane lost) {
  const DoubleLane z = s * s, w = z * z;
  const DoubleLane odd =
      ((w * 1.479819860511658591e-01 + 1.818357216161805012e-01) * w + 2.857142874366239149e-01) * w +
      6.666666666666735130e-01;
  const DoubleLane even = (w * 1.531383769920937332e-01 + 2.222219843214978396e-01) * w + 3.999999999940941908e-01;
  const DoubleLane r = z * (z * even + odd);
  return exponent * 0x1.62e42feep-1 + (f - (s * (f - r) - (exponent * 0x1.a39ef35793c76p-33 + lost)));
}
/// What the logarithm is where it is not finite.
EIGENGRAD_INLINE DoubleLane logarithm_at_ends(DoubleLane x, DoubleLane result) {
  const DoubleLane infinity = std::numeric_limits<double>::infinity();
  result = select(x < infinity, result, x);  // infinity and NaN
  result = select(x == DoubleLane(0.0), -infinity, result);
  return select(x < DoubleLane(0.0), DoubleLane(std::numeric_limits<double>::quiet_NaN()), result);
}
EIGENGRAD_INLINE DoubleLane log(DoubleLane x) {
  const auto [exponent, f] = split_exponent(x);
  return logarithm_at_ends(x, log_of_parts(exponent, f, f / (f + 2.0), 0.0));
}
/// log(u) + lost / u, where u + lost is 1 + x without rounding (Knuth's sum of two).
EIGENGRAD_INLINE DoubleLane log1p(DoubleLane x) {
  const DoubleLane u = x + 1.0, part = u - x, lost = (x - (u - part)) + (1.0 - part);
  const auto [exponent, f] = split_exponent(u);
  const DoubleLane s = f / (f + 2.0);
  // 1 / (1 + f) is (1 - s) / (1 + s), for which few digits do; where 2^-exponent would not be normal nothing is lost.
  const DoubleLane inverse = (1.0 - s) * (1.0 - s) * (s * s + 1.0) *
                             power_of_two(select(exponent > DoubleLane(60.0), DoubleLane(-60.0), -exponent));
  const DoubleLane result = log_of_parts(exponent, f, s, lost * inverse);
  return select(abs(x) < DoubleLane(0x1p-54), x, logarithm_at_ends(u, result));
}

#endif
}}}  // namespace eigengrad::EIGENGRAD_ABI::math
