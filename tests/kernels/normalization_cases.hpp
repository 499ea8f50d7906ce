#pragma once

#include <eigengrad/kernels/normalization/moments.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

/// What the tests of the norms share: numbers, and the norm and its gradient in plain loops over doubles.
namespace norm_cases {

using eigengrad::Index;

inline std::size_t at(Index i) { return static_cast<std::size_t>(i); }
template <class T>
std::vector<T> numbers(Index count, std::uint32_t seed, double mean = 0) {
  std::vector<T> result(at(count));
  std::uint32_t state = seed * 2654435761u + 12345u;
  for (T& number : result) {
    double sum = 0;  // roughly normal
    for (int k = 0; k < 4; ++k) {
      state = state * 1664525u + 1013904223u;
      sum += static_cast<double>(state >> 8) / 8388608.0 - 1.0;
    }
    number = static_cast<T>(sum + mean);
  }
  return result;
}

/// Which set of numbers normalised together each number belongs to, and which weight and bias it has.
struct Layout {
  Index count, sets, weights;
  std::vector<Index> set, weight;
};

struct Expected {
  std::vector<double> y, dx, dweight, dbias, mean, variance;
};
template <class T>
Expected naive(const Layout& layout, const std::vector<T>& x, const std::vector<T>& dy, const T* weight, const T* bias,
               double epsilon, bool centered = true) {
  Expected e;
  const std::size_t n = x.size(), sets = at(layout.sets);
  std::vector<double> count(sets, 0), scale(sets), a(sets, 0), b(sets, 0), normal(n), gradient(n);
  e.mean.assign(sets, 0);
  e.variance.assign(sets, 0);
  for (std::size_t i = 0; i < n; ++i) {
    count[at(layout.set[i])] += 1;
    if (centered) e.mean[at(layout.set[i])] += static_cast<double>(x[i]);
  }
  for (std::size_t s = 0; s < sets; ++s) e.mean[s] /= count[s];
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t s = at(layout.set[i]);
    e.variance[s] += std::pow(static_cast<double>(x[i]) - e.mean[s], 2) / count[s];
  }
  for (std::size_t s = 0; s < sets; ++s) scale[s] = 1 / std::sqrt(e.variance[s] + epsilon);
  e.y.resize(n);
  e.dx.resize(n);
  e.dweight.assign(at(layout.weights), 0);
  e.dbias.assign(at(layout.weights), 0);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t s = at(layout.set[i]), w = at(layout.weight[i]);
    const double factor = weight == nullptr ? 1 : static_cast<double>(weight[w]);
    normal[i] = (static_cast<double>(x[i]) - e.mean[s]) * scale[s];
    e.y[i] = normal[i] * factor + (bias == nullptr ? 0 : static_cast<double>(bias[w]));
    gradient[i] = static_cast<double>(dy[i]) * factor;
    e.dweight[w] += static_cast<double>(dy[i]) * normal[i];
    e.dbias[w] += static_cast<double>(dy[i]);
    a[s] += gradient[i] / count[s];
    b[s] += gradient[i] * normal[i] / count[s];
  }
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t s = at(layout.set[i]);
    e.dx[i] = scale[s] * (gradient[i] - (centered ? a[s] : 0) - normal[i] * b[s]);
  }
  return e;
}

/// Rows of `size`, each number with its own weight.
inline Layout rows(Index count, Index size) {
  Layout result{count * size, count, size, {}, {}};
  for (Index i = 0; i < count * size; ++i) {
    result.set.push_back(i / size);
    result.weight.push_back(i % size);
  }
  return result;
}
/// Planes [batch, channels, size] in groups of channels; groups = 0: over the batch.
inline Layout planes(Index batch, Index channels, Index size, Index groups) {
  Layout result{batch * channels * size, groups == 0 ? channels : batch * groups, channels, {}, {}};
  for (Index i = 0; i < batch * channels * size; ++i) {
    const Index n = i / (channels * size), c = i / size % channels;
    result.set.push_back(groups == 0 ? c : n * groups + c / (channels / groups));
    result.weight.push_back(c);
  }
  return result;
}

}  // namespace norm_cases
