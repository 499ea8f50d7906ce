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
                                    .nonlinearity = kind == "relu" ? eg::Nonlinearity::relu : eg::Nonlinearity::tanh,
                                    .bias = bias,
                                    .batch_first = batch_first,
                                    .bidirectional = bidirectional}));
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
