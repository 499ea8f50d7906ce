#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "../../core/buffer.hpp"
#include "../../core/dual.hpp"
#include "../../core/threads.hpp"
#include "window.hpp"

// Planes [rows, columns] at another size. Both maps are linear, so each gradient is the other direction's kernel.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace pooling {

/// Each number of an axis of the output is made of two of the input: (1 - weight) x[lower] + weight x[upper].
template <class T>
struct Interpolation {
  struct Point {
    Index lower, upper;
    plain_t<T> weight;
  };

  /// The nearest one: output i is input floor(i * size / output), or floor(i / scale) where the caller gave a scale
  /// that makes neither as many of them nor twice as many.
  static Interpolation nearest(Index size, Index output, double scale = 0) {
    Interpolation result(size, output);
    if (output == size || output == 2 * size) scale = 0;
    for (Index i = 0; i < output; ++i) {
      Index from = size * i / output;
      // As PyTorch, which computes it in float.
      if (scale > 0) from = static_cast<Index>(std::floor(static_cast<float>(i) * static_cast<float>(1 / scale)));
      from = (std::min)(from, size - 1);
      result.points()[i] = {from, from, plain_t<T>(0)};
    }
    return result;
  }
  /// On a line: with align_corners the ends fall on the ends, without it the numbers are middles of equal cells, and
  /// what lies outside the first or last middle is that. As many as there are stay as they are, whatever the scale.
  static Interpolation linear(Index size, Index output, bool align_corners, double scale = 0) {
    using P = plain_t<T>;
    Interpolation result(size, output);
    const P step = align_corners ? (output > 1 ? P(size - 1) / P(output - 1) : P(0))
                                 : (scale > 0 ? static_cast<P>(1 / scale) : P(size) / P(output));
    for (Index i = 0; i < output; ++i) {
      if (output == size) {
        result.points()[i] = {i, i, P(0)};
        continue;
      }
      const P at = align_corners ? step * P(i) : (std::max)(step * (P(i) + P(0.5)) - P(0.5), P(0));
      const Index lower = (std::min)(static_cast<Index>(at), size - 1), upper = (std::min)(lower + 1, size - 1);
      result.points()[i] = {lower, upper, (std::clamp)(at - P(lower), P(0), P(1))};
    }
    return result;
  }

  Point* points() const { return static_cast<Point*>(memory.data()); }
  const Point& operator[](Index i) const { return points()[i]; }

  Index size, output;
  Block memory;

 private:
  Interpolation(Index inputs, Index outputs)
      : size(inputs), output(outputs), memory(bytes_of_numbers(outputs, sizeof(Point))) {}
};

/// target = a + weight (b - a), or target += weight * from, number by number.
template <class T>
EIGENGRAD_OUTLINE void blend_rows(const T* a, const T* b, plain_t<T> weight, Index count, T* to) {
  constexpr Index width = lane_width<T>;
  const T first(plain_t<T>(1) - weight), second(weight);
  Index c = 0;
  for (; c + width <= count; c += width)
    lane::store<T>(to + c, lane_t<T>(first) * lane::load(a + c) + lane_t<T>(second) * lane::load(b + c));
  for (; c < count; ++c) to[c] = first * a[c] + second * b[c];
}
template <class T>
EIGENGRAD_OUTLINE void add_row(const T* from, plain_t<T> weight, Index count, T* to) {
  constexpr Index width = lane_width<T>;
  const T factor(weight);
  Index c = 0;
  for (; c + width <= count; c += width)
    lane::store<T>(to + c, lane::load(to + c) + lane_t<T>(factor) * lane::load(from + c));
  for (; c < count; ++c) to[c] = to[c] + factor * from[c];
}

/// x [planes, rows.size, columns.size] -> y [planes, rows.output, columns.output].
template <class T>
EIGENGRAD_OUTLINE void upsample(const T* x, Index planes, const Interpolation<T>& rows, const Interpolation<T>& columns,
                                T* y) {
  const Index inputs = rows.size * columns.size, outputs = rows.output * columns.output;
  parallel_ranges(planes, 1, planes_per_piece(outputs), [&](Index from, Index to) {
    Block block(bytes_of_numbers(2 * columns.output, sizeof(T)));
    T* stretched[2] = {static_cast<T*>(block.data()), static_cast<T*>(block.data()) + columns.output};
    for (Index p = from; p < to; ++p) {
      Index held[2] = {-1, -1};  // which rows of x are stretched
      const auto stretch = [&](Index r) -> const T* {
        for (int k = 0; k < 2; ++k)
          if (held[k] == r) return stretched[k];
        const int k = held[0] < held[1] ? 0 : 1;  // the older one goes
        held[k] = r;
        const T* const row = x + p * inputs + r * columns.size;
        for (Index j = 0; j < columns.output; ++j) {
          const auto& [lower, upper, weight] = columns[j];
          stretched[k][j] = weight == 0 ? row[lower] : T(T(1 - weight) * row[lower] + T(weight) * row[upper]);
        }
        return stretched[k];
      };
      for (Index i = 0; i < rows.output; ++i) {
        const auto& [lower, upper, weight] = rows[i];
        T* const to_row = y + p * outputs + i * columns.output;
        const T* const first = stretch(lower);
        if (weight == 0)
          std::copy_n(first, columns.output, to_row);
        else
          blend_rows(first, stretch(upper), weight, columns.output, to_row);
      }
    }
  });
}
/// Its gradient: dy [planes, rows.output, columns.output] -> dx [planes, rows.size, columns.size], written whole; rows
/// are added in order, then the columns of the sums.
template <class T>
EIGENGRAD_OUTLINE void upsample_gradient(const T* dy, Index planes, const Interpolation<T>& rows,
                                         const Interpolation<T>& columns, T* dx) {
  const Index inputs = rows.size * columns.size, outputs = rows.output * columns.output;
  parallel_ranges(planes, 1, planes_per_piece(outputs), [&](Index from, Index to) {
    Block block(bytes_of_numbers(rows.size * columns.output, sizeof(T)));
    T* const sums = static_cast<T*>(block.data());
    for (Index p = from; p < to; ++p) {
      std::fill_n(sums, rows.size * columns.output, T(0));
      for (Index i = 0; i < rows.output; ++i) {
        const auto& [lower, upper, weight] = rows[i];
        const T* const row = dy + p * outputs + i * columns.output;
        add_row(row, plain_t<T>(1) - weight, columns.output, sums + lower * columns.output);
        if (weight != 0) add_row(row, weight, columns.output, sums + upper * columns.output);
      }
      T* const plane = dx + p * inputs;
      std::fill_n(plane, inputs, T(0));
      for (Index r = 0; r < rows.size; ++r) {
        const T* const row = sums + r * columns.output;
        T* const to_row = plane + r * columns.size;
        for (Index j = 0; j < columns.output; ++j) {
          const auto& [lower, upper, weight] = columns[j];
          to_row[lower] = to_row[lower] + T(plain_t<T>(1) - weight) * row[j];
          if (weight != 0) to_row[upper] = to_row[upper] + T(weight) * row[j];
        }
      }
    }
  });
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::pooling
