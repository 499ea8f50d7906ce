#pragma once

#include "../../core/threads.hpp"
#include "../sums.hpp"
#include "moments.hpp"

// What batch, group and instance norms do to the planes of [batch, channels, size...], each of which has its own mean,
// weight and bias.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace normalization {

struct Planes {
  Index batch = 0, channels = 0, size = 0;

  Index count() const { return batch * channels; }
  /// Channels per group; without channels, instance norm has no groups either.
  Index channels_of(Index groups) const { return groups > 0 ? channels / groups : 0; }
};
/// As many planes as are worth a second thread.
inline Index planes_per_piece(Index size) {
  return (std::max)(Index{1}, (Index{1} << 15) / (std::max)(Index{1}, size));
}

/// y = (x - center) * scale + shift.
template <class T>
EIGENGRAD_OUTLINE void scale_plane(const T* x, Index size, const T& center, const T& scale, const T& shift, T* y) {
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>;
  Index i = 0;
  for (; i + width <= size; i += width) lane::store<T>(y + i, L((lane::load(x + i) - L(center)) * L(scale) + L(shift)));
  for (; i < size; ++i) y[i] = (x[i] - center) * scale + shift;
}

/// dx = dy * scale + ((x - center) * slope + shift).
template <class T>
EIGENGRAD_OUTLINE void scale_plane_gradient(const T* x, const T* dy, Index size, const T& center, const T& scale,
                                            const T& slope, const T& shift, T* dx) {
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>;
  Index i = 0;
  for (; i + width <= size; i += width)
    lane::store<T>(dx + i, L(lane::load(dy + i) * L(scale) + ((lane::load(x + i) - L(center)) * L(slope) + L(shift))));
  for (; i < size; ++i) dx[i] = dy[i] * scale + ((x[i] - center) * slope + shift);
}

/// The sums of dy and of dy (x - mean) over a plane, or over several.
template <class T>
struct GradientSums {
  Total<T> dy = Total<T>(0), product = Total<T>(0);

  void add(const GradientSums& other) {
    dy = dy + other.dy;
    product = product + other.product;
  }
};
/// `next` tells where x and dy are read after that, seen from here.
template <class T>
EIGENGRAD_OUTLINE GradientSums<T> gradient_sums(const T* x, const T* dy, Index size, const T& center, const T& rest,
                                                Index next) {
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>, step = 2 * width;
  GradientSums<T> result;
  for (Index begin = 0; begin < size; begin += piece_size<T>) {
    const Index end = (std::min)(size, begin + piece_size<T>);
    L sums[2] = {L(0), L(0)}, products[2] = {L(0), L(0)};
    Index i = begin;
    for (; i + step <= end; i += step)
      for_indices<2>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
        const L gradient = lane::load(dy + i + k * width);
        sums[k] = sums[k] + gradient;
        products[k] = products[k] + gradient * (lane::load(x + i + k * width) - L(center));
        ask_for(x + next + i + k * width);
        ask_for(dy + next + i + k * width);
      });
    for (; i + width <= end; i += width) {
      const L gradient = lane::load(dy + i);
      sums[0] = sums[0] + gradient;
      products[0] = products[0] + gradient * (lane::load(x + i) - L(center));
    }
    T sum = lane::sum<T>(sums[0] + sums[1]), product = lane::sum<T>(products[0] + products[1]);
    for (; i < end; ++i) {
      sum = sum + dy[i];
      product = product + dy[i] * (x[i] - center);
    }
    result.add({Total<T>(sum), Total<T>(product)});
  }
  result.product = result.product - Total<T>(rest) * result.dy;
  return result;
}

/// How dx follows from dy and x in one plane.
template <class T>
struct PlaneGradient {
  T scale, slope, shift;

  /// Of a plane whose weight is `weight`, in a set of `count` numbers normalised together, with the sums over the set
  /// of dy and dy (x - mean), each plane's times its weight.
  static PlaneGradient of(const T& weight, const GradientSums<T>& weighted, Index count, const T& scale,
                          const T& rest) {
    const Total<T> factor(scale), share = factor / Total<T>(static_cast<plain_t<Total<T>>>(count));
    const Total<T> slope = Total<T>(0) - share * factor * factor * weighted.product;
    return {weight * scale, static_cast<T>(slope),
            static_cast<T>(Total<T>(0) - share * weighted.dy - slope * Total<T>(rest))};
  }
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::normalization
