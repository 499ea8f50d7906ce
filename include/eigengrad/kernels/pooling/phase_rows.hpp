#pragma once

#include <algorithm>

#include "../../core/buffer.hpp"
#include "../../simd/lane.hpp"
#include "window.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace pooling {

/// A few rows of a plane with their padding, dealt out to `stride` phases: what one tap of all the windows in a row
/// reads, lies side by side. So a window function works on whole lanes at any stride. A row's column q, counted from
/// the padding's begin, is number q / stride of phase q % stride. There are as many rows as a window reaches over.
template <class T>
class PhaseRows {
  static constexpr Index width = lane_width<T>;

 public:
  /// Every place holds `pad`, which stays where no column is.
  PhaseRows(const Windows& windows, const T& pad)
      : columns_(windows.columns),
        phases_((std::min)(columns_.stride, columns_.reach())),
        step_(lanes_of((std::max)(lanes_of(columns_.output) + columns_.reach() / columns_.stride,
                                  (columns_.size + columns_.padding) / columns_.stride + 1))),
        slots_(slots_for((std::min)(windows.rows.size, windows.rows.reach()))),
        memory_(bytes_of_numbers(slots_ * phases_ * step_, sizeof(T))),
        pad_(pad) {
    std::fill_n(static_cast<T*>(memory_.data()), slots_ * phases_ * step_, pad);
  }

  /// A power of two, so that a row's place needs no division.
  static Index slots_for(Index rows) {
    Index result = 1;
    while (result < rows) result *= 2;
    return result;
  }
  static Index lanes_of(Index count) { return (count + width - 1) / width * width; }
  /// The place of the plane's row r, as long as no row that is as far on as a window reaches takes it.
  EIGENGRAD_INLINE T* row(Index r) const {
    return static_cast<T*>(memory_.data()) + (r & (slots_ - 1)) * phases_ * step_;
  }
  /// Where in a row a tap's column of window 0 is; the windows after it follow.
  EIGENGRAD_INLINE Index place_of_tap(Index tap) const {
    const Index column = tap * columns_.dilation;
    return column % columns_.stride * step_ + column / columns_.stride;
  }

  EIGENGRAD_OUTLINE void read(const T* from, T* to) const {
    const Index stride = columns_.stride, padding = columns_.padding, size = columns_.size;
    if (stride == 1) {
      std::copy_n(from, size, to + padding);
      return;
    }
    if (stride == 2 && phases_ == 2) {
      T *even = to + padding % 2 * step_ + padding / 2, *odd = to + (padding + 1) % 2 * step_ + (padding + 1) / 2;
      Index c = 0;
      for (; c + 2 * width <= size; c += 2 * width, even += width, odd += width) {
        const lane_t<T> first = lane::load(from + c), second = width == 1 ? first : lane::load(from + c + width);
        lane::store<T>(even, lane::every_other<T, 0>(first, second));
        lane::store<T>(odd, width == 1 ? lane::load(from + c + 1) : lane::every_other<T, 1>(first, second));
      }
      for (; c < size; ++c) *(c % 2 == 0 ? even++ : odd++) = from[c];
      return;
    }
    for (Index phase = 0; phase < phases_; ++phase) {
      Index m = phase >= padding ? 0 : (padding - phase + stride - 1) / stride;
      for (Index c = m * stride + phase - padding; c < size; c += stride, ++m) to[phase * step_ + m] = from[c];
    }
  }
  /// The way back: a row's columns in order. Those that no tap meets get the pad.
  EIGENGRAD_OUTLINE void write(const T* from, T* to) const {
    const Index stride = columns_.stride, padding = columns_.padding, size = columns_.size;
    if (stride == 1) {
      std::copy_n(from + padding, size, to);
      return;
    }
    if (stride == 2 && phases_ == 2) {
      const T *even = from + padding % 2 * step_ + padding / 2,
              *odd = from + (padding + 1) % 2 * step_ + (padding + 1) / 2;
      Index c = 0;
      for (; c + 2 * width <= size; c += 2 * width, even += width, odd += width) {
        const lane_t<T> first = lane::load(even), second = lane::load(odd);
        lane::store<T>(to + c, lane::interleave<T, false>(first, second));
        lane::store<T>(to + c + width, width == 1 ? second : lane::interleave<T, true>(first, second));
      }
      for (; c < size; ++c) to[c] = *(c % 2 == 0 ? even++ : odd++);
      return;
    }
    if (phases_ < stride) std::fill_n(to, size, pad_);
    for (Index phase = 0; phase < phases_; ++phase) {
      Index m = phase >= padding ? 0 : (padding - phase + stride - 1) / stride;
      for (Index c = m * stride + phase - padding; c < size; c += stride, ++m) to[c] = from[phase * step_ + m];
    }
  }
  /// Puts the pad back into every place of a row.
  void clear(T* row) const { std::fill_n(row, phases_ * step_, pad_); }

 private:
  WindowAxis columns_;
  Index phases_, step_, slots_;
  Block memory_;
  T pad_;
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::pooling
