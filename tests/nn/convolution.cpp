#include "eigengrad/nn/layers/convolution.hpp"

#include <cmath>

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/layers/fuse.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/ops/arithmetic.hpp"
#include "eigengrad/ops/sum.hpp"
#include "eigengrad/transform/compile.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"

namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using eg::PaddingMode;
using support::close, support::mentions, support::message_of, support::same_bits;

namespace {

template <int axes>
eg::PerAxis<axes> per_axis(const fixture::Case& c, const std::string& key, eg::Index otherwise = 1) {
  if (!c.has(key)) return otherwise;
  const std::vector<eg::Index> found = c.integers(key);
  if constexpr (axes == 2)
    if (found.size() == 2) return {found[0], found[1]};
  return found[0];
}
PaddingMode mode_of(const fixture::Case& c) {
  if (!c.has("padding_mode") || c.word("padding_mode") == "zeros") return PaddingMode::zeros;
  if (c.word("padding_mode") == "reflect") return PaddingMode::reflect;
  return c.word("padding_mode") == "replicate" ? PaddingMode::replicate : PaddingMode::circular;
}
/// A layer's settings; a function's are those without bias.
template <class Options, int axes>
Options options_of(const fixture::Case& c) {
  Options options;
  options.stride = per_axis<axes>(c, "stride");
  options.dilation = per_axis<axes>(c, "dilation");
  if (c.has("groups")) options.groups = c.integer("groups");
  if constexpr (requires { options.bias; }) options.bias = c.flag("bias");
  if constexpr (requires { options.output_padding; }) {
    options.output_padding = per_axis<axes>(c, "output_padding", 0);
    options.padding = per_axis<axes>(c, "padding", 0);
  } else {
    options.padding_mode = mode_of(c);
    if (c.word("padding") == "same" || c.word("padding") == "valid")
      options.padding = c.word("padding").c_str();
    else
      options.padding.numbers = per_axis<axes>(c, "padding");
  }
  return options;
}

template <class Layer>
void compare_layer(const fixture::Case& c, Layer layer) {
  c.compare_module(layer, [&](const fixture::Inputs& in) { return std::vector{layer(in["input"])}; });
}

/// What a BatchNorm has, in evaluation mode.
struct Norm : eg::Module<double> {
  explicit Norm(eg::Index channels) : running_mean(Real::randn({channels})), running_var(Real::rand({channels}) + 0.5) {
    weight.initialize_as(Real::randn({channels}));
    bias.initialize_as(Real::randn({channels}));
    eval();
  }
  std::string kind() const override { return "BatchNorm2d"; }
  Real forward(const Real& y) override {
    const eg::Shape shape = {running_mean.size(), 1, 1};
    return (y - reshape(running_mean, shape)) / sqrt(reshape(running_var, shape) + epsilon) *
               reshape(weight.value(), shape) +
           reshape(bias.value(), shape);
  }

  eg::Parameter<double> weight, bias;
  Real running_mean, running_var;
  double epsilon = 1e-5;
};

}  // namespace

TEST(Convolution, IsPyTorchs) {
  for (const fixture::Case& c : fixture::load("convolution")) {
    SCOPED_TRACE(c.text());
    const auto compare = [&](const auto& f) {
      c.compare(
          [&](const fixture::Inputs& in) { return std::vector<Real>{f(in["x"], in["weight"], in.given("bias"))}; });
    };
    if (c.name() == "conv1d")
      compare([&](const auto&... x) { return conv1d(x..., options_of<eg::Conv1dOptions, 1>(c)); });
    else if (c.name() == "conv2d")
      compare([&](const auto&... x) { return conv2d(x..., options_of<eg::Conv2dOptions, 2>(c)); });
    else if (c.name() == "conv_transpose1d")
      compare([&](const auto&... x) { return conv_transpose1d(x..., options_of<eg::ConvTranspose1dOptions, 1>(c)); });
    else if (c.name() == "conv_transpose2d")
      compare([&](const auto&... x) { return conv_transpose2d(x..., options_of<eg::ConvTranspose2dOptions, 2>(c)); });
    else if (c.name() == "Conv1d")
      compare_layer(c, eg::Conv1d<double>(2, 3, 3, options_of<eg::ConvolutionLayerOptions<1>, 1>(c)));
    else if (c.name() == "Conv2d")
      compare_layer(c, eg::Conv2d<double>(2, 3, 3, options_of<eg::ConvolutionLayerOptions<2>, 2>(c)));
    else if (c.name() == "ConvTranspose1d")
      compare_layer(c, eg::ConvTranspose1d<double>(2, 4, 3, options_of<eg::TransposedLayerOptions<1>, 1>(c)));
    else if (c.name() == "ConvTranspose2d")
      compare_layer(c, eg::ConvTranspose2d<double>(2, 4, 3, options_of<eg::TransposedLayerOptions<2>, 2>(c)));
    else
      ADD_FAILURE() << "nothing compares it";
  }
}

TEST(Convolution, ByHand) {
  const Real x = reshape(Real{1, 2, 3, 4}, {1, 1, 4}), kernel = reshape(Real{1, 10}, {1, 1, 2});
  EXPECT_TRUE(close(conv1d(x, kernel), {21, 32, 43})) << "the kernel is not turned round";
  EXPECT_TRUE(close(conv1d(x, kernel, {.padding = "same"}), {21, 32, 43, 4})) << "one more at the end";
  EXPECT_TRUE(close(conv1d(x, kernel, Real{0.5}, {.stride = 2, .padding = 1}), {10.5, 32.5, 4.5}));
  EXPECT_TRUE(close(conv_transpose1d(x, kernel), {1, 12, 23, 34, 40}));
  EXPECT_TRUE(close(conv_transpose1d(x, kernel, Real{0.5}, {.stride = 3, .output_padding = 1}),
                    {1.5, 10.5, 0.5, 2.5, 20.5, 0.5, 3.5, 30.5, 0.5, 4.5, 40.5, 0.5}));
}

// <conv(x), y> = <x, conv_transpose(y)> for the same weight and settings.
TEST(Convolution, AndItsTransposeAreAdjoint) {
  const Real x = Real::randn({2, 4, 9, 8}), weight = Real::randn({6, 2, 3, 2});
  for (const eg::Index stride : {1, 2, 3})
    for (const eg::Index padding : {0, 1, 3})
      for (const eg::Index dilation : {1, 2}) {
        const Real y = conv2d(x, weight, {.stride = stride, .padding = padding, .dilation = dilation, .groups = 2});
        const auto rest = [&](eg::Index size, eg::Index kernel) {
          return (size + 2 * padding - dilation * (kernel - 1) - 1) % stride;
        };
        const Real u = Real::randn(y.shape()), back = conv_transpose2d(u, weight,
                                                                       {.stride = stride,
                                                                        .padding = padding,
                                                                        .output_padding = {rest(9, 3), rest(8, 2)},
                                                                        .dilation = dilation,
                                                                        .groups = 2});
        EXPECT_NEAR(sum(y * u).item(), sum(x * back).item(), 1e-10) << stride << padding << dilation;
      }
}

TEST(Convolution, IsItsTypicalSizes) {
  using Images = eg::Conv2d<double>;
  const Real x = Real::ones({2, 1, 28, 28});
  EXPECT_EQ(Images(1, 6, 5, {.padding = 2})(x).shape(), (eg::Shape{2, 6, 28, 28}));
  EXPECT_EQ(Images(1, 6, {5, 3}, {.padding = "same", .bias = false})(x).shape(), (eg::Shape{2, 6, 28, 28}));
  EXPECT_EQ(Images(1, 6, 5, {.stride = {2, 1}, .padding = {1, 0}})(x).shape(), (eg::Shape{2, 6, 13, 24}));
  EXPECT_EQ(eg::Conv1d<double>(1, 4, 9, {.stride = 4, .padding = 4})(Real::ones({8, 1, 1600})).shape(),
            (eg::Shape{8, 4, 400}));
  EXPECT_EQ(eg::ConvTranspose2d<double>(1, 4, 2, {.stride = 2})(x).shape(), (eg::Shape{2, 4, 56, 56}));
  const eg::ConvTranspose1dOptions twice{.stride = 2, .padding = 1, .output_padding = 1};
  EXPECT_EQ(conv_transpose1d(Real::ones({1, 5}), Real::ones({1, 4, 3}), twice).shape(), (eg::Shape{4, 10}));
}

TEST(Convolution, TakesTheActivationAfterItAlong) {
  for (const bool transposed : {false, true})
    for (const eg::Index size : {3, 17, 40}) {
      SCOPED_TRACE(size);
      eg::manual_seed(3);
      eg::Sequential<double> model;
      transposed ? void(model.add(eg::ConvTranspose2d<double>(2, 5, 3, {.stride = 2})))
                 : void(model.add(eg::Conv2d<double>(2, 5, 3, {.padding = 1})));
      model.add(eg::ReLU<double>()).add(eg::Conv2d<double>(5, 4, {1, 3}, {.padding = "same"})).add(eg::Tanh<double>());
      model.add(eg::Conv2d<double>(4, 4, 1, {.groups = 4})).add(eg::Sigmoid<double>());
      const Real x = Real::randn({2, 2, size, size - 1});
      const auto parameters = model.parameters();
      std::vector<Real> gradients[2], again[2];
      Real values[2];
      for (const bool alone : {false, true}) {
        eg::Tape tape;
        Real y = x;
        if (alone)
          for (eg::Index i = 0; i < model.size(); ++i) y = model[i](y);
        else
          y = model(x);
        EXPECT_EQ(tape.size(), alone ? 6 : 3);
        values[alone] = y.detach();
        gradients[alone] = tape.gradient(sum(square(y)), parameters, {.create_graph = true});
        Real loss = Real::zeros({});
        for (const Real& gradient : gradients[alone]) loss = loss + sum(square(gradient));
        again[alone] = tape.gradient(loss, parameters);
      }
      EXPECT_TRUE(same_bits(values[0], values[1]));
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        EXPECT_TRUE(close(gradients[0][i], gradients[1][i], 1e-11)) << i;
        EXPECT_TRUE(close(again[0][i], again[1][i], 1e-10)) << i;
      }
    }
}

TEST(Convolution, GradientsStopAtWhatNeedsNone) {
  eg::Conv2d<double> layer(2, 3, 3);
  const Real x = Real::randn({2, 2, 5, 5});
  eg::Tape tape;
  layer.weight.set_requires_grad(false);
  tape.backward(sum(layer(x)));
  EXPECT_EQ(tape.size(), 2) << "one record for the layer, one for the sum";
  EXPECT_FALSE(layer.weight.has_grad());
  EXPECT_TRUE(close(layer.bias.grad(), {18, 18, 18}));
}

TEST(Convolution, AddsUpGradientsOfSeveralUses) {
  eg::Conv2d<double> layer(2, 2, 3, {.padding = 1});
  const Real x = Real::randn({3, 2, 4, 4});
  const auto gradients = [&](int times) {
    eg::Tape tape;
    const eg::Parameter<double> input(x);
    Real loss = sum(square(layer(input.to_tensor())));
    for (int i = 1; i < times; ++i) loss = loss + sum(square(layer(input.to_tensor())));
    return tape.gradient(loss, {layer.weight, layer.bias, input});
  };
  const auto once = gradients(1), thrice = gradients(3);
  for (std::size_t i = 0; i < once.size(); ++i) EXPECT_TRUE(close(thrice[i], Real(3 * once[i]), 1e-10)) << i;
}

TEST(Convolution, AnEmptyBatchGivesAnEmptyResultAndZeroGradients) {
  for (const PaddingMode mode : {PaddingMode::zeros, PaddingMode::reflect}) {
    eg::Conv2d<double> layer(2, 3, 3, {.padding = 1, .padding_mode = mode});
    eg::Tape tape;
    const Real y = layer(Real::zeros({0, 2, 4, 5}));
    EXPECT_EQ(y.shape(), (eg::Shape{0, 3, 4, 5}));
    tape.backward(sum(y));
    EXPECT_TRUE(close(layer.weight.grad(), Real::zeros({3, 2, 3, 3})));
    EXPECT_TRUE(close(layer.bias.grad(), Real::zeros({3})));
  }
  EXPECT_EQ(eg::ConvTranspose1d<double>(2, 3, 3)(Real::zeros({0, 2, 4})).shape(), (eg::Shape{0, 3, 6}));
}

TEST(Convolution, AnImageAloneIsABatchOfOne) {
  const Real x = Real::randn({1, 2, 6, 5});
  for (const PaddingMode mode : {PaddingMode::zeros, PaddingMode::circular}) {
    eg::Conv2d<double> layer(2, 3, 3, {.padding = 2, .padding_mode = mode});
    EXPECT_TRUE(close(layer(select(x, 0, 0)), select(layer(x), 0, 0)));
  }
}

TEST(Convolution, IsReplayed) {
  eg::Sequential<double> model(eg::Conv2d<double>(1, 3, 3, {.padding = 1}), eg::Tanh<double>(),
                               eg::Conv2d<double>(3, 2, 3, {.padding = 1, .padding_mode = PaddingMode::reflect}),
                               eg::ReLU<double>(), eg::ConvTranspose2d<double>(2, 1, 2, {.stride = 2}));
  const auto parameters = model.parameters();
  auto step = eg::compile([&](const auto& x) { return sum(square(model(x))); });
  for (int call = 0; call < 3; ++call) {
    const Real x = Real::randn({2, 1, 5, 6});
    const Real replayed = step(x) * 1.0;
    std::vector<Real> gradients;
    for (const auto& parameter : parameters) gradients.push_back(parameter.grad() * 1.0);
    model.zero_grad();
    eg::Tape tape;
    const Real loss = sum(square(model(x)));
    tape.backward(loss);
    EXPECT_TRUE(same_bits(replayed, loss.detach())) << call;
    for (std::size_t i = 0; i < parameters.size(); ++i)
      EXPECT_TRUE(same_bits(gradients[i], parameters[i].grad())) << call << " " << i;
    model.zero_grad();
  }
}

TEST(Convolution, LooksTheSameWhereEveryValueIsWatched) {
  eg::Sequential<double> model(eg::Conv2d<double>(1, 3, 3), eg::ReLU<double>());
  const Real x = Real::randn({1, 1, 5, 5});
  eg::Tape tape({.detect_anomaly = true});
  const Real y = model(x);
  EXPECT_EQ(tape.size(), 2);
  tape.backward(sum(y));
  model.at<eg::Conv2d<double>>(0).weight.set_value(Real::full({3, 1, 3, 3}, 1e200));
  EXPECT_THROW(model(Real::full({1, 1, 5, 5}, 1e200)), eg::AnomalyError);
}

TEST(Convolution, NamesItsParametersAsPyTorchDoes) {
  eg::Sequential<double> model(eg::Conv2d<double>(4, 6, {3, 5}, {.groups = 2}),
                               eg::ConvTranspose2d<double>(6, 4, 3, {.groups = 2, .bias = false}));
  const auto parameters = model.named_parameters();
  ASSERT_EQ(parameters.size(), 3u);
  EXPECT_EQ(parameters[0].first, "0.weight");
  EXPECT_EQ(parameters[0].second.shape(), (eg::Shape{6, 2, 3, 5}));
  EXPECT_EQ(parameters[1].first, "0.bias");
  EXPECT_EQ(parameters[2].first, "1.weight");
  EXPECT_EQ(parameters[2].second.shape(), (eg::Shape{6, 2, 3, 3})) << "[in, out / groups, ...]";
  EXPECT_EQ(model[0].kind() + model[1].kind(), "Conv2dConvTranspose2d");
  EXPECT_EQ(eg::Conv1d<double>(1, 1, 1).kind() + eg::ConvTranspose1d<double>(1, 1, 1).kind(), "Conv1dConvTranspose1d");
  EXPECT_EQ(eg::Conv1d<double>(3, 4, 5).weight.shape(), (eg::Shape{4, 3, 5}));
}

TEST(Convolution, CopiesAreTheirOwn) {
  eg::Conv2d<double> layer(1, 2, 3);
  const Real x = Real::randn({1, 1, 4, 4}), before = layer(x);
  eg::Conv2d<double> copy = layer, other(1, 2, 3);
  copy.weight.set_value(Real::zeros({2, 1, 3, 3}));
  EXPECT_TRUE(same_bits(layer(x), before));
  other.load_state_dict(layer.state_dict());
  other.eval();
  EXPECT_TRUE(same_bits(other(x), before));
}

TEST(Convolution, StartsUniformWithinOneOverTheRootOfWhatEntersAnOutput) {
  eg::Generator generator(5);
  const auto expect_bound = [](const Real& numbers, double bound) {
    double most = 0, squares = 0;
    for (const double number : numbers) most = std::max(most, std::abs(number)), squares += number * number;
    EXPECT_LE(most, bound);
    EXPECT_GT(most, 0.98 * bound);
    EXPECT_NEAR(squares / static_cast<double>(numbers.size()), bound * bound / 3, 0.05 * bound * bound);
  };
  const eg::Conv2d<double> layer(8, 300, {3, 5}, {.groups = 2}, generator);
  expect_bound(layer.weight.value(), 1 / std::sqrt(4 * 15.0));
  expect_bound(layer.bias.value(), 1 / std::sqrt(4 * 15.0));
  const eg::ConvTranspose2d<double> transposed(50, 200, {3, 5}, {.groups = 2}, generator);
  expect_bound(transposed.weight.value(), 1 / std::sqrt(100 * 15.0));
  expect_bound(transposed.bias.value(), 1 / std::sqrt(100 * 15.0));
}

TEST(Convolution, WrongSizesNameBothShapesAndTheFormula) {
  eg::Conv2d<double> layer(2, 3, 3, {.stride = 2, .padding = 1, .dilation = 4});
  EXPECT_TRUE(
      mentions(message_of<eg::ShapeError>([&] { layer(Real::zeros({4, 2, 9, 6})); }),
               {"conv2d", "x is [4, 2, 9, 6]", "weight is [3, 2, 3, 3]",
                "floor((6 + 2 * 1 - 4 * (3 - 1) - 1) / 2) + 1 = 0 columns", "more padding", "convolution.cpp"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { layer(Real::zeros({4, 3, 9, 9})); }),
                       {"conv2d", "x is [4, 3, 9, 9]", "weight is [3, 2, 3, 3]", "groups = 1", "second size"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { layer(Real::zeros({9, 9})); }),
                       {"x is [9, 9]", "[n, channels, rows, columns]"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { layer(Real::zeros({1, 2, 0, 9})); }),
                       {"x is [1, 2, 0, 9]", "only the batch may be empty"}));
  const Real x = Real::zeros({1, 2, 5}), weight = Real::zeros({3, 2, 7});
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { conv1d(x, weight); }),
                       {"conv1d", "floor((5 + 2 * 0 - 1 * (7 - 1) - 1) / 1) + 1 = -1 numbers"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { conv1d(x, weight, Real{1, 2}, {.padding = 3}); }),
                       {"bias is [2]", "the bias must be [3]"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { conv_transpose1d(x, weight); }),
                       {"conv_transpose1d", "x is [1, 2, 5]", "weight is [3, 2, 7]", "x's channels"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>(
                           [&] { conv_transpose1d(Real::zeros({2, 1}), Real::zeros({2, 2, 3}), {.padding = 2}); }),
                       {"(1 - 1) * 1 - 2 * 2 + 1 * (3 - 1) + 0 + 1 = -1 numbers", "less padding"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] {
                         eg::Conv2d<double>(
                             2, 3, 3, {.padding = 5, .padding_mode = PaddingMode::reflect})(Real::zeros({1, 2, 5, 9}));
                       }),
                       {"pad2d", "[1, 2, 5, 9]", "5 and 5 rows"}));
  EXPECT_THROW(conv1d(Real::zeros({1, 4, 5}), Real::zeros({3, 2, 3}), {.groups = 2}), eg::ShapeError);
  EXPECT_THROW(conv1d(Real::zeros({1, 0, 5}), Real::zeros({3, 0, 3})), eg::ShapeError);
}

TEST(Convolution, WrongSettingsAreRefused) {
  using Layer = eg::Conv2d<double>;
  const auto message = [](const auto& make) { return message_of<eg::ValueError>(make); };
  EXPECT_TRUE(mentions(message([] { Layer(3, 4, 3, {.groups = 2}); }), {"Conv2d", "3 and 4 channels", "groups = 2"}));
  EXPECT_TRUE(mentions(message([] { Layer(0, 4, 3); }), {"Conv2d", "0 and 4 channels"}));
  EXPECT_TRUE(mentions(message([] { Layer(3, 4, {3, 0}); }), {"Conv2d", "kernel size 0"}));
  EXPECT_TRUE(mentions(message([] { Layer(3, 4, 3, {.stride = 0}); }), {"Conv2d", "stride 0"}));
  EXPECT_TRUE(mentions(message([] { Layer(3, 4, 3, {.padding = {0, -1}}); }), {"Conv2d", "padding -1"}));
  EXPECT_TRUE(mentions(message([] { Layer(3, 4, 3, {.dilation = 0}); }), {"Conv2d", "dilation 0"}));
  EXPECT_TRUE(mentions(message([] { Layer(3, 4, 3, {.groups = 0}); }), {"Conv2d", "groups = 0"}));
  EXPECT_TRUE(
      mentions(message([] { Layer(3, 4, 3, {.stride = 2, .padding = "same"}); }), {"\"same\"", "stride 1, not 2"}));
  EXPECT_TRUE(
      mentions(message([] { Layer(3, 4, 3, {.padding = "some"}); }), {"\"some\"", "\"valid\"", "convolution.cpp"}));
  EXPECT_TRUE(mentions(message([] { eg::ConvTranspose2d<double>(3, 4, 3, {.stride = 2, .output_padding = 2}); }),
                       {"ConvTranspose2d", "output_padding 2", "stride 2"}));
  EXPECT_THROW(conv2d(Real::zeros({1, 1, 3, 3}), Real::zeros({1, 1, 3, 3}), {.stride = -1}), eg::ValueError);
}

// Sizes that no memory has, and that could not be counted.
TEST(Convolution, HostileSizesAreRefused) {
  const Real x = Real::ones({1, 1, 3, 3}), weight = Real::ones({1, 1, 3, 3});
  const eg::Index most = eg::largest_convolution_size, huge = eg::Index{1} << 62;
  EXPECT_THROW(conv2d(x, weight, {.padding = huge}), eg::ValueError);
  EXPECT_THROW(conv2d(x, weight, {.padding = most, .dilation = huge}), eg::ValueError);
  EXPECT_THROW(conv2d(x, weight, {.stride = most, .padding = most}), eg::ShapeError);
  EXPECT_THROW(conv2d(x, weight, {.dilation = most}), eg::ShapeError);
  EXPECT_THROW(conv2d(x, weight, {.groups = huge}), eg::ValueError);
  EXPECT_THROW(conv_transpose2d(x, weight, {.stride = most}), eg::ShapeError);
  EXPECT_THROW(conv1d(Real::zeros({0, 1, huge}), Real::ones({1, 1, 1})), eg::ShapeError);
  EXPECT_THROW(conv_transpose1d(Real::ones({8, 3}), Real::zeros({8, huge, 0}), {.groups = 8}), eg::ShapeError);
  EXPECT_TRUE(close(conv2d(x, weight, {.stride = most}), {9}));
}

TEST(Convolution, FusesWithTheNormBehindIt) {
  const Real x = Real::randn({2, 4, 5, 6});
  const auto expect_same = [&](auto layer, eg::Index outputs) {
    Norm norm(outputs);
    EXPECT_TRUE(close(fuse(layer, norm)(x), norm(layer(x)), 1e-12));
    norm.weight = eg::Parameter<double>(Real());
    norm.bias = eg::Parameter<double>(Real());
    Norm plain = norm;
    plain.weight.initialize_as(Real::ones({outputs}));
    plain.bias.initialize_as(Real::zeros({outputs}));
    EXPECT_TRUE(close(fuse(layer, norm)(x), plain(layer(x)), 1e-12)) << "without factors of its own";
  };
  expect_same(eg::Conv2d<double>(4, 6, 3, {.groups = 2}), 6);
  expect_same(eg::Conv2d<double>(4, 6, 3, {.bias = false}), 6);
  expect_same(eg::ConvTranspose2d<double>(4, 6, 3, {.stride = 2, .groups = 2}), 6);
  Norm norm(6);
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { fuse(eg::Conv2d<double>(4, 5, 3), norm); }),
                       {"fuse", "Conv2d", "[5, 4, 3, 3]", "BatchNorm2d", "[6]"}));
  norm.train();
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { fuse(eg::Conv2d<double>(4, 6, 3), norm); }),
                       {"fuse", "BatchNorm2d", "eval()"}));
}
