#include "eigengrad/autograd/engine/record.hpp"

#include <gtest/gtest.h>

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/ops/matmul.hpp"

// Numbers in comments are lines of the reliability list.
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using Parameter = eg::Parameter<double>;

namespace {

/// An operation of one's own: y = 3 x. The rule throws where `bad` says so.
Tensor triple(const Tensor& x, const bool* bad = nullptr) {
  Tensor y = x;
  y.mutable_array() *= 3;
  return eg::record("triple", y, eg::wrt(x, [bad](const Tensor& dy) {
                      if (bad != nullptr && *bad) throw std::runtime_error("in a rule");
                      Tensor dx = dy;
                      dx.mutable_array() *= 3;
                      return dx;
                    }));
}

}  // namespace

TEST(Record, ConnectsToTheTapeOnlyWhatNeedsIt) {
  const Parameter p(Tensor{1, 2});
  EXPECT_FALSE(eg::records("any", p.value()));
  EXPECT_EQ(triple(p.to_tensor())(1), 6);
  eg::Tape tape;
  EXPECT_FALSE(eg::records("any", p.value()));
  EXPECT_TRUE(eg::records("any", p.value(), p.to_tensor()));
  triple(p.value());
  EXPECT_EQ(tape.size(), 0);
  const Tensor y = triple(p.to_tensor());
  EXPECT_EQ(tape.operations(), std::vector<std::string>{"triple"});
  tape.backward(y, Tensor{1, 1});
  EXPECT_EQ(p.grad()(0), 3);
}

TEST(Record, AValueGivenAwayIsTheRecordsOwn) {
  const Parameter p(Tensor{1, 2}), q(Tensor{5, 6});
  eg::Tape tape;
  const Tensor recorded = q * 2.0;
  // The value came from another record; the new record alone says where gradients go.
  const Tensor y = eg::record("replace", recorded, eg::wrt(p, [](const Tensor& dy) { return dy; }));
  tape.backward(y, Tensor{1, 1});
  EXPECT_TRUE(p.has_grad());
  EXPECT_FALSE(q.has_grad());
}

// 11: 100,000 operations one after another, formulas and structural ones: backward, and being destroyed, are loops.
TEST(Record, DeepChain) {
  constexpr int depth = 100'000;
  const Parameter p(Tensor{1, 2, 3});
  for (const bool kept : {false, true}) {
    eg::Tape tape;
    Tensor y = p.to_tensor();
    for (int i = 0; i < depth; ++i) {
      if (i % 2 == 0)
        y = y + 1e-3;
      else
        y = sum(y, {}, true) * 0.0 + y;
    }
    EXPECT_GE(tape.size(), depth);
    EXPECT_EQ(tape.operations().size(), static_cast<std::size_t>(tape.size()));
    p.zero_grad();
    tape.backward(sum(y), {.retain_graph = kept});
    EXPECT_TRUE((p.grad().array() == 1).all());
  }
}

// 11: a chain that is never walked, only destroyed; every result is kept alive by nobody or by everybody.
TEST(Record, DeepChainDestroyed) {
  const Parameter p(Tensor{1, 2, 3});
  std::vector<Tensor> kept;
  {
    eg::Tape tape;
    Tensor y = p.to_tensor();
    for (int i = 0; i < 100'000; ++i) {
      y = triple(y) / 3.0;
      kept.push_back(y);
    }
  }
  EXPECT_EQ(kept.back()(2), 3);
}

// 14: an exception in the forward pass leaves the tape as it was.
TEST(Record, ExceptionForward) {
  const Parameter p(Tensor{{1, 2}, {3, 4}});
  eg::Tape tape;
  const Tensor y = p * 2.0;
  const auto size = tape.size();
  EXPECT_THROW(matmul(y, Tensor::ones({3, 3})), eg::ShapeError);
  EXPECT_THROW((void)(y + Tensor::ones({3, 3})).eval(), eg::ShapeError);
  EXPECT_THROW(sum(y, 7), eg::IndexError);
  EXPECT_THROW(sum(y * Tensor::ones({3}), 0), eg::ShapeError);
  EXPECT_EQ(tape.size(), size);
  tape.backward(sum(y));
  EXPECT_TRUE((p.grad().array() == 2).all());
}

// 14: an exception in a rule: nothing half-gathered stays in the tape, and the same backward can be tried again.
TEST(Record, ExceptionInARule) {
  const Parameter p(Tensor{1, 2});
  bool bad = true;
  eg::Tape tape;
  const Tensor x = p * 2.0, y = triple(x, &bad);
  const Tensor loss = sum(y) + sum(x);
  EXPECT_THROW(tape.backward(loss, {.retain_graph = true}), std::runtime_error);
  EXPECT_FALSE(p.has_grad());
  EXPECT_TRUE(eg::is_recorded(Tensor(p * 2.0)));  // recording goes on
  bad = false;
  tape.backward(loss, {.retain_graph = true});
  EXPECT_TRUE((p.grad().array() == 8).all());
}

TEST(Record, TensorOfAnotherNumberTypeIsAConstant) {
  const Parameter p(Tensor{1, 2});
  const eg::Tensor<bool> mask = {true, false};
  const eg::Tensor<std::int64_t> labels = {1, 0};
  eg::Tape tape;
  const Tensor y = where(mask && labels == 1, p * 2.0, 0.0);
  tape.backward(y, Tensor{1, 1});
  EXPECT_EQ(p.grad()(0), 2);
  EXPECT_EQ(p.grad()(1), 0);
}
