#pragma once

// What eigengrad::compiled holds: the classes and functions that every program with these number types needs, so that
// programs which link it (and so have EIGENGRAD_COMPILED defined) are not compiled with them anew. The rest stays where
// it is: formulas and kernels are made of the program's own expressions, and what is no template cannot be held back.
// The library and the program must be compiled alike (register width, Eigen, threads): else they do not link.
//
// From here on by scripts/generate.py, of the lines `// Compiled: ...` in the headers: change those.
#include "../autograd/engine/contribute.hpp"
#include "../autograd/engine/node.hpp"
#include "../autograd/engine/recorded.hpp"
#include "../autograd/engine/walk.hpp"
#include "../autograd/parameter.hpp"
#include "../core/print.hpp"
#include "../core/replay_tensors.hpp"
#include "../core/tensor_class.hpp"
#include "../formula/pointwise.hpp"
#include "../formula/reverse_rows.hpp"
#include "../formula/rows.hpp"
#include "../formula/sum_rows.hpp"
#include "../formula/traced.hpp"
#include "../kernels/gemm.hpp"
#include "../kernels/sums.hpp"
#include "../nn/layers/activation.hpp"
#include "../nn/layers/linear.hpp"
#include "../nn/module/layer.hpp"
#include "../nn/module/members.hpp"
#include "../nn/module/module.hpp"
#include "../nn/sequential.hpp"
#include "../ops/matmul.hpp"
#include "../optim/adam.hpp"
#include "../optim/sgd.hpp"

// NOLINTBEGIN(bugprone-macro-parentheses): `prefix` is extern, or nothing
// clang-format off
#define EIGENGRAD_COMPILED_FOR(prefix, T) \
  prefix template class Tensor<T>; \
  prefix template class OperationNode<T>; \
  prefix template class LeafNode<T>; \
  prefix template struct TensorStep<T>; \
  prefix template class Totals<T>; \
  prefix template void contribute(Slot<T>&, const Shape&, Tensor<T>); \
  prefix template void contribute(Slot<T>&, const Shape&, const Expanded<T>&); \
  prefix template void contribute_recorded(Slot<T>&, const Shape&, const Tensor<T>&); \
  prefix template Tensor<T>& prepare(Slot<T>&, const Shape&, bool&); \
  prefix template class FittingNode<T>; \
  prefix template void walk(TapeState&, TypedNode<T>&, Tensor<T>, BackwardOptions); \
  prefix template class ParameterRef<T>; \
  prefix template class Parameter<T>; \
  prefix template class TracedNode<T>; \
  prefix template class Traced<T>; \
  prefix template struct TracedRule<AddOperation, T, false, false>; \
  prefix template struct TracedRule<SubtractOperation, T, false, false>; \
  prefix template struct TracedRule<MultiplyOperation, T, false, false>; \
  prefix template struct TracedRule<NegateOperation, T, false>; \
  prefix template struct TracedRule<SquareOperation, T, false>; \
  prefix template struct TracedRule<KeptSlopeOperation<SigmoidOperation>, T, false, false>; \
  prefix template struct TracedRule<KeptSlopeOperation<TanhOperation>, T, false, false>; \
  prefix template void evaluate_rows(Rows<T>, EvaluateLanes, const void*, T*, bool, bool, bool); \
  prefix template void sum_rows(const Rows<T>&, SumLanes<T>, const void*, bool, T*, const T&, bool); \
  prefix template void reverse_rows(const Rows<T>&, ReverseLanes<T>, const void*, const Sink<T>*, int, bool, bool); \
  prefix template class Members<T>; \
  prefix template class Module<T>; \
  prefix template class Gemm<T>; \
  prefix template struct Product<T>; \
  prefix template void contribute_product(TypedNode<T>*, const Product<T>&); \
  prefix template void contribute(Slot<T>&, const Shape&, const Product<T>&); \
  prefix template class Adam<T>; \
  prefix template void append(std::string&, const Tensor<T>&); \
  prefix template class PointwiseNode<T>; \
  prefix template struct PointwiseOf<SigmoidOperation, T>; \
  prefix template struct PointwiseOf<TanhOperation, T>; \
  prefix template struct PointwiseOf<ReluOperation, T>; \
  prefix template Tensor<T> apply_pointwise(const Pointwise<T>&, const Tensor<T>&, const Location&); \
  prefix template class Layer<T>; \
  prefix template class LinearNode<T>; \
  prefix template struct ColumnSum<T>; \
  prefix template class Linear<T>; \
  prefix template Tensor<T> linear(const Appearance<T>&, const Appearance<T>&, const Appearance<T>&, Location, const \
      Pointwise<T>*); \
  prefix template struct Sigmoid<T>; \
  prefix template struct Tanh<T>; \
  prefix template struct ReLU<T>; \
  prefix template class Sequential<T>; \
  prefix template class SGD<T>;
// clang-format on
// NOLINTEND(bugprone-macro-parentheses)

#if defined(EIGENGRAD_COMPILED)
namespace eigengrad { inline namespace EIGENGRAD_ABI {
EIGENGRAD_COMPILED_FOR(extern, float)
EIGENGRAD_COMPILED_FOR(extern, double)
}}  // namespace eigengrad::EIGENGRAD_ABI
#endif
