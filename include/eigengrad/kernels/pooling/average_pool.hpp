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

/// The mean of each window: first along the columns, then along the rows. Its gradient is linear in dy, and its own
/// gradient is `run` again.
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
        phases_({WindowAxis{}, windows.columns}, T(0)),  // one row
        columns_(PhaseRows<T>::lanes_of(windows.columns.output)),
        slots_(PhaseRows<T>::slots_for((std::min)(windows.rows.size, windows.rows.reach()))),
        numbers_(bytes_of_numbers((2 + slots_) * columns_, sizeof(T))),
        taps_(bytes_of_numbers(windows.columns.kernel, sizeof(Index))) {
    std::fill_n(counts(), (2 + slots_) * columns_, T(0));
    for (Index t = 0; t < windows.columns.kernel; ++t) taps()[t] = phases_.place_of_tap(t);
    for (Index j = 0; j < columns_; ++j)
      counts()[j] = T(static_cast<Plain>(j < windows.columns.output ? count_along(windows.columns, j) : 1));
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
        sum_along(x + ready * windows_.columns.size, sums_of(ready));
      const T divisor = row_divisor(i);
      for (Index j = 0; j < windows_.columns.output; j += width) {
        L sum = lane::load(sums_of(begin + first * axis.dilation) + j);
        for (Index t = first + 1; t < last; ++t) sum = sum + lane::load(sums_of(begin + t * axis.dilation) + j);
        store_in_order<T>(y + j, L(sum / (L(divisor) * lane::load(counts() + j))), windows_.columns.output - j, end);
      }
    }
  }
  /// Of one row of the plane what each window sums up.
  EIGENGRAD_OUTLINE void sum_along(const T* from, T* sums) const {
    T* const row = phases_.row(0);
    phases_.read(from, row);
    for (Index j = 0; j < windows_.columns.output; j += width) {
      L sum = lane::load(row + taps()[0] + j);
      for (Index u = 1; u < windows_.columns.kernel; ++u) sum = sum + lane::load(row + taps()[u] + j);
      lane::store<T>(sums + j, sum);
    }
  }

  void plane_gradient(const T* dy, T* dx) const {
    const WindowAxis& axis = windows_.rows;
    Index ready = 0, done = 0;  // rows before `ready` have met a window, rows before `done` are written
    for (Index i = 0; i < axis.output; ++i, dy += windows_.columns.output) {
      const Index begin = axis.begin(i), first = axis.first_tap(i), last = axis.end_tap(i);
      finish(done, (std::max)(begin, Index{0}), ready, dx);
      ready = begin + (last - 1) * axis.dilation + 1;
      const T divisor = row_divisor(i);
      for (Index j = 0; j < windows_.columns.output; ++j) shares()[j] = dy[j] / (divisor * counts()[j]);
      for (Index t = first; t < last; ++t) {
        T* const sums = sums_of(begin + t * axis.dilation);
        for (Index j = 0; j < columns_; j += width)
          lane::store<T>(sums + j, L(lane::load(sums + j) + lane::load(shares() + j)));
      }
    }
    finish(done, axis.size, ready, dx);
  }
  /// Writes rows `done` to `end`, of which those from `ready` on have met no window. Their sums are 0 again then.
  void finish(Index& done, Index end, Index ready, T* dx) const {
    for (; done < (std::min)(end, ready); ++done) {
      spread_along(sums_of(done), dx + done * windows_.columns.size);
      std::fill_n(sums_of(done), columns_, T(0));
    }
    if (done >= end) return;
    std::fill(dx + done * windows_.columns.size, dx + end * windows_.columns.size, T(0));
    done = end;
  }
  /// What each window gives to its numbers in one row of the plane.
  EIGENGRAD_OUTLINE void spread_along(const T* sums, T* to) const {
    T* const row = phases_.row(0);
    phases_.clear(row);
    for (Index u = 0; u < windows_.columns.kernel; ++u) {
      T* const target = row + taps()[u];
      for (Index j = 0; j < columns_; j += width)
        lane::store<T>(target + j, L(lane::load(target + j) + lane::load(sums + j)));
    }
    phases_.write(row, to);
  }

  // Behind each other: how many numbers of a row count for each window, shares of dy, and rows of windows' sums.
  T* counts() const { return static_cast<T*>(numbers_.data()); }
  T* shares() const { return counts() + columns_; }
  T* sums_of(Index row) const { return shares() + ((row & (slots_ - 1)) + 1) * columns_; }
  Index* taps() const { return static_cast<Index*>(taps_.data()); }

  Windows windows_;
  AverageOptions options_;
  PhaseRows<T> phases_;
  Index columns_, slots_;
  Block numbers_, taps_;
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::pooling
