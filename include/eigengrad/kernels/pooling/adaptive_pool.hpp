#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include "../../core/buffer.hpp"
#include "../../core/dual.hpp"
#include "../../core/threads.hpp"
#include "../../simd/math.hpp"
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

/// The largest number of each window and its position in the plane, as MaxPool's: the first of equals, or the last NaN;
/// first down each column, a lane of columns at a time, then along the columns.
template <class T>
class AdaptiveMax {
  using L = lane_t<T>;
  using Places = typename PlaceLane<T>::Lane;
  using Place = typename PlaceLane<T>::Number;
  static constexpr Index width = lane_width<T>;

 public:
  /// Positions may be null.
  static void run(const T* x, Index planes, const AdaptiveWindows& windows, T* y, std::int32_t* positions) {
    require<ShapeError>(windows.inputs() <= (std::numeric_limits<std::int32_t>::max)(), "adaptive_max_pool: planes of ",
                        windows.rows.size, " x ", windows.columns.size, " have more positions than can be kept");
    const AdaptiveAxis& rows = windows.rows;
    const Index inputs = windows.inputs(), outputs = windows.outputs();
    parallel_ranges(planes, 1, planes_per_piece(inputs), [&](Index from, Index to) {
      const AdaptiveMax maximum(windows.columns);
      const PlacesToKeep places(positions, outputs, to);
      for (Index p = from; p < to; ++p)
        for (Index i = 0; i < rows.output; ++i) {
          maximum.down(x + p * inputs, rows.begin(i), rows.end(i));
          const Index at = i * windows.columns.output;
          maximum.along(y + p * outputs + at, places.of(p) + at);
        }
    });
  }

 private:
  explicit AdaptiveMax(const AdaptiveAxis& columns)
      : columns_(columns),
        numbers_(bytes_of_numbers(columns.size, sizeof(T))),
        places_(bytes_of_numbers(columns.size, sizeof(Place))) {}

  /// Of each column the largest number in rows [begin, end), and its place.
  EIGENGRAD_OUTLINE void down(const T* plane, Index begin, Index end) const {
    const Index size = columns_.size;
    T* const best = static_cast<T*>(numbers_.data());
    Place* const place = static_cast<Place*>(places_.data());
    Index c = 0;
    if constexpr (width > 1)
      for (; c + width <= size; c += width) {
        L largest = lane::load(plane + begin * size + c);
        Places here = Places{} + static_cast<Place>(begin), rows = here;  // which row it is in
        for (Index r = begin + 1; r < end; ++r) {
          const L next = lane::load(plane + r * size + c);
          rows = rows + 1;
          const mask_t<T> wins = next > largest || next != next;
          largest = math::select(wins, next, largest);
          here = wins.bits ? rows : here;
        }
        lane::store<T>(best + c, largest);
        std::memcpy(place + c, &here, sizeof here);
      }
    for (; c < size; ++c) {
      Index row = begin;
      for (Index r = begin + 1; r < end; ++r)
        if (plain_value(plane[r * size + c]) > plain_value(plane[row * size + c]) || is_nan(plane[r * size + c]))
          row = r;
      best[c] = plane[row * size + c];
      place[c] = static_cast<Place>(row);
    }
  }
  /// Of each window's columns the best: of equals that in the first row, of NaN the last, row by row.
  EIGENGRAD_OUTLINE void along(T* y, std::int32_t* positions) const {
    const T* const best = static_cast<const T*>(numbers_.data());
    const Place* const row = static_cast<const Place*>(places_.data());
    for (Index j = 0; j < columns_.output; ++j) {
      Index winner = columns_.begin(j);
      for (Index c = winner + 1, end = columns_.end(j); c < end; ++c) {
        const auto next = plain_value(best[c]), before = plain_value(best[winner]);
        if (next > before || (next == before && row[c] < row[winner]) ||
            (next != next && (before == before || row[c] >= row[winner])))
          winner = c;
      }
      y[j] = best[winner];
      positions[j] = static_cast<std::int32_t>(static_cast<Index>(row[winner]) * columns_.size + winner);
    }
  }
  static bool is_nan(const T& number) { return plain_value(number) != plain_value(number); }

  AdaptiveAxis columns_;
  Block numbers_, places_;
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::pooling
