#include "eigengrad/autograd/inspect/watch.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/core/print.hpp"
#include "eigengrad/nn/layers/linear.hpp"
#include "eigengrad/nn/losses/cross_entropy.hpp"
#include "eigengrad/ops/index.hpp"
#include "eigengrad/ops/join.hpp"
#include "support/message.hpp"

namespace eg = eigengrad;
using support::message_of;
using Tensor = eg::Tensor<double>;
using Parameter = eg::Parameter<double>;
using eg::AnomalyError;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity(),
                 not_a_number = std::numeric_limits<double>::quiet_NaN();

std::string here(int line) { return "(anomaly.cpp:" + std::to_string(line) + ")"; }

}  // namespace

TEST(Anomaly, NamesTheForwardOperationThatMadeIt) {
  const Parameter w(Tensor{{1, 2, 3}, {4, 0, 5}}, "w");
  eg::Tape tape({.detect_anomaly = true});
  const Tensor fine = w * 2;
  const int line = __LINE__ + 1;
  const std::string text = message_of<AnomalyError>([&] { const Tensor y = log(fine) + 1; });
  EXPECT_EQ(text,
            "anomaly: log(%0) + 1 made -inf at element (1, 1) of [2, 3], from inputs %0 [2, 3], all of them finite: "
            "look for an overflow, a division by 0, or a logarithm of what is not positive " +
                here(line));
}

TEST(Anomaly, NamesTheOperationThatSentItBack) {
  const Parameter w(Tensor{4, 0}, "w");
  eg::Tape tape({.detect_anomaly = true});
  const int line = __LINE__ + 1;
  const Tensor y = sqrt(w);  // finite, but its slope at 0 is not
  const Tensor z = sum(y * 3);
  const std::string text = message_of<AnomalyError>([&] { tape.backward(z); });
  EXPECT_EQ(text,
            "anomaly: sqrt(w) sent back inf as the gradient of w at element (1) of [2], from inputs w [2]: look "
            "for a division by 0, or a square root or logarithm at 0 " +
                here(line));
}

// The first one, not one that it spreads to.
TEST(Anomaly, BetweenRecordsTheGradientIsNamedByItsRecord) {
  const Parameter w(Tensor{0, 1}, "w");
  eg::Tape tape({.detect_anomaly = true});
  const Tensor y = matmul(w, Tensor{{1, 0}, {0, 1}});
  const std::string text = message_of<AnomalyError>([&] { tape.backward(sum(sqrt(y))); });
  EXPECT_EQ(text.find("anomaly: sum(sqrt(%0)) sent back inf as the gradient of %0 at element (0) of [2]"), 0u) << text;
}

TEST(Anomaly, OverflowInAProductOrAFloat) {
  const eg::Parameter<float> w(eg::Tensor<float>{{1e30f}}, "w");
  eg::Tape tape({.detect_anomaly = true});
  const std::string text = message_of<AnomalyError>([&] { matmul(w, w); });
  EXPECT_EQ(text.find("anomaly: matmul(w, w) made inf at element (0, 0) of [1, 1], from inputs w [1, 1], all"), 0u)
      << text;
}

// What was not finite before is not this operation's doing.
TEST(Anomaly, WhatComesInMayBeInfinite) {
  const Parameter w(Tensor{{1, 2}, {3, 4}}, "w"), broken(Tensor{1, not_a_number}, "broken");
  const Tensor bad{{1, infinity}, {2, 3}};
  eg::Tape tape({.detect_anomaly = true});
  const auto expect_none = [&](const auto& function) { EXPECT_NO_THROW(function()); };
  expect_none([&] { const Tensor y = w + bad; });       // a formula's constant
  expect_none([&] { const Tensor y = w * infinity; });  // its number
  expect_none([&] { matmul(w, bad); });                 // what only a rule keeps
  expect_none([&] { eg::linear<double>(bad, w.to_tensor(), Tensor()); });
  expect_none([&] { eg::concatenate<double>({w, bad}); });
  expect_none([&] { const Tensor y = exp(broken); });                              // a parameter's own
  expect_none([&] { const Tensor y = w + bad, z = y * 2, u = matmul(z, w); });     // passed on
  EXPECT_NE(message_of<AnomalyError>([&] { const Tensor y = w / (w - w); }), "");  // what came in before excuses nobody
}

TEST(Anomaly, TheSeedMustBeFinite) {
  const Parameter w(Tensor{1, 2});
  eg::Tape tape({.detect_anomaly = true});
  const Tensor y = w * 2;
  EXPECT_EQ(message_of<AnomalyError>([&] { tape.backward(y, Tensor{1, not_a_number}); }),
            "backward: the seed of shape [2] is not finite");
}

// After the error the tape can be used, and no half-gathered gradient stays behind.
TEST(Anomaly, TheTapeSurvives) {
  const Parameter w(Tensor{4, 0}, "w"), v(Tensor{2}, "v");
  eg::Tape tape({.detect_anomaly = true});
  const Tensor y = sum(sqrt(w) * v);
  EXPECT_THROW(tape.backward(y, {.retain_graph = true}), AnomalyError);
  v.zero_grad();
  tape.backward(sum(v * 3));
  EXPECT_EQ(v.grad().item(), 3);
}

TEST(Anomaly, IsAlsoFoundByGradientAndInSecondOrder) {
  const Parameter w(Tensor{0.0}, "w");
  eg::Tape tape({.detect_anomaly = true});
  EXPECT_THROW(tape.gradient(sum(sqrt(w)), w), AnomalyError);
  const Tensor y = sum(pow(w, 1.5));  // the first derivative at 0 is 0, the second is not finite
  w.zero_grad();
  tape.backward(y, {.create_graph = true});
  EXPECT_THROW(tape.backward(sum(w.grad())), AnomalyError);
}

TEST(Anomaly, IsQuietWhereAllIsFinite) {
  const Parameter w(Tensor{{1, 2}, {3, 4}});
  eg::Tape tape({.detect_anomaly = true});
  const Tensor loss = eg::softmax_cross_entropy(matmul(w, w), eg::Tensor<std::int64_t>{0, 1});
  EXPECT_NO_THROW(tape.backward(loss));
}

TEST(Anomaly, OffByDefault) {
  const Parameter w(Tensor{0.0});
  eg::Tape tape;
  const Tensor y = log(w);
  EXPECT_EQ(y.item(), -infinity);
  EXPECT_NO_THROW(tape.backward(y));
}

namespace {

/// What backward says of a formula in which `read` gave a number of h = 2 p.
template <class Read>
std::string told_of(const Read& read) {
  const Parameter p(Tensor{1}, "p");
  eg::Tape tape({.detect_anomaly = true});
  const Tensor h = 2 * p;
  const double number = read(h);
  const Tensor loss = sum(number * h);
  return message_of<AnomalyError>([&] { tape.backward(loss); });
}

}  // namespace

// 63: a number that was read is told.
TEST(Anomaly, TellsThatARecordedNumberWasRead) {
  const int line = __LINE__ + 1;
  const std::string text = told_of([](const Tensor& h) { return h(0); });
  EXPECT_EQ(text, "anomaly: 2 * p of shape [1] was read by t(i, j) while its tape recorded " + here(line) +
                      ": a number read is a constant, and what is computed with it has no gradient through it: use "
                      "element(x, i, j), or sum or reshape for the only number; where that is intended, read after "
                      "backward or from x.detach()");
  const auto expect_told = [](const std::string& message, const std::string& how, int at) {
    EXPECT_NE(message.find("was read by " + how + " while"), std::string::npos) << message;
    EXPECT_NE(message.find(here(at)), std::string::npos) << message;
  };
  expect_told(told_of([](const Tensor& h) { return h.item(); }), "item", __LINE__);
  expect_told(told_of([](const Tensor& h) { return h.data()[0]; }), "data", __LINE__);
  expect_told(told_of([](const Tensor& h) { return *h.begin(); }), "begin", __LINE__);
  expect_told(told_of([](const Tensor& h) { return h.matrix()(0, 0); }), "matrix", __LINE__);
  expect_told(told_of([](const Tensor& h) { return h.array()(0); }), "array", __LINE__);
}

TEST(Anomaly, ReadsThatCutNoGradientAreNoFaults) {
  const Parameter p(Tensor{1, 2}, "p");
  eg::Tape tape({.detect_anomaly = true});
  const Tensor h = 2 * p;
  const std::string printed = eg::to_text(h);
  double number = h.detach()(0) + p.value()(0) + Tensor{1}(0);
  {
    const eg::NoGrad pause;
    number += h(0);
  }
  const Tensor loss = sum(h * h);
  tape.backward(loss, {.retain_graph = true});
  EXPECT_EQ(loss.item(), 20);
  tape.backward(loss, {.retain_graph = true});
  EXPECT_EQ(p.grad()(0), 16);
  EXPECT_EQ(number, 6);
  eg::Tape inner;
  (void)h(0);  // nobody looks at this one, and the outer tape is done
  inner.backward(sum(p * p));
}

TEST(Anomaly, ReadsBetweenGradientsOfGradientsAreTold) {
  const Parameter p(Tensor{1, 2}, "p");
  eg::Tape tape({.detect_anomaly = true});
  tape.backward(sum(p * p * p), {.create_graph = true});
  const Tensor slope = p.grad();
  const Tensor penalty = sum(slope(0) * slope);
  EXPECT_THROW(tape.backward(penalty), AnomalyError);
}

TEST(Anomaly, TapesThatEndInAnyOrderWatchNoLonger) {
  const Parameter p(Tensor{1, 2}, "p");
  auto first = std::make_unique<eg::Tape>(eg::TapeOptions{.detect_anomaly = true});
  auto second = std::make_unique<eg::Tape>(eg::TapeOptions{.detect_anomaly = true});
  const Tensor h = 2 * p;
  first.reset();
  (void)h(0);
  EXPECT_THROW(second->backward(sum(h)), AnomalyError);
  second.reset();
  EXPECT_EQ(h(0), 2);
}
