#include "eigengrad/transform/compile.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/layers/dropout.hpp"
#include "eigengrad/nn/layers/linear.hpp"
#include "eigengrad/nn/losses/cross_entropy.hpp"
#include "eigengrad/nn/losses/loss.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/ops/cast.hpp"
#include "eigengrad/ops/index.hpp"
#include "eigengrad/ops/matmul.hpp"
#include "eigengrad/ops/statistics.hpp"
#include "eigengrad/optim/adam.hpp"
#include "eigengrad/optim/sgd.hpp"
#include "eigengrad/transform/checkpoint.hpp"
#include "eigengrad/transform/jacobian.hpp"
#include "support/close.hpp"
#include "support/numeric.hpp"

namespace eg = eigengrad;
using support::same_bits;
using Tensor = eg::Tensor<float>;

namespace {

const Tensor gates = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, exclusive_or = {{0}, {1}, {1}, {0}};

eg::Sequential<float> classifier() {
  eg::manual_seed(7);
  return eg::Sequential<float>(eg::Linear<float>(6, 9), eg::ReLU<float>(), eg::Dropout<float>(0.3),
                               eg::Linear<float>(9, 4));
}

/// Trains two copies of a model, one compiled and one recorded anew each step, on changing batches: the same bits?
template <class Model, class Loss, class MakeBatch>
void expect_same_training(const Model& start, const Loss& loss, const MakeBatch& batch) {
  Model compiled = start, recorded = start;
  eg::Adam<float> of_compiled(compiled.parameters()), of_recorded(recorded.parameters());
  auto step = eg::compile([&](const auto& x, const auto& y) { return loss(compiled, x, y); });
  for (std::uint64_t i = 0; i < 12; ++i) {
    eg::manual_seed(100 + i);
    const auto [x, y] = batch();
    const auto random = eg::default_generator().state();
    const Tensor replayed = step(x, y);
    of_compiled.step();
    of_compiled.zero_grad();
    eg::default_generator().set_state(random);
    Tensor fresh;
    {
      eg::Tape tape;
      fresh = loss(recorded, x, y);
      tape.backward(fresh);
    }
    of_recorded.step();
    of_recorded.zero_grad();
    ASSERT_TRUE(same_bits(replayed, fresh)) << "step " << i;
    for (std::size_t k = 0; k < compiled.parameters().size(); ++k)
      ASSERT_TRUE(same_bits(compiled.parameters()[k].value(), recorded.parameters()[k].value())) << "step " << i;
  }
}

}  // namespace

TEST(Compile, TrainsBitForBitAsRecordingDoes) {
  const auto loss = [](auto& model, const auto& x, const auto& y) { return eg::softmax_cross_entropy(model(x), y); };
  expect_same_training(classifier(), loss,
                       [] { return std::pair(Tensor::randn({5, 6}), eg::Tensor<std::int64_t>::randint(0, 4, {5})); });
}

// One step that uses an operation of nearly every kind.
TEST(Compile, ReplaysEveryKindOfOperation) {
  const auto loss = [](auto& model, const auto& x, const auto& y) {
    const Tensor centred = (x - mean(x, 0, true)) / (1 + eg::std(x, 0, {.keepdims = true}));
    const Tensor out = model(centred);
    const Tensor best = max(out, 1), total = sum(softmax(out) * y, 0), picked = index_select(out, 1, {3, 0});
    const Tensor joined = eg::concatenate<float>({best, total, reshape(picked, {-1}), prod(1 + 0.1f * out, 1)});
    const Tensor square_of = matmul(transpose(out), out), steps = slice(out, 0, 0, 5, 2);
    return sum(where(joined > 0, joined, 0.1f * joined)) + mean(square(square_of)) + var(steps) + log_sum_exp(out) +
           sum(cast<float>(out > 0.5f) * broadcast_to(total, out.shape()));
  };
  eg::manual_seed(8);
  expect_same_training(eg::Sequential<float>(eg::Linear<float>(6, 4), eg::Tanh<float>()), loss,
                       [] { return std::pair(Tensor::randn({5, 6}), Tensor::rand({5, 4})); });
}

// A gradient inside the step.
TEST(Compile, ReplaysGradientsOfGradients) {
  const auto loss = [](auto& model, const auto& x, const auto& y) {
    const Tensor slope = eg::grad([&](const auto& v) { return sum(model(v)); }, x);
    return mean(square(slope - y));
  };
  eg::manual_seed(9);
  expect_same_training(eg::Sequential<float>(eg::Linear<float>(3, 8), eg::Tanh<float>(), eg::Linear<float>(8, 1)), loss,
                       [] { return std::pair(Tensor::randn({7, 3}), Tensor::randn({7, 3})); });
}

TEST(Compile, SurvivesSnapshotsAndNewValues) {
  eg::manual_seed(7);
  eg::Sequential<float> model(eg::Linear<float>(2, 8), eg::Tanh<float>(), eg::Linear<float>(8, 1));
  eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 0.02f});
  auto step = eg::compile([&](const auto& x, const auto& y) { return sum(square(model(x) - y)); });
  const auto train = [&](int steps) {
    model.zero_grad();
    for (int i = 0; i < steps; ++i) {
      step(gates, exclusive_or);
      optimizer.step();
      optimizer.zero_grad();
    }
    return step(gates, exclusive_or).item();
  };
  train(3);
  const auto kept = model.state_dict();
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): it is what must not change
  const Tensor weight = kept.at("0.weight"), copy = Tensor::from({weight.data(), 16}, {8, 2});
  const float later = train(20);
  EXPECT_TRUE(same_bits(weight, copy)) << "a value that was kept must not change";
  model.load_state_dict(kept);
  EXPECT_EQ(train(20), later);
}

TEST(Compile, NoticesWhatItCannotReplay) {
  eg::manual_seed(7);
  eg::Linear<float> model(2, 1);
  auto reads = eg::compile([&](const auto& x, const auto& y) {
    const Tensor loss = sum(square(model(x) - y));
    return loss.item() > 1 ? Tensor(2 * loss) : loss;
  });
  expect_error<eg::GradientError>([&] { reads(gates, exclusive_or); }, {"item", "compiled", "return it"});
  auto draws = eg::compile([&](const auto& x, const auto& y) { return sum((model(x) - y) * Tensor::rand({4, 1})); });
  expect_error<eg::GradientError>([&] { draws(gates, exclusive_or); }, {"rand", "compiled", "pass them in"});

  float outside = 1;
  auto depends = eg::compile([&](const auto& x, const auto& y) { return sum(square(outside * model(x) - y)); });
  depends(gates, exclusive_or);
  outside = 2;
  expect_error<eg::GradientError>([&] { depends(gates, exclusive_or); }, {"compile", "replayed", "as an input"});

  bool other_way = false;
  auto branches = eg::compile(
      [&](const auto& x, const auto& y) { return other_way ? sum(abs(model(x) - y)) : sum(square(model(x) - y)); });
  branches(gates, exclusive_or);
  other_way = true;
  EXPECT_THROW(branches(gates, exclusive_or), eg::GradientError);
}

TEST(Compile, RecordsForEachShapeAndType) {
  eg::Linear<float> model(2, 1);
  int runs = 0;
  const auto f = [&](const auto& x, const auto& y) {
    ++runs;
    return sum(square(model(x) - cast<float>(y)));
  };
  auto step = eg::compile(f, {.max_shapes = 2});
  const auto expect_right = [&](const auto& x, const auto& y) {
    EXPECT_EQ(step(x, y).item(), Tensor(f(x, y)).item());
    --runs;
  };
  for (int epoch = 0; epoch < 8; ++epoch) {  // the last batch is short
    expect_right(gates, exclusive_or);
    expect_right(slice(gates, 0, 0, 3), slice(exclusive_or, 0, 0, 3));
  }
  EXPECT_EQ(runs, 2 * (2 + 3)) << "two records, and the replays 1, 2 and 4 checked";
  expect_right(gates, eg::Tensor<double>{{0}, {1}, {1}, {0}});
  expect_right(gates, eg::cast<std::int64_t>(exclusive_or));
  expect_right(gates, exclusive_or);
  EXPECT_EQ(runs, 10 + 3 * 2) << "two are kept, the others recorded anew";
  expect_error<eg::ValueError>([&] { eg::compile(f, {.max_shapes = 0}); }, {"compile", "max_shapes = 0"});
}

TEST(Compile, ChecksLabelsEveryTime) {
  eg::Linear<float> model(2, 3);
  auto step = eg::compile([&](const auto& x, const auto& y) { return eg::softmax_cross_entropy(model(x), y); });
  const eg::Tensor<std::int64_t> labels = {0, 1, 2, 0}, wrong = {0, 1, 3, 0};
  step(gates, labels);
  step(gates, labels);
  EXPECT_THROW(step(gates, wrong), eg::IndexError);
  step(gates, labels);
}

// The loss is of floats; parameters and modules of doubles are followed all the same, by steps and by checkpoints.
TEST(Compile, FollowsOtherNumberTypesThanTheLoss) {
  eg::manual_seed(1);
  eg::Linear<double> fine(2, 3);
  eg::Linear<float> rough(3, 1);
  const eg::Parameter<double> gain(eg::Tensor<double>{2});
  const auto x = eg::Tensor<double>::randn({4, 2});
  const auto y = eg::Tensor<float>::randn({4, 1});
  const auto loss = [&](const auto& inputs) {
    return eg::mse_loss(rough(eg::cast<float>(eg::Tensor<double>(tanh(fine(inputs)) * gain))), y);
  };
  const auto recorded = [&](const auto& f) {
    gain.zero_grad();
    eg::Tape tape;
    tape.backward(f(x));
    return gain.grad().item();
  };
  auto step = eg::compile(loss);
  for (int round = 0; round < 4; ++round) {
    const double expected = recorded(loss);
    EXPECT_NE(expected, 0);
    EXPECT_EQ(recorded([&](const auto& inputs) { return eg::checkpoint(loss, inputs); }), expected);
    gain.zero_grad();
    EXPECT_EQ(step(x).item(), loss(x).item());
    EXPECT_EQ(gain.grad().item(), expected);
    gain.set_value(gain.value() * 1.1);
  }
}
