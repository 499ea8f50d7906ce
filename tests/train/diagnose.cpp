#include <eigengrad/train/diagnose.hpp>

#include <eigengrad/nn/layers/activation.hpp>
#include <eigengrad/nn/layers/linear.hpp>

#include "data/files.hpp"

#include <sstream>

#include "models.hpp"

#include "support/message.hpp"

namespace eg = eigengrad;
using support::message_of;
using Tensor = eg::Tensor<double>;

static eg::Linear<double> linear(const Tensor& weight, const Tensor& bias) {
  eg::Linear<double> layer(weight.shape()[1], weight.shape()[0]);
  layer.weight.set_value(weight);
  layer.bias.set_value(bias);
  return layer;
}

// Units that give 0 everywhere: the second (-1 - x), and not the third, which is alive for one sample.
static eg::Sequential<double> partly_dead() {
  return eg::Sequential<double>(linear({{1}, {-1}, {1}, {2}}, {1, -1, -2, 0}), eg::ReLU<double>(),
                                linear({{1, 1, 1, 1}}, {0}));
}
static const Tensor positive = {{1}, {2}, {3}}, goal = {{0}, {0}, {0}};

TEST(Diagnose, FindsDeadUnits) {
  auto model = partly_dead();
  const auto diagnosis = eg::diagnose(model, MeanSquared(), positive, goal);
  ASSERT_EQ(diagnosis.layers.size(), 3u);
  const auto& relu = diagnosis.layers[1];
  EXPECT_EQ(relu.kind, "ReLU");
  EXPECT_EQ(relu.index, 1);
  EXPECT_EQ(relu.shape, (eg::Shape{3, 4}));
  EXPECT_EQ(relu.dead, 0.25);
  EXPECT_TRUE(std::isnan(diagnosis.layers[0].dead)) << "only a ReLU's units die";
  EXPECT_TRUE(std::isnan(relu.saturated));
  EXPECT_TRUE(diagnosis.findings.empty()) << "some dead units are common";
  const auto told = eg::diagnose(model, MeanSquared(), positive, goal, {.dead = 0.2});
  ASSERT_EQ(told.findings.size(), 1u);
  EXPECT_EQ(told.findings.front(),
            "layer 1, ReLU: 25 % of its units are dead: lower the learning rate or use LeakyReLU");
}

TEST(Diagnose, MeasuresActivationsAndGradients) {
  auto model = partly_dead();
  const auto diagnosis = eg::diagnose(model, MeanSquared(), positive, goal);
  // ReLU outputs: x + 1, 0, max(x - 2, 0), 2 x; the last layer's y = 3 x + 1 + max(x - 2, 0) = 4, 7, 11.
  const double y[] = {4, 7, 11}, sum = 22.0 / 3;
  EXPECT_NEAR(diagnosis.loss, (16 + 49 + 121) / 3.0, 1e-13);
  EXPECT_NEAR(diagnosis.layers[2].mean, sum, 1e-14);
  EXPECT_NEAR(diagnosis.layers[2].deviation, std::sqrt((16 + 49 + 121) / 3.0 - sum * sum), 1e-13);
  double squares = 0;
  for (const double value : y) squares += 4.0 / 9 * value * value;  // dE/dy = 2 y / 3
  EXPECT_NEAR(diagnosis.layers[2].output_gradient, std::sqrt(squares), 1e-13);
  EXPECT_NEAR(diagnosis.layers[1].output_gradient, 2 * std::sqrt(squares), 1e-13) << "to four units by weights of 1";
  EXPECT_TRUE(std::isnan(diagnosis.layers[1].parameter_gradient)) << "a ReLU has none";

  eg::Tape tape;
  tape.backward(eg::mse_loss(model(positive), goal));
  for (const int layer : {0, 2}) {
    double norm = 0;
    for (const auto& parameter : model[layer].parameters()) norm += parameter.grad().array().square().sum();
    EXPECT_NEAR(diagnosis.layers[static_cast<std::size_t>(layer)].parameter_gradient, std::sqrt(norm), 1e-13);
  }
}

TEST(Diagnose, ChangesNothing) {
  auto model = partly_dead();
  model.add(eg::Sequential<double>());
  model[3].eval();
  {
    eg::Tape tape;
    tape.backward(eg::sum(model(positive)));
  }
  const auto before = model.state_dict();
  const auto gradient = model.parameters().front().grad();
  eg::diagnose(model, MeanSquared(), positive, goal);
  EXPECT_TRUE(same_bits(before, model.state_dict()));
  EXPECT_TRUE((gradient.array() == model.parameters().front().grad().array()).all());
  EXPECT_TRUE(model.is_training());
  EXPECT_FALSE(model[3].is_training());
}

TEST(Diagnose, LeakyReLURevivesADeadNetwork) {
  eg::Sequential<double> dead(linear({{-1}, {-2}}, {-1, -1}), eg::ReLU<double>(), linear({{1, 1}}, {1}));
  const auto diagnosis = eg::diagnose(dead, MeanSquared(), positive, goal);
  EXPECT_EQ(diagnosis.layers[1].dead, 1);
  EXPECT_EQ(diagnosis.layers[0].parameter_gradient, 0);
  EXPECT_EQ(diagnosis.gradient_ratio(), 0);
  expect_contains(eg::to_text(diagnosis), "layer 0, Linear: no gradient reaches it");

  eg::Sequential<double> leaky(linear({{-1}, {-2}}, {-1, -1}), eg::LeakyReLU<double>(), linear({{1, 1}}, {1}));
  const auto revived = eg::diagnose(leaky, MeanSquared(), positive, goal);
  EXPECT_GT(revived.layers[0].parameter_gradient, 0);
  EXPECT_TRUE(revived.findings.empty()) << eg::to_text(revived);
}

TEST(Diagnose, FindsSaturatedUnits) {
  // Saturated where the slope is below 5 % of its largest: beyond 0.9873 or 0.0127 for a sigmoid, +-0.9747 for tanh.
  const Tensor x = {{-30}, {-4.4}, {-4.3}, {0}, {4.3}, {4.4}, {30}, {1}};
  eg::Sequential<double> sigmoid(eg::Sigmoid<double>(), linear({{1}}, {0})),
      tanh(eg::Tanh<double>(), linear({{1}}, {0}));
  const Tensor target = Tensor::zeros({8, 1});
  EXPECT_EQ(eg::diagnose(sigmoid, MeanSquared(), x, target).layers[0].saturated, 4 / 8.0);
  EXPECT_EQ(eg::diagnose(tanh, MeanSquared(), Tensor(0.5 * x), target).layers[0].saturated, 4 / 8.0)
      << "tanh(x / 2) = 2 sigmoid(x) - 1";
  const auto told = eg::diagnose(sigmoid, MeanSquared(), Tensor(100.0 * x), target);
  ASSERT_EQ(told.findings.size(), 1u);
  EXPECT_EQ(
      told.findings.front(),
      "layer 0, Sigmoid: 88 % of its outputs are saturated: scale the inputs, start with smaller weights or use ReLU");
  eg::Sequential<double> last{eg::Sigmoid<double>()};
  EXPECT_TRUE(eg::diagnose(last, MeanSquared(), Tensor(100.0 * x), target).findings.empty())
      << "an answer may be sure of itself";
}

namespace {

// Activations of a program's own; what diagnose should look for they say themselves.
/// x / (1 + |x|), between -1 and 1.
struct Softsign : eg::Layer<double> {
  Tensor forward(const Tensor& x) override { return x / (1 + abs(x)); }
  std::string kind() const override { return "Softsign"; }
  eg::ActivationTraits activation_traits() const override { return eg::saturating_between(-1, 1); }
};
/// 1 where x is below 1, x elsewhere: it dies at 1. Written as before there was Layer.
struct AtLeastOne : eg::Module<double> {
  Tensor forward(const Tensor& x) override { return where(x > 1, x, 1.0); }
  std::string kind() const override { return "AtLeastOne"; }
  eg::ActivationTraits activation_traits() const override { return eg::dying_at(1); }
};
/// max(0, min(6, x)): both.
struct ReLU6 : eg::Layer<double> {
  Tensor forward(const Tensor& x) override { return where(x < 6, relu(x), 6.0); }
  eg::ActivationTraits activation_traits() const override {
    return {.lower_limit = 0, .upper_limit = 6, .dead_output = 0};
  }
};
struct DoubledTanh : eg::Tanh<double> {
  Tensor forward(const Tensor& x) override { return 2 * tanh(x); }
};
struct Pairs : eg::Maxout<double> {
  eg::ActivationTraits activation_traits() const override { return eg::dying_at(0); }
};

}  // namespace

TEST(Diagnose, AsksAnActivationOfOnesOwnWhereItSaturates) {
  // |y| = 0.9756 at 40 and 0.9677 at 30; what counts is 1 - y^2 < 0.05, beyond 0.9747.
  const Tensor x = {{-1000}, {-40}, {-30}, {0}, {30}, {40}, {1}, {2}}, target = Tensor::zeros({8, 1});
  eg::Sequential<double> model(Softsign(), linear({{1}}, {0}));
  EXPECT_EQ(eg::diagnose(model, MeanSquared(), x, target).layers[0].saturated, 3 / 8.0);
  const auto told = eg::diagnose(model, MeanSquared(), Tensor(100.0 * x), target);
  EXPECT_TRUE(std::isnan(told.layers[0].dead));
  ASSERT_EQ(told.findings.size(), 1u);
  EXPECT_TRUE(told.findings.front().starts_with("layer 0, Softsign: 88 % of its outputs are saturated")) << told;
}

TEST(Diagnose, AsksAnActivationOfOnesOwnWhereItDies) {
  // Of x + 1, -1 - x, x - 1.5 and 0 for x = 1, 2, 3 the second and the last never exceed 1; the third does once.
  eg::Sequential<double> model(linear({{1}, {-1}, {1}, {0}}, {1, -1, -1.5, 0}), AtLeastOne(),
                               linear({{1, 1, 1, 1}}, {0}));
  const auto diagnosis = eg::diagnose(model, MeanSquared(), positive, goal);
  EXPECT_EQ(diagnosis.layers[1].dead, 0.5);
  EXPECT_TRUE(std::isnan(diagnosis.layers[1].saturated));
  ASSERT_EQ(diagnosis.findings.size(), 1u);
  EXPECT_TRUE(diagnosis.findings.front().starts_with("layer 1, AtLeastOne: 50 % of its units are dead")) << diagnosis;

  eg::Sequential<double> both(linear({{-1}, {9}}, {0, 0}), ReLU6(), linear({{1, 1}}, {0}));
  const auto layer = eg::diagnose(both, MeanSquared(), positive, goal).layers[1];
  EXPECT_EQ(layer.dead, 0.5) << "one gives 0 for all, the other 6";
  EXPECT_EQ(layer.saturated, 1);
}

TEST(Diagnose, RefusesWhatALayerWronglySaysOfItself) {
  eg::Sequential<double> beyond(DoubledTanh(), linear({{1}}, {0}));
  const std::string limits = message_of<eg::ValueError>([&] { eg::diagnose(beyond, MeanSquared(), positive, goal); });
  expect_contains(limits, "diagnose: layer 0, Tanh, gives 1.5");
  expect_contains(limits, ", and names as its limits -1 and 1: override activation_traits() where forward is");
  expect_contains(limits, "(diagnose.cpp:");
  eg::Sequential<double> pairs(linear({{1}, {2}}, {0, 0}), Pairs());
  expect_contains(message_of<eg::ValueError>([&] { eg::diagnose(pairs, MeanSquared(), positive, goal); }),
                  "diagnose: layer 1, Maxout, names a dead output, but gives [3, 1] for [3, 2]: ");
}

template <class Activation>
static eg::Sequential<double> deep() {
  eg::manual_seed(4);
  eg::Sequential<double> model(eg::Linear<double>(4, 24), Activation());
  for (int layer = 1; layer < 8; ++layer) model.add(eg::Linear<double>(24, 24)).add(Activation());
  model.add(eg::Linear<double>(24, 1));
  return model;
}

TEST(Diagnose, SeesTheGradientVanishInADeepSigmoidNetwork) {
  eg::Generator generator(2);
  const Tensor x = Tensor::randn({32, 4}, generator), y = Tensor::randn({32, 1}, generator);
  auto sigmoid = deep<eg::Sigmoid<double>>(), relu = deep<eg::ReLU<double>>();
  const auto vanished = eg::diagnose(sigmoid, MeanSquared(), x, y), sound = eg::diagnose(relu, MeanSquared(), x, y);
  EXPECT_LT(vanished.gradient_ratio(), 1e-4);
  EXPECT_GT(sound.gradient_ratio(), 0.05);
  EXPECT_LT(sound.gradient_ratio(), 20);
  ASSERT_EQ(vanished.findings.size(), 1u) << eg::to_text(vanished);
  expect_contains(vanished.findings.front(), "layer 0, Linear: the gradient vanishes: it is ");
  EXPECT_TRUE(sound.findings.empty()) << eg::to_text(sound);
}

TEST(Diagnose, SeesExplodingGradientsAndNaN) {
  eg::Sequential<double> model(linear({{1}}, {0}), linear({{100}}, {0}), linear({{100}}, {0}));
  expect_contains(eg::to_text(eg::diagnose(model, MeanSquared(), positive, goal)),
                  "layer 0, Linear: the gradient explodes: it is 1e+04 times");
  const auto diagnosis = eg::diagnose(model, MeanSquared(), Tensor{{1}, {std::nan("")}, {3}}, goal);
  ASSERT_EQ(diagnosis.findings.size(), 1u);
  expect_contains(diagnosis.findings.front(), "layer 0, Linear: its outputs hold NaN or infinity");
}

TEST(Diagnose, SaysWhatCannotWork) {
  eg::Sequential<double> none, model(linear({{1}}, {0}));
  expect_contains(message_of<eg::ValueError>([&] { eg::diagnose(none, MeanSquared(), positive, goal); }),
                  "diagnose: 0 layers");
  EXPECT_THROW(eg::diagnose(model, MeanSquared(), Tensor::zeros({0, 1}), Tensor::zeros({0, 1})), eg::ValueError);
  EXPECT_THROW(eg::diagnose(model, MeanSquared(), positive, Tensor{{0}}), eg::ShapeError);
  EXPECT_TRUE(model.is_training());
}

TEST(Diagnosis, PrintsAnAlignedTable) {
  eg::Diagnosis diagnosis;
  diagnosis.loss = 0.25;
  diagnosis.layers = {{.index = 0,
                       .kind = "Linear",
                       .shape = {32, 24},
                       .mean = 0.0123456,
                       .deviation = 1,
                       .output_gradient = 3.5e-6,
                       .parameter_gradient = 0.5},
                      {.index = 1,
                       .kind = "ReLU",
                       .shape = {32, 24},
                       .mean = 0.5,
                       .deviation = 0.75,
                       .dead = 0.625,
                       .output_gradient = 1}};
  std::ostringstream out;
  out << diagnosis;
  EXPECT_EQ(out.str(),
            "layer  kind    output      mean  deviation  dead  saturated  gradient  of weights\n"
            "    0  Linear  [32, 24]  0.0123          1     -          -   3.5e-06         0.5\n"
            "    1  ReLU    [32, 24]     0.5       0.75  62 %          -         1           -\n"
            "loss: 0.25\n"
            "nothing looks wrong\n");
}
