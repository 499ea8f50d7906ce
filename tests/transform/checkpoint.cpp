#include "eigengrad/transform/checkpoint.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/layers/dropout.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/optim/sgd.hpp"
#include "eigengrad/transform/jacobian.hpp"
#include "support/close.hpp"
#include "support/numeric.hpp"
#include "support/sanitizers.hpp"

namespace eg = eigengrad;
using Tensor = eg::Tensor<float>;
using Real = eg::Tensor<double>;
using support::close, support::mentions, support::message_of;

namespace {

/// 200 layers, run in parts.
struct Deep {
  std::vector<eg::Linear<float>> layers;

  Deep() {
    for (int i = 0; i < 200; ++i) layers.emplace_back(16, 16);
  }
  Tensor run(Tensor x, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to && i < layers.size(); ++i) x = tanh(layers[i](x));
    return x;
  }
  std::vector<eg::ParameterRef<float>> parameters() {
    std::vector<eg::ParameterRef<float>> all;
    for (auto& layer : layers)
      for (auto& parameter : layer.parameters()) all.push_back(parameter);
    return all;
  }
};

/// Gradients of a step, and the bytes that all tensors of it took at most, in a thread of its own.
std::ptrdiff_t peak_of_step(Deep& deep, const Tensor& x, bool checkpointed, std::vector<Tensor>& gradients) {
  std::ptrdiff_t peak = 0;
  std::thread([&] {
    eg::Tape tape;
    Tensor y = x;
    constexpr std::size_t part = 14;
    for (std::size_t i = 0; i < 200; i += part) {
      const auto segment = [&deep, i](const Tensor& v) { return deep.run(v, i, i + part); };
      y = checkpointed ? eg::checkpoint(segment, y) : segment(y);
    }
    gradients = tape.gradient(sum(square(y)), deep.parameters());
    peak = eg::BufferPool::bytes_in_use() + static_cast<std::ptrdiff_t>(eg::BufferPool::kept_bytes());
  }).join();
  return peak;
}

bool same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  bool same = a.size() == b.size();
  for (std::size_t k = 0; same && k < a.size(); ++k) same = support::same_bits(a[k], b[k]);
  return same;
}

}  // namespace

TEST(Checkpoint, GivesTheSameBitsInAFifthOfTheMemory) {
  eg::manual_seed(3);
  Deep deep;
  const Tensor x = Tensor::randn({512, 16});
  std::vector<Tensor> kept, computed_again;
  const auto all = peak_of_step(deep, x, false, kept), few = peak_of_step(deep, x, true, computed_again);
  EXPECT_TRUE(same_bits(kept, computed_again));
  if (!EIGENGRAD_ADDRESS_SANITIZER) {  // under which nothing is kept
    EXPECT_GE(all, 5 * few) << all << " and " << few;
  }
}

TEST(Checkpoint, ReachesParametersThatOnlyTheFunctionUses) {
  const eg::Parameter<double> w(eg::Tensor<double>{2, 3});
  const eg::Tensor<double> x{1, 4};
  eg::Tape tape;
  const auto y = eg::checkpoint([&w](const auto& v) { return w * v * w; }, x);
  EXPECT_EQ(tape.size(), 1);
  tape.backward(sum(y));
  EXPECT_EQ(w.grad()(1), 2 * 3 * 4);
}

TEST(Checkpoint, RepeatsItsRandomNumbers) {
  eg::Dropout<double> dropout(0.5);
  eg::manual_seed(5);
  const eg::Parameter<double> x(eg::Tensor<double>::ones({64}));
  eg::Tape tape;
  const auto y = eg::checkpoint([&](const auto& v) { return dropout(v); }, x);
  const auto state = eg::default_generator().state();
  tape.backward(sum(y));
  EXPECT_TRUE(eg::default_generator().state() == state);
  for (eg::Index i = 0; i < 64; ++i) EXPECT_EQ(x.grad()(i), y(i));
}

TEST(Checkpoint, IsTheFunctionWhereNothingRecordsAndNestsAndDifferentiatesAgain) {
  const auto cube = [](const auto& v) { return v * v * v; };
  EXPECT_EQ(eg::checkpoint(cube, eg::Tensor<double>{2}).item(), 8);
  const auto twice = [&](const auto& v) {
    return sum(eg::checkpoint([&](const auto& u) { return eg::checkpoint(cube, u) * u; }, v));
  };
  const eg::Tensor<double> x{1.5, -2};
  const auto h = eg::hessian(twice, x);
  EXPECT_NEAR(h(0, 0), 12 * 1.5 * 1.5, 1e-12);
  EXPECT_NEAR(h(1, 1), 12 * 4, 1e-12);
  EXPECT_EQ(h(0, 1), 0);
}

TEST(Checkpoint, SaysWhenTheFunctionChanges) {
  const eg::Parameter<double> x(eg::Tensor<double>{1, 2, 3});
  int calls = 0;
  eg::Tape tape;
  const auto y = eg::checkpoint(
      [&calls](const auto& v) {
        const eg::Tensor<double> squares = v * v;
        return ++calls == 1 ? squares : sum(squares);
      },
      x);
  expect_error<eg::GradientError>([&] { tape.backward(sum(y)); }, {"checkpoint", "[3]", "[]", "same every time"});
}

// What changes between the way there and the way back does not reach the gradient, or is told.
TEST(Checkpoint, KeepsTheValuesOfItsParameters) {
  const eg::Parameter<double> w(Real{1, 2, 3}), fixed(Real{1, 1, 1});
  const auto loss = [&] {
    return sum(eg::checkpoint([&](const Real& x) { return Real(w * w * x * fixed); }, Real{1, 1, 1}));
  };
  {
    eg::Tape tape;
    const Real y = loss();
    w.set_value(Real{10, 20, 30});
    tape.backward(y);
    EXPECT_TRUE(close(w.grad(), {2, 4, 6}));
    w.zero_grad();
  }
  w.set_value(Real{1, 2, 3});
  eg::SGD<double> optimizer({w}, {.learning_rate = 1});
  {
    eg::Tape tape;
    tape.backward(sum(w));
  }
  eg::Tape tape;
  const Real y = loss();
  optimizer.step();
  optimizer.zero_grad();
  EXPECT_TRUE(close(w.value(), {0, 1, 2}));
  tape.backward(y);
  EXPECT_TRUE(close(w.grad(), {2, 4, 6}));
}

TEST(Checkpoint, NestedAndUnderGradTheParametersAreWhatTheyWere) {
  const eg::Parameter<double> w(Real{1, 2, 3});
  const auto f = [&] {
    const auto inner = [&w](const Real& z) { return Real(w * z); };
    return sum(
        eg::checkpoint([&w, inner](const Real& x) { return Real(eg::checkpoint(inner, x) * w); }, Real{1, 1, 1}));
  };
  const auto gradient = eg::grad(f, std::vector<eg::ParameterRef<double>>{w});
  EXPECT_TRUE(close(gradient[0], {2, 4, 6}));
  eg::Tape tape;
  const Real y = f();
  w.set_value(Real{10, 20, 30});
  tape.backward(y);
  EXPECT_TRUE(close(w.grad(), {2, 4, 6}));
}

TEST(Checkpoint, TellsThatTheFunctionDidSomethingElse) {
  const eg::Parameter<double> w(Real{1, 2, 3});
  double factor = 1;
  eg::Tape tape;
  const Real y = sum(eg::checkpoint([&](const Real& x) { return Real(factor * w * x); }, Real{1, 1, 1}));
  factor = 1.01;
  EXPECT_TRUE(mentions(message_of<eg::GradientError>([&] { tape.backward(y); }),
                       {"checkpoint: the function gave other numbers of shape [3]", "the same every time"}));
  EXPECT_FALSE(w.has_grad());
}
