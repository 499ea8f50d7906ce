#pragma once

#include "../autograd/engine/compute.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../kernels/sums.hpp"
#include "groups.hpp"

// Parts of a tensor by position. Gradients are added at the positions that were read.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// In place of a slice's end: the axis' end.
inline constexpr Index to_the_end = (std::numeric_limits<Index>::max)();

/// Every `step`-th position from `begin` on, or those listed.
struct Positions {
  Index begin = 0, step = 1;
  Tensor<std::int64_t> listed = {};

  const std::int64_t* list() const { return listed.size() > 0 ? kernel_access(listed).numbers() : nullptr; }
};

/// A tensor's shape as [outer, count, inner] around one axis.
struct AroundAxis {
  Index axis, outer = 1, count = 1, inner = 1;

  AroundAxis(const Shape& shape, Index named, const char* operation, const Location& where)
      : axis(shape.checked_axis(named, operation, where)), count(shape[axis]) {
    for (Index i = 0; i < shape.rank(); ++i)
      if (i != axis) (i < axis ? outer : inner) *= shape[i];
  }
  Shape resized(Shape shape, Index size) const {
    shape.set(axis, size);
    return shape;
  }
  /// Calls body(whole, part) with the element offsets of each run of `inner` elements, for `size` positions of the
  /// part.
  template <class Body>
  void for_each_run(Index size, const Positions& position, Body body) const {
    const std::int64_t* const list = position.list();
    for (Index o = 0; o < outer; ++o)
      for (Index k = 0; k < size; ++k) {
        const Index place = list != nullptr ? list[k] : position.begin + k * position.step;
        body((o * count + place) * inner, (o * size + k) * inner);
      }
  }
  /// Throws IndexError for a position that is listed and outside the axis.
  void require_inside(const OperationName& name, const Tensor<std::int64_t>& listed, const Shape& shape) const {
    for (Index k = 0; k < listed.size(); ++k)
      require<IndexError>(kernel_access(listed).numbers()[k] >= 0 && kernel_access(listed).numbers()[k] < count,
                          name.name, ": index ", kernel_access(listed).numbers()[k], " at position ", k,
                          " is outside axis ", axis, " of shape ", shape, ", which has ", count, name.where);
  }
};

template <class T>
Tensor<T> pick(const OperationName& name, const Tensor<T>& x, const AroundAxis& around, Index size,
               const Positions& position);

/// dy added at positions of one axis: the gradient of picking them.
template <class T>
struct ScatteredAlong {
  Tensor<T> dy;
  Positions position;
  AroundAxis around;
  Shape target_shape;

  const Shape& shape() const { return target_shape; }
  void write_to(Tensor<T>& target, bool add) const { add_to(kernel_access(target).writable_numbers(), dy, add); }
  void add_to(T* to, const Tensor<T>& from, bool add) const {
    if (!add) std::fill_n(to, target_shape.size(), T(0));
    if (from.size() == 0) return;
    const Index size = from.shape()[around.axis];
    const std::int64_t* const list = position.list();
    if (list != nullptr && met_often(size, around.count, [=](Index k) { return list[k]; })) {
      const Totals<T> totals(target_shape.size() / around.inner, around.inner);
      around.for_each_run(size, position, [&](Index whole, Index part) {
        const Index place = totals.place(whole / around.inner);
        for (Index i = 0; i < around.inner; ++i) totals.add(place + i, Sum<T>(kernel_access(from).numbers()[part + i]));
      });
      return totals.move_to(to, T(1), 0, around.inner);
    }
    around.for_each_run(size, position, [&](Index whole, Index part) {
      for (Index i = 0; i < around.inner; ++i) to[whole + i] = to[whole + i] + kernel_access(from).numbers()[part + i];
    });
  }
  /// What flows back is picked at the same positions.
  Tensor<T> to_tensor() const {
    const auto picked = [position = position, around = around, size = dy.shape()[around.axis]](const auto& again) {
      return pick("pick", again, around, size, position);
    };
    return compute<T>(
        "scatter", target_shape,
        [self = *this](T* to, const Tensor<T>& from, const auto&) { self.add_to(to, from, false); },
        with_respect_to(dy, picked), position.listed);
  }
};

template <class T>
Tensor<T> pick(const OperationName& name, const Tensor<T>& x, const AroundAxis& around, Index size,
               const Positions& position) {
  const Shape shape = around.resized(x.shape(), size);
  auto from_x = with_respect_to(
      x, [=, whole = x.shape()](const auto& dy) { return ScatteredAlong<T>{dy, position, around, whole}; },
      [=](const auto& again) { return pick("pick", again, around, size, position); });
  if (around.outer == 1 && position.listed.size() == 0 && (position.step == 1 || size == 1))
    return record(name, kernel_access(x).alias(shape, size > 0 ? position.begin * around.inner : 0), std::move(from_x));
  const auto run = [=](T* to, const Tensor<T>& from, const Tensor<std::int64_t>& listed) {
    around.require_inside(name, listed, from.shape());
    around.for_each_run(size, position, [&](Index whole, Index part) {
      std::copy_n(kernel_access(from).numbers() + whole, around.inner, to + part);
    });
  };
  return compute<T>(name, shape, run, std::move(from_x), position.listed);
}

/// Positions begin, begin + step, ... before end on an axis; negative ones count from the end. Along the first axis
/// with step 1 nothing is copied. Throws IndexError for a begin or end outside the axis, ValueError for a step below 1.
template <Expression X>
Tensor<typename X::Element> slice(const X& x, Index axis, Index begin, Index end = to_the_end, Index step = 1,
                                  Location where = Location::current()) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  const AroundAxis around(t.shape(), axis, "slice", where);
  const auto checked = [&](const char* which, Index position) {
    const Index result = position < 0 ? position + around.count : position;
    require<IndexError>(result >= 0 && result <= around.count, "slice: ", which, " ", position, " is outside axis ",
                        around.axis, " of shape ", t.shape(), ": use -", around.count, " to ", around.count, where);
    return result;
  };
  require<ValueError>(step >= 1, "slice: the step is ", step, " for shape ", t.shape(), ": it must be at least 1",
                      where);
  const Index first = checked("begin", begin), last = end == to_the_end ? around.count : checked("end", end);
  const Index size = first < last ? (last - first - 1) / step + 1 : 0;
  return pick({"slice", where}, t, around, size, Positions{first, step});
}

/// One position of an axis, which is dropped: [3, 4] at axis 0 -> [4]. Throws IndexError for a position outside the
/// axis.
template <Expression X>
Tensor<typename X::Element> select(const X& x, Index axis, Index position, Location where = Location::current()) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  const AroundAxis around(t.shape(), axis, "select", where);
  const Index place = position < 0 ? position + around.count : position;
  require<IndexError>(place >= 0 && place < around.count, "select: position ", position, " is outside axis ",
                      around.axis, " of shape ", t.shape(), ", which has ", around.count, where);
  return reshape(pick({"select", where}, t, around, 1, Positions{place, 1}), t.shape().without(around.axis), where);
}

/// The listed positions of an axis, in their order, repeated as often as they stand there: indices are [n].
/// Throws IndexError for one outside the axis.
template <Expression X>
Tensor<typename X::Element> index_select(const X& x, Index axis, const Tensor<std::int64_t>& indices,
                                         Location where = Location::current()) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  require<ShapeError>(indices.rank() == 1, "index_select: the indices have shape ", indices.shape(),
                      ", where [n] is needed for x of ", t.shape(), ": flatten them", where);
  const AroundAxis around(t.shape(), axis, "index_select", where);
  return pick({"index_select", where}, t, around, indices.size(), Positions{0, 1, indices.detach()});
}

/// Element by element along an axis: result(i, j) = x(indices(i, j), j) for axis 0, x(i, indices(i, j)) for axis 1. The
/// indices have as many axes as x and are no longer on the others. Throws IndexError for one outside the axis.
template <Expression X>
Tensor<typename X::Element> gather(const X& x, Index axis, const Tensor<std::int64_t>& indices,
                                   Location where = Location::current()) {
  using T = typename X::Element;
  const Tensor<T>& t = x.to_tensor();
  const Shape &shape = t.shape(), &wanted = indices.shape();
  const AroundAxis around(shape, axis, "gather", where);
  bool fits = wanted.rank() == shape.rank();
  for (Index i = 0; fits && i < shape.rank(); ++i) fits = i == around.axis || wanted[i] <= shape[i];
  require<ShapeError>(fits, "gather: indices of shape ", wanted, " do not fit x of shape ", shape, " along axis ",
                      around.axis, ": give as many axes, none longer but that one", where);

  const Tensor<std::int64_t> places = Tensor<std::int64_t>::empty(wanted);
  const auto run = [around, where](T* to, const Tensor<T>& from, const Tensor<std::int64_t>& at, std::int64_t* place) {
    const Shape& all = from.shape();
    Index position[Shape::max_rank] = {};
    for (Index k = 0; k < at.size(); ++k) {
      const std::int64_t index = kernel_access(at).numbers()[k];
      require<IndexError>(index >= 0 && index < around.count, "gather: index ", index, " at element ", k,
                          " is outside axis ", around.axis, " of shape ", all, ", which has ", around.count, where);
      Index offset = 0;
      for (Index i = 0; i < all.rank(); ++i) offset = offset * all[i] + (i == around.axis ? index : position[i]);
      place[k] = offset;
      to[k] = kernel_access(from).numbers()[offset];
      for (Index i = all.rank() - 1; i >= 0 && ++position[i] == at.shape()[i]; --i) position[i] = 0;
    }
  };
  return compute<T>({"gather", where}, wanted, run,
                    with_respect_to(t, [places, shape](const auto& dy) { return Scattered<T>{dy, places, shape}; }),
                    indices, extra_output(places));
}

template <class T>
Tensor<T> element_at(const Tensor<T>& x, Index offset, const Location& where = {});

/// dy, one number, at its place among zeros: the gradient of reading an element.
template <class T>
struct Placed {
  Tensor<T> dy;
  Index offset;
  Shape target_shape;

  const Shape& shape() const { return target_shape; }
  void write_to(Tensor<T>& target, bool add) const {
    T* const to = kernel_access(target).writable_numbers();
    if (!add) std::fill_n(to, target_shape.size(), T(0));
    to[offset] = to[offset] + *kernel_access(dy).numbers();
  }
  Tensor<T> to_tensor() const {
    const auto place = [size = target_shape.size(), at = offset](T* to, const Tensor<T>& from) {
      std::fill_n(to, size, T(0));
      to[at] = *kernel_access(from).numbers();
    };
    return compute<T>("place", target_shape, place,
                      with_respect_to(dy, [at = offset](const auto& again) { return element_at(again, at); }));
  }
};
template <class T>
Tensor<T> element_at(const Tensor<T>& x, Index offset, const Location& where) {
  return record(
      {"element", where}, kernel_access(x).alias({}, offset),
      with_respect_to(x, [offset, whole = x.shape()](const auto& dy) { return Placed<T>{dy, offset, whole}; }));
}

/// One element as a tensor of rank 0: what t(i, j) reads, but part of the tape. Negative positions count from the end.
/// Gradient: at its place. Throws IndexError for another number of positions than axes, or one outside its axis.
template <Expression X, std::integral... Rest>
Tensor<typename X::Element> element(const X& x, Position first, Rest... rest) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  const Shape& shape = t.shape();
  const Index positions[] = {first.index, static_cast<Index>(rest)...};
  constexpr Index count = 1 + static_cast<Index>(sizeof...(rest));
  require<IndexError>(count == shape.rank(), "element: ", count, " positions for shape ", shape, ", which has ",
                      shape.rank(), " axes: give one for each", first.where);
  Index offset = 0;
  for (Index axis = 0; axis < count; ++axis) {
    const Index place = positions[axis] < 0 ? positions[axis] + shape[axis] : positions[axis];
    require<IndexError>(place >= 0 && place < shape[axis], "element: position ", positions[axis], " is outside axis ",
                        axis, " of shape ", shape, ", which has ", shape[axis], first.where);
    offset = offset * shape[axis] + place;
  }
  return element_at(t, offset, first.where);
}
/// The only element of a tensor of rank 0.
template <Expression X>
Tensor<typename X::Element> element(const X& x, Location where = Location::current()) {
  const Tensor<typename X::Element>& t = x.to_tensor();
  require<IndexError>(t.rank() == 0, "element: no position for shape ", t.shape(), ": give one for each axis", where);
  return t;
}

// Compiled on X: Tensor<T> slice(const X&, Index, Index, Index, Index, Location)
// Compiled on X: Tensor<T> select(const X&, Index, Index, Location)
// Compiled on X: Tensor<T> index_select(const X&, Index, const Tensor<std::int64_t>&, Location)
// Compiled on X: Tensor<T> gather(const X&, Index, const Tensor<std::int64_t>&, Location)
// Compiled once: Tensor<std::int64_t> slice(const Tensor<std::int64_t>&, Index, Index, Index, Index, Location)
}}  // namespace eigengrad::EIGENGRAD_ABI
