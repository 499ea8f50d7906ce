#include "eigengrad/nn/layers/dropout.hpp"

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/ops/sum.hpp"
#include "support/close.hpp"

namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using support::close, support::mentions, support::message_of, support::same_bits;

// 47: training, evaluation, probabilities of 0 and 1, one mask for both ways.
TEST(Dropout, ScalesWhatItKeeps) {
  eg::manual_seed(1);
  for (const double p : {0.1, 0.5, 0.8}) {
    eg::Dropout<double> dropout(p);
    const Real y = dropout(Real::ones({100, 100}));
    double dropped = 0;
    for (const double number : y) {
      if (number == 0)
        ++dropped;
      else
        EXPECT_DOUBLE_EQ(number, 1 / (1 - p));
    }
    EXPECT_NEAR(dropped / 10000, p, 5 * std::sqrt(p * (1 - p) / 10000)) << "five standard deviations";
  }
}

TEST(Dropout, IsTheIdentityInEvaluation) {
  eg::Dropout<double> dropout(0.9);
  dropout.eval();
  const Real x = Real::randn({5, 7});
  const Real y = dropout(x);
  EXPECT_EQ(y.data(), x.data()) << "without a copy";
  dropout.train();
  EXPECT_FALSE(same_bits(dropout(x), x));
}

TEST(Dropout, OfProbabilityZeroAndOne) {
  const Real x = {{1, -2, 3}};
  EXPECT_TRUE(same_bits(eg::Dropout<double>(0)(x), x));
  EXPECT_TRUE(close(eg::Dropout<double>(1)(x), {0, 0, 0}));
  eg::Parameter<double> p(x);
  eg::Tape tape;
  tape.backward(sum(eg::Dropout<double>(1)(p)));
  EXPECT_TRUE(close(p.grad(), {0, 0, 0}));
}

TEST(Dropout, LetsTheGradientThroughTheSameMask) {
  eg::manual_seed(2);
  eg::Dropout<float> dropout(0.5);
  eg::Parameter<float> x(eg::Tensor<float>::ones({6, 50}));
  eg::Tape tape;
  const eg::Tensor<float> y = dropout(x);
  tape.backward(sum(y));
  EXPECT_TRUE(same_bits(x.grad(), y)) << "for ones, value and gradient are the mask";
  EXPECT_FALSE(same_bits(dropout(x), y)) << "the next call draws another";
}

TEST(Dropout, ASeedFixesTheMask) {
  eg::Dropout<double> dropout(0.5);
  eg::manual_seed(4);
  const Real first = dropout(Real::ones({10, 10}));
  eg::manual_seed(4);
  EXPECT_TRUE(same_bits(dropout(Real::ones({10, 10})), first));
}

TEST(Dropout, RefusesWhatIsNoProbability) {
  for (const double p : {-0.1, 1.5, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { eg::Dropout<double> dropout(p); }), {"Dropout", "[0, 1]"}));
}

TEST(Dropout, OfNothingIsNothing) { EXPECT_EQ(eg::Dropout<double>()(Real::zeros({0, 3})).shape(), (eg::Shape{0, 3})); }

TEST(Flatten, KeepsTheBatchAxis) {
  eg::Flatten<double> flatten;
  const Real x = Real::arange(24);
  EXPECT_TRUE(close(flatten(kernel_access(x).alias({2, 3, 4})), kernel_access(x).alias({2, 12})));
  EXPECT_EQ(flatten(Real::zeros({5})).shape(), (eg::Shape{5, 1}));
  EXPECT_EQ(flatten(Real::zeros({0, 28, 28})).shape(), (eg::Shape{0, 784}));
  EXPECT_EQ(flatten(Real::zeros({2, 0, 3})).shape(), (eg::Shape{2, 0}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { flatten(Real::full({}, 1)); }), {"Flatten", "[]"}));
}

TEST(Flatten, BringsTheGradientBackToItsShape) {
  eg::Parameter<double> x(Real::ones({2, 3, 4}));
  eg::Tape tape;
  tape.backward(sum(eg::Flatten<double>()(x) * 2));
  EXPECT_TRUE(close(x.grad(), Real::full({2, 3, 4}, 2)));
}
