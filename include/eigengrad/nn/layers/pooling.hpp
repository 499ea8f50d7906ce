#pragma once

#include "../../core/tensor.hpp"
#include "../../ops/adaptive_pooling.hpp"
#include "../../ops/plane_sizes.hpp"
#include "../../ops/pooling.hpp"
#include "../module/layer.hpp"

// Pooling as layers. They have no parameters.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// max_pool1d as a layer, [n, channels, length] -> [n, channels, windows]: MaxPool1d<float>(2).
template <class T>
class MaxPool1d : public Layer<T> {
 public:
  using Options = MaxPool1dOptions;

  explicit MaxPool1d(Index kernel, MaxPool1dOptions options = {}) : kernel_(kernel), options_(options) {}
  Tensor<T> forward(const Tensor<T>& x) override { return max_pool1d(x, kernel_, options_, calling_line()); }
  std::string kind() const override { return "MaxPool1d"; }
  Index kernel() const { return kernel_; }
  const MaxPool1dOptions& options() const { return options_; }

 private:
  Index kernel_;
  MaxPool1dOptions options_;
};

/// max_pool2d as a layer, [n, channels, rows, columns] -> the same with a row and a column for each of the windows':
/// MaxPool2d<float>(2), MaxPool2d<float>({3, 2}, {.stride = 2, .padding = 1}).
template <class T>
class MaxPool2d : public Layer<T> {
 public:
  using Options = MaxPool2dOptions;

  explicit MaxPool2d(PlaneSizes kernel, MaxPool2dOptions options = {}) : kernel_(kernel), options_(options) {}
  Tensor<T> forward(const Tensor<T>& x) override { return max_pool2d(x, kernel_, options_, calling_line()); }
  std::string kind() const override { return "MaxPool2d"; }
  const PlaneSizes& kernel() const { return kernel_; }
  const MaxPool2dOptions& options() const { return options_; }

 private:
  PlaneSizes kernel_;
  MaxPool2dOptions options_;
};

/// avg_pool1d as a layer, [n, channels, length] -> [n, channels, windows].
template <class T>
class AvgPool1d : public Layer<T> {
 public:
  using Options = AvgPool1dOptions;

  explicit AvgPool1d(Index kernel, AvgPool1dOptions options = {}) : kernel_(kernel), options_(options) {}
  Tensor<T> forward(const Tensor<T>& x) override { return avg_pool1d(x, kernel_, options_, calling_line()); }
  std::string kind() const override { return "AvgPool1d"; }
  Index kernel() const { return kernel_; }
  const AvgPool1dOptions& options() const { return options_; }

 private:
  Index kernel_;
  AvgPool1dOptions options_;
};

/// avg_pool2d as a layer, [n, channels, rows, columns] -> the same with a row and a column for each of the windows'.
template <class T>
class AvgPool2d : public Layer<T> {
 public:
  using Options = AvgPool2dOptions;

  explicit AvgPool2d(PlaneSizes kernel, AvgPool2dOptions options = {}) : kernel_(kernel), options_(options) {}
  Tensor<T> forward(const Tensor<T>& x) override { return avg_pool2d(x, kernel_, options_, calling_line()); }
  std::string kind() const override { return "AvgPool2d"; }
  const PlaneSizes& kernel() const { return kernel_; }
  const AvgPool2dOptions& options() const { return options_; }

 private:
  PlaneSizes kernel_;
  AvgPool2dOptions options_;
};

/// adaptive_avg_pool1d as a layer, [n, channels, length] -> [n, channels, size].
template <class T>
class AdaptiveAvgPool1d : public Layer<T> {
 public:
  explicit AdaptiveAvgPool1d(Index size) : size_(size) {}
  Tensor<T> forward(const Tensor<T>& x) override { return adaptive_avg_pool1d(x, size_, calling_line()); }
  std::string kind() const override { return "AdaptiveAvgPool1d"; }

 private:
  Index size_;
};

/// adaptive_avg_pool2d as a layer, to {rows, columns}: [n, channels, ...] -> [n, channels, rows, columns].
template <class T>
class AdaptiveAvgPool2d : public Layer<T> {
 public:
  explicit AdaptiveAvgPool2d(PlaneSizes size) : size_(size) {}
  Tensor<T> forward(const Tensor<T>& x) override { return adaptive_avg_pool2d(x, size_, calling_line()); }
  std::string kind() const override { return "AdaptiveAvgPool2d"; }

 private:
  PlaneSizes size_;
};

/// adaptive_max_pool1d as a layer, [n, channels, length] -> [n, channels, size].
template <class T>
class AdaptiveMaxPool1d : public Layer<T> {
 public:
  explicit AdaptiveMaxPool1d(Index size) : size_(size) {}
  Tensor<T> forward(const Tensor<T>& x) override { return adaptive_max_pool1d(x, size_, calling_line()); }
  std::string kind() const override { return "AdaptiveMaxPool1d"; }

 private:
  Index size_;
};

/// adaptive_max_pool2d as a layer, to {rows, columns}: [n, channels, ...] -> [n, channels, rows, columns].
template <class T>
class AdaptiveMaxPool2d : public Layer<T> {
 public:
  explicit AdaptiveMaxPool2d(PlaneSizes size) : size_(size) {}
  Tensor<T> forward(const Tensor<T>& x) override { return adaptive_max_pool2d(x, size_, calling_line()); }
  std::string kind() const override { return "AdaptiveMaxPool2d"; }

 private:
  PlaneSizes size_;
};

/// The mean of every channel, as the last layer of a convolutional network: [n, channels, ...] -> [n, channels].
template <class T>
class GlobalAvgPool : public Layer<T> {
 public:
  Tensor<T> forward(const Tensor<T>& x) override { return global_avg_pool(x, calling_line()); }
  std::string kind() const override { return "GlobalAvgPool"; }
};

/// The largest number of every channel: [n, channels, ...] -> [n, channels].
template <class T>
class GlobalMaxPool : public Layer<T> {
 public:
  Tensor<T> forward(const Tensor<T>& x) override { return global_max_pool(x, calling_line()); }
  std::string kind() const override { return "GlobalMaxPool"; }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
