#include <gtest/gtest.h>

#include <vector>

#include "eigengrad/kernels/convolution/input_gradient.hpp"
#include "eigengrad/kernels/convolution/weight_gradient.hpp"
#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/layers/convolution.hpp"
#include "eigengrad/nn/losses/cross_entropy.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/optim/sgd.hpp"
#include "support/step_allocations.hpp"

namespace eg = eigengrad;

struct ConvolutionScratch : support::CountsAllocations {};
struct ConvolutionLayer : support::CountsAllocations {};

// The kernels' scratch comes from the pool: after the first call none of it is asked of the heap.
TEST_F(ConvolutionScratch, IsFoundInThePool) {
  const eg::ConvolutionShape shapes[] = {{4, 3, 16, 1, {16, 3, 1, 1, 1, 1}, {16, 3, 1, 1, 1, 1}},
                                         {4, 16, 32, 1, {8, 3, 2, 1, 1, 1}, {8, 3, 2, 1, 1, 1}},
                                         {2, 8, 8, 8, {20, 3, 2, 1, 1, 1}, {20, 3, 2, 1, 1, 1}}};
  for (const eg::ConvolutionShape& s : shapes) {
    const auto numbers = [](eg::Index count) { return std::vector<float>(static_cast<std::size_t>(count), 1.f); };
    const std::vector<float> x = numbers(s.images * s.channels * s.input_plane()), weight = numbers(s.weights());
    std::vector<float> y = numbers(s.images * s.outputs * s.output_plane()), dx = x, dw = weight;
    const auto step = [&] {
      eg::convolution_forward<float>(s, x.data(), weight.data(), y.data());
      eg::convolution_input_gradient<float>(s, y.data(), weight.data(), dx.data());
      eg::convolution_weight_gradient<float>(s, x.data(), y.data(), dw.data());
    };
    step();
    const std::size_t before = support::allocations();
    for (int i = 0; i < 20; ++i) step();
    EXPECT_EQ(support::allocations(), before);
  }
}

TEST_F(ConvolutionLayer, AStepAsksNothingOfTheHeap) {
  using Images = eg::Conv2d<float>;
  eg::Sequential<float> model(Images(1, 6, 5, {.padding = 2}), eg::ReLU<float>(), Images(6, 8, 3, {.stride = 2}),
                              eg::Tanh<float>(),
                              Images(8, 8, 3, {.padding = "same", .padding_mode = eg::PaddingMode::reflect}),
                              eg::ConvTranspose2d<float>(8, 4, 13));
  const auto x = eg::Tensor<float>::rand({4, 1, 28, 28});
  const auto labels = eg::Tensor<std::int64_t>::randint(0, 4, {4});
  eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 0.01f});
  const auto step = [&] {
    eg::Tape tape;
    const eg::Tensor<float> y = model(x);
    tape.backward(eg::softmax_cross_entropy(mean(y, {2, 3}), labels));
    optimizer.step();
    optimizer.zero_grad();
  };
  for (int i = 0; i < 3; ++i) step();
  const std::size_t before = support::allocations();
  for (int i = 0; i < 10; ++i) step();
  EXPECT_EQ(support::allocations(), before);
}

// The sum of many numbers keeps its digits.
TEST(ConvolutionBias, TheGradientIsExact) {
  const auto dy = eg::Tensor<float>::rand({50, 3, 31, 33});
  eg::Conv2d<float> layer(1, 3, 1);
  eg::Tape tape;
  tape.backward(layer(eg::Tensor<float>::rand({50, 1, 31, 33})), dy);
  for (eg::Index c = 0; c < 3; ++c) {
    double exact = 0;
    for (eg::Index n = 0; n < 50; ++n)
      for (eg::Index i = 0; i < 31 * 33; ++i) exact += static_cast<double>(dy.data()[(n * 3 + c) * 31 * 33 + i]);
    EXPECT_NEAR(static_cast<double>(layer.bias.grad()(c)), exact, exact * 1e-7) << c;
  }
}
