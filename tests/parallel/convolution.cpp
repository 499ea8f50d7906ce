#include "eigengrad/kernels/convolution/input_gradient.hpp"
#include "eigengrad/kernels/convolution/weight_gradient.hpp"

#include "bits.hpp"
#include "eigengrad/nn/layers/convolution.hpp"

namespace eg = eigengrad;

namespace {

template <class T>
void expect_same_bits(const eg::ConvolutionShape& s) {
  ASSERT_GE(s.products(), eg::large_convolution);
  eg::Generator generator(3);
  const auto random = [&](eg::Index count) { return eg::Tensor<T>::randn({count}, generator); };
  const eg::Tensor<T> x = random(s.images * s.channels * s.input_plane()), weight = random(s.weights()),
                      dy = random(s.images * s.outputs * s.output_plane());
  support::expect_same_bits("convolution", [&] {
    eg::Tensor<T> y = eg::Tensor<T>::zeros(dy.shape()), dx = eg::Tensor<T>::zeros(x.shape()),
                  dw = eg::Tensor<T>::zeros(weight.shape());
    eg::convolution_forward<T>(s, x.data(), weight.data(), y.mutable_data());
    eg::convolution_input_gradient<T>(s, dy.data(), weight.data(), dx.mutable_data());
    eg::convolution_weight_gradient<T>(s, x.data(), dy.data(), dw.mutable_data());
    return support::Bits() << y << dx << dw;
  });
}

}  // namespace

TEST(Parallel, Convolution) {
  const eg::ConvolutionShape shapes[] = {{16, 3, 12, 1, {30, 3, 1, 1, 1, 1}, {34, 3, 1, 1, 1, 1}},   // many images
                                         {9, 32, 48, 1, {9, 3, 1, 1, 1, 1}, {9, 3, 1, 1, 1, 1}},     // panels
                                         {1, 3, 20, 1, {61, 7, 2, 3, 3, 1}, {63, 7, 2, 3, 3, 1}},    // one image
                                         {2, 64, 40, 2, {13, 3, 1, 1, 1, 1}, {13, 3, 1, 1, 1, 1}},   // two, in groups
                                         {5, 48, 48, 48, {41, 3, 1, 1, 1, 1}, {41, 3, 1, 1, 1, 1}},  // depthwise
                                         {5, 48, 48, 48, {61, 3, 2, 1, 1, 1}, {61, 3, 2, 1, 1, 1}},  //
                                         {3, 4, 32, 1, {}, {9000, 9, 4, 4, 4, 1}}};                  // one row
  for (const eg::ConvolutionShape& each : shapes) {
    expect_same_bits<float>(each);
    expect_same_bits<double>(each);
  }
}

// With what rides along, and with images that go on behind their edges.
TEST(Parallel, ConvolutionLayers) {
  using eg::Tensor;
  eg::Generator generator(4);
  for (const eg::Index images : {1, 6}) {
    eg::Sequential<double> model(eg::Conv2d<double>(3, 16, 3, {.padding = 1, .padding_mode = eg::PaddingMode::reflect}),
                                 eg::Tanh<double>(), eg::Conv2d<double>(16, 8, 5, {.padding = 2}), eg::ReLU<double>(),
                                 eg::Conv2d<double>(8, 8, {3, 1}, {.groups = 8}), eg::Sigmoid<double>(),
                                 eg::ConvTranspose2d<double>(8, 16, 4, {.stride = 2}), eg::ReLU<double>());
    const auto x = Tensor<double>::randn({images, 3, 53, 61}, generator);
    support::expect_same_bits("layers", [&] {
      model.zero_grad();
      eg::Tape tape;
      const Tensor<double> y = model(x);
      tape.backward(sum(square(y)));
      support::Bits bits;
      bits << y;
      for (const auto& parameter : model.parameters()) bits << parameter.grad();
      return bits;
    });
  }
}
