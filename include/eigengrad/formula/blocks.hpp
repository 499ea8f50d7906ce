#pragma once

#include "../autograd/engine/describe.hpp"
#include "../autograd/engine/node.hpp"
#include "../core/tensor.hpp"
#include "block_kernels.hpp"
#include "block_program.hpp"
#include "block_rule.hpp"
#include "formula_node.hpp"

// What formulas that are one class for each number type are made and made of; see block_program.hpp.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
BlockProgram<T>::BlockProgram(const BlockProgram& other)
    : nodes_(other.nodes_), leaves_(other.leaves_), space_(other.space_), cost_(other.cost_) {
  for (Node& node : nodes_)
    if (node.own != nullptr) node.own = node.operation->copy(node.own);
}
template <class T>
BlockProgram<T>::BlockProgram(BlockProgram&& other) noexcept = default;
template <class T>
BlockProgram<T>::~BlockProgram() {
  for (const Node& node : nodes_)
    if (node.own != nullptr) node.operation->destroy(node.own);
}
template <class T>
void BlockProgram<T>::append(const BlockProgram& other) {
  const int nodes = static_cast<int>(nodes_.size()), leaves = static_cast<int>(leaves_.size());
  for (Node node : other.nodes_) {
    for (int& input : node.inputs) input += nodes;
    if (node.leaf >= 0) node.leaf += leaves;
    if (node.own != nullptr) node.own = node.operation->copy(node.own);
    nodes_.push_back(node);
  }
  leaves_.insert(leaves_.end(), other.leaves_.begin(), other.leaves_.end());
  cost_ += other.cost_;
}
template <class T>
void BlockProgram<T>::add_leaf(const BlockArgument<T>& argument) {
  Node node;
  if (argument.numbers == nullptr && argument.mask == nullptr) {
    std::fill_n(node.number, lane_width<T>, argument.number);
  } else {
    node.leaf = static_cast<int>(leaves_.size());
    node.is_mask = argument.mask != nullptr;
    leaves_.push_back(
        {node.is_mask ? Tensor<T>() : *argument.numbers, node.is_mask ? *argument.mask : Tensor<bool>(), node.is_mask});
  }
  nodes_.push_back(node);
}
template <class T>
void BlockProgram<T>::describe(Steps& steps, TypedNode<T>** targets) const {
  for (const Node& node : nodes_) {
    if (node.operation != nullptr) {
      steps.operation(node.operation->name(node.own), node.operation->arity);
    } else if (node.leaf < 0) {
      steps.operand(nullptr, AnyNumbers::of_number(node.number[0]));
    } else {
      const Operand& leaf = leaves_[static_cast<std::size_t>(node.leaf)];
      steps.operand(targets[node.leaf], node.is_mask ? AnyNumbers::of(leaf.mask) : AnyNumbers::of(leaf.numbers));
    }
  }
}
template <class T>
Tensor<T> BlockProgram<T>::unfold() const {
  std::vector<Traced<T>> values;
  for (const Node& node : nodes_) {
    if (node.operation != nullptr) {
      Traced<T> inputs[Traced<T>::max_inputs];
      for (int k = 0; k < node.operation->arity; ++k) inputs[k] = values[static_cast<std::size_t>(node.inputs[k])];
      values.push_back(node.operation->trace(node.own, inputs));
    } else if (node.leaf < 0) {
      values.push_back(traced_number(node.number[0]));
    } else {
      const Operand& leaf = leaves_[static_cast<std::size_t>(node.leaf)];
      values.push_back(Traced<T>(node.is_mask ? numbers_of<T>(leaf.mask) : leaf.numbers));
    }
  }
  return values.back().value();
}

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
  return BlockKernels<T>::sums;
}
template <class T, class E>
const void* address_of_formula(const BlockFormula<T, E>& formula) {
  return &formula.program();
}

/// An operation on operands that to_operand made.
template <class T, class Op, class... Operand>
EIGENGRAD_COLD auto make_block_formula(const Op& op, const Operand&... operands) {
  using Rule = BlockRule<Op, T, std::is_same_v<typename Operand::Element, bool>...>;
  return BlockFormula<T, std::conditional_t<Predicate<Op>, bool, T>>(Rule::operation, &op,
                                                                     {BlockArgument<T>(operands)...});
}

}}  // namespace eigengrad::EIGENGRAD_ABI
