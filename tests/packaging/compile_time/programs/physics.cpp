// A damped, driven pendulum from a few noisy measurements: a network is fitted to them and, by its first and second
// derivatives in time, to the equation y'' = -k sin(y) - c y' + a exp(-t) cos(2 t), whose k and c are learned, too.
// Answer: k = 3\.[6-9]|k = 4\.[0-4]
#include <cmath>
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using Parameter = eg::Parameter<double>;

constexpr double true_k = 4, true_c = 0.3, drive = 0.5;

/// The pendulum computed by Runge and Kutta's steps, [steps + 1] angles.
Tensor simulate(eg::Index steps, double length) {
  Tensor angles = Tensor::empty({steps + 1});
  const auto force = [](double t, double y, double v) {
    return -true_k * std::sin(y) - true_c * v + drive * std::exp(-t) * std::cos(2 * t);
  };
  double y = 1.2, v = 0;
  const double h = length / static_cast<double>(steps);
  for (eg::Index i = 0; i <= steps; ++i) {
    angles.at(i) = y;
    const double t = h * static_cast<double>(i), k1 = force(t, y, v), k2 = force(t + h / 2, y + h / 2 * v, v + h / 2 * k1),
                 k3 = force(t + h / 2, y + h / 2 * v + h * h / 4 * k1, v + h / 2 * k2),
                 k4 = force(t + h, y + h * v + h * h / 2 * k2, v + h * k3);
    y += h * v + h * h / 6 * (k1 + k2 + k3);
    v += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
  }
  return angles;
}

int main() {
  eg::manual_seed(3);
  const double length = 3;
  const Tensor exact = simulate(300, length), seen_angles = reshape(slice(exact, 0, 0, 301, 15), {-1, 1});
  const Tensor seen_times = reshape(Tensor::linspace(0, length, seen_angles.size(0)), {-1, 1});
  const Tensor measured = seen_angles + 0.01 * Tensor::randn(seen_angles.shape());
  const Tensor times = reshape(Tensor::linspace(0, length, 61), {-1, 1});

  eg::Sequential<double> network(eg::Linear<double>(3, 20), eg::Tanh<double>(), eg::Linear<double>(20, 20),
                                 eg::Tanh<double>(), eg::Linear<double>(20, 1));
  Parameter log_k(Tensor::zeros({})), log_c(Tensor::full({}, -1));
  const auto angle = [&](const Tensor& t) {
    return Tensor(1.2 * exp(-t) + t * network(eg::concatenate({t / length, sin(2 * t), cos(2 * t)}, 1)));
  };
  const auto rate = [&](const Tensor& t) { return eg::grad([&](const Tensor& u) { return sum(angle(u)); }, t); };

  auto parameters = network.parameters();
  parameters.push_back(log_k);
  parameters.push_back(log_c);
  const auto loss_at = [&] {
    eg::Tape tape;
    const Tensor y = angle(times), v = rate(times);
    const Tensor acceleration = eg::grad([&](const Tensor& u) { return sum(rate(u)); }, times);
    const auto force = -exp(log_k) * sin(y) - exp(log_c) * v + drive * exp(-times) * cos(2 * times);
    const auto weight = 1 / (1 + square(times) / 4);
    const Tensor residual = mean(weight * square(acceleration - force));
    const Tensor start = sum(square(select(v, 0, 0)));
    const Tensor misfit = mean(log1p(square((angle(seen_times) - measured) / 0.01)));
    const Tensor loss = residual + 0.3 * misfit + start + 1e-3 * (square(log_k) + square(log_c));
    tape.backward(loss);
    return loss;
  };

  eg::Adam<double> adam(parameters, {.learning_rate = 0.01});
  for (int step = 0; step <= 300; ++step) {
    const Tensor loss = loss_at();
    adam.step();
    adam.zero_grad();
    if (step % 100 == 0) std::printf("step %3d: loss %.4f\n", step, loss.item());
  }
  eg::LBFGS<double> finish(parameters, {.max_iterations = 200});
  std::printf("L-BFGS begins at %.4f\n", finish.step(loss_at));
  const Tensor fine = reshape(Tensor::linspace(0, length, 301), {-1, 1});
  const Tensor worst = max(abs(angle(fine) - reshape(exact, {-1, 1})));
  std::printf("largest error of the angle: %.3f\n", worst.item());
  std::printf("k = %.2f (4), c = %.2f (0.3)\n", exp(log_k).item(), exp(log_c).item());
}
