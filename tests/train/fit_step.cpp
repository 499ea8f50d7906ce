// fit by a step function: models with several inputs and outputs.
#include <eigengrad/ops/reduce.hpp>
#include <eigengrad/optim/adam.hpp>
#include <eigengrad/train/fit.hpp>

#include <forward_list>

#include "models.hpp"

#include "support/message.hpp"

namespace eg = eigengrad;
using support::message_of;
using Tensor = eg::Tensor<double>;
static constexpr auto silent = eg::Progress::none;

namespace {

/// Two inputs, two outputs: their sum and their difference, learned.
struct SumAndDifference : eg::Module<double> {
  std::pair<Tensor, Tensor> operator()(const Tensor& a, const Tensor& b) {
    return {a * to_sum + b * to_sum, a * to_difference - b * to_difference};
  }
  void members(eg::Members<double>& m) override {
    m("to_sum", to_sum);
    m("to_difference", to_difference);
  }
  std::string kind() const override { return "SumAndDifference"; }

  eg::Parameter<double> to_sum{Tensor{{0.1}}}, to_difference{Tensor{{-0.3}}};
};
struct Pair {
  Tensor a, b;
  eg::Index size() const { return a.size(); }
};
std::vector<Pair> pairs() {
  eg::Generator generator(3);
  std::vector<Pair> all;
  for (const eg::Index size : {8, 8, 3})
    all.push_back({Tensor::randn({size, 1}, generator), Tensor::randn({size, 1}, generator)});
  return all;
}
auto loss_by(SumAndDifference& model) {
  return [&model](const Pair& batch) {
    const auto [sum, difference] = model(batch.a, batch.b);
    return eg::mse_loss(sum, (batch.a + batch.b).eval()) + eg::mse_loss(difference, (batch.a - batch.b).eval());
  };
}

}  // namespace

TEST(FitByStep, TrainsAModelOfSeveralInputsAndOutputs) {
  SumAndDifference model, by_hand;
  const std::vector<Pair> batches = pairs();
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.1}),
      other(by_hand.parameters(), {.learning_rate = 0.1});
  const auto history = eg::fit(model, loss_by(model), optimizer, batches, {.epochs = 30, .progress = silent});
  EXPECT_EQ(history.epochs.size(), 30u);
  double first = 0;
  for (int epoch = 0; epoch < 30; ++epoch)
    for (const Pair& batch : batches) {
      eg::Tape tape;
      const Tensor loss = loss_by(by_hand)(batch);
      if (epoch == 0) first += loss.item() * static_cast<double>(batch.size());
      tape.backward(loss);
      other.step();
      other.zero_grad();
    }
  EXPECT_DOUBLE_EQ(history.epochs[0].loss, first / 19) << "a batch counts for what it holds";
  EXPECT_TRUE(same_bits(model.state_dict(), by_hand.state_dict()));
  EXPECT_NEAR(model.to_sum.value().item(), 1, 1e-3);
  EXPECT_NEAR(model.to_difference.value().item(), 1, 1e-3);
}

TEST(FitByStep, StopsAsFitDoes) {
  const std::vector<Pair> batches = pairs();
  {
    SumAndDifference model;
    eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.1});
    const auto history =
        eg::fit(model, loss_by(model), optimizer, batches, {.epochs = 500, .target_loss = 1e-3, .progress = silent});
    EXPECT_TRUE(history.reached_target);
    EXPECT_LT(history.epochs.size(), 100u);
  }
  SumAndDifference model;
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.1});
  const auto history = eg::fit(model, loss_by(model), optimizer, batches, {.epochs = 500, .progress = silent},
                               [](const eg::EpochRecord& record) { return record.epoch < 7; });
  EXPECT_EQ(history.epochs.size(), 7u);
}

TEST(FitByStep, TakesAnyRangeAndRefusesWhatItCannotDo) {
  SumAndDifference model;
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.1});
  const std::vector<Pair> all = pairs();
  const std::forward_list<Pair> list(all.begin(), all.end());
  EXPECT_EQ(eg::fit(model, loss_by(model), optimizer, list, {.epochs = 2, .progress = silent}).epochs.size(), 2u);
  const std::string options = message_of<eg::Error>(
      [&] { eg::fit(model, loss_by(model), optimizer, all, {.target_accuracy = 0.9, .progress = silent}); });
  EXPECT_NE(options.find("a step function tells a loss alone"), std::string::npos) << options;
  const std::string none = message_of<eg::Error>(
      [&] { eg::fit(model, loss_by(model), optimizer, std::vector<Pair>(), {.progress = silent}); });
  EXPECT_NE(none.find("there are no batches"), std::string::npos) << none;
  const std::string wide = message_of<eg::Error>([&] {
    eg::fit(model, [&](const Pair& batch) -> Tensor { return model(batch.a, batch.b).first * 1.0; }, optimizer, all,
            {.progress = silent});
  });
  EXPECT_NE(wide.find("the loss is of shape [8, 1]"), std::string::npos) << wide;
  const std::string nan = message_of<eg::Error>([&] {
    eg::fit(model, [&](const Pair& batch) -> Tensor { return sum(log(batch.a - batch.a - 1.0) * model.to_sum); },
            optimizer, all, {.progress = silent});
  });
  EXPECT_NE(nan.find("the loss is nan at epoch 1, batch 1"), std::string::npos) << nan;
}
