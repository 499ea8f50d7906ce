#pragma once

#include "../autograd/engine/describe.hpp"
#include "../autograd/engine/node.hpp"
#include "../core/loop.hpp"
#include "../core/tensor.hpp"
#include "../kernels/run_sums.hpp"
#include "../kernels/sums.hpp"
#include "cursor.hpp"
#include "reverse_rows.hpp"
#include "rows.hpp"
#include "sum_rows.hpp"

// A formula whose type is no longer known. What runs around a formula's loops is compiled once per number type here,
// not once per formula, of which a program has dozens.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// An operand of a formula of T: numbers, or a mask.
template <class T>
struct FormulaLeaf {
  const Tensor<T>* numbers;
  const Tensor<bool>* mask;  // null where it is numbers

  void operator()(const Tensor<T>& tensor) {
    numbers = &tensor;
    mask = nullptr;
  }
  void operator()(const Tensor<bool>& tensor)
    requires(!std::is_same_v<T, bool>)
  {
    numbers = nullptr;
    mask = &tensor;
  }
  const Block& block() const {
    return mask == nullptr ? kernel_access(*numbers).block() : kernel_access(*mask).block();
  }
  RowOperand row_operand() const { return mask == nullptr ? operand_of(*numbers) : operand_of(*mask); }
  template <class E>
  static RowOperand operand_of(const Tensor<E>& tensor) {
    return {reinterpret_cast<const std::byte*>(kernel_access(tensor).numbers()), &tensor.shape(), sizeof(E),
            kernel_access(tensor).padded()};
  }
};

/// What is known of a type of formula (formula/kernels.hpp makes it). What can only be recorded is null where it is
/// not.
template <class T>
struct FormulaKind {
  int leaves;
  bool is_plain;           // a tensor alone
  bool from_result;        // its gradient is written from its result
  bool stores_derivative;  // which is worth more than computing all again
  Index large;             // how many elements are worth a second thread
  std::size_t bytes, alignment;
  void (*list)(const void* formula, FormulaLeaf<T>* leaves);
  void (*copy)(const void* formula, void* to);
  void (*destroy)(void* formula);
  void (*describe)(const void* formula, Steps& steps, TypedNode<T>** targets);
  Tensor<T> (*unfold)(const void* formula);
  EvaluateLanes evaluate;
  DerivativeLanes<T> derivative;
  ReverseLanes<T> reverse;
};
/// The loops of a formula that is summed.
template <class T>
struct FormulaSums {
  SumLanes<T> sum;
  SumDerivativeLanes<T> derivative;  // null where it is not recorded
};

/// A formula, its operands, and the shape that they stretch each other to.
template <class T>
struct FormulaView {
  static constexpr int max_leaves = Loop::max_operands - 3;

  const FormulaKind<T>& kind;
  const void* formula;
  const Shape& space;
  const FormulaLeaf<T>* leaves;

  bool is_large() const { return space.size() >= kind.large; }
};
/// One whose operands are listed here.
template <class T>
struct ListedFormula : FormulaView<T> {
  FormulaLeaf<T> list[FormulaView<T>::max_leaves];

  EIGENGRAD_INLINE ListedFormula(const FormulaKind<T>& of, const void* what, const Shape& shape)
      : FormulaView<T>{of, what, shape, list} {
    of.list(what, list);
  }
  ListedFormula(const ListedFormula&) = delete;
};

/// A formula's operands, and more tensors of its number type, made ready for the loop.
template <class T>
struct Operands {
  int count;
  Cursor cursors[Loop::max_operands];
  RowOperand list[Loop::max_operands];

  /// Starts every operand at its beginning if all are of the space's shape, or single numbers: nothing to plan then.
  EIGENGRAD_INLINE bool start_flat(const FormulaView<T>& view, std::initializer_list<const Tensor<T>*> more = {}) {
    bool flat = true;
    for (int k = 0; k < view.kind.leaves && flat; ++k) {
      const FormulaLeaf<T>& leaf = view.leaves[k];
      flat = leaf.mask == nullptr ? cursors[k].template start_flat<T>(*leaf.numbers, view.space)
                                  : cursors[k].template start_flat<T>(*leaf.mask, view.space);
    }
    int k = view.kind.leaves;
    for (const Tensor<T>* tensor : more) flat = flat && cursors[k++].template start_flat<T>(*tensor, view.space);
    return flat;
  }
  EIGENGRAD_OUTLINE Rows<T> rows(const FormulaView<T>& view, const Shape* written,
                                 std::initializer_list<const Tensor<T>*> more = {}) {
    count = view.kind.leaves;
    for (int k = 0; k < count; ++k) list[k] = view.leaves[k].row_operand();
    for (const Tensor<T>* tensor : more) list[count++] = FormulaLeaf<T>::operand_of(*tensor);
    return Rows<T>(view.space, list, count, cursors, written);
  }
};

/// target (=|+=) formula, in the formula's shape; `padded` says that target's last lane may be written whole.
template <class T, class E>
EIGENGRAD_OUTLINE void evaluate(const FormulaView<T>& view, E* target, bool add, bool padded) {
  Operands<T> operands;
  const EvaluateLanes lanes = view.kind.evaluate;
  if (!padded || !operands.start_flat(view))
    evaluate_rows<T>(operands.rows(view, nullptr), lanes, view.formula, target, add, padded, view.is_large());
  else if (has_threads && view.is_large())
    evaluate_flat<T>(lanes, view.formula, operands.cursors, target, view.space.size(), add);
  else
    lanes(view.formula, operands.cursors, target, 0, view.space.size(), add);
}

/// target = formula and derivative = d formula / d operand, for a formula in which one tensor, unstretched, stands in
/// every place marked in `wanted`.
template <class T>
EIGENGRAD_OUTLINE void evaluate_with_derivative(const FormulaView<T>& view, const bool* wanted, T* target,
                                                T* derivative) {
  Operands<T> operands;
  const DerivativeLanes<T> lanes = view.kind.derivative;
  if (!operands.start_flat(view))
    derivative_rows<T>(operands.rows(view, nullptr), lanes, view.formula, wanted, target, derivative, view.is_large());
  else if (has_threads && view.is_large())
    derivative_flat<T>(lanes, view.formula, operands.cursors, wanted, target, derivative, view.space.size());
  else
    lanes(view.formula, operands.cursors, wanted, target, derivative, 0, view.space.size());
}

/// Adds to every sink its operand's gradient, given dy, which broadcasts to the formula's shape. `result`, if not null,
/// is the formula's value. An operand that was stretched has a sink that already holds numbers to add to.
template <class T>
EIGENGRAD_OUTLINE void reverse(const FormulaView<T>& view, const Tensor<T>* result, const Tensor<T>& dy,
                               const Sink<T>* sinks) {
  const int leaves = view.kind.leaves;
  int first = 0;
  while (first < leaves && sinks[first].data == nullptr) ++first;
  if (first == leaves) return;
  Operands<T> operands;
  const Tensor<T>& value = result != nullptr ? *result : dy;
  bool flat = operands.start_flat(view, {&dy, &value}), single = true;
  for (int k = first; k < leaves; ++k)
    if (sinks[k].data != nullptr) {
      flat = flat && sinks[k].padded && operands.cursors[k].step != 0;
      single = single && sinks[k].data == sinks[first].data;
    }
  const Index size = view.space.size();
  const ReverseLanes<T> lanes = view.kind.reverse;
  if (!flat)
    reverse_rows(operands.rows(view, nullptr, {&dy, &value}), lanes, view.formula, sinks, leaves, result != nullptr,
                 view.is_large());
  else if (has_threads && view.is_large())
    reverse_flat<T>(lanes, view.formula, operands.cursors, {sinks, first, single, result != nullptr, false}, size);
  else
    lanes(view.formula, operands.cursors, {sinks, first, single, result != nullptr, false}, 0, size, size);
}

/// target += the sum of the formula / divisor, and derivative = what each number's part in that is. False, and nothing
/// done, when an operand is stretched.
template <class T>
EIGENGRAD_OUTLINE bool sum_with_derivative(const FormulaView<T>& view, const FormulaSums<T>& sums, const bool* wanted,
                                           T* target, T* derivative, const T& divisor) {
  Operands<T> operands;
  if (!operands.start_flat(view)) return false;
  const Index size = view.space.size();
  const Sum<T> total = sum_with_derivative_flat<T>(sums.derivative, view.formula, operands.cursors, wanted, derivative,
                                                   size, T(1) / divisor, size >= 2 * view.kind.large);
  target[0] = static_cast<T>(target[0] + quotient_of_sum<T>(total, divisor));
  return true;
}

/// target += (the formula summed over the axes on which `kept` has size 1) / divisor; target has shape `kept`.
template <class T>
EIGENGRAD_OUTLINE void sum_into(const FormulaView<T>& view, SumLanes<T> lanes, const Shape& kept, T* target,
                                const T& divisor) {
  Operands<T> operands;
  const Index size = view.space.size();
  if (kept.size() == 1 && (size % lane_width<T> == 0 ? size <= lane_chunk<T> : size < lane_width<T>) &&
      operands.start_flat(view)) {
    const Sum<T> total = lanes(view.formula, operands.cursors, nullptr, 0, 0, size, size);
    target[0] = static_cast<T>(target[0] + quotient_of_sum<T>(total, divisor));
    return;
  }
  const Rows<T> rows = operands.rows(view, &kept);
  if (view.kind.is_plain && rows.loop.rows > 1 && rows.written_size == rows.loop.row && rows.loop.row_strides[1] != 0)
    return sum_plain_rows(kernel_access(*view.leaves[0].numbers).numbers(), rows.loop.rows, rows.loop.row,
                          rows.padded(), target, divisor);
  sum_rows(rows, lanes, view.formula, kept.size() == 1, target, divisor, size >= 2 * view.kind.large);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
