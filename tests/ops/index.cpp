#include <eigengrad/ops/functions.hpp>
#include <eigengrad/ops/index.hpp>
#include <eigengrad/ops/sum.hpp>

#include "support/close.hpp"
#include "support/numeric.hpp"

namespace eg = eigengrad;
using eg::Shape;
using eg::Tensor;
using Places = Tensor<std::int64_t>;

namespace {

const Tensor<double> x = {{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11}};

}  // namespace

TEST(Slice, TakesAPartOfAnAxis) {
  expect_tensor<double>(eg::slice(x, 0, 1, 3), {2, 4}, {4, 5, 6, 7, 8, 9, 10, 11});
  expect_tensor<double>(eg::slice(x, 1, 1, 3), {3, 2}, {1, 2, 5, 6, 9, 10});
  expect_tensor<double>(eg::slice(x, -1, 2), {3, 2}, {2, 3, 6, 7, 10, 11});
  expect_tensor<double>(eg::slice(x, 1, 0, eg::to_the_end, 2), {3, 2}, {0, 2, 4, 6, 8, 10});
  expect_tensor<double>(eg::slice(x, 0, 0, 3, 2), {2, 4}, {0, 1, 2, 3, 8, 9, 10, 11});
  expect_tensor<double>(eg::slice(x, 1, 3, 4, 9), {3, 1}, {3, 7, 11});
  expect_tensor<double>(eg::slice(x, 1, -3, -1), {3, 2}, {1, 2, 5, 6, 9, 10});
  expect_tensor<double>(eg::slice(-x, 0, -1), {1, 4}, {-8, -9, -10, -11});
  expect_tensor<int>(eg::slice(Tensor<int>{1, 2, 3}, 0, 1), {2}, {2, 3});
  EXPECT_EQ(eg::slice(x, 1, 2, 2).shape(), (Shape{3, 0}));
  EXPECT_EQ(eg::slice(x, 0, 3).shape(), (Shape{0, 4}));
  EXPECT_EQ(eg::slice(x, 0, 2, 1).shape(), (Shape{0, 4}));
  EXPECT_EQ(eg::slice(Tensor<double>::zeros({0, 3}), 0, 0, 0).shape(), (Shape{0, 3}));
  EXPECT_EQ(eg::slice(Tensor<double>::zeros({3, 0}), 0, 1).shape(), (Shape{2, 0}));
}

TEST(Slice, OfLeadingRowsSharesTheBuffer) {
  auto rows = eg::slice(x, 0, 1, 3);
  EXPECT_EQ(rows.data(), x.data() + 4);
  EXPECT_EQ(eg::slice(kernel_access(Tensor<double>(x)).alias({1, 12}), 1, 5, 8).data(), x.data() + 5);
  rows.at(0, 0) = 99;
  EXPECT_EQ(x(1, 0), 4);
}

TEST(Slice, RefusesPositionsOutside) {
  expect_error<eg::IndexError>([] { eg::slice(x, 1, 0, 5); },
                               {"slice: end 5", "axis 1", "[3, 4]", "-4 to 4", "index.cpp"});
  expect_error<eg::IndexError>([] { eg::slice(x, 0, -4); }, {"slice: begin -4", "axis 0"});
  expect_error<eg::IndexError>([] { eg::slice(x, 2, 0); }, {"slice: axis 2"});
  expect_error<eg::ValueError>([] { eg::slice(x, 0, 0, 2, 0); }, {"slice: the step is 0"});
  EXPECT_THROW(eg::slice(x, 0, 2, 0, -1), eg::ValueError);
}

TEST(Select, DropsTheAxis) {
  expect_tensor<double>(eg::select(x, 0, 1), {4}, {4, 5, 6, 7});
  expect_tensor<double>(eg::select(x, 1, -1), {3}, {3, 7, 11});
  expect_tensor<double>(eg::select(Tensor<double>{5, 6}, 0, 1), {}, {6});
  EXPECT_EQ(eg::select(x, 0, 2).data(), x.data() + 8);
  EXPECT_EQ(eg::select(Tensor<double>::zeros({3, 0}), 0, 1).shape(), (Shape{0}));
  expect_error<eg::IndexError>([] { eg::select(x, 0, 3); }, {"select: position 3", "axis 0", "[3, 4]"});
  EXPECT_THROW(eg::select(x, 1, -5), eg::IndexError);
  EXPECT_THROW(eg::select(Tensor<double>::zeros({0, 3}), 0, 0), eg::IndexError);
}

TEST(IndexSelect, TakesTheListedPositions) {
  expect_tensor<double>(eg::index_select(x, 0, Places{2, 0, 2}), {3, 4}, {8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11});
  expect_tensor<double>(eg::index_select(x, -1, Places{3, 1}), {3, 2}, {3, 1, 7, 5, 11, 9});
  EXPECT_EQ(eg::index_select(x, 0, Places()).shape(), (Shape{0, 4}));
  EXPECT_EQ(eg::index_select(Tensor<double>::zeros({3, 0}), 0, Places{1}).shape(), (Shape{1, 0}));
  expect_error<eg::IndexError>([] { eg::index_select(x, 0, Places{0, 3}); },
                               {"index_select: index 3 at position 1", "axis 0", "[3, 4]"});
  EXPECT_THROW(eg::index_select(x, 0, Places{-1}), eg::IndexError);
  expect_error<eg::ShapeError>([] { eg::index_select(x, 0, Places{{0}}); }, {"index_select", "[1, 1]", "[3, 4]"});
}

TEST(Gather, FollowsPyTorch) {
  expect_tensor<double>(eg::gather(x, 1, Places{{3}, {0}, {2}}), {3, 1}, {3, 4, 10});
  expect_tensor<double>(eg::gather(x, 1, Places{{3, 3, 0, 1, 2}, {0, 0, 0, 0, 0}}), {2, 5},
                        {3, 3, 0, 1, 2, 4, 4, 4, 4, 4});
  expect_tensor<double>(eg::gather(x, 0, Places{{2, 0, 1}}), {1, 3}, {8, 1, 6});
  expect_tensor<double>(eg::gather(Tensor<double>{7, 8, 9}, -1, Places{2, 2}), {2}, {9, 9});
  const Tensor<double> cube = {{{0, 1}, {2, 3}}, {{4, 5}, {6, 7}}};
  expect_tensor<double>(eg::gather(cube, 1, Places{{{1, 0}}, {{0, 1}}}), {2, 1, 2}, {2, 1, 4, 7});
  EXPECT_EQ(eg::gather(x, 1, Places::zeros({0, 2})).shape(), (Shape{0, 2}));
  EXPECT_EQ(eg::gather(x, 1, Places::zeros({3, 0})).shape(), (Shape{3, 0}));
  expect_error<eg::IndexError>([] { eg::gather(x, 1, Places{{0}, {4}}); },
                               {"gather: index 4 at element 1", "axis 1", "[3, 4]"});
  EXPECT_THROW(eg::gather(x, 0, Places{{-1}}), eg::IndexError);
  expect_error<eg::ShapeError>([] { eg::gather(x, 1, Places{0}); }, {"gather", "[1]", "[3, 4]"});
  EXPECT_THROW(eg::gather(x, 1, Places::zeros({4, 1})), eg::ShapeError);
}

TEST(IndexGradients, AgreeWithDifferences) {
  const auto cube = Tensor<double>::randn({3, 4, 5});
  for (const eg::Index axis : {0, 1, 2, -1}) {
    expect_gradient([=](const auto& v) { return square(eg::slice(v, axis, 1, 3)); }, cube, "slice");
    expect_gradient([=](const auto& v) { return eg::slice(v, axis, 0, eg::to_the_end, 2); }, cube, "slice by 2");
    expect_gradient([=](const auto& v) { return eg::slice(v, axis, 2, 2); }, cube, "empty slice");
    expect_gradient([=](const auto& v) { return square(eg::select(v, axis, -1)); }, cube, "select");
    expect_gradient([=](const auto& v) { return square(eg::index_select(v, axis, Places{2, 0, 2, 2})); }, cube,
                    "index_select");
    expect_gradient([=](const auto& v) { return eg::index_select(v, axis, Places()); }, cube, "index_select none");
  }
  expect_gradient([](const auto& v) { return square(eg::gather(v, 1, Places{{3, 3, 0}, {1, 2, 1}})); }, x, "gather");
  expect_gradient([](const auto& v) { return square(eg::gather(v, 0, Places{{2, 0}, {2, 1}, {2, 0}, {1, 1}})); }, x,
                  "gather");
  for (const Shape& shape : {Shape{1, 1}, Shape{1, 5}, Shape{5, 1}})
    expect_gradient([](const auto& v) { return eg::slice(eg::select(v, 0, 0), 0, 0, 1); }, Tensor<double>::randn(shape),
                    "edge shapes");
  expect_gradient([](const auto& v) { return eg::slice(v, 1, 1); }, Tensor<double>::zeros({0, 3}), "no rows");
}

TEST(IndexGradients, OfAllRowsAddUpToTheWhole) {
  const eg::Parameter<double> p(x);
  eg::Tape tape;
  Tensor<double> total = Tensor<double>::zeros({4});
  for (eg::Index row = 0; row < 3; ++row) total = total + eg::select(p, 0, row) * static_cast<double>(row + 1);
  tape.backward(total, Tensor<double>::ones({4}));
  expect_tensor<double>(p.grad(), {3, 4}, {1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3});
}

// 63: an element that can be differentiated.
TEST(Element, IsPartOfTheTapeWhereAReadIsNot) {
  const eg::Parameter<double> p(Tensor<double>{1, 2});
  eg::Tape tape;
  const Tensor<double> h = 2 * p;
  const Tensor<double> first = element(h, 0);
  EXPECT_EQ(first.shape(), Shape{});
  EXPECT_EQ(first.item(), 2);
  tape.backward(sum(first * h));
  expect_tensor<double>(p.grad(), {2}, {16, 4});
}

TEST(Element, OfParametersFormulasAndOtherTypes) {
  const eg::Parameter<double> p(Tensor<double>{{1, 2}, {3, 4}});
  eg::Tape tape;
  tape.backward(element(p, 1, 0) * element(p * 10, -2, -1));
  expect_tensor<double>(p.grad(), {2, 2}, {0, 30, 20, 0});
  EXPECT_EQ(element(Tensor<std::int64_t>{5, 6, 7}, -1).item(), 7);
  EXPECT_EQ(element(Tensor<double>::full({}, 3)).item(), 3);
}

TEST(Element, RefusesWhatIsNoPosition) {
  const Tensor<double> t = {{1, 2}, {3, 4}};
  EXPECT_TRUE(support::mentions(support::message_of<eg::IndexError>([&] { element(t, 0, 2); }),
                                {"element: position 2 is outside axis 1 of shape [2, 2]", "index.cpp:"}));
  EXPECT_THROW(element(t, -3, 0), eg::IndexError);
  EXPECT_TRUE(support::mentions(support::message_of<eg::IndexError>([&] { element(t, 0); }),
                                {"1 positions for shape [2, 2]", "one for each"}));
  EXPECT_THROW(element(t), eg::IndexError);
}
