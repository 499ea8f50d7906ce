#include "eigengrad/optim/sgd.hpp"

#include "golden.hpp"

// Expected numbers come from PyTorch 1.13 in double.
namespace eg = eigengrad;
using golden::expect_steps, golden::steps_on_fixed_problem;
using support::close, support::mentions, support::message_of;
using Parameters = std::vector<eg::ParameterRef<double>>;

static auto with(const eg::SGD<double>::Options& options) {
  return [options](const Parameters& parameters) { return eg::SGD<double>(parameters, options); };
}

// 43: beside PyTorch's numbers, and the formula by hand.
TEST(SGD, IsPyTorchs) {
  const auto plain = with({.learning_rate = 0.01});
  EXPECT_TRUE(close(steps_on_fixed_problem(plain, 1), {0.5587241743810962, -0.9054030230586814, 1.9066614683654715}));
  EXPECT_TRUE(close(steps_on_fixed_problem(plain, 10), {0.8862196334891195, -0.6582189540940446, 1.346046489924508}));
}

TEST(SGD, MomentumIsPyTorchs) {
  const auto momentum = with({.learning_rate = 0.01, .momentum = 0.9});
  EXPECT_TRUE(
      close(steps_on_fixed_problem(momentum, 1), {0.5587241743810962, -0.9054030230586814, 1.9066614683654715}));
  EXPECT_TRUE(
      close(steps_on_fixed_problem(momentum, 10), {1.3542241236049493, -0.7343530248336344, 0.1953934444076867}));
}

TEST(SGD, NesterovIsPyTorchs) {
  const auto nesterov = with({.learning_rate = 0.01, .momentum = 0.9, .nesterov = true});
  EXPECT_TRUE(
      close(steps_on_fixed_problem(nesterov, 1), {0.6115759313240829, -0.8202657438114946, 1.8226567898943957}));
  EXPECT_TRUE(
      close(steps_on_fixed_problem(nesterov, 10), {1.1137232731322788, -0.6591502219126074, 0.35241972199319094}));
}

TEST(SGD, WeightDecayIsPyTorchs) {
  const auto decay = with({.learning_rate = 0.01, .weight_decay = 0.1});
  EXPECT_TRUE(close(steps_on_fixed_problem(decay, 1), {0.5582241743810963, -0.9044030230586814, 1.9046614683654715}));
  EXPECT_TRUE(close(steps_on_fixed_problem(decay, 10), {0.8804879751752142, -0.6567104586546073, 1.3331890938087698}));
  const auto all = with({.learning_rate = 0.01, .momentum = 0.9, .weight_decay = 0.1, .nesterov = true});
  EXPECT_TRUE(close(steps_on_fixed_problem(all, 10), {1.0886614254982951, -0.6619575325949405, 0.3268815831166817}));
}

template <class T>
static void check_formula(double tolerance) {
  const T rate = T(0.1), momentum = T(0.9), decay = T(0.01);
  const auto make = [&](bool nesterov) {
    return [=](const std::vector<eg::ParameterRef<T>>& p) {
      return eg::SGD<T>(p, {.learning_rate = rate, .momentum = momentum, .weight_decay = decay, .nesterov = nesterov});
    };
  };
  expect_steps<T>([&](const auto& p) { return eg::SGD<T>(p, {.learning_rate = rate}); },
                  [&](int, T& w, T g, T&, T&) { w -= rate * g; }, tolerance);
  expect_steps<T>(
      make(false),
      [&](int, T& w, T g, T& v, T&) {
        v = momentum * v + (g + decay * w);
        w -= rate * v;
      },
      tolerance);
  expect_steps<T>(
      make(true),
      [&](int, T& w, T g, T& v, T&) {
        const T with_decay = g + decay * w;
        v = momentum * v + with_decay;
        w -= rate * (with_decay + momentum * v);
      },
      tolerance);
}

TEST(SGD, IsItsFormulaSteppedByHand) {
  check_formula<double>(1e-12);
  check_formula<float>(1e-5);
}

TEST(SGD, OptionsOutsideTheirRangeAreRefused) {
  const eg::Parameter<double> w(eg::Tensor<double>{1});
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { eg::SGD<double>({w}, {.learning_rate = -1}); }),
                       {"learning rate", "-1", "negative"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { eg::SGD<double>({w}, {.momentum = 1.5}); }),
                       {"momentum", "1.5", "[0, 1]"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { eg::SGD<double>({w}, {.weight_decay = -0.1}); }),
                       {"weight_decay", "-0.1"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { eg::SGD<double>({w}, {.nesterov = true}); }),
                       {"nesterov", "momentum"}));
}
