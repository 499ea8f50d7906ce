// A gradient through an optimizer: ten steps of gradient descent are one long function of the learning rate, so the
// loss they end at has a derivative with respect to the rate, which tells how to choose a better one.
// Answer: in closed form -141\.68013057[0-9]+, relative difference ([0-9.]+e-1[2-9]|0\.0e\+00)
// Answer: a better rate: 0\.1700[0-9] +loss after ten steps 0\.01303
// Answer: derivative there: -?[0-9.]+e-(0[6-9]|1[0-9])
#include <cmath>
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;

const Tensor steepness = {1, 4, 10}, start = {1, -2, 0.5};
const auto loss = [](const Tensor& w) { return 0.5 * sum(steepness * w * w); };

/// The loss after ten steps w = w - rate * (gradient of the loss at w): a derivative inside a function to be derived.
const auto loss_after_ten_steps = [](const Tensor& rate) {
  Tensor w = start;
  for (int step = 0; step < 10; ++step) w = w - rate * eg::grad(loss, w);
  return loss(w);
};

/// The same worked out by hand: a step multiplies w by 1 - rate * steepness.
double derivative_in_closed_form(double rate) {
  double total = 0;
  for (eg::Index i = 0; i < start.size(); ++i)
    total -= 10 * std::pow(steepness(i), 2) * std::pow(1 - rate * steepness(i), 19) * std::pow(start(i), 2);
  return total;
}

int main() {
  const eg::Parameter<double> rate(Tensor::full({}, 0.02));
  const auto [first_loss, slope] = eg::value_and_grad(loss_after_ten_steps, rate.value());
  const double by_hand = derivative_in_closed_form(0.02);
  std::printf("rate 0.02: loss at the start %.5f, loss after ten steps %.5f\n", loss(start).item(), first_loss.item());
  std::printf("derivative by the tape %.10f, in closed form %.10f, relative difference %.1e\n", slope.item(), by_hand,
              std::abs(slope.item() / by_hand - 1));

  // The rate is learned as a weight would be: by an optimizer around the optimizer.
  eg::LBFGS<double> optimizer({rate}, {.max_iterations = 100, .change_tolerance = 0});
  optimizer.step([&] {
    eg::Tape tape;
    const Tensor final_loss = loss_after_ten_steps(rate);
    tape.backward(final_loss);
    return final_loss;
  });
  const double best = rate.value().item();
  std::printf("a better rate: %.5f   loss after ten steps %.7f\n", best, loss_after_ten_steps(rate.value()).item());
  std::printf("derivative there: %.1e\n", derivative_in_closed_form(best));
}
