#include "eigengrad/optim/adam.hpp"

#include "golden.hpp"

// Expected numbers come from PyTorch 1.13 in double.
namespace eg = eigengrad;
using golden::expect_steps, golden::steps_on_fixed_problem;
using support::close, support::mentions, support::message_of;
using Parameters = std::vector<eg::ParameterRef<double>>;

// 43: beside PyTorch's numbers, and the formula by hand.
TEST(Adam, IsPyTorchs) {
  const auto make = [](const Parameters& p) { return eg::Adam<double>(p, {.learning_rate = 0.1}); };
  EXPECT_TRUE(close(steps_on_fixed_problem(make, 1), {0.5999999998297124, -0.9000000001057116, 1.9000000001071369}));
  EXPECT_TRUE(close(steps_on_fixed_problem(make, 10), {1.3223122854007472, -0.4719753328232439, 1.074805027909887}));
}

TEST(Adam, WithEverythingSetIsPyTorchs) {
  const auto make = [](const Parameters& p) {
    return eg::Adam<double>(p,
                            {.learning_rate = 0.05, .beta1 = 0.8, .beta2 = 0.9, .epsilon = 1e-3, .weight_decay = 0.1});
  };
  EXPECT_TRUE(close(steps_on_fixed_problem(make, 1), {0.5499914139763238, -0.9500052297438534, 1.9500052439192448}));
  EXPECT_TRUE(close(steps_on_fixed_problem(make, 10), {0.9749963171274533, -0.5798069585336878, 1.513193413433108}));
}

TEST(AdamW, IsPyTorchs) {
  const auto make = [](const Parameters& p) { return eg::AdamW<double>(p, {.learning_rate = 0.1}); };
  EXPECT_TRUE(close(steps_on_fixed_problem(make, 1), {0.5994999998297124, -0.8990000001057117, 1.8980000001071369}))
      << "decay 0.01";
  EXPECT_TRUE(close(steps_on_fixed_problem(make, 10), {1.3149025569889812, -0.47349492011912675, 1.0606500517769037}));
}

TEST(AdamW, WithEverythingSetIsPyTorchs) {
  const auto make = [](const Parameters& p) {
    return eg::AdamW<double>(p,
                             {.learning_rate = 0.05, .beta1 = 0.8, .beta2 = 0.9, .epsilon = 1e-3, .weight_decay = 0.1});
  };
  EXPECT_TRUE(close(steps_on_fixed_problem(make, 1), {0.5474914870685548, -0.945005285022481, 1.9400053562706476}));
  EXPECT_TRUE(close(steps_on_fixed_problem(make, 10), {0.9425741075592992, -0.5644884715834193, 1.4288110567595502}));
}

template <class T, class Optimizer>
static void check_formula(bool decoupled, double tolerance) {
  const T rate = T(0.01), beta1 = T(0.9), beta2 = T(0.999), epsilon = T(1e-8), decay = T(0.1);
  expect_steps<T>([&](const auto& p) { return Optimizer(p, {rate, beta1, beta2, epsilon, decay}); },
                  [&](int t, T& w, T g, T& m, T& v) {
                    if (decoupled)
                      w -= rate * decay * w;
                    else
                      g += decay * w;
                    m = beta1 * m + (1 - beta1) * g;
                    v = beta2 * v + (1 - beta2) * g * g;
                    const T m_hat = m / (1 - static_cast<T>(std::pow(beta1, t))),
                            v_hat = v / (1 - static_cast<T>(std::pow(beta2, t)));
                    w -= rate * m_hat / (std::sqrt(v_hat) + epsilon);
                  },
                  tolerance);
}

TEST(Adam, IsItsFormulaSteppedByHand) {
  check_formula<double, eg::Adam<double>>(false, 1e-12);
  check_formula<float, eg::Adam<float>>(false, 1e-5);
}

TEST(AdamW, IsItsFormulaSteppedByHand) {
  check_formula<double, eg::AdamW<double>>(true, 1e-12);
  check_formula<float, eg::AdamW<float>>(true, 1e-5);
}

TEST(Adam, StepsOfAZeroGradientStandStill) {
  const eg::Parameter<double> w(eg::Tensor<double>{1, 2, 3});
  eg::Adam<double> optimizer({w});
  for (int i = 0; i < 3; ++i) {
    eg::Tape tape;
    tape.backward(sum(w * 0));
    optimizer.step();
  }
  EXPECT_TRUE(close(w.value(), {1, 2, 3})) << "no 0 / 0";
}

// Two parameters, the second of which gets its first gradient in the seventh of ten steps.
template <class Optimizer>
static void check_late_parameter(const std::vector<double>& early, const std::vector<double>& late) {
  const eg::Parameter<double> a(eg::Tensor<double>{1, -2}), b(eg::Tensor<double>{0.5, 3});
  Optimizer optimizer({a, b}, {.learning_rate = 0.1});
  for (int i = 0; i < 10; ++i) {
    optimizer.zero_grad();
    eg::Tape tape;
    tape.backward(i < 6 ? sum(square(a)) : eg::Tensor<double>(sum(square(a)) + sum(sin(b))));
    optimizer.step();
  }
  EXPECT_TRUE(close(a.value(), early));
  EXPECT_TRUE(close(b.value(), late));
}

TEST(Adam, CountsEachParametersStepsAsPyTorchDoes) {
  check_late_parameter<eg::Adam<double>>({0.07624915560691205, -1.0245868378253593},
                                         {0.0992817184909457, 3.4000352916738126});
  check_late_parameter<eg::AdamW<double>>({0.07169549708798646, -1.0097272748634585},
                                          {0.09788331649417202, 3.387461050405592});
}

TEST(Adam, OptionsOutsideTheirRangeAreRefused) {
  const eg::Parameter<double> w(eg::Tensor<double>{1});
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { eg::Adam<double>({w}, {.beta1 = 1.1}); }), {"beta1", "1.1"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { eg::Adam<double>({w}, {.beta2 = -1}); }), {"beta2", "-1"}));
  // 1 - 1^t is 0, and the first step would divide by it.
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { eg::Adam<double>({w}, {.beta1 = 1}); }), {"beta1", "[0, 1)"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { eg::AdamW<double>({w}, {.epsilon = -1}); }), {"epsilon"}));
  EXPECT_THROW(eg::AdamW<double>({w}, {.weight_decay = -1}), eg::ValueError);
  EXPECT_THROW(eg::Adam<double>({w}, {.learning_rate = -1}), eg::ValueError);
}

// 0 / 0 counts as 0, and so does what is left of a gradient whose square vanishes.
template <class Optimizer>
static void check_without_epsilon() {
  const eg::Parameter<double> w(eg::Tensor<double>{1, 1, 1});
  Optimizer optimizer({w}, {.learning_rate = 0.1, .epsilon = 0, .weight_decay = 0});
  for (int i = 0; i < 2; ++i) {
    optimizer.zero_grad();
    eg::Tape tape;
    tape.backward(sum(w * eg::Tensor<double>{0, 2, 1e-200}));
    optimizer.step();
  }
  EXPECT_TRUE(close(w.value(), {1, 0.8, 1}));
}
TEST(Adam, WithoutEpsilonAZeroGradientStandsStill) {
  check_without_epsilon<eg::Adam<double>>();
  check_without_epsilon<eg::AdamW<double>>();
}
