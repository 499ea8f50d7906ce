// What a user writes who takes layers from the umbrella header: it compiles, and it trains.
#include "eigengrad/eigengrad.hpp"

#include <gtest/gtest.h>

namespace eg = eigengrad;

namespace {

/// The loss before and after some steps.
template <class Loss>
std::pair<float, float> train(eg::Module<float>& model, const Loss& loss, int steps = 25) {
  eg::Adam<float> optimizer(model.parameters(), {.learning_rate = 0.01f});
  float first = 0, last = 0;
  for (int i = 0; i < steps; ++i) {
    eg::Tape tape;
    const eg::Tensor<float> measured = loss();
    tape.backward(measured);
    optimizer.step();
    optimizer.zero_grad();
    (i == 0 ? first : last) = measured.item();
  }
  return {first, last};
}

}  // namespace

TEST(PublicFace, LeNetTrains) {
  eg::manual_seed(1);
  eg::Sequential<float> lenet(eg::Conv2d<float>(1, 6, 5, {.padding = 2}), eg::ReLU<float>(), eg::MaxPool2d<float>(2),
                              eg::Conv2d<float>(6, 16, 5), eg::ReLU<float>(), eg::MaxPool2d<float>(2),
                              eg::Flatten<float>(), eg::Linear<float>(400, 120), eg::ReLU<float>(),
                              eg::Linear<float>(120, 84), eg::ReLU<float>(), eg::Linear<float>(84, 10));
  const auto x = eg::Tensor<float>::rand({8, 1, 28, 28});
  const eg::Tensor<std::int64_t> y{0, 1, 2, 3, 4, 5, 6, 7};
  const auto [first, last] = train(lenet, [&] { return eg::softmax_cross_entropy(lenet(x), y); }, 40);
  EXPECT_LT(last, first / 2);
  EXPECT_EQ(lenet.state_dict().at<float>("0.weight").shape(), (eg::Shape{6, 1, 5, 5}));
}

TEST(PublicFace, SequencesTrain) {
  eg::manual_seed(2);
  eg::LSTM<float> lstm(64, 128, {.layers = 2, .bidirectional = true});
  const auto x = eg::Tensor<float>::randn({5, 3, 64});
  auto [output, state] = lstm(x);
  EXPECT_EQ(output.shape(), (eg::Shape{5, 3, 256}));
  EXPECT_EQ(state.h.shape(), (eg::Shape{4, 3, 128}));
  EXPECT_EQ(state.c.shape(), (eg::Shape{4, 3, 128}));
  EXPECT_EQ(lstm(x, state).output.shape(), output.shape());
  const auto [first, last] = train(lstm, [&] { return mean(square(lstm(x).output - 0.5f)); });
  EXPECT_LT(last, first / 2);
}

TEST(PublicFace, TextTrains) {
  eg::manual_seed(3);
  eg::Embedding<float> table(96, 128);
  eg::LayerNorm<float> norm({128});
  eg::MultiheadAttention<float> attention(128, 4);
  eg::TransformerEncoderLayer<float> block(128, 4, {.feed_forward = 512, .dropout = 0.1, .norm_first = true});
  const auto letters = eg::Tensor<std::int64_t>::randint(0, 96, {7, 2});  // [T, B]
  const auto q = table(letters);
  EXPECT_EQ(q.shape(), (eg::Shape{7, 2, 128}));
  const auto y = attention(q, q, q, {.causal = true});
  EXPECT_EQ(norm(y).shape(), q.shape());
  const auto [first, last] = train(block, [&] { return mean(square(block(q, {.causal = true}) - 0.5f)); });
  EXPECT_LT(last, first / 2);
}

TEST(PublicFace, ImagesAreNormalised) {
  eg::manual_seed(4);
  eg::BatchNorm2d<float> bn(16);
  const auto x = 3 * eg::Tensor<float>::randn({4, 16, 5, 5}) + 2;
  const auto y = bn(x);
  EXPECT_NEAR(mean(y).item(), 0, 1e-4);
  EXPECT_NEAR(mean(square(y)).item(), 1, 1e-3);
  EXPECT_EQ(bn.num_batches_tracked.item(), 1);
}
