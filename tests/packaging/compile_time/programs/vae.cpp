// A variational autoencoder of handwritten digits: two latent numbers, the reparametrisation trick, a warmed-up KL term.
// Answer: evidence bound went from [0-9.]+ to -?[0-9.]+, reconstruction error 0\.[0-3][0-9]+
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
namespace eg = eigengrad;
using Tensor = eg::Tensor<float>;

struct Encoded {
  Tensor mean, log_variance;
};

struct VAE : eg::Module<float> {
  eg::Linear<float> hidden{64, 48}, to_mean{48, 2}, to_log_variance{48, 2}, from_latent{2, 48}, to_pixels{48, 64};

  Encoded encode(const Tensor& x) {
    const Tensor h = softplus(hidden(x));
    return {to_mean(h), clamp(to_log_variance(h), -6.0f, 3.0f)};
  }
  Tensor decode(const Tensor& z) {
    const Tensor h = from_latent(z);
    return to_pixels(silu(h) + 0.1f * tanh(h));  // logits
  }
  Tensor forward(const Tensor& x) override { return sigmoid(decode(encode(x).mean)); }
  void members(eg::Members<float>& m) override {
    m("hidden", hidden);
    m("to_mean", to_mean);
    m("to_log_variance", to_log_variance);
    m("from_latent", from_latent);
    m("to_pixels", to_pixels);
  }
};

/// log N(x; mean, exp(log_variance)) summed over the last axis.
Tensor log_normal(const Tensor& x, const Tensor& mean, const Tensor& log_variance) {
  return -0.5f * sum(log_variance + square(x - mean) * exp(-log_variance) + 1.8378771f, -1);
}

int main() {
  eg::manual_seed(2);
  auto [train, test] = eg::load_digits<float>().split_stratified(0.2, 1);
  const float brightest = max(train.inputs).item();
  const Tensor pixels = minimum(train.inputs / brightest, 1.0f), unseen = minimum(test.inputs / brightest, 1.0f);

  VAE model;
  eg::Adam<float> optimizer(model.parameters(), {.learning_rate = 0.003f});
  eg::DataLoader<float> batches(eg::Dataset<float>{pixels, pixels}, {.batch_size = 64, .seed = 3});
  float first = 0, last = 0;
  for (int epoch = 0; epoch < 12; ++epoch) {
    const float warmth = std::min(1.0f, 0.2f + 0.1f * static_cast<float>(epoch));
    float total = 0;
    for (const auto& [x, same] : batches) {
      eg::Tape tape;
      const auto [centre, log_variance] = model.encode(x);
      const Tensor noise = Tensor::randn(centre.shape());
      const Tensor z = centre + exp(0.5f * log_variance) * noise;
      const Tensor logits = model.decode(z);
      const Tensor missing = sum(maximum(logits, 0.0f) - logits * same + log1p(exp(-abs(logits))), -1);
      const Tensor divergence = 0.5f * sum(exp(log_variance) + square(centre) - 1 - log_variance, -1);
      const Tensor loss = mean(missing + warmth * divergence);
      tape.backward(loss);
      eg::clip_gradient_norm(model.parameters(), 5.0f);
      optimizer.step();
      optimizer.zero_grad();
      total += loss.item() / static_cast<float>(batches.size());
    }
    if (epoch == 0) first = total;
    last = total;
    if (epoch % 4 == 0) std::printf("epoch %2d: bound %.2f\n", epoch, static_cast<double>(total));
  }

  // The same bound by importance weights, in logarithms: log mean exp(log p(x, z) - log q(z | x)).
  const auto [centre, log_variance] = model.encode(unseen);
  std::vector<Tensor> weights;
  for (int sample = 0; sample < 8; ++sample) {
    const Tensor z = centre + exp(0.5f * log_variance) * Tensor::randn(centre.shape());
    const Tensor logits = model.decode(z);
    const Tensor given = sum(unseen * logits - softplus(logits), -1);
    weights.push_back(given + log_normal(z, Tensor::zeros({}), Tensor::zeros({})) - log_normal(z, centre, log_variance));
  }
  const Tensor bound = mean(log_sum_exp(stack(weights, 0), 0) - std::log(8.0f));
  const Tensor error = sqrt(mean(square(model(unseen) - unseen)));
  std::printf("by 8 samples each: %.2f\n", static_cast<double>(-bound.item()));
  std::printf("evidence bound went from %.1f to %.1f, reconstruction error %.3f\n", static_cast<double>(first),
              static_cast<double>(last), static_cast<double>(error.item()));
}
