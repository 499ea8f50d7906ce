#include "eigengrad/autograd/parameter.hpp"

#include <gtest/gtest.h>

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/ops/sum.hpp"
#include "support/message.hpp"

// Numbers in comments are lines of the reliability list.
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using Parameter = eg::Parameter<double>;

namespace {

void backward_of_square(const Parameter& p) {
  eg::Tape tape;
  tape.backward(sum(p * p));
}

}  // namespace

// 17: copying makes a new parameter of the same value, without the gradient.
TEST(Parameter, CopyIsANewOne) {
  Parameter p(Tensor{1, 2});
  backward_of_square(p);
  const Parameter copy = p;
  EXPECT_FALSE(copy.same_as(p));
  EXPECT_FALSE(copy.has_grad());
  p.set_value(Tensor{3, 4});
  EXPECT_EQ(copy.value()(0), 1);
  Parameter assigned;
  assigned = p;
  EXPECT_FALSE(assigned.same_as(p));
  EXPECT_EQ(assigned.value()(1), 4);
  EXPECT_TRUE(p.has_grad());
}

// 17: moving keeps the identity.
TEST(Parameter, MoveKeepsTheIdentity) {
  Parameter p(Tensor{1, 2});
  const eg::ParameterRef<double> reference = p;
  eg::Tape tape;
  const Tensor loss = sum(p * p);
  Parameter moved = std::move(p);
  EXPECT_TRUE(reference.same_as(moved));
  tape.backward(loss);
  EXPECT_EQ(moved.grad()(1), 4);
  EXPECT_THROW((void)p.value(), eg::GradientError);
  EXPECT_THROW(backward_of_square(p), eg::GradientError);
  p = Parameter(Tensor{7});  // and can be used again
  EXPECT_EQ(p.value().item(), 7);
}

// 17: assigning to itself changes nothing.
TEST(Parameter, SelfAssignment) {
  Parameter p(Tensor{1, 2});
  backward_of_square(p);
  const eg::ParameterRef<double> reference = p;
  Parameter& alias = p;
  p = alias;
  EXPECT_TRUE(reference.same_as(p));
  EXPECT_EQ(p.grad()(1), 4);
  p = std::move(alias);
  EXPECT_EQ(p.value()(1), 2);
}

TEST(Parameter, IsFrozenWithoutRequiresGrad) {
  const Parameter p(Tensor{1, 2}), q(Tensor{3, 4});
  p.set_requires_grad(false);
  eg::Tape tape;
  const Tensor y = p * 2.0;
  EXPECT_EQ(tape.size(), 0);
  tape.backward(sum(p * q));
  EXPECT_FALSE(p.has_grad());
  EXPECT_EQ(q.grad()(1), 2);
  const Parameter copy = p;
  EXPECT_FALSE(copy.requires_grad());
}

// 16: a parameter set to a new value while its old one is recorded.
TEST(Parameter, SetValueKeepsWhatWasRecorded) {
  const Parameter p(Tensor{2});
  eg::Tape tape;
  const Tensor y = p * p;
  p.set_value(Tensor{50});
  tape.backward(y + p * 1.0);
  EXPECT_EQ(p.grad().item(), 5);
}

// 26: both shapes and the remedy.
TEST(Parameter, SetValueRefusesAnotherShape) {
  const Parameter p(Tensor{1, 2});
  const std::string text = support::message_of<eg::ShapeError>([&] { p.set_value(Tensor{{1, 2}}); });
  EXPECT_NE(text.find("set_value: the parameter is [2], the new value is [1, 2]"), std::string::npos) << text;
  EXPECT_NE(text.find("(parameter.cpp:"), std::string::npos) << text;
  EXPECT_EQ(p.value()(0), 1);
}

TEST(Parameter, MadeFromARecordedTensorIsALeaf) {
  const Parameter p(Tensor{2});
  eg::Tape tape;
  const Parameter q(p * 3.0);
  tape.backward(q * q);
  EXPECT_EQ(q.grad().item(), 12);
  EXPECT_FALSE(p.has_grad());
}

TEST(Parameter, FreshUntilSet) {
  const Parameter p(Tensor{1, 2});
  p.initialize(Tensor{3, 4});
  EXPECT_TRUE(p.is_fresh());
  p.set_value(Tensor{5, 6});
  EXPECT_FALSE(p.is_fresh());
}

// 24: empty and scalar parameters.
TEST(Parameter, EmptyAndScalar) {
  const Parameter nothing(Tensor::zeros({0, 3})), number(Tensor::full({}, 3.));
  eg::Tape tape;
  tape.backward(sum(nothing * number) + number * number);
  EXPECT_EQ(nothing.grad().shape(), (eg::Shape{0, 3}));
  EXPECT_EQ(number.grad().item(), 6);
}
