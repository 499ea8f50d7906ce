#pragma once

#include <limits>

#include "../../core/buffer.hpp"
#include "../../core/dual.hpp"
#include "../../core/threads.hpp"
#include "../../simd/math.hpp"
#include "max_of_two.hpp"
#include "phase_rows.hpp"
#include "place_lane.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace pooling {

/// The largest number of each window, and where it stands. The first of equals counts; NaN beats all, the last one;
/// what is outside the plane is nowhere, so that a window of nothing but -infinity has its first number's place.
template <class T>
class MaxPool {
  using L = lane_t<T>;
  using Places = typename PlaceLane<T>::Lane;
  using Place = typename PlaceLane<T>::Number;
  static constexpr Index width = lane_width<T>;

 public:
  /// x [planes, rows, columns] -> y and positions (in the plane, row by row), both [planes, outputs]. Positions may be
  /// null.
  static void run(const T* x, Index planes, const Windows& windows, T* y, std::int32_t* positions) {
    require<ShapeError>(windows.inputs() <= (std::numeric_limits<std::int32_t>::max)() / 2, "max_pool: planes of ",
                        windows.rows.size, " x ", windows.columns.size, " have more positions than can be kept");
    if (MaxOfTwo<T>::takes(windows)) return MaxOfTwo<T>::run(x, planes, windows, y, positions);
    const Index inputs = windows.inputs(), outputs = windows.outputs();
    parallel_ranges(planes, 1, planes_per_piece(inputs), [&](Index from, Index to) {
      MaxPool pool(windows);
      const PlacesToKeep places(positions, outputs, to);
      const T* const end = y + to * outputs;
      for (Index p = from; p < to; ++p) pool.plane(x + p * inputs, y + p * outputs, places.of(p), end, places.end(p));
    });
  }

 private:
  explicit MaxPool(const Windows& windows)
      : windows_(windows),
        rows_(windows, T(-std::numeric_limits<plain_t<T>>::infinity())),
        columns_(PhaseRows<T>::lanes_of(windows.columns.output)),
        places_(bytes_of_numbers(2 * columns_ + windows.columns.kernel, sizeof(Index))) {
    const WindowAxis& axis = windows_.columns;
    for (Index t = 0; t < axis.kernel; ++t) taps()[t] = rows_.place_of_tap(t);
    for (Index j = 0; j < columns_; ++j) {
      begins()[j] = static_cast<Place>(j < axis.output ? axis.begin(j) : 0);
      firsts()[j] = static_cast<Place>(j < axis.output ? axis.first_tap(j) * axis.dilation : 0);
    }
  }

  void plane(const T* x, T* y, std::int32_t* positions, const T* end, const std::int32_t* end_of_positions) {
    const WindowAxis& axis = windows_.rows;
    Index ready = 0;  // rows before are dealt out, or not needed
    for (Index i = 0; i < axis.output; ++i) {
      const Index begin = axis.begin(i), first = axis.first_tap(i), last = axis.end_tap(i);
      ready = (std::max)(ready, begin);
      for (const Index stop = begin + (last - 1) * axis.dilation; ready <= stop; ++ready)
        rows_.read(x + ready * windows_.columns.size, rows_.row(ready));
      const Row row{begin + first * axis.dilation, begin + last * axis.dilation, y, positions, end, end_of_positions};
      windows_.columns.kernel == 3 ? row_of_windows<3>(row) : row_of_windows<0>(row);
      y += windows_.columns.output;
      positions += windows_.columns.output;
    }
  }
  /// Where a row of windows finds its rows of the plane, [first, last) by the dilation, and puts its results.
  struct Row {
    Index first, last;
    T* y;
    std::int32_t* positions;
    const T* end;
    const std::int32_t* end_of_positions;
  };
  /// `kernel` columns are known to the compiler, or 0.
  template <int kernel>
  EIGENGRAD_OUTLINE void row_of_windows(const Row row) const {
    const Index dilation = windows_.rows.dilation, outputs = windows_.columns.output;
    const auto size = static_cast<Place>(windows_.columns.size);
    const auto step = static_cast<Place>(windows_.columns.dilation);
    const Index* const tap = taps();
    for (Index j = 0; j < outputs; j += width) {
      L best(-std::numeric_limits<plain_t<T>>::infinity());
      const Places left_edges = load_places<T>(begins() + j);
      Places places = left_edges + load_places<T>(firsts() + j) + static_cast<Place>(row.first) * size;
      for (Index r = row.first; r < row.last; r += dilation) {
        const T* const from = rows_.row(r) + j;
        Places here = left_edges + static_cast<Place>(r) * size;
        if constexpr (kernel > 0) {
          for_indices<kernel>([&](auto u) EIGENGRAD_INLINE_LAMBDA {
            beat(best, places, lane::load(from + tap[u]), here);
            here = here + step;
          });
        } else {
          for (Index u = 0; u < windows_.columns.kernel; ++u) {
            beat(best, places, lane::load(from + tap[u]), here);
            here = here + step;
          }
        }
      }
      store_in_order<T>(row.y + j, best, outputs - j, row.end);
      store_places<T>(row.positions + j, places, outputs - j, row.end_of_positions);
    }
  }
  EIGENGRAD_INLINE static void beat(L& best, Places& places, const L& next, const Places& here) {
    if constexpr (width > 1) {
      const mask_t<T> wins = next > best || next != next;
      best = math::select(wins, next, best);
      places = wins.bits ? here : places;
    } else {
      const auto number = plain_value(next), before = plain_value(best);
      if (number > before || number != number) {
        best = next;
        places = here;
      }
    }
  }

  // Behind each other in one block: per column where its window begins, and how far from there its first number is;
  // per tap its place in a row of phases.
  Place* begins() const { return static_cast<Place*>(places_.data()); }
  Place* firsts() const { return begins() + columns_; }
  Index* taps() const { return static_cast<Index*>(places_.data()) + 2 * columns_; }

  Windows windows_;
  PhaseRows<T> rows_;
  Index columns_;
  Block places_;
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::pooling
