#pragma once

#include <span>
#include <vector>

#include "../autograd/engine/compute.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "index.hpp"

// Tensors put together and taken apart.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
Tensor<T> join(const char* name, std::span<const Tensor<T>> parts, Index axis, const Location& where) {
  require<ShapeError>(!parts.empty(), name, ": there are no tensors to join: give at least one", where);
  const Shape& first = parts[0].shape();
  const AroundAxis around(first, axis, name, where);
  Index size = 0;
  std::vector<Index> ends;
  ends.reserve(parts.size());
  for (const Tensor<T>& part : parts) {
    bool fits = part.rank() == first.rank();
    for (Index i = 0; fits && i < first.rank(); ++i) fits = i == around.axis || part.shape()[i] == first[i];
    require<ShapeError>(fits, name, ": shapes ", first, " and ", part.shape(), " do not join along axis ", around.axis,
                        ": they may differ on that axis only", where);
    size = add_sizes(size, part.shape()[around.axis], name, where);
    ends.push_back(size);
  }
  const auto copy = [around, size](T* to, std::span<const Tensor<T>> from) {
    for (const Tensor<T>& part : from) {
      const Index run = part.shape()[around.axis] * around.inner;
      for (Index o = 0; o < around.outer && run > 0; ++o)
        std::copy_n(kernel_access(part).numbers() + o * run, run, to + o * size * around.inner);
      to += run;
    }
  };
  // Every part gets its own slice of dy.
  auto back = [ends = std::move(ends), along = around.axis](Index k, const auto& dy) {
    const auto part = static_cast<std::size_t>(k);
    return slice(dy, along, part > 0 ? ends[part - 1] : 0, ends[part]);
  };
  return compute<T>({name, where}, around.resized(first, size), copy, with_respect_to(parts, std::move(back)));
}

/// A tensor, parameter or formula among others in braces.
template <class T>
struct JoinPart {
  template <class E>
    requires ConvertsToTensor<E, T>
  JoinPart(const E& part) : tensor(part.to_tensor()) {}

  Tensor<T> tensor;
};
template <class T, class Part>
std::vector<Tensor<T>> tensors_of(std::initializer_list<Part> parts) {
  std::vector<Tensor<T>> result;
  for (const Part& part : parts) result.push_back(part.tensor);
  return result;
}

/// Tensors one after another along an axis: [2, 3] and [4, 3] -> [6, 3]. Gradient: each part's slice of dy.
/// Throws ShapeError when they differ on another axis.
template <class T>
Tensor<T> concatenate(const std::vector<Tensor<T>>& parts, Index axis = 0, Location where = Location::current()) {
  return join<T>("concatenate", parts, axis, where);
}
template <class T>
Tensor<T> concatenate(std::initializer_list<Tensor<T>> parts, Index axis = 0, Location where = Location::current()) {
  return join<T>("concatenate", std::span<const Tensor<T>>(parts.begin(), parts.size()), axis, where);
}
// A brace of tensors, parameters and formulas has no type to deduce from, so both number types stand here.
template <int = 0, std::same_as<float> T = float>
Tensor<T> concatenate(std::initializer_list<JoinPart<std::type_identity_t<T>>> parts, Index axis = 0,
                      Location where = Location::current()) {
  return concatenate(tensors_of<T>(parts), axis, where);
}
template <int = 0, std::same_as<double> T = double>
Tensor<T> concatenate(std::initializer_list<JoinPart<std::type_identity_t<T>>> parts, Index axis = 0,
                      Location where = Location::current()) {
  return concatenate(tensors_of<T>(parts), axis, where);
}

/// A plain or dual tensor among dual ones.
template <class X>
struct DualPart {
  DualPart(const Tensor<X>& constant) : tensor(constant) {}
  DualPart(const Tensor<Dual<X>>& part) : tensor(part) {}

  Tensor<Dual<X>> tensor;
};
/// Plain and dual tensors of doubles together. (The number keeps concatenate<double>({...}) for the one above.)
template <int = 0, class X = double>
Tensor<Dual<X>> concatenate(std::initializer_list<DualPart<std::type_identity_t<X>>> parts, Index axis = 0,
                            Location where = Location::current()) {
  return concatenate(tensors_of<Dual<X>>(parts), axis, where);
}

/// Tensors of one shape side by side on a new axis: three of [2, 4] -> [3, 2, 4], or at axis 1 [2, 3, 4].
template <class T>
Tensor<T> stack(const std::vector<Tensor<T>>& parts, Index axis = 0, Location where = Location::current()) {
  std::vector<Tensor<T>> raised;
  for (const Tensor<T>& part : parts) {
    require<ShapeError>(part.shape() == parts[0].shape(), "stack: shapes ", parts[0].shape(), " and ", part.shape(),
                        " differ: give tensors of one shape, or concatenate them", where);
    raised.push_back(unsqueeze(part, axis, where));
  }
  return join<T>("stack", raised, axis, where);
}
template <class T>
Tensor<T> stack(std::initializer_list<Tensor<T>> parts, Index axis = 0, Location where = Location::current()) {
  return stack(std::vector<Tensor<T>>(parts), axis, where);
}
template <int = 0, std::same_as<float> T = float>
Tensor<T> stack(std::initializer_list<JoinPart<std::type_identity_t<T>>> parts, Index axis = 0,
                Location where = Location::current()) {
  return stack(tensors_of<T>(parts), axis, where);
}
template <int = 0, std::same_as<double> T = double>
Tensor<T> stack(std::initializer_list<JoinPart<std::type_identity_t<T>>> parts, Index axis = 0,
                Location where = Location::current()) {
  return stack(tensors_of<T>(parts), axis, where);
}

template <int = 0, class X = double>
Tensor<Dual<X>> stack(std::initializer_list<DualPart<std::type_identity_t<X>>> parts, Index axis = 0,
                      Location where = Location::current()) {
  return stack(tensors_of<Dual<X>>(parts), axis, where);
}

/// The parts of the given sizes along an axis. Throws ShapeError unless they add up to it.
template <Expression X>
std::vector<Tensor<typename X::Element>> split(const X& x, const std::vector<Index>& sizes, Index axis = 0,
                                               Location where = Location::current()) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  const Index along = t.shape().checked_axis(axis, "split", where);
  Index total = 0;
  for (const Index size : sizes) {
    require<ShapeError>(size >= 0, "split: the size ", size, " for shape ", t.shape(), " is negative", where);
    total = add_sizes(total, size, "split", where);
  }
  require<ShapeError>(total == t.shape()[along], "split: the sizes add up to ", total, ", axis ", along, " of shape ",
                      t.shape(), " has ", t.shape()[along], where);
  std::vector<Tensor<typename X::Element>> parts;
  Index begin = 0;
  for (const Index size : sizes) {
    parts.push_back(slice(t, along, begin, begin + size, 1, where));
    begin += size;
  }
  return parts;
}
/// `sections` equal parts along an axis. Throws ShapeError when it does not divide.
template <Expression X>
std::vector<Tensor<typename X::Element>> split(const X& x, Index sections, Index axis = 0,
                                               Location where = Location::current()) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  const Index along = t.shape().checked_axis(axis, "split", where), size = t.shape()[along];
  require<ShapeError>(sections > 0 && size % sections == 0, "split: ", sections, " sections do not divide axis ", along,
                      " of shape ", t.shape(), ": give the parts' sizes as a std::vector<Index>", where);
  return split(t, std::vector<Index>(static_cast<std::size_t>(sections), size / sections), along, where);
}

// Compiled: Tensor<T> join(const char*, std::span<const Tensor<T>>, Index, const Location&)
// Compiled once: Tensor<std::int64_t> join(const char*, std::span<const Tensor<std::int64_t>>, Index, const
//   Location&)
}}  // namespace eigengrad::EIGENGRAD_ABI
