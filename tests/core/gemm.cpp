#include "eigengrad/kernels/gemm.hpp"

#include <gtest/gtest.h>

#include "eigengrad/core/tensor.hpp"

namespace eg = eigengrad;

namespace {

/// Our product beside Eigen's, for both storage orders of both operands, written or added, with and without bias.
template <class T>
void check(eg::Index m, eg::Index n, eg::Index k) {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  eg::Generator generator(static_cast<std::uint64_t>(m * 10007 + n * 101 + k));
  const auto random = [&](eg::Index rows, eg::Index columns) {
    return Matrix(eg::Tensor<T>::randn({rows, columns}, generator).matrix());
  };
  for (int variant = 0; variant < 16; ++variant) {
    const bool a_transposed = variant & 1, b_transposed = variant & 2, add = variant & 4, with_bias = variant & 8;
    const Matrix a = a_transposed ? random(k, m) : random(m, k), b = b_transposed ? random(n, k) : random(k, n),
                 c0 = random(m, n), bias = random(1, n);
    Matrix expected = add ? c0 : Matrix(Matrix::Zero(m, n));
    if (k > 0)
      expected += Matrix((a_transposed ? Matrix(a.transpose()) : a) * (b_transposed ? Matrix(b.transpose()) : b));
    if (with_bias && m > 0) expected.rowwise() += bias.row(0);
    // A guard behind the result: nothing may be written there.
    std::vector<T> c(static_cast<std::size_t>(m * n) + 64, T(77));
    std::copy_n(c0.data(), m * n, c.begin());
    const eg::MatrixView<T> left = a_transposed ? eg::MatrixView<T>{a.data(), 1, m} : eg::MatrixView<T>{a.data(), k, 1};
    const eg::MatrixView<T> right =
        b_transposed ? eg::MatrixView<T>{b.data(), 1, k} : eg::MatrixView<T>{b.data(), n, 1};
    eg::Gemm<T>::multiply(m, n, k, left, right, c.data(), add, with_bias ? bias.data() : nullptr);
    const T allowed = std::numeric_limits<T>::epsilon() * static_cast<T>(4 * (k + 4));
    for (eg::Index i = 0; i < m * n; ++i)
      ASSERT_NEAR(c[static_cast<std::size_t>(i)], expected.data()[i], allowed)
          << m << 'x' << n << 'x' << k << " variant " << variant << " element " << i;
    for (std::size_t i = static_cast<std::size_t>(m * n); i < c.size(); ++i)
      ASSERT_EQ(c[i], T(77)) << "written behind the end";

    // The same with tensors' memory, whose lanes may be used whole.
    const auto tensor = [](const Matrix& x) { return eg::Tensor<T>::from_eigen(x); };
    const eg::Tensor<T> own_a = tensor(a), own_b = tensor(b), own_bias = tensor(bias);
    eg::Tensor<T> own_c = tensor(c0);
    eg::Gemm<T>::multiply(m, n, k, {own_a.data(), left.row_step, left.column_step, true},
                          {own_b.data(), right.row_step, right.column_step, true}, own_c.mutable_data(), add,
                          with_bias ? own_bias.data() : nullptr, true);
    for (eg::Index i = 0; i < m * n; ++i)
      ASSERT_NEAR(own_c.data()[i], expected.data()[i], allowed)
          << "padded " << m << 'x' << n << 'x' << k << " variant " << variant << " element " << i;
  }
}

}  // namespace

// Lines 24 and 27 of the reliability list: every rest of rows and columns, one row, one column, nothing.
TEST(Gemm, SmallSizes) {
  for (const eg::Index m : {1, 2, 3, 4, 5, 7, 9})
    for (const eg::Index n : {1, 3, 4, 8, 15, 16, 17, 33})
      for (const eg::Index k : {1, 2, 8, 19}) check<double>(m, n, k);
}
TEST(Gemm, Floats) {
  for (const eg::Index m : {1, 3, 6, 13})
    for (const eg::Index n : {1, 10, 16, 31, 64, 65})
      for (const eg::Index k : {1, 16, 70}) check<float>(m, n, k);
}
TEST(Gemm, LargeSizes) {
  check<float>(128, 257, 300);
  check<double>(65, 130, 129);
  check<float>(1, 1000, 784);
  check<float>(3, 128, 784);
}
TEST(Gemm, NothingToSum) {
  check<double>(3, 5, 0);
  check<double>(0, 5, 3);
  check<double>(3, 0, 5);
}

// Line 30: NaN and infinity are not lost, not even where they meet a zero.
TEST(Gemm, NanComesThrough) {
  const double a[] = {0, 1}, b[] = {std::numeric_limits<double>::infinity(), 2, 3, 4};
  double c[2];
  eg::Gemm<double>::multiply(1, 2, 2, {a, 2, 1}, {b, 2, 1}, c, false);
  EXPECT_TRUE(std::isnan(c[0]));
  EXPECT_EQ(c[1], 4);
}
