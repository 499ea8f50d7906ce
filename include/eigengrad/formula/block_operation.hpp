#pragma once

#include "../simd/lane.hpp"
#include "traced.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Numbers of a block, read lane by lane; with a step of nothing the same lane again, as Cursor has it.
template <class T>
struct BlockOperand {
  const T* at;
  Index step;  // all bits set to advance, none to stay

  EIGENGRAD_INLINE lane_t<T> load(Index i) const { return lane::load(at + (i & step)); }
};

template <class T>
struct BlockOperation {
  int arity, cost;
  bool is_predicate, from_result;
  unsigned flows;  // which inputs have a gradient, a bit each
  const char* (*name)(const void* own);
  /// to = operation(x ...), `count` numbers, in whole lanes.
  void (*value)(const void* own, const BlockOperand<T>* x, T* to, Index count);
  /// What flows to each input, where that is wanted: null elsewhere. Null for a comparison.
  void (*gradient)(const void* own, const BlockOperand<T>& dy, const BlockOperand<T>& y, const BlockOperand<T>* x,
                   T* const* to, Index count);
  /// Carried out at once, and recorded by itself.
  Traced<T> (*trace)(const void* own, const Traced<T>* x);
  /// Of an operation that has a state of its own; else null.
  const void* (*copy)(const void* own) = nullptr;
  void (*destroy)(const void* own) = nullptr;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
