#pragma once

#include <vector>

#include "../autograd/engine/node.hpp"
#include "../autograd/inspect/labels.hpp"
#include "../autograd/parameter.hpp"
#include "../core/state_check.hpp"
#include "../core/tensor.hpp"
#include "../core/threads.hpp"
#include "../simd/math.hpp"
#include "optimizer_state.hpp"

// What every optimizer has, the base for your own, and the gradients' norm.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A model, in place of its parameters.
template <class M>
concept HasParameters = requires(M& model) { model.named_parameters(); };

/// Throws GradientError for a parameter whose gradient went to a copy of it.
template <class T>
void require_no_copy_reached(const char* operation, const std::vector<ParameterRef<T>>& parameters) {
  for (const auto& parameter : parameters)
    if (parameter.state().lineage.has_copies()) parameter.require_all_here(operation);
}

/// The first parameter whose gradient has a NaN or an infinity; -1 for none.
template <class T>
Index first_not_finite_gradient(const std::vector<ParameterRef<T>>& parameters) {
  constexpr T largest = (std::numeric_limits<T>::max)();
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    if (!parameters[k].has_grad()) continue;
    bool finite = true;
    for (const T g : kernel_access(parameters[k].state().gradient.value).number_span())
      finite = finite & (g <= largest) & (g >= -largest);
    if (!finite) return static_cast<Index>(k);
  }
  return -1;
}
/// Throws ValueError for that parameter; `where` is what was going on, `name` the parameter's.
template <class T>
[[noreturn]] EIGENGRAD_COLD void refuse_gradient(const std::string& where, const ParameterRef<T>& parameter,
                                                 const std::string& name) {
  const Tensor<T>& gradient = parameter.state().gradient.value;
  const Index place = AnyNumbers::of(gradient).first_not_finite();
  fail<ValueError>(where, ": the gradient of parameter ", name, " of shape ", gradient.shape(), " is ",
                   static_cast<double>(kernel_access(gradient).numbers()[place]), " at element ",
                   element_position(place, gradient.shape()),
                   "; the weights are those before: lower the learning rate, clip the gradient, or find where it comes "
                   "from by Tape tape({.detect_anomaly = true})");
}

/// What every optimizer has: parameters it keeps alive, `states` tensors of state for each, a learning rate. A derived
/// one names itself as `Derived` and is its formula: take_step() calls update with a function of (w, g, state...),
/// lanes of one parameter's numbers; settings(state) names what else belongs to its state. Throws ValueError for no
/// parameters, the same one twice, or settings outside their range.
template <class T, int states, class Derived>
class Optimizer {
 public:
  /// Moves every parameter that has a gradient. Throws GradientError, and changes nothing, where it would learn
  /// nothing.
  void step() { derived().take_step(); }
  /// The same with gradients made elsewhere, in the order of the parameters. Throws ShapeError, and changes nothing,
  /// unless there is one of its shape for each.
  EIGENGRAD_OUTLINE void step(const std::vector<Tensor<T>>& gradients, Location where = Location::current()) {
    require<ShapeError>(gradients.size() == parameters_.size(), name_, ": step: ", gradients.size(), " gradients for ",
                        parameters_.size(), " parameters: give one for each", where);
    for (std::size_t i = 0; i < gradients.size(); ++i)
      require<ShapeError>(gradients[i].shape() == parameters_[i].shape(), name_, ": step: gradient ", i, " is ",
                          gradients[i].shape(), ", ", parameters_[i], " is ", parameters_[i].shape(),
                          ": give gradients in the order of parameters()", where);
    for (std::size_t i = 0; i < gradients.size(); ++i) parameters_[i].set_grad(gradients[i], where);
    step();
  }

  /// All that is needed to go on with the same bits: the learning rate, settings, counters, and each parameter's
  /// tensors as "state.0.exp_avg", the number being the parameter's place.
  BasicNamedTensors<Delayed<void, T>> state_dict() const {
    BasicNamedTensors<Delayed<void, T>> result;
    const_cast<Optimizer*>(this)->tell(OptimizerState(OptimizerState::Does::save, &result));
    return result;
  }
  /// Takes it up. Throws ShapeError listing all that is of another shape or number type and, unless {.strict = false},
  /// missing or unknown; then nothing is changed.
  LoadResult load_state_dict(const BasicNamedTensors<Delayed<void, T>>& state, LoadOptions options = {},
                             Location where = Location::current()) {
    StateCheck<Delayed<void, T>> comparison(state, "load_state_dict", name_);
    tell(OptimizerState(OptimizerState::Does::check, &comparison));
    if (const auto rate = state.find("learning_rate"); rate != state.end() && rate->tensor.template holds<T>())
      for (const T number : rate->tensor.template as<T>())
        if (!(number >= 0 && number <= (std::numeric_limits<T>::max)()))
          comparison.fault("learning_rate is ", number, ", negative or not finite");
    LoadResult result = comparison.finish(options, where);
    tell(OptimizerState(OptimizerState::Does::load, const_cast<BasicNamedTensors<Delayed<void, T>>*>(&state)));
    return result;
  }

  /// Forgets the gradients; their buffers are written over by the next ones.
  void zero_grad() {
    for (const auto& parameter : parameters_) parameter.zero_grad();
  }
  T learning_rate() const { return learning_rate_; }
  void set_learning_rate(T rate) {
    require<ValueError>(rate >= 0 && rate <= (std::numeric_limits<T>::max)(), "optimizer: the learning rate ", rate,
                        " is negative or not finite");
    learning_rate_ = rate;
  }
  /// Lets step() throw ValueError, and change nothing, when a gradient has a NaN or an infinity, which would spoil the
  /// weights. It costs a pass over the gradients; fit looks in any case.
  void refuse_nonfinite(bool on = true) { refuses_nonfinite_ = on; }
  const std::vector<ParameterRef<T>>& parameters() const { return parameters_; }
  /// How many steps have been taken.
  Index steps() const { return steps_; }

 protected:
  /// `state_names` are those of the tensors that it keeps for each parameter.
  EIGENGRAD_OUTLINE Optimizer(const char* name, std::vector<ParameterRef<T>> parameters, T learning_rate,
                              std::initializer_list<const char*> state_names = {})
      : name_(name), parameters_(std::move(parameters)), kept_(parameters_.size()) {
    std::copy_n(state_names.begin(), (std::min)(state_names.size(), static_cast<std::size_t>(states)), state_names_);
    take_parameters(learning_rate);
  }
  EIGENGRAD_COLD void take_parameters(T learning_rate) {
    const char* const name = name_;
    require<ValueError>(!parameters_.empty(), name, ": there are no parameters to optimize: pass model.parameters()");
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j)
        require<ValueError>(!parameters_[i].same_as(parameters_[j]), name, ": parameters ", j, " and ", i,
                            " are the same one: list it once");
      for (int s = 0; s < states; ++s) kept_[i].state[s] = Tensor<T>::zeros(parameters_[i].shape());
      ParameterState<T>& state = parameters_[i].state();
      kept_[i].had_owner = state.has_owner.load(std::memory_order_relaxed);
      state.is_optimized.store(true, std::memory_order_relaxed);
    }
    set_learning_rate(learning_rate);
  }

  /// Runs rule(w, g, state...) on every parameter that has a gradient, in place; w and the state are written back.
  /// Of the state it may take less than there is.
  template <int used = states, class Rule>
  void update(const Rule& rule) {
    update_with<used>([&](Index) -> const Rule& { return rule; });
  }
  /// The same with the rule rule_at(t) for a parameter's t-th update: one that had no gradient yet starts late.
  template <int used = states, class RuleAt>
  void update_with(const RuleAt& rule_at) {
    forbid_in_replay("optimizer.step", "a step that is replayed does not run it: call it after the step");
    check_before_step();
    ++steps_;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      ParameterState<T>& parameter = parameters_[i].state();
      if (!parameter.gradient.filled) continue;
      parameter.fresh = false;
      update_one(rule_at(++kept_[i].updates), parameter, kept_[i].state, std::make_index_sequence<extent(used)>());
    }
  }

  /// What must hold before a step; when it throws nothing has changed. One pass over the parameters, as it stands on
  /// the path of every step.
  void check_before_step() const {
    bool all = true;
    for (const auto& parameter : parameters_)
      all = all && parameter.has_grad() && !parameter.state().lineage.has_copies();
    if (!all) [[unlikely]]
      require_reached();
    if (refuses_nonfinite_) [[unlikely]]
      require_finite();
  }
  EIGENGRAD_COLD void require_finite() const {
    const Index place = first_not_finite_gradient(parameters_);
    if (place < 0) return;
    const ParameterRef<T>& parameter = parameters_[static_cast<std::size_t>(place)];
    refuse_gradient(to_text(name_, ": step"), parameter,
                    parameter.name().empty() ? to_text("number ", place) : parameter.name());
  }
  /// Throws GradientError when the parameters without a gradient are not those that the program trains: it would go on
  /// without learning.
  EIGENGRAD_COLD void require_reached() const {
    bool any = false, ever = false, trainable = false;
    for (const auto& parameter : parameters_) {
      any = any || parameter.has_grad();
      ever = ever || parameter.state().was_reached();
      trainable = trainable || parameter.requires_grad();
    }
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const ParameterState<T>& state = parameters_[i].state();
      const bool gone = kept_[i].had_owner && !state.has_owner.load(std::memory_order_relaxed) &&
                        (!any || state.references.load(std::memory_order_relaxed) == 1);
      require<GradientError>(state.gradient.filled || !gone, name_, ": step: ", parameters_[i], " (number ", i,
                             ") belongs to no model any more: the model, or a layer of it, was assigned anew or has "
                             "ended after this optimizer was made: make the optimizer again, from its parameters()");
    }
    for (const auto& parameter : parameters_)
      if (!any || parameter.state().lineage.copy_lost()) parameter.require_all_here(name_);
    if (any) return;
    require<GradientError>(
        ever, name_, ": step: none of the ", parameters_.size(), " parameters has ever received a gradient: ",
        trainable ? "compute the loss from these parameters while a Tape lives and call "
                    "tape.backward(loss) before step()"
                  : "requires_grad is false for all of them, they are frozen: set_requires_grad(true) "
                    "for those to be trained");
  }

  static T in_range(const char* what, T value, T low, T high) {
    require<ValueError>(value >= low && value <= high, "optimizer: ", what, " = ", value, " is not in [", low, ", ",
                        high, "]");
    return value;
  }

  T learning_rate_{};
  Index steps_ = 0;

  /// What belongs to the state besides the learning rate, the counters and each parameter's tensors.
  void settings(OptimizerState& /*state*/) {}

 private:
  Derived& derived() { return static_cast<Derived&>(*this); }
  EIGENGRAD_COLD void tell(OptimizerState state) {
    state("learning_rate", learning_rate_);
    state("steps", steps_);
    derived().settings(state);
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const std::string place = to_text("state.", i, ".");
      state(place + "step", kept_[i].updates);
      for (int s = 0; s < states; ++s)
        state(place + (state_names_[s] != nullptr ? state_names_[s] : to_text("tensor_", s)), kept_[i].state[s],
              parameters_[i].shape());
    }
  }
  template <class Rule, std::size_t... s>
  void update_one(const Rule& rule, ParameterState<T>& parameter, [[maybe_unused]] Tensor<T>* kept,
                  std::index_sequence<s...>) {
    constexpr Index width = lane_width<T>;
    using L = lane_t<T>;
    T* w = kernel_access(parameter.value).writable_numbers();
    // Memory of our own can be worked on to the end of its last lane.
    const bool padded = kernel_access(parameter.gradient.value).padded() && kernel_access(parameter.value).padded();
    const Index size = parameter.value.size(),
                whole = padded ? (size + width - 1) / width * width : size - size % width;
    const T* g = kernel_access(parameter.gradient.value).numbers();
    [[maybe_unused]] T* const state[sizeof...(s) + 1] = {kernel_access(kept[s]).writable_numbers()..., nullptr};
    const auto run = [=](Index begin, Index end) EIGENGRAD_FLATTEN_LAMBDA {
      // Copies, which no number written can change.
      const Rule formula = rule;
      T* const weights = w;
      [[maybe_unused]] T* const slots_of[sizeof...(s) + 1] = {state[s]..., nullptr};
      const T* const gradient = g;
      for (Index at = begin; at < end; at += width) {
        L weight = lane::load(weights + at), lanes[sizeof...(s) + 1] = {lane::load(slots_of[s] + at)..., L(0)};
        formula(weight, lane::load(gradient + at), lanes[s]...);
        lane::store<T>(weights + at, weight);
        (lane::store<T>(slots_of[s] + at, lanes[s]), ...);
      }
    };
    if constexpr (has_threads) {
      constexpr Index large = (Index{1} << 17) / (1 + Index{sizeof...(s)}), least = large / 8;
      whole >= large ? parallel_ranges(whole, 64 * width, least, run) : run(0, whole);
    } else {
      run(0, whole);
    }
    if (const Index rest = size - whole; rest > 0) [[unlikely]] {
      L weight = lane::load(w + whole, rest), lanes[sizeof...(s) + 1] = {lane::load(state[s] + whole, rest)..., L(0)};
      rule(weight, lane::load(g + whole, rest), lanes[s]...);
      lane::store<T>(w + whole, weight, rest);
      (lane::store<T>(state[s] + whole, lanes[s], rest), ...);
    }
  }

  const char* name_;
  const char* state_names_[extent(states + 1)] = {};
  bool refuses_nonfinite_ = false;
  std::vector<ParameterRef<T>> parameters_;
  struct Kept {
    Tensor<T> state[extent(states + 1)];
    Index updates = 0;
    bool had_owner = true;  // when the optimizer was made
  };
  std::vector<Kept> kept_;  // of each parameter
};

/// The 2-norm of all gradients together; finite where it can be, although a square may not be. Throws GradientError
/// when there is none because copies of the parameters were differentiated instead.
template <class T>
double gradient_norm(const std::vector<ParameterRef<T>>& parameters) {
  forbid_in_replay("gradient_norm", "there are no gradients yet: ask, or clip, after the step");
  require_no_copy_reached("gradient_norm", parameters);
  const auto sum_over = [&](const auto& term) {
    double total = 0;
    for (const auto& parameter : parameters)
      if (parameter.has_grad())
        for (const T g : kernel_access(parameter.state().gradient.value).number_span())
          term(total, static_cast<double>(g));
    return total;
  };
  const double sum = sum_over([](double& total, double g) { total += g * g; });
  if (std::isnan(sum) || (sum > 1e-280 && std::isfinite(sum))) return std::sqrt(sum);
  const double unit = sum_over([](double& largest, double g) { largest = (std::max)(largest, std::abs(g)); });
  if (unit == 0 || std::isinf(unit)) return unit;
  return unit * std::sqrt(sum_over([unit](double& total, double g) { total += (g / unit) * (g / unit); }));
}

/// Scales all gradients so that their common norm is at most `largest`; returns the norm they had. Throws ValueError,
/// and changes nothing, when it is infinite or NaN. Pascanu, Mikolov, Bengio: On the difficulty of training RNNs, 2013.
template <class T>
double clip_gradient_norm(const std::vector<ParameterRef<T>>& parameters, double largest,
                          Location where = Location::current()) {
  require<ValueError>(largest >= 0, "clip_gradient_norm: the largest norm ", largest, " is negative or NaN", where);
  const double norm = gradient_norm(parameters);
  require<ValueError>(std::isfinite(norm), "clip_gradient_norm: the gradients' norm is ", norm,
                      ": a gradient is infinite or NaN; lower the learning rate or look at the loss", where);
  if (norm > largest)
    for (const auto& parameter : parameters)
      if (parameter.has_grad()) {
        Tensor<T>& gradient = parameter.state().gradient.value;
        T* g = kernel_access(gradient).writable_numbers();
        for (Index i = 0; i < gradient.size(); ++i) g[i] = static_cast<T>(static_cast<double>(g[i]) * (largest / norm));
      }
  return norm;
}

// Compiled: double clip_gradient_norm(const std::vector<ParameterRef<T>>&, double, Location)
}}  // namespace eigengrad::EIGENGRAD_ABI
