// Fashion-MNIST by convolutions: the same 3x3 filters everywhere in the picture, learned, not made. Twice filtered and
// halved, 28x28 pixels become 64 maps of 7x7, which name the kind of clothes.
//   fashion_cnn [epochs] [training images]      5 epochs of all 60,000 unless told otherwise
// Tested with: 1 6000
// Answer: test accuracy: (7[5-9]|8[0-9]|9[0-9])
#include <cstdio>
#include <eigengrad/data/fashion_mnist.hpp>
#include <eigengrad/eigengrad.hpp>
#include <eigengrad/nn/layers/batch_norm.hpp>
#include <eigengrad/nn/layers/convolution.hpp>
#include <eigengrad/nn/layers/pooling.hpp>
namespace eg = eigengrad;

int main(int count, char** arguments) {
  if (!eg::has_fashion_mnist()) {
    std::printf("Skipped: no images in %s. They come with: apt-get install dataset-fashion-mnist\n",
                eg::fashion_mnist_directory);
    return 77;
  }
  const eg::Index epochs = count > 1 ? std::atol(arguments[1]) : 5;
  const eg::Index images = count > 2 ? std::atol(arguments[2]) : 60000;
  eg::manual_seed(1);
  auto [all, test] = eg::load_fashion_mnist<float>();
  auto train = all.take(0, images);
  train.inputs = reshape(train.inputs, {-1, 1, 28, 28});  // [n, channels, rows, columns]
  test.inputs = reshape(test.inputs, {-1, 1, 28, 28});

  eg::Sequential<float> model(
      eg::Conv2d<float>(1, 32, 3, {.padding = 1, .bias = false}), eg::BatchNorm2d<float>(32), eg::ReLU<float>(),
      eg::MaxPool2d<float>(2), eg::Conv2d<float>(32, 64, 3, {.padding = 1, .bias = false}), eg::BatchNorm2d<float>(64),
      eg::ReLU<float>(), eg::MaxPool2d<float>(2), eg::Flatten<float>(), eg::Dropout<float>(0.3),
      eg::Linear<float>(64 * 7 * 7, 128), eg::ReLU<float>(), eg::Linear<float>(128, 10));
  eg::Adam<float> optimizer(model.parameters(), {.learning_rate = 0.001f});
  const auto loss = [](const auto& logits, const auto& labels) { return eg::softmax_cross_entropy(logits, labels); };
  const auto slow_down = [&](const eg::EpochRecord& done) {  // large steps first, small ones at the end
    optimizer.set_learning_rate(0.001f * (1 - static_cast<float>(done.epoch) / static_cast<float>(epochs)));
  };
  eg::fit(model, loss, optimizer, train, {.epochs = epochs, .batch_size = 64}, slow_down);

  const auto scores = eg::predict(model, test.inputs);
  const auto confusion = eg::confusion_matrix(scores, test.targets, 10);
  std::printf("\nof 1000 each, named right:\n");
  for (int kind = 0; kind < 10; ++kind)
    std::printf("  %-12s %4d\n", test.class_names[static_cast<std::size_t>(kind)].c_str(),
                static_cast<int>(confusion(kind, kind)));
  std::printf("test accuracy: %.2f %%\n", 100 * eg::accuracy(scores, test.targets));
}
