#pragma once

#include "../autograd/engine/describe.hpp"
#include "../autograd/engine/node.hpp"
#include "../core/tensor.hpp"
#include "../kernels/run_sums.hpp"
#include "../kernels/sums.hpp"
#include "block_rule.hpp"
#include "block_run.hpp"
#include "view.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

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
  /// Adds the lanes of a block to `sums`, by runs, the last ones up to `row`.
  EIGENGRAD_INLINE static void add_block(LaneSum<T>& sums, const BlockOperand<T>& y, Index i, Index count, Index row) {
    Index j = 0;
    for (; j + sum_run * width <= (std::min)(count, row - i); j += sum_run * width)
      sums.add(((y.load(j) + y.load(j + width)) + y.load(j + 2 * width)) + y.load(j + 3 * width));
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
  static constexpr FormulaSums<T> sum_kernels{&sum, &sum_derivative};

  /// Every kind there is: a record refers to its formula's kind, and lives longer than the formula.
  struct Kinds {
    FormulaKind<T> all[max_leaves + 1][2][2][2];
  };
  static constexpr Kinds make_kinds() {
    Kinds made{};
    for (std::size_t leaves = 0; leaves <= max_leaves; ++leaves)
      for (int flags = 0; flags < 8; ++flags) {
        const bool predicate = (flags & 1) != 0, from_result = (flags & 2) != 0, stores = (flags & 4) != 0;
        made.all[leaves][predicate][from_result][stores] = {.leaves = static_cast<int>(leaves),
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
    return made;
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
  bool wanted[max_leaves];
  for (int k = 0; k < leaves; ++k) wanted[k] = job.sinks[k].data != nullptr;
  const auto operand = [&](const Cursor& cursor, Index i) {
    return BlockOperand<T>{reinterpret_cast<const T*>(cursor.at) + (i & cursor.step), cursor.step};
  };
  Index written = 0;  // to stretched sinks, by runs and then by lanes
  for_each_block(begin, end, [&](Index i, Index count) {
    const BlockOperand<T> result = operand(cursors[leaves + 1], i);
    run.forward(i, count, job.has_result ? &result : nullptr);
    run.reverse(operand(cursors[leaves], i), count, gradients);
    if (job.single) {
      const Sink<T>& sink = job.sinks[job.first];
      for (Index j = 0; j < count; j += width) {
        const L sum = sum_of_wanted(gradients, wanted, leaves, j);
        lane::store<T>(sink.data + i + j, sink.add ? L(sum + lane::load(sink.data + i + j)) : sum);
      }
      return;
    }
    for (int k = 0; k < leaves; ++k) {
      if (!wanted[k]) continue;
      const Sink<T>& sink = job.sinks[k];
      if (sink.stretched) {
        T* to = sink.data + written;
        for (Index j = 0; j < count; to += width) {
          L sum(0);
          for (const Index stop = j + (count - j >= sum_run * width ? sum_run * width : width); j < stop; j += width)
            sum =
                sum + (i + j + width <= row ? gradients[k].load(j) : lane::first<T>(gradients[k].load(j), row - i - j));
          lane::store<T>(to, sum);
        }
        continue;
      }
      for (Index j = 0; j < count; j += width) {
        const L part = gradients[k].load(j);
        lane::store<T>(sink.data + i + j, sink.add ? L(part + lane::load(sink.data + i + j)) : part);
      }
    }
    written += (count / (sum_run * width) + count / width % sum_run) * width;
  });
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

// Compiled by blocks: struct BlockKernels<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
