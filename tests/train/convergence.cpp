#include <Eigen/QR>
#include <eigengrad/data/toy.hpp>
#include <eigengrad/optim/adam.hpp>
#include <eigengrad/train/fit.hpp>

#include <gtest/gtest.h>

#include "models.hpp"
#include "support/sanitizers.hpp"

// Whole trainings against what mathematics says they must come to.
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

/// How many of the four rows of a gate's truth table the model gets right, after training it with these settings.
static eg::Index right_of_four(eg::Sequential<double>& model, const eg::Dataset<double>& gate, eg::Index epochs) {
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.5, .momentum = 0.9});
  eg::fit(model, MeanSquared(), optimizer, gate, {.epochs = epochs, .batch_size = 4, .progress = eg::Progress::none});
  return std::lround(4 * eg::evaluate(model, MeanSquared(), gate).accuracy);
}

TEST(Gates, ASingleLayerLearnsAndAndOrButNeverXor) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    eg::manual_seed(seed);
    const auto neuron = [] { return eg::Sequential<double>(eg::Linear<double>(2, 1), eg::Sigmoid<double>()); };
    auto for_and = neuron(), for_or = neuron(), for_xor = neuron();
    EXPECT_EQ(right_of_four(for_and, eg::and_gate<double>(), 500), 4) << "seed " << seed;
    EXPECT_EQ(right_of_four(for_or, eg::or_gate<double>(), 500), 4) << "seed " << seed;
    EXPECT_LE(right_of_four(for_xor, eg::xor_gate<double>(), 2000), 3) << "no line separates XOR";
  }
}

TEST(Gates, AHiddenLayerSolvesXor) {
  int solved = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    eg::manual_seed(seed);
    eg::Sequential<double> model(eg::Linear<double>(2, 8), eg::Tanh<double>(), eg::Linear<double>(8, 1),
                                 eg::Sigmoid<double>());
    if (right_of_four(model, eg::xor_gate<double>(), 1000) == 4) ++solved;
  }
  EXPECT_EQ(solved, 10);
}

template <class... Last>
static eg::Sequential<double> wide(Last... last) {
  eg::manual_seed(9);
  return eg::Sequential<double>(eg::Linear<double>(3, 16), eg::Tanh<double>(), eg::Linear<double>(16, 2), last...);
}

// Left out under a sanitizer, where these many formulas take two minutes to build: tests/nn runs the losses there.
#if !EIGENGRAD_ADDRESS_SANITIZER

TEST(Convergence, FloatAndDoubleAgreeOnXor) {
  eg::manual_seed(7);
  eg::Sequential<double> model(eg::Linear<double>(2, 8), eg::Tanh<double>(), eg::Linear<double>(8, 1),
                               eg::Sigmoid<double>());
  eg::Sequential<float> narrow(eg::Linear<float>(2, 8), eg::Tanh<float>(), eg::Linear<float>(8, 1),
                               eg::Sigmoid<float>());
  const auto ours = model.parameters();
  const auto theirs = narrow.parameters();
  for (std::size_t i = 0; i < ours.size(); ++i) theirs[i].set_value(eg::cast<float>(ours[i].value()));
  eg::SGD<double> optimizer(ours, {.learning_rate = 0.1});
  eg::SGD<float> narrow_optimizer(theirs, {.learning_rate = 0.1f});
  const eg::Progress silent = eg::Progress::none;
  eg::fit(model, MeanSquared(), optimizer, eg::xor_gate<double>(),
          {.epochs = 100, .shuffle = false, .progress = silent});
  eg::fit(narrow, MeanSquared(), narrow_optimizer, eg::xor_gate<float>(),
          {.epochs = 100, .shuffle = false, .progress = silent});
  for (std::size_t i = 0; i < ours.size(); ++i)
    EXPECT_LT((ours[i].value().array() - theirs[i].value().array().cast<double>()).abs().maxCoeff(), 1e-5);
}

// A network large enough learns a few samples by heart, whatever the loss.
template <class Loss, class Y>
static double overfitted(const Loss& loss, const Y& targets, eg::Sequential<double> model) {
  eg::Generator generator(3);
  const Tensor inputs = Tensor::randn({4, 3}, generator);
  eg::Adam<double> optimizer(model.parameters(), {.learning_rate = 0.02});
  double last = 0;
  for (int step = 0; step < 1500; ++step) {
    eg::Tape tape;
    const Tensor measured = loss(model(inputs), targets);
    last = measured.item();
    tape.backward(measured);
    if (step > 1000) optimizer.set_learning_rate(0.002);
    optimizer.step();
    optimizer.zero_grad();
  }
  return last;
}
TEST(Convergence, EveryLossCanBeOverfitted) {
  const Tensor numbers = {{0.3, -1}, {2, 0.5}, {-0.7, 0.1}, {1, 1}}, bits = {{0, 1}, {1, 0}, {1, 1}, {0, 0}};
  const eg::Tensor<std::int64_t> labels = {0, 1, 1, 0};
  const auto with = [](auto loss) { return [loss](const Tensor& p, const auto& t) { return Tensor(loss(p, t)); }; };
  EXPECT_LT(overfitted(with([](const auto& p, const auto& t) { return eg::mse_loss(p, t); }), numbers, wide()), 1e-3);
  EXPECT_LT(overfitted(with([](const auto& p, const auto& t) { return eg::l1_loss(p, t); }), numbers, wide()), 2e-2);
  EXPECT_LT(overfitted(with([](const auto& p, const auto& t) { return eg::huber_loss(p, t); }), numbers, wide()), 1e-3);
  EXPECT_LT(overfitted(with([](const auto& p, const auto& t) { return eg::binary_cross_entropy_with_logits(p, t); }),
                       bits, wide()),
            5e-3);
  EXPECT_LT(overfitted(with([](const auto& p, const auto& t) { return eg::binary_cross_entropy(p, t); }), bits,
                       wide(eg::Sigmoid<double>())),
            5e-3);
  EXPECT_LT(
      overfitted(with([](const auto& p, const auto& t) { return eg::softmax_cross_entropy(p, t); }), labels, wide()),
      5e-3);
  EXPECT_LT(overfitted(with([](const auto& p, const auto& t) { return eg::cross_entropy(p, t); }), labels,
                       wide(eg::Softmax<double>())),
            5e-3);
}

#endif

TEST(Convergence, TheLossNeverRisesOnAConvexProblem) {
  eg::manual_seed(2);
  const auto data = eg::moons<double>(60, {.noise = 0.2, .seed = 1});
  eg::Sequential<double> model(eg::Linear<double>(2, 2));
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.2});
  const auto losses = eg::fit(model, SoftmaxCrossEntropy(), optimizer, data,
                              {.epochs = 50, .batch_size = 60, .progress = eg::Progress::none})
                          .losses();
  ASSERT_EQ(losses.size(), 50u);
  EXPECT_TRUE(std::is_sorted(losses.rbegin(), losses.rend()));
  EXPECT_LT(losses.back(), losses.front());
}

TEST(Convergence, ALinearLayerReachesTheLeastSquaresSolution) {
  eg::manual_seed(5);
  const Tensor x = Tensor::randn({40, 3}), noise = Tensor::randn({40, 2});
  const Tensor y = eg::matmul(x, Tensor{{1, -2}, {0.5, 3}, {-1, 0}}) + Tensor{0.25, -4} + 0.3 * noise;
  Matrix a(40, 4);
  a << x.matrix(), Vector::Ones(40);
  const Matrix solution = a.colPivHouseholderQr().solve(Matrix(y.matrix()));

  eg::Sequential<double> model(eg::Linear<double>(3, 2));
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.1, .momentum = 0.5});
  const eg::Dataset<double> data(x, y);
  eg::fit(model, MeanSquared(), optimizer, data, {.epochs = 500, .batch_size = 40, .progress = eg::Progress::none});
  const auto& layer = model.at<eg::Linear<double>>(0);
  EXPECT_LT((layer.weight.value().matrix() - solution.topRows(3).transpose()).cwiseAbs().maxCoeff(), 1e-10);
  EXPECT_LT((layer.bias.value().matrix() - solution.row(3).transpose()).cwiseAbs().maxCoeff(), 1e-10);
}

/// The weights, the bias last, of least mean cross-entropy: Newton's method.
static Vector newton(const Matrix& a, const Vector& y) {
  Vector w = Vector::Zero(a.cols());
  for (int step = 0; step < 30; ++step) {
    const Vector p = (1 + (-(a * w).array()).exp()).inverse().matrix();
    const Matrix hessian = a.transpose() * (p.array() * (1 - p.array())).matrix().asDiagonal() * a;
    w += hessian.colPivHouseholderQr().solve(a.transpose() * (y - p));
  }
  return w;
}

TEST(Convergence, LogisticRegressionReachesItsOptimum) {
  const auto moons = eg::moons<double>(80, {.noise = 0.3, .seed = 6});
  const Tensor targets = kernel_access(eg::cast<double>(moons.targets)).alias({80, 1});
  Matrix a(80, 3);
  a << moons.inputs.matrix(), Vector::Ones(80);
  const Vector optimum = newton(a, targets.matrix().col(0));

  eg::manual_seed(1);
  const eg::Dataset<double> data(moons.inputs, targets);
  const auto loss = [](const auto& p, const auto& t) { return eg::binary_cross_entropy_with_logits(p, t); };
  eg::Sequential<double> model(eg::Linear<double>(2, 1));
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 1, .momentum = 0.9});
  eg::fit(model, loss, optimizer, data,
          {.epochs = 3000, .batch_size = 80, .threshold = 0, .progress = eg::Progress::none});
  const auto& layer = model.at<eg::Linear<double>>(0);
  EXPECT_NEAR(layer.weight.value()(0, 0), optimum(0), 1e-8);
  EXPECT_NEAR(layer.weight.value()(0, 1), optimum(1), 1e-8);
  EXPECT_NEAR(layer.bias.value()(0), optimum(2), 1e-8);
}

// 50: permutations and scaling.
TEST(Invariance, TheOrderOfABatchDoesNotMatterToASum) {
  eg::manual_seed(8);
  auto model = wide();
  const Tensor x = Tensor::randn({5, 3}), y = Tensor::randn({5, 2});
  const std::vector<eg::Index> order = {3, 0, 4, 2, 1};
  const auto gradients = [&](const Tensor& inputs, const Tensor& targets) {
    eg::Tape tape;
    return tape.gradient(eg::mse_loss(model(inputs), targets, eg::Reduction::sum), model.parameters());
  };
  const auto one = gradients(x, y), other = gradients(eg::gather_rows(x, order), eg::gather_rows(y, order));
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_LT((one[i].array() - other[i].array()).abs().maxCoeff(), 1e-12);
}

TEST(Invariance, HiddenUnitsMayChangePlaces) {
  auto model = wide();
  eg::Sequential<double> shuffled = model;
  auto &first = shuffled.at<eg::Linear<double>>(0), &second = shuffled.at<eg::Linear<double>>(2);
  std::vector<eg::Index> order;
  eg::Generator generator(1);
  eg::shuffled_positions(order, 16, generator);
  Tensor columns = second.weight.value();
  for (eg::Index i = 0; i < 2; ++i)
    for (eg::Index j = 0; j < 16; ++j) columns.at(i, j) = second.weight.value()(i, order[static_cast<std::size_t>(j)]);
  first.weight.set_value(eg::gather_rows(first.weight.value(), order));
  first.bias.set_value(eg::gather_rows(first.bias.value(), order));
  second.weight.set_value(columns);
  const Tensor x = Tensor::randn({7, 3}, generator);
  EXPECT_LT((model(x).array() - shuffled(x).array()).abs().maxCoeff(), 1e-14);
}

TEST(Invariance, AReluNetworkWithoutBiasesIsHomogeneous) {
  eg::manual_seed(8);
  eg::Sequential<double> model(eg::Linear<double>(3, 8, {.bias = false}), eg::ReLU<double>(),
                               eg::Linear<double>(8, 2, {.bias = false}));
  const Tensor x = Tensor::randn({7, 3}), y = model(x), twice = model(Tensor(2.0 * x));
  EXPECT_TRUE((twice.array() == 2 * y.array()).all()) << "a factor of 2 is exact";
  for (const auto& parameter : model.parameters()) parameter.set_value(4.0 * parameter.value());
  EXPECT_TRUE((model(x).array() == 16 * y.array()).all());
}
