#pragma once

#include <array>
#include <initializer_list>

#include "size.hpp"

// The sizes of a tensor's axes, and NumPy's broadcast of them.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The sizes of a tensor's axes, outermost first; kept inline, at most `max_rank` of them. Shape{} is a scalar's.
/// Throws ShapeError for a negative size, too many axes, or a product too large to index.
class Shape {
 public:
  static constexpr Index max_rank = 8;

  /// [0]: no elements.
  static constexpr Shape empty() { return Shape(NoElements()); }

  EIGENGRAD_INLINE Shape() { sizes_[0] = sizes_[1] = 1; }
  // Copied size by size: one wide load after the narrow stores that made the sizes would wait for them to reach the
  // cache.
  EIGENGRAD_INLINE Shape(const Shape& other) { copy(other); }
  EIGENGRAD_INLINE Shape& operator=(const Shape& other) {
    copy(other);
    return *this;
  }
  EIGENGRAD_INLINE Shape(std::initializer_list<Index> sizes) : Shape() {
    const Index* const first = sizes.begin();
    if (sizes.size() == 2 && is_small(first[0]) && is_small(first[1])) [[likely]] {
      rank_ = 2;
      size_ = first[0] * first[1];
      sizes_[0] = first[0];
      sizes_[1] = first[1];
    } else {
      push_back(first, sizes.end());
    }
  }
  template <class Iterator>
  Shape(Iterator first, Iterator last) : Shape() {
    push_back(first, last);
  }

  Index rank() const { return rank_; }
  /// The number of elements: the product of the sizes.
  Index size() const { return size_; }
  Index operator[](Index axis) const { return sizes_[axis]; }
  /// The size of an axis; negative axes count from the end.
  Index at(Index axis) const { return (*this)[checked_axis(axis, "shape")]; }
  const Index* begin() const { return sizes_; }
  const Index* end() const { return sizes_ + rank_; }
  Index back() const { return (*this)[rank_ - 1]; }

  EIGENGRAD_INLINE friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_ || a[0] != b[0] || a[1] != b[1]) return false;
    if (a.rank_ > 2) [[unlikely]]
      return a.same_behind(b);
    return true;
  }
  friend Shape operator+(Shape a, const Shape& b) {
    for (const Index size : b) a.push_back(size);
    return a;
  }

  /// Changes one axis' size.
  void set(Index axis, Index size) {
    sizes_[axis] = size;
    recount();
  }
  EIGENGRAD_OUTLINE void push_back(Index size) {
    append_size(size);
    if (size_ > 0 && size > 0) [[likely]]
      size_ = product(size_, size);
    else
      recount();
  }
  /// The shape with one axis taken out.
  Shape without(Index axis) const {
    Shape result;
    for (Index i = 0; i < rank_; ++i)
      if (i != axis) result.push_back((*this)[i]);
    return result;
  }
  /// Turns a negative axis into the one it counts back to; throws IndexError naming `operation` when there is none.
  EIGENGRAD_OUTLINE Index checked_axis(Index axis, std::string_view operation,
                                       Location where = Location::current()) const {
    const Index result = axis < 0 ? axis + rank_ : axis;
    require<IndexError>(rank_ > 0, operation, ": axis ", axis, " of shape [], a single number, which has no axes",
                        where);
    require<IndexError>(result >= 0 && result < rank_, operation, ": axis ", axis, " of shape ", *this, ", which has ",
                        rank_, " axes: use one of -", rank_, " to ", rank_ - 1, where);
    return result;
  }

  EIGENGRAD_COLD friend void append(std::string& text, const Shape& shape) {
    text += "[";
    for (Index axis = 0; axis < shape.rank_; ++axis) {
      if (axis > 0) text += ", ";
      append(text, shape[axis]);
    }
    text += "]";
  }

 private:
  struct NoElements {};
  constexpr explicit Shape(NoElements) : rank_(1), size_(0), sizes_{0, 1} {}

  // Neither an error nor, as one of two sizes, too large.
  static bool is_small(Index size) { return static_cast<std::size_t>(size) < (std::size_t{1} << 28); }
  template <class Iterator>
  void push_back(Iterator first, Iterator last) {
    for (; first != last; ++first) push_back(static_cast<Index>(*first));
  }

  void append_size(Index size) {
    require<ShapeError>(rank_ < max_rank, "shape: more than ", max_rank, " axes: merge some by reshape");
    require<ShapeError>(size >= 0, "shape: axis ", rank_, " has the negative size ", size);
    sizes_[rank_++] = size;
  }
  Index product(Index a, Index b) const {
    Index result = 0;
    require<ShapeError>(multiply_sizes(a, b, result), "shape: ", *this, " has more elements than can be indexed");
    return result;
  }
  void recount() {
    // An empty axis makes the product 0, but the other sizes must still be indexable.
    Index count = 1;
    bool none = false;
    for (const Index size : *this) {
      if (size > 0) count = product(count, size);
      none = none || size == 0;
    }
    size_ = none ? 0 : count;
  }

  EIGENGRAD_INLINE void copy(const Shape& other) {
    const Index rank = other.rank_, size = other.size_;
    rank_ = rank;
    EIGENGRAD_NO_VECTORS;
    size_ = size;
    EIGENGRAD_NO_VECTORS;
    sizes_[0] = other.sizes_[0];
    EIGENGRAD_NO_VECTORS;
    sizes_[1] = other.sizes_[1];
    EIGENGRAD_NO_VECTORS;
    if (rank > 2) [[unlikely]]
      copy_behind(other);
  }
  // What most shapes do not have: axes behind the second.
  void copy_behind(const Shape& other) {
    for (Index axis = 2; axis < other.rank_; ++axis) sizes_[axis] = other.sizes_[axis];
  }
  bool same_behind(const Shape& other) const {
    for (Index axis = 2; axis < rank_; ++axis)
      if (sizes_[axis] != other.sizes_[axis]) return false;
    return true;
  }

  Index rank_ = 0;
  Index size_ = 1;
  Index sizes_[max_rank];  // the first rank_ of them; of the others the first two are 1
};

/// NumPy's broadcast of two shapes: axes are aligned at the end, size 1 stretches. Throws ShapeError naming
/// `operation` and both shapes.
inline Shape broadcast(const Shape& a, const Shape& b, std::string_view operation) {
  if (a == b) return a;
  const Index rank = a.rank() > b.rank() ? a.rank() : b.rank();
  Shape result;
  for (Index axis = 0; axis < rank; ++axis) {
    const Index from_a = axis - (rank - a.rank()), from_b = axis - (rank - b.rank());
    const Index size_a = from_a < 0 ? 1 : a[from_a], size_b = from_b < 0 ? 1 : b[from_b];
    require<ShapeError>(size_a == size_b || size_a == 1 || size_b == 1, operation, ": shapes ", a, " and ", b,
                        " do not broadcast: counted from the last, each axis must have the same size or size 1");
    result.push_back(size_a == 1 ? size_b : size_a);
  }
  return result;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
