#pragma once

#include <utility>

#include "../autograd/engine/node.hpp"
#include "../autograd/parameter.hpp"
#include "../core/tensor.hpp"
#include "line_search.hpp"
#include "optimizer.hpp"

// L-BFGS, for losses without noise, and why it stopped.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// How far a step goes: learning_rate times the direction, or as the strong Wolfe conditions want it.
enum class LineSearch { none, strong_wolfe };

/// Why a call of LBFGS's step ended. Only the first two mean that it has converged.
enum class StopReason {
  gradient_tolerance,  // no element of the gradient is larger
  change_tolerance,    // no parameter, or the loss, changed by more, or a step promised no more
  no_progress,         // rounding hides what further steps could gain
  line_search_failed,  // no lower point downhill, although there should be: is the gradient that of the loss?
  iteration_limit,
  evaluation_limit,
  no_step  // none was to be taken: step was not called, threw, or the learning rate is 0
};
/// The reason in words, to print.
constexpr const char* to_string(StopReason reason) {
  switch (reason) {
    case StopReason::gradient_tolerance:
      return "the gradient is within its tolerance";
    case StopReason::change_tolerance:
      return "the changes are within their tolerance";
    case StopReason::no_progress:
      return "no further progress in floating point";
    case StopReason::line_search_failed:
      return "the line search found no lower point";
    case StopReason::iteration_limit:
      return "max_iterations was reached";
    case StopReason::evaluation_limit:
      return "max_evaluations was reached";
    case StopReason::no_step:
      break;
  }
  return "no step was taken";
}

/// Settings of LBFGS; an end at either tolerance counts as converged.
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
class LBFGS : public Optimizer<T, 0, LBFGS<T>> {
 public:
  using Options = LBFGSOptions<T>;

  template <HasParameters M>
  explicit LBFGS(const M&, Options = {}) = delete;  // of a model: LBFGS(model.parameters())
  explicit LBFGS(std::vector<ParameterRef<T>> parameters, Options options = {})
      : Optimizer<T, 0, LBFGS>("LBFGS", std::move(parameters), options.learning_rate), options_(options) {
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
  /// zeroed before. Returns the first loss; stop_reason() says why it ended. When it throws, parameters are back at the
  /// best point found. Throws ValueError for a loss or gradient that is not finite, GradientError when no parameter has
  /// a gradient.
  template <class Closure>
  T step(Closure&& closure, Location where = Location::current()) {
    ++this->steps_;
    stop_reason_ = StopReason::no_step;
    read_parameters();
    ReturnOnError guard{this};
    LinePoint<T> here = evaluate(closure, where);
    require<ValueError>(std::isfinite(here.loss) && std::isfinite(largest(here.gradient)), not_finite, where);
    const T first_loss = static_cast<T>(here.loss);
    const Index last_evaluation = evaluations_ + options_.max_evaluations - 1;
    lowest_gradient_ = largest(here.gradient);
    idle_ = 0;
    bool goes_on = this->learning_rate_ > 0;
    StopReason reason = StopReason::no_step;
    if (lowest_gradient_ <= options_.gradient_tolerance) {
      reason = StopReason::gradient_tolerance;
      goes_on = false;
    }
    for (Index i = 0; goes_on; ++i) {
      if (i == options_.max_iterations || evaluations_ >= last_evaluation) {
        reason = i == options_.max_iterations ? StopReason::iteration_limit : StopReason::evaluation_limit;
        break;
      }
      goes_on = iterate(closure, here, reason, where);
    }
    stop_reason_ = reason;
    guard.optimizer = nullptr;
    return first_loss;
  }

  /// Why the last call of step ended.
  StopReason stop_reason() const { return stop_reason_; }
  /// Whether it ended at one of the tolerances.
  bool converged() const {
    return stop_reason_ == StopReason::gradient_tolerance || stop_reason_ == StopReason::change_tolerance;
  }
  /// How many times the parameters have been moved, and the closure called, since the beginning.
  Index iterations() const { return iterations_; }
  Index evaluations() const { return evaluations_; }

  void settings(OptimizerState& state) {
    state("max_iterations", options_.max_iterations);
    state("max_evaluations", options_.max_evaluations);
    state("history_size", options_.history_size);
    state("line_search", options_.line_search);
    state("gradient_tolerance", options_.gradient_tolerance);
    state("change_tolerance", options_.change_tolerance);
    state("iterations", iterations_);
    state("evaluations", evaluations_);
    // What is remembered, the oldest first: [pairs, 2, parameters], steps and what they changed in the gradient.
    const Index size = place_.size();
    Tensor<T> history = Tensor<T>::empty({static_cast<Index>(pairs_.size()), 2, size});
    T* to = kernel_access(history).writable_numbers();
    for (const Pair& pair : pairs_)
      to = std::copy_n(kernel_access(pair.change).numbers(), size,
                       std::copy_n(kernel_access(pair.step).numbers(), size, to));
    state.rows("history", history, {2, size});
    if (!state.loads()) return;
    pairs_.clear();
    const T* from = kernel_access(history).numbers();
    for (Index i = 0; i < history.shape()[0]; ++i, from += 2 * size) {
      Pair pair{Tensor<T>::from({from, static_cast<std::size_t>(size)}, {size}),
                Tensor<T>::from({from + size, static_cast<std::size_t>(size)}, {size}), 0};
      pair.curvature = dot(pair.step, pair.change);
      pairs_.push_back(std::move(pair));
    }
    weights_.resize(pairs_.size());
  }

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

  static constexpr int most_idle = 3;  // steps that neither lower the loss nor bring a smaller gradient

  /// One step from `here`, whose place is place_, to the next; false, and the reason, when that was the last one.
  template <class Closure>
  bool iterate(Closure& closure, LinePoint<T>& here, StopReason& reason, Location where) {
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
    if (pairs_.empty()) step *= (std::min)(1.0, 1 / here.gradient.array().template cast<double>().abs().sum());
    if (!(here.slope <= -tolerance)) {
      reason = tolerance > 0 && here.slope < 0 ? StopReason::change_tolerance : StopReason::no_progress;
      return false;
    }
    // Below this a step moves no parameter.
    const double spacing = std::numeric_limits<T>::epsilon() * largest(place_);

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
    LinePoint<T> next =
        searches ? strong_wolfe(at, here, step, {.narrowest = (std::max)(tolerance, spacing) / longest}) : at(step);
    require<ValueError>(all_finite || (searches && next.step > 0), not_finite, where);
    if (next.step == 0) {  // no lower point in this direction: try straight downhill
      write_parameters(0);
      // What is remembered tells better than the gradient alone how much could be gained.
      const bool again = !std::exchange(pairs_, {}).empty();
      if (promises_nothing(here, step)) reason = StopReason::no_progress;
      if (!again && reason != StopReason::no_progress) reason = StopReason::line_search_failed;
      return again;
    }
    ++iterations_;
    write_parameters(next.step);
    const bool moved = remember(here, next);
    const double gradient = largest(next.gradient), change = std::abs(next.loss - here.loss);
    const bool gains = next.loss < here.loss || gradient < lowest_gradient_ || !searches;
    lowest_gradient_ = (std::min)(lowest_gradient_, gradient);
    idle_ = gains ? 0 : idle_ + 1;
    here = std::move(next);
    if (gradient <= options_.gradient_tolerance)
      reason = StopReason::gradient_tolerance;
    else if (tolerance > 0 && (here.step * longest <= tolerance || change < tolerance))
      reason = StopReason::change_tolerance;
    else if (!moved || idle_ == most_idle)
      reason = StopReason::no_progress;
    else
      reason = StopReason::no_step;
    return reason == StopReason::no_step;
  }
  /// Whether what the slope promises for a step is lost in the rounding of the loss.
  static bool promises_nothing(const LinePoint<T>& here, double step) {
    return -here.slope * step <= 8 * std::numeric_limits<T>::epsilon() * std::abs(here.loss);
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
  /// beyond rounding, keeps H positive definite. Whether any parameter has moved.
  bool remember(const LinePoint<T>& from, const LinePoint<T>& to) {
    Pair pair{place_, to.gradient, 0};
    read_parameters();
    pair.step.mutable_array() = place_.array() - pair.step.array();
    pair.change.mutable_array() -= from.gradient.array();
    pair.curvature = dot(pair.step, pair.change);
    const bool moved = largest(pair.step) > 0;
    if (!(pair.curvature > -std::numeric_limits<T>::epsilon() * to.step * from.slope)) return moved;
    if (static_cast<Index>(pairs_.size()) >= options_.history_size) pairs_.erase(pairs_.begin());
    pairs_.push_back(std::move(pair));
    weights_.resize(pairs_.size());
    return moved;
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
    T* to = kernel_access(point.gradient).writable_numbers();
    bool any = false;
    for (const auto& parameter : this->parameters()) {
      const Slot<T>& slot = parameter.state().gradient;
      if (slot.filled) std::copy_n(kernel_access(slot.value).numbers(), parameter.size(), to);
      any = any || slot.filled;
      to += parameter.size();
    }
    if (!any) require_no_copy_reached("LBFGS", this->parameters());
    require<GradientError>(any,
                           "LBFGS: after the closure no parameter has a gradient: let it compute the loss while a "
                           "Tape lives and call tape.backward(loss) before it returns the loss",
                           where);
    return point;
  }

  void read_parameters() {
    T* to = kernel_access(place_).writable_numbers();
    for (const auto& parameter : this->parameters())
      to = std::copy_n(kernel_access(parameter.value()).numbers(), parameter.size(), to);
  }
  /// Moves the parameters to place_ + step * direction_.
  void write_parameters(double step) {
    const T *x = kernel_access(place_).numbers(), *d = kernel_access(direction_).numbers(), t = static_cast<T>(step);
    for (const auto& parameter : this->parameters()) {
      ParameterState<T>& state = parameter.state();
      T* w = kernel_access(state.value).writable_numbers();
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
  double lowest_gradient_ = 0;
  int idle_ = 0;  // steps in a row that gained nothing
  StopReason stop_reason_ = StopReason::no_step;
};

// So that the mistake is told, whose way out stands beside the constructor.
template <HasParameters M, class... Options>
LBFGS(const M&, const Options&...) -> LBFGS<typename M::Element>;

// Compiled: class LBFGS<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
