// The recipes of docs/add_an_operation.md, compiled and tested. docs.cmake compares every block of the page with this
// file.
#include <gtest/gtest.h>

#include "eigengrad/eigengrad.hpp"
#include "ops/gradient_row.hpp"
#include "support/close.hpp"
#include "support/message.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// (1 + x / (1 + |x|)) / 2, a sigmoid without an exponential. Elliott: A better activation function for artificial
/// neural networks, 1993.
struct ElliottOperation {
  static constexpr const char* name = "elliott";
  static constexpr int cost = 8;
  EIGENGRAD_INLINE static auto value(const auto& x) { return 0.5 + 0.5 * x / (1 + abs(x)); }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& x) { return 0.5 * dy / square(1 + abs(x)); }
};
template <Elementwise X>
EIGENGRAD_INLINE auto elliott(const X& x) {
  return apply<ElliottOperation>(x);
}

/// The sums of the first 1, 2, ... numbers of a vector [n], or with `backwards` of the last ones. Gradient: dy summed
/// from the other end. Throws ShapeError for other shapes.
template <Expression X>
Tensor<typename X::Element> running_sum(const X& expression, bool backwards = false,
                                        Location where = Location::current()) {
  using T = typename X::Element;
  const Tensor<T>& x = expression.to_tensor();
  require<ShapeError>(x.rank() == 1, "running_sum: shape ", x.shape(), " is no vector: reshape it to [n]", where);
  const auto run = [=](T* to, const Tensor<T>& from) {
    T total = 0;
    for (Index i = 0; i < from.size(); ++i) {
      const Index place = backwards ? from.size() - 1 - i : i;
      to[place] = total += kernel_access(from).numbers()[place];
    }
  };
  return compute<T>({"running_sum", where}, x.shape(), run,
                    with_respect_to(x, [=](const auto& dy) { return running_sum(dy, !backwards); }));
}

/// (1 + x / (1 + |x|)) / 2: between 0 and 1, as Sigmoid, and slower to get there.
template <class T>
struct Elliott : Layer<T> {
  Tensor<T> forward(const Tensor<T>& x) override { return {elliott(x), calling_line()}; }
  std::string kind() const override { return "Elliott"; }
  WeightInitializer<T> preferred_initializer() const override { return for_saturating<T>(); }
  ActivationTraits activation_traits() const override { return saturating_between(0, 1); }
};

/// log(cosh(d)), d = yhat - y: like d^2 / 2 near 0 and like |d| far out, and smooth.
struct LogCoshOperation {
  static constexpr const char* name = "log_cosh";
  static constexpr int cost = 26;
  EIGENGRAD_INLINE static auto value(const auto& d) { return abs(d) + log1p(exp(-2 * abs(d))) - 0.6931471805599453; }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& d) { return dy * tanh(d); }
};
template <Expression P, Expression Q>
auto log_cosh_loss(const P& prediction, const Q& target, Reduction reduction = Reduction::batch_mean,
                   Location where = Location::current()) {
  require_same_shape("log_cosh_loss", prediction.shape(), target.shape(), where);
  return reduce_loss("log_cosh_loss", apply<LogCoshOperation>(prediction - target), reduction, where);
}

/// y = x * scale, one learned factor per feature: [..., features] -> the same. Starts as the identity.
template <class T>
struct Scale : Layer<T> {
  explicit Scale(Index features) { scale.initialize_as(Tensor<T>::ones({features})); }
  Tensor<T> forward(const Tensor<T>& x) override { return {x * scale, calling_line()}; }
  void members(Members<T>& m) override { m("scale", scale); }
  std::string kind() const override { return "Scale"; }

  Parameter<T> scale;
};

/// x minus the mean of all batches it was trained on: [n, features] -> the same. As a BatchNorm's, its buffers move in
/// training only, the mean by 1 / num_batches_tracked of its way to the batch's. No gradient goes through them.
template <class T>
struct Center : Layer<T> {
  explicit Center(Index features) : running_mean(Tensor<T>::zeros({features})) {}
  Tensor<T> forward(const Tensor<T>& x) override {
    if (this->is_training()) {
      const NoGrad pause;
      num_batches_tracked = (num_batches_tracked + 1).eval();
      running_mean = (running_mean + (mean(x, 0) - running_mean) / cast<T>(num_batches_tracked)).eval();
    }
    return {x - running_mean, calling_line()};
  }
  void members(Members<T>& m) override {
    m("running_mean", running_mean);
    m("num_batches_tracked", num_batches_tracked);
  }
  std::string kind() const override { return "Center"; }

  Tensor<T> running_mean;
  Tensor<std::int64_t> num_batches_tracked = Tensor<std::int64_t>::zeros({});
};

template <class T>
struct RMSPropOptions {
  T learning_rate = T(0.01);
  T alpha = T(0.99);
  T epsilon = T(1e-8);
};

/// v = alpha v + (1 - alpha) g^2;  w = w - learning_rate g / (sqrt(v) + epsilon). Tieleman, Hinton: Lecture 6.5, 2012.
template <class T>
class RMSProp : public Optimizer<T, 1, RMSProp<T>> {
 public:
  using Options = RMSPropOptions<T>;

  explicit RMSProp(std::vector<ParameterRef<T>> parameters, Options options = {})
      : Optimizer<T, 1, RMSProp>("RMSProp", std::move(parameters), options.learning_rate, {"square_avg"}),
        options_(options) {
    this->in_range("alpha", options.alpha, 0, 1);
    this->in_range("epsilon", options.epsilon, 0, std::numeric_limits<T>::max());
  }

  void take_step() {
    const T rate = this->learning_rate_, alpha = options_.alpha, rest = 1 - alpha, epsilon = options_.epsilon;
    this->update([=](auto& w, const auto& g, auto& v) {
      v = alpha * v + rest * (g * g);
      w = w - rate * (g / (math::sqrt(v) + epsilon));
    });
  }
  void settings(OptimizerState& state) {
    state("alpha", options_.alpha);
    state("epsilon", options_.epsilon);
  }

 private:
  Options options_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI

namespace gradients {

#define UNARY(expression) [](const auto& x) { return expression; }
#define OF(expression) [](const List& x) { return expression; }

std::vector<Row> recipe_rows() {
  const std::vector<Shapes> same = {{{3, 4}, {3, 4}}, {{5}, {5}}};
  const Shapes large = {{32, 64}, {32, 64}};
  return {
      elementwise<1>("elliott", {nonzero}, UNARY(eg::elliott(x)), {{{0}, {0.5}}, {{1e200}, {0}}, {{-1e200}, {0}}}),
      structural("running_sum", {any}, OF(running_sum(x[0])), {{{0}}, {{1}}, {{19}}}, {{64}}),
      structural("running_sum", {any}, OF(running_sum(x[0], true)), {{{0}}, {{1}}, {{19}}}, {{64}}),
      structural("log_cosh_loss", {any}, OF(log_cosh_loss(x[0], x[1])), same, large),
  };
}

TEST(Recipes, RowsOfTheGradientTablePass) {
  eg::Generator generator(1);
  for (const Row& row : recipe_rows()) {
    SCOPED_TRACE(row.name);
    for (const Shapes& shapes : row.shapes) EXPECT_NO_THROW(eg::gradcheck(row.run, draw(row, shapes, generator)));
    EXPECT_NO_THROW(eg::gradcheck(row.run, draw(row, row.large, generator)));
    for (const Awkward& place : row.awkward) {
      const eg::Parameter<double> x(eg::Tensor<double>::full({19}, place.inputs[0]));
      eg::Tape tape;
      tape.backward(sum(row.run({x.to_tensor()})));
      for (const double gradient : x.grad()) EXPECT_EQ(gradient, place.gradients[0]) << place.inputs[0];
    }
  }
}

}  // namespace gradients

namespace eg = eigengrad;
using support::close;

// Nothing can be forgotten: what the recipe does not say follows from what it says.

TEST(Recipes, AnOperationIsReplayed) {
  const eg::Parameter<double> w(eg::Tensor<double>{1, -2, 3});
  const auto loss = [&](const auto& x) { return sum(square(running_sum(x * w, true))); };
  auto step = eg::compile(loss);
  for (int i = 0; i < 6; ++i) {
    const eg::Tensor<double> x = eg::Tensor<double>::randn({3});
    w.zero_grad();
    const double replayed = step(x).item();
    const eg::Tensor<double> gradient = w.grad();
    w.zero_grad();
    eg::Tape tape;
    const eg::Tensor<double> fresh = loss(x);
    tape.backward(fresh);
    EXPECT_EQ(replayed, fresh.item()) << i;
    EXPECT_TRUE(close(gradient, w.grad())) << i;
  }
}

TEST(Recipes, AnOperationIsDifferentiatedTwice) {
  const eg::Tensor<double> x = {0.5, -1, 2, 0.25};
  const auto f = [](const auto& v) { return sum(square(running_sum(v * v)) * v); };
  EXPECT_NO_THROW(eg::gradcheck(f, x));
  EXPECT_NO_THROW(eg::gradcheck([&](const auto& v) { return eg::grad(f, v); }, x));
  // The Hessian of the sum of squares of running sums: of the numbers i and j, as many sums have both.
  const auto h = eg::hessian([](const auto& v) { return 0.5 * sum(square(running_sum(v))); }, x);
  for (eg::Index i = 0; i < 4; ++i)
    for (eg::Index j = 0; j < 4; ++j) EXPECT_DOUBLE_EQ(h(i, j), static_cast<double>(4 - std::max(i, j)));
}

TEST(Recipes, AnOperationIsSeen) {
  const eg::Parameter<double> w(eg::Tensor<double>{1e308, 1e308}, "w");
  const std::string line = "recipes.cpp:" + std::to_string(__LINE__ + 3);
  eg::Tape tape({.profile = true});
  // Its own line, not that of the formula.
  tape.backward(sum(running_sum(w, true) * 1e-308));
  const std::string printed = eg::to_text(tape);
  EXPECT_TRUE(support::mentions(printed, {"running_sum(w)", line})) << printed;
  bool listed = false;
  for (const eg::ProfileRow& row : tape.profile().rows) listed = listed || row.formula == "running_sum(w)";
  EXPECT_TRUE(listed);

  eg::Tape watched({.detect_anomaly = true});
  const std::string text = support::message_of<eg::AnomalyError>([&] { running_sum(w); });
  EXPECT_TRUE(support::mentions(text, {"running_sum(w) made inf at element (1) of [2]", "recipes.cpp:"})) << text;
}

TEST(Activation, ElliottIsItsFunction) {
  EXPECT_TRUE(close(eg::Elliott<double>()(eg::Tensor<double>{{-3, 0, 1}}), {0.125, 0.5, 0.75}));
  EXPECT_TRUE(eg::Elliott<double>().activation_traits().saturates());
}

TEST(Loss, LogCoshStaysFinite) {
  EXPECT_DOUBLE_EQ(log_cosh_loss(eg::Tensor<double>{1000}, eg::Tensor<double>{0}).item(), 1000 - std::log(2));
}

TEST(Layer, ScaleLearnsFactors) {
  eg::Scale<double> layer(2);
  const eg::Tensor<double> x = {{1, 2}, {3, 4}};
  EXPECT_TRUE(close(layer(x), x));
  eg::Tape tape;
  tape.backward(sum(layer(x)));
  EXPECT_TRUE(close(layer.scale.grad(), {4, 6}));
  EXPECT_EQ(layer.named_parameters()[0].first, "scale");
}

TEST(Layer, CenterCountsAndRemembersBatches) {
  eg::Center<double> layer(2), other(2);
  layer({{1, 2}, {3, 4}});
  EXPECT_TRUE(close(layer({{5, 0}}), {1.5, -1.5})) << "the mean of the batches' means is (3.5, 1.5)";
  layer.eval();
  EXPECT_TRUE(close(layer({{5, 0}}), {1.5, -1.5}));
  const eg::NamedTensors state = layer.state_dict();
  EXPECT_EQ(state.at<std::int64_t>("num_batches_tracked").item(), 2) << "evaluation does not count";
  other.load_state_dict(state);
  other({{3.5, 4.5}});
  EXPECT_EQ(other.num_batches_tracked.item(), 3);
  EXPECT_TRUE(close(other.running_mean, {3.5, 2.5}));
  EXPECT_TRUE(layer.parameters().empty()) << "buffers are not trained";
}

// Not on the page: what its text says of compiled steps.
TEST(Layer, CenterIsWrittenByCompiledSteps) {
  eg::Sequential<double> compiled(eg::Center<double>(2), eg::Linear<double>(2, 1)), recorded = compiled;
  auto step = eg::compile([&](const auto& x) { return sum(square(compiled(x))); });
  for (int i = 0; i < 9; ++i) {
    const eg::Tensor<double> x = {{1. * i, 2}, {3, i * i * 0.5}};
    EXPECT_EQ(step(x).item(), sum(square(recorded(x))).item()) << i;
    const eg::NamedTensors state = compiled.state_dict(), expected = recorded.state_dict();
    EXPECT_EQ(state.at<std::int64_t>("0.num_batches_tracked").item(), i + 1);
    EXPECT_TRUE(close(state.at<double>("0.running_mean"), expected.at<double>("0.running_mean"))) << i;
  }
}

TEST(Optimizer, RMSPropIsItsFormula) {
  eg::Parameter<double> w(eg::Tensor<double>{1, -2});
  eg::RMSProp<double> optimizer({w}, {.learning_rate = 0.1, .alpha = 0.9});
  std::vector<double> expected = {1, -2}, v = {0, 0};
  for (int step = 0; step < 10; ++step) {
    eg::Tape tape;
    tape.backward(sum(square(w)));
    optimizer.step();
    optimizer.zero_grad();
    for (std::size_t i = 0; i < 2; ++i) {
      const double g = 2 * expected[i];
      v[i] = 0.9 * v[i] + 0.1 * g * g;
      expected[i] -= 0.1 * g / (std::sqrt(v[i]) + 1e-8);
    }
    EXPECT_TRUE(close(w.value(), expected));
  }
}
