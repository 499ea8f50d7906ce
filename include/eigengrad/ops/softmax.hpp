#pragma once

#include "activations.hpp"
#include "reduce.hpp"
#include "sum.hpp"

// Every row has its largest number subtracted first, so that no exponential overflows.
namespace eigengrad::inline EIGENGRAD_ABI {

/// The sum of exp(x - shift) over n numbers but the one at `without`; all exponentials where `to` is not null. What is
/// small beside the largest keeps its digits when that is left out.
template <class T>
T sum_of_exponentials(const T* x, Index n, T shift, T* to, Index without = -1) {
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>, chunk = 128 * width;
  Total<T> total(0);
  Index i = 0;
  for (const Index whole = n - n % width; i < whole;) {
    L sum(0);
    for (const Index end = (std::min)(i + chunk, whole); i < end; i += width) {
      const L e = exp(lane::load(x + i) - L(shift));
      if (to != nullptr) lane::store<T>(to + i, e);
      if (without >= i && without < i + width) [[unlikely]] {
        T some[extent(width)];
        lane::store<T>(some, e);
        some[without - i] = T(0);
        sum = sum + lane::load(some);
      } else {
        sum = sum + e;
      }
    }
    total = total + lane::sum<T>(sum);
  }
  if (i < n) {
    const L e = exp(lane::load(x + i, n - i) - L(shift));
    T last[extent(width)];
    lane::store<T>(last, e);
    for (Index j = 0; j < n - i; ++j) {
      if (i + j != without) total = total + last[j];
      if (to != nullptr) to[i + j] = last[j];
    }
  }
  return static_cast<T>(total);
}

/// y = softmax(x) of one row; x and y may be the same.
template <class T>
void softmax_row(const T* x, T* y, Index n) {
  const T sum = sum_of_exponentials(x, n, winner_of_row<Largest>(x, n), y), scale = T(1) / sum;
  for (Index i = 0; i < n; ++i) y[i] = y[i] * scale;
}
/// y = x - log(sum(exp(x))) of one row; x and y may be the same.
template <class T>
void log_softmax_row(const T* x, T* y, Index n) {
  const T largest = winner_of_row<Largest>(x, n);
  const T others = sum_of_exponentials(x, n, largest, static_cast<T*>(nullptr), first_place(x, n, largest));
  const T rest = log1p(others + (largest - largest));  // NaN of infinity
  for (Index i = 0; i < n; ++i) y[i] = (x[i] - largest) - rest;
}

/// As many numbers in rows with exponentials are worth a second thread.
inline constexpr Index large_rows = Index{1} << 15;

template <class T, class Row>
Tensor<T> for_each_row(const Tensor<T>& x, Row row) {
  Tensor<T> result = Tensor<T>::empty(x.shape());
  if (result.size() == 0) return result;
  const auto run = [row](const Tensor<T>& from, T* to) {
    const Index n = from.rank() == 0 ? 1 : from.shape().back();
    const auto some = [&](Index first, Index end) {
      for (Index i = first; i < end; ++i) row(from.numbers() + i * n, to + i * n, n);
    };
    if (has_threads && from.size() >= large_rows) return parallel_ranges(from.size() / n, 1, 1, some);
    some(0, from.size() / n);
  };
  run(x, result.writable_numbers());
  on_replay("softmax", reads(x), writes(result), [&] { return [=] { run(x, result.shared_data()); }; });
  return result;
}

/// Each row's dy at its largest y. As softmax only shifts, dy may be measured from there, which leaves the largest term
/// out of sum(dy y) that all digits of the others would drown in.
template <class T>
Tensor<T> upstream_of_largest(const Tensor<T>& dy, const Tensor<T>& y) {
  Shape shape = y.shape();
  const Index n = shape.back();
  shape.set(shape.rank() - 1, n > 0 ? 1 : 0);
  const Tensor<T> result = Tensor<T>::empty(shape);
  const auto run = [=] {
    for (Index i = 0; i < result.size(); ++i) {
      const T* row = y.numbers() + i * n;
      result.shared_data()[i] = dy.numbers()[i * n + first_place(row, n, winner_of_row<Largest>(row, n))];
    }
  };
  run();
  on_replay("softmax", reads(dy, y), writes(result), [&] { return run; });
  return result;
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
  Tensor<T> result = for_each_row(t, softmax_row<T>);
  if (!records("softmax", t)) return result;
  return record({"softmax", where}, std::move(result), wrt(t, [](const Tensor<T>& dy, const Tensor<T>& y) {
                  const Tensor<T> measured = dy - upstream_of_largest(dy, y);
                  return y * (measured - sum(measured * y, -1, true));
                }));
}

/// x - log(sum(exp(x))) along an axis: the logarithm of softmax without its rounding. Gradient: dy - softmax sum(dy).
template <Expression X>
Tensor<typename X::Element> log_softmax(const X& x, Index axis = -1, Location where = Location::current()) {
  using T = typename X::Element;
  static_assert(is_real<T>, "log_softmax of integers: cast<float>(tensor) first");
  const Tensor<T>& t = x.to_tensor();
  const Index along = t.shape().checked_axis(axis, "log_softmax", where);
  if (along != t.rank() - 1) return transpose(log_softmax(transpose(t, along, -1), -1, where), along, -1);
  Tensor<T> result = for_each_row(t, log_softmax_row<T>);
  if (!records("log_softmax", t)) return result;
  return record({"log_softmax", where}, std::move(result), wrt(t, [](const Tensor<T>& dy, const Tensor<T>& y) {
                  return exp(y) * (dy - sum(dy, -1, true)) - dy * expm1(y);  // 1 - exp(y) has no digits near 0
                }));
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
  const Tensor<T> t = recorded.unrecorded();
  const Reduced reduced(t.shape(), axes, keepdims, "log_sum_exp", where);
  if (reduced.count == 0) return Tensor<T>::full(reduced.result, -std::numeric_limits<T>::infinity());
  const Tensor<T> shift = without_infinities((max)(t, axes, true, where));
  const Tensor<T> kept = resting_at_infinity<T>(log(sum(exp(t - shift), axes, true)) + shift);
  Tensor<T> result = kept.alias(reduced.result);
  if (!records("log_sum_exp", recorded)) return result;
  return record({"log_sum_exp", where}, std::move(result),
                wrt(recorded, [recorded, shape = reduced.kept](const Tensor<T>& dy, const Tensor<T>& y) {
                  return recorded_reshape(dy, shape) * exp(recorded - without_infinities(recorded_reshape(y, shape)));
                }));
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
