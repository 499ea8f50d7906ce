#pragma once

#include "../../core/buffer.hpp"
#include "../sums.hpp"
#include "batch_norm_columns.hpp"
#include "planes.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace normalization {

/// A function that rides along, or its derivative: to = f(a, b) on the lanes that begin before `end`; `to` may be a.
template <class T>
using LanesFunction = void(const T* a, const T* b, T* to, T* slope, Index end);
/// Of a tensor's numbers, behind which a lane may be written.
template <class T>
void apply_lanes(LanesFunction<T>* function, const T* a, const T* b, T* to, Index size) {
  parallel_ranges(size, 64 * lane_width<T>, Index{1} << 14,
                  [&](Index from, Index end) { function(a + from, b + from, to + from, nullptr, end - from); });
}
/// Whether it can be applied plane by plane, while the cache still holds them.
template <class T>
bool rides_along(LanesFunction<T>* function, const Planes& planes) {
  return function != nullptr && planes.size > 1 && planes.size % lane_width<T> == 0;
}

/// The moments of a channel. Planes that are small are copied together first, as pieces cost something each.
template <class T>
Moments<T> moments_of_channel(const T* x, const Planes& planes, T* room, const T* target) {
  const Index step = planes.channels * planes.size;
  Moments<T> result;
  if (planes.size >= 256) {
    for (Index n = 0; n < planes.batch; ++n)
      result.add(moments_of(x + n * step, planes.size, x + (n + 1) * step, target + n * step));
    return result;
  }
  Index count = 0;
  for (Index n = 0; n < planes.batch; ++n, count += planes.size) {
    if (count + planes.size > piece_size<T>) {
      result.add(moments_of_piece(room, count, room, target));
      count = 0;
    }
    std::copy_n(x + n * step, planes.size, room + count);
  }
  if (count > 0) result.add(moments_of_piece(room, count, room, target));
  return result;
}

/// y = (x - mean) / sqrt(variance + epsilon) * weight + bias, with each channel's mean and biased variance, of
/// [batch, channels, size] -> the same; weight and bias [channels] may be null. `statistics` [channels] is for the way
/// back, its center the mean; `unbiased` gets the variance with one degree of freedom less, for running averages. Of
/// nothing they stay as they are. `then`, if not null, is applied to y.
/// Throws ShapeError where a channel has one number only.
template <class T>
void batch_forward(const T* x, const Planes& planes, const std::type_identity_t<T>* weight,
                   const std::type_identity_t<T>* bias, plain_t<T> epsilon, const Statistics<T>& statistics,
                   T* unbiased, T* y, std::type_identity_t<LanesFunction<T>*> then = nullptr) {
  if (planes.count() == 0 || planes.size == 0) return;
  require<ShapeError>(planes.batch * planes.size > 1, "batch_norm: shape [", planes.batch, ", ", planes.channels, ", ",
                      planes.size,
                      "] has one number per channel, whose variance is 0: train with larger batches, or "
                      "call eval() first");
  const bool rides = rides_along<T>(then, planes);
  if (then != nullptr && !rides) {
    batch_forward<T>(x, planes, weight, bias, epsilon, statistics, unbiased, y);
    return apply_lanes<T>(then, y, y, y, planes.count() * planes.size);
  }
  if (planes.size == 1) return BatchColumns<T>::forward(x, planes, weight, bias, epsilon, statistics, unbiased, y);
  // A channel's numbers are normalised while the second cache still holds them.
  parallel_ranges(planes.channels, 1, planes_per_piece(planes.batch * planes.size), [&](Index from, Index to) {
    const Block room(bytes_of_numbers(piece_size<T>, sizeof(T)));
    for (Index c = from; c < to; ++c) {
      const Index first = c * planes.size;
      const Moments<T> moments = moments_of_channel<T>(x + first, planes, static_cast<T*>(room.data()), y + first);
      statistics.set(c, moments, epsilon);
      unbiased[c] = static_cast<T>(moments.variance(1));
      const T scale = statistics.scale[c] * number_or(weight, c, 1);
      const T shift = number_or(bias, c, 0) - statistics.rest[c] * scale;
      for (Index n = 0, at = first; n < planes.batch; ++n, at += planes.channels * planes.size) {
        scale_plane(x + at, planes.size, statistics.center[c], scale, shift, y + at);
        if (rides) then(y + at, y + at, y + at, nullptr, planes.size);
      }
    }
  });
}

struct NothingFirst {
  void operator()(Index) const {}
};
/// The gradients of batch_forward: dx like x; dweight, dbias [channels]. Each may be null. For planes of more than one
/// number before(i) is called before a channel's planes are read, of which the first begins at i.
template <class T, class First = NothingFirst>
void batch_backward(const T* x, const T* dy, const Planes& planes, const std::type_identity_t<T>* weight,
                    const Statistics<T>& statistics, std::type_identity_t<T>* dx, std::type_identity_t<T>* dweight,
                    std::type_identity_t<T>* dbias, const First& before = {}) {
  if (planes.batch * planes.size == 0) {  // statistics of nothing are not looked at
    if (dweight != nullptr) std::fill_n(dweight, planes.channels, T(0));
    if (dbias != nullptr) std::fill_n(dbias, planes.channels, T(0));
    return;
  }
  if (planes.size == 1) return BatchColumns<T>::backward(x, dy, planes, weight, statistics, false, dx, dweight, dbias);
  const Index step = planes.channels * planes.size;
  parallel_ranges(planes.channels, 1, planes_per_piece(planes.batch * planes.size), [&](Index from, Index to) {
    for (Index c = from; c < to; ++c) {
      const Index first = c * planes.size;
      before(first);
      const T center = statistics.center[c], rest = statistics.rest[c];
      GradientSums<T> sums;
      for (Index n = 0, at = first; n < planes.batch; ++n, at += step)
        sums.add(gradient_sums(x + at, dy + at, planes.size, center, rest, step));
      if (dweight != nullptr) dweight[c] = static_cast<T>(sums.product * Total<T>(statistics.scale[c]));
      if (dbias != nullptr) dbias[c] = static_cast<T>(sums.dy);
      if (dx == nullptr) continue;
      const T factor = number_or(weight, c, 1);
      const auto gradient = PlaneGradient<T>::of(factor, {sums.dy * Total<T>(factor), sums.product * Total<T>(factor)},
                                                 planes.batch * planes.size, statistics.scale[c], rest);
      for (Index n = 0, at = first; n < planes.batch; ++n, at += step)
        scale_plane_gradient(x + at, dy + at, planes.size, center, gradient.scale, gradient.slope, gradient.shift,
                             dx + at);
    }
  });
}

/// The same where `slope` of the function that rode along, and y, which that gave, come first: dy times it goes to
/// `inner`, which may be dy, and from there to dx, which may be `inner`.
template <class T>
void batch_backward_through(const T* x, const T* dy, const T* y, const Planes& planes, const T* weight,
                            const Statistics<T>& statistics, LanesFunction<T>* slope, T* inner, T* dx, T* dweight,
                            T* dbias) {
  const Index step = planes.channels * planes.size;
  if (!rides_along<T>(slope, planes)) {
    apply_lanes<T>(slope, dy, y, inner, planes.batch * step);
    return batch_backward<T>(x, inner, planes, weight, statistics, dx, dweight, dbias);
  }
  batch_backward<T>(x, inner, planes, weight, statistics, dx, dweight, dbias, [&](Index first) {
    for (Index n = 0, at = first; n < planes.batch; ++n, at += step)
      slope(dy + at, y + at, inner + at, nullptr, planes.size);
  });
}

/// What batch_backward needs where means and variances [channels] are given, as when a model is used.
template <class T>
class GivenStatistics {
 public:
  GivenStatistics(const T* mean, const T* variance, Index channels, plain_t<T> epsilon)
      : mean_(mean), channels_(channels), memory_(bytes_of_numbers(2 * channels, sizeof(T))) {
    T* const numbers = static_cast<T*>(memory_.data());
    for (Index c = 0; c < channels; ++c) numbers[c] = T(1) / root<T>(variance[c] + T(epsilon));
    std::fill_n(numbers + channels, channels, T(0));
  }
  Statistics<T> get() const {
    T* const numbers = static_cast<T*>(memory_.data());
    return {const_cast<T*>(mean_), numbers + channels_, numbers};  // nobody writes to them
  }

 private:
  const T* mean_;
  Index channels_;
  Block memory_;
};

/// The same normalised by given means and variances [channels]: no statistics of x.
template <class T>
void batch_forward_given(const T* x, const Planes& planes, const T* mean, const T* variance,
                         const std::type_identity_t<T>* weight, const std::type_identity_t<T>* bias, plain_t<T> epsilon,
                         T* y) {
  const GivenStatistics<T> given(mean, variance, planes.channels, epsilon);
  const Statistics<T> statistics = given.get();
  if (planes.size == 1) return BatchColumns<T>::forward_given(x, planes, weight, bias, statistics, y);
  parallel_ranges(planes.count(), 1, planes_per_piece(planes.size), [&](Index from, Index to) {
    for (Index p = from; p < to; ++p) {
      const Index c = p % planes.channels;
      scale_plane(x + p * planes.size, planes.size, mean[c], T(statistics.scale[c] * number_or(weight, c, 1)),
                  number_or(bias, c, 0), y + p * planes.size);
    }
  });
}
/// Its gradients: dx like x; dweight, dbias [channels]. Each may be null.
template <class T>
void batch_backward_given(const T* x, const T* dy, const Planes& planes, const T* mean, const T* variance,
                          const std::type_identity_t<T>* weight, plain_t<T> epsilon, std::type_identity_t<T>* dx,
                          std::type_identity_t<T>* dweight, std::type_identity_t<T>* dbias) {
  const GivenStatistics<T> given(mean, variance, planes.channels, epsilon);
  const Statistics<T> statistics = given.get();
  if (planes.size == 1) return BatchColumns<T>::backward(x, dy, planes, weight, statistics, true, dx, dweight, dbias);
  const Index step = planes.channels * planes.size;
  parallel_ranges(planes.channels, 1, planes_per_piece(planes.batch * planes.size), [&](Index from, Index to) {
    for (Index c = from; c < to; ++c) {
      const T factor = statistics.scale[c] * number_or(weight, c, 1);
      GradientSums<T> sums;
      for (Index n = 0, at = c * planes.size; n < planes.batch; ++n, at += step) {
        if (dweight != nullptr || dbias != nullptr)
          sums.add(gradient_sums(x + at, dy + at, planes.size, mean[c], T(0), step));
        if (dx != nullptr) scale_plane(dy + at, planes.size, T(0), factor, T(0), dx + at);
      }
      if (dweight != nullptr) dweight[c] = static_cast<T>(sums.product * Total<T>(statistics.scale[c]));
      if (dbias != nullptr) dbias[c] = static_cast<T>(sums.dy);
    }
  });
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::normalization
