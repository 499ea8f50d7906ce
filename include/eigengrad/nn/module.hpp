#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "../autograd/parameter.hpp"
#include "../autograd/tape.hpp"
#include "../ops/sum.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

template <class T>
class Module;

/// Collects what a module is made of; handed to Module::members, which names each parameter, buffer and inner module:
///   void members(eg::Members<float>& m) override { m("first", first); m("second", second); }
template <class T>
class Members {
 public:
  void operator()(const std::string& name, ParameterRef<T>& parameter) {
    parameters.emplace_back(full(name), parameter);
  }
  /// A tensor that belongs to the state but is not trained.
  void operator()(const std::string& name, Tensor<T>& buffer) { buffers.emplace_back(full(name), &buffer); }
  void operator()(const std::string& name, Module<T>& module) {
    const std::string outside = std::exchange(prefix_, full(name) + ".");
    visit(module);
    prefix_ = outside;
  }
  void visit(Module<T>& module) {
    modules.push_back(&module);
    module.members(*this);
  }

  std::vector<std::pair<std::string, ParameterRef<T>>> parameters;
  std::vector<std::pair<std::string, Tensor<T>*>> buffers;
  std::vector<Module<T>*> modules;

 private:
  std::string full(const std::string& name) const { return prefix_ + name; }

  std::string prefix_;
};

/// A module's parameters and buffers by name, as in PyTorch: "0.weight", "0.bias", ...
template <class T>
using StateDict = std::map<std::string, Tensor<T>>;

/// What a module asks of the layer before it: how to draw weights that suit it. Null where anything will do.
template <class T>
struct WeightInitializer {
  Tensor<T> (*draw)(const Shape& shape, double gain, Generator& generator) = nullptr;
  double gain = 1;
};

/// A part of a network: parameters and a forward function. Derive from it, override `forward`, and name the members in
/// `members`; no registry is kept, so modules can be copied (parameters too), moved and stored like any value.
template <class T>
class Module {
 public:
  using Element = T;

  virtual ~Module() = default;
  virtual Tensor<T> forward(const Tensor<T>& x) = 0;
  virtual void members(Members<T>& /*members*/) {}

  Tensor<T> operator()(const Tensor<T>& x) { return forward(x); }

  /// What an optimizer takes, in the order of `members`.
  std::vector<ParameterRef<T>> parameters() {
    std::vector<ParameterRef<T>> result;
    for (auto& [name, parameter] : named_parameters()) result.push_back(parameter);
    return result;
  }
  /// The same with names; a parameter that has two appears once, under its first.
  std::vector<std::pair<std::string, ParameterRef<T>>> named_parameters() {
    std::vector<std::pair<std::string, ParameterRef<T>>> result;
    for (auto& entry : collect().parameters)
      if (std::none_of(result.begin(), result.end(),
                       [&](const auto& other) { return other.second.same_as(entry.second); }))
        result.push_back(entry);
    return result;
  }
  /// Gives every parameter its name, to be shown where a tape is printed or drawn.
  void name_parameters() {
    for (auto& [name, parameter] : named_parameters()) parameter.set_name(name);
  }
  Index parameter_count() {
    Index count = 0;
    for (auto& [name, parameter] : named_parameters()) count += parameter.size();
    return count;
  }
  void zero_grad() {
    for (auto& [name, parameter] : collect().parameters) parameter.zero_grad();
  }

  StateDict<T> state_dict() {
    StateDict<T> result;
    Members<T> all = collect();
    for (auto& [name, parameter] : all.parameters) result.emplace(name, parameter.value());
    for (auto& [name, buffer] : all.buffers) result.emplace(name, *buffer);
    return result;
  }
  /// Sets every parameter and buffer. Throws ShapeError listing all that is missing, unknown or of another shape, and
  /// then changes nothing.
  void load_state_dict(const StateDict<T>& state, Location where = Location::current()) {
    Members<T> all = collect();
    std::string faults;
    std::size_t known = 0;
    const auto check = [&](const std::string& name, const Shape& shape) {
      const auto entry = state.find(name);
      if (entry == state.end()) return append(faults, to_text("\n  ", name, " is missing"));
      ++known;
      if (!(entry->second.shape() == shape))
        append(faults, to_text("\n  ", name, " is ", entry->second.shape(), ", the module's is ", shape));
    };
    for (auto& [name, parameter] : all.parameters) check(name, parameter.shape());
    for (auto& [name, buffer] : all.buffers) check(name, buffer->shape());
    if (known < state.size())
      for (const auto& [name, tensor] : state) {
        bool mine = false;
        for (auto& entry : all.parameters) mine = mine || entry.first == name;
        for (auto& entry : all.buffers) mine = mine || entry.first == name;
        if (!mine) append(faults, to_text("\n  ", name, " is not in the module"));
      }
    require<ShapeError>(faults.empty(), "load_state_dict: the state does not fit this module:", faults, where);
    for (auto& [name, parameter] : all.parameters) parameter.set_value(state.at(name));
    for (auto& [name, buffer] : all.buffers) *buffer = state.at(name).unrecorded();
  }

  /// Training mode (the default) or evaluation mode, here and in all inner modules; dropout minds it.
  void train(bool on = true) {
    for (Module* module : collect().modules) module->training_ = on;
  }
  void eval() { train(false); }
  bool is_training() const { return training_; }

  /// A name to print: "Linear", "Tanh", ...
  virtual std::string kind() const { return "Module"; }
  /// How weights in front of this module should be drawn; Sequential passes it on.
  virtual WeightInitializer<T> preferred_initializer() const { return {}; }
  /// Draws weights that nobody has set yet anew.
  virtual void reinitialize(const WeightInitializer<T>& /*initializer*/) {}

 protected:
  Module() = default;
  Module(const Module&) = default;
  Module(Module&&) = default;
  Module& operator=(const Module&) = default;
  Module& operator=(Module&&) = default;

 private:
  Members<T> collect() {
    Members<T> result;
    result.visit(*this);
    return result;
  }

  bool training_ = true;
};

}  // namespace eigengrad::inline EIGENGRAD_ABI
