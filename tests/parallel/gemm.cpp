#include "eigengrad/kernels/gemm.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "eigengrad/core/tensor.hpp"

// Products give the same bits by any number of threads, however their operands lie.
namespace eg = eigengrad;

namespace {

template <class T>
void compare_threads(eg::Index m, eg::Index n, eg::Index k) {
  eg::Generator generator(7);
  const auto a = eg::Tensor<T>::randn({m, k}, generator), b = eg::Tensor<T>::randn({k, n}, generator),
             bias = eg::Tensor<T>::randn({m + n}, generator);
  const eg::Index step = n + 3;
  std::vector<eg::Index> rows(static_cast<std::size_t>(k));
  std::iota(rows.begin(), rows.end(), eg::Index{0});
  for (eg::Index& row : rows) row *= n;
  for (int variant = 0; variant < 8; ++variant) {
    const bool a_transposed = (variant & 1) != 0, b_transposed = (variant & 2) != 0, table = (variant & 4) != 0;
    const eg::MatrixView<T> left(a.data(), a_transposed ? 1 : k, a_transposed ? m : 1),
        right(b.data(), b_transposed ? 1 : n, b_transposed ? k : 1);
    std::vector<T> expected;
    for (const int threads : {1, 2, 3, 8}) {
      eg::set_num_threads(threads);
      std::vector<T> c(static_cast<std::size_t>(m * step), T(1));
      const eg::ProductTarget<T> target{c.data(), step, true, bias.data(), bias.data() + n};
      if (table)
        eg::Gemm<T>::multiply(m, n, k, left, eg::OffsetView<T>(b.data(), n, 1, rows.data()), target);
      else
        eg::Gemm<T>::multiply(m, n, k, left, right, target);
      if (threads == 1) expected = c;
      EXPECT_EQ(c, expected) << m << 'x' << n << 'x' << k << " variant " << variant << ", " << threads << " threads";
    }
  }
  eg::set_num_threads(1);
}

}  // namespace

TEST(ParallelGemm, SameBits) {
  for (const auto& [m, n, k] : {std::array<eg::Index, 3>{512, 128, 400},
                                {150, 333, 300},
                                {64, 64, 4096},
                                {17, 900, 257},
                                {2, 700, 1100},
                                {700, 9, 600},
                                {41, 33, 1300}}) {
    compare_threads<float>(m, n, k);
    compare_threads<double>(m, n, k);
  }
}
