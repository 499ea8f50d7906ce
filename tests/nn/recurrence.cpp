// Recurrent layers and cells beside PyTorch's (tests/fixtures/recurrence.py), and what PyTorch cannot say.
#include "eigengrad/eigengrad.hpp"
#include "eigengrad/nn/layers/recurrent.hpp"
#include "eigengrad/nn/layers/recurrent_cells.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"
#include "support/message.hpp"

namespace eg = eigengrad;
using support::close;
using Tensor = eg::Tensor<double>;
using Lengths = eg::Tensor<std::int64_t>;

namespace {

template <class Model>
void compare_layer(const fixture::Case& c, Model&& model) {
  c.compare_module(model, [&](const fixture::Inputs& in) {
    auto [output, state] =
        model(in["x"], {in.given("h"), in.given("c")}, in.has_other("lengths") ? in.whole("lengths") : Lengths());
    std::vector<Tensor> results = {output, state.h};
    if (model.kind() == "LSTM") results.push_back(state.c);
    return results;
  });
}
void compare_layer(const fixture::Case& c) {
  const std::string& kind = c.word("kind");
  const eg::Index in = c.integer("inputs_size"), hidden = c.integer("hidden"), layers = c.integer("layers");
  const bool bias = c.flag("bias"), batch_first = c.flag("batch_first"), bidirectional = c.flag("bidirectional");
  if (kind == "lstm")
    return compare_layer(c, eg::LSTM<double>(in, hidden,
                                             {.layers = layers,
                                              .bias = bias,
                                              .batch_first = batch_first,
                                              .bidirectional = bidirectional,
                                              .proj_size = c.integer("proj_size")}));
  if (kind == "gru")
    return compare_layer(
        c,
        eg::GRU<double>(in, hidden,
                        {.layers = layers, .bias = bias, .batch_first = batch_first, .bidirectional = bidirectional}));
  compare_layer(c, eg::RNN<double>(in, hidden,
                                   {.layers = layers,
                                    .bias = bias,
                                    .batch_first = batch_first,
                                    .bidirectional = bidirectional,
                                    .nonlinearity = kind == "relu" ? eg::Nonlinearity::relu : eg::Nonlinearity::tanh}));
}
void compare_cell(const fixture::Case& c) {
  const std::string& kind = c.word("kind");
  const bool bias = c.flag("bias");
  const auto compare = [&](auto&& cell) {
    c.compare_module(cell, [&](const fixture::Inputs& in) { return std::vector{cell(in["x"], in.given("h"))}; });
  };
  if (kind == "lstm") {
    eg::LSTMCell<double> cell(2, 3, {.bias = bias});
    c.compare_module(cell, [&](const fixture::Inputs& in) {
      auto [h, cells] = cell(in["x"], {in.given("h"), in.given("c")});
      return std::vector{h, cells};
    });
  } else if (kind == "gru") {
    compare(eg::GRUCell<double>(2, 3, {.bias = bias}));
  } else {
    compare(eg::RNNCell<double>(
        2, 3, {.bias = bias, .nonlinearity = kind == "relu" ? eg::Nonlinearity::relu : eg::Nonlinearity::tanh}));
  }
}

}  // namespace

TEST(Recurrence, IsPyTorchs) {
  int cases = 0;
  for (const fixture::Case& c : fixture::load("recurrence")) {
    SCOPED_TRACE(c.text());
    c.name() == "cell" ? compare_cell(c) : compare_layer(c);
    ++cases;
  }
  EXPECT_EQ(cases, 118);
}

TEST(Recurrence, HasPyTorchsKeys) {
  const eg::LSTM<double> lstm(4, 5, {.layers = 2, .bidirectional = true, .proj_size = 3});
  std::string keys;
  for (const auto& [key, parameter] : lstm.named_parameters()) keys += key + eg::to_text(parameter.shape()) + " ";
  EXPECT_EQ(keys,
            "weight_ih_l0[20, 4] weight_hh_l0[20, 3] bias_ih_l0[20] bias_hh_l0[20] weight_hr_l0[3, 5] "
            "weight_ih_l0_reverse[20, 4] weight_hh_l0_reverse[20, 3] bias_ih_l0_reverse[20] bias_hh_l0_reverse[20] "
            "weight_hr_l0_reverse[3, 5] "
            "weight_ih_l1[20, 6] weight_hh_l1[20, 3] bias_ih_l1[20] bias_hh_l1[20] weight_hr_l1[3, 5] "
            "weight_ih_l1_reverse[20, 6] weight_hh_l1_reverse[20, 3] bias_ih_l1_reverse[20] bias_hh_l1_reverse[20] "
            "weight_hr_l1_reverse[3, 5] ");
  keys.clear();
  for (const auto& [key, parameter] : eg::GRUCell<double>(4, 5, {.bias = false}).named_parameters())
    keys += key + eg::to_text(parameter.shape()) + " ";
  EXPECT_EQ(keys, "weight_ih[15, 4] weight_hh[15, 5] ");
}

TEST(Recurrence, StartsWithinOneOverTheRootOfHidden) {
  eg::Generator generator(3);
  const eg::GRU<double> gru(3, 16, {}, generator);
  const eg::RNNCell<double> cell(3, 16, {}, generator);
  for (const auto* parameters : {&gru.parts[0], &cell.part})
    for (const auto& parameter :
         {parameters->weight_ih, parameters->weight_hh, parameters->bias_ih, parameters->bias_hh}) {
      double most = 0, total = 0;
      for (const double number : parameter.value()) {
        most = std::max(most, std::abs(number));
        total += number;
      }
      EXPECT_LE(most, 0.25);
      EXPECT_GT(most, 0.2);
      EXPECT_LT(std::abs(total) / static_cast<double>(parameter.size()), 0.1);
    }
}

TEST(Recurrence, GoesOnFromItsState) {
  eg::Generator generator(4);
  eg::LSTM<double> lstm(2, 3, {.layers = 2, .proj_size = 2}, generator);
  const Tensor x = Tensor::randn({5, 2, 2}, generator);
  const auto [whole, last] = lstm(x);
  const auto [begin, middle] = lstm(slice(x, 0, 0, 2));
  const auto [end, state] = lstm(slice(x, 0, 2), middle);
  EXPECT_TRUE(close(eg::concatenate({begin, end}), whole));
  EXPECT_TRUE(close(state.h, last.h));
  EXPECT_TRUE(close(state.c, last.c));
  // A state that is detached ends the way back; one that is not lets it through.
  const eg::Parameter<double> p(slice(x, 0, 0, 2));
  for (const bool cut : {false, true}) {
    eg::Tape tape;
    const auto first = lstm(p);
    const auto second = lstm(slice(x, 0, 2), cut ? first.state.detach() : first.state);
    EXPECT_EQ(eg::sum(eg::abs(tape.gradient(sum(second.output), {p})[0])).item() > 0, !cut);
  }
}

TEST(Recurrence, SequencesEndWhereTheirLengthsSay) {
  eg::Generator generator(5);
  eg::GRU<double> gru(2, 3, {.layers = 2, .bidirectional = true}, generator);
  Tensor x = Tensor::randn({4, 3, 2}, generator);
  for (eg::Index t = 2; t < 4; ++t) x.at(t, 1, 0) = std::numeric_limits<double>::quiet_NaN();
  const Lengths lengths = {4, 2, 0};
  const eg::Parameter<double> p(x);
  eg::Tape tape;
  const auto [output, state] = gru(p, {}, lengths);
  for (eg::Index b = 0; b < 2; ++b) {  // as the sequence alone
    const eg::Index length = lengths(b);
    const auto alone = gru(slice(slice(x, 1, b, b + 1), 0, 0, length));
    EXPECT_TRUE(close(slice(slice(output, 1, b, b + 1), 0, 0, length), alone.output));
    EXPECT_TRUE(close(slice(state.h, 1, b, b + 1), alone.state.h));
    EXPECT_EQ(eg::sum(eg::abs(slice(select(output, 1, b), 0, length))).item(), 0);
  }
  EXPECT_EQ(eg::sum(eg::abs(select(output, 1, 2))).item(), 0);
  EXPECT_EQ(eg::sum(eg::abs(select(state.h, 1, 2))).item(), 0);
  // Once more with gradients recorded: what lies behind the ends, NaN included, never counts.
  for (const bool create_graph : {true, false}) {
    const Tensor gradient = tape.gradient(sum(output) + sum(state.h * state.h), {p}, {.create_graph = create_graph})[0];
    for (eg::Index t = 0; t < 4; ++t)
      for (eg::Index b = 0; b < 3; ++b) EXPECT_EQ(gradient(t, b, 0) != 0, t < lengths(b)) << t << " " << b;
  }
}

TEST(Recurrence, AnyOfItsResultsAloneHasAGradient) {
  eg::Generator generator(6);
  eg::LSTM<double> lstm(2, 3, {.layers = 2, .bidirectional = true}, generator);
  const auto inputs = std::vector{Tensor::randn({3, 2, 2}, generator), Tensor::randn({4, 2, 3}, generator),
                                  Tensor::randn({4, 2, 3}, generator)};
  EXPECT_NO_THROW(eg::gradcheck([&](const std::vector<Tensor>& x) { return lstm(x[0], {x[1], x[2]}).output; }, inputs));
  EXPECT_NO_THROW(
      eg::gradcheck([&](const std::vector<Tensor>& x) { return lstm(x[0], {x[1], x[2]}).state.h; }, inputs));
  EXPECT_NO_THROW(
      eg::gradcheck([&](const std::vector<Tensor>& x) { return lstm(x[0], {x[1], x[2]}).state.c; }, inputs));
  const auto along = Tensor::randn({3, 2, 2}, generator);
  const auto [y, tangent] = eg::jvp([&](const Tensor& x) { return lstm(x).output; }, inputs[0], along);
  const double step = 1e-6;
  const Tensor difference =
      (lstm(inputs[0] + step * along).output - lstm(inputs[0] - step * along).output) / (2 * step);
  EXPECT_TRUE(close(tangent, difference, 1e-7));
}

TEST(Recurrence, FrozenWeightsLeaveTheOthersGradients) {
  eg::Generator generator(7);
  eg::LSTM<double> lstm(2, 3, {.bidirectional = true}, generator);
  const Tensor x = Tensor::randn({3, 2, 2}, generator);
  const auto gradient = [&] {
    lstm.zero_grad();
    eg::Tape tape;
    tape.backward(sum(lstm(x).output * 2.0));
    return lstm.parts[1].weight_hh.grad();
  };
  const Tensor all = gradient();
  for (const auto& [key, parameter] : lstm.named_parameters())
    parameter.set_requires_grad(key == "weight_hh_l0_reverse");
  EXPECT_TRUE(support::same_bits(gradient(), all));
  EXPECT_FALSE(lstm.parts[0].weight_ih.has_grad());
}

TEST(Recurrence, DropsBetweenLayersInTraining) {
  eg::Generator generator(8);
  eg::RNN<double> rnn(2, 50, {.layers = 2, .dropout = 0.5, .nonlinearity = eg::Nonlinearity::relu}, generator),
      without(2, 50, {.layers = 2, .nonlinearity = eg::Nonlinearity::relu}, generator);
  without.load_state_dict(rnn.state_dict());
  const Tensor x = Tensor::randn({3, 4, 2}, generator);
  eg::default_generator() = eg::Generator(1);
  const Tensor first = rnn(x).output, second = rnn(x).output;
  EXPECT_FALSE(support::same_bits(first, second));
  EXPECT_TRUE(close(slice(first, 2, 0, 50), first)) << "shape";
  rnn.eval();
  EXPECT_TRUE(support::same_bits(rnn(x).output, without(x).output));
  rnn.train();
  rnn.between.p = 1;  // the second layer sees nothing of the first
  const Tensor blind = rnn(x).output;
  for (eg::Index b = 1; b < 4; ++b) EXPECT_TRUE(close(select(blind, 1, b), select(blind, 1, 0)));
}

TEST(Recurrence, ReplaysCompiledSteps) {
  eg::Generator generator(9);
  eg::LSTM<double> lstm(2, 3, {.layers = 2, .batch_first = true, .bidirectional = true}, generator);
  const auto loss = [&](const Tensor& x, const Lengths& lengths) {
    const auto [output, state] = lstm(x, {}, lengths);
    return (sum(output * output) + sum(state.c)).eval();
  };
  auto step = eg::compile(loss);
  for (const Lengths& lengths : {Lengths{3, 1}, Lengths{2, 3}, Lengths{0, 2}}) {
    const Tensor x = Tensor::randn({2, 3, 2}, generator);
    lstm.zero_grad();
    const double replayed = step(x, lengths).item();
    const Tensor gradient = lstm.parts[3].weight_hh.grad() * 1.0;
    lstm.zero_grad();
    eg::Tape tape;
    const Tensor again = loss(x, lengths);
    tape.backward(again);
    EXPECT_EQ(replayed, again.item());
    EXPECT_TRUE(support::same_bits(gradient, lstm.parts[3].weight_hh.grad()));
  }
}

TEST(Recurrence, StreamsStepByStep) {
  eg::Generator generator(10);
  eg::LSTM<double> lstm(2, 5, {.layers = 2, .proj_size = 3}, generator);
  eg::GRU<double> gru(2, 9, {.bias = false}, generator);
  const Tensor x = Tensor::randn({4, 3, 2}, generator);
  const auto check_stream = [&](auto& layer) {
    const auto [output, last] = layer(x);
    auto stream = layer.stream(3);
    for (eg::Index t = 0; t < 2; ++t) EXPECT_TRUE(close(stream(select(x, 0, t)), select(output, 0, t)));
    const auto middle = stream.state();
    for (int time = 0; time < 2; ++time) {
      for (eg::Index t = 2; t < 4; ++t) EXPECT_TRUE(close(stream(select(x, 0, t)), select(output, 0, t)));
      EXPECT_TRUE(close(stream.state().h, last.h));
      stream.set_state(middle);
    }
    stream.reset();
    EXPECT_TRUE(close(stream(select(x, 0, 0)), select(output, 0, 0)));
  };
  check_stream(lstm);
  check_stream(gru);
  auto one = gru.stream();
  EXPECT_EQ(one(Tensor{1, 2}).shape(), (eg::Shape{9}));
  EXPECT_TRUE(support::mentions(support::message_of<eg::ShapeError>([&] { one(Tensor{1, 2, 3}); }), {"[3]", "[1, 2]"}));
  EXPECT_TRUE(support::mentions(support::message_of<eg::ShapeError>([&] { one.set_state({Tensor{1}}); }),
                                {"h is [1]", "[1, 1, 9]"}));
  const eg::Parameter<double> p(Tensor{1, 2});
  eg::Tape tape;
  EXPECT_THROW(one(p * 1.0), eg::GradientError);
  EXPECT_THROW(eg::GRU<double>(2, 3, {.bidirectional = true}).stream(), eg::ValueError);
}

TEST(Recurrence, TakesEmptyBatchesAndSequences) {
  eg::LSTM<double> lstm(2, 3, {.bidirectional = true});
  eg::Tape tape;
  const auto [output, state] = lstm(Tensor::zeros({4, 0, 2}));
  EXPECT_EQ(output.shape(), (eg::Shape{4, 0, 6}));
  EXPECT_EQ(state.h.shape(), (eg::Shape{2, 0, 3}));
  tape.backward(sum(output));
  EXPECT_EQ(eg::sum(eg::abs(lstm.parts[1].weight_hh.grad())).item(), 0);
  const Tensor h = Tensor::ones({2, 5, 3});
  const auto none = lstm(Tensor::zeros({0, 5, 2}), {h, h});
  EXPECT_EQ(none.output.shape(), (eg::Shape{0, 5, 6}));
  EXPECT_TRUE(close(none.state.h, h));
}

TEST(Recurrence, IsALayerAmongOthersAndCopied) {
  eg::Generator generator(11);
  eg::Sequential<double> model(eg::GRU<double>(2, 3, {.batch_first = true}, generator),
                               eg::Linear<double>(3, 1, {}, generator));
  const Tensor x = Tensor::randn({2, 5, 2}, generator);
  EXPECT_EQ(model(x).shape(), (eg::Shape{2, 5, 1}));
  eg::Sequential<double> copy = model;
  EXPECT_TRUE(support::same_bits(model(x), copy(x)));
  copy.load_state_dict({{"0.bias_hh_l0", Tensor::ones({9})}}, {.strict = false});
  EXPECT_FALSE(support::same_bits(model(x), copy(x)));
}

TEST(Recurrence, SaysWhatDoesNotFit) {
  eg::LSTM<double> lstm(4, 3, {.layers = 2});
  eg::GRU<double> gru(4, 3, {.batch_first = true});
  const auto x = Tensor::zeros({5, 2, 4});
  const auto shape_message = [](const auto& run) { return support::message_of<eg::ShapeError>(run); };
  using support::mentions;
  EXPECT_TRUE(mentions(shape_message([&] { lstm(Tensor::zeros({5, 2, 3})); }),
                       {"LSTM: x is [5, 2, 3]", "[steps, batch, 4]", "[steps, 4]"}));
  EXPECT_TRUE(mentions(shape_message([&] { gru(Tensor::zeros({4})); }), {"GRU: x is [4]", "[batch, steps, 4]"}));
  EXPECT_TRUE(mentions(shape_message([&] { lstm(x, {Tensor::zeros({1, 2, 3})}); }),
                       {"state h is [1, 2, 3]", "[2, 2, 3]", "x of [5, 2, 4]"}));
  EXPECT_TRUE(mentions(shape_message([&] { lstm(x, {{}, Tensor::zeros({2, 2, 4})}); }), {"cells c is [2, 2, 4]"}));
  EXPECT_TRUE(mentions(shape_message([&] { gru(x, {{}, Tensor::zeros({1, 5, 3})}); }), {"only an LSTM"}));
  EXPECT_TRUE(mentions(shape_message([&] { lstm(x, {}, Lengths{1, 2, 3}); }), {"lengths are [3]", "[2]", "[5, 2, 4]"}));
  EXPECT_TRUE(mentions(support::message_of<eg::ValueError>([&] { lstm(x, {}, Lengths{1, 6}); }),
                       {"length 6 of sequence 1", "0 to 5"}));
  EXPECT_TRUE(mentions(support::message_of<eg::ValueError>([&] { eg::LSTM<double>(2, 3, {.proj_size = 3}); }),
                       {"proj_size is 3", "below the 3"}));
  EXPECT_TRUE(mentions(support::message_of<eg::ValueError>([&] { eg::RNN<double>(2, 0); }), {"RNN", "0 hidden"}));
  EXPECT_THROW(eg::RNN<double>(2, 3, {.dropout = 1.5}), eg::ValueError);
  eg::GRUCell<double> cell(4, 3);
  EXPECT_TRUE(mentions(shape_message([&] { cell(Tensor::zeros({2, 3})); }), {"GRUCell: x is [2, 3]", "[batch, 4]"}));
  EXPECT_TRUE(mentions(shape_message([&] { cell(Tensor::zeros({2, 4}), Tensor::zeros({3})); }),
                       {"state h is [3]", "[2, 3]", "[2, 4]"}));
  const eg::RecurrentOperands<double> wrong(x, {}, {}, {Tensor::zeros({9, 4}), Tensor::zeros({9, 2})});
  EXPECT_TRUE(mentions(shape_message([&] { eg::recurrence<eg::RecurrentKind::gru>(wrong); }),
                       {"gru: weight_hh is [9, 2]", "[9, 3]", "3 hidden"}));
}

// Where there are more sequences and steps than kernels take at once: as by recorded operations.
TEST(Recurrence, LargeOnesHaveTheGradientsOfTheirSteps) {
  eg::Generator generator(12);
  const auto compare = [&](auto&& model, eg::Index steps, eg::Index batch, const Lengths& lengths, bool batch_first) {
    const eg::Parameter<double> x(
        Tensor::randn(batch_first ? eg::Shape{batch, steps, 3} : eg::Shape{steps, batch, 3}, generator));
    std::vector<eg::ParameterRef<double>> wanted = model.parameters();
    wanted.push_back(x);
    eg::Tape tape;
    const auto [output, state] = model(x, {}, lengths);
    const Tensor loss = sum(output * Tensor::randn(output.shape(), generator)) + sum(state.h);
    const auto recorded = tape.gradient(loss, wanted, {.create_graph = true}), direct = tape.gradient(loss, wanted);
    for (std::size_t k = 0; k < wanted.size(); ++k) EXPECT_TRUE(close(direct[k], recorded[k], 1e-10)) << k;
  };
  for (const auto& [steps, batch] : {std::pair<eg::Index, eg::Index>{10, 40}, {3, 150}, {140, 1}, {40, 7}})
    for (const bool batch_first : {false, true}) {
      SCOPED_TRACE(eg::to_text(steps, " steps, batch ", batch, batch_first ? " first" : ""));
      Lengths lengths = Lengths::full({batch}, steps);
      for (eg::Index b = 1; b < batch; ++b) lengths.at(b) = b % (steps + 1);
      compare(eg::LSTM<double>(3, 9, {.batch_first = batch_first, .bidirectional = true, .proj_size = 4}, generator),
              steps, batch, lengths, batch_first);
      compare(eg::GRU<double>(3, 9, {.batch_first = batch_first, .bidirectional = true}, generator), steps, batch, {},
              batch_first);
      compare(eg::RNN<double>(3, 9, {.batch_first = batch_first, .bidirectional = true}, generator), steps, batch,
              lengths, batch_first);
    }
}
