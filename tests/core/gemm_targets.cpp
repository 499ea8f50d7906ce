#include <gtest/gtest.h>

#include <vector>

#include "eigengrad/core/tensor.hpp"
#include "eigengrad/kernels/gemm.hpp"
#include "support/sanitizers.hpp"

// What a product may be beside C = A . B of whole matrices: rows of C that lie apart, biases, operands that tables
// describe, long sums; each beside a plain product in double.
namespace eg = eigengrad;

namespace {

using eg::Index;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

template <class T>
std::vector<T> random_numbers(Index count, eg::Generator& generator) {
  const eg::Tensor<T> numbers = eg::Tensor<T>::randn({count}, generator);
  return {numbers.data(), numbers.data() + count};
}

/// What is asked for: sizes, how the operands lie, and what is added.
struct Product {
  Index m, n, k;
  int variant;  // bits: A transposed, B transposed, add, column bias, row bias, A's and B's tables
  bool has(int bit) const { return (variant >> bit & 1) != 0; }
};

template <class T>
void compare(const Product& p) {
  const auto [m, n, k, variant] = p;
  eg::Generator generator(static_cast<std::uint64_t>(m * 10007 + n * 101 + k + variant));
  const bool add = p.has(2), a_tables = p.has(5), b_tables = p.has(6);
  const Index step = n + 5;
  const auto a = random_numbers<T>((m + k) * 3 + m * k, generator),
             b = random_numbers<T>((n + k) * 3 + n * k, generator), c0 = random_numbers<T>(m * step, generator),
             bias = random_numbers<T>(n, generator), row_bias = random_numbers<T>(m, generator);
  eg::OffsetView<T> left(a.data(), p.has(0) ? 1 : k, p.has(0) ? m : 1),
      right(b.data(), p.has(1) ? 1 : n, p.has(1) ? k : 1);
  // Tables in which places overlap, as those of a convolution do.
  std::vector<Index> a_rows, a_columns, b_rows, b_columns;
  for (Index i = 0; i < m; ++i) a_rows.push_back(3 * i);
  for (Index i = 0; i < k; ++i) a_columns.push_back(i % 7 + i / 7 * 5), b_rows.push_back(i * 2 % 11 + i);
  for (Index i = 0; i < n; ++i) b_columns.push_back(2 * i + i % 2);
  if (a_tables) left = {a.data(), 1, p.has(0) ? m : 1, p.has(1) ? a_rows.data() : nullptr, a_columns.data()};
  if (b_tables) right = {b.data(), p.has(1) ? 1 : n, 1, b_rows.data(), p.has(0) ? b_columns.data() : nullptr};

  std::vector<T> c(at(m * step) + 64, T(77));
  std::copy(c0.begin(), c0.end(), c.begin());
  const eg::ProductTarget<T> target{c.data(), step, add, p.has(3) ? bias.data() : nullptr,
                                    p.has(4) ? row_bias.data() : nullptr};
  if (a_tables || b_tables)
    eg::Gemm<T>::multiply(m, n, k, left, right, target);
  else
    eg::Gemm<T>::multiply(m, n, k, eg::MatrixView<T>(left.data, left.row_step, left.column_step),
                          eg::MatrixView<T>(right.data, right.row_step, right.column_step), target);

  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < step; ++j) {
      double expected = static_cast<double>(c0[at(i * step + j)]), size = 1;
      if (j < n) {
        expected = (add ? expected : 0.) + (p.has(3) ? static_cast<double>(bias[at(j)]) : 0.) +
                   (p.has(4) ? static_cast<double>(row_bias[at(i)]) : 0.);
        for (Index q = 0; q < k; ++q) {
          const double term = static_cast<double>(left.data[left.row(i) + left.column(q)]) *
                              static_cast<double>(right.data[right.row(q) + right.column(j)]);
          expected += term;
          size += std::abs(term);
        }
      }
      const double allowed = j < n ? 4 * (size + 4) * static_cast<double>(std::numeric_limits<T>::epsilon()) : 0;
      ASSERT_NEAR(static_cast<double>(c[at(i * step + j)]), expected, allowed)
          << m << 'x' << n << 'x' << k << " variant " << variant << " element " << i << ", " << j;
    }
  for (std::size_t i = at(m * step); i < c.size(); ++i) ASSERT_EQ(c[i], T(77)) << "written behind the end";
}
template <class T>
void compare_all(Index m, Index n, Index k, int step = 1) {
  for (int variant = 0; variant < 128; variant += step) compare<T>({m, n, k, variant});
}

}  // namespace

TEST(GemmTargets, SmallFloats) {
  for (const Index m : {1, 2, 3, 5, 9, 17})
    for (const Index n : {1, 2, 9, 16, 33})
      for (const Index k : {0, 1, 7, 16, 20}) compare_all<float>(m, n, k);
}
TEST(GemmTargets, SmallDoubles) {
  for (const Index m : {1, 2, 3, 5, 9, 17})
    for (const Index n : {1, 2, 5, 8, 17})
      for (const Index k : {0, 1, 7, 8, 20}) compare_all<double>(m, n, k);
}
// Sums so long that they are cut, at and beside every cut; several blocks of A's rows and of B's columns.
TEST(GemmTargets, LongSums) {
#if EIGENGRAD_ANY_SANITIZER  // without optimisation they take minutes
  const std::vector<Index> lengths = {193, 257};
#else
  const std::vector<Index> lengths = {191, 192, 193, 255, 256, 257, 384, 700, 1023, 1024, 1025, 1700};
#endif
  for (const Index k : lengths) {
    compare_all<float>(19, 35, k, 3);
    compare_all<double>(19, 18, k, 3);
    compare_all<float>(21, 5, k, 5);
  }
  compare_all<float>(150, 70, 300, 5);
  compare_all<double>(103, 41, 259, 5);
  compare_all<float>(20, 1500, 257, 31);
  compare_all<double>(17, 800, 257, 31);
}
// With room behind it C's lanes are written whole, where the next row is not written yet.
TEST(GemmTargets, LongSumsInNarrowColumns) {
  for (const Index n : {1, 3, 10, 16, 20, 32}) {
    const Index m = 37, k = 1100;
    eg::Generator generator(static_cast<std::uint64_t>(n));
    const auto a = eg::Tensor<float>::randn({m, k}, generator), b = eg::Tensor<float>::randn({k, n}, generator),
               bias = eg::Tensor<float>::randn({n}, generator);
    auto c = eg::Tensor<float>::zeros({m, n});
    eg::Gemm<float>::multiply(m, n, k, {a.data(), k, 1, true}, {b.data(), n, 1, true}, c.mutable_data(), false,
                              bias.data(), true);
    for (Index i = 0; i < m; ++i)
      for (Index j = 0; j < n; ++j) {
        double expected = static_cast<double>(bias(j));
        for (Index q = 0; q < k; ++q) expected += static_cast<double>(a(i, q)) * static_cast<double>(b(q, j));
        ASSERT_NEAR(static_cast<double>(c(i, j)), expected, 1e-3) << n << ": " << i << ", " << j;
      }
  }
}
// Cut sums keep more digits: a million products of 0.1 and 1.
TEST(GemmTargets, LongSumsKeepTheirDigits) {
  const Index k = 1 << 20;
  for (const bool transposed : {false, true}) {
    const std::vector<float> a(at(16 * k), 0.1f), b(at(k * 2), 1.f);
    std::vector<float> c(32);
    eg::Gemm<float>::multiply(16, 2, k, {a.data(), transposed ? 1 : k, transposed ? 16 : 1}, {b.data(), 2, 1}, c.data(),
                              false);
    for (const float each : c) EXPECT_NEAR(each, 0.1f * static_cast<float>(k), 10) << transposed;
  }
}
