#pragma once

#include <span>

#include "../../core/compute_values.hpp"
#include "record.hpp"

// For operations of your own: compute, by which one is said once (docs/add_an_operation.md).
namespace eigengrad { inline namespace EIGENGRAD_ABI {

// What the numbers are computed from.
template <class Held, class Rule, class Again>
EIGENGRAD_INLINE const auto& operand_of(const Edge<Held, Rule, Again>& edge) {
  return edge.tensor;
}
template <class T, class Rule>
std::span<const Tensor<T>> operand_of(const ListEdge<T, Rule>& edge) {
  return edge.tensors;
}
template <class Other>
EIGENGRAD_INLINE const Other& operand_of(const Other& other) {
  return other;
}

/// An operation, said once: compute<T>({"flip", where}, shape, run, with_respect_to(x, rule)). run(T* to, operands...)
/// writes the numbers of the result, now and when a compiled step is replayed; the record has the rules. Beside
/// operands with a rule: tensors without one, as labels (throws GradientError for one that is recorded), and
/// extra_output(mask).
template <class T, class Run, class... Parts>
Tensor<T> compute(const OperationName& name, const Shape& shape, const Run& run, Parts&&... parts) {
  return record(name, compute_values<T>(name.name, shape, run, operand_of(parts)...), std::forward<Parts>(parts)...);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
