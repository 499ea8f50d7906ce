#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "../../autograd/engine/node.hpp"
#include "../../autograd/parameter.hpp"
#include "../../autograd/tape.hpp"
#include "../../core/tensor.hpp"
#include "../../ops/sum.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
class Module;
template <class T>
class ModeGuard;

/// Is told what a module is made of; handed to Module::members, which names each parameter, buffer and inner module:
///   void members(eg::Members<float>& m) override { m("first", first); m("second", second); }
template <class T>
class Members {
 public:
  /// One of them; two of the three pointers are null. A module comes before its members.
  struct Member {
    const std::string& name;
    ParameterRef<T>* parameter;
    Tensor<T>* buffer;
    Module<T>* module;
  };
  using Visit = void (*)(void* context, const Member& member);

  /// `named` false: names are not put together, which takes memory, and come empty.
  Members(Visit each, void* context, bool named = true) : visit_(each), context_(context), named_(named) {}

  void operator()(std::string_view name, ParameterRef<T>& parameter) { tell(name, &parameter, nullptr); }
  /// A tensor that belongs to the state but is not trained.
  void operator()(std::string_view name, Tensor<T>& buffer) { tell(name, nullptr, &buffer); }
  EIGENGRAD_COLD void operator()(std::string_view name, Module<T>& module) {
    if (!named_) return visit(module);
    const std::size_t outside = prefix_.size();
    prefix_ += name;
    prefix_ += '.';
    visit(module);
    prefix_.resize(outside);
  }
  /// Throws ValueError for a module that lies inside itself.
  EIGENGRAD_COLD void visit(Module<T>& module) {
    for (const Path* outer = path_; outer != nullptr; outer = outer->outside)
      require<ValueError>(outer->module != &module, "members: ", module.kind(), " '", prefix_,
                          "' is named inside itself: name only what a module is made of, not what it belongs to");
    const Path here{&module, path_};
    path_ = &here;
    visit_(context_, {prefix_, nullptr, nullptr, &module});
    module.members(*this);
    path_ = here.outside;
  }

 private:
  struct Path {
    const Module<T>* module;
    const Path* outside;
  };
  EIGENGRAD_COLD void tell(std::string_view name, ParameterRef<T>* parameter, Tensor<T>* buffer) {
    const std::size_t outside = prefix_.size();
    if (named_) prefix_ += name;
    visit_(context_, {prefix_, parameter, buffer, nullptr});
    prefix_.resize(outside);
  }

  Visit visit_;
  void* context_;
  bool named_;
  std::string prefix_;
  const Path* path_ = nullptr;  // the modules that are being visited, the innermost first
};

/// A module's parameters and buffers by name, as in PyTorch: "0.weight", "0.bias", ...
template <class T>
using StateDict = std::map<std::string, Tensor<T>>;

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

/// A part of a network: parameters and a forward function. Derive from it, override `forward`, and name the members in
/// `members`; no registry is kept, so modules can be copied (parameters too), moved and stored like any value.
template <class T>
class Module {
 public:
  using Element = T;
  using Member = typename Members<T>::Member;

  virtual ~Module() {
    if (watched_) [[unlikely]]
      tell_end();
  }
  virtual Tensor<T> forward(const Tensor<T>& x) = 0;
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
    tell_plan();
    const CallFrom line(where);
    try {
      return forward(x);
    } catch (Error& error) {
      came_through(error);
      throw;
    }
  }

  /// What an optimizer takes, in the order of `members`; a parameter that has two names appears once.
  EIGENGRAD_OUTLINE std::vector<ParameterRef<T>> parameters() {
    std::vector<ParameterRef<T>> result;
    visit(
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
  std::vector<std::pair<std::string, ParameterRef<T>>> named_parameters() {
    std::vector<std::pair<std::string, ParameterRef<T>>> result;
    visit(
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
  std::vector<Module*> modules() {
    std::vector<Module*> result;
    visit(
        [](void* to, const Member& member) {
          if (member.module != nullptr) static_cast<std::vector<Module*>*>(to)->push_back(member.module);
        },
        &result);
    return result;
  }
  /// Gives every parameter its name, to be shown where a tape is printed or drawn.
  void name_parameters() {
    for (auto& [name, parameter] : named_parameters()) parameter.set_name(name);
  }
  Index parameter_count() {
    Index count = 0;
    for (const auto& parameter : parameters()) count += parameter.size();
    return count;
  }
  void zero_grad() {
    for (const auto& parameter : parameters()) parameter.zero_grad();
  }

  StateDict<T> state_dict() {
    StateDict<T> result;
    visit(
        [](void* to, const Member& member) {
          auto& state = *static_cast<StateDict<T>*>(to);
          if (member.parameter != nullptr) state.emplace(member.name, member.parameter->value());
          if (member.buffer != nullptr) state.emplace(member.name, *member.buffer);
        },
        &result);
    return result;
  }
  /// Sets every parameter and buffer. Throws ShapeError listing all that is missing, unknown or of another shape, and
  /// then changes nothing.
  void load_state_dict(const StateDict<T>& state, Location where = Location::current()) {
    struct Load {
      const StateDict<T>& state;
      std::string faults = {};
      std::set<std::string, std::less<>> names = {};
    } load{state};
    visit(
        [](void* to, const Member& member) {
          Load& all = *static_cast<Load*>(to);
          if (member.module != nullptr) return;
          all.names.insert(member.name);
          const Shape& shape = member.parameter != nullptr ? member.parameter->shape() : member.buffer->shape();
          const auto entry = all.state.find(member.name);
          if (entry == all.state.end())
            append(all.faults, to_text("\n  ", member.name, " is missing"));
          else if (!(entry->second.shape() == shape))
            append(all.faults,
                   to_text("\n  ", member.name, " is ", entry->second.shape(), ", the module's is ", shape));
        },
        &load);
    for (const auto& [name, tensor] : state)
      if (!load.names.contains(name)) append(load.faults, to_text("\n  ", name, " is not in the module"));
    require<ShapeError>(load.faults.empty(), "load_state_dict: the state does not fit this module:", load.faults,
                        where);
    visit(
        [](void* to, const Member& member) {
          const StateDict<T>& from = static_cast<Load*>(to)->state;
          if (member.parameter != nullptr) member.parameter->set_value(from.at(member.name));
          if (member.buffer != nullptr) *member.buffer = from.at(member.name).unrecorded();
        },
        &load);
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

  EIGENGRAD_COLD void tell_listening_plan() const {
    ReplayPlan& plan = *listening_plan();
    watched_ = true;
    if (!plan.knows(this)) plan.reads_module({this, number_type_in_text<T>(), &Module::visit_buffers});
  }
  static void visit_buffers(const void* module, void (*each)(void* to, void* buffer), void* to) {
    std::pair told{each, to};
    const_cast<Module*>(static_cast<const Module*>(module))
        ->visit(
            [](void* context, const Member& member) {
              const auto& [tell, listener] = *static_cast<std::pair<void (*)(void*, void*), void*>*>(context);
              if (member.buffer != nullptr) tell(listener, member.buffer);
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

}}  // namespace eigengrad::EIGENGRAD_ABI
