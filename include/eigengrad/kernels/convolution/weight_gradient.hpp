#pragma once

#include "forward.hpp"
#include "weight_tiles.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The gradient of a convolution's weight. The images are cut into a few parts, by their number alone; each part has
/// sums of its own, which are added up in order: whatever the number of threads, the bits are the same.
template <class T>
class WeightGradient {
 public:
  static constexpr Index width = lane_width<T>;

  /// With `room`, every lane that begins inside x or dy can be read whole.
  WeightGradient(const ConvolutionShape& shape, bool room)
      : shape_(shape),
        room_(room),
        outputs_(shape.group_outputs()),
        taps_(shape.group_channels() * shape.taps()),
        by_places_(prefers_places()),
        layout_(shape.of_one_group(), by_places_, room && !by_places_),
        offsets_(taps_) {
    layout_.offsets(shape.group_channels(), shape.taps(), offsets_.data());
    places_ = {shape.rows.output(), shape.columns.output(), layout_.row_step, by_places_ ? 1 : shape.columns.stride};
    line_ = lanes_of(places_.columns) * width;
    square_ = by_places_ && is_square();
    dy_copied_ = by_places_ && line_ != places_.columns;
    if (!by_places_ && places_.row_step == places_.columns * places_.column_step) {  // as one row
      places_.columns *= places_.rows;
      places_.rows = 1;
    }
    sums_ = taps_ * (by_places_ ? outputs_ * width : lanes_of(outputs_) * width);
    const Index all_sums = sums_ * shape.groups;
    parts_ = std::clamp<Index>(most_sums / all_sums, 1, (std::min)(most_parts, shape.images));
    if (all_sums > most_sums / 2 && shape.images > 1) parts_ = 2;
  }

  void run(const T* x, const T* dy, T* dw) const {
    const Index all_sums = sums_ * shape_.groups, tasks = parts_ * shape_.groups;
    const Scratch<T> sums = Scratch<T>::zeros(parts_ * all_sums);
    const int threads = shape_.products() >= large_convolution ? team_size() : 1;
    const Index pieces = std::min<Index>(tasks, threads > 1 ? 4 * threads : 1);
    parallel_for(pieces, threads,
                 [&](Index p) { some(x, dy, tasks * p / pieces, tasks * (p + 1) / pieces, sums.data()); });
    for (Index p = 1; p < parts_; ++p) {
      T *const to = sums.data(), *const from = to + p * all_sums;
      for (Index i = 0; i < all_sums; i += width) lane::store<T>(to + i, lane::load(to + i) + lane::load(from + i));
    }
    by_places_ ? add_up(sums.data(), dw) : turn(sums.data(), dw);
  }

 private:
  static constexpr Index most_parts = 8, most_sums = Index{1} << 20;
  static constexpr int tap_block = ConvolutionTile::many_registers ? 6 : 2, row_block = 4;
  static constexpr int channel_taps = ConvolutionTile::many_registers ? 8 : 4;

  static Index lanes_of(Index numbers) { return (numbers + width - 1) / width; }

  bool prefers_places() const {
    if (width == 1) return false;
    const Index rows = shape_.rows.output(), columns = shape_.columns.output();
    // In halves of a cycle for each tap. A sum that is a lane is read and written for every image.
    const Index by_places = rows * lanes_of(columns) * outputs_ + 4 * outputs_;
    const Index lanes = lanes_of(outputs_), by_channels = rows * columns * lanes + 4 * lanes;
    return by_places * 8 < by_channels * (lanes == 1 ? 9 : 8);
  }

  /// Whether there is one result, of nine taps in a square whose rows follow each other as the result's.
  bool is_square() const {
    if (width == 1 || outputs_ != 1 || taps_ != 9) return false;
    for (Index k = 0; k < taps_; ++k)
      if (offsets_.data()[k] != offsets_.data()[0] + k / 3 * places_.row_step + k % 3) return false;
    return true;
  }

  /// Tasks `begin` to `end`: task p * groups + g is group g of the images of part p.
  void some(const T* x, const T* dy, Index begin, Index end, T* sums) const {
    const Index image_size = shape_.group_channels() * shape_.input_plane(), plane = shape_.output_plane();
    const Index units = shape_.images * shape_.groups, over = room_ ? width - 1 : 0;
    const T *const x_end = x + units * image_size + over, *const dy_end = dy + units * outputs_ * plane + over;
    const Scratch<T> copy = Scratch<T>::zeros(layout_.copied() ? layout_.size() : 0);
    const Scratch<T> upstream = Scratch<T>::zeros(by_places_ ? (dy_copied_ ? outputs_ * places_.rows * line_ : 0)
                                                             : lanes_of(outputs_) * width * plane);
    for (Index task = begin; task < end; ++task) {
      const Index part = task / shape_.groups, group = task % shape_.groups;
      for (Index n = shape_.images * part / parts_; n < shape_.images * (part + 1) / parts_; ++n) {
        const Index unit = n * shape_.groups + group;
        const T *image = x + unit * image_size, *result = dy + unit * outputs_ * plane;
        if (layout_.copied()) {
          layout_.copy(image, copy.data(), x_end);
          image = copy.data();
        }
        by_places_ ? places(image, result, dy_end, upstream.data(), sums + task * sums_)
                   : channels(image, result, dy_end, upstream.data(), sums + task * sums_);
      }
    }
  }

  void places(const T* image, const T* dy, const T* dy_end, T* copy, T* sums) const {
    if (dy_copied_) {
      const Index rows = outputs_ * places_.rows;
      for (Index i = 0; i < rows; ++i)
        copy_every(dy + i * places_.columns, 1, copy + i * line_, places_.columns, dy_end);
      dy = copy;
    }
    if constexpr (width > 1)
      if (square_) return place_square(places_, image + offsets_.data()[0], dy, line_, sums);
    const Index channel_step = places_.rows * line_, tap_step = taps_ * width;
    for (Index o = 0; o < outputs_;) {
      const Index left = outputs_ - o;
      const int rows = left >= row_block ? row_block : left >= 2 ? 2 : 1;
      const auto go = [&](auto rows_here) {
        constexpr int height = rows_here;
        Index t = 0;
        const auto tile = [&](auto taps) {
          place_lanes<T, height, taps>(places_, image, offsets_.data() + t, dy, channel_step, line_, sums + t * width,
                                       tap_step);
          t += taps;
        };
        while (t + tap_block <= taps_) tile(std::integral_constant<int, tap_block>());
        if (tap_block > 3 && t + 3 <= taps_) tile(std::integral_constant<int, (tap_block > 3 ? 3 : 1)>());
        while (t < taps_) tile(std::integral_constant<int, 1>());
      };
      if (rows == row_block)
        go(std::integral_constant<int, row_block>());
      else if (rows == 2)
        go(std::integral_constant<int, 2>());
      else
        go(std::integral_constant<int, 1>());
      o += rows;
      dy += rows * channel_step;
      sums += rows * tap_step;
    }
  }

  /// The result's channels in blocks of two lanes, or one: for every tap a block's sums.
  void channels(const T* image, const T* dy, const T* dy_end, T* turned, T* sums) const {
    const Index plane = shape_.output_plane();
    for (Index o = 0; o < outputs_;) {
      const bool two = outputs_ - o > width;
      const Index block = two ? 2 * width : width, some = (std::min)(block, outputs_ - o);
      transpose_places(dy, plane, some, plane, turned, block, dy_end);
      const auto go = [&](auto lanes) {
        Index t = 0;
        const auto tile = [&](auto taps) {
          channel_lanes<T, taps, lanes>(places_, image, offsets_.data() + t, turned, sums + t * block, block);
          t += taps;
        };
        while (t + channel_taps <= taps_) tile(std::integral_constant<int, channel_taps>());
        if (channel_taps > 4 && t + 4 <= taps_) tile(std::integral_constant<int, 4>());
        while (t < taps_) tile(std::integral_constant<int, 1>());
      };
      if (two)
        go(std::integral_constant<int, 2>());
      else
        go(std::integral_constant<int, 1>());
      o += some;
      dy += some * plane;
      sums += taps_ * block;
    }
  }

  void add_up(const T* sums, T* dw) const {
    for (Index i = 0; i < shape_.weights(); ++i, sums += width) dw[i] = lane::sum<T>(lane::load(sums));
  }
  void turn(const T* sums, T* dw) const {
    for (Index g = 0; g < shape_.groups; ++g)
      for (Index o = 0; o < outputs_;) {
        const Index block = outputs_ - o > width ? 2 * width : width, some = (std::min)(block, outputs_ - o);
        for (Index i = 0; i < some; ++i)
          for (Index t = 0; t < taps_; ++t) dw[i * taps_ + t] = sums[t * block + i];
        o += some;
        dw += some * taps_;
        sums += taps_ * block;
      }
  }

  ConvolutionShape shape_;
  bool room_;
  Index outputs_, taps_;
  bool by_places_;
  ImageLayout<T> layout_;
  Scratch<Index> offsets_;
  GradientPlaces places_;
  Index line_, sums_, parts_;
  bool dy_copied_, square_;
};

/// dw = the gradient of the weight: sums over images and places of dy times what the tap met in x. dw is written whole.
/// With `room`, every lane that begins inside x or dy can be read whole. The bits do not depend on the number of
/// threads.
template <class T>
void convolution_weight_gradient(const ConvolutionShape& shape, const T* x, const T* dy, T* dw, bool room = false) {
  if (shape.images == 0 || shape.output_plane() == 0) {
    std::fill_n(dw, shape.weights(), T(0));
    return;
  }
  WeightGradient<T>(shape, room).run(x, dy, dw);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
