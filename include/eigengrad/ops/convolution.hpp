#pragma once

#include "../autograd/engine/node.hpp"
#include "../autograd/parameter.hpp"
#include "../core/error.hpp"
#include "../core/tensor.hpp"
#include "../formula/expression.hpp"
#include "convolution_options.hpp"
#include "convolution_record.hpp"

// Convolutions of signals and images, and their transposes.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

using Conv1dOptions = ConvolutionOptions<1>;
using Conv2dOptions = ConvolutionOptions<2>;
using ConvTranspose1dOptions = TransposedOptions<1>;
using ConvTranspose2dOptions = TransposedOptions<2>;

template <class T>
Tensor<T> convolve_tensors(const OperationName& name, const ConvolutionSettings& settings, const Tensor<T>& x,
                           const Tensor<T>& weight, const Tensor<T>& bias) {
  require_settings(settings, name.name, name.where);
  return convolve(name, settings, appearance_of(x, name.name), appearance_of(weight, name.name),
                  appearance_of(bias, name.name));
}

/// x [n, channels, size], or without n, met by every kernel of weight [outputs, channels / groups, kernel], as by
/// PyTorch's conv1d: [n, outputs, floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1], plus bias
/// [outputs]. Gradients of every order, by convolutions. Throws ShapeError naming the shapes, ValueError for settings.
template <Expression X, Expression W, Expression B>
Tensor<scalar_of<X, W, B>> conv1d(const X& x, const W& weight, const B& bias, Conv1dOptions options = {},
                                  Location where = Location::current()) {
  using T = scalar_of<X, W, B>;
  return convolve_tensors<T>({"conv1d", where}, ConvolutionSettings(options), tensor_of<T>(x), tensor_of<T>(weight),
                             tensor_of<T>(bias));
}
/// The same without a bias.
template <Expression X, Expression W>
Tensor<scalar_of<X, W>> conv1d(const X& x, const W& weight, Conv1dOptions options = {},
                               Location where = Location::current()) {
  using T = scalar_of<X, W>;
  return convolve_tensors<T>({"conv1d", where}, ConvolutionSettings(options), tensor_of<T>(x), tensor_of<T>(weight),
                             Tensor<T>());
}

/// x [n, channels, rows, columns], or without n, met by every kernel of weight [outputs, channels / groups, rows,
/// columns], as by PyTorch's conv2d: [n, outputs, ...], along both axes floor((size + 2 padding - dilation (kernel - 1)
/// - 1) / stride) + 1, plus bias [outputs]. Gradients of every order, by convolutions. Throws ShapeError naming the
/// shapes, ValueError for settings.
template <Expression X, Expression W, Expression B>
Tensor<scalar_of<X, W, B>> conv2d(const X& x, const W& weight, const B& bias, Conv2dOptions options = {},
                                  Location where = Location::current()) {
  using T = scalar_of<X, W, B>;
  return convolve_tensors<T>({"conv2d", where}, ConvolutionSettings(options), tensor_of<T>(x), tensor_of<T>(weight),
                             tensor_of<T>(bias));
}
/// The same without a bias.
template <Expression X, Expression W>
Tensor<scalar_of<X, W>> conv2d(const X& x, const W& weight, Conv2dOptions options = {},
                               Location where = Location::current()) {
  using T = scalar_of<X, W>;
  return convolve_tensors<T>({"conv2d", where}, ConvolutionSettings(options), tensor_of<T>(x), tensor_of<T>(weight),
                             Tensor<T>());
}

/// The transpose of conv1d, which takes its result's sizes back to its input's: x [n, channels, size] and weight
/// [channels, outputs / groups, kernel] to [n, outputs, (size - 1) stride - 2 padding + dilation (kernel - 1) +
/// output_padding + 1], plus bias [outputs]. Gradients and errors as there.
template <Expression X, Expression W, Expression B>
Tensor<scalar_of<X, W, B>> conv_transpose1d(const X& x, const W& weight, const B& bias,
                                            ConvTranspose1dOptions options = {}, Location where = Location::current()) {
  using T = scalar_of<X, W, B>;
  return convolve_tensors<T>({"conv_transpose1d", where}, ConvolutionSettings(options), tensor_of<T>(x),
                             tensor_of<T>(weight), tensor_of<T>(bias));
}
/// The same without a bias.
template <Expression X, Expression W>
Tensor<scalar_of<X, W>> conv_transpose1d(const X& x, const W& weight, ConvTranspose1dOptions options = {},
                                         Location where = Location::current()) {
  using T = scalar_of<X, W>;
  return convolve_tensors<T>({"conv_transpose1d", where}, ConvolutionSettings(options), tensor_of<T>(x),
                             tensor_of<T>(weight), Tensor<T>());
}

/// The same for images: x [n, channels, rows, columns], weight [channels, outputs / groups, rows, columns].
template <Expression X, Expression W, Expression B>
Tensor<scalar_of<X, W, B>> conv_transpose2d(const X& x, const W& weight, const B& bias,
                                            ConvTranspose2dOptions options = {}, Location where = Location::current()) {
  using T = scalar_of<X, W, B>;
  return convolve_tensors<T>({"conv_transpose2d", where}, ConvolutionSettings(options), tensor_of<T>(x),
                             tensor_of<T>(weight), tensor_of<T>(bias));
}
/// The same without a bias.
template <Expression X, Expression W>
Tensor<scalar_of<X, W>> conv_transpose2d(const X& x, const W& weight, ConvTranspose2dOptions options = {},
                                         Location where = Location::current()) {
  using T = scalar_of<X, W>;
  return convolve_tensors<T>({"conv_transpose2d", where}, ConvolutionSettings(options), tensor_of<T>(x),
                             tensor_of<T>(weight), Tensor<T>());
}

}}  // namespace eigengrad::EIGENGRAD_ABI
