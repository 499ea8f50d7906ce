#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "../config.hpp"

// One SIMD register of numbers.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

// Element-wise work runs on lanes: as many numbers as one SIMD register holds. A lane is a compiler vector
// (GCC's and Clang's vector_size): it lives in a register at every optimisation level, which small Eigen arrays did
// not do reliably, and costs next to nothing to compile. docs/architecture.md has the measurements.
// Every other number (integers, dual numbers, other compilers) is a lane of one.

template <class T>
inline constexpr Index lane_width = (std::is_same_v<T, float> || std::is_same_v<T, double>) && EIGENGRAD_LANE_BYTES > 0
                                        ? static_cast<Index>(EIGENGRAD_LANE_BYTES / sizeof(T))
                                        : 1;

#if EIGENGRAD_LANE_BYTES > 0
template <class T>
struct LaneVectors;
template <>
struct LaneVectors<float> {
  using Bits = std::int32_t;
  using Values [[gnu::vector_size(EIGENGRAD_LANE_BYTES)]] = float;
  using Masks [[gnu::vector_size(EIGENGRAD_LANE_BYTES)]] = std::int32_t;
};
template <>
struct LaneVectors<double> {
  using Bits = std::int64_t;
  using Values [[gnu::vector_size(EIGENGRAD_LANE_BYTES)]] = double;
  using Masks [[gnu::vector_size(EIGENGRAD_LANE_BYTES)]] = std::int64_t;
};

/// True or false for each number of a Lane<T>: all bits set or none.
template <class T>
struct Mask {
  typename LaneVectors<T>::Masks bits;

  EIGENGRAD_INLINE friend Mask operator&&(Mask a, Mask b) { return {a.bits & b.bits}; }
  EIGENGRAD_INLINE friend Mask operator||(Mask a, Mask b) { return {a.bits | b.bits}; }
  EIGENGRAD_INLINE friend Mask operator!(Mask a) { return {~a.bits}; }
  bool operator[](Index i) const { return bits[i] != 0; }
};

/// A register of numbers; arithmetic and comparison number by number, plain numbers mix in.
template <class T>
struct Lane {
  using Element = T;
  using Values = typename LaneVectors<T>::Values;
  using Bits = typename LaneVectors<T>::Masks;
  static constexpr Index width = lane_width<T>;

  Values values;

  Lane() = default;
  EIGENGRAD_INLINE Lane(Values v) : values(v) {}
  template <class Number>
    requires std::is_arithmetic_v<Number>
  EIGENGRAD_INLINE Lane(Number number) : values(static_cast<T>(number) - Values{}) {}  // keeps -0, as + would not

  T operator[](Index i) const { return values[i]; }

  EIGENGRAD_INLINE friend Lane operator+(Lane a, Lane b) { EIGENGRAD_CONTRACT return a.values + b.values; }
  EIGENGRAD_INLINE friend Lane operator-(Lane a, Lane b) { EIGENGRAD_CONTRACT return a.values - b.values; }
  EIGENGRAD_INLINE friend Lane operator*(Lane a, Lane b) { EIGENGRAD_CONTRACT return a.values * b.values; }
  EIGENGRAD_INLINE friend Lane operator/(Lane a, Lane b) { EIGENGRAD_CONTRACT return a.values / b.values; }
  EIGENGRAD_INLINE friend Lane operator-(Lane a) { EIGENGRAD_CONTRACT return -a.values; }
  EIGENGRAD_INLINE Lane& operator+=(Lane b) { return *this = *this + b; }

  EIGENGRAD_INLINE friend Mask<T> operator<(Lane a, Lane b) { return {a.values < b.values}; }
  EIGENGRAD_INLINE friend Mask<T> operator<=(Lane a, Lane b) { return {a.values <= b.values}; }
  EIGENGRAD_INLINE friend Mask<T> operator>(Lane a, Lane b) { return {a.values > b.values}; }
  EIGENGRAD_INLINE friend Mask<T> operator>=(Lane a, Lane b) { return {a.values >= b.values}; }
  EIGENGRAD_INLINE friend Mask<T> operator==(Lane a, Lane b) { return {a.values == b.values}; }
  EIGENGRAD_INLINE friend Mask<T> operator!=(Lane a, Lane b) { return {a.values != b.values}; }
};

template <class T>
using lane_t = std::conditional_t<(lane_width<T> > 1), Lane<T>, T>;
template <class T>
using mask_t = std::conditional_t<(lane_width<T> > 1), Mask<T>, bool>;
#else
template <class T>
struct Lane {
  using Element = T;
};
template <class T>
struct Mask {};
template <class T>
using lane_t = T;
template <class T>
using mask_t = bool;
#endif

template <class X>
inline constexpr bool is_lane = false;
template <class T>
inline constexpr bool is_lane<Lane<T>> = true;
template <class X>
inline constexpr bool is_mask = std::is_same_v<X, bool>;
template <class T>
inline constexpr bool is_mask<Mask<T>> = true;

/// body(k) for k = 0 to count - 1, each known to the compiler, so that arrays indexed by k can live in registers.
template <int count, class Body>
EIGENGRAD_INLINE void for_indices(Body&& body) {
  [&]<int... k>(std::integer_sequence<int, k...>) EIGENGRAD_INLINE_LAMBDA {
    (body(std::integral_constant<int, k>()), ...);
  }(std::make_integer_sequence<int, count>());
}

namespace lane {

/// Reads a whole lane; unaligned.
template <class T>
EIGENGRAD_INLINE lane_t<T> load(const T* from) {
  lane_t<T> result;
  std::memcpy(&result, from, sizeof result);
  return result;
}
template <class T>
EIGENGRAD_OUTLINE void repeat_last(const T* from, Index count, T* to) {
  for (Index i = 0; i < lane_width<T>; ++i) {
    to[i] = from[i < count ? i : count - 1];
    EIGENGRAD_NO_VECTORS;
  }
}
/// Reads the first `count` numbers; the others repeat the last, so no operation meets anything unusual.
template <class T>
EIGENGRAD_INLINE lane_t<T> load(const T* from, Index count) {
  T numbers[lane_width<T>];
  repeat_last(from, count, numbers);
  return load(numbers);
}
template <class T>
EIGENGRAD_INLINE void store(T* to, const lane_t<T>& from) {
  std::memcpy(to, &from, sizeof from);
}
/// By halves: pieces of 8, 4, 2 and 1.
template <class T, Index piece = lane_width<T>>
EIGENGRAD_INLINE void copy_pieces(const T* from, T* to, Index count) {
  if ((count & piece) != 0) {
    std::memcpy(to, from, piece * sizeof(T));
    from += piece;
    to += piece;
  }
  if constexpr (piece > 1) copy_pieces<T, piece / 2>(from, to, count);
}
template <class T>
EIGENGRAD_OUTLINE void copy_some(const T* from, T* to, Index count) {
  copy_pieces(from, to, count);
}
/// Writes the first `count` numbers.
template <class T>
EIGENGRAD_INLINE void store(T* to, const lane_t<T>& from, Index count) {
  T numbers[lane_width<T>];
  store(numbers, from);
  copy_some(numbers, to, count);
}
/// The first `count` numbers of a lane, the others 0.
template <class T>
EIGENGRAD_INLINE lane_t<T> first(const lane_t<T>& from, Index count) {
  if constexpr (lane_width<T> == 1) {
    return from;
  } else {
    static constexpr auto positions = [] {
      std::array<typename LaneVectors<T>::Bits, lane_width<T>> result{};
      for (std::size_t i = 0; i < result.size(); ++i) result[i] = static_cast<typename LaneVectors<T>::Bits>(i);
      return result;
    }();
    typename LaneVectors<T>::Masks position;
    std::memcpy(&position, positions.data(), sizeof position);
    const auto keep = position < static_cast<typename LaneVectors<T>::Bits>(count);
    return lane_t<T>(keep ? from.values : typename LaneVectors<T>::Values{});
  }
}
/// Reads `count` bools as a mask for lanes of T.
template <class T>
EIGENGRAD_INLINE mask_t<T> load_mask(const bool* from, Index count) {
  if constexpr (lane_width<T> == 1) {
    return *from;
  } else {
    mask_t<T> result{};
    for (Index i = 0; i < lane_width<T>; ++i) result.bits[i] = i < count && from[i] ? -1 : 0;
    return result;
  }
}
template <class T>
EIGENGRAD_INLINE void store_mask(bool* to, const mask_t<T>& from, Index count) {
  if constexpr (lane_width<T> == 1)
    *to = from;
  else
    for (Index i = 0; i < count; ++i) to[i] = from.bits[i] != 0;
}
/// The first half of one lane, then that of another.
template <class T>
EIGENGRAD_INLINE lane_t<T> join_halves(const lane_t<T>& a, const lane_t<T>& b) {
  if constexpr (lane_width<T> == 1)
    return a;
  else
    return [&]<int... i>(std::integer_sequence<int, i...>) EIGENGRAD_INLINE_LAMBDA {
      constexpr int half = static_cast<int>(lane_width<T>) / 2;
      return lane_t<T>(__builtin_shufflevector(a.values, b.values, (i < half ? i : i + half)...));
    }(std::make_integer_sequence<int, static_cast<int>(lane_width<T>)>());
}
/// Of two lanes the numbers at even places, or at odd ones: those of a, then those of b.
template <class T, int odd>
EIGENGRAD_INLINE lane_t<T> every_other(const lane_t<T>& a, const lane_t<T>& b) {
  if constexpr (lane_width<T> == 1)
    return a;
  else
    return [&]<int... i>(std::integer_sequence<int, i...>) EIGENGRAD_INLINE_LAMBDA {
      return lane_t<T>(__builtin_shufflevector(a.values, b.values, (2 * i + odd)...));
    }(std::make_integer_sequence<int, static_cast<int>(lane_width<T>)>());
}
/// The sums of as many lanes as a lane has numbers, as one lane; overwrites them.
template <class T>
EIGENGRAD_INLINE lane_t<T> sums(lane_t<T>* lanes) {
  constexpr int width = static_cast<int>(lane_width<T>);
  for_indices<width>([&](auto k) EIGENGRAD_INLINE_LAMBDA {  // by halves: the stages one after another
    constexpr int step = k;
    if constexpr (step > 0 && (step & (step - 1)) == 0)
      for_indices<width / (2 * step) == 0 ? 1 : width / (2 * step)>([&](auto i) EIGENGRAD_INLINE_LAMBDA {
        lanes[i] =
            every_other<T, 0>(lanes[2 * i], lanes[2 * i + 1]) + every_other<T, 1>(lanes[2 * i], lanes[2 * i + 1]);
      });
  });
  return lanes[0];
}
/// Of two lanes the lower halves' numbers, or the upper halves', in turn.
template <class T, bool upper>
EIGENGRAD_INLINE lane_t<T> interleave(const lane_t<T>& a, const lane_t<T>& b) {
  if constexpr (lane_width<T> == 1)
    return upper ? b : a;
  else
    return [&]<int... i>(std::integer_sequence<int, i...>) EIGENGRAD_INLINE_LAMBDA {
      constexpr int width = static_cast<int>(lane_width<T>), first = upper ? width / 2 : 0;
      return lane_t<T>(__builtin_shufflevector(a.values, b.values, (first + i / 2 + i % 2 * width)...));
    }(std::make_integer_sequence<int, static_cast<int>(lane_width<T>)>());
}
/// A square of as many lanes as a lane has numbers, transposed in place: shuffled like two halves of a deck of cards,
/// as often as its side can be halved.
template <class T>
EIGENGRAD_INLINE void transpose(lane_t<T>* lanes) {
  constexpr int width = static_cast<int>(lane_width<T>);
  EIGENGRAD_UNROLL
  for (int done = 1; done < width; done *= 2) {
    lane_t<T> next[extent(width)];
    EIGENGRAD_UNROLL
    for (int i = 0; i < width / 2; ++i) {
      next[2 * i] = interleave<T, false>(lanes[i], lanes[i + width / 2]);
      next[2 * i + 1] = interleave<T, true>(lanes[i], lanes[i + width / 2]);
    }
    EIGENGRAD_UNROLL
    for (int i = 0; i < width; ++i) lanes[i] = next[i];
  }
}
/// The sum of a vector's numbers, halves first.
template <class T, Index width, class Vector>
EIGENGRAD_INLINE T sum_of(const Vector& from) {
  if constexpr (width == 2) {
    return from[0] + from[1];
  } else {
    using Half [[gnu::vector_size(width / 2 * sizeof(T))]] = T;
    Half halves[2];
    std::memcpy(halves, &from, sizeof halves);
    return sum_of<T, width / 2>(halves[0] + halves[1]);
  }
}
template <class T>
EIGENGRAD_INLINE T sum(const lane_t<T>& from) {
  if constexpr (lane_width<T> == 1)
    return from;
  else
    return sum_of<T, lane_width<T>>(from.values);
}

}  // namespace lane
}}  // namespace eigengrad::EIGENGRAD_ABI
