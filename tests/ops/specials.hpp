#pragma once

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "eigengrad/ops/functions.hpp"

// Line 29 of the reliability list: special numbers through operations, beside the standard library.
namespace specials {

namespace eg = eigengrad;

template <class T>
eg::Tensor<T> numbers() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> result;
  for (const T number : {T(0), Limits::denorm_min(), Limits::min(), Limits::epsilon(), T(0.5), T(1), T(2), T(3), T(40),
                         T(745), T(1e4), Limits::max(), Limits::infinity(), Limits::quiet_NaN()}) {
    result.push_back(number);
    result.push_back(-number);
  }
  return eg::Tensor<T>::from(result, {static_cast<eg::Index>(result.size())});
}

/// Equal to within `units` of the last place; NaN equals NaN, and zeros must have the same sign.
template <class T>
bool close(T a, T b, double units) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (a == b) return a != 0 || std::signbit(a) == std::signbit(b);
  const double allowed = units * (std::abs(static_cast<double>(b)) * std::numeric_limits<T>::epsilon()) +
                         units * std::numeric_limits<T>::denorm_min();
  return std::isfinite(a) && std::isfinite(b) && std::abs(static_cast<double>(a) - static_cast<double>(b)) <= allowed;
}

/// f on a tensor of all special numbers, and on each alone, beside `exact` on long doubles rounded to T.
template <class T>
void check(const char* name, const auto& f, const auto& exact, double units = 0) {
  const eg::Tensor<T> x = numbers<T>(), y = f(x);
  for (eg::Index i = 0; i < x.size(); ++i) {
    const T expected = static_cast<T>(exact(static_cast<long double>(x(i))));
    EXPECT_TRUE(close(y(i), expected, units)) << name << '(' << x(i) << ") gives " << y(i) << ", not " << expected;
  }
}
/// All pairs, by broadcasting a column and a row.
template <class T>
void check_pairs(const char* name, const auto& f, const auto& exact, double units = 0) {
  const eg::Tensor<T> x = numbers<T>();
  const eg::Tensor<T> y = f(kernel_access(x).alias({x.size(), 1}), x);
  for (eg::Index i = 0; i < x.size(); ++i)
    for (eg::Index j = 0; j < x.size(); ++j) {
      const T expected = static_cast<T>(exact(x(i), x(j)));
      EXPECT_TRUE(close(y(i, j), expected, units))
          << name << '(' << x(i) << ", " << x(j) << ") gives " << y(i, j) << ", not " << expected;
    }
}

}  // namespace specials
