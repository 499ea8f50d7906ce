#include <gtest/gtest.h>
#include <eigengrad/eigengrad.hpp>

#include "support/close.hpp"

// Optimizers saved in mid-training and continued elsewhere; gradients that are given.
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using support::close;
using support::mentions;
using support::message_of;
using support::same_bits;

namespace {

const Tensor inputs = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, targets = {{0}, {1}, {1}, {0}};
eg::Sequential<double> model_of(std::uint64_t seed) {
  eg::manual_seed(seed);
  return eg::Sequential<double>(eg::Linear<double>(2, 3), eg::Tanh<double>(), eg::Linear<double>(3, 1));
}
Tensor loss_of(eg::Sequential<double>& model) { return eg::mse_loss(model(inputs), targets); }

template <class Optimizer>
void step(eg::Sequential<double>& model, Optimizer& optimizer) {
  if constexpr (requires { optimizer.converged(); }) {
    optimizer.step([&] {
      eg::Tape tape;
      const Tensor loss = loss_of(model);
      tape.backward(loss);
      return loss;
    });
  } else {
    optimizer.zero_grad();
    {
      eg::Tape tape;
      tape.backward(loss_of(model));
    }
    optimizer.step();
  }
}

/// Trains, saves, goes on; loads what was saved into an optimizer made by `other`, over another model, and goes on.
template <class Make, class Other>
void expect_the_same_bits(const Make& make, const Other& other) {
  auto model = model_of(1);
  auto optimizer = make(model.parameters());
  for (int i = 0; i < 4; ++i) step(model, optimizer);
  const auto weights = model.state_dict();
  const auto state = optimizer.state_dict();
  for (int i = 0; i < 5; ++i) step(model, optimizer);

  auto second = model_of(2);
  auto continued = other(second.parameters());
  step(second, continued);
  second.load_state_dict(weights);
  continued.load_state_dict(state);
  for (int i = 0; i < 5; ++i) step(second, continued);
  for (const auto& [name, tensor] : model.state_dict())
    EXPECT_TRUE(same_bits(tensor.template as<double>(), second.state_dict().at(name))) << name;
  EXPECT_EQ(optimizer.steps(), continued.steps());
  EXPECT_EQ(optimizer.learning_rate(), continued.learning_rate());
}
template <class O>
void expect_the_same_bits(const typename O::Options& options) {
  expect_the_same_bits([&](const auto& parameters) { return O(parameters, options); },
                       [](const auto& parameters) { return O(parameters); });
}

}  // namespace

// 45: saved in mid-training.
TEST(OptimizerState, EveryOptimizerGoesOnWithTheSameBits) {
  expect_the_same_bits<eg::SGD<double>>({.learning_rate = 0.1});
  expect_the_same_bits<eg::SGD<double>>(
      {.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true});
  expect_the_same_bits<eg::Adam<double>>({.learning_rate = 0.1, .beta1 = 0.8, .weight_decay = 0.01});
  expect_the_same_bits<eg::AdamW<double>>({.learning_rate = 0.1, .beta2 = 0.99, .epsilon = 1e-6});
  expect_the_same_bits<eg::LBFGS<double>>({.learning_rate = 0.5, .max_iterations = 3});
}

TEST(OptimizerState, HasPyTorchsNames) {
  auto model = model_of(1);
  eg::Adam<double> optimizer(model.parameters(), {.learning_rate = 0.25});
  step(model, optimizer);
  const auto state = optimizer.state_dict();
  EXPECT_EQ(state.at<double>("learning_rate").item(), 0.25);
  EXPECT_EQ(state.at<std::int64_t>("steps").item(), 1);
  EXPECT_EQ(state.at<double>("beta1").item(), 0.9);
  EXPECT_EQ(state.at<std::int64_t>("state.0.step").item(), 1);
  EXPECT_EQ(state.at("state.0.exp_avg").shape(), (eg::Shape{3, 2}));
  EXPECT_EQ(state.at("state.3.exp_avg_sq").shape(), (eg::Shape{1}));
  EXPECT_TRUE(close(state.at<double>("state.1.exp_avg"), Tensor(0.1 * model.parameters()[1].grad())));
}

TEST(OptimizerState, AStateIsAValue) {
  auto model = model_of(1);
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.1, .momentum = 0.9});
  step(model, optimizer);
  const auto state = optimizer.state_dict();
  const Tensor before = state.at<double>("state.0.momentum_buffer");
  const std::vector<double> numbers(before.begin(), before.end());
  step(model, optimizer);
  EXPECT_TRUE(std::equal(numbers.begin(), numbers.end(), state.at<double>("state.0.momentum_buffer").begin()));
}

TEST(OptimizerState, OneThatDoesNotFitIsRefusedWithAllFaultsAndChangesNothing) {
  auto model = model_of(1);
  eg::Adam<double> optimizer(model.parameters(), {.learning_rate = 0.25});
  step(model, optimizer);
  auto state = optimizer.state_dict();
  const auto before = state;
  state["learning_rate"] = Tensor::full({}, 0.5);
  state["state.0.exp_avg"] = Tensor::zeros({7});
  state["state.1.exp_avg"] = eg::Tensor<float>::zeros({3});
  state.erase("state.2.step");
  state["more"] = Tensor{1};
  EXPECT_TRUE(
      mentions(message_of<eg::ShapeError>([&] { optimizer.load_state_dict(state); }),
               {"load_state_dict: the state does not fit this Adam", "state.0.exp_avg is [7], the Adam's is [3, 2]",
                "state.1.exp_avg holds float32, the Adam's is float64", "state.2.step is missing",
                "more is not in the Adam", "state.cpp"}));
  const auto after = optimizer.state_dict();
  for (const auto& [name, tensor] : before)
    if (tensor.holds<double>()) {
      EXPECT_TRUE(same_bits(tensor.as<double>(), after.at<double>(name))) << name;
    }
  state["state.0.exp_avg"] = before.at("state.0.exp_avg");
  state["state.1.exp_avg"] = before.at("state.1.exp_avg");
  const eg::LoadResult result = optimizer.load_state_dict(state, {.strict = false});
  EXPECT_EQ(result.missing, std::vector<std::string>{"state.2.step"});
  EXPECT_EQ(result.unexpected, std::vector<std::string>{"more"});
  EXPECT_EQ(optimizer.learning_rate(), 0.5);
}

// What is remembered of another number of parameters would be read beyond its end.
TEST(OptimizerState, TheHistoryOfAnotherModelIsRefused) {
  auto model = model_of(1);
  eg::Linear<double> smaller(2, 1);
  eg::LBFGS<double> optimizer(model.parameters()), other(smaller.parameters());
  step(model, optimizer);
  const auto state = optimizer.state_dict();
  EXPECT_EQ(state.at("history").shape()[2], 13);
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { other.load_state_dict(state, {.strict = false}); }),
                       {"history is [", ", 2, 13], where rows of [2, 3] are needed"}));
  auto flat = other.state_dict();
  flat["history"] = Tensor::full({}, 1);
  EXPECT_THROW(other.load_state_dict(flat), eg::ShapeError);
}

TEST(OptimizerState, ALearningRateThatIsNoneIsRefused) {
  eg::Parameter<double> w(Tensor{1});
  eg::SGD<double> optimizer({w}, {.learning_rate = 0.1});
  for (const double rate : {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    auto state = optimizer.state_dict();
    state["learning_rate"] = Tensor::full({}, rate);
    EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { optimizer.load_state_dict(state); }), {"learning_rate is "}));
    EXPECT_EQ(optimizer.learning_rate(), 0.1);
  }
}

TEST(GivenGradients, AreWhatTheStepTakes) {
  eg::Parameter<double> w(Tensor{1, 2}), frozen(Tensor{5});
  w.set_grad(Tensor{10, 20});
  EXPECT_TRUE(close(w.grad(), {10, 20}));
  eg::SGD<double> optimizer({w}, {.learning_rate = 0.1});
  optimizer.step();
  EXPECT_TRUE(close(w.value(), {0, 0}));
  const Tensor given = {1, 1};
  optimizer.step({given});
  EXPECT_TRUE(close(w.value(), {-0.1, -0.1}));
  EXPECT_TRUE(close(w.grad(), {1, 1}));
  eg::Tape tape;
  tape.backward(sum(w * w));  // adds to what was given
  EXPECT_TRUE(close(w.grad(), {0.8, 0.8}));
  EXPECT_TRUE(close(given, {1, 1})) << "a gradient that is given is a value";
}

TEST(GivenGradients, AreRefusedWhereTheyDoNotFitAndNothingChanges) {
  eg::Parameter<double> w(Tensor{1, 2}), b(Tensor{3});
  w.set_grad(Tensor{1, 1});
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { w.set_grad(Tensor{1, 2, 3}); }),
                       {"set_grad: the parameter is [2], the gradient is [3]", "state.cpp"}));
  EXPECT_TRUE(close(w.grad(), {1, 1}));
  eg::Adam<double> optimizer({w, b});
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { optimizer.step({Tensor{5, 5}}); }),
                       {"Adam: step: 1 gradients for 2 parameters"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { optimizer.step({Tensor{5, 5}, Tensor{1, 2}}); }),
                       {"Adam: step: gradient 1 is [2]", "is [1]"}));
  EXPECT_TRUE(close(w.grad(), {1, 1}));
  EXPECT_FALSE(b.has_grad());
  EXPECT_TRUE(close(w.value(), {1, 2}));
}

TEST(GivenGradients, AreConstants) {
  eg::Parameter<double> w(Tensor{2});
  eg::Tape tape;
  w.set_grad(Tensor(w * w));
  EXPECT_FALSE(eg::is_recorded(w.grad()));
}
