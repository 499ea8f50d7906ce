// One neuron draws one straight line. That is enough for AND and for OR, but not for XOR: no line has (0,1) and (1,0)
// on one side, (0,0) and (1,1) on the other. A hidden layer of eight neurons bends the line, and XOR is learned.
// Answer: AND, one neuron: 4 of 4 right
// Answer: OR, one neuron: 4 of 4 right
// Answer: XOR, one neuron: [0-3] of 4 right
// Answer: XOR, with a hidden layer: 4 of 4 right
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
namespace eg = eigengrad;

// The five steps of learning. Step 1, initialise: `model` comes with small random weights.
void learn(const char* name, const eg::Dataset<float>& gate, eg::Sequential<float> model) {
  eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 1, .momentum = 0.9f});
  float error = 1;
  int steps = 0;
  while (error > 0.001f && steps < 3000) {  // 5. repeat until accurate enough
    eg::Tape tape;
    const eg::Tensor<float> prediction = model(gate.inputs);                // 2. predict
    const eg::Tensor<float> loss = eg::mse_loss(prediction, gate.targets);  // 3. measure the error
    tape.backward(loss);                                                    // 4. update: which way does each weight
    optimizer.step();                                                       //    lower the error? Go a step that way.
    optimizer.zero_grad();
    error = loss.item();
    ++steps;
  }

  const eg::Tensor<float> prediction = model(gate.inputs);
  std::printf("\n%s after %d steps\n  a  b  wanted  predicted\n", name, steps);
  int right = 0;
  for (int i = 0; i < 4; ++i) {
    const bool wanted = gate.targets(i, 0) > 0.5f, predicted = prediction(i, 0) > 0.5f;
    right += predicted == wanted;
    std::printf("  %g  %g  %4d      %.3f%s\n", gate.inputs(i, 0), gate.inputs(i, 1), wanted, prediction(i, 0),
                predicted == wanted ? "" : "  wrong");
  }
  std::printf("%s: %d of 4 right\n", name, right);
}

int main() {
  std::printf("%s\n", eg::build_info().c_str());
  if (const auto advice = eg::build_advice(); !advice.empty()) std::fprintf(stderr, "%s\n", advice.c_str());

  eg::manual_seed(7);
  const eg::Sequential<float> neuron(eg::Linear<float>(2, 1), eg::Sigmoid<float>());
  const eg::Sequential<float> network(eg::Linear<float>(2, 8), eg::Tanh<float>(), eg::Linear<float>(8, 1),
                                      eg::Sigmoid<float>());

  learn("AND, one neuron", eg::and_gate<float>(), neuron);
  learn("OR, one neuron", eg::or_gate<float>(), neuron);
  learn("XOR, one neuron", eg::xor_gate<float>(), neuron);
  learn("XOR, with a hidden layer", eg::xor_gate<float>(), network);
}
