#pragma once

#include "../autograd/engine/compute.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../kernels/pooling/unfold.hpp"
#include "plane_sizes.hpp"

// All windows of images as columns, and columns added up to images: each is the other's transpose.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of unfold and fold; each number for rows and columns, as {2, 1}, or for both.
struct UnfoldOptions {
  PlaneSizes stride = 1;
  PlaneSizes padding = 0;  // zeros
  PlaneSizes dilation = 1;
};

/// Images of n channels and their windows' columns.
struct UnfoldPlan {
  pooling::Windows windows;
  Index planes;
  Shape images, columns;
};

template <class T>
Tensor<T> fold_planes(const Tensor<T>& x, const UnfoldPlan& plan, const Location& where);
template <class T>
Tensor<T> unfold_planes(const Tensor<T>& x, const UnfoldPlan& plan, const Location& where) {
  const auto run = [plan](T* to, const Tensor<T>& from) {
    pooling::unfold_planes(kernel_access(from).numbers(), plan.planes, plan.windows, to);
  };
  return compute<T>({"unfold", where}, plan.columns, run,
                    with_respect_to(
                        x, [=](const auto& dy) { return fold_planes(dy, plan, where); },
                        [=](const auto& again) { return unfold_planes(again, plan, where); }));
}
template <class T>
Tensor<T> fold_planes(const Tensor<T>& x, const UnfoldPlan& plan, const Location& where) {
  const auto run = [plan](T* to, const Tensor<T>& from) {
    pooling::fold_planes(kernel_access(from).numbers(), plan.planes, plan.windows, to);
  };
  return compute<T>({"fold", where}, plan.images, run,
                    with_respect_to(
                        x, [=](const auto& dy) { return unfold_planes(dy, plan, where); },
                        [=](const auto& again) { return fold_planes(again, plan, where); }));
}

/// As for pooling, but padding may be larger than a window.
inline pooling::WindowAxis unfolded_axis(const char* operation, const char* axis, Index size, Index kernel,
                                         Index stride, Index padding, Index dilation, const Location& where) {
  constexpr Index most = (Index{1} << 31) - 1;
  require<ValueError>(kernel >= 1 && stride >= 1 && dilation >= 1 && padding >= 0, operation, ": kernel ", kernel,
                      ", stride ", stride, " and dilation ", dilation, " must be at least 1 and padding ", padding,
                      " at least 0 (", axis, ")", where);
  require<ValueError>(kernel <= most && stride <= most && dilation <= most && padding <= most && size <= most,
                      operation, ": size ", size, ", kernel ", kernel, ", stride ", stride, ", padding ", padding,
                      " or dilation ", dilation, " is too large (at most ", most, ")", where);
  pooling::WindowAxis result{size, kernel, stride, padding, dilation, 0};
  const Index room = size + 2 * padding - result.reach();
  result.output = room < 0 ? 0 : room / stride + 1;
  require<ShapeError>(size >= 1 && result.output >= 1, operation, ": no window of ", kernel, " with dilation ",
                      dilation, " fits into ", size, " ", axis, " with padding ", padding,
                      ": there would be floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1 = ",
                      result.output, where);
  return result;
}
inline pooling::Windows unfolded_windows(const char* operation, Index rows, Index columns, const PlaneSizes& kernel,
                                         const UnfoldOptions& options, const Location& where) {
  const auto& [stride, padding, dilation] = options;
  return {unfolded_axis(operation, "rows", rows, kernel.rows, stride.rows, padding.rows, dilation.rows, where),
          unfolded_axis(operation, "columns", columns, kernel.columns, stride.columns, padding.columns,
                        dilation.columns, where)};
}

/// Every window as a column: x [n, channels, rows, columns] -> [n, channels k, windows], where a kernel has k numbers;
/// or both without n. Gradient: fold. Throws ShapeError where no window fits, ValueError for impossible options.
template <Expression X>
Tensor<typename X::Element> unfold(const X& x, PlaneSizes kernel, const UnfoldOptions& options = {},
                                   Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "unfold of integers: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const Shape& from = t.shape();
  const PlanesOf planes = planes_of("unfold", from, 2, where);
  const pooling::Windows windows = unfolded_windows("unfold", planes.rows, planes.columns, kernel, options, where);
  Shape to(from.begin(), from.end() - 3);
  to = to + Shape{from[from.rank() - 3] * kernel.rows * kernel.columns, windows.outputs()};
  return unfold_planes<T>(t, {windows, planes.count, from, to}, where);
}

/// Images of `size` of which these are the windows, added up where they lie on each other: x [n, channels k, windows]
/// -> [n, channels, rows, columns]; or both without n. Gradient: unfold. Throws ShapeError where k or the windows'
/// number does not fit, ValueError for impossible options.
template <Expression X>
Tensor<typename X::Element> fold(const X& x, PlaneSizes size, PlaneSizes kernel, const UnfoldOptions& options = {},
                                 Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "fold of integers: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const Shape& from = t.shape();
  const pooling::Windows windows = unfolded_windows("fold", size.rows, size.columns, kernel, options, where);
  const Index taps = kernel.rows * kernel.columns;
  require<ShapeError>(
      (from.rank() == 2 || from.rank() == 3) && from[from.rank() - 2] % taps == 0 && from.back() == windows.outputs(),
      "fold: shape ", from, ": give [n, channels * ", taps, ", ", windows.outputs(), "], or without n: a window has ",
      kernel.rows, " * ", kernel.columns, " numbers, and images of ", size.rows, " x ", size.columns, " have ",
      windows.rows.output, " * ", windows.columns.output, " windows", where);
  const Index channels = from[from.rank() - 2] / taps;
  Shape to(from.begin(), from.end() - 2);
  const Index planes = to.size() * channels;
  to = to + Shape{channels, size.rows, size.columns};
  return fold_planes<T>(t, {windows, planes, to, from}, where);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
