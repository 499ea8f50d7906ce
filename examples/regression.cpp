// Regression: a network of one input and one output learns a curve from noisy measurements of it.
// Answer: typical error of the learned curve: 0\.0[0-4]
#include <cmath>
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
#include <eigengrad/viz/viz.hpp>
namespace eg = eigengrad;
namespace viz = eigengrad::viz;

int main(int count, char** arguments) {
  eg::manual_seed(1);
  const auto measured = eg::noisy_sine<float>(200, {.noise = 0.1, .seed = 1});

  eg::Sequential<float> model(eg::Linear<float>(1, 32), eg::Tanh<float>(), eg::Linear<float>(32, 32), eg::Tanh<float>(),
                              eg::Linear<float>(32, 1));
  eg::Adam<float> optimizer(model.parameters(), {.learning_rate = 0.005f});
  eg::DataLoader<float> batches(measured, {.batch_size = 50});

  for (int epoch = 1; epoch <= 300; ++epoch) {
    float error = 0;
    for (const auto& [inputs, targets] : batches) {
      eg::Tape tape;
      const auto loss = eg::mse_loss(model(inputs), targets);
      tape.backward(loss);
      optimizer.step();
      optimizer.zero_grad();
      error += loss.item() / static_cast<float>(batches.size());
    }
    if (epoch % 50 == 0) std::printf("epoch %3d  loss %.4f\n", epoch, error);
  }

  const auto x = eg::Tensor<float>::linspace(-3, 3, 61);
  const auto learned = reshape(model(reshape(x, {61, 1})), {61});
  std::printf("\n    x   sin(x)  learned\n");
  for (int i = 0; i < 61; i += 10) std::printf("%5.1f  %7.3f  %7.3f\n", x(i), std::sin(x(i)), learned(i));
  const eg::Tensor<float> error = sqrt(mean(square(learned - sin(x))));
  std::printf("typical error of the learned curve: %.3f (the measurements': 0.1)\n", error.item());

  viz::Panel panel({.title = "A curve learned from noisy measurements", .x_label = "x", .y_label = "y", .width = 420});
  panel.scatter(measured.inputs, measured.targets, {.label = "measured", .colour = "#999999", .size = 2.5});
  panel.line(x, sin(x), {.label = "sin(x)", .dash = viz::Dash::dashed});
  panel.line(x, learned, {.label = "learned", .dash = viz::Dash::solid});
  viz::Figure(panel).save(std::string(count > 1 ? arguments[1] : ".") + "/regression.svg");
}
