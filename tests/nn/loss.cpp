#include "eigengrad/nn/losses/loss.hpp"

#include "eigengrad/autograd/gradcheck.hpp"
#include "eigengrad/nn/losses/cross_entropy.hpp"
#include "eigengrad/transform/grad.hpp"
#include "support/close.hpp"

// Expected numbers come from PyTorch 1.13 in double, unless a line says otherwise.
namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using eg::Reduction;
using support::close, support::mentions, support::message_of;

static const double infinity = std::numeric_limits<double>::infinity();
static const double nan_value = std::numeric_limits<double>::quiet_NaN();

static const Real prediction = {{0.3, -1.2, 2.5}, {0.75, 0.0, -0.4}};
static const Real target = {{1.0, -0.7, 0.5}, {0.75, 2.0, -1.4}};

// Checks the four reductions and the gradient of their sum. `loss` is called as loss(prediction, reduction).
template <class Loss>
static void check_reductions(const Loss& loss, const Real& input, const std::vector<double>& terms,
                             const std::vector<double>& gradient) {
  double sum = 0;
  for (const double term : terms) sum += term;
  const auto samples = static_cast<double>(input.shape()[0]), elements = static_cast<double>(terms.size());
  EXPECT_EQ(loss(input, Reduction::none).shape(), input.shape());
  EXPECT_TRUE(close(loss(input, Reduction::none), terms));
  EXPECT_NEAR(loss(input, Reduction::sum).item(), sum, 1e-12 * std::max(1.0, sum));
  EXPECT_NEAR(loss(input, Reduction::mean).item(), sum / elements, 1e-12);
  EXPECT_NEAR(loss(input, Reduction::batch_mean).item(), sum / samples, 1e-12);

  for (const auto& [reduction, count] :
       {std::pair(Reduction::sum, 1.0), {Reduction::mean, elements}, {Reduction::batch_mean, samples}}) {
    eg::Parameter<double> x(input);
    eg::Tape tape;
    tape.backward(loss(x.to_tensor(), reduction));
    std::vector<double> expected = gradient;
    for (double& number : expected) number /= count;
    EXPECT_TRUE(close(x.grad(), expected));
  }
}

// 42: all reductions, as documented.
TEST(Loss, MeanSquaredErrorIsPyTorchs) {
  check_reductions([](const Real& p, Reduction r) { return eg::mse_loss(p, target, r); }, prediction,
                   {0.49, 0.25, 4, 0, 4, 1}, {-1.4, -1, 4, 0, -4, 2});
}

TEST(Loss, MeanSquaredErrorIsByDefaultTheMeanOverSamplesOfTheSumOverOutputs) {
  EXPECT_DOUBLE_EQ(eg::mse_loss(Real{{1, 2}, {3, 4}}, Real{{0, 0}, {0, 0}}).item(), (1 + 4 + 9 + 16) / 2.0);
}

TEST(Loss, L1IsPyTorchs) {
  check_reductions([](const Real& p, Reduction r) { return eg::l1_loss(p, target, r); }, prediction,
                   {0.7, 0.5, 2, 0, 2, 1}, {-1, -1, 1, 0, -1, 1});
}

TEST(Loss, HuberIsPyTorchs) {
  check_reductions([](const Real& p, Reduction r) { return eg::huber_loss(p, target, 1, r); }, prediction,
                   {0.245, 0.125, 1.5, 0, 1.5, 0.5}, {-0.7, -0.5, 1, 0, -1, 1});
  check_reductions([](const Real& p, Reduction r) { return eg::huber_loss(p, target, 0.5, r); }, prediction,
                   {0.225, 0.125, 0.875, 0, 0.875, 0.375}, {-0.5, -0.5, 0.5, 0, -0.5, 0.5});
}

TEST(Loss, HuberAtDeltaIsWhereItsTwoHalvesMeet) {
  eg::Parameter<double> x(Real{{0.5, -0.5, std::nextafter(0.5, 1), std::nextafter(0.5, 0)}});
  eg::Tape tape;
  const Real terms = eg::huber_loss(x.to_tensor(), Real::zeros({1, 4}), 0.5, Reduction::none);
  EXPECT_TRUE(close(terms, {0.125, 0.125, 0.125, 0.125}));
  tape.backward(sum(terms));
  EXPECT_TRUE(close(x.grad(), {0.5, -0.5, 0.5, 0.5}));
}

TEST(Loss, BinaryCrossEntropyIsPyTorchs) {
  const Real y = {{0, 1, 0.25}, {1, 0.7, 1}};
  check_reductions([&](const Real& p, Reduction r) { return eg::binary_cross_entropy(p, y, r); },
                   Real{{0.2, 0.9, 0.5}, {0.01, 0.6, 0.99}},
                   {0.2231435513142097, 0.10536051565782628, 0.6931471805599453, 4.605170185988091, 0.63246515619844,
                    0.01005033585350145},
                   {1.25, -1.1111111111111112, 1, -100, -0.4166666666666666, -1.01010101010101});
}

TEST(Loss, BinaryCrossEntropyAtZeroAndOne) {
  eg::Parameter<double> p(Real{{0, 1, 0, 1}});
  const Real y = {{0, 1, 1, 0}};
  eg::Tape tape;
  const Real terms = eg::binary_cross_entropy(p.to_tensor(), y, Reduction::none);
  EXPECT_TRUE(close(terms, {0, 0, infinity, infinity}));
  tape.backward(sum(terms));
  EXPECT_TRUE(close(p.grad(), {1, -1, -infinity, infinity}));
}

TEST(Loss, BinaryCrossEntropyRefusesWhatIsNoProbability) {
  for (const double wrong : {-0.1, 1.1, 3.0, infinity})
    EXPECT_TRUE(
        mentions(message_of<eg::ValueError>([&] { eg::binary_cross_entropy(Real{{0.5, wrong}}, Real{{0, 1}}); }),
                 {"binary_cross_entropy", eg::to_text(wrong), "binary_cross_entropy_with_logits", "loss.cpp"}));
}

// Labels of -1 and 1, or 0 to 255, would train towards nonsense without a word.
TEST(Loss, BinaryCrossEntropiesRefuseTargetsThatAreNoProbability) {
  for (const double wrong : {-1.0, 2.0, 255.0, infinity}) {
    EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { eg::binary_cross_entropy(Real{0.5, 0.5}, Real{0, wrong}); }),
                         {"binary_cross_entropy: a target is", eg::to_text(wrong), "labels 0 and 1", "loss.cpp"}));
    EXPECT_TRUE(
        mentions(message_of<eg::ValueError>([&] { eg::binary_cross_entropy_with_logits(Real{5, -5}, Real{0, wrong}); }),
                 {"binary_cross_entropy_with_logits: a target is", eg::to_text(wrong), "loss.cpp"}));
  }
}

TEST(Loss, LogitCrossEntropyIsPyTorchs) {
  const Real y = {{0, 1, 0.25}, {1, 0.7, 1}};
  check_reductions(
      [&](const Real& p, Reduction r) { return eg::binary_cross_entropy_with_logits(p, y, r); }, prediction,
      {0.854355244468527, 1.4632824673380314, 1.9538897342925496, 0.3868710061149, 0.6931471805599453,
       0.9130152523999525},
      {0.574442516811659, -0.7685247834990176, 0.6741418199787566, -0.320821300824607, -0.2, -0.598687660112452});
}

// 35: at +-1000.
TEST(Loss, LogitCrossEntropyStaysFiniteFarOut) {
  eg::Parameter<double> x(Real{{1000, 1000, 1000}, {-1000, -1000, -1000}});
  eg::Tape tape;
  const Real terms =
      eg::binary_cross_entropy_with_logits(x.to_tensor(), Real{{0, 1, 0.5}, {0, 1, 0.5}}, Reduction::none);
  EXPECT_TRUE(close(terms, {1000, 0, 500, 0, 1000, 500}));
  tape.backward(sum(terms));
  EXPECT_TRUE(close(x.grad(), {1, 0, 0.5, 0, -1, -0.5}));
  EXPECT_TRUE(close(eg::binary_cross_entropy_with_logits(eg::Tensor<float>{{1000, -1000}}, eg::Tensor<float>{{0, 1}},
                                                         Reduction::none),
                    {1000, 1000}));
}

TEST(Loss, LogitCrossEntropyIsThatOfTheSigmoid) {
  const Real y = {{0, 1, 0.25}, {1, 0.7, 1}};
  EXPECT_TRUE(
      close(eg::binary_cross_entropy_with_logits(prediction, y), eg::binary_cross_entropy(sigmoid(prediction), y)));
}

// The gradient of each input alone, the other being a constant, and of both: by differences, and by forward mode.
template <class Loss>
static void check_every_input(const Loss& loss, const Real& p, const Real& y) {
  for (const Reduction r : {Reduction::batch_mean, Reduction::mean, Reduction::sum, Reduction::none}) {
    eg::gradcheck([&](const auto& a) { return loss(a, y, r); }, p);
    eg::gradcheck([&](const auto& b) { return loss(p, b, r); }, y);
    eg::gradcheck([&](const auto& a, const auto& b) { return loss(a, b, r); }, p, y);
  }
  const auto sum_of = [&](const Real& a, const Real& b) { return Real(loss(a, b, Reduction::sum)); };
  eg::gradcheck([&](const Real& a) { return eg::grad([&](const Real& t) { return sum_of(t, y); }, a); }, p);
  eg::gradcheck([&](const Real& b) { return eg::grad([&](const Real& t) { return sum_of(p, t); }, b); }, y);
  const auto both = [&](const Real& a, const Real& b) {
    const auto [of_prediction, of_target] = eg::grad(sum_of, a, b);
    return Real(2 * of_prediction + 3 * of_target);
  };
  eg::gradcheck(both, p, y);
}

TEST(Loss, GradientsOfPredictionAndTarget) {
  const Real p = {{0.2, 0.9}, {0.35, 0.6}}, y = {{0.45, 0.3}, {0.8, 0.1}};
  const auto check = [&](const auto& loss) { check_every_input(loss, p, y); };
  check([](const auto& a, const auto& b, Reduction r) { return eg::mse_loss(a, b, r); });
  check([](const auto& a, const auto& b, Reduction r) { return eg::l1_loss(a, b, r); });
  check([](const auto& a, const auto& b, Reduction r) { return eg::huber_loss(a, b, 0.3, r); });
  check([](const auto& a, const auto& b, Reduction r) { return eg::binary_cross_entropy(a, b, r); });
  check([](const auto& a, const auto& b, Reduction r) { return eg::binary_cross_entropy_with_logits(a, b, r); });
  check([](const auto& a, const auto& b, Reduction r) { return eg::softmax_cross_entropy(a, b, r); });
  // Rows must be distributions: of what is checked they are made.
  check([](const auto& a, const auto& b, Reduction r) { return eg::cross_entropy(softmax(a), softmax(b), r); });
}

TEST(Loss, NaNInGivesNaNOut) {
  const Real p = {{0.5, nan_value}}, y = {{0.25, 0.75}};
  EXPECT_TRUE(std::isnan(eg::mse_loss(p, y).item()));
  EXPECT_TRUE(std::isnan(eg::l1_loss(p, y).item()));
  EXPECT_TRUE(std::isnan(eg::huber_loss(p, y).item()));
  EXPECT_TRUE(std::isnan(eg::binary_cross_entropy(p, y).item()));
  EXPECT_TRUE(std::isnan(eg::binary_cross_entropy_with_logits(p, y).item()));
}

// 40: of 1e200.
TEST(Loss, AHugeDifferenceOverflowsToInfinity) {
  eg::Parameter<double> x(Real{{1e200}});
  eg::Tape tape;
  const Real loss = eg::mse_loss(x.to_tensor(), Real{{0}});
  EXPECT_EQ(loss.item(), infinity);
  tape.backward(loss);
  EXPECT_EQ(x.grad().item(), 2e200);
}

TEST(Loss, OtherShapesAreRefusedRatherThanBroadcast) {
  const Real p = Real::ones({4, 1}), y = Real::ones({4});
  const std::vector<std::string> shapes = {"[4, 1]", "[4]", "reshape", "loss.cpp"};
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { eg::mse_loss(p, y); }), shapes));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { eg::l1_loss(p, y); }), shapes));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { eg::huber_loss(p, y); }), shapes));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { eg::binary_cross_entropy(p, y); }), shapes));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { eg::binary_cross_entropy_with_logits(p, y); }), shapes));
}

TEST(Loss, OfNoSamplesHasASumButNoMean) {
  const Real none = Real::zeros({0, 3});
  EXPECT_EQ(eg::mse_loss(none, none, Reduction::sum).item(), 0);
  EXPECT_EQ(eg::mse_loss(none, none, Reduction::none).shape(), (eg::Shape{0, 3}));
  EXPECT_TRUE(
      mentions(message_of<eg::ShapeError>([&] { eg::mse_loss(none, none); }), {"mse_loss", "[0, 3]", "empty batch"}));
  EXPECT_THROW(eg::l1_loss(none, none, Reduction::mean), eg::ShapeError);
  EXPECT_EQ(eg::mse_loss(Real::zeros({2, 0}), Real::zeros({2, 0})).item(), 0) << "two samples without outputs";
}

TEST(Loss, AcceptsScalarsVectorsFormulasAndParameters) {
  EXPECT_DOUBLE_EQ(eg::mse_loss(Real::full({}, 3), Real::full({}, 1)).item(), 4);
  EXPECT_DOUBLE_EQ(eg::mse_loss(Real{1, 2, 3}, Real{0, 0, 0}).item(), 14.0 / 3);
  EXPECT_DOUBLE_EQ(eg::mse_loss(2 * Real{{1, 2}}, Real{{1, 1}} + 1).item(), 4);
  const eg::Parameter<double> x(Real{{2}});
  EXPECT_DOUBLE_EQ(eg::l1_loss(x, Real{{5}}).item(), 3);
}

TEST(Loss, HuberNeedsAPositiveDelta) {
  for (const double delta : {0.0, -1.0, nan_value})
    EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { eg::huber_loss(prediction, target, delta); }),
                         {"huber_loss", "delta", "positive"}));
}

// 42: a padded batch.
TEST(Loss, PaddingABatchWeighsItsSamplesByTheirNumber) {
  // Two half-batches, of 1 and 2 samples, weighted by their sizes, make the whole batch.
  const Real x = {{1}, {2}, {4}}, y = {{0}, {0}, {0}};
  const double first = eg::mse_loss(Real{{1}}, Real{{0}}).item(),
               second = eg::mse_loss(Real{{2}, {4}}, Real{{0}, {0}}).item();
  EXPECT_DOUBLE_EQ(eg::mse_loss(x, y).item(), (1 * first + 2 * second) / 3);
}
