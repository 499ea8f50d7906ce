#include <eigengrad/autograd/tape.hpp>
#include <eigengrad/core/build_info.hpp>
#include <eigengrad/nn/layers/linear.hpp>
#include <eigengrad/ops/matmul.hpp>

#include <gtest/gtest.h>

// Products by a library beside our own kernel's: compiled once for each library that is there.
namespace eg = eigengrad;

namespace {

template <class T>
void compare(eg::Index m, eg::Index n, eg::Index k) {
  eg::Generator generator(static_cast<std::uint64_t>(m * 10007 + n * 101 + k));
  const auto random = [&](eg::Index size) { return eg::Tensor<T>::randn({size}, generator); };
  const auto a = random(m * k), b = random(k * n), bias = random(n), before = random(m * n);
  for (int variant = 0; variant < 16; ++variant) {
    const bool a_transposed = variant & 1, b_transposed = variant & 2, add = variant & 4, with_bias = variant & 8;
    const eg::MatrixView<T> left = a_transposed ? eg::MatrixView<T>{a.data(), 1, m} : eg::MatrixView<T>{a.data(), k, 1};
    const eg::MatrixView<T> right =
        b_transposed ? eg::MatrixView<T>{b.data(), 1, k} : eg::MatrixView<T>{b.data(), n, 1};
    // Where nothing is added, what was there must not matter, NaN neither.
    eg::Tensor<T> ours = before,
                  theirs = add ? before : eg::Tensor<T>::full({m * n}, std::numeric_limits<T>::quiet_NaN());
    const T* start = with_bias ? bias.data() : nullptr;
    eg::Gemm<T>::compute(m, n, k, left, right, ours.mutable_data(), add, start, false);
    eg::Gemm<T>::multiply(m, n, k, left, right, theirs.mutable_data(), add, start, false);
    // Of sums as large as sqrt(k), in whatever order, each of whose k steps is rounded.
    const T allowed = std::numeric_limits<T>::epsilon() * static_cast<T>(4 * k + 100);
    for (eg::Index i = 0; i < m * n; ++i)
      ASSERT_NEAR(ours.data()[i], theirs.data()[i], allowed)
          << m << 'x' << n << 'x' << k << " variant " << variant << " element " << i;
  }
}

}  // namespace

TEST(Product, AsOurOwnKernel) {
  for (const auto& [m, n, k] : std::vector<std::array<eg::Index, 3>>{{256, 200, 130},
                                                                     {129, 257, 131},
                                                                     {40, 33, 3500},
                                                                     {1000, 1000, 5},
                                                                     {7, 800, 900},
                                                                     {900, 5, 1000},
                                                                     {1, 1500, 2000},
                                                                     {1500, 1, 2000},
                                                                     {64, 64, 64},
                                                                     {2, 3, 4}}) {
    compare<float>(m, n, k);
    compare<double>(m, n, k);
  }
}

TEST(Product, WhatIsLargeIsNotOurs) {
  EXPECT_TRUE(eg::worth_library(256, 256, 256));
  EXPECT_FALSE(eg::worth_library(32, 64, 64));
  EXPECT_FALSE(eg::worth_library(1, 10'000, 10'000));
  EXPECT_TRUE(eg::has_library_product<float>);
  EXPECT_FALSE(eg::has_library_product<eg::Dual<double>>);
  EXPECT_EQ(eg::build_info().find("products: eigengrad"), std::string::npos) << eg::build_info();
}

// Views whose rows do not follow each other closely, and steps that no library takes.
TEST(Product, OperandsThatLibrariesTake) {
  const float number = 0;
  eg::LibraryOperand<float> operand;
  EXPECT_TRUE(operand.set(&number, 10, 1, 5, 8));
  EXPECT_EQ(operand.letter(), 'N');
  EXPECT_TRUE(operand.set(&number, 1, 10, 8, 5));
  EXPECT_EQ(operand.letter(), 'T');
  EXPECT_FALSE(operand.set(&number, 10, 2, 5, 5)) << "neither rows nor columns of neighbours";
  EXPECT_FALSE(operand.set(&number, 4, 1, 5, 8)) << "rows that overlap";
  EXPECT_FALSE(operand.set(&number, 0, 1, 5, 8)) << "one row stretched";
  const eg::Index huge = eg::Index{1} << 32;
  EXPECT_FALSE(operand.set(&number, huge, 1, 5, huge)) << "more than a library's int counts";
}

TEST(Product, LinearAndItsGradients) {
  eg::manual_seed(5);
  eg::Linear<float> layer(300, 200);
  eg::Parameter<float> x(eg::Tensor<float>::randn({150, 300}));
  eg::Tape tape;
  const eg::Tensor<float> y = layer(x);
  tape.backward(sum(y * y));
  // The same in double and by plain loops.
  const float* w = layer.weight.value().data();
  for (const eg::Index i : {0, 77, 149})
    for (const eg::Index j : {0, 99, 199}) {
      double expected = static_cast<double>(layer.bias.value()(j));
      for (eg::Index p = 0; p < 300; ++p)
        expected += static_cast<double>(x.value()(i, p)) * static_cast<double>(w[j * 300 + p]);
      EXPECT_NEAR(static_cast<double>(y(i, j)), expected, 1e-4);
    }
  for (const eg::Index j : {0, 199})
    for (const eg::Index p : {0, 299}) {
      double expected = 0;
      for (eg::Index i = 0; i < 150; ++i)
        expected += 2 * static_cast<double>(y(i, j)) * static_cast<double>(x.value()(i, p));
      EXPECT_NEAR(static_cast<double>(layer.weight.grad()(j, p)), expected, 1e-3);
    }
}
