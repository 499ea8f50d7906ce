#include "bits.hpp"

// Formulas, reductions, softmax and products above the sizes at which they are divided: the same bits with any number
// of threads, and the right numbers.
namespace eg = eigengrad;
using support::Bits;
using support::expect_same_bits;
using Tensor = eg::Tensor<float>;
using Parameter = eg::Parameter<float>;

namespace {

/// f(parameters...) forward, its sum weighted backward: value and gradients.
template <class F, class... P>
Bits forward_and_backward(const F& f, P&... parameters) {
  (parameters.zero_grad(), ...);
  Bits bits;
  eg::Tape tape;
  const auto y = eg::Tensor<typename decltype(f(parameters...))::Element>(f(parameters...));
  tape.backward(sum(y * y));
  bits << y;
  ((bits << parameters.grad()), ...);
  return bits;
}
const auto gelu = [](const auto& x) { return 0.5f * x * (1 + tanh(0.79788456f * (x + 0.044715f * x * x * x))); };

}  // namespace

TEST(Operations, GeluAsFormulaAndMap) {
  for (const eg::Index n : {1'000, 99'991, 300'007, 1'000'000}) {
    Parameter x(Tensor::randn({n}));
    expect_same_bits("formula", [&] { return forward_and_backward(gelu, x); });
    expect_same_bits("map",
                     [&] { return forward_and_backward([](const auto& v) { return eg::map("gelu", gelu, v); }, x); });
  }
}

TEST(Operations, ChainOfTwelve) {
  Parameter x(Tensor::rand({123'457})), y(Tensor::rand({123'457}));
  expect_same_bits("chain", [&] {
    return forward_and_backward(
        [](const auto& a, const auto& b) {
          return sqrt(exp(-a) * b + 1) / (1 + abs(sin(a) - cos(b))) + log(1 + a * b);
        },
        x, y);
  });
}

// Shapes that stretch each other every way: by rows, by columns, both, one number, and a long row that is not aligned.
TEST(Operations, Broadcasting) {
  const std::vector<std::vector<eg::Shape>> shapes = {
      {{1500, 257}, {1500, 1}, {257}, {}},           {{301, 1031}, {1, 1031}, {301, 1}, {1}},
      {{3, 100'003}, {3, 1}, {100'003}, {1, 1}},     {{100'003, 3}, {3}, {100'003, 1}, {}},
      {{700, 5, 103}, {5, 1}, {700, 1, 103}, {103}}, {{400'003}, {1}, {}, {400'003}},
      {{200'003, 2}, {2}, {200'003, 1}, {2}},        {{50'021, 7}, {7}, {50'021, 1}, {50'021, 7}},
      {{1, 400'003}, {400'003}, {1, 1}, {}},         {{16, 30'011}, {30'011}, {16, 1}, {16, 30'011}},
  };
  for (const auto& list : shapes) {
    Parameter x(Tensor::randn(list[0])), a(Tensor::randn(list[1])), b(Tensor::rand(list[2])), c(Tensor::rand(list[3]));
    const std::string name = eg::to_text(list[0], ' ', list[1], ' ', list[2], ' ', list[3]);
    expect_same_bits(name, [&] {
      return forward_and_backward(
          [](const auto& p, const auto& q, const auto& r, const auto& s) { return (p - q) / (1 + r) * s + q * p; }, x,
          a, b, c);
    });
    // Added to gradients that are there already.
    expect_same_bits(name + " added", [&] {
      x.zero_grad(), a.zero_grad(), b.zero_grad(), c.zero_grad();
      eg::Tape tape;
      const Tensor y = x * a + b, z = tanh(x) * c;
      tape.backward(sum(y * y) + sum(z));
      return Bits() << x.grad() << a.grad() << b.grad() << c.grad();
    });
  }
}

TEST(Operations, GradientsOverBlocksAreRight) {
  // As many blocks of rows as there are, in a run of more than 128 and across runs, beside plain sums in double.
  for (const eg::Shape& shape : {eg::Shape{5000, 64}, eg::Shape{3, 2000, 64}, eg::Shape{17, 257, 100}}) {
    const auto wide = eg::Tensor<float>::rand(shape);
    const eg::Shape inner{shape.back()}, middle = shape.rank() == 3 ? eg::Shape{shape[0], 1, shape[2]} : inner;
    Parameter a(Tensor::rand(inner)), b(Tensor::rand(middle));
    eg::Tape tape;
    const Tensor y = wide * a + wide * wide * b;
    tape.backward(sum(y));
    const auto d = eg::cast<double>(wide);
    const auto expected_a = sum(reshape(d, {-1, shape.back()}), 0);
    const auto squares = eg::Tensor<double>(d * d);
    const auto expected_b = shape.rank() == 3 ? sum(squares, 1, true) : sum(squares, 0);
    for (eg::Index i = 0; i < a.size(); ++i)
      ASSERT_NEAR(a.grad().data()[i] / expected_a.data()[i], 1, 1e-6) << shape << ' ' << i;
    for (eg::Index i = 0; i < b.size(); ++i)
      ASSERT_NEAR(b.grad().data()[i] / expected_b.data()[i], 1, 1e-6) << shape << ' ' << i;
  }
}

TEST(Operations, Normalisation) {
  Parameter x(Tensor::randn({1003, 257})), gamma(Tensor::rand({257})), beta(Tensor::rand({257}));
  expect_same_bits("normalisation", [&] {
    return forward_and_backward([](const auto& v, const auto& g,
                                   const auto& b) { return (v - mean(v, 1, true)) / eg::std(v, 1, true) * g + b; },
                                x, gamma, beta);
  });
}

TEST(Operations, Reductions) {
  for (const eg::Shape& shape : {eg::Shape{1'000'003}, eg::Shape{1000, 1001}, eg::Shape{7, 150'001},
                                 eg::Shape{150'001, 7}, eg::Shape{50, 60, 301}}) {
    const auto x = Tensor::randn(shape);
    expect_same_bits(eg::to_text(shape), [&] {
      Bits bits;
      bits << sum(x) << mean(x * x) << max(x) << min(x) << sum(x, 0) << sum(x, -1) << mean(abs(x), 0) << max(x, -1)
           << eg::norm(x) << eg::var(x, -1) << argmax(x, -1) << sum(x + mean(x, -1, true)) << prod(x, 0)
           << log_sum_exp(x, -1);
      return bits;
    });
  }
}

// 1e7 floats of 0.1: plainly added in float, the sum would be 1087937.
TEST(Operations, SumsAreAccurate) {
  constexpr eg::Index n = 10'000'000;
  const auto x = Tensor::full({n}, 0.1f);
  const double exact = static_cast<double>(0.1f) * n;
  const auto near = [](float actual, double expected) {
    return std::abs(static_cast<double>(actual) / expected - 1) < 1e-6;
  };
  const support::ThreadsRestored restored;
  for (const int threads : {1, 2}) {
    eg::set_num_threads(threads);
    EXPECT_TRUE(near(sum(x).item(), exact)) << sum(x).item();
    EXPECT_TRUE(near(mean(x).item(), 0.1f)) << mean(x).item();
    EXPECT_TRUE(near(sum(x * x).item(), exact * static_cast<double>(0.1f))) << sum(x * x).item();
    EXPECT_TRUE(near(mean(2 * x + x).item(), 3 * static_cast<double>(0.1f)));
    for (const eg::Shape& shape : {eg::Shape{n / 4, 4}, eg::Shape{4, n / 4}, eg::Shape{1000, n / 1000}}) {
      const Tensor y = reshape(x, shape);
      for (const eg::Index axis : {0, 1}) {
        const Tensor sums = sum(y, axis);
        for (eg::Index i = 0; i < sums.size(); ++i)
          ASSERT_TRUE(near(sums(i), static_cast<double>(0.1f) * static_cast<double>(shape[axis])))
              << shape << " axis " << axis << ": " << sums(i);
      }
    }
    // Over the outer and the inner axis at once.
    const Tensor sums = sum(reshape(x, {n / 20, 4, 5}), {0, 2});
    for (eg::Index i = 0; i < 4; ++i) EXPECT_TRUE(near(sums(i), exact / 4)) << sums(i);
    // The gradient of a number that is everywhere.
    Parameter one(Tensor::full({}, 1.f)), row(Tensor::full({4}, 1.f));
    eg::Tape tape;
    tape.backward(sum(x * one) + sum(reshape(x, {n / 4, 4}) * row));
    EXPECT_TRUE(near(one.grad().item(), exact)) << one.grad().item();
    for (eg::Index i = 0; i < 4; ++i) EXPECT_TRUE(near(row.grad()(i), exact / 4)) << row.grad()(i);
  }
}

TEST(Operations, SoftmaxAndCrossEntropy) {
  for (const eg::Index classes : {10, 1009, 32'000}) {
    Parameter x(Tensor::randn({256, classes}));
    const auto labels = eg::Tensor<std::int64_t>::randint(0, classes, {256});
    const Tensor soft = softmax(Tensor::randn({256, classes}));
    for (const auto reduction : {eg::Reduction::batch_mean, eg::Reduction::sum, eg::Reduction::none})
      expect_same_bits(eg::to_text(classes, " classes"), [&] {
        const auto of = [&](const auto& target) {
          return forward_and_backward([&](const auto& v) { return softmax_cross_entropy(v, target, reduction); }, x);
        };
        return reduction == eg::Reduction::none ? of(soft) : of(labels);
      });
    expect_same_bits("softmax", [&] { return Bits() << softmax(x) << log_softmax(x); });
  }
}

TEST(Operations, HessianVectorProducts) {
  eg::manual_seed(4);
  const auto w1 = Tensor::randn({64, 300}), w2 = Tensor::randn({300, 128}), v1 = Tensor::randn({64, 300});
  const auto inputs = Tensor::randn({700, 64});
  const auto loss = [&](const auto& w) {
    const Tensor hidden = tanh(matmul(inputs, w));
    return mean(square(matmul(hidden, w2)));
  };
  expect_same_bits("hvp", [&] { return Bits() << eg::hvp(loss, w1, v1); });
}

// In float the rounding at the end hides in which order doubles were added; in double it shows.
TEST(Operations, SumsOfDoubles) {
  for (const eg::Shape& shape : {eg::Shape{1'000'003}, eg::Shape{1000, 1001}, eg::Shape{7, 150'001}}) {
    const auto x = eg::Tensor<double>::randn(shape);
    eg::Parameter<double> row(eg::Tensor<double>::randn({shape.back()})), one(eg::Tensor<double>::ones({}));
    expect_same_bits(eg::to_text(shape), [&] {
      Bits bits = forward_and_backward([&](const auto& a, const auto& b) { return x * a + x * b; }, row, one);
      bits << sum(x) << mean(x * x) << sum(x + mean(x, -1, true)) << sum(x, 0) << sum(x, -1);
      return bits;
    });
  }
  eg::Parameter<double> logits(eg::Tensor<double>::randn({256, 1000}));
  const auto labels = eg::Tensor<std::int64_t>::randint(0, 1000, {256});
  expect_same_bits("softmax_cross_entropy", [&] {
    return forward_and_backward([&](const auto& v) { return softmax_cross_entropy(v, labels); }, logits);
  });
}

TEST(Operations, DoublesToo) {
  const auto a = eg::Tensor<double>::randn({301, 405}), b = eg::Tensor<double>::randn({405, 207});
  eg::Parameter<double> x(eg::Tensor<double>::randn({300'001}));
  expect_same_bits("matmul", [&] { return Bits() << matmul(a, b); });
  expect_same_bits("map", [&] { return forward_and_backward([](const auto& v) { return v * tanh(v) + 1; }, x); });
}

TEST(Operations, NaNStaysWhereItIs) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Tensor x = Tensor::ones({300'000});
  x.at(250'000) = nan;
  expect_same_bits("NaN", [&] { return Bits() << Tensor(exp(x) * 2) << sum(x) << max(x); });
  const support::ThreadsRestored restored;
  eg::set_num_threads(3);
  const Tensor y = exp(x) * 2;
  for (eg::Index i = 0; i < y.size(); ++i) ASSERT_EQ(std::isnan(y(i)), i == 250'000) << i;
  EXPECT_TRUE(std::isnan(sum(x).item()));
}
