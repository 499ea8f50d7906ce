#pragma once

#include <eigengrad/kernels/pooling/window.hpp>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

/// What the tests of the pooling kernels share: planes, option grids, a naive walk over a window's taps.
namespace pooling_cases {

using eigengrad::Index;
using eigengrad::pooling::WindowAxis;
using eigengrad::pooling::WindowOptions;
using eigengrad::pooling::Windows;

template <class T>
struct Case {
  Windows windows;
  std::vector<T> x;
};

inline std::size_t at(Index i) { return static_cast<std::size_t>(i); }
template <class T>
std::vector<T> numbers(Index count, std::uint32_t seed) {
  std::vector<T> result(at(count));
  std::uint32_t state = seed * 2654435761u + 12345u;
  for (T& number : result) {
    state = state * 1664525u + 1013904223u;
    number = static_cast<T>(static_cast<double>(state >> 8) / 8388608.0 - 1.0);
  }
  return result;
}
/// Small integers, so with many ties; every eleventh is NaN and every seventh -infinity.
template <class T>
std::vector<T> awkward_numbers(Index count, std::uint32_t seed) {
  std::vector<T> result = numbers<T>(count, seed);
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = std::floor(result[i] * 3);
    if ((i * 31 + seed) % 7 == 0) result[i] = -std::numeric_limits<T>::infinity();
    if ((i * 17 + seed) % 11 == 0) result[i] = std::numeric_limits<T>::quiet_NaN();
  }
  return result;
}

/// body(windows) for rows by columns of many sizes and options, those without windows left out.
template <class Body>
void for_each_windows(bool dilated, const Body& body) {
  const auto axis = [](Index size, const WindowOptions& options, WindowAxis& to) {
    try {
      to = eigengrad::pooling::windows_along("test", "rows", size, options);
    } catch (const eigengrad::Error&) {
      return false;
    }
    return true;
  };
  for (const Index size : {1, 2, 5, 9, 16, 37, 70})
    for (const Index kernel : {1, 2, 3, 5})
      for (const Index stride : {1, 2, 3, 7})
        for (const Index padding : {0, 1, 2})
          for (const Index dilation : {1, 2, 3})
            for (const bool ceil_mode : {false, true}) {
              if (dilation > 1 && !dilated) continue;
              Windows w;
              if (!axis(size, {kernel, stride, padding, dilation, ceil_mode}, w.columns)) continue;
              body(w);  // one row: 1-d
              if (axis(size % 13 + 1, {kernel == 5 ? 2 : kernel, stride, padding, dilation, ceil_mode}, w.rows))
                body(w);
              if (axis(size > 20 ? 6 : size, {3, 3 - stride % 3, 1, 1, !ceil_mode}, w.rows)) body(w);
            }
}

/// body(row, column) for every tap of the window that lies inside the plane, row by row.
template <class Body>
void for_each_tap(const Windows& w, Index i, Index j, const Body& body) {
  for (Index t = 0; t < w.rows.kernel; ++t)
    for (Index u = 0; u < w.columns.kernel; ++u) {
      const Index r = i * w.rows.stride - w.rows.padding + t * w.rows.dilation;
      const Index c = j * w.columns.stride - w.columns.padding + u * w.columns.dilation;
      if (r >= 0 && r < w.rows.size && c >= 0 && c < w.columns.size) body(r, c);
    }
}

}  // namespace pooling_cases
