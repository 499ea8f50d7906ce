#pragma once

#include <utility>
#include <vector>

#include "../autograd/engine/tape_state.hpp"
#include "../core/tensor.hpp"
#include "block_rule.hpp"
#include "formula_node.hpp"

// Formulas for the time in which a program is written (EIGENGRAD_DEVELOPMENT): all of one number type are one class,
// which runs its operations one after another over blocks of some hundred numbers. They are slower, and compiled in no
// time, as each operation's loops are compiled once, in eigengrad::development. What is recorded is the same.
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
  template <class E>
  BlockArgument(const BlockFormula<T, E>& formula) : program(&formula.program()) {}
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

/// Runs a program over the numbers under its operands' cursors, a block at a time.
template <class T>
class BlockRun {
 public:
  static constexpr Index block = 256;

  BlockRun(const BlockProgram<T>& program, const Cursor* cursors, bool backward)
      : program_(program),
        cursors_(cursors),
        count_(static_cast<int>(program.nodes().size())),
        memory_(static_cast<std::size_t>(count_ * (backward ? 2 : 1)) * block * sizeof(T)) {
    operands_.resize(program.nodes().size());
  }
  /// The formula's numbers from i on; all but the top's where that is known.
  const BlockOperand<T>& forward(Index i, Index count, const BlockOperand<T>* top = nullptr) {
    for (int n = 0; n < count_; ++n) operands_[place(n)] = value(n, i, count, top);
    return operands_.back();
  }
  /// What flows to each operand after `forward`; `gradients` has as many places as there are operands.
  void reverse(const BlockOperand<T>& dy, Index count, BlockOperand<T>* gradients) {
    for (int n = count_ - 1; n >= 0; --n) {
      const auto& node = program_.nodes()[place(n)];
      const BlockOperand<T> here = n == count_ - 1 ? dy : BlockOperand<T>{numbers(count_ + n), -1};
      if (node.leaf >= 0) gradients[node.leaf] = node.reached ? here : BlockOperand<T>{none, 0};
      if (node.operation == nullptr || !node.reached) continue;
      T* to[Traced<T>::max_inputs] = {};
      BlockOperand<T> x[Traced<T>::max_inputs];
      for (int k = 0; k < node.operation->arity; ++k) {
        x[k] = operands_[place(node.inputs[k])];
        if (program_.nodes()[place(node.inputs[k])].reached) to[k] = numbers(count_ + node.inputs[k]);
      }
      node.operation->gradient(node.own, here, operands_[place(n)], x, to, count);
    }
  }

 private:
  static constexpr T none[extent(lane_width<T>)] = {};
  static std::size_t place(int n) { return static_cast<std::size_t>(n); }
  T* numbers(int n) const { return static_cast<T*>(memory_.data()) + n * block; }
  BlockOperand<T> value(int n, Index i, Index count, const BlockOperand<T>* top) {
    const auto& node = program_.nodes()[place(n)];
    if (node.operation != nullptr) {
      if (n == count_ - 1 && top != nullptr) return *top;
      BlockOperand<T> x[Traced<T>::max_inputs];
      for (int k = 0; k < node.operation->arity; ++k) x[k] = operands_[place(node.inputs[k])];
      node.operation->value(node.own, x, numbers(n), count);
      return {numbers(n), -1};
    }
    if (node.leaf < 0) return {node.number, 0};
    const Cursor& cursor = cursors_[node.leaf];
    if (!node.is_mask) return {reinterpret_cast<const T*>(cursor.at) + (i & cursor.step), cursor.step};
    for (Index j = 0; j < count; j += lane_width<T>) {
      lane_t<T> kept;
      keep(kept, cursor.load_mask<T>(i + j));
      lane::store<T>(numbers(n) + j, kept);
    }
    return {numbers(n), -1};
  }

  const BlockProgram<T>& program_;
  const Cursor* cursors_;
  int count_;
  Block memory_;
  std::vector<BlockOperand<T>> operands_;
};

/// The functions of a FormulaKind for all programs of T: those of formula/kernels.hpp, block by block.
template <class T>
struct BlockKernels {
  using L = lane_t<T>;
  static constexpr Index width = lane_width<T>, block = BlockRun<T>::block;
  static constexpr std::size_t max_leaves = extent(FormulaView<T>::max_leaves);

  static const BlockProgram<T>& program_of(const void* formula) {
    return *static_cast<const BlockProgram<T>*>(formula);
  }
  /// body(i, count) for each block of lanes begin to end.
  template <class Body>
  EIGENGRAD_INLINE static void for_each_block(Index begin, Index end, const Body& body) {
    for (Index i = begin; i < end; i += block) body(i, (std::min)(block, (end - i + width - 1) / width * width));
  }
  EIGENGRAD_INLINE static L sum_of_wanted(const BlockOperand<T>* gradients, const bool* wanted, int leaves, Index j) {
    L sum(0);
    for (int k = 0; k < leaves; ++k)
      if (wanted[k]) sum = sum + gradients[k].load(j);
    return sum;
  }

  EIGENGRAD_OUTLINE static void evaluate(const void* formula, const Cursor* cursors, void* target, Index begin,
                                         Index end, bool add);
  EIGENGRAD_OUTLINE static void evaluate_mask(const void* formula, const Cursor* cursors, void* target, Index begin,
                                              Index end, bool);
  EIGENGRAD_OUTLINE static void derivative(const void* formula, const Cursor* cursors, const bool* wanted, T* target,
                                           T* slope, Index begin, Index end);
  EIGENGRAD_OUTLINE static void reverse(const void* formula, const Cursor* cursors, const ReverseJob<T>& job,
                                        Index begin, Index end, Index row);
  /// Adds the lanes of a block to `sums`, by fours, the last ones up to `row`.
  EIGENGRAD_INLINE static void add_block(LaneSum<T>& sums, const BlockOperand<T>& y, Index i, Index count, Index row) {
    Index j = 0;
    for (; j + 4 * width <= (std::min)(count, row - i); j += 4 * width)
      sums.add((y.load(j) + y.load(j + width)) + (y.load(j + 2 * width) + y.load(j + 3 * width)));
    for (; j < count; j += width) sums.add(i + j + width <= row ? y.load(j) : lane::first<T>(y.load(j), row - i - j));
  }
  EIGENGRAD_OUTLINE static Sum<T> sum(const void* formula, const Cursor* cursors, const Totals<T>* to, Index at,
                                      Index begin, Index end, Index row);
  EIGENGRAD_OUTLINE static Sum<T> sum_derivative(const void* formula, const Cursor* cursors, const bool* wanted,
                                                 T* slope, Index begin, Index end, Index row, T scale);

  static void list(const void* formula, FormulaLeaf<T>* leaves) { program_of(formula).list(leaves); }
  static void copy(const void* formula, void* to) { new (to) BlockProgram<T>(program_of(formula)); }
  static void destroy(void* formula) { static_cast<BlockProgram<T>*>(formula)->~BlockProgram(); }
  static void describe(const void* formula, Steps& steps, TypedNode<T>** targets) {
    program_of(formula).describe(steps, targets);
  }
  static Tensor<T> unfold(const void* formula) { return program_of(formula).unfold(); }
  static constexpr FormulaSums<T> sums{&sum, &sum_derivative};

  /// Every kind there is: a record refers to its formula's kind, and lives longer than the formula.
  struct Kinds {
    FormulaKind<T> all[max_leaves + 1][2][2][2];
  };
  static constexpr Kinds make_kinds() {
    Kinds kinds{};
    for (std::size_t leaves = 0; leaves <= max_leaves; ++leaves)
      for (int flags = 0; flags < 8; ++flags) {
        const bool predicate = (flags & 1) != 0, from_result = (flags & 2) != 0, stores = (flags & 4) != 0;
        kinds.all[leaves][predicate][from_result][stores] = {.leaves = static_cast<int>(leaves),
                                                             .is_plain = false,
                                                             .from_result = from_result,
                                                             .stores_derivative = stores,
                                                             .large = Index{1} << 15,
                                                             .bytes = sizeof(BlockProgram<T>),
                                                             .alignment = alignof(BlockProgram<T>),
                                                             .list = &list,
                                                             .copy = &copy,
                                                             .destroy = &destroy,
                                                             .describe = &describe,
                                                             .unfold = &unfold,
                                                             .evaluate = predicate ? &evaluate_mask : &evaluate,
                                                             .derivative = &derivative,
                                                             .reverse = &reverse};
      }
    return kinds;
  }
  static constexpr Kinds kinds = make_kinds();
};

template <class T>
void BlockKernels<T>::evaluate(const void* formula, const Cursor* cursors, void* target, Index begin, Index end,
                               bool add) {
  BlockRun<T> run(program_of(formula), cursors, false);
  T* const to = static_cast<T*>(target);
  for_each_block(begin, end, [&](Index i, Index count) {
    const BlockOperand<T>& y = run.forward(i, count);
    for (Index j = 0; j < count; j += width)
      lane::store<T>(to + i + j, add ? L(y.load(j) + lane::load(to + i + j)) : y.load(j));
  });
}
template <class T>
void BlockKernels<T>::evaluate_mask(const void* formula, const Cursor* cursors, void* target, Index begin, Index end,
                                    bool) {
  BlockRun<T> run(program_of(formula), cursors, false);
  for_each_block(begin, end, [&](Index i, Index count) {
    const BlockOperand<T>& y = run.forward(i, count);
    for (Index j = 0; j < count; j += width)
      lane::store_mask<T>(static_cast<bool*>(target) + i + j, as_block_input<T, true>(y.load(j)), width);
  });
}
template <class T>
void BlockKernels<T>::derivative(const void* formula, const Cursor* cursors, const bool* wanted, T* target, T* slope,
                                 Index begin, Index end) {
  const BlockProgram<T>& program = program_of(formula);
  BlockRun<T> run(program, cursors, true);
  BlockOperand<T> gradients[max_leaves];
  const L one(1);
  T seed[extent(width)];
  lane::store<T>(seed, one);
  for_each_block(begin, end, [&](Index i, Index count) {
    const BlockOperand<T> y = run.forward(i, count);
    run.reverse({seed, 0}, count, gradients);
    for (Index j = 0; j < count; j += width) {
      lane::store<T>(target + i + j, y.load(j));
      lane::store<T>(slope + i + j, sum_of_wanted(gradients, wanted, static_cast<int>(program.leaves().size()), j));
    }
  });
}
template <class T>
void BlockKernels<T>::reverse(const void* formula, const Cursor* cursors, const ReverseJob<T>& job, Index begin,
                              Index end, Index row) {
  const BlockProgram<T>& program = program_of(formula);
  const int leaves = static_cast<int>(program.leaves().size());
  BlockRun<T> run(program, cursors, true);
  BlockOperand<T> gradients[max_leaves];
  L sums[max_leaves];
  bool wanted[max_leaves];
  for (int k = 0; k < leaves; ++k) {
    sums[k] = L(0);
    wanted[k] = job.sinks[k].data != nullptr;
  }
  const auto operand = [&](const Cursor& cursor, Index i) {
    return BlockOperand<T>{reinterpret_cast<const T*>(cursor.at) + (i & cursor.step), cursor.step};
  };
  for_each_block(begin, end, [&](Index i, Index count) {
    const BlockOperand<T> result = operand(cursors[leaves + 1], i);
    run.forward(i, count, job.has_result ? &result : nullptr);
    run.reverse(operand(cursors[leaves], i), count, gradients);
    for (Index j = 0; j < count; j += width) {
      if (job.single) {
        T* const to = job.sinks[job.first].data + i + j;
        const L sum = sum_of_wanted(gradients, wanted, leaves, j);
        lane::store<T>(to, job.sinks[job.first].add ? L(sum + lane::load(to)) : sum);
        continue;
      }
      for (int k = 0; k < leaves; ++k) {
        if (!wanted[k]) continue;
        const Sink<T>& sink = job.sinks[k];
        const L part = gradients[k].load(j);
        if (sink.stretched)
          sums[k] = sums[k] + (i + j + width <= row ? part : lane::first<T>(part, row - i - j));
        else
          lane::store<T>(sink.data + i + j, sink.add ? L(part + lane::load(sink.data + i + j)) : part);
      }
    }
  });
  for (int k = 0; k < leaves; ++k)
    if (!job.single && wanted[k] && job.sinks[k].stretched) job.totals[k] = job.totals[k] + lane::sum<T>(sums[k]);
}
template <class T>
Sum<T> BlockKernels<T>::sum(const void* formula, const Cursor* cursors, const Totals<T>* to, Index at, Index begin,
                            Index end, Index row) {
  BlockRun<T> run(program_of(formula), cursors, false);
  LaneSum<T> sums;
  for_each_block(begin, end, [&](Index i, Index count) {
    const BlockOperand<T>& y = run.forward(i, count);
    if (to == nullptr) return add_block(sums, y, i, count, row);
    for (Index j = 0; j < count; j += width) to->add_lane(at + i + j, y.load(j));
  });
  return to == nullptr ? sums.total() : Sum<T>(0);
}
template <class T>
Sum<T> BlockKernels<T>::sum_derivative(const void* formula, const Cursor* cursors, const bool* wanted, T* slope,
                                       Index begin, Index end, Index row, T scale) {
  const BlockProgram<T>& program = program_of(formula);
  BlockRun<T> run(program, cursors, true);
  BlockOperand<T> gradients[max_leaves];
  T seed[extent(width)];
  lane::store<T>(seed, L(scale));
  LaneSum<T> sums;
  for_each_block(begin, end, [&](Index i, Index count) {
    const BlockOperand<T> y = run.forward(i, count);
    run.reverse({seed, 0}, count, gradients);
    for (Index j = 0; j < count; j += width)
      lane::store<T>(slope + i + j, sum_of_wanted(gradients, wanted, static_cast<int>(program.leaves().size()), j));
    add_block(sums, y, i, count, row);
  });
  return sums.total();
}

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
