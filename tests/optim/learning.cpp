#include <functional>

#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/losses/cross_entropy.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/ops/index.hpp"
#include "eigengrad/optim/adam.hpp"
#include "eigengrad/optim/sgd.hpp"
#include "support/close.hpp"

// Losses, layers and optimizers together: what must come out of training.
namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using support::close, support::same_bits;

template <class T>
static eg::Sequential<T> xor_model() {
  return eg::Sequential<T>(eg::Linear<T>(2, 8), eg::Tanh<T>(), eg::Linear<T>(8, 1), eg::Sigmoid<T>());
}
template <class T>
static const eg::Tensor<T> gates = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
template <class T>
static const eg::Tensor<T> exclusive_or = {{0}, {1}, {1}, {0}};

// Takes steps down the gradient of loss(); returns what the loss was before each.
template <class Optimizer, class Loss>
static std::vector<double> descend(Optimizer& optimizer, const Loss& loss, int steps) {
  std::vector<double> losses;
  for (int step = 0; step < steps; ++step) {
    eg::Tape tape;
    const auto value = loss();
    losses.push_back(static_cast<double>(value.item()));
    tape.backward(value);
    optimizer.step();
    optimizer.zero_grad();
  }
  return losses;
}

// 48: learned by heart.
TEST(Learning, EveryLossOverfitsATinyBatch) {
  const Real inputs = {{0.5, -1}, {-0.3, 0.8}, {1.2, 0.1}};
  const Real numbers = {{0.3, -1}, {2, 0.5}, {-0.7, 1}}, truths = {{0, 1}, {1, 1}, {1, 0}};
  const eg::Tensor<std::int64_t> labels = {0, 1, 0};
  const auto final_loss = [&](const std::function<Real(const Real&)>& loss_of) {
    eg::manual_seed(5);
    eg::Sequential<double> model(eg::Linear<double>(2, 16), eg::Tanh<double>(), eg::Linear<double>(16, 2));
    eg::Adam<double> optimizer(model.parameters(), {.learning_rate = 0.05});
    const auto loss = [&] { return loss_of(model(inputs)); };
    descend(optimizer, loss, 400);
    optimizer.set_learning_rate(0.002);
    return descend(optimizer, loss, 200).back();
  };
  EXPECT_LT(final_loss([&](const Real& y) { return eg::mse_loss(y, numbers); }), 1e-3);
  EXPECT_LT(final_loss([&](const Real& y) { return eg::l1_loss(y, numbers); }), 3e-2);
  EXPECT_LT(final_loss([&](const Real& y) { return eg::huber_loss(y, numbers); }), 1e-3);
  EXPECT_LT(final_loss([&](const Real& y) { return eg::binary_cross_entropy(sigmoid(y), truths); }), 1e-2);
  EXPECT_LT(final_loss([&](const Real& y) { return eg::binary_cross_entropy_with_logits(y, truths); }), 1e-2);
  EXPECT_LT(final_loss([&](const Real& y) { return eg::cross_entropy(softmax(y), labels); }), 1e-2);
  EXPECT_LT(final_loss([&](const Real& y) { return eg::softmax_cross_entropy(y, labels); }), 1e-2);
}

TEST(Learning, GradientDescentNeverRisesOnAConvexProblem) {
  eg::manual_seed(6);
  const Real x = Real::randn({20, 3}), y = Real::randn({20, 2});
  const eg::Tensor<std::int64_t> labels = eg::Tensor<std::int64_t>::randint(0, 2, {20});
  const auto check = [&](const std::function<Real(const Real&)>& loss_of) {
    eg::Linear<double> layer(3, 2);
    eg::SGD<double> optimizer(layer.parameters(), {.learning_rate = 0.02});
    const auto losses = descend(optimizer, [&] { return loss_of(layer(x)); }, 50);
    for (std::size_t i = 1; i < losses.size(); ++i) EXPECT_LE(losses[i], losses[i - 1]) << "step " << i;
  };
  check([&](const Real& p) { return eg::mse_loss(p, y); });
  check([&](const Real& p) { return eg::huber_loss(p, y); });
  check([&](const Real& p) { return eg::softmax_cross_entropy(p, labels); });
  check([&](const Real& p) { return eg::binary_cross_entropy_with_logits(p, sigmoid(y)); });
}

// The largest entry of [x 1]^T residual: 0 where the optimum of a linear model is.
static double correlation(const Real& x, const Real& residual) {
  double largest = 0;
  for (eg::Index o = 0; o < residual.shape()[1]; ++o)
    for (eg::Index j = 0; j <= x.shape()[1]; ++j) {
      double total = 0;
      for (eg::Index i = 0; i < x.shape()[0]; ++i) total += residual(i, o) * (j < x.shape()[1] ? x(i, j) : 1);
      largest = std::max(largest, std::abs(total));
    }
  return largest;
}

// 49: where mathematics says.
TEST(Learning, ALinearLayerReachesTheNormalEquationsSolution) {
  eg::manual_seed(7);
  const Real x = Real::randn({30, 4}), y = Real::randn({30, 2});
  eg::Linear<double> layer(4, 2);
  eg::SGD<double> optimizer(layer.parameters(), {.learning_rate = 0.1, .momentum = 0.8});
  descend(optimizer, [&] { return eg::mse_loss(layer(x), y); }, 600);
  EXPECT_LT(correlation(x, layer(x) - y), 1e-10);
}

TEST(Learning, LogisticRegressionReachesItsOptimum) {
  eg::manual_seed(8);
  const Real x = Real::randn({40, 2});
  Real y = Real::zeros({40, 1});
  for (eg::Index i = 0; i < 40; ++i)
    y.at(i, 0) = x(i, 0) + 0.5 * x(i, 1) + 0.8 * eg::default_generator().normal() > 0.2;
  eg::Linear<double> layer(2, 1);
  eg::SGD<double> optimizer(layer.parameters(), {.learning_rate = 1, .momentum = 0.9});
  descend(optimizer, [&] { return eg::binary_cross_entropy_with_logits(layer(x), y); }, 1500);
  Real residual = layer(x);
  for (eg::Index i = 0; i < 40; ++i) residual.at(i, 0) = 1 / (1 + std::exp(-residual(i, 0))) - y(i, 0);
  EXPECT_LT(correlation(x, residual), 1e-9);
}

TEST(Learning, FloatAndDoubleAgreeOnXor) {
  eg::manual_seed(7);
  auto exact = xor_model<double>();
  auto rounded = xor_model<float>();
  eg::StateDict<float> state;
  for (const auto& [name, tensor] : exact.state_dict()) {
    state[name] = eg::cast<float>(tensor.as<double>());
  }
  rounded.load_state_dict(state);
  eg::SGD<double> first(exact.parameters(), {.learning_rate = 0.5});
  eg::SGD<float> second(rounded.parameters(), {.learning_rate = 0.5f});
  const auto a = descend(first, [&] { return eg::mse_loss(exact(gates<double>), exclusive_or<double>); }, 100);
  const auto b = descend(second, [&] { return eg::mse_loss(rounded(gates<float>), exclusive_or<float>); }, 100);
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5);
}

TEST(Learning, TheSameSeedTrainsTheSameBits) {
  const auto trained = [] {
    eg::manual_seed(7);
    auto model = xor_model<float>();
    eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 0.5f, .momentum = 0.9f});
    descend(optimizer, [&] { return eg::mse_loss(model(gates<float>), exclusive_or<float>); }, 500);
    return model.state_dict();
  };
  const auto first = trained(), second = trained();
  for (const auto& [name, tensor] : first) EXPECT_TRUE(same_bits(tensor.as<float>(), second.at(name))) << name;
}

TEST(Learning, XorIsSolvedAndMemoryStaysFlat) {
  eg::manual_seed(7);
  auto model = xor_model<float>();
  eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 0.5f, .momentum = 0.9f});
  const auto loss = [&] { return eg::mse_loss(model(gates<float>), exclusive_or<float>); };
  descend(optimizer, loss, 10);
  const auto in_use = eg::BufferPool::bytes_in_use();
  const auto kept = eg::BufferPool::kept_bytes();
  descend(optimizer, loss, 10000);
  EXPECT_EQ(eg::BufferPool::bytes_in_use(), in_use);
  EXPECT_EQ(eg::BufferPool::kept_bytes(), kept);
  EXPECT_TRUE(close(model(gates<float>), {0, 1, 1, 0}, 0.1));
}

TEST(Learning, AStepThatThrowsLeavesEverythingUsable) {
  eg::manual_seed(9);
  auto model = xor_model<double>();
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.5});
  const auto before = model.state_dict();
  {
    eg::Tape tape;
    EXPECT_THROW(eg::mse_loss(model(gates<double>), Real{0, 1, 1, 0}), eg::ShapeError);
  }
  EXPECT_FALSE(model.parameters()[0].has_grad());
  const auto losses = descend(optimizer, [&] { return eg::mse_loss(model(gates<double>), exclusive_or<double>); }, 50);
  EXPECT_LT(losses.back(), losses.front());
  model.load_state_dict(before);
  EXPECT_TRUE(same_bits(model.state_dict().at("0.weight"), before.at("0.weight")));
}

TEST(Learning, TwoHalfBatchesGiveTheGradientOfTheWhole) {
  eg::manual_seed(10);
  const Real x = Real::randn({6, 3}), y = Real::randn({6, 2});
  eg::Linear<double> layer(3, 2);
  const auto add_gradient = [&](eg::Index begin, eg::Index end) {
    eg::Tape tape;
    tape.backward(eg::mse_loss(layer(slice(x, 0, begin, end)), slice(y, 0, begin, end), eg::Reduction::sum));
  };
  add_gradient(0, 6);
  const Real whole = layer.weight.grad();
  layer.zero_grad();
  add_gradient(0, 3);
  add_gradient(3, 6);
  EXPECT_TRUE(close(layer.weight.grad(), whole, 1e-14));
}
