#include "eigengrad/autograd/inspect/profile.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "eigengrad/nn/layers/linear.hpp"
#include "eigengrad/nn/losses/loss.hpp"
#include "support/message.hpp"

namespace eg = eigengrad;
using support::message_of;
using Tensor = eg::Tensor<float>;
using Parameter = eg::Parameter<float>;

namespace {

/// How far the rows' sum is from the clock's time for a step of a network of matrix products, as a share.
double difference_from_the_clock() {
  eg::Generator generator(3);
  const Tensor x = Tensor::randn({256, 256}, generator), target = Tensor::randn({256, 256}, generator);
  std::vector<Parameter> weights;
  for (int k = 0; k < 6; ++k) weights.emplace_back(Tensor::randn({256, 256}, generator) * 0.06f);
  const auto start = eg::seconds_now();
  eg::Tape tape({.profile = true});
  Tensor y = x;
  for (const Parameter& weight : weights) y = tanh(eg::linear<float>(y, weight.to_tensor(), Tensor()));
  tape.backward(eg::mse_loss(y, target));
  const double measured = eg::seconds_now() - start;
  return std::abs(tape.profile().seconds() - measured) / measured;
}

}  // namespace

// Another process may interrupt between two looks at the clock, but not every time.
TEST(Profile, SumsToTheMeasuredStep) {
  double best = 1;
  for (int attempt = 0; attempt < 8 && best > 0.1; ++attempt) best = std::min(best, difference_from_the_clock());
  EXPECT_LT(best, 0.1);
}

TEST(Profile, RowsAreSortedAndComplete) {
  const Parameter w(Tensor{{1, 2}, {3, 4}}, "w");
  eg::Tape tape({.profile = true});
  const int line = __LINE__ + 1;
  const Tensor y = matmul(w, w), z = sin(y * 0.01f);
  tape.backward(sum(z));
  const eg::Profile profile = tape.profile();
  ASSERT_EQ(profile.rows.size(), 3u);
  double seconds = 0;
  std::vector<bool> seen(3, false);
  for (std::size_t k = 0; k < 3; ++k) {
    const eg::ProfileRow& row = profile.rows[k];
    EXPECT_GE(profile.rows[k > 0 ? k - 1 : 0].seconds(), row.seconds());
    EXPECT_GT(row.forward, 0);
    EXPECT_GT(row.backward, 0);
    seconds += row.seconds();
    seen[static_cast<std::size_t>(row.number)] = true;
    if (row.operation == "sin") {
      EXPECT_EQ(row.formula, "sin(%0 * 0.01)");
      EXPECT_EQ(row.shape, (eg::Shape{2, 2}));
      EXPECT_EQ(row.bytes, 2 * 16u);  // the output and the stored derivative
      EXPECT_EQ(eg::line_of(row.where), "profile.cpp:" + std::to_string(line));
    }
  }
  EXPECT_EQ(seen, std::vector<bool>(3, true));
  EXPECT_DOUBLE_EQ(profile.seconds(), seconds);
  EXPECT_EQ(profile.bytes(), 16u + 32u + 4u);
}

// What backward records for gradients of gradients is part of backward's time, not counted again.
TEST(Profile, RecordsOfBackwardAreNotCountedTwice) {
  const Parameter w(Tensor{{1, 2}, {3, 4}});
  eg::Tape tape({.profile = true});
  tape.backward(sum(sin(w)), {.create_graph = true});
  const eg::Profile profile = tape.profile();
  ASSERT_GT(profile.rows.size(), 1u);
  for (const eg::ProfileRow& row : profile.rows) EXPECT_EQ(row.forward == 0, row.number > 0);
}

TEST(Profile, PrintsAsATable) {
  const Parameter w(Tensor{1, 2}, "w");
  eg::Profile profile;
  profile.rows.push_back({1, "sum", "sum(square(%0))", {}, 4, 2e-6, 1e-6, {}});
  profile.rows.push_back({0, "exp", "exp(w)", {2}, 8, 0.5e-6, 0.5e-6, {"/home/me/train.cpp", 7}});
  std::ostringstream out;
  out << profile;
  EXPECT_EQ(out.str(),
            "share  forward us  backward us  bytes  record  formula          shape  line\n"
            " 75 %         2.0          1.0      4      %1  sum(square(%0))  []\n"
            " 25 %         0.5          0.5      8      %0  exp(w)           [2]    train.cpp:7\n"
            "100 %         2.5          1.5     12          all\n");
}

TEST(Profile, TheTapesTableShowsTimes) {
  const Parameter w(Tensor{1, 2}, "w");
  eg::Tape tape({.profile = true});
  tape.backward(sum(exp(w)));
  const std::string text = eg::to_text(tape);
  EXPECT_NE(text.find("forward us  backward us"), std::string::npos) << text;
  EXPECT_NE(text.find("sum(exp(w))"), std::string::npos) << text;  // though its operands are released
}

TEST(Profile, OfATapeThatDoesNotMeasureIsAnError) {
  const eg::Tape tape;
  const std::string text = message_of<eg::GradientError>([&] { tape.profile(); });
  EXPECT_NE(text.find("profile: this tape measures nothing: make it as Tape tape({.profile = true}) (profile.cpp:"),
            std::string::npos)
      << text;
}

// The state behind a tape is used again; what looked on must not be.
TEST(Profile, TheNextTapeIsNotWatched) {
  {
    const eg::Tape watched({.profile = true, .keep_values = true});
  }
  const eg::Tape tape;
  EXPECT_EQ(tape.state().observer, nullptr);
}
