#include "eigengrad/transform/checkpoint.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "eigengrad/nn/activation.hpp"
#include "eigengrad/nn/dropout.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/transform/jacobian.hpp"
#include "support/close.hpp"

namespace eg = eigengrad;
using support::expect_error;
using Tensor = eg::Tensor<float>;

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
  for (std::size_t k = 0; same && k < a.size(); ++k)
    same = std::memcmp(a[k].data(), b[k].data(), static_cast<std::size_t>(a[k].size()) * sizeof(float)) == 0;
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
#if !defined(__SANITIZE_ADDRESS__)
  if (eg::BufferPool::kept_bytes() > 0 || all > 0) {  // under a sanitizer nothing is kept, so no peak is known
    EXPECT_GE(all, 5 * few) << all << " and " << few;
  }
#endif
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
  const auto y = eg::checkpoint([&calls](const auto& v) { eg::Tensor<double> y = v * v;
    return ++calls == 1 ? y : sum(y); }, x);
  expect_error<eg::GradientError>([&] { tape.backward(sum(y)); }, {"checkpoint", "[3]", "[]", "same every time"});
}
