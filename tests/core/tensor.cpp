#include "eigengrad/core/tensor.hpp"

#include <gtest/gtest.h>

#include "support/message.hpp"

// Numbers in comments are lines of the reliability list.
namespace eg = eigengrad;
using support::message_of;
using Tensor = eg::Tensor<double>;

namespace {

bool same(const Tensor& a, const Tensor& b) { return a.shape() == b.shape() && (a.array() == b.array()).all(); }

}  // namespace

TEST(Tensor, KnowsItsShapeAndElements) {
  const Tensor t = {{1, 2, 3}, {4, 5, 6}};
  EXPECT_EQ(t.shape(), (eg::Shape{2, 3}));
  EXPECT_EQ(t.rank(), 2);
  EXPECT_EQ(t.size(), 6);
  EXPECT_EQ(t.size(-1), 3);
  EXPECT_EQ(t(1, 0), 4);
  EXPECT_EQ(std::vector<double>(t.begin(), t.end()), (std::vector<double>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(Tensor::full({}, 7.).item(), 7);
  EXPECT_EQ(Tensor::full({}, 7.)(), 7);
  EXPECT_EQ(Tensor{{{7}}}.item(), 7);
  EXPECT_EQ(Tensor().shape(), eg::Shape{0});
}

TEST(Tensor, ChecksPositions) {
  Tensor t = {{1, 2, 3}, {4, 5, 6}};
  EXPECT_THROW((void)t(2, 0), eg::IndexError);
  EXPECT_THROW((void)t(0, -1), eg::IndexError);
  EXPECT_THROW((void)t(0), eg::IndexError);
  EXPECT_THROW(t.at(0, 3) = 1, eg::IndexError);
  EXPECT_NE(message_of<eg::IndexError>([&] { (void)t(0, 3); }).find("position 3 on axis 1 is outside shape [2, 3]"),
            std::string::npos);
  const std::string text = message_of<eg::ShapeError>([&] { t.item(); });
  EXPECT_NE(text.find("item: shape [2, 3] has 6 elements"), std::string::npos);
  EXPECT_NE(text.find("(tensor.cpp:"), std::string::npos);
  EXPECT_THROW(Tensor().item(), eg::ShapeError);
}

// 16, 17: copies share until one is written to.
TEST(Tensor, CopyOnWrite) {
  Tensor a = {1, 2, 3};
  Tensor b = a;
  EXPECT_EQ(a.data(), b.data());
  b.at(0) = 10;
  EXPECT_EQ(a(0), 1);
  EXPECT_EQ(b(0), 10);
  const double* before = b.data();
  b.at(1) = 20;  // alone: in place
  EXPECT_EQ(b.data(), before);
  a.mutable_matrix()(2, 0) = 30;
  EXPECT_EQ(a(2), 30);
  EXPECT_EQ(b(2), 3);
}

// 17
TEST(Tensor, MoveAndSelfAssignment) {
  Tensor a = {1, 2, 3};
  const double* data = a.data();
  Tensor b = std::move(a);
  EXPECT_EQ(b.data(), data);
  Tensor& alias = b;
  b = alias;
  EXPECT_EQ(b(2), 3);
  b = std::move(alias);
  EXPECT_TRUE(same(b, Tensor{1, 2, 3}));
  a = b;  // a moved-from tensor can be assigned to
  EXPECT_TRUE(same(a, b));
  std::swap(a, b);
  std::vector<Tensor> many(10, a);
  many.erase(many.begin(), many.begin() + 5);
  many.resize(100, b);
  EXPECT_TRUE(same(many[3], a) && same(many[99], b));
}

TEST(Tensor, AliasSharesItsBuffer) {
  Tensor rows = {{1, 2}, {3, 4}, {5, 6}};
  Tensor last = kernel_access(rows).alias({2, 2}, 2);
  EXPECT_TRUE(same(last, Tensor{{3, 4}, {5, 6}}));
  last.at(0, 0) = 30;
  EXPECT_EQ(rows(1, 0), 3);
  rows = Tensor();  // the rest stays
  last = kernel_access(last).alias({2}, 2);
  EXPECT_TRUE(same(last, Tensor{5, 6}));
}

// 20, 27: Eigen matrices of both storage orders, blocks, transposes and maps.
TEST(Tensor, FromEigen) {
  Eigen::MatrixXd columns(2, 3);
  columns << 1, 2, 3, 4, 5, 6;
  const Eigen::Matrix<float, 2, 3, Eigen::RowMajor> rows = columns.cast<float>();
  const Tensor expected = {{1, 2, 3}, {4, 5, 6}};
  EXPECT_TRUE(same(Tensor::from_eigen(columns), expected));
  EXPECT_TRUE(same(Tensor::from_eigen(rows), expected));
  EXPECT_TRUE(same(Tensor::from_eigen(columns.transpose()), Tensor{{1, 4}, {2, 5}, {3, 6}}));
  EXPECT_TRUE(same(Tensor::from_eigen(columns.rightCols(2)), Tensor{{2, 3}, {5, 6}}));
  EXPECT_TRUE(same(Tensor::from_eigen(columns.block(0, 1, 1, 2)), Tensor{{2, 3}}));
  EXPECT_TRUE(same(Tensor::from_eigen(2 * columns.array() + 1), Tensor{{3, 5, 7}, {9, 11, 13}}));
  EXPECT_TRUE(same(Tensor::from_eigen(Eigen::VectorXd(columns.row(1))), Tensor{4, 5, 6}));
  EXPECT_TRUE(same(Tensor::from_eigen(Eigen::Map<const Eigen::MatrixXd, 0, Eigen::OuterStride<>>(
                       columns.data(), 2, 2, Eigen::OuterStride<>(4))),
                   Tensor{{1, 3}, {4, 6}}));
  EXPECT_EQ(Tensor::from_eigen(Eigen::MatrixXd(0, 3)).shape(), (eg::Shape{0, 3}));
  EXPECT_TRUE(expected.matrix() == columns);  // and back
}

TEST(Tensor, ViewReadsWithoutACopyAndNeverWrites) {
  double numbers[] = {1, 2, 3, 4, 5, 6};
  Tensor view = Tensor::view(numbers, {2, 3});
  EXPECT_EQ(view.data(), numbers);
  view.at(0, 0) = 10;
  EXPECT_EQ(numbers[0], 1);
  EXPECT_EQ(view(0, 0), 10);
  const Eigen::Matrix<double, 2, 3, Eigen::RowMajor> matrix{{1, 2, 3}, {4, 5, 6}};
  EXPECT_EQ(Tensor::view(matrix).data(), matrix.data());
  EXPECT_EQ(Tensor::view(Eigen::Map<const Eigen::Matrix<double, 2, 3, Eigen::RowMajor>>(numbers)).shape(),
            (eg::Shape{2, 3}));
}

TEST(Tensor, EigenMaps) {
  const Tensor batch = Tensor::full({2, 3, 4}, 1.), vector = {1, 2}, scalar = Tensor::full({}, 3.),
               none = Tensor::zeros({3, 0});
  EXPECT_EQ(batch.matrix().rows(), 6);
  EXPECT_EQ(batch.matrix().cols(), 4);
  EXPECT_EQ(vector.matrix().rows(), 2);
  EXPECT_EQ(vector.matrix().cols(), 1);
  EXPECT_EQ(scalar.matrix()(0, 0), 3);
  EXPECT_EQ(none.matrix().rows(), 3);
  EXPECT_EQ(none.matrix().cols(), 0);
  EXPECT_EQ(batch.array().sum(), 24);
}

// 24
TEST(Tensor, Empty) {
  for (const eg::Shape& shape : {eg::Shape{0}, eg::Shape{0, 3}, eg::Shape{3, 0}, eg::Shape{0, 0}}) {
    Tensor t = Tensor::zeros(shape), copy = t;
    EXPECT_EQ(t.size(), 0);
    EXPECT_EQ(t.begin(), t.end());
    copy.mutable_data();
    EXPECT_EQ(copy.shape(), shape);
    EXPECT_EQ(copy.array().sum(), 0);
  }
}

TEST(Tensor, IsAlignedToACacheLine) {
  for (eg::Index size = 1; size < 200; size += 7)
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(Tensor::zeros({size}).data()) % 64, 0u);
}

// What does not convert says so also to templates that ask (tests/packaging/messages has what compilers say).
static_assert(!std::is_convertible_v<Tensor, double> && !std::is_constructible_v<bool, Tensor>);
static_assert(!std::is_convertible_v<Eigen::MatrixXd, Tensor> && !std::is_convertible_v<Tensor, Eigen::MatrixXd>);
static_assert(!std::is_constructible_v<Tensor, std::vector<double>>);

TEST(Tensor, AnElementReadFromAVariableIsAConstantInPlace) {
  Tensor t = {{1, 2}, {3, 4}};
  static_assert(std::is_same_v<decltype(t(0, 1)), const double&>);
  static_assert(std::is_same_v<decltype(std::as_const(t)(0, 1)), double>);
  static_assert(std::is_same_v<decltype(std::declval<Tensor>()(0, 1)), double>);  // nothing is left of a temporary
  auto kept = t(0, 1);
  t.at(0, 1) = t(1, 1);
  EXPECT_EQ(kept, 2);
  EXPECT_EQ(t(0, 1), 4);
}

TEST(Tensor, OtherNumberTypes) {
  const eg::Tensor<std::int64_t> labels = {3, 1, 2};
  const eg::Tensor<bool> mask = {{true, false}};
  const eg::Tensor<float> small = {1, 2.5, 3.f};
  EXPECT_EQ(labels(0), 3);
  EXPECT_FALSE(mask(0, 1));
  EXPECT_EQ(small(1), 2.5f);
}

// 28: 2^58 numbers of 64 bytes would be 0 bytes.
TEST(Tensor, MoreBytesThanCanBeAddressedAreAnError) {
  using Deep = eg::Dual<eg::Dual<eg::Dual<double>>>;
  for (const auto make : {&eg::Tensor<Deep>::zeros, &eg::Tensor<Deep>::empty, &eg::Tensor<Deep>::ones}) {
    const std::string text = message_of<eg::ShapeError>([&] { (void)make({eg::Index{1} << 58}); });
    EXPECT_NE(text.find("288230376151711744 numbers of 64 bytes each are more than can be addressed"),
              std::string::npos)
        << text;
  }
  EXPECT_THROW((void)Tensor::zeros({eg::Index{1} << 58}), eg::Error);
}

// What was handed out to write by stays with its tensor: who copies it, or records it, takes numbers of its own.
TEST(TensorLeaks, CopiesDoNotSeeWhatIsWrittenLater) {
  const auto expect_own = [](const auto& leak, const auto& copy_of) {
    eg::Tensor<double> a = {{1, 2}, {3, 4}};
    double* const kept = leak(a);
    const eg::Tensor<double> copy = copy_of(a);
    *kept = 9;
    EXPECT_EQ(*copy.data(), 1);
    EXPECT_EQ(a(0, 0), 9) << "it is the tensor's";
    const eg::Tensor<double> later = copy_of(a);
    *kept = 10;
    EXPECT_EQ(*later.data(), 9);
  };
  const auto all_copies = [&](const auto& leak) {
    expect_own(leak, [](const auto& t) { return t; });
    expect_own(leak, [](const auto& t) { return t.detach(); });
    expect_own(leak, [](const auto& t) { return kernel_access(t).alias({4}); });
    expect_own(leak, [](const auto& t) { return kernel_access(t).alias({2}, 0); });
    expect_own(leak, [](const auto& t) {
      eg::Tensor<double> assigned{7};
      assigned = t;
      return assigned;
    });
    expect_own(leak, [](const auto& t) { return std::vector<eg::Tensor<double>>{t, t}[1]; });
    expect_own(leak, [](const auto& t) { return [t] { return t; }(); });
  };
  all_copies([](auto& t) { return &t.at(0, 0); });
  all_copies([](auto& t) { return t.mutable_data(); });
  all_copies([](auto& t) { return t.mutable_matrix().data(); });
  all_copies([](auto& t) { return t.mutable_array().data(); });
}

TEST(TensorLeaks, MovingTakesThemAlongAndSelfAssignmentKeepsThem) {
  eg::Tensor<double> a = {1, 2};
  double& kept = a.at(0);
  eg::Tensor<double> moved = std::move(a);
  moved = *&moved;
  kept = 5;
  EXPECT_EQ(moved(0), 5);
}

TEST(TensorLeaks, CopiesOfACopyShareItsNumbers) {
  eg::Tensor<double> a = {1, 2};
  a.at(0) = 3;
  const eg::Tensor<double> first = a;
  const eg::Tensor<double> second = first;
  EXPECT_EQ(first.data(), second.data());
  EXPECT_NE(first.data(), std::as_const(a).data());
}
