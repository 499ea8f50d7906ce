#pragma once

#include <numeric>

#include "../../core/buffer.hpp"
#include "../../simd/lane.hpp"
#include "shape.hpp"

// One image with its padding around it. Where a stride skips columns, those that a tap of the kernel meets lie next to
// each other: every remainder by the stride has a plane of its own. So whatever the stride, neighbours in the output
// read neighbours in the image, and a lane is one load.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Numbers for the work of one thread; from the pool, so that the next call finds them there.
template <class T>
class Scratch {
 public:
  Scratch() = default;
  explicit Scratch(Index count) : block_(bytes_of_numbers(count, sizeof(T))) {}
  T* data() const { return static_cast<T*>(block_.data()); }
  /// From the beginning on, all of them T(0).
  static Scratch zeros(Index count) {
    Scratch result(count);
    std::fill_n(result.data(), count, T(0));
    return result;
  }

 private:
  Block block_;
};

/// Where one axis of an image lies: padded position p is at place p / step of its remainder p % step, of those
/// remainders that the kernel's taps have.
class ImageAxis {
 public:
  /// What one remainder takes from the input: places [first, end), which begin at input `from`.
  struct Span {
    Index first, end, from;
  };

  /// `split` by remainders of the stride, or all positions next to each other.
  ImageAxis(const ConvolutionAxis& axis, bool split)
      : before(axis.before),
        step(split ? axis.stride : 1),
        period(step / std::gcd(step, axis.dilation)),
        planes((std::min)(axis.kernel, period)),
        size(((axis.output() - 1) * axis.stride + axis.extent() + step - 1) / step),
        dilation_(axis.dilation),
        spans_(planes) {
    for (Index plane = 0; plane < planes; ++plane) {
      const Index remainder = plane * dilation_ % step, skipped = before - remainder;
      Span& span = spans_.data()[plane];
      span.first = std::clamp<Index>(skipped <= 0 ? 0 : (skipped + step - 1) / step, 0, size);
      span.end = std::clamp<Index>((axis.input + skipped + step - 1) / step, span.first, size);
      span.from = step * span.first - skipped;
    }
  }
  const Span& span(Index plane) const { return spans_.data()[plane]; }
  Index plane_of(Index tap) const { return tap % period; }
  Index place_of(Index tap) const { return tap * dilation_ / step; }

  Index before, step, period, planes, size;

 private:
  Index dilation_;
  Scratch<Span> spans_;
};

/// from[0], from[step], ... as a lane.
template <class T, int step>
EIGENGRAD_INLINE lane_t<T> every(const T* from) {
  if constexpr (step == 1)
    return lane::load(from);
  else
    return lane::every_other<T, 0>(every<T, step / 2>(from), every<T, step / 2>(from + lane_width<T> * step / 2));
}
template <class T, int step>
EIGENGRAD_INLINE Index copy_lanes(const T* from, T* to, Index count, const T* end) {
  constexpr Index width = lane_width<T>;
  Index i = 0;
  for (; i < count && end - from >= (i + width) * step; i += width) {
    const lane_t<T> numbers = every<T, step>(from + i * step);
    lane::store<T>(to + i, count - i >= width ? numbers : lane::first<T>(numbers, count - i));
  }
  return i;
}
/// to[i] = from[i * step] for i < count, then zeros to the end of a lane: what is written there comes later, or is
/// padding. What can be read ends at `end`.
template <class T>
EIGENGRAD_INLINE void copy_every(const T* from, Index step, T* to, Index count, const T* end) {
  Index i = 0;
  if constexpr (lane_width<T> > 1)
    i = step == 1   ? copy_lanes<T, 1>(from, to, count, end)
        : step == 2 ? copy_lanes<T, 2>(from, to, count, end)
        : step == 4 ? copy_lanes<T, 4>(from, to, count, end)
                    : 0;
  for (; i < count; ++i) {
    to[i] = from[i * step];
    EIGENGRAD_NO_VECTORS;
  }
}

/// How the image that a convolution reads lies in memory, and where the kernel's taps begin in it.
template <class T>
class ImageLayout {
 public:
  /// `split`: by the stride's remainders. Read in place where nothing is padded and no column skipped, if `in_place`.
  ImageLayout(const ConvolutionShape& shape, bool split, bool in_place)
      : rows_(shape.rows, split),
        columns_(shape.columns, split),
        channels_(shape.channels),
        rows_input_(shape.rows.input),
        columns_input_(shape.columns.input),
        kernel_columns_(shape.columns.kernel),
        dilation_(shape.columns.dilation),
        copied_(!in_place || rows_.before > 0 || columns_.before > 0 || (split && shape.columns.stride > 1) ||
                beyond(shape.rows) || beyond(shape.columns)) {
    if (!copied_) {
      line_ = shape.columns.input;
      row_step = line_ * shape.rows.stride;
      channel_step = shape.input_plane();
      tap_row_ = shape.rows.dilation * line_;
      return;
    }
    line_ = columns_.size;
    plane_ = rows_.size * line_;
    row_step = split ? line_ : line_ * shape.rows.stride;
    channel_step = rows_.planes * columns_.planes * plane_;
  }

  bool copied() const { return copied_; }
  /// How many numbers a copy takes, with a lane more, so that every lane which begins inside can be read.
  Index size() const { return channels_ * channel_step + lane_width<T>; }
  /// Where tap (ky, kx) of the kernel reads for the output's first place.
  Index tap(Index ky, Index kx) const {
    if (!copied_) return ky * tap_row_ + kx * dilation_;
    return (rows_.plane_of(ky) * columns_.planes + columns_.plane_of(kx)) * plane_ + rows_.place_of(ky) * line_ +
           columns_.place_of(kx);
  }
  /// Of `channels` channels the offsets of all taps, in the order of the weights.
  void offsets(Index channels, Index taps, Index* to) const {
    for (Index c = 0; c < channels; ++c)
      for (Index t = 0; t < taps; ++t) *to++ = c * channel_step + tap(t / kernel_columns_, t % kernel_columns_);
  }
  /// Copies an image to `to`, which holds zeros or an earlier image. What can be read ends at `end`.
  EIGENGRAD_OUTLINE void copy(const T* from, T* to, const T* end) const {
    const Index plane = rows_input_ * columns_input_;
    for (Index c = 0; c < channels_; ++c, from += plane) {
      for (Index i = 0; i < rows_.planes; ++i)
        for (Index j = 0; j < columns_.planes; ++j, to += plane_) {
          const ImageAxis::Span &down = rows_.span(i), &across = columns_.span(j);
          const T* row = from + down.from * columns_input_ + across.from;
          T* place = to + down.first * line_ + across.first;
          for (Index y = down.first; y < down.end; ++y, row += rows_.step * columns_input_, place += line_)
            copy_every(row, columns_.step, place, across.end - across.first, end);
        }
    }
  }

  Index row_step = 0;      // from one row of the output to the next
  Index channel_step = 0;  // from one channel to the next

 private:
  static bool beyond(const ConvolutionAxis& axis) {
    return (axis.output() - 1) * axis.stride + axis.extent() > axis.input + axis.before;
  }

  ImageAxis rows_, columns_;
  Index channels_, rows_input_, columns_input_, kernel_columns_, dilation_;
  bool copied_;
  Index line_ = 0, plane_ = 0, tap_row_ = 0;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
