#pragma once

#include <cmath>

#include "../autograd/engine/compute.hpp"
#include "../autograd/engine/node.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../kernels/permuted.hpp"
#include "../kernels/pooling/upsample.hpp"
#include "plane_sizes.hpp"

// Sequences and images at another size. All of it is linear, and each operation the other's transpose.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// How numbers between those of x are made: of the nearest one, or on a line between two (along a sequence), or four
/// (in an image).
enum class UpsampleMode { nearest, linear, bilinear };

/// One factor for the rows and one for the columns of images: {2, 1.5}, or 2 for both; of sequences the columns'.
struct PlaneFactors {
  PlaneFactors() = default;
  PlaneFactors(double both) : rows(both), columns(both) {}
  PlaneFactors(double rows_, double columns_) : rows(rows_), columns(columns_) {}

  double rows = 0, columns = 0;  // 0: not given
};
/// Settings of upsample and Upsample: the size to make, or by how much it grows, one of them.
struct UpsampleOptions {
  PlaneSizes size = {};
  PlaneFactors scale_factor = {};  // the size becomes floor(factor * size)
  UpsampleMode mode = UpsampleMode::nearest;
  bool align_corners = false;  // linear, bilinear: the first and last numbers stay where they are
};

/// What one axis becomes.
struct ResampledAxis {
  Index size = 1, output = 1;
  double factor = 0;  // 0 where the size was given
};
struct Resampling {
  template <class T>
  static pooling::Interpolation<T> along(const ResampledAxis& axis, const Resampling& all) {
    if (!all.linear) return pooling::Interpolation<T>::nearest(axis.size, axis.output, axis.factor);
    return pooling::Interpolation<T>::linear(axis.size, axis.output, all.align_corners, axis.factor);
  }

  ResampledAxis rows, columns;
  bool linear, align_corners;
  Index planes;
  Shape from, to;
};

template <class T>
Tensor<T> resample(const OperationName& name, const Tensor<T>& x, const Resampling& all);
template <class T>
Tensor<T> resample_gradient(const OperationName& name, const Tensor<T>& dy, const Resampling& all) {
  const auto run = [all](T* to, const Tensor<T>& from) {
    pooling::upsample_gradient(kernel_access(from).numbers(), all.planes, Resampling::along<T>(all.rows, all),
                               Resampling::along<T>(all.columns, all), to);
  };
  return compute<T>("upsample_gradient", all.from, run,
                    with_respect_to(
                        dy, [=](const auto& again) { return resample(name, again, all); },
                        [=](const auto& again) { return resample_gradient(name, again, all); }));
}
template <class T>
Tensor<T> resample(const OperationName& name, const Tensor<T>& x, const Resampling& all) {
  const auto run = [all](T* to, const Tensor<T>& from) {
    pooling::upsample(kernel_access(from).numbers(), all.planes, Resampling::along<T>(all.rows, all),
                      Resampling::along<T>(all.columns, all), to);
  };
  return compute<T>(name, all.to, run,
                    with_respect_to(
                        x, [=](const auto& dy) { return resample_gradient(name, dy, all); },
                        [=](const auto& again) { return resample(name, again, all); }));
}

inline ResampledAxis resampled_axis(Index size, Index given, double factor, const char* axis, const Location& where) {
  constexpr double most = 1 << 24;
  require<ShapeError>(size >= 1, "upsample: there are no ", axis, " to make others of", where);
  if (given != PlaneSizes::none) {
    require<ValueError>(given >= 1, "upsample: the size ", given, " of ", axis, " must be at least 1", where);
    return {size, given, 0};
  }
  require<ValueError>(factor > 0 && factor <= most, "upsample: the factor ", factor, " of ", axis,
                      " must be above 0 and at most ", most, where);
  const Index output = static_cast<Index>(std::floor(static_cast<double>(size) * factor));
  require<ShapeError>(output >= 1, "upsample: of ", size, " ", axis, " a factor of ", factor, " leaves floor(", size,
                      " * ", factor, ") = 0: give a larger one", where);
  return {size, output, factor};
}
EIGENGRAD_OUTLINE inline Resampling plan_resampling(const Shape& x, const UpsampleOptions& options,
                                                    const Location& where) {
  const Index dimensions = x.rank() == 3 ? 1 : 2;
  require<ShapeError>(x.rank() == 3 || x.rank() == 4, "upsample: shape ", x,
                      ": give sequences [n, channels, length] or images [n, channels, rows, columns]", where);
  require<ValueError>(
      options.mode == UpsampleMode::nearest || (options.mode == UpsampleMode::linear) == (dimensions == 1),
      "upsample: shape ", x,
      dimensions == 1 ? " is of sequences: use UpsampleMode::linear" : " is of images: use UpsampleMode::bilinear",
      where);
  require<ValueError>(!options.align_corners || options.mode != UpsampleMode::nearest,
                      "upsample: align_corners has no meaning for the nearest number: choose another mode", where);
  require<ValueError>(options.size.given() != (options.scale_factor.columns != 0),
                      "upsample: give either a size or a scale_factor", where);
  const PlanesOf planes = planes_of("upsample", x, dimensions, where);
  Resampling all{{}, {}, options.mode != UpsampleMode::nearest, options.align_corners, planes.count, x, {}};
  if (dimensions == 2)
    all.rows = resampled_axis(planes.rows, options.size.rows, options.scale_factor.rows, "rows", where);
  all.columns = resampled_axis(planes.columns, options.size.columns, options.scale_factor.columns,
                               dimensions == 2 ? "columns" : "positions", where);
  all.to = with_planes(x, dimensions, all.rows.output, all.columns.output);
  return all;
}

/// Images [n, channels, rows, columns] or sequences [n, channels, length] at another size: upsample(x, {.scale_factor =
/// 2}), or {.size = {8, 8}, .mode = UpsampleMode::bilinear}. Gradient: what each number gave is added up. Throws
/// ShapeError for other shapes, ValueError for options that do not go together.
template <Expression X>
Tensor<typename X::Element> upsample(const X& x, const UpsampleOptions& options, Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "upsample of integers: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  return resample<T>({"upsample", where}, t, plan_resampling(t.shape(), options, where));
}

/// The axes of x, seen as [planes, factor, factor, rows, columns], as [planes, rows, factor, columns, factor], or back.
template <class T>
Tensor<T> deal_pixels(const Tensor<T>& x, const Shape& seen, const Shape& to, bool back, const Location& where) {
  static constexpr Index apart[] = {0, 3, 1, 4, 2}, together[] = {0, 2, 4, 1, 3};
  const Index* const order = back ? together : apart;
  const auto run = [=](T* numbers, const Tensor<T>& from) {
    if (from.size() > 0) PermutedCopy<T>(seen, order).copy(kernel_access(from).numbers(), numbers);
  };
  Shape then;  // the sizes as they are seen in the result
  for (Index k = 0; k < 5; ++k) then.push_back(seen[order[k]]);
  const OperationName name = back ? OperationName{"pixel_unshuffle", where} : OperationName{"pixel_shuffle", where};
  return compute<T>(name, to, run,
                    with_respect_to(
                        x, [=, from = x.shape()](const auto& dy) { return deal_pixels(dy, then, from, !back, where); },
                        [=](const auto& again) { return deal_pixels(again, seen, to, back, where); }));
}

/// Channels dealt out to pixels: [.., channels r r, rows, columns] -> [.., channels, rows r, columns r], as of a
/// sub-pixel convolution. Gradient: pixel_unshuffle. Shi and others: Real-time single image and video super-resolution,
/// 2016. Throws ShapeError for channels that r r does not divide.
template <Expression X>
Tensor<typename X::Element> pixel_shuffle(const X& x, Index factor, Location where = Location::current()) {
  using T = typename X::Element;
  const Tensor<T>& t = x.to_tensor();
  const Shape& from = t.shape();
  require<ValueError>(factor >= 1 && factor < 1 << 15, "pixel_shuffle: the factor ", factor, " must be at least 1",
                      where);
  const Index channels = from.rank() >= 3 ? from[from.rank() - 3] : 1;
  require<ShapeError>(from.rank() >= 3 && channels % (factor * factor) == 0, "pixel_shuffle: shape ", from,
                      ": give [.., channels, rows, columns] with channels that ", factor, " * ", factor, " divides",
                      where);
  const Index rows = from[from.rank() - 2], columns = from.back();
  Shape to(from.begin(), from.end() - 3);
  const Index planes = to.size() * (channels / (factor * factor));
  to = to + Shape{channels / (factor * factor), rows * factor, columns * factor};
  return deal_pixels<T>(t, {planes, factor, factor, rows, columns}, to, false, where);
}
/// The way back: [.., channels, rows r, columns r] -> [.., channels r r, rows, columns]. Throws ShapeError for rows or
/// columns that r does not divide.
template <Expression X>
Tensor<typename X::Element> pixel_unshuffle(const X& x, Index factor, Location where = Location::current()) {
  using T = typename X::Element;
  const Tensor<T>& t = x.to_tensor();
  const Shape& from = t.shape();
  require<ValueError>(factor >= 1 && factor < 1 << 15, "pixel_unshuffle: the factor ", factor, " must be at least 1",
                      where);
  require<ShapeError>(from.rank() >= 3 && from[from.rank() - 2] % factor == 0 && from.back() % factor == 0,
                      "pixel_unshuffle: shape ", from,
                      ": give [.., channels, rows, columns] with rows and columns that ", factor, " divides", where);
  const Index channels = from[from.rank() - 3], rows = from[from.rank() - 2] / factor, columns = from.back() / factor;
  Shape to(from.begin(), from.end() - 3);
  const Index planes = to.size() * channels;
  to = to + Shape{channels * factor * factor, rows, columns};
  return deal_pixels<T>(t, {planes, rows, factor, columns, factor}, to, true, where);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
