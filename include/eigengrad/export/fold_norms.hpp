#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "../core/kernel_access.hpp"
#include "../core/shape.hpp"
#include "../core/tensor.hpp"
#include "graph.hpp"

// Norms of evaluation that the weights before them take in.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What running statistics do to each channel: x scale + shift.
struct ChannelScale {
  std::vector<double> scale, shift;

  template <class T>
  ChannelScale(const ExportGraph<T>& graph, const ExportNode& norm) {
    const auto number = [&](std::size_t operand, Index i, double otherwise) {
      const std::size_t place = norm.operands[operand];
      return place == no_value ? otherwise
                               : static_cast<double>(kernel_access(graph.value(place).numbers).numbers()[i]);
    };
    const Index channels = graph.value(norm.operands[1]).shape.size();
    for (Index i = 0; i < channels; ++i) {
      scale.push_back(number(3, i, 1) / std::sqrt(number(2, i, 1) + norm.number("epsilon")));
      shift.push_back(number(4, i, 0) - number(1, i, 0) * scale.back());
    }
  }
};

/// Whether a batch_norm's channels are the outputs of the node before it, which nobody else reads.
template <class T>
bool folds_into(const ExportGraph<T>& graph, const ExportNode& before, const ExportNode& norm) {
  if (norm.operation != "batch_norm" || before.results[0] != norm.operands[0] || graph.uses(before.results[0]) != 1)
    return false;
  const Index rank = graph.value(before.results[0]).shape.rank();
  const std::string& name = before.operation;
  return (name == "linear" && rank == 2) || (name == "conv1d" && rank == 3) || (name == "conv2d" && rank == 4);
}

/// Every batch_norm behind a linear or convolution becomes part of its weight and bias.
template <class T>
EIGENGRAD_COLD void fold_norms(ExportGraph<T>& graph) {
  for (std::size_t i = 1; i < graph.nodes().size(); ++i) {
    const ExportNode norm = graph.nodes()[i], before = graph.nodes()[i - 1];
    if (!folds_into(graph, before, norm)) continue;
    const ChannelScale channels(graph, norm);
    const ExportValue<T> weight = graph.value(before.operands[1]);
    Tensor<T> scaled = weight.numbers;
    Tensor<T> bias = Tensor<T>::zeros({weight.shape[0]});
    T *const weights = scaled.mutable_data(), *const biases = bias.mutable_data();
    const Index taps = weight.shape.size() / weight.shape[0];
    for (Index o = 0; o < weight.shape[0]; ++o) {
      const auto k = static_cast<std::size_t>(o);
      const double own = before.operands[2] == no_value
                             ? 0.0
                             : static_cast<double>(kernel_access(graph.value(before.operands[2]).numbers).numbers()[o]);
      biases[o] = static_cast<T>(own * channels.scale[k] + channels.shift[k]);
      for (Index t = 0; t < taps; ++t)
        weights[o * taps + t] = static_cast<T>(static_cast<double>(weights[o * taps + t]) * channels.scale[k]);
    }
    const std::string& name = weight.name;
    const std::size_t new_weight = graph.add_constant(name + "_normed", scaled),
                      new_bias = graph.add_constant(name + "_normed_bias", bias);
    ExportNode& node = graph.nodes()[i - 1];
    node.operands[1] = new_weight;
    node.operands[2] = new_bias;
    node.results = norm.results;
    node.origin += ", " + norm.origin;
    graph.nodes().erase(graph.nodes().begin() + static_cast<std::ptrdiff_t>(i));
    --i;
  }
}

}}  // namespace eigengrad::EIGENGRAD_ABI
