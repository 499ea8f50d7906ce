#pragma once

#include <string>
#include <string_view>

#include "../../autograd/parameter.hpp"
#include "../../core/any_tensor.hpp"

// How a module names what it is made of.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
class Module;

/// Is told what a module is made of; handed to Module::members, which names each parameter, buffer and inner module:
///   void members(eg::Members<float>& m) override { m("first", first); m("second", second); }
template <class T>
class Members {
 public:
  /// One of them; the others are null. A module comes before its members.
  struct Member {
    const std::string& name;
    ParameterRef<T>* parameter;
    TensorPlace buffer;
    Module<T>* module;
  };
  using Visit = void (*)(void* context, const Member& member);

  /// `named` false: names are not put together, which takes memory, and come empty.
  Members(Visit each, void* context, bool named = true) : visit_(each), context_(context), named_(named) {}

  void operator()(std::string_view name, ParameterRef<T>& parameter) { tell(name, &parameter, {}); }
  /// A tensor, of any number type, that belongs to the state but is not trained.
  template <class U>
  void operator()(std::string_view name, Tensor<U>& buffer) {
    tell(name, nullptr, TensorPlace(buffer));
  }
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
    visit_(context_, {prefix_, nullptr, {}, &module});
    module.members(*this);
    path_ = here.outside;
  }

 private:
  struct Path {
    const Module<T>* module;
    const Path* outside;
  };
  EIGENGRAD_COLD void tell(std::string_view name, ParameterRef<T>* parameter, const TensorPlace& buffer) {
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

// Compiled: class Members<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
