#include "eigengrad/nn/layers/pooling.hpp"

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/nn/layers/activation.hpp"
#include "eigengrad/nn/layers/channel_dropout.hpp"
#include "eigengrad/nn/layers/resample.hpp"
#include "eigengrad/nn/sequential.hpp"
#include "eigengrad/ops/sum.hpp"
#include "eigengrad/transform/compile.hpp"
#include "support/close.hpp"
#include "support/fixture.hpp"

namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using support::close, support::mentions, support::message_of, support::same_bits;

namespace {

Real images(const eg::Shape& shape) { return fixture::numbers(shape, 1); }

eg::PlaneSizes sizes(const fixture::Case& c, const std::string& key, const eg::PlaneSizes& otherwise) {
  if (!c.has(key)) return otherwise;
  const std::vector<eg::Index> given = c.integers(key);
  return given.size() == 1 ? eg::PlaneSizes(given[0]) : eg::PlaneSizes(given[0], given[1]);
}
std::optional<eg::Index> number(const fixture::Case& c, const std::string& key) {
  return c.has(key) ? std::optional(c.integer(key)) : std::nullopt;
}
/// A case's operation. Layers are tested here, as their functions are all that they call.
Real run(const fixture::Case& c, const Real& x) {
  using Layers = double;
  const bool ceil_mode = c.flag("ceil_mode"), counted = !c.has("count_include_pad") || c.flag("count_include_pad");
  const eg::PlaneSizes kernel = sizes(c, "kernel", {}), stride = sizes(c, "stride", {}),
                       padding = sizes(c, "padding", 0), dilation = sizes(c, "dilation", 1);
  const std::optional<eg::Index> step =
      c.name().back() == 'd' && c.name().find("1d") != std::string::npos ? number(c, "stride") : std::nullopt;
  if (c.name() == "max_pool1d")
    return eg::MaxPool1d<Layers>(kernel.rows, {step, padding.rows, dilation.rows, ceil_mode})(x);
  if (c.name() == "max_pool2d") return eg::MaxPool2d<Layers>(kernel, {stride, padding, dilation, ceil_mode})(x);
  if (c.name() == "avg_pool1d") return eg::AvgPool1d<Layers>(kernel.rows, {step, padding.rows, ceil_mode, counted})(x);
  if (c.name() == "avg_pool2d")
    return eg::AvgPool2d<Layers>(kernel, {stride, padding, ceil_mode, counted, number(c, "divisor_override")})(x);
  if (c.name() == "adaptive_avg_pool1d") return eg::AdaptiveAvgPool1d<Layers>(c.integer("size"))(x);
  if (c.name() == "adaptive_max_pool1d") return eg::AdaptiveMaxPool1d<Layers>(c.integer("size"))(x);
  if (c.name() == "adaptive_avg_pool2d") return eg::AdaptiveAvgPool2d<Layers>(sizes(c, "size", {}))(x);
  if (c.name() == "adaptive_max_pool2d") return eg::AdaptiveMaxPool2d<Layers>(sizes(c, "size", {}))(x);
  if (c.name() == "pixel_shuffle") return eg::PixelShuffle<Layers>(c.integer("factor"))(x);
  if (c.name() == "pixel_unshuffle") return eg::PixelUnshuffle<Layers>(c.integer("factor"))(x);
  const eg::UnfoldOptions options{sizes(c, "stride", 1), padding, dilation};
  if (c.name() == "unfold") return eg::Unfold<Layers>(kernel, options)(x);
  if (c.name() == "fold") return eg::Fold<Layers>(sizes(c, "size", {}), kernel, options)(x);
  if (c.name() != "upsample") throw std::invalid_argument(c.name());
  eg::UpsampleOptions upsampled{.size = sizes(c, "size", {})};
  if (c.has("scale_factor")) {
    const std::vector<std::string> factors = c.words("scale_factor");
    upsampled.scale_factor = {std::stod(factors.front()), std::stod(factors.back())};
  }
  upsampled.mode = c.word("mode") == "nearest"  ? eg::UpsampleMode::nearest
                   : c.word("mode") == "linear" ? eg::UpsampleMode::linear
                                                : eg::UpsampleMode::bilinear;
  upsampled.align_corners = c.flag("align_corners");
  return eg::Upsample<Layers>(upsampled)(x);
}

}  // namespace

TEST(Pooling, IsPyTorchs) {
  const auto cases = fixture::load("pooling");
  EXPECT_GE(cases.size(), 120u);
  for (const fixture::Case& c : cases) {
    SCOPED_TRACE(c.text());
    c.compare([&](const fixture::Inputs& in) {
      const Real x = in["x"];
      return std::vector{run(c, c.flag("squared") ? Real(x * x) : x)};
    });
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(Pooling, ReadsAsInPyTorch) {
  const Real x = images({2, 3, 8, 8});
  EXPECT_EQ(eg::MaxPool2d<double>(2)(x).shape(), (eg::Shape{2, 3, 4, 4}));
  EXPECT_EQ(eg::MaxPool2d<double>({3, 2}, {.stride = 2, .padding = 1})(x).shape(), (eg::Shape{2, 3, 4, 5}));
  EXPECT_EQ(eg::MaxPool2d<double>(2, {.stride = {2, 1}, .dilation = 2})(x).shape(), (eg::Shape{2, 3, 3, 6}));
  EXPECT_EQ(eg::AvgPool2d<double>(2, {.divisor_override = 3})(x).shape(), (eg::Shape{2, 3, 4, 4}));
  EXPECT_EQ(eg::AdaptiveAvgPool2d<double>(1)(x).shape(), (eg::Shape{2, 3, 1, 1}));
  EXPECT_EQ(eg::AdaptiveMaxPool2d<double>({-1, 3})(x).shape(), (eg::Shape{2, 3, 8, 3}));
  EXPECT_EQ(eg::Upsample<double>({.scale_factor = 2})(x).shape(), (eg::Shape{2, 3, 16, 16}));
  EXPECT_EQ(eg::Upsample<double>({.size = {5, 7}, .mode = eg::UpsampleMode::bilinear})(x).shape(),
            (eg::Shape{2, 3, 5, 7}));
  EXPECT_EQ(eg::MaxPool1d<double>(2, {.stride = 1})(images({3, 8})).shape(), (eg::Shape{3, 7}));
}

// The gradient of an overlapped maximum arrives from both windows, and of equal ones at the first.
TEST(Pooling, MaximaShareAndBreakTies) {
  eg::Parameter<double> x(Real{{{1, 3, 2, 2, 2}}});
  eg::Tape tape;
  const Real y = max_pool1d(x, 2, {.stride = 1});
  EXPECT_TRUE(close(y, {3, 3, 2, 2}));
  tape.backward(sum(y * Real{{{1, 10, 100, 1000}}}));
  EXPECT_TRUE(close(x.grad(), {0, 11, 100, 1000, 0}));
}

TEST(Pooling, PlacesAreOnlyKeptForGradients) {
  const Real x = images({2, 3, 9, 11});
  eg::Parameter<double> p(x);
  for (const eg::PlaneSizes& kernel : {eg::PlaneSizes(2), eg::PlaneSizes(3, 2)}) {
    eg::Tape tape;
    EXPECT_TRUE(same_bits(max_pool2d(p, kernel), max_pool2d(x, kernel)));
    EXPECT_TRUE(same_bits(adaptive_max_pool2d(p, kernel), adaptive_max_pool2d(x, kernel)));
  }
}

TEST(Pooling, GlobalIsTheMeanAndTheLargestOfEachChannel) {
  const Real x = images({2, 3, 4, 5});
  EXPECT_TRUE(close(eg::GlobalAvgPool<double>()(x), mean(x, {2, 3})));
  EXPECT_TRUE(close(eg::GlobalMaxPool<double>()(x), (eg::max)(x, {2, 3})));
  EXPECT_TRUE(close(eg::GlobalAvgPool<double>()(images({2, 3})), images({2, 3}))) << "of nothing behind the channels";
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::GlobalAvgPool<double>()(Real::zeros({2, 3, 0})); }),
                       {"global_avg_pool", "[2, 3, 0]", "nothing to pool"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::GlobalMaxPool<double>()(Real::zeros({2})); }),
                       {"global_max_pool", "[2]", "[n, channels, ...]"}));
}

TEST(Pooling, OfAnEmptyBatch) {
  eg::Parameter<double> x(Real::zeros({0, 3, 4, 4}));
  eg::Tape tape;
  const Real y = max_pool2d(x, 2) + avg_pool2d(x, 2) + adaptive_avg_pool2d(x, 2) + adaptive_max_pool2d(x, 2);
  EXPECT_EQ(y.shape(), (eg::Shape{0, 3, 2, 2}));
  const Real wide = upsample(x, {.scale_factor = 2});
  EXPECT_EQ(wide.shape(), (eg::Shape{0, 3, 8, 8}));
  EXPECT_EQ(unfold(x, 2).shape(), (eg::Shape{0, 12, 9}));
  EXPECT_EQ(pixel_unshuffle(x, 2).shape(), (eg::Shape{0, 12, 2, 2}));
  tape.backward(sum(y) + sum(wide) + sum(unfold(x, 2)));
  EXPECT_EQ(x.grad().shape(), (eg::Shape{0, 3, 4, 4}));
}

TEST(Pooling, ErrorsNameShapesAndTheFormula) {
  const auto shape_error = [](const auto& f) { return message_of<eg::ShapeError>(f); };
  const auto value_error = [](const auto& f) { return message_of<eg::ValueError>(f); };
  const Real x = images({1, 2, 3, 4});
  EXPECT_TRUE(mentions(shape_error([&] { max_pool2d(x, 5); }),
                       {"max_pool2d: no window of 5", "3 rows", "floor((size + 2 * padding", "pooling.cpp"}));
  EXPECT_TRUE(mentions(shape_error([&] { avg_pool2d(x, {2, 7}); }), {"avg_pool2d: no window of 7", "4 columns"}));
  EXPECT_TRUE(mentions(shape_error([&] { max_pool1d(x, 2); }), {"max_pool1d: shape [1, 2, 3, 4]", "length"}));
  EXPECT_TRUE(mentions(shape_error([&] { max_pool2d(images({3, 4}), 2); }), {"max_pool2d: shape [3, 4]", "images"}));
  EXPECT_TRUE(mentions(value_error([&] { max_pool2d(x, 2, {.padding = 2}); }), {"padding 2 is more than half"}));
  EXPECT_TRUE(mentions(value_error([&] { max_pool2d(x, 2, {.stride = 0}); }), {"stride 0", "at least 1"}));
  EXPECT_TRUE(mentions(value_error([&] { avg_pool1d(images({2, 9}), -1); }), {"avg_pool1d: kernel -1"}));
  EXPECT_TRUE(mentions(value_error([&] { avg_pool2d(x, 2, {.divisor_override = 0}); }), {"the divisor is 0"}));
  EXPECT_TRUE(mentions(value_error([&] { adaptive_avg_pool2d(x, {0, 1}); }), {"adaptive_avg_pool2d", "size 0"}));
  EXPECT_TRUE(mentions(value_error([&] { upsample(x, {}); }), {"either a size or a scale_factor"}));
  EXPECT_TRUE(mentions(value_error([&] { upsample(x, {.size = 2, .scale_factor = 2}); }), {"either a size"}));
  EXPECT_TRUE(mentions(value_error([&] { upsample(x, {.scale_factor = -1}); }), {"the factor -1"}));
  EXPECT_TRUE(mentions(value_error([&] { upsample(x, {.size = 2, .mode = eg::UpsampleMode::linear}); }),
                       {"[1, 2, 3, 4]", "bilinear"}));
  EXPECT_TRUE(mentions(value_error([&] { upsample(x, {.size = 2, .align_corners = true}); }), {"align_corners"}));
  EXPECT_TRUE(mentions(shape_error([&] { upsample(x, {.scale_factor = 0.1}); }), {"floor(3 * 0.1) = 0"}));
  EXPECT_TRUE(mentions(shape_error([&] { upsample(images({2, 3}), {.size = 2}); }), {"upsample: shape [2, 3]"}));
  EXPECT_TRUE(mentions(shape_error([&] { pixel_shuffle(x, 2); }), {"pixel_shuffle: shape [1, 2, 3, 4]", "2 * 2"}));
  EXPECT_TRUE(mentions(shape_error([&] { pixel_unshuffle(x, 2); }), {"pixel_unshuffle: shape [1, 2, 3, 4]"}));
  EXPECT_TRUE(mentions(value_error([&] { pixel_shuffle(x, 0); }), {"factor 0"}));
  EXPECT_TRUE(mentions(shape_error([&] { unfold(x, 5); }), {"unfold: no window of 5", "3 rows", "= 0"}));
  EXPECT_TRUE(mentions(value_error([&] { unfold(x, 2, {.stride = 0}); }), {"unfold", "stride 0"}));
  EXPECT_TRUE(mentions(shape_error([&] { fold(images({1, 8, 5}), 4, 2, {.stride = 2}); }),
                       {"fold: shape [1, 8, 5]", "[n, channels * 4, 4]", "2 * 2 windows"}));
  EXPECT_TRUE(mentions(
      message_of<eg::ShapeError>([&] { eg::Sequential<double>(eg::Identity<double>(), eg::MaxPool2d<double>(4))(x); }),
      {"layer 1 (MaxPool2d): max_pool2d: no window of 4"}));
}

// What huge settings would need is not allocated before they are refused.
TEST(Pooling, RefusesWhatWouldNotFit) {
  const Real x = images({1, 1, 2, 2});
  const eg::Index huge = eg::Index{1} << 40;
  EXPECT_THROW(max_pool2d(x, huge), eg::ValueError);
  EXPECT_THROW(unfold(x, 1, {.padding = huge}), eg::ValueError);
  EXPECT_THROW(upsample(x, {.size = eg::Index{1} << 62}), eg::ShapeError);
  EXPECT_THROW(upsample(x, {.scale_factor = 1e300}), eg::ValueError);
  EXPECT_THROW(upsample(x, {.scale_factor = std::nan("")}), eg::ValueError);
}

TEST(Pooling, ReplaysOnNewNumbers) {
  eg::Parameter<double> scale(Real::full({}, 1.5));
  eg::Sequential<double> model(eg::MaxPool2d<double>(2), eg::Upsample<double>({.scale_factor = 2}),
                               eg::AvgPool2d<double>(3, {.stride = 1, .padding = 1}), eg::PixelShuffle<double>(2),
                               eg::Unfold<double>(2), eg::Fold<double>(12, 2), eg::AdaptiveMaxPool2d<double>(3));
  const auto loss = [&](const Real& input) { return sum(square(model(input * scale))); };
  auto step = eg::compile(loss);
  for (int i = 0; i < 4; ++i) {
    const Real input = fixture::numbers({2, 4, 6, 6}, 3 * i);
    scale.zero_grad();
    const Real replayed = step(input);
    const Real gradient = scale.grad();
    scale.zero_grad();
    eg::Tape tape;
    const Real value = loss(input);
    tape.backward(value);
    EXPECT_TRUE(same_bits(replayed, value)) << i;
    EXPECT_TRUE(same_bits(gradient, scale.grad())) << i;
  }
}

TEST(ChannelDropout, DropsWholeChannels) {
  eg::manual_seed(3);
  const Real x = Real::full({40, 30, 2, 3}, 1);
  eg::Dropout2d<double> layer(0.3);
  const Real y = layer(x);
  double dropped = 0;
  for (eg::Index i = 0; i < 1200; ++i) {
    const double first = y.data()[6 * i];
    EXPECT_TRUE(first == 0 || std::abs(first - 1 / 0.7) < 1e-12);
    for (eg::Index k = 1; k < 6; ++k) EXPECT_EQ(y.data()[6 * i + k], first);
    dropped += first == 0;
  }
  EXPECT_NEAR(dropped / 1200, 0.3, 5 * std::sqrt(0.3 * 0.7 / 1200)) << "five standard deviations";
  layer.eval();
  EXPECT_TRUE(same_bits(layer(x), x));
  // Without a batch axis, too; the gradient passes the same mask.
  eg::Parameter<double> p(Real::full({50, 4}, 1));
  eg::Tape tape;
  const Real kept = eg::Dropout1d<double>(0.5)(p);
  tape.backward(sum(kept));
  EXPECT_TRUE(same_bits(p.grad(), kept));
  for (eg::Index i = 0; i < 50; ++i) EXPECT_EQ(kept.data()[4 * i], kept.data()[4 * i + 3]);
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::Dropout1d<double>()(Real::zeros({3})); }),
                       {"Dropout1d", "[3]", "[n, channels, length]"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([] { eg::Dropout2d<double>()(Real::zeros({3, 2})); }),
                       {"Dropout2d", "[3, 2]"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([] { eg::Dropout2d<double>(1.5); }), {"Dropout2d", "[0, 1]"}));
}

TEST(ChannelDropout, OfAlphaKeepsMeanAndVariance) {
  eg::manual_seed(5);
  const Real x = Real::randn({200, 500});
  for (const double p : {0.1, 0.5}) {
    const Real y = eg::AlphaDropout<double>(p)(x);
    EXPECT_NEAR(mean(y).item(), 0, 0.02) << p;
    EXPECT_NEAR(mean(square(y)).item(), 1, 0.03) << p;
  }
  // PyTorch's formula: a x + b where kept, a -alpha + b where not, and the gradient is a or 0.
  const double alpha = 1.7580993408473766, p = 0.4, a = 1 / std::sqrt((alpha * alpha * p + 1) * (1 - p));
  eg::Parameter<double> ones(Real::full({10, 6}, 2));
  eg::Tape tape;
  const Real y = eg::AlphaDropout<double>(p)(ones);
  tape.backward(sum(y));
  for (eg::Index i = 0; i < 60; ++i) {
    const bool kept = ones.grad().data()[i] != 0;
    EXPECT_NEAR(ones.grad().data()[i], kept ? a : 0, 1e-14);
    EXPECT_NEAR(y.data()[i], a * (kept ? 2 : -alpha) + a * alpha * p, 1e-13);
  }
  const Real channels = eg::FeatureAlphaDropout<double>(0.5)(Real::full({20, 3, 2, 2}, 1));
  for (eg::Index i = 0; i < 60; ++i) EXPECT_EQ(channels.data()[4 * i], channels.data()[4 * i + 3]);
  EXPECT_TRUE(close(eg::AlphaDropout<double>(1)(Real{{1, 2}}), {0, 0}));
  EXPECT_TRUE(same_bits(eg::AlphaDropout<double>(0)(x), x));
  eg::AlphaDropout<double> off;
  off.eval();
  EXPECT_TRUE(same_bits(off(x), x));
  EXPECT_EQ(eg::AlphaDropout<double>()(Real::full({}, 1)).rank(), 0);
}
