#include <gtest/gtest.h>
#include <eigengrad/nn/layers/activation.hpp>
#include <eigengrad/nn/losses/cross_entropy.hpp>
#include <eigengrad/nn/sequential.hpp>
#include <eigengrad/ops/groups.hpp>
#include <eigengrad/ops/join.hpp>
#include <eigengrad/ops/map.hpp>
#include <eigengrad/ops/reduce.hpp>
#include <eigengrad/ops/softmax.hpp>
#include <eigengrad/ops/statistics.hpp>
#include <eigengrad/transform/checkpoint.hpp>
#include <eigengrad/transform/jacobian.hpp>

#include "support/close.hpp"

// Forward mode through records, beside the Jacobian that reverse mode makes row by row: every kind of record, with and
// without a tape around, and differentiated again.
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;

namespace {

const Tensor point = {{0.3, -1.2, 0.8}, {1.7, 0.4, -0.6}};
const Tensor direction = {{1, 0.5, -2}, {0.25, -1, 3}};

double largest_difference(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.shape(), b.shape());
  double largest = 0;
  for (eg::Index i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a.data()[i] - b.data()[i]));
  return largest;
}
Tensor flat(const Tensor& x) { return reshape(x, {x.size()}); }

template <class F>
void expect_forward_is_reverse(const char* name, const F& f, double tolerance = 1e-12) {
  const Tensor &x = point, &v = direction;
  SCOPED_TRACE(name);
  const Tensor jacobian = eg::jacobian(f, x, eg::JacobianMode::reverse);
  const Tensor value = f(x);
  const Tensor expected = reshape(matmul(reshape(jacobian, {value.size(), x.size()}), flat(v)), value.shape());
  const auto [plain_value, plain] = eg::jvp(f, x, v);
  EXPECT_LT(largest_difference(plain, expected), tolerance);
  EXPECT_EQ(largest_difference(plain_value, value), 0);
  EXPECT_FALSE(eg::is_recorded(plain));

  eg::Tape tape;
  EXPECT_LT(largest_difference(eg::jvp(f, x, v).second, expected), tolerance);
  {
    const eg::NoGrad pause;
    const auto before = eg::jvp(f, x, v).second;
    EXPECT_LT(largest_difference(before, expected), tolerance);
  }
  // Differentiated again: the gradient of a number made of J v, by x and by v.
  const auto weighted = [&](const auto& tangent) { return sum(square(tangent) + tangent).to_tensor(); };
  const auto by_jvp = [&](const Tensor& a, const Tensor& b) { return weighted(eg::jvp(f, a, b).second); };
  const auto by_rows = [&](const Tensor& a, const Tensor& b) {
    const Tensor rows = reshape(eg::jacobian(f, a, eg::JacobianMode::reverse), {value.size(), x.size()});
    return weighted(matmul(rows, flat(b)));
  };
  const auto [dx, dv] = eg::grad(by_jvp, x, v);
  const auto [expected_dx, expected_dv] = eg::grad(by_rows, x, v);
  EXPECT_LT(largest_difference(dx, expected_dx), 100 * tolerance);
  EXPECT_LT(largest_difference(dv, expected_dv), 100 * tolerance);
}

}  // namespace

TEST(Push, TakesTangentsThroughFormulas) {
  expect_forward_is_reverse("square", [](const Tensor& x) { return Tensor(square(x)); });
  expect_forward_is_reverse("product", [](const Tensor& x) { return Tensor(sin(x) * exp(x) / (2 + cos(x))); });
  expect_forward_is_reverse("same operand twice", [](const Tensor& x) { return Tensor(x * x + x); });
  expect_forward_is_reverse("stored derivative", [](const Tensor& x) { return Tensor(tanh(3 * x)); });
  expect_forward_is_reverse("where", [](const Tensor& x) { return where(x > 0, square(x), sin(x)).eval(); });
  expect_forward_is_reverse("stretched", [](const Tensor& x) {
    const Tensor column = eg::slice(x, 1, 0, 1);
    return Tensor(x * column + exp(column) * 2);
  });
  expect_forward_is_reverse("a stretched operand alone",
                            [](const Tensor& x) { return Tensor(sum(x) + Tensor::ones({3, 2})); });
  expect_forward_is_reverse("map", [](const Tensor& x) {
    return eg::map(
               "twenty_doublings",
               [](const auto& a) {
                 auto y = a;
                 for (int i = 0; i < 20; ++i) y = 0.5 * (y + y);  // 2^20 paths, one value
                 return y * sin(a);
               },
               x)
        .eval();
  });
  expect_forward_is_reverse("a constant", [](const Tensor&) { return Tensor{1, 2}; });
  expect_forward_is_reverse("the input", [](const Tensor& x) { return x; });
}

TEST(Push, TakesTangentsThroughSums) {
  expect_forward_is_reverse("sum of a formula", [](const Tensor& x) { return sum(exp(x) * x).to_tensor(); });
  expect_forward_is_reverse("mean over an axis", [](const Tensor& x) { return mean(square(x), 0).to_tensor(); });
  expect_forward_is_reverse("kept axis", [](const Tensor& x) { return sum(square(x), 1, true).to_tensor(); });
  expect_forward_is_reverse("sum of a tensor", [](const Tensor& x) { return sum(x, 1).to_tensor(); });
  expect_forward_is_reverse("std", [](const Tensor& x) { return eg::std(x, 1); });
  expect_forward_is_reverse("var", [](const Tensor& x) { return eg::var(x, 0); });
  expect_forward_is_reverse("norm", [](const Tensor& x) { return eg::norm(x, 1); });
  expect_forward_is_reverse("max", [](const Tensor& x) { return eg::max(x, 1); });
  expect_forward_is_reverse("prod", [](const Tensor& x) { return eg::prod(x, 1); });
  expect_forward_is_reverse(
      "normalise", [](const Tensor& x) { return Tensor((x - mean(x, 1, true)) / sqrt(eg::var(x, 1, true) + 1e-5)); });
}

TEST(Push, TakesTangentsThroughShapesAndProducts) {
  const Tensor m = {{1, 2}, {3, -4}, {0.5, 1}};
  expect_forward_is_reverse("select",
                            [](const Tensor& x) { return Tensor(eg::select(x, 1, 2) * eg::select(x, 1, 0)); });
  expect_forward_is_reverse("slice", [](const Tensor& x) { return Tensor(square(eg::slice(x, 1, 0, 3, 2))); });
  expect_forward_is_reverse("reshape", [](const Tensor& x) { return Tensor(square(reshape(x, {3, 2}))); });
  expect_forward_is_reverse("permute", [](const Tensor& x) { return Tensor(square(transpose(x))); });
  expect_forward_is_reverse("broadcast_to", [](const Tensor& x) { return Tensor(square(broadcast_to(x, {2, 2, 3}))); });
  expect_forward_is_reverse("join", [](const Tensor& x) {
    return Tensor(square(eg::concatenate({x, Tensor(2 * x), Tensor::ones({1, 3})}, 0)));
  });
  expect_forward_is_reverse("stack", [](const Tensor& x) { return eg::stack({x, Tensor(sin(x))}, 0); });
  expect_forward_is_reverse("matmul", [&](const Tensor& x) { return eg::matmul(x, m); });
  expect_forward_is_reverse("matmul of both", [](const Tensor& x) { return eg::matmul(x, transpose(x)); });
  expect_forward_is_reverse("vector", [](const Tensor& x) { return eg::matmul(x, eg::select(x, 0, 1)); });
  expect_forward_is_reverse("softmax", [](const Tensor& x) { return softmax(x, 1); });
  expect_forward_is_reverse("log_sum_exp", [](const Tensor& x) { return eg::log_sum_exp(x, 1); });
  const eg::Tensor<std::int64_t> labels = {2, 0};
  expect_forward_is_reverse("loss", [&](const Tensor& x) { return eg::softmax_cross_entropy(x, labels); });
}

TEST(Push, TakesTangentsThroughModelsAndGradients) {
  eg::manual_seed(3);
  eg::Sequential<double> model(eg::Linear<double>(3, 4), eg::Tanh<double>(), eg::Linear<double>(4, 2),
                               eg::GELU<double>());
  expect_forward_is_reverse("model", [&](const Tensor& x) { return model(x); });
  expect_forward_is_reverse("a gradient inside", [](const Tensor& x) {
    return eg::grad([](const Tensor& a) { return sum(square(a) * sin(a)).to_tensor(); }, x);
  });
  expect_forward_is_reverse("a jvp inside", [](const Tensor& x) {
    return eg::jvp([](const Tensor& a) { return Tensor(exp(a) * a); }, x, Tensor(cos(x))).second;
  });
}

// A record that no tangent passes (its numbers change type, or it runs a function again) is left to the transpose.
TEST(Push, LeavesTheRestToTheTranspose) {
  const auto through_float = [](const Tensor& x) {
    const eg::Tensor<float> low = eg::cast<float>(x);
    return Tensor(0.001 * eg::cast<double>(eg::Tensor<float>(low * 2.0f)) + square(x));
  };
  expect_forward_is_reverse("cast", through_float, 1e-9);  // gradients pass through float
  expect_forward_is_reverse("checkpoint", [](const Tensor& x) {
    return eg::checkpoint([](const Tensor& a) { return Tensor(sin(a) * a); }, x);
  });
}

TEST(Push, LooksAtTheInputsAlone) {
  eg::Parameter<double> p(Tensor{2, 3});
  eg::Tape tape;
  const Tensor outside = square(p);
  tape.backward(sum(p * 5), {.retain_graph = true});  // the parameter has a gradient, which is no tangent
  const auto f = [&](const Tensor& x) { return Tensor(x * p + outside); };
  const auto tangent = eg::jvp(f, Tensor{1, 1}, Tensor{1, 10}).second;
  EXPECT_EQ(tangent(0), 2);
  EXPECT_EQ(tangent(1), 30);
  EXPECT_EQ(p.grad()(0), 5);
  tape.backward(sum(tangent).to_tensor());  // what it is made of: d/dp (v p) = v
  EXPECT_EQ(p.grad()(0), 6);
  EXPECT_EQ(p.grad()(1), 15);
}

TEST(Push, LeavesNothingBehindWhenARuleThrows) {
  bool broken = true;
  const auto f = [&](const Tensor& x) {
    return eg::record("own", Tensor(x.detach() * 3), eg::wrt(x, [&](const Tensor& dy) {
                        if (broken) throw eg::ValueError("not now");
                        return Tensor(dy * 3);
                      }));
  };
  eg::Tape tape;
  EXPECT_THROW(eg::jvp(f, point, direction), eg::ValueError);
  broken = false;
  EXPECT_EQ(eg::jvp(f, point, direction).second(1, 2), 9);
}

TEST(Push, DifferentiatesByParameters) {
  eg::Linear<double> layer(2, 1);
  const Tensor x = {{1, 2}, {3, 4}};
  const auto parameters = layer.parameters();
  const auto tangent = eg::jvp([&] { return layer(x); }, parameters, std::vector<Tensor>{{{1, 10}}, {100}}).second;
  EXPECT_EQ(tangent(0, 0), 121);
  EXPECT_EQ(tangent(1, 0), 143);
}
