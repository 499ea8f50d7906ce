#pragma once

#include "weights.hpp"

// The result's channels as lanes: at every place a number of the image is spread over a lane and multiplied by as many
// channels' weights. Made in a scratch buffer, place by place, and turned to planes at the end.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
struct ChannelWork {
  Index taps;
  const Index* offsets;
  const T* weights;  // of the lanes' channels, tap after tap
  Index columns, row_step;
};

/// to[j * to_step + i] = from[i * from_step + j] for i < rows, j < columns; rows of `to` are filled with zeros up to a
/// whole lane. What can be read ends at `end`.
template <class T>
EIGENGRAD_OUTLINE void transpose_places(const T* from, Index from_step, Index rows, Index columns, T* to, Index to_step,
                                        const T* end) {
  constexpr Index width = lane_width<T>;
  for (Index i = 0; i < rows; i += width) {
    const Index some = (std::min)(width, rows - i);
    Index j = 0;
    if constexpr (width > 1)
      for (; j < columns && end - from >= (i + some - 1) * from_step + j + width; j += width) {
        lane_t<T> lanes[extent(width)];
        for (Index r = 0; r < width; ++r)
          lanes[r] = r < some ? lane::load(from + (i + r) * from_step + j) : lane_t<T>(0);
        lane::transpose<T>(lanes);
        for (Index r = 0; r < (std::min)(width, columns - j); ++r) lane::store<T>(to + (j + r) * to_step + i, lanes[r]);
      }
    for (; j < columns; ++j)
      for (Index r = 0; r < width; ++r) {
        to[j * to_step + i + r] = r < some ? from[(i + r) * from_step + j] : T(0);
        EIGENGRAD_NO_VECTORS;
      }
  }
}

/// to = blocks of two lanes of rows, or one: for every product the rows' numbers next to each other, zeros where there
/// is no row. Number k of row r is from[r * row_step + order[k]], times the row's scale where there is one.
template <class T>
EIGENGRAD_OUTLINE void pack_lanes(const T* from, Index rows, Index row_step, Index count, const Index* order,
                                  const T* scale, T* to) {
  constexpr Index width = lane_width<T>;
  for (Index r = 0; r < rows;) {
    const Index block = rows - r > width ? 2 * width : width, some = (std::min)(block, rows - r);
    if (scale == nullptr && count > 0 && order[count - 1] == order[0] + count - 1) {  // one after another
      transpose_places(from + order[0], row_step, some, count, to, block,
                       from + order[0] + (some - 1) * row_step + count);
      to += block * count;
      r += some;
      from += some * row_step;
      continue;
    }
    for (Index k = 0; k < count; ++k, to += block) {
      const T* number = from + order[k];
      for (Index i = 0; i < some; ++i, number += row_step) {
        to[i] = scale != nullptr ? T(*number * scale[r + i]) : *number;
        EIGENGRAD_NO_VECTORS;
      }
      for (Index i = some; i < block; ++i) to[i] = T(0);
    }
    r += some;
    from += some * row_step;
  }
}

template <class T, int places, int lanes>
EIGENGRAD_OUTLINE void channel_tile(const ChannelWork<T>& work, const T* image, const Index* at, T* to) {
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>;
  L sums[extent(places)][extent(lanes)];
  const T* from[extent(places)];
  EIGENGRAD_UNROLL
  for (int p = 0; p < places; ++p) {
    from[p] = image + at[p];
    EIGENGRAD_UNROLL
    for (int v = 0; v < lanes; ++v) sums[p][v] = L(0);
  }
  const T* weight = work.weights;
  for (const Index *offset = work.offsets, *const end = offset + work.taps; offset != end;
       ++offset, weight += lanes * width) {
    const Index here = *offset;
    L weights[extent(lanes)];
    EIGENGRAD_UNROLL
    for (int v = 0; v < lanes; ++v) weights[v] = lane::load(weight + v * width);
    EIGENGRAD_UNROLL
    for (int p = 0; p < places; ++p) {
      const L number = L(from[p][here]);
      EIGENGRAD_UNROLL
      for (int v = 0; v < lanes; ++v) sums[p][v] = sums[p][v] + number * weights[v];
    }
  }
  EIGENGRAD_UNROLL
  for (int p = 0; p < places; ++p) {
    EIGENGRAD_UNROLL
    for (int v = 0; v < lanes; ++v) lane::store<T>(to + (p * lanes + v) * width, sums[p][v]);
  }
}

/// to[p] = the lanes' channels at place first + p, for `count` places and up to the end of the last tile.
template <class T, int lanes>
EIGENGRAD_OUTLINE void channel_places(const ChannelWork<T>& work, const T* image, Index first, Index count, T* to) {
  constexpr int tile = ConvolutionTile::channel_places;
  Index y = first / work.columns, x = first % work.columns;
  for (Index p = 0; p < count; p += tile, to += tile * lanes * lane_width<T>) {
    Index at[tile];
    for (int i = 0; i < tile; ++i) {
      at[i] = p + i < count ? y * work.row_step + x : at[i - 1];
      if (++x == work.columns) {
        x = 0;
        ++y;
      }
    }
    if (tile > 4 && count - p <= 4)
      channel_tile<T, 4, lanes>(work, image, at, to);
    else
      channel_tile<T, tile, lanes>(work, image, at, to);
  }
}

/// to[c * plane + p] = from[p * step + c] + bias[c], for `channels` and `count` places.
template <class T>
EIGENGRAD_OUTLINE void turn_places(const T* from, Index step, Index channels, Index count, const T* bias, T* to,
                                   Index plane) {
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>;
  for (Index c = 0; c < channels; c += width)
    for (Index p = 0; p < count; p += width) {
      L lanes[extent(width)];
      const Index some = (std::min)(width, count - p), rows = (std::min)(width, channels - c);
      for (Index i = 0; i < width; ++i) lanes[i] = lane::load(from + (p + (i < some ? i : 0)) * step + c);
      lane::transpose<T>(lanes);
      for (Index i = 0; i < rows; ++i) {
        if (bias != nullptr) lanes[i] = lanes[i] + L(bias[c + i]);
        T* const at = to + (c + i) * plane + p;
        if (some == width)
          lane::store<T>(at, lanes[i]);
        else
          lane::store<T>(at, lanes[i], some);
      }
    }
}

}}  // namespace eigengrad::EIGENGRAD_ABI
