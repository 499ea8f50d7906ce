#include "eigengrad/autograd/tape.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "eigengrad/ops/matmul.hpp"

#include "support/message.hpp"

// Numbers in comments are lines of the reliability list.
namespace eg = eigengrad;
using support::message_of;
using Tensor = eg::Tensor<double>;
using Parameter = eg::Parameter<double>;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST(Tape, RecordsOnlyWhatDependsOnAParameter) {
  const Parameter p(Tensor{1, 2});
  const Tensor before = p * 2.0;
  EXPECT_FALSE(eg::is_recorded(before));
  const eg::Tape tape;
  const Tensor constant = Tensor{1, 2} * 2.0;
  EXPECT_EQ(tape.size(), 0);
  const Tensor y = tanh(p * 2.0 + constant);
  EXPECT_EQ(tape.size(), 1);  // one formula, one record
  const Tensor z = matmul(y, y);
  EXPECT_EQ(tape.operations(), (std::vector<std::string>{"tanh", "matmul"}));
}

// 5: twice on one tape: exact doubling if the records are kept, an error if not.
TEST(Tape, BackwardTwice) {
  const Parameter p(Tensor{1, 2, 3});
  eg::Tape tape;
  const Tensor loss = sum(exp(p * p));
  tape.backward(loss, {.retain_graph = true});
  const Tensor once = p.grad();
  tape.backward(loss);
  EXPECT_TRUE((p.grad().array() == 2 * once.array()).all());
  const std::string text = message_of<eg::GradientError>([&] { tape.backward(loss); });
  EXPECT_TRUE(contains(text, "the records of sum were released")) << text;
  EXPECT_TRUE(contains(text, "retain_graph = true")) << text;
}

// 5: a second loss over records that the first backward released.
TEST(Tape, SecondLossOverReleasedRecordsIsAnError) {
  const Parameter p(Tensor{1, 2, 3});
  eg::Tape tape;
  const Tensor y = p * p;
  tape.backward(sum(y));
  EXPECT_THROW(tape.backward(sum(y * 2.0)), eg::GradientError);
}

TEST(Tape, ReleasedResultsCanStillBeComputedWith) {
  const Parameter p(Tensor{1, 2, 3});
  eg::Tape tape;
  const Tensor y = p * p;
  tape.backward(sum(y));
  const Tensor metric = exp(y) / sum(exp(y));  // an accuracy after the step, say
  EXPECT_NEAR(metric.array().sum(), 1, 1e-15);
  EXPECT_NEAR(matmul(y, y).item(), 98, 1e-12);
}

// 7: a parameter that is not on the way has no gradient, and reads as zeros.
TEST(Tape, ParameterOffThePathHasNoGradient) {
  const Parameter p(Tensor{1, 2}), other(Tensor{{3, 4}});
  eg::Tape tape;
  const Tensor unused = other * 2.0;
  tape.backward(sum(p * p));
  EXPECT_FALSE(other.has_grad());
  EXPECT_EQ(other.grad().shape(), (eg::Shape{1, 2}));
  EXPECT_TRUE((other.grad().array() == 0).all());
}

// 8: a result of several elements needs a seed; with one it is the vector-Jacobian product.
TEST(Tape, BackwardFromSeveralElements) {
  const Parameter p(Tensor{1, 2, 3});
  eg::Tape tape;
  const Tensor y = p * p;
  const std::string text = message_of<eg::GradientError>([&] { tape.backward(y); });
  EXPECT_TRUE(contains(text, "shape [3] has 3 elements") && contains(text, "seed") && contains(text, "(tape.cpp:"))
      << text;
  const std::string seed = message_of<eg::ShapeError>([&] { tape.backward(y, Tensor{1, 2}); });
  EXPECT_TRUE(contains(seed, "[3]") && contains(seed, "[2]")) << seed;
  EXPECT_FALSE(p.has_grad());
  tape.backward(y, Tensor{1, 10, 100});
  EXPECT_TRUE((p.grad().array() == Tensor{2, 40, 600}.array()).all());
}

// 8: nothing recorded, or written to since.
TEST(Tape, BackwardFromWhatWasNotRecordedIsAnError) {
  const Parameter p(Tensor{2});
  eg::Tape tape;
  EXPECT_TRUE(contains(message_of<eg::GradientError>([&] { tape.backward(Tensor{1}); }), "was not recorded"));
  Tensor y = p * p;
  y.at(0) = 5;
  EXPECT_THROW(tape.backward(y), eg::GradientError);
  EXPECT_THROW(tape.backward((p * p).eval().detach()), eg::GradientError);
  tape.backward(p);  // a parameter itself
  EXPECT_EQ(p.grad().item(), 1);
}

// 13: a tensor outlives its tape: a constant afterwards, and no root.
TEST(Tape, TensorOutlivesTape) {
  const Parameter p(Tensor{3});
  Tensor y;
  {
    const eg::Tape tape;
    y = p * p;
  }
  for (int round = 0; round < 3; ++round) {  // the tape's memory is used again
    eg::Tape tape;
    EXPECT_THROW(tape.backward(y), eg::GradientError);
    p.zero_grad();
    tape.backward(y * p);
    EXPECT_EQ(p.grad().item(), 9);
  }
}

// 13: the tape outlives the parameter and every tensor but the loss.
TEST(Tape, TapeOutlivesItsTensors) {
  eg::Tape tape;
  Tensor loss;
  {
    const Parameter p(Tensor{3});
    const Tensor y = p * p;
    loss = sum(y * y);
  }
  tape.backward(loss);
}

// 15: pauses nest, survive an exception, and a tape inside one records.
TEST(Tape, NoGradNests) {
  const Parameter p(Tensor{3});
  eg::Tape tape;
  {
    const eg::NoGrad outer;
    {
      const eg::NoGrad inner;
      EXPECT_FALSE(eg::is_recorded(Tensor(p * p)));
    }
    EXPECT_FALSE(eg::is_recorded(Tensor(p * p)));
    {
      eg::Tape nested;
      EXPECT_TRUE(eg::is_recorded(Tensor(p * p)));
    }
    EXPECT_FALSE(eg::is_recorded(Tensor(p * p)));
  }
  try {
    const eg::NoGrad pause;
    throw std::runtime_error("inside");
  } catch (const std::runtime_error&) {
  }
  EXPECT_TRUE(eg::is_recorded(Tensor(p * p)));
  EXPECT_EQ(tape.size(), 1);
}

// 16: the gradient is the recorded value's, whatever is written afterwards.
TEST(Tape, ValuesChangedAfterRecordingDoNotMatter) {
  const Parameter p(Tensor{3});
  Tensor c = {5};
  eg::Tape tape;
  Tensor y = p * p * c;
  const Tensor loss = sum(y * y);
  y.at(0) = 100;
  c.at(0) = 100;
  p.set_value(Tensor{100});
  tape.backward(loss);
  EXPECT_EQ(p.grad().item(), 2 * 45 * 2 * 3 * 5);
}

// 19: tensors of two tapes that both live do not mix; detached ones do.
TEST(Tape, TwoTapesDoNotMix) {
  const Parameter p(Tensor{3});
  eg::Tape outer;
  const Tensor y = p * p;
  {
    eg::Tape inner;
    const std::string text = message_of<eg::GradientError>([&] { (void)(y * p).eval(); });
    EXPECT_TRUE(contains(text, "multiply: a tensor of shape [1] was recorded by another tape") &&
                contains(text, ".detach()"))
        << text;
    EXPECT_THROW(matmul(y, y), eg::GradientError);
    EXPECT_THROW(inner.backward(y), eg::GradientError);
    EXPECT_EQ(inner.size(), 0);
    inner.backward(y.detach() * p);
    EXPECT_EQ(p.grad().item(), 9);
  }
  p.zero_grad();
  outer.backward(y);
  EXPECT_EQ(p.grad().item(), 6);
}

TEST(Tape, MayEndInAnyOrder) {
  const Parameter p(Tensor{3});
  auto first = std::make_unique<eg::Tape>();
  auto second = std::make_unique<eg::Tape>();
  first.reset();
  EXPECT_TRUE(eg::is_recorded(Tensor(p * p)));
  EXPECT_EQ(second->size(), 1);
  second.reset();
  EXPECT_FALSE(eg::is_recorded(Tensor(p * p)));
}

// Gradients without touching .grad().
TEST(Tape, GradientLeavesParametersAlone) {
  const Parameter a(Tensor{2}), b(Tensor{3}), unused(Tensor{{1, 1}});
  eg::Tape tape;
  const Tensor loss = sum(a * a * b);
  const Tensor of_a = tape.gradient(loss, a, {.retain_graph = true});
  EXPECT_EQ(of_a.item(), 12);
  const std::vector<eg::ParameterRef<double>> wanted = {b, unused};
  const auto both = tape.gradient(loss, wanted, {.retain_graph = true});
  EXPECT_EQ(both[0].item(), 4);
  EXPECT_EQ(both[1].shape(), (eg::Shape{1, 2}));
  const auto named = tape.gradient(loss, {a, b}, {.retain_graph = true});
  EXPECT_EQ(named[0].item(), 12);
  EXPECT_EQ(named[1].item(), 4);
  EXPECT_FALSE(a.has_grad() || b.has_grad());
  tape.backward(loss);
  EXPECT_EQ(a.grad().item(), 12);
}

TEST(Tape, ANoGradEndsOutOfTurn) {
  const auto slope_at = [](double x) {
    const eg::Parameter<double> w(eg::Tensor<double>{x});
    eg::Tape tape;
    tape.backward(eg::sum(w * w));
    return w.grad().item();
  };
  {  // after a tape begun later
    std::optional<eg::NoGrad> pause(std::in_place);
    const eg::Parameter<double> w(eg::Tensor<double>{3.0});
    eg::Tape tape;
    pause.reset();
    tape.backward(eg::sum(w * w));
    EXPECT_EQ(w.grad().item(), 6);
  }
  EXPECT_EQ(slope_at(2), 4);
  {  // after its own tape
    std::optional<eg::NoGrad> pause;
    {
      eg::Tape tape;
      pause.emplace();
    }
    EXPECT_EQ(slope_at(2), 4);
    pause.reset();
    EXPECT_EQ(slope_at(2), 4);
  }
  {  // its own tape ends while one begun later lives
    std::optional<eg::NoGrad> pause;
    auto outer = std::make_unique<eg::Tape>();
    pause.emplace();
    const eg::Parameter<double> w(eg::Tensor<double>{3.0});
    eg::Tape inner;
    outer.reset();
    inner.backward(eg::sum(w * w));
    EXPECT_EQ(w.grad().item(), 6);
    pause.reset();
    EXPECT_EQ(slope_at(2), 4);
  }
  EXPECT_EQ(slope_at(2), 4);
}
