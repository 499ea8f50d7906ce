#include <gtest/gtest.h>

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/layers/dropout.hpp"
#include "eigengrad/nn/losses/cross_entropy.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/ops/join.hpp"
#include "eigengrad/ops/sum.hpp"
#include "support/close.hpp"

namespace eg = eigengrad;
using Dual = eg::Dual<double>;
using Tensor = eg::Tensor<double>;
using DualTensor = eg::Tensor<Dual>;
using support::close;

template <class T>
eg::Sequential<T> every_layer() {
  eg::manual_seed(5);
  return eg::Sequential<T>(eg::Linear<T>(3, 8), eg::Tanh<T>(), eg::Linear<T>(8, 8), eg::LeakyReLU<T>(),
                           eg::Maxout<T>(8, 4, 2), eg::ELU<T>(), eg::GELU<T>(), eg::SiLU<T>(), eg::Softplus<T>(),
                           eg::Maxout<T>(2), eg::ReLU<T>(), eg::Identity<T>(), eg::Dropout<T>(0.5), eg::Flatten<T>(),
                           eg::Linear<T>(2, 3), eg::Sigmoid<T>(), eg::Softmax<T>());
}

TEST(DualLayers, AreDrawnAndRunAsPlainOnes) {
  auto plain = every_layer<double>();
  auto dual = every_layer<Dual>();
  eg::Generator generator(1);
  const Tensor x = Tensor::randn({5, 3}, generator), v = Tensor::randn({5, 3}, generator);
  eg::manual_seed(9);
  eg::Parameter<double> at(x);
  eg::Tape tape;
  const Tensor y = plain(at.to_tensor());
  const Tensor seed = Tensor::randn(y.shape(), generator);
  tape.backward(y, seed);
  eg::manual_seed(9);  // the same mask
  const DualTensor z = dual(eg::make_dual(x, v));
  EXPECT_TRUE(close(eg::value_part(z), y));
  EXPECT_NEAR((seed.array() * eg::tangent_part(z).array()).sum(), (at.grad().array() * v.array()).sum(), 1e-12);
}

TEST(DualLayers, PlainOnesRefuseDualInput) {
  auto model = every_layer<double>();
  EXPECT_THROW(model(DualTensor::zeros({5, 3})), eg::TangentError);
}

// One generic function, in plain numbers with a tape and in dual ones: the captured tensors are constants.
template <class F>
void expect_same_derivative(const F& f, const Tensor& x) {
  eg::Generator generator(2);
  const Tensor v = Tensor::randn(x.shape(), generator);
  const eg::Parameter<double> p(x);
  eg::Tape tape;
  tape.backward(f(p.to_tensor()));
  const auto y = f(eg::make_dual(x, v));
  EXPECT_NEAR(eg::tangent_part(DualTensor(y)).item(), (p.grad().array() * v.array()).sum(), 1e-12);
}

TEST(DualLosses, TakePlainOperandsAsConstants) {
  eg::Generator generator(3);
  const Tensor x = Tensor::randn({4, 3}, generator), w = Tensor::randn({3, 3}, generator),
               b = Tensor::randn({3}, generator);
  const Tensor y = eg::softmax(Tensor::randn({4, 3}, generator));
  const eg::Tensor<std::int64_t> labels = {0, 2, 1, 1};
  const eg::Parameter<double> p(w);
  expect_same_derivative([&](const auto& t) { return mse_loss(tanh(matmul(t, w)), y); }, x);
  expect_same_derivative([&](const auto& t) { return mse_loss(y, eg::linear(t, p, b)); }, x);
  expect_same_derivative([&](const auto& t) { return mse_loss(eg::linear(x, t, b), y); }, w);
  expect_same_derivative([&](const auto& t) { return l1_loss(eg::linear(x, w, t), y); }, b);
  expect_same_derivative([&](const auto& t) { return huber_loss(y, t, 0.3); }, x);
  expect_same_derivative([&](const auto& t) { return binary_cross_entropy(sigmoid(t), y); }, x);
  expect_same_derivative([&](const auto& t) { return binary_cross_entropy(y, sigmoid(t)); }, x);
  expect_same_derivative([&](const auto& t) { return binary_cross_entropy_with_logits(t, y); }, x);
  expect_same_derivative([&](const auto& t) { return cross_entropy(eg::softmax(t), y); }, x);
  expect_same_derivative([&](const auto& t) { return cross_entropy(y, eg::softmax(t)); }, x);
  expect_same_derivative([&](const auto& t) { return cross_entropy(eg::softmax(t), labels); }, x);
  expect_same_derivative([&](const auto& t) { return softmax_cross_entropy(t, y); }, x);
  expect_same_derivative([&](const auto& t) { return softmax_cross_entropy(t, labels); }, x);
  expect_same_derivative([&](const auto& t) { return sum(square(t) * t.detach()); }, x);
  EXPECT_THROW(cross_entropy(eg::make_dual<double>({{2, 0}}, {{1, 1}}), labels), eg::ValueError);
}

// Backward over forward, beside the closed form and beside differences of gradients.
TEST(DualLosses, GiveHessianVectorProducts) {
  const Tensor a = {{2, 1}, {1, 3}}, v = {1, -2};
  const eg::Parameter<Dual> q(eg::make_dual<double>({0.5, 4}, v));
  {
    eg::Tape tape;
    tape.backward(0.5 * sum(q * matmul(a, q)) + sum(exp(q)));
  }
  EXPECT_TRUE(close(eg::tangent_part(q.grad()), {std::exp(0.5), -2 * std::exp(4) - 5}));  // A v + exp(q) v

  eg::manual_seed(4);
  eg::Sequential<double> plain(eg::Linear<double>(3, 5), eg::Tanh<double>(), eg::Linear<double>(5, 2));
  eg::manual_seed(4);
  eg::Sequential<Dual> dual(eg::Linear<Dual>(3, 5), eg::Tanh<Dual>(), eg::Linear<Dual>(5, 2));
  const Tensor x = Tensor::randn({6, 3}), y = Tensor::randn({6, 2});
  std::vector<Tensor> directions;
  for (const auto& p : dual.parameters()) {
    directions.push_back(Tensor::randn(p.shape()));
    p.set_value(eg::make_dual(eg::value_part(p.value()), directions.back()));
  }
  {
    eg::Tape tape;
    tape.backward(mse_loss(dual(x), y));
  }
  const auto gradients = [&](double step) {
    std::size_t k = 0;
    for (const auto& p : plain.parameters()) p.set_value(p.value() + step * directions[k++]);
    eg::Tape tape;
    return tape.gradient(mse_loss(plain(x), y), plain.parameters());
  };
  const auto above = gradients(1e-5), below = gradients(-2e-5);
  std::size_t k = 0;
  for (const auto& p : dual.parameters()) {
    EXPECT_TRUE(close(eg::tangent_part(p.grad()), Tensor((above[k] - below[k]) / 2e-5), 1e-7));
    ++k;
  }
}
