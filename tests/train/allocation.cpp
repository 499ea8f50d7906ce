#include <eigengrad/train/fit.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "models.hpp"
#include "support/sanitizers.hpp"

// Under a sanitizer operator new is its own, and buffers are not pooled.
#if !EIGENGRAD_ANY_SANITIZER

static long allocations = 0;
// Kept out of line: GCC 12 would take an inlined free for one that does not match.

static void* counted(std::size_t bytes, std::size_t alignment) {
  ++allocations;
  return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}
static void* counted_or_throw(std::size_t bytes, std::size_t alignment) {
  if (void* memory = counted(bytes, alignment)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes) { return counted_or_throw(bytes, alignof(std::max_align_t)); }
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return counted(bytes, alignof(std::max_align_t));
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted_or_throw(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(memory);
}

namespace eg = eigengrad;

/// What the cheapest of some epochs allocates: the first ones fill the pool.
static long allocations_of_an_epoch(eg::Index batches, double clip) {
  eg::manual_seed(1);
  eg::Sequential<double> model(eg::Linear<double>(3, 4), eg::Tanh<double>(), eg::Linear<double>(4, 2));
  eg::SGD<double> optimizer(model.parameters(), {.learning_rate = 0.01, .momentum = 0.9});
  const eg::Dataset<double, std::int64_t> data(eg::Tensor<double>::randn({8 * batches, 3}),
                                               eg::Tensor<std::int64_t>::randint(0, 2, {8 * batches}));
  long before = 0, least = 1000000;
  const auto count = [&](const eg::EpochRecord&) {
    least = std::min(least, allocations - before);
    before = allocations;
  };
  eg::fit(model, SoftmaxCrossEntropy(), optimizer, data,
          {.epochs = 6, .batch_size = 8, .clip_gradient_norm = clip, .progress = eg::Progress::none}, count);
  return least;
}

TEST(Fit, ASteadyStepAllocatesNothing) {
  EXPECT_EQ(allocations_of_an_epoch(3, 0), allocations_of_an_epoch(60, 0))
      << "an epoch's allocations do not grow with its steps";
  EXPECT_EQ(allocations_of_an_epoch(3, 1), allocations_of_an_epoch(60, 1)) << "nor when gradients are clipped";
}

#endif
