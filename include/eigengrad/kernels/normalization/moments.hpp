#pragma once

#include <algorithm>

#include "../../core/dual.hpp"
#include "../../simd/math.hpp"
#include "../sums.hpp"

// Mean and variance that keep their digits however far from 0 the numbers lie: every piece, short enough for the first
// cache, is read twice, the second time as distances from its own mean; pieces are put together by Chan, Golub,
// LeVeque: Updating formulae and a pairwise algorithm for computing sample variances, 1979.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace normalization {

/// As many numbers as are read twice at once.
template <class T>
inline constexpr Index piece_size = static_cast<Index>(8192 / sizeof(plain_t<T>));

/// The square root in a Total's type; a dual number's is found where it is used.
template <class T>
EIGENGRAD_INLINE T root(const T& x) {
  using math::sqrt;
  return sqrt(x);
}

template <class T>
struct Moments {
  Total<T> mean = Total<T>(0), squares = Total<T>(0);  // of the distances from the mean
  Index count = 0;

  void add(const Moments& other) {
    using P = plain_t<Total<T>>;
    if (other.count == 0) return;
    if (count == 0) {
      *this = other;
      return;
    }
    const Index both = count + other.count;
    const P share = static_cast<P>(other.count) / static_cast<P>(both);
    const Total<T> distance = other.mean - mean;
    mean = mean + distance * Total<T>(share);
    squares = squares + (other.squares + distance * distance * Total<T>(share * static_cast<P>(count)));
    count = both;
  }
  /// Divided by the count, or by `freedom` less.
  Total<T> variance(Index freedom = 0) const {
    return squares / Total<T>(static_cast<plain_t<Total<T>>>(count - freedom));
  }
};

/// Of up to piece_size numbers.
template <class T>
EIGENGRAD_OUTLINE Moments<T> moments_of_piece(const T* x, Index count) {
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>, step = 4 * width;
  L sums[4] = {L(0), L(0), L(0), L(0)};
  Index i = 0;
  for (; i + step <= count; i += step)
    for_indices<4>([&](auto k) EIGENGRAD_INLINE_LAMBDA { sums[k] = sums[k] + lane::load(x + i + k * width); });
  for (; i + width <= count; i += width) sums[0] = sums[0] + lane::load(x + i);
  T sum = lane::sum<T>((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (; i < count; ++i) sum = sum + x[i];
  const T center = sum / T(static_cast<plain_t<T>>(count));

  L distances[4] = {L(0), L(0), L(0), L(0)}, squares[4] = {L(0), L(0), L(0), L(0)};
  for (i = 0; i + step <= count; i += step)
    for_indices<4>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
      const L distance = lane::load(x + i + k * width) - L(center);
      distances[k] = distances[k] + distance;
      squares[k] = squares[k] + distance * distance;
    });
  for (; i + width <= count; i += width) {
    const L distance = lane::load(x + i) - L(center);
    distances[0] = distances[0] + distance;
    squares[0] = squares[0] + distance * distance;
  }
  T rest = lane::sum<T>((distances[0] + distances[1]) + (distances[2] + distances[3]));
  T square = lane::sum<T>((squares[0] + squares[1]) + (squares[2] + squares[3]));
  for (; i < count; ++i) {
    const T distance = x[i] - center;
    rest = rest + distance;
    square = square + distance * distance;
  }
  Moments<T> result;
  const Total<T> total(rest), offset = total / Total<T>(static_cast<plain_t<Total<T>>>(count));
  result.mean = Total<T>(center) + offset;
  result.squares = Total<T>(square) - total * offset;
  if (plain_value(result.squares) < 0) result.squares = Total<T>(0);  // of equal numbers, by rounding
  result.count = count;
  return result;
}
/// Of any number of numbers that follow each other.
template <class T>
Moments<T> moments_of(const T* x, Index count) {
  Moments<T> result;
  for (Index i = 0; i < count; i += piece_size<T>)
    result.add(moments_of_piece(x + i, (std::min)(piece_size<T>, count - i)));
  return result;
}

/// What the way back needs of every normalised set of numbers, an array of each: the mean, rounded; what rounding took
/// from it, without which numbers far from 0 would lose digits; and 1 / sqrt(variance + epsilon).
template <class T>
struct Statistics {
  T *center, *rest, *scale;

  void set(Index i, const Moments<T>& moments, plain_t<T> epsilon) const {
    center[i] = static_cast<T>(moments.mean);
    rest[i] = static_cast<T>(moments.mean - Total<T>(center[i]));
    scale[i] = static_cast<T>(Total<T>(1) / root<Total<T>>(moments.variance() + Total<T>(epsilon)));
  }
};

/// A weight that is 1 or a bias that is 0 where the layer has none.
template <class T>
EIGENGRAD_INLINE T number_or(const T* numbers, Index i, int otherwise) {
  return numbers != nullptr ? numbers[i] : T(static_cast<plain_t<T>>(otherwise));
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::normalization
