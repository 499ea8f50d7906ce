#pragma once

#include <algorithm>

#include "../autograd/engine/compute.hpp"
#include "../core/shape.hpp"
#include "../core/tensor.hpp"
#include "../core/threads.hpp"
#include "../formula/expression.hpp"

// Rows and columns around images, and their gradient.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What stands around an image: zeros; the image mirrored, its edge left out; its edge; or its other end.
enum class PaddingMode { zeros, reflect, replicate, circular };

/// How many rows and columns are added on each side.
struct EdgeSizes {
  Index top = 0, bottom = 0, left = 0, right = 0;
};

/// Images of rows and columns, one after another, and what is added around each.
struct PaddedImages {
  Index images, rows, columns;
  EdgeSizes edges;
  PaddingMode mode;

  Index padded_rows() const { return rows + edges.top + edges.bottom; }
  Index padded_columns() const { return columns + edges.left + edges.right; }
  /// Where the number at place `i`, counted from the image's first, is taken from; -1 where it is 0.
  Index source(Index i, Index size) const {
    if (i >= 0 && i < size) return i;
    switch (mode) {
      case PaddingMode::reflect:
        return i < 0 ? -i : 2 * (size - 1) - i;
      case PaddingMode::replicate:
        return i < 0 ? 0 : size - 1;
      case PaddingMode::circular:
        return i < 0 ? i + size : i - size;
      default:
        return -1;
    }
  }
  /// body(row of x, row of the padded), for all rows that are taken from x, in order; body_of_zeros for the others.
  template <class Body, class Zeros>
  void for_rows(const Body& body, const Zeros& body_of_zeros) const {
    const Index height = padded_rows();
    const Index least = std::max<Index>(1, (Index{1} << 16) / (height * padded_columns() + 1));
    parallel_ranges(images, 1, least, [&](Index begin, Index end) {
      for (Index n = begin; n < end; ++n)
        for (Index y = 0; y < height; ++y) {
          const Index from = source(y - edges.top, rows);
          from < 0 ? body_of_zeros(n * height + y) : body(n * rows + from, n * height + y);
        }
    });
  }
};

template <class T>
EIGENGRAD_OUTLINE void pad_images(const PaddedImages& p, const T* x, T* y) {
  const Index width = p.padded_columns(), left = p.edges.left, right = left + p.columns;
  p.for_rows(
      [&](Index row, Index padded) {
        const T* from = x + row * p.columns;
        T* to = y + padded * width;
        const auto edge = [&](Index i) {
          const Index source = p.source(i - left, p.columns);
          to[i] = source < 0 ? T(0) : from[source];
        };
        for (Index i = 0; i < left; ++i) edge(i);
        std::copy_n(from, p.columns, to + left);
        for (Index i = right; i < width; ++i) edge(i);
      },
      [&](Index padded) { std::fill_n(y + padded * width, width, T(0)); });
}
/// dx = for every number of x the sum of all that were taken from it, in their order.
template <class T>
EIGENGRAD_OUTLINE void sum_padded(const PaddedImages& p, const T* dy, T* dx) {
  const Index width = p.padded_columns(), left = p.edges.left, right = left + p.columns;
  std::fill_n(dx, p.images * p.rows * p.columns, T(0));
  p.for_rows(
      [&](Index row, Index padded) {
        const T* from = dy + padded * width;
        T* to = dx + row * p.columns;
        const auto edge = [&](Index i) {
          const Index source = p.source(i - left, p.columns);
          if (source >= 0) to[source] += from[i];
        };
        for (Index i = 0; i < left; ++i) edge(i);
        for (Index i = 0; i < p.columns; ++i) to[i] += from[left + i];
        for (Index i = right; i < width; ++i) edge(i);
      },
      [](Index) {});
}

EIGENGRAD_COLD inline PaddedImages padded_images(const Shape& x, const EdgeSizes& edges, PaddingMode mode,
                                                 const Location& where) {
  require<ShapeError>(x.rank() >= 2, "pad2d: x is ", x, ": it must be [..., rows, columns]", where);
  const Index rows = x[x.rank() - 2], columns = x.back();
  PaddedImages result{1, rows, columns, edges, mode};
  for (Index axis = 0; axis < x.rank() - 2; ++axis) result.images *= x[axis];
  constexpr Index most = (Index{1} << 31) - 1;
  const auto fits = [&](Index before, Index after, Index size) {
    const Index wider = (std::max)(before, after);
    if (before < 0 || after < 0 || wider > most) return false;
    if (wider == 0 || mode == PaddingMode::zeros) return true;
    return mode == PaddingMode::replicate ? size > 0 : wider <= (mode == PaddingMode::reflect ? size - 1 : size);
  };
  require<ShapeError>(fits(edges.top, edges.bottom, rows) && fits(edges.left, edges.right, columns), "pad2d: x is ", x,
                      ", to be padded by ", edges.top, " and ", edges.bottom, " rows, ", edges.left, " and ",
                      edges.right,
                      " columns: none may be negative, to reflect there must be fewer than the image has, and to go on "
                      "at its other end no more",
                      where);
  return result;
}

template <class T>
Tensor<T> sum_padded(const Tensor<T>& dy, const Shape& shape, const PaddedImages& p, const Location& where);

/// x [..., rows, columns] with more of both around it, by `mode`. Gradient: dy at all the places a number was copied
/// to, summed. Throws ShapeError for edges that the mode cannot fill.
template <Expression X>
Tensor<typename X::Element> pad2d(const X& expression, const EdgeSizes& edges, PaddingMode mode = PaddingMode::zeros,
                                  Location where = Location::current()) {
  using T = typename X::Element;
  const Tensor<T>& x = expression.to_tensor();
  const PaddedImages p = padded_images(x.shape(), edges, mode, where);
  Shape shape = x.shape();
  shape.set(shape.rank() - 2, p.padded_rows());
  shape.set(shape.rank() - 1, p.padded_columns());
  const auto run = [p](T* to, const Tensor<T>& from) { pad_images(p, kernel_access(from).numbers(), to); };
  const auto again = [edges, mode](const auto& dx) { return pad2d(dx, edges, mode); };
  return compute<T>(
      {"pad2d", where}, shape, run,
      with_respect_to(
          x, [p, from = x.shape(), where](const Tensor<T>& dy) { return sum_padded(dy, from, p, where); }, again));
}
template <class T>
Tensor<T> sum_padded(const Tensor<T>& dy, const Shape& shape, const PaddedImages& p, const Location& where) {
  const auto run = [p](T* to, const Tensor<T>& from) { sum_padded(p, kernel_access(from).numbers(), to); };
  return compute<T>({"sum_padded", where}, shape, run,
                    with_respect_to(dy, [p, where](const Tensor<T>& dx) { return pad2d(dx, p.edges, p.mode, where); }));
}

}}  // namespace eigengrad::EIGENGRAD_ABI
