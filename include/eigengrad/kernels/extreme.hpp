#pragma once

#include "../core/tensor.hpp"
#include "../simd/math.hpp"

// The loops behind max, min, argmax, argmin and softmax.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

struct Largest {
  EIGENGRAD_INLINE static auto beats(const auto& a, const auto& b) { return a > b; }
};
struct Smallest {
  EIGENGRAD_INLINE static auto beats(const auto& a, const auto& b) { return a < b; }
};

template <class T>
EIGENGRAD_INLINE bool is_nan([[maybe_unused]] T x) {
  if constexpr (std::is_integral_v<T>)
    return false;
  else
    return x != x;
}
/// `next` if it beats `best` or is NaN; NaN is never beaten.
template <class Order, class X>
EIGENGRAD_INLINE X winner(const X& best, const X& next) {
  if constexpr (std::is_integral_v<X>)
    return Order::beats(next, best) ? next : best;
  else
    return math::select(Order::beats(next, best) || next != next, next, best);
}

/// The winner of n > 0 numbers.
template <class Order, class T>
T winner_of_row(const T* x, Index n) {
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>;
  T best = x[0];
  Index i = 0;
  if (width > 1 && n >= width) {
    L bests[4];  // four, so that one comparison need not wait for the last
    for (L& b : bests) b = lane::load(x);
    for (; i + 4 * width <= n; i += 4 * width)
      for (Index k = 0; k < 4; ++k) bests[k] = winner<Order>(bests[k], lane::load(x + i + k * width));
    for (; i + width <= n; i += width) bests[0] = winner<Order>(bests[0], lane::load(x + i));
    bests[0] = winner<Order>(bests[0], lane::load(x + n - width));
    const L both = winner<Order>(winner<Order>(bests[0], bests[1]), winner<Order>(bests[2], bests[3]));
    T last[extent(width)];
    lane::store(last, both);
    best = last[0];
    for (const T number : last) best = winner<Order>(best, number);
    return best;
  }
  for (; i < n; ++i) best = winner<Order>(best, x[i]);
  return best;
}

/// Where `value`, which may be NaN, first stands in a row that holds it.
template <class T>
Index first_place(const T* x, Index n, T value) {
  constexpr Index block = 64;
  const bool nan = is_nan(value);
  Index i = 0;
  for (; i + block <= n; i += block) {
    int found = 0;
    for (Index k = 0; k < block; ++k) found |= nan ? is_nan(x[i + k]) : x[i + k] == value;
    if (found != 0) break;
  }
  while (!(nan ? is_nan(x[i]) : x[i] == value)) ++i;
  return i;
}

/// Winners of [outer, count, inner] over count > 0, and, where `places` is not null, each first one's position in
/// count.
template <class Order, class T>
void winners(const T* x, Index outer, Index count, Index inner, T* best, std::int64_t* places) {
  for (Index o = 0; o < outer; ++o, x += count * inner, best += inner) {
    if (inner == 1) {
      *best = winner_of_row<Order>(x, count);
      if (places == nullptr) continue;
      *places++ = first_place(x, count, *best);
      continue;
    }
    std::copy_n(x, inner, best);
    if (places != nullptr) std::fill_n(places, inner, 0);
    for (Index j = 1; j < count; ++j) {
      const T* row = x + j * inner;
      if (places == nullptr) {
        for (Index i = 0; i < inner; ++i) best[i] = winner<Order>(best[i], row[i]);
      } else {
        for (Index i = 0; i < inner; ++i) {
          const bool wins = Order::beats(row[i], best[i]) || (is_nan(row[i]) && !is_nan(best[i]));
          best[i] = wins ? row[i] : best[i];
          places[i] = wins ? j : places[i];
        }
      }
    }
    if (places != nullptr) places += inner;
  }
}

}}  // namespace eigengrad::EIGENGRAD_ABI
