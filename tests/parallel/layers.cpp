#include <functional>
#include <memory>

#include "bits.hpp"
#include "eigengrad/nn/layers/attention.hpp"
#include "eigengrad/nn/layers/batch_norm.hpp"
#include "eigengrad/nn/layers/channel_dropout.hpp"
#include "eigengrad/nn/layers/convolution.hpp"
#include "eigengrad/nn/layers/embedding.hpp"
#include "eigengrad/nn/layers/normalization.hpp"
#include "eigengrad/nn/layers/pooling.hpp"
#include "eigengrad/nn/layers/positional.hpp"
#include "eigengrad/nn/layers/rectifiers.hpp"
#include "eigengrad/nn/layers/recurrent.hpp"
#include "eigengrad/nn/layers/resample.hpp"
#include "eigengrad/nn/layers/transformer.hpp"
#include "eigengrad/nn/losses/ctc.hpp"
#include "eigengrad/nn/losses/labelled.hpp"

// Layers of every family, above the sizes at which they are divided: outputs and the gradients of inputs and parameters
// have the same bits with any number of threads. That they were divided, forward and backward, is counted. (GLU, and
// what moves numbers without computing, as PixelShuffle, stay on one thread.)
namespace eg = eigengrad;
using support::Bits;
using support::expect_same_bits;
using Whole = eg::Tensor<std::int64_t>;

namespace {

// The team says to no one how often it was called; an explicit instantiation may look.
std::uint32_t calls_of_the_team();
template <auto* calls>
struct Look {
  friend std::uint32_t calls_of_the_team() { return calls->load(); }
};
template struct Look<&eg::Team::calls_>;

template <class T>
using Function = std::function<eg::Tensor<T>()>;
template <class T>
using Parameters = std::vector<eg::ParameterRef<T>>;

/// How often the work was divided.
struct Divided {
  std::uint32_t forward = 0, backward = 0;
};

template <class T>
Bits pass(const Function<T>& f, const Parameters<T>& parameters, const eg::Tensor<T>& dy, Divided& divided) {
  eg::manual_seed(9);  // what dropout draws
  for (const auto& parameter : parameters) parameter.zero_grad();
  const std::uint32_t start = calls_of_the_team();
  eg::Tape tape;
  const eg::Tensor<T> y = f();
  const std::uint32_t between = calls_of_the_team();
  tape.backward(y, dy);
  divided.forward += between - start;
  divided.backward += calls_of_the_team() - between;
  Bits bits;
  bits << y;
  for (const auto& parameter : parameters) bits << parameter.grad();
  return bits;
}
void expect_divided(const std::string& name, const Divided& divided) {
  EXPECT_GT(divided.forward, 0u) << name << ": one thread did all, forward";
  EXPECT_GT(divided.backward, 0u) << name << ": one thread did all, backward";
}

/// f() of the parameters.
template <class T>
void expect_function(const std::string& name, const Parameters<T>& parameters, const Function<T>& f) {
  const auto dy = eg::Tensor<T>::randn(f().shape());
  Divided divided;
  expect_same_bits(name, [&] { return pass(f, parameters, dy, divided); });
  expect_divided(name, divided);
}
/// A layer in training, then in evaluation, which shows what it keeps.
template <class T>
void expect_layer(const eg::Layer<T>& made, const std::function<std::unique_ptr<eg::Layer<T>>()>& copy,
                  const eg::Shape& shape) {
  eg::Parameter<T> x(eg::Tensor<T>::randn(shape));
  const std::string name = made.kind() + " of " + eg::to_text(shape);
  const auto dy = eg::Tensor<T>::randn((*copy())(x).shape());
  Divided divided;
  expect_same_bits(name, [&] {
    const auto layer = copy();
    Parameters<T> parameters = layer->parameters();
    parameters.push_back(x);
    Bits bits = pass<T>([&] { return (*layer)(x); }, parameters, dy, divided);
    layer->eval();
    bits << (*layer)(x.value());
    return bits;
  });
  expect_divided(name, divided);
}
template <class L>
void expect_layer(const L& made, const eg::Shape& shape) {
  using T = typename L::Element;
  expect_layer<T>(made, [&]() -> std::unique_ptr<eg::Layer<T>> { return std::make_unique<L>(made); }, shape);
}

/// Indices below `limit` that come in no order, and again.
Whole indices(const eg::Shape& shape, eg::Index limit) {
  Whole result = Whole::zeros(shape);
  for (eg::Index i = 0; i < result.size(); ++i) result.mutable_data()[i] = i * i * 7919 % 104729 % limit;
  return result;
}
eg::Parameter<float> numbers(const eg::Shape& shape) { return eg::Parameter<float>(eg::Tensor<float>::randn(shape)); }

}  // namespace

TEST(LayersWithThreads, Convolution) {
  using Conv1d = eg::Conv1d<float>;
  using Conv2d = eg::Conv2d<float>;
  expect_layer(Conv2d(3, 20, 5, {.padding = 2}), {7, 3, 45, 37});
  expect_layer(Conv2d(24, 40, 3, {.stride = 2, .padding = 1, .groups = 2}), {5, 24, 41, 39});
  expect_layer(Conv2d(37, 37, 3, {.padding = "same", .groups = 37, .bias = false}), {5, 37, 41, 47});
  expect_layer(Conv2d(24, 48, 3, {.stride = 2, .dilation = 2, .groups = 24}), {9, 24, 83, 81});
  expect_layer(Conv2d(32, 48, 1), {9, 32, 33, 31});
  expect_layer(Conv2d(8, 16, 3, {.padding = 1, .padding_mode = eg::PaddingMode::circular}), {1, 8, 91, 89});
  expect_layer(Conv1d(5, 32, 9, {.stride = 4, .padding = 4}), {4, 5, 9001});
  expect_layer(eg::ConvTranspose1d<float>(16, 12, 7, {.stride = 3, .padding = 2, .output_padding = 1}), {5, 16, 1501});
  expect_layer(eg::ConvTranspose2d<float>(24, 16, 4, {.stride = 2, .padding = 1, .groups = 2}), {5, 24, 23, 25});
}

TEST(LayersWithThreads, PoolingAndSizes) {
  const eg::Shape images = {5, 13, 57, 55}, sequences = {9, 11, 2003};
  expect_layer(eg::MaxPool2d<float>(2), images);
  expect_layer(eg::MaxPool2d<float>({3, 2}, {.stride = 2, .padding = 1, .ceil_mode = true}), images);
  expect_layer(eg::MaxPool1d<float>(5, {.stride = 2}), sequences);
  expect_layer(eg::AvgPool2d<float>(3, {.stride = 2, .padding = 1, .count_include_pad = false}), images);
  expect_layer(eg::AvgPool1d<float>(4), sequences);
  expect_layer(eg::AdaptiveAvgPool2d<float>({7, 9}), images);
  expect_layer(eg::AdaptiveMaxPool2d<float>({7, 9}), images);
  expect_layer(eg::AdaptiveAvgPool1d<float>(100), sequences);
  expect_layer(eg::GlobalAvgPool<float>(), images);
  expect_layer(eg::Upsample<float>({.scale_factor = 1.5}), images);
  expect_layer(eg::Upsample<float>({.size = {80, 90}, .mode = eg::UpsampleMode::bilinear}), images);
  expect_layer(eg::Unfold<float>({2, 3}, {.stride = 2}), images);
  expect_layer(eg::Fold<float>({57, 55}, 3, {.padding = 1}), {5, 18, 57 * 55});
}

TEST(LayersWithThreads, Normalization) {
  expect_layer(eg::BatchNorm2d<float>(29), {7, 29, 33, 31});
  expect_layer(eg::BatchNorm1d<float>(257), {1001, 257});
  expect_layer(eg::InstanceNorm2d<float>(29, {.affine = true}), {7, 29, 33, 31});
  expect_layer(eg::GroupNorm<float>(4, 28), {7, 28, 33, 31});
  expect_layer(eg::LayerNorm<float>({253}), {1501, 253});
  expect_layer(eg::LayerNorm<float>({8, 33}), {1501, 8, 33});
  expect_layer(eg::RMSNorm<float>({253}), {1501, 253});
}

TEST(LayersWithThreads, Lookup) {
  eg::Embedding<float> table(997, 67, {.padding_idx = 3});
  expect_function<float>("Embedding", table.parameters(), [&] { return table(indices({61, 83}, 997)); });
  for (const eg::BagMode mode : {eg::BagMode::sum, eg::BagMode::mean, eg::BagMode::max}) {
    eg::EmbeddingBag<float> bags(997, 67, {.mode = mode});
    expect_function<float>("EmbeddingBag", bags.parameters(), [&] { return bags(indices({1999, 5}, 997)); });
  }
  eg::EmbeddingBag<float> weighted(997, 67, {.mode = eg::BagMode::sum});
  const auto factors = numbers({9001});
  Parameters<float> parameters = weighted.parameters();
  parameters.push_back(factors);
  Whole offsets = Whole::zeros({2000});
  for (eg::Index i = 0; i < offsets.size(); ++i) offsets.mutable_data()[i] = i * 9 / 2;
  expect_function<float>("EmbeddingBag of weights", parameters,
                         [&] { return weighted(indices({9001}, 997), offsets, factors); });
  expect_layer(eg::RotaryEncoding<float>(300, 32), {9, 5, 299, 32});
}

TEST(LayersWithThreads, Recurrence) {
  const eg::Shape sequences = {23, 37, 41};
  expect_layer(eg::RNN<float>(41, 61, {.layers = 2, .bidirectional = true}), sequences);
  expect_layer(eg::LSTM<float>(41, 61, {.layers = 2, .dropout = 0.3, .bidirectional = true}), sequences);
  expect_layer(eg::LSTM<float>(41, 61, {.batch_first = true, .proj_size = 29}), sequences);
  expect_layer(eg::GRU<float>(41, 61, {.layers = 2, .bidirectional = true}), sequences);
}

TEST(LayersWithThreads, Attention) {
  const auto q = numbers({2, 3, 203, 24}), k = numbers({2, 3, 301, 24}), v = numbers({2, 3, 301, 24});
  const eg::Tensor<bool> chosen = eg::Tensor<float>::randn({203, 301}) > 0.f;
  const auto added = numbers({203, 301});
  const auto attend = [&](const eg::AttentionOptions<float>& options) {
    return eg::scaled_dot_product_attention(q, k, v, options);
  };
  expect_function<float>("all", {q, k, v}, [&] { return attend({}); });
  expect_function<float>("causal, dropout", {q, k, v}, [&] { return attend({.causal = true, .dropout = 0.2}); });
  expect_function<float>("chosen", {q, k, v}, [&] { return attend({.mask = chosen}); });
  expect_function<float>("added", {q, k, v, added}, [&] { return attend({.mask = added}); });
  eg::MultiheadAttention<float> multihead(72, 3);
  const auto x = numbers({203, 3, 72});
  Parameters<float> parameters = multihead.parameters();
  parameters.push_back(x);
  expect_function<float>("MultiheadAttention", parameters, [&] { return multihead(x, {.causal = true}); });
  expect_layer(eg::TransformerEncoderLayer<float>(72, 3, {.feed_forward = 150}), {103, 5, 72});
  expect_layer(eg::TransformerEncoderLayer<float>(
                   72, 3, {.feed_forward = 150, .activation = eg::TransformerActivation::gelu, .norm_first = true}),
               {103, 5, 72});
}

TEST(LayersWithThreads, ActivationsAndDropout) {
  const eg::Shape images = {5, 14, 57, 55};
  expect_layer(eg::PReLU<float>(14), images);
  expect_layer(eg::SELU<float>(), images);
  expect_layer(eg::LogSoftmax<float>(1), {3001, 97});
  expect_layer(eg::Dropout<float>(0.3), images);
  expect_layer(eg::Dropout2d<float>(0.3), images);
  expect_layer(eg::AlphaDropout<float>(0.3), images);
}

TEST(LayersWithThreads, Losses) {
  using eg::Reduction;
  const auto x = numbers({3001, 97}), pixels = numbers({7, 13, 61, 59});
  const Whole labels = indices({3001}, 97), classes = indices({7, 61, 59}, 13);
  const auto weight = eg::Tensor<float>::rand({97}), target = eg::Tensor<float>::rand({3001, 97});
  expect_function<float>("cross-entropy", {x}, [&] { return eg::softmax_cross_entropy(x, labels); });
  expect_function<float>("cross-entropy of distributions", {x}, [&] { return eg::softmax_cross_entropy(x, target); });
  expect_function<float>("with weights", {x}, [&] {
    return eg::softmax_cross_entropy(
        x, labels, eg::CrossEntropyOptions<float>{.weight = weight, .ignore_index = 5, .label_smoothing = 0.1});
  });
  const eg::CrossEntropyOptions<float> smoothed{.label_smoothing = 0.1};
  expect_function<float>("of pixels", {pixels}, [&] { return eg::softmax_cross_entropy(pixels, classes, smoothed); });
  expect_function<float>("nll", {x}, [&] { return eg::nll_loss(eg::log_softmax(x, 1), labels); });
  expect_function<float>("binary", {x}, [&] { return eg::binary_cross_entropy_with_logits(x, target); });
  const auto steps = numbers({67, 45, 31});
  const Whole spoken = indices({45, 13}, 30) + 1, lengths = Whole::full({45}, 67), words = Whole::full({45}, 13);
  expect_function<float>("CTC", {steps},
                         [&] { return eg::ctc_loss(eg::log_softmax(steps, 2), spoken, lengths, words); });
}

// In float the rounding at the end may hide in which order doubles were added.
TEST(LayersWithThreads, Doubles) {
  expect_layer(
      eg::Sequential<double>(eg::Conv2d<double>(3, 20, 3, {.stride = 2, .padding = 1}), eg::BatchNorm2d<double>(20),
                             eg::ReLU<double>(), eg::Conv2d<double>(20, 20, 3, {.padding = 1, .groups = 20}),
                             eg::MaxPool2d<double>(2)),
      {7, 3, 61, 57});
  expect_layer(eg::LSTM<double>(41, 61, {.bidirectional = true}), {23, 37, 41});
  expect_layer(eg::TransformerEncoderLayer<double>(72, 3, {.feed_forward = 150, .dropout = 0}), {103, 5, 72});
}
