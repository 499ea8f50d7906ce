#pragma once

#include "optimizer.hpp"

// Formulas fused by hand: the sum of y and the derivatives in one pass over blocks that stay in the first-level cache.
namespace by_hand {

constexpr Eigen::Index formula_block = 256;
using Values = Eigen::Array<float, Eigen::Dynamic, 1, 0, formula_block, 1>;  // on the stack
using From = Eigen::Map<const Eigen::ArrayXf>;
using To = Eigen::Map<Eigen::ArrayXf>;

/// y = 0.5 x (1 + tanh(0.798 (x + 0.0447 x^3)))
struct Gelu {
  static float run(const From& x, To dx) {
    const Values t = (0.79788456f * (x + 0.044715f * x.cube())).tanh();
    dx = 0.5f * (1 + t) + 0.5f * x * (1 - t.square()) * (0.79788456f * (1 + 0.134145f * x.square()));
    return (0.5f * x * (1 + t)).sum();
  }
};

/// Twelve operations: y = tanh(sqrt((sigmoid(1.5 x + 0.5) - 0.3)^2 + 0.1) exp(-(x x)))
struct Chain {
  static float run(const From& x, To dx) {
    const Values s = (1 + (-1.5f * x - 0.5f).exp()).inverse();
    const Values r = ((s - 0.3f).square() + 0.1f).sqrt();
    const Values e = (-x.square()).exp();
    const Values y = (r * e).tanh();
    dx = (1 - y.square()) * e * ((s - 0.3f) * (1.5f * s * (1 - s)) / r - 2 * x * r);
    return y.sum();
  }
};

/// A formula over all of x.
template <class Formula>
float run_formula(const float* x, float* dx, Eigen::Index size) {
  float sum = 0;
  for (Eigen::Index i = 0; i < size; i += formula_block) {
    const Eigen::Index count = std::min(formula_block, size - i);
    sum += Formula::run(From(x + i, count), To(dx + i, count));
  }
  return sum;
}

/// y = (x - mean) / sqrt(var + 1e-5) gain + bias over each row of x [rows, columns], of which `upstream` is the
/// derivative by each y: the sum of y, and dx, dgain, dbias.
struct Normalise {
  Matrix x, dx;
  Row gain, bias, dgain, dbias, hat;
  float upstream = 1;

  Normalise(Eigen::Index rows, Eigen::Index columns)
      : x(Matrix::Random(rows, columns)),
        dx(rows, columns),
        gain(Row::Random(columns)),
        bias(Row::Random(columns)),
        dgain(columns),
        dbias(columns),
        hat(columns) {}
  float run() {
    float sum = 0;
    dgain.setZero();
    dbias.setZero();
    const auto n = static_cast<float>(x.cols());
    const float gain_mean = upstream * gain.sum() / n;
    for (Eigen::Index i = 0; i < x.rows(); ++i) {
      hat = x.row(i).array() - x.row(i).sum() / n;
      const float inverse = 1 / std::sqrt(hat.squaredNorm() / n + 1e-5f);
      hat *= inverse;
      sum += (hat.array() * gain.array() + bias.array()).sum();
      const float along = upstream * hat.dot(gain) / n;
      dx.row(i) = inverse * (upstream * gain.array() - gain_mean - along * hat.array());
      dgain += upstream * hat;
      dbias.array() += upstream;
    }
    return sum;
  }
};

}  // namespace by_hand
