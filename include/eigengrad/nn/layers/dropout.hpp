#pragma once

#include "../../core/compute_values.hpp"
#include "../../core/tensor.hpp"
#include "../../ops/arithmetic.hpp"
#include "../../ops/shape.hpp"
#include "../module/layer.hpp"

// Layers that mind no numbers: dropout, and flattening.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// In training, sets each number to 0 with probability p and scales the others by 1 / (1 - p); the identity in
/// evaluation. The same mask lets the gradient through. Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov:
/// Dropout, 2014.
template <class T>
struct Dropout : Layer<T> {
  explicit Dropout(double probability = 0.5) : p(probability) {
    require<ValueError>(p >= 0 && p <= 1, "Dropout: the probability ", p, " is not in [0, 1]");
  }
  Tensor<T> forward(const Tensor<T>& x) override {
    depends_on(this, p);
    if (!this->is_training() || p == 0) return x;
    const T scale = p < 1 ? static_cast<T>(1 / (1 - p)) : T(0);
    const auto draw = [size = x.size(), scale, probability = p](T* to) {
      Generator& generator = default_generator();
      for (Index i = 0; i < size; ++i) to[i] = generator.uniform() < probability ? T(0) : scale;
    };
    const Tensor<T> mask = compute_values<T>("Dropout", x.shape(), draw);
    return {x * mask, calling_line()};
  }
  std::string kind() const override { return "Dropout"; }

  double p;
};

/// [n, a, b, ...] -> [n, a * b * ...].
template <class T>
struct Flatten : Layer<T> {
  Tensor<T> forward(const Tensor<T>& x) override {
    require<ShapeError>(x.rank() > 0, "Flatten: shape [] has no batch axis to keep: give [n, ...]", calling_line());
    const Index n = x.shape()[0];
    return reshape(x, {n, Shape(x.shape().begin() + 1, x.shape().end()).size()}, calling_line());
  }
  std::string kind() const override { return "Flatten"; }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
