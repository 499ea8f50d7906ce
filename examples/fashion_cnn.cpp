// Fashion-MNIST by convolutions: the same 3x3 filters everywhere in the picture, learned, not made. Twice filtered and
// halved, 28x28 pixels become 64 maps of 7x7, which name the kind of clothes. The filters and what they find in an
// image are drawn to fashion_filters.svg and fashion_maps.svg.
//   fashion_cnn [epochs] [training images]      5 epochs of all 60,000 unless told otherwise
// Tested with: 1 6000
// Answer: test accuracy: (7[5-9]|8[0-9]|9[0-9])
#include <cstdio>
#include <eigengrad/data/fashion_mnist.hpp>
#include <eigengrad/eigengrad.hpp>
#include <eigengrad/nn/layers/batch_norm.hpp>
#include <eigengrad/nn/layers/convolution.hpp>
#include <eigengrad/nn/layers/pooling.hpp>
#include <eigengrad/viz/viz.hpp>
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

  eg::Sequential<float> model(eg::Conv2d<float>(1, 32, 3, {.padding = 1, .bias = false}), eg::BatchNorm2d<float>(32),
                              eg::ReLU<float>(), eg::MaxPool2d<float>(2),
                              eg::Conv2d<float>(32, 64, 3, {.padding = 1, .bias = false}), eg::BatchNorm2d<float>(64),
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

  eg::viz::image_sheet(model.state_dict().at<float>("0.weight"),
                       {.title = "The 32 filters of the first layer, 3x3 each",
                        .columns = 16,
                        .map = eg::viz::ColourMap::blue_orange,
                        .pixel_size = 10,
                        .colour_bar = true})
      .save("fashion_filters.svg");
  auto maps = slice(test.inputs, 0, 0, 1);
  for (eg::Index layer = 0; layer < 3; ++layer) maps = model[layer](maps);  // convolved, normalised, cut off at 0
  eg::viz::image_sheet(eg::concatenate({slice(test.inputs, 0, 0, 1), maps}, 1),
                       {.title = "An ankle boot, and where each filter finds what it looks for",
                        .columns = 11,
                        .own_range = true,
                        .pixel_size = 2})
      .save("fashion_maps.svg");
}
