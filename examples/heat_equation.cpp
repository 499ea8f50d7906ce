// The heat equation u_t = u_xx: a rod of length 1, its ends kept at 0, warm in the middle at first, u(x, 0) =
// sin(pi x). A network learns u from the equation alone: its loss holds the network's first and second derivatives.
// Answer: largest error against exp\(-pi\^2 t\) sin\(pi x\): 0\.00[0-4]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
#include <numbers>
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;

/// f'(x) where each row of f depends on the same row of x alone: then the gradient of the sum is all derivatives at
/// once.
const auto derivative = [](const auto& f, const Tensor& x) {
  return eg::grad([&](const Tensor& at) { return sum(f(at)); }, x);
};

int main() {
  constexpr double pi = std::numbers::pi;
  eg::manual_seed(1);
  eg::Sequential<double> network(eg::Linear<double>(2, 16), eg::Tanh<double>(), eg::Linear<double>(16, 16),
                                 eg::Tanh<double>(), eg::Linear<double>(16, 1));
  // At t = 0 this is sin(pi x), at both ends 0, whatever the network gives.
  const auto u = [&](const Tensor& x, const Tensor& t) {
    return Tensor(sin(pi * x) + t * x * (1 - x) * network(eg::concatenate({x, t}, 1)));
  };
  const auto residual = [&](const Tensor& x, const Tensor& t) {
    const auto u_x = [&](const Tensor& at) { return derivative([&](const Tensor& place) { return u(place, t); }, at); };
    const Tensor u_xx = derivative(u_x, x);
    const Tensor u_t = derivative([&](const Tensor& time) { return u(x, time); }, t);
    return Tensor(u_t - u_xx);
  };

  // 150 places and times at which the equation shall hold.
  const Tensor x = Tensor::rand({150, 1}), t = 0.5 * Tensor::rand({150, 1});
  eg::LBFGS<double> optimizer(network.parameters(), {.max_iterations = 100, .change_tolerance = 0});
  for (int round = 0; round < 4; ++round) {
    const int steps = static_cast<int>(optimizer.iterations());
    const double loss = optimizer.step([&] {
      eg::Tape tape;
      const Tensor mean_square = mean(square(residual(x, t)));
      tape.backward(mean_square);
      return mean_square;
    });
    std::printf("after %3d steps: mean square of u_t - u_xx %.1e\n", steps, loss);
  }

  std::printf("\n  u(1/2, t):  t   network     exact\n");
  double worst = 0;
  for (int i = 0; i <= 20; ++i) {
    const double time = 0.025 * i, height = std::exp(-pi * pi * time);
    const Tensor places = reshape(Tensor::linspace(0, 1, 41), {41, 1}),
                 learned = u(places, Tensor::full({41, 1}, time));
    for (int j = 0; j <= 40; ++j)
      worst = std::max(worst, std::abs(learned(j, 0) - height * std::sin(pi * places(j, 0))));
    if (i % 4 == 0) std::printf("%15.2f  %8.5f  %8.5f\n", time, learned(20, 0), height);
  }
  std::printf("largest error against exp(-pi^2 t) sin(pi x): %.5f\n", worst);
}
