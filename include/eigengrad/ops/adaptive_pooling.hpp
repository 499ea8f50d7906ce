#pragma once

#include <cstdint>

#include "../autograd/engine/compute.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../kernels/pooling/adaptive_pool.hpp"
#include "plane_sizes.hpp"
#include "pooling.hpp"

// Pooling to a given size, whatever the size of the sequences or images: window i of m over n numbers is
// [floor(i n / m), ceil((i + 1) n / m)).
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
Tensor<T> adaptive_average(const OperationName& name, const Tensor<T>& x, const pooling::AdaptiveWindows& windows,
                           const PlaneMap& map);
template <class T>
Tensor<T> adaptive_average_gradient(const OperationName& name, const Tensor<T>& dy,
                                    const pooling::AdaptiveWindows& windows, const PlaneMap& map) {
  const auto run = [windows, planes = map.planes](T* to, const Tensor<T>& from) {
    pooling::adaptive_average_gradient(kernel_access(from).numbers(), planes, windows, to);
  };
  return compute<T>("adaptive_avg_pool_gradient", map.from, run,
                    with_respect_to(
                        dy, [=](const auto& again) { return adaptive_average(name, again, windows, map); },
                        [=](const auto& again) { return adaptive_average_gradient(name, again, windows, map); }));
}
template <class T>
Tensor<T> adaptive_average(const OperationName& name, const Tensor<T>& x, const pooling::AdaptiveWindows& windows,
                           const PlaneMap& map) {
  const auto run = [windows, planes = map.planes](T* to, const Tensor<T>& from) {
    pooling::adaptive_average(kernel_access(from).numbers(), planes, windows, to);
  };
  return compute<T>(name, map.to, run,
                    with_respect_to(
                        x, [=](const auto& dy) { return adaptive_average_gradient(name, dy, windows, map); },
                        [=](const auto& again) { return adaptive_average(name, again, windows, map); }));
}
template <class T>
Tensor<T> adaptive_maximum(const OperationName& name, const Tensor<T>& x, const pooling::AdaptiveWindows& windows,
                           const PlaneMap& map) {
  return largest_of_windows<T>(name, x, map, [windows](const T* from, Index planes, T* to, std::int32_t* places) {
    pooling::AdaptiveMax<T>::run(from, planes, windows, to, places);
  });
}

/// The windows that make `size` of x, and the shapes before and after.
struct FittedWindows {
  FittedWindows(const char* operation, const Shape& x, Index dimensions, const PlaneSizes& size,
                const Location& where) {
    const PlanesOf planes = planes_of(operation, x, dimensions, where);
    if (dimensions == 2) windows.rows = axis(operation, x, planes.rows, size.rows, where);
    windows.columns = axis(operation, x, planes.columns, size.columns, where);
    map = {planes.count, windows.inputs(), windows.outputs(), x,
           with_planes(x, dimensions, windows.rows.output, windows.columns.output)};
  }
  /// One window over all axes behind the channels.
  FittedWindows(const char* operation, const Shape& x, const Location& where) {
    require<ShapeError>(x.rank() >= 2, operation, ": shape ", x, ": give [n, channels, ...]", where);
    const Index behind = Shape(x.begin() + 2, x.end()).size();
    windows.columns = axis(operation, x, behind, 1, where);
    map = {x[0] * x[1], behind, 1, x, {x[0], x[1]}};
  }

  pooling::AdaptiveWindows windows;
  PlaneMap map;

 private:
  static pooling::AdaptiveAxis axis(const char* operation, const Shape& x, Index from, Index to,
                                    const Location& where) {
    require<ValueError>(to >= 1 || to == -1, operation, ": the output's size ", to,
                        " must be at least 1, or -1 for the input's", where);
    require<ShapeError>(from >= 1, operation, ": shape ", x, " has nothing to pool", where);
    return {from, to == -1 ? from : to};
  }
};

/// The means of `size` windows that cover x [n, channels, length], or without n; -1 is x's own size. Gradient: dy
/// spread over the windows. Throws ValueError for a size below 1.
template <Expression X>
Tensor<typename X::Element> adaptive_avg_pool1d(const X& x, Index size, Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "adaptive_avg_pool1d of integers: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const FittedWindows over("adaptive_avg_pool1d", t.shape(), 1, size, where);
  return adaptive_average<T>({"adaptive_avg_pool1d", where}, t, over.windows, over.map);
}
/// The same of images: x [n, channels, rows, columns], or without n.
template <Expression X>
Tensor<typename X::Element> adaptive_avg_pool2d(const X& x, PlaneSizes size, Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "adaptive_avg_pool2d of integers: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const FittedWindows over("adaptive_avg_pool2d", t.shape(), 2, size, where);
  return adaptive_average<T>({"adaptive_avg_pool2d", where}, t, over.windows, over.map);
}
/// The largest numbers of `size` windows that cover x [n, channels, length], or without n; -1 is x's own size. A NaN
/// wins. Gradient: to the first that is largest. Throws ValueError for a size below 1.
template <Expression X>
Tensor<typename X::Element> adaptive_max_pool1d(const X& x, Index size, Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "adaptive_max_pool1d of integers: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const FittedWindows over("adaptive_max_pool1d", t.shape(), 1, size, where);
  return adaptive_maximum<T>({"adaptive_max_pool1d", where}, t, over.windows, over.map);
}
/// The same of images: x [n, channels, rows, columns], or without n.
template <Expression X>
Tensor<typename X::Element> adaptive_max_pool2d(const X& x, PlaneSizes size, Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "adaptive_max_pool2d of integers: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const FittedWindows over("adaptive_max_pool2d", t.shape(), 2, size, where);
  return adaptive_maximum<T>({"adaptive_max_pool2d", where}, t, over.windows, over.map);
}

/// The mean of every channel: [n, channels, ...] -> [n, channels]. Throws ShapeError where there is nothing to pool.
template <Expression X>
Tensor<typename X::Element> global_avg_pool(const X& x, Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "global_avg_pool of integers: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const FittedWindows over("global_avg_pool", t.shape(), where);
  return adaptive_average<T>({"global_avg_pool", where}, t, over.windows, over.map);
}
/// The largest number of every channel: [n, channels, ...] -> [n, channels]; as adaptive_max_pool1d to 1.
template <Expression X>
Tensor<typename X::Element> global_max_pool(const X& x, Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "global_max_pool of integers: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const FittedWindows over("global_max_pool", t.shape(), where);
  return adaptive_maximum<T>({"global_max_pool", where}, t, over.windows, over.map);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
