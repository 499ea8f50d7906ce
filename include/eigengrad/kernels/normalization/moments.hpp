#pragma once

#include <algorithm>

#include "../../core/dual.hpp"
#include "../../simd/math.hpp"
#include "../sums.hpp"

// Mean and variance that keep their digits however far from 0 the numbers lie: every piece, short enough for the first
// cache, is read as distances from a number near its mean; pieces are put together by Chan, Golub, LeVeque: Updating
// formulae and a pairwise algorithm for computing sample variances, 1979.
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
  Total<T> mean = Total<T>(0), lacks = Total<T>(0);  // what rounding took from the mean
  Total<T> squares = Total<T>(0);                    // of the distances from it
  Index count = 0;

  /// Of `count` numbers, of which the sums of the distances from `center` and of their squares are known.
  static Moments about(const T& center, const Total<T>& distances, const Total<T>& squares, Index count) {
    const Total<T> offset = distances / Total<T>(static_cast<plain_t<Total<T>>>(count));
    Moments result;
    result.count = count;
    result.squares = squares - distances * offset;
    result.set_mean(Total<T>(center), offset);
    if (plain_value(result.squares) < 0) result.squares = Total<T>(0);  // of equal numbers, by rounding
    return result;
  }

  void add(const Moments& other) {
    using P = plain_t<Total<T>>;
    if (other.count == 0) return;
    if (count == 0) {
      *this = other;
      return;
    }
    const Index both = count + other.count;
    const P share = static_cast<P>(other.count) / static_cast<P>(both);
    const Total<T> distance = (other.mean - mean) + (other.lacks - lacks);
    set_mean(mean, lacks + distance * Total<T>(share));
    squares = squares + (other.squares + distance * distance * Total<T>(share * static_cast<P>(count)));
    count = both;
  }
  /// Divided by the count, or by `freedom` less.
  Total<T> variance(Index freedom = 0) const {
    return squares / Total<T>(static_cast<plain_t<Total<T>>>(count - freedom));
  }

 private:
  void set_mean(const Total<T> center, const Total<T> offset) {
    mean = center + offset;
    lacks = offset - (mean - center);
  }
};

/// Asks for the cache line of a number that is read, or written, soon; where that is does not matter.
template <int write = 0>
EIGENGRAD_INLINE void ask_for([[maybe_unused]] const void* number) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(number, write);
#endif
}

template <class T>
struct DistanceSums {
  T distances, squares;
};
/// The sums of the distances from `center` and of their squares, of up to piece_size numbers. What is read and what is
/// written next is fetched meanwhile: as many numbers from `next` and `target` on.
template <class T>
EIGENGRAD_OUTLINE DistanceSums<T> distance_sums(const T* x, Index count, const T& center, const T* next,
                                                const T* target) {
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>, step = 4 * width;
  L distances[4] = {L(0), L(0), L(0), L(0)}, squares[4] = {L(0), L(0), L(0), L(0)};
  const auto add = [&](Index at, auto k) EIGENGRAD_INLINE_LAMBDA {
    const L distance = lane::load(x + at) - L(center);
    distances[k] = distances[k] + distance;
    squares[k] = squares[k] + distance * distance;
  };
  Index i = 0;
  for (; i + step <= count; i += step)
    for_indices<4>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
      add(i + k * width, k);
      ask_for(next + i + k * width);
      ask_for<1>(target + i + k * width);
    });
  for (; i + width <= count; i += width) add(i, std::integral_constant<int, 0>());
  DistanceSums<T> result{lane::sum<T>((distances[0] + distances[1]) + (distances[2] + distances[3])),
                         lane::sum<T>((squares[0] + squares[1]) + (squares[2] + squares[3]))};
  for (; i < count; ++i) {
    const T distance = x[i] - center;
    result.distances = result.distances + distance;
    result.squares = result.squares + distance * distance;
  }
  return result;
}
/// Of up to piece_size numbers: about the mean of the first few, and once more about their own where that was far off.
template <class T>
Moments<T> moments_of_piece(const T* x, Index count, const T* next, const T* target) {
  constexpr Index width = lane_width<T>;
  const auto about = [=](const T& center) {
    const DistanceSums<T> sums = distance_sums(x, count, center, next, target);
    return Moments<T>::about(center, Total<T>(sums.distances), Total<T>(sums.squares), count);
  };
  const T guess =
      count >= width ? T(lane::sum<T>(lane::load(x)) * T(plain_t<T>(1) / static_cast<plain_t<T>>(width))) : x[0];
  const Moments<T> result = about(guess);
  const auto offset = plain_value(result.mean) - static_cast<plain_t<Total<T>>>(plain_value(guess));
  if (offset * offset * static_cast<plain_t<Total<T>>>(count) <= plain_value(result.squares)) [[likely]]
    return result;
  return about(static_cast<T>(result.mean));
}
/// Of any number of numbers that follow each other; after them `next` is read, and `target` written.
template <class T>
Moments<T> moments_of(const T* x, Index count, const T* next, const T* target) {
  Moments<T> result;
  for (Index i = 0; i < count; i += piece_size<T>) {
    const Index size = (std::min)(piece_size<T>, count - i);
    result.add(moments_of_piece(x + i, size, i + size < count ? x + i + size : next, target + i));
  }
  return result;
}

/// What the way back needs of every normalised set of numbers, an array of each: the mean, rounded; what rounding took
/// from it, without which numbers far from 0 would lose digits; and 1 / sqrt(variance + epsilon).
template <class T>
struct Statistics {
  T *center, *rest, *scale;

  void set(Index i, const Moments<T>& moments, plain_t<T> epsilon) const {
    center[i] = static_cast<T>(moments.mean);
    rest[i] = static_cast<T>((moments.mean - Total<T>(center[i])) + moments.lacks);
    scale[i] = static_cast<T>(Total<T>(1) / root<Total<T>>(moments.variance() + Total<T>(epsilon)));
  }
};

/// A weight that is 1 or a bias that is 0 where the layer has none.
template <class T>
EIGENGRAD_INLINE T number_or(const T* numbers, Index i, int otherwise) {
  return numbers != nullptr ? numbers[i] : T(static_cast<plain_t<T>>(otherwise));
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::normalization
