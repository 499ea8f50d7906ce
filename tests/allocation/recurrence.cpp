#include <gtest/gtest.h>

#include "eigengrad/eigengrad.hpp"
#include "eigengrad/nn/layers/recurrent.hpp"
#include "support/step_allocations.hpp"

// Recurrent layers ask nothing of the heap: not in real time from the first step on, nor in a steady training step.
namespace eg = eigengrad;
using support::allocations;

namespace {

struct RecurrenceAllocation : support::CountsAllocations {};

}  // namespace

TEST_F(RecurrenceAllocation, StepsInRealTimeAskNothing) {
  eg::LSTM<double> lstm(3, 20, {.layers = 2, .proj_size = 5});
  auto stream = lstm.stream(2);
  const auto x = eg::Tensor<double>::ones({2, 3});
  double total = stream(x).data()[0];
  const std::size_t before = allocations();
  for (int t = 0; t < 20; ++t) total += stream(x).data()[0];
  EXPECT_EQ(allocations(), before);
  EXPECT_NE(total, 0);
}

TEST_F(RecurrenceAllocation, TrainingStepsAskNothing) {
  eg::LSTM<double> lstm(3, 20, {.layers = 2, .dropout = 0.5, .bidirectional = true});
  eg::SGD<double> optimizer(lstm.parameters(), {.learning_rate = 0.1});
  const auto x = eg::Tensor<double>::ones({5, 4, 3});
  eg::RecurrentState<double> state;
  std::size_t before = 0;
  for (int step = 0; step < 8; ++step) {
    if (step == 3) before = allocations();
    eg::Tape tape;
    auto result = lstm(x, state);
    tape.backward(sum(result.output * result.output) + sum(result.state.c));
    optimizer.step();
    optimizer.zero_grad();
    state = result.state.detach();
  }
  EXPECT_EQ(allocations(), before);
}
