// A Transformer block written by hand: embedding, two heads of masked attention, layer norm, GELU. It learns to repeat
// the first half of a sequence in its second half.
// Answer: copied: (9[0-9]|100)\.[0-9] % of the letters
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
#include <limits>
namespace eg = eigengrad;
using Tensor = eg::Tensor<float>;
using Parameter = eg::Parameter<float>;

constexpr eg::Index letters = 8, half = 5, width = 32, heads = 2, length = 2 * half - 1;

struct LayerNorm : eg::Module<float> {
  Parameter scale{Tensor::ones({width})}, shift{Tensor::zeros({width})};
  Tensor forward(const Tensor& x) override {
    const Tensor centre = mean(x, -1, true);
    const Tensor spread = mean(square(x - centre), -1, true);
    return (x - centre) / sqrt(spread + 1e-5f) * scale + shift;
  }
  void members(eg::Members<float>& m) override {
    m("scale", scale);
    m("shift", shift);
  }
};

struct Attention : eg::Module<float> {
  eg::Linear<float> query{width, width}, key{width, width}, value{width, width}, out{width, width};
  static Tensor in_heads(const Tensor& x) {  // [batch, length, width] -> [batch, heads, length, width / heads]
    return permute(reshape(x, {x.size(0), x.size(1), heads, width / heads}), {0, 2, 1, 3});
  }
  Tensor forward(const Tensor& x) override {
    const Tensor q = in_heads(query(x)), k = in_heads(key(x)), v = in_heads(value(x));
    const Tensor scores = matmul(q, transpose(k, -1, -2)) / std::sqrt(static_cast<float>(width / heads));
    const Tensor place = Tensor::arange(0, static_cast<float>(x.size(1)), 1);
    const auto future = unsqueeze(place, 0) > unsqueeze(place, 1);
    const Tensor weights = softmax(where(future, -1e9f, scores), -1);
    return out(reshape(permute(matmul(weights, v), {0, 2, 1, 3}), x.shape()));
  }
  void members(eg::Members<float>& m) override {
    m("query", query);
    m("key", key);
    m("value", value);
    m("out", out);
  }
};

struct Model : eg::Module<float> {
  Parameter embedding{0.3f * Tensor::randn({letters, width})}, position{0.3f * Tensor::randn({length, width})};
  LayerNorm before_attention, before_mlp, last_norm;
  Attention attention;
  eg::Linear<float> wider{width, 4 * width}, narrower{4 * width, width}, head{width, letters};

  Tensor logits(const eg::Tensor<std::int64_t>& text) {  // [batch, length] -> [batch, length, letters]
    const Tensor tokens = reshape(index_select(embedding, 0, flatten(text)), {text.size(0), text.size(1), width});
    Tensor x = tokens + position;
    x = x + attention(before_attention(x));
    x = x + narrower(gelu(wider(before_mlp(x))));
    return head(last_norm(x));
  }
  Tensor forward(const Tensor& x) override { return logits(eg::cast<std::int64_t>(x)); }
  void members(eg::Members<float>& m) override {
    m("embedding", embedding);
    m("position", position);
    m("before_attention", before_attention);
    m("attention", attention);
    m("before_mlp", before_mlp);
    m("wider", wider);
    m("narrower", narrower);
    m("last_norm", last_norm);
    m("head", head);
  }
};

int main() {
  eg::manual_seed(7);
  Model model;
  eg::AdamW<float> optimizer(model.parameters(), {.learning_rate = 0.003f, .weight_decay = 0.01f});
  double right = 0;
  for (int step = 1; step <= 400; ++step) {
    const auto word = eg::Tensor<std::int64_t>::randint(0, letters, {32, half});
    const auto text = eg::concatenate({word, word}, 1);
    const auto input = slice(text, 1, 0, length), next = slice(text, 1, half, 2 * half);
    eg::Tape tape;
    const Tensor logits = slice(model.logits(input), 1, half - 1, length);
    const Tensor loss = eg::softmax_cross_entropy(reshape(logits, {-1, letters}), flatten(next));
    tape.backward(loss);
    optimizer.set_learning_rate(0.003f * std::min(1.0f, static_cast<float>(step) / 50));
    eg::clip_gradient_norm(model.parameters(), 1.0f);
    optimizer.step();
    optimizer.zero_grad();
    const double share = mean(eg::cast<double>(argmax(logits, -1) == next)).item();
    right = 0.9 * right + 0.1 * share;
    if (step % 100 == 0) std::printf("step %3d: loss %.4f\n", step, static_cast<double>(loss.item()));
  }
  std::printf("copied: %.1f %% of the letters\n", 100 * right);
}
