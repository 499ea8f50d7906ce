// A network that solves a differential equation, y' = -y with y(0) = 1, for t from 0 to 2. Nobody tells it the solution
// exp(-t): its loss is how badly it fulfils the equation, so the derivative of the network is part of the loss.
// Answer: largest error against exp\(-t\): [0-9.]+e-(0[5-9]|1[0-9])
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;

int main() {
  eg::manual_seed(1);
  eg::Sequential<double> network(eg::Linear<double>(1, 16), eg::Tanh<double>(), eg::Linear<double>(16, 1));
  // Whatever the network gives, y(0) is 1. (Lagaris, Likas, Fotiadis: Artificial neural networks for solving ordinary
  // and partial differential equations, 1998.)
  const auto y = [&](const Tensor& t) { return Tensor(1 + t * network(t)); };
  const auto sum_of_y = [&](const Tensor& t) { return sum(y(t)); };

  const Tensor times = reshape(Tensor::linspace(0, 2, 21), {21, 1});
  eg::LBFGS<double> optimizer(network.parameters(), {.max_iterations = 300, .change_tolerance = 1e-14});
  const auto loss_and_gradient = [&] {
    eg::Tape tape;
    // A sum's gradient is y'(t), one number for each time, since each y depends on its own t alone.
    const Tensor slope = eg::grad(sum_of_y, times);
    const Tensor loss = mean(square(slope + y(times)));  // 0 where y' = -y
    tape.backward(loss);                                 // with respect to the weights, through the derivative
    return loss;
  };
  std::printf("mean square of y' + y at first: %.1e\n", optimizer.step(loss_and_gradient));
  std::printf("after %3d steps of L-BFGS:      %.1e\n\n", static_cast<int>(optimizer.iterations()),
              loss_and_gradient().item());

  const Tensor fine = reshape(Tensor::linspace(0, 2, 201), {201, 1}), learned = y(fine);
  std::printf("   t   network   exp(-t)\n");
  double worst = 0;
  for (eg::Index i = 0; i < 201; ++i) {
    const double t = fine(i, 0), exact = std::exp(-t);
    worst = std::max(worst, std::abs(learned(i, 0) - exact));
    if (i % 25 == 0) std::printf("%5.2f  %.6f  %.6f\n", t, learned(i, 0), exact);
  }
  std::printf("largest error against exp(-t): %.1e\n", worst);
}
