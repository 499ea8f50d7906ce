#pragma once

#include "../../core/tensor.hpp"
#include "../../ops/plane_sizes.hpp"
#include "../../ops/resample.hpp"
#include "../../ops/unfold.hpp"
#include "../module/layer.hpp"

// Sequences and images at another size, as layers. They have no parameters.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// upsample as a layer: Upsample<float>({.scale_factor = 2}), or {.size = {8, 8}, .mode = UpsampleMode::bilinear}.
template <class T>
class Upsample : public Layer<T> {
 public:
  using Options = UpsampleOptions;

  explicit Upsample(UpsampleOptions options) : options_(options) {}
  Tensor<T> forward(const Tensor<T>& x) override { return upsample(x, options_, calling_line()); }
  std::string kind() const override { return "Upsample"; }

 private:
  UpsampleOptions options_;
};

/// pixel_shuffle as a layer: [.., channels r r, rows, columns] -> [.., channels, rows r, columns r].
template <class T>
class PixelShuffle : public Layer<T> {
 public:
  explicit PixelShuffle(Index factor) : factor_(factor) {}
  Tensor<T> forward(const Tensor<T>& x) override { return pixel_shuffle(x, factor_, calling_line()); }
  std::string kind() const override { return "PixelShuffle"; }

 private:
  Index factor_;
};

/// pixel_unshuffle as a layer: [.., channels, rows r, columns r] -> [.., channels r r, rows, columns].
template <class T>
class PixelUnshuffle : public Layer<T> {
 public:
  explicit PixelUnshuffle(Index factor) : factor_(factor) {}
  Tensor<T> forward(const Tensor<T>& x) override { return pixel_unshuffle(x, factor_, calling_line()); }
  std::string kind() const override { return "PixelUnshuffle"; }

 private:
  Index factor_;
};

/// unfold as a layer: [n, channels, rows, columns] -> [n, channels k, windows].
template <class T>
class Unfold : public Layer<T> {
 public:
  using Options = UnfoldOptions;

  explicit Unfold(PlaneSizes kernel, UnfoldOptions options = {}) : kernel_(kernel), options_(options) {}
  Tensor<T> forward(const Tensor<T>& x) override { return unfold(x, kernel_, options_, calling_line()); }
  std::string kind() const override { return "Unfold"; }

 private:
  PlaneSizes kernel_;
  UnfoldOptions options_;
};

/// fold as a layer, to images of `size`: [n, channels k, windows] -> [n, channels, rows, columns].
template <class T>
class Fold : public Layer<T> {
 public:
  using Options = UnfoldOptions;

  Fold(PlaneSizes size, PlaneSizes kernel, UnfoldOptions options = {})
      : size_(size), kernel_(kernel), options_(options) {}
  Tensor<T> forward(const Tensor<T>& x) override { return fold(x, size_, kernel_, options_, calling_line()); }
  std::string kind() const override { return "Fold"; }

 private:
  PlaneSizes size_, kernel_;
  UnfoldOptions options_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
