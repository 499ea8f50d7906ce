#include "eigengrad/kernels/alignment/ctc.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "eigengrad/eigengrad.hpp"
#include "normalization_cases.hpp"
#include "support/sanitizers.hpp"

namespace eg = eigengrad;
using eg::Index;
using eg::alignment::Ctc;
using eg::alignment::Sequences;
using norm_cases::at;

namespace {

/// Log probabilities [steps, batch, classes].
template <class T>
std::vector<T> log_probabilities(Index steps, Index batch, Index classes, std::uint32_t seed) {
  std::vector<T> x = norm_cases::numbers<T>(steps * batch * classes, seed);
  for (Index r = 0; r < steps * batch; ++r) {
    double sum = 0;
    for (Index c = 0; c < classes; ++c) sum += std::exp(2 * static_cast<double>(x[at(r * classes + c)]));
    for (Index c = 0; c < classes; ++c)
      x[at(r * classes + c)] = static_cast<T>(2 * static_cast<double>(x[at(r * classes + c)]) - std::log(sum));
  }
  return x;
}

/// The probability of a target, by trying every sequence of classes.
double by_enumeration(const std::vector<double>& x, Index steps, Index batch, Index classes, Index n, Index length,
                      const std::vector<std::int64_t>& target, Index blank) {
  double total = 0;
  std::vector<Index> path(at(length), 0);
  for (;;) {
    std::vector<std::int64_t> left;
    double chance = 0;
    for (Index t = 0; t < length; ++t) {
      if (path[at(t)] != blank && (t == 0 || path[at(t)] != path[at(t - 1)])) left.push_back(path[at(t)]);
      chance += x[at((t * batch + n) * classes + path[at(t)])];
    }
    if (left == target) total += std::exp(chance);
    Index t = 0;
    while (t < length && ++path[at(t)] == classes) path[at(t++)] = 0;
    if (t == length) break;
  }
  static_cast<void>(steps);
  return -std::log(total);
}

}  // namespace

TEST(Ctc, AgreesWithTryingEverySequence) {
  const Index steps = 6, classes = 4;
  const std::vector<std::vector<std::int64_t>> words = {{},     {1},       {1, 1},       {1, 2},    {2, 2, 2},
                                                        {3, 1}, {1, 2, 3}, {1, 1, 1, 1}, {2, 3, 2}, {}};
  const std::vector<std::int64_t> lengths = {6, 6, 5, 4, 6, 1, 3, 6, 6, 0};
  const auto batch = static_cast<Index>(words.size());
  std::vector<std::int64_t> targets, offsets, target_lengths;
  for (const auto& word : words) {
    offsets.push_back(static_cast<std::int64_t>(targets.size()));
    target_lengths.push_back(static_cast<std::int64_t>(word.size()));
    targets.insert(targets.end(), word.begin(), word.end());
  }
  const Sequences sequences{
      targets.data(), offsets.data(), target_lengths.data(), lengths.data(), steps, batch, classes, 0};
  std::vector<double> x = log_probabilities<double>(steps, batch, classes, 5), loss(at(batch)), dx(x.size()),
                      dloss(at(batch));
  for (Index n = 0; n < batch; ++n) dloss[at(n)] = 1 + 0.25 * static_cast<double>(n);
  Ctc<double>::loss(x.data(), sequences, false, loss.data());
  Ctc<double>::gradient(x.data(), sequences, false, dloss.data(), dx.data());
  for (Index n = 0; n < batch; ++n) {
    const double expected = by_enumeration(x, steps, batch, classes, n, lengths[at(n)], words[at(n)], 0);
    if (std::isinf(expected)) {  // two classes in one step; four equal ones in six
      EXPECT_TRUE(n == 5 || n == 7) << n;
      EXPECT_EQ(loss[at(n)], expected);
      continue;
    }
    EXPECT_NEAR(loss[at(n)], expected, 1e-12) << "word " << n;
    for (Index t = 0; t < steps; ++t)
      for (Index c = 0; c < classes; ++c) {
        const std::size_t place = at((t * batch + n) * classes + c);
        std::vector<double> above = x, below = x;
        above[place] += 1e-5;
        below[place] -= 1e-5;
        const double slope = (by_enumeration(above, steps, batch, classes, n, lengths[at(n)], words[at(n)], 0) -
                              by_enumeration(below, steps, batch, classes, n, lengths[at(n)], words[at(n)], 0)) /
                             2e-5;
        EXPECT_NEAR(dx[place], dloss[at(n)] * slope, 1e-8) << "word " << n << " step " << t << " class " << c;
      }
  }
  // Where there is no alignment: infinity and NaN, or nothing.
  EXPECT_TRUE(std::isnan(dx[at(5 * classes)]));
  Ctc<double>::loss(x.data(), sequences, true, loss.data());
  Ctc<double>::gradient(x.data(), sequences, true, dloss.data(), dx.data());
  EXPECT_EQ(loss[5], 0);
  EXPECT_EQ(dx[at(5 * classes)], 0);
  EXPECT_EQ(loss[9], 0);
}

// Long sequences: probabilities far below the smallest double, and floats that keep their digits.
TEST(Ctc, LongSequences) {
  // A tenth where sanitizers and no optimisation make it a minute's work.
  const Index steps = EIGENGRAD_ANY_SANITIZER ? 200 : 2000, batch = 2, classes = 5;
  std::vector<std::int64_t> targets(300), offsets = {0, 150}, target_lengths = {150, 150}, lengths = {steps, steps - steps / 8};
  for (std::size_t i = 0; i < targets.size(); ++i) targets[i] = static_cast<std::int64_t>(1 + i * i % 4);
  const Sequences sequences{
      targets.data(), offsets.data(), target_lengths.data(), lengths.data(), steps, batch, classes, 0};
  const auto x = log_probabilities<double>(steps, batch, classes, 1);
  std::vector<float> rounded(x.begin(), x.end()), floats(2), dfloats(x.size());
  std::vector<double> doubles(2), dx(x.size()), ones(2, 1);
  const std::vector<float> float_ones(2, 1);
  Ctc<double>::loss(x.data(), sequences, false, doubles.data());
  Ctc<float>::loss(rounded.data(), sequences, false, floats.data());
  Ctc<double>::gradient(x.data(), sequences, false, ones.data(), dx.data());
  Ctc<float>::gradient(rounded.data(), sequences, false, float_ones.data(), dfloats.data());
  for (std::size_t n = 0; n < 2; ++n) {
    EXPECT_GT(doubles[n], static_cast<double>(steps) / 2);
    EXPECT_NEAR(static_cast<double>(floats[n]), doubles[n], 2e-3);
  }
  for (std::size_t i = 0; i < dx.size(); ++i) EXPECT_NEAR(static_cast<double>(dfloats[i]), dx[i], 1e-4);
  // In every step exactly one state is taken.
  for (Index n = 0; n < batch; ++n)
    for (Index t = 0; t < steps; ++t) {
      double sum = 0;
      for (Index c = 0; c < classes; ++c) sum += dx[at((t * batch + n) * classes + c)];
      EXPECT_NEAR(sum, t < lengths[at(n)] ? -1 : 0, 1e-9);
    }
}

TEST(Ctc, DualNumbers) {
  using D = eg::Dual<double>;
  const std::int64_t targets[] = {1, 2}, offsets[] = {0}, target_lengths[] = {2}, lengths[] = {5};
  const Sequences sequences{targets, offsets, target_lengths, lengths, 5, 1, 3, 0};
  const auto x = log_probabilities<double>(5, 1, 3, 2), t = norm_cases::numbers<double>(15, 3);
  std::vector<D> duals(15), dlog(15);
  std::vector<double> dx(15), ones(1, 1);
  for (std::size_t i = 0; i < 15; ++i) duals[i] = D(x[i], t[i]);
  D loss, one(1);
  Ctc<D>::loss(duals.data(), sequences, false, &loss);
  Ctc<D>::gradient(duals.data(), sequences, false, &one, dlog.data());
  Ctc<double>::gradient(x.data(), sequences, false, ones.data(), dx.data());
  double tangent = 0;
  for (std::size_t i = 0; i < 15; ++i) tangent += dx[i] * t[i];
  EXPECT_NEAR(loss.tangent, tangent, 1e-12);
}
