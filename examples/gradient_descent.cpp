// Gradient descent walks downhill. In a narrow valley plain steps jump from wall to wall; momentum, which remembers
// where it was going, rolls along the floor.
// Answer: plain steps +after 40 steps the loss is 0\.00
// Answer: with momentum +after 40 steps the loss is 0\.00000
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
#include <eigengrad/viz/viz.hpp>
namespace eg = eigengrad;
namespace viz = eigengrad::viz;

// A valley twenty times as steep across (w2) as along (w1).
const auto valley = [](const auto& w1, const auto& w2) { return 0.5 * (w1 * w1 + 20 * w2 * w2); };

viz::Panel descend(const char* name, eg::SGD<double>::Options options) {
  eg::Parameter<double> w1(eg::Tensor<double>::full({}, -4)), w2(eg::Tensor<double>::full({}, 1));
  eg::SGD<double> optimizer({w1, w2}, options);
  std::vector<double> path1, path2;
  for (int step = 0; step < 40; ++step) {
    path1.push_back(w1.value().item());
    path2.push_back(w2.value().item());
    eg::Tape tape;
    const eg::Tensor<double> loss = valley(w1, w2);
    tape.backward(loss);
    if (step % 10 == 0)
      std::printf("%-14s step %2d   w = (%6.3f, %6.3f)   loss %8.5f   gradient (%6.3f, %6.3f)\n", name, step,
                  path1.back(), path2.back(), loss.item(), w1.grad().item(), w2.grad().item());
    optimizer.step();  // w = w - learning_rate * gradient, and with momentum what is left of the last step
    optimizer.zero_grad();
  }
  std::printf("%-14s after 40 steps the loss is %.5f\n\n", name, valley(w1.value().item(), w2.value().item()));
  const std::string rates = eg::to_text("learning rate ", options.learning_rate, ", momentum ", options.momentum);
  return viz::descent_path(valley, {{"steps", path1, path2}},
                           {.title = name, .subtitle = rates, .levels = {0, 0.5, 1, 2, 4, 8, 16, 32}});
}

int main(int count, char** arguments) {
  viz::Figure figure({.title = "Gradient descent in a narrow valley", .columns = 2});
  figure.add(descend("plain steps", {.learning_rate = 0.095}));
  figure.add(descend("with momentum", {.learning_rate = 0.095, .momentum = 0.4}));
  figure.save(std::string(count > 1 ? arguments[1] : ".") + "/gradient_descent.svg");
}
