#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/losses/loss.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/ops/sum.hpp"
#include "eigengrad/optim/sgd.hpp"
#include "support/close.hpp"

// Matt Mazur's step by step example of backpropagation: two inputs, two hidden neurons, two outputs, all sigmoid.
namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using support::close;

namespace {

struct WorkedExample : testing::Test {
  const Real inputs = {{0.05, 0.10}}, targets = {{0.01, 0.99}};
  eg::Sequential<double> model{eg::Linear<double>(2, 2), eg::Sigmoid<double>(), eg::Linear<double>(2, 2),
                               eg::Sigmoid<double>()};
  eg::Linear<double>& hidden = model.at<eg::Linear<double>>(0);
  eg::Linear<double>& output = model.at<eg::Linear<double>>(2);

  WorkedExample() {
    hidden.weight.set_value({{0.15, 0.20}, {0.25, 0.30}});
    hidden.bias.set_value({0.35, 0.35});
    output.weight.set_value({{0.40, 0.45}, {0.50, 0.55}});
    output.bias.set_value({0.60, 0.60});
  }
  Real error() { return 0.5 * eg::mse_loss(model(inputs), targets); }  // the sum of half squared errors
};

}  // namespace

TEST_F(WorkedExample, Forward) {
  EXPECT_TRUE(close(model(inputs), {0.751365070, 0.772928465}, 5e-10));
  EXPECT_NEAR(error().item(), 0.298371109, 5e-10);
}

TEST_F(WorkedExample, Gradients) {
  eg::Tape tape;
  tape.backward(error());
  EXPECT_NEAR(output.weight.grad()(0, 0), 0.0821670405642, 5e-14);
  EXPECT_NEAR(hidden.weight.grad()(0, 0), 0.000438567734474, 5e-16);
}

TEST_F(WorkedExample, OneStepOfTheWeightsAlone) {
  eg::SGD<double> optimizer({hidden.weight, output.weight}, {.learning_rate = 0.5});
  eg::Tape tape;
  tape.backward(error());
  optimizer.step();
  EXPECT_NEAR(output.weight.value()(0, 0), 0.35891648, 5e-9);
  EXPECT_NEAR(hidden.weight.value()(0, 0), 0.149780716, 5e-10);
  EXPECT_NEAR(error().item(), 0.29102777369359933, 3e-16);
}
