#pragma once

#include "basic.hpp"

// sin and cos on lanes.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace math {
#if EIGENGRAD_LANE_BYTES > 0

/// sin and cos share the reduction x = quadrant * pi / 2 + rest in three parts, good for |x| <= 8192; a lane with a
/// larger number goes to the standard library.
struct Quadrants {
  typename FloatLane::Bits quadrant;
  FloatLane sine, cosine;
};
template <class T>
EIGENGRAD_OUTLINE Lane<T> sin_of_each(Lane<T> x) {
  return each([](T number) { return std::sin(number); }, x);
}
template <class T>
EIGENGRAD_OUTLINE Lane<T> cos_of_each(Lane<T> x) {
  return each([](T number) { return std::cos(number); }, x);
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
  if (any(abs(x) > FloatLane(8192.f))) [[unlikely]]
    return sin_of_each(x);
  const Quadrants q = reduce_by_half_pi(x);
  return select(x == FloatLane(0.f), x, pick_quadrant(q, q.quadrant));
}
EIGENGRAD_INLINE FloatLane cos(FloatLane x) {
  if (any(abs(x) > FloatLane(8192.f))) [[unlikely]]
    return cos_of_each(x);
  const Quadrants q = reduce_by_half_pi(x);
  return pick_quadrant(q, wrapping_subtract(q.quadrant, FloatLane::Bits{} - 1));
}

/// sin(x - quarters * pi / 2), of doubles, where the difference lies within pi / 2; with its sign changed where the
/// last digit of `odd` is 1. pi / 2 in three parts, of which the first two have 33 digits: their products are exact.
EIGENGRAD_INLINE DoubleLane sine_of_rest(DoubleLane x, DoubleLane quarters, DoubleLane::Bits odd) {
  const DoubleLane first = x - quarters * 0x1.921fb544p+0, second = quarters * 0x1.0b4611a6p-34;
  const DoubleLane rest = first - second, lost = (first - rest) - second;
  const DoubleLane r = rest + (lost - quarters * 0x1.3198a2e037073p-69), z = r * r;
  DoubleLane p = z * 2.7313658477694193e-15 - 7.643963964341869e-13;  // interpolated to 4e-17
  p = p * z + 1.6058977114025027e-10;
  p = p * z - 2.5052107613933993e-08;
  p = p * z + 2.7557319219139174e-06;
  p = p * z - 0.00019841269841254885;
  p = p * z + 0.008333333333333316;
  p = p * z - 0.16666666666666666;
  return from_bits<double>(to_bits(r + r * z * p) ^ (odd << 63));
}
/// Up to which the reduction keeps the digits of the rest, however near a multiple of pi / 2 lies.
inline constexpr double largest_reduced = 32768;
EIGENGRAD_INLINE DoubleLane sin(DoubleLane x) {
  if (any(abs(x) > DoubleLane(largest_reduced))) [[unlikely]]
    return sin_of_each(x);
  const DoubleLane shifter = 0x1.8p52, shifted = x * 0x1.45f306dc9c883p-2 + shifter, n = shifted - shifter;
  return select(x == DoubleLane(0.0), x, sine_of_rest(x, n + n, to_bits(shifted)));
}
EIGENGRAD_INLINE DoubleLane cos(DoubleLane x) {
  if (any(abs(x) > DoubleLane(largest_reduced))) [[unlikely]]
    return cos_of_each(x);
  const DoubleLane shifter = 0x1.8p52, shifted = (x * 0x1.45f306dc9c883p-2 - 0.5) + shifter, n = shifted - shifter;
  return sine_of_rest(x, n + n + 1.0, ~to_bits(shifted));
}

#endif
}}}  // namespace eigengrad::EIGENGRAD_ABI::math
