#include <eigengrad/eigengrad.hpp>
#include <iostream>
namespace eg = eigengrad;

int main() {
  eg::manual_seed(7);
  const eg::Tensor<float> inputs = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
  const eg::Tensor<float> targets = {{0}, {1}, {1}, {0}};

  eg::Sequential<float> model(eg::Linear<float>(2, 8), eg::Tanh<float>(), eg::Linear<float>(8, 1), eg::Sigmoid<float>());
  eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 0.5f, .momentum = 0.9f});

  for (int step = 0; step < 2000; ++step) {
    eg::Tape tape;
    const auto loss = eg::mse_loss(model(inputs), targets);
    tape.backward(loss);
    optimizer.step();
    optimizer.zero_grad();
  }
  std::cout << model(inputs) << '\n';
}
