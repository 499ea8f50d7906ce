#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "eigengrad/core/error.hpp"
#include "eigengrad/kernels/recurrence/backward.hpp"
#include "eigengrad/kernels/recurrence/step.hpp"

// Recurrent kernels against loops over single numbers, and their gradients against differences of those.
namespace eg = eigengrad;
using eg::Index;
using eg::RecurrentKind;

namespace {

using Numbers = std::vector<double>;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
std::size_t at(Index i) { return static_cast<std::size_t>(i); }

Numbers noise(Index count, int seed, double scale = 1) {
  Numbers result(at(count));
  for (Index i = 0; i < count; ++i)
    result[at(i)] = scale * std::sin(1.7 * static_cast<double>(i) + 0.9 * static_cast<double>(seed * seed) +
                                     0.05 * static_cast<double>(i * i % 97));
  return result;
}

struct Options {
  bool reverse = false, batch_first = false, bias = true, initial = true;
  Index projected = 0;
  std::vector<Index> lengths = {};
};

/// Everything a layer reads, and what its results are weighed with.
struct Case {
  RecurrentKind kind;
  eg::RecurrentSizes sizes;
  std::vector<Index> lengths;
  Numbers x, h0, c0, input, hidden, input_bias, hidden_bias, projection, dy, dh, dc;

  Case(RecurrentKind which, Index steps, Index batch, Index inputs, Index units, const Options& o = {})
      : kind(which), lengths(o.lengths) {
    const Index gates = which == RecurrentKind::lstm ? 4 : which == RecurrentKind::gru ? 3 : 1;
    sizes = {steps, batch, inputs, units, o.projected, o.reverse, o.batch_first, nullptr};
    const Index state = sizes.state();
    x = noise(steps * batch * inputs, 1);
    if (o.initial) {
      h0 = noise(batch * state, 2);
      c0 = noise(batch * units, 3);
    }
    input = noise(gates * units * inputs, 4, 0.6);
    hidden = noise(gates * units * state, 5, 0.6);
    if (o.bias) {
      input_bias = noise(gates * units, 6, 0.5);
      hidden_bias = noise(gates * units, 7, 0.5);
    }
    projection = noise(o.projected * units, 8);
    dy = noise(steps * batch * state, 9);
    dh = noise(batch * state, 10);
    dc = noise(batch * units, 11);
  }
  eg::RecurrentSizes with_lengths() const {
    eg::RecurrentSizes result = sizes;
    if (!lengths.empty()) result.lengths = lengths.data();
    return result;
  }
};

struct Results {
  Numbers output, h, c;
};

Results by_loops(const Case& c) {
  const eg::RecurrentSizes s = c.with_lengths();
  const Index units = s.hidden, state = s.state();
  Results r;
  r.output.assign(at(s.rows() * state), 0);
  r.h = c.h0.empty() ? Numbers(at(s.batch * state), 0) : c.h0;
  r.c = c.c0.empty() ? Numbers(at(s.batch * units), 0) : c.c0;
  for (Index b = 0; b < s.batch; ++b)
    for (Index step = 0; step < s.length(b); ++step) {
      const Index t = s.reverse ? s.length(b) - 1 - step : step, row = s.row(t, b);
      const auto product = [&](const Numbers& weights, const Numbers& bias, Index gate, const double* from, Index n) {
        double sum = bias.empty() ? 0 : bias[at(gate)];
        for (Index p = 0; p < n; ++p) sum += weights[at(gate * n + p)] * from[p];
        return sum;
      };
      Numbers next(at(units));
      for (Index u = 0; u < units; ++u) {
        const auto of_x = [&](Index gate) {
          return product(c.input, c.input_bias, gate * units + u, c.x.data() + row * s.inputs, s.inputs);
        };
        const auto of_h = [&](Index gate) {
          return product(c.hidden, c.hidden_bias, gate * units + u, r.h.data() + b * state, state);
        };
        const double first = of_x(0) + of_h(0);
        if (c.kind == RecurrentKind::tanh) next[at(u)] = std::tanh(first);
        if (c.kind == RecurrentKind::relu) next[at(u)] = std::max(first, 0.0);
        if (c.kind == RecurrentKind::lstm) {
          double& cell = r.c[at(b * units + u)];
          cell = sigmoid(of_x(1) + of_h(1)) * cell + sigmoid(first) * std::tanh(of_x(2) + of_h(2));
          next[at(u)] = sigmoid(of_x(3) + of_h(3)) * std::tanh(cell);
        }
        if (c.kind == RecurrentKind::gru) {
          const double z = sigmoid(of_x(1) + of_h(1)), n = std::tanh(of_x(2) + sigmoid(first) * of_h(2));
          next[at(u)] = (1 - z) * n + z * r.h[at(b * state + u)];
        }
      }
      for (Index i = 0; i < state; ++i) {
        double value = s.projected > 0 ? 0 : next[at(i)];
        for (Index u = 0; s.projected > 0 && u < units; ++u) value += c.projection[at(i * units + u)] * next[at(u)];
        r.output[at(row * state + i)] = r.h[at(b * state + i)] = value;
      }
    }
  return r;
}

double loss(const Case& c) {
  const Results r = by_loops(c);
  double total = 0;
  for (std::size_t i = 0; i < r.output.size(); ++i) total += c.dy[i] * r.output[i];
  for (std::size_t i = 0; i < r.h.size(); ++i) total += c.dh[i] * r.h[i];
  for (std::size_t i = 0; i < r.c.size() && c.kind == RecurrentKind::lstm; ++i) total += c.dc[i] * r.c[i];
  return total;
}

/// In place of every number of a case the loss's derivative by it, from differences.
Case differences(const Case& c) {
  Case result = c, moved = c;
  for (Numbers Case::* member : {&Case::x, &Case::h0, &Case::c0, &Case::input, &Case::hidden, &Case::input_bias,
                                 &Case::hidden_bias, &Case::projection})
    for (std::size_t i = 0; i < (c.*member).size(); ++i) {
      double& number = (moved.*member)[i];
      const double before = number, small = 1e-5;
      number = before + small;
      const double above = loss(moved);
      number = before - small;
      (result.*member)[i] = (above - loss(moved)) / (2 * small);
      number = before;
    }
  return result;
}

template <class T>
std::vector<T> as(const Numbers& numbers) {
  return std::vector<T>(numbers.begin(), numbers.end());
}
template <class T>
const T* or_null(const std::vector<T>& numbers) {
  return numbers.empty() ? nullptr : numbers.data();
}

template <class T>
void expect_near(const std::vector<T>& actual, const Numbers& expected, double tolerance, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (std::size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(static_cast<double>(actual[i]), expected[i], tolerance * std::max(1.0, std::abs(expected[i])))
        << what << " at " << i;
}

/// Our kernels on a case, in both directions; what is behind each result may not be touched.
template <class T, RecurrentKind kind>
void check_as(const Case& c, const std::string& name, double tolerance, const Case* gradients) {
  const eg::RecurrentSizes s = c.with_lengths();
  const Index state = s.state(), step = state + 3;  // rows of the output lie apart
  const auto x = as<T>(c.x), h0 = as<T>(c.h0), c0 = as<T>(c.c0), input = as<T>(c.input), hidden = as<T>(c.hidden),
             input_bias = as<T>(c.input_bias), hidden_bias = as<T>(c.hidden_bias), projection = as<T>(c.projection);
  const eg::RecurrentWeights<T> weights = {input.data(), hidden.data(), or_null(input_bias), or_null(hidden_bias),
                                           or_null(projection)};
  std::vector<T> output(at(s.rows() * step), T(77)), h(at(s.batch * state)), cell(at(s.batch * s.hidden)),
      kept(at(eg::RecurrentCell<T, kind>::kept_numbers(s)));
  const eg::RecurrentRun<T> run = {x.data(), s.inputs, or_null(h0), or_null(c0), output.data(),
                                   step,     h.data(), cell.data(), kept.data()};
  eg::RecurrentForward<T, kind>::run(s, weights, run);
  const Results expected = by_loops(c);
  std::vector<T> rows;
  for (Index i = 0; i < s.rows(); ++i) {
    rows.insert(rows.end(), output.begin() + i * step, output.begin() + i * step + state);
    for (Index j = state; j < step; ++j) ASSERT_EQ(output[at(i * step + j)], T(77)) << name;
  }
  expect_near(rows, expected.output, tolerance, name + " output");
  expect_near(h, expected.h, tolerance, name + " last state");
  if (kind == RecurrentKind::lstm) expect_near(cell, expected.c, tolerance, name + " last cell");

  // Without keeping anything: the same bits.
  std::vector<T> again(output.size(), T(77));
  eg::RecurrentRun<T> short_run = run;
  short_run.output = again.data();
  short_run.kept = nullptr;
  short_run.last_state = short_run.last_cell = nullptr;
  eg::RecurrentForward<T, kind>::run(s, weights, short_run);
  EXPECT_EQ(again, output) << name;
  if (gradients == nullptr) return;

  const auto dy = as<T>(c.dy), dh = as<T>(c.dh), dc = as<T>(c.dc);
  std::vector<T> dx(x.size()), dh0(at(s.batch * state)), dc0(at(s.batch * s.hidden)), dinput(input.size()),
      dhidden(hidden.size()), dinput_bias(at(eg::RecurrentCell<T, kind>::gates * s.hidden)), dhidden_bias(dinput_bias),
      dprojection(projection.size());
  eg::RecurrentGradients<T> d;
  d.output = dy.data();
  d.output_step = state;
  d.last_state = dh.data();
  d.last_cell = kind == RecurrentKind::lstm ? dc.data() : nullptr;
  d.x = dx.data();
  d.initial_state = dh0.data();
  d.initial_cell = kind == RecurrentKind::lstm ? dc0.data() : nullptr;
  d.input_weights = dinput.data();
  d.hidden_weights = dhidden.data();
  d.input_bias = dinput_bias.data();
  d.hidden_bias = dhidden_bias.data();
  d.projection = s.projected > 0 ? dprojection.data() : nullptr;
  eg::RecurrentBackward<T, kind>::run(s, weights, run, d);

  const auto compare = [&](const Numbers& expected_gradient, const std::vector<T>& actual, const std::string& what) {
    if (!expected_gradient.empty())
      expect_near(actual, expected_gradient, std::max(tolerance, 1e-7), name + " gradient of " + what);
  };
  compare(gradients->x, dx, "x");
  compare(gradients->h0, dh0, "initial state");
  if (kind == RecurrentKind::lstm) compare(gradients->c0, dc0, "initial cell");
  compare(gradients->input, dinput, "input weights");
  compare(gradients->hidden, dhidden, "hidden weights");
  compare(gradients->input_bias, dinput_bias, "input bias");
  compare(gradients->hidden_bias, dhidden_bias, "hidden bias");
  compare(gradients->projection, dprojection, "projection");
}

template <class T>
void check_as(const Case& c, const std::string& name, double tolerance, const Case* gradients) {
  switch (c.kind) {
    case RecurrentKind::tanh:
      return check_as<T, RecurrentKind::tanh>(c, name, tolerance, gradients);
    case RecurrentKind::relu:
      return check_as<T, RecurrentKind::relu>(c, name, tolerance, gradients);
    case RecurrentKind::lstm:
      return check_as<T, RecurrentKind::lstm>(c, name, tolerance, gradients);
    case RecurrentKind::gru:
      return check_as<T, RecurrentKind::gru>(c, name, tolerance, gradients);
  }
}

constexpr RecurrentKind kinds[] = {RecurrentKind::tanh, RecurrentKind::relu, RecurrentKind::lstm, RecurrentKind::gru};
const char* name_of(RecurrentKind kind) {
  constexpr const char* names[] = {"tanh", "relu", "lstm", "gru"};
  return names[static_cast<int>(kind)];
}

void check(RecurrentKind kind, Index steps, Index batch, Index inputs, Index units, const Options& o = {}) {
  const std::string name = eg::to_text(name_of(kind), " T", steps, " B", batch, " I", inputs, " H", units, " P",
                                       o.projected, o.reverse ? " reverse" : "", o.batch_first ? " batch first" : "",
                                       o.lengths.empty() ? "" : " lengths");
  const Case c(kind, steps, batch, inputs, units, o);
  const Case gradients = differences(c);
  check_as<double>(c, name, 1e-10, &gradients);
  check_as<float>(c, name + " float", 3e-4, &gradients);
}

}  // namespace

TEST(Recurrence, SizesAndGradients) {
  for (const RecurrentKind kind : kinds)
    for (const bool reverse : {false, true}) {
      check(kind, 1, 1, 1, 1, {.reverse = reverse});
      check(kind, 4, 1, 3, 5, {.reverse = reverse});
      check(kind, 3, 7, 2, 9, {.reverse = reverse});
      check(kind, 5, 3, 4, 8, {.reverse = reverse, .bias = false});
      check(kind, 2, 2, 1, 17, {.reverse = reverse, .initial = false});
      check(kind, 3, 2, 5, 3, {.reverse = reverse, .batch_first = true});
    }
}

TEST(Recurrence, UnequalLengths) {
  for (const RecurrentKind kind : kinds)
    for (const bool reverse : {false, true})
      for (const bool batch_first : {false, true}) {
        check(kind, 5, 4, 2, 3, {.reverse = reverse, .batch_first = batch_first, .lengths = {5, 2, 0, 3}});
        check(kind, 4, 3, 2, 9,
              {.reverse = reverse, .batch_first = batch_first, .initial = false, .lengths = {1, 3, 2}});
      }
}

TEST(Recurrence, ProjectedStates) {
  for (const bool reverse : {false, true}) {
    check(RecurrentKind::lstm, 4, 3, 2, 5, {.reverse = reverse, .projected = 2});
    check(RecurrentKind::lstm, 3, 2, 3, 19, {.reverse = reverse, .projected = 9});
    check(RecurrentKind::lstm, 4, 3, 2, 5, {.reverse = reverse, .projected = 3, .lengths = {4, 0, 2}});
  }
}

TEST(Recurrence, NothingToDo) {
  for (const RecurrentKind kind : kinds) {
    check(kind, 0, 2, 3, 4);
    check(kind, 3, 0, 3, 4);
    check(kind, 3, 2, 0, 4);
    check(kind, 2, 2, 3, 4, {.lengths = {0, 0}});
  }
}

// Forward only, as differences of everything would take long.
TEST(Recurrence, LargerSizes) {
  for (const RecurrentKind kind : kinds) {
    check_as<double>(Case(kind, 9, 13, 70, 67), name_of(kind), 1e-9, nullptr);
    check_as<double>(Case(kind, 3, 5, 11, 150), name_of(kind), 1e-9, nullptr);
    check_as<float>(Case(kind, 3, 33, 40, 64), name_of(kind), 3e-4, nullptr);
  }
}

// What lies behind a sequence's end is not looked at.
TEST(Recurrence, PaddingMayHoldAnything) {
  Case c(RecurrentKind::lstm, 3, 2, 2, 3, {.lengths = {3, 1}});
  Case other = c;
  for (Index t = 1; t < 3; ++t)
    for (Index i = 0; i < 2; ++i) other.x[at((t * 2 + 1) * 2 + i)] = std::numeric_limits<double>::quiet_NaN();
  const auto gradient = [](const Case& from) {
    const eg::RecurrentSizes s = from.with_lengths();
    using Cell = eg::RecurrentCell<double, RecurrentKind::lstm>;
    Numbers output(18), kept(at(Cell::kept_numbers(s))), dinput(from.input.size()), dhidden(from.hidden.size());
    const eg::RecurrentWeights<double> weights = {from.input.data(), from.hidden.data(), nullptr, nullptr, nullptr};
    eg::RecurrentRun<double> run;
    run.x = from.x.data();
    run.x_step = 2;
    run.output = output.data();
    run.output_step = 3;
    run.kept = kept.data();
    eg::RecurrentForward<double, RecurrentKind::lstm>::run(s, weights, run);
    eg::RecurrentGradients<double> d;
    d.output = from.dy.data();
    d.output_step = 3;
    d.input_weights = dinput.data();
    d.hidden_weights = dhidden.data();
    eg::RecurrentBackward<double, RecurrentKind::lstm>::run(s, weights, run, d);
    dinput.insert(dinput.end(), dhidden.begin(), dhidden.end());
    dinput.insert(dinput.end(), output.begin(), output.end());
    return dinput;
  };
  EXPECT_EQ(gradient(c), gradient(other));
}

template <RecurrentKind kind>
void expect_steps(const Case& c) {
  const eg::RecurrentSizes s = c.with_lengths();
  const eg::RecurrentWeights<double> weights = {c.input.data(), c.hidden.data(), c.input_bias.data(),
                                                c.hidden_bias.data(), or_null(c.projection)};
  const eg::RecurrentStep<double, kind> step(s, weights);
  Numbers h = c.h0, cell = c.c0;
  const Results expected = by_loops(c);
  for (Index t = 0; t < s.steps; ++t) {
    step(c.x.data() + t * s.batch * s.inputs, h.data(), cell.data());
    for (std::size_t i = 0; i < h.size(); ++i) EXPECT_NEAR(h[i], expected.output[at(t) * h.size() + i], 1e-12);
  }
}
TEST(Recurrence, StepByStep) {
  for (const Index batch : {1, 3, 9})
    for (const Index units : {1, 8, 21}) {
      expect_steps<RecurrentKind::tanh>(Case(RecurrentKind::tanh, 4, batch, 3, units));
      expect_steps<RecurrentKind::relu>(Case(RecurrentKind::relu, 4, batch, 3, units));
      expect_steps<RecurrentKind::lstm>(Case(RecurrentKind::lstm, 4, batch, 3, units));
      expect_steps<RecurrentKind::gru>(Case(RecurrentKind::gru, 4, batch, 3, units));
      expect_steps<RecurrentKind::lstm>(Case(RecurrentKind::lstm, 4, batch, 3, units, {.projected = 2}));
    }
}
