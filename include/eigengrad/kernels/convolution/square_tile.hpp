#pragma once

#include "weights.hpp"

// Three by three taps of one channel, as a depthwise convolution has: the weights stay in registers, and every lane of
// the image that is read serves all rows of the result that meet it.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
struct SquareWork {
  T weights[9];
  const T* image;
  Index row_step;
  T* result;
  Index rows, columns;
};

/// `height` rows of the result's lane at column x, beginning with row y. What a lane writes too much is written again:
/// lanes that end a row come first.
template <class T, int height>
EIGENGRAD_INLINE void square_lane(const SquareWork<T>& work, const lane_t<T>* weights, const lane_t<T>& bias, Index y,
                                  Index x) {
  using L = lane_t<T>;
  const T* from = work.image + y * work.row_step + x;
  L sums[extent(height)];
  EIGENGRAD_UNROLL
  for (int r = 0; r < height; ++r) sums[r] = bias;
  for_indices<height + 2>([&](auto i) EIGENGRAD_INLINE_LAMBDA {
    for_indices<3>([&](auto kx) EIGENGRAD_INLINE_LAMBDA {
      const L numbers = lane::load(from + kx);
      for_indices<3>([&](auto ky) EIGENGRAD_INLINE_LAMBDA {
        constexpr int r = i - ky;
        if constexpr (r >= 0 && r < height) sums[r] = sums[r] + weights[3 * ky + kx] * numbers;
      });
    });
    from += work.row_step;
  });
  T* to = work.result + y * work.columns + x;
  const Index left = work.rows * work.columns - (y * work.columns + x);
  for_indices<height>([&](auto r) EIGENGRAD_INLINE_LAMBDA {
    const Index room = left - r * work.columns;
    if (room >= lane_width<T>)
      lane::store<T>(to + r * work.columns, sums[r]);
    else
      lane::store<T>(to + r * work.columns, sums[r], room);
  });
}
template <class T, int height>
EIGENGRAD_OUTLINE void square_band(const SquareWork<T>& work, T bias, Index y) {
  constexpr Index width = lane_width<T>;
  lane_t<T> weights[9];
  EIGENGRAD_UNROLL
  for (int k = 0; k < 9; ++k) weights[k] = lane_t<T>(work.weights[k]);
  const Index last = (work.columns - 1) / width * width;
  square_lane<T, height>(work, weights, lane_t<T>(bias), y, last);
  for (Index x = 0; x < last; x += width) square_lane<T, height>(work, weights, lane_t<T>(bias), y, x);
}
template <class T>
void square_rows(const SquareWork<T>& work, T bias) {
  constexpr int height = ConvolutionTile::many_registers ? 4 : 2;
  Index y = 0;
  for (; y + height <= work.rows; y += height) square_band<T, height>(work, bias, y);
  for (; y < work.rows; ++y) square_band<T, 1>(work, bias, y);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
