#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <thread>

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/ops/matmul.hpp"
#include "support/message.hpp"

// Line 18 of the reliability list: several threads, each with its own tape.
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using Parameter = eg::Parameter<double>;

namespace {

constexpr int threads = 4, rounds = 50;

bool same(const Tensor& a, const Tensor& b) { return a.shape() == b.shape() && (a.array() == b.array()).all(); }

/// work(k) on a thread of its own for every k.
void in_parallel(const auto& work) {
  std::vector<std::thread> running;
  for (int k = 0; k < threads; ++k) running.emplace_back([&work, k] { work(k); });
  for (std::thread& thread : running) thread.join();
}
Tensor loss_of(const Parameter& w, const Tensor& x) { return sum(tanh(matmul(x, w))); }

}  // namespace

TEST(Threads, IndependentTapesGiveTheSerialResult) {
  eg::Generator generator(18);
  std::vector<Tensor> inputs, weights, expected;
  for (int k = 0; k < threads; ++k) {
    inputs.push_back(Tensor::randn({9, 7}, generator));
    weights.push_back(Tensor::randn({7, 5}, generator));
  }
  const auto gradient = [&](int k) {
    const Parameter w(weights[static_cast<std::size_t>(k)]);
    eg::Tape tape;
    tape.backward(loss_of(w, inputs[static_cast<std::size_t>(k)]));
    return w.grad();
  };
  for (int k = 0; k < threads; ++k) expected.push_back(gradient(k));
  std::vector<int> failures(threads);
  in_parallel([&](int k) {
    for (int round = 0; round < rounds; ++round)
      if (!same(gradient(k), expected[static_cast<std::size_t>(k)])) ++failures[static_cast<std::size_t>(k)];
  });
  EXPECT_EQ(failures, std::vector<int>(threads));
}

TEST(Threads, SharedParametersByTapeGradient) {
  eg::Generator generator(19);
  const Parameter w(Tensor::randn({7, 5}, generator));
  const Tensor x = Tensor::randn({9, 7}, generator);
  const auto gradient = [&] {
    eg::Tape tape;
    return tape.gradient(loss_of(w, x), w);
  };
  const Tensor expected = gradient();
  std::vector<int> failures(threads);
  in_parallel([&](int k) {
    for (int round = 0; round < rounds; ++round)
      if (!same(gradient(), expected)) ++failures[static_cast<std::size_t>(k)];
  });
  EXPECT_EQ(failures, std::vector<int>(threads));
  EXPECT_FALSE(w.has_grad());
}

TEST(Threads, ATapeRecordsItsOwnThreadOnly) {
  const Parameter p(Tensor{1, 2});
  eg::Tape tape;
  std::thread([&] { EXPECT_FALSE(eg::is_recorded(Tensor(p * 2.0))); }).join();
  EXPECT_EQ(tape.size(), 0);
  const eg::NoGrad pause;
  std::thread([&] {
    const eg::Tape own;
    EXPECT_TRUE(eg::is_recorded(Tensor(p * 2.0)));
  }).join();
}

// Copies made and dropped in several threads, written to in some: every thread sees its own value.
TEST(Threads, CopyOnWriteFromSeveralThreads) {
  const Tensor shared = Tensor::full({64}, 1.);
  std::vector<int> failures(threads);
  in_parallel([&](int k) {
    for (int round = 0; round < 2000; ++round) {
      Tensor mine = shared;
      mine.at(k) = k + 2;
      const Tensor copy = mine;
      if (copy(k) != k + 2 || shared(k) != 1) ++failures[static_cast<std::size_t>(k)];
    }
  });
  EXPECT_EQ(failures, std::vector<int>(threads));
}

// Buffers and tensors that end in another thread than the one that made them.
TEST(Threads, TensorsOutliveTheirThread) {
  std::vector<Tensor> results(threads);
  in_parallel([&](int k) { results[static_cast<std::size_t>(k)] = Tensor::full({1000}, k); });
  for (int k = 0; k < threads; ++k) EXPECT_EQ(results[static_cast<std::size_t>(k)](999), k);
  std::thread([moved = std::move(results)] { EXPECT_EQ(moved[1](0), 1); }).join();
}

TEST(Threads, EveryThreadHasItsOwnGenerator) {
  eg::manual_seed(5);
  const Tensor here = Tensor::randn({16});
  Tensor there;
  std::thread([&] {
    eg::manual_seed(5);
    there = Tensor::randn({16});
  }).join();
  EXPECT_TRUE(same(here, there));
}

namespace {

double slope_at(double x) {
  const Parameter w(Tensor{x});
  eg::Tape tape;
  tape.backward(sum(w * w));
  return w.grad().item();
}

}  // namespace

TEST(Threads, ATapeEndedByAnotherThreadIsLeftToItsOwn) {
  auto tape = std::make_unique<eg::Tape>();
  const Parameter w(Tensor{3.0});
  const Tensor before = w * w;
  std::thread([&] { tape.reset(); }).join();
  const Tensor after = before * 2;  // records on what nobody can differentiate any more
  EXPECT_EQ(after.item(), 18);
  EXPECT_EQ(slope_at(2), 4);
  eg::Tape next;
  EXPECT_THROW(next.backward(sum(after)), eg::GradientError);
  next.backward(sum(after * w));
  EXPECT_EQ(w.grad().item(), 18);
}

TEST(Threads, AThreadThatEndsLeavesItsTapeToWhoeverHasIt) {
  std::unique_ptr<eg::Tape> tape;
  const Parameter w(Tensor{3.0});
  Tensor y;
  std::thread([&] {
    tape = std::make_unique<eg::Tape>();
    y = sum(w * w);
  }).join();
  tape->backward(y);
  EXPECT_EQ(w.grad().item(), 6);
  tape.reset();
  EXPECT_EQ(slope_at(2), 4);
}

// Its state is used again, by a tape that another one is begun inside of.
TEST(Threads, ATapeEndedByAnotherThreadGoesWithItsThread) {
  std::thread([] {
    auto tape = std::make_unique<eg::Tape>();
    std::thread([&] { tape.reset(); }).join();
  }).join();
  const Parameter w(Tensor{3.0});
  eg::Tape first, second, third, fourth;
  const Tensor y = sum(w * w);
  eg::Tape inner;
  inner.stop();
  fourth.backward(y);
  EXPECT_EQ(w.grad().item(), 6);
  fourth.stop();
  third.backward(sum(w * w));
  EXPECT_EQ(w.grad().item(), 12);
}

TEST(Threads, AnotherThreadsTapeIsNotStopped) {
  eg::Tape tape;
  std::string message;
  std::thread([&] { message = support::message_of<eg::GradientError>([&] { tape.stop(); }); }).join();
  EXPECT_NE(message.find("tape.stop: another thread is recording"), std::string::npos) << message;
}

TEST(Threads, ANoGradEndedByAnotherThreadIsNamed) {
  std::thread([] {
    const Parameter w(Tensor{3.0});
    eg::Tape tape;
    auto pause = std::make_unique<eg::NoGrad>();
    std::thread([&] { pause.reset(); }).join();
    const std::string message = support::message_of<eg::GradientError>([&] { tape.backward(sum(w * w)); });
    EXPECT_NE(message.find("a NoGrad of this thread lives"), std::string::npos) << message;
  }).join();
}
