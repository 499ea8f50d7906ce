#include <gtest/gtest.h>

#include "eigengrad/eigengrad.hpp"

// A backward releases the records as it goes, so that buffers can be used again; what they were computed from can be
// told all the same: a tape prints, draws and profiles as after a backward with {.retain_graph = true}.
namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
using Parameter = eg::Parameter<double>;

namespace {

struct Report {
  std::string table, drawing;
  std::vector<std::pair<eg::Index, std::string>> profile;
};

/// What a tape says of `compute`'s records after a backward.
template <class Compute>
Report report(const Compute& compute, eg::BackwardOptions options, eg::TapeOptions watch = {}) {
  eg::manual_seed(1);
  eg::Tape tape(watch);
  tape.backward(compute(), options);
  Report result{watch.profile ? "" : eg::to_text(tape), draw(tape), {}};  // times differ
  if (watch.profile)
    for (const eg::ProfileRow& row : tape.profile().rows) result.profile.emplace_back(row.number, row.formula);
  std::sort(result.profile.begin(), result.profile.end());
  return result;
}

template <class Compute>
void expect_same(const Compute& compute) {
  for (const eg::TapeOptions watch : {eg::TapeOptions{}, eg::TapeOptions{.keep_values = true},
                                      eg::TapeOptions{.profile = true}, eg::TapeOptions{.detect_anomaly = true}}) {
    const Report plain = report(compute, {}, watch), retained = report(compute, {.retain_graph = true}, watch);
    EXPECT_EQ(plain.table, retained.table);
    EXPECT_EQ(plain.drawing, retained.drawing);
    EXPECT_EQ(plain.profile, retained.profile);
    EXPECT_EQ(plain.drawing.find("(...)"), std::string::npos) << plain.drawing;
  }
}

const Tensor x = {{1, 2}, {3, 4}}, target = {{0.5, 0}, {2, 1}};

}  // namespace

// 71: after a plain backward.
TEST(Released, FormulasKeepTheirOperandsNames) {
  Parameter w(Tensor{{1, 2}, {3, 4}}, "w"), v(Tensor{2.0, 3.0}, "v");
  expect_same([&] {
    w.zero_grad();
    v.zero_grad();
    return sum(square(w * x - target) + exp(v) * w + where(w > 2, w, x));
  });
  eg::Tape tape;
  const Tensor y = w * x;
  tape.backward(mean(square(y - target)));
  EXPECT_NE(eg::to_text(tape).find("w * c0[2, 2]"), std::string::npos) << eg::to_text(tape);
  EXPECT_NE(eg::to_text(tape).find("mean(square(%0 - c1[2, 2]))"), std::string::npos) << eg::to_text(tape);
  EXPECT_EQ(graph_of(tape).edges.size(), 4u) << draw(tape);
}

TEST(Released, EveryKindOfRecordKeepsItsEdges) {
  Parameter w(Tensor{{1, 2}, {3, 4}}, "w"), b(Tensor{0.5, 0.25}, "b");
  expect_same([&] {
    w.zero_grad();
    b.zero_grad();
    const Tensor y = eg::linear<double>(x, w.to_tensor(), b.to_tensor());
    const Tensor joined = eg::concatenate<double>({matmul(w, y), target, softmax(y)}, 1);
    const Tensor parts = max(joined, 1) + eg::slice(joined, 1, 0, 1);
    const Tensor again = eg::checkpoint([](const Tensor& t) { return Tensor(tanh(t) * target); }, y);
    return sum(parts) + mean(again) + sum(eg::stack<double>({w, y}, 0)) + eg::element(y, 0, 1) +
           eg::softmax_cross_entropy(y, target);
  });
}

TEST(Released, LayersKeepTheirEdges) {
  eg::manual_seed(2);
  eg::Sequential<double> model(eg::Linear<double>(2, 3), eg::Tanh<double>(), eg::Dropout<double>(0.2),
                               eg::Linear<double>(3, 4), eg::GELU<double>(), eg::Sigmoid<double>(),
                               eg::Softplus<double>(), eg::ReLU<double>(), eg::ELU<double>(), eg::Maxout<double>(2));
  model.name_parameters();
  expect_same([&] {
    model.zero_grad();
    return eg::mse_loss(model(x), target);
  });
}

// The records of a backward that was itself recorded.
TEST(Released, RecordsOfABackwardKeepTheirEdges) {
  Parameter w(Tensor{{1, 2}, {3, 4}}, "w");
  expect_same([&] {
    w.zero_grad();
    const Tensor slope = eg::grad([](const Tensor& t) { return sum(sin(t) * target); }, w);
    return sum(slope * slope);
  });
}

// What the table shows does not keep buffers: an optimizer finds its parameters unshared, and writes in place.
TEST(Released, ParametersAreUnsharedWhileTheTapeLives) {
  Parameter w(Tensor{{1, 2}, {3, 4}}, "w");
  eg::SGD<double> optimizer({w}, {.learning_rate = 0.1});
  eg::Tape tape;
  const double* const numbers = w.value().data();
  tape.backward(sum(exp(w) * w * x) + sum(matmul(w, x)));
  optimizer.step();
  EXPECT_EQ(w.value().data(), numbers);
  EXPECT_NE(eg::to_text(tape).find("exp(w) * w * c0[2, 2]"), std::string::npos) << eg::to_text(tape);
}

TEST(Released, ASecondBackwardIsStillRefused) {
  Parameter w(Tensor{1, 2}, "w");
  eg::Tape tape;
  const Tensor loss = sum(w * w);
  tape.backward(loss);
  EXPECT_THROW(tape.backward(loss), eg::GradientError);
  EXPECT_EQ(draw(tape).find("(...)"), std::string::npos);
}
