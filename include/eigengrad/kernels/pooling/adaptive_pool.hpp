#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "../../core/buffer.hpp"
#include "../../core/dual.hpp"
#include "../../core/threads.hpp"
#include "../run_sums.hpp"
#include "../sums.hpp"
#include "place_lane.hpp"
#include "window.hpp"

// Pooling to a given size: window i of m over n numbers is [floor(i n / m), ceil((i + 1) n / m)). To size 1 it is
// global pooling.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace pooling {

struct AdaptiveAxis {
  Index size = 1, output = 1;

  Index begin(Index window) const { return window * size / output; }
  Index end(Index window) const { return ((window + 1) * size + output - 1) / output; }
};
struct AdaptiveWindows {
  AdaptiveAxis rows, columns;

  Index inputs() const { return rows.size * columns.size; }
  Index outputs() const { return rows.output * columns.output; }
};

/// Mean of each window; x [planes, rows, columns] -> y [planes, outputs].
template <class T>
EIGENGRAD_OUTLINE void adaptive_average(const T* x, Index planes, const AdaptiveWindows& windows, T* y) {
  const AdaptiveAxis &rows = windows.rows, &columns = windows.columns;
  const Index inputs = windows.inputs(), outputs = windows.outputs(), size = columns.size;
  parallel_ranges(planes, 1, planes_per_piece(inputs), [&](Index from, Index to) {
    constexpr Index width = lane_width<T>;
    Block block(bytes_of_numbers(size, sizeof(T)));
    T* const sums = static_cast<T*>(block.data());
    for (Index p = from; p < to; ++p) {
      const T* const plane = x + p * inputs;
      T* target = y + p * outputs;
      if (outputs == 1) {  // global
        *target = quotient_of_sum<T>(sum_of_numbers(plane, inputs), T(static_cast<plain_t<T>>(inputs)));
        continue;
      }
      for (Index i = 0; i < rows.output; ++i) {
        const Index begin = rows.begin(i), end = rows.end(i);
        std::copy_n(plane + begin * size, size, sums);
        for (Index r = begin + 1; r < end; ++r) {
          const T* const row = plane + r * size;
          Index c = 0;
          for (; c + width <= size; c += width) lane::store<T>(sums + c, lane::load(sums + c) + lane::load(row + c));
          for (; c < size; ++c) sums[c] = sums[c] + row[c];
        }
        for (Index j = 0; j < columns.output; ++j) {
          const Index first = columns.begin(j), last = columns.end(j);
          T sum = sums[first];
          for (Index c = first + 1; c < last; ++c) sum = sum + sums[c];
          *target++ = sum / T(static_cast<plain_t<T>>((end - begin) * (last - first)));
        }
      }
    }
  });
}
/// Its gradient, linear in dy: dy [planes, outputs] -> dx [planes, rows, columns], written whole.
template <class T>
EIGENGRAD_OUTLINE void adaptive_average_gradient(const T* dy, Index planes, const AdaptiveWindows& windows, T* dx) {
  const AdaptiveAxis &rows = windows.rows, &columns = windows.columns;
  const Index inputs = windows.inputs(), outputs = windows.outputs(), size = columns.size;
  parallel_ranges(planes, 1, planes_per_piece(inputs), [&](Index from, Index to) {
    constexpr Index width = lane_width<T>;
    Block block(bytes_of_numbers(size, sizeof(T)));
    T* const shares = static_cast<T*>(block.data());
    for (Index p = from; p < to; ++p) {
      T* const plane = dx + p * inputs;
      if (outputs == 1) {
        std::fill_n(plane, inputs, T(dy[p] / T(static_cast<plain_t<T>>(inputs))));
        continue;
      }
      std::fill_n(plane, inputs, T(0));
      for (Index i = 0; i < rows.output; ++i) {
        const Index begin = rows.begin(i), end = rows.end(i);
        std::fill_n(shares, size, T(0));
        for (Index j = 0; j < columns.output; ++j) {
          const Index first = columns.begin(j), last = columns.end(j);
          const T share =
              dy[p * outputs + i * columns.output + j] / T(static_cast<plain_t<T>>((end - begin) * (last - first)));
          for (Index c = first; c < last; ++c) shares[c] = shares[c] + share;
        }
        for (Index r = begin; r < end; ++r) {
          T* const row = plane + r * size;
          Index c = 0;
          for (; c + width <= size; c += width) lane::store<T>(row + c, lane::load(row + c) + lane::load(shares + c));
          for (; c < size; ++c) row[c] = row[c] + shares[c];
        }
      }
    }
  });
}

/// The largest number of each window and its position in the plane, as MaxPool's: the first of equals, or the last NaN.
/// Positions may be null.
template <class T>
EIGENGRAD_OUTLINE void adaptive_max(const T* x, Index planes, const AdaptiveWindows& windows, T* y,
                                    std::int32_t* positions) {
  require<ShapeError>(windows.inputs() <= (std::numeric_limits<std::int32_t>::max)(), "adaptive_max_pool: planes of ",
                      windows.rows.size, " x ", windows.columns.size, " have more positions than can be kept");
  const AdaptiveAxis &rows = windows.rows, &columns = windows.columns;
  const Index inputs = windows.inputs(), outputs = windows.outputs();
  parallel_ranges(planes, 1, planes_per_piece(inputs), [&](Index from, Index to) {
    const PlacesToKeep places(positions, outputs, to);
    for (Index p = from; p < to; ++p) {
      const T* const plane = x + p * inputs;
      T* largest = y + p * outputs;
      std::int32_t* at = places.of(p);
      for (Index i = 0; i < rows.output; ++i)
        for (Index j = 0; j < columns.output; ++j) {
          const Index first = columns.begin(j), last = columns.end(j);
          Index place = rows.begin(i) * columns.size + first;
          auto best = plain_value(plane[place]);
          for (Index r = rows.begin(i); r < rows.end(i); ++r)
            for (Index c = r * columns.size + first; c < r * columns.size + last; ++c) {
              const auto number = plain_value(plane[c]);
              if (number > best || number != number) {
                best = number;
                place = c;
              }
            }
          *largest++ = plane[place];
          *at++ = static_cast<std::int32_t>(place);
        }
    }
  });
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::pooling
