#pragma once

#include <algorithm>

#include "../../core/threads.hpp"
#include "../../simd/lane.hpp"
#include "window.hpp"

// All windows of an image as columns, and columns added up to an image: each is the other's gradient.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace pooling {

/// body(window row, plane row, first window, end window, first column): the windows of a row whose tap (t, u) lies
/// inside the plane, one row of windows after another. In a row without any, first and end window are the same.
template <class Body>
EIGENGRAD_INLINE void for_each_tap_row(const Windows& windows, Index t, Index u, const Body& body) {
  const WindowAxis &rows = windows.rows, &columns = windows.columns;
  // begin(j) + u * dilation is inside [0, size) for windows [first, end).
  const Index shift = columns.padding - u * columns.dilation;
  const Index first = (std::min)(columns.output, shift <= 0 ? 0 : (shift + columns.stride - 1) / columns.stride);
  const Index room = columns.size + shift;
  const Index end = (std::clamp)(room <= 0 ? 0 : (room + columns.stride - 1) / columns.stride, first, columns.output);
  for (Index i = 0; i < rows.output; ++i) {
    const Index r = rows.begin(i) + t * rows.dilation;
    if (r < 0 || r >= rows.size)
      body(i, Index{0}, first, first, Index{0});
    else
      body(i, r, first, end, first * columns.stride - shift);
  }
}

/// x [planes, rows, columns] -> y [planes, taps, outputs], zeros where a tap lies in the padding. With planes [n, c] it
/// is PyTorch's unfold.
template <class T>
EIGENGRAD_OUTLINE void unfold_planes(const T* x, Index planes, const Windows& windows, T* y) {
  const Index taps = windows.rows.kernel * windows.columns.kernel, inputs = windows.inputs();
  const Index outputs = windows.outputs(), columns = windows.columns.size, stride = windows.columns.stride;
  parallel_ranges(planes, 1, planes_per_piece(taps * outputs), [&](Index from, Index to) {
    for (Index k = from * taps; k < to * taps; ++k) {
      const T* const plane = x + k / taps * inputs;
      const Index t = k % taps / windows.columns.kernel, u = k % windows.columns.kernel;
      for_each_tap_row(windows, t, u, [&](Index i, Index r, Index first, Index end, Index column) {
        T* const target = y + k * outputs + i * windows.columns.output;
        std::fill_n(target, first, T(0));
        const T* source = plane + r * columns + column;
        if (stride == 1)
          std::copy_n(source, end - first, target + first);
        else
          for (Index j = first; j < end; ++j, source += stride) target[j] = *source;
        std::fill(target + end, target + windows.columns.output, T(0));
      });
    }
  });
}
/// x [planes, taps, outputs] -> y [planes, rows, columns], written whole: what lies on each other is added, tap after
/// tap.
template <class T>
EIGENGRAD_OUTLINE void fold_planes(const T* x, Index planes, const Windows& windows, T* y) {
  const Index taps = windows.rows.kernel * windows.columns.kernel, inputs = windows.inputs();
  const Index outputs = windows.outputs(), columns = windows.columns.size, stride = windows.columns.stride;
  parallel_ranges(planes, 1, planes_per_piece(taps * outputs), [&](Index from, Index to) {
    constexpr Index width = lane_width<T>;
    std::fill(y + from * inputs, y + to * inputs, T(0));
    for (Index k = from * taps; k < to * taps; ++k) {
      T* const plane = y + k / taps * inputs;
      const Index t = k % taps / windows.columns.kernel, u = k % windows.columns.kernel;
      for_each_tap_row(windows, t, u, [&](Index i, Index r, Index first, Index end, Index column) {
        const T* const source = x + k * outputs + i * windows.columns.output;
        T* target = plane + r * columns + column;
        Index j = first;
        if (stride == 1)
          for (; j + width <= end; j += width, target += width)
            lane::store<T>(target, lane::load(target) + lane::load(source + j));
        for (; j < end; ++j, target += stride) *target = *target + source[j];
      });
    }
  });
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::pooling
