#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "../core/tensor.hpp"

// Inputs and targets that belong together, and parts of them.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The numbers 0 to count - 1 in random order, the same for the same generator state (Fisher and Yates).
EIGENGRAD_LAZY void shuffled_positions(std::vector<Index>& positions, Index count, Generator& generator) {
  positions.resize(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<Index>(i);
  for (std::size_t i = positions.size(); i > 1; --i)
    std::swap(positions[i - 1], positions.begin()[static_cast<Index>(generator.below(i))]);
}

/// The entries [begin, end) of the first axis, [n, ...] -> [end - begin, ...]; shares the storage.
template <class T>
Tensor<T> take_rows(const Tensor<T>& source, Index begin, Index end, Location where = Location::current()) {
  require<ShapeError>(source.rank() > 0, "take: shape ", source.shape(), " has no first axis", where);
  require<IndexError>(0 <= begin && begin <= end && end <= source.shape()[0], "take: rows ", begin, " to ", end,
                      " of shape ", source.shape(), ": they must lie in 0 to ", source.shape()[0], where);
  Shape shape = source.shape();
  const Index row = shape[0] == 0 ? 0 : shape.size() / shape[0];
  shape.set(0, end - begin);
  return kernel_access(source).alias(shape, begin * row);
}

/// The chosen entries of the first axis in the order given, [n, ...] -> [positions, ...]; a copy.
/// Throws IndexError for a position outside the first axis.
template <class T>
Tensor<T> gather_rows(const Tensor<T>& source, std::span<const Index> positions, Location where = Location::current()) {
  require<ShapeError>(source.rank() > 0, "subset: shape ", source.shape(), " has no first axis", where);
  const Index rows = source.shape()[0], row = rows == 0 ? 0 : source.size() / rows;
  Shape shape = source.shape();
  shape.set(0, static_cast<Index>(positions.size()));
  Tensor<T> result = Tensor<T>::empty(shape);
  T* next = kernel_access(result).writable_numbers();
  for (const Index position : positions) {
    require<IndexError>(position >= 0 && position < rows, "subset: position ", position, " of shape ", source.shape(),
                        ": positions go from 0 to ", rows - 1, where);
    next = std::copy_n(kernel_access(source).numbers() + position * row, row, next);
  }
  return result;
}

/// Inputs [n, ...] and their targets [n, ...], with Y = std::int64_t and shape [n] for class labels.
/// Copying shares the storage. Throws ShapeError naming both shapes when the first axes differ.
template <class T, class Y = T>
struct Dataset {
  Tensor<T> inputs;
  Tensor<Y> targets;
  std::vector<std::string> input_names = {};  // of the columns, where they have names
  std::vector<std::string> class_names = {};  // class_names[label], where the classes have names

  Dataset() = default;
  Dataset(Tensor<T> all_inputs, Tensor<Y> all_targets, Location where = Location::current())
      : inputs(std::move(all_inputs)), targets(std::move(all_targets)) {
    validate(where);
  }

  /// The number of samples.
  Index size() const { return inputs.rank() == 0 ? 0 : inputs.shape()[0]; }

  void validate(Location where = Location::current()) const {
    require<ShapeError>(inputs.rank() > 0 && targets.rank() > 0 && inputs.shape()[0] == targets.shape()[0],
                        "dataset: inputs ", inputs.shape(), " and targets ", targets.shape(),
                        " must have the same first axis: one entry per sample", where);
  }

  /// The samples [begin, end); shares the storage.
  Dataset take(Index begin, Index end, Location where = Location::current()) const {
    Tensor<T> some_inputs = take_rows(inputs, begin, end, where);
    return with(std::move(some_inputs), take_rows(targets, begin, end, where));
  }
  /// The samples at these positions, in their order; a copy.
  Dataset subset(std::span<const Index> positions, Location where = Location::current()) const {
    Tensor<T> some_inputs = gather_rows(inputs, positions, where);
    return with(std::move(some_inputs), gather_rows(targets, positions, where));
  }

  /// (train, test): shuffled by the seed, `test_fraction` of the samples (rounded) held out for the test.
  /// Throws ValueError when the fraction is not between 0 and 1 or one part would be empty.
  std::pair<Dataset, Dataset> split(double test_fraction, std::uint64_t seed = 0,
                                    Location where = Location::current()) const {
    validate(where);
    const Index held_out = held_out_of(test_fraction, where);
    std::vector<Index> order;
    Generator generator(seed);
    shuffled_positions(order, size(), generator);
    return cut(order, held_out);
  }

  /// As split, but each class keeps its share in both parts (up to rounding). Targets are class labels [n].
  std::pair<Dataset, Dataset> split_stratified(double test_fraction, std::uint64_t seed = 0,
                                               Location where = Location::current()) const
    requires std::integral<Y>
  {
    validate(where);
    require<ShapeError>(targets.rank() == 1, "split_stratified: targets are ", targets.shape(),
                        ", where class labels [n] are needed", where);
    const Index held_out = held_out_of(test_fraction, where), count = size();
    Generator generator(seed);
    std::vector<Index> order, spread(static_cast<std::size_t>(count));
    shuffled_positions(order, count, generator);
    std::stable_sort(order.begin(), order.end(), [this](Index a, Index b) {
      return kernel_access(targets).numbers()[a] < kernel_access(targets).numbers()[b];
    });
    // Sorted by class, the test's places evenly spaced: every class gives its share.
    const auto share = [&](Index rows) { return (rows * held_out + count / 2) / count; };
    Index in_test = 0, in_train = held_out;
    for (Index i = 0; i < count; ++i) {
      const bool test = share(i + 1) > share(i);
      spread[static_cast<std::size_t>(test ? in_test++ : in_train++)] = order[static_cast<std::size_t>(i)];
    }
    const auto mix = [&](Index begin, Index end) {
      for (Index i = end; i > begin + 1; --i)
        std::swap(spread[static_cast<std::size_t>(i - 1)],
                  spread[static_cast<std::size_t>(begin) + generator.below(static_cast<std::uint64_t>(i - begin))]);
    };
    mix(0, held_out);
    mix(held_out, count);
    return cut(spread, held_out);
  }

 private:
  Dataset with(Tensor<T> some_inputs, Tensor<Y> some_targets) const {
    Dataset result(std::move(some_inputs), std::move(some_targets));
    result.input_names = input_names;
    result.class_names = class_names;
    return result;
  }
  Index held_out_of(double test_fraction, Location where) const {
    require<ValueError>(test_fraction > 0 && test_fraction < 1, "split: the test's fraction is ", test_fraction,
                        ": it must lie between 0 and 1", where);
    const Index held_out = static_cast<Index>(std::llround(test_fraction * static_cast<double>(size())));
    require<ValueError>(held_out > 0 && held_out < size(), "split: of ", size(), " samples, ", held_out,
                        " would be held out: use more samples or another fraction than ", test_fraction, where);
    return held_out;
  }
  // The order's first entries are the test's.
  std::pair<Dataset, Dataset> cut(const std::vector<Index>& order, Index held_out) const {
    const std::span<const Index> all(order);
    return {subset(all.subspan(static_cast<std::size_t>(held_out))),
            subset(all.first(static_cast<std::size_t>(held_out)))};
  }
};

// Compiled: Tensor<T> gather_rows(const Tensor<T>&, std::span<const Index>, Location)
// Compiled: struct Dataset<T, T>
// Compiled: struct Dataset<T, std::int64_t>
// Compiled once: Tensor<std::int64_t> gather_rows(const Tensor<std::int64_t>&, std::span<const Index>, Location)
}}  // namespace eigengrad::EIGENGRAD_ABI
