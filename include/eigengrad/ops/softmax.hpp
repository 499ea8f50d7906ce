#pragma once

#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../kernels/softmax_rows.hpp"
#include "activations.hpp"
#include "reduce.hpp"
#include "sum.hpp"

// Every row has its largest number subtracted first, so that no exponential overflows.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// row(from, to, n) for every row of the last axis.
template <class T, class Row>
void for_each_row(const Tensor<T>& from, T* to, Row row) {
  if (from.size() == 0) return;
  const Index n = from.rank() == 0 ? 1 : from.shape().back();
  const auto some = [&](Index first, Index end) {
    for (Index i = first; i < end; ++i) row(kernel_access(from).numbers() + i * n, to + i * n, n);
  };
  if (has_threads && from.size() >= large_rows) return parallel_ranges(from.size() / n, 1, 1, some);
  some(0, from.size() / n);
}

/// Each row's dy at its largest y. As softmax only shifts, dy may be measured from there, which leaves the largest term
/// out of sum(dy y) that all digits of the others would drown in.
template <class T>
Tensor<T> upstream_of_largest(const Tensor<T>& dy, const Tensor<T>& y) {
  Shape shape = y.shape();
  const Index n = shape.back();
  shape.set(shape.rank() - 1, n > 0 ? 1 : 0);
  const auto run = [n, rows = shape.size()](T* to, const Tensor<T>& upstream, const Tensor<T>& values) {
    for (Index i = 0; i < rows; ++i) {
      const T* row = kernel_access(values).numbers() + i * n;
      to[i] = kernel_access(upstream).numbers()[i * n + first_place(row, n, winner_of_row<Largest>(row, n))];
    }
  };
  return compute_values<T>("softmax", shape, run, dy, y);
}

/// exp(x) / sum(exp(x)) along an axis; every row sums to 1. Gradient: y (dy - sum(dy y)).
/// A row with +infinity or NaN, or with nothing but -infinity, gives NaN, as PyTorch's.
template <Expression X>
Tensor<typename X::Element> softmax(const X& x, Index axis = -1, Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "softmax of integers: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const Index along = t.shape().checked_axis(axis, "softmax", where);
  if (along != t.rank() - 1) return transpose(softmax(transpose(t, along, -1), -1, where), along, -1);
  const auto back = [](const Tensor<T>& dy, const Tensor<T>& y) {
    const Tensor<T> measured = dy - upstream_of_largest(dy, y);
    return y * (measured - sum(measured * y, -1, true));
  };
  const auto rows = [](T* to, const Tensor<T>& from) { for_each_row(from, to, softmax_row<T>); };
  return compute<T>({"softmax", where}, t.shape(), rows, with_respect_to(t, back));
}

/// x - log(sum(exp(x))) along an axis: the logarithm of softmax without its rounding. Gradient: dy - softmax sum(dy).
template <Expression X>
Tensor<typename X::Element> log_softmax(const X& x, Index axis = -1, Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "log_softmax of integers: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const Index along = t.shape().checked_axis(axis, "log_softmax", where);
  if (along != t.rank() - 1) return transpose(log_softmax(transpose(t, along, -1), -1, where), along, -1);
  const auto back = [](const Tensor<T>& dy, const Tensor<T>& y) {
    return exp(y) * (dy - sum(dy, -1, true)) - dy * expm1(y);  // 1 - exp(y) has no digits near 0
  };
  const auto rows = [](T* to, const Tensor<T>& from) { for_each_row(from, to, log_softmax_row<T>); };
  return compute<T>({"log_softmax", where}, t.shape(), rows, with_respect_to(t, back));
}

/// x where it is finite or NaN, 0 in place of the infinities.
template <class T>
Tensor<T> without_infinities(const Tensor<T>& x) {
  return Tensor<T>(where(abs(x) == std::numeric_limits<T>::infinity(), 0, x));
}

/// x; where a dual number is -infinity, its tangent is 0.
template <class T>
Tensor<T> resting_at_infinity(const Tensor<T>& x) {
  if constexpr (is_dual<T>)
    return where(x == -std::numeric_limits<T>::infinity(), x.detach(), x);
  else
    return x;
}

/// log(sum(exp(x))) over all or the named axes, without overflow; of none, or of nothing but -infinity, -infinity.
/// Gradient: dy softmax(x); 0 where the result is -infinity.
template <Expression X>
Tensor<typename X::Element> log_sum_exp(const X& x, const Axes& axes = {}, bool keepdims = false,
                                        Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "log_sum_exp of integers: cast<float>(tensor) first");
  const Tensor<T>& recorded = x.to_tensor();
  const Tensor<T> t = kernel_access(recorded).unrecorded();
  const Reduced reduced(t.shape(), axes, keepdims, "log_sum_exp", where);
  if (reduced.count == 0) return Tensor<T>::full(reduced.result, -std::numeric_limits<T>::infinity());
  const Tensor<T> shift = without_infinities((max)(t, axes, true, where));
  const Tensor<T> kept = resting_at_infinity<T>(log(sum(exp(t - shift), axes, true)) + shift);
  return record({"log_sum_exp", where}, kernel_access(kept).alias(reduced.result),
                with_respect_to(recorded, [recorded, shape = reduced.kept](const Tensor<T>& dy, const Tensor<T>& y) {
                  return recorded_reshape(dy, shape) * exp(recorded - without_infinities(recorded_reshape(y, shape)));
                }));
}

// Compiled on X: Tensor<T> softmax(const X&, Index, Location)
// Compiled on X: Tensor<T> log_softmax(const X&, Index, Location)
// Compiled on X: Tensor<T> log_sum_exp(const X&, const Axes&, bool, Location)
}}  // namespace eigengrad::EIGENGRAD_ABI
