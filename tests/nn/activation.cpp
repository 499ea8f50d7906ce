#include "eigengrad/nn/layers/activation.hpp"

#include "eigengrad/autograd/gradcheck.hpp"
#include "support/close.hpp"

// The functions themselves are tested in ops; here that each layer is its function, and Maxout.
namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using support::close, support::mentions, support::message_of;

static const Real x = {{-2, -0.5, 0}, {0.25, 1, 3}};

template <class F>
static std::vector<double> map_of(const F& f) {
  std::vector<double> result;
  for (const double number : x) result.push_back(f(number));
  return result;
}

TEST(Activation, LayersAreTheirFunctions) {
  EXPECT_TRUE(close(eg::Identity<double>()(x), x));
  EXPECT_TRUE(close(eg::Sigmoid<double>()(x), map_of([](double v) { return 1 / (1 + std::exp(-v)); })));
  EXPECT_TRUE(close(eg::Tanh<double>()(x), map_of([](double v) { return std::tanh(v); })));
  EXPECT_TRUE(close(eg::ReLU<double>()(x), {0, 0, 0, 0.25, 1, 3}));
  EXPECT_TRUE(close(eg::LeakyReLU<double>()(x), {-0.02, -0.005, 0, 0.25, 1, 3}));
  EXPECT_TRUE(close(eg::LeakyReLU<double>(0.5)(x), {-1, -0.25, 0, 0.25, 1, 3}));
  EXPECT_TRUE(close(eg::ELU<double>()(x), {std::expm1(-2), std::expm1(-0.5), 0, 0.25, 1, 3}));
  EXPECT_TRUE(close(eg::ELU<double>(2)(x), {2 * std::expm1(-2), 2 * std::expm1(-0.5), 0, 0.25, 1, 3}));
  EXPECT_TRUE(close(eg::GELU<double>()(x), Real(gelu(x))));
  EXPECT_TRUE(close(eg::SiLU<double>()(x), map_of([](double v) { return v / (1 + std::exp(-v)); })));
  EXPECT_TRUE(close(eg::Softplus<double>()(x), map_of([](double v) { return std::log1p(std::exp(v)); })));
  EXPECT_TRUE(close(eg::Softmax<double>()(x), softmax(x, 1)));
  EXPECT_TRUE(close(eg::Softmax<double>(0)(x), softmax(x, 0)));
}

TEST(Activation, LayersSayWhatTheyAre) {
  EXPECT_EQ(eg::ReLU<float>().kind(), "ReLU");
  EXPECT_EQ(eg::Softplus<float>().kind(), "Softplus");
  EXPECT_EQ(eg::Maxout<float>().kind(), "Maxout");
  EXPECT_TRUE(eg::ReLU<float>().parameters().empty());
  EXPECT_EQ(eg::Identity<float>().preferred_initializer().draw, nullptr);
  EXPECT_DOUBLE_EQ(eg::ReLU<float>().preferred_initializer().gain, std::sqrt(2.0));
}

TEST(Activation, LayersLetTheGradientThrough) {
  eg::Parameter<double> p(x);
  eg::Tape tape;
  tape.backward(sum(eg::ReLU<double>()(p)));
  EXPECT_TRUE(close(p.grad(), {0, 0, 0, 1, 1, 1}));
}

TEST(Maxout, IsTheLargestOfEachGroupOfNeighbours) {
  const Real t = {{1, 2, -3, -4}, {0, 0, 5, 5}};
  EXPECT_TRUE(close(eg::Maxout<double>()(t), Real{{2, -3}, {0, 5}}));
  EXPECT_TRUE(close(eg::Maxout<double>(4)(t), Real{{2}, {5}}));
  EXPECT_TRUE(close(eg::maxout(t, 1), t));
  EXPECT_EQ(eg::maxout(Real::zeros({0, 6}), 3).shape(), (eg::Shape{0, 2}));
  EXPECT_EQ(eg::maxout(Real::zeros({2, 3, 6}), 3).shape(), (eg::Shape{2, 3, 2}));
}

TEST(Maxout, GivesTheGradientToTheFirstWinner) {
  eg::Parameter<double> p(Real{{1, 2, -3, -4}, {0, 0, 5, 5}});
  eg::Tape tape;
  tape.backward(sum(eg::maxout(p)));
  EXPECT_TRUE(close(p.grad(), {0, 1, 1, 0, 1, 0, 1, 0}));
  eg::gradcheck([](const Real& t) { return eg::maxout(t, 3); }, Real{{0.1, 0.5, -0.2, 1, 2, 3}});
}

TEST(Maxout, OfItsOwnLinesIsThatOfALinearLayer) {
  eg::Maxout<double> layer(3, 2, 4);
  ASSERT_EQ(layer.named_parameters().size(), 2u);
  EXPECT_EQ(layer.named_parameters()[0].first, "lines.weight");
  EXPECT_EQ(layer.named_parameters()[0].second.shape(), (eg::Shape{8, 3}));
  EXPECT_TRUE(close(layer(x), eg::maxout(layer.lines.front()(x), 4)));
  EXPECT_EQ(layer(x).shape(), (eg::Shape{2, 2}));

  eg::Maxout<double> copy = layer;
  copy.lines.front().weight.set_value(Real::zeros({8, 3}));
  EXPECT_FALSE(close(layer(x), copy(x)));

  eg::Maxout<double> absolute(1, 1);  // |x| = max(x, -x)
  absolute.lines.front().weight.set_value(Real{{1}, {-1}});
  absolute.lines.front().bias.set_value(Real{0, 0});
  EXPECT_TRUE(close(absolute(Real{{-3}, {2}}), {3, 2}));
}

TEST(Maxout, GroupsThatDoNotComeOutEvenAreRefused) {
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::maxout(Real::zeros({2, 5}), 2); }),
                       {"maxout", "[2, 5]", "groups of 2", "activation.cpp"}));
  EXPECT_THROW(eg::maxout(x, 0), eg::ShapeError);
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([] { eg::Maxout<double> none(2, 3, 0); }), {"Maxout: 0 pieces"}));
  EXPECT_THROW(eg::maxout(Real::full({}, 1)), eg::ShapeError);
}
