#pragma once

#include <optional>

#include "../autograd/engine/compute.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../kernels/lookup/embedding.hpp"

// Rows of a table by their numbers. Looking up and adding up at the same numbers are each other's gradient.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Throws IndexError for a number that no row of the table has, and says where it stands.
EIGENGRAD_LAZY void require_rows(const char* operation, const Tensor<std::int64_t>& indices, const Shape& table,
                                 const Location& where) {
  const std::int64_t* const numbers = kernel_access(indices).numbers();
  const Index wrong = lookup::first_out_of_range(numbers, indices.size(), table[0]);
  if (wrong < 0) [[likely]]
    return;
  std::string position = to_text(wrong);
  if (indices.rank() != 1) {
    Shape at = indices.shape();
    Index rest = wrong;
    for (Index axis = at.rank() - 1; axis >= 0; rest /= indices.shape()[axis--])
      at.set(axis, rest % indices.shape()[axis]);
    position = to_text(at);
  }
  fail<IndexError>(operation, ": index ", numbers[wrong], " at position ", position, " is outside the table ", table,
                   ": use 0 to ", table[0] - 1, ", or make the table larger", where);
}
/// The row that padding stands for, or -1; negative ones count from the end.
inline Index padding_row(const char* operation, const std::optional<Index>& padding, const Shape& table,
                         const Location& where) {
  if (!padding) return -1;
  const Index row = *padding < 0 ? *padding + table[0] : *padding;
  require<IndexError>(row >= 0 && row < table[0], operation, ": padding_idx ", *padding, " is no row of the table ",
                      table, ": use -", table[0], " to ", table[0] - 1, where);
  return row;
}
inline void require_table(const char* operation, const Shape& table, const Location& where) {
  require<ShapeError>(table.rank() == 2, operation, ": the table is ", table, ": give [rows, features]", where);
}

template <class T>
Tensor<T> picked_rows(const OperationName& name, const Tensor<T>& table, const Tensor<std::int64_t>& indices,
                      Index padding, bool padding_is_zero);

/// The rows of dy added up where they were picked, but for those of `padding`: the gradient of a table.
template <class T>
struct ScatteredRows {
  Tensor<T> dy;
  Tensor<std::int64_t> indices;
  Index padding;
  Shape target_shape;

  const Shape& shape() const { return target_shape; }
  void write_to(Tensor<T>& target, bool add) const {
    scatter(kernel_access(target).writable_numbers(), dy, indices, add);
  }
  void scatter(T* to, const Tensor<T>& rows, const Tensor<std::int64_t>& at, bool add) const {
    lookup::scatter_rows(kernel_access(rows).numbers(), kernel_access(at).numbers(), at.size(), target_shape[0],
                         target_shape[1], padding, to, add);
  }
  /// What flows back is picked at the same rows.
  Tensor<T> to_tensor() const {
    const auto run = [padding = padding, shape = target_shape](T* to, const Tensor<T>& rows,
                                                               const Tensor<std::int64_t>& at) {
      ScatteredRows{{}, {}, padding, shape}.scatter(to, rows, at, false);
    };
    const auto picked = [at = indices, padding = padding](const auto& again) {
      return picked_rows("pick_rows", again, at, padding, true);
    };
    return compute<T>("scatter_rows", target_shape, run, with_respect_to(dy, picked), indices);
  }
};

template <class T>
Tensor<T> picked_rows(const OperationName& name, const Tensor<T>& table, const Tensor<std::int64_t>& indices,
                      Index padding, bool padding_is_zero) {
  const Index size = table.shape()[1];
  Shape shape = indices.shape();
  shape.push_back(size);
  const auto run = [=](T* to, const Tensor<T>& from, const Tensor<std::int64_t>& at) {
    require_rows(name.name, at, from.shape(), name.where);
    const std::int64_t* const rows = kernel_access(at).numbers();
    lookup::gather_rows(kernel_access(from).numbers(), rows, at.size(), size, to);
    if (padding_is_zero && padding >= 0)
      for (Index i = 0; i < at.size(); ++i)
        if (rows[i] == padding) std::fill_n(to + i * size, size, T(0));
  };
  const auto from_rows = [=, whole = table.shape()](const auto& dy) {
    return ScatteredRows<T>{dy, indices, padding, whole};
  };
  const auto again = [=](const auto& other) {
    return picked_rows("pick_rows", other, indices, padding, padding_is_zero);
  };
  return compute<T>(name, shape, run, with_respect_to(table, from_rows, again), indices);
}

/// Rows of a table [rows, features] by their numbers, of any shape: [...] -> [..., features]. The gradient is added up
/// in the table's shape, in the order of the indices; the row `padding_idx` gets none (negative: counted from the end).
/// Throws IndexError for a number outside the table, and says at which position.
template <Expression X>
Tensor<typename X::Element> embedding(const Tensor<std::int64_t>& indices, const X& table,
                                      std::optional<Index> padding_idx = {}, Location where = Location::current()) {
  const Tensor<typename X::Element>& rows = table.to_tensor();
  require_table("embedding", rows.shape(), where);
  const Index padding = padding_row("embedding", padding_idx, rows.shape(), where);
  return picked_rows({"embedding", where}, rows, indices.detach(), padding, false);
}

// Compiled: Tensor<T> picked_rows(const OperationName&, const Tensor<T>&, const Tensor<std::int64_t>&, Index, bool)
}}  // namespace eigengrad::EIGENGRAD_ABI
