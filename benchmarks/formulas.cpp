#include <benchmark/benchmark.h>

#include <eigengrad/eigengrad.hpp>

#include "by_hand.hpp"

// GELU written out, forward + sum + backward: as a formula, as a map, and in one loop fused by hand.
namespace eg = eigengrad;

static void gelu_by_hand(benchmark::State& state) {
  const auto x = eg::Tensor<float>::randn({state.range(0)});
  eg::Tensor<float> dx = eg::Tensor<float>::zeros(x.shape());
  float* to = dx.mutable_data();
  for (auto _ : state) {
    benchmark::DoNotOptimize(by_hand::gelu(x.data(), to, x.size()));
    benchmark::ClobberMemory();
  }
}
static void gelu_formula(benchmark::State& state) {
  eg::Parameter<float> x(eg::Tensor<float>::randn({state.range(0)}));
  for (auto _ : state) {
    eg::Tape tape;
    const eg::Tensor<float> y = 0.5f * x * (1 + tanh(0.79788456f * (x + 0.044715f * x * x * x)));
    tape.backward(sum(y));
    x.zero_grad();
  }
}
static void gelu_map(benchmark::State& state) {
  eg::Parameter<float> x(eg::Tensor<float>::randn({state.range(0)}));
  for (auto _ : state) {
    eg::Tape tape;
    const eg::Tensor<float> y = eg::map(
        "gelu", [](auto v) { return 0.5f * v * (1 + tanh(0.79788456f * (v + 0.044715f * v * v * v))); }, x);
    tape.backward(sum(y));
    x.zero_grad();
  }
}
#define SIZES Arg(1000)->Arg(100'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond)
BENCHMARK(gelu_by_hand)->SIZES;
BENCHMARK(gelu_formula)->SIZES;
BENCHMARK(gelu_map)->SIZES;

BENCHMARK_MAIN();
