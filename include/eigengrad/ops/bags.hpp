#pragma once

#include <optional>

#include "../autograd/engine/compute.hpp"
#include "../core/compute_values.hpp"
#include "../core/tensor.hpp"
#include "../formula/apply.hpp"
#include "../kernels/lookup/embedding_bag.hpp"
#include "arithmetic.hpp"
#include "groups.hpp"
#include "lookup.hpp"
#include "shape.hpp"
#include "sum.hpp"

// Bags of a table's rows, brought together.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// How the rows of a bag are brought together.
enum class BagMode { sum, mean, max };
/// Settings of embedding_bag. Rows `padding_idx` are in no bag and get no gradient. With include_last_offset the last
/// offset is where the last bag ends.
struct EmbeddingBagOptions {
  BagMode mode = BagMode::mean;
  std::optional<Index> padding_idx = {};
  bool include_last_offset = false;
};

/// The sum or mean of bags: what its gradients need.
template <class T>
struct SummedBags {
  Tensor<T> table, weights;  // weights: one for each index, or none
  Tensor<std::int64_t> indices, offsets;
  Index padding;
  bool mean;

  static lookup::Bags bags(const Tensor<std::int64_t>& indices, const Tensor<std::int64_t>& offsets, Index padding) {
    return {kernel_access(indices).numbers(), kernel_access(offsets).numbers(), indices.size(), offsets.size(),
            padding};
  }
  static const T* weights_of(const Tensor<T>& given) {
    return given.size() > 0 ? kernel_access(given).numbers() : nullptr;
  }

  // By recorded operations, to be differentiated again: every index' share of its bag's dy, and what it is of.
  Tensor<T> upstream_of_indices(const Tensor<T>& dy) const {
    const auto bag_of = compute_values<std::int64_t>(
        "embedding_bag", indices.shape(),
        [padding = padding](std::int64_t* to, const auto& at, const auto& from) {
          const lookup::Bags all = bags(at, from, padding);
          for (Index b = 0; b < all.bags; ++b) std::fill(to + all.begin(b), to + all.end(b), b);
        },
        indices, offsets);
    const Tensor<T> rows = picked_rows("pick_rows", dy, bag_of, -1, false);
    if (!mean) return rows;
    const auto share = compute_values<T>(
        "embedding_bag", {indices.size(), 1},
        [padding = padding](T* to, const auto& at, const auto& from) {
          const lookup::Bags all = bags(at, from, padding);
          for (Index b = 0; b < all.bags; ++b)
            std::fill(to + all.begin(b), to + all.end(b), lookup::share_of_row<T>(all, b, true));
        },
        indices, offsets);
    return rows * share;
  }
  Tensor<T> gradient_of_weights(const Tensor<T>& dy) const {
    if (records_gradients()) [[unlikely]]
      return sum(upstream_of_indices(dy) * picked_rows("pick_rows", table, indices, padding, true), -1);
    const auto run = [padding = padding](T* to, const Tensor<T>& rows, const Tensor<T>& upstream, const auto& at,
                                         const auto& from) {
      lookup::bag_weights_gradient(kernel_access(rows).numbers(), kernel_access(upstream).numbers(),
                                   bags(at, from, padding), rows.shape()[1], to);
    };
    return compute_values<T>("embedding_bag", indices.shape(), run, table, dy, indices, offsets);
  }
  Tensor<T> gradient_of_table(const Tensor<T>& dy) const {
    if (records_gradients()) [[unlikely]] {
      Tensor<T> rows = upstream_of_indices(dy);
      if (weights.size() > 0) rows = rows * recorded_reshape(weights, Shape{indices.size(), 1});
      return ScatteredRows<T>{rows, indices, padding, table.shape()}.to_tensor();
    }
    const auto run = [padding = padding, mean = mean, shape = table.shape()](
                         T* to, const Tensor<T>& upstream, const Tensor<T>& factors, const auto& at, const auto& from) {
      lookup::sum_bags_gradient(kernel_access(upstream).numbers(), bags(at, from, padding), weights_of(factors), mean,
                                shape[0], shape[1], to);
    };
    return compute_values<T>("embedding_bag", table.shape(), run, dy, weights, indices, offsets);
  }
};

/// The gradient of the largest numbers of bags: dy at the rows that had them.
template <class T>
Tensor<T> gradient_of_largest(const Tensor<T>& dy, const Tensor<std::int64_t>& winners, const Shape& table) {
  const Index size = table[1];
  if (!records_gradients()) [[likely]] {
    const auto run = [=](T* to, const Tensor<T>& upstream, const Tensor<std::int64_t>& rows) {
      lookup::max_bags_gradient(kernel_access(upstream).numbers(), kernel_access(rows).numbers(), rows.shape()[0],
                                table[0], size, to);
    };
    return compute_values<T>("embedding_bag", table, run, dy, winners);
  }
  const Tensor<T> there = Tensor<T>::empty(winners.shape());  // 0 where a bag is empty
  const auto find = [size](std::int64_t* to, const Tensor<std::int64_t>& rows, T* found) {
    for (Index k = 0; k < rows.size(); ++k) {
      const std::int64_t row = kernel_access(rows).numbers()[k];
      to[k] = (std::max)(row, std::int64_t{0}) * size + k % size;
      found[k] = row < 0 ? T(0) : T(1);
    }
  };
  const auto places =
      compute_values<std::int64_t>("embedding_bag", winners.shape(), find, winners, extra_output(there));
  return Scattered<T>{dy * there, places, table}.to_tensor();
}

template <class T>
Tensor<T> embedding_bag_of(const Tensor<std::int64_t>& indices, const Tensor<T>& table,
                           const Tensor<std::int64_t>& offsets, const Tensor<T>& weights,
                           const EmbeddingBagOptions& options, const Location& where) {
  const char* const name = "embedding_bag";
  require_table(name, table.shape(), where);
  require<ShapeError>(indices.rank() == 1 && offsets.rank() == 1, name, ": the indices are ", indices.shape(),
                      ", the offsets are ", offsets.shape(), ": give indices [n] with offsets [bags], or [bags, n]",
                      where);
  require<ShapeError>(weights.shape() == Shape::empty() || weights.shape() == indices.shape(), name,
                      ": the indices are ", indices.shape(), ", per_sample_weights are ", weights.shape(),
                      ": give one for each index", where);
  require<ValueError>(weights.shape() == Shape::empty() || options.mode == BagMode::sum, name,
                      ": per_sample_weights go with sums: set {.mode = BagMode::sum}", where);
  const Index padding = padding_row(name, options.padding_idx, table.shape(), where), size = table.shape()[1];
  const auto checked_bags = [=](const Tensor<T>& rows, const Tensor<std::int64_t>& at,
                                const Tensor<std::int64_t>& from) {
    require_rows(name, at, rows.shape(), where);
    const lookup::Bags bags = SummedBags<T>::bags(at, from, padding);
    const Index wrong = bags.first_wrong_offset();
    if (wrong >= 0)
      fail<IndexError>(name, ": offset ", bags.offsets[wrong], " at position ", wrong, ", for ", at.size(),
                       " indices: offsets begin with 0, do not decrease and do not pass the last index", where);
    return bags;
  };
  const Shape shape{offsets.size(), size};
  if (options.mode == BagMode::max) {
    const auto winners = Tensor<std::int64_t>::empty(shape);
    const auto run = [=](T* to, const Tensor<T>& rows, const Tensor<std::int64_t>& at, const Tensor<std::int64_t>& from,
                         std::int64_t* rows_of_largest) {
      lookup::max_bags(kernel_access(rows).numbers(), checked_bags(rows, at, from), size, to, rows_of_largest);
    };
    const auto back = [winners, whole = table.shape()](const Tensor<T>& dy) {
      return gradient_of_largest(dy, winners, whole);
    };
    return compute<T>({name, where}, shape, run, with_respect_to(table, back), indices, offsets, extra_output(winners));
  }
  const bool mean = options.mode == BagMode::mean;
  const SummedBags<T> all{table, weights, indices, offsets, padding, mean};
  const auto run = [=](T* to, const Tensor<T>& rows, const Tensor<T>& factors, const Tensor<std::int64_t>& at,
                       const Tensor<std::int64_t>& from) {
    lookup::sum_bags(kernel_access(rows).numbers(), checked_bags(rows, at, from), SummedBags<T>::weights_of(factors),
                     mean, size, to);
  };
  return compute<T>({name, where}, shape, run,
                    with_respect_to(table, [all](const Tensor<T>& dy) { return all.gradient_of_table(dy); }),
                    with_respect_to(weights, [all](const Tensor<T>& dy) { return all.gradient_of_weights(dy); }),
                    indices, offsets);
}

/// The sum, mean or largest of each bag of a table's rows. Bag b has the indices [n] from offsets[b] up to the next
/// one's: -> [bags, features]; an empty bag gives 0. `weights` [n], if given, multiply the rows of a sum; gradients go
/// to the table and to them. Throws IndexError for an index or an offset out of range.
template <Expression X>
Tensor<typename X::Element> embedding_bag(const Tensor<std::int64_t>& indices, const X& table,
                                          const Tensor<std::int64_t>& offsets,
                                          const Tensor<typename X::Element>& weights,
                                          const EmbeddingBagOptions& options = {},
                                          Location where = Location::current()) {
  if (!options.include_last_offset)
    return embedding_bag_of<typename X::Element>(indices.detach(), table.to_tensor(), offsets.detach(), weights,
                                                 options, where);
  const Index bags = offsets.size() - 1;
  require<ShapeError>(offsets.rank() == 1 && bags >= 0, "embedding_bag: the offsets are ", offsets.shape(),
                      ": with include_last_offset give [bags + 1]", where);
  require<IndexError>(kernel_access(offsets).numbers()[bags] == indices.size(), "embedding_bag: the last offset is ",
                      kernel_access(offsets).numbers()[bags], " for ", indices.size(), " indices: give their number",
                      where);
  return embedding_bag_of<typename X::Element>(indices.detach(), table.to_tensor(),
                                               kernel_access(offsets).alias({bags}), weights, options, where);
}
template <Expression X>
Tensor<typename X::Element> embedding_bag(const Tensor<std::int64_t>& indices, const X& table,
                                          const Tensor<std::int64_t>& offsets, const EmbeddingBagOptions& options = {},
                                          Location where = Location::current()) {
  return embedding_bag(indices, table, offsets, Tensor<typename X::Element>(), options, where);
}
/// Bags of one size, with weights: indices and weights [bags, n].
template <Expression X>
Tensor<typename X::Element> embedding_bag_of_rows(const Tensor<std::int64_t>& indices, const X& table,
                                                  const Tensor<typename X::Element>& weights,
                                                  const EmbeddingBagOptions& options = {},
                                                  Location where = Location::current()) {
  using T = typename X::Element;
  require<ShapeError>(indices.rank() == 2 && !options.include_last_offset, "embedding_bag: the indices are ",
                      indices.shape(), ": without offsets give [bags, n]", where);
  const bool weighted = !(weights.shape() == Shape::empty());
  require<ShapeError>(!weighted || weights.shape() == indices.shape(), "embedding_bag: the indices are ",
                      indices.shape(), ", per_sample_weights are ", weights.shape(), ": give one for each index",
                      where);
  const Index bags = indices.shape()[0], size = indices.shape()[1];
  const auto offsets = compute_values<std::int64_t>("embedding_bag", {bags}, [=](std::int64_t* to) {
    for (Index b = 0; b < bags; ++b) to[b] = b * size;
  });
  return embedding_bag_of<T>(kernel_access(indices).alias({indices.size()}), table.to_tensor(), offsets,
                             weighted ? recorded_reshape(weights, Shape{indices.size()}, where) : weights, options,
                             where);
}
/// Bags of one size: indices [bags, n].
template <Expression X>
Tensor<typename X::Element> embedding_bag(const Tensor<std::int64_t>& indices, const X& table,
                                          const EmbeddingBagOptions& options = {},
                                          Location where = Location::current()) {
  return embedding_bag_of_rows(indices, table, Tensor<typename X::Element>(), options, where);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
