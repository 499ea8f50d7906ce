#include <gtest/gtest.h>

#include <vector>

#include "eigengrad/kernels/convolution/input_gradient.hpp"
#include "eigengrad/kernels/convolution/weight_gradient.hpp"
#include "support/allocation_counter.hpp"

namespace eg = eigengrad;

// The kernels' scratch comes from the pool: after the first call none of it is asked of the heap.
TEST(ConvolutionScratch, IsFoundInThePool) {
  if (!EIGENGRAD_COUNTS_ALLOCATIONS) GTEST_SKIP() << "a sanitizer, or another C library than glibc, has the heap";
  const eg::ConvolutionShape shapes[] = {{4, 3, 16, 1, {16, 3, 1, 1, 1, 1}, {16, 3, 1, 1, 1, 1}},
                                         {4, 16, 32, 1, {8, 3, 2, 1, 1, 1}, {8, 3, 2, 1, 1, 1}},
                                         {2, 8, 8, 8, {20, 3, 2, 1, 1, 1}, {20, 3, 2, 1, 1, 1}}};
  for (const eg::ConvolutionShape& s : shapes) {
    const auto numbers = [](eg::Index count) { return std::vector<float>(static_cast<std::size_t>(count), 1.f); };
    const std::vector<float> x = numbers(s.images * s.channels * s.input_plane()), weight = numbers(s.weights());
    std::vector<float> y = numbers(s.images * s.outputs * s.output_plane()), dx = x, dw = weight;
    const auto step = [&] {
      eg::convolution_forward<float>(s, x.data(), weight.data(), y.data());
      eg::convolution_input_gradient<float>(s, y.data(), weight.data(), dx.data());
      eg::convolution_weight_gradient<float>(s, x.data(), y.data(), dw.data());
    };
    step();
    const std::size_t before = support::allocations();
    for (int i = 0; i < 20; ++i) step();
    EXPECT_EQ(support::allocations(), before);
  }
}
