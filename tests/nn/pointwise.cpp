#include "eigengrad/formula/pointwise.hpp"

#include <gtest/gtest.h>
#include <eigengrad/eigengrad.hpp>

#include "support/close.hpp"

namespace eg = eigengrad;

namespace {

using Model = eg::Sequential<double>;
using Tensor = eg::Tensor<double>;

Model make_model() {
  eg::manual_seed(3);
  return Model(eg::Linear<double>(3, 5), eg::Tanh<double>(), eg::Linear<double>(5, 4), eg::ReLU<double>(),
               eg::Linear<double>(4, 2), eg::Sigmoid<double>());
}
Tensor one_by_one(Model& model, Tensor x) {
  for (eg::Index i = 0; i < model.size(); ++i) x = model[i](x);
  return x;
}
bool same(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::equal(a.begin(), a.end(), b.begin());
}

// An activation of one's own that is built on one of ours must not be passed over.
struct Doubled : eg::Tanh<double> {
  Tensor forward(const Tensor& x) override { return 2 * tanh(x); }
};
struct Shifted : eg::Linear<double> {
  using eg::Linear<double>::Linear;
  Tensor forward(const Tensor& x) override { return eg::Linear<double>::forward(x) + 1; }
};

}  // namespace

TEST(Pointwise, ALinearTakesTheActivationAfterItAlong) {
  Model model = make_model();
  const auto x = Tensor::randn({7, 3});
  const auto parameters = model.parameters();
  std::vector<Tensor> gradients[2];
  Tensor values[2];
  for (const bool alone : {false, true}) {
    eg::Tape tape;
    const Tensor y = alone ? one_by_one(model, x) : model(x);
    EXPECT_EQ(tape.size(), alone ? 6 : 3);
    values[alone] = y.detach();
    gradients[alone] = tape.gradient(sum(square(y)), parameters);
  }
  EXPECT_TRUE(same(values[0], values[1]));
  for (std::size_t i = 0; i < parameters.size(); ++i) EXPECT_TRUE(same(gradients[0][i], gradients[1][i])) << i;
}

TEST(Pointwise, GradientsOfGradientsGoThrough) {
  Model model = make_model();
  const auto x = Tensor::randn({4, 3});
  eg::gradcheck([&](const auto& in) { return sum(square(model(in))); }, x);
  const auto fused = eg::hessian([&](const Tensor& in) { return sum(square(model(in))); }, x);
  const auto alone = eg::hessian([&](const Tensor& in) { return sum(square(one_by_one(model, in))); }, x);
  for (eg::Index i = 0; i < fused.size(); ++i) EXPECT_NEAR(fused.data()[i], alone.data()[i], 1e-12) << i;
}

TEST(Pointwise, BatchesOfBatchesAndRetainedGraphs) {
  Model model = make_model();
  const auto x = Tensor::randn({2, 3, 3});
  const auto parameters = model.parameters();
  eg::Tape tape;
  const Tensor y = model(x);
  EXPECT_EQ(y.shape(), (eg::Shape{2, 3, 2}));
  const Tensor loss = sum(y * y);
  const auto once = tape.gradient(loss, parameters, {.retain_graph = true});
  const auto again = tape.gradient(loss, parameters);
  for (std::size_t i = 0; i < parameters.size(); ++i) EXPECT_TRUE(same(once[i], again[i])) << i;
}

TEST(Pointwise, WhatIsReadInBetweenStaysWhatItWas) {
  Model model = make_model();
  Tensor y;
  const auto x = Tensor::randn({4, 3});
  eg::Tape tape;
  y = model(x);
  Tensor mine = y;
  mine.at(0, 0) = 100;  // a copy of what the record keeps
  const auto gradient = tape.gradient(sum(y), model.parameters());
  eg::Tape other;
  const auto expected = other.gradient(sum(one_by_one(model, x)), model.parameters());
  for (std::size_t i = 0; i < gradient.size(); ++i) EXPECT_TRUE(same(gradient[i], expected[i])) << i;
}

TEST(Pointwise, DerivedModulesKeepTheirForward) {
  eg::manual_seed(3);
  Model doubled(eg::Linear<double>(3, 5), Doubled()), shifted(Shifted(3, 5), eg::Tanh<double>());
  const auto x = Tensor::randn({4, 3});
  EXPECT_TRUE(same(doubled(x), one_by_one(doubled, x)));
  EXPECT_TRUE(same(shifted(x), one_by_one(shifted, x)));
}

TEST(Pointwise, AnObserverSeesEveryValue) {
  Model model = make_model();
  eg::Tape tape({.profile = true});
  const Tensor y = model(Tensor::randn({4, 3}));
  EXPECT_EQ(tape.operations(), (std::vector<std::string>{"linear", "tanh", "linear", "relu", "linear", "sigmoid"}));
}

TEST(Pointwise, TheTableNamesBoth) {
  eg::manual_seed(3);
  Model model(eg::Linear<double>(3, 2), eg::Tanh<double>());
  model.name_parameters();
  eg::Tape tape;
  const Tensor y = model(Tensor::ones({1, 3}));
  EXPECT_NE(eg::to_text(tape).find("tanh(linear("), std::string::npos) << eg::to_text(tape);
}

// x that two records read: the second gradient is added to the first.
TEST(Pointwise, AddsToAGradientThatIsThere) {
  const eg::Parameter<double> x(Tensor::randn({9}));
  eg::Tanh<double> layer;
  eg::gradcheck([&](const Tensor& in) { return sum(layer(in) * layer(in) + square(in)); }, x.value());
}

TEST(Pointwise, ViewsWithoutRoomBehindThem) {
  const float numbers[19] = {0.1f, 0.2f, -0.3f, 4.f,  -5.f, 0.6f, 0.7f, 0.8f, 0.9f, 1.f,
                             1.1f, 1.2f, 1.3f,  1.4f, 1.5f, 1.6f, 1.7f, 1.8f, 20.f};
  const auto x = eg::Tensor<float>::view(numbers, {19});
  eg::Tanh<float> layer;
  const eg::Tensor<float> y = layer(x);
  for (eg::Index i = 0; i < 19; ++i) EXPECT_NEAR(y(i), std::tanh(numbers[i]), 4e-7f) << i;
}
