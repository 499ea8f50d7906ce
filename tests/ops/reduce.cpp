#include <eigengrad/autograd/tape.hpp>
#include <eigengrad/ops/functions.hpp>
#include <eigengrad/ops/reduce.hpp>
#include <eigengrad/ops/sum.hpp>

#include "support/numeric.hpp"

namespace eg = eigengrad;
using eg::Shape;
using eg::Tensor;
using Places = Tensor<std::int64_t>;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN(),
                 infinity = std::numeric_limits<double>::infinity();

/// The largest and the first place of it, one after another, along the middle of [outer, count, inner].
void slow_max(const Tensor<float>& x, eg::Index outer, eg::Index count, eg::Index inner, std::vector<float>& best,
              std::vector<std::int64_t>& places) {
  for (eg::Index o = 0; o < outer; ++o)
    for (eg::Index i = 0; i < inner; ++i) {
      eg::Index place = 0;
      const auto at = [&](eg::Index j) { return x.data()[(o * count + j) * inner + i]; };
      for (eg::Index j = 1; j < count; ++j)
        if (at(j) > at(place) || (std::isnan(at(j)) && !std::isnan(at(place)))) place = j;
      best.push_back(at(place));
      places.push_back(place);
    }
}

}  // namespace

TEST(Max, OverAllOrNamedAxes) {
  const Tensor<double> x = {{{1, 9, 3}, {4, 5, 6}}, {{7, 8, 2}, {0, -1, 11}}};
  expect_tensor<double>(eg::max(x), {}, {11});
  expect_tensor<double>(eg::max(x, {}, true), {1, 1, 1}, {11});
  expect_tensor<double>(eg::max(x, 0), {2, 3}, {7, 9, 3, 4, 5, 11});
  expect_tensor<double>(eg::max(x, 1), {2, 3}, {4, 9, 6, 7, 8, 11});
  expect_tensor<double>(eg::max(x, -1), {2, 2}, {9, 6, 8, 11});
  expect_tensor<double>(eg::max(x, {0, 1}), {3}, {7, 9, 11});
  expect_tensor<double>(eg::max(x, {1, 2}, true), {2, 1, 1}, {9, 11});
  expect_tensor<double>(eg::max(x, {2, 0}), {2}, {9, 11});
  expect_tensor<double>(eg::max(x, {0, 2}, true), {1, 2, 1}, {9, 11});
  expect_tensor<double>(eg::min(x), {}, {-1});
  expect_tensor<double>(eg::min(x, {0, 2}), {2}, {1, -1});
  expect_tensor<int>(eg::max(Tensor<int>{{3, -5}, {2, 9}}, 0), {2}, {3, 9});
  expect_tensor<double>(eg::max(-x, -1), {2, 2}, {-1, -4, -2, 1});
  expect_tensor<double>(eg::max(Tensor<double>::full({}, 3)), {}, {3});
}

TEST(Max, EqualsALoopOnEveryLengthAndLayout) {
  eg::Generator generator(3);
  for (const eg::Index count : {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 65, 100, 257})
    for (const auto& [outer, inner] : {std::pair<eg::Index, eg::Index>{1, 1}, {3, 1}, {1, 5}, {2, 3}, {2, 33}}) {
      Tensor<float> x = Tensor<float>::randint(-50, 50, {outer, count, inner}, generator);  // with ties
      if (count % 2 == 1) x.mutable_data()[generator.below(static_cast<std::uint64_t>(x.size()))] = std::nanf("");
      std::vector<float> best;
      std::vector<std::int64_t> places;
      slow_max(x, outer, count, inner, best, places);
      expect_tensor<float>(eg::max(x, 1), {outer, inner}, best);
      expect_tensor<std::int64_t>(eg::argmax(x, 1), {outer, inner}, places);
      for (float& number : best) number = -number;
      expect_tensor<float>(eg::min(-x, 1), {outer, inner}, best);
      expect_tensor<std::int64_t>(eg::argmin(-x, 1), {outer, inner}, places);
    }
}

TEST(Max, NanWins) {
  const Tensor<double> x = {{1, not_a_number, infinity}, {-infinity, 2, 3}};
  expect_tensor<double>(eg::max(x, 1), {2}, {not_a_number, 3});
  expect_tensor<double>(eg::min(x, 1), {2}, {not_a_number, -infinity});
  expect_tensor<double>(eg::max(x, 0), {3}, {1, not_a_number, infinity});
  expect_tensor<double>(eg::max(x), {}, {not_a_number});
  expect_tensor<std::int64_t>(eg::argmax(x), {}, {1});
  expect_tensor<std::int64_t>(eg::argmin(x, 1), {2}, {1, 0});
  for (const eg::Index place : {0, 5, 16, 40, 99}) {
    auto long_row = Tensor<float>::rand({100});
    long_row.at(place) = std::nanf("");
    EXPECT_TRUE(std::isnan(eg::max(long_row).item()) && std::isnan(eg::min(long_row).item()));
    EXPECT_EQ(eg::argmax(long_row).item(), place);
  }
}

TEST(Max, OfNoneIsAnError) {
  expect_error<eg::ShapeError>([] { eg::max(Tensor<float>()); }, {"max: shape [0]", "empty"});
  expect_error<eg::ShapeError>([] { eg::min(Tensor<float>::zeros({0, 3}), 0); }, {"min: shape [0, 3]"});
  expect_error<eg::ShapeError>([] { eg::argmax(Tensor<float>::zeros({3, 0}), 1); }, {"argmax: shape [3, 0]"});
  EXPECT_THROW(eg::argmin(Tensor<float>()), eg::ShapeError);
  EXPECT_EQ(eg::max(Tensor<float>::zeros({0, 3}), 1).shape(), (Shape{0}));
  EXPECT_EQ(eg::argmax(Tensor<float>::zeros({3, 0}), 0).shape(), (Shape{0}));
  expect_error<eg::IndexError>([] { eg::max(Tensor<float>::zeros({2, 3}), 2); }, {"max: axis 2", "[2, 3]"});
  EXPECT_THROW(eg::max(Tensor<float>::zeros({2, 3}), {0, -2}), eg::IndexError);
  EXPECT_THROW(eg::argmax(Tensor<float>::zeros({2, 3}), -3), eg::IndexError);
}

TEST(Max, GradientGoesToTheFirstWinner) {
  const eg::Parameter<double> p(Tensor<double>{{2, 5, 5}, {7, 7, 1}});
  {
    eg::Tape tape;
    tape.backward(eg::max(p, 1), Tensor<double>{10, 20});
    expect_tensor<double>(p.grad(), {2, 3}, {0, 10, 0, 20, 0, 0});
    p.zero_grad();
  }
  {
    eg::Tape tape;
    tape.backward(eg::min(p, 0, true), Tensor<double>{{1, 2, 3}});
    expect_tensor<double>(p.grad(), {2, 3}, {1, 2, 0, 0, 0, 3});
    p.zero_grad();
  }
  const eg::Parameter<double> q(Tensor<double>{1, not_a_number, not_a_number});
  eg::Tape tape;
  tape.backward(eg::max(q));
  expect_tensor<double>(q.grad(), {3}, {0, 1, 0});
}

TEST(ArgMax, OfAllIsThePlaceInTheFlattenedTensor) {
  const Tensor<double> x = {{1, 9, 3}, {4, 9, 6}};
  expect_tensor<std::int64_t>(eg::argmax(x), {}, {1});
  expect_tensor<std::int64_t>(eg::argmin(x), {}, {0});
  expect_tensor<std::int64_t>(eg::argmax(x, 0), {3}, {1, 0, 1});
  expect_tensor<std::int64_t>(eg::argmax(x, -1, true), {2, 1}, {1, 1});
  expect_tensor<std::int64_t>(eg::argmax(Tensor<bool>{false, true, true}), {}, {1});
}

TEST(Prod, OverAllOrNamedAxes) {
  const Tensor<double> x = {{1, 2, 3}, {4, 5, 6}};
  expect_tensor<double>(eg::prod(x), {}, {720});
  expect_tensor<double>(eg::prod(x, 0), {3}, {4, 10, 18});
  expect_tensor<double>(eg::prod(x, -1, true), {2, 1}, {6, 120});
  expect_tensor<double>(eg::prod(Tensor<double>()), {}, {1});
  expect_tensor<double>(eg::prod(Tensor<double>::zeros({2, 0}), 1), {2}, {1, 1});
  expect_tensor<std::int64_t>(eg::prod(Places{2, 3, 7}), {}, {42});
}

TEST(All, CountsBools) {
  const Tensor<bool> x = {{true, false, true}, {true, true, true}};
  expect_tensor<bool>(eg::all(x), {}, {false});
  expect_tensor<bool>(eg::any(x), {}, {true});
  expect_tensor<bool>(eg::all(x, 1), {2}, {false, true});
  expect_tensor<bool>(eg::all(x, 0, true), {1, 3}, {true, false, true});
  expect_tensor<bool>(eg::any(!x, 0), {3}, {false, true, false});
  expect_tensor<bool>(eg::all(Tensor<double>{1, 2} > 0), {}, {true});
  expect_tensor<bool>(eg::all(Tensor<bool>()), {}, {true});
  expect_tensor<bool>(eg::any(Tensor<bool>::zeros({2, 0}), 1), {2}, {false, false});
}

TEST(ReduceGradients, AgreeWithDifferences) {
  for (const Shape& shape : {Shape{1, 1}, Shape{1, 5}, Shape{5, 1}, Shape{4, 37}}) {
    const auto x = Tensor<double>::randn(shape);
    for (const bool keepdims : {false, true}) {
      for (const eg::Axes& axes : {eg::Axes(), eg::Axes(0), eg::Axes(-1), eg::Axes({0, 1})}) {
        expect_gradient([&](const auto& v) { return eg::max(v, axes, keepdims); }, x, "max");
        expect_gradient([&](const auto& v) { return eg::min(v, axes, keepdims); }, x, "min");
        expect_gradient([&](const auto& v) { return eg::prod(v, axes, keepdims); }, x, "prod");
      }
    }
  }
  const auto x = Tensor<double>::randn({2, 3, 4});
  for (const eg::Axes& axes : {eg::Axes(1), eg::Axes({0, 2}), eg::Axes({1, 2}), eg::Axes({0, 1, 2})}) {
    expect_gradient([&](const auto& v) { return eg::max(v, axes); }, x, "max");
    expect_gradient([&](const auto& v) { return square(eg::min(v, axes)); }, x, "min");
    expect_gradient([&](const auto& v) { return eg::prod(v, axes, true); }, x, "prod");
  }
  expect_gradient([](const auto& v) { return eg::prod(v, 1); }, Tensor<double>{{0, 2, 3}, {0, 0, 5}, {1, 0, 4}},
                  "prod");
  expect_gradient([](const auto& v) { return eg::max(v, 1); }, Tensor<double>::zeros({0, 3}), "max");
  expect_gradient([](const auto& v) { return eg::prod(v, 1); }, Tensor<double>::zeros({3, 0}), "prod");
}

// A sum of a formula over one tensor stores its derivative as it sums; what it gives must be what the way back over the
// formula gives.
TEST(Reduce, SumsThatStoreTheirDerivative) {
  for (const eg::Index n : {1, 5, 16, 129, 3000}) {
    const auto x = eg::Tensor<double>::randn({n}), c = eg::Tensor<double>::randn({n});
    const eg::Parameter<double> p(x);
    const auto expect = [&](const eg::Tensor<double>& got, double factor) {
      for (eg::Index i = 0; i < n; ++i)
        ASSERT_NEAR(got(i), factor * 2 * (x(i) - c(i)) * std::cos(std::pow(x(i) - c(i), 2)), 1e-12) << n << ' ' << i;
    };
    const auto f = [&](const auto& v) { return sin(square(v - c)); };
    eg::Tape tape;
    const eg::Tensor<double> once = eg::sum(f(p)), average = eg::mean(f(p));
    const eg::Tensor<double> both = 3 * eg::sum(f(p)) + eg::mean(f(p)) * 0.5;  // dy is not 1, and the second adds
    ASSERT_EQ(once.item(), eg::sum(f(x)).item()) << n;
    expect(tape.gradient(once, p, {.retain_graph = true}), 1);
    expect(tape.gradient(once, p, {.retain_graph = true}), 1);  // the derivative was handed over, yet kept
    expect(tape.gradient(average, p, {.retain_graph = true}), 1.0 / static_cast<double>(n));
    expect(tape.gradient(both, p), 3 + 0.5 / static_cast<double>(n));
  }
}
