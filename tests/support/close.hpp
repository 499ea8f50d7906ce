#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <concepts>
#include <cstring>
#include <string>
#include <vector>

#include "eigengrad/core/tensor.hpp"
#include "message.hpp"

// Comparing tensors with numbers.

namespace support {

/// Every element within `tolerance` of what is expected, relative to 1 or to its size; infinities and NaN as they are.
template <class T>
testing::AssertionResult close(const eigengrad::Tensor<T>& actual, const std::vector<double>& expected,
                               double tolerance = 1e-12) {
  if (actual.size() != static_cast<eigengrad::Index>(expected.size()))
    return testing::AssertionFailure() << actual.size() << " elements, not " << expected.size();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double a = static_cast<double>(actual.data()[i]), e = expected[i];
    const bool same = std::isfinite(e) ? std::abs(a - e) <= tolerance * std::max(1.0, std::abs(e))
                                       : a == e || (std::isnan(a) && std::isnan(e));
    if (!same)
      return testing::AssertionFailure() << "element " << i << " is " << testing::PrintToString(a) << ", not "
                                         << testing::PrintToString(e);
  }
  return testing::AssertionSuccess();
}
template <class T, std::same_as<eigengrad::Tensor<T>> Expected>
testing::AssertionResult close(const eigengrad::Tensor<T>& actual, const Expected& expected, double tolerance = 1e-12) {
  if (actual.shape() != expected.shape())
    return testing::AssertionFailure() << "shape " << eigengrad::to_text(actual.shape()) << ", not "
                                       << eigengrad::to_text(expected.shape());
  return close(actual, std::vector<double>(expected.begin(), expected.end()), tolerance);
}

/// The same shape and the same bits, NaN included.
template <class T>
bool same_bits(const eigengrad::Tensor<T>& a, const eigengrad::Tensor<T>& b) {
  return a.shape() == b.shape() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(T)) == 0);
}

}  // namespace support
