#pragma once

#include "tile.hpp"

// The one loop behind a convolution and its input's gradient: for every place of a result, and every row of weights,
// the sum of products with the numbers of an image that lie at fixed offsets from that place. Lanes hold neighbouring
// places of a row. Where rows fill their lanes badly, or few lanes would do for all rows, the numbers are first copied
// to a panel, rows one behind the other, for a few hundred products at a time.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
class Correlation {
 public:
  static constexpr Index width = lane_width<T>, tile_lanes = ConvolutionTile::lanes;
  static constexpr Index chunk_lanes = 4 * tile_lanes;  // of a chunk read in place, at most
  static constexpr Index cached = Index{24} << 10;
  static constexpr Index panel_step = tile_lanes * width;  // numbers in a panel's row
  static constexpr Index panel_taps = 192;                 // rows of a panel: with a block of weights they fit a cache

  /// `outputs` rows of `taps` weights, for a result of `height` rows of `columns` that lie next to each other, of an
  /// image of `channels`.
  Correlation(Index outputs, Index channels, Index taps, const Index* offsets, Index height, Index columns,
              Index row_step)
      : outputs_(outputs), taps_(taps), offsets_(offsets), rows_(height), columns_(columns), row_step_(row_step) {
    if (row_step == columns) {  // no gaps between rows: as one
      columns_ = height * columns;
      rows_ = 1;
    }
    const Index row_lanes = lanes_of(columns_), panel_lanes = lanes_of(rows_ * columns_);
    // In halves of a cycle for each product: a tile's, and copying.
    const Index in_place = rows_ * row_lanes * outputs;
    const Index copied = panel_lanes * outputs + 3 * (rows_ * row_lanes + panel_lanes);
    panel_ = width > 1 && copied < in_place;
    lanes_ = panel_ ? panel_lanes : rows_ * row_lanes;
    row_lanes_ = row_lanes;
    // What a chunk reads, of all channels, should stay in the nearest cache for all rows of weights.
    const Index fitting = cached / (channels * width * static_cast<Index>(sizeof(T))) / tile_lanes;
    const Index chunk = std::clamp<Index>(fitting, 1, chunk_lanes / tile_lanes) * tile_lanes;
    chunks_ = panel_ ? (lanes_ + tile_lanes - 1) / tile_lanes : (lanes_ + chunk - 1) / chunk;
  }

  static constexpr Index most_scratch = (panel_taps + 1) * panel_step;

  /// The result is made in so many parts, in any order, or in order.
  Index chunks() const { return chunks_; }
  /// How many numbers of scratch a thread needs.
  Index scratch() const { return panel_ ? (std::min)(taps_, panel_taps) * panel_step + panel_step : 0; }

  /// Chunks `begin` to `end` of a result whose channels are `plane` apart. With `in_order`, what lies behind a chunk is
  /// written after it.
  void run(const T* image, const T* weights, const ConvolutionExtras<T>& extras, T* result, Index plane, Index begin,
           Index end, bool in_order, T* scratch) const {
    const Target target{weights, extras.bias, extras.finish, result, plane};
    for (Index c = begin; c < end; ++c)
      panel_ ? by_panel(image, target, c, scratch) : in_place(image, target, c, in_order);
  }

 private:
  struct Target {
    const T *weights, *bias;
    void (*finish)(T*, Index);
    T* result;
    Index plane;
  };

  static Index lanes_of(Index numbers) { return (numbers + width - 1) / width; }

  /// One tile after another over `lanes` lanes, as evenly as they can be cut.
  EIGENGRAD_INLINE static void tiles(int rows, Index lanes, Index limit, const Index* from, const Index* to,
                                     const TileWork<T>& work) {
    for (Index left = lanes, tiles = (lanes + tile_lanes - 1) / tile_lanes; tiles > 0; --tiles) {
      const Index count = (left + tiles - 1) / tiles;
      convolution_tile<T>(rows, static_cast<int>(count), work, {from, to, limit});
      from += count;
      to += count;
      left -= count;
    }
  }

  EIGENGRAD_OUTLINE void in_place(const T* image, const Target& target, Index chunk, bool in_order) const {
    Index from[chunk_lanes], to[chunk_lanes];
    const Index first = lanes_ * chunk / chunks_, next = lanes_ * (chunk + 1) / chunks_, lanes = next - first;
    for (Index i = 0, y = first / row_lanes_, x = first % row_lanes_; i < lanes; ++i) {
      from[i] = y * row_step_ + x * width;
      to[i] = y * columns_ + x * width;
      if (++x == row_lanes_) {
        x = 0;
        ++y;
      }
    }
    const Index end = next / row_lanes_ * columns_ + next % row_lanes_ * width;  // where the next chunk begins
    const Index limit = in_order ? rows_ * columns_ : end;
    TileWork<T> work{taps_, target.weights, offsets_, image, target.result, target.plane, target.bias, false};
    for (Index r = 0; r < outputs_;) {
      const int rows = ConvolutionTile::block(outputs_ - r);
      tiles(rows, lanes, limit, from, to, work);
      if (target.finish != nullptr)
        for (Index i = 0; i < rows; ++i) target.finish(work.result + i * target.plane + to[0], end - to[0]);
      advance(work, rows, taps_);
      r += rows;
    }
  }

  EIGENGRAD_OUTLINE void by_panel(const T* image, const Target& target, Index chunk, T* panel) const {
    Index offsets[extent(panel_taps)], from[extent(tile_lanes)], to[extent(tile_lanes)];
    const Index first = lanes_ * chunk / chunks_ * width;
    const Index count = (std::min)(lanes_ * (chunk + 1) / chunks_ * width, rows_ * columns_) - first;
    const Index lanes = lanes_of(count);
    for (Index v = 0; v < tile_lanes; ++v) {
      from[v] = v * width;
      to[v] = first + v * width;
    }
    for (Index k = 0; k < (std::min)(taps_, panel_taps); ++k) offsets[k] = k * panel_step;
    for (Index k = 0; k < taps_ || k == 0; k += panel_taps) {
      const Index taps = (std::min)(panel_taps, taps_ - k);
      copy_panel(image, offsets_ + k, taps, first, count, panel);
      TileWork<T> work{taps, target.weights, offsets, panel, target.result, target.plane, target.bias, k > 0};
      if (k > 0) work.bias = nullptr;
      for (Index r = 0; r < outputs_;) {
        const int rows = ConvolutionTile::block(outputs_ - r);
        work.weights += k * rows;
        tiles(rows, lanes, first + count, from, to, work);
        work.weights -= k * rows;
        if (target.finish != nullptr && k + taps == taps_)
          for (Index i = 0; i < rows; ++i) target.finish(work.result + i * target.plane + first, count);
        advance(work, rows, taps_);
        r += rows;
      }
    }
  }
  static void advance(TileWork<T>& work, int rows, Index taps) {
    work.weights += rows * taps;
    work.result += rows * work.channel_step;
    if (work.bias != nullptr) work.bias += rows;
  }

  /// panel[k] = `count` places from `first` on, as tap k reads them. Whole lanes: what is too much is written over.
  EIGENGRAD_OUTLINE void copy_panel(const T* image, const Index* offsets, Index taps, Index first, Index count,
                                    T* panel) const {
    Index from[extent(panel_step)], to[extent(panel_step)], pieces = 0;
    for (Index at = 0, y = first / columns_, x = first % columns_; at < count; ++pieces) {
      from[pieces] = y * row_step_ + x;
      to[pieces] = at;
      const Index piece = (std::min)({columns_ - x, width, count - at});
      at += piece;
      if ((x += piece) == columns_) {
        x = 0;
        ++y;
      }
    }
    for (Index k = 0; k < taps; ++k, panel += panel_step) {
      const T* const start = image + offsets[k];
      for (Index i = 0; i < pieces; ++i) lane::store<T>(panel + to[i], lane::load(start + from[i]));
    }
  }

  Index outputs_, taps_;
  const Index* offsets_;
  Index rows_, columns_, row_step_, row_lanes_, lanes_, chunks_;
  bool panel_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
