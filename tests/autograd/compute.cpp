#include "eigengrad/autograd/engine/compute.hpp"

#include <gtest/gtest.h>

#include "eigengrad/autograd/gradcheck.hpp"
#include "eigengrad/ops/sum.hpp"
#include "eigengrad/transform/compile.hpp"
#include "eigengrad/transform/jacobian.hpp"
#include "support/close.hpp"
#include "support/message.hpp"

namespace eg = eigengrad;
using support::close;
using support::mentions;
using support::message_of;
using Tensor = eg::Tensor<double>;
using Labels = eg::Tensor<std::int64_t>;
using Parameter = eg::Parameter<double>;

namespace {

/// Of each row of x [n, classes] the number at its label, scaled, where it is positive: several operands, one of
/// another number type, one that may be empty, an extra output.
Tensor chosen(const Tensor& x, const Labels& labels, const Tensor& bias = {},
              eg::Location where = eg::Location::current()) {
  const Tensor mask = Tensor::empty({x.shape()[0]});
  const auto run = [](double* to, const Tensor& from, const Tensor& shift, const Labels& at, double* is_positive) {
    const eg::Index classes = from.shape()[1];
    for (eg::Index i = 0; i < at.size(); ++i) {
      const double number = from.data()[i * classes + at.data()[i]] + (shift.size() > 0 ? shift.item() : 0);
      is_positive[i] = number > 0 ? 1 : 0;
      to[i] = number * is_positive[i];
    }
  };
  const auto to_x = [=, shape = x.shape()](const Tensor& dy) {
    const Tensor scaled = dy * mask;
    Tensor dx = Tensor::zeros(shape);
    for (eg::Index i = 0; i < labels.size(); ++i) dx.at(i, labels(i)) = scaled(i);
    return dx;
  };
  return eg::compute<double>({"chosen", where}, {x.shape()[0]}, run, eg::with_respect_to(x, to_x),
                             eg::with_respect_to(bias, [=](const Tensor& dy) { return sum(dy * mask); }), labels,
                             eg::extra_output(mask));
}

/// exp, whose rule is written from the result.
Tensor exponential(const Tensor& x) {
  return eg::compute<double>(
      "exponential", x.shape(),
      [](double* to, const Tensor& from) {
        for (eg::Index i = 0; i < from.size(); ++i) to[i] = std::exp(from.data()[i]);
      },
      eg::with_respect_to(x, [](const auto& dy, const auto& y) { return dy * y; }));
}

const Tensor scores = {{1, 2, 3}, {4, -5, 6}};
const Labels columns = {2, 1};

}  // namespace

TEST(Compute, TakesOperandsOfSeveralKinds) {
  EXPECT_TRUE(close(chosen(scores, columns), {3, 0}));
  EXPECT_TRUE(close(chosen(scores, columns, Tensor::full({}, 7)), {10, 2}));
  const Parameter x(scores), b(Tensor::full({}, 7));
  eg::Tape tape;
  tape.backward(sum(chosen(x.to_tensor(), columns, b.to_tensor())));
  EXPECT_TRUE(close(x.grad(), Tensor{{0, 0, 1}, {0, 1, 0}}));
  EXPECT_EQ(b.grad().item(), 2);
  EXPECT_EQ(tape.size(), 2);
  EXPECT_NO_THROW(eg::gradcheck([](const Tensor& v) { return chosen(v, columns); }, scores));
}

TEST(Compute, ReplaysOperandsAndExtraOutputs) {
  const Parameter b(Tensor::full({}, 0.5));
  auto step = eg::compile([&](const Tensor& x, const Labels& y) { return sum(chosen(x, y, b.to_tensor())); });
  for (int i = 0; i < 6; ++i) {
    const Tensor x = Tensor::randn({4, 3});
    const Labels y = Labels::randint(0, 3, {4});
    b.zero_grad();
    const double replayed = step(x, y).item();
    const double slope = b.grad().item();
    b.zero_grad();
    eg::Tape tape;
    const Tensor fresh = sum(chosen(x, y, b.to_tensor()));
    tape.backward(fresh);
    EXPECT_EQ(replayed, fresh.item()) << i;
    EXPECT_EQ(slope, b.grad().item()) << i;
  }
}

TEST(Compute, ARuleMayTakeTheResult) {
  const Tensor x = {-1, 0.5, 2};
  EXPECT_NO_THROW(eg::gradcheck(exponential, x));
  EXPECT_NO_THROW(eg::gradcheck(
      [](const Tensor& v) { return eg::grad([](const Tensor& u) { return sum(exponential(u)); }, v); }, x));
  EXPECT_TRUE(close(eg::jvp(exponential, x, Tensor{1, 1, 1}).second, exponential(x)));
}

TEST(Compute, KeepsRulesOnlyWhereTheyAreWanted) {
  const Tensor held = {1, 2};
  const auto run = [](double* to, const Tensor& a, const Tensor& b) {
    for (eg::Index i = 0; i < a.size(); ++i) to[i] = a.data()[i] * b.data()[i];
  };
  const auto product = [&](const Tensor& a, const Tensor& b) {
    return eg::compute<double>("product", a.shape(), run,
                               eg::with_respect_to(a, [b](const auto& dy) { return dy * b; }),
                               eg::with_respect_to(b, [a](const auto& dy) { return dy * a; }));
  };
  const std::uint32_t before = kernel_access(held).holders();
  product(held, held);  // no tape
  const Parameter w(Tensor{3, 4});
  eg::Tape tape;
  product(held, held);  // nothing recorded
  EXPECT_EQ(tape.size(), 0);
  EXPECT_EQ(kernel_access(held).holders(), before);
  {
    const Tensor x = {5, 6};
    const Tensor y = product(w.to_tensor(), x);
    EXPECT_EQ(kernel_access(x).holders(), 2u);  // by w's rule; x has none
    tape.backward(sum(y));
    EXPECT_EQ(kernel_access(x).holders(), 1u);
  }
  EXPECT_TRUE(close(w.grad(), {5, 6}));
}

// A tensor that is listed without a rule would lose its gradient without a word.
TEST(Compute, RefusesARecordedOperandWithoutARule) {
  const Parameter w(Tensor{1, 2});
  const auto twice = [](const Tensor& x) {
    return eg::compute<double>(
        "twice", x.shape(),
        [](double* to, const Tensor& from) {
          for (eg::Index i = 0; i < from.size(); ++i) to[i] = 2 * from.data()[i];
        },
        x);
  };
  EXPECT_TRUE(close(twice(w.value()), {2, 4}));
  eg::Tape tape;
  EXPECT_TRUE(close(twice(w.value()), {2, 4}));
  EXPECT_TRUE(mentions(message_of<eg::GradientError>([&] { twice(w * 1.0); }),
                       {"twice: an operand of shape [2] is recorded", "with_respect_to", ".detach()"}));
}

TEST(Compute, RefusesAnotherTapesOperand) {
  const Parameter w(Tensor{1, 2});
  eg::Tape outer;
  const Tensor x = w * 2;
  eg::Tape inner;
  EXPECT_TRUE(mentions(message_of<eg::GradientError>([&] { exponential(x); }), {"exponential:", "another tape"}));
}

TEST(Compute, RefusesAGradientOfAnotherShape) {
  const Parameter w(Tensor{1, 2, 3});
  const auto wrong = [&] {
    eg::Tape tape;
    const Tensor y = eg::compute<double>(
        "wrong", {}, [](double* to, const Tensor&) { *to = 0; },
        eg::with_respect_to(w, [](const Tensor& dy) { return dy; }));
    tape.backward(y);
  };
  EXPECT_TRUE(
      mentions(message_of<eg::ShapeError>(wrong), {"backward:", "gradient of shape []", "operand of shape [3]"}));
}

TEST(Compute, RefusesARecordedListWithoutARule) {
  const Parameter w(Tensor{1, 2});
  eg::Tape tape;
  const std::vector<Tensor> parts = {Tensor{1, 2}, w.to_tensor()};
  const std::span<const Tensor> list = parts;
  const auto run = [](double* to, std::span<const Tensor> from) { std::copy_n(from[0].data(), 2, to); };
  const auto first = [&] { eg::compute<double>("first", {2}, run, list); };
  EXPECT_TRUE(mentions(message_of<eg::GradientError>(first), {"first: an operand of shape [2] is recorded"}));
}

// What run does with tensors belongs to the operation.
TEST(Compute, RecordsAndReplaysOnceWhatIsComposed) {
  const Parameter w(Tensor{1, 2, 3});
  const auto deviations = [](const Tensor& x) {
    return eg::compute<double>(
        "deviations", x.shape(),
        [](double* to, const Tensor& from) {
          const Tensor result = from - sum(from).item() / 3;
          std::copy_n(result.data(), result.size(), to);
        },
        eg::with_respect_to(x, [](const auto& dy) { return dy - sum(dy) / 3.0; }));
  };
  auto step = eg::compile([&](const Tensor& x) { return sum(square(deviations(x * w))); });
  for (int i = 0; i < 4; ++i) {
    const Tensor x = Tensor::randn({3});
    const double replayed = step(x).item();
    eg::Tape tape;
    const Tensor y = deviations(x * w);
    EXPECT_EQ(tape.operations(), (std::vector<std::string>{"multiply", "deviations"}));
    EXPECT_DOUBLE_EQ(replayed, sum(square(y)).item());
  }
  EXPECT_NO_THROW(eg::gradcheck(deviations, Tensor{1, 5, 2}));
}

// A list of operands of any length, with one rule.
TEST(Compute, TakesAListOfOperands) {
  const auto total = [](const std::vector<Tensor>& parts) {
    const std::span<const Tensor> list = parts;
    return eg::compute<double>(
        "total", parts[0].shape(),
        [](double* to, std::span<const Tensor> each) {
          std::fill_n(to, each[0].size(), 0.0);
          for (std::size_t k = 0; k < each.size(); ++k)
            for (eg::Index i = 0; i < each[k].size(); ++i) to[i] += static_cast<double>(k + 1) * each[k].data()[i];
        },
        eg::with_respect_to(list, [](eg::Index k, const auto& dy) { return static_cast<double>(k + 1) * dy; }));
  };
  const Parameter a(Tensor{1, 2}), b(Tensor{3, 4});
  eg::Tape tape;
  const Tensor y = total({a.to_tensor(), Tensor{1, 1}, b.to_tensor()});
  EXPECT_TRUE(close(y, {12, 16}));
  EXPECT_TRUE(mentions(eg::to_text(tape), {"total(p0, _, p1)"})) << eg::to_text(tape);
  tape.backward(sum(y));
  EXPECT_TRUE(close(a.grad(), {1, 1}));
  EXPECT_TRUE(close(b.grad(), {3, 3}));
}
