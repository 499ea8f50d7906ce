#include <eigengrad/ops/functions.hpp>
#include <eigengrad/ops/join.hpp>

#include "support/message.hpp"
#include "support/numeric.hpp"

namespace eg = eigengrad;
using eg::Shape;
using eg::Tensor;
using support::message_of;

namespace {

const Tensor<double> a = {{1, 2}, {3, 4}}, b = {{5, 6}};

}  // namespace

TEST(Concatenate, PutsTensorsOneAfterAnother) {
  expect_tensor<double>(eg::concatenate({a, b}), {3, 2}, {1, 2, 3, 4, 5, 6});
  expect_tensor<double>(eg::concatenate({a, eg::transpose(b)}, 1), {2, 3}, {1, 2, 5, 3, 4, 6});
  expect_tensor<double>(eg::concatenate({a, eg::transpose(b)}, -1), {2, 3}, {1, 2, 5, 3, 4, 6});
  expect_tensor<double>(eg::concatenate(std::vector<Tensor<double>>{b, b, b}), {3, 2}, {5, 6, 5, 6, 5, 6});
  expect_tensor<double>(eg::concatenate<double>({a, 2 * b}), {3, 2}, {1, 2, 3, 4, 10, 12});
  expect_tensor<double>(eg::concatenate({a, Tensor<double>::zeros({0, 2})}), {2, 2}, {1, 2, 3, 4});
  expect_tensor<int>(eg::concatenate({Tensor<int>{1}, Tensor<int>{2, 3}}), {3}, {1, 2, 3});
  EXPECT_EQ(eg::concatenate({Tensor<double>::zeros({2, 0}), Tensor<double>::zeros({3, 0})}).shape(), (Shape{5, 0}));
  const auto cubes = eg::concatenate({Tensor<double>::ones({2, 1, 3}), Tensor<double>::zeros({2, 2, 3})}, 1);
  EXPECT_EQ(cubes.shape(), (Shape{2, 3, 3}));
  EXPECT_EQ(cubes(1, 0, 2), 1);
  EXPECT_EQ(cubes(0, 1, 0), 0);
}

TEST(Concatenate, RefusesWhatDoesNotFit) {
  expect_error<eg::ShapeError>([] { eg::concatenate({a, b}, 1); },
                               {"concatenate", "[2, 2]", "[1, 2]", "axis 1", "join.cpp"});
  expect_error<eg::ShapeError>([] { eg::concatenate({a, Tensor<double>{1, 2}}); }, {"[2, 2]", "[2]"});
  expect_error<eg::ShapeError>([] { eg::concatenate(std::vector<Tensor<double>>()); },
                               {"concatenate: there are no tensors"});
  expect_error<eg::IndexError>([] { eg::concatenate({a, a}, 2); }, {"concatenate: axis 2"});
  EXPECT_THROW(eg::concatenate({Tensor<double>::ones({}), Tensor<double>::ones({})}), eg::IndexError);
}

TEST(Stack, MakesANewAxis) {
  const Tensor<double> u = {1, 2, 3}, v = {4, 5, 6};
  expect_tensor<double>(eg::stack({u, v}), {2, 3}, {1, 2, 3, 4, 5, 6});
  expect_tensor<double>(eg::stack({u, v}, 1), {3, 2}, {1, 4, 2, 5, 3, 6});
  expect_tensor<double>(eg::stack({u, v}, -1), {3, 2}, {1, 4, 2, 5, 3, 6});
  expect_tensor<double>(eg::stack({Tensor<double>::ones({}), Tensor<double>::zeros({})}), {2}, {1, 0});
  expect_tensor<double>(eg::stack(std::vector<Tensor<double>>{u}), {1, 3}, {1, 2, 3});
  expect_error<eg::ShapeError>([&] { eg::stack({u, Tensor<double>{1, 2}}); }, {"stack", "[3]", "[2]"});
  expect_error<eg::ShapeError>([] { eg::stack(std::vector<Tensor<double>>()); }, {"stack: there are no tensors"});
  EXPECT_THROW(eg::stack({u, v}, 2), eg::IndexError);
}

TEST(Split, IsTheWayBack) {
  const auto x = kernel_access(Tensor<double>::arange(12)).alias({3, 4});
  const auto halves = eg::split(x, 2, 1);
  ASSERT_EQ(halves.size(), 2u);
  expect_tensor<double>(halves[1], {3, 2}, {2, 3, 6, 7, 10, 11});
  const auto rows = eg::split(x, {1, 2, 0});
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[1].shape(), (Shape{2, 4}));
  EXPECT_EQ(rows[1].data(), x.data() + 4);
  EXPECT_EQ(rows[2].shape(), (Shape{0, 4}));
  const auto again = eg::concatenate(eg::split(x, 4, -1), -1);
  EXPECT_TRUE(std::equal(again.begin(), again.end(), x.begin()));
  expect_error<eg::ShapeError>([&] { eg::split(x, 2); }, {"split: 2 sections", "axis 0", "[3, 4]"});
  expect_error<eg::ShapeError>([&] { eg::split(x, {1, 1}); }, {"split: the sizes add up to 2", "[3, 4]"});
  EXPECT_THROW(eg::split(x, 0), eg::ShapeError);
  EXPECT_THROW(eg::split(x, {4, -1}), eg::ShapeError);
  EXPECT_THROW(eg::split(x, 1, 2), eg::IndexError);
}

TEST(JoinGradients, AgreeWithDifferences) {
  for (const Shape& shape : {Shape{2, 3}, Shape{1, 1}, Shape{1, 4}, Shape{4, 1}, Shape{0, 3}, Shape{3, 0}}) {
    const auto x = Tensor<double>::randn(shape);
    for (const eg::Index axis : {0, 1, -1}) {
      expect_gradient([=](const auto& v) { return square(eg::concatenate({v, x, 2 * v}, axis)); }, x, "concatenate");
      expect_gradient([=](const auto& v) { return square(eg::stack({v, x, 2 * v}, axis)); }, x, "stack");
    }
  }
  const auto x = Tensor<double>::randn({4, 6});
  expect_gradient([](const auto& v) { return eg::split(v, 3, 1)[1] * eg::split(v, 3, 1)[2]; }, x, "split");
}

TEST(JoinGradients, OnlyTheRecordedPartsGetOne) {
  const eg::Parameter<double> p(a), q(b);
  eg::Tape tape;
  const auto y = eg::concatenate<double>({p, b, q});
  EXPECT_EQ(tape.operations(), (std::vector<std::string>{"concatenate"}));
  tape.backward(y, Tensor<double>{{1, 2}, {3, 4}, {5, 6}, {7, 8}});
  expect_tensor<double>(p.grad(), {2, 2}, {1, 2, 3, 4});
  expect_tensor<double>(q.grad(), {1, 2}, {7, 8});
  EXPECT_EQ(kernel_access(eg::concatenate({a, b})).link().node, nullptr);
}

// Parameters and formulas in braces keep their identity: nothing is copied that a gradient should reach.
TEST(JoinGradients, BracesOfParametersAndFormulas) {
  const eg::Parameter<double> p(a);
  eg::Tape tape;
  const Tensor<double> y = eg::concatenate({p, 2 * p, b}), z = eg::stack({p, p});
  tape.backward(y, Tensor<double>::ones({5, 2}), {.retain_graph = true});
  tape.backward(z, Tensor<double>::ones({2, 2, 2}));
  expect_tensor<double>(p.grad(), {2, 2}, {5, 5, 5, 5});
  const Tensor<float> f = {1};
  EXPECT_EQ(eg::concatenate({f, 2 * f})(1), 2);
  EXPECT_EQ(eg::stack({Tensor<std::int64_t>{1}, Tensor<std::int64_t>{2}})(1, 0), 2);
}

// 28: sizes that nobody can have.
TEST(Split, SizesThatOverflowAreAnError) {
  constexpr eg::Index largest = std::numeric_limits<eg::Index>::max();
  const std::string text = message_of<eg::ShapeError>([] { (void)eg::split(a, {largest, largest, 4}, 0); });
  EXPECT_NE(text.find("split: sizes 0 and 9223372036854775807 add up to more than can be indexed"), std::string::npos)
      << text;
}
TEST(Concatenate, EmptyPartsWhoseSizesOverflowAreAnError) {
  const std::vector<Tensor<double>> parts(20, Tensor<double>::zeros({eg::Index{1} << 58, 0}));
  EXPECT_THROW((void)eg::concatenate(parts), eg::ShapeError);
}
