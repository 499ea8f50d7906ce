#pragma once

#include <cmath>

#include "../../core/compute_values.hpp"
#include "../../core/tensor.hpp"
#include "../../ops/arithmetic.hpp"
#include "../module/layer.hpp"

// Dropout of whole channels, and the one that suits SELU.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What the dropouts here have in common: a probability, and a mask of 0 and `kept`, drawn number by number in order.
template <class T>
class DrawnMask {
 public:
  DrawnMask(const char* kind, double probability) : kind_(kind), p_(probability) {
    require<ValueError>(p_ >= 0 && p_ <= 1, kind, ": the probability ", p_, " is not in [0, 1]");
  }
  double probability() const { return p_; }
  Tensor<T> draw(const Shape& shape, double kept) const {
    const auto run = [size = shape.size(), scale = static_cast<T>(kept), probability = p_](T* to) {
      Generator& generator = default_generator();
      for (Index i = 0; i < size; ++i) to[i] = generator.uniform() < probability ? T(0) : scale;
    };
    return compute_values<T>(kind_, shape, run);
  }
  /// One number for each channel of x, whose channels are the axis `channels`.
  Tensor<T> draw_channels(const Shape& x, Index channels, double kept) const {
    Shape shape = x;
    for (Index axis = channels + 1; axis < x.rank(); ++axis) shape.set(axis, 1);
    return draw(shape, kept);
  }
  /// x where the mask keeps it.
  Tensor<T> dropped(const Tensor<T>& x, Index channels) const {
    const double kept = p_ < 1 ? 1 / (1 - p_) : 0;
    return {x * draw_channels(x.shape(), channels, kept), calling_line()};
  }
  /// a (x m - alpha (1 - m)) + a alpha p, where a is such that mean 0 and variance 1 stay; m is 1 where x stays.
  /// Klambauer, Unterthiner, Mayr, Hochreiter: Self-normalizing neural networks, 2017.
  Tensor<T> dropped_to_alpha(const Tensor<T>& x, Index channels) const {
    constexpr double alpha = 1.7580993408473766;  // SELU is never below -alpha
    if (p_ == 1) return {x * T(0), calling_line()};
    const double a = 1 / std::sqrt((alpha * alpha * p_ + 1) * (1 - p_));
    const Tensor<T> mask = draw_channels(x.shape(), channels, a);
    const auto factor = static_cast<T>(alpha), shift = static_cast<T>(alpha * a * (p_ - 1));
    return {x * mask + (mask * factor + shift), calling_line()};
  }

 private:
  const char* kind_;
  double p_;
};

/// In training, sets whole channels of sequences [n, channels, length] (or without n) to 0 with probability p and
/// scales the others by 1 / (1 - p); the identity in evaluation. Tompson, Goroshin, Jain, LeCun, Bregler: Efficient
/// object localization using convolutional networks, 2015. Throws ShapeError for other shapes.
template <class T>
class Dropout1d : public Layer<T> {
 public:
  explicit Dropout1d(double p = 0.5) : mask_("Dropout1d", p) {}
  Tensor<T> forward(const Tensor<T>& x) override {
    require<ShapeError>(x.rank() == 2 || x.rank() == 3, "Dropout1d: shape ", x.shape(),
                        ": give [n, channels, length], or one without n", calling_line());
    if (!this->is_training() || mask_.probability() == 0) return x;
    return mask_.dropped(x, x.rank() - 2);
  }
  std::string kind() const override { return "Dropout1d"; }

 private:
  DrawnMask<T> mask_;
};

/// The same of images [n, channels, rows, columns]; of [n, channels, length], as in PyTorch, too. Throws ShapeError for
/// other shapes.
template <class T>
class Dropout2d : public Layer<T> {
 public:
  explicit Dropout2d(double p = 0.5) : mask_("Dropout2d", p) {}
  Tensor<T> forward(const Tensor<T>& x) override {
    require<ShapeError>(x.rank() == 3 || x.rank() == 4, "Dropout2d: shape ", x.shape(),
                        ": give [n, channels, rows, columns]", calling_line());
    if (!this->is_training() || mask_.probability() == 0) return x;
    return mask_.dropped(x, 1);
  }
  std::string kind() const override { return "Dropout2d"; }

 private:
  DrawnMask<T> mask_;
};

/// In training, sets numbers to SELU's lower limit with probability p, then scales and shifts all so that mean 0 and
/// variance 1 stay; the identity in evaluation. Klambauer and others: Self-normalizing neural networks, 2017.
template <class T>
class AlphaDropout : public Layer<T> {
 public:
  explicit AlphaDropout(double p = 0.5) : mask_("AlphaDropout", p) {}
  Tensor<T> forward(const Tensor<T>& x) override {
    if (!this->is_training() || mask_.probability() == 0) return x;
    return mask_.dropped_to_alpha(x, x.rank() - 1);
  }
  std::string kind() const override { return "AlphaDropout"; }

 private:
  DrawnMask<T> mask_;
};

/// The same of whole channels: [n, channels, ...]. Throws ShapeError for other shapes.
template <class T>
class FeatureAlphaDropout : public Layer<T> {
 public:
  explicit FeatureAlphaDropout(double p = 0.5) : mask_("FeatureAlphaDropout", p) {}
  Tensor<T> forward(const Tensor<T>& x) override {
    require<ShapeError>(x.rank() >= 2, "FeatureAlphaDropout: shape ", x.shape(), ": give [n, channels, ...]",
                        calling_line());
    if (!this->is_training() || mask_.probability() == 0) return x;
    return mask_.dropped_to_alpha(x, 1);
  }
  std::string kind() const override { return "FeatureAlphaDropout"; }

 private:
  DrawnMask<T> mask_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
