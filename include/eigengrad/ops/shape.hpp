#pragma once

#include "../autograd/engine/compute.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../kernels/permuted.hpp"
#include "axes.hpp"

// Other views of the same numbers. Nothing is copied but by transpose, permute and broadcast_to.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The shape a tensor is to get. One size may be -1: whatever is left.
class NewShape {
 public:
  NewShape(const Shape& shape) : known_(shape) {}
  NewShape(std::initializer_list<Index> sizes) {
    for (const Index size : sizes) {
      if (size == -1 && open_ < 0) {
        open_ = known_.rank();
        known_.push_back(1);
      } else {
        require<ShapeError>(
            size >= 0, "reshape: the size ", size, " on axis ", known_.rank(),
            size == -1 ? ": only one size can be left open by -1" : ": give a size, or -1 for what is left");
        known_.push_back(size);
      }
    }
  }
  /// The full shape for the elements of `from`; throws ShapeError when they do not fill it.
  Shape resolve(const Shape& from, const Location& where) const {
    Shape result = known_;
    const Index rest = known_.size();
    if (open_ >= 0 && rest > 0 && from.size() % rest == 0) result.set(open_, from.size() / rest);
    require<ShapeError>(result.size() == from.size() && (open_ < 0 || rest > 0), "reshape: the ", from.size(),
                        " elements of shape ", from, " do not fit shape ", *this,
                        ": the sizes must multiply to as many", where);
    return result;
  }

  friend void append(std::string& text, const NewShape& shape) {
    text += '[';
    for (Index axis = 0; axis < shape.known_.rank(); ++axis) {
      if (axis > 0) text += ", ";
      append(text, axis == shape.open_ ? Index{-1} : shape.known_[axis]);
    }
    text += ']';
  }

 private:
  Shape known_;
  Index open_ = -1;  // the axis of size -1
};

/// The same numbers in another shape, without a copy: reshape(x, {-1, 3}). Gradient: reshaped back.
/// Throws ShapeError when the number of elements differs.
template <Expression X>
Tensor<typename X::Element> reshape(const X& x, const NewShape& shape, Location where = Location::current()) {
  using T = typename X::Element;
  const Tensor<T>& t = x.to_tensor();
  const Shape result_shape = shape.resolve(t.shape(), where);
  if (result_shape == t.shape()) return Tensor<T>(t);
  return record({"reshape", where}, kernel_access(t).alias(result_shape),
                with_respect_to(
                    t, [back = t.shape()](const auto& dy) { return reshape(dy, back); },
                    [result_shape](const auto& again) { return reshape(again, result_shape); }));
}

/// The axes from `from_axis` on as one: [2, 3, 4] -> [24], or from axis 1 [2, 12].
template <Expression X>
Tensor<typename X::Element> flatten(const X& x, Index from_axis = 0, Location where = Location::current()) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  const Shape& shape = t.shape();
  const Index first = shape.rank() == 0 && from_axis == 0 ? 0 : shape.checked_axis(from_axis, "flatten", where);
  Index rest = 1;
  for (Index axis = first; axis < shape.rank(); ++axis) rest *= shape[axis];
  Shape result(shape.begin(), shape.begin() + first);
  result.push_back(rest);
  return reshape(t, result, where);
}

/// Without its axes of size 1, or without the named one: [1, 3] -> [3]. Throws ShapeError when that has another size.
template <Expression X>
Tensor<typename X::Element> squeeze(const X& x, const Axes& axes = {}, Location where = Location::current()) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  bool named[Shape::max_rank] = {};
  for (int k = 0; k < axes.count; ++k) {
    const Index axis = t.shape().checked_axis(axes.axes[k], "squeeze", where);
    require<ShapeError>(t.shape()[axis] == 1, "squeeze: axis ", axis, " of shape ", t.shape(),
                        " has not size 1: select one position of it, or reshape", where);
    named[axis] = true;
  }
  Shape result;
  for (Index axis = 0; axis < t.rank(); ++axis)
    if (axes.count == 0 ? t.shape()[axis] != 1 : !named[axis]) result.push_back(t.shape()[axis]);
  return reshape(t, result, where);
}

/// With a new axis of size 1 before `axis`, which may be -1 for the end: [3] -> [1, 3] or [3, 1].
template <Expression X>
Tensor<typename X::Element> unsqueeze(const X& x, Index axis, Location where = Location::current()) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  const Index place = axis < 0 ? axis + t.rank() + 1 : axis;
  require<IndexError>(place >= 0 && place <= t.rank(), "unsqueeze: axis ", axis, " for shape ", t.shape(),
                      ": use one of ", -t.rank() - 1, " to ", t.rank(), where);
  Shape result(t.shape().begin(), t.shape().begin() + place);
  result.push_back(1);
  return reshape(t, result + Shape(t.shape().begin() + place, t.shape().end()), where);
}

/// The axes in another order: axis k of the result is axis axes[k] of x. Gradient: permuted back.
/// Throws ShapeError unless every axis is named once.
template <Expression X>
Tensor<typename X::Element> permute(const X& x, const Axes& axes, Location where = Location::current()) {
  using T = typename X::Element;
  const Tensor<T>& t = x.to_tensor();
  require<ShapeError>(axes.count == t.rank(), "permute: ", axes.count, " axes named for shape ", t.shape(),
                      ", which has ", t.rank(), ": name each once", where);
  Axes order = axes, back = axes;
  Index seen = 0;
  bool in_place = true;
  for (int k = 0; k < axes.count; ++k) {
    const Index axis = t.shape().checked_axis(axes.axes[k], "permute", where);
    order.axes[k] = axis;
    back.axes[axis] = k;
    seen |= Index{1} << axis;
    in_place = in_place && axis == k;
  }
  require<ShapeError>(seen == (Index{1} << t.rank()) - 1, "permute: an axis of shape ", t.shape(),
                      " is named twice: name each once", where);
  if (in_place) return Tensor<T>(t);
  Shape shape;
  for (int k = 0; k < axes.count; ++k) shape.push_back(t.shape()[order.axes[k]]);
  const auto run = [permuted = PermutedCopy<T>(t.shape(), order.axes)](T* to, const Tensor<T>& from) {
    if (from.size() > 0) permuted.copy(kernel_access(from).numbers(), to);
  };
  return compute<T>({"permute", where}, shape, run,
                    with_respect_to(
                        t, [back](const auto& dy) { return permute(dy, back); },
                        [order](const auto& again) { return permute(again, order); }));
}

/// The same by NumPy's name: transpose(x, {2, 0, 1}).
template <Expression X>
Tensor<typename X::Element> transpose(const X& x, const Axes& axes, Location where = Location::current()) {
  return permute(x, axes, where);
}
/// Two axes exchanged: [2, 3, 4] with axes 0 and 2 -> [4, 3, 2].
template <Expression X>
Tensor<typename X::Element> transpose(const X& x, Index first, Index second, Location where = Location::current()) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  Axes axes;
  axes.count = static_cast<int>(t.rank());
  for (Index axis = 0; axis < t.rank(); ++axis) axes.axes[axis] = axis;
  std::swap(axes.axes[t.shape().checked_axis(first, "transpose", where)],
            axes.axes[t.shape().checked_axis(second, "transpose", where)]);
  return permute(t, axes, where);
}
/// The last two axes exchanged: of a matrix, its transpose. Throws ShapeError for fewer than two axes.
template <Expression X>
Tensor<typename X::Element> transpose(const X& x, Location where = Location::current()) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  require<ShapeError>(t.rank() >= 2, "transpose: shape ", t.shape(),
                      " has fewer than two axes: make a matrix of it by reshape or unsqueeze", where);
  return transpose(t, -2, -1, where);
}

/// Stretched to a larger shape by NumPy's rules: [3, 1] -> [2, 3, 4]. Gradient: summed back.
/// Throws ShapeError when x does not broadcast to it.
template <Expression X>
Tensor<typename X::Element> broadcast_to(const X& x, const Shape& shape, Location where = Location::current()) {
  using T = typename X::Element;
  const Tensor<T>& t = x.to_tensor();
  bool fits = t.rank() <= shape.rank();
  for (Index axis = 1; fits && axis <= t.rank(); ++axis) {
    const Index size = t.shape()[t.rank() - axis];
    fits = size == 1 || size == shape[shape.rank() - axis];
  }
  require<ShapeError>(fits, "broadcast_to: shape ", t.shape(), " does not stretch to ", shape,
                      ": counted from the last, each axis must have the same size or size 1", where);
  if (t.shape() == shape) return Tensor<T>(t);
  return record({"broadcast_to", where}, expand(t, shape), with_respect_to(t, [](const auto& dy) { return dy; }));
}

// Compiled on X: Tensor<T> reshape(const X&, const NewShape&, Location)
// Compiled on X: Tensor<T> flatten(const X&, Index, Location)
// Compiled on X: Tensor<T> squeeze(const X&, const Axes&, Location)
// Compiled on X: Tensor<T> unsqueeze(const X&, Index, Location)
// Compiled on X: Tensor<T> permute(const X&, const Axes&, Location)
// Compiled on X: Tensor<T> transpose(const X&, Index, Index, Location)
// Compiled on X: Tensor<T> transpose(const X&, Location)
// Compiled on X: Tensor<T> broadcast_to(const X&, const Shape&, Location)
// Compiled once: Tensor<std::int64_t> reshape(const Tensor<std::int64_t>&, const NewShape&, Location)
}}  // namespace eigengrad::EIGENGRAD_ABI
