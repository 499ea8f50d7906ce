#include "eigengrad/nn/losses/ctc.hpp"
#include "eigengrad/nn/losses/labelled.hpp"
#include "eigengrad/nn/losses/likelihood.hpp"
#include "eigengrad/nn/losses/margin.hpp"
#include "eigengrad/transform/compile.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"

// The losses beside those of nn/losses/loss.hpp and cross_entropy.hpp, and PyTorch's.
namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using Whole = eg::Tensor<std::int64_t>;
using eg::Reduction;
using support::close, support::mentions, support::message_of, support::same_bits;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Reduction reduction_of(const fixture::Case& c) {
  const std::string& word = c.word("reduction");
  return word == "mean"   ? Reduction::mean
         : word == "sum"  ? Reduction::sum
         : word == "none" ? Reduction::none
                          : Reduction::batch_mean;
}

Real loss_of(const fixture::Case& c, const fixture::Inputs& in) {
  const std::string& name = c.name();
  const Reduction reduction = reduction_of(c);
  const Real weight = in.given("weight").detach();
  if (name == "cross_entropy")
    return softmax_cross_entropy(in["x"], in.whole("at"),
                                 {.weight = weight,
                                  .ignore_index = c.integer("ignored"),
                                  .label_smoothing = c.number("smoothing"),
                                  .reduction = reduction});
  if (name == "cross_entropy_soft")
    return softmax_cross_entropy(in["x"], in["y"],
                                 {.weight = weight, .label_smoothing = c.number("smoothing"), .reduction = reduction});
  if (name == "nll")
    return nll_loss(in["x"], in.whole("at"),
                    {.weight = weight, .ignore_index = c.integer("ignored"), .reduction = reduction});
  if (name == "smooth_l1") return smooth_l1_loss(in["x"], in["y"], c.number("beta"), reduction);
  if (name == "poisson_nll")
    return poisson_nll_loss(in["x"], in["y"].detach(),
                            {.log_input = c.flag("log_input"), .full = c.flag("full"), .reduction = reduction});
  if (name == "gaussian_nll")
    return gaussian_nll_loss(in["x"], in["y"], in["variance"], {.full = c.flag("full"), .reduction = reduction});
  if (name == "kl_div")
    return kl_div_loss(in["x"], in["y"], {.log_target = c.flag("log_target"), .reduction = reduction});
  if (name == "cosine_embedding")
    return cosine_embedding_loss(in["a"], in["b"], in.whole("at"),
                                 {.margin = c.number("margin"), .reduction = reduction});
  if (name == "margin_ranking")
    return margin_ranking_loss(in["a"], in["b"], in.whole("at"),
                               {.margin = c.number("margin"), .reduction = reduction});
  if (name == "hinge_embedding")
    return hinge_embedding_loss(in["x"], in.whole("at"), {.margin = c.number("margin"), .reduction = reduction});
  if (name == "soft_margin") return soft_margin_loss(in["x"], in.whole("at"), reduction);
  if (name == "triplet")
    return triplet_margin_loss(
        in["a"], in["p"], in["n"],
        {.margin = c.number("margin"), .p = c.number("p"), .swap = c.flag("swap"), .reduction = reduction});
  if (name == "multi_margin")
    return multi_margin_loss(in["x"], in.whole("at"),
                             {.margin = c.number("margin"),
                              .p = static_cast<int>(c.integer("p")),
                              .weight = weight,
                              .reduction = reduction});
  if (name == "ctc")
    return ctc_loss(log_softmax(in["x"], 2), in.whole("targets"), in.whole("inputs"), in.whole("lengths"),
                    {.blank = c.integer("blank"), .reduction = reduction, .zero_infinity = c.flag("zero")});
  ADD_FAILURE() << "who compares this?";
  return {};
}

}  // namespace

TEST(Objectives, ArePyTorchs) {
  for (const fixture::Case& c : fixture::load("losses")) {
    SCOPED_TRACE(c.text());
    c.compare([&](const fixture::Inputs& in) { return std::vector{loss_of(c, in)}; });
  }
}

// With nothing asked for it is the loss of cross_entropy.hpp, to the last digit but rounding.
TEST(Objectives, CrossEntropyWithOptionsAgreesWithTheOneWithout) {
  const Real x = fixture::numbers({5, 7}, 3);
  const Whole at = {6, 0, 3, 3, 1};
  EXPECT_TRUE(close(softmax_cross_entropy(x, at, eg::CrossEntropyOptions<double>{}),
                    softmax_cross_entropy(x, at, Reduction::mean), 1e-15));
  // Of the same numbers in another layout.
  const Real deep = permute(reshape(x, {1, 5, 7}), {0, 2, 1});
  EXPECT_TRUE(close(softmax_cross_entropy(deep, reshape(at, {1, 5}), {.label_smoothing = 0.1}),
                    softmax_cross_entropy(x, at, {.label_smoothing = 0.1}), 1e-15));
}

TEST(Objectives, AreRightFarOut) {
  const Real x = {{1000, -1000, 0}};
  eg::Parameter<double> p(x);
  eg::Tape tape;
  tape.backward(softmax_cross_entropy(p, Whole{1}, {.label_smoothing = 0.3}));
  EXPECT_TRUE(close(p.grad(), {0.9, -0.8, -0.1}));
  EXPECT_TRUE(close(kl_div_loss(Real{{-infinity, 0}}, Real{{0, 1}}), {0}));
  EXPECT_TRUE(close(kl_div_loss(Real{{-2, 0}}, Real{{-infinity, 0}}, {.log_target = true}), {0}));
  EXPECT_TRUE(close(soft_margin_loss(Real{-1000}, Whole{1}), {1000}));
  // All labels ignored: 0 / 0, as PyTorch says; summed, nothing.
  EXPECT_TRUE(std::isnan(softmax_cross_entropy(x, Whole{-100}, eg::CrossEntropyOptions<double>{}).item()));
  EXPECT_EQ(softmax_cross_entropy(x, Whole{-100}, {.reduction = Reduction::sum}).item(), 0);
}

// Without zero_infinity a target that does not fit has an infinite loss, also where it is computed step by step.
TEST(Objectives, CtcOfWhatDoesNotFit) {
  const Real x = log_softmax(fixture::numbers({2, 1, 3}, 3), 2);
  EXPECT_EQ(ctc_loss(x, Whole{{1, 1}}, Whole{2}, Whole{2}).item(), infinity);
  EXPECT_EQ(ctc_loss(x, Whole{{1, 1}}, Whole{2}, Whole{2}, {.zero_infinity = true}).item(), 0);
  const eg::CtcBatch batch{x.shape(), 0, false, {}};
  EXPECT_EQ(ctc_by_steps(x, batch, Whole{{1, 1}}, Whole{2}, Whole{2})(0), infinity);
  EXPECT_EQ(ctc_loss(x, Whole{{1, 1}}, Whole{0}, Whole{0}, {.reduction = Reduction::sum}).item(), 0);
  // The blank of every step alone is left of a target of nothing.
  EXPECT_NEAR(ctc_loss(x, Whole{{1, 1}}, Whole{2}, Whole{0}, {.reduction = Reduction::sum}).item(),
              -(x(0, 0, 0) + x(1, 0, 0)), 1e-14);
}

// Its second order is composed: beside differences of the fused first order.
TEST(Objectives, CtcHasSecondDerivatives) {
  const Real x = fixture::numbers({5, 2, 4}, 3) * 0.5, v = fixture::numbers({5, 2, 4}, 8);
  const auto loss = [&](const auto& numbers) {
    return ctc_loss(log_softmax(numbers, 2), Whole{{1, 1, 2}, {3, 1, 0}}, Whole{5, 4}, Whole{3, 2});
  };
  const auto gradient_at = [&](const Real& at) {
    eg::Parameter<double> p(at);
    eg::Tape tape;
    tape.backward(loss(p.to_tensor()));
    return p.grad();
  };
  eg::Parameter<double> p(x);
  eg::Tape tape;
  const std::vector<eg::ParameterRef<double>> wanted{p};
  const Real first = tape.gradient(loss(p.to_tensor()), wanted, {.create_graph = true})[0];
  EXPECT_TRUE(close(first, gradient_at(x), 1e-13)) << "fused and composed are one";
  const Real second = tape.gradient(sum(first * v), wanted)[0];
  const double h = 1e-5;
  const Real difference = (gradient_at(Real(x + h * v)) - gradient_at(Real(x - h * v))) / (2 * h);
  EXPECT_TRUE(close(second, difference, 1e-8));
}

TEST(Objectives, SayWhatIsWrong) {
  const Real x = Real::zeros({2, 4, 3});
  const eg::CrossEntropyOptions<double> plain;
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { softmax_cross_entropy(x, Whole{1, 2}, plain); }),
                       {"[2, 4, 3]", "[2]", "[n, classes, ...]"}));
  EXPECT_TRUE(mentions(message_of<eg::IndexError>([&] { nll_loss(x, Whole{{1, 2, 3}, {1, 4, 1}}); }),
                       {"label 4", "position 4", "0 to 3", "ignore_index"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { nll_loss(x, Whole::zeros({2, 3}), {.weight = Real{1, 2}}); }),
                       {"[2, 4, 3]", "[2]", "each class"}));
  EXPECT_TRUE(mentions(
      message_of<eg::ValueError>([&] { softmax_cross_entropy(x, Whole::zeros({2, 3}), {.label_smoothing = 1.5}); }),
      {"1.5"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { softmax_cross_entropy(Real::zeros({0, 4}), Whole(), plain); }),
                       {"[0, 4]", "empty batch"}));
  EXPECT_EQ(softmax_cross_entropy(Real::zeros({0, 4}), Whole(), {.reduction = Reduction::sum}).item(), 0);
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { softmax_cross_entropy(x, Real::zeros({2, 4}), plain); }),
                       {"[2, 4, 3]", "[2, 4]"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { hinge_embedding_loss(Real{1}, Whole{0}); }), {"0", "1 or -1"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { soft_margin_loss(Real{1}, Whole{1, 1}); }), {"[2]", "[1]"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { gaussian_nll_loss(Real{1}, Real{1}, Real{-1}); }), {"-1"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { gaussian_nll_loss(Real{1, 2, 3}, Real{1, 2, 3}, Real{1, 2}); }),
                       {"[3]", "[2]"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { multi_margin_loss(Real{{1, 2}}, Whole{1}, {.p = 3}); }),
                       {"p = 3", "1 or 2"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { smooth_l1_loss(Real{1}, Real{1}, -1); }), {"beta = -1"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { triplet_margin_loss(Real{{1}}, Real{{1}}, Real{1}); }),
                       {"[1, 1]", "[1]"}));
  const Real steps = Real::zeros({5, 2, 4});
  const auto ctc = [&](const Whole& targets, const Whole& inputs, const Whole& lengths, eg::Index blank = 0) {
    ctc_loss(steps, targets, inputs, lengths, {.blank = blank});
  };
  EXPECT_TRUE(mentions(message_of<eg::IndexError>([&] { ctc({{1, 2}, {3, 4}}, {5, 5}, {2, 2}); }),
                       {"target 4", "position 1", "example 1"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { ctc({{1, 2}, {3, 1}}, {5, 6}, {2, 2}); }),
                       {"input length 6", "5 steps"}));
  EXPECT_TRUE(
      mentions(message_of<eg::ValueError>([&] { ctc({{1, 2}, {3, 1}}, {5, 5}, {2, 3}); }), {"target length 3"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { ctc({1, 2, 3}, {5, 5}, {1, 1}); }), {"sum to 2", "[3]"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { ctc({1, 2, 3}, {5, 5}, {2, 1}, 4); }), {"blank 4"}));
}

// A replayed step takes the labels, and divides by the weights of those, that it is given then.
TEST(Objectives, AreReplayed) {
  eg::Parameter<double> x(fixture::numbers({3, 4, 2}, 3)), y(fixture::numbers({6, 2, 4}, 3));
  const auto loss_of = [&](const Whole& at, const Whole& sequence) {
    return softmax_cross_entropy(x, at, {.weight = Real{1, 2, 3, 4}, .ignore_index = 0, .label_smoothing = 0.1}) +
           nll_loss(x, at, {.ignore_index = 1}) +
           ctc_loss(log_softmax(y, 2), sequence, Whole{6, 6}, Whole{2, 2}, {.zero_infinity = true});
  };
  auto step = eg::compile(loss_of);
  for (const Whole& at : {Whole{{1, 0}, {3, 2}, {0, 0}}, Whole{{0, 0}, {1, 2}, {3, 3}}}) {
    const Whole sequence = at(0, 0) == 1 ? Whole{{1, 1}, {2, 3}} : Whole{{3, 1}, {2, 2}};
    for (auto* each : {&x, &y}) each->zero_grad();
    eg::Tape tape;
    const Real expected = loss_of(at, sequence);
    tape.backward(expected);
    const Real of_x = x.grad(), of_y = y.grad();
    for (auto* each : {&x, &y}) each->zero_grad();
    EXPECT_TRUE(same_bits(step(at, sequence), expected));
    EXPECT_TRUE(same_bits(x.grad(), of_x));
    EXPECT_TRUE(same_bits(y.grad(), of_y));
  }
}
