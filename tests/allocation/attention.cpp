#include <gtest/gtest.h>

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/nn/layers/transformer.hpp"
#include "eigengrad/ops/sum.hpp"
#include "support/step_allocations.hpp"

namespace eg = eigengrad;

struct AttentionMemory : support::CountsAllocations {};

// A training step of a Transformer, and a step of generation: after the first few nothing is asked of the heap.
TEST_F(AttentionMemory, IsFoundInThePool) {
  eg::TransformerEncoder<float> encoder(
      eg::TransformerEncoderLayer<float>(16, 2, {.feed_forward = 32, .dropout = 0.1, .norm_first = true}), 2);
  const eg::Tensor<float> x = eg::Tensor<float>::randn({6, 3, 16}), next = eg::Tensor<float>::randn({1, 3, 16});
  auto caches = encoder.caches(3, 50);
  const auto train = [&] {
    eg::Tape tape;
    tape.backward(sum(encoder(x, {.causal = true})));
  };
  const auto generate = [&] { encoder.step(next, caches); };
  for (int i = 0; i < 3; ++i) {
    train();
    generate();
  }
  std::size_t before = support::allocations();
  for (int i = 0; i < 20; ++i) train();
  EXPECT_EQ(support::allocations(), before) << "training";
  before = support::allocations();
  for (int i = 0; i < 20; ++i) generate();
  EXPECT_EQ(support::allocations(), before) << "generation";
}
