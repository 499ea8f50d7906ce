#pragma once

#include <gtest/gtest.h>
#include <eigengrad/autograd/tape.hpp>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "message.hpp"

/// Compares the gradient of f, weighed by different numbers for each output, with central differences at every element.
inline void expect_gradient(const std::function<eigengrad::Tensor<double>(const eigengrad::Tensor<double>&)>& f,
                            const eigengrad::Tensor<double>& x, const std::string& what = "") {
  namespace eg = eigengrad;
  const auto weight = [](eg::Index i) {
    return 0.7 + 0.31 * static_cast<double>(i % 7) - 0.13 * static_cast<double>(i % 5);
  };
  const auto weighed = [&](const eg::Tensor<double>& at) {
    const eg::Tensor<double> y = f(at);
    double total = 0;
    for (eg::Index i = 0; i < y.size(); ++i) total += weight(i) * y.data()[i];
    return total;
  };
  const eg::Parameter<double> p(x);
  eg::Tape tape;
  const eg::Tensor<double> y = f(p.to_tensor());
  auto seed = eg::Tensor<double>::empty(y.shape());
  for (eg::Index i = 0; i < y.size(); ++i) seed.mutable_data()[i] = weight(i);
  tape.backward(y, seed);
  const eg::Tensor<double> gradient = p.grad();
  ASSERT_EQ(gradient.shape(), x.shape()) << what;
  const eg::NoGrad pause;
  for (eg::Index i = 0; i < x.size(); ++i) {
    eg::Tensor<double> above = x, below = x;
    above.mutable_data()[i] += 1e-6;
    below.mutable_data()[i] -= 1e-6;
    const double numeric = (weighed(above) - weighed(below)) / 2e-6;
    EXPECT_NEAR(gradient.data()[i], numeric, 1e-5 + 1e-4 * std::abs(numeric))
        << what << " of shape " << eg::to_text(x.shape()) << " at element " << i;
  }
}

/// The numbers and the shape, both.
template <class T>
void expect_tensor(const eigengrad::Tensor<T>& actual, const eigengrad::Shape& shape, const std::vector<T>& values) {
  ASSERT_EQ(actual.shape(), shape);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const T value = actual.data()[i];
    EXPECT_TRUE(value == values[i] || (value != value && values[i] != values[i]))
        << "element " << i << " is " << value << ", not " << values[i];
  }
}

/// That `action` throws E, whose message holds every part.
template <class E, class Action>
void expect_error(Action action, const std::vector<std::string>& parts) {
  const std::string message = support::message_of<E>(action);
  if (!message.empty()) {
    EXPECT_TRUE(support::mentions(message, parts));
  }
}
