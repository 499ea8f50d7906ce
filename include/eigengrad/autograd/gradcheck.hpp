#pragma once

#include "../core/dual_tensor.hpp"
#include "engine/walk.hpp"
#include "tape.hpp"

// Whether a gradient is right: beside finite differences, and forward mode.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of gradcheck.
struct GradcheckOptions {
  double epsilon = 1e-6;   // the step, to both sides
  double absolute = 1e-5;  // how far a gradient may be off, ...
  double relative = 1e-3;  // ... and how much more per unit of its size
  double forward = 1e-12;  // how far, per unit of its size, it may be off from forward mode; there only for f that
                           // takes any number type, as [](const auto& x) does
};

/// A function that cannot be run on dual numbers.
struct NoForwardMode {
  static constexpr bool exists = false;
};
/// The derivative of `f`, which takes a list of tensors of any number type, in a direction.
template <class F>
struct ForwardMode {
  static constexpr bool exists = true;
  const F& f;

  Tensor<double> operator()(const std::vector<Tensor<double>>& x, const std::vector<Tensor<double>>& direction) const {
    std::vector<Tensor<Dual<Delayed<double, F>>>> duals;
    for (std::size_t k = 0; k < x.size(); ++k) duals.push_back(make_dual(x[k], direction[k]));
    return tangent_part(f(duals));
  }
};

/// A function's gradient beside what central differences say. The outputs are weighed by random numbers, so that one
/// backward checks them all.
template <class F, class Forward = NoForwardMode>
class GradientChecker {
 public:
  using Number = Delayed<double, F>;
  using List = std::vector<Tensor<Number>>;

  /// `f` takes a List and gives a tensor or a formula.
  GradientChecker(const F& f, const List& inputs, const GradcheckOptions& options, Location where, Forward forward = {})
      : f_(f), forward_(forward), inputs_(inputs), options_(options), where_(where) {}

  /// Two random directions find a wrong gradient; only then is every element looked at, for the worst.
  void run() {
    differentiate();
    for (int trial = 0; trial < 2; ++trial) {
      List direction;
      double analytic = 0;
      for (std::size_t k = 0; k < inputs_.size(); ++k) {
        direction.push_back(Tensor<double>::randn(inputs_[k].shape(), generator_));
        analytic += inner(direction[k], gradients_[k]);
      }
      if (!(excess(analytic, difference(direction)) <= 1)) report_worst();
      if constexpr (Forward::exists) check_forward(direction, analytic);
    }
  }

 private:
  using Numeric = double (GradientChecker::*)(const List& direction) const;
  using Excess = double (GradientChecker::*)(double analytic, double other) const;

  /// The sum of the products, or of their sizes. Plain loops here and below: Eigen's expressions are compiled where
  /// they are written, called or not.
  static double inner(const Tensor<double>& a, const Tensor<double>& b, bool sizes = false) {
    double sum = 0;
    for (Index i = 0; i < a.size(); ++i) {
      const double product = a.data()[i] * b.data()[i];
      sum += sizes ? std::abs(product) : product;
    }
    return sum;
  }

  /// Forward mode does not use the rules of operations other than element-wise ones, and is exact.
  void check_forward(const List& direction, double analytic) {
    const NoGrad pause;
    double forward = 0;
    try {
      forward = along(direction);
    } catch (const TangentError&) {
      return;  // somewhere inside f works on plain numbers only
    }
    double size = std::abs(forward);
    for (std::size_t k = 0; k < inputs_.size(); ++k) size += inner(direction[k], gradients_[k], true);
    if (!(std::abs(analytic - forward) <= options_.forward * size))
      report_worst(&GradientChecker::along, &GradientChecker::forward_excess, "forward mode gives ");
  }
  /// The weighed output's derivative along `direction`, by forward mode.
  double along(const List& direction) const {
    if constexpr (Forward::exists) {
      const Tensor<double> tangent = forward_(inputs_, direction);
      return inner(weights_, tangent);
    } else {
      return 0;
    }
  }
  double forward_excess(double analytic, double forward) const {
    return std::abs(analytic - forward) / (1e-300 + (std::max)(std::abs(analytic), std::abs(forward)));
  }

  void differentiate() {
    std::vector<Parameter<Number>> parameters;
    Tape tape;
    List tracked;
    for (const Tensor<double>& input : inputs_) {
      parameters.emplace_back(input);
      tracked.push_back(parameters.back().to_tensor());
    }
    const Tensor<double> output = f_(tracked);
    weights_ = Tensor<double>::randn(output.shape(), generator_);
    // What depends on no input has gradients of 0, which differences then confirm or not.
    if (output.link().node != nullptr) tape.backward(output, weights_, BackwardOptions(), where_);
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
      for (Index i = 0; i < inputs_[k].size(); ++i) {
        above[k].writable_numbers()[i] += options_.epsilon * direction[k].data()[i];
        below[k].writable_numbers()[i] -= options_.epsilon * direction[k].data()[i];
      }
    }
    const Tensor<double> high = f_(above), low = f_(below);
    double change = 0;
    for (Index i = 0; i < high.size(); ++i) change += weights_.data()[i] * (high.data()[i] - low.data()[i]);
    return change / (2 * options_.epsilon);
  }

  /// How many times what is allowed the two are apart; NaN when one of them is.
  double excess(double analytic, double numeric) const {
    return std::abs(analytic - numeric) /
           (options_.absolute + options_.relative * (std::max)(std::abs(analytic), std::abs(numeric)));
  }

  [[noreturn]] void report_worst(Numeric measure = &GradientChecker::difference,
                                 Excess apart = &GradientChecker::excess,
                                 const char* says = "differences give ") const {
    double worst = -1, analytic = 0, numeric = 0;
    std::size_t input = 0;
    Index element = 0;
    List direction;
    for (const Tensor<double>& each : inputs_) direction.push_back(Tensor<double>::zeros(each.shape()));
    for (std::size_t k = 0; k < inputs_.size(); ++k)
      for (Index i = 0; i < inputs_[k].size(); ++i) {
        direction[k].writable_numbers()[i] = 1;
        const double rule = gradients_[k].data()[i], measured = (this->*measure)(direction);
        direction[k].writable_numbers()[i] = 0;
        const double here = (this->*apart)(rule, measured);
        if (here <= worst) continue;
        worst = here, analytic = rule, numeric = measured, input = k, element = i;
        if (std::isnan(here)) k = inputs_.size() - 1, i = inputs_[k].size();  // nothing is worse
      }
    fail<GradientError>(
        "gradcheck: the gradient of (", operations_, ") is wrong: input ", input, " of shape ", inputs_[input].shape(),
        ", element ", element_position(element, inputs_[input].shape()), ": the rules give ", analytic, ", ", says,
        numeric, ": look at the rule for that input, or, where the function has a kink, move away from it", where_);
  }

  const F& f_;
  Forward forward_;
  List inputs_;
  GradcheckOptions options_;
  Location where_;
  Generator generator_{15};
  Tensor<double> weights_;
  List gradients_;
  std::string operations_;
};

/// f of `count` tensors as a function of a list of them.
template <std::size_t count, class F>
struct OfList {
  const F& f;
  template <class T>
  Tensor<T> operator()(const std::vector<Tensor<T>>& list) const {
    return [&]<std::size_t... k>(std::index_sequence<k...>) -> Tensor<T> {
      return f(list[k]...);
    }(std::make_index_sequence<count>());
  }
};
template <class F, class... X>
void gradcheck_of(const F& f, const GradcheckOptions& options, const Location& where, const X&... x) {
  const std::vector<Tensor<Delayed<double, F>>> constants{Tensor<double>(x.to_tensor()).detach()...};
  const OfList<sizeof...(X), F> of_list{f};
  if constexpr (std::is_invocable_v<const F&,
                                    decltype(static_cast<void>(x), std::declval<const Tensor<Dual<double>>&>())...>)
    GradientChecker<OfList<sizeof...(X), F>, ForwardMode<OfList<sizeof...(X), F>>>(of_list, constants, options, where,
                                                                                   {of_list})
        .run();
  else
    GradientChecker<OfList<sizeof...(X), F>>(of_list, constants, options, where).run();
}

/// Checks the gradient of `f` at x against central differences and, where f takes tensors of any number type, against
/// forward mode to 1e-12. For users' own operations too. Throws GradientError naming the recorded operations, and the
/// input and element that are furthest off with both values. f may take one, two or three tensors of doubles, ...
template <class F, ConvertsToTensor<double> X>
void gradcheck(const F& f, const X& x, const GradcheckOptions& options = {}, Location where = Location::current()) {
  gradcheck_of(f, options, where, x);
}
template <class F, ConvertsToTensor<double> X, ConvertsToTensor<double> Y>
void gradcheck(const F& f, const X& x, const Y& y, const GradcheckOptions& options = {},
               Location where = Location::current()) {
  gradcheck_of(f, options, where, x, y);
}
template <class F, ConvertsToTensor<double> X, ConvertsToTensor<double> Y, ConvertsToTensor<double> Z>
void gradcheck(const F& f, const X& x, const Y& y, const Z& z, const GradcheckOptions& options = {},
               Location where = Location::current()) {
  gradcheck_of(f, options, where, x, y, z);
}
/// ... or a std::vector of them.
template <class F>
void gradcheck(const F& f, const std::vector<Tensor<double>>& inputs, const GradcheckOptions& options = {},
               Location where = Location::current()) {
  std::vector<Tensor<Delayed<double, F>>> constants;
  constants.reserve(inputs.size());
  for (const Tensor<double>& input : inputs) constants.push_back(input.detach());
  if constexpr (std::is_invocable_v<const F&, const std::vector<Tensor<Dual<double>>>&>)
    GradientChecker<F, ForwardMode<F>>(f, constants, options, where, {f}).run();
  else
    GradientChecker<F>(f, constants, options, where).run();
}

}}  // namespace eigengrad::EIGENGRAD_ABI
