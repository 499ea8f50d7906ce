#pragma once

#include <eigengrad/kernels/normalization/moments.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

/// What the tests of the norms share: numbers, and the norm and its gradient in plain loops over long doubles.
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
  double largest_scale = 1;  // what rounding in x and dy is multiplied by
};
template <class T>
Expected naive(const Layout& layout, const std::vector<T>& x, const std::vector<T>& dy, const T* weight, const T* bias,
               double epsilon, bool centered = true) {
  using Exact = long double;
  Expected e;
  const std::size_t n = x.size(), sets = at(layout.sets);
  std::vector<Exact> count(sets, 0), mean(sets, 0), variance(sets, 0), scale(sets), a(sets, 0), b(sets, 0), normal(n),
      gradient(n), dweight(at(layout.weights), 0), dbias(at(layout.weights), 0);
  // Everything counts from a set's first number: far from 0 even a long double would lose digits of the mean.
  std::vector<Exact> origin(sets, 0), from_origin(n);
  for (std::size_t i = n; i-- > 0;)
    if (centered) origin[at(layout.set[i])] = static_cast<Exact>(x[i]);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t s = at(layout.set[i]);
    from_origin[i] = static_cast<Exact>(x[i]) - origin[s];
    count[s] += 1;
    if (centered) mean[s] += from_origin[i];
  }
  for (std::size_t s = 0; s < sets; ++s) mean[s] /= count[s];
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t s = at(layout.set[i]);
    const Exact distance = from_origin[i] - mean[s];
    variance[s] += distance * distance / count[s];
  }
  for (std::size_t s = 0; s < sets; ++s) {
    scale[s] = 1 / std::sqrt(variance[s] + static_cast<Exact>(epsilon));
    e.largest_scale = std::max(e.largest_scale, static_cast<double>(scale[s]));
    e.mean.push_back(static_cast<double>(origin[s] + mean[s]));
    e.variance.push_back(static_cast<double>(variance[s]));
  }
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t s = at(layout.set[i]), w = at(layout.weight[i]);
    const Exact factor = weight == nullptr ? Exact(1) : static_cast<Exact>(weight[w]);
    normal[i] = (from_origin[i] - mean[s]) * scale[s];
    e.y.push_back(static_cast<double>(normal[i] * factor + (bias == nullptr ? Exact(0) : static_cast<Exact>(bias[w]))));
    gradient[i] = static_cast<Exact>(dy[i]) * factor;
    dweight[w] += static_cast<Exact>(dy[i]) * normal[i];
    dbias[w] += static_cast<Exact>(dy[i]);
    a[s] += gradient[i] / count[s];
    b[s] += gradient[i] * normal[i] / count[s];
  }
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t s = at(layout.set[i]);
    e.dx.push_back(static_cast<double>(scale[s] * (gradient[i] - (centered ? a[s] : Exact(0)) - normal[i] * b[s])));
  }
  e.dweight.assign(dweight.begin(), dweight.end());
  e.dbias.assign(dbias.begin(), dbias.end());
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
