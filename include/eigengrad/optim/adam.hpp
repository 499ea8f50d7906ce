#pragma once

#include "../autograd/parameter.hpp"
#include "optimizer.hpp"

// Adam and AdamW.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of Adam.
template <class T>
struct AdamOptions {
  T learning_rate = T(0.001);
  T beta1 = T(0.9);
  T beta2 = T(0.999);
  T epsilon = T(1e-8);
  T weight_decay = T(0);
};

/// m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;  w = w - learning_rate mhat / (sqrt(vhat) + epsilon),
/// the hats being divided by 1 - beta^t, t a parameter's own count. Weight decay is added to g. Kingma, Ba: Adam, 2015,
/// alg. 1. With `decoupled`, it shrinks w by learning_rate * weight_decay instead. Loshchilov, Hutter: AdamW, 2019,
/// algorithm 2.
template <class T, bool decoupled>
class AdamFamily : public Optimizer<T, 2, AdamFamily<T, decoupled>> {
 public:
  using Options = AdamOptions<T>;

  explicit AdamFamily(std::vector<ParameterRef<T>> parameters, Options options)
      : Optimizer<T, 2, AdamFamily>(decoupled ? "AdamW" : "Adam", std::move(parameters), options.learning_rate,
                                    {"exp_avg", "exp_avg_sq"}),
        options_(options) {
    for (const auto& [name, beta] : {std::pair("beta1", options.beta1), std::pair("beta2", options.beta2)})
      require<ValueError>(beta >= 0 && beta < 1, "optimizer: ", name, " = ", beta,
                          " is not in [0, 1): at 1 an average never begins");
    this->in_range("epsilon", options.epsilon, 0, (std::numeric_limits<T>::max)());
    this->in_range("weight_decay", options.weight_decay, 0, (std::numeric_limits<T>::max)());
  }

  void take_step() {
    const T beta1 = options_.beta1, beta2 = options_.beta2, epsilon = options_.epsilon, decay = options_.weight_decay;
    const T shrink = decoupled ? 1 - this->learning_rate_ * decay : T(1), added_decay = decoupled ? T(0) : decay;
    const T rest1 = 1 - beta1, rest2 = 1 - beta2;
    Index corrected_for = 0;  // most parameters are at the same t
    T rate(0), root(0);
    this->update_with([&](Index t) {
      if (t != corrected_for) {
        const auto power = static_cast<double>(corrected_for = t);
        rate = static_cast<T>(static_cast<double>(this->learning_rate_) /
                              (1 - std::pow(static_cast<double>(beta1), power)));
        root = static_cast<T>(1 / std::sqrt(1 - std::pow(static_cast<double>(beta2), power)));
      }
      return [=](auto& w, const auto& gradient, auto& m, auto& v) {
        const auto g = gradient + added_decay * w;
        m = beta1 * m + rest1 * g;
        v = beta2 * v + rest2 * (g * g);
        // Without an epsilon 0 / 0 counts as 0, and so does what is left of a gradient whose square is 0.
        const auto divisor = math::sqrt(v) * root + epsilon;
        const std::decay_t<decltype(w)> nothing(T(0));
        w = shrink * w - rate * math::select(divisor == nothing, nothing, std::decay_t<decltype(w)>(m / divisor));
      };
    });
  }
  void settings(OptimizerState& state) {
    state("beta1", options_.beta1);
    state("beta2", options_.beta2);
    state("epsilon", options_.epsilon);
    state("weight_decay", options_.weight_decay);
  }

 private:
  Options options_;
};

/// Adam: moments of the gradient and its square, both corrected for their start; weight decay is added to the gradient.
template <class T>
class Adam : public AdamFamily<T, false> {
 public:
  template <HasParameters M>
  explicit Adam(const M&, AdamOptions<T> = {}) = delete;  // of a model: Adam(model.parameters())
  explicit Adam(std::vector<ParameterRef<T>> parameters, AdamOptions<T> options = {})
      : AdamFamily<T, false>(std::move(parameters), options) {}
};

/// Adam with decoupled weight decay, 0.01 unless set otherwise.
template <class T>
class AdamW : public AdamFamily<T, true> {
 public:
  struct Options {
    T learning_rate = T(0.001);
    T beta1 = T(0.9);
    T beta2 = T(0.999);
    T epsilon = T(1e-8);
    T weight_decay = T(0.01);
  };
  template <HasParameters M>
  explicit AdamW(const M&, Options) = delete;  // of a model: AdamW(model.parameters())
  template <HasParameters M>
  explicit AdamW(const M&) = delete;  // of a model: AdamW(model.parameters())
  explicit AdamW(std::vector<ParameterRef<T>> parameters, Options options)
      : AdamFamily<T, true>(std::move(parameters), {options.learning_rate, options.beta1, options.beta2,
                                                    options.epsilon, options.weight_decay}) {}
  explicit AdamW(std::vector<ParameterRef<T>> parameters) : AdamW(std::move(parameters), Options()) {}
};

// So that the mistake is told, whose way out stands beside the constructor.
template <HasParameters M, class... Options>
Adam(const M&, const Options&...) -> Adam<typename M::Element>;
template <HasParameters M, class... Options>
AdamW(const M&, const Options&...) -> AdamW<typename M::Element>;

// Compiled: class Adam<T>
// Compiled: class AdamW<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
