#pragma once

#include "../autograd/engine/node.hpp"
#include "../core/tensor.hpp"
#include "../formula/expression.hpp"
#include "../formula/pointwise.hpp"
#include "../kernels/normalization/batch_norm.hpp"
#include "norm_parts.hpp"

// Channels normalised over a batch, by its own statistics or by given ones.
namespace eigengrad { inline namespace EIGENGRAD_ABI {
namespace normalization {

// [batch, channels, ...] and what belongs to it; throws unless it can be normalised by its own statistics.
template <class T>
EIGENGRAD_OUTLINE Planes planes_of_batch(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias,
                                         double epsilon, const Location& where) {
  const Planes planes = require_planes("batch_norm", x.shape(), 2, where);
  require_weights("batch_norm", x.shape(), {planes.channels}, weight.shape(), bias.shape(), where);
  require_epsilon("batch_norm", epsilon, where);
  require<ShapeError>(planes.batch * planes.size != 1 || planes.channels == 0, "batch_norm: x is ", x.shape(),
                      ", one number per channel, whose variance is 0: train with larger batches, or call eval() first",
                      where);
  return planes;
}
template <class T>
Normed<T> norm_batch(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias, double epsilon,
                     const Location& where) {
  const Planes planes = planes_of_batch(x, weight, bias, epsilon, where);
  const auto small_number = static_cast<plain_t<T>>(epsilon);
  const Tensor<T> statistics = Tensor<T>::empty({4, planes.channels});
  const auto forward = [=](const T* from, const T* w, const T* b, T* kept, T* y) {
    batch_forward<T>(from, planes, w, b, small_number, statistics_in(kept, planes.channels),
                     array_of(kept, planes.channels, 3), y);
  };
  const auto backward = [=](const T* from, const T* dy, const T* w, T* kept, T* dx, T* dw, T* db) {
    batch_backward<T>(from, dy, planes, w, statistics_in(kept, planes.channels), dx, dw, db);
  };
  const auto composed = [=](std::span<const Tensor<T>> given) {
    return norm_by_operations(given, axes_of_batch(planes.batch, planes.channels, planes.size), true, small_number);
  };
  return {record_norm<T>({"batch_norm", where}, x, weight, bias, statistics, forward, backward, composed), statistics};
}
// The same with a function on top, whose derivative follows from its value, under one record: done to every channel
// while the cache still holds it.
template <class T>
Normed<T> norm_batch_then(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias, double epsilon,
                          const Pointwise<T>& then, const Location& where) {
  const Planes planes = planes_of_batch(x, weight, bias, epsilon, where);
  const auto small_number = static_cast<plain_t<T>>(epsilon);
  const Tensor<T> statistics = Tensor<T>::empty({4, planes.channels});
  const auto run = [=, value = then.value](T* y, std::span<const Tensor<T>> in, T* kept) {
    batch_forward<T>(kernel_access(in[0]).numbers(), planes, numbers_or_null(in[1]), numbers_or_null(in[2]),
                     small_number, statistics_in(kept, planes.channels), array_of(kept, planes.channels, 3), y, value);
  };
  const auto rule = [=, slope = then.gradient](const Tensor<T>& dy, const Tensor<T>& y,
                                               const std::array<bool, 3>& wanted) {
    const std::array<Tensor<T>, 3> rooms = gradient_rooms(dy, weight, bias, {true, wanted[1], wanted[2]});
    T* const inner = room_or_null(rooms[0]);
    batch_backward_through<T>(kernel_access(x).numbers(), kernel_access(dy).numbers(), kernel_access(y).numbers(),
                              planes, numbers_or_null(weight), statistics_in(room_or_null(statistics), planes.channels),
                              slope, inner, wanted[0] ? inner : nullptr, room_or_null(rooms[1]),
                              room_or_null(rooms[2]));
    return rooms;
  };
  const auto composed = [=, function = &then](std::span<const Tensor<T>> given) {
    const NormAxes axes = axes_of_batch(planes.batch, planes.channels, planes.size);
    return apply_pointwise(*function, norm_by_operations(given, axes, true, small_number), Location());
  };
  return {compute<T>({"batch_norm", where}, x.shape(), run,
                     with_respect_to_all(std::array<Tensor<T>, 3>{x, weight, bias}, rule, composed),
                     extra_output(statistics)),
          statistics};
}
template <class T>
Tensor<T> norm_batch_given(const Tensor<T>& x, const Tensor<T>& mean, const Tensor<T>& variance,
                           const Tensor<T>& weight, const Tensor<T>& bias, double epsilon, const Location& where) {
  const Planes planes = require_planes("batch_norm", x.shape(), 2, where);
  const Shape channels{planes.channels};
  require<ShapeError>(mean.shape() == channels && variance.shape() == channels, "batch_norm: x is ", x.shape(),
                      ", the mean is ", mean.shape(), ", the variance is ", variance.shape(), ": both must be ",
                      channels, ", one number per channel", where);
  require_weights("batch_norm", x.shape(), channels, weight.shape(), bias.shape(), where);
  require_epsilon("batch_norm", epsilon, where);
  const auto small_number = static_cast<plain_t<T>>(epsilon);
  const auto run = [=](T* y, std::span<const Tensor<T>> in, const Tensor<T>& center, const Tensor<T>& spread) {
    batch_forward_given<T>(kernel_access(in[0]).numbers(), planes, kernel_access(center).numbers(),
                           kernel_access(spread).numbers(), numbers_or_null(in[1]), numbers_or_null(in[2]),
                           small_number, y);
  };
  const auto rule = [=](const Tensor<T>& dy, const std::array<bool, 3>& wanted) {
    const std::array<Tensor<T>, 3> rooms = gradient_rooms(dy, weight, bias, wanted);
    batch_backward_given<T>(kernel_access(x).numbers(), kernel_access(dy).numbers(), planes,
                            kernel_access(mean).numbers(), kernel_access(variance).numbers(), numbers_or_null(weight),
                            small_number, room_or_null(rooms[0]), room_or_null(rooms[1]), room_or_null(rooms[2]));
    return rooms;
  };
  const auto composed = [=](std::span<const Tensor<T>> given) {
    return given_norm_by_operations(given, mean, variance, axes_of_batch(planes.batch, planes.channels, planes.size),
                                    small_number);
  };
  return compute<T>({"batch_norm", where}, x.shape(), run,
                    with_respect_to_all(std::array<Tensor<T>, 3>{x, weight, bias}, rule, composed), mean, variance);
}

}  // namespace normalization

/// (x - mean) / sqrt(variance + epsilon) * weight + bias with each channel's mean and biased variance over the batch,
/// of [batch, channels, ...]; weight and bias [channels], where given. Gradients of x, weight and bias, any order.
/// Throws ShapeError where a channel has one number. Ioffe, Szegedy: Batch normalization, 2015.
template <Expression X, Expression W = Tensor<typename X::Element>, Expression B = Tensor<typename X::Element>>
auto batch_norm(const X& x, const W& weight = {}, const B& bias = {}, double epsilon = 1e-5,
                Location where = Location::current()) {
  using T = scalar_of<X, W, B>;
  return normalization::norm_batch<T>(tensor_of<T>(x), tensor_of<T>(weight), tensor_of<T>(bias), epsilon, where).y;
}
/// The same by means and variances [channels] that are known, as when a model is used: constants.
template <Expression X, Expression M, Expression V, Expression W = Tensor<typename X::Element>,
          Expression B = Tensor<typename X::Element>>
auto batch_norm_given(const X& x, const M& mean, const V& variance, const W& weight = {}, const B& bias = {},
                      double epsilon = 1e-5, Location where = Location::current()) {
  using T = scalar_of<X, M, V, W, B>;
  return normalization::norm_batch_given<T>(tensor_of<T>(x), tensor_of<T>(mean), tensor_of<T>(variance),
                                            tensor_of<T>(weight), tensor_of<T>(bias), epsilon, where);
}

// Compiled: normalization::Normed<T> normalization::norm_batch(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&,
//   double, const Location&)
// Compiled: normalization::Normed<T> normalization::norm_batch_then(const Tensor<T>&, const Tensor<T>&, const
//   Tensor<T>&, double, const Pointwise<T>&, const Location&)
// Compiled: Tensor<T> normalization::norm_batch_given(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&, const
//   Tensor<T>&, const Tensor<T>&, double, const Location&)
}}  // namespace eigengrad::EIGENGRAD_ABI
