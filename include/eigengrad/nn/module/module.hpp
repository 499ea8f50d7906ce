#pragma once

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "../../autograd/engine/node.hpp"
#include "../../autograd/parameter.hpp"
#include "../../core/any_tensor.hpp"
#include "../../core/state_check.hpp"
#include "../../core/tensor.hpp"
#include "class_name.hpp"
#include "members.hpp"
#include "state_dict.hpp"

// The base of layers and models: derive from it, override forward(x) and members(m), call it as model(x).
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// While it lives, layers say of their records and errors that they come from this line; from the one before, if it is
/// not known.
class CallFrom {
 public:
  explicit CallFrom(const Location& where) : state_(thread_state()), before_(state_.caller) {
    if (where.line != 0) state_.caller = where;
  }
  CallFrom(const CallFrom&) = delete;
  ~CallFrom() { state_.caller = before_; }

 private:
  ThreadState& state_;
  Location before_;
};
/// The line from which the program called the module that runs: what layers give as their operations' location.
inline const Location& calling_line() { return thread_state().caller; }

template <class T>
class ModeGuard;

/// How an activation behaves, for who looks at it at work (`diagnose`); NaN for what it does not do.
struct ActivationTraits {
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();

  double lower_limit = none;  // it saturates: outputs near a limit come from where the function is nearly flat
  double upper_limit = none;
  double dead_output = none;  // what a unit gives where it passes no gradient: a ReLU's 0

  bool saturates() const { return lower_limit < upper_limit; }
  bool can_die() const { return dead_output == dead_output; }
};

/// A part of a network: parameters, buffers and inner modules, named in `members`. No registry is kept, so modules can
/// be copied (parameters too), moved and stored like any value. One that makes a tensor of a tensor overrides `forward`
/// (a Layer must); one of another signature has an operator() of its own, which does its work in `called_from`.
template <class T>
class Module {
 public:
  using Element = T;
  using Member = typename Members<T>::Member;

  virtual ~Module() {
    if (watched_) [[unlikely]]
      tell_end();
  }
  /// What the module computes; call it as model(x). Throws ValueError unless it is overridden.
  EIGENGRAD_COLD virtual Tensor<T> forward(const Tensor<T>& x) {
    fail<ValueError>("forward: ", kind(), " (", class_name(*this), ") is given a tensor ", x.shape(),
                     " and has no forward(x): override it, as eg::Layer<T> demands, or call what it has instead",
                     calling_line());
  }
  /// Names parameters, buffers and inner modules: m("weight", weight).
  virtual void members(Members<T>& /*members*/) {}

  /// Prints kind().
  template <class Stream>
    requires requires(Stream& stream, const std::string& text) { stream << text; }
  friend Stream& operator<<(Stream& stream, const Module& module) {
    stream << module.kind();
    return stream;
  }

  /// forward(x). Records of layers name the line of the call, errors the modules that they came through.
  Tensor<T> operator()(const Tensor<T>& x, Location where = Location::current()) {
    return called_from(where, [&] { return forward(x); });
  }

  /// What an optimizer takes, in the order of `members`; a parameter that has two names appears once.
  EIGENGRAD_OUTLINE std::vector<ParameterRef<T>> parameters() const {
    std::vector<ParameterRef<T>> result;
    visit_const(
        [](void* to, const Member& member) {
          auto& list = *static_cast<std::vector<ParameterRef<T>>*>(to);
          if (member.parameter == nullptr) return;
          for (const ParameterRef<T>& other : list)
            if (other.same_as(*member.parameter)) return;
          list.push_back(*member.parameter);
        },
        &result);
    return result;
  }
  /// The same with names; a parameter that has two appears under its first.
  std::vector<std::pair<std::string, ParameterRef<T>>> named_parameters() const {
    std::vector<std::pair<std::string, ParameterRef<T>>> result;
    visit_const(
        [](void* to, const Member& member) {
          auto& list = *static_cast<std::vector<std::pair<std::string, ParameterRef<T>>>*>(to);
          if (member.parameter == nullptr) return;
          for (const auto& other : list)
            if (other.second.same_as(*member.parameter)) return;
          list.emplace_back(member.name, *member.parameter);
        },
        &result);
    return result;
  }
  /// This module and all modules inside, the outer ones first.
  std::vector<Module*> modules() { return modules_as<Module>(); }
  std::vector<const Module*> modules() const { return const_cast<Module*>(this)->template modules_as<const Module>(); }
  /// Gives every parameter its name, to be shown where a tape is printed or drawn.
  void name_parameters() const {
    for (auto& [name, parameter] : named_parameters()) parameter.set_name(name);
  }
  /// How many numbers are trained.
  Index parameter_count() const {
    Index count = 0;
    for (const auto& parameter : parameters()) count += parameter.size();
    return count;
  }
  /// Forgets all gradients.
  void zero_grad() const {
    for (const auto& parameter : parameters()) parameter.zero_grad();
  }

  /// All parameters and buffers by name, in the order of `members`. Throws ValueError for two of one name.
  StateDict<T> state_dict() const {
    StateDict<T> result;
    visit_const(
        [](void* to, const Member& member) {
          auto& state = *static_cast<StateDict<T>*>(to);
          if (member.parameter != nullptr) state.add(member.name, member.parameter->value());
          if (member.buffer) state.add(member.name, AnyTensor::duplicate_of(member.buffer));
        },
        &result);
    return result;
  }
  /// Sets every parameter and buffer, and says what was missing and unexpected. Throws ShapeError listing all that is
  /// of another shape or number type and, unless {.strict = false}, missing or unknown; then nothing is changed.
  LoadResult load_state_dict(const NamedTensors& state, LoadOptions options = {},
                             Location where = Location::current()) {
    struct Load {
      StateCheck<Delayed<void, T>> comparison;
      std::vector<const AnyTensor*> tensors = {};
      std::size_t next = 0;
    } load{{state, "load_state_dict", "module"}};
    visit(
        [](void* to, const Member& member) {
          Load& all = *static_cast<Load*>(to);
          if (member.module != nullptr) return;
          all.tensors.push_back(
              member.parameter != nullptr
                  ? all.comparison.template expect<T>(member.name, member.parameter->shape())
                  : all.comparison.expect(member.name, *member.buffer.operations, &member.buffer.shape()));
        },
        &load);
    LoadResult result = load.comparison.finish(options, where);
    visit(
        [](void* to, const Member& member) {
          Load& all = *static_cast<Load*>(to);
          if (member.module != nullptr) return;
          const AnyTensor* tensor = all.tensors[all.next++];
          if (tensor == nullptr) return;
          if (member.parameter != nullptr)
            member.parameter->set_value(tensor->as<T>());
          else
            member.buffer.operations->duplicate(member.buffer.tensor, tensor->place().tensor);
        },
        &load);
    return result;
  }
  /// load_state_dict({{"weight", {{1, 2}}}, {"bias", {0}}})
  LoadResult load_state_dict(std::initializer_list<NamedTensor<T>> state, LoadOptions options = {},
                             Location where = Location::current()) {
    return load_state_dict(StateDict<T>(state), options, where);
  }

  /// Training mode (the default) or evaluation mode, here and in all inner modules; dropout minds it.
  void train(bool on = true) {
    visit(
        [](void* mode, const Member& member) {
          const bool training = *static_cast<bool*>(mode);
          if (member.module == nullptr || member.module->training_ == training) return;
          forbid_in_replay(training ? "train" : "eval", "choose the mode before the step");
          member.module->training_ = training;
        },
        &on, false);
  }
  void eval() { train(false); }
  bool is_training() const {
    tell_plan();
    depends_on(this, training_);
    return training_;
  }

  /// A name to print: "Linear", "Tanh", ...
  virtual std::string kind() const { return "Module"; }
  /// How weights in front of this module should be drawn, to suit it; Sequential passes it on.
  virtual WeightInitializer<T> preferred_initializer() const { return {}; }
  /// Draws weights that nobody has set yet anew.
  virtual void reinitialize(const WeightInitializer<T>& /*initializer*/) {}
  /// What `diagnose` should look for in what forward gives: nothing, unless it is an activation that says so.
  virtual ActivationTraits activation_traits() const { return {}; }

  /// Names the module inside from which the error came; whoever runs this one will name it.
  EIGENGRAD_COLD void came_through(Error& error) {
    visit(
        [](void* to, const Member& member) {
          Error& passing = *static_cast<Error*>(to);
          if (member.module == nullptr || member.module != passing.came_out_of || member.name.empty()) return;
          passing.came_out_of = nullptr;  // under its first name
          passing.add_place({member.name, 0, member.name.size() - 1}, member.module->kind());
        },
        &error);
    error.came_out_of = this;
  }

 protected:
  Module() = default;
  Module(const Module& other) : training_(other.training_) {}
  Module(Module&& other) noexcept : training_(other.training_) { other.tell_change(); }
  Module& operator=(const Module& other) noexcept {
    training_ = other.training_;
    tell_change();
    return *this;
  }
  Module& operator=(Module&& other) noexcept {
    other.tell_change();
    return *this = other;
  }

  /// What operator() of any signature does its work in: records name the line `where`, errors the modules that they
  /// came through, and a compiled step knows that it depends on this one.
  template <class Work>
  EIGENGRAD_INLINE auto called_from(const Location& where, const Work& work) -> decltype(work()) {
    tell_plan();
    const CallFrom line(where);
    try {
      return work();
    } catch (Error& error) {
      came_through(error);
      throw;
    }
  }

  /// Lets a compiled step that is being recorded know that it depends on this module: on what it is made of, and on its
  /// buffers, which are written on replay where the step writes them.
  EIGENGRAD_INLINE void tell_plan() const {
    if (listening_plan() != nullptr) [[unlikely]]
      tell_listening_plan();
  }
  /// Lets compiled steps know that what this module is made of is another now.
  void tell_change() const noexcept {
    if (watched_) [[unlikely]]
      outside_changed();
  }

 private:
  friend ModeGuard<T>;

  EIGENGRAD_COLD void visit(typename Members<T>::Visit each, void* context, bool named = true) {
    Members<T>(each, context, named).visit(*this);
  }

  /// For what only looks; who holds a ParameterRef may change its numbers, the module stays as it is.
  EIGENGRAD_COLD void visit_const(typename Members<T>::Visit each, void* context, bool named = true) const {
    const_cast<Module*>(this)->visit(each, context, named);
  }

  template <class Found>
  std::vector<Found*> modules_as() {
    std::vector<Found*> result;
    visit(
        [](void* to, const Member& member) {
          if (member.module != nullptr) static_cast<std::vector<Found*>*>(to)->push_back(member.module);
        },
        &result);
    return result;
  }

  EIGENGRAD_COLD void tell_listening_plan() const {
    ReplayPlan& plan = *listening_plan();
    watched_ = true;
    if (!plan.knows(this)) plan.reads_module({this, &Module::visit_buffers});
  }
  static void visit_buffers(const void* module, void (*each)(void* to, const TensorPlace& buffer), void* to) {
    std::pair told{each, to};
    static_cast<const Module*>(module)->visit_const(
        [](void* context, const Member& member) {
          const auto& [tell, listener] = *static_cast<std::pair<void (*)(void*, const TensorPlace&), void*>*>(context);
          if (member.buffer) tell(listener, member.buffer);
        },
        &told, false);
  }
  EIGENGRAD_COLD void tell_end() const noexcept {
    if (ReplayPlan* plan = listening_plan()) plan->forget(this);
    outside_changed();
  }

  bool training_ = true;
  mutable bool watched_ = false;  // a compiled step depends on it
};

// Compiled: class Module<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
