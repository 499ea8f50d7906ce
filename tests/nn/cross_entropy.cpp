#include "eigengrad/nn/losses/cross_entropy.hpp"

#include "eigengrad/autograd/gradcheck.hpp"
#include "eigengrad/ops/softmax.hpp"
#include "eigengrad/transform/jacobian.hpp"
#include "support/close.hpp"

// Expected numbers come from PyTorch 1.13 in double.
namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using Labels = eg::Tensor<std::int64_t>;
using eg::Reduction;
using support::close, support::mentions, support::message_of;

static const double infinity = std::numeric_limits<double>::infinity();
static const double nan_value = std::numeric_limits<double>::quiet_NaN();

static const Real logits = {{0.3, -1.2, 2.5}, {0.75, 0.0, -0.4}};
static const Labels labels = {2, 0};
static const Real soft = {{0.1, 0.2, 0.7}, {0.5, 0.25, 0.25}};

// The gradient of loss(x, reduction) at x.
template <class Loss>
static Real gradient_of(const Loss& loss, const Real& x, Reduction reduction) {
  eg::Parameter<double> parameter(x);
  eg::Tape tape;
  tape.backward(loss(parameter.to_tensor(), reduction));
  return parameter.grad();
}

template <class Target>
static void check_softmax_cross_entropy(const Target& target, const std::vector<double>& terms,
                                        const std::vector<double>& gradient) {
  const auto loss = [&](const Real& x, Reduction r) { return eg::softmax_cross_entropy(x, target, r); };
  EXPECT_EQ(loss(logits, Reduction::none).shape(), (eg::Shape{2}));
  EXPECT_TRUE(close(loss(logits, Reduction::none), terms));
  EXPECT_NEAR(loss(logits, Reduction::sum).item(), terms[0] + terms[1], 1e-12);
  EXPECT_NEAR(loss(logits, Reduction::mean).item(), (terms[0] + terms[1]) / 2, 1e-12);
  EXPECT_NEAR(loss(logits, Reduction::batch_mean).item(), (terms[0] + terms[1]) / 2, 1e-12);
  EXPECT_TRUE(close(gradient_of(loss, logits, Reduction::sum), gradient));
  std::vector<double> half = gradient;
  for (double& number : half) number /= 2;
  EXPECT_TRUE(close(gradient_of(loss, logits, Reduction::batch_mean), half));
  EXPECT_TRUE(close(gradient_of(loss, logits, Reduction::mean), half));
}

TEST(SoftmaxCrossEntropy, OfLabelsIsPyTorchs) {
  check_softmax_cross_entropy(labels, {0.12709658280048583, 0.5816586614952705},
                              {0.09757864772562466, 0.021772739294085852, -0.1193513870197106, -0.44102954553771057,
                               0.26403894665843, 0.1769905988792805});
}

TEST(SoftmaxCrossEntropy, OfADistributionIsPyTorchs) {
  check_softmax_cross_entropy(soft, {1.087096582800486, 1.0566586614952704},
                              {-0.0024213522743753435, -0.17822726070591416, 0.18064861298028945, 0.058970454462289434,
                               0.014038946658429974, -0.07300940112071949});
}

TEST(SoftmaxCrossEntropy, IsMinusTheTargetTimesLogSoftmax) {
  eg::Generator generator(3);
  for (const eg::Index classes : {1, 2, 7, 16, 33}) {
    const Real x = Real::randn({5, classes}, generator);
    const Real y = softmax(Real::randn({5, classes}, generator));
    const auto composed = [&](const Real& t, Reduction) { return Real(-sum(y * log_softmax(t)) / 5); };
    const auto fused = [&](const Real& t, Reduction r) { return eg::softmax_cross_entropy(t, y, r); };
    EXPECT_TRUE(close(fused(x, Reduction::mean), composed(x, Reduction::mean)));
    EXPECT_TRUE(close(gradient_of(fused, x, Reduction::mean), gradient_of(composed, x, Reduction::mean)));
    const eg::Tensor<float> rounded = eg::Tensor<float>::from_eigen(x.matrix());
    EXPECT_NEAR(eg::softmax_cross_entropy(rounded, Labels::zeros({5})).item(),
                eg::softmax_cross_entropy(x, Labels::zeros({5})).item(), 1e-6);
  }
}

TEST(SoftmaxCrossEntropy, Gradients) {
  eg::Generator generator(4);
  const Real x = Real::randn({3, 17}, generator), y = softmax(Real::randn({3, 17}, generator));
  for (const Reduction r : {Reduction::batch_mean, Reduction::mean, Reduction::sum, Reduction::none}) {
    eg::gradcheck([&](const Real& t) { return eg::softmax_cross_entropy(t, Labels{0, 16, 9}, r); }, x);
    eg::gradcheck([&](const Real& t) { return eg::softmax_cross_entropy(t, y, r); }, x);
    eg::gradcheck([&](const Real& t) { return eg::softmax_cross_entropy(t, Real(2 * y), r); }, x);  // need not sum to 1
    eg::gradcheck(
        [&](const Real& t) { return Real(eg::softmax_cross_entropy(t, Labels{0, 16, 9}, r) + 0.1 * sum(t * t)); },
        x);  // adds
  }
}

TEST(SoftmaxCrossEntropy, IsOneRecord) {
  eg::Parameter<double> x(logits), y(soft);
  eg::Tape tape;
  const Real loss = eg::softmax_cross_entropy(x, y);
  EXPECT_EQ(tape.size(), 1);
}

// A distribution may be another model's: what it is to learn from this loss is -log(softmax(x)) per sample.
TEST(SoftmaxCrossEntropy, GivesASoftTargetItsGradient) {
  const Real expected = Real(-log_softmax(logits) / 2);
  for (const bool both : {false, true}) {
    eg::Parameter<double> x(logits), y(soft);
    eg::Tape tape;
    tape.backward(both ? eg::softmax_cross_entropy(x, y) : eg::softmax_cross_entropy(logits, y));
    EXPECT_TRUE(close(y.grad(), expected));
    EXPECT_EQ(x.has_grad(), both);
  }
  const auto composed = [](const Real& x, const Real& y, Reduction r) {
    const Real terms = -sum(y * log_softmax(x), 1);
    return r == Reduction::none ? terms : r == Reduction::sum ? sum(terms) : mean(terms);
  };
  for (const Reduction r : {Reduction::batch_mean, Reduction::sum, Reduction::none}) {
    const auto loss = [&](const auto& x, const auto& y) { return eg::softmax_cross_entropy(x, y, r); };
    eg::gradcheck([&](const Real& y) { return loss(logits, y); }, soft);
    eg::gradcheck(loss, logits, soft);
    eg::gradcheck([&](const Real& t) { return loss(Real(2 * t), softmax(t)); }, logits);  // one tensor in both
    const auto second = [&](const auto& f) {
      return eg::hessian([&](const Real& t) { return Real(sum(f(Real(2 * t), Real(softmax(t))))); }, logits);
    };
    EXPECT_TRUE(close(second(loss), second([&](const Real& x, const Real& y) { return composed(x, y, r); })));
  }
}

// Forward mode: the target's tangent counts, also where the target is 0.
TEST(SoftmaxCrossEntropy, ASoftTargetHasATangent) {
  const Real direction = {{0.5, -1, 0.25}, {1, 0, 2}}, y = {{0, 1, 0}, {0.5, 0.25, 0.25}};
  const auto loss = eg::softmax_cross_entropy(logits, make_dual(y, direction));
  EXPECT_TRUE(close(tangent_part(loss), Real(-sum(direction * log_softmax(logits)) / 2)));
}

TEST(SoftmaxCrossEntropy, StaysExactFarOut) {
  const Real far = {{1000, 1000}, {-1000, 0}, {1e30, -1e30}, {-1e30, 1e30}};
  const auto loss = [](const Real& x, Reduction r) { return eg::softmax_cross_entropy(x, Labels{0, 0, 0, 0}, r); };
  EXPECT_TRUE(close(loss(far, Reduction::none), {std::log(2.0), 1000, 0, 2e30}));
  EXPECT_TRUE(close(gradient_of(loss, far, Reduction::sum), {-0.5, 0.5, -1, 1, 0, 0, -1, 1}));
  const Real shifted = logits + 500;
  EXPECT_TRUE(close(eg::softmax_cross_entropy(shifted, labels), eg::softmax_cross_entropy(logits, labels)));
}

TEST(SoftmaxCrossEntropy, NaNAndInfinityAreNotHidden) {
  for (const std::vector<double>& row :
       {std::vector{nan_value, 1.0}, {1.0, nan_value}, {infinity, 0.0}, {-infinity, -infinity}})
    EXPECT_TRUE(std::isnan(eg::softmax_cross_entropy(Real::from(row, {1, 2}), Labels{0}).item()))
        << row[0] << ", " << row[1];
  EXPECT_EQ(eg::softmax_cross_entropy(Real{{-infinity, 0}}, Labels{1}).item(), 0);
  EXPECT_EQ(eg::softmax_cross_entropy(Real{{-infinity, 0}}, Labels{0}).item(), infinity);
  EXPECT_EQ(eg::softmax_cross_entropy(Real{{-infinity, 0}}, Real{{0, 1}}).item(), 0)
      << "a class of weight 0 does not count";
}

// 36: labels out of range.
TEST(SoftmaxCrossEntropy, LabelsOutsideTheClassesAreNamed) {
  EXPECT_TRUE(mentions(message_of<eg::IndexError>([] { eg::softmax_cross_entropy(logits, Labels{0, 3}); }),
                       {"softmax_cross_entropy", "label 3", "position 1", "0 to 2", "cross_entropy.cpp"}));
  EXPECT_TRUE(mentions(message_of<eg::IndexError>([] { eg::softmax_cross_entropy(logits, Labels{-1, 0}); }),
                       {"label -1", "position 0"}));
  EXPECT_TRUE(mentions(message_of<eg::IndexError>([] { eg::cross_entropy(soft, Labels{0, 3}); }),
                       {"cross_entropy", "label 3", "0 to 2"}));
}

TEST(SoftmaxCrossEntropy, ShapesThatDoNotFitAreNamed) {
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::softmax_cross_entropy(logits, Labels{0, 1, 2}); }),
                       {"[2, 3]", "[3]", "labels [n]"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::softmax_cross_entropy(logits, Labels{{0}, {1}}); }),
                       {"[2, 3]", "[2, 1]"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::softmax_cross_entropy(Real{1, 2, 3}, Labels{0}); }),
                       {"[3]", "[n, classes]"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::softmax_cross_entropy(logits, Real{{1, 0}, {0, 1}}); }),
                       {"[2, 3]", "[2, 2]", "int64"}));
}

TEST(SoftmaxCrossEntropy, EmptyInputs) {
  EXPECT_TRUE(
      mentions(message_of<eg::ShapeError>([] { eg::softmax_cross_entropy(Real::zeros({0, 3}), Labels::zeros({0})); }),
               {"[0, 3]", "empty batch"}));
  EXPECT_EQ(eg::softmax_cross_entropy(Real::zeros({0, 3}), Labels::zeros({0}), Reduction::sum).item(), 0)
      << "the sum of nothing";
  EXPECT_EQ(eg::softmax_cross_entropy(Real::zeros({0, 3}), Labels::zeros({0}), Reduction::none).size(), 0);
  EXPECT_THROW(eg::softmax_cross_entropy(Real::zeros({2, 0}), Labels::zeros({2})), eg::IndexError);
  EXPECT_THROW(eg::softmax_cross_entropy(Real::zeros({2, 0}), Real::zeros({2, 0})), eg::ShapeError) << "no classes";
}

TEST(CrossEntropy, OfProbabilitiesIsMinusTheSumOfTheTargetTimesTheLogarithm) {
  const Real p = {{0.1, 0.2, 0.7}, {0.5, 0.3, 0.2}};
  const Real one_hot = {{0, 0, 1}, {1, 0, 0}}, y = {{0, 0.25, 0.75}, {0.5, 0.5, 0}};
  const auto hard = [&](const Real& x, Reduction r) { return eg::cross_entropy(x, labels, r); };
  EXPECT_TRUE(close(hard(p, Reduction::none), {0, 0, 0.35667494393873245, 0.6931471805599453, 0, 0}));
  EXPECT_NEAR(hard(p, Reduction::sum).item(), 1.0498221244986778, 1e-12);
  EXPECT_NEAR(hard(p, Reduction::batch_mean).item(), 1.0498221244986778 / 2, 1e-12);
  EXPECT_NEAR(hard(p, Reduction::mean).item(), 1.0498221244986778 / 2, 1e-12) << "over samples, as in PyTorch";
  EXPECT_TRUE(close(gradient_of(hard, p, Reduction::sum), {0, 0, -1.4285714285714286, -2, 0, 0}));
  EXPECT_TRUE(close(eg::cross_entropy(p, one_hot), eg::cross_entropy(p, labels)));

  const auto mixed = [&](const Real& x, Reduction r) { return eg::cross_entropy(x, y, r); };
  EXPECT_NEAR(mixed(p, Reduction::sum).item(), 1.618425678505515, 1e-12);
  EXPECT_TRUE(
      close(gradient_of(mixed, p, Reduction::sum), {0, -1.25, -1.0714285714285714, -1, -1.6666666666666667, 0}));
}

TEST(CrossEntropy, BehindASoftmaxIsTheFusedLoss) {
  for (const Reduction r : {Reduction::batch_mean, Reduction::sum})
    EXPECT_TRUE(close(eg::cross_entropy(softmax(logits), labels, r), eg::softmax_cross_entropy(logits, labels, r)));
  const auto composed = [](const Real& x, Reduction r) { return eg::cross_entropy(softmax(x), labels, r); };
  const auto fused = [](const Real& x, Reduction r) { return eg::softmax_cross_entropy(x, labels, r); };
  EXPECT_TRUE(close(gradient_of(composed, logits, Reduction::mean), gradient_of(fused, logits, Reduction::mean)));
  eg::gradcheck([](const Real& x) { return eg::cross_entropy(softmax(x), soft); }, logits);
}

// 36: probabilities of exactly 0 and 1.
TEST(CrossEntropy, OfProbabilitiesExactlyZeroAndOne) {
  EXPECT_EQ(eg::cross_entropy(Real{{0, 1, 0}}, Labels{1}).item(), 0);
  EXPECT_EQ(eg::cross_entropy(Real{{0, 1, 0}}, Labels{0}).item(), infinity);
  const auto loss = [](const Real& x, Reduction r) { return eg::cross_entropy(x, Labels{1}, r); };
  EXPECT_TRUE(close(gradient_of(loss, Real{{0, 1, 0}}, Reduction::mean), {0, -1, 0})) << "no NaN from 0 log 0";
}

TEST(CrossEntropy, RefusesLogitsAndNamesTheLossThatTakesThem) {
  const std::string above =
      message_of<eg::ValueError>([] { eg::cross_entropy(Real{{0.2, 0.8}, {2.5, -1.5}}, Labels{0, 1}); });
  EXPECT_TRUE(mentions(above, {"cross_entropy", "row 1", "2.5", "not a probability", "Softmax", "softmax_cross_entropy",
                               "cross_entropy.cpp"}));
  const std::string sum = message_of<eg::ValueError>([] { eg::cross_entropy(Real{{0.25, 0.25}}, Labels{0}); });
  EXPECT_TRUE(mentions(sum, {"row 0", "sums to 0.5", "softmax_cross_entropy"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::cross_entropy(Real{0.5, 0.5}, Labels{0}); }),
                       {"[2]", "[n, classes]"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([] { eg::cross_entropy(Real{{0.5, 0.5}}, Real{{2, -1}}); }),
                       {"cross_entropy: a target is 2", "[0, 1]"}));
  EXPECT_TRUE(
      mentions(message_of<eg::ShapeError>([] { eg::cross_entropy(soft, Real{{1, 0}}); }), {"[2, 3]", "[1, 2]"}));
}

TEST(CrossEntropy, NaNInGivesNaNOut) {
  EXPECT_TRUE(std::isnan(eg::cross_entropy(Real{{nan_value, 0.5}}, Labels{0}).item()));
}
