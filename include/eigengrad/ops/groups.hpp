#pragma once

#include "../core/tensor.hpp"
#include "../kernels/sums.hpp"
#include "shape.hpp"

// The groups of elements that a reduction brings together.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A tensor seen as [outer, count, inner]: `count` elements, `inner` apart, go into each of the outer * inner results.
/// Axes that do not stand side by side are brought to the end first, by a recorded permute.
template <class T>
struct Groups {
  Tensor<T> x;
  Index outer = 1, count = 1, inner = 1;
  Reduced reduced;

  Groups(const Tensor<T>& tensor, const Axes& axes, bool keepdims, const char* operation, const Location& where)
      : x(tensor), reduced(tensor.shape(), axes, keepdims, operation, where) {
    const Shape& shape = tensor.shape();
    const auto goes = [&](Index axis) { return shape[axis] != reduced.kept[axis]; };  // an axis of size 1 may do either
    Index first = 0, last = shape.rank() - 1;
    while (first <= last && !goes(first)) ++first;
    while (last > first && !goes(last)) --last;
    bool together = true;
    for (Index axis = first; axis <= last; ++axis) together = together && (goes(axis) || shape[axis] == 1);
    if (together) {
      for (Index axis = 0; axis < shape.rank(); ++axis)
        (axis < first ? outer : axis <= last ? count : inner) *= shape[axis];
    } else {
      Axes order;
      for (const bool go : {false, true})
        for (Index axis = 0; axis < shape.rank(); ++axis)
          if (goes(axis) == go) {
            order.axes[order.count++] = axis;
            (go ? count : outer) *= shape[axis];
          }
      x = permute(tensor, order, where);
    }
  }

  Index size() const { return outer * inner; }
  bool empty() const { return count == 0 && size() > 0; }
};

/// Whether one of `places` is met so often, as the positions k to count - 1 say, that sums in T would lose digits.
template <class Position>
bool met_often(Index count, Index places, const Position& position) {
  constexpr std::uint32_t most = few_numbers;
  if (count <= most) return false;
  std::vector<std::uint32_t> times(static_cast<std::size_t>(places));
  for (Index k = 0; k < count; ++k)
    if (++times[static_cast<std::size_t>(position(k))] > most) return true;
  return false;
}

/// dy added at `places`, flat positions in a tensor of the given shape: the gradient of picking them.
template <class T>
struct Scattered {
  Tensor<T> dy;
  Tensor<std::int64_t> places;
  Shape target_shape;

  const Shape& shape() const { return target_shape; }
  void write_to(Tensor<T>& target, bool add) const {
    scatter(kernel_access(target).writable_numbers(), target_shape.size(), dy, places, add);
  }
  static void scatter(T* to, Index size, const Tensor<T>& dy, const Tensor<std::int64_t>& places, bool add) {
    if (!add) std::fill_n(to, size, T(0));
    const std::int64_t* const place = kernel_access(places).numbers();
    const T* const from = kernel_access(dy).numbers();
    if (met_often(dy.size(), size, [=](Index k) { return place[k]; })) {
      const Totals<T> totals(1, size);
      for (Index k = 0; k < dy.size(); ++k) totals.add(place[k], Sum<T>(from[k]));
      return totals.move_to(to, T(1), 0, size);
    }
    for (Index k = 0; k < dy.size(); ++k) to[place[k]] = to[place[k]] + from[k];
  }
  /// Its gradient is picked at the same places.
  Tensor<T> to_tensor() const {
    const auto run = [size = target_shape.size()](T* to, const Tensor<T>& from, const Tensor<std::int64_t>& at) {
      scatter(to, size, from, at, false);
    };
    const auto back = [places = places, shape = dy.shape()](const auto& again) { return picked(again, places, shape); };
    return compute<T>("scatter", target_shape, run, with_respect_to(dy, back), places);
  }
  static Tensor<T> picked(const Tensor<T>& x, const Tensor<std::int64_t>& places, const Shape& shape) {
    const auto run = [](T* to, const Tensor<T>& from, const Tensor<std::int64_t>& at) {
      for (Index k = 0; k < at.size(); ++k) to[k] = kernel_access(from).numbers()[kernel_access(at).numbers()[k]];
    };
    return compute<T>("pick", shape, run,
                      with_respect_to(x, [places, whole = x.shape()](
                                             const auto& again) { return Scattered<T>{again, places, whole}; }),
                      places);
  }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
