#pragma once

#include "../core/kernel_access.hpp"
#include "../core/loop.hpp"
#include "../core/tensor_class.hpp"
#include "../simd/lane.hpp"

// A gradient times a derivative that was computed with the value.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A row of to (=|+=) dy * derivative; dy is a row too, or one number.
template <class T>
EIGENGRAD_OUTLINE void multiply_row(T* to, const T* dy, Index stride, const T* derivative, Index count, bool padded,
                                    bool add) {
  constexpr Index width = lane_width<T>;
  alignas(64) T copies[extent(width)];
  const Index advance = -stride;  // all bits set, or none: reading never asks which case it is
  if (stride == 0) {
    lane::store<T>(copies, lane_t<T>(*dy));
    dy = copies;
  }
  const Index whole = padded ? count : count - count % width;
  Index i = 0;
  for (; i < whole; i += width) {
    lane_t<T> product = lane::load(dy + (i & advance)) * lane::load(derivative + i);
    if (add) product = product + lane::load(to + i);
    lane::store<T>(to + i, product);
  }
  for (; i < count; ++i) {
    const T product = dy[i & advance] * derivative[i];
    to[i] = add ? T(product + to[i]) : product;
  }
}
/// The same for a dy that is stretched to the derivative's shape.
template <class T>
EIGENGRAD_COLD void multiply_stretched(T* to, const Tensor<T>& dy, const Tensor<T>& derivative, bool add) {
  const Loop loop(derivative.shape(), {&dy.shape(), &derivative.shape()});
  const T *const from = kernel_access(derivative).numbers(), *const by = kernel_access(dy).numbers();
  loop.for_each_row([&](const Index* offsets) {
    multiply_row(to + offsets[1], by + offsets[0], loop.row_strides[0], from + offsets[1], loop.row, false, add);
  });
}

}}  // namespace eigengrad::EIGENGRAD_ABI
