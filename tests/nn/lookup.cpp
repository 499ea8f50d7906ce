#include "eigengrad/nn/layers/embedding.hpp"
#include "eigengrad/nn/layers/positional.hpp"
#include "eigengrad/transform/compile.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"

// Embedding, EmbeddingBag and encodings of positions, beside PyTorch's.
namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using Whole = eg::Tensor<std::int64_t>;
using eg::BagMode;
using support::close, support::mentions, support::message_of, support::same_bits;

namespace {

std::optional<eg::Index> padding_of(const fixture::Case& c) {
  return c.has("padding") ? std::optional(c.integer("padding")) : std::nullopt;
}
BagMode mode_of(const fixture::Case& c) {
  return c.word("mode") == "sum" ? BagMode::sum : c.word("mode") == "mean" ? BagMode::mean : BagMode::max;
}

}  // namespace

TEST(Lookup, IsPyTorchs) {
  for (const fixture::Case& c : fixture::load("lookup")) {
    SCOPED_TRACE(c.text());
    if (c.name() == "embedding")
      c.compare([&](const fixture::Inputs& in) {
        return std::vector{embedding(in.whole("at"), in["table"], padding_of(c))};
      });
    else if (c.name() == "bag")
      c.compare([&](const fixture::Inputs& in) {
        const eg::EmbeddingBagOptions options{mode_of(c), padding_of(c), c.flag("last")};
        if (!in.has_other("offsets")) return std::vector{embedding_bag(in.whole("at"), in["table"], options)};
        return std::vector{
            embedding_bag(in.whole("at"), in["table"], in.whole("offsets"), in.given("weights"), options)};
      });
    else if (c.name() == "rotary")
      c.compare([&](const fixture::Inputs& in) {
        const Real table = eg::rotary_table<double>(20, c.integer("features"), c.number("base"));
        return std::vector{
            rotary(in["x"], table,
                   {.interleaved = c.flag("interleaved"), .axis = c.integer("axis"), .first = c.integer("first")})};
      });
    else if (c.name() == "sinusoidal")
      c.compare([&](const fixture::Inputs& in) {
        const Real x = in["x"];
        return std::vector{eg::SinusoidalEncoding<double>(9, x.shape().back())(x)};
      });
    else if (c.name() == "Embedding") {
      eg::Embedding<double> table(6, 4, {.padding_idx = padding_of(c)});
      c.compare_module(table, [&](const fixture::Inputs& in) { return std::vector{table(in.whole("at"))}; });
    } else if (c.name() == "EmbeddingBag") {
      eg::EmbeddingBag<double> table(6, 4, {.mode = mode_of(c)});
      c.compare_module(table, [&](const fixture::Inputs& in) { return std::vector{table(in.whole("at"))}; });
    } else {
      ADD_FAILURE() << "who compares this?";
    }
  }
}

TEST(Embedding, StartsNormalAndWithAnEmptyRowForPadding) {
  eg::Generator generator(3);
  const eg::Embedding<double> table(400, 50, {.padding_idx = -1}, generator);
  const Real& weight = table.weight.value();
  double sum = 0, squares = 0, largest = 0;
  for (const double number : weight) {
    sum += number;
    squares += number * number;
    largest = std::max(largest, std::abs(number));
  }
  EXPECT_NEAR(sum / 20000, 0, 0.03);
  EXPECT_NEAR(squares / 20000, 1, 0.03);
  EXPECT_GT(largest, 3);
  EXPECT_LT(largest, 6);
  for (eg::Index j = 0; j < 50; ++j) EXPECT_EQ(weight(399, j), 0);
  EXPECT_EQ(table.padding_idx(), 399);
}

TEST(Embedding, IsAModule) {
  eg::Embedding<double> table(4, 2);
  EXPECT_EQ(table.named_parameters()[0].first, "weight");
  EXPECT_EQ(table.kind(), "Embedding");
  eg::Embedding<double> copy = table;
  copy.load_state_dict({{"weight", {{1, 2}, {3, 4}, {5, 6}, {7, 8}}}});
  EXPECT_TRUE(close(copy(Whole{3, 0}), {7, 8, 1, 2}));
  EXPECT_FALSE(same_bits(copy.weight.value(), table.weight.value())) << "a copy has rows of its own";
  EXPECT_EQ(copy(Whole::zeros({2, 0, 3})).shape(), (eg::Shape{2, 0, 3, 2}));

  const auto taken = eg::Embedding<double>::from_pretrained(Real{{1, 2}, {3, 4}});
  EXPECT_FALSE(taken.weight.requires_grad());
  auto trained = eg::Embedding<double>::from_pretrained(Real{{1, 2}, {3, 4}}, false, {.padding_idx = 0});
  eg::Tape tape;
  tape.backward(sum(trained(Whole{0, 1, 1})));
  EXPECT_TRUE(close(trained.weight.grad(), {0, 0, 2, 2}))
      << "the row of padding keeps its numbers and gets no gradient";
}

TEST(Embedding, SaysWhichIndexIsWrong) {
  eg::Embedding<double> table(96, 8);
  EXPECT_TRUE(mentions(message_of<eg::IndexError>([&] { table(Whole{{1, 2}, {3, 96}}); }),
                       {"index 96", "position [1, 1]", "[96, 8]", "0 to 95", "lookup.cpp"}));
  EXPECT_TRUE(mentions(message_of<eg::IndexError>([&] { table(Whole{1, -1}); }), {"index -1", "position 1 "}));
  EXPECT_TRUE(mentions(message_of<eg::IndexError>([&] { eg::Embedding<double>(3, 2, {.padding_idx = 3}); }),
                       {"padding_idx 3", "[3, 2]"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { eg::Embedding<double>(3, 2, {.max_norm = 1.0}); }),
                       {"max_norm = 1", "set_value"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { eg::Embedding<double>(-3, 2); }), {"-3", "2"}));
  EXPECT_TRUE(
      mentions(message_of<eg::ShapeError>([&] { embedding(Whole{0}, Real{1, 2}); }), {"[2]", "[rows, features]"}));
}

TEST(EmbeddingBag, SaysWhatIsWrong) {
  eg::EmbeddingBag<double> bags(5, 2);
  EXPECT_TRUE(mentions(message_of<eg::IndexError>([&] { bags(Whole{{1, 5}}); }), {"index 5", "position 1 "}));
  EXPECT_TRUE(mentions(message_of<eg::IndexError>([&] { bags(Whole{1, 2, 3}, Whole{0, 2, 1}); }),
                       {"offset 1", "position 2", "3 indices"}));
  EXPECT_TRUE(mentions(message_of<eg::IndexError>([&] { bags(Whole{1, 2, 3}, Whole{0, 4}); }), {"offset 4"}));
  EXPECT_TRUE(
      mentions(message_of<eg::IndexError>([&] { bags(Whole{1, 2, 3}, Whole{1}); }), {"offset 1", "begin with 0"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { bags(Whole{1, 2}); }), {"[2]", "[bags, n]"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { bags(Whole{{1, 2}}, Whole{0}); }), {"[1, 2]", "[1]"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { bags(Whole{1, 2}, Whole{0}, Real{1, 2}); }), {"BagMode::sum"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] {
                         embedding_bag(Whole{1, 2}, Real{{1}, {2}}, Whole{0}, Real{1}, {.mode = BagMode::sum});
                       }),
                       {"[2]", "[1]", "one for each index"}));
  EXPECT_EQ(bags(Whole::zeros({0, 3})).shape(), (eg::Shape{0, 2}));
  EXPECT_TRUE(close(bags(Whole::zeros({2, 0})), {0, 0, 0, 0})) << "bags of nothing";
}

// A step that is replayed looks at the indices that it is given then, and adds to a table that has a gradient already.
TEST(Embedding, IsReplayed) {
  eg::Embedding<double> table(5, 3), same = table;
  eg::EmbeddingBag<double> bags(5, 3, {.mode = BagMode::max}), same_bags = bags;
  const auto loss_of = [](auto& rows, auto& sets, const Whole& at) {
    return sum(square(rows(at))) + sum(rows(at) * 3.0) + sum(square(sets(at)));
  };
  auto step = eg::compile([&](const Whole& at) { return loss_of(table, bags, at); });
  for (const Whole& at : {Whole{{1, 2}, {2, 4}}, Whole{{0, 3}, {3, 3}}, Whole{{4, 4}, {1, 0}}}) {
    eg::Tape tape;
    const Real loss = loss_of(same, same_bags, at);
    tape.backward(loss);
    EXPECT_TRUE(same_bits(step(at), loss));
    EXPECT_TRUE(same_bits(table.weight.grad(), same.weight.grad()));
    EXPECT_TRUE(same_bits(bags.weight.grad(), same_bags.weight.grad()));
    for (auto* each : {&bags, &same_bags}) each->zero_grad();  // the table's gather
  }
  EXPECT_TRUE(mentions(message_of<eg::IndexError>([&] { step(Whole{{0, 1}, {5, 1}}); }), {"index 5", "position"}));
}

// A row that is met more than few_numbers times keeps its digits, also where the table had a gradient before.
TEST(Embedding, CommonRowsKeepTheirDigits) {
  constexpr eg::Index count = 1000;
  eg::Embedding<float> table(3, 5);
  Whole at = Whole::empty({count});
  for (eg::Index i = 0; i < count; ++i) at.mutable_data()[i] = i % 2;
  eg::Tape tape;
  tape.backward(sum(table.weight * 0.5f) + sum(table(at) * 0.1f));
  for (eg::Index r = 0; r < 3; ++r)
    for (eg::Index j = 0; j < 5; ++j) EXPECT_FLOAT_EQ(table.weight.grad()(r, j), r < 2 ? 50.5f : 0.5f);
}

TEST(Positions, RotationsKeepLengthsAndTellDistances) {
  const Real q = fixture::numbers({1, 8}, 1), k = fixture::numbers({1, 8}, 9);
  for (const bool interleaved : {false, true}) {
    eg::RotaryEncoding<double> turn(64, 8, {.interleaved = interleaved});
    const auto product = [&](eg::Index i, eg::Index j) { return sum(turn(q, i) * turn(k, j)).item(); };
    EXPECT_NEAR(product(3, 0), product(40, 37), 1e-12);
    EXPECT_NEAR(sum(square(turn(q, 21))).item(), sum(square(q)).item(), 1e-12);
    EXPECT_TRUE(close(turn(q), q)) << "position 0 is not turned";
    EXPECT_TRUE(turn.state_dict().empty());
  }
}

TEST(Positions, LayersSayWhatIsWrong) {
  eg::SinusoidalEncoding<double> waves(8, 4);
  eg::LearnedEncoding<double> learned(8, 4, {.axis = 0});
  eg::RotaryEncoding<double> turn(8, 4);
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { waves(Real::zeros({2, 9, 4})); }), {"[2, 9, 4]", "[8, 4]"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { waves(Real::zeros({2, 3, 4}), 6); }), {"3 positions from 6"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { learned(Real::zeros({2, 5})); }), {"[2, 5]", "[8, 4]"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { turn(Real::zeros({9, 4})); }), {"[9, 4]", "9 positions", "8"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { turn(Real::zeros({3, 2})); }), {"[3, 2]", "4 features"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { eg::RotaryEncoding<double>(8, 5); }), {"5", "pairs"}));
}

TEST(Positions, AreLearned) {
  eg::Generator generator(3);
  eg::LearnedEncoding<double> layer(8, 4, {.axis = 0}, generator);
  EXPECT_EQ(layer.named_parameters()[0].first, "weight");
  for (const double number : layer.weight.value()) EXPECT_LT(std::abs(number), 0.1);
  const Real x = fixture::numbers({2, 3, 4}, 0);
  eg::Tape tape;
  const Real y = layer(x, 5);
  EXPECT_EQ(y(1, 2, 3), x(1, 2, 3) + layer.weight.value()(6, 3)) << "positions run along the first axis, from 5 on";
  tape.backward(sum(y));
  EXPECT_TRUE(close(sum(layer.weight.grad(), 1), {0, 0, 0, 0, 0, 12, 12, 0}));
  EXPECT_EQ(layer(Real::zeros({0, 3, 4})).shape(), (eg::Shape{0, 3, 4}));
}
