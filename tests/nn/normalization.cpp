#include "eigengrad/nn/layers/normalization.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "eigengrad/nn/layers/batch_norm.hpp"
#include "eigengrad/nn/layers/linear.hpp"
#include "eigengrad/nn/losses/loss.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/ops/sum.hpp"
#include "eigengrad/transform/compile.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"

namespace eg = eigengrad;
using support::close;
using support::mentions;
using support::message_of;
using Tensor = eg::Tensor<double>;

namespace {

Tensor numbers(const eg::Shape& shape, eg::Index start = 0) { return fixture::numbers(shape, start); }
eg::Shape shape_of(const std::vector<eg::Index>& sizes) { return {sizes.begin(), sizes.end()}; }
Tensor row(const fixture::Case& c, const std::string& key) {
  Tensor result = Tensor::empty({static_cast<eg::Index>(c.words(key).size())});
  double* to = result.mutable_data();
  for (const std::string& word : c.words(key)) *to++ = std::stod(word);
  return result;
}
std::optional<double> optional_number(const fixture::Case& c, const std::string& key) {
  return c.has(key) ? std::optional(c.number(key)) : std::nullopt;
}

using Outputs = std::vector<Tensor>;

/// As fixtures/normalization.py calls a layer.
Outputs called(eg::Layer<double>& layer, const fixture::Case& c, const Tensor& x) {
  if (!c.has("call") || c.word("call") == "once") return {layer(x)};
  Outputs results;
  if (c.word("call") == "batches") results = {layer(x), layer(2 * x + 1), layer(x * x)};
  layer.eval();
  results.push_back(layer(x));
  layer.train();
  return results;
}
template <class Norm, class Options>
void compare_layer(const fixture::Case& c, Options options) {
  options.momentum = optional_number(c, "momentum");
  options.affine = c.flag("affine");
  options.track_running_stats = c.flag("track");
  Norm norm(c.integer("features"), options);
  c.compare_module(norm, [&](const fixture::Inputs& in) { return called(norm, c, in["x"]); });
}

}  // namespace

TEST(Normalization, FunctionsArePyTorchs) {
  int count = 0;
  for (const fixture::Case& c : fixture::load("normalization")) {
    SCOPED_TRACE(c.text());
    const std::string& name = c.name();
    const auto compare = [&](const auto& f) {
      ++count;
      c.compare([&](const fixture::Inputs& in) { return Outputs{f(in["x"], in.given("weight"), in.given("bias"))}; });
    };
    if (name == "batch_norm")
      compare([](const auto& x, const auto& w, const auto& b) { return eg::batch_norm(x, w, b); });
    if (name == "instance_norm")
      compare([](const auto& x, const auto& w, const auto& b) { return eg::instance_norm(x, w, b); });
    if (name == "group_norm")
      compare(
          [&](const auto& x, const auto& w, const auto& b) { return eg::group_norm(x, c.integer("groups"), w, b); });
    if (name == "layer_norm")
      compare([&](const auto& x, const auto& w, const auto& b) {
        return eg::layer_norm(x, shape_of(c.integers("over")), w, b);
      });
    if (name == "rms_norm")
      compare([&](const auto& x, const auto& w, const auto&) {
        return eg::rms_norm(x, shape_of(c.integers("over")), w, optional_number(c, "epsilon"));
      });
    if (name == "batch_norm_given")
      compare([&](const auto& x, const auto& w, const auto& b) {
        return eg::batch_norm_given(x, row(c, "mean"), row(c, "variance"), w, b, c.number("epsilon"));
      });
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(count, 90);
}

TEST(Normalization, LayersArePyTorchs) {
  int count = 0;
  for (const fixture::Case& c : fixture::load("normalization")) {
    SCOPED_TRACE(c.text());
    const std::string& name = c.name();
    const auto compare = [&](eg::Layer<double>&& layer) {
      c.compare_module(layer, [&](const fixture::Inputs& in) { return called(layer, c, in["x"]); });
    };
    ++count;
    if (name == "BatchNorm1d")
      compare_layer<eg::BatchNorm1d<double>>(c, eg::BatchNormOptions{.epsilon = 1e-3});
    else if (name == "BatchNorm2d")
      compare_layer<eg::BatchNorm2d<double>>(c, eg::BatchNormOptions{.epsilon = 1e-3});
    else if (name == "InstanceNorm1d")
      compare_layer<eg::InstanceNorm1d<double>>(c, eg::InstanceNormOptions{});
    else if (name == "InstanceNorm2d")
      compare_layer<eg::InstanceNorm2d<double>>(c, eg::InstanceNormOptions{});
    else if (name == "LayerNorm")
      compare(eg::LayerNorm<double>(shape_of(c.integers("over")),
                                    {.elementwise_affine = c.flag("affine"), .bias = c.flag("bias")}));
    else if (name == "RMSNorm")
      compare(eg::RMSNorm<double>(shape_of(c.integers("over")), {.elementwise_affine = c.flag("affine")}));
    else if (name == "GroupNorm")
      compare(eg::GroupNorm<double>(c.integer("groups"), c.integer("channels"), {.affine = c.flag("affine")}));
    else
      --count;
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(count, 90);
}

TEST(Normalization, StartsAsPyTorchs) {
  const auto names = [](const eg::Layer<double>& layer) {
    std::string result;
    for (const auto& entry : layer.state_dict()) result += entry.name + " ";
    return result;
  };
  const eg::BatchNorm2d<double> batch(3);
  EXPECT_EQ(names(batch), "weight bias running_mean running_var num_batches_tracked ");
  EXPECT_TRUE(close(batch.weight.value(), {1, 1, 1}));
  EXPECT_TRUE(close(batch.bias.value(), {0, 0, 0}));
  EXPECT_TRUE(close(batch.running_mean, {0, 0, 0}));
  EXPECT_TRUE(close(batch.running_var, {1, 1, 1}));
  EXPECT_EQ(batch.num_batches_tracked.item(), 0);
  EXPECT_EQ(batch.num_batches_tracked.shape(), eg::Shape{});
  EXPECT_EQ(batch.epsilon, 1e-5);
  EXPECT_EQ(batch.momentum, 0.1);
  EXPECT_EQ(names(eg::BatchNorm1d<double>(3, {.affine = false})), "running_mean running_var num_batches_tracked ");
  EXPECT_EQ(names(eg::BatchNorm1d<double>(3, {.track_running_stats = false})), "weight bias ");
  EXPECT_EQ(names(eg::InstanceNorm1d<double>(3)), "");
  EXPECT_EQ(names(eg::InstanceNorm2d<double>(3, {.affine = true, .track_running_stats = true})), names(batch));
  EXPECT_EQ(names(eg::GroupNorm<double>(3, 6)), "weight bias ");
  const eg::LayerNorm<double> layer({2, 3}), row_norm({64}), same_norm(64);
  EXPECT_EQ(layer.weight.shape(), (eg::Shape{2, 3}));
  EXPECT_EQ(row_norm.normalized_shape, eg::Shape{64});
  EXPECT_EQ(same_norm.normalized_shape, eg::Shape{64});
  EXPECT_EQ(names(eg::LayerNorm<double>({4}, {.bias = false})), "weight ");
  EXPECT_EQ(names(eg::RMSNorm<double>({4})), "weight ");
  EXPECT_EQ(eg::RMSNorm<double>({4}).epsilon, std::numeric_limits<double>::epsilon());
  EXPECT_EQ(eg::RMSNorm<float>({4}).epsilon, static_cast<double>(std::numeric_limits<float>::epsilon()));
}

TEST(Normalization, ErrorsSayWhatToGive) {
  eg::BatchNorm1d<double> one(3);
  eg::BatchNorm2d<double> two(3);
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { one(Tensor::zeros({1, 3})); }),
                       {"batch_norm", "[1, 3]", "one number per channel", "call eval() first"}));
  EXPECT_EQ(one.num_batches_tracked.item(), 0) << "a step that failed does not count";
  one.eval();
  EXPECT_NO_THROW(one(Tensor::zeros({1, 3})));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { one(Tensor::zeros({2, 4})); }),
                       {"BatchNorm1d", "[2, 4]", "[batch, channels, length]", "3 channels"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { two(Tensor::zeros({2, 3, 4})); }),
                       {"BatchNorm2d", "[2, 3, 4]", "[batch, channels, height, width]"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::InstanceNorm1d<double>(3)(Tensor::zeros({2, 3, 1})); }),
                       {"instance_norm", "[2, 3, 1]", "one number per channel of an example"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::InstanceNorm2d<double>(3)(Tensor::zeros({4, 2, 2})); }),
                       {"InstanceNorm2d", "[4, 2, 2]", "3 channels"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([] {
                         eg::InstanceNorm2d<double>(3, {.momentum = std::nullopt, .track_running_stats = true});
                       }),
                       {"InstanceNorm2d", "give a momentum"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::LayerNorm<double>({4, 2})(Tensor::zeros({3, 4})); }),
                       {"layer_norm", "[3, 4]", "[4, 2]", "last axes"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::RMSNorm<double>({5})(Tensor::zeros({3, 4})); }),
                       {"rms_norm", "[3, 4]", "[5]"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::LayerNorm<double>(eg::Shape{}); }), {"LayerNorm", "[]"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([] { eg::GroupNorm<double>(4, 6); }),
                       {"GroupNorm", "6 channels in 4 groups"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::GroupNorm<double>(2, 6)(Tensor::zeros({2, 4, 3})); }),
                       {"GroupNorm", "[2, 4, 3]", "[batch, 6, ...]"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::group_norm(Tensor::zeros({2, 6}), 4); }),
                       {"group_norm", "[2, 6]", "4 groups", "divisor"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::group_norm(Tensor::zeros({1, 6}), 6); }),
                       {"group_norm", "[1, 6]", "fewer groups"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::batch_norm(Tensor::zeros({4}), Tensor::zeros({4})); }),
                       {"batch_norm", "[4]", "[batch, channels]"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::batch_norm(Tensor::zeros({4, 2}), Tensor::zeros({4})); }),
                       {"batch_norm", "[4, 2]", "weight is [4]", "must be [2]"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>(
                           [] { eg::batch_norm_given(Tensor::zeros({4, 2}), Tensor::zeros({2}), Tensor::zeros({3})); }),
                       {"batch_norm", "the variance is [3]", "[2]"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([] { eg::BatchNorm1d<double>(2, {.epsilon = -1}); }),
                       {"BatchNorm1d", "epsilon = -1"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([] { eg::BatchNorm1d<double>(2, {.momentum = 2}); }),
                       {"BatchNorm1d", "momentum 2"}));
}

TEST(Normalization, EmptyBatchesCountAndLeaveStatisticsAlone) {
  eg::BatchNorm2d<double> norm(2);
  eg::Tape tape;
  const Tensor y = norm(Tensor::zeros({0, 2, 3, 3}));
  EXPECT_EQ(y.shape(), (eg::Shape{0, 2, 3, 3}));
  tape.backward(sum(y));
  EXPECT_TRUE(close(norm.weight.grad(), {0, 0}));
  EXPECT_TRUE(close(norm.running_var, {1, 1}));
  EXPECT_EQ(norm.num_batches_tracked.item(), 1);
  EXPECT_EQ(eg::LayerNorm<double>({3})(Tensor::zeros({0, 3})).shape(), (eg::Shape{0, 3}));
  EXPECT_EQ(eg::LayerNorm<double>({0})(Tensor::zeros({2, 0})).shape(), (eg::Shape{2, 0}));
  EXPECT_EQ(eg::RMSNorm<double>({0})(Tensor::zeros({2, 0})).shape(), (eg::Shape{2, 0}));
  EXPECT_EQ(eg::GroupNorm<double>(2, 4)(Tensor::zeros({0, 4, 3})).shape(), (eg::Shape{0, 4, 3}));
  EXPECT_EQ(eg::InstanceNorm1d<double>(4)(Tensor::zeros({0, 4, 3})).shape(), (eg::Shape{0, 4, 3}));
}

TEST(Normalization, EmptyInputsHaveEmptyGradients) {
  for (const eg::Shape& shape : {eg::Shape{0, 4, 3}, eg::Shape{2, 0, 3}, eg::Shape{2, 4, 0}}) {
    const eg::Parameter<double> x(Tensor::zeros(shape));
    eg::Tape tape;
    const Tensor all = sum(eg::batch_norm(x)) + sum(eg::group_norm(x, 2)) + sum(eg::instance_norm(x)) +
                       sum(eg::layer_norm(x, {shape[2]})) + sum(eg::rms_norm(x, {shape[2]}));
    const auto slopes = tape.gradient(all, {x}, {.create_graph = true});
    tape.backward(sum(slopes[0]));
    EXPECT_EQ(x.grad().shape(), shape);
  }
}

TEST(Normalization, DoesNotMixExamples) {
  const Tensor x = numbers({3, 4, 5}), second = eg::slice(x, 0, 1, 2);
  for (eg::Layer<double>* layer :
       std::initializer_list<eg::Layer<double>*>{new eg::LayerNorm<double>({4, 5}), new eg::RMSNorm<double>({5}),
                                                 new eg::GroupNorm<double>(2, 4), new eg::InstanceNorm1d<double>(4)}) {
    EXPECT_TRUE(close(eg::slice((*layer)(x), 0, 1, 2), (*layer)(second))) << layer->kind();
    delete layer;
  }
}

TEST(Normalization, KeepsTheDigitsOfNumbersFarFromZero) {
  const eg::Tensor<float> x = eg::cast<float>(numbers({4, 8}) * 8 + 1e6);
  const auto y = eg::LayerNorm<float>({8})(x);
  const Tensor expected = eg::layer_norm(eg::cast<double>(x), {8});
  EXPECT_TRUE(close(eg::cast<double>(y), expected, 1e-5));
}

TEST(Normalization, GradientsAreWrittenOverTheUpstreamOnesOnlyWhereNobodyHoldsThem) {
  const eg::Parameter<double> x(numbers({4, 3}));
  const Tensor seed = numbers({4, 3}, 5), before = Tensor::from({seed.data(), 12}, seed.shape());
  eg::Tape tape;
  const Tensor y = eg::batch_norm(x) * 1.0;
  tape.backward(y, seed, {.retain_graph = true});
  const Tensor once = x.grad();
  tape.backward(y, seed);
  EXPECT_TRUE(close(x.grad(), (2 * once).eval()));
  EXPECT_TRUE(close(seed, before));
}

TEST(Normalization, CopiesHaveStatisticsOfTheirOwn) {
  eg::BatchNorm1d<double> norm(2);
  norm(numbers({5, 2}));
  eg::BatchNorm1d<double> copy = norm;
  copy(numbers({5, 2}, 3));
  EXPECT_EQ(norm.num_batches_tracked.item(), 1);
  EXPECT_EQ(copy.num_batches_tracked.item(), 2);
  EXPECT_FALSE(close(norm.running_mean, copy.running_mean));
  eg::BatchNorm1d<double> loaded(2);
  loaded.load_state_dict(copy.state_dict());
  loaded.eval();
  copy.eval();
  const Tensor x = numbers({3, 2}, 1);
  EXPECT_TRUE(support::same_bits(loaded(x), copy(x)));
}

TEST(Normalization, EvaluationKeepsStatisticsThatTheGradientNeeds) {
  eg::BatchNorm1d<double> norm(2);
  norm(numbers({5, 2}));
  const Tensor mean = norm.running_mean, variance = norm.running_var;
  norm.eval();
  eg::Tape tape;
  const eg::Parameter<double> x(numbers({3, 2}, 2));
  const Tensor loss = sum(eg::square(norm(x.to_tensor())));
  norm.train();
  norm(numbers({5, 2}, 9));
  tape.backward(loss);
  const Tensor gradient = x.grad();
  x.zero_grad();
  eg::Tape again;
  again.backward(sum(eg::square(eg::batch_norm_given(x, mean, variance, norm.weight, norm.bias))));
  EXPECT_TRUE(close(x.grad(), gradient));
}

TEST(Normalization, CompiledStepsWriteStatistics) {
  const auto model = [] {
    eg::manual_seed(3);
    return eg::Sequential<double>(eg::Linear<double>(3, 4), eg::BatchNorm1d<double>(4), eg::ReLU<double>(),
                                  eg::BatchNorm1d<double>(4, {.momentum = std::nullopt}), eg::LayerNorm<double>({4}),
                                  eg::RMSNorm<double>({4}), eg::GroupNorm<double>(2, 4), eg::Linear<double>(4, 1));
  };
  eg::Sequential<double> replayed = model(), plain = model();
  auto step = eg::compile([&](const auto& x) { return sum(eg::square(replayed(x))); });
  for (int k = 0; k < 7; ++k) {
    if (k == 4) replayed.at<eg::BatchNorm1d<double>>(1).momentum = plain.at<eg::BatchNorm1d<double>>(1).momentum = 0.5;
    if (k == 5) replayed.eval(), plain.eval();
    const Tensor x = numbers({6, 3}, k);
    replayed.zero_grad();
    plain.zero_grad();
    const double loss = step(x).item();
    eg::Tape tape;
    const Tensor expected = sum(eg::square(plain(x)));
    tape.backward(expected);
    EXPECT_EQ(loss, expected.item()) << k;
    const auto mine = replayed.state_dict(), others = plain.state_dict();
    for (const auto& entry : others)
      if (entry.tensor.holds<double>())
        EXPECT_TRUE(support::same_bits(mine.at<double>(entry.name), entry.tensor.as<double>())) << k << entry.name;
      else
        EXPECT_EQ(mine.at<std::int64_t>(entry.name).item(), entry.tensor.as<std::int64_t>().item()) << k << entry.name;
    for (std::size_t i = 0; i < plain.parameters().size(); ++i)
      EXPECT_TRUE(support::same_bits(replayed.parameters()[i].grad(), plain.parameters()[i].grad())) << k << " " << i;
  }
}

// A function behind a BatchNorm in a Sequential rides along; planes fill whole lanes, or do not, or are single numbers.
TEST(Normalization, FunctionsRideAlong) {
  for (const eg::Shape& shape : {eg::Shape{3, 2, 16}, eg::Shape{4, 2, 5}, eg::Shape{7, 2}, eg::Shape{0, 2, 3}})
    for (const bool constant : {false, true}) {
      SCOPED_TRACE(eg::to_text(shape, " ", constant));
      eg::Sequential<double> together(eg::BatchNorm1d<double>(2), eg::ReLU<double>(), eg::BatchNorm1d<double>(2),
                                      eg::Tanh<double>());
      together.at<eg::BatchNorm1d<double>>(0).bias.set_value({0.3, -0.2});
      eg::Sequential<double> copy = together;
      const Tensor x = numbers(shape), seed = numbers(shape, 3);
      const eg::Parameter<double> p(x), q(x);
      const auto of = [&](eg::Sequential<double>& model, const eg::Parameter<double>& in, bool split) {
        Tensor y = constant ? x : in.to_tensor();
        if (!split) return model(y);
        y = model.at<eg::BatchNorm1d<double>>(0)(y);
        y = model.at<eg::ReLU<double>>(1)(y);
        y = model.at<eg::BatchNorm1d<double>>(2)(y);
        return model.at<eg::Tanh<double>>(3)(y);
      };
      Tensor mine, theirs;
      {
        eg::Tape tape;
        mine = of(together, p, false);
        tape.backward(mine, seed);
        EXPECT_EQ(tape.operations().front(), "batch_norm");
      }
      {
        eg::Tape tape;
        theirs = of(copy, q, true);
        tape.backward(theirs, seed);
      }
      EXPECT_TRUE(support::same_bits(mine, theirs));
      if (!constant) {
        EXPECT_TRUE(close(p.grad(), q.grad()));
      }
      for (std::size_t i = 0; i < 4; ++i)
        EXPECT_TRUE(close(together.parameters()[i].grad(), copy.parameters()[i].grad())) << i;
      const auto second = [&](eg::Sequential<double>& model, const eg::Parameter<double>& in, bool split) {
        eg::Tape tape;
        const auto first = tape.gradient(sum(of(model, in, split) * seed), model.parameters(), {.create_graph = true});
        return tape.gradient(sum(first[0] * first[0]) + sum(first[1]), model.parameters());
      };
      const auto a = second(together, p, false), b = second(copy, q, true);
      for (std::size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(close(a[i], b[i], 1e-9)) << i;
    }
}

TEST(Normalization, RecordsNameTheLineOfTheCall) {
  eg::LayerNorm<double> norm({3});
  eg::Tape tape;
  norm(numbers({2, 3}));
  EXPECT_EQ(tape.operations(), (std::vector<std::string>{"layer_norm"}));
}
