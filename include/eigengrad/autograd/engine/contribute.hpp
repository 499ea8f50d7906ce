#pragma once

#include "../../core/loop.hpp"
#include "../../core/replay_tensors.hpp"
#include "../../kernels/run_sums.hpp"
#include "../../kernels/sums.hpp"
#include "../../simd/lane.hpp"
#include "tape_state.hpp"

// How a gradient reaches its place: set the first time, added afterwards, summed back where it was stretched.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
void expand_into(T* to, const Tensor<T>& value, const Shape& shape, bool add = false);
template <class T>
void sum_to_into(T* to, const Tensor<T>& value, const Shape& shape);

/// The whole of a gradient that may have arrived unexpanded.
template <class T>
Tensor<T> expand(const Tensor<T>& value, const Shape& shape) {
  if (value.shape() == shape) return value;
  Tensor<T> result = Tensor<T>::empty(shape);
  expand_into(kernel_access(result).writable_numbers(), value, shape);
  on_replay("broadcast_to", result, {&value},
            [](const TensorStep<T>& step) { expand_into(step.to(), step.operands[0], step.result.shape()); });
  return result;
}
/// One row of it: a number or a row of numbers, written or added.
template <class T>
EIGENGRAD_OUTLINE void expand_row(T* to, const T* from, Index stride, Index count, bool add) {
  const lane_t<T> number(*from);
  Index i = 0;
  for (; i + lane_width<T> <= count; i += lane_width<T>) {
    const lane_t<T> next = stride == 0 ? number : lane::load(from + i);
    lane::store<T>(to + i, add ? lane_t<T>(lane::load(to + i) + next) : next);
  }
  for (; i < count; ++i) to[i] = add ? to[i] + from[i * stride] : from[i * stride];
}
template <class T>
void expand_into(T* to, const Tensor<T>& value, const Shape& shape, bool add) {
  const Loop loop(shape, {&value.shape(), &shape});
  loop.for_each_row([&](const Index* offsets) {
    expand_row(to + offsets[1], kernel_access(value).numbers() + offsets[0], loop.row_strides[0], loop.row, add);
  });
}

template <class T>
Tensor<T> recorded_reshape(const Tensor<T>& x, const Shape& shape, const Location& where = {});  // recorded.hpp
template <class T>
Tensor<T> recorded_expand(const Tensor<T>& value, const Shape& shape);

/// A gradient that is one tensor stretched over a larger shape, as a sum's is; kept small until somebody needs it
/// whole.
template <class T>
struct Expanded {
  Tensor<T> value;  // of a shape that broadcasts to the target's
  Shape target_shape;

  const Shape& shape() const { return target_shape; }
  void write_to(Tensor<T>& target, bool add) const {
    expand_into(kernel_access(target).writable_numbers(), value, target_shape, add);
  }
  bool hand_to(Slot<T>& slot) const {
    if (slot.filled || slot.keep_whole) return false;
    slot.value = value;
    kernel_access(slot.value).set_link({});
    return slot.filled = true;
  }
  Tensor<T> to_tensor() const { return recorded_expand(value, target_shape); }
};

template <class T>
EIGENGRAD_INLINE Tensor<T> expanded_to(Tensor<T>&& value, const Shape& shape) {
  if (value.shape() == shape) [[likely]]
    return std::move(value);
  return recorded_expand(value, shape);
}
template <class T>
Tensor<T> expanded_to(const Tensor<T>& value, const Shape& shape) {
  return expanded_to(Tensor<T>(value), shape);
}

/// `value` summed over the axes that broadcasting had stretched, back to `shape`.
template <class T>
Tensor<T> sum_to(const Tensor<T>& value, const Shape& shape) {
  Tensor<T> result = Tensor<T>::empty(shape);
  sum_to_into(kernel_access(result).writable_numbers(), value, shape);
  on_replay("sum_to", result, {&value},
            [](const TensorStep<T>& step) { sum_to_into(step.to(), step.operands[0], step.result.shape()); });
  return result;
}
template <class T>
void sum_to_into(T* to, const Tensor<T>& value, const Shape& shape) {
  std::fill_n(to, shape.size(), T(0));
  if (value.size() == 0) return;
  const Loop loop(value.shape(), {&value.shape(), &shape});
  const T* const from = kernel_access(value).numbers();
  const bool along_row = loop.row_strides[1] == 0, large = loop.row >= (Index{1} << 18);
  const Index row = along_row ? 1 : loop.row, meeting = loop.rows_at_one_place(1);
  if (!along_row && shape.size() == row)
    return sum_plain_rows(from, loop.rows, row, kernel_access(value).padded(), to, T(1));
  const Totals<T> totals(1, shape.size());
  Index at = 0;
  loop.for_each_row([&](const Index* offsets) {
    if (along_row)
      totals.add(offsets[1], sum_of_numbers(from + offsets[0], loop.row, large));
    else if (at++ % meeting == 0)
      add_rows(totals, offsets[1], from + offsets[0], meeting, row, false, 0, row);
  });
  totals.add_to(to, 0, shape.size());
}

// Gradients of gradients: while a tape records, what arrives at a slot is computed by recorded operations
// (autograd/engine/recorded.hpp), so that it can be differentiated again.

/// Whether the gradients that backward computes are themselves recorded.
EIGENGRAD_INLINE bool records_gradients() { return recording_tape() != nullptr; }
template <class T>
EIGENGRAD_COLD void contribute_recorded(Slot<T>& slot, const Shape& shape, const Tensor<T>& value);
/// What a rule returned, as a recorded tensor.
template <class Result>
auto as_recorded(const Result& result) {
  return result.to_tensor();
}
template <class T, class Result>
EIGENGRAD_COLD void contribute_recorded_result(Slot<T>& slot, const Shape& shape, const Result& result) {
  contribute_recorded(slot, shape, as_recorded(result));
}

template <class T>
void add_in_place(Tensor<T>& target, const Tensor<T>& value) {
  T* to = kernel_access(target).writable_numbers();
  if (target.size() > 0) expand_row(to, kernel_access(value).numbers(), 1, target.size(), true);
}

/// Throws ShapeError unless a gradient of shape `from` can be summed back to `to`.
EIGENGRAD_COLD inline void require_stretched(const Shape& from, const Shape& to) {
  bool fits = from.rank() >= to.rank();
  for (Index axis = 1; fits && axis <= to.rank(); ++axis)
    fits = to[to.rank() - axis] == 1 || to[to.rank() - axis] == from[from.rank() - axis];
  require<ShapeError>(fits, "backward: a rule gave a gradient of shape ", from, " for an operand of shape ", to,
                      ": it must be of that shape, or of one that the operand was stretched to");
}

/// How a rule's result reaches a slot: written the first time, added afterwards.
template <class T>
void contribute(Slot<T>& slot, const Shape& shape, Tensor<T> value) {
  if (records_gradients()) [[unlikely]]
    return contribute_recorded(slot, shape, value);
  kernel_access(value).set_link({});
  if (value.shape() != shape) [[unlikely]] {
    require_stretched(value.shape(), shape);
    value = sum_to(value, shape);
  }
  if (slot.filled) {
    if (slot.value.shape() != shape) slot.value = expand(slot.value, shape);
    add_in_place(slot.value, value);
  } else {
    slot.value = std::move(value);
    slot.filled = true;
  }
}

/// The slot's tensor, of the whole shape and unshared, to be written to; `add` says whether to add to what is there.
template <class T>
Tensor<T>& prepare(Slot<T>& slot, const Shape& shape, bool& add) {
  add = slot.filled;
  slot.filled = true;
  if (!(slot.value.shape() == shape))
    slot.value = add ? expand(slot.value, shape) : Tensor<T>::empty(shape);
  else if (!add && !kernel_access(slot.value).unshared()) [[unlikely]]
    slot.value = Tensor<T>::empty(shape);
  kernel_access(slot.value).writable_numbers();
  return slot.value;
}

/// The same for a gradient whose element i is computed from element i of dy alone: if nobody else holds dy, its buffer
/// becomes the slot's and the gradient is written over it. Write through shared_data(): writable_numbers() would copy,
/// as dy and the slot share the buffer until dy ends.
template <class T>
Tensor<T>& prepare_over(const Tensor<T>& dy, Slot<T>& slot, const Shape& shape, bool& add) {
  if (slot.filled || slot.value.size() > 0 || !(dy.shape() == shape) || !kernel_access(dy).unshared() ||
      kernel_access(dy).link().node != nullptr)
    return prepare(slot, shape, add);
  add = false;
  slot.filled = true;
  return slot.value = dy;
}

/// What a rule may return in place of a tensor: something that is computed where it is wanted, as a formula or a
/// product. to_tensor() computes the same by recorded operations, for gradients of gradients.
/// One that has `bool hand_to(Slot<T>& slot)` may give the slot a buffer of its own there.
template <class Result, class T>
concept Deferred = requires(const Result& result, Tensor<T>& target) {
  { result.shape() } -> std::convertible_to<const Shape&>;
  result.write_to(target, true);
  result.to_tensor();
};
template <class T, class Result>
  requires Deferred<Result, T>
void contribute(Slot<T>& slot, const Shape& shape, const Result& result) {
  if (records_gradients()) [[unlikely]]
    return contribute_recorded_result(slot, shape, result);
  if constexpr (requires { result.hand_to(slot); })
    if (result.hand_to(slot)) return;
  if (!(result.shape() == shape)) {
    Tensor<T> whole = Tensor<T>::empty(result.shape());
    result.write_to(whole, false);
    return contribute(slot, shape, std::move(whole));
  }
  bool add = false;
  Tensor<T>& target = prepare(slot, shape, add);
  result.write_to(target, add);
}

// Compiled: void contribute(Slot<T>&, const Shape&, Tensor<T>)
// Compiled: void contribute(Slot<T>&, const Shape&, const Expanded<T>&)
// Compiled: void contribute_recorded(Slot<T>&, const Shape&, const Tensor<T>&)
// Compiled: Tensor<T>& prepare(Slot<T>&, const Shape&, bool&)
}}  // namespace eigengrad::EIGENGRAD_ABI
