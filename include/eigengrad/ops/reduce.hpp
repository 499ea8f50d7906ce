#pragma once

#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../kernels/extreme.hpp"
#include "groups.hpp"
#include "join.hpp"

// Extremes and their places, products, all and any, over axes.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The winners of each group of x and, where `place` is not null, their flat positions.
template <class Order, class T>
void find_winners(const Groups<T>& groups, const Tensor<T>& x, T* result, std::int64_t* place) {
  if (groups.size() == 0) return;
  winners<Order>(kernel_access(x).numbers(), groups.outer, groups.count, groups.inner, result, place);
  if (place == nullptr) return;
  for (Index o = 0; o < groups.outer; ++o)
    for (Index i = 0; i < groups.inner; ++i, ++place) *place = (o * groups.count + *place) * groups.inner + i;
}

/// The winners over axes, and the rule that sends dy to the first winner of each group.
template <class Order, class T>
Tensor<T> extreme(const char* name, const Tensor<T>& x, const Axes& axes, bool keepdims, const Location& where) {
  const Groups<T> groups(x, axes, keepdims, name, where);
  require<ShapeError>(!groups.empty(), name, ": shape ", x.shape(),
                      " leaves no element to choose from: check that it is not empty first", where);
  // Positions are only found for the gradient.
  const bool recorded = is_real<T> && records(name, groups.x);
  const Tensor<std::int64_t> places = Tensor<std::int64_t>::empty({recorded ? groups.size() : 0});
  const auto back = [places, shape = groups.x.shape()](const auto& dy) { return Scattered<T>{dy, places, shape}; };
  return compute<T>(
      {name, where}, groups.reduced.result,
      [=](T* to, const Tensor<T>& from, std::int64_t* place) { find_winners<Order>(groups, from, to, place); },
      with_respect_to(groups.x, back), extra_output(places));
}

/// The largest element over all or the named axes; NaN if there is one. Gradient: to the first that is largest.
/// Throws ShapeError where there is none to choose from.
template <Expression X>
Tensor<typename X::Element>(max)(const X& x, const Axes& axes = {}, bool keepdims = false,
                                 Location where = Location::current()) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  return extreme<Largest>("max", t, axes, keepdims, where);
}
/// The smallest element; as max.
template <Expression X>
Tensor<typename X::Element>(min)(const X& x, const Axes& axes = {}, bool keepdims = false,
                                 Location where = Location::current()) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  return extreme<Smallest>("min", t, axes, keepdims, where);
}

template <class Order, class T>
Tensor<std::int64_t> place_of_extreme(const char* name, const Tensor<T>& x, const Axes& axes, bool keepdims,
                                      const Location& where) {
  const Groups<T> groups(x, axes, keepdims, name, where);
  require<ShapeError>(!groups.empty(), name, ": shape ", x.shape(),
                      " leaves no element to choose from: check that it is not empty first", where);
  const Tensor<T> best = Tensor<T>::empty(groups.reduced.result);
  const auto find = [=](std::int64_t* to, const Tensor<T>& from, T* winner) {
    if (groups.size() > 0)
      winners<Order>(kernel_access(from).numbers(), groups.outer, groups.count, groups.inner, winner, to);
  };
  return compute_values<std::int64_t>(name, groups.reduced.result, find, groups.x, extra_output(best));
}

/// Where the largest element stands along an axis, the first of equals; NaN counts as largest. Not differentiable.
/// Throws ShapeError where there is none to choose from.
template <Expression X>
Tensor<std::int64_t> argmax(const X& x, Index axis, bool keepdims = false, Location where = Location::current()) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  return place_of_extreme<Largest>("argmax", t, axis, keepdims, where);
}
/// Its place in the flattened tensor.
template <Expression X>
Tensor<std::int64_t> argmax(const X& x, Location where = Location::current()) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  return place_of_extreme<Largest>("argmax", t, {}, false, where);
}
/// Where the smallest element stands along an axis; as argmax, NaN counts as smallest.
template <Expression X>
Tensor<std::int64_t> argmin(const X& x, Index axis, bool keepdims = false, Location where = Location::current()) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  return place_of_extreme<Smallest>("argmin", t, axis, keepdims, where);
}
template <Expression X>
Tensor<std::int64_t> argmin(const X& x, Location where = Location::current()) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  return place_of_extreme<Smallest>("argmin", t, {}, false, where);
}

/// dy times the product of all the others, for each element; without a division, so it is right beside zeros.
template <class T>
Tensor<T> product_of_others(const Groups<T>& groups, const T* dy) {
  Tensor<T> result = Tensor<T>::empty(groups.x.shape());
  const T* x = kernel_access(groups.x).numbers();
  T* to = kernel_access(result).writable_numbers();
  const Index n = groups.count * groups.inner, step = groups.inner;
  for (Index o = 0; o < groups.outer; ++o, x += n, to += n)
    for (Index i = 0; i < step; ++i) {
      T before(1), after = *dy++;
      for (Index j = i; j < n; j += step) {
        to[j] = before;
        before = before * x[j];
      }
      for (Index j = n - step + i; j >= 0; j -= step) {
        to[j] = to[j] * after;
        after = after * x[j];
      }
    }
  return result;
}

/// The products of the first 0, 1, 2, ... along axis 1 of [outer, count, inner], or of the last ones from the end: by
/// doubling, in log2(count) recorded products.
template <class T>
Tensor<T> exclusive_products(const Tensor<T>& x, bool from_end) {
  const Index count = x.shape()[1];
  const auto shifted = [&](const Tensor<T>& y, Index by) {
    Shape pad = x.shape();
    pad.set(1, by);
    const Tensor<T> ones = Tensor<T>::ones(pad);
    return from_end ? concatenate({slice(y, 1, by), ones}, 1) : concatenate({ones, slice(y, 1, 0, count - by)}, 1);
  };
  Tensor<T> result = shifted(x, 1);
  for (Index by = 1; by < count; by *= 2) result = result * shifted(result, by);
  return result;
}
/// product_of_others made of recorded operations, to be differentiated again.
template <class T>
EIGENGRAD_COLD Tensor<T> recorded_product_of_others(const Groups<T>& groups, const Tensor<T>& dy) {
  if (groups.x.size() == 0) return Tensor<T>::zeros(groups.x.shape());
  const Tensor<T> x = recorded_reshape(groups.x, {groups.outer, groups.count, groups.inner});
  const Tensor<T> result = exclusive_products(x, false) * exclusive_products(x, true) *
                           recorded_reshape(dy, {groups.outer, 1, groups.inner});
  return recorded_reshape(result, groups.x.shape());
}

/// The product over all or the named axes; of none, 1. Gradient: dy times the product of the others.
template <Expression X>
Tensor<typename X::Element> prod(const X& x, const Axes& axes = {}, bool keepdims = false,
                                 Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(!std::is_same_v<T, bool>, "prod of bools: say all(x), or cast<float>(x) first");
  const Tensor<T>& t = x.to_tensor();
  const Groups<T> groups(t, axes, keepdims, "prod", where);
  const auto multiply = [=](T* to, const Tensor<T>& from) {
    std::fill_n(to, groups.size(), T(1));
    for (Index o = 0; o < groups.outer; ++o, to += groups.inner)
      for (Index j = 0; j < groups.count; ++j) {
        const T* row = kernel_access(from).numbers() + (o * groups.count + j) * groups.inner;
        for (Index i = 0; i < groups.inner; ++i) to[i] = to[i] * row[i];
      }
  };
  const auto back = [groups](const auto& dy) {
    return records_gradients() ? recorded_product_of_others(groups, dy)
                               : product_of_others(groups, kernel_access(dy).numbers());
  };
  return compute<T>({"prod", where}, groups.reduced.result, multiply, with_respect_to(groups.x, back));
}

/// Whether all are true, of bools or a comparison: all(x > 0). Of none, true.
template <Expression X>
Tensor<bool> all(const X& x, const Axes& axes = {}, bool keepdims = false, Location where = Location::current()) {
  static_assert(std::is_same_v<typename X::Element, bool>, "all of numbers: say which are true, as in all(x != 0)");
  const Tensor<bool>& t = x.to_tensor();
  const Groups<bool> groups(t, axes, keepdims, "all", where);
  if (groups.count == 0) return Tensor<bool>::full(groups.reduced.result, true);
  return extreme<Smallest>("all", t, axes, keepdims, where);
}
/// Whether any is true. Of none, false.
template <Expression X>
Tensor<bool> any(const X& x, const Axes& axes = {}, bool keepdims = false, Location where = Location::current()) {
  static_assert(std::is_same_v<typename X::Element, bool>, "any of numbers: say which are true, as in any(x != 0)");
  const Tensor<bool>& t = x.to_tensor();
  const Groups<bool> groups(t, axes, keepdims, "any", where);
  if (groups.count == 0) return Tensor<bool>::full(groups.reduced.result, false);
  return extreme<Largest>("any", t, axes, keepdims, where);
}

// Compiled on X: Tensor<T>(max)(const X&, const Axes&, bool, Location)
// Compiled on X: Tensor<T>(min)(const X&, const Axes&, bool, Location)
// Compiled on X: Tensor<std::int64_t> argmax(const X&, Index, bool, Location)
// Compiled on X: Tensor<T> prod(const X&, const Axes&, bool, Location)
// Compiled by blocks: Tensor<bool> all(const BlockFormula<T, bool>&, const Axes&, bool, Location)
// Compiled by blocks: Tensor<bool> any(const BlockFormula<T, bool>&, const Axes&, bool, Location)
}}  // namespace eigengrad::EIGENGRAD_ABI
