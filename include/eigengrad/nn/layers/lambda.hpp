#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "../../core/tensor.hpp"
#include "../../ops/shape.hpp"
#include "../module/layer.hpp"

// Layers that are a function, or a view, of what they are given.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Whether an F makes a tensor, or a formula of tensors, of a tensor.
template <class F, class T>
concept TensorFunction =
    std::is_copy_constructible_v<F> && requires(F& function, const Tensor<T>& x) { Tensor<T>(function(x)); };

/// A function as a layer: Lambda<float>([](const auto& x) { return sin(x); }). It is copied with the layer. Parameters
/// in it are trained, but not found by `parameters()`: give those to a module of your own.
template <class T>
class Lambda : public Layer<T> {
 public:
  template <class F>
    requires(!std::is_base_of_v<Module<T>, F> && TensorFunction<F, T>)
  EIGENGRAD_OUTLINE explicit Lambda(F function) : held_(new Kept<F>(std::move(function))) {}
  Lambda(const Lambda& other) : Layer<T>(other), held_(other.held_->copy()) {}
  Lambda(Lambda&& other) noexcept = default;
  Lambda& operator=(const Lambda& other) {
    held_.reset(other.held_->copy());
    Layer<T>::operator=(other);
    return *this;
  }
  Lambda& operator=(Lambda&& other) noexcept = default;

  Tensor<T> forward(const Tensor<T>& x) override { return held_->call(x); }
  std::string kind() const override { return "Lambda"; }

 private:
  struct Function {
    virtual ~Function() = default;
    virtual Tensor<T> call(const Tensor<T>& x) = 0;
    virtual Function* copy() const = 0;
  };
  template <class F>
  struct Kept final : Function {
    explicit Kept(F f) : function(std::move(f)) {}
    Tensor<T> call(const Tensor<T>& x) override {
      if constexpr (std::is_same_v<std::decay_t<decltype(function(x))>, Tensor<T>>)
        return function(x);
      else
        return Tensor<T>(function(x), calling_line());
    }
    Function* copy() const override { return new Kept(*this); }

    F function;
  };

  std::unique_ptr<Function> held_;
};

/// The way back from Flatten: one axis as several, [n, 12] with {3, 4} at axis 1 -> [n, 3, 4]. One size may be -1:
/// whatever is left. Throws ShapeError where the sizes do not multiply to the axis.
template <class T>
class Unflatten : public Layer<T> {
 public:
  Unflatten(Index axis, const NewShape& sizes) : axis_(axis), sizes_(sizes) {}
  Unflatten(Index axis, std::initializer_list<Index> sizes) : axis_(axis), sizes_(sizes) {}
  Tensor<T> forward(const Tensor<T>& x) override {
    const Shape& from = x.shape();
    const Index along = from.checked_axis(axis_, "Unflatten", calling_line());
    const Shape sizes = sizes_.resolve(Shape{from[along]}, calling_line());
    return reshape(x, Shape(from.begin(), from.begin() + along) + sizes + Shape(from.begin() + along + 1, from.end()),
                   calling_line());
  }
  std::string kind() const override { return "Unflatten"; }

 private:
  Index axis_;
  NewShape sizes_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
