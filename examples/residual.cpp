// A small residual network reads 8x8 digits. Each block adds what it has found to what it was given, so that the way
// back has a short cut through all of them: twenty layers learn as easily as two. Without the short cuts, the same
// layers learn far more slowly.
// Answer: with short cuts: (8[0-9]|9[0-9])\.
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
#include <eigengrad/nn/branches.hpp>
#include <eigengrad/nn/layers/convolution.hpp>
#include <eigengrad/nn/layers/normalization.hpp>
#include <eigengrad/nn/layers/pooling.hpp>
namespace eg = eigengrad;

// Two convolutions, whose result the block adds to its input.
eg::Sequential<float> body(eg::Index channels) {
  return eg::Sequential<float>(
      eg::GroupNorm<float>(4, channels), eg::ReLU<float>(), eg::Conv2d<float>(channels, channels, 3, {.padding = 1}),
      eg::GroupNorm<float>(4, channels), eg::ReLU<float>(), eg::Conv2d<float>(channels, channels, 3, {.padding = 1}));
}

double accuracy_with(bool short_cuts, const eg::Dataset<float, std::int64_t>& train,
                     const eg::Dataset<float, std::int64_t>& test) {
  eg::manual_seed(1);
  eg::Sequential<float> model(eg::Conv2d<float>(1, 16, 3, {.padding = 1}));
  for (int block = 0; block < 9; ++block) {
    if (short_cuts)
      model.add(eg::Residual<float>(body(16)));
    else
      model.add(body(16));
  }
  model.add(eg::GroupNorm<float>(4, 16))
      .add(eg::ReLU<float>())
      .add(eg::GlobalAvgPool<float>())
      .add(eg::Linear<float>(16, 10));
  eg::Adam<float> optimizer(model.parameters(), {.learning_rate = 0.001f});
  const auto loss = [](const auto& logits, const auto& labels) { return eg::softmax_cross_entropy(logits, labels); };
  std::printf("%s\n", short_cuts ? "with short cuts" : "without short cuts");
  eg::fit(model, loss, optimizer, train, {.epochs = 8, .batch_size = 32});
  return 100 * eg::evaluate(model, loss, test).accuracy;
}

int main() {
  auto [train, test] = eg::load_digits<float>().split_stratified(0.2, 1);
  train.inputs = reshape(train.inputs, {-1, 1, 8, 8});
  test.inputs = reshape(test.inputs, {-1, 1, 8, 8});
  const double without = accuracy_with(false, train, test), with = accuracy_with(true, train, test);
  std::printf("\nof digits never seen, read right\n  without short cuts: %.1f %%\n  with short cuts: %.1f %%\n",
              without, with);
}
