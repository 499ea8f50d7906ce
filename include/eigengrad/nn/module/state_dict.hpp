#pragma once

#include "../../core/named_tensors.hpp"
#include "../../core/tensor.hpp"

// A module's state, by PyTorch's names.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A tensor and its name, in braces: {"0.bias", {1, 2}}.
template <class T>
struct NamedTensor {
  std::string_view name;
  Tensor<T> tensor;
};
/// A module's parameters and buffers by name, as in PyTorch: "0.weight", "0.bias", ... at(name) and [name] are tensors
/// of the module's T, at<U>(name) of another type.
template <class T>
class StateDict : public BasicNamedTensors<Delayed<void, T>> {
  using Base = BasicNamedTensors<Delayed<void, T>>;

 public:
  StateDict() = default;
  StateDict(std::initializer_list<NamedTensor<T>> tensors) {
    for (const NamedTensor<T>& each : tensors) this->add(each.name, each.tensor);
  }

  using Base::at;
  const Tensor<T>& at(std::string_view name) const { return Base::template at<T>(name); }
  Tensor<T>& at(std::string_view name) { return Base::template at<T>(name); }
  Tensor<T>& operator[](std::string_view name) {
    if (!this->contains(name)) this->add(name, Tensor<T>());
    return at(name);
  }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
