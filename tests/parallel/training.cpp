#include <thread>

#include "bits.hpp"

// Whole training steps and inference: the same bits with any number of threads, recorded and replayed.
namespace eg = eigengrad;
using support::Bits;
using support::expect_same_bits;

namespace {

eg::Sequential<float> make_mlp(const std::vector<int>& sizes) {
  eg::Sequential<float> model;
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    model.add(eg::Linear<float>(sizes[i], sizes[i + 1]));
    if (i + 2 < sizes.size()) model.add(eg::ReLU<float>());
  }
  return model;
}
void add(Bits& bits, eg::Sequential<float>& model) {
  for (const auto& [name, parameter] : model.named_parameters()) {
    const auto& state = parameter.state();
    bits << state.value;
    if (state.gradient.filled) bits << state.gradient.value;
  }
}

struct Network {
  std::string name;
  std::vector<int> sizes;
  int batch;
  int steps;
  bool classify;
};
const std::vector<Network> networks = {
    {"XOR 2-8-1", {2, 8, 1}, 4, 50, false},
    {"64-64-64-64-8", {64, 64, 64, 64, 8}, 32, 10, false},
    {"784-128-10", {784, 128, 10}, 64, 6, true},
    {"784-256-128-10", {784, 256, 128, 10}, 128, 4, true},
    {"odd sizes", {331, 517, 203, 7}, 151, 3, true},
    {"1024-1024-1024-1024-10", {1024, 1024, 1024, 1024, 10}, 256, 2, true},
};

/// Trains a little and gives parameters, gradients and losses.
template <class Optimizer>
Bits train(const Network& network, bool replayed, typename Optimizer::Options options) {
  eg::manual_seed(11);
  eg::Sequential<float> model = make_mlp(network.sizes);
  Optimizer optimizer(model.parameters(), options);
  const auto inputs = eg::Tensor<float>::rand({network.batch, network.sizes.front()}),
             targets = eg::Tensor<float>::rand({network.batch, network.sizes.back()});
  const auto labels = eg::Tensor<std::int64_t>::randint(0, network.sizes.back(), {network.batch});
  const auto loss_of = [&](const auto& x, const auto& y) {
    const eg::Tensor<float> output = model(x);
    return network.classify ? eg::softmax_cross_entropy(output, labels) : eg::mse_loss(output, y);
  };
  auto compiled = eg::compile(loss_of);
  Bits bits;
  for (int step = 0; step < network.steps; ++step) {
    if (step > 0) optimizer.zero_grad();
    if (replayed) {
      bits << compiled(inputs, targets);
    } else {
      eg::Tape tape;
      const eg::Tensor<float> loss = loss_of(inputs, targets);
      bits << loss;
      tape.backward(loss);
    }
    optimizer.step();
  }
  add(bits, model);
  return bits;
}

}  // namespace

TEST(Training, SGDRecordedAndReplayed) {
  for (const Network& network : networks) {
    const eg::SGD<float>::Options options{.learning_rate = 0.01f, .momentum = 0.9f};
    const auto recorded = [&] { return train<eg::SGD<float>>(network, false, options); };
    const auto replayed = [&] { return train<eg::SGD<float>>(network, true, options); };
    expect_same_bits(network.name + ", SGD", recorded);
    expect_same_bits(network.name + ", SGD replayed", replayed);
    EXPECT_TRUE(recorded() == replayed()) << network.name;
  }
}

TEST(Training, Adam) {
  for (const Network& network : networks) {
    expect_same_bits(network.name + ", Adam",
                     [&] { return train<eg::Adam<float>>(network, false, {.learning_rate = 0.01f}); });
    expect_same_bits(network.name + ", Adam replayed",
                     [&] { return train<eg::Adam<float>>(network, true, {.learning_rate = 0.01f}); });
  }
}

TEST(Training, Inference) {
  for (const Network& network : networks)
    for (const int batch : {1, 2, 256}) {
      eg::manual_seed(12);
      eg::Sequential<float> model = make_mlp(network.sizes);
      const auto inputs = eg::Tensor<float>::randn({batch, network.sizes.front()});
      expect_same_bits(network.name + ", inference", [&] { return Bits() << model(inputs); });
    }
}

TEST(Training, AdamOnManyParameters) {
  const auto start = eg::Tensor<float>::randn({1'000'003}), slope = eg::Tensor<float>::randn({1'000'003});
  expect_same_bits("Adam", [&] {
    eg::Parameter<float> w(start);
    eg::Adam<float> optimizer({w});
    for (int step = 0; step < 3; ++step) {
      eg::Tape tape;
      tape.backward(sum(w * slope));
      optimizer.step();
      optimizer.zero_grad();
    }
    return Bits() << w.value();
  });
}

// Several threads of the user's, each with a step that could use the team: whoever comes second computes alone.
TEST(Training, InSeveralThreadsAtOnce) {
  const support::ThreadsRestored restored;
  eg::set_num_threads(1);
  const auto work = [] { return train<eg::SGD<float>>(networks[3], false, {.learning_rate = 0.01f}); };
  const Bits alone = work();
  eg::set_num_threads(3);
  constexpr int threads = 4;
  bool same[threads] = {};
  std::vector<std::thread> running;
  for (int k = 0; k < threads; ++k)
    running.emplace_back([&, k] {
      same[k] = true;
      for (int round = 0; round < 3; ++round) same[k] = same[k] && work() == alone;
    });
  for (std::thread& thread : running) thread.join();
  for (int k = 0; k < threads; ++k) EXPECT_TRUE(same[k]) << k;
}
