#pragma once

#include <array>
#include <cstdint>

#include "../../core/dual.hpp"
#include "../../core/threads.hpp"
#include "../../simd/math.hpp"
#include "place_lane.hpp"
#include "window.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace pooling {

/// MaxPool of the commonest windows, two by two next to each other, straight from x: each row of windows is two rows of
/// the plane, of which the numbers at even and at odd places are compared.
template <class T>
class MaxOfTwo {
  using L = lane_t<T>;
  using Places = typename PlaceLane<T>::Lane;
  using Place = typename PlaceLane<T>::Number;
  static constexpr Index width = lane_width<T>;

 public:
  static bool takes(const Windows& windows) { return width > 1 && two(windows.rows) && two(windows.columns); }

  static void run(const T* x, Index planes, const Windows& windows, T* y, std::int32_t* positions) {
    const Index inputs = windows.inputs(), outputs = windows.outputs();
    parallel_ranges(planes, 1, planes_per_piece(inputs), [&](Index from, Index to) {
      const T *const end_of_x = x + planes * inputs, *const end = y + to * outputs;
      const PlacesToKeep places(positions, outputs, to);
      const Index columns = windows.columns.size, count = windows.columns.output;
      for (Index p = from; p < to; ++p)
        for (Index i = 0; i < windows.rows.output; ++i)
          row(x + p * inputs + 2 * i * columns, end_of_x, 2 * i * columns, columns, count, y + p * outputs + i * count,
              end, places.of(p) + i * count, places.end(p));
    });
  }

 private:
  static bool two(const WindowAxis& axis) {
    return axis.kernel == 2 && axis.stride == 2 && axis.padding == 0 && axis.dilation == 1 &&
           2 * axis.output <= axis.size;
  }
  static constexpr auto even_places = [] {
    std::array<Place, extent(width)> result{};
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = static_cast<Place>(2 * i);
    return result;
  }();

  /// A row of windows, whose first number has position `first`.
  EIGENGRAD_INLINE static void row(const T* upper, const T* end_of_x, Index first, Index columns, Index count, T* y,
                                   const T* end, std::int32_t* positions, const std::int32_t* end_of_positions) {
    const T* const lower = upper + columns;
    Index j = 0;
    if constexpr (width > 1)
      for (; j < count && end_of_x - (lower + 2 * j) >= 2 * width; j += width) {
        const L a = lane::load(upper + 2 * j), b = lane::load(upper + 2 * j + width);
        const L c = lane::load(lower + 2 * j), d = lane::load(lower + 2 * j + width);
        L best = lane::every_other<T, 0>(a, b), best_below = lane::every_other<T, 0>(c, d);
        Places places = {}, places_below = Places{} + static_cast<Place>(columns);
        beat(best, places, lane::every_other<T, 1>(a, b), Places{} + 1);
        beat(best_below, places_below, lane::every_other<T, 1>(c, d), Places{} + static_cast<Place>(columns + 1));
        beat(best, places, best_below, places_below);
        places = places + (load_places<T>(even_places.data()) + static_cast<Place>(first + 2 * j));
        store_in_order<T>(y + j, best, count - j, end);
        store_places<T>(positions + j, places, count - j, end_of_positions);
      }
    for (; j < count; ++j) {
      Index place = 2 * j;
      for (const Index next : {2 * j + 1, columns + 2 * j, columns + 2 * j + 1})
        if (plain_value(upper[next]) > plain_value(upper[place]) ||
            plain_value(upper[next]) != plain_value(upper[next]))
          place = next;
      y[j] = upper[place];
      positions[j] = static_cast<std::int32_t>(first + place);
    }
  }
  EIGENGRAD_INLINE static void beat(L& best, Places& places, const L& next, const Places& here) {
    if constexpr (width > 1) {
      const mask_t<T> wins = next > best || next != next;
      best = math::select(wins, next, best);
      places = wins.bits ? here : places;
    }
  }
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::pooling
