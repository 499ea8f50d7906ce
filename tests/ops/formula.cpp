#include "eigengrad/formula/formula.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "eigengrad/autograd/gradcheck.hpp"
#include "eigengrad/ops/activations.hpp"
#include "eigengrad/ops/sum.hpp"
#include "support/message.hpp"

// Numbers in comments are lines of the reliability list.
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using Parameter = eg::Parameter<double>;

namespace {

bool same(const Tensor& a, const Tensor& b) { return a.shape() == b.shape() && (a.array() == b.array()).all(); }
Tensor random(const eg::Shape& shape, std::uint64_t seed = 1) {
  eg::Generator generator(seed);
  return Tensor::randn(shape, generator);
}

}  // namespace

TEST(Formula, IsOneRecordWhateverItsLength) {
  const Parameter x(random({1000, 8}));
  eg::Tape tape;
  const Tensor y = 0.5 * x * (1 + tanh(0.79788456 * (x + 0.044715 * x * x * x)));
  EXPECT_EQ(tape.size(), 1);
  const Tensor total = sum(y * y + x);
  EXPECT_EQ(tape.size(), 2);
}

TEST(Formula, KeepingItIsSafe) {
  const auto make = [] {
    const Tensor a = {1, 2, 3};
    return 2.0 * a + a;
  };
  const auto formula = make();
  EXPECT_TRUE(same(formula, Tensor{3, 6, 9}));
  EXPECT_TRUE(same(formula.eval(), Tensor{3, 6, 9}));
  const auto longer = formula * formula;
  EXPECT_EQ(longer.shape(), eg::Shape{3});
  EXPECT_EQ(Tensor(longer)(2), 81);
  EXPECT_EQ((Tensor{2} * 3.0).item(), 6);
}

// 16: it holds the values it was made of.
TEST(Formula, HoldsItsOperandsByValue) {
  Tensor a = {1, 2, 3};
  const auto doubled = a * 2.0;
  a.at(0) = 100;
  a = a + 1.0;
  EXPECT_TRUE(same(doubled, Tensor{2, 4, 6}));
  EXPECT_TRUE(same(a, Tensor{101, 3, 4}));
}

// 1, 25: several operands, each broadcast in its own way, in one pass.
TEST(Formula, GradientsOfBroadcastOperands) {
  const Tensor a = random({3, 4}, 1), row = random({4}, 2), column = random({3, 1}, 3), scalar = random({}, 4),
               one = random({1, 1}, 5);
  eg::gradcheck(
      [](const std::vector<Tensor>& t) { return (t[0] * t[1] + tanh(t[2] * t[3])) / (2 + t[4] * t[4]) - t[1] * t[2]; },
      {a, row, column, scalar, one});
  eg::gradcheck([](const std::vector<Tensor>& t) { return t[0] * t[1] * t[2]; },
                {random({2, 3, 19}), random({3, 1}), random({2, 1, 19})});
  eg::gradcheck([](const auto& t, const auto& u) { return sigmoid(t) * exp(u) + where(t > u, t * u, t - u); }, a, row);
}

// 6: one tensor in many places of one formula.
TEST(Formula, SameTensorInManyPlaces) {
  const Tensor x = random({37});
  eg::gradcheck([](const auto& t) { return t * t * t - exp(t) * sin(t) + t / (1 + t * t); }, x);
  const Parameter p(x);
  eg::Tape tape;
  tape.backward(sum(p + p + p + p + p + p + p + p));
  EXPECT_TRUE(same(p.grad(), Tensor::full({37}, 8.)));
}

// 6: the same tensor stretched and unstretched at once.
TEST(Formula, SameTensorStretchedAndNot) {
  const Tensor x = random({1, 5}), y = random({5, 5});
  eg::gradcheck([](const auto& t, const auto& u) { return u * t + t; }, x, y);
  eg::gradcheck([](const auto& t) { return t * sum(t, 0) + sum(t, 1, true) * t; }, y);
}

// Every length around the lanes' width, whole and with a rest, forward, summed and backward.
TEST(Formula, EveryLength) {
  for (eg::Index n = 0; n < 40; ++n) {
    const Tensor x = random({n}), y = random({n}, 2);
    const Parameter p(x);
    eg::Tape tape;
    const Tensor z = p * y + exp(p);
    const Tensor total = sum(p * y + exp(p));
    ASSERT_LE((z.array() - (x.array() * y.array() + x.array().exp())).abs().sum(), 1e-12);
    ASSERT_NEAR(total.item(), z.array().sum(), 1e-12);
    tape.backward(total + sum(z));
    ASSERT_LE((p.grad().array() - 2 * (y.array() + x.array().exp())).abs().sum(), 1e-12) << n;
  }
}

// A root of what is stretched along the row is taken once a row.
TEST(Formula, RootOfWhatIsStretched) {
  for (const eg::Index n : {1, 2, 7, 8, 16, 17, 33, 70}) {
    const Tensor x = random({5, n}), by_row = square(random({5, 1}, 2)), by_column = square(random({n}, 3)),
                 number = square(random({1}, 4));
    const Tensor rows = x / sqrt(by_row + 1), columns = x / sqrt(by_column + 1), all = x / sqrt(number + 1);
    const Tensor sums = sum(x / sqrt(by_row + 1), 1);
    for (eg::Index i = 0; i < 5; ++i) {
      for (eg::Index j = 0; j < n; ++j) {
        EXPECT_EQ(rows(i, j), x(i, j) / std::sqrt(by_row(i, 0) + 1));
        EXPECT_EQ(columns(i, j), x(i, j) / std::sqrt(by_column(j) + 1));
        EXPECT_EQ(all(i, j), x(i, j) / std::sqrt(number(0) + 1));
      }
      EXPECT_DOUBLE_EQ(sums(i), sum(rows, 1)(i));
    }
    const auto f = [](const auto& a, const auto& b) { return a * a / sqrt(b + 1) + sqrt(2 * b + 1); };
    eg::gradcheck(f, x, by_row);
    eg::gradcheck(f, x, by_column);
    eg::gradcheck(f, x, number);
  }
}

// Quotients by what is stretched along the row are right to the last bit, also beside zeros, denormal and huge numbers,
// infinities and NaN. (By its reciprocal, corrected, they would be, too; measured, that was slower.)
template <class T>
static void expect_quotients_to_the_last_bit() {
  using Limits = std::numeric_limits<T>;
  const T special[] = {T(0),
                       T(-0.0),
                       T(1),
                       T(-3),
                       Limits::min(),
                       Limits::denorm_min(),
                       Limits::max(),
                       -Limits::max(),
                       Limits::infinity(),
                       -Limits::infinity(),
                       Limits::quiet_NaN(),
                       Limits::epsilon()};
  eg::Generator generator(9);
  const auto any = [&] {
    if (generator.below(20) == 0) return special[generator.below(12)];
    const T number = static_cast<T>(generator.normal());
    return generator.below(4) == 0 ? static_cast<T>(std::ldexp(number, static_cast<int>(generator.below(300)) - 150))
                                   : number;
  };
  for (const eg::Index n : {1, 5, 16, 37, 250}) {
    eg::Tensor<T> x = eg::Tensor<T>::empty({40, n}), by = eg::Tensor<T>::empty({40, 1});
    for (T& number : x.mutable_array().reshaped()) number = any();
    for (T& number : by.mutable_array().reshaped()) number = any();
    const eg::Tensor<T> rows = x / by, squared = (x * x) / (by + by), one = x / eg::Tensor<T>::full({}, by(3, 0));
    for (eg::Index i = 0; i < 40; ++i)
      for (eg::Index j = 0; j < n; ++j) {
        const auto same = [](T a, T b) {
          return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b));
        };
        EXPECT_TRUE(same(rows(i, j), x(i, j) / by(i, 0))) << x(i, j) << " / " << by(i, 0) << " gave " << rows(i, j);
        EXPECT_TRUE(same(squared(i, j), (x(i, j) * x(i, j)) / (by(i, 0) + by(i, 0)))) << x(i, j) << ", " << by(i, 0);
        EXPECT_TRUE(same(one(i, j), x(i, j) / by(3, 0))) << x(i, j) << " / " << by(3, 0);
      }
  }
}
TEST(Formula, QuotientsByWhatIsStretched) {
  expect_quotients_to_the_last_bit<float>();
  expect_quotients_to_the_last_bit<double>();
}

// 20: parts of a buffer neither read nor write their neighbours.
TEST(Formula, PartsOfABuffer) {
  Tensor rows = random({6, 7});
  for (eg::Index row = 0; row < 6; ++row) {
    const Tensor part = kernel_access(rows).alias({7}, row * 7);
    const Tensor doubled = part * 2.0;
    for (eg::Index j = 0; j < 7; ++j) ASSERT_EQ(doubled(j), 2 * rows(row, j));
    ASSERT_NEAR(sum(part * part).item(), rows.matrix().row(row).squaredNorm(), 1e-13);
  }
  Tensor part = kernel_access(rows).alias({7}, 14);
  const Tensor before = rows;
  part += 1.0;
  EXPECT_TRUE(same(rows, before));
  Tensor numbers = Tensor::full({3}, 1.);
  numbers.mutable_data()[2] = 5;
  EXPECT_EQ(sum(numbers + 0.0).item(), 7);
}

// 41, 26: number types do not mix by accident, shapes that differ are named.
TEST(Formula, NamesShapesThatDiffer) {
  const std::string text =
      support::message_of<eg::ShapeError>([&] { (void)tanh(Tensor::ones({2, 3}) - Tensor::ones({3, 2})); });
  EXPECT_NE(text.find("subtract: shapes [2, 3] and [3, 2]"), std::string::npos) << text;
}

// 22: the product rule on random inputs.
TEST(Formula, ProductRule) {
  const Parameter x(random({50}));
  const auto f = [](const auto& t) { return sin(t); };
  const auto g = [](const auto& t) { return exp(t); };
  eg::Tape tape;
  tape.backward(sum(f(x) * g(x)));
  const auto& t = x.value().array();
  EXPECT_LE((x.grad().array() - (t.cos() * t.exp() + t.sin() * t.exp())).abs().maxCoeff(), 1e-13);
}
