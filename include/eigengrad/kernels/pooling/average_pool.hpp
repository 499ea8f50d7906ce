#pragma once

#include "../../core/buffer.hpp"
#include "../../core/dual.hpp"
#include "../../core/threads.hpp"
#include "phase_rows.hpp"
#include "place_lane.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace pooling {

struct AverageOptions {
  bool count_include_pad = true;  // whether a window's share of the padding counts as zeros; what ceil_mode adds never
  Index divisor = 0;              // divides every sum if not 0
};

/// The mean of each window. Its gradient is linear in dy, and its own gradient is `run` again.
template <class T>
class AveragePool {
  using L = lane_t<T>;
  using Plain = plain_t<T>;
  static constexpr Index width = lane_width<T>;

 public:
  /// x [planes, rows, columns] -> y [planes, outputs].
  static void run(const T* x, Index planes, const Windows& windows, const AverageOptions& options, T* y) {
    const Index inputs = windows.inputs(), outputs = windows.outputs();
    parallel_ranges(planes, 1, planes_per_piece(inputs), [&](Index from, Index to) {
      const AveragePool pool(windows, options);
      const T* const end = y + to * outputs;
      for (Index p = from; p < to; ++p) pool.plane(x + p * inputs, y + p * outputs, end);
    });
  }
  /// dy [planes, outputs] -> dx [planes, rows, columns], written whole.
  static void gradient(const T* dy, Index planes, const Windows& windows, const AverageOptions& options, T* dx) {
    const Index inputs = windows.inputs(), outputs = windows.outputs();
    parallel_ranges(planes, 1, planes_per_piece(inputs), [&](Index from, Index to) {
      const AveragePool pool(windows, options);
      for (Index p = from; p < to; ++p) pool.plane_gradient(dy + p * outputs, dx + p * inputs);
    });
  }

 private:
  AveragePool(const Windows& windows, const AverageOptions& options)
      : windows_(windows),
        options_(options),
        rows_(windows, T(0)),
        columns_(PhaseRows<T>::lanes_of(windows.columns.output)),
        numbers_(bytes_of_numbers(2 * columns_, sizeof(T))),
        taps_(bytes_of_numbers(windows.columns.kernel, sizeof(Index))) {
    for (Index t = 0; t < windows.columns.kernel; ++t) taps()[t] = rows_.place_of_tap(t);
    for (Index j = 0; j < columns_; ++j) {
      counts()[j] = T(static_cast<Plain>(j < windows.columns.output ? count_along(windows.columns, j) : 1));
      shares()[j] = T(0);
    }
  }

  /// How many numbers of a window count.
  Index count_along(const WindowAxis& axis, Index window) const {
    if (options_.divisor != 0) return 1;
    if (!options_.count_include_pad) return axis.end_tap(window) - axis.first_tap(window);
    const Index begin = axis.begin(window);
    return (std::min)(axis.kernel, (axis.size + axis.padding - begin + axis.dilation - 1) / axis.dilation);
  }
  T row_divisor(Index i) const {
    return T(static_cast<Plain>(options_.divisor != 0 ? options_.divisor : count_along(windows_.rows, i)));
  }

  void plane(const T* x, T* y, const T* end) const {
    const WindowAxis& axis = windows_.rows;
    Index ready = 0;
    for (Index i = 0; i < axis.output; ++i, y += windows_.columns.output) {
      const Index begin = axis.begin(i), first = axis.first_tap(i), last = axis.end_tap(i);
      ready = (std::max)(ready, begin);
      for (const Index stop = begin + (last - 1) * axis.dilation; ready <= stop; ++ready)
        rows_.read(x + ready * windows_.columns.size, rows_.row(ready));
      const T divisor = row_divisor(i);
      for (Index j = 0; j < windows_.columns.output; j += width) {
        L sum = L(0);
        for (Index t = first; t < last; ++t) {
          const T* const row = rows_.row(begin + t * axis.dilation) + j;
          L along = lane::load(row + taps()[0]);
          for (Index u = 1; u < windows_.columns.kernel; ++u) along = along + lane::load(row + taps()[u]);
          sum = sum + along;
        }
        store_in_order<T>(y + j, L(sum / (L(divisor) * lane::load(counts() + j))), windows_.columns.output - j, end);
      }
    }
  }

  void plane_gradient(const T* dy, T* dx) const {
    const WindowAxis& axis = windows_.rows;
    const Index size = windows_.columns.size, outputs = windows_.columns.output;
    Index ready = 0, done = 0;  // rows before `ready` are begun, rows before `done` are written
    for (Index i = 0; i < axis.output; ++i, dy += outputs) {
      const Index begin = axis.begin(i), first = axis.first_tap(i), last = axis.end_tap(i);
      finish(done, (std::min)(ready, (std::max)(begin, Index{0})), dx);
      for (; done < (std::min)(begin, axis.size) && done >= ready; ++done) std::fill_n(dx + done * size, size, T(0));
      ready = (std::max)(ready, begin + (last - 1) * axis.dilation + 1);
      const T divisor = row_divisor(i);
      for (Index j = 0; j < outputs; ++j) shares()[j] = dy[j] / (divisor * counts()[j]);
      for (Index t = first; t < last; ++t) {
        T* const row = rows_.row(begin + t * axis.dilation);
        for (Index u = 0; u < windows_.columns.kernel; ++u)
          for (Index j = 0; j < outputs; j += width) {
            T* const to = row + taps()[u] + j;
            lane::store<T>(to, lane::load(to) + lane::load(shares() + j));
          }
      }
    }
    finish(done, ready, dx);
    for (; done < axis.size; ++done) std::fill_n(dx + done * size, size, T(0));
  }
  /// Writes rows `done` to `end`, whose places are 0 again then.
  void finish(Index& done, Index end, T* dx) const {
    for (; done < end; ++done) {
      T* const row = rows_.row(done);
      rows_.write(row, dx + done * windows_.columns.size);
      rows_.clear(row);
    }
  }

  T* counts() const { return static_cast<T*>(numbers_.data()); }
  T* shares() const { return counts() + columns_; }
  Index* taps() const { return static_cast<Index*>(taps_.data()); }

  Windows windows_;
  AverageOptions options_;
  PhaseRows<T> rows_;
  Index columns_;
  Block numbers_, taps_;
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::pooling
