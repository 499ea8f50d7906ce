#pragma once

#include <utility>

#include "line_search.hpp"
#include "optimizer.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

enum class LineSearch { none, strong_wolfe };

template <class T>
struct LBFGSOptions {
  T learning_rate = T(1);     // the step that is tried first; without a line search the step that is taken
  Index max_iterations = 20;  // in one call of step
  Index max_evaluations = 0;  // of the closure in one call of step, after which no iteration begins; 0: 5/4 of them
  T gradient_tolerance = T(1e-7);                     // ends when no element of the gradient is larger ...
  T change_tolerance = T(1e-9);                       // ... or no parameter, or the loss, changes by more
  Index history_size = 100;                           // differences of steps and gradients that are remembered
  LineSearch line_search = LineSearch::strong_wolfe;  // PyTorch's default is none
};

/// Limited-memory BFGS: w = w - step H g, H the inverse Hessian as the last steps and gradients suggest it. For losses
/// without noise: all data in every call. Nocedal, Wright: Numerical Optimization, 2006, algorithms 7.4 and 7.5.
template <class T>
class LBFGS : public Optimizer<T, 0> {
 public:
  using Options = LBFGSOptions<T>;

  explicit LBFGS(std::vector<ParameterRef<T>> parameters, Options options = {})
      : Optimizer<T, 0>("LBFGS", std::move(parameters), options.learning_rate), options_(options) {
    constexpr T most = (std::numeric_limits<T>::max)();
    this->in_range("gradient_tolerance", options.gradient_tolerance, 0, most);
    this->in_range("change_tolerance", options.change_tolerance, 0, most);
    require<ValueError>(options.max_iterations >= 1 && options.history_size >= 1,
                        "LBFGS: max_iterations = ", options.max_iterations,
                        " and history_size = ", options.history_size, " must be at least 1");
    require<ValueError>(options.max_evaluations >= 0, "LBFGS: max_evaluations = ", options.max_evaluations,
                        " must be at least 1, or 0 for 5/4 of max_iterations");
    if (options.max_evaluations == 0) options_.max_evaluations = options.max_iterations * 5 / 4;
    Index size = 0;
    for (const auto& parameter : this->parameters()) size += parameter.size();
    place_ = Tensor<T>::empty({size});
    direction_ = Tensor<T>::empty({size});
  }

  /// Takes up to max_iterations steps. `closure()` records the loss, calls backward and returns the loss; gradients are
  /// zeroed before. Returns the first loss. When it throws, parameters are back at the best point found. Throws
  /// ValueError for a loss or gradient that is not finite, GradientError when no parameter has a gradient.
  template <class Closure>
  T step(Closure&& closure, Location where = Location::current()) {
    ++this->steps_;
    read_parameters();
    ReturnOnError guard{this};
    LinePoint<T> here = evaluate(closure, where);
    require<ValueError>(std::isfinite(here.loss) && std::isfinite(largest(here.gradient)), not_finite, where);
    const T first_loss = static_cast<T>(here.loss);
    const Index last_evaluation = evaluations_ + options_.max_evaluations - 1;
    converged_ = largest(here.gradient) <= options_.gradient_tolerance;
    if (this->learning_rate_ > 0)
      for (Index i = 0; i < options_.max_iterations && evaluations_ < last_evaluation && !converged_; ++i)
        converged_ = iterate(closure, here, where);
    guard.optimizer = nullptr;
    return first_loss;
  }

  /// Whether the last call of step ended at one of the tolerances, not at one of the limits.
  bool converged() const { return converged_; }
  /// How many times the parameters have been moved, and the closure called, since the beginning.
  Index iterations() const { return iterations_; }
  Index evaluations() const { return evaluations_; }

 private:
  static constexpr const char* not_finite =
      "LBFGS: the loss or its gradient is infinite or NaN, and shorter steps do not help: the parameters are back at "
      "the best point found; start elsewhere, scale the data, lower the learning rate or look at the loss";

  struct Pair {
    Tensor<T> step, change;  // of the parameters, of the gradient
    double curvature;        // their product
  };
  struct ReturnOnError {
    LBFGS* optimizer;
    ~ReturnOnError() {
      if (optimizer != nullptr) optimizer->write_parameters(0);
    }
  };

  /// One step from `here`, whose place is place_, to the next; whether that was the last one.
  template <class Closure>
  bool iterate(Closure& closure, LinePoint<T>& here, Location where) {
    find_direction(here.gradient);
    here.step = 0;
    here.slope = dot(here.gradient, direction_);
    if (!(here.slope < 0) && !pairs_.empty()) {  // what is remembered misleads
      pairs_.clear();
      find_direction(here.gradient);
      here.slope = dot(here.gradient, direction_);
    }
    const double tolerance = static_cast<double>(options_.change_tolerance), longest = largest(direction_);
    double step = static_cast<double>(this->learning_rate_);
    if (pairs_.empty()) step *= (std::min)(1.0, 1 / static_cast<double>(here.gradient.array().abs().sum()));
    if (!(here.slope <= -tolerance)) return true;

    bool all_finite = true;
    const auto at = [&](double t) {
      write_parameters(t);
      LinePoint<T> point = evaluate(closure, where);
      point.step = t;
      point.slope = dot(point.gradient, direction_);
      if (!std::isfinite(point.loss) || !std::isfinite(point.slope)) {
        point.loss = std::numeric_limits<double>::infinity();
        all_finite = false;
      }
      return point;
    };
    const bool searches = options_.line_search == LineSearch::strong_wolfe;
    LinePoint<T> next = searches ? strong_wolfe(at, here, step, {.narrowest = tolerance / longest}) : at(step);
    require<ValueError>(all_finite || (searches && next.step > 0), not_finite, where);
    if (next.step == 0) {  // no lower point in this direction: try straight downhill
      write_parameters(0);
      return std::exchange(pairs_, {}).empty();
    }
    ++iterations_;
    write_parameters(next.step);
    remember(here, next);
    const bool stays = next.step * longest <= tolerance || std::abs(next.loss - here.loss) < tolerance ||
                       largest(next.gradient) <= options_.gradient_tolerance;
    here = std::move(next);
    return stays;
  }

  /// direction_ = -H gradient, by the two loops of algorithm 7.4.
  void find_direction(const Tensor<T>& gradient) {
    auto direction = direction_.mutable_array();
    direction = -gradient.array();
    if (pairs_.empty()) return;
    for (std::size_t i = pairs_.size(); i-- > 0;) {
      const Pair& pair = pairs_[i];
      weights_[i] = dot(pair.step, direction_) / pair.curvature;
      direction -= static_cast<T>(weights_[i]) * pair.change.array();
    }
    direction *= static_cast<T>(pairs_.back().curvature / dot(pairs_.back().change, pairs_.back().change));
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      const Pair& pair = pairs_[i];
      const double weight = weights_[i] - dot(pair.change, direction_) / pair.curvature;
      direction += static_cast<T>(weight) * pair.step.array();
    }
  }

  /// Moves place_ to where the parameters are now, and keeps what was learned on the way: only a curvature above 0,
  /// beyond rounding, keeps H positive definite.
  void remember(const LinePoint<T>& from, const LinePoint<T>& to) {
    Pair pair{place_, to.gradient, 0};
    read_parameters();
    pair.step.mutable_array() = place_.array() - pair.step.array();
    pair.change.mutable_array() -= from.gradient.array();
    pair.curvature = dot(pair.step, pair.change);
    if (!(pair.curvature > -std::numeric_limits<T>::epsilon() * to.step * from.slope)) return;
    if (static_cast<Index>(pairs_.size()) == options_.history_size) pairs_.erase(pairs_.begin());
    pairs_.push_back(std::move(pair));
    weights_.resize(pairs_.size());
  }

  /// The loss and the gradient where the parameters are.
  template <class Closure>
  LinePoint<T> evaluate(Closure& closure, Location where) {
    this->zero_grad();
    ++evaluations_;
    LinePoint<T> point;
    if constexpr (std::is_arithmetic_v<std::decay_t<decltype(closure())>>)
      point.loss = static_cast<double>(closure());
    else
      point.loss = static_cast<double>(closure().to_tensor().item(where));
    point.gradient = Tensor<T>::zeros(place_.shape());
    T* to = point.gradient.writable_numbers();
    bool any = false;
    for (const auto& parameter : this->parameters()) {
      const Slot<T>& slot = parameter.state().gradient;
      if (slot.filled) std::copy_n(slot.value.numbers(), parameter.size(), to);
      any = any || slot.filled;
      to += parameter.size();
    }
    require<GradientError>(any,
                           "LBFGS: after the closure no parameter has a gradient: let it compute the loss while a "
                           "Tape lives and call tape.backward(loss) before it returns the loss",
                           where);
    return point;
  }

  void read_parameters() {
    T* to = place_.writable_numbers();
    for (const auto& parameter : this->parameters())
      to = std::copy_n(parameter.value().numbers(), parameter.size(), to);
  }
  /// Moves the parameters to place_ + step * direction_.
  void write_parameters(double step) {
    const T *x = place_.numbers(), *d = direction_.numbers(), t = static_cast<T>(step);
    for (const auto& parameter : this->parameters()) {
      ParameterState<T>& state = parameter.state();
      T* w = state.value.writable_numbers();
      for (Index i = 0; i < parameter.size(); ++i) w[i] = t == 0 ? x[i] : x[i] + t * d[i];
      state.fresh = false;
      x += parameter.size();
      d += parameter.size();
    }
  }

  static double dot(const Tensor<T>& a, const Tensor<T>& b) {
    return (a.array().template cast<double>() * b.array().template cast<double>()).sum();
  }
  /// The largest absolute value; NaN when one is.
  static double largest(const Tensor<T>& values) {
    T result(0);
    for (const T value : values) {
      if (std::isnan(value)) return static_cast<double>(value);
      result = (std::max)(result, std::abs(value));
    }
    return static_cast<double>(result);
  }

  Options options_;
  Tensor<T> place_, direction_;  // all parameters in a row: where the last step ended, where the next one goes
  std::vector<Pair> pairs_;      // oldest first
  std::vector<double> weights_;
  Index iterations_ = 0, evaluations_ = 0;
  bool converged_ = false;
};

}  // namespace eigengrad::inline EIGENGRAD_ABI
