// What bends a neuron's line: six activation functions, and the derivatives that the tape finds for them.
// Answer: Sigmoid +0\.119 \(\+0\.105\) +0\.269 \(\+0\.197\) +0\.500 \(\+0\.250\)
// Answer: Tanh .* 0\.000 \(\+1\.000\)
// Answer: ReLU .* 0\.000 \(\+0\.000\) +1\.000 \(\+1\.000\)
// Answer: LeakyReLU +-0\.200 \(\+0\.100\)
// Answer: ELU +-0\.865 \(\+0\.135\)
// Answer: Maxout +1\.000 \(-0\.500\) .* 2\.000 \(\+1\.000\)
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
#include <eigengrad/viz/viz.hpp>
namespace eg = eigengrad;
namespace viz = eigengrad::viz;
using Tensor = eg::Tensor<double>;

struct Activation {
  const char *name, *formula;
  Tensor (*function)(const Tensor& x);
};
const Activation activations[] = {
    {"Sigmoid", "1 / (1 + exp(-x))", [](const Tensor& x) -> Tensor { return sigmoid(x); }},
    {"Tanh", "2 sigmoid(2x) - 1", [](const Tensor& x) -> Tensor { return tanh(x); }},
    {"ReLU", "max(0, x)", [](const Tensor& x) -> Tensor { return relu(x); }},
    {"LeakyReLU", "x > 0: x, else 0.1 x", [](const Tensor& x) -> Tensor { return leaky_relu(x, 0.1); }},
    {"ELU", "x > 0: x, else exp(x) - 1", [](const Tensor& x) -> Tensor { return elu(x); }},
    // Maxout is the largest of several lines, which a network learns. Here they are x and -x/2.
    {"Maxout", "max(x, -x/2)",
     [](const Tensor& x) -> Tensor { return flatten(eg::maxout(unsqueeze(x, -1) * Tensor{1, -0.5})); }},
};

int main(int count, char** arguments) {
  const Tensor points = Tensor::linspace(-4, 4, 801);
  std::vector<viz::Activation> sheet;

  std::printf("%-10s", "x =");
  for (int i = 200; i <= 600; i += 100) std::printf("%17.0f", points(i));
  std::printf("     value (derivative)\n");
  for (const auto& [name, formula, function] : activations) {
    const eg::Parameter<double> x(points);
    eg::Tape tape;
    const Tensor y = function(x);
    tape.backward(sum(y));  // dy/dx for every point at once: each y depends on its own x only
    const Tensor slope = x.grad();

    std::printf("%-10s", name);
    for (int i = 200; i <= 600; i += 100) std::printf("%8.3f (%+.3f)", y(i), slope(i));
    std::printf("\n");
    sheet.push_back({name, points, y, slope, formula});
  }
  viz::activation_sheet(sheet, {.title = "Activation functions and their derivatives"})
      .save(std::string(count > 1 ? arguments[1] : ".") + "/activations.svg");
}
