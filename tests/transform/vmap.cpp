#include "eigengrad/transform/vmap.hpp"

#include <gtest/gtest.h>

#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/losses/loss.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "support/close.hpp"
#include "support/numeric.hpp"

namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;

TEST(Vmap, MapsAnyFunctionOverAnAxis) {
  const Tensor x{{1, 2}, {3, 4}, {5, 6}};
  const auto norms = eg::vmap([](const auto& row) { return sum(row * row); })(x);
  EXPECT_EQ(norms.shape(), (eg::Shape{3}));
  EXPECT_EQ(norms(2), 61);
  const auto columns = eg::vmap([](const auto& column) { return 2 * column; }, 1, 1)(x);
  EXPECT_EQ(columns.shape(), x.shape());
  EXPECT_EQ(columns(2, 1), 12);
  const auto slopes =
      eg::vmap([](const auto& r) { return eg::grad([](const auto& v) { return sum(v * v * v); }, r); })(x);
  EXPECT_EQ(slopes(1, 0), 27);
}

TEST(Vmap, IsRecorded) {
  const eg::Parameter<double> x(Tensor{{1, 2}, {3, 4}});
  eg::Tape tape;
  tape.backward(sum(eg::vmap([](const auto& a, const auto& b) { return sum(a * b); })(x, Tensor{{5, 6}, {7, 8}})));
  EXPECT_EQ(x.grad()(1, 0), 7);
}

TEST(Vmap, RefusesInputsOfDifferentLengths) {
  const auto f = eg::vmap([](const auto& a, const auto& b) { return a + b; });
  expect_error<eg::ShapeError>([&] { f(Tensor::zeros({3}), Tensor::zeros({2})); }, {"vmap", "[3]", "[2]"});
  expect_error<eg::ShapeError>([&] { f(Tensor::zeros({0}), Tensor::zeros({0})); }, {"vmap", "[0]"});
}

// Their sum is the gradient of the whole batch.
TEST(PerSampleGrad, AddsUpToTheBatchGradient) {
  eg::manual_seed(4);
  eg::Sequential<double> model(eg::Linear<double>(3, 4), eg::Tanh<double>(), eg::Linear<double>(4, 2));
  const Tensor x = Tensor::randn({5, 3}), y = Tensor::randn({5, 2});
  const auto loss = [&](const auto& inputs, const auto& targets) {
    return eg::mse_loss(model(inputs), targets, eg::Reduction::sum);
  };
  const auto each = eg::per_sample_grad(loss, model.parameters(), x, y);
  const auto all = eg::grad([&] { return loss(x, y); }, model.parameters());
  ASSERT_EQ(each.size(), all.size());
  for (std::size_t k = 0; k < all.size(); ++k) {
    EXPECT_EQ(each[k].shape(), eg::Shape{5} + all[k].shape());
    const Tensor total = sum(each[k], 0);
    for (eg::Index i = 0; i < total.size(); ++i) EXPECT_NEAR(total.data()[i], all[k].data()[i], 1e-13);
  }
}
