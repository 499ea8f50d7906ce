#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>
#include <vector>

#include "../autograd/engine/tape_state.hpp"
#include "../autograd/parameter.hpp"
#include "../core/error.hpp"
#include "../core/shape.hpp"
#include "../core/tensor.hpp"
#include "../nn/module/class_name.hpp"
#include "../nn/module/module.hpp"
#include "graph.hpp"

// From modules to a graph: each kind of layer says in one row (layer_exports.hpp) which nodes it is.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
class ModuleExport;

/// A layer at its place in a model: what a row is told, and does its work with.
template <class T>
struct LayerPlace {
  ModuleExport<T>& to;
  Module<T>& module;
  const std::string& path;  // "0.body.", the front part of its weights' names
  std::size_t x;

  const Shape& from() const { return to.graph.value(x).shape; }
  /// The shape that the layer makes of x.
  Shape result() const { return to.result_of(module, from()); }
  /// A parameter by the name that the layer gives it; none where it is empty.
  EIGENGRAD_COLD std::size_t weight(const std::string& name, const ParameterRef<T>& parameter) const {
    return parameter.size() == 0 ? no_value : to.graph.add_weight(path + name, parameter.value());
  }
  std::size_t buffer(const char* name, const Tensor<T>& numbers) const {
    return to.graph.add_weight(path + name, numbers);
  }
  /// A node that makes the layer's result of x and what else there is.
  std::size_t node(const char* operation, std::vector<std::size_t> others = {},
                   std::vector<ExportAttribute> attributes = {}) const {
    others.insert(others.begin(), x);
    return node_of(operation, std::move(others), std::move(attributes), result());
  }
  EIGENGRAD_COLD std::size_t node_of(const char* operation, std::vector<std::size_t> operands,
                                     std::vector<ExportAttribute> attributes, const Shape& shape) const {
    return to.graph.add_node(
        {operation, std::move(operands), {}, std::move(attributes), ModuleExport<T>::described(path, module)}, shape);
  }
  /// A module inside, by the name that this one gives it, after the value `given`.
  std::size_t inner(const std::string& name, Module<T>& inside, std::size_t given) const {
    return to.add(inside, path + name + ".", given);
  }
  template <class... Parts>
  [[noreturn]] EIGENGRAD_COLD void refuse(const Parts&... parts) const {
    fail<ValueError>("export: ", ModuleExport<T>::described(path, module), parts...);
  }
};

/// Attributes of whole numbers or others: {"stride", numbers_of(2, 1)}.
template <class... Numbers>
std::vector<double> numbers_of(const Numbers&... numbers) {
  return {static_cast<double>(numbers)...};
}

/// How layers of one class are exported: an element-wise operation of this name, or the nodes that `add` makes, which
/// returns the last one's result.
template <class T>
struct LayerExport {
  const std::type_info& type;
  const char* name;
  const char* operation;
  std::size_t (*add)(const LayerPlace<T>& place);
};
/// All that can be exported (layer_exports.hpp).
template <class T>
const std::vector<LayerExport<T>>& layer_exports();

/// Goes through a model and writes down what it computes. A class is known by its exact type: one derived from a known
/// layer may compute something else, and is refused.
template <class T>
class ModuleExport {
 public:
  /// The nodes of a module that is given the value x; returns the place of what it gives.
  EIGENGRAD_COLD std::size_t add(Module<T>& module, const std::string& path, std::size_t x) {
    for (const LayerExport<T>& row : layer_exports<T>()) {
      if (row.type != typeid(module)) continue;
      const LayerPlace<T> place{*this, module, path, x};
      return row.add != nullptr ? row.add(place) : place.node(row.operation);
    }
    std::string known;
    for (const LayerExport<T>& row : layer_exports<T>()) known += (known.empty() ? "" : ", ") + std::string(row.name);
    fail<ValueError>("export: ", described(path, module), ", of class ", class_name(module),
                     ", has no counterpart: what can be exported is made of ", known);
  }
  Shape result_of(Module<T>& module, const Shape& from) {
    const NoGrad unrecorded;
    return module.forward(Tensor<T>::zeros(from)).shape();
  }
  /// "0.body.1 (Linear)", or "the model (Linear)".
  EIGENGRAD_COLD static std::string described(const std::string& path, const Module<T>& module) {
    return to_text(path.empty() ? std::string("the model") : path.substr(0, path.size() - 1), " (", module.kind(), ")");
  }

  ExportGraph<T> graph;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
