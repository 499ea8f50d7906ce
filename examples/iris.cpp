// Classification: which of three species is an iris of which four lengths are known? Fisher's question of 1936, by a
// small network and `fit`, which runs the five steps of learning.
// Answer: of 30 flowers never seen, (2[789]|30) are named right
#include <eigengrad/eigengrad.hpp>
#include <iostream>
namespace eg = eigengrad;

int main() {
  eg::manual_seed(1);
  const auto iris = eg::load_iris<float>();
  auto [train, test] = iris.split_stratified(0.2, 1);

  // Lengths differ in size and spread: each column is brought to mean 0 and deviation 1, as measured on `train`.
  const eg::Standardizer<float> standardize(train.inputs);
  train.inputs = standardize(train.inputs);
  test.inputs = standardize(test.inputs);

  eg::Sequential<float> model(eg::Linear<float>(4, 16), eg::Tanh<float>(), eg::Linear<float>(16, 3));
  eg::Adam<float> optimizer(model.parameters(), {.learning_rate = 0.01f});
  const auto loss = [](const auto& logits, const auto& labels) { return eg::softmax_cross_entropy(logits, labels); };
  eg::fit(model, loss, optimizer, train, {.epochs = 50, .batch_size = 16});

  const eg::Tensor<float> flower = {{5.9f, 3.0f, 5.1f, 1.8f}};
  const eg::Tensor<float> probabilities = softmax(eg::predict(model, standardize(flower)), 1);
  std::cout << "\na flower of " << flower << " cm is a\n";
  for (std::size_t i = 0; i < iris.class_names.size(); ++i)
    std::cout << "  " << iris.class_names[i] << " with probability " << probabilities(0, i) << '\n';

  const auto scores = eg::predict(model, test.inputs);
  std::cout << "\nspecies (rows) and what they were taken for (columns):\n"
            << eg::confusion_matrix(scores, test.targets, 3) << '\n';
  std::cout << "of 30 flowers never seen, " << 30 * eg::accuracy(scores, test.targets) << " are named right\n";
}
