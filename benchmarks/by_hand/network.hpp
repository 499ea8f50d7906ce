#pragma once

#include <vector>

#include "../work.hpp"
#include "optimizer.hpp"

// Networks written by hand in Eigen, as somebody would who knows it well: dynamic sizes, buffers kept between steps,
// noalias products, no autograd.
namespace by_hand {

using Kind = NetworkShape::Kind;

/// One fully connected layer and what its training step needs.
struct Layer {
  Parameter<Matrix> weight;  // [in, out]
  Parameter<Row> bias;
  Matrix output, delta;

  Layer(int in, int out, int batch) : output(batch, out), delta(batch, out) {
    weight.value = Matrix::Random(in, out) * (1 / std::sqrt(static_cast<float>(in)));
    weight.gradient.resize(in, out);
    bias.value = Row::Zero(out);
    bias.gradient.resize(out);
  }
  void forward(const Matrix& x) {
    output.noalias() = x * weight.value;
    output.rowwise() += bias.value;
  }
  void backward(const Matrix& x) {
    weight.gradient.noalias() = x.transpose() * delta;
    bias.gradient = delta.colwise().sum();
  }
};

template <Kind kind>
struct Network {
  std::vector<Layer> layers;
  Matrix x, target;
  std::vector<int> labels;

  explicit Network(const NetworkShape& shape)
      : x(Matrix::Random(shape.batch, shape.sizes.front())), target(Matrix::Random(shape.batch, shape.sizes.back())) {
    for (std::size_t i = 0; i + 1 < shape.sizes.size(); ++i)
      layers.emplace_back(shape.sizes[i], shape.sizes[i + 1], shape.batch);
    for (int i = 0; i < shape.batch; ++i) labels.push_back(shape.label(i));
  }
  const Matrix& input_of(std::size_t layer) const { return layer == 0 ? x : layers[layer - 1].output; }

  void forward() {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      Matrix& output = layers[i].output;
      layers[i].forward(input_of(i));
      if constexpr (kind == Kind::xor_gate) {
        if (i + 1 < layers.size())
          output = output.array().tanh();
        else
          output = (1 + (-output.array()).exp()).inverse();
      } else if (i + 1 < layers.size()) {
        output = output.cwiseMax(0.f);
      }
    }
  }
  /// The loss alone.
  float loss() const {
    const Matrix& output = layers.back().output;
    const auto n = static_cast<float>(output.rows());
    if constexpr (kind != Kind::classifier) return (output - target).squaredNorm() / n;
    float total = 0;
    for (Eigen::Index i = 0; i < output.rows(); ++i) {
      const float largest = output.row(i).maxCoeff();
      total += std::log((output.row(i).array() - largest).exp().sum()) + largest -
               output(i, labels[static_cast<std::size_t>(i)]);
    }
    return total / n;
  }
  /// The loss, and its derivative by the last layer's sums in that layer's delta.
  float loss_and_delta() {
    const Matrix& output = layers.back().output;
    Matrix& delta = layers.back().delta;
    const auto n = static_cast<float>(output.rows());
    if constexpr (kind == Kind::classifier) return softmax_cross_entropy(output, labels, delta);
    delta = output - target;
    const float loss = delta.squaredNorm() / n;
    if constexpr (kind == Kind::xor_gate)
      delta.array() *= 2 / n * output.array() * (1 - output.array());
    else
      delta *= 2 / n;
    return loss;
  }
  float gradient() {
    forward();
    const float loss = loss_and_delta();
    for (std::size_t i = layers.size(); i-- > 0;) {
      layers[i].backward(input_of(i));
      if (i == 0) break;
      Matrix& delta = layers[i - 1].delta;
      const auto output = layers[i - 1].output.array();
      delta.noalias() = layers[i].delta * layers[i].weight.value.transpose();
      if constexpr (kind == Kind::xor_gate)
        delta.array() *= 1 - output.square();
      else
        delta.array() *= (output > 0).template cast<float>();
    }
    return loss;
  }
  template <class Optimizer>
  float step(Optimizer& optimizer) {
    const float loss = gradient();
    optimizer.begin_step();
    for (Layer& layer : layers) {
      optimizer.update(layer.weight);
      optimizer.update(layer.bias);
    }
    return loss;
  }

  /// The mean over the rows of -log softmax(x)[label], and its derivative dx.
  static float softmax_cross_entropy(const Matrix& x, const std::vector<int>& labels, Matrix& dx) {
    float total = 0;
    const float scale = 1 / static_cast<float>(x.rows());
    for (Eigen::Index i = 0; i < x.rows(); ++i) {
      const int label = labels[static_cast<std::size_t>(i)];
      const float largest = x.row(i).maxCoeff();
      dx.row(i) = (x.row(i).array() - largest).exp();
      const float sum = dx.row(i).sum();
      total += std::log(sum) + largest - x(i, label);
      dx.row(i) *= scale / sum;
      dx(i, label) -= scale;
    }
    return total * scale;
  }
};

/// The Hessian of a regressor's loss times a direction, by Pearlmutter's R-operator (1994): every quantity of forward
/// and backward beside its derivative in that direction.
struct HessianProduct {
  Network<Kind::regressor> network;
  struct Along {
    Matrix weight, output, delta, product;  // direction; derivatives of output and delta; the product's part
    Row bias, bias_product;
  };
  std::vector<Along> along;

  explicit HessianProduct(const NetworkShape& shape) : network(shape) {
    for (const Layer& layer : network.layers)
      along.push_back({Matrix::Random(layer.weight.value.rows(), layer.weight.value.cols()),
                       Matrix(layer.output.rows(), layer.output.cols()),
                       Matrix(layer.output.rows(), layer.output.cols()),
                       Matrix(layer.weight.value.rows(), layer.weight.value.cols()),
                       Row::Random(layer.bias.value.size()), Row(layer.bias.value.size())});
  }
  void run() {
    std::vector<Layer>& layers = network.layers;
    const std::size_t last = layers.size() - 1;
    const float scale = 2 / static_cast<float>(network.x.rows());
    network.forward();
    for (std::size_t i = 0; i <= last; ++i) {
      along[i].output.noalias() = network.input_of(i) * along[i].weight;
      if (i > 0) along[i].output.noalias() += along[i - 1].output * layers[i].weight.value;
      along[i].output.rowwise() += along[i].bias;
      if (i < last) along[i].output.array() *= (layers[i].output.array() > 0).cast<float>();
    }
    layers[last].delta = scale * (layers[last].output - network.target);
    along[last].delta = scale * along[last].output;
    for (std::size_t i = last + 1; i-- > 0;) {
      along[i].product.noalias() = network.input_of(i).transpose() * along[i].delta;
      if (i > 0) along[i].product.noalias() += along[i - 1].output.transpose() * layers[i].delta;
      along[i].bias_product = along[i].delta.colwise().sum();
      if (i == 0) break;
      const auto active = (layers[i - 1].output.array() > 0).cast<float>();
      layers[i - 1].delta.noalias() = layers[i].delta * layers[i].weight.value.transpose();
      along[i - 1].delta.noalias() = along[i].delta * layers[i].weight.value.transpose();
      along[i - 1].delta.noalias() += layers[i].delta * along[i].weight.transpose();
      layers[i - 1].delta.array() *= active;
      along[i - 1].delta.array() *= active;
    }
  }
};

}  // namespace by_hand
