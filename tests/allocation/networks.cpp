#include <gtest/gtest.h>

#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/layers/convolution.hpp"
#include "eigengrad/nn/layers/dropout.hpp"
#include "eigengrad/nn/layers/embedding.hpp"
#include "eigengrad/nn/layers/pooling.hpp"
#include "eigengrad/nn/layers/recurrent.hpp"
#include "eigengrad/nn/layers/transformer.hpp"
#include "eigengrad/nn/losses/cross_entropy.hpp"
#include "eigengrad/nn/module_list.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/optim/adam.hpp"
#include "eigengrad/optim/sgd.hpp"
#include "support/step_allocations.hpp"

// Whole training steps of a network for images, one for sequences and one for text: once a few are over they ask
// nothing of the heap.
namespace eg = eigengrad;
using Batch = eg::Tensor<float>;
using Whole = eg::Tensor<std::int64_t>;

namespace {

struct NetworkAllocation : support::CountsAllocations {};

/// Ten steps by SGD with momentum, and ten by AdamW, ask nothing.
template <class Loss>
void expect_none(const eg::Module<float>& model, const Loss& loss) {
  eg::SGD<float> sgd(model.parameters(), {.learning_rate = 0.01f, .momentum = 0.9f});
  EXPECT_EQ(support::allocations_of(sgd, loss, 10), 0u) << "SGD";
  eg::AdamW<float> adam(model.parameters());
  EXPECT_EQ(support::allocations_of(adam, loss, 10), 0u) << "AdamW";
}

/// Logits for each place of a text [batch, time]: a GPT of two blocks.
struct GPT : eg::Module<float> {
  GPT() {
    for (int i = 0; i < 2; ++i)
      blocks.add(eg::TransformerEncoderLayer<float>(32, 4,
                                                    {.feed_forward = 128,
                                                     .dropout = 0.1,
                                                     .activation = eg::TransformerActivation::gelu,
                                                     .norm_first = true,
                                                     .batch_first = true}));
  }
  Batch operator()(const Whole& text) {
    Batch x = tokens(text) + places.weight;
    for (eg::Index i = 0; i < blocks.size(); ++i)
      x = blocks.at<eg::TransformerEncoderLayer<float>>(i)(x, {.causal = true});
    return reshape(head(norm(x)), {-1, 40});
  }
  void members(eg::Members<float>& m) override {
    m("tokens", tokens);
    m("places", places);
    m("blocks", blocks);
    m("norm", norm);
    m("head", head);
  }

  eg::Embedding<float> tokens{40, 32}, places{24, 32};
  eg::ModuleList<float> blocks;
  eg::LayerNorm<float> norm{eg::Shape{32}};
  eg::Linear<float> head{32, 40};
};
/// Logits for each place of a text [time, batch].
struct Writer : eg::Module<float> {
  Batch operator()(const Whole& text) {
    const eg::RecurrentOutput<float> read = lstm(tokens(text));
    return reshape(head(read.output), {-1, 40});
  }
  void members(eg::Members<float>& m) override {
    m("tokens", tokens);
    m("lstm", lstm);
    m("head", head);
  }

  eg::Embedding<float> tokens{40, 16};
  eg::LSTM<float> lstm{16, 32, {.layers = 2, .dropout = 0.2}};
  eg::Linear<float> head{32, 40};
};

}  // namespace

TEST_F(NetworkAllocation, NoneInAStepOfLeNet) {
  using eg::Conv2d, eg::Linear, eg::MaxPool2d, eg::ReLU;
  eg::Sequential<float> lenet(Conv2d<float>(1, 6, 5, {.padding = 2}), ReLU<float>(), MaxPool2d<float>(2),
                              Conv2d<float>(6, 16, 5), ReLU<float>(), MaxPool2d<float>(2), eg::Flatten<float>(),
                              Linear<float>(400, 120), ReLU<float>(), Linear<float>(120, 84), ReLU<float>(),
                              Linear<float>(84, 10));
  const auto images = Batch::rand({16, 1, 28, 28});
  const auto labels = Whole::randint(0, 10, {16});
  expect_none(lenet, [&] { return eg::softmax_cross_entropy(lenet(images), labels); });
}

TEST_F(NetworkAllocation, NoneInAStepOfAnLstm) {
  Writer writer;
  const auto text = Whole::randint(0, 40, {24, 5}), next = Whole::randint(0, 40, {24 * 5});
  expect_none(writer, [&] { return eg::softmax_cross_entropy(writer(text), next); });
}

TEST_F(NetworkAllocation, NoneInAStepOfAGpt) {
  GPT gpt;
  const auto text = Whole::randint(0, 40, {5, 24}), next = Whole::randint(0, 40, {24 * 5});
  expect_none(gpt, [&] { return eg::softmax_cross_entropy(gpt(text), next); });
}
