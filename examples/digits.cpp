// Handwritten digits of 8x8 pixels, read by a network with one hidden layer. A fifth of them is held out: what counts
// is how well it reads digits that it has never seen.
// Answer: accuracy on 359 digits never seen: (9[7-9]|100)
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
namespace eg = eigengrad;

int main() {
  eg::manual_seed(1);
  const auto [train, test] = eg::load_digits<float>().split_stratified(0.2, 1);

  eg::Sequential<float> model(eg::Linear<float>(64, 128), eg::ReLU<float>(), eg::Linear<float>(128, 10));
  eg::Adam<float> optimizer(model.parameters(), {.learning_rate = 0.003f});
  const auto loss = [](const auto& logits, const auto& labels) { return eg::softmax_cross_entropy(logits, labels); };
  eg::fit(model, loss, optimizer, train, {.epochs = 40, .batch_size = 32});

  // A few digits as the network sees them, and what it says.
  const auto answers = eg::predicted_classes(eg::predict(model, test.inputs));
  for (int row = 0; row < 8; ++row) {
    for (int digit = 0; digit < 6; ++digit) {
      for (int column = 0; column < 8; ++column)
        std::printf("%c", " .:-=+*#@"[static_cast<int>(8 * test.inputs(digit, 8 * row + column))]);
      std::printf("   ");
    }
    std::printf("\n");
  }
  for (int digit = 0; digit < 6; ++digit) std::printf("   %d       ", static_cast<int>(answers(digit)));

  const auto result = eg::evaluate(model, loss, test);
  std::printf("\naccuracy on %d digits never seen: %.2f %%\n", static_cast<int>(test.size()), 100 * result.accuracy);
}
