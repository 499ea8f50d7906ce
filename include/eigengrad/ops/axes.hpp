#pragma once

#include "../core/element_access.hpp"
#include "../core/shape.hpp"

// What a reduction works over, and what it leaves: all axes, one, or several in braces; negative ones count from the
// end.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The axes a reduction works over; negative ones count from the end, none named means all.
struct Axes {
  Axes() = default;
  template <std::integral Position>
  Axes(Position axis) : count(1) {
    axes[0] = static_cast<Index>(axis);
  }
  Axes(std::initializer_list<Index> list) : count(static_cast<int>(list.size())) {
    require<ShapeError>(list.size() <= static_cast<std::size_t>(Shape::max_rank), "axes: more than ", Shape::max_rank,
                        " named");
    std::copy(list.begin(), list.end(), axes);
  }

  Index axes[Shape::max_rank] = {};
  int count = 0;
};

/// What a reduction of `shape` over `over` leaves: `kept`, with size 1 on the reduced axes, and `result`, which drops
/// them unless keepdims. Throws IndexError for an axis the shape has not or that is named twice.
struct Reduced {
  Shape kept, result;
  Index count = 1;  // how many elements go into one

  Reduced(const Shape& shape, const Axes& over, bool keepdims, const char* operation, const Location& where) {
    if (over.count == 0) {
      for (Index axis = 0; axis < shape.rank(); ++axis) kept.push_back(1);
      if (keepdims) result = kept;
      count = shape.size();
      return;
    }
    bool reduced[Shape::max_rank] = {};
    for (int k = 0; k < over.count; ++k) {
      const Index axis = shape.checked_axis(over.axes[k], operation, where);
      require<IndexError>(!reduced[axis], operation, ": axis ", axis, " of shape ", shape, " is named twice", where);
      reduced[axis] = true;
    }
    for (Index axis = 0; axis < shape.rank(); ++axis) {
      const bool out = reduced[axis];
      kept.push_back(out ? 1 : shape[axis]);
      if (out) count *= shape[axis];
      if (!out || keepdims) result.push_back(kept[axis]);
    }
  }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
