#pragma once

#include <iterator>
#include <utility>

#include "../core/state_check.hpp"
#include "../core/tensor.hpp"
#include "dataset.hpp"

// Batches, shuffled anew each epoch.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of DataLoader.
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
  void set_epoch(std::uint64_t epoch) {
    epoch_ = epoch;
    start_ = position_ = 0;
  }

  /// Where it is: the epoch, and in the middle of one how many batches have been handed out. What it needs to hand out
  /// the rest in the same order is its data, which is not saved.
  EIGENGRAD_LAZY BasicNamedTensors<Lazy> state_dict() const {
    const bool within = position_ > 0 && position_ < size();
    BasicNamedTensors<Lazy> state;
    const auto add = [&](const char* name, std::int64_t number) {
      state.add(name, Tensor<std::int64_t>::full({}, number));
    };
    add("epoch", static_cast<std::int64_t>(within ? epoch_ - 1 : epoch_));
    add("position", within ? position_ : start_);
    add("seed", static_cast<std::int64_t>(options_.seed));
    add("samples", dataset_.size());
    add("batch_size", options_.batch_size);
    state.add("shuffle", Tensor<bool>::full({}, options_.shuffle));
    return state;
  }
  /// The next loop goes on from there. Throws ShapeError, and changes nothing, for the state of a loader over another
  /// number of samples, of another batch size, or that shuffles where this one does not.
  template <class Lazy>
  void load_state_dict(const BasicNamedTensors<Lazy>& state, Location where = Location::current()) {
    StateCheck<Lazy> comparison(state, "load_state_dict", "loader");
    const auto number = [&](const char* name) {
      const AnyTensor* tensor = comparison.template expect<std::int64_t>(name, {});
      return tensor != nullptr ? kernel_access(tensor->as<std::int64_t>()).numbers()[0] : std::int64_t{-1};
    };
    const auto same = [&](const char* name, auto theirs, auto mine) {
      if (state.contains(name) && theirs != mine) comparison.fault(name, " is ", theirs, ", the loader's is ", mine);
    };
    const std::int64_t epoch = number("epoch"), position = number("position"), seed = number("seed");
    same("samples", number("samples"), dataset_.size());
    same("batch_size", number("batch_size"), options_.batch_size);
    const AnyTensor* shuffle = comparison.template expect<bool>("shuffle", {});
    if (shuffle != nullptr) same("shuffle", kernel_access(shuffle->as<bool>()).numbers()[0], options_.shuffle);
    if (epoch < 0) comparison.fault("epoch is ", epoch);
    if (position < 0 || position > size()) comparison.fault("position is ", position, ", of ", size(), " batches");
    comparison.finish({}, where);
    options_.seed = static_cast<std::uint64_t>(seed);
    epoch_ = static_cast<std::uint64_t>(epoch);
    start_ = static_cast<Index>(position);
    position_ = 0;
    ++pass_;
  }

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
      loader_->position_ = number_ + 1;
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
    Iterator(DataLoader* loader, std::uint64_t pass, Index first) : loader_(loader), pass_(pass), number_(first) {}

    DataLoader* loader_;
    std::uint64_t pass_;
    Index number_;
  };

  /// Starts the epoch `epoch()`.
  Iterator begin() {
    if (options_.shuffle) {
      Generator generator(options_.seed);
      generator.seed(generator.next() + epoch_);
      shuffled_positions(order_, dataset_.size(), generator);
    }
    ++epoch_;
    position_ = 0;
    return Iterator(this, ++pass_, std::exchange(start_, 0));
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
  Index start_ = 0;     // the batch by which the next epoch begins, after a state was loaded
  Index position_ = 0;  // the batches of the running epoch that were handed out
};

// Compiled: class DataLoader<T, std::int64_t>
// Compiled: class DataLoader<T, T>
}}  // namespace eigengrad::EIGENGRAD_ABI
