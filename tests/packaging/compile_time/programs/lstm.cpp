// An LSTM written by hand: it reads a noisy sine, one number at a time, and says the next one.
// Answer: typical error of the next value: 0\.[01][0-9]+ of 0\.7
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
#include <vector>
namespace eg = eigengrad;
using Tensor = eg::Tensor<float>;

/// The cell of Hochreiter and Schmidhuber with a forget gate and peepholes.
struct LSTMCell : eg::Module<float> {
  LSTMCell(eg::Index inputs, eg::Index hidden) : hidden_size(hidden) {
    const float scale = 1 / std::sqrt(static_cast<float>(hidden));
    for (auto* gate : {&input, &forget, &output, &candidate}) {
      gate->from_input = eg::Parameter<float>(scale * (2 * Tensor::rand({inputs, hidden}) - 1));
      gate->from_hidden = eg::Parameter<float>(scale * (2 * Tensor::rand({hidden, hidden}) - 1));
      gate->bias = eg::Parameter<float>(Tensor::zeros({hidden}));
    }
    forget.bias.set_value(Tensor::ones({hidden}));
    peephole = eg::Parameter<float>(Tensor::zeros({3, hidden}));
  }
  struct Gate {
    eg::Parameter<float> from_input, from_hidden, bias;
    Tensor operator()(const Tensor& x, const Tensor& h) const {
      return matmul(x, from_input) + matmul(h, from_hidden) + bias;
    }
  };
  struct State {
    Tensor h, c;
  };

  State step(const Tensor& x, const State& before) const {
    const Tensor look = peephole * 1.0f;
    const auto i = sigmoid(input(x, before.h) + select(look, 0, 0) * before.c);
    const auto f = sigmoid(forget(x, before.h) + select(look, 0, 1) * before.c);
    const Tensor g = tanh(candidate(x, before.h));
    const Tensor c = f * before.c + i * g;
    const Tensor o = sigmoid(output(x, before.h) + select(look, 0, 2) * c);
    return {o * tanh(c), c};
  }
  Tensor forward(const Tensor& sequence) override {  // [batch, steps, inputs] -> [batch, hidden]
    State state{Tensor::zeros({sequence.size(0), hidden_size}), Tensor::zeros({sequence.size(0), hidden_size})};
    for (eg::Index t = 0; t < sequence.size(1); ++t) state = step(select(sequence, 1, t), state);
    return state.h;
  }
  void members(eg::Members<float>& m) override {
    const char* names[] = {"input", "forget", "output", "candidate"};
    const char* const* name = names;
    for (auto* gate : {&input, &forget, &output, &candidate}) {
      m(std::string(*name) + ".from_input", gate->from_input);
      m(std::string(*name) + ".from_hidden", gate->from_hidden);
      m(std::string(*name++) + ".bias", gate->bias);
    }
    m("peephole", peephole);
  }

  eg::Index hidden_size;
  Gate input, forget, output, candidate;
  eg::Parameter<float> peephole;
};

int main() {
  eg::manual_seed(4);
  const eg::Index windows = 128, steps = 12;
  const Tensor time = Tensor::arange(0, static_cast<float>(windows + steps), 1) * 0.3f;
  const Tensor noisy = sin(time) + 0.05f * Tensor::randn(time.shape());
  std::vector<Tensor> rows, next;
  for (eg::Index first = 0; first < windows; ++first) {
    rows.push_back(slice(noisy, 0, first, first + steps));
    next.push_back(slice(noisy, 0, first + steps, first + steps + 1));
  }
  const Tensor inputs = unsqueeze(stack(rows, 0), -1), targets = stack(next, 0);

  LSTMCell cell(1, 12);
  eg::Linear<float> readout(12, 1);
  std::vector<eg::ParameterRef<float>> parameters = cell.parameters();
  for (const auto& each : readout.parameters()) parameters.push_back(each);
  eg::Adam<float> optimizer(parameters, {.learning_rate = 0.02f});
  for (int epoch = 0; epoch < 60; ++epoch) {
    eg::Tape tape;
    const Tensor predicted = readout(cell(inputs));
    Tensor decay = Tensor::zeros({});
    for (const auto& each : cell.parameters()) decay = decay + sum(square(each));
    const Tensor loss = mean(square(predicted - targets)) + 1e-5f * decay;
    tape.backward(loss);
    eg::clip_gradient_norm(parameters, 1.0f);
    optimizer.step();
    optimizer.zero_grad();
    if (epoch % 20 == 0) std::printf("epoch %2d: loss %.4f\n", epoch, static_cast<double>(loss.item()));
  }
  const Tensor predicted = readout(cell(inputs));
  const Tensor error = sqrt(mean(square(predicted - targets))), spread = eg::std(targets);
  std::printf("typical error of the next value: %.3f of %.3f\n", static_cast<double>(error.item()),
              static_cast<double>(spread.item()));
}
