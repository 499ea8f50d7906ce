#include "eigengrad/transform/grad.hpp"

#include <gtest/gtest.h>

#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/losses/loss.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/optim/sgd.hpp"
#include "support/close.hpp"
#include "support/numeric.hpp"

namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;

namespace {

const auto f = [](const auto& x) { return sum(exp(x) * x); };
const Tensor point{0.3, -0.7, 1.2};

/// The derivative of an element-wise function, element by element.
const auto derivative = [](auto function) {
  return [function](const auto& x) { return eg::grad([&](const auto& v) { return sum(function(v)); }, x); };
};

/// `order` derivatives of `function` beside their closed form.
template <int order, class Function>
Tensor nth(const Function& function, const Tensor& x) {
  if constexpr (order == 0)
    return function(x);
  else
    return nth<order - 1>(derivative(function), x);
}
template <int order, class Function, class Closed>
void expect_derivative(const Function& function, const Closed& closed) {
  const Tensor x{-1.3, -0.4, 0.2, 0.9, 2.1};
  const Tensor found = nth<order>(function, x);
  for (eg::Index i = 0; i < x.size(); ++i) EXPECT_NEAR(found(i), closed(x(i)), 1e-10 * (1 + std::abs(closed(x(i)))));
}

}  // namespace

TEST(Grad, GivesTheGradientOfAFunction) {
  const auto [value, gradient] = eg::value_and_grad(f, point);
  EXPECT_NEAR(value.item(), 4.041488236902671, 1e-14);
  for (eg::Index i = 0; i < 3; ++i) {
    EXPECT_NEAR(gradient(i), std::exp(point(i)) * (1 + point(i)), 1e-14);
    EXPECT_NEAR(eg::grad(f, point)(i), gradient(i), 0);
  }
  EXPECT_EQ(kernel_access(gradient).link().node, nullptr);
}

TEST(Grad, TakesSeveralTensorsListsAndParameters) {
  const Tensor a{1, 2}, b{3, 4};
  const auto [ga, gb] = eg::grad([](const auto& x, const auto& y) { return sum(x * y * y); }, a, b);
  EXPECT_EQ(ga(1), 16);
  EXPECT_EQ(gb(0), 6);
  const auto list = eg::grad([](const std::vector<Tensor>& x) { return sum(x[0] * x[1]); }, std::vector<Tensor>{a, b});
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0](0), 3);

  eg::manual_seed(1);
  eg::Sequential<double> model(eg::Linear<double>(2, 3), eg::Tanh<double>(), eg::Linear<double>(3, 1));
  const auto loss = [&] { return eg::mse_loss(model(Tensor{{1, 2}, {3, 4}}), Tensor{{1}, {0}}); };
  const auto gradients = eg::grad(loss, model.parameters());
  eg::Tape tape;
  tape.backward(loss());
  for (std::size_t k = 0; k < gradients.size(); ++k)
    for (eg::Index i = 0; i < gradients[k].size(); ++i)
      EXPECT_EQ(gradients[k].data()[i], model.parameters()[k].grad().data()[i]);
}

TEST(Grad, LeavesTheParametersGradientsAlone) {
  const eg::Parameter<double> w(Tensor{2, 3});
  eg::grad([&](const auto& x) { return sum(w * x * x); }, Tensor{1, 1});
  EXPECT_FALSE(w.has_grad());
}

// Third and fourth derivatives equal their closed forms.
TEST(Grad, NestsToAnyOrder) {
  const auto sine = [](const auto& x) { return sin(x); };
  const auto exponential = [](const auto& x) { return exp(x); };
  const auto hyperbolic = [](const auto& x) { return tanh(x); };
  const auto fifth = [](const auto& x) { return pow(x, 5); };
  expect_derivative<3>(sine, [](double x) { return -std::cos(x); });
  expect_derivative<4>(sine, [](double x) { return std::sin(x); });
  expect_derivative<3>(exponential, [](double x) { return std::exp(x); });
  expect_derivative<4>(exponential, [](double x) { return std::exp(x); });
  expect_derivative<3>(hyperbolic, [](double x) {
    const double t = std::tanh(x), s = 1 - t * t;
    return s * (6 * t * t - 2);
  });
  expect_derivative<4>(hyperbolic, [](double x) {
    const double t = std::tanh(x), s = 1 - t * t;
    return s * t * (16 - 24 * t * t);
  });
  expect_derivative<3>(fifth, [](double x) { return 60 * x * x; });
  expect_derivative<4>(fifth, [](double x) { return 120 * x; });
}

TEST(Grad, InsideATapeIsRecorded) {
  const eg::Parameter<double> x(point);
  eg::Tape tape;
  const Tensor gradient = eg::grad(f, x);
  tape.backward(sum(gradient));
  for (eg::Index i = 0; i < 3; ++i) EXPECT_NEAR(x.grad()(i), std::exp(point(i)) * (2 + point(i)), 1e-13);
}

// What is computed outside of f and used in it is differentiated by the tape outside, too.
TEST(Grad, SeesWhatTheOuterTapeComputed) {
  const eg::Parameter<double> w(Tensor{2, 3, 4});
  eg::Tape tape;
  const Tensor twice = 2 * w;
  const Tensor gradient = eg::grad([&](const auto& x) { return sum(twice * x * x); }, point);  // 4 w x
  tape.backward(sum(gradient));
  for (eg::Index i = 0; i < 3; ++i) EXPECT_NEAR(w.grad()(i), 4 * point(i), 1e-14);
}

TEST(Grad, UnderNoGradIsPlain) {
  const eg::Parameter<double> w(Tensor{2, 3, 4});
  eg::Tape tape;
  const Tensor twice = 2 * w;
  const eg::NoGrad pause;
  const Tensor gradient = eg::grad([&](const auto& x) { return sum(twice * x * x); }, point);
  EXPECT_FALSE(eg::is_recorded(gradient));
  EXPECT_NEAR(gradient(0), 4 * 2 * 0.3, 1e-14);
}

TEST(Grad, RefusesMoreThanOneNumber) {
  expect_error<eg::ShapeError>([] { eg::grad([](const auto& x) { return x * x; }, point); },
                               {"grad", "[3]", "sum or mean", "jacobian", "grad.cpp"});
}

TEST(CreateGraph, LetsParametersGradientsBeDifferentiated) {
  const eg::Parameter<double> x(point);
  eg::Tape tape;
  const Tensor y = f(x);
  tape.backward(y, {.create_graph = true});
  const Tensor gradient = x.grad();
  x.zero_grad();
  tape.backward(sum(square(gradient)));  // d/dx (f')^2 = 2 f' f''
  for (eg::Index i = 0; i < 3; ++i) {
    const double v = point(i), e = std::exp(v);
    EXPECT_NEAR(x.grad()(i), 2 * e * (1 + v) * e * (2 + v), 1e-12);
  }
}

TEST(CreateGraph, NeedsItsTapeToRecord) {
  const eg::Parameter<double> x(point);
  eg::Tape tape;
  const Tensor y = f(x);
  {
    const eg::NoGrad pause;
    expect_error<eg::GradientError>([&] { tape.backward(y, {.create_graph = true}); }, {"create_graph", "paused"});
  }
  const eg::Tape inner;
  expect_error<eg::GradientError>([&] { tape.backward(y, {.create_graph = true}); }, {"create_graph", "inner tape"});
}

// A user's loss on gradients: the penalty of Gulrajani et al., 2017, on an MLP, beside central differences.
TEST(CreateGraph, PenalisesTheGradientOfAModel) {
  eg::manual_seed(2);
  eg::Sequential<double> model(eg::Linear<double>(2, 4), eg::Sigmoid<double>(), eg::Linear<double>(4, 1));
  const auto weight = model.parameters()[0];
  const auto penalty = [&] {
    const Tensor slope = eg::grad([&](const auto& x) { return sum(model(x)); }, Tensor{{0.5, -1}, {2, 0.1}});
    return sum(square(slope));
  };
  eg::Tape tape;
  tape.backward(penalty());
  const Tensor rule = weight.grad(), start = weight.value();
  for (eg::Index i = 0; i < start.size(); ++i) {
    Tensor moved = start;
    moved.mutable_data()[i] += 1e-6;
    weight.set_value(moved);
    const double above = penalty().item();
    moved.mutable_data()[i] -= 2e-6;
    weight.set_value(moved);
    EXPECT_NEAR(rule.data()[i], (above - penalty().item()) / 2e-6, 1e-7);
  }
}
