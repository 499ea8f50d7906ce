// A compiled step beside the function that it was made of: whatever is changed around it, both give the same, or it
// throws.
#include <gtest/gtest.h>

#include <memory>

#include "eigengrad/core/print.hpp"
#include "eigengrad/data/labels.hpp"
#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/layers/dropout.hpp"
#include "eigengrad/nn/losses/cross_entropy.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/ops/index.hpp"
#include "eigengrad/ops/join.hpp"
#include "eigengrad/ops/statistics.hpp"
#include "eigengrad/optim/sgd.hpp"
#include "eigengrad/transform/checkpoint.hpp"
#include "eigengrad/transform/compile.hpp"
#include "eigengrad/transform/jacobian.hpp"
#include "support/close.hpp"
#include "support/numeric.hpp"

namespace eg = eigengrad;
using support::same_bits;
using Tensor = eg::Tensor<float>;
using Net = eg::Sequential<float>;

namespace {

const Tensor gates = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, exclusive_or = {{0}, {1}, {1}, {0}};

Net network(std::uint64_t seed) {
  eg::manual_seed(seed);
  return Net(eg::Linear<float>(2, 8), eg::Tanh<float>(), eg::Linear<float>(8, 1));
}

/// Whether the step gives the loss, the gradients and the random numbers that its function gives.
template <class Step, class F, class Parameters, class... X>
testing::AssertionResult same(Step& step, const F& f, const Parameters& parameters, const X&... x) {
  const auto random = eg::default_generator().state();
  std::vector<Tensor> replayed;
  for (const auto& parameter : parameters) parameter.zero_grad();
  const Tensor loss = step(x...);
  for (const auto& parameter : parameters) replayed.push_back(parameter.grad());
  const auto random_after = eg::default_generator().state();
  for (const auto& parameter : parameters) parameter.zero_grad();
  eg::default_generator().set_state(random);
  Tensor fresh;
  {
    eg::Tape tape;
    fresh = Tensor(f(x...));
    tape.backward(fresh);
  }
  const bool same_random = eg::default_generator().state() == random_after;
  bool same_gradients = true;
  for (std::size_t k = 0; k < parameters.size(); ++k)
    same_gradients = same_gradients && same_bits(replayed[k], parameters[k].grad());
  for (const auto& parameter : parameters) parameter.zero_grad();
  if (same_bits(loss, fresh) && same_gradients && same_random) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "replayed " << loss << ", anew " << fresh << ", the same gradients "
                                     << same_gradients << ", the same random numbers " << same_random;
}

/// As in batch normalisation: statistics that run along.
struct Running : eg::Module<float> {
  Tensor mean = Tensor::zeros({2}), count = Tensor::zeros({});
  Tensor forward(const Tensor& x) override {
    if (is_training()) {
      const Tensor now = eg::mean(x, 0);
      mean = (0.9f * mean + 0.1f * now).eval().detach();
      count = (count + 1.f).eval().detach();
    }
    return x - mean;
  }
  void members(eg::Members<float>& m) override {
    m("mean", mean);
    m("count", count);
  }
};

}  // namespace

// 69: checked at every call.
TEST(CompiledStep, SeesModesSettingsAndLayers) {
  eg::manual_seed(1);
  Net model(eg::Linear<float>(2, 16), eg::Dropout<float>(0.5), eg::Linear<float>(16, 1));
  const auto f = [&](const auto& x, const auto& y) { return sum(square(model(x) - y)); };
  auto step = eg::compile(f);
  const auto expect_same = [&](const char* after) {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(same(step, f, model.parameters(), gates, exclusive_or)) << after;
  };
  expect_same("the beginning");
  model.eval();
  expect_same("eval");
  model.train();
  expect_same("train");
  model.at<eg::Dropout<float>>(1).p = 0.25;
  expect_same("another probability");
  model.at<eg::Linear<float>>(0) = eg::Linear<float>(2, 16);
  expect_same("another layer");
  model.add(eg::Sigmoid<float>());
  expect_same("one layer more");
  model = network(3);
  expect_same("another model");
  Net moved = std::move(model);
  model = network(4);
  expect_same("a model moved away");
}

TEST(CompiledStep, SeesParametersFrozenReplacedAndSet) {
  Net model = network(1), teacher = network(2);
  const auto f = [&](const auto& x, const auto& y) {
    Tensor from_teacher;
    {
      const eg::NoGrad pause;
      from_teacher = 0.9f * teacher(x);
    }
    return sum(square(model(x) - y - from_teacher)) + 0.1f * sum(square(model.parameters()[0].value()));
  };
  auto step = eg::compile(f);
  const auto expect_same = [&](const char* after) {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(same(step, f, model.parameters(), gates, exclusive_or)) << after;
  };
  expect_same("the beginning");
  model.parameters()[0].set_requires_grad(false);
  expect_same("freezing");
  step(gates, exclusive_or);
  EXPECT_FALSE(model.parameters()[0].has_grad());
  model.parameters()[0].set_requires_grad(true);
  expect_same("unfreezing");
  teacher.load_state_dict(model.state_dict());
  expect_same("a state that the teacher loaded");
  for (int i = 0; i < 4; ++i) {  // Polyak averages
    const auto from = model.parameters(), to = teacher.parameters();
    for (std::size_t k = 0; k < from.size(); ++k) to[k].set_value(0.9f * to[k].value() + 0.1f * from[k].value());
    expect_same("an average");
  }
  const Net best = model;
  eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 0.1f});
  step(gates, exclusive_or);
  optimizer.step();
  expect_same("a step");
  model = best;
  expect_same("the best model again");
  teacher = model;
  expect_same("another teacher");
}

TEST(CompiledStep, SeesTensorsOutside) {
  Net model = network(1);
  Tensor weights = {{1}, {2}, {3}, {4}}, other = {{5}, {6}, {7}, {8}}, kept;
  float memory[4] = {1, 1, 1, 1};
  const Tensor viewed = Tensor::view(memory, {4, 1});
  auto held = std::make_unique<Tensor>(Tensor::ones({4, 1}));
  const auto f = [&](const auto& x, const auto& y) {
    return sum(square(model(x) - y) * weights * viewed * *held * reshape(Tensor{1, 2, 3, 4}, {4, 1}));
  };
  auto step = eg::compile(f);
  const auto expect_same = [&](const char* after) {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(same(step, f, model.parameters(), gates, exclusive_or)) << after;
  };
  expect_same("the beginning");
  weights.at(0, 0) = 10;
  expect_same("a number written");
  kept = weights;
  weights.at(1, 0) = 20;
  expect_same("a number written beside a copy");
  kept = weights;
  weights = Tensor::full({4, 1}, 3);
  expect_same("another tensor, the first one kept");
  std::swap(weights, other);
  expect_same("tensors swapped");
  memory[2] = 9;
  expect_same("foreign memory written");
  held = std::make_unique<Tensor>(Tensor::full({4, 1}, 2));
  expect_same("another holder");
}

TEST(CompiledStep, WritesBuffers) {
  eg::manual_seed(5);
  Net compiled(Running(), eg::Linear<float>(2, 3), eg::Tanh<float>(), eg::Linear<float>(3, 1)), recorded = compiled;
  const auto loss = [](Net& model, const Tensor& x) { return sum(square(model(x))); };
  auto step = eg::compile([&](const auto& x) { return loss(compiled, x); });
  std::vector<Tensor> kept;
  for (int i = 0; i < 12; ++i) {
    const Tensor x = Tensor::randn({5, 2});
    kept.push_back(compiled.state_dict().at("0.mean"));
    EXPECT_TRUE(same_bits(step(x), loss(recorded, x)));
    EXPECT_TRUE(same_bits(compiled.state_dict().at("0.mean"), recorded.state_dict().at("0.mean"))) << i;
    EXPECT_EQ(compiled.state_dict().at("0.count").item(), static_cast<float>(i + 1));
    if (i == 6) compiled.load_state_dict(recorded.state_dict());
  }
  EXPECT_TRUE(same_bits(kept[0], {0, 0}));
  EXPECT_FALSE(same_bits(kept[4], kept[5]));
  compiled.eval();
  recorded.eval();
  EXPECT_TRUE(same_bits(step(gates), loss(recorded, gates)));
}

namespace {
/// Counts its calls in whole numbers, and keeps which of its inputs were positive.
struct Counting : eg::Module<float> {
  void members(eg::Members<float>& m) override {
    m("calls", calls);
    m("positive", positive);
  }
  Tensor forward(const Tensor& x) override {
    calls = (calls + 1).eval();
    positive = (x > 0).eval();
    return x * x;
  }

  eg::Tensor<std::int64_t> calls = eg::Tensor<std::int64_t>::zeros({});
  eg::Tensor<bool> positive = eg::Tensor<bool>::full({3}, false);
};
}  // namespace

TEST(CompiledStep, WritesBuffersOfOtherNumberTypes) {
  Counting counting;
  const eg::Parameter<float> w(Tensor{1, 2, 3});
  auto step = eg::compile([&](const auto& x) { return sum(counting(w * x)); });
  for (int i = 0; i < 10; ++i) {
    const Tensor x = i % 2 == 0 ? Tensor{1, -1, 1} : Tensor{-1, 1, -1};
    step(x);
    EXPECT_EQ(counting.calls.item(), i + 1);
    EXPECT_EQ(counting.positive(0), i % 2 == 0) << i;
    if (i == 6) counting.calls = eg::Tensor<std::int64_t>::full({}, 7);
  }
}

TEST(CompiledStep, RefusesWhatItCannotReplay) {
  Net model = network(1);
  eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 0.1f});
  Tensor kept;
  std::vector<Tensor> many;
  std::string text;
  const auto expect_refused = [&](const auto& inside, const std::vector<std::string>& parts) {
    auto step = eg::compile([&](const auto& x, const auto& y) {
      const Tensor out = model(x);
      inside(x, out);
      return sum(square(out - y));
    });
    expect_error<eg::GradientError>([&] { step(gates, exclusive_or); }, parts);
    EXPECT_FALSE(model.parameters()[0].has_grad());
  };
  using X = const Tensor&;
  expect_refused([](X, X out) { (void)out(0, 0); }, {"t(i, j)", "compiled", "return it"});
  expect_refused([](X x, X) { (void)x.data(); }, {"data", "compiled", "compile_stale.cpp:"});
  expect_refused([](X x, X) { (void)x.array(); }, {"array", "compiled", "compile_stale.cpp:"});
  expect_refused(
      [](X x, X) {
        for (const float number : x) (void)number;
      },
      {"begin", "compiled"});
  expect_refused([](X x, X) { (void)x.matrix(); }, {"matrix", "compiled", "compile_stale.cpp:"});
  expect_refused([](X x, X) { Tensor(x).at(0, 0) = 1; }, {"at", "compiled", "by operations"});
  expect_refused([](X x, X) { (void)Tensor(x).mutable_data(); }, {"mutable_data", "compiled", "by operations"});
  expect_refused([&](X, X out) { text = eg::to_text(out); }, {"print", "compiled", "return them"});
  expect_refused([&](X, X) { model.zero_grad(); }, {"zero_grad", "compiled", "before the step or after it"});
  expect_refused([&](X, X) { optimizer.step(); }, {"optimizer.step", "compiled", "after the step"});
  expect_refused([&](X, X) { (void)model.parameters()[0].grad(); }, {"grad", "compiled", "as one"});
  expect_refused([&](X, X) { model.parameters()[0].set_value(Tensor::ones({8, 2})); }, {"set_value", "compiled"});
  expect_refused([&](X, X) { model.parameters()[0].set_requires_grad(false); }, {"set_requires_grad", "freeze"});
  expect_refused([&](X, X) { eg::clip_gradient_norm(model.parameters(), 1); }, {"gradient_norm", "after the step"});
  expect_refused([&](X, X) { model.eval(); }, {"eval", "compiled", "before the step"});
  expect_refused([](X, X) { eg::manual_seed(1); }, {"manual_seed", "compiled", "before the step"});
  expect_refused([](X x, X) { (void)Tensor(x * Tensor::rand({4, 2})); }, {"rand", "compiled", "pass them in"});
  expect_refused([&](X, X out) { kept = out; }, {"compile", "linear", "[4, 1]", "kept outside", "Return it"});
  kept = Tensor();
  expect_refused([&](X, X out) { many.push_back(out.detach()); }, {"compile", "linear", "[4, 1]", "kept outside"});
  expect_refused(
      [&](X x, X) {
        eg::Tape inner;
        inner.backward(sum(model(x)));
      },
      {"backward", "compiled", "eg::grad"});
  auto nested = eg::compile([&](const auto& x) { return sum(model(x)); });
  expect_refused([&](X x, X) { nested(x); }, {"compile", "inside another", "call the function"});
  const auto untold = [](X x) {
    Tensor mask = Tensor::empty(x.shape());
    std::copy(kernel_access(x).numbers(), kernel_access(x).numbers() + x.size(),
              kernel_access(mask).writable_numbers());
    return mask;
  };
  expect_refused([&](X x, X) { (void)sum(untold(x) * 2.f); }, {"compile", "sum", "[4, 2]", "on_replay"});
}

TEST(CompiledStep, RefusesInputsOfALivingTape) {
  Net model = network(1), before = network(2);
  auto step = eg::compile([&](const auto& x) { return sum(model(x)); });
  const eg::Tape tape;
  const Tensor input = eg::concatenate({before(gates), before(gates)}, 1);
  expect_error<eg::GradientError>([&] { step(input); }, {"compile", "[4, 2]", "tape that lives", ".detach()"});
  step(input.detach());
}

TEST(CompiledStep, ReplaysLabelsAndGradientsInside) {
  eg::manual_seed(3);
  Net model(eg::Linear<float>(2, 3)), judge(eg::Linear<float>(2, 3));
  const auto f = [&](const auto& x, const auto& labels) {
    Tensor slope;
    {
      const eg::NoGrad pause;  // a constant, but of these inputs
      slope = eg::grad([&](const auto& v) { return sum(square(judge(v))); }, x);
    }
    const Tensor kept = eg::checkpoint([&](const Tensor& v) { return model(v); }, x);
    return eg::softmax_cross_entropy(kept, eg::one_hot<float>(labels, 3)) +
           eg::softmax_cross_entropy(kept, eg::argmax(judge(x), 1)) + sum(slope * x) * sum(square(kept)) +
           sum(kept) * sum(eg::cast<float>(eg::class_counts(labels, 3)) * Tensor{1, 10, 100});
  };
  auto step = eg::compile(f);
  const eg::Tensor<std::int64_t> first = {0, 1, 2, 0}, second = {2, 2, 1, 1};
  const Tensor others = {{3, -1}, {-2, 4}, {1, -5}, {0, 2}};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(same(step, f, model.parameters(), gates, first));
  EXPECT_TRUE(same(step, f, model.parameters(), others, second));
}

TEST(CompiledStep, ChecksEveryPartOfWhatItReplays) {
  Net model = network(1);
  float outside = 1;
  const auto f = [&](const auto& x, const auto& y) { return sum(square(outside * model(x) - y)); };
  auto step = eg::compile(f);
  const auto calls_until_seen = [&](int before) {
    outside = 1;
    for (int i = 0; i <= before; ++i) step(gates, exclusive_or);
    outside = 2;
    for (int i = 0; i < 100; ++i) try {
        step(gates, exclusive_or);
      } catch (const eg::GradientError& error) {
        EXPECT_NE(std::string(error.what()).find("other loss"), std::string::npos) << error.what();
        return i;
      }
    return 100;
  };
  EXPECT_EQ(calls_until_seen(0), 0);
  EXPECT_EQ(calls_until_seen(1), 0);
  EXPECT_EQ(calls_until_seen(2), 1);  // the fourth replay
  EXPECT_EQ(calls_until_seen(4), 3);  // the eighth
  outside = 3;                        // after the error it records anew
  model.zero_grad();
  EXPECT_TRUE(same(step, f, model.parameters(), gates, exclusive_or));

  float slope = 1;  // only the gradient depends on it
  eg::Parameter<float> w(Tensor{1, 2, 3});
  auto own = eg::compile([&](const auto& x) {
    const Tensor y = w.value() * x;
    return sum(eg::record("own", y, eg::wrt(w, [slope = slope](const auto& dy) { return dy * slope; })));
  });
  own(Tensor{1, 1, 1});
  slope = 2;
  expect_error<eg::GradientError>([&] { own(Tensor{1, 1, 1}); }, {"compile", "other gradients"});
}

TEST(CompiledStep, OutlivesErrorsMovesAndCopies) {
  Net model = network(1);
  bool fails = true;
  const auto f = [&](const auto& x, const auto& y) {
    if (fails) throw std::runtime_error("the user's");
    return sum(square(model(x) - y));
  };
  auto first = eg::compile(f);
  EXPECT_THROW(first(gates, exclusive_or), std::runtime_error);
  fails = false;
  EXPECT_TRUE(same(first, f, model.parameters(), gates, exclusive_or));
  fails = true;
  EXPECT_THROW(first(gates, exclusive_or), std::runtime_error);  // in the check
  fails = false;
  auto step = std::move(first);
  EXPECT_TRUE(same(step, f, model.parameters(), gates, exclusive_or));

  eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 0.5f});
  const Tensor loss = step(gates, exclusive_or), gradient = model.parameters()[0].grad(),
               value = model.parameters()[0].value();
  const Tensor loss_was = Tensor::from({loss.data(), 1}, {}),
               gradient_was = Tensor::from({gradient.data(), 16}, {8, 2}),
               value_was = Tensor::from({value.data(), 16}, {8, 2});
  for (int i = 0; i < 5; ++i) {
    optimizer.step();
    optimizer.zero_grad();
    step(gates, exclusive_or);
  }
  EXPECT_TRUE(same_bits(loss, loss_was) && same_bits(gradient, gradient_was) && same_bits(value, value_was));
  EXPECT_FALSE(same_bits(model.parameters()[0].value(), value_was));
}

TEST(CompiledStep, CountsMoreUsesThanSixteenBits) {
  eg::Parameter<float> w(Tensor{1, 2, 3});
  eg::SGD<float> optimizer({w}, {.learning_rate = 1e-6f});
  const auto f = [&](const auto& x) {
    Tensor total = w * x;
    for (int i = 0; i < 66000; ++i) total = total + w * x;
    return sum(total);
  };
  auto step = eg::compile(f);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(same(step, f, std::vector<eg::ParameterRef<float>>{w}, Tensor{1, 2, 3}));
    step(Tensor{1, 2, 3});
    const Tensor kept = w.value();
    const float was = kept(0);
    optimizer.step();
    EXPECT_EQ(kept(0), was);
    EXPECT_NE(w.value()(0), was);
  }
}
