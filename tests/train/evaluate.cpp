#include <eigengrad/train/evaluate.hpp>

#include "data/files.hpp"
#include "models.hpp"

#include "support/message.hpp"

namespace eg = eigengrad;
using support::message_of;
using Tensor = eg::Tensor<double>;
using Labels = eg::Tensor<std::int64_t>;

TEST(ModeGuard, PutsEveryPartBackIntoItsOwnMode) {
  eg::Sequential<double> model{eg::Tanh<double>(), eg::Sequential<double>{eg::Tanh<double>(), eg::ReLU<double>()}};
  auto& inner = model.at<eg::Sequential<double>>(1);
  model.train();
  inner.eval();
  inner[1].train();
  const auto modes = [&] {
    return std::vector<bool>{model.is_training(), model[0].is_training(), inner.is_training(), inner[0].is_training(),
                             inner[1].is_training()};
  };
  const auto before = modes();
  EXPECT_EQ(before, (std::vector<bool>{true, true, false, false, true}));
  {
    const eg::ModeGuard<double> guard(model, false);
    EXPECT_EQ(modes(), std::vector<bool>(5, false));
  }
  EXPECT_EQ(modes(), before);
}

TEST(NameClasses, LooksAtTheTargets) {
  EXPECT_TRUE(eg::name_classes(Labels{3, 1}));
  EXPECT_TRUE(eg::name_classes(Labels{{3}, {1}}));
  EXPECT_FALSE(eg::name_classes(Labels{{3, 1}}));
  EXPECT_TRUE(eg::name_classes(Tensor{0, 1}));
  EXPECT_TRUE(eg::name_classes(Tensor{{0, 1}, {1, 0}}));
  EXPECT_FALSE(eg::name_classes(Tensor{{0, 1}, {1, 1}}));
  EXPECT_FALSE(eg::name_classes(Tensor{0, 0.5}));
  EXPECT_FALSE(eg::name_classes(Tensor()));
}

TEST(Evaluate, CountsEverySampleOnce) {
  Line model(2);
  const eg::Dataset<double> data(Tensor{{0}, {1}, {2}, {3}, {4}}, Tensor{{0}, {1}, {2}, {3}, {4}});
  for (const eg::Index batch_size : {1, 2, 3, 5, 100})
    EXPECT_NEAR(eg::evaluate(model, MeanSquared(), data, batch_size).loss, 6, 1e-14);
  EXPECT_NEAR(eg::evaluate(model, MeanSquared(), data, std::numeric_limits<eg::Index>::max()).loss, 6, 1e-14);
  EXPECT_TRUE(std::isnan(eg::evaluate(model, MeanSquared(), data).accuracy)) << "the targets name no classes";
  const eg::Dataset<double> gate(Tensor{{0}, {1}, {0.2}}, Tensor{{0}, {1}, {1}});
  EXPECT_EQ(eg::evaluate(model, MeanSquared(), gate, 2).accuracy, 2.0 / 3);
  EXPECT_EQ(eg::evaluate(model, MeanSquared(), gate, 2, eg::Accuracy::automatic, 0.3).accuracy, 1);
  EXPECT_TRUE(std::isnan(eg::evaluate(model, MeanSquared(), gate, 2, eg::Accuracy::no).accuracy));
}

TEST(Evaluate, RecordsNothingAndRunsInEvaluationMode) {
  Line model(2);
  const eg::Dataset<double> data(Tensor{{1}, {2}}, Tensor{{1}, {1}});
  eg::Tape tape;
  eg::evaluate(model, MeanSquared(), data, 1);
  EXPECT_EQ(model.modes, "ee");
  EXPECT_TRUE(model.is_training());
  EXPECT_EQ(tape.size(), 0);
}

TEST(Evaluate, SaysWhatDoesNotFit) {
  Line model(2);
  const eg::Dataset<double> none(Tensor::zeros({0, 1}), Tensor::zeros({0, 1}));
  expect_contains(message_of<eg::ValueError>([&] { eg::evaluate(model, MeanSquared(), none); }),
                  "inputs [0, 1] hold no samples");
  const auto unreduced = [](const Tensor& p, const Tensor& t) { return eg::mse_loss(p, t, eg::Reduction::none); };
  const eg::Dataset<double> two(Tensor{{1}, {2}}, Tensor{{1}, {2}});
  expect_contains(message_of<eg::ShapeError>([&] { eg::evaluate(model, unreduced, two); }),
                  "the loss is of shape [2, 1]");
  expect_contains(message_of<eg::ValueError>([&] { eg::evaluate(model, MeanSquared(), two, 0); }),
                  "evaluate: batch_size is 0: it must be at least 1");
  eg::Dataset<double> uneven = two;
  uneven.targets = Tensor{{1}};
  expect_contains(message_of<eg::ShapeError>([&] { eg::evaluate(model, MeanSquared(), uneven); }),
                  "inputs [2, 1] and targets [1, 1] must have the same first axis");
  EXPECT_TRUE(model.is_training()) << "the mode is restored after an error";
}

TEST(Predict, GoesBatchByBatch) {
  Line model(2);
  const Tensor inputs = {{1}, {2}, {3}, {4}, {5}};
  const Tensor outputs = eg::predict(model, inputs, 2);
  EXPECT_EQ(model.modes, "eee");
  EXPECT_EQ(outputs.shape(), inputs.shape());
  for (eg::Index i = 0; i < 5; ++i) EXPECT_EQ(outputs(i, 0), 2 * inputs(i, 0));
  EXPECT_EQ(eg::predict(model, inputs)(4, 0), 10);
  EXPECT_EQ(eg::predict(model, Tensor::zeros({0, 1}), 2).shape(), (eg::Shape{0, 1}));
  EXPECT_TRUE(model.is_training());
}

TEST(Predict, SaysWhatDoesNotFit) {
  struct Sum : eg::Module<double> {
    Tensor forward(const Tensor& x) override { return eg::sum(x); }
  } model;
  expect_contains(message_of<eg::ShapeError>([&] { eg::predict(model, Tensor::ones({4, 1}), 2); }),
                  "2 samples gave an output of shape []");
  EXPECT_THROW(eg::predict(model, Tensor::ones({4, 1}), 0), eg::ValueError);
  EXPECT_THROW(eg::predict(model, Tensor::ones({})), eg::ShapeError);
  EXPECT_TRUE(model.is_training());
}
