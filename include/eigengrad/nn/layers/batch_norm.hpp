#pragma once

#include <cstdint>
#include <optional>

#include "../../autograd/parameter.hpp"
#include "../../core/compute_values.hpp"
#include "../../core/tensor.hpp"
#include "../../formula/pointwise.hpp"
#include "../../ops/normalization.hpp"
#include "../module/layer.hpp"
#include "../module/module.hpp"

// Norms of channels that remember, for evaluation, what they met in training.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of BatchNorm1d and BatchNorm2d.
struct BatchNormOptions {
  double epsilon = 1e-5;
  std::optional<double> momentum = 0.1;  // how far running statistics go to the batch's; std::nullopt: their average
  bool affine = true;                    // a weight and a bias for every channel
  bool track_running_stats = true;       // false: the batch's statistics in evaluation, too
};
/// Settings of InstanceNorm1d and InstanceNorm2d.
struct InstanceNormOptions {
  double epsilon = 1e-5;
  std::optional<double> momentum = 0.1;
  bool affine = false;
  bool track_running_stats = false;
};

/// What BatchNorm and InstanceNorm are made of, by PyTorch's names.
template <class T>
class RunningNorm : public Layer<T> {
 public:
  void members(Members<T>& m) override {
    if (weight.size() > 0) {
      m("weight", weight);
      m("bias", bias);
    }
    if (!track_running_stats) return;
    m("running_mean", running_mean);
    m("running_var", running_var);
    m("num_batches_tracked", num_batches_tracked);
  }

  Index num_features;
  double epsilon, momentum;
  bool cumulative;  // running statistics are the average of all batches', whatever the momentum is
  bool track_running_stats;
  Parameter<T> weight, bias;
  Tensor<T> running_mean, running_var;
  Tensor<std::int64_t> num_batches_tracked;

 protected:
  template <class Options>
  EIGENGRAD_COLD RunningNorm(const char* name, Index features, const Options& options)
      : num_features(features),
        epsilon(options.epsilon),
        momentum(options.momentum.value_or(0)),
        cumulative(!options.momentum.has_value()),
        track_running_stats(options.track_running_stats) {
    require<ValueError>(features >= 0, name, ": ", features, " features: their number must not be negative");
    require<ValueError>(momentum >= 0 && momentum <= 1, name, ": the momentum ", momentum,
                        " is not in [0, 1]: it is the part of the new batch in the running statistics");
    normalization::require_epsilon(name, epsilon);
    if (options.affine) {
      weight.initialize_as(Tensor<T>::ones({features}));
      bias.initialize_as(Tensor<T>::zeros({features}));
    }
    if (!track_running_stats) return;
    running_mean = Tensor<T>::zeros({features});
    running_var = Tensor<T>::ones({features});
    num_batches_tracked = Tensor<std::int64_t>::zeros({});
  }

  /// Whether this step normalises by what it is given, not by what was met before.
  bool uses_batch() const {
    depends_on(this, epsilon);
    depends_on(this, track_running_stats);
    return this->is_training() || !track_running_stats;
  }
  /// Running statistics go their way to what the functions say of each channel, given the statistics that a norm left.
  template <class Mean, class Variance>
  void track(const char* name, const Tensor<T>& statistics, const Mean& mean, const Variance& variance) {
    depends_on(this, momentum);
    depends_on(this, cumulative);
    const auto go = [=, this](Tensor<T>& running, const auto& of_channel) {
      const auto run = [size = num_features, fixed = momentum, average = cumulative, of_channel](
                           T* to, const Tensor<T>& before, const Tensor<T>& batch, const Tensor<std::int64_t>& count) {
        using P = plain_t<T>;
        const auto batches = static_cast<double>(kernel_access(count).numbers()[0]);
        const P part = static_cast<P>(average ? 1 / batches : fixed);
        const T* const now = kernel_access(batch).numbers();
        for (Index c = 0; c < size; ++c)  // no tangents: a constant for all that comes after
          to[c] = T(P((P(1) - part) * plain_value(kernel_access(before).numbers()[c]) +
                      part * plain_value(of_channel(now, c))));
      };
      running = compute_values<T>(name, running.shape(), run, running, statistics, num_batches_tracked);
    };
    go(running_mean, mean);
    go(running_var, variance);
  }
};

/// Each channel normalised by its mean and biased variance over the batch in training, by the running mean and variance
/// in evaluation, times weight plus bias: [batch, channels, ...] -> the same. Ioffe, Szegedy: Batch normalization:
/// Accelerating deep network training by reducing internal covariate shift, 2015.
template <class T>
class BatchNorm : public RunningNorm<T> {
 public:
  EIGENGRAD_OUTLINE Tensor<T> forward(const Tensor<T>& x) override {
    require_input(x.shape());
    if (!this->uses_batch())
      return normalization::norm_batch_given(x, this->running_mean, this->running_var,
                                             normalization::if_any(this->weight), normalization::if_any(this->bias),
                                             this->epsilon, calling_line());
    const auto [y, statistics] = normalization::norm_batch(
        x, normalization::if_any(this->weight), normalization::if_any(this->bias), this->epsilon, calling_line());
    if (this->is_training() && this->track_running_stats) remember(statistics, x.size() > 0);
    return y;
  }

 protected:
  EIGENGRAD_COLD BatchNorm(const char* name, Index features, const BatchNormOptions& options)
      : RunningNorm<T>(name, features, options) {}
  virtual bool takes_rank(Index rank) const = 0;
  virtual const char* layout() const = 0;

 private:
  void require_input(const Shape& x) const {
    if (takes_rank(x.rank()) && x[1] == this->num_features) [[likely]]
      return;
    fail<ShapeError>(this->kind(), ": x is ", x, ": give ", layout(), " with ", this->num_features, " channels",
                     calling_line());
  }
  /// Of an empty batch only the count.
  void remember(const Tensor<T>& statistics, bool any) {
    const auto one_more = [](std::int64_t* to, const Tensor<std::int64_t>& before) {
      *to = kernel_access(before).numbers()[0] + 1;
    };
    auto& count = this->num_batches_tracked;
    count = compute_values<std::int64_t>("batch_norm", {}, one_more, count);
    if (!any) return;
    this->track(
        "batch_norm", statistics,
        [size = this->num_features](const T* kept, Index c) { return kept[c] + kept[size + c]; },
        [size = this->num_features](const T* kept, Index c) { return kept[3 * size + c]; });
  }
};

/// BatchNorm of [batch, channels] or [batch, channels, length].
template <class T>
class BatchNorm1d : public BatchNorm<T> {
 public:
  EIGENGRAD_COLD explicit BatchNorm1d(Index features, BatchNormOptions options = {})
      : BatchNorm<T>("BatchNorm1d", features, options) {}
  std::string kind() const override { return "BatchNorm1d"; }

 protected:
  bool takes_rank(Index rank) const override { return rank == 2 || rank == 3; }
  const char* layout() const override { return "[batch, channels] or [batch, channels, length]"; }
};
/// BatchNorm of images [batch, channels, height, width].
template <class T>
class BatchNorm2d : public BatchNorm<T> {
 public:
  EIGENGRAD_COLD explicit BatchNorm2d(Index features, BatchNormOptions options = {})
      : BatchNorm<T>("BatchNorm2d", features, options) {}
  std::string kind() const override { return "BatchNorm2d"; }

 protected:
  bool takes_rank(Index rank) const override { return rank == 4; }
  const char* layout() const override { return "[batch, channels, height, width]"; }
};

/// Each channel of each example normalised by its mean and variance: [batch, channels, ...], or without the batch ->
/// the same. It learns no weights unless asked, and remembers nothing; with track_running_stats it does as BatchNorm,
/// by the mean over the examples. Ulyanov, Vedaldi, Lempitsky: Instance normalization, 2016.
template <class T>
class InstanceNorm : public RunningNorm<T> {
 public:
  EIGENGRAD_OUTLINE Tensor<T> forward(const Tensor<T>& given) override {
    const Shape& shape = given.shape();
    const Index axes = spatial_axes();
    require_input(shape, axes);
    const bool alone = shape.rank() == axes + 1;
    const Tensor<T> x = alone ? recorded_reshape(given, Shape{1} + shape, calling_line()) : given;
    const Tensor<T> y = norm_of(x);
    return alone ? recorded_reshape(y, shape, calling_line()) : y;
  }

 protected:
  EIGENGRAD_COLD InstanceNorm(const char* name, Index features, const InstanceNormOptions& options)
      : RunningNorm<T>(name, features, options) {
    require<ValueError>(!options.track_running_stats || options.momentum.has_value(), name,
                        ": an average of all batches is not kept of instances: give a momentum");
  }
  virtual Index spatial_axes() const = 0;
  virtual const char* layout() const = 0;

 private:
  void require_input(const Shape& x, Index axes) const {
    if ((x.rank() == axes + 1 || x.rank() == axes + 2) && x[x.rank() - axes - 1] == this->num_features) [[likely]]
      return;
    fail<ShapeError>(this->kind(), ": x is ", x, ": give ", layout(), " with ", this->num_features, " channels",
                     calling_line());
  }
  Tensor<T> norm_of(const Tensor<T>& x) {
    if (!this->uses_batch())
      return normalization::norm_batch_given(x, this->running_mean, this->running_var,
                                             normalization::if_any(this->weight), normalization::if_any(this->bias),
                                             this->epsilon, calling_line());
    const auto [y, statistics] = normalization::norm_instances(
        x, normalization::if_any(this->weight), normalization::if_any(this->bias), this->epsilon, calling_line());
    if (this->is_training() && this->track_running_stats && x.size() > 0) remember(statistics, x.shape());
    return y;
  }
  void remember(const Tensor<T>& statistics, const Shape& x) {
    const Index batch = x[0], channels = x[1], sets = batch * channels;
    const auto count = static_cast<plain_t<T>>(x.size() / sets), added = static_cast<plain_t<T>>(this->epsilon);
    const auto mean_over_batch = [=](Index c, const auto& number) {
      T sum(0);
      for (Index set = c; set < sets; set += channels) sum = sum + number(set);
      return T(sum / T(static_cast<plain_t<T>>(batch)));
    };
    this->track(
        "instance_norm", statistics,
        [=](const T* kept, Index c) {
          return mean_over_batch(c, [=](Index set) { return T(kept[set] + kept[sets + set]); });
        },
        [=](const T* kept, Index c) {
          return mean_over_batch(c, [=](Index set) {
            const T scale = kept[2 * sets + set], variance = T(1) / (scale * scale) - T(added);
            return T(variance > T(0) ? variance * T(count / (count - 1)) : T(0));
          });
        });
  }
};

/// InstanceNorm of [batch, channels, length] or [channels, length].
template <class T>
class InstanceNorm1d : public InstanceNorm<T> {
 public:
  EIGENGRAD_COLD explicit InstanceNorm1d(Index features, InstanceNormOptions options = {})
      : InstanceNorm<T>("InstanceNorm1d", features, options) {}
  std::string kind() const override { return "InstanceNorm1d"; }

 protected:
  Index spatial_axes() const override { return 1; }
  const char* layout() const override { return "[batch, channels, length] or [channels, length]"; }
};
/// InstanceNorm of images [batch, channels, height, width] or [channels, height, width].
template <class T>
class InstanceNorm2d : public InstanceNorm<T> {
 public:
  EIGENGRAD_COLD explicit InstanceNorm2d(Index features, InstanceNormOptions options = {})
      : InstanceNorm<T>("InstanceNorm2d", features, options) {}
  std::string kind() const override { return "InstanceNorm2d"; }

 protected:
  Index spatial_axes() const override { return 2; }
  const char* layout() const override { return "[batch, channels, height, width] or [channels, height, width]"; }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
