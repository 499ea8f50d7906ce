#include "eigengrad/ops/matmul.hpp"

#include <gtest/gtest.h>

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/ops/shape.hpp"
#include "support/message.hpp"

// Numbers in comments are lines of the reliability list.
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;

namespace {

bool same(const Tensor& a, const Tensor& b) { return a.shape() == b.shape() && (a.array() == b.array()).all(); }
Tensor whole(const eg::Shape& shape) { return Tensor::randint(-5, 5, shape); }

}  // namespace

// 27: sizes that differ catch a transposed operand.
TEST(Matmul, Matrices) {
  const Tensor a = {{1, 2, 3}, {4, 5, 6}}, b = {{1, 0}, {0, 1}, {2, 2}};
  EXPECT_TRUE(same(matmul(a, b), Tensor{{7, 8}, {16, 17}}));
  for (const auto& [n, k, m] :
       std::vector<std::array<eg::Index, 3>>{{1, 1, 1}, {3, 4, 5}, {17, 9, 33}, {64, 100, 10}, {2, 300, 2}}) {
    const Tensor left = whole({n, k}), right = whole({k, m});
    EXPECT_TRUE(matmul(left, right).matrix() == Eigen::MatrixXd(left.matrix() * right.matrix()));
  }
}

TEST(Matmul, Vectors) {
  const Tensor a = {{1, 2, 3}, {4, 5, 6}}, v = {1, 2, 3}, u = {1, -1};
  EXPECT_EQ(matmul(v, v).item(), 14);
  EXPECT_EQ(matmul(v, v).rank(), 0);
  EXPECT_TRUE(same(matmul(a, v), Tensor{14, 32}));
  EXPECT_TRUE(same(matmul(u, a), Tensor{-3, -3, -3}));
}

TEST(Matmul, BatchesBroadcast) {
  const Tensor a = whole({2, 1, 3, 4}), b = whole({5, 4, 2}), y = matmul(a, b);
  EXPECT_EQ(y.shape(), (eg::Shape{2, 5, 3, 2}));
  for (eg::Index i = 0; i < 2; ++i)
    for (eg::Index j = 0; j < 5; ++j)
      EXPECT_TRUE(same(kernel_access(y).alias({3, 2}, (i * 5 + j) * 6),
                       matmul(kernel_access(a).alias({3, 4}, i * 12), kernel_access(b).alias({4, 2}, j * 8))));
  EXPECT_EQ(matmul(whole({4}), b).shape(), (eg::Shape{5, 2}));
  EXPECT_EQ(matmul(a, whole({4})).shape(), (eg::Shape{2, 1, 3}));
}

// 24: nothing to sum is 0.
TEST(Matmul, Empty) {
  EXPECT_TRUE(same(matmul(Tensor::zeros({2, 0}), Tensor::zeros({0, 3})), Tensor::zeros({2, 3})));
  EXPECT_EQ(matmul(Tensor::zeros({0, 4}), Tensor::zeros({4, 3})).shape(), (eg::Shape{0, 3}));
  EXPECT_EQ(matmul(Tensor::zeros({0, 2, 3}), Tensor::zeros({3, 4})).shape(), (eg::Shape{0, 2, 4}));
  EXPECT_EQ(matmul(Tensor::zeros({0}), Tensor::zeros({0})).item(), 0);
}

// 26: both shapes, the caller's line.
TEST(Matmul, RefusesWhatDoesNotFit) {
  const auto refused = [](const Tensor& a, const Tensor& b) {
    return support::message_of<eg::ShapeError>([&] { (void)matmul(a, b); });
  };
  const std::string inner = refused(Tensor::zeros({4, 2}), Tensor::zeros({3, 8}));
  EXPECT_NE(inner.find("matmul: inner sizes differ: a is [4, 2], b is [3, 8]"), std::string::npos) << inner;
  EXPECT_NE(inner.find("(matmul.cpp:"), std::string::npos) << inner;
  EXPECT_NE(refused(Tensor::full({}, 1.), Tensor::zeros({3})).find("a is [], b is [3]"), std::string::npos);
  EXPECT_NE(refused(Tensor::zeros({2, 3, 4}), Tensor::zeros({3, 4, 5})).find("do not broadcast"), std::string::npos);
}

// 20: transposed views of the same numbers.
TEST(Matmul, TransposedInputs) {
  const Tensor a = whole({7, 5}), b = whole({7, 3});
  EXPECT_TRUE(matmul(transpose(a), b).matrix() == Eigen::MatrixXd(a.matrix().transpose() * b.matrix()));
  EXPECT_TRUE(same(transpose(matmul(transpose(a), b)), matmul(transpose(b), a)));
}

// 22: the closed form of its gradient.
TEST(Matmul, GradientInClosedForm) {
  const eg::Parameter<double> a(whole({3, 4})), b(whole({4, 5}));
  const Tensor seed = whole({3, 5});
  eg::Tape tape;
  tape.backward(matmul(a, b), seed);
  EXPECT_TRUE(a.grad().matrix() == Eigen::MatrixXd(seed.matrix() * b.value().matrix().transpose()));
  EXPECT_TRUE(b.grad().matrix() == Eigen::MatrixXd(a.value().matrix().transpose() * seed.matrix()));
}
