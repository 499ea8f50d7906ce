#pragma once

#include <limits>
#include <optional>

#include "../autograd/engine/node.hpp"
#include "../core/tensor.hpp"
#include "../formula/expression.hpp"
#include "../kernels/normalization/group_norm.hpp"
#include "../kernels/normalization/layer_norm.hpp"
#include "norm_parts.hpp"

// Norms of examples: what they do to one does not depend on the others.
namespace eigengrad { inline namespace EIGENGRAD_ABI {
namespace normalization {

template <class T>
Tensor<T> norm_layer(const Tensor<T>& x, const Shape& over, const Tensor<T>& weight, const Tensor<T>& bias,
                     double epsilon, const Location& where) {
  require_last_axes("layer_norm", x.shape(), over, where);
  require_weights("layer_norm", x.shape(), over, weight.shape(), bias.shape(), where);
  require_epsilon("layer_norm", epsilon, where);
  const Index size = over.size(), rows = size > 0 ? x.size() / size : 0;
  const auto small_number = static_cast<plain_t<T>>(epsilon);
  const auto forward = [=](const T* from, const T* w, const T* b, T* kept, T* y) {
    layer_forward<T>(from, rows, size, w, b, small_number, statistics_in(kept, rows), y);
  };
  const auto backward = [=](const T* from, const T* dy, const T* w, T* kept, T* dx, T* dw, T* db) {
    layer_backward<T>(from, dy, rows, size, w, statistics_in(kept, rows), dx, dw, db);
  };
  const auto composed = [=](std::span<const Tensor<T>> given) {
    return norm_by_operations(given, axes_of_rows(rows, size), true, small_number);
  };
  return record_norm<T>({"layer_norm", where}, x, weight, bias, Tensor<T>::empty({3, rows}), forward, backward,
                        composed);
}
template <class T>
Tensor<T> norm_root_mean_square(const Tensor<T>& x, const Shape& over, const Tensor<T>& weight,
                                std::optional<double> epsilon, const Location& where) {
  require_last_axes("rms_norm", x.shape(), over, where);
  require_weights("rms_norm", x.shape(), over, weight.shape(), Shape::empty(), where);
  const double added = epsilon.value_or(std::numeric_limits<plain_t<T>>::epsilon());
  require_epsilon("rms_norm", added, where);
  const Index size = over.size(), rows = size > 0 ? x.size() / size : 0;
  const auto small_number = static_cast<plain_t<T>>(added);
  const auto forward = [=](const T* from, const T* w, const T*, T* kept, T* y) {
    rms_forward<T>(from, rows, size, w, small_number, kept, y);
  };
  const auto backward = [=](const T* from, const T* dy, const T* w, T* kept, T* dx, T* dw, T*) {
    rms_backward<T>(from, dy, rows, size, w, kept, dx, dw);
  };
  const auto composed = [=](std::span<const Tensor<T>> given) {
    return norm_by_operations(given, axes_of_rows(rows, size), false, small_number);
  };
  return record_norm<T>({"rms_norm", where}, x, weight, Tensor<T>(), Tensor<T>::empty({rows}), forward, backward,
                        composed);
}

template <class T>
Tensor<T> norm_groups(const OperationName& name, const Tensor<T>& x, const Planes& planes, Index groups,
                      const Tensor<T>& weight, const Tensor<T>& bias, double epsilon, const Tensor<T>& statistics) {
  const Shape channels{planes.channels};
  require_weights(name.name, x.shape(), channels, weight.shape(), bias.shape(), name.where);
  require_epsilon(name.name, epsilon, name.where);
  const Index sets = planes.batch * groups;
  const auto small_number = static_cast<plain_t<T>>(epsilon);
  const auto forward = [=](const T* from, const T* w, const T* b, T* kept, T* y) {
    group_forward<T>(from, planes, groups, w, b, small_number, statistics_in(kept, sets), y);
  };
  const auto backward = [=](const T* from, const T* dy, const T* w, T* kept, T* dx, T* dw, T* db) {
    group_backward<T>(from, dy, planes, groups, w, statistics_in(kept, sets), dx, dw, db);
  };
  const auto composed = [=](std::span<const Tensor<T>> given) {
    return norm_by_operations(given, axes_of_groups(planes.batch, groups, planes.channels_of(groups), planes.size),
                              true, small_number);
  };
  return record_norm<T>(name, x, weight, bias, statistics, forward, backward, composed);
}
template <class T>
Tensor<T> norm_channel_groups(const Tensor<T>& x, Index groups, const Tensor<T>& weight, const Tensor<T>& bias,
                              double epsilon, const Location& where) {
  const Planes planes = require_planes("group_norm", x.shape(), 2, where);
  require<ShapeError>(groups > 0 && planes.channels % groups == 0, "group_norm: x is ", x.shape(), ", which has ",
                      planes.channels, " channels, in ", groups, " groups: choose a divisor of the number of channels",
                      where);
  require<ShapeError>(planes.batch * planes.channels_of(groups) * planes.size != 1, "group_norm: x is ", x.shape(),
                      " in ", groups, " groups of one number, whose variance is 0: choose fewer groups", where);
  return norm_groups<T>({"group_norm", where}, x, planes, groups, weight, bias, epsilon,
                        Tensor<T>::empty({3, planes.batch * groups}));
}
/// Every channel of every example normalised, and the statistics [3, batch * channels].
template <class T>
Normed<T> norm_instances(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias, double epsilon,
                         const Location& where) {
  const Planes planes = require_planes("instance_norm", x.shape(), 3, where);
  require<ShapeError>(planes.size != 1, "instance_norm: x is ", x.shape(),
                      ", one number per channel of an example, whose variance is 0: give larger planes", where);
  const Tensor<T> statistics = Tensor<T>::empty({3, planes.count()});
  return {norm_groups<T>({"instance_norm", where}, x, planes, planes.channels, weight, bias, epsilon, statistics),
          statistics};
}

}  // namespace normalization

/// (x - mean) / sqrt(variance + epsilon) * weight + bias over the last axes of x, whose sizes are `normalized_shape`;
/// weight and bias of that shape, where given. Gradients of x, weight and bias, any order. Throws ShapeError for other
/// shapes. Ba, Kiros, Hinton: Layer normalization, 2016.
template <Expression X, Expression W = Tensor<typename X::Element>, Expression B = Tensor<typename X::Element>>
auto layer_norm(const X& x, const Shape& normalized_shape, const W& weight = {}, const B& bias = {},
                double epsilon = 1e-5, Location where = Location::current()) {
  using T = scalar_of<X, W, B>;
  return normalization::norm_layer<T>(tensor_of<T>(x), normalized_shape, tensor_of<T>(weight), tensor_of<T>(bias),
                                      epsilon, where);
}
/// x / sqrt(mean(x^2) + epsilon) * weight over the last axes of x; epsilon is the number type's machine epsilon unless
/// given. Zhang, Sennrich: Root mean square layer normalization, 2019.
template <Expression X, Expression W = Tensor<typename X::Element>>
auto rms_norm(const X& x, const Shape& normalized_shape, const W& weight = {},
              std::optional<double> epsilon = std::nullopt, Location where = Location::current()) {
  using T = scalar_of<X, W>;
  return normalization::norm_root_mean_square<T>(tensor_of<T>(x), normalized_shape, tensor_of<T>(weight), epsilon,
                                                 where);
}
/// The same with mean and variance of each of `groups` equal groups of channels of each example, of [batch, channels,
/// ...]; weight and bias [channels]. Throws ShapeError unless groups divides the channels. Wu, He: Group
/// normalization, 2018.
template <Expression X, Expression W = Tensor<typename X::Element>, Expression B = Tensor<typename X::Element>>
auto group_norm(const X& x, Index groups, const W& weight = {}, const B& bias = {}, double epsilon = 1e-5,
                Location where = Location::current()) {
  using T = scalar_of<X, W, B>;
  return normalization::norm_channel_groups<T>(tensor_of<T>(x), groups, tensor_of<T>(weight), tensor_of<T>(bias),
                                               epsilon, where);
}
/// The same with mean and variance of each channel of each example, of [batch, channels, ...]. Throws ShapeError where
/// that is one number. Ulyanov, Vedaldi, Lempitsky: Instance normalization, 2016.
template <Expression X, Expression W = Tensor<typename X::Element>, Expression B = Tensor<typename X::Element>>
auto instance_norm(const X& x, const W& weight = {}, const B& bias = {}, double epsilon = 1e-5,
                   Location where = Location::current()) {
  using T = scalar_of<X, W, B>;
  return normalization::norm_instances<T>(tensor_of<T>(x), tensor_of<T>(weight), tensor_of<T>(bias), epsilon, where).y;
}

// Compiled: Tensor<T> normalization::norm_layer(const Tensor<T>&, const Shape&, const Tensor<T>&, const Tensor<T>&,
//   double, const Location&)
// Compiled: Tensor<T> normalization::norm_groups(const OperationName&, const Tensor<T>&, const normalization::Planes&,
//   Index, const Tensor<T>&, const Tensor<T>&, double, const Tensor<T>&)
}}  // namespace eigengrad::EIGENGRAD_ABI
