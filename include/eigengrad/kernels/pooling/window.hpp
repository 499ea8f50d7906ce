#pragma once

#include <algorithm>
#include <limits>

#include "../../core/size.hpp"

// How windows slide over planes [rows, columns]: over sequences, planes of one row.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace pooling {

/// Windows along one axis: window i has its taps at i * stride - padding + t * dilation for t < kernel.
struct WindowAxis {
  Index size = 1, kernel = 1, stride = 1, padding = 0, dilation = 1;
  Index output = 1;  // how many windows

  /// From a window's first tap to its last, both included.
  Index reach() const { return (kernel - 1) * dilation + 1; }
  Index begin(Index window) const { return window * stride - padding; }
  /// Taps [first_tap, end_tap) lie inside the input.
  Index first_tap(Index window) const {
    const Index from = begin(window);
    return from < 0 ? (dilation - 1 - from) / dilation : 0;
  }
  Index end_tap(Index window) const {
    const Index room = size - begin(window);
    return room <= 0 ? 0 : (std::min)(kernel, (room + dilation - 1) / dilation);
  }
};

struct Windows {
  WindowAxis rows, columns;

  Index inputs() const { return rows.size * columns.size; }
  Index outputs() const { return rows.output * columns.output; }
};

struct WindowOptions {
  Index kernel = 1, stride = 1, padding = 0, dilation = 1;
  bool ceil_mode = false;  // a last window that is not full counts, if it begins inside the input or the left padding
};

/// The windows along an axis of `size`. Throws ValueError for options and ShapeError for sizes that leave no window, or
/// one without a single tap inside; `axis` is what messages call it.
EIGENGRAD_OUTLINE inline WindowAxis windows_along(const char* operation, const char* axis, Index size,
                                                  const WindowOptions& options, const Location& where = {}) {
  const auto& [kernel, stride, padding, dilation, ceil_mode] = options;
  constexpr Index most = (std::numeric_limits<std::int32_t>::max)();
  require<ValueError>(kernel >= 1 && stride >= 1 && dilation >= 1 && padding >= 0, operation, ": kernel ", kernel,
                      ", stride ", stride, " and dilation ", dilation, " must be at least 1 and padding ", padding,
                      " at least 0 (", axis, ")", where);
  require<ValueError>(kernel <= most && stride <= most && dilation <= most && padding <= most, operation, ": kernel ",
                      kernel, ", stride ", stride, ", padding ", padding, " or dilation ", dilation,
                      " is too large (at most ", most, ")", where);
  WindowAxis result{size, kernel, stride, padding, dilation, 0};
  require<ValueError>(padding <= result.reach() / 2, operation, ": padding ", padding,
                      " is more than half the window, which is ", result.reach(), " wide (", axis,
                      "): windows could lie in it wholly", where);
  const Index room = size + 2 * padding - result.reach() + (ceil_mode ? stride - 1 : 0);
  result.output = room < 0 ? 0 : room / stride + 1;
  if (ceil_mode && result.output > 0 && (result.output - 1) * stride >= size + padding) --result.output;
  require<ShapeError>(size >= 1 && result.output >= 1, operation, ": no window of ", kernel, " with dilation ",
                      dilation, " and stride ", stride, " fits into ", size, " ", axis, " with padding ", padding,
                      ": the output would have ", ceil_mode ? "ceil" : "floor",
                      "((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1 = ", result.output, where);
  if (dilation > 1 && padding > 0)
    for (Index i = 0; i < result.output; ++i)
      require<ShapeError>(result.first_tap(i) < result.end_tap(i), operation, ": window ", i, " of ", kernel,
                          " with dilation ", dilation, " and padding ", padding, " meets none of the ", size, " ", axis,
                          where);
  return result;
}

/// Planes that are worth a second thread together.
inline Index planes_per_piece(Index numbers_in_a_plane) {
  return (std::max)(Index{1}, (Index{1} << 15) / (std::max)(Index{1}, numbers_in_a_plane));
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::pooling
