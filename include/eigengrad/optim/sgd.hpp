#pragma once

#include "../autograd/parameter.hpp"
#include "optimizer.hpp"

// Gradient descent, with momentum.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of SGD.
template <class T>
struct SGDOptions {
  T learning_rate = T(0.001);
  T momentum = T(0);
  T weight_decay = T(0);
  bool nesterov = false;
};

/// Stochastic gradient descent:  g = gradient + weight_decay w;  v = momentum v + g;  w = w - learning_rate v, or with
/// Nesterov's look ahead w - learning_rate (g + momentum v). Sutskever, Martens, Dahl, Hinton: On the importance of
/// initialization and momentum in deep learning, 2013, in PyTorch's form.
template <class T>
class SGD : public Optimizer<T, 1, SGD<T>> {
 public:
  using Options = SGDOptions<T>;

  template <HasParameters M>
  explicit SGD(const M&, Options = {}) = delete;  // of a model: SGD(model.parameters())
  explicit SGD(std::vector<ParameterRef<T>> parameters, Options options = {})
      : Optimizer<T, 1, SGD>("SGD", std::move(parameters), options.learning_rate, {"momentum_buffer"}),
        options_(options) {
    this->in_range("momentum", options.momentum, 0, 1);
    this->in_range("weight_decay", options.weight_decay, 0, (std::numeric_limits<T>::max)());
    require<ValueError>(!options.nesterov || options.momentum > 0, "SGD: nesterov needs a momentum above 0");
  }

  EIGENGRAD_OUTLINE void take_step() {
    const T rate = this->learning_rate_, momentum = options_.momentum, decay = options_.weight_decay;
    const bool nesterov = options_.nesterov;
    if (momentum == 0 && decay == 0)
      this->template update<0>([=](auto& w, const auto& g) { w = w - rate * g; });
    else
      this->update([=](auto& w, const auto& gradient, auto& v) {
        const auto g = gradient + decay * w;
        v = momentum * v + g;
        w = w - rate * (nesterov ? g + momentum * v : v);
      });
  }
  void settings(OptimizerState& state) {
    state("momentum", options_.momentum);
    state("weight_decay", options_.weight_decay);
    state("nesterov", options_.nesterov);
  }

 private:
  Options options_;
};

// So that the mistake is told, whose way out stands beside the constructor.
template <HasParameters M, class... Options>
SGD(const M&, const Options&...) -> SGD<typename M::Element>;

// Compiled: class SGD<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
