// XOR for a few steps: as much of the library as a consumer must be able to build.
#include <cstdio>

#include <eigengrad/eigengrad.hpp>

namespace eg = eigengrad;

int main() {
  eg::manual_seed(7);
  const eg::Tensor<float> inputs = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
  const eg::Tensor<float> targets = {{0}, {1}, {1}, {0}};
  eg::Sequential<float> model(eg::Linear<float>(2, 8), eg::Tanh<float>(), eg::Linear<float>(8, 1),
                              eg::Sigmoid<float>());
  eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 0.5f, .momentum = 0.9f});
  float first = 0, last = 0;
  for (int step = 0; step < 50; ++step) {
    eg::Tape tape;
    const auto loss = eg::mse_loss(model(inputs), targets);
    last = loss.item();
    if (step == 0) first = last;
    tape.backward(loss);
    optimizer.step();
    optimizer.zero_grad();
  }
  std::printf("loss %g -> %g\n", static_cast<double>(first), static_cast<double>(last));
  return last < first ? 0 : 1;
}
