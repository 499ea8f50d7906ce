#pragma once

#include "../core/compute_values.hpp"
#include "../core/tensor.hpp"

// Class labels as rows, and counted.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Class labels as rows with a single 1: [n] -> [n, classes]. Not differentiable.
/// Throws IndexError for a label outside 0 to classes - 1, ShapeError unless the labels are [n].
template <class T>
Tensor<T> one_hot(const Tensor<std::int64_t>& labels, Index classes, Location where = Location::current()) {
  require<ShapeError>(labels.rank() == 1, "one_hot: labels are ", labels.shape(), ", where [n] is needed: reshape them",
                      where);
  require<ValueError>(classes > 0, "one_hot: ", classes, " classes: there must be at least one", where);
  const auto run = [=](T* row, const Tensor<std::int64_t>& from) {
    std::fill_n(row, from.size() * classes, T(0));
    for (Index i = 0; i < from.size(); ++i, row += classes) {
      const std::int64_t label = kernel_access(from).numbers()[i];
      require<IndexError>(label >= 0 && label < classes, "one_hot: label ", label, " at position ", i,
                          " is outside 0 to ", classes - 1, ": raise the number of classes or correct the label",
                          where);
      row[label] = T(1);
    }
  };
  return compute_values<T>("one_hot", {labels.size(), classes}, run, labels);
}

/// How often each class occurs: labels [n] -> [classes]. Throws as one_hot.
EIGENGRAD_LAZY Tensor<std::int64_t> class_counts(const Tensor<std::int64_t>& labels, Index classes,
                                                 Location where = Location::current()) {
  require<ValueError>(classes > 0, "class_counts: ", classes, " classes: there must be at least one", where);
  const auto run = [=](std::int64_t* counts, const Tensor<std::int64_t>& from) {
    std::fill_n(counts, classes, std::int64_t{0});
    for (Index i = 0; i < from.size(); ++i) {
      const std::int64_t label = kernel_access(from).numbers()[i];
      require<IndexError>(label >= 0 && label < classes, "class_counts: label ", label, " at position ", i,
                          " is outside 0 to ", classes - 1, where);
      ++counts[label];
    }
  };
  return compute_values<std::int64_t>("class_counts", {classes}, run, labels);
}

// Compiled: Tensor<T> one_hot(const Tensor<std::int64_t>&, Index, Location)
}}  // namespace eigengrad::EIGENGRAD_ABI
