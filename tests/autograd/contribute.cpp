#include "eigengrad/autograd/engine/contribute.hpp"

#include <gtest/gtest.h>

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/ops/matmul.hpp"

// How gradients add up. Numbers in comments are lines of the reliability list.
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using Parameter = eg::Parameter<double>;

namespace {

bool same(const Tensor& a, const Tensor& b) { return a.shape() == b.shape() && (a.array() == b.array()).all(); }
/// The gradient of f(p) for p = x.
Tensor gradient_of(const auto& f, const Tensor& x) {
  const Parameter p(x);
  eg::Tape tape;
  tape.backward(f(p.to_tensor()));
  return p.grad();
}

}  // namespace

TEST(Contribute, ExpandAndSumToAreEachOthersInverse) {
  const Tensor row = {{1, 2, 3}};
  const Tensor whole = eg::expand(row, {2, 3});
  EXPECT_TRUE(same(whole, Tensor{{1, 2, 3}, {1, 2, 3}}));
  EXPECT_TRUE(same(eg::sum_to(whole, {1, 3}), Tensor{{2, 4, 6}}));
  EXPECT_TRUE(same(eg::sum_to(whole, {2, 1}), Tensor{{6}, {6}}));
  EXPECT_TRUE(same(eg::sum_to(whole, {3}), Tensor{2, 4, 6}));
  EXPECT_EQ(eg::sum_to(whole, {}).item(), 12);
  EXPECT_EQ(eg::expand(Tensor::full({}, 2.), {0, 3}).size(), 0);
}

// 6: one tensor used in several places.
TEST(Contribute, EveryUseAdds) {
  const Tensor x = {{1, -2, 3}, {0.5, 4, -1}};
  EXPECT_TRUE(same(gradient_of([](const Tensor& t) { return sum(t + t); }, x), Tensor::full({2, 3}, 2.)));
  EXPECT_TRUE(same(gradient_of([](const Tensor& t) { return sum(t * t); }, x), Tensor(2.0 * x)));
  EXPECT_TRUE(same(gradient_of([](const Tensor& t) { return sum(t) + sum(t * 3.0); }, x), Tensor::full({2, 3}, 4.)));
  EXPECT_TRUE(same(gradient_of([](const Tensor& t) { return sum(t * 3.0) + sum(t); }, x), Tensor::full({2, 3}, 4.)));
  EXPECT_TRUE(same(gradient_of([](const Tensor& t) { return sum(t) * sum(t); }, x), Tensor::full({2, 3}, 11.)));
  EXPECT_TRUE(same(gradient_of(
                       [](const Tensor& t) {  // a diamond
                         const Tensor top = t * 2.0, left = top * 3.0, right = top * top;
                         return sum(left * right);
                       },
                       x),
                   Tensor(72.0 * x * x)));
}
TEST(Contribute, EveryUseAddsInOneProduct) {
  const Tensor x = {{1, 2}, {3, 4}};
  // d/dX sum(X X) = 1 X^T + X^T 1
  EXPECT_TRUE(same(gradient_of([](const Tensor& t) { return sum(matmul(t, t)); }, x), Tensor{{7, 11}, {9, 13}}));
}

// 6: a thousand uses, of every way a gradient arrives.
TEST(Contribute, FanOutOfAThousand) {
  const Tensor x = {{1, 2}, {3, 4}};
  const Tensor gradient = gradient_of(
      [](const Tensor& t) {
        Tensor total = Tensor::zeros({});
        for (int use = 0; use < 1000; ++use) {
          switch (use % 4) {
            case 0:
              total = total + sum(t);
              break;
            case 1:
              total = total + sum(t * 2.0);
              break;
            case 2:
              total = total + sum((t + t).eval());
              break;
            default:
              total = total + sum(matmul(t, Tensor{{2, 0}, {0, 2}}));
          }
        }
        return total;
      },
      x);
  EXPECT_TRUE(same(gradient, Tensor::full({2, 2}, 1750.)));
}

// 9: zero_grad and again: the same bits.
TEST(Contribute, ZeroGradThenBackwardIsBitwiseTheSame) {
  eg::Generator generator(9);
  const Parameter w(Tensor::randn({7, 5}, generator)), b(Tensor::randn({5}, generator));
  const Tensor x = Tensor::randn({11, 7}, generator);
  const auto step = [&] {
    eg::Tape tape;
    tape.backward(sum(tanh(matmul(x, w) + b)));
  };
  step();
  const Tensor first_w = w.grad(), first_b = b.grad();
  for (int round = 0; round < 3; ++round) {
    w.zero_grad();
    b.zero_grad();
    EXPECT_FALSE(w.has_grad());
    EXPECT_TRUE((w.grad().array() == 0).all());
    step();
    EXPECT_TRUE(same(w.grad(), first_w) && same(b.grad(), first_b));
  }
}

// 10: two half batches add up to the whole one.
TEST(Contribute, HalfBatchesAddUp) {
  eg::Generator generator(10);
  const Tensor x = Tensor::randn({12, 7}, generator), w0 = Tensor::randn({7, 3}, generator);
  const Parameter whole(w0), halves(w0);
  const auto backward = [](const Parameter& w, const Tensor& batch) {
    eg::Tape tape;
    tape.backward(sum(tanh(matmul(batch, w))));
  };
  backward(whole, x);
  backward(halves, kernel_access(x).alias({6, 7}));
  backward(halves, kernel_access(x).alias({6, 7}, 6 * 7));
  const auto difference = (whole.grad().array() - halves.grad().array()).abs().maxCoeff();
  EXPECT_LE(difference, 1e-14);
}

// A gradient that was handed out does not change when more arrives, or when it is forgotten.
TEST(Contribute, GradientsHandedOutStayAsTheyWere) {
  const Parameter p(Tensor{1, 2, 3});
  const auto backward = [&] {
    eg::Tape tape;
    tape.backward(sum(p * p));
  };
  backward();
  const Tensor once = p.grad();
  backward();
  EXPECT_TRUE(same(once, Tensor{2, 4, 6}) && same(p.grad(), Tensor{4, 8, 12}));
  const Tensor twice = p.grad();
  p.zero_grad();
  backward();
  EXPECT_TRUE(same(twice, Tensor{4, 8, 12}) && same(p.grad(), Tensor{2, 4, 6}));
}

// A rule may return its argument itself, for two inputs: they must not share what is added to later.
TEST(Contribute, SharedGradientsAreNotMixed) {
  const Parameter a(Tensor{1, 2}), b(Tensor{3, 4});
  eg::Tape tape;
  const Tensor ta = a.to_tensor(), tb = b.to_tensor();
  const auto pass = [](const Tensor& dy) { return dy; };
  const Tensor y = eg::record("both", Tensor(ta + tb), eg::wrt(ta, pass), eg::wrt(tb, pass));
  const Tensor more = ta * 10.0;
  tape.backward(sum(y) + sum(more));
  EXPECT_TRUE(same(a.grad(), Tensor{11, 11}) && same(b.grad(), Tensor{1, 1}));
}
