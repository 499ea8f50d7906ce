// Fashion-MNIST: 70,000 pictures of clothes, 28x28 pixels, ten kinds. A network of 784-256-128-10 names them.
//   fashion_mnist [epochs] [training images]      10 epochs of all 60,000 unless told otherwise
// Tested with: 1 15000
// Answer: test accuracy: (7[89]|8[0-9]|9[0-9])
#include <cstdio>
#include <eigengrad/data/fashion_mnist.hpp>
#include <eigengrad/eigengrad.hpp>
namespace eg = eigengrad;

int main(int count, char** arguments) {
  if (!eg::has_fashion_mnist()) {
    std::printf("Skipped: no images in %s. They come with: apt-get install dataset-fashion-mnist\n",
                eg::fashion_mnist_directory);
    return 77;
  }
  const eg::Index epochs = count > 1 ? std::atol(arguments[1]) : 10;
  const eg::Index images = count > 2 ? std::atol(arguments[2]) : 60000;
  eg::manual_seed(1);
  const auto [all, test] = eg::load_fashion_mnist<float>();
  const auto train = all.take(0, images);

  eg::Sequential<float> model(eg::Linear<float>(784, 256), eg::ReLU<float>(), eg::Linear<float>(256, 128),
                              eg::ReLU<float>(), eg::Linear<float>(128, 10));
  eg::Adam<float> optimizer(model.parameters(), {.learning_rate = 0.001f});
  const auto loss = [](const auto& logits, const auto& labels) { return eg::softmax_cross_entropy(logits, labels); };
  const auto slow_down = [&](const eg::EpochRecord& done) {  // large steps first, small ones at the end
    optimizer.set_learning_rate(0.001f * (1 - static_cast<float>(done.epoch) / static_cast<float>(epochs)));
  };
  eg::fit(model, loss, optimizer, train, {.epochs = epochs, .batch_size = 128}, slow_down);

  // What each kind was taken for: trousers are easy, shirts are not.
  const auto scores = eg::predict(model, test.inputs);
  const auto confusion = eg::confusion_matrix(scores, test.targets, 10);
  std::printf("\nof 1000 each, named right:\n");
  for (int kind = 0; kind < 10; ++kind)
    std::printf("  %-12s %4d\n", test.class_names[static_cast<std::size_t>(kind)].c_str(),
                static_cast<int>(confusion(kind, kind)));
  std::printf("test accuracy: %.2f %%\n", 100 * eg::accuracy(scores, test.targets));
}
