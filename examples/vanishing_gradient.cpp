// What goes wrong in learning, made visible by `diagnose`. A sigmoid's slope is at most 1/4, so ten of them in a row
// leave next to nothing of the gradient; a ReLU's is 1. But a ReLU that never fires has slope 0: LeakyReLU revives it.
// Answer: first layer / last layer +[0-9.]+e-0[5-9] +[0-9]*\.?[0-9]+
// Answer: the gradient vanishes
// Answer: ReLU +loss 18\.667 +100 % of its units dead
// Answer: LeakyReLU +loss  0\.000
// Answer: ReLU again +loss  0\.000 +0 % of its units dead
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
#include <eigengrad/viz/viz.hpp>
namespace eg = eigengrad;
namespace viz = eigengrad::viz;

const auto loss = [](const auto& prediction, const auto& target) { return eg::mse_loss(prediction, target); };

template <class Activation>
eg::Diagnosis diagnosis_of_a_deep_network() {
  eg::Sequential<float> model(eg::Linear<float>(1, 32), Activation());
  for (int layer = 2; layer <= 10; ++layer) model.add(eg::Linear<float>(32, 32)).add(Activation());
  model.add(eg::Linear<float>(32, 1));
  const auto curve = eg::noisy_sine<float>(100);
  return eg::diagnose(model, loss, curve.inputs, curve.targets);
}

int main(int count, char** arguments) {
  eg::manual_seed(2);
  const auto sigmoid = diagnosis_of_a_deep_network<eg::Sigmoid<float>>();
  const auto relu = diagnosis_of_a_deep_network<eg::ReLU<float>>();
  std::vector<double> sigmoids, relus;
  std::printf("norm of the gradient         Sigmoid     ReLU\n");
  for (std::size_t i = 0; i < relu.layers.size(); i += 2) {  // every second layer is Linear and has weights
    sigmoids.push_back(sigmoid.layers[i].parameter_gradient);
    relus.push_back(relu.layers[i].parameter_gradient);
    std::printf("  weights of layer %2zu      %10.2g %8.2g\n", i / 2 + 1, sigmoids.back(), relus.back());
  }
  std::printf("first layer / last layer   %9.2g %8.2g\n", sigmoids[0] / sigmoids.back(), relus[0] / relus.back());
  for (const auto& finding : sigmoid.findings) std::printf("diagnose says of the sigmoids: %s\n", finding.c_str());
  const viz::LossOptions labels{.title = "Each layer's gradient", .x_label = "layer", .y_label = "norm", .log_y = true};
  viz::Figure(viz::loss_curve({{"Sigmoid", sigmoids}, {"ReLU", relus}}, labels))
      .save(std::string(count > 1 ? arguments[1] : ".") + "/vanishing_gradient.svg");

  // y = 2x, and a neuron whose weight is negative: its ReLU gives 0 for every x, and so does its slope.
  const eg::Dataset<float> line({{1}, {2}, {3}}, {{2}, {4}, {6}});
  eg::Sequential<float> dead(eg::Linear<float>(1, 1), eg::ReLU<float>());
  eg::Sequential<float> leaky(eg::Linear<float>(1, 1), eg::LeakyReLU<float>(0.1));
  dead.load_state_dict({{"0.weight", {{-1}}}, {"0.bias", {0}}});
  leaky.load_state_dict(dead.state_dict());
  const auto train = [&](eg::Sequential<float>& model) {
    eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 0.05f});
    eg::fit(model, loss, optimizer, line, {.epochs = 500, .progress = eg::Progress::none});
    return eg::diagnose(model, loss, line.inputs, line.targets);
  };
  const eg::Diagnosis stuck = train(dead), learned = train(leaky);
  dead.load_state_dict(leaky.state_dict());
  const eg::Diagnosis again = eg::diagnose(dead, loss, line.inputs, line.targets);
  std::printf("\nfitting y = 2x from a negative weight, 500 steps\n");
  std::printf("  ReLU        loss %6.3f   %3.0f %% of its units dead\n", stuck.loss, 100 * stuck.layers[1].dead);
  std::printf("  LeakyReLU   loss %6.3f\n", learned.loss);
  std::printf("  ReLU again  loss %6.3f   %3.0f %% of its units dead\n", again.loss, 100 * again.layers[1].dead);
}
