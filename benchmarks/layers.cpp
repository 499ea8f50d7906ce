#include <eigengrad/eigengrad.hpp>
#include <eigengrad/nn/layers/batch_norm.hpp>
#include <eigengrad/nn/layers/convolution.hpp>
#include <eigengrad/nn/layers/embedding.hpp>
#include <eigengrad/nn/layers/normalization.hpp>
#include <eigengrad/nn/layers/pooling.hpp>
#include <eigengrad/nn/layers/recurrent.hpp>
#include <eigengrad/nn/layers/transformer.hpp>
#include <eigengrad/nn/module_list.hpp>

#include "ways.hpp"

// Works on layers: training steps and answers of networks for images, sequences and text, and single layers.
namespace eg = eigengrad;

namespace {

using Batch = eg::Tensor<float>;
using Whole = eg::Tensor<std::int64_t>;
using eg::BatchNorm2d, eg::Conv1d, eg::Conv2d, eg::Linear, eg::MaxPool2d, eg::ReLU;

eg::Sequential<float> lenet() {
  return eg::Sequential<float>(Conv2d<float>(1, 6, 5, {.padding = 2}), ReLU<float>(), MaxPool2d<float>(2),
                               Conv2d<float>(6, 16, 5), ReLU<float>(), MaxPool2d<float>(2), eg::Flatten<float>(),
                               Linear<float>(400, 120), ReLU<float>(), Linear<float>(120, 84), ReLU<float>(),
                               Linear<float>(84, 10));
}

/// relu(body(x) + shortcut(x)), He, Zhang, Ren, Sun, 2016.
struct Block : eg::Layer<float> {
  Block(eg::Index before, eg::Index after, eg::Index stride)
      : body(Conv2d<float>(before, after, 3, {.stride = stride, .padding = 1, .bias = false}),
             BatchNorm2d<float>(after), ReLU<float>(), Conv2d<float>(after, after, 3, {.padding = 1, .bias = false}),
             BatchNorm2d<float>(after)) {
    if (stride == 1 && before == after) return;
    shortcut.add(Conv2d<float>(before, after, 1, {.stride = stride, .bias = false})).add(BatchNorm2d<float>(after));
  }
  Batch forward(const Batch& x) override { return relu(body(x) + shortcut(x)); }
  void members(eg::Members<float>& m) override {
    m("body", body);
    m("shortcut", shortcut);
  }
  std::string kind() const override { return "Block"; }

  eg::Sequential<float> body, shortcut;
};

eg::Sequential<float> resnet20() {
  eg::Sequential<float> model(Conv2d<float>(3, 16, 3, {.padding = 1, .bias = false}), BatchNorm2d<float>(16),
                              ReLU<float>());
  eg::Index before = 16;
  for (const eg::Index after : {16, 32, 64})
    for (int i = 0; i < 3; ++i) {
      model.add(Block(before, after, i == 0 && after > 16 ? 2 : 1));
      before = after;
    }
  model.add(eg::GlobalAvgPool<float>()).add(Linear<float>(64, 10));
  return model;
}

eg::Sequential<float> depthwise() {
  eg::Sequential<float> model(Conv2d<float>(3, 32, 3, {.padding = 1}));
  eg::Index before = 32;
  for (const eg::Index after : {64, 64}) {
    model.add(Conv2d<float>(before, before, 3, {.padding = 1, .groups = before, .bias = false}))
        .add(BatchNorm2d<float>(before))
        .add(ReLU<float>());
    model.add(Conv2d<float>(before, after, 1, {.bias = false})).add(BatchNorm2d<float>(after)).add(ReLU<float>());
    before = after;
  }
  model.add(eg::GlobalAvgPool<float>()).add(Linear<float>(64, 10));
  return model;
}

eg::Sequential<float> audio() {
  eg::Sequential<float> model;
  eg::Index before = 1;
  for (const eg::Index after : {16, 32, 64}) {
    model.add(Conv1d<float>(before, after, 9, {.stride = 4, .padding = 4})).add(ReLU<float>());
    before = after;
  }
  model.add(eg::GlobalAvgPool<float>()).add(Linear<float>(64, 10));
  return model;
}

eg::Sequential<float> conv8() {
  return eg::Sequential<float>(Conv2d<float>(1, 4, 3, {.padding = 1}), ReLU<float>(), MaxPool2d<float>(2),
                               eg::Flatten<float>(), Linear<float>(64, 10));
}

/// The block of a GPT: causal attention and a feed-forward part, each behind a norm.
struct GPT : eg::Module<float> {
  GPT(eg::Index width, eg::Index heads, eg::Index layers, eg::Index time, eg::Index vocabulary)
      : tokens(vocabulary, width), places(time, width), norm({width}), head(width, vocabulary) {
    for (eg::Index i = 0; i < layers; ++i)
      blocks.add(eg::TransformerEncoderLayer<float>(width, heads,
                                                    {.feed_forward = 4 * width,
                                                     .dropout = 0,
                                                     .activation = eg::TransformerActivation::gelu,
                                                     .norm_first = true,
                                                     .batch_first = true}));
  }
  /// text [batch, time] -> [batch * time, vocabulary].
  Batch operator()(const Whole& text) {
    Batch x = tokens(text) + places.weight;
    for (eg::Index i = 0; i < blocks.size(); ++i)
      x = blocks.at<eg::TransformerEncoderLayer<float>>(i)(x, {.causal = true});
    const Batch y = head(norm(x));
    return reshape(y, {-1, y.shape().back()});
  }
  void members(eg::Members<float>& m) override {
    m("tokens", tokens);
    m("places", places);
    m("blocks", blocks);
    m("norm", norm);
    m("head", head);
  }
  std::string kind() const override { return "GPT"; }

  eg::Embedding<float> tokens, places;
  eg::ModuleList<float> blocks;
  eg::LayerNorm<float> norm;
  Linear<float> head;
};

/// A model, what it is asked, and its loss.
struct Problem {
  std::shared_ptr<eg::Module<float>> model;
  std::function<Batch()> output;
  std::function<Batch(const Batch&)> loss;
};

Problem classifier(eg::Sequential<float> network, const eg::Shape& shape) {
  const auto model = std::make_shared<eg::Sequential<float>>(std::move(network));
  const Batch x = Batch::rand(shape);
  Whole labels = Whole::zeros({shape[0]});
  for (eg::Index i = 0; i < shape[0]; ++i) labels.mutable_data()[i] = i * 7 % 10;
  return {model, [model, x] { return (*model)(x); },
          [labels](const Batch& y) { return eg::softmax_cross_entropy(y, labels); }};
}
template <class Layer>
Problem recurrent(eg::Index time, eg::Index batch, eg::Index in, eg::Index hidden) {
  const auto model = std::make_shared<Layer>(in, hidden);
  const Batch x = Batch::randn({time, batch, in});
  return {model, [model, x] { return (*model)(x).output; }, [](const Batch& y) { return mean(square(y)); }};
}
Problem gpt(const std::vector<int>& sizes) {
  const auto model = std::make_shared<GPT>(sizes.at(0), sizes.at(1), sizes.at(2), sizes.at(3), sizes.at(5));
  Whole text = Whole::zeros({sizes[4], sizes[3]});
  for (eg::Index i = 0; i < text.size(); ++i) text.mutable_data()[i] = i * 7 % sizes[5];
  const Whole flat = reshape(text, {-1});
  return {model, [model, text] { return (*model)(text); },
          [flat](const Batch& y) { return eg::softmax_cross_entropy(y, flat); }};
}

/// The problem that a work names, as model_step/lenet/b64 and model_step/lstm/100x32x64x128.
Problem problem_of(const Work& work) {
  const std::string& name = work.field(1);
  if (work.field(2)[0] == 'b') {
    const eg::Index n = Work::count(work.field(2));
    if (name == "lenet") return classifier(lenet(), {n, 1, 28, 28});
    if (name == "resnet20") return classifier(resnet20(), {n, 3, 32, 32});
    if (name == "depthwise") return classifier(depthwise(), {n, 3, 32, 32});
    if (name == "audio") return classifier(audio(), {n, 1, 16000});
    if (name == "conv8") return classifier(conv8(), {n, 1, 8, 8});
    return {};
  }
  const std::vector<int> sizes = Work::counts(work.field(2), 'x');
  if (name == "gpt") return gpt(sizes);
  if (name == "lstm") return recurrent<eg::LSTM<float>>(sizes.at(0), sizes.at(1), sizes.at(2), sizes.at(3));
  if (name == "gru") return recurrent<eg::GRU<float>>(sizes.at(0), sizes.at(1), sizes.at(2), sizes.at(3));
  if (name == "rnn") return recurrent<eg::RNN<float>>(sizes.at(0), sizes.at(1), sizes.at(2), sizes.at(3));
  return {};
}

Step model_step(const Work& work) {
  const Problem problem = problem_of(work);
  if (!problem.model) return nullptr;
  return [problem, optimizer = eg::SGD<float>(problem.model->parameters(), {.learning_rate = sgd_rate})]() mutable {
    {
      eg::Tape tape;
      tape.backward(problem.loss(problem.output()));
    }
    optimizer.step();
    optimizer.zero_grad();
  };
}
Step model_answer(const Work& work) {
  const Problem problem = problem_of(work);
  if (!problem.model) return nullptr;
  problem.model->eval();
  return [problem] { keep(problem.output()); };
}

/// Forward, and backward from a gradient that is there, of f(parameters...).
template <class F>
Step layer(const F& f, std::vector<eg::ParameterRef<float>> parameters) {
  const Batch dy = Batch::randn(f().shape());
  return [f, dy, parameters]() mutable {
    {
      eg::Tape tape;
      tape.backward(f(), dy);
    }
    for (auto& parameter : parameters) parameter.zero_grad();
  };
}
template <class L>
Step layer_on(L made, const eg::Shape& shape) {
  const auto module = std::make_shared<L>(std::move(made));
  const auto x = std::make_shared<eg::Parameter<float>>(Batch::randn(shape));
  std::vector<eg::ParameterRef<float>> parameters = module->parameters();
  parameters.push_back(*x);
  return layer([module, x] { return (*module)(*x); }, parameters);
}
Step layer_step(const Work& work) {
  const std::string& name = work.field(1);
  const std::vector<int> sizes = Work::counts(work.field(2), 'x');
  const eg::Shape shape(sizes.begin(), sizes.end());
  if (name == "layer_norm") return layer_on(eg::LayerNorm<float>({sizes.back()}), shape);
  if (name == "batch_norm") return layer_on(BatchNorm2d<float>(sizes.at(1)), shape);
  if (name == "max_pool") return layer_on(MaxPool2d<float>(2), shape);
  if (name == "embedding") {
    const auto table = std::make_shared<eg::Embedding<float>>(sizes.at(0), sizes.at(1));
    Whole where = Whole::zeros({sizes.at(2)});
    for (eg::Index i = 0; i < where.size(); ++i) where.mutable_data()[i] = i * 7919 % sizes[0];
    return layer([table, where] { return (*table)(where); }, table->parameters());
  }
  if (name != "attention" && name != "causal_attention") return nullptr;
  std::vector<std::shared_ptr<eg::Parameter<float>>> in;
  std::vector<eg::ParameterRef<float>> parameters;
  for (int i = 0; i < 3; ++i) {
    in.push_back(std::make_shared<eg::Parameter<float>>(Batch::randn(shape)));
    parameters.push_back(*in.back());
  }
  const bool causal = name == "causal_attention";
  return layer([in, causal] { return eg::scaled_dot_product_attention(*in[0], *in[1], *in[2], {.causal = causal}); },
               parameters);
}

}  // namespace

std::map<std::string, std::vector<Way>> layer_works() {
  return {{"model_step", {{"eigengrad", model_step}}},
          {"model_answer", {{"eigengrad", model_answer}}},
          {"layer_step", {{"eigengrad", layer_step}}}};
}
