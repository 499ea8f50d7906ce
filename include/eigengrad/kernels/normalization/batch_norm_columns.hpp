#pragma once

#include "../../core/buffer.hpp"
#include "../sums.hpp"
#include "planes.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace normalization {

/// Batch norm of a matrix [batch, channels]: a channel is a column, so a few lanes of channels are done at a time, row
/// after row. The rest that fills no lane is copied to where it does.
template <class T>
class BatchColumns {
  using L = lane_t<T>;
  static constexpr Index width = lane_width<T>;
  static constexpr int together = 4;         // lanes
  static constexpr Index rows_of_run = 256;  // rows whose sums are made in T
  static constexpr std::size_t room = extent(together * lane_width<T>);

 public:
  /// batch_forward of planes of one number.
  static void forward(const T* x, const Planes& planes, const T* weight, const T* bias, plain_t<T> epsilon,
                      const Statistics<T>& statistics, T* unbiased, T* y) {
    for_lanes(planes, [&]<int count>(std::integral_constant<int, count>, Index c, Index columns) {
      const Columns from(x + c, planes, columns), to(y + c, planes, columns, false);
      Constants constants;
      for (Index begin = 0; begin < planes.batch; begin += rows_of_run)
        add_moments<count>(from, begin, (std::min)(planes.batch, begin + rows_of_run), constants.moments);
      for (Index j = 0; j < columns; ++j) {
        const std::size_t k = static_cast<std::size_t>(j);
        statistics.set(c + j, constants.moments[k], epsilon);
        unbiased[c + j] = static_cast<T>(constants.moments[k].variance(1));
      }
      constants.set(statistics, weight, bias, c, columns);
      scale_columns<count>(from, planes.batch, constants, to);
      to.copy_back(y + c, planes, columns);
    });
  }
  /// The same with statistics that are known.
  static void forward_given(const T* x, const Planes& planes, const T* weight, const T* bias,
                            const Statistics<T>& statistics, T* y) {
    for_lanes(planes, [&]<int count>(std::integral_constant<int, count>, Index c, Index columns) {
      const Columns from(x + c, planes, columns), to(y + c, planes, columns, false);
      Constants constants;
      constants.set(statistics, weight, bias, c, columns);
      scale_columns<count>(from, planes.batch, constants, to);
      to.copy_back(y + c, planes, columns);
    });
  }
  /// batch_backward of planes of one number, or of statistics that were `given` and do not depend on x.
  static void backward(const T* x, const T* dy, const Planes& planes, const T* weight, const Statistics<T>& statistics,
                       bool given, T* dx, T* dweight, T* dbias) {
    for_lanes(planes, [&]<int count>(std::integral_constant<int, count>, Index c, Index columns) {
      const Columns from(x + c, planes, columns), upstream(dy + c, planes, columns);
      Constants constants;
      std::copy_n(statistics.center + c, columns, constants.center);
      for (Index begin = 0; begin < planes.batch; begin += rows_of_run)
        add_sums<count>(from, upstream, begin, (std::min)(planes.batch, begin + rows_of_run), constants);
      for (Index j = 0; j < columns; ++j) {
        const std::size_t k = static_cast<std::size_t>(j);
        GradientSums<T>& sums = constants.sums[k];
        sums.product = sums.product - Total<T>(statistics.rest[c + j]) * sums.dy;
        if (dweight != nullptr) dweight[c + j] = static_cast<T>(sums.product * Total<T>(statistics.scale[c + j]));
        if (dbias != nullptr) dbias[c + j] = static_cast<T>(sums.dy);
        const T factor = number_or(weight, c + j, 1);
        const auto gradient =
            PlaneGradient<T>::of(factor, {sums.dy * Total<T>(factor), sums.product * Total<T>(factor)}, planes.batch,
                                 statistics.scale[c + j], statistics.rest[c + j]);
        constants.scale[k] = gradient.scale;
        constants.slope[k] = gradient.slope;
        constants.shift[k] = gradient.shift;
      }
      if (dx == nullptr) return;
      const Columns to(dx + c, planes, columns, false);
      if (given) {
        std::fill_n(constants.center, room, T(0));
        std::fill_n(constants.shift, room, T(0));
        scale_columns<count>(upstream, planes.batch, constants, to);
      } else {
        scale_gradients<count>(from, upstream, planes.batch, constants, to);
      }
      to.copy_back(dx + c, planes, columns);
    });
  }

 private:
  /// What is known of every column of some lanes.
  struct Constants {
    T center[room] = {}, scale[room] = {}, slope[room] = {}, shift[room] = {};
    Moments<T> moments[room];
    GradientSums<T> sums[room];

    void set(const Statistics<T>& statistics, const T* weight, const T* bias, Index first, Index columns) {
      for (Index j = 0; j < columns; ++j) {
        center[j] = statistics.center[first + j];
        scale[j] = statistics.scale[first + j] * number_or(weight, first + j, 1);
        shift[j] = number_or(bias, first + j, 0) - statistics.rest[first + j] * scale[j];
      }
    }
  };

  /// Whole lanes of columns, in place or copied.
  class Columns {
   public:
    Columns(const T* from, const Planes& planes, Index columns, bool read = true)
        : numbers_(const_cast<T*>(from)), step_(planes.channels) {
      if (columns >= width) return;
      copy_ = Block(bytes_of_numbers(planes.batch * width, sizeof(T)));
      numbers_ = static_cast<T*>(copy_.data());
      step_ = width;
      if (!read) return;
      for (Index n = 0; n < planes.batch; ++n)
        std::fill(std::copy_n(from + n * planes.channels, columns, numbers_ + n * width), numbers_ + (n + 1) * width,
                  T(0));
    }
    void copy_back(T* to, const Planes& planes, Index columns) const {
      if (columns >= width) return;
      for (Index n = 0; n < planes.batch; ++n) std::copy_n(numbers_ + n * width, columns, to + n * planes.channels);
    }
    EIGENGRAD_INLINE T* row(Index n) const { return numbers_ + n * step_; }

   private:
    T* numbers_;
    Index step_;
    Block copy_;
  };

  /// body(lanes, first column, how many): as many lanes as are done together, then one by one.
  template <class Body>
  static void for_lanes(const Planes& planes, const Body& body) {
    const Index blocks = planes.channels / (together * width), first = blocks * together * width;
    const Index rest = (planes.channels - first + width - 1) / width;
    parallel_ranges(blocks + rest, 1, planes_per_piece(planes.batch * width), [&](Index from, Index to) {
      for (Index b = from; b < to; ++b)
        if (b < blocks) {
          body(std::integral_constant<int, together>(), b * together * width, together * width);
        } else {
          const Index c = first + (b - blocks) * width;
          body(std::integral_constant<int, 1>(), c, (std::min)(width, planes.channels - c));
        }
    });
  }

  template <int lanes>
  EIGENGRAD_OUTLINE static void add_moments(const Columns& from, Index begin, Index end, Moments<T>* result) {
    L sums[extent(lanes)], distances[extent(lanes)], squares[extent(lanes)], centers[extent(lanes)];
    for_indices<lanes>([&](auto k) EIGENGRAD_INLINE_LAMBDA { sums[k] = distances[k] = squares[k] = L(0); });
    for (Index n = begin; n < end; ++n)
      for_indices<lanes>([&](auto k)
                             EIGENGRAD_INLINE_LAMBDA { sums[k] = sums[k] + lane::load(from.row(n) + k * width); });
    const T count(static_cast<plain_t<T>>(end - begin));
    for_indices<lanes>([&](auto k) EIGENGRAD_INLINE_LAMBDA { centers[k] = sums[k] / L(count); });
    for (Index n = begin; n < end; ++n)
      for_indices<lanes>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
        const L distance = lane::load(from.row(n) + k * width) - centers[k];
        distances[k] = distances[k] + distance;
        squares[k] = squares[k] + distance * distance;
      });
    T center[room], rest[room], square[room];
    for_indices<lanes>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
      lane::store<T>(center + k * width, centers[k]);
      lane::store<T>(rest + k * width, distances[k]);
      lane::store<T>(square + k * width, squares[k]);
    });
    for (Index j = 0; j < lanes * width; ++j)
      result[j].add(Moments<T>::about(center[j], Total<T>(rest[j]), Total<T>(square[j]), end - begin));
  }
  template <int lanes>
  EIGENGRAD_OUTLINE static void scale_columns(const Columns& from, Index rows, const Constants& constants,
                                              const Columns& to) {
    L center[extent(lanes)], scale[extent(lanes)], shift[extent(lanes)];
    for_indices<lanes>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
      center[k] = lane::load(constants.center + k * width);
      scale[k] = lane::load(constants.scale + k * width);
      shift[k] = lane::load(constants.shift + k * width);
    });
    for (Index n = 0; n < rows; ++n)
      for_indices<lanes>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
        const L distance = lane::load(from.row(n) + k * width) - center[k];
        lane::store<T>(to.row(n) + k * width, L(distance * scale[k] + shift[k]));
      });
  }
  template <int lanes>
  EIGENGRAD_OUTLINE static void add_sums(const Columns& from, const Columns& upstream, Index begin, Index end,
                                         Constants& constants) {
    L center[extent(lanes)], sums[extent(lanes)], products[extent(lanes)];
    for_indices<lanes>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
      center[k] = lane::load(constants.center + k * width);
      sums[k] = products[k] = L(0);
    });
    for (Index n = begin; n < end; ++n)
      for_indices<lanes>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
        const L gradient = lane::load(upstream.row(n) + k * width);
        sums[k] = sums[k] + gradient;
        products[k] = products[k] + gradient * (lane::load(from.row(n) + k * width) - center[k]);
      });
    T sum[room], product[room];
    for_indices<lanes>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
      lane::store<T>(sum + k * width, sums[k]);
      lane::store<T>(product + k * width, products[k]);
    });
    for (Index j = 0; j < lanes * width; ++j) constants.sums[j].add({Total<T>(sum[j]), Total<T>(product[j])});
  }
  template <int lanes>
  EIGENGRAD_OUTLINE static void scale_gradients(const Columns& from, const Columns& upstream, Index rows,
                                                const Constants& constants, const Columns& to) {
    L center[extent(lanes)], scale[extent(lanes)], slope[extent(lanes)], shift[extent(lanes)];
    for_indices<lanes>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
      center[k] = lane::load(constants.center + k * width);
      scale[k] = lane::load(constants.scale + k * width);
      slope[k] = lane::load(constants.slope + k * width);
      shift[k] = lane::load(constants.shift + k * width);
    });
    for (Index n = 0; n < rows; ++n)
      for_indices<lanes>([&](auto k) EIGENGRAD_INLINE_LAMBDA {
        const L distance = lane::load(from.row(n) + k * width) - center[k];
        const L gradient = lane::load(upstream.row(n) + k * width);
        lane::store<T>(to.row(n) + k * width, L(gradient * scale[k] + (distance * slope[k] + shift[k])));
      });
  }
};

}}}  // namespace eigengrad::EIGENGRAD_ABI::normalization
