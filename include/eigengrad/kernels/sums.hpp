#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "../core/buffer.hpp"
#include "../core/dual.hpp"
#include "../simd/lane.hpp"

// What sums are carried in, so that they do not lose digits: floats in double, which is exact for half a billion equal
// ones; doubles in two, the second of which has what rounding took from the first. Everything else in its own type.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A sum of doubles and what it lacks. Neumaier: Rundungsfehleranalyse einiger Verfahren zur Summation, 1974.
struct PreciseSum {
  double high = 0, low = 0;

  PreciseSum() = default;
  PreciseSum(double sum, double lacks = 0) : high(sum), low(lacks) {}
  EIGENGRAD_INLINE friend PreciseSum operator+(const PreciseSum& a, const PreciseSum& b) {
    const double sum = a.high + b.high, seen = sum - a.high;
    return {sum, a.low + b.low + ((a.high - (sum - seen)) + (b.high - seen))};
  }
  explicit operator double() const { return std::isfinite(high) ? high + low : high; }
};

template <class T>
struct SumOf {
  using type = std::conditional_t<std::is_same_v<T, float>, double,
                                  std::conditional_t<std::is_same_v<T, double>, PreciseSum, T>>;
};
template <class X>
struct SumOf<Dual<X>> {
  using type = Dual<std::conditional_t<std::is_same_v<X, float>, double, X>>;
};
/// What numbers of type T are summed in.
template <class T>
using Sum = typename SumOf<T>::type;

/// Up to so many numbers that meet in one place, one after another, are added in their own type: it keeps their digits
/// well enough, and totals there would take time or memory.
inline constexpr Index few_numbers = 128;

/// Sums of floats are carried in double.
template <class T>
struct TotalOf {
  using type = std::conditional_t<std::is_same_v<T, float>, double, T>;
};
template <class X>
struct TotalOf<Dual<X>> {
  using type = Dual<typename TotalOf<X>::type>;
};
template <class T>
using Total = typename TotalOf<T>::type;

/// The sum as T, divided once.
template <class T>
EIGENGRAD_INLINE T quotient_of_sum(const Sum<T>& sum, const T& divisor) {
  if constexpr (std::is_same_v<T, double>) {
    const double whole = static_cast<double>(sum), quotient = whole / divisor;
    if (divisor == 1 || !std::isfinite(quotient)) return quotient;
    return quotient + (std::fma(-quotient, divisor, whole) + (sum.low - (whole - sum.high))) / divisor;
  } else if constexpr (std::is_same_v<T, float>) {
    return static_cast<float>(sum / static_cast<double>(divisor));
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(sum);
  } else {
    return static_cast<T>(sum / static_cast<Sum<T>>(divisor));
  }
}

/// Lanes added up, in a register or two.
template <class T>
class LaneSum {
 public:
  EIGENGRAD_INLINE void add(const lane_t<T>& lane) { sum_ = sum_ + lane; }
  EIGENGRAD_INLINE Sum<T> total() const { return static_cast<Sum<T>>(lane::sum<T>(sum_)); }
  /// Each place's sum by itself.
  lane_t<T> rounded() const { return sum_; }

 private:
  lane_t<T> sum_ = lane_t<T>(0);
};
template <>
class LaneSum<double> {
 public:
  EIGENGRAD_INLINE void add(const lane_t<double>& lane) {
    const lane_t<double> sum = high_ + lane, seen = sum - high_;
    low_ = low_ + ((high_ - (sum - seen)) + (lane - seen));
    high_ = sum;
  }
  EIGENGRAD_INLINE PreciseSum total() const {
    double highs[extent(lane_width<double>)], lows[extent(lane_width<double>)];
    lane::store<double>(highs, high_);
    lane::store<double>(lows, low_);
    PreciseSum result;
    for (Index i = 0; i < lane_width<double>; ++i) result = result + PreciseSum(highs[i], lows[i]);
    return result;
  }
  lane_t<double> rounded() const {
    double highs[extent(lane_width<double>)], lows[extent(lane_width<double>)];
    lane::store<double>(highs, high_);
    lane::store<double>(lows, low_);
    for (Index i = 0; i < lane_width<double>; ++i) highs[i] = static_cast<double>(PreciseSum(highs[i], lows[i]));
    return lane::load(highs);
  }

 private:
  lane_t<double> high_ = lane_t<double>(0), low_ = lane_t<double>(0);
};

#if EIGENGRAD_LANE_BYTES > 0
/// A lane of floats as two of doubles.
struct DoubleHalves {
  using Values [[gnu::vector_size(EIGENGRAD_LANE_BYTES)]] = double;
  Values lower, upper;
};
EIGENGRAD_INLINE DoubleHalves double_halves(const lane_t<float>& lane) {
  using Half [[gnu::vector_size(EIGENGRAD_LANE_BYTES / 2)]] = float;
  Half halves[2];
  std::memcpy(halves, &lane, sizeof halves);
#if defined(__AVX512F__) && EIGENGRAD_LANE_BYTES == 64 && defined(__GNUC__) && !defined(__clang__)
  // g++ 12 would convert quarters, and put them together again.
  constexpr int rounding_as_set = 4;
  constexpr DoubleHalves::Values nothing = {};
  return {__builtin_ia32_cvtps2pd512_mask(halves[0], nothing, -1, rounding_as_set),
          __builtin_ia32_cvtps2pd512_mask(halves[1], nothing, -1, rounding_as_set)};
#else
  return {__builtin_convertvector(halves[0], DoubleHalves::Values),
          __builtin_convertvector(halves[1], DoubleHalves::Values)};
#endif
}
template <>
class LaneSum<float> {
 public:
  EIGENGRAD_INLINE void add(const lane_t<float>& lane) {
    const DoubleHalves halves = double_halves(lane);
    lower_ += halves.lower;
    upper_ += halves.upper;
  }
  EIGENGRAD_INLINE double total() const { return lane::sum_of<double, lane_width<float> / 2>(lower_ + upper_); }
  lane_t<float> rounded() const {
    using Half [[gnu::vector_size(EIGENGRAD_LANE_BYTES / 2)]] = float;
    const Half lower = __builtin_convertvector(lower_, Half), upper = __builtin_convertvector(upper_, Half);
    // Stored by halves they could be read again only once both stores are done.
    return [&]<int... i>(std::integer_sequence<int, i...>) EIGENGRAD_INLINE_LAMBDA {
      return lane_t<float>(__builtin_shufflevector(lower, upper, i...));
    }(std::make_integer_sequence<int, static_cast<int>(lane_width<float>)>());
  }

 private:
  DoubleHalves::Values lower_ = {}, upper_ = {};
};
#else
template <>
class LaneSum<float> {
 public:
  void add(float number) { sum_ += static_cast<double>(number); }
  double total() const { return sum_; }
  float rounded() const { return static_cast<float>(sum_); }

 private:
  double sum_ = 0;
};
#endif

/// A sum for each of `rows` times `row` places. Rows begin apart, so that a row's last lane may be added whole.
template <class T>
class Totals {
  static constexpr bool precise = std::is_same_v<T, double>;
  using Number = std::conditional_t<precise, double, Sum<T>>;

 public:
  Totals() = default;
  EIGENGRAD_OUTLINE Totals(Index rows, Index row)
      : row_(row),
        step_((row + lane_width<T> - 1) / lane_width<T> * lane_width<T>),
        count_(rows * step_),
        memory_(bytes_of_numbers(count_ * (precise ? 2 : 1), sizeof(Number))) {
    clear(0, count_);
  }
  /// Where row `r` begins.
  Index place(Index r) const { return r * step_; }
  /// Adds a lane to the sums from `place` on.
  EIGENGRAD_INLINE void add_lane(Index place, const lane_t<T>& lane) const {
    Number* const to = numbers() + place;
    if constexpr (precise) {
      const lane_t<T> high = lane::load(to), sum = high + lane, seen = sum - high;
      lane::store<T>(to + count_, lane::load(to + count_) + ((high - (sum - seen)) + (lane - seen)));
      lane::store<T>(to, sum);
    } else if constexpr (std::is_same_v<T, float> && lane_width<float> > 1) {
#if EIGENGRAD_LANE_BYTES > 0
      DoubleHalves sums, halves = double_halves(lane);
      std::memcpy(&sums, to, sizeof sums);
      sums.lower += halves.lower;
      sums.upper += halves.upper;
      std::memcpy(to, &sums, sizeof sums);
#endif
    } else if constexpr (std::is_same_v<lane_t<T>, T>) {
      *to = *to + static_cast<Number>(lane);
    } else {
      lane::store<T>(to, lane::load(to) + lane);
    }
  }
  EIGENGRAD_INLINE void add(Index place, const Sum<T>& number) const {
    Number* const to = numbers() + place;
    if constexpr (precise) {
      const PreciseSum sum = PreciseSum(to[0], to[count_]) + number;
      to[0] = sum.high;
      to[count_] = sum.low;
    } else {
      *to = *to + number;
    }
  }
  /// Adds `count` numbers to the sums from `place` on.
  EIGENGRAD_OUTLINE void add_numbers(Index place, const T* numbers, Index count) const {
    Index j = 0;
    for (; j + lane_width<T> <= count; j += lane_width<T>) add_lane(place + j, lane::load(numbers + j));
    for (; j < count; ++j) add(place + j, Sum<T>(numbers[j]));
  }
  /// The same, and leaves 0 in their place.
  void take_numbers(Index place, T* numbers, Index count) const {
    add_numbers(place, numbers, count);
    std::fill_n(numbers, count, T(0));
  }
  /// Adds the sums of all rows to those of the first, in order.
  EIGENGRAD_OUTLINE void gather() const {
    for (Index from = step_; from < count_; from += step_)
      for (Index j = 0; j < step_; ++j) add(j, at(from + j));
  }
  /// The sum there.
  Sum<T> at(Index place) const {
    if constexpr (precise)
      return {numbers()[place], numbers()[place + count_]};
    else
      return numbers()[place];
  }
  void clear(Index place, Index count) const {
    std::fill_n(numbers() + place, count, Number(0));
    if constexpr (precise) std::fill_n(numbers() + count_ + place, count, Number(0));
  }
  /// target += `count` sums from `place` on.
  EIGENGRAD_OUTLINE void add_to(T* target, Index place, Index count) const {
    for (Index j = 0; j < count; ++j) target[j] = static_cast<T>(target[j] + quotient_of_sum<T>(at(place + j), T(1)));
  }
  /// target += the sums / divisor, for columns `begin` to `end` of every row.
  EIGENGRAD_OUTLINE void move_to(T* target, const T& divisor, Index begin, Index end) const {
    for (Index r = 0; r * step_ < count_; ++r, target += row_) {
      if (divisor == T(1)) {
        add_to(target + begin, place(r) + begin, end - begin);
        continue;
      }
      for (Index j = begin; j < end; ++j)
        target[j] = static_cast<T>(target[j] + quotient_of_sum<T>(at(place(r) + j), divisor));
    }
  }

 private:
  Number* numbers() const { return static_cast<Number*>(memory_.data()); }

  Index row_ = 0, step_ = 0, count_ = 0;
  Block memory_;
};

// Compiled: class Totals<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
