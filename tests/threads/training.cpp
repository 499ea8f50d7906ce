#include <eigengrad/data/loader.hpp>
#include <eigengrad/nn/layers/activation.hpp>
#include <eigengrad/nn/layers/dropout.hpp>
#include <eigengrad/nn/losses/loss.hpp>
#include <eigengrad/nn/sequential.hpp>
#include <eigengrad/ops/index.hpp>
#include <eigengrad/optim/sgd.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <mutex>
#include <thread>

#include "support/close.hpp"

// Whole models in several threads, and tensors that change hands. Built under ThreadSanitizer by the preset tsan.
namespace eg = eigengrad;
using Tensor = eg::Tensor<float>;
using Model = eg::Sequential<float>;
using support::same_bits;

namespace {

constexpr int threads = 4;

Model make_model() {
  eg::manual_seed(3);
  return Model(eg::Linear<float>(3, 8), eg::Tanh<float>(), eg::Linear<float>(8, 2));
}
/// work(k) on a thread of its own for every k, all starting together.
void together(const auto& work) {
  std::barrier start(threads);
  std::vector<std::thread> running;
  for (int k = 0; k < threads; ++k)
    running.emplace_back([&, k] {
      start.arrive_and_wait();
      work(k);
    });
  for (std::thread& thread : running) thread.join();
}
/// The weights after twenty steps on data that depend on k, with everything made in the calling thread.
std::vector<Tensor> trained(int k) {
  Model model = make_model();
  eg::SGD<float> optimizer(model.parameters(), {.learning_rate = 0.1f, .momentum = 0.9f});
  eg::Generator generator(static_cast<std::uint64_t>(k));
  const Tensor x = Tensor::randn({6, 3}, generator), y = Tensor::randn({6, 2}, generator);
  for (int step = 0; step < 20; ++step) {
    eg::Tape tape;
    tape.backward(eg::mse_loss(model(x), y));
    optimizer.step();
    optimizer.zero_grad();
  }
  std::vector<Tensor> weights;
  for (const auto& parameter : model.parameters()) weights.push_back(parameter.value());
  return weights;
}

}  // namespace

// Line 18 of the reliability list.
TEST(ThreadedTraining, ModelsOfTheirOwnComeOutAsInOneThread) {
  std::vector<std::vector<Tensor>> expected, results(threads);
  for (int k = 0; k < threads; ++k) expected.push_back(trained(k));
  together([&](int k) { results[static_cast<std::size_t>(k)] = trained(k); });
  for (std::size_t k = 0; k < threads; ++k)
    for (std::size_t i = 0; i < expected[k].size(); ++i) EXPECT_TRUE(same_bits(results[k][i], expected[k][i]));
}

// Each thread differentiates its part of the batch with the shared model; the parts add up to the whole batch's
// gradient.
TEST(ThreadedTraining, GradientsPerThreadOverASharedModelAddUp) {
  Model model = make_model();
  eg::Generator generator(1);
  const Tensor x = Tensor::randn({8, 3}, generator), y = Tensor::randn({8, 2}, generator);
  const auto parameters = model.parameters();
  const auto gradient = [&](eg::Index begin, eg::Index end) {
    eg::Tape tape;
    const Tensor loss =
        eg::mse_loss(model(eg::take_rows(x, begin, end)), eg::take_rows(y, begin, end), eg::Reduction::sum);
    return tape.gradient(loss, parameters);
  };
  const std::vector<Tensor> whole = gradient(0, 8);
  for (int round = 0; round < 10; ++round) {
    std::vector<std::vector<Tensor>> parts(threads);
    together([&](int k) { parts[static_cast<std::size_t>(k)] = gradient(2 * k, 2 * k + 2); });
    for (std::size_t i = 0; i < whole.size(); ++i) {
      Tensor total = parts[0][i];
      for (std::size_t k = 1; k < threads; ++k) total += parts[k][i];
      EXPECT_TRUE(support::close(total, whole[i], 1e-5));
      EXPECT_FALSE(parameters[i].has_grad());
    }
  }
}

TEST(ThreadedTraining, InferenceOnASharedModelWhileOneThreadRecords) {
  Model model = make_model();
  const Tensor x = Tensor::ones({4, 3}), expected = model(x);
  std::atomic<int> wrong = 0;
  together([&](int k) {
    for (int round = 0; round < 50; ++round)
      if (k == 0) {
        eg::Tape tape;
        const Tensor y = model(x);
        if (tape.size() == 0 || !same_bits(y.detach(), expected)) ++wrong;
      } else if (!same_bits(model(x), expected) || eg::is_recorded(x)) {
        ++wrong;
      }
  });
  EXPECT_EQ(wrong, 0);
}

// Copies of a shared model are independent, also when several threads copy it and train the copies at once.
TEST(ThreadedTraining, CopiesOfASharedModel) {
  Model shared = make_model();
  const Tensor before = shared.state_dict().at("0.weight");
  together([&](int) {
    Model mine = shared;
    for (const auto& parameter : mine.parameters()) {
      Tensor value = parameter.value();
      value.mutable_array() += 1;
      parameter.set_value(value);
    }
  });
  EXPECT_TRUE(same_bits(shared.state_dict().at("0.weight"), before));
}

TEST(ThreadedTensors, ConcurrentReadsFormulasAndReductionsOfASharedTensor) {
  eg::Generator generator(2);
  const Tensor shared = Tensor::randn({64, 32}, generator);
  const float expected = sum(shared * shared + 1).item();
  std::atomic<int> wrong = 0;
  together([&](int) {
    for (int round = 0; round < 30; ++round) {
      const Tensor copy = shared, view = eg::reshape(shared, {-1}), row = eg::select(shared, 0, round);
      if (sum(copy * copy + 1).item() != expected || view(32 * round) != row(0)) ++wrong;
    }
  });
  EXPECT_EQ(wrong, 0);
}

// One thread makes buffers, the others drop the last reference to them, each in its own time.
TEST(ThreadedTensors, BuffersMadeHereAndFreedThere) {
  std::mutex lock;
  std::vector<Tensor> queue;
  std::atomic<bool> done = false;
  std::atomic<int> taken = 0, wrong = 0;
  together([&](int k) {
    if (k == 0) {
      for (int i = 0; i < 400; ++i) {
        Tensor made = Tensor::full({16 + i % 7, 16}, static_cast<float>(i));
        const std::lock_guard guard(lock);
        queue.push_back(std::move(made));
      }
      done = true;
      return;
    }
    for (;;) {
      const bool last = done;
      Tensor mine;
      {
        const std::lock_guard guard(lock);
        if (!queue.empty()) {
          mine = std::move(queue.back());
          queue.pop_back();
        }
      }
      if (mine.size() > 0) {
        ++taken;
        if (mine(0, 0) != mine(mine.size(0) - 1, 15)) ++wrong;
      } else if (last) {
        return;
      } else {
        std::this_thread::yield();
      }
    }
  });
  EXPECT_EQ(taken, 400);
  EXPECT_EQ(wrong, 0);
}

// What a thread made lives on when the thread has ended, its tape's state and its pool with it.
TEST(ThreadedTensors, ResultsOutliveTheThreadAndItsTape) {
  const eg::Parameter<float> p(Tensor::ones({5}));
  Tensor recorded;
  std::thread([&] {
    eg::Tape tape;
    recorded = p * 3;
    tape.backward(sum(recorded));
  }).join();
  EXPECT_FALSE(eg::is_recorded(recorded));
  EXPECT_EQ(p.grad()(4), 3);
  eg::Tape tape;  // may be the one the thread used
  const Tensor again = recorded * p;
  EXPECT_EQ(again(0), 3);
  tape.backward(sum(again));
  EXPECT_EQ(p.grad()(0), 6);
}

// A thread's own tensors that are destroyed after its pool.
TEST(ThreadedTensors, ThreadLocalTensorsEndAfterThePool) {
  together([](int k) {
    thread_local Tensor early;  // made before the pool is, destroyed after it
    early = Tensor::full({100}, static_cast<float>(k));
    EXPECT_EQ(early(99), static_cast<float>(k));
  });
}

TEST(ThreadedData, LoadersOverOneDataSet) {
  const eg::Dataset<float> data(Tensor::ones({40, 3}), Tensor::ones({40, 1}));
  std::atomic<eg::Index> rows = 0;
  together([&](int k) {
    eg::DataLoader<float> loader(data, {.batch_size = 7, .shuffle = k % 2 == 0});
    for (const auto& [inputs, targets] : loader) rows += inputs.size(0);
  });
  EXPECT_EQ(rows, 40 * threads);
}

// Dropout draws from the thread's own generator: no two threads get in each other's way, and a seed fixes each.
TEST(ThreadedTraining, DropoutInSeveralThreads) {
  const Tensor x = Tensor::ones({50});
  std::vector<Tensor> masks(threads);
  eg::Dropout<float> dropout(0.5);
  together([&](int k) {
    eg::manual_seed(11);
    masks[static_cast<std::size_t>(k)] = dropout(x);
  });
  for (const Tensor& mask : masks) EXPECT_TRUE(same_bits(mask, masks[0]));
}
