#pragma once

#include <initializer_list>
#include <vector>

#include "../autograd/engine/describe.hpp"
#include "../autograd/engine/node.hpp"
#include "../core/buffer.hpp"
#include "../core/tensor.hpp"
#include "block_operation.hpp"
#include "expression.hpp"
#include "view.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
class BlockProgram;

/// What an operation is applied to: another formula, a tensor, a mask or a number.
template <class T>
struct BlockArgument {
  const BlockProgram<T>* program = nullptr;
  const Tensor<T>* numbers = nullptr;
  const Tensor<bool>* mask = nullptr;
  T number{};

  BlockArgument(const Constant<T>& constant) : number(constant.number) {}
  BlockArgument(const Leaf<T>& leaf) : numbers(&leaf.tensor) {}
  BlockArgument(const Leaf<bool>& leaf) : mask(&leaf.tensor) {}
  BlockArgument(const BlockProgram<T>& formula) : program(&formula) {}
};

/// The operations of a formula, operands before what takes them, and its tensors.
template <class T>
class BlockProgram {
 public:
  struct Node {
    const BlockOperation<T>* operation = nullptr;  // null for a leaf or a number
    const void* own = nullptr;
    int inputs[Traced<T>::max_inputs] = {};
    int leaf = -1;
    bool is_mask = false;  // a leaf that is one
    bool reached = false;  // a gradient flows here
    T number[extent(lane_width<T>)] = {};
  };
  struct Operand {
    Tensor<T> numbers;
    Tensor<bool> mask;
    bool is_mask;
  };

  EIGENGRAD_COLD BlockProgram(const BlockOperation<T>& operation, const void* own,
                              std::initializer_list<BlockArgument<T>> arguments);
  EIGENGRAD_COLD BlockProgram(const BlockProgram& other);
  EIGENGRAD_COLD BlockProgram(BlockProgram&& other) noexcept;
  BlockProgram& operator=(const BlockProgram&) = delete;
  EIGENGRAD_COLD ~BlockProgram();

  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<Operand>& leaves() const { return leaves_; }
  const Node& top() const { return nodes_.back(); }
  const char* name() const { return top().operation->name(top().own); }
  const Shape& shape() const { return space_->shape; }
  const FormulaKind<T>& kind() const;

  void list(FormulaLeaf<T>* to) const {
    for (const Operand& leaf : leaves_) leaf.is_mask ? (*to++)(leaf.mask) : (*to++)(leaf.numbers);
  }
  EIGENGRAD_COLD void describe(Steps& steps, TypedNode<T>** targets) const;
  EIGENGRAD_COLD Tensor<T> unfold() const;

 private:
  void append(const BlockProgram& other);
  void add_leaf(const BlockArgument<T>& argument);

  std::vector<Node> nodes_;
  std::vector<Operand> leaves_;
  Block space_{0};  // its shape; stays where it is when the program is copied
  int cost_ = 0;
};

// Compiled by blocks: class BlockProgram<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
