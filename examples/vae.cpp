// A variational autoencoder (Kingma, Welling: Auto-encoding variational Bayes, 2014) learns to make digits. Each digit
// is squeezed to a cloud of places instead of one, and all clouds are kept near the origin, so that every place there
// unfolds to something like a digit.
// Answer: lower bound -[0-9]+
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
namespace eg = eigengrad;
using Numbers = eg::Tensor<float>;

struct Autoencoder : eg::Module<float> {
  Autoencoder()
      : encoder(eg::Linear<float>(64, 128), eg::ReLU<float>()),
        middle(128, 8),
        spread(128, 8),
        decoder(eg::Linear<float>(8, 128), eg::ReLU<float>(), eg::Linear<float>(128, 64)) {}

  // Minus the lower bound of the log-likelihood, per digit: how badly it comes back, and how far the clouds are from
  // the one that all places are drawn from (Kullback-Leibler divergence from N(0, 1)).
  Numbers loss(const Numbers& x) {
    const auto h = encoder(x), mean = middle(h), log_variance = spread(h);
    // Drawn outside, so that a gradient finds its way to mean and variance.
    const auto place = (mean + exp(0.5f * log_variance) * Numbers::randn(mean.shape())).eval();
    const auto rebuilt = binary_cross_entropy_with_logits(decoder(place), x, eg::Reduction::sum);
    const auto divergence = -0.5f * sum(1 + log_variance - square(mean) - exp(log_variance));
    return (rebuilt + divergence) / static_cast<float>(x.shape()[0]);
  }
  void members(eg::Members<float>& m) override {
    m("encoder", encoder);
    m("middle", middle);
    m("spread", spread);
    m("decoder", decoder);
  }
  eg::Sequential<float> encoder;
  eg::Linear<float> middle, spread;
  eg::Sequential<float> decoder;
};

int main() {
  eg::manual_seed(1);
  const auto [train, test] = eg::load_digits<float>().split_stratified(0.2, 1);
  Autoencoder model;
  eg::Adam<float> optimizer(model.parameters(), {.learning_rate = 0.002f});
  eg::DataLoader<float, std::int64_t> batches(train, {.batch_size = 64, .seed = 1});
  const auto history =
      eg::fit(model, [&](const auto& batch) { return model.loss(batch.inputs); }, optimizer, batches, {.epochs = 100});
  model.eval();
  const auto bound = -model.loss(test.inputs).item();

  // Digits that nobody wrote: places drawn at random, unfolded.
  const auto made = sigmoid(model.decoder(Numbers::randn({6, 8}))).eval();
  for (int row = 0; row < 8; ++row) {
    for (int digit = 0; digit < 6; ++digit) {
      for (int column = 0; column < 8; ++column)
        std::printf("%c", " .:-=+*#@"[static_cast<int>(8.99f * made(digit, 8 * row + column))]);
      std::printf("   ");
    }
    std::printf("\n");
  }
  std::printf("digits never seen: lower bound %.1f per digit (training: %.1f)\n", bound, -history.epochs.back().loss);
}
