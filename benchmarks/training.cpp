#include <benchmark/benchmark.h>

#include <eigengrad/eigengrad.hpp>

#include "by_hand.hpp"

// Whole training steps beside the same by hand. Run with --benchmark_enable_random_interleaving=true
// --benchmark_repetitions=9 and compare medians; scripts or docs/performance.md say with which flags.
namespace eg = eigengrad;

static void xor_by_hand(benchmark::State& state) {
  by_hand::Xor work;
  for (auto _ : state) benchmark::DoNotOptimize(work.step(0.5f));
}
BENCHMARK(xor_by_hand);

static void xor_eigengrad(benchmark::State& state) {
  const eg::Tensor<float> inputs = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, targets = {{0}, {1}, {1}, {0}};
  eg::Sequential<float> model(eg::Linear<float>(2, 8), eg::Tanh<float>(), eg::Linear<float>(8, 1),
                              eg::Sigmoid<float>());
  eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 0.5f});
  for (auto _ : state) {
    eg::Tape tape;
    tape.backward(eg::mse_loss(model(inputs), targets));
    optimizer.step();
    optimizer.zero_grad();
  }
}
BENCHMARK(xor_eigengrad);

static void xor_eigengrad_replayed(benchmark::State& state) {
  const eg::Tensor<float> inputs = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, targets = {{0}, {1}, {1}, {0}};
  eg::Sequential<float> model(eg::Linear<float>(2, 8), eg::Tanh<float>(), eg::Linear<float>(8, 1),
                              eg::Sigmoid<float>());
  eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 0.5f});
  auto step = eg::compile([&](const auto& x, const auto& y) { return eg::mse_loss(model(x), y); });
  for (auto _ : state) {
    step(inputs, targets);
    optimizer.step();
    optimizer.zero_grad();
  }
}
BENCHMARK(xor_eigengrad_replayed);

static eg::Sequential<float> mlp(const std::vector<int>& sizes) {
  eg::Sequential<float> model;
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    model.add(eg::Linear<float>(sizes[i], sizes[i + 1]));
    if (i + 2 < sizes.size()) model.add(eg::ReLU<float>());
  }
  return model;
}
static void mlp_by_hand(benchmark::State& state, std::vector<int> sizes, int batch, bool classify) {
  by_hand::Mlp work(sizes, batch);
  for (auto _ : state) benchmark::DoNotOptimize(work.step(0.001f, classify));
}
static void mlp_eigengrad(benchmark::State& state, std::vector<int> sizes, int batch, bool classify) {
  eg::Sequential<float> model = mlp(sizes);
  eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 0.001f});
  const auto inputs = eg::Tensor<float>::rand({batch, sizes.front()}),
             targets = eg::Tensor<float>::rand({batch, sizes.back()});
  const auto labels = eg::Tensor<std::int64_t>::randint(0, sizes.back(), {batch});
  for (auto _ : state) {
    eg::Tape tape;
    const eg::Tensor<float> output = model(inputs);
    tape.backward(classify ? eg::softmax_cross_entropy(output, labels) : eg::mse_loss(output, targets));
    optimizer.step();
    optimizer.zero_grad();
  }
}
#define MLP(name, batch, classify, ...)                                                                                \
  BENCHMARK_CAPTURE(mlp_by_hand, name, std::vector<int>{__VA_ARGS__}, batch, classify)->Unit(benchmark::kMicrosecond); \
  BENCHMARK_CAPTURE(mlp_eigengrad, name, std::vector<int>{__VA_ARGS__}, batch, classify)->Unit(benchmark::kMicrosecond)
MLP(784_128_10_b64, 64, true, 784, 128, 10);
MLP(784_256_128_10_b128, 128, true, 784, 256, 128, 10);
MLP(64_64_64_64_8_b32, 32, false, 64, 64, 64, 64, 8);
MLP(1024_1024_1024_1024_10_b256, 256, true, 1024, 1024, 1024, 1024, 10);

BENCHMARK_MAIN();
