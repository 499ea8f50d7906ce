#include "eigengrad/autograd/inspect/table.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "eigengrad/autograd/draw.hpp"
#include "eigengrad/nn/layers/linear.hpp"
#include "eigengrad/nn/losses/loss.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/ops/index.hpp"
#include "eigengrad/ops/join.hpp"
#include "eigengrad/ops/softmax.hpp"
#include "eigengrad/transform/checkpoint.hpp"
#include "support/message.hpp"

namespace eg = eigengrad;
using support::message_of;
using Tensor = eg::Tensor<double>;
using Parameter = eg::Parameter<double>;

namespace {

/// The formula of the tape's last record.
std::string last_formula(const eg::Tape& tape) { return eg::DescribedTape(tape.state()).formulas.back(); }

}  // namespace

TEST(PrintTape, IsATable) {
  const Parameter w(Tensor{{0.5, -1}, {2, 1}}, "w"), b(Tensor{0.1, 0.2}), unused(Tensor{1, 2}, "unused");
  const Tensor x{{1, 2}, {3, 4}};
  eg::Tape tape;
  const int first = __LINE__ + 1;
  const Tensor h = tanh(w * x + b);
  const Tensor other = unused * 1.5;
  const Tensor loss = mean(square(h - 0.25));
  std::ostringstream out;
  out << tape;
  const auto line = [&](int k) { return "print.cpp:" + std::to_string(first + k) + "\n"; };
  EXPECT_EQ(out.str(),
            "    operation  formula                  inputs  shape   bytes  line\n"
            "%0  tanh       tanh(w * c0[2, 2] + p0)  w, p0   [2, 2]     32  " +
                line(0) + "%1  multiply   unused * 1.5             unused  [2]        16  " + line(1) +
                "%2  mean       mean(square(%0 - 0.25))  %0      []         40  " + line(2));
}

TEST(PrintTape, SaysWhichParametersGotNoGradient) {
  const Parameter w(Tensor{1, 2}, "w"), unused(Tensor{1, 2}, "unused"), nameless(Tensor{1, 2});
  eg::Tape tape;
  const Tensor more = unused * 1.5 + nameless;
  const Tensor loss = sum(w * w);
  EXPECT_EQ(eg::to_text(tape).find("no gradient"), std::string::npos);  // no backward yet
  tape.backward(loss, {});
  EXPECT_EQ(tape.parameters_without_gradient(), (std::vector<std::string>{"unused", "p0"}));
  const std::string text = eg::to_text(tape);
  EXPECT_TRUE(text.ends_with("no gradient: unused, p0\n")) << text;
  EXPECT_NE(text.find("sum(w * w)"), std::string::npos) << text;  // though released
}

TEST(PrintTape, AnEmptyTapeSaysSo) {
  const eg::Tape tape;
  EXPECT_EQ(eg::to_text(tape), "nothing is recorded\n");
}

// Brackets where they are needed, and nowhere else.
TEST(PrintTape, FormulasAreWrittenAsOneWrites) {
  const Parameter a(Tensor{1, 2}, "a"), b(Tensor{3, 4}, "b");
  eg::Tape tape;
  const auto text = [&](const Tensor&) { return last_formula(tape); };
  EXPECT_EQ(text(a + b * a - b), "a + b * a - b");
  EXPECT_EQ(text((a + b) * (a - b)), "(a + b) * (a - b)");
  EXPECT_EQ(text(a - (b - a)), "a - (b - a)");
  EXPECT_EQ(text(a - b - a), "a - b - a");
  EXPECT_EQ(text(a / (b * a)), "a / (b * a)");
  EXPECT_EQ(text(-(a + b)), "-(a + b)");
  EXPECT_EQ(text(-a * b), "-a * b");
  EXPECT_EQ(text(-(-a)), "-(-a)");
  EXPECT_EQ(text(a * -2), "a * -2");
  EXPECT_EQ(text(a * 0.1), "a * 0.1");
  EXPECT_EQ(text(where(a + b > 1, a, pow(b, 3))), "where(a + b > 1, a, pow(b, 3))");
  EXPECT_EQ(text(maximum(a, 0) + exp(-square(b))), "maximum(a, 0) + exp(-square(b))");
  EXPECT_EQ(text(eg::map("cube", [](auto x) { return x * x * x; }, a + b)), "cube(a + b)");
}

TEST(PrintTape, OtherOperationsAreFunctionsOfTheirInputs) {
  const Parameter a(Tensor{{1, 2}, {3, 4}}, "a");
  const Tensor constant{{5, 6}, {7, 8}};
  eg::Tape tape;
  const Tensor y = matmul(a, a);
  EXPECT_EQ(last_formula(tape), "matmul(a, a)");
  const Tensor z = matmul(constant, y);
  EXPECT_EQ(last_formula(tape), "matmul(_, %0)");  // what only the rules keep has no name
  softmax(z);
  EXPECT_EQ(last_formula(tape), "softmax(%1)");
  eg::concatenate<double>({y, z});
  EXPECT_EQ(last_formula(tape), "concatenate(%0, %1)");
}

// Second derivatives are carried out operation by operation, and those read as formulas too.
TEST(PrintTape, RecordsOfABackwardPass) {
  const Parameter x(Tensor{0.5}, "x");
  eg::Tape tape;
  const Tensor y = sum(sin(x));
  tape.backward(y, {.create_graph = true});
  const eg::DescribedTape described(tape.state());
  EXPECT_EQ(described.formulas.front(), "sum(sin(x))");
  EXPECT_NE(std::find(described.formulas.begin(), described.formulas.end(), "cos(x)"), described.formulas.end())
      << eg::to_text(tape);
}

TEST(PrintTape, NamesTheUsersLines) {
  const Parameter a(Tensor{{1, 2}, {3, 4}});
  eg::Tape tape;
  const auto line = [&] { return eg::line_of(tape.state().last->where); };
  const auto here = [](int number) { return "print.cpp:" + std::to_string(number); };
  const Tensor formula = a * 2;
  EXPECT_EQ(line(), here(__LINE__ - 1));
  (a * 2).eval();
  EXPECT_EQ(line(), here(__LINE__ - 1));
  matmul(a, a);
  EXPECT_EQ(line(), here(__LINE__ - 1));
  sum(a * a);
  EXPECT_EQ(line(), here(__LINE__ - 1));
  slice(a, 0, 0, 1);
  EXPECT_EQ(line(), here(__LINE__ - 1));
  eg::mse_loss(a, Tensor::zeros({2, 2}));
  EXPECT_EQ(line(), here(__LINE__ - 1));
  eg::linear<double>(a, a, Tensor());
  EXPECT_EQ(line(), here(__LINE__ - 1));
  eg::concatenate<double>({a, a});
  EXPECT_EQ(line(), here(__LINE__ - 1));
  tape.backward(sum(a) + 1);
  EXPECT_EQ(line(), here(__LINE__ - 1));
  eg::Linear<double> layer(2, 3);
  layer(a);
  EXPECT_EQ(line(), here(__LINE__ - 1));
  layer.forward(a);  // the line within the layer would say nothing
  EXPECT_EQ(line(), "");
}

TEST(PrintTape, ParametersNames) {
  Parameter p(Tensor{1}, "first");
  EXPECT_EQ(p.name(), "first");
  p.set_name("second");
  const Parameter copy = p;
  EXPECT_EQ(copy.name(), "second");
  const Parameter moved = std::move(p);
  EXPECT_EQ(moved.name(), "second");
  EXPECT_EQ(Parameter(Tensor{1}).name(), "");
  copy.set_name("a\nb\x1b[31m");
  eg::Tape tape;
  const Tensor y = copy * 2;
  const std::string text = eg::to_text(tape);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(Tape, EmptyBracesAreOptions) {
  const Parameter p(Tensor{2});
  eg::Tape tape;
  tape.backward(sum(p * p), {});
  EXPECT_EQ(p.grad().item(), 4);
  const Tensor y = p * p;
  tape.backward(y, Tensor{3}, {});
  EXPECT_EQ(p.grad().item(), 16);
}

// Issue 3: "backward without recording" names the user's line.
TEST(Tape, BackwardWithoutRecordingNamesTheLine) {
  eg::Tape tape;
  const std::string text = message_of<eg::GradientError>([&] { tape.backward(Tensor{1}); });
  EXPECT_NE(text.find("was not recorded"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("(print.cpp:" + std::to_string(__LINE__ - 2) + ")")) << text;
}

// The way back runs a checkpoint again, on the same tape; its records are released like the others.
TEST(PrintTape, ACheckpoint) {
  const Parameter w(Tensor{1, 2}, "w");
  for (const bool watched : {false, true}) {
    eg::Tape tape({.profile = watched, .keep_values = watched});
    const Tensor y = eg::checkpoint([](const Tensor& x) { return Tensor(exp(x) * x); }, w);
    EXPECT_EQ(last_formula(tape), "checkpoint(w)");
    tape.backward(sum(y));
    EXPECT_NE(eg::to_text(tape).find("exp(w) * w"), std::string::npos) << eg::to_text(tape);
    EXPECT_NE(draw(tape).find("digraph"), std::string::npos);
  }
}

TEST(PrintTape, AModelsParametersHaveItsNames) {
  eg::Sequential<double> model(eg::Linear<double>(2, 3), eg::Linear<double>(3, 1));
  model.name_parameters();
  eg::Tape tape;
  model(Tensor{{1, 2}});
  EXPECT_EQ(eg::DescribedTape(tape.state()).formulas,
            (std::vector<std::string>{"linear(_, 0.weight, 0.bias)", "linear(%0, 1.weight, 1.bias)"}));
}
