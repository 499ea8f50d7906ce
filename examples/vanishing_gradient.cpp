// What goes wrong in learning, made visible by `diagnose`. A sigmoid's slope is at most 1/4, so ten of them in a row leave
// next to nothing of the gradient; a ReLU's is 1. But a ReLU that never fires has slope 0 and cannot learn: LeakyReLU can.
// Answer: Sigmoid: .*the gradient vanishes
// Answer: ReLU: the first layer's gradient is [0-9.]+ times the last one's: nothing looks wrong
// Answer: dead ReLU +100 % dead +loss 0\.[5-9].* after training 0\.[2-9]
// Answer: LeakyReLU .* after training 0\.0
// Answer: ReLU with the revived weights +(0|12|25|37|38) % dead
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
#include <eigengrad/viz/viz.hpp>
namespace eg = eigengrad;
namespace viz = eigengrad::viz;

const auto loss = [](const auto& prediction, const auto& target) { return eg::mse_loss(prediction, target); };
const auto gate = eg::xor_gate<float>();

template <class Activation>
viz::LossCurve gradients_of_a_deep_network(const char* name) {
  eg::Sequential<float> model(eg::Linear<float>(2, 32), Activation());
  for (int layer = 2; layer <= 10; ++layer) model.add(eg::Linear<float>(32, 32)).add(Activation());
  model.add(eg::Linear<float>(32, 1));

  const eg::Diagnosis diagnosis = eg::diagnose(model, loss, gate.inputs, gate.targets);
  std::printf("%s: the first layer's gradient is %.2g times the last one's: %s\n", name, diagnosis.gradient_ratio(),
              diagnosis.findings.empty() ? "nothing looks wrong" : diagnosis.findings.back().c_str());
  std::vector<double> norms;
  for (const eg::LayerDiagnosis& layer : diagnosis.layers)
    if (layer.kind == "Linear") norms.push_back(layer.parameter_gradient);
  return {name, norms};
}

int main(int count, char** arguments) {
  eg::manual_seed(2);
  const auto sigmoid = gradients_of_a_deep_network<eg::Sigmoid<float>>("Sigmoid");
  const auto relu = gradients_of_a_deep_network<eg::ReLU<float>>("ReLU");
  viz::Figure(viz::loss_curve({sigmoid, relu}, {.title = "What arrives at each layer's weights", .x_label = "layer",
                                                .y_label = "norm of the gradient", .log_y = true}))
      .save(std::string(count > 1 ? arguments[1] : ".") + "/vanishing_gradient.svg");

  // Biases so low that no ReLU ever fires.
  eg::Sequential<float> dead(eg::Linear<float>(2, 8), eg::ReLU<float>(), eg::Linear<float>(8, 1));
  eg::Sequential<float> leaky(eg::Linear<float>(2, 8), eg::LeakyReLU<float>(0.1), eg::Linear<float>(8, 1));
  dead.at<eg::Linear<float>>(0).bias.set_value(eg::Tensor<float>::full({8}, -3));
  leaky.load_state_dict(dead.state_dict());
  const auto learn = [](const char* name, eg::Sequential<float>& model) {
    const eg::Diagnosis before = eg::diagnose(model, loss, gate.inputs, gate.targets);
    eg::Adam<float> optimizer(model.parameters(), {.learning_rate = 0.02f});
    const auto history = eg::fit(model, loss, optimizer, gate, {.epochs = 500, .progress = eg::Progress::none});
    std::printf("%-28s %3.0f %% dead   loss %.3f, after training %.3f\n", name, 100 * before.layers[1].dead, before.loss, history.losses().back());
  };
  learn("dead ReLU", dead);
  learn("LeakyReLU", leaky);
  dead.load_state_dict(leaky.state_dict());
  learn("ReLU with the revived weights", dead);
}
