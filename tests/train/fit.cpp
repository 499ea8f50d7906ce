#include <eigengrad/data/toy.hpp>
#include <eigengrad/train/fit.hpp>

#include "data/files.hpp"
#include "models.hpp"

#include "support/message.hpp"

namespace eg = eigengrad;
using support::message_of;
using Tensor = eg::Tensor<double>;
using Options = eg::FitOptions<double>;
static constexpr auto silent = eg::Progress::none;

static eg::Sequential<double> small_network(std::uint64_t seed) {
  eg::manual_seed(seed);
  return eg::Sequential<double>(eg::Linear<double>(2, 6), eg::Tanh<double>(), eg::Linear<double>(6, 3));
}
static const eg::Dataset<double, std::int64_t>& spiral() {
  static const auto data = eg::spirals<double>(50, {.noise = 0.02, .seed = 5});
  return data;
}
/// x and slope x: what a Line of that slope says.
static eg::Dataset<double> on_line(double slope, eg::Index samples = 4) {
  const Tensor x = Tensor::arange(1, static_cast<double>(samples) + 1);
  return {kernel_access(x).alias({samples, 1}), kernel_access(Tensor(slope * x)).alias({samples, 1})};
}

TEST(Fit, DoesWhatALoopWrittenByHandDoes) {
  auto model = small_network(3), by_hand = small_network(3);
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.1, .momentum = 0.9});
  const auto history = eg::fit(model, SoftmaxCrossEntropy(), optimizer, spiral(),
                               {.epochs = 4, .batch_size = 8, .seed = 11, .validation = &spiral(), .progress = silent});

  eg::SGD<double> step_by_step(by_hand.parameters(), {.learning_rate = 0.1, .momentum = 0.9});
  eg::DataLoader<double, std::int64_t> loader(spiral(), {.batch_size = 8, .seed = 11});
  for (std::size_t epoch = 0; epoch < 4; ++epoch) {
    double loss_sum = 0, right = 0;
    for (const auto& [inputs, labels] : loader) {
      eg::Tape tape;
      const Tensor prediction = by_hand(inputs), loss = eg::softmax_cross_entropy(prediction, labels);
      loss_sum += loss.item() * static_cast<double>(labels.size());
      right += std::round(eg::accuracy(prediction, labels) * static_cast<double>(labels.size()));
      tape.backward(loss);
      step_by_step.step();
      step_by_step.zero_grad();
    }
    EXPECT_EQ(history.epochs[epoch].epoch, static_cast<eg::Index>(epoch) + 1);
    EXPECT_DOUBLE_EQ(history.epochs[epoch].loss, loss_sum / 50)
        << "50 = 6 * 8 + 2: the last batch counts for what it holds";
    EXPECT_EQ(history.epochs[epoch].accuracy, right / 50);
    EXPECT_EQ(history.epochs[epoch].validation_loss,
              eg::softmax_cross_entropy(by_hand(spiral().inputs), spiral().targets).item());
    EXPECT_GT(history.epochs[epoch].seconds, 0);
  }
  EXPECT_TRUE(same_bits(model.state_dict(), by_hand.state_dict()));
  EXPECT_EQ(history.epochs.size(), 4u);
  EXPECT_FALSE(history.stopped_early);
  EXPECT_EQ(history.reason, "all 4 epochs are done");
}

TEST(Fit, TakesTheLibrarysLossesByName) {
  const auto data = on_line(2);
  const auto slope_after = [&](const auto& train) {
    Line model(0.5);
    eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.01});
    train(model, optimizer);
    return model.slope();
  };
  const Options options{.epochs = 2, .progress = silent};
#define EXPECT_SAME_TRAINING(loss)                                                                               \
  EXPECT_EQ(slope_after([&](auto& model, auto& optimizer) { eg::fit(model, loss, optimizer, data, options); }),  \
            slope_after([&](auto& model, auto& optimizer) {                                                      \
              eg::fit(model, [](const auto& y, const auto& t) { return loss(y, t); }, optimizer, data, options); \
            }))
  EXPECT_SAME_TRAINING(eg::mse_loss);
  EXPECT_SAME_TRAINING(eg::l1_loss);
  EXPECT_SAME_TRAINING(eg::huber_loss);
#undef EXPECT_SAME_TRAINING
  Line model(0.5);
  EXPECT_EQ(eg::evaluate(model, eg::mse_loss, data).loss, eg::evaluate(model, MeanSquared(), data).loss);
  eg::Sequential<double> network = small_network(3);
  EXPECT_EQ(eg::evaluate(network, eg::softmax_cross_entropy, spiral()).loss,
            eg::evaluate(network, SoftmaxCrossEntropy(), spiral()).loss);
  eg::Dataset<double> halves = on_line(2);
  halves.targets = Tensor::full(halves.targets.shape(), 0.5);
  EXPECT_GT(eg::evaluate(model, eg::binary_cross_entropy_with_logits, halves).loss, 0.69);
}

// A free function is a loss, too.
static Tensor doubled_error(const Tensor& prediction, const Tensor& target) {
  return 2 * eg::mse_loss(prediction, target);
}
TEST(Fit, TakesAFunction) {
  Line model(0.5);
  const auto data = on_line(2);
  EXPECT_EQ(eg::evaluate(model, doubled_error, data).loss, 2 * eg::evaluate(model, eg::mse_loss, data).loss);
}

TEST(Fit, TheSeedFixesEverything) {
  const auto run = [](std::uint64_t seed, bool shuffle = true) {
    auto model = small_network(3);
    eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.1});
    eg::fit(model, SoftmaxCrossEntropy(), optimizer, spiral(),
            {.epochs = 3, .shuffle = shuffle, .seed = seed, .progress = silent});
    return model.state_dict();
  };
  EXPECT_TRUE(same_bits(run(1), run(1)));
  EXPECT_FALSE(same_bits(run(1), run(2)));
  EXPECT_TRUE(same_bits(run(1, false), run(2, false)));
}

TEST(Fit, WeighsTheLastBatchByItsSize) {
  Line model(2);
  eg::SGD<double> frozen(model.parameters(), {.learning_rate = 0});
  const eg::Dataset<double> data(Tensor{{1}, {1}, {1}, {1}, {3}}, Tensor{{2}, {2}, {2}, {2}, {0}});
  const auto history =
      eg::fit(model, MeanSquared(), frozen, data, {.epochs = 1, .batch_size = 2, .shuffle = false, .progress = silent});
  EXPECT_EQ(history.losses().front(), 36.0 / 5);
}

// Trained towards slope 2 from 0, a Line passes the validation data's slope 1 on its way: there the loss is least.
class Overfitting : public testing::Test {
 protected:
  eg::History run(Options options) {
    options.epochs = 50, options.validation = &validation_, options.progress = silent;
    slopes_.clear();
    const auto remember = [this](const eg::EpochRecord&) { slopes_.push_back(model_.slope()); };
    return eg::fit(model_, MeanSquared(), optimizer_, on_line(2), options, remember);
  }
  eg::Index best() const {
    std::size_t best = 0;
    for (std::size_t i = 0; i < slopes_.size(); ++i)
      if (std::abs(slopes_[i] - 1) < std::abs(slopes_[best] - 1)) best = i;
    return static_cast<eg::Index>(best) + 1;
  }

  Line model_{0};
  eg::SGD<double> optimizer_{model_.parameters(), {.learning_rate = 0.005}};
  eg::Dataset<double> validation_ = on_line(1);
  std::vector<double> slopes_;
};

TEST_F(Overfitting, StopsWhenPatienceIsOver) {
  const auto history = run({.patience = 3});
  const auto last = static_cast<eg::Index>(history.epochs.size());
  EXPECT_EQ(history.best_epoch, best());
  EXPECT_EQ(last, best() + 3);
  EXPECT_TRUE(history.stopped_early);
  EXPECT_TRUE(history.restored_best);
  EXPECT_EQ(model_.slope(), slopes_[static_cast<std::size_t>(best() - 1)])
      << "the weights after the best epoch, bit for bit";
  EXPECT_EQ(history.reason, eg::to_text("the validation loss has not improved since epoch ", best(),
                                        ", for 3 epochs; the weights are those after epoch ", best()));
}

TEST_F(Overfitting, KeepsTheLastWeightsIfAskedTo) {
  const auto history = run({.patience = 3, .restore_best = false});
  EXPECT_EQ(static_cast<eg::Index>(history.epochs.size()), best() + 3);
  EXPECT_FALSE(history.restored_best);
  EXPECT_EQ(model_.slope(), slopes_.back());
}

TEST_F(Overfitting, RunsToTheEndWithoutPatience) {
  const auto history = run({});
  EXPECT_EQ(history.epochs.size(), 50u);
  EXPECT_EQ(history.best_epoch, best());
  EXPECT_FALSE(history.stopped_early);
  EXPECT_EQ(model_.slope(), slopes_.back());
}

TEST_F(Overfitting, CountsOnlyWhatIsBetterByMinDelta) {
  const auto history = run({.patience = 2, .min_delta = 1e9});
  EXPECT_EQ(history.epochs.size(), 3u) << "the first epoch is better than none, the next two are not better by so much";
  EXPECT_EQ(history.best_epoch, 1);
}

TEST_F(Overfitting, RestoresTheBestAlsoWhenTheEpochsRunOut) {
  const auto history = run({.patience = 49});
  EXPECT_EQ(history.epochs.size(), 50u);
  EXPECT_FALSE(history.stopped_early);
  EXPECT_TRUE(history.restored_best);
  EXPECT_EQ(model_.slope(), slopes_[static_cast<std::size_t>(best() - 1)]);
}

TEST(Fit, WatchesTheTrainingLossWhereThereIsNoOther) {
  Line model(0);
  eg::SGD<double> frozen(model.parameters(), {.learning_rate = 0});
  const auto history =
      eg::fit(model, MeanSquared(), frozen, on_line(2), {.epochs = 50, .patience = 4, .progress = silent});
  EXPECT_EQ(history.epochs.size(), 5u);
  EXPECT_EQ(history.best_epoch, 1);
  expect_contains(history.reason, "the training loss has not improved since epoch 1, for 4 epochs");
}

TEST(Fit, RepeatsUntilItIsAccurateEnough) {
  auto model = small_network(3);
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.3, .momentum = 0.9});
  const auto history = eg::fit(model, SoftmaxCrossEntropy(), optimizer, spiral(),
                               {.epochs = 5000, .batch_size = 64, .target_accuracy = 0.9, .progress = silent});
  EXPECT_TRUE(history.reached_target);
  EXPECT_TRUE(history.stopped_early);
  EXPECT_GE(eg::evaluate(model, SoftmaxCrossEntropy(), spiral()).accuracy, 0.9) << "of the weights as they are";
  expect_contains(history.reason,
                  eg::to_text("the target is reached after epoch ", history.epochs.size(), ": training loss "));
}

TEST(Fit, StopsAtATargetLoss) {
  Line model(0);
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.005});
  const auto data = on_line(2);
  const auto history = eg::fit(model, MeanSquared(), optimizer, data,
                               {.epochs = 500, .validation = &data, .target_loss = 1e-6, .progress = silent});
  ASSERT_TRUE(history.reached_target);
  EXPECT_LE(history.validation_losses().back(), 1e-6);
  EXPECT_GT(history.validation_losses()[history.epochs.size() - 2], 1e-6);
  // Both targets, of which one is out of reach.
  const auto gate = eg::and_gate<double>();
  eg::Sequential<double> neuron(eg::Linear<double>(2, 1), eg::Sigmoid<double>());
  eg::SGD<double> slow(neuron.parameters(), {.learning_rate = 1});
  const auto both = eg::fit(neuron, MeanSquared(), slow, gate,
                            {.epochs = 100, .target_accuracy = 1.0, .target_loss = 0.0, .progress = silent});
  EXPECT_FALSE(both.reached_target);
  EXPECT_EQ(both.epochs.size(), 100u);
  EXPECT_EQ(both.accuracies().back(), 1);
}

TEST(Fit, TrainsInTrainingModeAndEvaluatesInEvaluationMode) {
  Line model(0);
  model.eval();
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.005});
  const auto data = on_line(2);
  eg::fit(model, MeanSquared(), optimizer, data,
          {.epochs = 2, .batch_size = 2, .validation = &data, .progress = silent});
  EXPECT_EQ(model.modes, "ttette");
  EXPECT_FALSE(model.is_training()) << "as it was before";
}

TEST(Fit, ALossThatIsNaNEndsItWithTheWeightsUntouched) {
  Line model(0), by_hand(0);
  model.eval();
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.005}),
      other(by_hand.parameters(), {.learning_rate = 0.005});
  auto data = on_line(2, 6);
  const Options options{.epochs = 3, .batch_size = 2, .shuffle = false, .progress = silent};
  eg::fit(by_hand, MeanSquared(), other, data.take(0, 4),
          {.epochs = 1, .batch_size = 2, .shuffle = false, .progress = silent});

  data.inputs.at(5, 0) = std::nan("");
  auto message = message_of<eg::ValueError>([&] { eg::fit(model, MeanSquared(), optimizer, data, options); });
  expect_contains(message, "fit: the loss is nan at epoch 1, batch 3: its inputs hold NaN or infinity");
  expect_contains(message, "fit.cpp:");
  EXPECT_EQ(model.slope(), by_hand.slope());
  EXPECT_FALSE(model.is_training());
  EXPECT_FALSE(model.weight.has_grad());

  eg::SGD<double> wild(model.parameters(), {.learning_rate = 1e200});
  message = message_of<eg::ValueError>([&] { eg::fit(model, MeanSquared(), wild, on_line(2), options); });
  expect_contains(message, "lower the learning rate");
}

TEST(Fit, ClipsTheGradient) {
  Line model(0);
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 1});
  eg::fit(model, MeanSquared(), optimizer, on_line(2), {.epochs = 1, .clip_gradient_norm = 0.25, .progress = silent});
  EXPECT_NEAR(model.slope(), 0.25, 1e-15);

  const auto overflows = [](const Tensor& p, const Tensor& t) { return Tensor(eg::sqrt(eg::mse_loss(p, t))); };
  Line exact(2);
  eg::SGD<double> other(exact.parameters(), {.learning_rate = 1});
  const auto message = message_of<eg::ValueError>(
      [&] { eg::fit(exact, overflows, other, on_line(2), {.clip_gradient_norm = 1, .progress = silent}); });
  expect_contains(message,
                  "fit: at epoch 1, batch 1: the gradient of parameter weight of shape [1, 1] is nan at element "
                  "(0, 0); the weights are those before");
  EXPECT_EQ(exact.slope(), 2);
}

TEST(Fit, TheCallbackMayStopIt) {
  Line model(0);
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.005});
  const auto history = eg::fit(model, MeanSquared(), optimizer, on_line(2), {.epochs = 9, .progress = silent},
                               [](const eg::EpochRecord& record) { return record.epoch < 3; });
  EXPECT_EQ(history.epochs.size(), 3u);
  EXPECT_EQ(history.reason, "on_epoch asked to stop after epoch 3");
}

TEST(Fit, NoEpochsChangeNothing) {
  Line model(0.5);
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.005});
  const auto history = eg::fit(model, MeanSquared(), optimizer, on_line(2), {.epochs = 0});
  EXPECT_TRUE(history.epochs.empty());
  EXPECT_EQ(history.best_epoch, 0);
  EXPECT_EQ(model.slope(), 0.5);
}

TEST(Fit, SaysWhatCannotWork) {
  Line model(0), copy = model;
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.005});
  const auto data = on_line(2);
  const auto message = [&](Line& line, const eg::Dataset<double>& samples, Options options) {
    options.progress = silent;
    return message_of<eg::Error>([&] { eg::fit(line, MeanSquared(), optimizer, samples, options); });
  };
  const eg::Dataset<double> none(Tensor::zeros({0, 1}), Tensor::zeros({0, 1}));
  expect_contains(message(model, none, {}), "fit: inputs [0, 1] hold no samples");
  expect_contains(message(model, data, {.validation = &none}), "the validation data hold no samples");
  expect_contains(message(model, data, {.epochs = -1}), "none may be negative");
  expect_contains(message(model, data, {.batch_size = 0}), "batch_size is 0");
  expect_contains(message(copy, data, {}), "none of this model's parameters");
  expect_contains(message(model, data, {.accuracy = eg::Accuracy::no, .target_accuracy = 1}), "Accuracy::no");
  expect_contains(message(model, data, {.target_accuracy = 1}), "names no class");
  eg::Dataset<double> broken = data;
  broken.targets = Tensor::zeros({3, 1});
  expect_contains(message(model, broken, {}), "inputs [4, 1] and targets [3, 1]");
  EXPECT_EQ(model.slope(), 0);
}

TEST(Fit, WritesProgressWhereItIsTold) {
  Line model(2);
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.005});
  std::FILE* file = std::tmpfile();
  eg::fit(model, MeanSquared(), optimizer, on_line(2), {.epochs = 3, .every = 2, .progress_stream = file});
  std::string text(static_cast<std::size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  EXPECT_EQ(std::fread(text.data(), 1, text.size(), file), text.size());
  std::fclose(file);
  expect_contains(text, "epoch 1/3: loss 0, ");
  expect_contains(text, "\nepoch 2/3: loss 0, ");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
}
