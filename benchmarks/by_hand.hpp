#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

// The same work written by hand in Eigen, as somebody would who knows it well: dynamic sizes, buffers kept between
// steps, noalias products, no autograd.
namespace by_hand {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Row = Eigen::RowVectorXf;

/// One fully connected layer and what its training step needs.
struct Layer {
  Matrix weight, weight_gradient, output, delta;  // weight is [in, out]
  Row bias, bias_gradient;

  Layer(int in, int out, int batch)
      : weight(Matrix::Random(in, out) * (1 / std::sqrt(static_cast<float>(in)))),
        weight_gradient(in, out),
        output(batch, out),
        delta(batch, out),
        bias(Row::Zero(out)),
        bias_gradient(out) {}
  void forward(const Matrix& x) {
    output.noalias() = x * weight;
    output.rowwise() += bias;
  }
  void backward(const Matrix& x) {
    weight_gradient.noalias() = x.transpose() * delta;
    bias_gradient = delta.colwise().sum();
  }
  void step(float rate) {
    weight -= rate * weight_gradient;
    bias -= rate * bias_gradient;
  }
};

/// XOR: 2-8-1, tanh and sigmoid, mean squared error, SGD.
struct Xor {
  Matrix x{{0, 0}, {0, 1}, {1, 0}, {1, 1}}, y{{0}, {1}, {1}, {0}};
  Layer first{2, 8, 4}, second{8, 1, 4};

  float step(float rate) {
    first.forward(x);
    first.output = first.output.array().tanh();
    second.forward(first.output);
    second.output = (1 + (-second.output.array()).exp()).inverse();
    const float loss = (second.output - y).squaredNorm() / 4;
    second.delta = (0.5f * (second.output - y).array()) * second.output.array() * (1 - second.output.array());
    second.backward(first.output);
    first.delta.noalias() = second.delta * second.weight.transpose();
    first.delta.array() *= 1 - first.output.array().square();
    first.backward(x);
    second.step(rate);
    first.step(rate);
    return loss;
  }
};

/// A classifier or regressor with ReLU between the layers and SGD.
struct Mlp {
  std::vector<Layer> layers;
  Matrix x, target;
  std::vector<int> labels;

  Mlp(std::vector<int> sizes, int batch)
      : x(Matrix::Random(batch, sizes.front())), target(Matrix::Random(batch, sizes.back())) {
    for (std::size_t i = 0; i + 1 < sizes.size(); ++i) layers.emplace_back(sizes[i], sizes[i + 1], batch);
    for (int i = 0; i < batch; ++i) labels.push_back(i * 7 % sizes.back());
  }
  void forward() {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      layers[i].forward(i == 0 ? x : layers[i - 1].output);
      if (i + 1 < layers.size()) layers[i].output = layers[i].output.cwiseMax(0.f);
    }
  }
  float cross_entropy() {
    Matrix& out = layers.back().output;
    Matrix& delta = layers.back().delta;
    float loss = 0;
    for (int i = 0; i < out.rows(); ++i) {
      delta.row(i) = (out.row(i).array() - out.row(i).maxCoeff()).exp();
      const float sum = delta.row(i).sum();
      loss -= out(i, labels[static_cast<std::size_t>(i)]) - out.row(i).maxCoeff() - std::log(sum);
      delta.row(i) /= sum;
      delta(i, labels[static_cast<std::size_t>(i)]) -= 1;
    }
    delta /= static_cast<float>(out.rows());
    return loss / static_cast<float>(out.rows());
  }
  float squared_error() {
    Layer& last = layers.back();
    last.delta = last.output - target;
    const float loss = last.delta.squaredNorm() / static_cast<float>(x.rows());
    last.delta *= 2 / static_cast<float>(x.rows());
    return loss;
  }
  float step(float rate, bool classify) {
    forward();
    const float loss = classify ? cross_entropy() : squared_error();
    for (std::size_t i = layers.size(); i-- > 0;) {
      layers[i].backward(i == 0 ? x : layers[i - 1].output);
      if (i == 0) break;
      layers[i - 1].delta.noalias() = layers[i].delta * layers[i].weight.transpose();
      layers[i - 1].delta.array() *= (layers[i - 1].output.array() > 0).cast<float>();
    }
    for (Layer& layer : layers) layer.step(rate);
    return loss;
  }
};

/// GELU in one fused loop: its sum and its derivative.
inline float gelu(const float* x, float* dx, Eigen::Index size) {
  constexpr Eigen::Index block = 256;
  float sum = 0;
  for (Eigen::Index i = 0; i < size; i += block) {
    const Eigen::Index count = std::min(block, size - i);
    const Eigen::Map<const Eigen::ArrayXf> v(x + i, count);
    Eigen::Array<float, Eigen::Dynamic, 1, 0, block, 1> t = (0.79788456f * (v + 0.044715f * v.cube())).tanh();
    sum += (0.5f * v * (1 + t)).sum();
    Eigen::Map<Eigen::ArrayXf>(dx + i, count) =
        0.5f * (1 + t) + 0.5f * v * (1 - t.square()) * (0.79788456f * (1 + 0.134145f * v.square()));
  }
  return sum;
}

}  // namespace by_hand
