#pragma once

#include "../autograd/engine/describe.hpp"
#include "../autograd/engine/node.hpp"
#include "../core/error.hpp"
#include "../core/shape.hpp"
#include "../core/tensor.hpp"
#include "block_kernels.hpp"
#include "block_program.hpp"
#include "traced.hpp"

// How a BlockProgram is put together, described and unfolded.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
const FormulaKind<T>& BlockProgram<T>::kind() const {
  const BlockOperation<T>& operation = *top().operation;
  const bool stores = (operation.from_result ? cost_ - operation.cost : cost_) >= 8 && !operation.is_predicate;
  return BlockKernels<T>::kinds.all[leaves_.size()][operation.is_predicate][operation.from_result][stores];
}

template <class T>
BlockProgram<T>::BlockProgram(const BlockOperation<T>& operation, const void* own,
                              std::initializer_list<BlockArgument<T>> arguments) {
  Node top{.operation = &operation};
  int* input = top.inputs;
  bool first = true;
  for (const BlockArgument<T>& argument : arguments) {
    const bool has_leaves = argument.program != nullptr || argument.numbers != nullptr || argument.mask != nullptr;
    if (argument.program != nullptr)
      append(*argument.program);
    else
      add_leaf(argument);
    *input++ = static_cast<int>(nodes_.size()) - 1;
    if (!has_leaves) continue;
    const Shape& shape = argument.program != nullptr   ? argument.program->shape()
                         : argument.numbers != nullptr ? argument.numbers->shape()
                                                       : argument.mask->shape();
    space_->shape = first ? shape : broadcast(space_->shape, shape, operation.name(own));
    first = false;
  }
  require<ShapeError>(leaves_.size() <= FormulaView<T>::max_leaves, operation.name(own), ": a formula of ",
                      leaves_.size(), " operands, of which there may be 21: split it by eval()");
  cost_ += operation.cost;
  nodes_.push_back(top);
  if (operation.copy != nullptr) nodes_.back().own = operation.copy(own);
  // Which nodes a gradient flows to, from the top down.
  for (Node& node : nodes_) node.reached = false;
  nodes_.back().reached = !operation.is_predicate;
  for (std::size_t n = nodes_.size(); n-- > 0;) {
    const Node& node = nodes_[n];
    if (node.operation == nullptr || !node.reached) continue;
    for (int k = 0; k < node.operation->arity; ++k) {
      Node& below = nodes_[static_cast<std::size_t>(node.inputs[k])];
      const bool takes =
          below.operation != nullptr ? !below.operation->is_predicate : below.leaf >= 0 && !below.is_mask;
      below.reached = takes && (node.operation->flows >> k & 1U) != 0;
    }
  }
}
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

}}  // namespace eigengrad::EIGENGRAD_ABI
