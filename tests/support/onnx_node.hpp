#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "eigengrad/core/named_tensors.hpp"
#include "eigengrad/ops/axes.hpp"
#include "eigengrad/ops/cast.hpp"
#include "support/fixture.hpp"

// ONNX's own tests of single nodes, as tests/fixtures/onnx_nodes.py stored them, and how ours is compared with them.
namespace onnx {

namespace eg = eigengrad;
using F = eg::Tensor<float>;
using List = std::vector<F>;
using Whole = eg::Tensor<std::int64_t>;
using eg::Index, eg::Shape;

/// A node: attributes by ONNX's names, inputs by their places.
struct Node {
  bool has(int place) const { return given.tensors().contains("in." + std::to_string(place)); }
  const eg::AnyTensor& any(int place) const { return given.tensors().at("in." + std::to_string(place)); }
  /// An input, or an empty tensor where it was left out; whole numbers as float.
  F operator[](int place) const {
    if (!has(place)) return {};
    return any(place).holds<float>() ? any(place).as<float>() : eg::cast<float>(whole(place));
  }
  const Whole& whole(int place) const { return any(place).as<std::int64_t>(); }
  std::vector<Index> list(int place) const { return {whole(place).begin(), whole(place).end()}; }

  double number(const char* key, double otherwise) const { return given.has(key) ? given.number(key) : otherwise; }
  Index integer(const char* key, Index otherwise) const { return given.has(key) ? given.integer(key) : otherwise; }
  std::string word(const char* key, const char* otherwise) const {
    return given.has(key) ? given.word(key) : otherwise;
  }
  std::vector<Index> integers(const char* key, std::size_t count, Index otherwise) const {
    return given.has(key) ? given.integers(key) : std::vector<Index>(count, otherwise);
  }

  const fixture::Case& given;
};

inline eg::Axes axes_of(const std::vector<Index>& list) {
  eg::Axes axes;
  for (const Index axis : list) axes.axes[axes.count++] = axis;
  return axes;
}
inline Index axis_from_front(Index axis, const F& x) { return axis < 0 ? axis + x.rank() : axis; }

/// What stands for a node here, by the node's name.
using Runs = std::map<std::string, List (*)(const Node&)>;

/// The largest difference, relative to the largest number that is expected.
inline double difference(const F& actual, const eg::AnyTensor& wanted) {
  const F expected = wanted.holds<float>() ? wanted.as<float>() : eg::cast<float>(wanted.as<std::int64_t>());
  if (actual.shape() != expected.shape()) {
    ADD_FAILURE() << "the shape is " << eg::to_text(actual.shape()) << ", not " << eg::to_text(expected.shape());
    return 0;
  }
  double size = 1e-30, worst = 0;
  for (const float number : expected)
    if (std::isfinite(number)) size = std::max(size, std::abs(static_cast<double>(number)));
  for (Index i = 0; i < expected.size(); ++i) {
    const float a = actual.data()[i], e = expected.data()[i];
    if (a == e || (std::isnan(a) && std::isnan(e))) continue;
    const double apart = std::abs(static_cast<double>(a) - static_cast<double>(e)) / size;
    worst = std::max(worst, std::isfinite(apart) ? apart : 1.0);
  }
  return worst;
}

/// All cases of these nodes, of which each must have one; the number of cases.
inline int compare(const Runs& runs, double tolerance = 1e-5) {
  std::map<std::string, int> counts;
  int cases = 0;
  double worst = 0;
  for (const fixture::Case& c : fixture::load("onnx_nodes")) {
    const auto run = runs.find(c.name());
    if (run == runs.end()) continue;
    SCOPED_TRACE(c.text());
    ++counts[c.name()];
    ++cases;
    List outputs;
    EXPECT_NO_THROW(outputs = run->second({c}));
    for (const auto& [place, expected] : c.tensors().below("out.")) {
      const std::size_t k = std::stoul(place);
      if (k >= outputs.size()) {
        ADD_FAILURE() << "there are " << outputs.size() << " outputs";
        continue;
      }
      const double apart = difference(outputs[k], expected);
      EXPECT_LE(apart, tolerance) << "output " << k;
      worst = std::max(worst, apart);
    }
  }
  for (const auto& each : runs) EXPECT_GE(counts[each.first], 1) << "no case of " << each.first;
  std::printf("%d cases of %d nodes, %.1e apart at most\n", cases, static_cast<int>(counts.size()), worst);
  return cases;
}

}  // namespace onnx
