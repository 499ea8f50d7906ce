#pragma once

#include <iterator>

#include "../core/tensor.hpp"
#include "dataset.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

struct LoaderOptions {
  Index batch_size = 32;
  bool shuffle = true;
  std::uint64_t seed = 0;
  bool drop_last = false;  // leave out a last batch that is not full
};

/// Some samples of a data set: inputs [batch, ...] and targets [batch, ...].
template <class T, class Y = T>
struct Batch {
  Tensor<T> inputs;
  Tensor<Y> targets;
  Index size() const { return inputs.shape()[0]; }
};

/// Cuts a data set into batches; each range-for over the loader is one epoch:
///   for (const auto& [inputs, targets] : loader) ...
/// The order of an epoch depends on the seed and the epoch's number alone, so set_epoch(n) resumes a training run.
/// Unshuffled batches share the data's storage; shuffled ones are copies in pooled buffers.
template <class T, class Y = T>
class DataLoader {
 public:
  /// Throws ValueError unless batch_size is positive; ShapeError when inputs and targets do not match.
  explicit DataLoader(Dataset<T, Y> dataset, LoaderOptions options = {}, Location where = Location::current())
      : dataset_(std::move(dataset)), options_(options) {
    dataset_.validate(where);
    require<ValueError>(options_.batch_size > 0, "loader: batch_size is ", options_.batch_size,
                        ": it must be at least 1", where);
  }
  DataLoader(Tensor<T> inputs, Tensor<Y> targets, LoaderOptions options = {}, Location where = Location::current())
      : DataLoader(Dataset<T, Y>(std::move(inputs), std::move(targets), where), options, where) {}

  /// The number of batches in an epoch: 0 for an empty data set, 1 when a batch holds it all.
  Index size() const {
    const Index full = dataset_.size() / options_.batch_size;
    return full + (!options_.drop_last && dataset_.size() % options_.batch_size != 0 ? 1 : 0);
  }
  const Dataset<T, Y>& dataset() const { return dataset_; }
  const LoaderOptions& options() const { return options_; }

  /// The number of the epoch that the next loop runs, from 0; starting a loop moves on to the next.
  std::uint64_t epoch() const { return epoch_; }
  void set_epoch(std::uint64_t epoch) { epoch_ = epoch; }

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Batch<T, Y>;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = Batch<T, Y>;

    /// Throws Error when another loop over the same loader has begun meanwhile: its order has changed.
    Batch<T, Y> operator*() const {
      require<Error>(pass_ == loader_->pass_, "loader: a second loop began while this one ran: copy the loader for it");
      return loader_->batch(number_);
    }
    Iterator& operator++() {
      ++number_;
      return *this;
    }
    void operator++(int) { ++number_; }
    friend bool operator==(const Iterator& a, std::default_sentinel_t) { return a.number_ >= a.loader_->size(); }

   private:
    friend DataLoader;
    Iterator(const DataLoader* loader, std::uint64_t pass) : loader_(loader), pass_(pass) {}

    const DataLoader* loader_;
    std::uint64_t pass_;
    Index number_ = 0;
  };

  /// Starts the epoch `epoch()`.
  Iterator begin() {
    if (options_.shuffle) {
      Generator generator(options_.seed);
      generator.seed(generator.next() + epoch_);
      shuffled_positions(order_, dataset_.size(), generator);
    }
    ++epoch_;
    return Iterator(this, ++pass_);
  }
  std::default_sentinel_t end() const { return {}; }

 private:
  Batch<T, Y> batch(Index number) const {
    const Index first = number * options_.batch_size;
    const Index last = (std::min)(first + options_.batch_size, dataset_.size());
    if (!options_.shuffle) return {take_rows(dataset_.inputs, first, last), take_rows(dataset_.targets, first, last)};
    const std::span<const Index> positions(order_.data() + first, static_cast<std::size_t>(last - first));
    return {gather_rows(dataset_.inputs, positions), gather_rows(dataset_.targets, positions)};
  }

  Dataset<T, Y> dataset_;
  LoaderOptions options_;
  std::vector<Index> order_;
  std::uint64_t epoch_ = 0;
  std::uint64_t pass_ = 0;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
