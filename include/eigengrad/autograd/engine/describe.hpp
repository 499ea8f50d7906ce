#pragma once

#include <cmath>
#include <vector>

#include "../../core/dual.hpp"
#include "../../core/tensor.hpp"

// How a record says what it is: in a few flat steps, which text, pictures, profiles and the search for NaN are made of
// (autograd/inspect/labels.hpp). Nothing here runs unless somebody asks.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What can be asked of numbers whose type is no longer known.
struct NumberType {
  double (*read)(const void* numbers, Index i);
  Index (*first_not_finite)(const void* numbers, Index size);  // -1 where all are finite
  std::size_t bytes;
};

template <class X>
double plain_number(const X& x) {
  if constexpr (is_dual<X>)
    return plain_number(x.value);
  else
    return static_cast<double>(x);
}
template <class X>
bool all_finite(const X& x) {
  if constexpr (is_dual<X>)
    return all_finite(x.value) && all_finite(x.tangent);
  else if constexpr (std::is_floating_point_v<X>)
    return std::isfinite(x);
  else
    return true;
}
template <class T>
struct NumberTypeOf {
  EIGENGRAD_COLD static double read(const void* numbers, Index i) {
    return plain_number(static_cast<const T*>(numbers)[i]);
  }
  EIGENGRAD_OUTLINE static Index first_not_finite(const void* numbers, Index size) {
    const T* x = static_cast<const T*>(numbers);
    for (Index i = 0; i < size; ++i)
      if (!all_finite(x[i])) return i;
    return -1;
  }
  static constexpr NumberType type{&read, &first_not_finite, sizeof(T)};
};

/// Numbers of any type, not owned; none where `type` is null.
struct AnyNumbers {
  const NumberType* type = nullptr;
  const void* data = nullptr;
  Index size = 0;
  const Shape* shape = nullptr;  // null for a plain number

  template <class T>
  static AnyNumbers of(const Tensor<T>& tensor) {
    return {&NumberTypeOf<T>::type, kernel_access(tensor).numbers(), tensor.size(), &tensor.shape()};
  }
  template <class T>
  static AnyNumbers of_number(const T& number) {
    return {&NumberTypeOf<T>::type, &number, 1, nullptr};
  }
  double operator[](Index i) const { return type->read(data, i); }
  Index first_not_finite() const { return type == nullptr ? -1 : type->first_not_finite(data, size); }
};

class Node;

/// One step of what a record computes: an operand, or an operation on the `arity` results before it.
struct Step {
  const char* operation = nullptr;  // null for an operand
  int arity = 0;
  const Node* input = nullptr;   // the operand's record; null for a constant
  AnyNumbers numbers = {};       // the operand's, where they are kept
  const void* buffer = nullptr;  // tells one constant from another
};

/// A record's steps, operands before the operation that takes them.
class Steps {
 public:
  /// Called for each step; a program that never asks need not compile how they are kept.
  using Add = void (*)(Steps& steps, const Step& step);
  explicit Steps(Add add) : add_(add) {}

  EIGENGRAD_COLD void operand(const Node* input, const AnyNumbers& numbers = {}) {
    append({nullptr, 0, input, numbers, numbers.data});
  }
  EIGENGRAD_COLD void operation(const char* name, int arity) { append({name, arity}); }
  int count() const { return count_; }

  std::vector<Step> list;

 private:
  void append(const Step& step) {
    ++count_;
    add_(*this, step);
  }
  Add add_;
  int count_ = 0;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
