#pragma once

#include <eigengrad/nn/layers/activation.hpp>
#include <eigengrad/nn/losses/cross_entropy.hpp>
#include <eigengrad/nn/sequential.hpp>
#include <eigengrad/optim/sgd.hpp>

#include <cstring>

// What the tests of training share; one type for each loss keeps the number of instantiations small.
struct MeanSquared {
  auto operator()(const auto& prediction, const auto& target) const { return eigengrad::mse_loss(prediction, target); }
};
struct SoftmaxCrossEntropy {
  auto operator()(const auto& logits, const auto& target) const {
    return eigengrad::softmax_cross_entropy(logits, target);
  }
};

/// Whether two modules hold the same numbers, bit for bit.
template <class T>
bool same_bits(eigengrad::StateDict<T> a, eigengrad::StateDict<T> b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, tensor] : a) {
    if (!b.contains(name) || !(b.at(name).shape() == tensor.shape())) return false;
    if (std::memcmp(tensor.template as<T>().data(), b.at(name).data(),
                    static_cast<std::size_t>(tensor.size()) * sizeof(T)) != 0)
      return false;
  }
  return true;
}

/// w x with a single weight: training that can be followed by hand.
struct Line : eigengrad::Module<double> {
  explicit Line(double slope) : weight(eigengrad::Tensor<double>{{slope}}) {}
  eigengrad::Tensor<double> forward(const eigengrad::Tensor<double>& x) override {
    modes += is_training() ? 't' : 'e';
    return x * weight;
  }
  void members(eigengrad::Members<double>& m) override { m("weight", weight); }
  double slope() const { return weight.value().item(); }

  eigengrad::Parameter<double> weight;
  std::string modes;  // t or e for every call
};
