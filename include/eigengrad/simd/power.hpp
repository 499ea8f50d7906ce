#pragma once

#include "exponential.hpp"

// pow on lanes: small whole exponents by repeated products, the square root, and all others by exp(y log(x)) with more
// digits than a double has (floats: in doubles).
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace math {
#if EIGENGRAD_LANE_BYTES > 0

/// The first 26 digits, so that products of two such numbers are exact.
EIGENGRAD_INLINE DoubleLane first_digits(DoubleLane x) { return from_bits<double>(to_bits(x) & ~0x7ffffff); }

/// y log(a) with a relative error of about 2^-63, for finite a > 0, as a sum of two. With s = f / (2 + f), log(1 + f)
/// is 2 s + 2/3 s^3 + s^5 Q(s^2); products that need their digits are of numbers of 26.
struct SumOfTwo {
  DoubleLane head, tail;
};
EIGENGRAD_INLINE SumOfTwo times_logarithm(DoubleLane y, DoubleLane a) {
  const auto [exponent, f] = split_exponent(a);
  const DoubleLane d = f + 2.0, d_tail = f - (d - 2.0), inverse = 1.0 / d;
  const DoubleLane all = f * inverse, z = all * all, z2 = z * z;
  const DoubleLane s = first_digits(all), d_head = first_digits(d);
  const DoubleLane s_tail = ((f - s * d_head) - s * ((d - d_head) + d_tail)) * inverse;
  const DoubleLane square = s * s, square_tail = s_tail * (s + all);
  const DoubleLane low = z * 0.28571428571338386 + 0.40000000000000024;  // to 1.4e-19 of s
  const DoubleLane middle = z * 0.18181808238755748 + 0.2222222227115619;
  const DoubleLane high = (z2 * 0.12913880605099742 + (z * 0.1328593615878165 + 0.1538557543667697));
  const DoubleLane q = (z2 * z2) * high + (z2 * middle + low);
  // s^3, then 2/3 of it.
  const DoubleLane square_head = first_digits(square), cube = s * square_head;
  const DoubleLane cube_tail = s * ((square - square_head) + square_tail) + s_tail * z;
  const DoubleLane cube_head = first_digits(cube), third = cube_head * 0x1.555555p-1;
  const DoubleLane third_tail =
      ((cube - cube_head) + cube_tail) * 0x1.555555p-1 + (cube + cube_tail) * (z * q + 0x1.5555555555555p-27);
  // From the largest to the least.
  const DoubleLane whole = exponent * 0x1.62e42feep-1, twice = s + s;
  const DoubleLane sum = whole + twice, sum_lost = twice - (sum - whole);
  const DoubleLane log = sum + third, log_lost = third - (log - sum);
  const DoubleLane log_tail =
      (sum_lost + log_lost) + ((s_tail + s_tail) + (third_tail + exponent * 0x1.a39ef35793c76p-33));
  const DoubleLane log_head = first_digits(log), y_head = first_digits(y);
  const DoubleLane product = y_head * log_head;
  const DoubleLane rest = (y_head * (log - log_head) + (y - y_head) * log) + y * log_tail;
  const DoubleLane head = product + rest;
  return {head, rest - (head - product)};
}
/// a^y for finite a > 0 and |y| <= 2^65. Digits beyond the last are carried to the end, so that what can be
/// represented, as the powers of whole numbers, is exact.
EIGENGRAD_INLINE DoubleLane power_of_positive(DoubleLane a, DoubleLane y) {
  const SumOfTwo exponent = times_logarithm(y, a);
  const DoubleLane bounded = clamp(exponent.head, -746, 710);
  const DoubleLane tail = select(bounded == exponent.head, exponent.tail, DoubleLane(0.0));
  const DoubleLane power = whole_powers(bounded);
  const DoubleLane rest = bounded - power * 0x1.62e42feep-1, rest_tail = tail - power * 0x1.a39ef35793c76p-33;
  const DoubleLane r = rest + rest_tail, linear = rest + 1.0;
  const DoubleLane lost = (rest - (linear - 1.0)) + rest_tail;
  return scale(linear + (lost + beyond_linear(r)), power);
}

template <class T>
EIGENGRAD_INLINE Mask<T> is_whole(Lane<T> magnitude) {
  const Lane<T> shifter = 1 / std::numeric_limits<T>::epsilon();
  return magnitude >= shifter || (magnitude + shifter) - shifter == magnitude;
}
/// pow by IEEE's rules: the power of the magnitude, and what stands in its place or changes its sign.
template <class T, class Power>
EIGENGRAD_INLINE Lane<T> pow_by_rules(Lane<T> x, Lane<T> y, const Power& power_of_magnitude) {
  const Lane<T> a = abs(x), b = abs(y), zero = T(0), one = T(1), infinity = std::numeric_limits<T>::infinity();
  const Lane<T> enough = T(0x1p65);  // beyond, all but the powers of 1 have become 0 or infinity
  const Mask<T> whole = is_whole(b),
                odd = whole && !is_whole(b * T(0.5)) && b < Lane<T>(2 / std::numeric_limits<T>::epsilon());
  const Mask<T> none = x < zero && a != infinity && !whole,
                unordered = x != x || y != y;  // NOLINT(misc-redundant-expression): NaN
  const Mask<T> ends = a == zero || a == infinity, unit = x == one || y == zero;
  const auto sign = to_bits(x) & odd.bits & (std::numeric_limits<typename LaneVectors<T>::Bits>::min)();
  const Mask<T> grows = y > zero;
  Lane<T> special = select(a == zero, select(grows, zero, infinity), select(grows, infinity, zero));
  special = select(none, Lane<T>(std::numeric_limits<T>::quiet_NaN()), from_bits<T>(to_bits(special) | sign));
  special = select(unit, one, select(unordered, x + y, special));
  const Lane<T> power = power_of_magnitude(a, select(b > enough, copysign(enough, y), y));
  return select(ends || none || unordered || unit, special, from_bits<T>(to_bits(power) | sign));
}
/// Called rather than inlined: it is long.
EIGENGRAD_LAZY EIGENGRAD_OUTLINE DoubleLane general_pow(DoubleLane x, DoubleLane y) {
  return pow_by_rules(x, y, [](DoubleLane a, DoubleLane b) EIGENGRAD_INLINE_LAMBDA { return power_of_positive(a, b); });
}
/// 2^(y log2(a)) for finite a > 0, to what a float needs: off by 2e-9 of the result.
EIGENGRAD_INLINE DoubleLane power_for_float(DoubleLane a, DoubleLane y) {
  const auto [exponent, f] = split_normal(a);
  const DoubleLane s = f / (f + 2.0), z = s * s;
  DoubleLane p = z * 0.3407186665934361 + 0.41167342520224887;
  p = p * z + 0.5770835713773625;
  p = p * z + 0.96179667342523;
  p = p * z + 2.8853900817900064;
  const DoubleLane t = clamp(y * (p * s + exponent), -200, 200), shifter = 0x1.8p52;
  const DoubleLane power = (t + shifter) - shifter, r = t - power, square = r * r;
  DoubleLane even = square * 0.0001546144469856913 + 0.009618056678524637;
  DoubleLane odd = square * 0.0013400428177615838 + 0.05550327226670302;
  even = even * square + 0.24022650922288757;
  even = even * square + 1.0;
  odd = odd * square + 0.6931472067028326;
  return (odd * r + even) * power_of_two(power);
}
/// In doubles, whose roundings a float does not see.
EIGENGRAD_LAZY EIGENGRAD_OUTLINE FloatLane general_pow(FloatLane x, FloatLane y) {
  return pow_by_rules(x, y, [](FloatLane a, FloatLane b) EIGENGRAD_INLINE_LAMBDA {
    using Half [[gnu::vector_size(EIGENGRAD_LANE_BYTES / 2)]] = float;
    Half bases[2], exponents[2];
    std::memcpy(bases, &a, sizeof bases);
    std::memcpy(exponents, &b, sizeof exponents);
    for_indices<2>([&](auto i) EIGENGRAD_INLINE_LAMBDA {
      const DoubleLane base = __builtin_convertvector(bases[i], DoubleLane::Values);
      const DoubleLane exponent = __builtin_convertvector(exponents[i], DoubleLane::Values);
      bases[i] = __builtin_convertvector(power_for_float(base, exponent).values, Half);
    });
    FloatLane result;
    std::memcpy(&result, bases, sizeof bases);
    return result;
  });
}

/// x to the power of 0 to 5, each by the fewest products.
template <class T>
EIGENGRAD_INLINE Lane<T> small_power(Lane<T> x, int power) {
  const Lane<T> square = x * x;
  switch (power) {
    case 0:
      return T(1);
    case 1:
      return x;
    case 2:
      return square;
    case 3:
      return x * square;
    case 4:
      return square * square;
    default:
      return x * (square * square);
  }
}

/// Off by at most 4 units in the last place: whole exponents from -4 to 5 by repeated products. What is asked of the
/// exponent is asked of a whole lane; it is mostly one number for all.
template <class T>
EIGENGRAD_INLINE Lane<T> pow(Lane<T> x, Lane<T> y) {
  const T exponent = y[0];
  if (exponent >= T(-4) && exponent <= T(5) && !any(y != Lane<T>(exponent))) {
    const int whole = static_cast<int>(exponent);
    if (static_cast<T>(whole) == exponent) {
      if (whole >= 0) return small_power<T>(x, whole);
      const Lane<T> power = small_power<T>(x, -whole);
      // What left the range on the way need not be out of it in the end.
      constexpr T least = 4 * (std::numeric_limits<T>::min)();
      const Mask<T> inside = abs(power) >= Lane<T>(least) && abs(power) <= Lane<T>(1 / least);
      if (whole == -1 || !any(!inside)) return T(1) / power;
    } else if (exponent == T(0.5)) {  // the root of -0 is 0 here, that of -infinity infinity
      const Lane<T> infinity = std::numeric_limits<T>::infinity();
      return select(x == -infinity, infinity, sqrt(x + T(0)));
    }
  }
  return general_pow(x, y);
}

#endif
}}}  // namespace eigengrad::EIGENGRAD_ABI::math
