#include <eigengrad/ops/functions.hpp>
#include <eigengrad/ops/shape.hpp>

#include "support/numeric.hpp"

namespace eg = eigengrad;
using eg::Shape;
using eg::Tensor;

namespace {

Tensor<double> counted(const Shape& shape) {
  return kernel_access(Tensor<double>::arange(static_cast<double>(shape.size()))).alias(shape);
}

/// What permute must give, element by element.
Tensor<double> slowly_permuted(const Tensor<double>& x, const std::vector<eg::Index>& order) {
  Shape shape;
  for (const eg::Index axis : order) shape.push_back(x.shape()[axis]);
  Tensor<double> result = Tensor<double>::empty(shape);
  std::vector<eg::Index> position(order.size(), 0);
  for (eg::Index k = 0; k < result.size(); ++k) {
    eg::Index rest = k, from = 0;
    for (std::size_t a = order.size(); a-- > 0;) {
      position[static_cast<std::size_t>(order[a])] = rest % shape[static_cast<eg::Index>(a)];
      rest /= shape[static_cast<eg::Index>(a)];
    }
    for (std::size_t a = 0; a < order.size(); ++a) from = from * x.shape()[static_cast<eg::Index>(a)] + position[a];
    result.mutable_data()[k] = x.data()[from];
  }
  return result;
}

eg::Axes axes_of(const std::vector<eg::Index>& order) {
  eg::Axes axes;
  for (const eg::Index axis : order) axes.axes[axes.count++] = axis;
  return axes;
}

}  // namespace

TEST(Reshape, KeepsTheNumbersAndTheBuffer) {
  const auto x = counted({2, 6});
  for (const auto& y :
       {eg::reshape(x, {3, 4}), eg::reshape(x, {-1, 4}), eg::reshape(x, {3, -1}), eg::reshape(x, Shape{3, 4})}) {
    EXPECT_EQ(y.shape(), (Shape{3, 4}));
    EXPECT_EQ(y.data(), x.data());
  }
  EXPECT_EQ(eg::reshape(x, {-1}).shape(), (Shape{12}));
  EXPECT_EQ(eg::reshape(Tensor<double>{5}, {}).shape(), Shape{});
  EXPECT_EQ(eg::reshape(Tensor<double>::ones({}), {1, 1}).shape(), (Shape{1, 1}));
  EXPECT_EQ(eg::reshape(x + 1, {4, 3})(3, 2), 12);
}

TEST(Reshape, OfEmptyTensors) {
  EXPECT_EQ(eg::reshape(Tensor<float>::zeros({0, 3}), {3, 0}).shape(), (Shape{3, 0}));
  EXPECT_EQ(eg::reshape(Tensor<float>::zeros({0, 3}), {-1, 5}).shape(), (Shape{0, 5}));
  EXPECT_THROW(eg::reshape(Tensor<float>::zeros({0, 3}), {-1, 0}), eg::ShapeError);
}

TEST(Reshape, WritingToTheResultLeavesTheSourceAlone) {
  const auto x = counted({4});
  auto y = eg::reshape(x, {2, 2});
  y.at(0, 0) = 9;
  EXPECT_EQ(x(0), 0);
}

TEST(Reshape, RefusesWhatDoesNotFit) {
  const auto x = counted({2, 3});
  expect_error<eg::ShapeError>([&] { eg::reshape(x, {4, 2}); },
                               {"reshape", "[2, 3]", "[4, 2]", "6 elements", "shape.cpp"});
  expect_error<eg::ShapeError>([&] { eg::reshape(x, {4, -1}); }, {"[4, -1]"});
  expect_error<eg::ShapeError>([&] { eg::reshape(x, {-1, -1}); }, {"only one size"});
  expect_error<eg::ShapeError>([&] { eg::reshape(x, {-2, 3}); }, {"-2"});
}

TEST(Flatten, MergesTheAxesFromOneOn) {
  const auto x = counted({2, 3, 4});
  EXPECT_EQ(eg::flatten(x).shape(), (Shape{24}));
  EXPECT_EQ(eg::flatten(x, 1).shape(), (Shape{2, 12}));
  EXPECT_EQ(eg::flatten(x, -1).shape(), (Shape{2, 3, 4}));
  EXPECT_EQ(eg::flatten(Tensor<double>::ones({})).shape(), (Shape{1}));
  EXPECT_EQ(eg::flatten(Tensor<double>::ones({0, 3, 2}), 1).shape(), (Shape{0, 6}));
  EXPECT_THROW(eg::flatten(x, 3), eg::IndexError);
}

TEST(Squeeze, DropsAxesOfSizeOne) {
  const auto x = counted({1, 3, 1, 2});
  EXPECT_EQ(eg::squeeze(x).shape(), (Shape{3, 2}));
  EXPECT_EQ(eg::squeeze(x, 0).shape(), (Shape{3, 1, 2}));
  EXPECT_EQ(eg::squeeze(x, {0, -2}).shape(), (Shape{3, 2}));
  EXPECT_EQ(eg::squeeze(Tensor<double>::ones({1, 1})).shape(), Shape{});
  expect_error<eg::ShapeError>([&] { eg::squeeze(x, 1); }, {"squeeze: axis 1", "[1, 3, 1, 2]"});
  EXPECT_THROW(eg::squeeze(x, 4), eg::IndexError);
}

TEST(Unsqueeze, AddsAnAxisOfSizeOne) {
  const auto x = counted({3, 2});
  EXPECT_EQ(eg::unsqueeze(x, 0).shape(), (Shape{1, 3, 2}));
  EXPECT_EQ(eg::unsqueeze(x, 1).shape(), (Shape{3, 1, 2}));
  EXPECT_EQ(eg::unsqueeze(x, 2).shape(), (Shape{3, 2, 1}));
  EXPECT_EQ(eg::unsqueeze(x, -1).shape(), (Shape{3, 2, 1}));
  EXPECT_EQ(eg::unsqueeze(x, -3).shape(), (Shape{1, 3, 2}));
  expect_error<eg::IndexError>([&] { eg::unsqueeze(x, 3); }, {"unsqueeze: axis 3", "[3, 2]", "-3 to 2"});
  EXPECT_THROW(eg::unsqueeze(x, -4), eg::IndexError);
}

TEST(Transpose, SwapsTheLastTwoAxes) {
  expect_tensor<double>(eg::transpose(counted({2, 3})), {3, 2}, {0, 3, 1, 4, 2, 5});
  EXPECT_EQ(eg::transpose(counted({2, 3, 4}))(1, 2, 0), counted({2, 3, 4})(1, 0, 2));
  EXPECT_EQ(eg::transpose(counted({2, 3, 4}), 0, -1)(3, 1, 1), counted({2, 3, 4})(1, 1, 3));
  EXPECT_EQ(eg::transpose(counted({0, 3})).shape(), (Shape{3, 0}));
  EXPECT_EQ(eg::transpose(counted({5}), 0, 0).shape(), (Shape{5}));
  EXPECT_EQ(eg::transpose(counted({2, 3, 4}), {2, 0, 1})(3, 1, 2), counted({2, 3, 4})(1, 2, 3));
  expect_error<eg::ShapeError>([] { eg::transpose(counted({3})); }, {"transpose", "[3]", "two axes"});
  EXPECT_THROW(eg::transpose(counted({2, 3}), 0, 2), eg::IndexError);
}

TEST(Permute, EqualsTheDefinitionForEveryOrder) {
  for (const Shape& shape : {Shape{2, 3, 4, 5}, Shape{1, 17, 33, 2}, Shape{3, 1, 1, 19}, Shape{0, 2, 3, 4},
                             Shape{1, 1, 1, 1}, Shape{40, 1, 37, 1}}) {
    std::vector<eg::Index> order = {0, 1, 2, 3};
    do {
      const auto actual = eg::permute(counted(shape), axes_of(order)),
                 expected = slowly_permuted(counted(shape), order);
      ASSERT_EQ(actual.shape(), expected.shape());
      ASSERT_TRUE(std::equal(actual.begin(), actual.end(), expected.begin())) << eg::to_text(shape);
    } while (std::next_permutation(order.begin(), order.end()));
  }
  for (const Shape& shape : {Shape{100, 70}, Shape{16, 16}, Shape{1, 5}, Shape{5, 1}, Shape{17, 33}}) {
    const auto y = eg::transpose(counted(shape)), expected = slowly_permuted(counted(shape), {1, 0});
    EXPECT_TRUE(std::equal(y.begin(), y.end(), expected.begin())) << eg::to_text(shape);
  }
}

TEST(Permute, RefusesWhatIsNoOrder) {
  const auto x = counted({2, 3});
  EXPECT_EQ(eg::permute(x, {-1, 0}).shape(), (Shape{3, 2}));
  EXPECT_EQ(eg::permute(Tensor<double>::ones({}), {}).shape(), Shape{});
  expect_error<eg::ShapeError>([&] { eg::permute(x, {0}); }, {"permute: 1 axes", "[2, 3]"});
  expect_error<eg::ShapeError>([&] { eg::permute(x, {0, 0}); }, {"permute", "twice"});
  EXPECT_THROW(eg::permute(x, {0, 2}), eg::IndexError);
}

TEST(BroadcastTo, StretchesByNumPysRules) {
  expect_tensor<double>(eg::broadcast_to(Tensor<double>{1, 2}, {2, 2}), {2, 2}, {1, 2, 1, 2});
  expect_tensor<double>(eg::broadcast_to(Tensor<double>{{1}, {2}}, {2, 3}), {2, 3}, {1, 1, 1, 2, 2, 2});
  EXPECT_EQ(eg::broadcast_to(Tensor<double>::ones({3, 1}), {2, 3, 4}).shape(), (Shape{2, 3, 4}));
  EXPECT_EQ(eg::broadcast_to(Tensor<double>::ones({}), {2}).shape(), (Shape{2}));
  EXPECT_EQ(eg::broadcast_to(Tensor<double>::ones({1, 3}), {0, 3}).shape(), (Shape{0, 3}));
  expect_error<eg::ShapeError>([] { eg::broadcast_to(Tensor<double>::ones({2}), {3}); },
                               {"broadcast_to", "[2]", "[3]"});
  EXPECT_THROW(eg::broadcast_to(Tensor<double>::ones({2, 3}), {3}), eg::ShapeError);
  EXPECT_THROW(eg::broadcast_to(Tensor<double>::ones({3}), {1}), eg::ShapeError);
}

TEST(ShapeGradients, AgreeWithDifferences) {
  for (const Shape& shape : {Shape{2, 6}, Shape{1, 12}, Shape{12, 1}}) {
    const auto x = Tensor<double>::randn(shape);
    expect_gradient([](const auto& v) { return square(eg::reshape(v, {3, -1})); }, x, "reshape");
    expect_gradient([](const auto& v) { return square(eg::transpose(v)); }, x, "transpose");
    expect_gradient([](const auto& v) { return square(eg::flatten(eg::unsqueeze(v, 1))); }, x, "flatten");
    expect_gradient([](const auto& v) { return eg::squeeze(square(v)); }, x, "squeeze");
    expect_gradient([](const auto& v) { return square(eg::broadcast_to(v, {2, v.shape()[0], v.shape()[1]})); }, x,
                    "broadcast_to");
  }
  const auto x = Tensor<double>::randn({2, 3, 4});
  expect_gradient([](const auto& v) { return square(eg::permute(v, {2, 0, 1})); }, x, "permute");
  expect_gradient([](const auto& v) { return square(eg::broadcast_to(v, {3, 4})); }, Tensor<double>::randn({3, 1}),
                  "broadcast_to");
  for (const Shape& shape : {Shape{0, 3}, Shape{3, 0}}) {
    expect_gradient([](const auto& v) { return eg::transpose(v); }, Tensor<double>::zeros(shape));
    expect_gradient([](const auto& v) { return eg::flatten(v); }, Tensor<double>::zeros(shape));
  }
}

TEST(ShapeGradients, OneRecordForEach) {
  const eg::Parameter<float> p(Tensor<float>::ones({2, 3}));
  eg::Tape tape;
  const auto y = eg::transpose(eg::reshape(p, {3, 2}));
  EXPECT_EQ(tape.operations(), (std::vector<std::string>{"reshape", "permute"}));
  EXPECT_EQ(eg::reshape(y, {2, 3}).shape(), (Shape{2, 3}));
  EXPECT_EQ(tape.size(), 2);  // the shape it had already: nothing to record
}
