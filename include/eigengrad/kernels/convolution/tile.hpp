#pragma once

#include "weights.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Where a few lanes of pixels are: what they read begins at image + from[v], what they write at the result + to[v], in
/// ascending order. Nothing is written from the result + `limit` on; what a lane writes too much before that is written
/// again by those that follow.
struct TilePlaces {
  const Index *from, *to;
  Index limit;
};
/// The products of some rows of weights, and what is done with their sums.
template <class T>
struct TileWork {
  Index taps;
  const T* weights;  // of one block, as pack_weights lays them
  const Index* offsets;
  const T* image;
  T* result;
  Index channel_step;  // from one row of the result to the next
  const T* bias;       // of the block's rows, or null
  bool add;            // to what is there
};

/// result[r][v] = bias[r] + the sum over k of weights[k][r] * image[from[v] + offsets[k]], in the order of k: the same
/// for every element, however rows and lanes are cut.
template <class T, int rows, int lanes>
EIGENGRAD_OUTLINE void convolution_tile(const TileWork<T>& work, const TilePlaces& places) {
  using L = lane_t<T>;
  L sums[extent(rows)][extent(lanes)];
  const T* from[extent(lanes)];
  EIGENGRAD_UNROLL
  for (int v = 0; v < lanes; ++v) from[v] = work.image + places.from[v];
  EIGENGRAD_UNROLL
  for (int r = 0; r < rows; ++r) {
    const L start = work.bias != nullptr ? L(work.bias[r]) : L(0);
    EIGENGRAD_UNROLL
    for (int v = 0; v < lanes; ++v) sums[r][v] = start;
  }
  if (work.add) {
    for_indices<rows>([&](auto r) EIGENGRAD_INLINE_LAMBDA {
      const T* const at = work.result + r * work.channel_step;
      for_indices<lanes>([&](auto v) EIGENGRAD_INLINE_LAMBDA {
        const Index count = places.limit - places.to[v];
        sums[r][v] = count >= lane_width<T> ? lane::load(at + places.to[v]) : lane::load(at + places.to[v], count);
      });
    });
  }
  const T* weight = work.weights;
  const Index *offset = work.offsets, *const end = offset + work.taps;
  for (; offset != end; ++offset, weight += rows) {
    const Index at = *offset;
    L pixels[extent(lanes)];
    EIGENGRAD_UNROLL
    for (int v = 0; v < lanes; ++v) pixels[v] = lane::load(from[v] + at);
    EIGENGRAD_UNROLL
    for (int r = 0; r < rows; ++r) {
      const L number = L(weight[r]);
      EIGENGRAD_UNROLL
      for (int v = 0; v < lanes; ++v) sums[r][v] = sums[r][v] + number * pixels[v];
    }
  }
  T* to[extent(lanes)];
  EIGENGRAD_UNROLL
  for (int v = 0; v < lanes; ++v) to[v] = work.result + places.to[v];
  const Index step = work.channel_step;
  Index counts[extent(lanes)];
  EIGENGRAD_UNROLL
  for (int v = 0; v < lanes; ++v) counts[v] = places.limit - places.to[v];
  for_indices<rows>([&](auto r) EIGENGRAD_INLINE_LAMBDA {
    for_indices<lanes>([&](auto v) EIGENGRAD_INLINE_LAMBDA {
      if (counts[v] >= lane_width<T>)
        lane::store<T>(to[v] + r * step, sums[r][v]);
      else
        lane::store<T>(to[v] + r * step, sums[r][v], counts[v]);
    });
  });
}

template <class T, int rows>
EIGENGRAD_INLINE void convolution_tile(int lanes, const TileWork<T>& work, const TilePlaces& places) {
  if constexpr (ConvolutionTile::lanes >= 3)
    if (lanes == 3) return convolution_tile<T, rows, 3>(work, places);
  if (lanes == 2) return convolution_tile<T, rows, 2>(work, places);
  convolution_tile<T, rows, 1>(work, places);
}
template <class T>
EIGENGRAD_OUTLINE void convolution_tile(int rows, int lanes, const TileWork<T>& work, const TilePlaces& places) {
  if constexpr (ConvolutionTile::rows >= 8)
    if (rows == 8) return convolution_tile<T, 8>(lanes, work, places);
  if (rows == 6) return convolution_tile<T, 6>(lanes, work, places);
  if (rows == 4) return convolution_tile<T, 4>(lanes, work, places);
  if (rows == 2) return convolution_tile<T, 2>(lanes, work, places);
  convolution_tile<T, 1>(lanes, work, places);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
