#include "eigengrad/nn/layers/linear.hpp"

#include "eigengrad/autograd/gradcheck.hpp"
#include "eigengrad/ops/activations.hpp"
#include "support/close.hpp"

namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using support::close, support::mentions, support::message_of;

static const Real weight = {{1, 2, 3}, {-1, 0.5, 2}};
static const Real bias = {10, -10};

static eg::Linear<double> layer_of(const Real& w, const Real& b) {
  eg::Linear<double> layer(w.shape()[1], w.shape()[0], {.bias = b.size() > 0});
  layer.weight.set_value(w);
  if (b.size() > 0) layer.bias.set_value(b);
  return layer;
}

TEST(Linear, IsXTimesTheTransposedWeightPlusTheBias) {
  auto layer = layer_of(weight, bias);
  EXPECT_TRUE(close(layer(Real{{1, 1, 1}, {2, 0, -1}}), Real{{16, -8.5}, {9, -14}}));
  auto bare = layer_of(weight, {});
  EXPECT_TRUE(close(bare(Real{{1, 1, 1}, {2, 0, -1}}), Real{{6, 1.5}, {-1, -4}}));
}

TEST(Linear, AnEmptyBiasIsNoneThoughItIsTracked) {
  const eg::Parameter<double> w(weight), none(Real::zeros({0}));
  for (const bool create_graph : {false, true}) {
    eg::Tape tape;
    tape.backward(sum(eg::linear(Real{{1, 1, 1}}, w, none)), {.create_graph = create_graph});
    EXPECT_EQ(none.grad().shape(), (eg::Shape{0}));
    EXPECT_TRUE(close(w.grad(), Real::ones({2, 3})));
    w.zero_grad();
  }
}

TEST(Linear, TakesAnyNumberOfLeadingAxes) {
  auto layer = layer_of(weight, bias);
  EXPECT_TRUE(close(layer(Real{1, 1, 1}), Real{16, -8.5}));
  EXPECT_TRUE(close(layer(Real{{{1, 1, 1}}, {{2, 0, -1}}}), Real{{{16, -8.5}}, {{9, -14}}}));
  EXPECT_EQ(layer(Real::zeros({2, 3, 4, 3})).shape(), (eg::Shape{2, 3, 4, 2}));
}

TEST(Linear, Gradients) {
  eg::Generator generator(1);
  for (const eg::Shape& shape : {eg::Shape{3}, {1, 3}, {4, 3}, {0, 3}, {2, 3, 3}, {2, 0, 3}}) {
    const Real x = Real::randn(shape, generator);
    eg::gradcheck([](const Real& a, const Real& w, const Real& b) { return eg::linear(a, w, b); }, x, weight, bias);
    eg::gradcheck([](const Real& a, const Real& w) { return eg::linear(a, w, Real()); }, x, weight);
  }
  const Real x = Real::randn({37, 19}, generator), w = Real::randn({23, 19}, generator),
             b = Real::randn({23}, generator);
  eg::gradcheck([](const Real& p, const Real& q, const Real& r) { return eg::linear(p, q, r); }, x, w, b);
}

TEST(Linear, GradientsStopAtWhatNeedsNone) {
  auto layer = layer_of(weight, bias);
  layer.weight.set_requires_grad(false);
  eg::Tape tape;
  tape.backward(sum(layer(Real::ones({2, 3}))));
  EXPECT_EQ(tape.size(), 2) << "one record for the layer, one for the sum";
  EXPECT_FALSE(layer.weight.has_grad());
  EXPECT_TRUE(close(layer.bias.grad(), {2, 2}));
}

TEST(Linear, AnEmptyBatchGivesAnEmptyResultAndZeroGradients) {
  auto layer = layer_of(weight, bias);
  EXPECT_EQ(layer(Real::zeros({0, 3})).shape(), (eg::Shape{0, 2}));
  EXPECT_EQ(layer(Real::zeros({0, 5, 3})).shape(), (eg::Shape{0, 5, 2}));
  eg::Tape tape;
  tape.backward(sum(layer(Real::zeros({0, 3}))));
  EXPECT_TRUE(close(layer.weight.grad(), Real::zeros({2, 3})));
  EXPECT_TRUE(close(layer.bias.grad(), Real::zeros({2})));
}

TEST(Linear, WithoutInputsIsItsBias) {
  eg::Linear<double> layer(0, 2);
  layer.bias.set_value(bias);
  EXPECT_TRUE(close(layer(Real::zeros({3, 0})), Real{{10, -10}, {10, -10}, {10, -10}}));
  eg::Linear<double> none(3, 0);
  EXPECT_EQ(none(Real::zeros({2, 3})).shape(), (eg::Shape{2, 0}));
  EXPECT_THROW(eg::Linear<double>(-1, 2), eg::ValueError);
}

TEST(Linear, WrongShapesNameAllThree) {
  auto layer = layer_of(weight, bias);
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { layer(Real::zeros({4, 2})); }),
                       {"linear", "x is [4, 2]", "weight is [2, 3]", "bias is [2]", "last axis"}));
  EXPECT_THROW(layer(Real::full({}, 1)), eg::ShapeError);
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::linear(Real::zeros({4, 3}), weight, Real{1, 2, 3}); }),
                       {"bias is [3]", "linear.cpp"}));
  EXPECT_THROW(eg::linear(Real::zeros({4, 3}), Real{1, 2, 3}, Real()), eg::ShapeError);
}

TEST(Linear, NamesItsParametersAsPyTorchDoes) {
  eg::Linear<float> layer(3, 2);
  EXPECT_EQ(layer.weight.shape(), (eg::Shape{2, 3}));
  EXPECT_EQ(layer.bias.shape(), (eg::Shape{2}));
  ASSERT_EQ(layer.named_parameters().size(), 2u);
  EXPECT_EQ(layer.named_parameters()[0].first, "weight");
  EXPECT_EQ(layer.named_parameters()[1].first, "bias");
  EXPECT_EQ(layer.parameter_count(), 8);
  EXPECT_EQ(eg::Linear<float>(3, 2, {.bias = false}).parameters().size(), 1u);
  EXPECT_EQ(layer.kind(), "Linear");
}

TEST(Linear, StartsUniformWithinOneOverTheRootOfItsInputs) {
  eg::Generator generator(5);
  eg::Linear<double> layer(400, 300, {}, generator);
  const auto w = layer.weight.value().array();
  EXPECT_LE(w.abs().maxCoeff(), 0.05);
  EXPECT_GT(w.abs().maxCoeff(), 0.0499);
  EXPECT_NEAR(w.mean(), 0, 5 * 0.05 / std::sqrt(3 * 120000.0));
  EXPECT_NEAR(w.square().mean(), 0.05 * 0.05 / 3, 0.01 * 0.05 * 0.05 / 3);
  EXPECT_LE(layer.bias.value().array().abs().maxCoeff(), 0.05);
}

TEST(Linear, ASeedFixesItsBits) {
  eg::manual_seed(9);
  const eg::Linear<float> first(5, 4);
  eg::manual_seed(9);
  const eg::Linear<float> second(5, 4);
  EXPECT_TRUE(support::same_bits(first.weight.value(), second.weight.value()));
  EXPECT_TRUE(support::same_bits(first.bias.value(), second.bias.value()));
}

TEST(Linear, PermutingTheBatchLeavesSumLossGradientsEqual) {
  eg::Generator generator(6);
  const Real x = Real::randn({6, 3}, generator);
  Real permuted = x;
  for (eg::Index i = 0; i < 6; ++i)
    for (eg::Index j = 0; j < 3; ++j) permuted.at(i, j) = x((5 * i + 2) % 6, j);
  const auto gradient = [](const Real& input) {
    auto layer = layer_of(weight, bias);
    eg::Tape tape;
    tape.backward(sum(square(tanh(layer(input)))));
    return layer.weight.grad();
  };
  EXPECT_TRUE(close(gradient(x), gradient(permuted)));
}

TEST(Linear, PermutingHiddenUnitsLeavesTheOutputEqual) {
  eg::Generator generator(7);
  const Real x = Real::randn({4, 3}, generator), first = Real::randn({5, 3}, generator),
             offset = Real::randn({5}, generator), second = Real::randn({2, 5}, generator);
  Real first_permuted = first, offset_permuted = offset, second_permuted = second;
  for (eg::Index h = 0; h < 5; ++h) {
    const eg::Index from = (2 * h + 1) % 5;
    for (eg::Index j = 0; j < 3; ++j) first_permuted.at(h, j) = first(from, j);
    for (eg::Index o = 0; o < 2; ++o) second_permuted.at(o, h) = second(o, from);
    offset_permuted.at(h) = offset(from);
  }
  const Real y = eg::linear<double>(relu(eg::linear(x, first, offset)), second, bias);
  EXPECT_TRUE(
      close(eg::linear<double>(relu(eg::linear(x, first_permuted, offset_permuted)), second_permuted, bias), y));
  // A ReLU network without biases is homogeneous: twice the input, twice the output.
  const Real once = eg::linear<double>(relu(eg::linear(x, first, Real())), second, Real());
  const Real twice = eg::linear<double>(relu(eg::linear(Real(2 * x), first, Real())), second, Real());
  EXPECT_TRUE(close(twice, Real(2 * once)));
}

TEST(Linear, TheBiasGradientOfManyRowsKeepsItsDigits) {
  const eg::Index rows = 1000, columns = 5;  // more rows than are added up in float, and no whole lane of columns
  const auto x = eg::Tensor<float>::rand({rows, 3});
  eg::Linear<float> layer(3, columns);
  eg::Tape tape;
  const eg::Tensor<float> dy = eg::Tensor<float>::rand({rows, columns});
  tape.backward(layer(x), dy);
  const eg::Tensor<float> gradient = layer.bias.grad();
  for (eg::Index j = 0; j < columns; ++j) {
    double exact = 0;
    for (eg::Index i = 0; i < rows; ++i) exact += static_cast<double>(dy(i, j));
    EXPECT_NEAR(static_cast<double>(gradient(j)), exact, exact * 2e-7) << j;
  }
}
