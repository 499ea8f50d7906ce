#pragma once

#include <algorithm>
#include <cmath>

#include "../../autograd/engine/node.hpp"
#include "../../autograd/parameter.hpp"
#include "../../core/generator.hpp"
#include "../../core/shape.hpp"
#include "../../core/tensor.hpp"
#include "../../formula/pointwise.hpp"
#include "../../ops/convolution.hpp"
#include "../../ops/convolution_options.hpp"
#include "../../ops/convolution_record.hpp"
#include "../../ops/pad.hpp"
#include "../module/init.hpp"
#include "../module/layer.hpp"
#include "../module/module.hpp"

// Convolutional layers.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of Conv1d and Conv2d: {.padding = 2}, {.padding = "same"}, {.stride = {2, 1}, .bias = false}.
template <int axes>
struct ConvolutionLayerOptions {
  PerAxis<axes> stride = 1;
  ConvolutionPadding<axes> padding = 0;
  PerAxis<axes> dilation = 1;
  Index groups = 1;
  PaddingMode padding_mode = PaddingMode::zeros;
  bool bias = true;

  explicit operator ConvolutionSettings() const {
    return ConvolutionSettings(ConvolutionOptions<axes>{stride, padding, dilation, groups, padding_mode});
  }
};
/// Settings of ConvTranspose1d and ConvTranspose2d.
template <int axes>
struct TransposedLayerOptions {
  PerAxis<axes> stride = 1;
  PerAxis<axes> padding = 0;
  PerAxis<axes> output_padding = 0;
  PerAxis<axes> dilation = 1;
  Index groups = 1;
  bool bias = true;

  explicit operator ConvolutionSettings() const {
    return ConvolutionSettings(TransposedOptions<axes>{stride, padding, output_padding, dilation, groups});
  }
};

/// What the four have in common: weight, bias, and the record they make, with the function of an activation behind them
/// in it.
template <class T>
class ConvolutionLayer : public Layer<T> {
 public:
  Tensor<T> forward(const Tensor<T>& x) override { return apply(x, nullptr); }
  Tensor<T> forward_then(const Tensor<T>& x, const Pointwise<T>& then) override { return apply(x, &then); }
  void members(Members<T>& m) override {
    m("weight", weight);
    if (has_bias()) m("bias", bias);
  }
  void reinitialize(const WeightInitializer<T>& initializer) override {
    if (weight.is_fresh()) weight.draw(initializer);
  }
  bool has_bias() const { return bias.size() > 0; }
  const ConvolutionSettings& settings() const { return settings_; }

  Parameter<T> weight;
  Parameter<T> bias;

 protected:
  template <int axes, class Options>
  ConvolutionLayer(const char* kind, Index in, Index out, const PerAxis<axes>& kernel, const Options& options,
                   Generator& generator)
      : settings_(options) {
    initialize(kind, in, out, kernel.sizes, options.bias, generator);
  }

 private:
  EIGENGRAD_OUTLINE Tensor<T> apply(const Tensor<T>& x, const Pointwise<T>* then) {
    const OperationName name(settings_.name(), calling_line());
    const Appearance<T> w = weight.appear(name.name);
    return convolve(name, settings_, appearance_of(x, name.name), w,
                    has_bias() ? bias.appear(name.name) : Appearance<T>{bias.value(), nullptr}, then);
  }
  EIGENGRAD_COLD void initialize(const char* kind, Index in, Index out, const Index* kernel, bool biased,
                                 Generator& generator) {
    require_settings(settings_, kind, {});
    const Index groups = settings_.groups;
    require<ValueError>(in >= 1 && out >= 1 && in % groups == 0 && out % groups == 0, kind, ": ", in, " and ", out,
                        " channels must be positive multiples of groups = ", groups);
    Shape shape = settings_.transposed ? Shape{in, out / groups} : Shape{out, in / groups};
    for (int i = 0; i < settings_.axes; ++i) {
      require<ValueError>(kernel[i] >= 1 && kernel[i] <= largest_convolution_size, kind, ": kernel size ", kernel[i],
                          " must be between 1 and ", largest_convolution_size);
      shape.push_back(kernel[i]);
    }
    const double bound = 1 / std::sqrt(init::Fans(shape).in);
    weight.initialize_as(shape, {&init::uniform_within<T>, bound}, generator);
    if (biased) bias.initialize_as({out}, {&init::uniform_within<T>, bound}, generator);
  }

  ConvolutionSettings settings_;
};

/// conv1d as a layer: [n, in, size] -> [n, out, ...], or both without n. The weight is [out, in / groups, kernel]; it
/// starts uniform in +-1 / sqrt(in / groups * kernel), or as the activation after it prefers in a Sequential; the bias
/// uniform in the same bounds. Throws ValueError for settings.
template <class T>
class Conv1d : public ConvolutionLayer<T> {
 public:
  EIGENGRAD_COLD Conv1d(Index in, Index out, PerAxis<1> kernel, ConvolutionLayerOptions<1> options = {},
                        Generator& generator = default_generator())
      : ConvolutionLayer<T>("Conv1d", in, out, kernel, options, generator) {}
  std::string kind() const override { return "Conv1d"; }
};
/// conv2d as a layer: [n, in, rows, columns] -> [n, out, ...]: Conv2d<T>(1, 6, 5, {.padding = 2}). The weight is [out,
/// in / groups, rows, columns]; starts and errors as Conv1d's.
template <class T>
class Conv2d : public ConvolutionLayer<T> {
 public:
  EIGENGRAD_COLD Conv2d(Index in, Index out, PerAxis<2> kernel, ConvolutionLayerOptions<2> options = {},
                        Generator& generator = default_generator())
      : ConvolutionLayer<T>("Conv2d", in, out, kernel, options, generator) {}
  std::string kind() const override { return "Conv2d"; }
};
/// conv_transpose1d as a layer: [n, in, size] -> [n, out, ...]. The weight is [in, out / groups, kernel]; both start
/// uniform in +-1 / sqrt(out / groups * kernel), as in PyTorch. Errors as Conv1d's.
template <class T>
class ConvTranspose1d : public ConvolutionLayer<T> {
 public:
  EIGENGRAD_COLD ConvTranspose1d(Index in, Index out, PerAxis<1> kernel, TransposedLayerOptions<1> options = {},
                                 Generator& generator = default_generator())
      : ConvolutionLayer<T>("ConvTranspose1d", in, out, kernel, options, generator) {}
  std::string kind() const override { return "ConvTranspose1d"; }
};
/// conv_transpose2d as a layer: [n, in, rows, columns] -> [n, out, ...]. The weight is [in, out / groups, rows,
/// columns]; starts and errors as ConvTranspose1d's.
template <class T>
class ConvTranspose2d : public ConvolutionLayer<T> {
 public:
  EIGENGRAD_COLD ConvTranspose2d(Index in, Index out, PerAxis<2> kernel, TransposedLayerOptions<2> options = {},
                                 Generator& generator = default_generator())
      : ConvolutionLayer<T>("ConvTranspose2d", in, out, kernel, options, generator) {}
  std::string kind() const override { return "ConvTranspose2d"; }
};

// Compiled: class ConvolutionLayer<T>
// Compiled: class Conv1d<T>
// Compiled: class Conv2d<T>
// Compiled: class ConvTranspose1d<T>
// Compiled: class ConvTranspose2d<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
