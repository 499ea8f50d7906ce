#pragma once

#include <cstddef>

#include "../autograd/engine/tape_state.hpp"
#include "../core/error.hpp"
#include "../core/shape.hpp"
#include "../core/tensor.hpp"
#include "../nn/module/mode_guard.hpp"
#include "../nn/module/module.hpp"
#include "graph.hpp"
#include "layer_exports.hpp"
#include "module_export.hpp"

// A model as a graph.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What a model computes in evaluation of an input of this shape, node by node, with its weights by the names of its
/// state_dict. Throws ValueError naming the first layer that has no counterpart, and what has; the model's own errors
/// for a shape that it does not take.
template <class T>
EIGENGRAD_COLD ExportGraph<T> module_graph(Module<T>& model, const Shape& input, Location where = Location::current()) {
  require<ValueError>(input.rank() > 0 && input.size() > 0, "export: the input's shape is ", input,
                      ": give that of an example, as {1, 2} for one of two numbers", where);
  const ModeGuard<T> evaluation(model, false);
  const NoGrad unrecorded;
  const Shape output = model(Tensor<T>::zeros(input), where).shape();
  ModuleExport<T> result;
  const std::size_t last = result.add(model, "", result.graph.add_input("input", input));
  require<ShapeError>(result.graph.value(last).shape == output, "export: ", model.kind(), " makes ", output, " of ",
                      input, ", and what was found of it ", result.graph.value(last).shape, where);
  result.graph.add_output(last);
  return std::move(result.graph);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
