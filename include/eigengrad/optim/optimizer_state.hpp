#pragma once

#include "../core/state_check.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Is told what an optimizer keeps besides a few tensors for each parameter, to save it and to load it:
///   void settings(OptimizerState& state) override { state("momentum", options_.momentum); }
class OptimizerState {
 public:
  enum class Does { save, check, load };
  OptimizerState(Does what, void* context) : does_(what), context_(context) {}

  /// A number, a bool, or a tensor of any shape, under its name.
  template <class X>
  void operator()(const std::string& name, X& kept) {
    if constexpr (std::is_enum_v<X> || (std::is_integral_v<X> && !std::is_same_v<X, bool>)) {
      auto number = static_cast<std::int64_t>(kept);
      one<std::int64_t>(name, number);
      kept = static_cast<X>(number);
    } else if constexpr (std::is_arithmetic_v<X>) {
      one<X>(name, kept);
    } else {
      tensor(name, kept, nullptr);
    }
  }
  /// A tensor of one shape.
  template <class T>
  void operator()(const std::string& name, Tensor<T>& kept, const Shape& shape) {
    tensor(name, kept, &shape);
  }
  bool loads() const { return does_ == Does::load; }

 private:
  template <class X>
  void one(const std::string& name, X& number) {
    Tensor<X> kept = Tensor<X>::full({}, number);
    (*this)(name, kept, Shape());
    number = kept.numbers()[0];
  }
  template <class T, class Lazy = void>
  void tensor(const std::string& name, Tensor<T>& kept, const Shape* shape) {
    using State = BasicNamedTensors<Delayed<void, T>>;
    if (does_ == Does::save) {
      static_cast<State*>(context_)->add(name, kept);
    } else if (does_ == Does::check) {
      static_cast<StateCheck<Delayed<void, T>>*>(context_)->expect(name, TensorOperationsOf<T>::table, shape);
    } else if (const State& state = *static_cast<const State*>(context_); state.contains(name)) {
      kept = Tensor<T>::from(state.template at<T>(name).number_span(), state.template at<T>(name).shape());
    }
  }

  Does does_;
  void* context_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
