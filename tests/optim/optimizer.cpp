#include "eigengrad/optim/optimizer.hpp"

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/nn/losses/loss.hpp"
#include "eigengrad/ops/sum.hpp"
#include "eigengrad/optim/adam.hpp"
#include "eigengrad/optim/sgd.hpp"
#include "support/close.hpp"

// What all optimizers share.
namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using Parameters = std::vector<eg::ParameterRef<double>>;
using support::close, support::mentions, support::message_of, support::same_bits;

static const double infinity = std::numeric_limits<double>::infinity();
static const double nan_value = std::numeric_limits<double>::quiet_NaN();

// Gives `parameter` this gradient.
static void set_gradient(const eg::ParameterRef<double>& parameter, const Real& gradient) {
  parameter.zero_grad();
  eg::Tape tape;
  tape.backward(parameter.to_tensor(), gradient);
}

template <class Optimizer>
class AnyOptimizer : public testing::Test {};
using Optimizers = testing::Types<eg::SGD<double>, eg::Adam<double>, eg::AdamW<double>>;
TYPED_TEST_SUITE(AnyOptimizer, Optimizers);

TYPED_TEST(AnyOptimizer, RefusesAnEmptyListAndTheSameParameterTwice) {
  const eg::Parameter<double> a(Real{1}), b(Real{2});
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([] { TypeParam optimizer(Parameters{}); }),
                       {"no parameters", "model.parameters()"}));
  EXPECT_TRUE(
      mentions(message_of<eg::ValueError>([&] { TypeParam({a, b, a}); }), {"parameters 0 and 2", "list it once"}));
}

TYPED_TEST(AnyOptimizer, RefusesAParameterThatWasMovedFrom) {
  eg::Parameter<double> a(Real{1});
  const eg::Parameter<double> b = std::move(a);
  EXPECT_TRUE(mentions(message_of<eg::GradientError>([&] { TypeParam({a}); }), {"moved from"}));
}

TYPED_TEST(AnyOptimizer, ARateOfZeroChangesNothing) {
  const eg::Parameter<double> a(Real{1, -2, 0});
  TypeParam optimizer({a}, {.learning_rate = 0});
  set_gradient(a, {3, -1e300, 0});
  optimizer.step();
  EXPECT_TRUE(same_bits(a.value(), Real{1, -2, 0}));
}

TYPED_TEST(AnyOptimizer, TheRateCanBeSetButNotBelowZero) {
  const eg::Parameter<double> a(Real{1});
  TypeParam optimizer({a}, {.learning_rate = 0.5});
  EXPECT_EQ(optimizer.learning_rate(), 0.5);
  optimizer.set_learning_rate(0.25);
  EXPECT_EQ(optimizer.learning_rate(), 0.25);
  for (const double rate : {-1.0, nan_value, infinity})
    EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { optimizer.set_learning_rate(rate); }),
                         {"learning rate", "negative"}));
  EXPECT_EQ(optimizer.learning_rate(), 0.25);
}

TYPED_TEST(AnyOptimizer, LeavesParametersWithoutAGradientAlone) {
  const eg::Parameter<double> reached(Real{1}), frozen(Real{2}), unused(Real{3});
  frozen.set_requires_grad(false);
  TypeParam optimizer({reached, frozen, unused}, {.learning_rate = 0.1, .weight_decay = 0.5});
  eg::Tape tape;
  tape.backward(sum(reached * frozen));
  optimizer.step();
  EXPECT_NE(reached.value().item(), 1);
  EXPECT_EQ(frozen.value().item(), 2);
  EXPECT_EQ(unused.value().item(), 3);
  EXPECT_EQ(optimizer.steps(), 1);
}

TYPED_TEST(AnyOptimizer, AZeroGradientMovesNothingAtFirst) {
  const eg::Parameter<double> a(Real{1, -2});
  TypeParam optimizer({a}, {.learning_rate = 0.1, .weight_decay = 0});
  set_gradient(a, {0, 0});
  optimizer.step();
  EXPECT_TRUE(same_bits(a.value(), Real{1, -2}));
}

TYPED_TEST(AnyOptimizer, WritesNoGradientAndSharesNoValue) {
  const eg::Parameter<double> a(Real{1, -2});
  TypeParam optimizer({a}, {.learning_rate = 0.1, .weight_decay = 0.5});
  const Real before = a.value();
  set_gradient(a, {3, 4});
  optimizer.step();
  EXPECT_TRUE(close(a.grad(), {3, 4}));
  EXPECT_TRUE(close(before, {1, -2})) << "a value taken earlier stays";
  optimizer.zero_grad();
  EXPECT_FALSE(a.has_grad());
  EXPECT_TRUE(close(a.grad(), {0, 0}));
}

TYPED_TEST(AnyOptimizer, KeepsItsParametersAlive) {
  Parameters held;
  {
    const eg::Parameter<double> a(Real{1});
    held.push_back(a);
  }
  TypeParam optimizer(held);
  set_gradient(optimizer.parameters()[0], {2});
  optimizer.step();
  EXPECT_LT(held[0].value().item(), 1);
}

TYPED_TEST(AnyOptimizer, EmptyParametersAreFine) {
  const eg::Parameter<double> a(Real::zeros({0, 3}));
  TypeParam optimizer({a});
  set_gradient(a, Real::zeros({0, 3}));
  optimizer.step();
  EXPECT_EQ(a.value().size(), 0);
}

// 44: what all optimizers do at zero gradients, NaN, no parameters and one given twice.
TEST(ClipGradientNorm, ScalesWhatIsTooLong) {
  const eg::Parameter<double> a(Real{0, 0}), b(Real{0}), none(Real{0});
  set_gradient(a, {3, 0});
  set_gradient(b, {4});
  const Parameters all = {a, b, none};
  EXPECT_DOUBLE_EQ(eg::gradient_norm(all), 5);
  EXPECT_DOUBLE_EQ(eg::clip_gradient_norm(all, 10), 5);
  EXPECT_TRUE(close(a.grad(), {3, 0})) << "short enough";
  EXPECT_DOUBLE_EQ(eg::clip_gradient_norm(all, 1), 5) << "the norm it had";
  EXPECT_TRUE(close(a.grad(), {0.6, 0}));
  EXPECT_TRUE(close(b.grad(), {0.8}));
  EXPECT_FALSE(none.has_grad());
  eg::clip_gradient_norm(all, 0);
  EXPECT_EQ(eg::gradient_norm(all), 0);
  EXPECT_EQ(eg::clip_gradient_norm(all, 1), 0) << "no 0 / 0";
}

TEST(ClipGradientNorm, RefusesNaNAndInfinityAndChangesNothing) {
  for (const double bad : {nan_value, infinity, -infinity}) {
    const eg::Parameter<double> a(Real{0, 0});
    set_gradient(a, {8, bad});
    EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { eg::clip_gradient_norm<double>({a}, 1); }),
                         {"clip_gradient_norm", "infinite or NaN", "learning rate", "optimizer.cpp"}));
    EXPECT_TRUE(close(a.grad(), {8, bad}));
  }
  const eg::Parameter<double> a(Real{0});
  EXPECT_THROW(eg::clip_gradient_norm<double>({a}, -1), eg::ValueError);
  EXPECT_THROW(eg::clip_gradient_norm<double>({a}, nan_value), eg::ValueError);
}

TEST(ClipGradientNorm, HandlesGradientsWhoseSquaresOverflowOrVanish) {
  const eg::Parameter<double> a(Real{1e200, 0});
  eg::Tape tape;
  tape.backward(eg::mse_loss(a, Real{0, 0}, eg::Reduction::sum));  // the loss is infinite, its gradient 2e200
  EXPECT_DOUBLE_EQ(eg::clip_gradient_norm<double>({a}, 1), 2e200);
  EXPECT_TRUE(close(a.grad(), {1, 0}));
  set_gradient(a, {3e-200, 4e-200});
  EXPECT_DOUBLE_EQ(eg::gradient_norm<double>({a}), 5e-200);
  const eg::Parameter<float> b(eg::Tensor<float>{0, 0});
  eg::Tape another;
  another.backward(sum(b * eg::Tensor<float>{3e38f, 3e38f}));
  EXPECT_NEAR(eg::clip_gradient_norm<float>({b}, 1), 3e38 * std::sqrt(2.0), 1e32);
  EXPECT_TRUE(close(b.grad(), {std::sqrt(0.5), std::sqrt(0.5)}, 1e-6));
}

TYPED_TEST(AnyOptimizer, CanRefuseGradientsThatAreNotFiniteAndThenChangesNothing) {
  const eg::Parameter<double> a(Real{1, -2}), b(Real{{3, 4}, {5, 6}}, "b");
  TypeParam optimizer({a, b}, {.learning_rate = 0.1});
  for (const double bad : {nan_value, infinity, -infinity}) {
    set_gradient(a, {1, 1});
    set_gradient(b, {{0, 0}, {bad, 0}});
    optimizer.refuse_nonfinite();
    EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { optimizer.step(); }),
                         {": step: the gradient of parameter b of shape [2, 2] is", "at element (1, 0)",
                          "the weights are those before", "detect_anomaly"}));
    EXPECT_TRUE(same_bits(a.value(), Real{1, -2}));
    EXPECT_EQ(optimizer.steps(), 0);
    set_gradient(a, {bad, 0});
    EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { optimizer.step(); }), {"parameter number 0 of shape [2]"}));
  }
  set_gradient(a, {1e300, 0});
  set_gradient(b, {{0, 0}, {-1e300, 0}});
  optimizer.step();
  EXPECT_EQ(optimizer.steps(), 1);
  optimizer.refuse_nonfinite(false);
  set_gradient(a, {nan_value, 0});
  optimizer.step();
  EXPECT_TRUE(std::isnan(a.value()(0)));
}
