#pragma once

#include <cmath>

#include "../autograd/engine/compute.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../kernels/lookup/rotary.hpp"

// Where in a sequence something stands: waves to add, and rotations.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Waves of growing length: sin(t base^(-2 i / features)) at [t, 2 i], the cosine at [t, 2 i + 1]: [length, features].
/// Vaswani et al.: Attention is all you need, 2017, section 3.5.
template <class T>
EIGENGRAD_COLD Tensor<T> sinusoidal_encoding(Index length, Index features, double base = 10000,
                                             Location where = Location::current()) {
  require<ValueError>(length >= 0 && features >= 0 && base > 0, "sinusoidal_encoding: length ", length, ", features ",
                      features, " and base ", base, " must not be negative", where);
  Tensor<T> result = Tensor<T>::empty({length, features});
  T* const to = kernel_access(result).shared_data();
  for (Index t = 0; t < length; ++t)
    for (Index k = 0; k < features; ++k) {
      const double angle =
          static_cast<double>(t) * std::pow(base, -static_cast<double>(k - k % 2) / static_cast<double>(features));
      to[t * features + k] = T(static_cast<plain_t<T>>(k % 2 == 0 ? std::sin(angle) : std::cos(angle)));
    }
  return result;
}

/// Cosines and sines of the angles t base^(-2 i / features), i < features / 2: [2, length, features / 2], for rotary.
template <class T>
EIGENGRAD_COLD Tensor<T> rotary_table(Index length, Index features, double base = 10000,
                                      Location where = Location::current()) {
  require<ValueError>(length >= 0 && features >= 0 && features % 2 == 0 && base > 0, "rotary_table: length ", length,
                      ", features ", features, " and base ", base,
                      ": they must not be negative, and the features come in pairs", where);
  const Index pairs = features / 2;
  Tensor<T> result = Tensor<T>::empty({2, length, pairs});
  T* const to = kernel_access(result).shared_data();
  for (Index t = 0; t < length; ++t)
    for (Index i = 0; i < pairs; ++i) {
      const double angle =
          static_cast<double>(t) * std::pow(base, -2 * static_cast<double>(i) / static_cast<double>(features));
      to[t * pairs + i] = T(static_cast<plain_t<T>>(std::cos(angle)));
      to[(length + t) * pairs + i] = T(static_cast<plain_t<T>>(std::sin(angle)));
    }
  return result;
}

/// Settings of rotary. Positions run along `axis`, and begin with `first`. Pairs are features j and j + half, as in
/// GPT-NeoX and Llama, or, interleaved, 2 j and 2 j + 1, as in the paper and GPT-J.
struct RotaryOptions {
  bool interleaved = false;
  Index axis = -2;
  Index first = 0;
};

template <class T>
Tensor<T> rotated(const Tensor<T>& x, const Tensor<plain_t<T>>& table, const lookup::Rotation& shape, Index first,
                  bool back, const Location& where) {
  const auto run = [=](T* to, const Tensor<T>& from, const Tensor<plain_t<T>>& angles) {
    const plain_t<T>* const cosines = kernel_access(angles).numbers() + first * shape.pairs;
    const plain_t<T>* const sines = cosines + angles.shape()[1] * shape.pairs;
    if constexpr (is_dual<T>) {
      const auto lifted = [&](const plain_t<T>* numbers) {
        Tensor<T> result = Tensor<T>::empty({shape.positions, shape.pairs});
        for (Index k = 0; k < result.size(); ++k) kernel_access(result).shared_data()[k] = T(numbers[k]);
        return result;
      };
      const Tensor<T> c = lifted(cosines), s = lifted(sines);
      lookup::rotate_pairs(kernel_access(from).numbers(), kernel_access(c).numbers(), kernel_access(s).numbers(), shape,
                           back, to);
    } else {
      lookup::rotate_pairs(kernel_access(from).numbers(), cosines, sines, shape, back, to);
    }
  };
  return compute<T>({"rotary", where}, x.shape(), run,
                    with_respect_to(
                        x, [=](const auto& dy) { return rotated(dy, table, shape, first, !back, {}); },
                        [=](const auto& other) { return rotated(other, table, shape, first, back, {}); }),
                    table);
}

/// Pairs of features turned by angles that grow with the position, so that products of two rows depend on their
/// distance: x [..., positions, ..., features] -> the same, `table` of rotary_table; features beyond the table's stay.
/// Gradient: turned back. Su et al.: RoFormer, 2021, eq. 34.
template <Expression X>
Tensor<typename X::Element> rotary(const X& expression, const Tensor<plain_t<typename X::Element>>& table,
                                   RotaryOptions options = {}, Location where = Location::current()) {
  using T = typename X::Element;
  const Tensor<T>& x = expression.to_tensor();
  const Shape& shape = x.shape();
  require<ShapeError>(table.rank() == 3 && table.shape()[0] == 2, "rotary: the table is ", table.shape(),
                      ": make it by rotary_table", where);
  require<ShapeError>(shape.rank() >= 2 && shape.back() >= 2 * table.shape()[2], "rotary: x is ", shape,
                      ", the table is for ", 2 * table.shape()[2],
                      " features: x's last axis must have as many, or more", where);
  const Index axis = shape.checked_axis(options.axis, "rotary", where);
  require<ShapeError>(axis < shape.rank() - 1, "rotary: axis ", options.axis, " of ", shape,
                      " has the features: positions need another", where);
  require<ShapeError>(options.first >= 0 && options.first + shape[axis] <= table.shape()[1], "rotary: x is ", shape,
                      " with ", shape[axis], " positions from ", options.first, " on, the table has ", table.shape()[1],
                      ": make it longer", where);
  lookup::Rotation rotation{1, shape[axis], 1, shape.back(), table.shape()[2], options.interleaved};
  for (Index i = 0; i < shape.rank() - 1; ++i) {
    if (i < axis) rotation.outer *= shape[i];
    if (i > axis) rotation.rows_at_position *= shape[i];
  }
  return rotated<T>(x, table.detach(), rotation, options.first, false, where);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
