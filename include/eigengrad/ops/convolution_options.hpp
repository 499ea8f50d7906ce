#pragma once

#include <algorithm>
#include <concepts>
#include <string_view>

#include "../core/error.hpp"
#include "../core/shape.hpp"
#include "../core/size.hpp"
#include "../kernels/convolution/shape.hpp"
#include "pad.hpp"

// What convolutions can be told, and what sizes follow from it.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// One number for all axes of an image, or one for each: 3, or {3, 5} for rows and columns.
template <int axes>
struct PerAxis {
  template <std::integral Size>
  constexpr PerAxis(Size all) {
    for (Index& size : sizes) size = static_cast<Index>(all);
  }
  constexpr PerAxis(Index rows, Index columns)
    requires(axes == 2)
      : sizes{rows, columns} {}

  Index sizes[extent(axes)];
};

/// What is added on both sides of an image: numbers as PerAxis, "same", so that a convolution of stride 1 keeps the
/// size (of an odd number, one more at the end), or "valid", nothing.
template <int axes>
struct ConvolutionPadding {
  template <std::integral Size>
  constexpr ConvolutionPadding(Size all) : numbers(all) {}
  constexpr ConvolutionPadding(Index rows, Index columns)
    requires(axes == 2)
      : numbers(rows, columns) {}
  ConvolutionPadding(const char* word, Location where = Location::current())
      : same(std::string_view(word) == "same"), numbers(0) {
    require<ValueError>(same || std::string_view(word) == "valid", "convolution: padding \"", word,
                        "\" is not known: give numbers, \"same\" or \"valid\"", where);
  }

  bool same = false;
  PerAxis<axes> numbers;
};

/// Settings of conv1d and conv2d.
template <int axes>
struct ConvolutionOptions {
  PerAxis<axes> stride = 1;
  ConvolutionPadding<axes> padding = 0;
  PerAxis<axes> dilation = 1;
  Index groups = 1;
  PaddingMode padding_mode = PaddingMode::zeros;
};
/// Settings of conv_transpose1d and conv_transpose2d. `output_padding` makes the result longer at its end, to choose
/// among the sizes that a stride leaves open.
template <int axes>
struct TransposedOptions {
  PerAxis<axes> stride = 1;
  PerAxis<axes> padding = 0;
  PerAxis<axes> output_padding = 0;
  PerAxis<axes> dilation = 1;
  Index groups = 1;
};

/// The same for any of the four.
struct ConvolutionSettings {
  template <int count>
  explicit ConvolutionSettings(const ConvolutionOptions<count>& options)
      : axes(count), same(options.padding.same), groups(options.groups), mode(options.padding_mode) {
    set(options.stride, &Axis::stride);
    set(options.padding.numbers, &Axis::padding);
    set(options.dilation, &Axis::dilation);
  }
  template <int count>
  explicit ConvolutionSettings(const TransposedOptions<count>& options)
      : axes(count), transposed(true), groups(options.groups) {
    set(options.stride, &Axis::stride);
    set(options.padding, &Axis::padding);
    set(options.output_padding, &Axis::output_padding);
    set(options.dilation, &Axis::dilation);
  }

  struct Axis {
    Index stride = 1, padding = 0, dilation = 1, output_padding = 0;
  };
  const char* name() const {
    if (transposed) return axes == 1 ? "conv_transpose1d" : "conv_transpose2d";
    return axes == 1 ? "conv1d" : "conv2d";
  }
  /// Rows and columns; of one axis the columns.
  const Axis& axis(int i) const { return axis_[i]; }

  int axes;
  bool transposed = false, same = false;
  Index groups;
  PaddingMode mode = PaddingMode::zeros;

 private:
  template <int count>
  void set(const PerAxis<count>& from, Index Axis::* to) {
    for (int i = 0; i < count; ++i) axis_[2 - count + i].*to = from.sizes[i];
  }

  Axis axis_[2];
};

/// No size or setting is larger, so that products of two can be counted.
inline constexpr Index largest_convolution_size = (Index{1} << 31) - 1;

/// Throws ValueError, naming `who`, for settings that no convolution has.
EIGENGRAD_OUTLINE inline void require_settings(const ConvolutionSettings& s, const char* who, const Location& where) {
  constexpr Index most = largest_convolution_size;
  require<ValueError>(s.groups >= 1 && s.groups <= most, who, ": groups = ", s.groups, " must be between 1 and ", most,
                      where);
  for (int i = 2 - s.axes; i < 2; ++i) {
    const ConvolutionSettings::Axis& axis = s.axis(i);
    require<ValueError>(axis.stride >= 1 && axis.stride <= most, who, ": stride ", axis.stride,
                        " must be between 1 and ", most, where);
    require<ValueError>(axis.dilation >= 1 && axis.dilation <= most, who, ": dilation ", axis.dilation,
                        " must be between 1 and ", most, where);
    require<ValueError>(axis.padding >= 0 && axis.padding <= most, who, ": padding ", axis.padding,
                        " must be between 0 and ", most, where);
    require<ValueError>(axis.output_padding >= 0 && (axis.output_padding == 0 || axis.output_padding < axis.stride ||
                                                     axis.output_padding < axis.dilation),
                        who, ": output_padding ", axis.output_padding, " must be less than the stride ", axis.stride,
                        " or the dilation ", axis.dilation, where);
    require<ValueError>(!s.same || axis.stride == 1, who, ": padding \"same\" needs stride 1, not ", axis.stride,
                        ": give the padding as numbers", where);
  }
}

/// What a convolution of x and weight computes: its geometry for the kernels, and the result's shape. Where it is
/// transposed, the geometry is that of the convolution whose input's gradient it is.
struct ConvolutionPlan {
  ConvolutionShape geometry;
  Shape result;
};

/// A kernel's axis with its padding; for `same`, of stride 1, so much that the size stays.
inline ConvolutionAxis convolution_axis(const ConvolutionSettings::Axis& axis, bool same, Index size, Index kernel) {
  ConvolutionAxis result{size, kernel, axis.stride, axis.padding, axis.padding, axis.dilation};
  if (same) {
    result.before = (result.extent() - 1) / 2;
    result.after = result.extent() - 1 - result.before;
  }
  return result;
}
/// The axis of which a transposed convolution is the input's gradient: its input is the result's, of negative size
/// where there is none.
inline ConvolutionAxis transposed_axis(const ConvolutionSettings::Axis& axis, Index size, Index kernel) {
  ConvolutionAxis result{0, kernel, axis.stride, axis.padding, 0, axis.dilation};
  result.input = (size - 1) * axis.stride - 2 * axis.padding + result.extent() + axis.output_padding;
  // So much that its result has `size` again; negative where more places at the end are in no product than the stride
  // would leave out.
  const Index least = axis.padding - axis.output_padding;
  result.after = (std::max)(least, std::min<Index>(0, least + axis.stride - 1));
  return result;
}

[[noreturn]] EIGENGRAD_COLD inline void fail_sizes(const ConvolutionSettings& s, const Shape& x, const Shape& weight,
                                                   int i, Index size, Index kernel, const Location& where) {
  const ConvolutionSettings::Axis& axis = s.axis(i);
  const char* const along = s.axes == 1 ? "numbers" : i == 0 ? "rows" : "columns";
  if (s.transposed)
    fail<ShapeError>(s.name(), ": x is ", x, ", weight is ", weight, ": there would be (", size, " - 1) * ",
                     axis.stride, " - 2 * ", axis.padding, " + ", axis.dilation, " * (", kernel, " - 1) + ",
                     axis.output_padding, " + 1 = ", transposed_axis(axis, size, kernel).input, " ", along,
                     ": give less padding, or more to x", where);
  const ConvolutionAxis whole = convolution_axis(axis, false, size, kernel);
  const Index room = size + 2 * axis.padding - whole.extent();
  fail<ShapeError>(s.name(), ": x is ", x, ", weight is ", weight, ": there would be floor((", size, " + 2 * ",
                   axis.padding, " - ", axis.dilation, " * (", kernel, " - 1) - 1) / ", axis.stride,
                   ") + 1 = ", room < 0 ? -((-room + axis.stride - 1) / axis.stride) + 1 : room / axis.stride + 1, " ",
                   along, ": give more padding, or a smaller kernel or dilation", where);
}

/// Throws ShapeError, naming all shapes, and where sizes do not fit the formula of the result's. Settings were found
/// good before.
EIGENGRAD_OUTLINE inline ConvolutionPlan plan_convolution(const ConvolutionSettings& s, const Shape& x,
                                                          const Shape& weight, const Shape& bias,
                                                          const Location& where) {
  const int axes = s.axes;
  const bool batched = x.rank() == axes + 2;
  require<ShapeError>((batched || x.rank() == axes + 1) && weight.rank() == axes + 2, s.name(), ": x is ", x,
                      ", weight is ", weight,
                      axes == 1 ? ": x must be [n, channels, size]" : ": x must be [n, channels, rows, columns]",
                      " or the same without n, and the weight ",
                      s.transposed ? "[channels, outputs / groups, " : "[outputs, channels / groups, ",
                      axes == 1 ? "kernel]" : "kernel rows, kernel columns]", where);
  const Index channels = x[batched ? 1 : 0], inner = s.transposed ? weight[0] : channels;
  require<ShapeError>(channels >= 1 && weight[0] >= 1 && weight[1] >= 1 && weight[1] <= largest_convolution_size &&
                          inner % s.groups == 0 && weight[0] % s.groups == 0 &&
                          (s.transposed ? inner : inner / s.groups) == (s.transposed ? channels : weight[1]),
                      s.name(), ": x is ", x, ", weight is ", weight, ", groups = ", s.groups,
                      s.transposed ? ": the weight's first size must be x's channels"
                                   : ": the weight's second size must be x's channels / groups, its first outputs",
                      ", a multiple of the groups", where);
  const Index outputs = s.transposed ? weight[1] * s.groups : weight[0];
  require<ShapeError>(bias.size() == 0 || (bias.rank() == 1 && bias[0] == outputs), s.name(), ": x is ", x,
                      ", weight is ", weight, ", bias is ", bias, ": the bias must be [", outputs, "]", where);
  ConvolutionAxis axis[2];
  for (int i = 2 - axes; i < 2; ++i) {
    const Index size = x[x.rank() - 2 + i], kernel = weight[axes + i];
    require<ShapeError>(
        size >= 1 && kernel >= 1 && (std::max)({size, kernel, channels, outputs}) <= largest_convolution_size, s.name(),
        ": x is ", x, ", weight is ", weight, ": only the batch may be empty, and no axis longer than ",
        largest_convolution_size, where);
    axis[i] =
        s.transposed ? transposed_axis(s.axis(i), size, kernel) : convolution_axis(s.axis(i), s.same, size, kernel);
    if ((s.transposed ? axis[i].input : axis[i].output()) < 1) [[unlikely]]
      fail_sizes(s, x, weight, i, size, kernel, where);
  }
  const auto padded = [](const ConvolutionAxis& a) { return static_cast<double>(a.input + a.before + a.after); };
  require<ShapeError>(padded(axis[0]) * padded(axis[1]) * static_cast<double>(channels) < 1e18, s.name(), ": x is ", x,
                      ", weight is ", weight, ": with its padding, one image has more numbers than can be indexed",
                      where);
  ConvolutionPlan plan{{batched ? x[0] : 1, s.transposed ? outputs : channels, s.transposed ? channels : outputs,
                        s.groups, axis[0], axis[1]},
                       {}};
  if (batched) plan.result.push_back(x[0]);
  plan.result.push_back(outputs);
  for (int i = 2 - axes; i < 2; ++i) plan.result.push_back(s.transposed ? axis[i].input : axis[i].output());
  return plan;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
