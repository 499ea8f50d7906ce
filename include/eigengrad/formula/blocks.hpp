#pragma once

#include <utility>

#include "../core/tensor.hpp"
#include "block_kernels.hpp"
#include "block_program.hpp"
#include "block_program_parts.hpp"
#include "block_rule.hpp"
#include "formula_node.hpp"

// Formulas for the time in which a program is written (EIGENGRAD_DEVELOPMENT): all of one number type are one class,
// which runs its operations one after another over blocks of some hundred numbers. They are slower, and compiled in no
// time, as each operation's loops are compiled once, in eigengrad::development. What is recorded is the same.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A formula of T; E is what it gives: T, or bool for a comparison.
template <class T, class E>
class BlockFormula {
 public:
  using Scalar = T;
  using Element = E;

  BlockFormula(const BlockOperation<T>& operation, const void* own, std::initializer_list<BlockArgument<T>> arguments)
      : program_(operation, own, arguments) {}

  const BlockProgram<T>& program() const { return program_; }
  const Shape& shape() const { return program_.shape(); }
  Index size() const { return shape().size(); }
  Index rank() const { return shape().rank(); }
  const char* name() const { return program_.name(); }
  /// The tensor, computed now.
  Tensor<E> eval(Location where = Location::current()) const { return to_tensor(where); }
  Tensor<E> to_tensor(Location where = {}) const;
  E item() const { return to_tensor().item(); }
  operator E() const = delete;  // its number: x.item(); a condition: all(x).item() or any(x).item()
  /// Evaluates into a tensor of the same shape, adding to what is there or not; not recorded.
  void write_to(Tensor<E>& target, bool add) const;

 private:
  BlockProgram<T> program_;
};

template <class T>
using BlockNumbers = BlockFormula<T, T>;

template <class T, class E>
Tensor<E> BlockFormula<T, E>::to_tensor(Location where) const {
  return value_of_formula<E>(program_.kind(), &program_, shape(), {name(), where});
}
template <class T, class E>
void BlockFormula<T, E>::write_to(Tensor<E>& target, bool add) const {
  write_formula<E>(program_.kind(), &program_, shape(), name(), target, add);
}

/// A rule's formula, to be differentiated again.
template <class T>
Tensor<T> as_recorded(const BlockFormula<T, T>& formula) {
  return formula.program().unfold();
}
template <class T, class E>
const FormulaKind<T>& kind_of(const BlockFormula<T, E>& formula) {
  return formula.program().kind();
}
template <class T, class E>
const FormulaSums<T>& sums_of(const BlockFormula<T, E>&) {
  return BlockKernels<T>::sum_kernels;
}
template <class T, class E>
const void* address_of_formula(const BlockFormula<T, E>& formula) {
  return &formula.program();
}

/// A formula's program; any other operand as it is.
template <class Operand>
const Operand& as_block_argument(const Operand& operand) {
  return operand;
}
template <class T, class E>
const BlockProgram<T>& as_block_argument(const BlockFormula<T, E>& formula) {
  return formula.program();
}
/// An operation on operands that to_operand made.
template <class T, class Op, class... Operand>
EIGENGRAD_COLD auto make_block_formula(const Op& op, const Operand&... operands) {
  using Rule = BlockRule<Op, T, std::is_same_v<typename Operand::Element, bool>...>;
  return BlockFormula<T, std::conditional_t<Predicate<Op>, bool, T>>(
      Rule::operation, &op, {BlockArgument<T>(as_block_argument(operands))...});
}

// Compiled by blocks: class BlockFormula<T, T>
// Compiled by blocks: class BlockFormula<T, bool>
// Compiled by blocks: Tensor<T> as_recorded(const BlockFormula<T, T>&)
}}  // namespace eigengrad::EIGENGRAD_ABI
