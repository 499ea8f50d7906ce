#pragma once

#include <cstdint>
#include <optional>

#include "../autograd/engine/compute.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../kernels/pooling/average_pool.hpp"
#include "../kernels/pooling/max_pool.hpp"
#include "../kernels/pooling/positions.hpp"
#include "plane_sizes.hpp"

// Pooling: the largest number, or the mean, of every window that slides over sequences or images.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of max_pool1d and MaxPool1d.
struct MaxPool1dOptions {
  std::optional<Index> stride = {};  // if none, the kernel: windows lie side by side
  Index padding = 0;                 // at most half the window; it never wins
  Index dilation = 1;
  bool ceil_mode = false;  // a last window that is not full counts too, if it begins before the padding on the right
};
/// Settings of max_pool2d and MaxPool2d; each number for rows and columns, as {2, 1}, or for both.
struct MaxPool2dOptions {
  PlaneSizes stride = {};  // if none, the kernel: windows lie side by side
  PlaneSizes padding = 0;  // at most half the window; it never wins
  PlaneSizes dilation = 1;
  bool ceil_mode = false;  // a last window that is not full counts too, if it begins before the padding on the right
};
/// Settings of avg_pool1d and AvgPool1d.
struct AvgPool1dOptions {
  std::optional<Index> stride = {};  // if none, the kernel: windows lie side by side
  Index padding = 0;                 // at most half the window
  bool ceil_mode = false;         // a last window that is not full counts too, if it begins before the padding's right
  bool count_include_pad = true;  // whether padding counts as zeros; what ceil_mode adds never does
};
/// Settings of avg_pool2d and AvgPool2d; each number for rows and columns, as {2, 1}, or for both.
struct AvgPool2dOptions {
  PlaneSizes stride = {};         // if none, the kernel: windows lie side by side
  PlaneSizes padding = 0;         // at most half the window
  bool ceil_mode = false;         // a last window that is not full counts too, if it begins before the padding's right
  bool count_include_pad = true;  // whether padding counts as zeros; what ceil_mode adds never does
  std::optional<Index> divisor_override = {};  // what every sum is divided by, in place of how many numbers it has
};

/// Planes that become planes of another size: x of shape `from`, y of shape `to`.
struct PlaneMap {
  Index planes, inputs, outputs;
  Shape from, to;
};

/// dy added up where the numbers of y stood, or for tangents those numbers of x: each is the other's gradient.
template <class T>
Tensor<T> max_pool_gradient(const Tensor<T>& dy, const Tensor<std::int32_t>& places, const PlaneMap& map);
template <class T>
Tensor<T> take_places(const Tensor<T>& x, const Tensor<std::int32_t>& places, const PlaneMap& map) {
  const auto run = [=](T* to, const Tensor<T>& from, const Tensor<std::int32_t>& at) {
    pooling::gather_positions(kernel_access(from).numbers(), kernel_access(at).numbers(), map.planes, map.inputs,
                              map.outputs, to);
  };
  return compute<T>("take_places", map.to, run,
                    with_respect_to(
                        x, [=](const auto& dy) { return max_pool_gradient(dy, places, map); },
                        [=](const auto& again) { return take_places(again, places, map); }),
                    places);
}
template <class T>
Tensor<T> max_pool_gradient(const Tensor<T>& dy, const Tensor<std::int32_t>& places, const PlaneMap& map) {
  const auto run = [=](T* to, const Tensor<T>& from, const Tensor<std::int32_t>& at) {
    pooling::scatter_positions(kernel_access(from).numbers(), kernel_access(at).numbers(), map.planes, map.inputs,
                               map.outputs, to);
  };
  return compute<T>("max_pool_gradient", map.from, run,
                    with_respect_to(
                        dy, [=](const auto& again) { return take_places(again, places, map); },
                        [=](const auto& again) { return max_pool_gradient(again, places, map); }),
                    places);
}
/// find(x, planes, y, places) writes the largest numbers and where they stand.
template <class T, class Find>
Tensor<T> largest_of_windows(const OperationName& name, const Tensor<T>& x, const PlaneMap& map, const Find& find) {
  // Places are only kept for the gradient.
  const bool recorded = is_real<T> && records(name.name, x);
  const Tensor<std::int32_t> places = recorded ? Tensor<std::int32_t>::empty(map.to) : Tensor<std::int32_t>();
  const auto run = [find, planes = map.planes](T* to, const Tensor<T>& from, std::int32_t* at) {
    find(kernel_access(from).numbers(), planes, to, at);
  };
  return compute<T>(name, map.to, run,
                    with_respect_to(
                        x, [=](const auto& dy) { return max_pool_gradient(dy, places, map); },
                        [=](const auto& again) { return take_places(again, places, map); }),
                    extra_output(places));
}

template <class T>
Tensor<T> avg_pool(const OperationName& name, const Tensor<T>& x, const pooling::Windows& windows,
                   const pooling::AverageOptions& options, const PlaneMap& map);
template <class T>
Tensor<T> avg_pool_gradient(const OperationName& name, const Tensor<T>& dy, const pooling::Windows& windows,
                            const pooling::AverageOptions& options, const PlaneMap& map) {
  const auto run = [=, planes = map.planes](T* to, const Tensor<T>& from) {
    pooling::AveragePool<T>::gradient(kernel_access(from).numbers(), planes, windows, options, to);
  };
  return compute<T>("avg_pool_gradient", map.from, run,
                    with_respect_to(
                        dy, [=](const auto& again) { return avg_pool(name, again, windows, options, map); },
                        [=](const auto& again) { return avg_pool_gradient(name, again, windows, options, map); }));
}
template <class T>
Tensor<T> avg_pool(const OperationName& name, const Tensor<T>& x, const pooling::Windows& windows,
                   const pooling::AverageOptions& options, const PlaneMap& map) {
  const auto run = [=, planes = map.planes](T* to, const Tensor<T>& from) {
    pooling::AveragePool<T>::run(kernel_access(from).numbers(), planes, windows, options, to);
  };
  return compute<T>(name, map.to, run,
                    with_respect_to(
                        x, [=](const auto& dy) { return avg_pool_gradient(name, dy, windows, options, map); },
                        [=](const auto& again) { return avg_pool(name, again, windows, options, map); }));
}

/// The windows over x, and the shapes before and after.
struct SlidingWindows {
  SlidingWindows(const char* operation, const Shape& x, Index dimensions, const pooling::WindowOptions& rows,
                 const pooling::WindowOptions& columns, const Location& where) {
    const PlanesOf planes = planes_of(operation, x, dimensions, where);
    if (dimensions == 2) windows.rows = pooling::windows_along(operation, "rows", planes.rows, rows, where);
    windows.columns =
        pooling::windows_along(operation, dimensions == 2 ? "columns" : "positions", planes.columns, columns, where);
    map = {planes.count, windows.inputs(), windows.outputs(), x,
           with_planes(x, dimensions, windows.rows.output, windows.columns.output)};
  }

  pooling::Windows windows;
  PlaneMap map;
};

/// The largest number of every window: x [n, channels, length], or without n. A NaN wins. Gradient: to the first that
/// is largest. Throws ShapeError for a length without a window, ValueError for impossible options.
template <Expression X>
Tensor<typename X::Element> max_pool1d(const X& x, Index kernel, const MaxPool1dOptions& options = {},
                                       Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "max_pool1d of integers: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const SlidingWindows over(
      "max_pool1d", t.shape(), 1, {},
      {kernel, options.stride.value_or(kernel), options.padding, options.dilation, options.ceil_mode}, where);
  return largest_of_windows<T>({"max_pool1d", where}, t, over.map,
                               [windows = over.windows](const T* from, Index planes, T* to, std::int32_t* places) {
                                 pooling::MaxPool<T>::run(from, planes, windows, to, places);
                               });
}
/// The same of images: x [n, channels, rows, columns], or without n.
template <Expression X>
Tensor<typename X::Element> max_pool2d(const X& x, PlaneSizes kernel, const MaxPool2dOptions& options = {},
                                       Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "max_pool2d of integers: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const PlaneSizes stride = options.stride.or_else(kernel);
  const SlidingWindows over(
      "max_pool2d", t.shape(), 2,
      {kernel.rows, stride.rows, options.padding.rows, options.dilation.rows, options.ceil_mode},
      {kernel.columns, stride.columns, options.padding.columns, options.dilation.columns, options.ceil_mode}, where);
  return largest_of_windows<T>({"max_pool2d", where}, t, over.map,
                               [windows = over.windows](const T* from, Index planes, T* to, std::int32_t* places) {
                                 pooling::MaxPool<T>::run(from, planes, windows, to, places);
                               });
}

/// The mean of every window: x [n, channels, length], or without n. Gradient: dy spread over the windows. Throws
/// ShapeError for a length without a window, ValueError for impossible options.
template <Expression X>
Tensor<typename X::Element> avg_pool1d(const X& x, Index kernel, const AvgPool1dOptions& options = {},
                                       Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "avg_pool1d of integers: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const SlidingWindows over("avg_pool1d", t.shape(), 1, {},
                            {kernel, options.stride.value_or(kernel), options.padding, 1, options.ceil_mode}, where);
  return avg_pool<T>({"avg_pool1d", where}, t, over.windows, {options.count_include_pad, 0}, over.map);
}
/// The same of images: x [n, channels, rows, columns], or without n.
template <Expression X>
Tensor<typename X::Element> avg_pool2d(const X& x, PlaneSizes kernel, const AvgPool2dOptions& options = {},
                                       Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "avg_pool2d of integers: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const PlaneSizes stride = options.stride.or_else(kernel);
  const SlidingWindows over("avg_pool2d", t.shape(), 2,
                            {kernel.rows, stride.rows, options.padding.rows, 1, options.ceil_mode},
                            {kernel.columns, stride.columns, options.padding.columns, 1, options.ceil_mode}, where);
  require<ValueError>(options.divisor_override != Index{0}, "avg_pool2d: the divisor is 0", where);
  return avg_pool<T>({"avg_pool2d", where}, t, over.windows,
                     {options.count_include_pad, options.divisor_override.value_or(0)}, over.map);
}

// Compiled: Tensor<T> avg_pool(const OperationName&, const Tensor<T>&, const pooling::Windows&, const
//   pooling::AverageOptions&, const PlaneMap&)
// Compiled: Tensor<T> max_pool2d(const Tensor<T>&, PlaneSizes, const MaxPool2dOptions&, Location)
}}  // namespace eigengrad::EIGENGRAD_ABI
