#include "eigengrad/nn/layers/attention.hpp"

#include "eigengrad/autograd/gradcheck.hpp"
#include "eigengrad/nn/layers/transformer.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/optim/adam.hpp"
#include "eigengrad/transform/compile.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"

namespace eg = eigengrad;
using support::close, support::mentions, support::message_of, support::same_bits;
using Real = eg::Tensor<double>;
using Bools = eg::Tensor<bool>;
using List = std::vector<Real>;
using eg::Index;

namespace {

eg::AttentionMask<double> mask_of(const fixture::Inputs& in, const std::string& key) {
  if (in.has(key)) return in[key];
  if (in.has_other(key)) return in.mask(key);
  return {};
}
eg::TransformerLayerOptions layer_options(const fixture::Case& c) {
  using eg::TransformerActivation;
  eg::TransformerLayerOptions options{.feed_forward = c.integer("feed_forward"), .dropout = 0};
  if (c.has("activation"))
    options.activation = c.word("activation") == "gelu" ? TransformerActivation::gelu : TransformerActivation::relu;
  options.norm_first = c.flag("norm_first");
  options.batch_first = c.flag("batch_first");
  if (c.has("epsilon")) options.epsilon = c.number("epsilon");
  options.bias = !c.has("bias") || c.flag("bias");
  return options;
}
Real noise(const eg::Shape& shape, std::uint64_t seed = 1) {
  eg::Generator generator(seed);
  return Real::randn(shape, generator);
}
eg::MultiheadAttention<double> drawn(Index embed, Index heads, eg::MultiheadAttentionOptions options = {}) {
  eg::Generator generator(7);
  return {embed, heads, options, generator};
}
/// softmax(q k^T / sqrt(d)) v by operations.
Real written_out(const Real& q, const Real& k, const Real& v) {
  return matmul(softmax(matmul(q, transpose(k)) / std::sqrt(static_cast<double>(q.shape().back()))), v);
}

}  // namespace

TEST(AttentionFixtures, OfTheFunction) {
  int count = 0;
  for (const fixture::Case& c : fixture::load("attention")) {
    if (c.name() != "sdpa") continue;
    SCOPED_TRACE(c.text());
    ++count;
    c.compare([&](const fixture::Inputs& in) {
      eg::AttentionOptions<double> options{.mask = mask_of(in, "mask"), .causal = c.flag("causal")};
      if (in.has("bias")) options.mask.added = in["bias"];
      if (c.has("scale")) options.scale = c.number("scale");
      return List{eg::scaled_dot_product_attention(in["q"], in["k"], in["v"], options)};
    });
  }
  EXPECT_EQ(count, 41);
}

TEST(AttentionFixtures, OfSeveralHeads) {
  int count = 0;
  for (const fixture::Case& c : fixture::load("attention")) {
    if (c.name() != "multihead") continue;
    SCOPED_TRACE(c.text());
    ++count;
    eg::MultiheadAttention<double> attention(c.integer("embed"), c.integer("heads"),
                                             {.bias = !c.has("bias") || c.flag("bias"),
                                              .kdim = c.has("kdim") ? c.integer("kdim") : 0,
                                              .vdim = c.has("vdim") ? c.integer("vdim") : 0,
                                              .batch_first = c.flag("batch_first")});
    c.compare_module(attention, [&](const fixture::Inputs& in) {
      const Real q = in["q"], k = in.has("k") ? in["k"] : q, v = in.has("v") ? in["v"] : k;
      const eg::MultiheadMasks<double> masks{mask_of(in, "mask"), mask_of(in, "padding"), c.flag("causal")};
      if (c.word("weights") == "none") return List{attention(q, k, v, masks)};
      const auto [y, weights] = attention.with_weights(q, k, v, masks, c.word("weights") == "mean");
      return List{y, weights};
    });
  }
  EXPECT_EQ(count, 31);
}

TEST(AttentionFixtures, OfTransformers) {
  int count = 0;
  for (const fixture::Case& c : fixture::load("attention")) {
    if (c.name() != "encoder" && c.name() != "decoder") continue;
    SCOPED_TRACE(c.text());
    ++count;
    const Index layers = c.integer("layers");
    const auto run = [&](auto& single, auto& all, auto&& call) {
      if (c.flag("norm")) all.norm.push_back(eg::LayerNorm<double>(4));
      if (layers > 0)
        c.compare_module(all, [&](const fixture::Inputs& in) { return List{call(all, in)}; });
      else
        c.compare_module(single, [&](const fixture::Inputs& in) { return List{call(single, in)}; });
    };
    if (c.name() == "encoder") {
      eg::TransformerEncoderLayer<double> layer(4, 2, layer_options(c));
      eg::TransformerEncoder<double> encoder(layer, layers);
      run(layer, encoder, [&](auto& model, const fixture::Inputs& in) {
        return model(in["x"], {mask_of(in, "mask"), mask_of(in, "padding"), c.flag("causal")});
      });
    } else {
      eg::TransformerDecoderLayer<double> layer(4, 2, layer_options(c));
      eg::TransformerDecoder<double> decoder(layer, layers);
      run(layer, decoder, [&](auto& model, const fixture::Inputs& in) {
        return model(in["x"], in["memory"],
                     {.mask = mask_of(in, "mask"),
                      .key_padding_mask = mask_of(in, "padding"),
                      .causal = c.flag("causal"),
                      .memory_mask = mask_of(in, "memory_mask"),
                      .memory_key_padding_mask = mask_of(in, "memory_padding")});
      });
    }
  }
  EXPECT_EQ(count, 24);
}

// True is attended to in the function's masks, and not attended to in the layers'.
TEST(Attention, MasksMeanWhatTheyDoInPyTorch) {
  const Real q = {{1, 0}}, k = {{1, 0}, {0, 1}}, v = {{1, 2}, {3, 4}};
  EXPECT_TRUE(close(eg::scaled_dot_product_attention(q, k, v, {.mask = Bools{{true, false}}}), {1, 2}));
  EXPECT_TRUE(close(eg::scaled_dot_product_attention(q, k, v, {.mask = Real{{0, 1000}}}), {3, 4}));
  auto attention = drawn(4, 2);
  const Real x = noise({3, 1, 4});
  const Bools future = {{false, true, true}, {false, false, true}, {false, false, false}};
  EXPECT_TRUE(close(attention(x, x, x, {.mask = future}), attention(x, x, x, {.causal = true})));
  EXPECT_TRUE(close(attention(x, x, x, {.key_padding_mask = Bools{{false, false, true}}}),
                    attention(x, slice(x, 0, 0, 2), slice(x, 0, 0, 2))));
}

TEST(Attention, RowsThatSeeNothingAreZero) {
  const Real q = noise({2, 3}, 1), k = noise({4, 3}, 2), v = noise({4, 3}, 3);
  const Bools mask = {{true, true, false, true}, {false, false, false, false}};
  eg::Parameter<double> p(q), r(k);
  eg::Tape tape;
  const Real y = eg::scaled_dot_product_attention(p, r, v, {.mask = mask});
  tape.backward(sum(square(y)));
  EXPECT_TRUE(close(select(y, 0, 1), {0, 0, 0}));
  EXPECT_TRUE(close(select(p.grad(), 0, 1), {0, 0, 0}));
  EXPECT_FALSE(any(isnan(r.grad())).item());
  const Real none = eg::scaled_dot_product_attention(q, Real::zeros({0, 3}), Real::zeros({0, 2}));
  EXPECT_TRUE(close(none, Real::zeros({2, 2})));
}

TEST(Attention, OfEmptyBatchesAndOne) {
  auto attention = drawn(8, 2);
  EXPECT_EQ(attention(Real::zeros({3, 0, 8})).shape(), (eg::Shape{3, 0, 8}));
  EXPECT_EQ(attention(Real::zeros({0, 3, 8})).shape(), (eg::Shape{0, 3, 8}));
  eg::TransformerEncoderLayer<double> block(8, 2, {.feed_forward = 16});
  EXPECT_EQ(block(Real::zeros({3, 0, 8})).shape(), (eg::Shape{3, 0, 8}));
  const Real x = noise({5, 3, 8});
  EXPECT_TRUE(close(attention(slice(x, 1, 1, 2)), slice(attention(x), 1, 1, 2)));
  EXPECT_TRUE(close(attention(select(x, 1, 1)), select(attention(x), 1, 1)));
}

// The weights' dropout: a seed fixes it, the way back has the same, and so has the way that is recorded.
TEST(Attention, DropsWeights) {
  const Real q = noise({2, 5, 4}, 1), k = noise({2, 6, 4}, 2), v = noise({2, 6, 4}, 3);
  const eg::AttentionOptions<double> half{.dropout = 0.5};
  const auto dropped = [&](const List& x) {
    eg::manual_seed(3);
    return eg::scaled_dot_product_attention(x[0], x[1], x[2], half);
  };
  EXPECT_FALSE(close(dropped({q, k, v}), written_out(q, k, v)));
  EXPECT_TRUE(same_bits(dropped({q, k, v}), dropped({q, k, v})));
  EXPECT_NO_THROW(eg::gradcheck(dropped, List{q, k, v}));
  EXPECT_TRUE(close(eg::scaled_dot_product_attention(q, k, v, {.dropout = 1}), Real::zeros({2, 5, 4})));
  const eg::Parameter<double> bias(Real::zeros({5, 6}));
  eg::Tape tape;
  eg::manual_seed(3);
  const Real with_bias = eg::scaled_dot_product_attention(q, k, v, {.mask = bias, .dropout = 0.5});
  EXPECT_TRUE(close(with_bias, dropped({q, k, v}))) << "a mask with a gradient goes by recorded operations";
  Real average = Real::zeros({2, 5, 4});
  for (int i = 0; i < 4000; ++i) average = average + eg::scaled_dot_product_attention(q, k, v, half) / 4000;
  EXPECT_TRUE(close(average, written_out(q, k, v), 0.1));
  auto attention = drawn(4, 2, {.dropout = 0.5});
  const Real x = noise({5, 2, 4});
  EXPECT_FALSE(same_bits(attention(x), attention(x)));
  EXPECT_FALSE(same_bits(attention.with_weights(x, x, x).output, attention.with_weights(x, x, x).output));
  attention.eval();
  EXPECT_TRUE(same_bits(attention(x), attention(x)));
  EXPECT_TRUE(close(attention(x), attention.with_weights(x, x, x).output));
}

TEST(Attention, IsReplayed) {
  auto attention = drawn(4, 2);
  eg::TransformerEncoderLayer<double> block(4, 2, {.feed_forward = 6, .dropout = 0.3, .norm_first = true});
  const auto loss = [&](const Real& x, const Real& memory) {
    return sum(square(attention(block(x, {.causal = true}), memory, memory)));
  };
  auto step = eg::compile(loss);
  const Real x = noise({3, 2, 4}, 1), memory = noise({3, 2, 4}, 2);
  for (int i = 0; i < 6; ++i) {
    const Real from = i == 0 ? x : memory;  // the first time both are the same
    const Real other = i % 2 == 0 ? from : x;
    for (const auto& each : {&attention.in_proj_weight, &block.self_attn.in_proj_weight}) each->zero_grad();
    eg::manual_seed(static_cast<std::uint64_t>(i));
    const double replayed = step(from, other).item();
    const Real gradient = block.self_attn.in_proj_weight.grad(), second = attention.in_proj_weight.grad();
    attention.zero_grad();
    block.zero_grad();
    eg::manual_seed(static_cast<std::uint64_t>(i));
    eg::Tape tape;
    const Real anew = loss(from, other);
    tape.backward(anew);
    EXPECT_TRUE(close(Real::full({}, replayed), {anew.item()})) << i;
    EXPECT_TRUE(close(gradient, block.self_attn.in_proj_weight.grad())) << i;
    EXPECT_TRUE(close(second, attention.in_proj_weight.grad())) << i;
  }
}

TEST(Attention, StartsAsPyTorchs) {
  const auto attention = drawn(64, 4);
  const double bound = std::sqrt(6.0 / (4 * 64)), out = 1 / std::sqrt(64.0);
  double most = 0, most_out = 0;
  for (const double w : attention.in_proj_weight.value()) most = std::max(most, std::abs(w));
  for (const double w : attention.out_proj.weight.value()) most_out = std::max(most_out, std::abs(w));
  EXPECT_LE(most, bound);
  EXPECT_GT(most, 0.99 * bound);
  EXPECT_LE(most_out, out);
  EXPECT_GT(most_out, 0.99 * out);
  EXPECT_TRUE(close(attention.in_proj_bias.value(), Real::zeros({192})));
  EXPECT_TRUE(close(attention.out_proj.bias.value(), Real::zeros({64})));
  auto other = drawn(8, 2, {.bias = false, .kdim = 3, .vdim = 5});
  std::string keys;
  for (const auto& [key, parameter] : other.named_parameters()) keys += key + eg::to_text(parameter.shape()) + " ";
  EXPECT_EQ(keys, "q_proj_weight[8, 8] k_proj_weight[8, 3] v_proj_weight[8, 5] out_proj.weight[8, 8] ");
}

TEST(Attention, CopiesAreTheirOwn) {
  eg::TransformerEncoderLayer<double> block(4, 2, {.feed_forward = 5, .dropout = 0});
  eg::TransformerEncoder<double> encoder(block, 2), copy = encoder;
  EXPECT_EQ(encoder.parameters().size(), 24u);
  const Real x = noise({3, 2, 4});
  EXPECT_TRUE(same_bits(encoder(x), block(block(x)))) << "all layers start the same, as PyTorch's";
  encoder.layers[1].linear1.bias.set_value(Real::ones({5}));
  EXPECT_FALSE(same_bits(encoder(x), copy(x)));
  copy.load_state_dict(encoder.state_dict());
  EXPECT_TRUE(same_bits(encoder(x), copy(x)));
  copy = eg::TransformerEncoder<double>(block, 1);
  EXPECT_EQ(copy.parameters().size(), 12u);
}

// One row after another, or a few at once, against the whole.
TEST(AttentionCache, StepsGiveTheSameNumbers) {
  for (const bool batch_first : {false, true})
    for (const bool norm_first : {false, true}) {
      const eg::TransformerLayerOptions options{
          .feed_forward = 9, .norm_first = norm_first, .batch_first = batch_first};
      eg::TransformerEncoder<double> encoder(eg::TransformerEncoderLayer<double>(6, 2, options), 2,
                                             eg::LayerNorm<double>(6));
      eg::TransformerDecoderLayer<double> decoder(6, 3, options);
      encoder.eval();
      decoder.eval();
      const Index axis = batch_first ? 1 : 0;
      const Real x = batch_first ? noise({2, 7, 6}) : noise({7, 2, 6}),
                 memory = batch_first ? noise({2, 5, 6}, 2) : noise({5, 2, 6}, 2);
      const Real whole = encoder(x, {.causal = true}), decoded = decoder(x, memory, {.causal = true});
      auto caches = encoder.caches(2, 9);
      auto past = decoder.self_attn.cache(2, 7);
      const auto kept = decoder.multihead_attn.cache_of(memory);
      for (int round = 0; round < 2; ++round) {
        for (Index at = 0, count = 1; at < 7; at += count, count = at == 2 ? 3 : 1) {
          const Real part = slice(x, axis, at, at + count);
          EXPECT_TRUE(close(encoder.step(part, caches), slice(whole, axis, at, at + count))) << at;
          EXPECT_TRUE(close(decoder.step(part, past, kept), slice(decoded, axis, at, at + count))) << at;
        }
        for (auto& each : caches) each.clear();
        past.clear();
      }
    }
}

TEST(AttentionCache, RefusesWhatDoesNotFit) {
  auto attention = drawn(4, 2);
  auto past = attention.cache(2, 2);
  attention.step(noise({2, 2, 4}), past);
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { attention.step(noise({1, 2, 4}), past); }),
                       {"room for 2", "2 are set", "1 come"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { attention.step(noise({1, 3, 4}), past); }),
                       {"[1, 3, 4]", "[2, 2, 4]", "[3, capacity, 4]"}));
  auto other = drawn(4, 2, {.kdim = 3});
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { other.step(noise({1, 2, 4}), past); }), {"kdim is 3"}));
  eg::TransformerEncoder<double> encoder(eg::TransformerEncoderLayer<double>(4, 2, {.feed_forward = 4}), 2);
  std::vector<eg::AttentionCache<double>> none;
  EXPECT_TRUE(
      mentions(message_of<eg::ShapeError>([&] { encoder.step(noise({1, 2, 4}), none); }), {"0 caches", "2 layers"}));
}

TEST(Attention, ErrorsNameShapesAndTheWayOut) {
  const Real q = noise({2, 3, 4});
  const auto function = [&](const Real& k, const Real& v, const eg::AttentionOptions<double>& options = {}) {
    return message_of<eg::ShapeError>([&] { eg::scaled_dot_product_attention(q, k, v, options); });
  };
  for (const auto& [k, v] : std::vector<std::pair<eg::Shape, eg::Shape>>{
           {{2, 5, 3}, {2, 5, 4}}, {{2, 5, 4}, {2, 6, 4}}, {{3, 5, 4}, {2, 5, 4}}, {{5, 4}, {4}}})
    EXPECT_TRUE(
        mentions(function(noise(k), noise(v)), {"scaled_dot_product_attention", "q is [2, 3, 4]",
                                                "k is " + eg::to_text(k), "v is " + eg::to_text(v), "[..., S, d]"}));
  EXPECT_TRUE(
      mentions(function(q, q, {.mask = Bools::full({4, 3}, true)}), {"mask is [4, 3]", "scores are [2, 3, 3]"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { eg::scaled_dot_product_attention(q, q, q, {.dropout = 1.5}); }),
                       {"dropout 1.5", "[0, 1]"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] {
                         eg::scaled_dot_product_attention(Real::zeros({2, 0}), Real::zeros({2, 0}),
                                                          Real::zeros({2, 1}));
                       }),
                       {"[2, 0]", "must not be empty"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([] { drawn(6, 4); }), {"6 numbers", "4 heads"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([] { drawn(6, 2, {.dropout = 1}); }), {"dropout 1", "[0, 1)"}));
  auto attention = drawn(4, 2, {.kdim = 3});
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { attention(q, q, q); }),
                       {"MultiheadAttention: q is [2, 3, 4]", "[T, B, 4]", "[S, B, 3]", ".batch_first true"}));
  auto self = drawn(4, 2);
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { self(q, q, q, {.mask = Bools::full({3, 3}, true)}); }),
                       {"the mask is [3, 3]", "[2, 2]", "[6, 2, 2]"}));
  EXPECT_TRUE(
      mentions(message_of<eg::ShapeError>([&] { self(q, q, q, {.key_padding_mask = Bools::full({2, 3}, true)}); }),
               {"key_padding_mask is [2, 3]", "[3, 2]"}));
  eg::TransformerDecoder<double> decoder(eg::TransformerDecoderLayer<double>(4, 2, {.feed_forward = 4}), 1);
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { decoder.forward(q); }), {"memory"}));
}

TEST(Transformer, LearnsInASequential) {
  eg::manual_seed(5);
  eg::Sequential<double> model(eg::Linear<double>(3, 8),
                               eg::TransformerEncoderLayer<double>(8, 2, {.feed_forward = 16, .dropout = 0}),
                               eg::Linear<double>(8, 3));
  EXPECT_EQ(model.named_parameters()[2].first, "1.self_attn.in_proj_weight");
  eg::Adam<double> optimizer(model.parameters(), {.learning_rate = 0.01});
  const Real x = noise({6, 4, 3}), y = (-x).eval();
  double first = 0, last = 0;
  for (int i = 0; i < 60; ++i) {
    eg::Tape tape;
    const Real loss = mean(square(model(x) - y));
    tape.backward(loss);
    optimizer.step();
    optimizer.zero_grad();
    (i == 0 ? first : last) = loss.item();
  }
  EXPECT_LT(last, 0.5 * first);
}

TEST(Transformer, SaysWhereAnErrorCameFrom) {
  eg::Sequential<double> model(eg::TransformerEncoder<double>(
      eg::TransformerEncoderLayer<double>(4, 2, {.feed_forward = 4, .batch_first = true}), 1));
  EXPECT_TRUE(
      mentions(message_of<eg::ShapeError>([&] { model(noise({2, 3, 5})); }), {"[2, 3, 5]", "layers.0", "self_attn"}));
}
