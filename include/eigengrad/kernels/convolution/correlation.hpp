#pragma once

#include "channel_tile.hpp"
#include "square_tile.hpp"
#include "tile.hpp"

// The one loop behind a convolution and its input's gradient: for every place of a result, and every row of weights,
// the sum of products with the numbers of an image that lie at fixed offsets from that place. Lanes hold neighbouring
// places of a row of the result; or, where its rows fill their lanes badly, the result's channels at one place.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
class Correlation {
 public:
  static constexpr Index width = lane_width<T>, tile_lanes = ConvolutionTile::lanes;
  static constexpr Index chunk_lanes = 4 * tile_lanes;      // of a chunk of lanes of places, at most
  static constexpr Index cached = Index{24} << 10;          // bytes of the nearest cache
  static constexpr Index chunk_places = 128;                // of a chunk of lanes of channels
  static constexpr Index stage = chunk_places * 2 * width;  // a thread's scratch, in numbers

  /// `outputs` rows of `taps` weights, for a result of `height` rows of `columns` that lie next to each other, of an
  /// image of `channels`.
  Correlation(Index outputs, Index channels, Index taps, const Index* offsets, Index height, Index columns,
              Index row_step)
      : outputs_(outputs), taps_(taps), offsets_(offsets), rows_(height), columns_(columns), row_step_(row_step) {
    if (row_step == columns) {  // no gaps between rows: as one
      columns_ = height * columns;
      rows_ = 1;
    }
    row_lanes_ = lanes_of(columns_);
    const Index lanes = lanes_of(outputs), places = rows_ * columns_;
    if (find_square()) {
      chunks_ = 1;
      return;
    }
    by_channels_ = prefers_channels(lanes, places);
    if (by_channels_) {
      parts_ = (places + chunk_places - 1) / chunk_places;
      chunks_ = (lanes + 1) / 2 * parts_;
      return;
    }
    lanes_ = rows_ * row_lanes_;
    // What a chunk reads, of all channels, should stay in the nearest cache for all rows of weights.
    const Index fitting = cached / (channels * width * static_cast<Index>(sizeof(T))) / tile_lanes;
    const Index chunk = std::clamp<Index>(fitting, 1, chunk_lanes / tile_lanes) * tile_lanes;
    chunks_ = (lanes_ + chunk - 1) / chunk;
  }

  /// How many numbers the packed weights take.
  Index packed_size() const { return taps_ * (by_channels_ ? lanes_of(outputs_) * width : outputs_); }
  void pack(const T* weight, Index row_step, const Index* order, const T* scale, T* to) const {
    by_channels_ ? pack_lanes(weight, outputs_, row_step, taps_, order, scale, to)
                 : pack_weights(weight, outputs_, row_step, taps_, order, scale, to);
  }

  /// The result is made in so many parts, in any order, or in order.
  Index chunks() const { return chunks_; }

  /// Chunks `begin` to `end` of a result whose channels are `plane` apart. With `in_order`, what lies behind a chunk is
  /// written after it.
  void run(const T* image, const T* weights, const ConvolutionExtras<T>& extras, T* result, Index plane, Index begin,
           Index end, bool in_order, [[maybe_unused]] T* scratch) const {
    const Target target{weights, extras.bias, extras.finish, result, plane};
    if constexpr (width > 1) {
      if (square_ && begin < end) return by_square(image, target);
      if (by_channels_) {
        for (Index c = begin; c < end; ++c) channels_here(image, target, c, scratch);
        return;
      }
    }
    for (Index c = begin; c < end; ++c) places_here(image, target, c, in_order);
  }

 private:
  struct Target {
    const T *weights, *bias;
    Finish<T> finish;
    T* result;
    Index plane;
  };

  static Index lanes_of(Index numbers) { return (numbers + width - 1) / width; }

  /// In halves of a cycle for each product: a tile of one lane of channels waits for what it loads; turning the result
  /// costs, too.
  bool prefers_channels(Index lanes, Index places) const {
    if (width == 1 || taps_ == 0) return false;
    const Index by_places = rows_ * row_lanes_ * outputs_ * taps_;
    return places * lanes * (taps_ + 4) * (lanes == 1 ? 10 : 8) < by_places * 8;
  }

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

  EIGENGRAD_OUTLINE void places_here(const T* image, const Target& target, Index chunk, bool in_order) const {
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
      if (target.finish)
        for (Index i = 0; i < rows; ++i) target.finish(work.result + i * target.plane + to[0], end - to[0]);
      advance(work, rows, taps_);
      r += rows;
    }
  }

  /// Whether there is one result, of nine taps in a square whose rows follow each other as the result's, or from the
  /// last to the first.
  bool find_square() {
    if (width == 1 || outputs_ != 1 || taps_ != 9) return false;
    const Index step = offsets_[1] - offsets_[0];
    if (step != 1 && step != -1) return false;
    for (Index k = 0; k < taps_; ++k)
      if (offsets_[k] != offsets_[0] + step * (k / 3 * row_step_ + k % 3)) return false;
    turned_ = step == -1;
    return square_ = true;
  }
  void by_square(const T* image, const Target& target) const {
    SquareWork<T> work{{}, image + offsets_[turned_ ? 8 : 0], row_step_, target.result, rows_, columns_};
    for (int k = 0; k < 9; ++k) work.weights[k] = target.weights[turned_ ? 8 - k : k];
    square_rows(work, target.bias != nullptr ? *target.bias : T(0));
    if (target.finish) target.finish(target.result, rows_ * columns_);
  }

  EIGENGRAD_OUTLINE void channels_here(const T* image, const Target& target, Index chunk, T* scratch) const {
    const Index block = chunk / parts_, part = chunk % parts_, places = rows_ * columns_;
    const Index first = places * part / parts_, count = places * (part + 1) / parts_ - first;
    const Index channel = block * 2 * width, channels = (std::min)(2 * width, outputs_ - channel);
    const bool two = channels > width;
    const ChannelWork<T> work{taps_, offsets_, target.weights + channel * taps_, columns_, row_step_};
    two ? channel_places<T, 2>(work, image, first, count, scratch)
        : channel_places<T, 1>(work, image, first, count, scratch);
    T* const to = target.result + channel * target.plane + first;
    turn_places(scratch, two ? 2 * width : width, channels, count,
                target.bias != nullptr ? target.bias + channel : nullptr, to, target.plane);
    if (target.finish)
      for (Index i = 0; i < channels; ++i) target.finish(to + i * target.plane, count);
  }

  static void advance(TileWork<T>& work, int rows, Index taps) {
    work.weights += rows * taps;
    work.result += rows * work.channel_step;
    if (work.bias != nullptr) work.bias += rows;
  }

  Index outputs_, taps_;
  const Index* offsets_;
  Index rows_, columns_, row_step_, row_lanes_, lanes_ = 0, parts_ = 1, chunks_;
  bool by_channels_ = false, square_ = false, turned_ = false;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
