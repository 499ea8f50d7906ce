#pragma once

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/ops/activations.hpp"
#include "eigengrad/ops/matmul.hpp"
#include "eigengrad/ops/sum.hpp"
#include "support/close.hpp"

// Two problems to compare optimizers on: one also stepped by PyTorch, one for formulas stepped by hand.
namespace golden {

namespace eg = eigengrad;
using Real = eg::Tensor<double>;

/// Minimises |w A - b|^2 + sum(sin(w)) from a fixed start; `make` gives the optimizer of a list of parameters.
/// Returns w after `steps` steps.
template <class Make>
Real steps_on_fixed_problem(const Make& make, int steps) {
  const Real a = {{2, -1, 0.5}, {1, 3, -2}, {-0.5, 1, 1.5}}, b = {{1, -2, 3}};
  const eg::Parameter<double> w(Real{{0.5, -1, 2}});
  auto optimizer = make(std::vector<eg::ParameterRef<double>>{w});
  for (int i = 0; i < steps; ++i) {
    optimizer.zero_grad();
    eg::Tape tape;
    tape.backward(sum(square(matmul(w, a) - b)) + sum(sin(w)));
    optimizer.step();
  }
  return w.value();
}

/// Steps a parameter of 37 numbers along prescribed gradients, and as many single numbers by `rule`, which is called as
/// rule(t, w, g, first_state, second_state) with t = 1, 2, ...; expects the same of both.
template <class T, class Make, class Rule>
void expect_steps(const Make& make, const Rule& rule, double tolerance) {
  eg::Generator generator(11);
  const eg::Parameter<T> parameter(eg::Tensor<T>::randn({37}, generator));
  std::vector<T> w(parameter.value().begin(), parameter.value().end()), first(37), second(37);
  auto optimizer = make(std::vector<eg::ParameterRef<T>>{parameter});
  for (int t = 1; t <= 10; ++t) {
    const eg::Tensor<T> g = eg::Tensor<T>::randn({37}, generator);
    eg::Tape tape;
    tape.backward(sum(parameter * g));
    optimizer.step();
    optimizer.zero_grad();
    for (std::size_t i = 0; i < w.size(); ++i) rule(t, w[i], g.data()[i], first[i], second[i]);
    ASSERT_TRUE(support::close(parameter.value(), std::vector<double>(w.begin(), w.end()), tolerance)) << "step " << t;
  }
}

}  // namespace golden
