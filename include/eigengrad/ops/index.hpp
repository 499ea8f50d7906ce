#pragma once

#include "../autograd/engine/node.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../kernels/sums.hpp"
#include "groups.hpp"

// Parts of a tensor by position. Gradients are added at the positions that were read.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// In place of a slice's end: the axis' end.
inline constexpr Index to_the_end = (std::numeric_limits<Index>::max)();

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
  template <class Positions, class Body>
  void for_each_run(Index size, Positions position, Body body) const {
    for (Index o = 0; o < outer; ++o)
      for (Index k = 0; k < size; ++k) body((o * count + position(k)) * inner, (o * size + k) * inner);
  }
};

/// Every `step`-th position from `begin` on.
struct Strided {
  Index begin, step;
  Index operator()(Index k) const { return begin + k * step; }
  static const Block& block() {
    static const Block none;
    return none;
  }
};
/// The positions listed.
struct Listed {
  Tensor<std::int64_t> positions;
  Index operator()(Index k) const { return positions.numbers()[k]; }
  const Block& block() const { return positions.block(); }
  /// Throws IndexError for one outside the axis.
  void require_inside(const char* name, const AroundAxis& around, const Shape& shape,
                      const Location& where = {}) const {
    for (Index k = 0; k < positions.size(); ++k)
      require<IndexError>(positions.numbers()[k] >= 0 && positions.numbers()[k] < around.count, name, ": index ",
                          positions.numbers()[k], " at position ", k, " is outside axis ", around.axis, " of shape ",
                          shape, ", which has ", around.count, where);
  }
};

/// dy added at positions of one axis: the gradient of picking them.
template <class T, class Positions>
struct ScatteredAlong {
  Tensor<T> dy;
  Positions position;
  AroundAxis around;
  Shape target_shape;

  const Shape& shape() const { return target_shape; }
  void write_to(Tensor<T>& target, bool add) const { add_to(target.writable_numbers(), add); }
  void add_to(T* to, bool add) const {
    if (!add) std::fill_n(to, target_shape.size(), T(0));
    if (dy.size() == 0) return;
    const Index size = dy.shape()[around.axis];
    if constexpr (!std::is_same_v<Positions, Strided>)
      if (met_often(size, around.count, position)) {
        const Totals<T> totals(target_shape.size() / around.inner, around.inner);
        around.for_each_run(size, position, [&](Index whole, Index part) {
          const Index place = totals.place(whole / around.inner);
          for (Index i = 0; i < around.inner; ++i) totals.add(place + i, Sum<T>(dy.numbers()[part + i]));
        });
        return totals.move_to(to, T(1), 0, around.inner);
      }
    around.for_each_run(size, position, [&](Index whole, Index part) {
      for (Index i = 0; i < around.inner; ++i) to[whole + i] = to[whole + i] + dy.numbers()[part + i];
    });
  }
};

template <class T, class Positions>
Tensor<T> pick(const OperationName& name, const Tensor<T>& x, const AroundAxis& around, Index size,
               const Positions& position);

/// Recorded, as every rule must be that is to be differentiated again: what flows back is picked at the same positions.
template <class T, class Positions>
Tensor<T> as_recorded(const ScatteredAlong<T, Positions>& scattered) {
  Tensor<T> result = Tensor<T>::empty(scattered.target_shape);
  scattered.add_to(result.writable_numbers(), false);
  on_replay("scatter", reads(scattered.dy, scattered.position), writes(result),
            [&] { return [=] { scattered.add_to(result.shared_data(), false); }; });
  return record("scatter", std::move(result),
                wrt(scattered.dy, [position = scattered.position, around = scattered.around,
                                   size = scattered.dy.shape()[scattered.around.axis]](const Tensor<T>& dy) {
                  return pick("pick", dy, around, size, position);
                }));
}

template <class T, class Positions>
Tensor<T> pick(const OperationName& name, const Tensor<T>& x, const AroundAxis& around, Index size,
               const Positions& position) {
  const Shape shape = around.resized(x.shape(), size);
  Tensor<T> result;
  bool copied = true;
  if constexpr (std::is_same_v<Positions, Strided>)
    if (around.outer == 1 && (position.step == 1 || size == 1)) {
      result = x.alias(shape, size > 0 ? position.begin * around.inner : 0);
      copied = false;
    }
  if (copied) {
    result = Tensor<T>::empty(shape);
    const Tensor<T>& from = x;
    const auto copy = [=](T* to) {
      around.for_each_run(size, position, [&](Index whole, Index part) {
        std::copy_n(from.numbers() + whole, around.inner, to + part);
      });
    };
    if (result.size() > 0) copy(result.writable_numbers());
    on_replay(name.name, reads(x, position), writes(result), [&] {
      return [=] {
        if constexpr (!std::is_same_v<Positions, Strided>) position.require_inside(name.name, around, from.shape());
        if (result.size() > 0) copy(result.shared_data());
      };
    });
  }
  if (!records(name.name, x)) return result;
  return record(
      name, std::move(result),
      wrt(
          x,
          [position, around, whole = x.shape()](const Tensor<T>& dy) {
            return ScatteredAlong<T, Positions>{dy, position, around, whole};
          },
          [position, around, size](const Tensor<T>& again) { return pick("pick", again, around, size, position); }));
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
  return pick({"slice", where}, t, around, size, Strided{first, step});
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
  return reshape(pick({"select", where}, t, around, 1, Strided{place, 1}), t.shape().without(around.axis), where);
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
  const Listed listed{indices.detach()};
  listed.require_inside("index_select", around, t.shape(), where);
  return pick({"index_select", where}, t, around, indices.size(), listed);
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

  Tensor<T> result = Tensor<T>::empty(wanted);
  Tensor<std::int64_t> places = Tensor<std::int64_t>::empty(wanted);
  const auto run = [=, x = t.unrecorded()] {
    const Shape& all = x.shape();
    T* to = result.shared_data();
    std::int64_t* place = places.shared_data();
    Index position[Shape::max_rank] = {};
    for (Index k = 0; k < indices.size(); ++k) {
      const std::int64_t index = indices.numbers()[k];
      require<IndexError>(index >= 0 && index < around.count, "gather: index ", index, " at element ", k,
                          " is outside axis ", around.axis, " of shape ", all, ", which has ", around.count, where);
      Index offset = 0;
      for (Index i = 0; i < all.rank(); ++i) offset = offset * all[i] + (i == around.axis ? index : position[i]);
      place[k] = offset;
      to[k] = x.numbers()[offset];
      for (Index i = all.rank() - 1; i >= 0 && ++position[i] == indices.shape()[i]; --i) position[i] = 0;
    }
  };
  run();
  on_replay("gather", reads(t, indices), writes(result, places), [&] { return run; });
  if (!records("gather", t)) return result;
  return record({"gather", where}, std::move(result),
                wrt(t, [places, shape](const Tensor<T>& dy) { return Scattered<T>{dy, places, shape}; }));
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
  void write_to(Tensor<T>& target, bool add) const { add_to(target.writable_numbers(), add); }
  void add_to(T* to, bool add) const {
    if (!add) std::fill_n(to, target_shape.size(), T(0));
    to[offset] = to[offset] + *dy.numbers();
  }
};
template <class T>
Tensor<T> as_recorded(const Placed<T>& placed) {
  Tensor<T> result = Tensor<T>::empty(placed.target_shape);
  placed.add_to(result.writable_numbers(), false);
  on_replay("scatter", reads(placed.dy), writes(result),
            [&] { return [=] { placed.add_to(result.shared_data(), false); }; });
  return record("place", std::move(result),
                wrt(placed.dy, [offset = placed.offset](const Tensor<T>& dy) { return element_at(dy, offset); }));
}
template <class T>
Tensor<T> element_at(const Tensor<T>& x, Index offset, const Location& where) {
  Tensor<T> result = x.alias({}, offset);
  if (!records("element", x)) return result;
  return record({"element", where}, std::move(result),
                wrt(x, [offset, whole = x.shape()](const Tensor<T>& dy) { return Placed<T>{dy, offset, whole}; }));
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

}}  // namespace eigengrad::EIGENGRAD_ABI
