#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "eigengrad/core/error.hpp"
#include "eigengrad/kernels/attention/backward.hpp"
#include "eigengrad/kernels/attention/forward.hpp"
#include "eigengrad/kernels/attention/step.hpp"

// Attention by blocks against loops over single numbers.
namespace eg = eigengrad;
using eg::Index;

namespace {

using Numbers = std::vector<double>;
constexpr double infinity = std::numeric_limits<double>::infinity();
std::size_t at(Index i) { return static_cast<std::size_t>(i); }

Numbers noise(Index count, int seed) {
  Numbers result(at(count));
  for (Index i = 0; i < count; ++i)
    result[at(i)] =
        std::sin(2.3 * static_cast<double>(i) + 0.7 * seed * seed + 0.011 * static_cast<double>(i * i % 1009));
  return result;
}

struct Options {
  bool causal = false, mask = false, bias = false, wholly_masked = false;
  double dropout = 0, scale = 0.4;
  Index value_size = -1;
};

struct Case {
  Index batch, heads, queries, keys, size, value_size;
  Options options;
  Numbers q, k, v, bias, doutput;
  std::unique_ptr<bool[]> mask;  // [batch, 1, queries, keys]

  Case(Index b, Index h, Index t, Index s, Index d, const Options& o)
      : batch(b),
        heads(h),
        queries(t),
        keys(s),
        size(d),
        value_size(o.value_size < 0 ? d : o.value_size),
        options(o),
        q(noise(b * h * t * d, 1)),
        k(noise(b * h * s * d, 2)),
        v(noise(b * h * s * value_size, 3)),
        bias(noise(h * s, 4)),  // [1, heads, 1, keys]
        doutput(noise(b * h * t * value_size, 5)),
        mask(new bool[at(b * t * s) + 1]) {
    for (Index i = 0; i < b * t * s; ++i) mask[at(i)] = i * i % 7 != 2;
    if (o.wholly_masked)
      for (Index i = 0; i < b; ++i)
        for (Index row = 0; row < t; row += 3)
          for (Index j = 0; j < s; ++j) mask[at((i * t + row) * s + j)] = false;
  }

  template <class T>
  eg::AttentionSizes<T> sizes(const std::vector<T>& of_bias) const {
    eg::AttentionSizes<T> result;
    result.batch = batch;
    result.heads = heads;
    result.queries = queries;
    result.keys = keys;
    result.size = size;
    result.value_size = value_size;
    result.scale = static_cast<T>(options.scale);
    result.causal = options.causal;
    result.dropout = options.dropout;
    result.seed = 123;
    if (options.mask) result.mask = {mask.get(), queries * keys, 0, keys, 1};
    if (options.bias) result.bias = {of_bias.data(), 0, keys, 0, 1};
    return result;
  }
};

struct Results {
  Numbers output, log_sums, dq, dk, dv;
};

Results by_loops(const Case& c) {
  const eg::AttentionSizes<double> s = c.sizes<double>(c.bias);
  const Index d = c.size, e = c.value_size;
  Results r;
  r.output.assign(c.doutput.size(), 0);
  r.dq.assign(c.q.size(), 0);
  r.dk.assign(c.k.size(), 0);
  r.dv.assign(c.v.size(), 0);
  for (Index n = 0; n < c.batch * c.heads; ++n)
    for (Index t = 0; t < c.queries; ++t) {
      const double *q = c.q.data() + (n * c.queries + t) * d, *k = c.k.data() + n * c.keys * d,
                   *v = c.v.data() + n * c.keys * e, *dy = c.doutput.data() + (n * c.queries + t) * e;
      double* const y = r.output.data() + (n * c.queries + t) * e;
      Numbers weights(at(c.keys)), factors(at(c.keys), 1.0), dweights(at(c.keys), 0.0);
      double most = -infinity, sum = 0;
      for (Index j = 0; j < c.keys; ++j) {
        double score = 0;
        for (Index p = 0; p < d; ++p) score += q[p] * k[j * d + p];
        score *= s.scale;
        if (c.options.bias) score += c.bias[at(n % c.heads * c.keys + j)];
        if (c.options.mask && !c.mask[at((n / c.heads * c.queries + t) * c.keys + j)]) score = -infinity;
        if (c.options.causal && j > t) score = -infinity;
        weights[at(j)] = score;
        most = std::max(most, score);
      }
      for (double& w : weights) sum += w = most == -infinity ? 0 : std::exp(w - most);
      r.log_sums.push_back(sum == 0 ? infinity : most + std::log(sum));
      for (double& w : weights) w = sum == 0 ? 0 : w / sum;
      if (s.dropout > 0) eg::AttentionDropout<double>(s).factors(n, t, 0, c.keys, factors.data());
      double dot = 0;
      for (Index j = 0; j < c.keys; ++j) {
        const double w = weights[at(j)] * factors[at(j)];
        for (Index p = 0; p < e; ++p) {
          y[p] += w * v[j * e + p];
          r.dv[at((n * c.keys + j) * e + p)] += w * dy[p];
          dweights[at(j)] += dy[p] * v[j * e + p] * factors[at(j)];
        }
        dot += weights[at(j)] * dweights[at(j)];
      }
      for (Index j = 0; j < c.keys; ++j)
        for (Index p = 0; p < d; ++p) {
          const double ds = weights[at(j)] * (dweights[at(j)] - dot) * s.scale;
          r.dq[at((n * c.queries + t) * d + p)] += ds * k[j * d + p];
          r.dk[at((n * c.keys + j) * d + p)] += ds * q[p];
        }
    }
  return r;
}

template <class T>
void expect_near(const std::vector<T>& actual, const Numbers& expected, double tolerance, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (std::isfinite(expected[i]))
      ASSERT_NEAR(static_cast<double>(actual[i]), expected[i], tolerance * std::max(1.0, std::abs(expected[i])))
          << what << " at " << i;
    else
      ASSERT_EQ(static_cast<double>(actual[i]), expected[i]) << what << " at " << i;
}
template <class T>
std::vector<T> as(const Numbers& numbers) {
  return std::vector<T>(numbers.begin(), numbers.end());
}

/// Heads one after another, or as slices of rows that all of them share.
template <class X>
eg::AttentionRows<X> rows_of(X* data, const Case& c, Index rows, Index size, bool sliced) {
  if (sliced) return {data, rows * c.heads * size, size, c.heads * size};
  return {data, c.heads * rows * size, rows * size, size};
}
/// [batch, heads, rows, size] -> [batch, rows, heads, size], or back.
template <class T>
std::vector<T> turned(const std::vector<T>& from, Index batch, Index first, Index second, Index size) {
  std::vector<T> result(from.size());
  for (Index b = 0; b < batch; ++b)
    for (Index i = 0; i < first; ++i)
      for (Index j = 0; j < second; ++j)
        for (Index p = 0; p < size; ++p)
          result[at(((b * second + j) * first + i) * size + p)] = from[at(((b * first + i) * second + j) * size + p)];
  return result;
}

template <class T>
void check_as(const Case& c, const Results& expected, const std::string& name, double tolerance, bool sliced) {
  const auto bias = as<T>(c.bias);
  const eg::AttentionSizes<T> s = c.sizes<T>(bias);
  const auto ordered = [&](const Numbers& numbers, Index rows, Index size) {
    const auto own = as<T>(numbers);
    return sliced ? turned(own, c.batch, c.heads, rows, size) : own;
  };
  const auto back = [&](const std::vector<T>& numbers, Index rows, Index size) {
    return sliced ? turned(numbers, c.batch, rows, c.heads, size) : numbers;
  };
  const auto q = ordered(c.q, c.queries, c.size), k = ordered(c.k, c.keys, c.size),
             v = ordered(c.v, c.keys, c.value_size), dy = ordered(c.doutput, c.queries, c.value_size);
  std::vector<T> y(dy.size(), T(55)), log_sums(at(c.batch * c.heads * c.queries)), dq(q.size()), dk(k.size()),
      dv(v.size());
  eg::AttentionRun<T> ran;
  ran.q = rows_of(q.data(), c, c.queries, c.size, sliced);
  ran.k = rows_of(k.data(), c, c.keys, c.size, sliced);
  ran.v = rows_of(v.data(), c, c.keys, c.value_size, sliced);
  eg::AttentionForward<T>::run(s, ran.q, ran.k, ran.v, rows_of(y.data(), c, c.queries, c.value_size, sliced),
                               log_sums.data());
  expect_near(back(y, c.queries, c.value_size), expected.output, tolerance, name + " output");
  expect_near(log_sums, expected.log_sums, tolerance, name + " log sums");
  ran.output = rows_of<const T>(y.data(), c, c.queries, c.value_size, sliced);
  ran.doutput = rows_of(dy.data(), c, c.queries, c.value_size, sliced);
  ran.log_sums = log_sums.data();
  eg::AttentionBackward<T>::run(s, ran, rows_of(dq.data(), c, c.queries, c.size, sliced),
                                rows_of(dk.data(), c, c.keys, c.size, sliced),
                                rows_of(dv.data(), c, c.keys, c.value_size, sliced));
  expect_near(back(dq, c.queries, c.size), expected.dq, tolerance, name + " dq");
  expect_near(back(dk, c.keys, c.size), expected.dk, tolerance, name + " dk");
  expect_near(back(dv, c.keys, c.value_size), expected.dv, tolerance, name + " dv");
}

void check(Index batch, Index heads, Index queries, Index keys, Index size, const Options& o = {}) {
  const Case c(batch, heads, queries, keys, size, o);
  const Results expected = by_loops(c);
  const std::string name = eg::to_text(batch, 'x', heads, 'x', queries, 'x', keys, 'x', size, o.causal ? " causal" : "",
                                       o.mask ? " mask" : "", o.bias ? " bias" : "", o.dropout > 0 ? " dropout" : "");
  check_as<double>(c, expected, name, 1e-12, false);
  check_as<double>(c, expected, name + " sliced", 1e-12, true);
  check_as<float>(c, expected, name + " float", 2e-5, false);
}

}  // namespace

TEST(Attention, Sizes) {
  for (const bool causal : {false, true}) {
    for (const Index size : {1, 3, 8, 16, 20, 33}) check(1, 2, 5, 7, size, {.causal = causal});
    for (const Index queries : {1, 2, 6, 31, 32, 33, 70})
      for (const Index keys : {1, 5, 16, 63, 64, 65, 140}) check(1, 1, queries, keys, 8, {.causal = causal});
    check(2, 3, 100, 100, 32, {.causal = causal});
    check(1, 2, 130, 200, 64, {.causal = causal});
    check(1, 2, 270, 300, 16, {.causal = causal});  // so many rows are copied where they lie apart
  }
}

TEST(Attention, Masks) {
  for (const bool causal : {false, true}) {
    check(2, 3, 9, 13, 8, {.causal = causal, .mask = true});
    check(2, 3, 9, 13, 8, {.causal = causal, .bias = true});
    check(2, 2, 70, 150, 16, {.causal = causal, .mask = true, .bias = true});
    check(2, 2, 70, 150, 16, {.causal = causal, .mask = true, .wholly_masked = true});
    check(1, 2, 40, 66, 5, {.causal = causal, .scale = -0.3});
    check(1, 2, 40, 66, 5, {.causal = causal, .scale = 0});
  }
}

TEST(Attention, ValuesOfAnotherSize) {
  check(2, 2, 11, 9, 8, {.value_size = 3});
  check(2, 2, 11, 9, 3, {.causal = true, .value_size = 32});
}

TEST(Attention, Dropout) {
  check(2, 2, 40, 70, 8, {.dropout = 0.3});
  check(2, 2, 40, 70, 8, {.causal = true, .mask = true, .dropout = 0.5});
  eg::AttentionSizes<double> s;
  s.queries = 10;
  s.keys = 10'000;
  s.dropout = 0.25;
  double kept = 0;
  for (Index head = 0; head < 2; ++head)
    for (Index row = 0; row < 10; ++row) {
      Numbers factors(10'000), part(77);
      eg::AttentionDropout<double>(s).factors(head, row, 0, 10'000, factors.data());
      eg::AttentionDropout<double>(s).factors(head, row, 500, 77, part.data());
      for (std::size_t j = 0; j < 77; ++j) EXPECT_EQ(part[j], factors[500 + j]);
      for (const double factor : factors) {
        EXPECT_TRUE(factor == 0 || factor == 1 / 0.75);
        kept += factor != 0;
      }
    }
  EXPECT_NEAR(kept / 200'000, 0.75, 0.005);
}

TEST(Attention, NothingToDo) {
  check(0, 2, 3, 4, 8);
  check(2, 0, 3, 4, 8);
  check(1, 2, 0, 4, 8);
  check(1, 2, 3, 0, 8);
  check(1, 2, 3, 4, 8, {.value_size = 0});
}

// Scores as far apart as they come: none is lost by a smaller block's largest, none overflows.
TEST(Attention, LargeScores) {
  Case c(1, 1, 3, 200, 4, {.scale = 900});
  for (double& number : c.k) number *= 1 + 0.5 * std::cos(number * 55);
  check_as<double>(c, by_loops(c), "large scores", 1e-9, false);
}

TEST(Attention, NotANumberStays) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const bool in_key : {false, true}) {
    Case c(1, 1, 3, 70, 8, {});
    (in_key ? c.k[65 * 8] : c.q[8]) = nan;
    Numbers y(c.doutput.size());
    eg::AttentionForward<double>::run(c.sizes<double>(c.bias), rows_of<const double>(c.q.data(), c, 3, 8, false),
                                      rows_of<const double>(c.k.data(), c, 70, 8, false),
                                      rows_of<const double>(c.v.data(), c, 70, 8, false),
                                      rows_of(y.data(), c, 3, 8, false), nullptr);
    for (std::size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), in_key || i / 8 == 1) << i;
  }
}

// One query after another against a cache that has more room than keys.
TEST(Attention, StepByStep) {
  for (const Index size : {3, 16, 40})
    for (const bool mask : {false, true}) {
      const Case c(2, 2, 1, 37, size, {.mask = mask, .bias = mask});
      const Results expected = by_loops(c);
      const Index room = 50;
      Numbers k(at(4 * room * size), 99), v(k), y(at(4 * size));
      for (Index n = 0; n < 4; ++n) {
        std::copy_n(c.k.begin() + n * 37 * size, 37 * size, k.begin() + n * room * size);
        std::copy_n(c.v.begin() + n * 37 * size, 37 * size, v.begin() + n * room * size);
      }
      const eg::AttentionRows<const double> q = {c.q.data(), 2 * size, size, size},
                                            keys = {k.data(), 2 * room * size, room * size, size},
                                            values = {v.data(), 2 * room * size, room * size, size};
      eg::attention_step<double>(c.sizes<double>(c.bias), q, keys, values, {y.data(), 2 * size, size, size});
      expect_near(y, expected.output, 1e-12, "step");
    }
}
