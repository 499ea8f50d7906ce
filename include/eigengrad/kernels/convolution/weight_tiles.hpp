#pragma once

#include "channel_tile.hpp"

// The two inner loops of a weight's gradient, sums over all places of an image of products of dy and x. With lanes over
// places a sum is a lane, added up at the end; with lanes over channels of dy every number of x is spread over one.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The places of one image: `rows` rows of dy beside rows of x that are `row_step` apart.
struct GradientPlaces {
  Index rows, columns, row_step, column_step;
};

/// sums[r][t] += the lanes of dy[r] * those of x + offsets[t]; rows of dy are whole lanes long, `line` numbers apart.
template <class T, int rows, int taps>
EIGENGRAD_OUTLINE void place_lanes(const GradientPlaces& places, const T* x, const Index* offsets, const T* dy,
                                   Index channel_step, Index line, T* to, Index tap_step) {
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>;
  L sums[extent(rows)][extent(taps)];
  const T *from[extent(taps)], *upstream[extent(rows)];
  EIGENGRAD_UNROLL
  for (int t = 0; t < taps; ++t) from[t] = x + offsets[t];
  EIGENGRAD_UNROLL
  for (int r = 0; r < rows; ++r) {
    upstream[r] = dy + r * channel_step;
    EIGENGRAD_UNROLL
    for (int t = 0; t < taps; ++t) sums[r][t] = lane::load(to + r * tap_step + t * width);
  }
  for (Index y = 0; y < places.rows; ++y) {
    for (Index i = 0, at = y * places.row_step, up = y * line; i < line; i += width, at += width, up += width) {
      L lanes[extent(rows)];
      EIGENGRAD_UNROLL
      for (int r = 0; r < rows; ++r) lanes[r] = lane::load(upstream[r] + up);
      EIGENGRAD_UNROLL
      for (int t = 0; t < taps; ++t) {
        const L numbers = lane::load(from[t] + at);
        EIGENGRAD_UNROLL
        for (int r = 0; r < rows; ++r) sums[r][t] = sums[r][t] + lanes[r] * numbers;
      }
    }
  }
  EIGENGRAD_UNROLL
  for (int r = 0; r < rows; ++r) {
    EIGENGRAD_UNROLL
    for (int t = 0; t < taps; ++t) lane::store<T>(to + r * tap_step + t * width, sums[r][t]);
  }
}

/// The same for one row of dy and three by three taps that follow each other: every lane of x that is read serves all
/// rows of dy that meet it.
template <class T, int height>
EIGENGRAD_INLINE void square_sums(const T* x, Index row_step, const T* dy, Index line, lane_t<T>* sums) {
  using L = lane_t<T>;
  L upstream[extent(height)];
  EIGENGRAD_UNROLL
  for (int r = 0; r < height; ++r) upstream[r] = lane::load(dy + r * line);
  for_indices<height + 2>([&](auto i) EIGENGRAD_INLINE_LAMBDA {
    for_indices<3>([&](auto kx) EIGENGRAD_INLINE_LAMBDA {
      const L numbers = lane::load(x + kx);
      for_indices<3>([&](auto ky) EIGENGRAD_INLINE_LAMBDA {
        constexpr int r = i - ky;
        if constexpr (r >= 0 && r < height) sums[3 * ky + kx] = sums[3 * ky + kx] + upstream[r] * numbers;
      });
    });
    x += row_step;
  });
}
template <class T>
EIGENGRAD_OUTLINE void place_square(const GradientPlaces& places, const T* x, const T* dy, Index line, T* to) {
  constexpr Index width = lane_width<T>;
  constexpr int height = 4;
  lane_t<T> sums[9];
  EIGENGRAD_UNROLL
  for (int k = 0; k < 9; ++k) sums[k] = lane::load(to + k * width);
  Index y = 0;
  for (; y + height <= places.rows; y += height)
    for (Index i = 0; i < line; i += width)
      square_sums<T, height>(x + y * places.row_step + i, places.row_step, dy + y * line + i, line, sums);
  for (; y < places.rows; ++y)
    for (Index i = 0; i < line; i += width)
      square_sums<T, 1>(x + y * places.row_step + i, places.row_step, dy + y * line + i, line, sums);
  EIGENGRAD_UNROLL
  for (int k = 0; k < 9; ++k) lane::store<T>(to + k * width, sums[k]);
}

/// to[t][v] += x[place + offsets[t]] * lane v of dy's place, over all places; `dy` holds the channels of one place
/// after another.
template <class T, int taps, int lanes>
EIGENGRAD_OUTLINE void channel_lanes(const GradientPlaces& places, const T* x, const Index* offsets, const T* dy, T* to,
                                     Index tap_step) {
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>;
  L sums[extent(taps)][extent(lanes)];
  const T* from[extent(taps)];
  EIGENGRAD_UNROLL
  for (int t = 0; t < taps; ++t) {
    from[t] = x + offsets[t];
    EIGENGRAD_UNROLL
    for (int v = 0; v < lanes; ++v) sums[t][v] = lane::load(to + t * tap_step + v * width);
  }
  for (Index y = 0; y < places.rows; ++y)
    for (Index i = 0, at = y * places.row_step; i < places.columns;
         ++i, at += places.column_step, dy += lanes * width) {
      L upstream[extent(lanes)];
      EIGENGRAD_UNROLL
      for (int v = 0; v < lanes; ++v) upstream[v] = lane::load(dy + v * width);
      EIGENGRAD_UNROLL
      for (int t = 0; t < taps; ++t) {
        const L number = L(from[t][at]);
        EIGENGRAD_UNROLL
        for (int v = 0; v < lanes; ++v) sums[t][v] = sums[t][v] + number * upstream[v];
      }
    }
  EIGENGRAD_UNROLL
  for (int t = 0; t < taps; ++t) {
    EIGENGRAD_UNROLL
    for (int v = 0; v < lanes; ++v) lane::store<T>(to + t * tap_step + v * width, sums[t][v]);
  }
}

}}  // namespace eigengrad::EIGENGRAD_ABI
