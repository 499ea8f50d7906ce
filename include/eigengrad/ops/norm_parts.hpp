#pragma once

#include <array>
#include <span>

#include "../autograd/engine/joint.hpp"
#include "../core/tensor.hpp"
#include "../formula/traced.hpp"
#include "../kernels/normalization/moments.hpp"
#include "arithmetic.hpp"
#include "functions.hpp"

// What all norms share: how one is recorded, and the same norm by operations that can be differentiated again.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace normalization {

// What a norm is of, [a, b, c, d]: the axes that it normalises together, and those along which it has weights.
struct NormAxes {
  Index sizes[4];
  bool together[4], weighted[4];

  Shape view() const { return Shape(sizes, sizes + 4); }
  // With 1 in place of the axes that are normalised together, or have no weights.
  Shape kept() const { return with_ones(together, true); }
  Shape weights() const { return with_ones(weighted, false); }
  Index count() const {
    Index result = 1;
    for (int axis = 0; axis < 4; ++axis) result *= together[axis] ? sizes[axis] : 1;
    return result;
  }

 private:
  Shape with_ones(const bool* where, bool here) const {
    Shape result;
    for (int axis = 0; axis < 4; ++axis) result.push_back(where[axis] == here ? 1 : sizes[axis]);
    return result;
  }
};
inline NormAxes axes_of_rows(Index rows, Index size) {
  return {{1, rows, 1, size}, {false, false, false, true}, {false, false, false, true}};
}
inline NormAxes axes_of_batch(Index batch, Index channels, Index size) {
  return {{batch, 1, channels, size}, {true, false, false, true}, {false, false, true, false}};
}
inline NormAxes axes_of_groups(Index batch, Index groups, Index channels, Index size) {
  return {{batch, groups, channels, size}, {false, false, true, true}, {false, true, true, false}};
}

// x, or what has been made of it, times weight plus bias: each may have been left out.
template <class T>
EIGENGRAD_COLD Tensor<T> with_affine(Traced<T> y, std::span<const Tensor<T>> given, const NormAxes& axes) {
  if (!is_left_out(given[1])) y = y * Traced<T>(recorded_reshape(given[1], axes.weights()));
  if (!is_left_out(given[2])) y = y + Traced<T>(recorded_reshape(given[2], axes.weights()));
  return recorded_reshape(y.value(), given[0].shape());
}
// The norm of x, weight and bias by recorded operations. The mean is taken off twice, for what its rounding left.
template <class T>
EIGENGRAD_COLD Tensor<T> norm_by_operations(std::span<const Tensor<T>> given, const NormAxes& axes, bool centred,
                                            plain_t<T> epsilon) {
  const auto mean_of = [&](const Traced<T>& x) {
    return Traced<T>(recorded_quotient(recorded_sum_to(x.value(), axes.kept()), T(axes.count())));
  };
  Traced<T> distance(recorded_reshape(given[0], axes.view()));
  for (int time = 0; time < 2 && centred; ++time) distance = distance - mean_of(distance);
  return with_affine<T>(distance / sqrt(mean_of(square(distance)) + epsilon), given, axes);
}
// The same by means and variances that are known.
template <class T>
EIGENGRAD_COLD Tensor<T> given_norm_by_operations(std::span<const Tensor<T>> given, const Tensor<T>& mean,
                                                  const Tensor<T>& variance, const NormAxes& axes, plain_t<T> epsilon) {
  const Shape weights = axes.weights();
  const Traced<T> center(recorded_reshape(mean, weights)), spread(recorded_reshape(variance, weights));
  const Traced<T> x(recorded_reshape(given[0], axes.view()));
  return with_affine<T>((x - center) / sqrt(spread + epsilon), given, axes);
}

// The numbers of a tensor, null where it was left out.
template <class T>
const T* numbers_or_null(const Tensor<T>& tensor) {
  return tensor.size() > 0 ? kernel_access(tensor).numbers() : nullptr;
}
template <class T>
T* room_or_null(const Tensor<T>& tensor) {
  return tensor.size() > 0 ? kernel_access(tensor).shared_data() : nullptr;
}
// Room for dx, which is dy's where nobody else holds that, as dx can be written over it; for dweight and dbias.
template <class T>
std::array<Tensor<T>, 3> gradient_rooms(const Tensor<T>& dy, const Tensor<T>& weight, const Tensor<T>& bias,
                                        const std::array<bool, 3>& wanted) {
  std::array<Tensor<T>, 3> rooms;
  const bool unheld = kernel_access(dy).unshared() && kernel_access(dy).link().node == nullptr;
  if (wanted[0]) rooms[0] = unheld ? dy : Tensor<T>::empty(dy.shape());
  if (wanted[1]) rooms[1] = Tensor<T>::empty(weight.shape());
  if (wanted[2]) rooms[2] = Tensor<T>::empty(bias.shape());
  return rooms;
}
// An array of `statistics` [.., sets].
template <class T>
T* array_of(T* statistics, Index sets, Index k) {
  return statistics + k * sets;
}
template <class T>
Statistics<T> statistics_in(T* statistics, Index sets) {
  return {array_of(statistics, sets, 0), array_of(statistics, sets, 1), array_of(statistics, sets, 2)};
}

/// A norm as one record: forward(x, weight, bias, statistics, y), backward(x, dy, weight, statistics, dx, dweight,
/// dbias) on numbers, null where something is left out or not wanted, and composed({x, weight, bias}) of operations.
template <class T, class Forward, class Backward, class Composed>
Tensor<T> record_norm(const OperationName& name, const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias,
                      const Tensor<T>& statistics, const Forward& forward, const Backward& backward,
                      const Composed& composed) {
  const auto run = [forward](T* y, std::span<const Tensor<T>> in, T* kept) {
    forward(kernel_access(in[0]).numbers(), numbers_or_null(in[1]), numbers_or_null(in[2]), kept, y);
  };
  const auto rule = [=](const Tensor<T>& dy, const std::array<bool, 3>& wanted) {
    std::array<Tensor<T>, 3> rooms = gradient_rooms(dy, weight, bias, wanted);
    backward(kernel_access(x).numbers(), kernel_access(dy).numbers(), numbers_or_null(weight), room_or_null(statistics),
             room_or_null(rooms[0]), room_or_null(rooms[1]), room_or_null(rooms[2]));
    return rooms;
  };
  return compute<T>(name, x.shape(), run,
                    with_respect_to_all(std::array<Tensor<T>, 3>{x, weight, bias}, rule, composed),
                    extra_output(statistics));
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::normalization
