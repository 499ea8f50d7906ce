#pragma once

#include "exponential.hpp"

// erf and erfc on lanes.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace math {
#if EIGENGRAD_LANE_BYTES > 0

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

/// erfc(a) for a >= 0: exp(-a^2) P((a - 3) / (a + 3)) / (1 + 2 a), P interpolated at Chebyshev's points to 7e-17 (the
/// form of Shepherd, Laframboise 1981). Called rather than inlined: it is long. Of a^2 see above.
EIGENGRAD_LAZY EIGENGRAD_OUTLINE DoubleLane erfc_of_magnitude(DoubleLane a) {
  a = select(a > DoubleLane(27.3), DoubleLane(27.3), a);  // 0
  const DoubleLane head = from_bits<double>(to_bits(a) & ~0x7ffffff);
  const DoubleLane power = whole_powers(-(head * head)), rest = -(head * head) - power * 0x1.62e42feep-1;
  const DoubleLane tail = (a - head) * (a + head) + power * 0x1.a39ef35793c76p-33;
  const DoubleLane e = rest - (tail - beyond_linear(rest - tail));  // less 1
  const DoubleLane t = (a - 3.0) / (a + 3.0), square = t * t;
  DoubleLane even = square * -4.1709678137948285e-09 + 3.2852433981759875e-08;
  DoubleLane odd = square * -8.405721805214884e-09 + 9.156244231434985e-08;
  even = even * square - 1.3114298770307867e-07;
  odd = odd * square - 6.045980671336693e-07;
  even = even * square + 3.491325343220638e-07;
  odd = odd * square + 3.4636901087184284e-06;
  even = even * square - 7.277331693189205e-07;
  odd = odd * square - 2.0096488951806807e-05;
  even = even * square + 4.948225243188312e-06;
  odd = odd * square + 0.00012509811046590528;
  even = even * square - 0.00010515951430802023;
  odd = odd * square - 0.0007798320304284554;
  even = even * square + 0.001888690316398722;
  odd = odd * square + 0.002529391787439232;
  even = even * square - 0.023770514914689324;
  odd = odd * square + 0.06830802734585574;
  even = even * square - 0.11927366341550479;
  odd = odd * square + 0.12964515870270404;
  even = even * square - 0.047562294353446846;
  odd = odd * square - 0.13562110612458067;
  const DoubleLane quotient = ((even * square + odd * t) + 1.2530080582697296) / (a + a + 1.0);
  return scale(quotient * e + quotient, power);
}
/// erf(x) for |x| < 0.9: x P(x^2), interpolated to 8e-17.
EIGENGRAD_INLINE DoubleLane erf_near_zero(DoubleLane x) {
  const DoubleLane z = x * x;
  DoubleLane p = z * 1.0264742936451028e-08 - 1.5547485573271175e-07;
  p = p * z + 1.637600569928181e-06;
  p = p * z - 1.4919948045407385e-05;
  p = p * z + 0.00012055088747916487;
  p = p * z - 0.0008548320279034282;
  p = p * z + 0.005223977509042423;
  p = p * z - 0.02686617063339135;
  p = p * z + 0.11283791670894319;
  p = p * z - 0.3761263890318252;
  p = p * z + 1.1283791670955126;
  return x * p;
}
EIGENGRAD_INLINE DoubleLane erfc(DoubleLane x) {
  const DoubleLane a = abs(x), tail = erfc_of_magnitude(a);
  return select(a < DoubleLane(0.4765), 1.0 - erf_near_zero(x), select(x < DoubleLane(0.0), 2.0 - tail, tail));
}
EIGENGRAD_INLINE DoubleLane erf(DoubleLane x) {
  const DoubleLane a = abs(x);
  return select(a < DoubleLane(0.9), erf_near_zero(x), copysign(1.0 - erfc_of_magnitude(a), x));
}

#endif
}}}  // namespace eigengrad::EIGENGRAD_ABI::math
