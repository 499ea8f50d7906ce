#include "eigengrad/autograd/engine/walk.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/ops/functions.hpp"
#include "eigengrad/ops/sum.hpp"
#include "eigengrad/transform/checkpoint.hpp"
#include "support/close.hpp"

// All or nothing: a walk that fails on its way leaves every gradient as it was, and none behind where there was none.
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using Parameter = eg::Parameter<double>;
using support::close;

namespace {

struct Broken {};

/// x, with a rule that throws.
Tensor broken(const Tensor& x) {
  return eg::record("broken", Tensor(x), eg::wrt(x, [](const Tensor& dy) -> Tensor {
                      if (dy.size() >= 0) throw Broken();
                      return dy;
                    }));
}
void expect_failure(const std::function<Tensor()>& loss, eg::BackwardOptions options = {}) {
  eg::Tape tape;
  const Tensor value = loss();
  EXPECT_THROW(tape.backward(value, options), Broken);
}

}  // namespace

TEST(Walk, AFailedOneLeavesNoGradientWhereThereWasNone) {
  const Parameter a(Tensor{1}), b(Tensor{2});
  for (const eg::BackwardOptions options :
       {eg::BackwardOptions{}, eg::BackwardOptions{.retain_graph = true}, eg::BackwardOptions{.create_graph = true}}) {
    expect_failure([&] { return sum(broken(a * 3) + b * 5); }, options);
    EXPECT_FALSE(a.has_grad() || b.has_grad());
  }
  eg::Tape tape;
  tape.backward(sum(a * b));
  EXPECT_EQ(b.grad().item(), 1) << "and the next one begins anew";
}

TEST(Walk, AFailedOneLeavesGradientsThatWereThere) {
  const Parameter a(Tensor{1, 2}), b(Tensor{2, 3}), fresh(Tensor{1, 1});
  {
    eg::Tape tape;
    tape.backward(sum(a * b));
  }
  const Tensor before = b.grad();
  const double* const place = before.data();
  for (const eg::BackwardOptions options : {eg::BackwardOptions{}, eg::BackwardOptions{.create_graph = true}}) {
    // b and fresh receive theirs, twice, before the rule throws.
    expect_failure([&] { return sum(broken(a * 3) + b * 5 * fresh + b * b); }, options);
    EXPECT_TRUE(close(a.grad(), {2, 3}));
    EXPECT_TRUE(close(b.grad(), {1, 2}));
    EXPECT_EQ(b.grad().data(), place);
    EXPECT_FALSE(fresh.has_grad());
  }
  eg::Tape tape;
  tape.backward(sum(a * b));
  EXPECT_TRUE(close(b.grad(), {2, 4})) << "and goes on adding";
}

TEST(Walk, AFailedOneLeavesWhatOnlyACheckpointMeets) {
  const Parameter a(Tensor{1}), inside(Tensor{2}), both(Tensor{3});
  {
    eg::Tape tape;
    tape.backward(sum(inside * 7 + both * 11));
  }
  expect_failure([&] {
    const Tensor x = broken(a * 3);
    return sum(eg::checkpoint([&](const Tensor& y) { return Tensor(y * inside * both); }, x) + both * 2);
  });
  EXPECT_EQ(inside.grad().item(), 7);
  EXPECT_EQ(both.grad().item(), 11);
  EXPECT_FALSE(a.has_grad());
}

TEST(Walk, RecordsReleasedByAnotherLossLeaveGradientsAsTheyWere) {
  const Parameter a(Tensor{1}), head(Tensor{2});
  eg::Tape tape;
  const Tensor trunk = a * 3;
  const Tensor first = sum(trunk), second = sum(trunk * head);
  tape.backward(first);
  EXPECT_THROW(tape.backward(second), eg::GradientError);
  EXPECT_FALSE(head.has_grad());
  EXPECT_EQ(a.grad().item(), 3);
}

TEST(Walk, AnAnomalyOnTheWayBackLeavesGradientsAsTheyWere) {
  const Parameter a(Tensor{0}), b(Tensor{2});
  {
    eg::Tape tape;
    tape.backward(sum(b * 7));
  }
  eg::Tape tape({.detect_anomaly = true});
  const Tensor loss = sum(sqrt(a) * 1 + b * 5);
  EXPECT_THROW(tape.backward(loss), eg::AnomalyError);
  EXPECT_EQ(b.grad().item(), 7);
  EXPECT_FALSE(a.has_grad());
}

TEST(Walk, AFailedGradientOfAListTouchesNothing) {
  const Parameter a(Tensor{1}), b(Tensor{2});
  {
    eg::Tape tape;
    tape.backward(sum(b * 7));
  }
  eg::Tape tape;
  const Tensor loss = sum(broken(a * 3) + b * 5);
  EXPECT_THROW(tape.gradient(loss, {a, b}), Broken);
  EXPECT_EQ(b.grad().item(), 7);
  EXPECT_FALSE(a.has_grad());
}
