// Draws what networks decide and how their losses fall, as SVG files, into the folder given (or this one). The examples
// activations, gradient_descent, regression and vanishing_gradient draw theirs.
// Answer: wrote gates\.svg, loss\.svg and spirals\.svg
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
#include <eigengrad/viz/viz.hpp>
namespace eg = eigengrad;
namespace viz = eigengrad::viz;

int main(int count, char** arguments) {
  const std::string folder = count > 1 ? arguments[1] : ".";
  eg::manual_seed(7);
  const eg::Sequential<float> neuron(eg::Linear<float>(2, 1), eg::Sigmoid<float>());
  const eg::Sequential<float> network(eg::Linear<float>(2, 8), eg::Tanh<float>(), eg::Linear<float>(8, 1),
                                      eg::Sigmoid<float>());

  viz::Figure gates({.columns = 4});
  std::vector<viz::LossCurve> curves;
  const auto learn = [&](const char* title, const eg::Dataset<float>& gate, eg::Sequential<float> model) {
    eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 0.2f, .momentum = 0.9f});
    std::vector<float> losses;
    for (int step = 0; step < 500; ++step) {
      eg::Tape tape;
      const auto loss = eg::mse_loss(model(gate.inputs), gate.targets);
      tape.backward(loss);
      optimizer.step();
      optimizer.zero_grad();
      losses.push_back(loss.item());
    }
    curves.push_back({title, losses});
    gates.add(viz::decision_regions(
        model, gate.inputs, gate.targets,
        {.title = title, .class_names = {"the gate gives 0", "the gate gives 1"}, .width = 190, .height = 190}));
  };
  learn("AND, one neuron", eg::and_gate<float>(), neuron);
  learn("OR, one neuron", eg::or_gate<float>(), neuron);
  learn("XOR, one neuron", eg::xor_gate<float>(), neuron);
  learn("XOR, 2-8-1 network", eg::xor_gate<float>(), network);
  gates.save(folder + "/gates.svg");
  viz::Figure(viz::loss_curve(curves, {.title = "How the gates are learned", .x_label = "step", .log_y = true}))
      .save(folder + "/loss.svg");

  const auto spirals = eg::spirals<float>(300, {.noise = 0.02, .seed = 7});
  eg::Sequential<float> model(eg::Linear<float>(2, 32), eg::Tanh<float>(), eg::Linear<float>(32, 32), eg::Tanh<float>(),
                              eg::Linear<float>(32, 3));
  eg::Adam<float> optimizer(model.parameters(), {.learning_rate = 0.01f});
  for (int step = 0; step < 500; ++step) {
    eg::Tape tape;
    tape.backward(eg::softmax_cross_entropy(model(spirals.inputs), spirals.targets));
    optimizer.step();
    optimizer.zero_grad();
  }
  viz::Figure(viz::decision_regions(model, spirals.inputs, spirals.targets,
                                    {.title = "Three spirals, a 2-32-32-3 network", .width = 320, .height = 320}))
      .save(folder + "/spirals.svg");
  std::printf("wrote gates.svg, loss.svg and spirals.svg to %s\n", folder.c_str());
}
