#pragma once

#include "tape.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

struct GradcheckOptions {
  double epsilon = 1e-6;   // the step, to both sides
  double absolute = 1e-5;  // how far a gradient may be off, ...
  double relative = 1e-3;  // ... and how much more per unit of its size
};

/// A function's gradient beside what central differences say. The outputs are weighed by random numbers, so that one
/// backward checks them all.
template <class F>
class GradientChecker {
 public:
  using List = std::vector<Tensor<double>>;

  /// `f` takes a List and gives a tensor or a formula.
  GradientChecker(const F& f, const List& inputs, const GradcheckOptions& options, Location where)
      : f_(f), inputs_(inputs), options_(options), where_(where) {}

  /// Two random directions find a wrong gradient; only then is every element looked at, for the worst.
  void check() {
    differentiate();
    for (int trial = 0; trial < 2; ++trial) {
      List direction;
      double analytic = 0;
      for (std::size_t k = 0; k < inputs_.size(); ++k) {
        direction.push_back(Tensor<double>::randn(inputs_[k].shape(), generator_));
        analytic += (direction[k].array() * gradients_[k].array()).sum();
      }
      if (!(excess(analytic, difference(direction)) <= 1)) report_worst();
    }
  }

 private:
  void differentiate() {
    std::vector<Parameter<double>> parameters;
    Tape tape;
    List tracked;
    for (const Tensor<double>& input : inputs_) {
      parameters.emplace_back(input);
      tracked.push_back(parameters.back().to_tensor());
    }
    const Tensor<double> output = f_(tracked);
    weights_ = Tensor<double>::randn(output.shape(), generator_);
    tape.backward(output, weights_, {}, where_);
    for (const auto& parameter : parameters) gradients_.push_back(parameter.grad());
    for (const std::string& name : tape.operations()) operations_ += (operations_.empty() ? "" : ", ") + name;
  }

  /// How fast the weighed output changes along `direction`.
  double difference(const List& direction) const {
    const NoGrad pause;
    List above, below;
    for (std::size_t k = 0; k < inputs_.size(); ++k) {
      above.push_back(inputs_[k]);
      below.push_back(inputs_[k]);
      above[k].mutable_array() += options_.epsilon * direction[k].array();
      below[k].mutable_array() -= options_.epsilon * direction[k].array();
    }
    const Tensor<double> high = f_(above), low = f_(below);
    return (weights_.array() * (high.array() - low.array())).sum() / (2 * options_.epsilon);
  }

  /// How many times what is allowed the two are apart; NaN when one of them is.
  double excess(double analytic, double numeric) const {
    return std::abs(analytic - numeric) /
           (options_.absolute + options_.relative * std::max(std::abs(analytic), std::abs(numeric)));
  }

  [[noreturn]] void report_worst() const {
    double worst = -1, analytic = 0, numeric = 0;
    std::size_t input = 0;
    Index element = 0;
    List direction;
    for (const Tensor<double>& each : inputs_) direction.push_back(Tensor<double>::zeros(each.shape()));
    for (std::size_t k = 0; k < inputs_.size(); ++k)
      for (Index i = 0; i < inputs_[k].size(); ++i) {
        direction[k].mutable_data()[i] = 1;
        const double rule = gradients_[k].data()[i], measured = difference(direction);
        direction[k].mutable_data()[i] = 0;
        const double here = excess(rule, measured);
        if (here <= worst) continue;
        worst = here, analytic = rule, numeric = measured, input = k, element = i;
        if (std::isnan(here)) k = inputs_.size() - 1, i = inputs_[k].size();  // nothing is worse
      }
    fail<GradientError>("gradcheck: the gradient of (", operations_, ") is wrong: input ", input, " of shape ",
                        inputs_[input].shape(), ", element ", element_position(element, inputs_[input].shape()),
                        ": the rules give ", analytic, ", differences give ", numeric,
                        ": look at the rule for that input, or, where the function has a kink, move away from it",
                        where_);
  }

  const F& f_;
  List inputs_;
  GradcheckOptions options_;
  Location where_;
  Generator generator_{15};
  Tensor<double> weights_;
  List gradients_;
  std::string operations_;
};

/// Checks the gradient of `f`, which takes a list of tensors, at `inputs`, against central differences. Throws
/// GradientError naming the recorded operations, and the input and element that are furthest off.
template <class F>
void gradcheck(const F& f, const std::vector<Tensor<double>>& inputs, const GradcheckOptions& options = {},
               Location where = Location::current()) {
  std::vector<Tensor<double>> constants;
  for (const Tensor<double>& input : inputs) constants.push_back(input.detach());
  GradientChecker<F>(f, constants, options, where).check();
}

/// The same for a function of one, two or three tensors of doubles: gradcheck(f, x), gradcheck(f, x, {.epsilon =
/// 1e-4}).
template <class F, ConvertsToTensor<double> X>
void gradcheck(const F& f, const X& x, const GradcheckOptions& options = {}, Location where = Location::current()) {
  using List = std::vector<Tensor<double>>;
  gradcheck([&f](const List& list) { return f(list[0]).to_tensor(); }, List{x.to_tensor()}, options, where);
}
template <class F, ConvertsToTensor<double> X, ConvertsToTensor<double> Y>
void gradcheck(const F& f, const X& x, const Y& y, const GradcheckOptions& options = {},
               Location where = Location::current()) {
  using List = std::vector<Tensor<double>>;
  gradcheck([&f](const List& list) { return f(list[0], list[1]).to_tensor(); }, List{x.to_tensor(), y.to_tensor()},
            options, where);
}
template <class F, ConvertsToTensor<double> X, ConvertsToTensor<double> Y, ConvertsToTensor<double> Z>
void gradcheck(const F& f, const X& x, const Y& y, const Z& z, const GradcheckOptions& options = {},
               Location where = Location::current()) {
  using List = std::vector<Tensor<double>>;
  gradcheck([&f](const List& list) { return f(list[0], list[1], list[2]).to_tensor(); },
            List{x.to_tensor(), y.to_tensor(), z.to_tensor()}, options, where);
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
