#include "eigengrad/optim/lbfgs.hpp"

#include "eigengrad/autograd/tape.hpp"
#include "eigengrad/nn/layers/linear.hpp"
#include "eigengrad/nn/losses/loss.hpp"
#include "eigengrad/ops/index.hpp"
#include "golden.hpp"

namespace eg = eigengrad;
using golden::Real;
using support::close, support::mentions, support::message_of, support::same_bits;
using Parameters = std::vector<eg::ParameterRef<double>>;
using Options = eg::LBFGS<double>::Options;

static const double infinity = std::numeric_limits<double>::infinity();
static const double nan_value = std::numeric_limits<double>::quiet_NaN();

// What an optimizer calls: records loss_of(), runs backward, gives the loss.
template <class Loss>
static auto closure_of(const Loss& loss_of) {
  return [&loss_of] {
    eg::Tape tape;
    const Real loss = loss_of();
    tape.backward(loss);
    return loss;
  };
}

static Real rosenbrock(const eg::ParameterRef<double>& w) {
  const Real x = select(w, 0, 0), y = select(w, 0, 1);
  return 100 * square(y - x * x) + square(1 - x);
}

// Minimises golden.hpp's |w A - b|^2 + sum(sin(w)), or Rosenbrock's function.
static Real after(int calls, const Options& options, bool of_rosenbrock = false) {
  const Real a = {{2, -1, 0.5}, {1, 3, -2}, {-0.5, 1, 1.5}}, b = {{1, -2, 3}};
  const eg::Parameter<double> w(of_rosenbrock ? Real{-1.2, 1} : Real{{0.5, -1, 2}});
  const auto loss = [&]() -> Real {
    if (of_rosenbrock) return rosenbrock(w);
    return sum(square(matmul(w, a) - b)) + sum(sin(w));
  };
  eg::LBFGS<double> optimizer({w}, options);
  for (int i = 0; i < calls; ++i) optimizer.step(closure_of(loss));
  return w.value();
}

// The expected numbers come from PyTorch 1.13's torch/optim/lbfgs.py, run on NumPy arrays of doubles.
TEST(LBFGS, IsPyTorchsWithAStrongWolfeLineSearch) {
  const auto steps = [](eg::Index n) { return after(1, {.max_iterations = n, .max_evaluations = 100}); };
  EXPECT_TRUE(close(steps(1), {0.7380777177571702, -0.6164878840056269, 1.6215898337515433}));
  EXPECT_TRUE(close(steps(2), {1.0962233008794187, -0.5680566323386489, 1.083186765700618}));
  EXPECT_TRUE(close(steps(5), {0.9006521687324547, -0.6672634012099898, 0.6890291984938776}));
  EXPECT_TRUE(close(after(1, {}), {0.900699055093122, -0.6606547504029818, 0.6884006721571506})) << "the defaults";
  EXPECT_TRUE(close(after(1, {.max_iterations = 6, .max_evaluations = 100, .history_size = 2}),
                    {0.9032008380456205, -0.6610770849053119, 0.6864919110082944}));
  EXPECT_TRUE(close(after(6, {.learning_rate = 0.1, .max_iterations = 1, .max_evaluations = 25}),
                    {0.9012609129678476, -0.6610703976996603, 0.6876511320323561}))
      << "what was learned lasts from call to call";
}

TEST(LBFGS, IsPyTorchsOnRosenbrocksFunction) {
  const auto steps = [](eg::Index n) { return after(1, {.max_iterations = n, .max_evaluations = 1000}, true); };
  EXPECT_TRUE(close(steps(1), {-1.0245319303460325, 1.0716196202669255}));
  EXPECT_TRUE(close(steps(5), {-1.0203084803940978, 1.035276986646747}, 1e-11));
  EXPECT_TRUE(close(steps(10), {-0.6657084570888976, 0.4139830831953631}, 1e-10));
  EXPECT_TRUE(close(steps(25), {0.8342517656815933, 0.6981152654332632}, 1e-7));
}

TEST(LBFGS, IsPyTorchsWithoutALineSearch) {
  const auto steps = [](eg::Index n) {
    return after(
        1, {.learning_rate = 0.5, .max_iterations = n, .max_evaluations = 100, .line_search = eg::LineSearch::none});
  };
  EXPECT_TRUE(close(steps(1), {0.6190388588785851, -0.8082439420028135, 1.8107949168757718}));
  EXPECT_TRUE(close(steps(2), {0.8565515255683587, -0.6887834382401427, 1.4482874058258666}));
  EXPECT_TRUE(close(steps(5), {0.9515129039681827, -0.6507015636746298, 0.8243333689601899}));
}

// The gradient of Rosenbrock's function, and -H g by Nocedal and Wright's algorithm 7.4, in plain doubles.
using Plain = std::vector<double>;
static Plain slope_of_rosenbrock(const Plain& w) {
  return {-400 * w[0] * (w[1] - w[0] * w[0]) - 2 * (1 - w[0]), 200 * (w[1] - w[0] * w[0])};
}
static double dot(const Plain& a, const Plain& b) { return a[0] * b[0] + a[1] * b[1]; }
static Plain plus(const Plain& a, double factor, const Plain& b) {
  return {a[0] + factor * b[0], a[1] + factor * b[1]};
}
static Plain two_loops(const Plain& gradient, const std::vector<Plain>& s, const std::vector<Plain>& y) {
  Plain q = gradient, alpha(s.size());
  for (std::size_t i = s.size(); i-- > 0;) {
    alpha[i] = dot(s[i], q) / dot(y[i], s[i]);
    q = plus(q, -alpha[i], y[i]);
  }
  if (!s.empty()) q = plus({0, 0}, dot(s.back(), y.back()) / dot(y.back(), y.back()), q);
  for (std::size_t i = 0; i < s.size(); ++i) q = plus(q, alpha[i] - dot(y[i], q) / dot(y[i], s[i]), s[i]);
  return plus({0, 0}, -1, q);
}
static double height_of_rosenbrock(const Plain& w) {
  return 100 * std::pow(w[1] - w[0] * w[0], 2) + std::pow(1 - w[0], 2);
}

TEST(LBFGS, EveryStepFollowsTheTwoLoopsAndMeetsTheStrongWolfeConditions) {
  const eg::Parameter<double> w(Real{-1.2, 1});
  eg::LBFGS<double> optimizer({w}, {.max_iterations = 1, .max_evaluations = 100, .history_size = 4});
  std::vector<Plain> s, y;
  for (int step = 0; step < 30; ++step) {
    const Plain before(w.value().begin(), w.value().end()), g = slope_of_rosenbrock(before);
    const Plain direction = two_loops(g, s, y);
    optimizer.step(closure_of([&] { return rosenbrock(w); }));
    const Plain now(w.value().begin(), w.value().end()), moved = plus(now, -1, before);
    const double t = dot(moved, direction) / dot(direction, direction), first_slope = dot(g, direction);
    ASSERT_GT(t, 0);
    ASSERT_TRUE(close(Real::from(moved, {2}), plus({0, 0}, t, direction), 1e-9)) << "step " << step;
    EXPECT_LE(height_of_rosenbrock(now), height_of_rosenbrock(before) + 1e-4 * t * first_slope) << "step " << step;
    EXPECT_LE(std::abs(dot(slope_of_rosenbrock(now), direction)), -0.9 * first_slope) << "step " << step;
    s.push_back(moved);
    y.push_back(plus(slope_of_rosenbrock(now), -1, g));
    if (s.size() > 4) s.erase(s.begin()), y.erase(y.begin());
  }
  EXPECT_EQ(optimizer.steps(), 30);
  EXPECT_EQ(optimizer.iterations(), 30);
}

TEST(LBFGS, FindsTheFloorOfRosenbrocksValley) {
  const eg::Parameter<double> w(Real{-1.2, 1});
  eg::LBFGS<double> optimizer({w}, {.max_iterations = 100, .gradient_tolerance = 1e-10, .change_tolerance = 0});
  const double first = optimizer.step(closure_of([&] { return rosenbrock(w); }));
  EXPECT_NEAR(first, 24.2, 1e-12) << "the loss before the step";
  EXPECT_TRUE(close(w.value(), {1, 1}, 1e-10));
  EXPECT_TRUE(optimizer.converged());
  EXPECT_LT(optimizer.iterations(), 60);
  EXPECT_LT(optimizer.evaluations(), 80);
}

TEST(LBFGS, AQuadraticInNDimensionsTakesAboutNSteps) {
  eg::Generator generator(3);
  const eg::Index n = 12;
  const Real root = Real::randn({n, n}, generator), goal = Real::randn({1, n}, generator);
  const eg::Parameter<double> first(Real::zeros({1, 5})), second(Real::zeros({1, n - 5}));  // several parameters
  const auto loss = [&] {
    const Real d1 = first - slice(goal, 1, 0, 5), d2 = second - slice(goal, 1, 5, n);
    const Real d = matmul(d1, slice(root, 0, 0, 5)) + matmul(d2, slice(root, 0, 5, n));
    return Real(sum(square(d)) + sum(square(d1)) + sum(square(d2)));
  };
  eg::LBFGS<double> optimizer({first, second}, {.max_iterations = 3 * n, .change_tolerance = 0});
  optimizer.step(closure_of(loss));
  EXPECT_TRUE(optimizer.converged());
  EXPECT_LE(optimizer.iterations(), 2 * n + 2);
  EXPECT_TRUE(close(first.value(), slice(goal, 1, 0, 5), 1e-6));
  EXPECT_TRUE(close(second.value(), slice(goal, 1, 5, n), 1e-6));
}

// The optimum comes from SciPy 1.17's BFGS, polished by Newton's method in NumPy.
TEST(LBFGS, LogisticRegressionReachesItsOptimum) {
  Real x = Real::zeros({20, 2}), y = Real::zeros({20, 1});
  for (int i = 0; i < 20; ++i) {
    x.at(i, 0) = std::sin(1.7 * i);
    x.at(i, 1) = std::cos(0.9 * i);
    y.at(i, 0) = x(i, 0) + 0.5 * x(i, 1) + 0.8 * std::sin(5.0 * i) > 0.2;
  }
  eg::Linear<double> layer(2, 1);
  layer.weight.set_value(Real::zeros({1, 2}));
  layer.bias.set_value({0});
  eg::LBFGS<double> optimizer(layer.parameters(), {.max_iterations = 100, .change_tolerance = 0});
  const auto loss = [&] { return eg::binary_cross_entropy_with_logits(layer(x), y).to_tensor(); };
  optimizer.step(closure_of(loss));
  EXPECT_TRUE(optimizer.converged());
  EXPECT_TRUE(close(layer.weight.value(), std::vector<double>{4.200007412578444, 1.772051910209648}, 1e-6));
  EXPECT_TRUE(close(layer.bias.value(), {-0.3107701000780311}, 1e-6));
  EXPECT_NEAR(loss().item(), 0.2825965490556437, 1e-12);
}

TEST(LBFGS, FloatsTooAndClosuresThatReturnANumber) {
  const eg::Parameter<float> w(eg::Tensor<float>{-1.2f, 1});
  eg::LBFGS<float> optimizer({w}, {.max_iterations = 100, .change_tolerance = 0});
  const float first = optimizer.step([&] {
    eg::Tape tape;
    const auto x = select(w, 0, 0), y = select(w, 0, 1);
    const eg::Tensor<float> loss = 100 * square(y - x * x) + square(1 - x);
    tape.backward(loss);
    return loss.item();
  });
  EXPECT_NEAR(first, 24.2f, 1e-5f);
  EXPECT_TRUE(close(w.value(), {1, 1}, 1e-4));
}

TEST(LBFGS, StopsAtItsLimits) {
  const eg::Parameter<double> w(Real{-1.2, 1});
  const auto closure = [&] {
    eg::Tape tape;
    const Real loss = rosenbrock(w);
    tape.backward(loss);
    return loss;
  };
  eg::LBFGS<double> few_steps({w}, {.max_iterations = 4, .max_evaluations = 1000});
  EXPECT_EQ(few_steps.stop_reason(), eg::StopReason::no_step);
  few_steps.step(closure);
  EXPECT_EQ(few_steps.iterations(), 4);
  EXPECT_FALSE(few_steps.converged());
  EXPECT_EQ(few_steps.stop_reason(), eg::StopReason::iteration_limit);
  eg::LBFGS<double> few_evaluations({w}, {.max_iterations = 1000, .max_evaluations = 1});
  few_evaluations.step(closure);
  EXPECT_EQ(few_evaluations.evaluations(), 1) << "the loss it returns";
  EXPECT_EQ(few_evaluations.iterations(), 0);
  EXPECT_EQ(few_evaluations.stop_reason(), eg::StopReason::evaluation_limit);
  eg::LBFGS<double> standing({w}, {.learning_rate = 0});
  const Real before = w.value();
  standing.step(closure);
  EXPECT_TRUE(same_bits(w.value(), before));
  EXPECT_EQ(standing.stop_reason(), eg::StopReason::no_step);
  w.set_value({1, 1});
  few_steps.step(closure);
  EXPECT_EQ(few_steps.stop_reason(), eg::StopReason::gradient_tolerance);
  EXPECT_TRUE(few_steps.converged()) << "the gradient is 0";
  EXPECT_TRUE(same_bits(w.value(), Real{1, 1}));
}

TEST(LBFGS, SaysThatChangesAreWithinTheirTolerance) {
  const eg::Parameter<double> w(Real{-1.2, 1});
  eg::LBFGS<double> optimizer({w}, {.max_iterations = 1000, .gradient_tolerance = 0, .change_tolerance = 1e-6});
  optimizer.step(closure_of([&] { return rosenbrock(w); }));
  EXPECT_EQ(optimizer.stop_reason(), eg::StopReason::change_tolerance);
  EXPECT_TRUE(optimizer.converged());
}

// 68: with no tolerance at all it ends where floating point does, soon, and does not call that converged.
TEST(LBFGS, EndsWhereFloatingPointDoes) {
  const Real a = {{2, -1, 0.5}, {1, 3, -2}, {-0.5, 1, 1.5}}, b = {{1, -2, 3}};
  const auto ends = [](auto loss, const eg::Parameter<double>& w, double scale) {
    eg::LBFGS<double> optimizer(
        {w}, {.max_iterations = 100000, .max_evaluations = 10000000, .gradient_tolerance = 0, .change_tolerance = 0});
    optimizer.step(closure_of([&] { return Real(loss() * scale); }));
    EXPECT_TRUE(optimizer.stop_reason() == eg::StopReason::no_progress ||
                (optimizer.stop_reason() == eg::StopReason::gradient_tolerance && optimizer.converged()))
        << eg::to_string(optimizer.stop_reason());
    EXPECT_LT(optimizer.evaluations(), 400) << eg::to_string(optimizer.stop_reason());
    for (int again = 0; again < 3; ++again) {  // and goes nowhere from there
      const eg::Index before = optimizer.evaluations();
      optimizer.step(closure_of([&] { return Real(loss() * scale); }));
      EXPECT_LT(optimizer.evaluations() - before, 150);
    }
  };
  for (const double scale : {1.0, 1e-3, 1e6})
    for (const double start : {0.5, -2.0, 30.0}) {
      SCOPED_TRACE(start);
      const eg::Parameter<double> w(Real{{start, -1, 2}}), r(Real{-1.2, start}), high(Real{-1.2, start}),
          x(Real{start});
      ends([&] { return sum(square(matmul(w, a) - b)) + sum(sin(w)); }, w, scale);
      ends([&] { return rosenbrock(r); }, r, scale);
      ends([&] { return rosenbrock(high) + 1e3; }, high, scale);  // the floor lies high: rounding hides it early
      ends([&] { return sum(log(1 + square(x - 0.3))) + 1; }, x, scale);
      ends([&] { return sum(abs(x - 0.1)); }, x, scale);  // a kink, at which no gradient is small
    }
}
TEST(LBFGS, EndsWhereFloatingPointDoesInFloats) {
  for (const float start : {-1.2f, 3.f}) {
    const eg::Parameter<float> w(eg::Tensor<float>{start, 1});
    eg::LBFGS<float> optimizer(
        {w}, {.max_iterations = 100000, .max_evaluations = 10000000, .gradient_tolerance = 0, .change_tolerance = 0});
    optimizer.step([&] {
      eg::Tape tape;
      const auto x = select(w, 0, 0), y = select(w, 0, 1);
      const eg::Tensor<float> loss = 100 * square(y - x * x) + square(1 - x) + 2;
      tape.backward(loss);
      return loss;
    });
    EXPECT_EQ(optimizer.stop_reason(), eg::StopReason::no_progress) << eg::to_string(optimizer.stop_reason());
    EXPECT_LT(optimizer.evaluations(), 600);
    EXPECT_TRUE(close(w.value(), {1, 1}, 1e-2));
  }
}

// A gradient that is not the loss's: downhill nothing is lower.
TEST(LBFGS, AFailedLineSearchIsNotConverged) {
  const eg::Parameter<double> w(Real{3});
  eg::LBFGS<double> optimizer({w}, {.max_iterations = 100, .max_evaluations = 100000});
  optimizer.step([&] {
    {
      eg::Tape tape;
      tape.backward(sum(-square(w)));
    }
    return sum(square(w)).item();
  });
  EXPECT_EQ(optimizer.stop_reason(), eg::StopReason::line_search_failed);
  EXPECT_FALSE(optimizer.converged());
  EXPECT_STREQ(eg::to_string(optimizer.stop_reason()), "the line search found no lower point");
  EXPECT_TRUE(same_bits(w.value(), Real{3}));
}

TEST(LBFGS, ZeroesGradientsItselfAndLeavesUnreachedParametersAlone) {
  const eg::Parameter<double> w(Real{3}), frozen(Real{2}), unused(Real{5});
  frozen.set_requires_grad(false);
  eg::LBFGS<double> optimizer({w, frozen, unused});
  for (int i = 0; i < 5; ++i) optimizer.step(closure_of([&] { return sum(square(w - frozen)); }));
  EXPECT_TRUE(close(w.value(), {2}, 1e-7));
  EXPECT_TRUE(same_bits(frozen.value(), Real{2}));
  EXPECT_TRUE(same_bits(unused.value(), Real{5}));
}

TEST(LBFGS, StepsThatLeadOutOfTheDomainAreShortened) {
  const eg::Parameter<double> w(Real{1e-3});
  eg::LBFGS<double> optimizer({w}, {.max_iterations = 100, .gradient_tolerance = 1e-6, .change_tolerance = 0});
  bool left_the_domain = false;
  optimizer.step(closure_of([&] {
    left_the_domain = left_the_domain || w.value().item() <= 0;
    return Real(sum(w * log(w)) - 3 * sum(log(5 - w)) + 9 * sum(w));  // log of what is below 0 is NaN
  }));
  const double x = w.value().item();
  EXPECT_NEAR(std::log(x) + 1 + 3 / (5 - x) + 9, 0, 1e-6);
  EXPECT_TRUE(optimizer.converged());
  EXPECT_TRUE(left_the_domain) << "otherwise this test shows nothing";
}

TEST(LBFGS, ALossThatIsNotFiniteIsAnErrorAtTheBestPoint) {
  for (const auto search : {eg::LineSearch::strong_wolfe, eg::LineSearch::none})
    for (const double bad : {nan_value, infinity}) {
      const eg::Parameter<double> w(Real{3, -4});
      eg::LBFGS<double> optimizer({w}, {.line_search = search});
      int calls = 0;
      Real best = w.value();
      const auto closure = [&] {
        if (calls++ < 3) best = w.value();  // every evaluation of this quadratic is lower than the one before
        eg::Tape tape;
        const Real loss = sum(square(square(w))) * (calls > 3 ? bad : 1.0);
        tape.backward(loss);
        return loss;
      };
      EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { optimizer.step(closure); }),
                           {"LBFGS", "infinite or NaN", "best point", "learning rate", "lbfgs.cpp"}));
      EXPECT_TRUE(same_bits(w.value(), best));
      EXPECT_NE(w.value()(0), 3);
    }
  const eg::Parameter<double> w(Real{-1});
  eg::LBFGS<double> optimizer({w});
  EXPECT_THROW(optimizer.step(closure_of([&] { return sum(log(w)); })), eg::ValueError) << "from the beginning";
  EXPECT_TRUE(same_bits(w.value(), Real{-1}));
}

TEST(LBFGS, AnExceptionInTheClosureLeavesTheBestPoint) {
  const eg::Parameter<double> w(Real{3});
  eg::LBFGS<double> optimizer({w});
  int calls = 0;
  const auto closure = [&] {
    if (++calls == 2) throw 7;
    eg::Tape tape;
    const Real loss = sum(square(w));
    tape.backward(loss);
    return loss;
  };
  EXPECT_THROW(optimizer.step(closure), int);
  EXPECT_TRUE(same_bits(w.value(), Real{3}));
  optimizer.step(closure);
  EXPECT_TRUE(close(w.value(), {0}, 1e-7)) << "and it can go on";
}

TEST(LBFGS, AClosureWithoutBackwardIsAnError) {
  const eg::Parameter<double> w(Real{3});
  eg::LBFGS<double> optimizer({w});
  EXPECT_TRUE(mentions(message_of<eg::GradientError>([&] { optimizer.step([&] { return sum(square(w)); }); }),
                       {"no parameter has a gradient", "Tape", "tape.backward(loss)", "lbfgs.cpp"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] {
                         optimizer.step([&] {
                           eg::Tape tape;
                           tape.backward(sum(w));
                           return Real{1, 2};
                         });
                       }),
                       {"[2]", "one"}));
}

TEST(LBFGS, ParametersAndOptionsOutsideTheirRangeAreRefused) {
  const eg::Parameter<double> w(Real{1}), v(Real{2});
  const auto refusal = [&](const Options& options) {
    return message_of<eg::ValueError>([&] { eg::LBFGS<double>({w}, options); });
  };
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([] { eg::LBFGS<double> optimizer(Parameters{}); }),
                       {"LBFGS", "no parameters", "model.parameters()"}));
  EXPECT_TRUE(mentions(message_of<eg::ValueError>([&] { eg::LBFGS<double>({w, v, w}); }),
                       {"LBFGS", "parameters 0 and 2", "list it once"}));
  EXPECT_TRUE(mentions(refusal({.learning_rate = -1}), {"learning rate", "-1"}));
  EXPECT_TRUE(mentions(refusal({.max_iterations = 0}), {"max_iterations = 0", "at least 1"}));
  EXPECT_TRUE(mentions(refusal({.max_evaluations = -1}), {"max_evaluations = -1", "5/4 of max_iterations"}));
  EXPECT_TRUE(mentions(refusal({.gradient_tolerance = -1}), {"gradient_tolerance", "-1"}));
  EXPECT_TRUE(mentions(refusal({.change_tolerance = nan_value}), {"change_tolerance", "nan"}));
  EXPECT_TRUE(mentions(refusal({.history_size = 0}), {"history_size = 0", "at least 1"}));
}

TEST(LBFGS, KeepsItsParametersAliveAndTakesEmptyOnes) {
  Parameters held;
  {
    const eg::Parameter<double> a(Real{1}), b(Real::zeros({0, 3}));
    held = {a, b};
  }
  eg::LBFGS<double> optimizer(held);
  held.clear();
  const auto& kept = optimizer.parameters();
  optimizer.step(closure_of([&] { return Real(sum(square(kept[0])) + sum(kept[1])); }));
  EXPECT_TRUE(close(kept[0].value(), {0}, 1e-7));
}
