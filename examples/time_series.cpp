// A GRU continues a curve it was shown: two swings of different length that drift and jitter. Trained to name the next
// value, it then feeds on its own answers and goes on alone.
// Answer: off by 0\.[0-3]
#include <cmath>
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
#include <eigengrad/nn/layers/recurrent.hpp>
#include <eigengrad/viz/viz.hpp>
namespace eg = eigengrad;

struct Forecaster : eg::Layer<float> {
  explicit Forecaster(eg::Index hidden) : gru(1, hidden, {.layers = 2}), head(hidden, 1) {}
  eg::Tensor<float> forward(const eg::Tensor<float>& x) override { return head(gru(x).output); }  // [T, B, 1] -> same
  void members(eg::Members<float>& m) override {
    m("gru", gru);
    m("head", head);
  }
  eg::GRU<float> gru;
  eg::Linear<float> head;
};

int main() {
  eg::manual_seed(3);
  const eg::Index length = 1000, learned = 800, window = 120;
  std::vector<float> curve;
  for (eg::Index t = 0; t < length; ++t)
    curve.push_back(static_cast<float>(0.6 * std::sin(0.21 * static_cast<double>(t)) +
                                       0.4 * std::sin(0.073 * static_cast<double>(t) + 1) +
                                       0.03 * eg::default_generator().normal()));
  // Windows that start everywhere in the first 800 values, and the same one step later.
  const eg::Index batch = 32;
  const auto windows = [&](eg::Generator& generator) {
    auto now = eg::Tensor<float>::empty({window, batch, 1}), next = eg::Tensor<float>::empty({window, batch, 1});
    for (eg::Index b = 0; b < batch; ++b) {
      const auto first = generator.below(static_cast<std::uint64_t>(learned - window - 1));
      for (eg::Index t = 0; t < window; ++t) {
        now.at(t, b, 0) = curve[first + static_cast<std::size_t>(t)];
        next.at(t, b, 0) = curve[first + static_cast<std::size_t>(t) + 1];
      }
    }
    return std::pair(now, next);
  };

  Forecaster model(48);
  eg::Adam<float> optimizer(model.parameters(), {.learning_rate = 0.004f});
  eg::Generator generator(5);
  for (int step = 1; step <= 1000; ++step) {
    const auto [now, next] = windows(generator);
    eg::Tape tape;
    const auto loss = mean(square(model(now) - next));
    tape.backward(loss);
    optimizer.set_learning_rate(0.004f *
                                (1 - static_cast<float>(step) / 1001));  // large steps first, small ones at the end
    eg::clip_gradient_norm(model.parameters(), 1);
    optimizer.step();
    optimizer.zero_grad();
    if (step % 250 == 0) std::printf("step %d: mean squared error of the next value %.4f\n", step, loss.item());
  }

  // It sees the last values it learned from, then hears only itself.
  auto stream = model.gru.stream();
  eg::Tensor<float> answer = eg::Tensor<float>::zeros({1});
  for (eg::Index t = learned - 200; t < learned; ++t)
    answer = model.head(stream(eg::Tensor<float>{curve[static_cast<std::size_t>(t)]}));
  std::vector<double> at, truth, said;
  double squares = 0;
  for (eg::Index t = learned; t < length; ++t) {
    at.push_back(static_cast<double>(t));
    truth.push_back(curve[static_cast<std::size_t>(t)]);
    said.push_back(answer(0));
    if (t < learned + 100) squares += (truth.back() - said.back()) * (truth.back() - said.back());
    answer = model.head(stream(answer.detach()));
  }
  eg::viz::Panel panel({.title = "A curve continued", .x_label = "time", .width = 520, .height = 220});
  panel.line(at, truth, {.label = "what happened"}).line(at, said, {.label = "what it said, alone"});
  eg::viz::Figure figure;
  figure.add(panel);
  figure.save("time_series.svg");
  std::printf("100 values on its own: off by %.2f (root mean square; the curve itself swings by 0.51)\n",
              std::sqrt(squares / 100));
}
