#pragma once

#include <gtest/gtest.h>

#include <cstddef>

#include "allocation_counter.hpp"
#include "eigengrad/autograd/tape.hpp"

// What training steps ask of the heap.
namespace support {

/// Tests of a program whose heap is counted.
struct CountsAllocations : testing::Test {
  void SetUp() override {
    if (!EIGENGRAD_COUNTS_ALLOCATIONS) GTEST_SKIP() << "a sanitizer, or another C library than glibc, has the heap";
  }
};

/// How many allocations `steps` training steps make once three are over.
template <class Optimizer, class Loss>
std::size_t allocations_of(Optimizer& optimizer, const Loss& loss, int steps) {
  std::size_t before = 0;
  for (int step = 0; step < steps + 3; ++step) {
    if (step == 3) before = allocations();
    {
      eigengrad::Tape tape;
      tape.backward(loss());
    }
    optimizer.step();
    optimizer.zero_grad();
  }
  return allocations() - before;
}

}  // namespace support
