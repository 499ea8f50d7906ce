#pragma once

#include <vector>

#include "../core/buffer.hpp"
#include "../simd/lane.hpp"
#include "block_program.hpp"
#include "cursor.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

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

}}  // namespace eigengrad::EIGENGRAD_ABI
