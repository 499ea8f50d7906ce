#pragma once

#include "../core/state_check.hpp"

// What an optimizer's settings are told to.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Is told what an optimizer keeps besides a few tensors for each parameter, to save it, to check a state and to load
/// it:
///   void settings(OptimizerState& state) { state("momentum", options_.momentum); }
class OptimizerState {
 public:
  enum class Does { save, check, load };
  OptimizerState(Does what, void* context) : does_(what), context_(context) {}

  /// A number, a bool or an enumerator, under its name.
  template <class X>
    requires(std::is_arithmetic_v<X> || std::is_enum_v<X>)
  void operator()(const std::string& name, X& kept) {
    using Stored = std::conditional_t<std::is_floating_point_v<X> || std::is_same_v<X, bool>, X, std::int64_t>;
    Tensor<Stored> number = Tensor<Stored>::full({}, static_cast<Stored>(kept));
    (*this)(name, number, Shape());
    kept = static_cast<X>(kernel_access(number).numbers()[0]);
  }
  /// A tensor of that shape.
  template <class T>
  void operator()(const std::string& name, Tensor<T>& kept, const Shape& shape) {
    if (does_ == Does::check)
      check_of<T>().expect(name, TensorOperationsOf<T>::table, &shape);
    else
      keep(name, kept);
  }
  /// Any number of rows, each of that shape.
  template <class T>
  void rows(const std::string& name, Tensor<T>& kept, const Shape& row) {
    if (does_ != Does::check) return keep(name, kept);
    const AnyTensor* tensor = check_of<T>().expect(name, TensorOperationsOf<T>::table, nullptr);
    if (tensor != nullptr && (tensor->rank() == 0 || !(tensor->shape().without(0) == row)))
      check_of<T>().fault(name, " is ", tensor->shape(), ", where rows of ", row, " are needed");
  }
  bool loads() const { return does_ == Does::load; }

 private:
  template <class T>
  StateCheck<Delayed<void, T>>& check_of() {
    return *static_cast<StateCheck<Delayed<void, T>>*>(context_);
  }
  template <class T>
  void keep(const std::string& name, Tensor<T>& kept) {
    auto& state = *static_cast<BasicNamedTensors<Delayed<void, T>>*>(context_);
    if (does_ == Does::save)
      state.add(name, kept);
    else if (state.contains(name))
      kept =
          Tensor<T>::from(kernel_access(state.template at<T>(name)).number_span(), state.template at<T>(name).shape());
  }

  Does does_;
  void* context_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
