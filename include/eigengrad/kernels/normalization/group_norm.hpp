#pragma once

#include "../../core/buffer.hpp"
#include "../sums.hpp"
#include "planes.hpp"

// Group norm, and instance norm, which is the one with as many groups as channels.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace normalization {

/// y = (x - mean) / sqrt(variance + epsilon) * weight + bias, with mean and biased variance of each of `groups` equal
/// groups of channels of each example, of [batch, channels, size] -> the same; weight and bias [channels] may be null.
/// `statistics` [batch * groups] is for the way back.
template <class T>
void group_forward(const T* x, const Planes& planes, Index groups, const std::type_identity_t<T>* weight,
                   const std::type_identity_t<T>* bias, plain_t<T> epsilon, const Statistics<T>& statistics, T* y) {
  if (planes.count() == 0 || planes.size == 0) return;
  const Index channels = planes.channels_of(groups), count = channels * planes.size;
  parallel_ranges(planes.batch * groups, 1, planes_per_piece(count), [&](Index from, Index to) {
    for (Index g = from; g < to; ++g) {
      statistics.set(g, moments_of<T>(x + g * count, count, x + (g + 1) * count, y + g * count), epsilon);
      for (Index k = 0; k < channels; ++k) {
        const Index c = g % groups * channels + k, at = g * count + k * planes.size;
        const T scale = statistics.scale[g] * number_or(weight, c, 1);
        scale_plane(x + at, planes.size, statistics.center[g], scale,
                    T(number_or(bias, c, 0) - statistics.rest[g] * scale), y + at);
      }
    }
  });
}

/// The gradients of group_forward: dx like x; dweight, dbias [channels], summed over the batch in order. Each may be
/// null.
template <class T>
void group_backward(const T* x, const T* dy, const Planes& planes, Index groups, const std::type_identity_t<T>* weight,
                    const Statistics<T>& statistics, std::type_identity_t<T>* dx, std::type_identity_t<T>* dweight,
                    std::type_identity_t<T>* dbias) {
  const Index channels = planes.channels_of(groups), count = channels * planes.size;
  Block memory(bytes_of_numbers(planes.count(), sizeof(GradientSums<T>)));
  GradientSums<T>* const sums = static_cast<GradientSums<T>*>(memory.data());
  parallel_ranges(planes.batch * groups, 1, planes_per_piece(count), [&](Index from, Index to) {
    for (Index g = from; g < to; ++g) {
      const T center = statistics.center[g], rest = statistics.rest[g], scale = statistics.scale[g];
      GradientSums<T> weighted;
      for (Index k = 0; k < channels; ++k) {
        const Index at = g * count + k * planes.size;
        const GradientSums<T> plane = gradient_sums(x + at, dy + at, planes.size, center, rest, planes.size);
        const Total<T> factor(number_or(weight, g % groups * channels + k, 1));
        weighted.add({plane.dy * factor, plane.product * factor});
        sums[g * channels + k] = {plane.dy, plane.product * Total<T>(scale)};
      }
      if (dx == nullptr) continue;
      for (Index k = 0; k < channels; ++k) {
        const Index at = g * count + k * planes.size;
        const auto gradient =
            PlaneGradient<T>::of(number_or(weight, g % groups * channels + k, 1), weighted, count, scale, rest);
        scale_plane_gradient(x + at, dy + at, planes.size, center, gradient.scale, gradient.slope, gradient.shift,
                             dx + at);
      }
    }
  });
  if (dweight == nullptr && dbias == nullptr) return;
  for (Index c = 0; c < planes.channels; ++c) {
    GradientSums<T> all;
    for (Index n = 0; n < planes.batch; ++n) all.add(sums[n * planes.channels + c]);
    if (dweight != nullptr) dweight[c] = static_cast<T>(all.product);
    if (dbias != nullptr) dbias[c] = static_cast<T>(all.dy);
  }
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::normalization
