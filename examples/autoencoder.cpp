// An autoencoder: digits of 64 pixels squeezed through 2 numbers and unfolded again. Nobody tells it which digit is
// which, yet the kinds part in the plane of the 2 numbers, as that is the way to tell them apart. See autoencoder.svg,
// and autoencoder_digits.svg for what is left of them.
// Answer: mean squared error 0\.0[0-9]+
#include <cstdio>
#include <eigengrad/eigengrad.hpp>
#include <eigengrad/viz/viz.hpp>
namespace eg = eigengrad;

int main() {
  eg::manual_seed(1);
  const auto [train, test] = eg::load_digits<float>().split_stratified(0.2, 1);
  eg::Sequential<float> encoder(eg::Linear<float>(64, 64), eg::Tanh<float>(), eg::Linear<float>(64, 32),
                                eg::Tanh<float>(), eg::Linear<float>(32, 2)),
      decoder(eg::Linear<float>(2, 32), eg::Tanh<float>(), eg::Linear<float>(32, 64), eg::Tanh<float>(),
              eg::Linear<float>(64, 64), eg::Sigmoid<float>());
  eg::Sequential<float> model(encoder, decoder);
  eg::Adam<float> optimizer(model.parameters(), {.learning_rate = 0.003f});
  const auto loss = [](const auto& y, const auto& x) { return mean(square(y - x)); };
  eg::fit(model, loss, optimizer, eg::Dataset<float>(train.inputs, train.inputs), {.epochs = 60, .batch_size = 32});

  const auto places = eg::predict(model[0], test.inputs), back = eg::predict(model, test.inputs);
  eg::viz::Panel panel({.title = "Digits never seen, squeezed to 2 numbers", .width = 360, .height = 360});
  for (int digit = 0; digit < 7; ++digit) {  // as many kinds as one can tell apart
    std::vector<double> x, y;
    for (eg::Index i = 0; i < test.size(); ++i)
      if (test.targets(i) == digit) {
        x.push_back(places(i, 0));
        y.push_back(places(i, 1));
      }
    panel.scatter(x, y, {.label = std::to_string(digit), .size = 3.6});
  }
  eg::viz::Figure figure;
  figure.add(panel);
  figure.save("autoencoder.svg");
  const auto twelve = [](const auto& digits) { return reshape(slice(digits, 0, 0, 12), {12, 8, 8}); };
  eg::viz::image_sheet(eg::concatenate({twelve(test.inputs), twelve(back)}, 0),
                       {.title = "As they were, and back from 2 numbers", .columns = 12, .pixel_size = 5})
      .save("autoencoder_digits.svg");
  std::printf("digits never seen, through 2 numbers and back: mean squared error %.4f\n",
              mean(square(back - test.inputs)).item());
}
