#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

namespace by_hand {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Row = Eigen::RowVectorXf;

struct Sgd {
  float rate;
  void begin_step() {}
  template <class Of>
  void update(Of& parameter) const {
    parameter.value -= rate * parameter.gradient;
  }
};

/// Kingma, Ba: Adam, 2015, algorithm 1, in one pass: block by block, so that what one line stores the next one finds in
/// the first-level cache.
struct Adam {
  float rate, beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f;
  float power1 = 1, power2 = 1;

  void begin_step() {
    power1 *= beta1;
    power2 *= beta2;
  }
  template <class Of>
  void update(Of& parameter) const {
    if (parameter.m.size() == 0) {
      parameter.m.setZero(parameter.value.rows(), parameter.value.cols());
      parameter.v.setZero(parameter.value.rows(), parameter.value.cols());
    }
    update(parameter.value.data(), parameter.gradient.data(), parameter.m.data(), parameter.v.data(),
           parameter.value.size());
  }
  void update(float* to, const float* gradient, float* first, float* second, Eigen::Index size) const {
    constexpr Eigen::Index block = 1024;
    const float scale = rate / (1 - power1), root = 1 / std::sqrt(1 - power2);
    for (Eigen::Index i = 0; i < size; i += block) {
      const Eigen::Index count = std::min(block, size - i);
      const Eigen::Map<const Eigen::ArrayXf> g(gradient + i, count);
      Eigen::Map<Eigen::ArrayXf> w(to + i, count), m(first + i, count), v(second + i, count);
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * g.square();
      w -= scale * m / (v.sqrt() * root + epsilon);
    }
  }
};

/// A parameter and what belongs to it; m and v are Adam's averages.
template <class Of>
struct Parameter {
  Of value, gradient, m, v;
};

}  // namespace by_hand
