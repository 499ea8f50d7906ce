#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <vector>

#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/layers/dropout.hpp"
#include "eigengrad/nn/losses/cross_entropy.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/optim/adam.hpp"
#include "eigengrad/optim/lbfgs.hpp"
#include "eigengrad/optim/sgd.hpp"
#include "eigengrad/transform/compile.hpp"
#include "support/step_allocations.hpp"

// A steady training step asks nothing of the heap: buffers come from the pool, records from the tape's arena.
namespace eg = eigengrad;
using support::allocations;
using support::allocations_of;

namespace {

struct Allocation : support::CountsAllocations {};

const eg::Tensor<float> gates = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
const eg::Tensor<float> exclusive_or = {{0}, {1}, {1}, {0}};

eg::Sequential<float> xor_model() {
  return eg::Sequential<float>(eg::Linear<float>(2, 8), eg::Tanh<float>(), eg::Linear<float>(8, 1),
                               eg::Sigmoid<float>());
}

}  // namespace

TEST_F(Allocation, TheCounterSeesEveryWay) {
  const auto counted = [](const auto& allocate) {
    const std::size_t before = allocations();
    allocate();
    return allocations() - before;
  };
  EXPECT_EQ(counted([] {
              std::vector<int> v(100);
              volatile int* p = v.data();
              p[0] = 1;
            }),
            1u);
  EXPECT_EQ(counted([] { ::operator delete(::operator new(64, std::align_val_t{64}), std::align_val_t{64}); }), 1u);
  EXPECT_EQ(counted([] {
              void* volatile p = std::malloc(10);
              std::free(p);
            }),
            1u);
  EXPECT_EQ(counted([] {
              void* volatile p = std::calloc(10, 2);
              std::free(p);
            }),
            1u);
  EXPECT_EQ(counted([] {
              eg::BufferPool::trim();
              const auto t = eg::Tensor<float>::zeros({1000});
            }),
            1u);
  EXPECT_EQ(counted([] { const auto t = eg::Tensor<float>::zeros({1000}); }), 0u)
      << "the same size again: from the pool";
}

TEST_F(Allocation, NoneInAStepOfXor) {
  auto model = xor_model();
  eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 0.5f, .momentum = 0.9f});
  EXPECT_EQ(allocations_of(optimizer, [&] { return eg::mse_loss(model(gates), exclusive_or); }, 100), 0u);
}

TEST_F(Allocation, NoneInAStepOfXorWithoutMomentumOrByAdam) {
  auto model = xor_model();
  const auto loss = [&] { return eg::binary_cross_entropy(model(gates), exclusive_or); };
  eg::SGD<float> plain(model.parameters(), {.learning_rate = 0.5f});
  EXPECT_EQ(allocations_of(plain, loss, 100), 0u);
  eg::AdamW<float> adam(model.parameters());
  EXPECT_EQ(allocations_of(adam, loss, 100), 0u);
}

TEST_F(Allocation, NoneInAStepOfAClassifierByAdam) {
  eg::Sequential<float> model(eg::Linear<float>(784, 128), eg::ReLU<float>(), eg::Dropout<float>(0.2),
                              eg::Linear<float>(128, 10));
  const auto x = eg::Tensor<float>::rand({64, 784});
  const auto labels = eg::Tensor<std::int64_t>::randint(0, 10, {64});
  eg::Adam<float> optimizer(model.parameters());
  EXPECT_EQ(allocations_of(optimizer, [&] { return eg::softmax_cross_entropy(model(x), labels); }, 20), 0u);
}

TEST_F(Allocation, NoneInInference) {
  auto model = xor_model();
  model(gates);
  const std::size_t before = allocations();
  for (int i = 0; i < 100; ++i) model(gates);
  EXPECT_EQ(allocations() - before, 0u);
}

TEST_F(Allocation, NoneInAStepOfLBFGSOnceItsHistoryIsFull) {
  eg::manual_seed(1);
  auto model = xor_model();
  eg::LBFGS<float> optimizer(model.parameters(), {.max_iterations = 4, .change_tolerance = 0, .history_size = 5});
  const auto loss_and_gradient = [&] {
    eg::Tape tape;
    const auto loss = eg::mse_loss(model(gates), exclusive_or);
    tape.backward(loss);
    return loss;
  };
  for (int call = 0; call < 3; ++call) optimizer.step(loss_and_gradient);
  ASSERT_GT(optimizer.iterations(), 6);
  const auto before = allocations();
  const auto iterations = optimizer.iterations();
  for (int call = 0; call < 3; ++call) optimizer.step(loss_and_gradient);
  EXPECT_EQ(allocations() - before, 0u);
  EXPECT_GT(optimizer.iterations(), iterations + 6);
}

TEST_F(Allocation, ACompiledStepAllocatesNothing) {
  eg::Sequential<float> model = xor_model();
  eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 0.1f, .momentum = 0.9f});
  auto step = eg::compile([&](const auto& x, const auto& y) { return eg::mse_loss(model(x), y); });
  std::size_t before = 0;
  for (int i = 0; i < 20; ++i) {
    if (i == 9) before = allocations();  // checked at the replays 1, 2, 4, 8, 16, ...
    if (i == 16) break;
    step(gates, exclusive_or);
    optimizer.step();
    optimizer.zero_grad();
  }
  EXPECT_EQ(allocations() - before, 0u);
}
