#pragma once

#include <algorithm>

#include "../../config.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// One axis of a convolution: place o of the output reads the input at o * stride - before + k * dilation for every k
/// of the kernel; what lies outside is 0.
struct ConvolutionAxis {
  Index input = 1, kernel = 1, stride = 1, before = 0, after = 0, dilation = 1;

  /// How far the kernel reaches: (kernel - 1) * dilation + 1.
  Index extent() const { return (kernel - 1) * dilation + 1; }
  /// floor((input + before + after - extent) / stride) + 1; 0 where the kernel does not fit.
  Index output() const {
    const Index room = input + before + after - extent();
    return room < 0 ? 0 : room / stride + 1;
  }
  /// Whether sizes and steps are such as the kernels work with: nothing negative, a kernel, steps of at least 1.
  bool valid() const { return input >= 0 && kernel >= 1 && stride >= 1 && before >= 0 && after >= 0 && dilation >= 1; }
};

/// A convolution of x [images, channels, rows.input, columns.input] by weight [outputs, channels / groups, rows.kernel,
/// columns.kernel] to y [images, outputs, rows.output(), columns.output()]. In one dimension there is one row.
struct ConvolutionShape {
  Index images = 1, channels = 1, outputs = 1, groups = 1;
  ConvolutionAxis rows, columns;

  Index group_channels() const { return channels / groups; }
  Index group_outputs() const { return outputs / groups; }
  Index taps() const { return rows.kernel * columns.kernel; }
  Index input_plane() const { return rows.input * columns.input; }
  Index output_plane() const { return rows.output() * columns.output(); }
  Index weights() const { return outputs * group_channels() * taps(); }
  /// Products of two numbers in all.
  Index products() const { return images * output_plane() * weights(); }
  /// One group of one image.
  ConvolutionShape of_one_group() const { return {1, group_channels(), group_outputs(), 1, rows, columns}; }
  bool valid() const {
    return images >= 0 && channels >= 1 && outputs >= 1 && groups >= 1 && channels % groups == 0 &&
           outputs % groups == 0 && rows.valid() && columns.valid();
  }
};

/// A function with what it is told, done in place to every stretch of a result once that is written.
template <class T>
struct Finish {
  void (*run)(const void* setting, T* numbers, Index count) = nullptr;
  const void* setting = nullptr;

  explicit operator bool() const { return run != nullptr; }
  void operator()(T* numbers, Index count) const { run(setting, numbers, count); }
};

/// What may ride along with a convolution.
template <class T>
struct ConvolutionExtras {
  const T* bias = nullptr;   // one number for each channel of the result
  const T* scale = nullptr;  // the result's channels are multiplied by it, before the bias
  Finish<T> finish = {};
  bool room = false;  // every lane that begins inside what is read can be read whole, as in a tensor's own memory
};

// Compiled: struct ConvolutionExtras<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
