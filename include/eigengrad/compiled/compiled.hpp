#pragma once

// What eigengrad::compiled holds (and eigengrad::development, of formulas by blocks): the classes and functions that
// every program with these number types needs, so that programs which link it (and so have EIGENGRAD_COMPILED defined)
// are not compiled with them anew. The rest stays where it is: formulas and kernels are made of the program's own
// expressions, sums and means return auto, which clang 14 cannot instantiate, and what is no template cannot be held
// back. The library and the program must be compiled alike (register width, Eigen, threads): else they do not link.
//
// From here on by scripts/generate.py, of the lines `// Compiled ...: ...` in the headers: change those.
#include "../autograd/engine/contribute.hpp"
#include "../autograd/engine/node.hpp"
#include "../autograd/engine/recorded.hpp"
#include "../autograd/engine/walk.hpp"
#include "../autograd/parameter.hpp"
#include "../core/print.hpp"
#include "../core/replay_tensors.hpp"
#include "../core/tensor_class.hpp"
#include "../data/csv.hpp"
#include "../data/dataset.hpp"
#include "../data/datasets.hpp"
#include "../data/imputer.hpp"
#include "../data/labels.hpp"
#include "../data/loader.hpp"
#include "../data/standardizer.hpp"
#include "../formula/formula_node.hpp"
#include "../formula/pointwise.hpp"
#include "../formula/reverse_rows.hpp"
#include "../formula/rows.hpp"
#include "../formula/sum_rows.hpp"
#include "../formula/traced.hpp"
#include "../io/csv_cells.hpp"
#include "../io/csv_header.hpp"
#include "../io/csv_number.hpp"
#include "../kernels/attention/step.hpp"
#include "../kernels/convolution/shape.hpp"
#include "../kernels/gemm.hpp"
#include "../kernels/recurrence/step.hpp"
#include "../kernels/sums.hpp"
#include "../nn/layers/activation.hpp"
#include "../nn/layers/attention_parts.hpp"
#include "../nn/layers/convolution.hpp"
#include "../nn/layers/linear.hpp"
#include "../nn/losses/cross_entropy.hpp"
#include "../nn/module/held_modules.hpp"
#include "../nn/module/layer.hpp"
#include "../nn/module/members.hpp"
#include "../nn/module/module.hpp"
#include "../nn/sequential.hpp"
#include "../ops/attention.hpp"
#include "../ops/attention_heads.hpp"
#include "../ops/batch_norm.hpp"
#include "../ops/convolution_record.hpp"
#include "../ops/index.hpp"
#include "../ops/join.hpp"
#include "../ops/lookup.hpp"
#include "../ops/matmul.hpp"
#include "../ops/normalization.hpp"
#include "../ops/pooling.hpp"
#include "../ops/recurrence.hpp"
#include "../ops/recurrence_by_steps.hpp"
#include "../ops/reduce.hpp"
#include "../ops/shape.hpp"
#include "../ops/softmax.hpp"
#include "../ops/statistics.hpp"
#include "../ops/sum.hpp"
#include "../optim/adam.hpp"
#include "../optim/lbfgs.hpp"
#include "../optim/optimizer.hpp"
#include "../optim/sgd.hpp"
#include "../train/evaluate.hpp"
#include "../train/progress.hpp"
#include "../transform/grad.hpp"

// NOLINTBEGIN(bugprone-macro-parentheses): `prefix` is extern, or nothing
// clang-format off
#define EIGENGRAD_COMPILED_ON(prefix, T, X) \
  prefix template Tensor<T> reshape(const X&, const NewShape&, Location); \
  prefix template Tensor<T> flatten(const X&, Index, Location); \
  prefix template Tensor<T> squeeze(const X&, const Axes&, Location); \
  prefix template Tensor<T> unsqueeze(const X&, Index, Location); \
  prefix template Tensor<T> permute(const X&, const Axes&, Location); \
  prefix template Tensor<T> transpose(const X&, Index, Index, Location); \
  prefix template Tensor<T> transpose(const X&, Location); \
  prefix template Tensor<T> broadcast_to(const X&, const Shape&, Location); \
  prefix template Tensor<T> slice(const X&, Index, Index, Index, Index, Location); \
  prefix template Tensor<T> select(const X&, Index, Index, Location); \
  prefix template Tensor<T> index_select(const X&, Index, const Tensor<std::int64_t>&, Location); \
  prefix template Tensor<T> gather(const X&, Index, const Tensor<std::int64_t>&, Location); \
  prefix template Tensor<T>(max)(const X&, const Axes&, bool, Location); \
  prefix template Tensor<T>(min)(const X&, const Axes&, bool, Location); \
  prefix template Tensor<std::int64_t> argmax(const X&, Index, bool, Location); \
  prefix template Tensor<T> prod(const X&, const Axes&, bool, Location); \
  prefix template Tensor<T> softmax(const X&, Index, Location); \
  prefix template Tensor<T> log_softmax(const X&, Index, Location); \
  prefix template Tensor<T> log_sum_exp(const X&, const Axes&, bool, Location); \
  prefix template Tensor<T> matmul(const X&, const Tensor<T>&, Location); \
  prefix template auto softmax_cross_entropy(const X&, const Tensor<std::int64_t>&, Reduction, Location); \
  prefix template Tensor<T> var(const X&, const Axes&, VarianceOptions, Location); \
  prefix template Tensor<T> std(const X&, const Axes&, VarianceOptions, Location); \
  prefix template Tensor<T> norm(const X&, const Axes&, bool, Location);

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
  prefix template void append(std::string&, const Tensor<T>&); \
  prefix template Tensor<T> gather_rows(const Tensor<T>&, std::span<const Index>, Location); \
  prefix template struct Dataset<T, T>; \
  prefix template struct Dataset<T, std::int64_t>; \
  prefix template Tensor<T> one_hot(const Tensor<std::int64_t>&, Index, Location); \
  prefix template Tensor<T> BasicCsvTable<>::numbers<T>(const std::vector<std::string>&) const; \
  prefix template Dataset<T, std::int64_t> load_digits<T>(const std::string&); \
  prefix template class Imputer<T>; \
  prefix template class DataLoader<T, std::int64_t>; \
  prefix template class DataLoader<T, T>; \
  prefix template class Standardizer<T>; \
  prefix template class Members<T>; \
  prefix template class Module<T>; \
  prefix template struct ConvolutionExtras<T>; \
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
  prefix template class FormulaNode<T>; \
  prefix template Tensor<T> value_of_formula(const FormulaKind<T>&, const void*, const Shape&, const \
      OperationName&); \
  prefix template Tensor<bool> value_of_formula(const FormulaKind<T>&, const void*, const Shape&, const \
      OperationName&); \
  prefix template void write_formula(const FormulaKind<T>&, const void*, const Shape&, const char*, Tensor<T>&, \
      bool); \
  prefix template Tensor<T> join(const char*, std::span<const Tensor<T>>, Index, const Location&); \
  prefix template class PointwiseNode<T>; \
  prefix template struct PointwiseOf<SigmoidOperation, T>; \
  prefix template struct PointwiseOf<TanhOperation, T>; \
  prefix template struct PointwiseOf<ReluOperation, T>; \
  prefix template Tensor<T> apply_pointwise(const Pointwise<T>&, const Tensor<T>&, const Location&); \
  prefix template class Layer<T>; \
  prefix template class HeldModules<T>; \
  prefix template Tensor<T> sum_of_formula(const FormulaKind<T>&, const FormulaSums<T>&, const void*, const Shape&, \
      const OperationName&, const Reduced&, const T&); \
  prefix template class Gemm<T>; \
  prefix template struct Product<T>; \
  prefix template void contribute_product(TypedNode<T>*, const Product<T>&); \
  prefix template Tensor<T> batched_matmul(const Tensor<T>&, const Tensor<T>&, const Location&); \
  prefix template Tensor<T> matmul(const Tensor<T>&, const Parameter<T>&, Location); \
  prefix template class LinearNode<T>; \
  prefix template struct ColumnSum<T>; \
  prefix template class Linear<T>; \
  prefix template Tensor<T> linear(const Appearance<T>&, const Appearance<T>&, const Appearance<T>&, Location, const \
      Pointwise<T>*); \
  prefix template struct Sigmoid<T>; \
  prefix template struct Tanh<T>; \
  prefix template struct ReLU<T>; \
  prefix template normalization::Normed<T> normalization::norm_batch(const Tensor<T>&, const Tensor<T>&, const \
      Tensor<T>&, double, const Location&); \
  prefix template normalization::Normed<T> normalization::norm_batch_then(const Tensor<T>&, const Tensor<T>&, const \
      Tensor<T>&, double, const Pointwise<T>&, const Location&); \
  prefix template Tensor<T> normalization::norm_batch_given(const Tensor<T>&, const Tensor<T>&, const Tensor<T>&, \
      const Tensor<T>&, const Tensor<T>&, double, const Location&); \
  prefix template Tensor<T> normalization::norm_layer(const Tensor<T>&, const Shape&, const Tensor<T>&, const \
      Tensor<T>&, double, const Location&); \
  prefix template Tensor<T> normalization::norm_groups(const OperationName&, const Tensor<T>&, const \
      normalization::Planes&, Index, const Tensor<T>&, const Tensor<T>&, double, const Tensor<T>&); \
  prefix template class ConvolutionNode<T>; \
  prefix template struct ConvolutionStep<T>; \
  prefix template struct ChannelSum<T>; \
  prefix template void run_convolution(const ConvolutionWork&, const Tensor<T>&, const Tensor<T>&, T*, \
      ConvolutionExtras<T>); \
  prefix template Tensor<T> record_convolution(const OperationName&, const ConvolutionWork&, const Shape&, const \
      Appearance<T>&, const Appearance<T>&, const Appearance<T>&, const Pointwise<T>*); \
  prefix template Tensor<T> convolve(const OperationName&, const ConvolutionSettings&, const Appearance<T>&, const \
      Appearance<T>&, const Appearance<T>&, const Pointwise<T>*); \
  prefix template class ConvolutionLayer<T>; \
  prefix template class Conv1d<T>; \
  prefix template class Conv2d<T>; \
  prefix template class ConvTranspose1d<T>; \
  prefix template class ConvTranspose2d<T>; \
  prefix template Tensor<T> avg_pool(const OperationName&, const Tensor<T>&, const pooling::Windows&, const \
      pooling::AverageOptions&, const PlaneMap&); \
  prefix template Tensor<T> max_pool2d(const Tensor<T>&, PlaneSizes, const MaxPool2dOptions&, Location); \
  prefix template Tensor<T> recurrence_by_steps(RecurrentKind, std::span<const Tensor<T>>, const RecurrentOptions&); \
  prefix template RecurrentResult<T> recurrence<RecurrentKind::lstm>(const RecurrentOperands<T>&, const \
      RecurrentOptions&, Location); \
  prefix template RecurrentResult<T> recurrence<RecurrentKind::gru>(const RecurrentOperands<T>&, const \
      RecurrentOptions&, Location); \
  prefix template RecurrentResult<T> recurrence<RecurrentKind::tanh>(const RecurrentOperands<T>&, const \
      RecurrentOptions&, Location); \
  prefix template class RecurrentStep<T, RecurrentKind::lstm>; \
  prefix template class RecurrentStep<T, RecurrentKind::gru>; \
  prefix template class RecurrentStep<T, RecurrentKind::tanh>; \
  prefix template class Sequential<T>; \
  prefix template void attention_step(const AttentionSizes<T>&, const AttentionRows<const T>&, const \
      AttentionRows<const T>&, const AttentionRows<const T>&, const AttentionRows<T>&); \
  prefix template Tensor<T> attention_weights(const AttentionForm<T>&, std::span<const Tensor<T>>, const \
      AttentionMasks4<T>&); \
  prefix template Tensor<T> attend(const AttentionForm<T>&, const std::array<Tensor<T>, 3>&, const \
      AttentionMasks4<T>&, const Location&); \
  prefix template Tensor<T> heads_of(const Tensor<T>&, const HeadsPlace&, const Shape&); \
  prefix template Tensor<T> heads_to(const Tensor<T>&, const HeadsPlace&, const Shape&); \
  prefix template Tensor<T> attention_of(std::array<Tensor<T>, 3>, const AttentionOptions<T>&, const Location&); \
  prefix template AttentionMasks4<T> joined_masks(const MultiheadMasks<T>&, const AttentionSizes<T>&, const \
      Location&); \
  prefix template Tensor<T> picked_rows(const OperationName&, const Tensor<T>&, const Tensor<std::int64_t>&, Index, \
      bool); \
  prefix template Tensor<T> softmax_cross_entropy_of(const Tensor<T>&, const Tensor<std::int64_t>&, const \
      Tensor<T>&, Reduction, const Location&); \
  prefix template double clip_gradient_norm(const std::vector<ParameterRef<T>>&, double, Location); \
  prefix template class Adam<T>; \
  prefix template class AdamW<T>; \
  prefix template class LBFGS<T>; \
  prefix template class SGD<T>; \
  prefix template Tensor<T> predict(Module<T>&, const Tensor<T>&, Index, Location); \
  prefix template class FunctionTape<T>; \
  EIGENGRAD_COMPILED_ON(prefix, T, Tensor<T>) \
  EIGENGRAD_COMPILED_ON(prefix, T, Parameter<T>) \
  EIGENGRAD_COMPILED_ON(prefix, T, ParameterRef<T>)

#define EIGENGRAD_COMPILED_ONCE(prefix) \
  prefix template class OnlyTowards<>; \
  prefix template class CsvSplitter<>; \
  prefix template class CsvNumbers<>; \
  prefix template class CsvHeaderDecision<>; \
  prefix template Tensor<std::int64_t> gather_rows(const Tensor<std::int64_t>&, std::span<const Index>, Location); \
  prefix template class BasicCsvTable<>; \
  prefix template Tensor<std::int64_t> reshape(const Tensor<std::int64_t>&, const NewShape&, Location); \
  prefix template Tensor<std::int64_t> slice(const Tensor<std::int64_t>&, Index, Index, Index, Index, Location); \
  prefix template Tensor<std::int64_t> join(const char*, std::span<const Tensor<std::int64_t>>, Index, const \
      Location&); \
  prefix template class BasicProgressLine<>;

#define EIGENGRAD_COMPILED_BLOCKS(prefix, T) \
  prefix template class BlockProgram<T>; \
  prefix template struct BlockKernels<T>; \
  prefix template class BlockFormula<T, T>; \
  prefix template class BlockFormula<T, bool>; \
  prefix template Tensor<T> as_recorded(const BlockFormula<T, T>&); \
  prefix template struct BlockRule<SignOperation, T, false>; \
  prefix template struct BlockRule<LessOperation, T, false, false>; \
  prefix template struct BlockRule<LessEqualOperation, T, false, false>; \
  prefix template struct BlockRule<GreaterOperation, T, false, false>; \
  prefix template struct BlockRule<GreaterEqualOperation, T, false, false>; \
  prefix template struct BlockRule<EqualOperation, T, false, false>; \
  prefix template struct BlockRule<NotEqualOperation, T, false, false>; \
  prefix template struct BlockRule<WhereOperation, T, true, false, false>; \
  prefix template struct BlockRule<NegateOperation, T, false>; \
  prefix template struct BlockRule<SquareOperation, T, false>; \
  prefix template struct BlockRule<AbsOperation, T, false>; \
  prefix template struct BlockRule<AddOperation, T, false, false>; \
  prefix template struct BlockRule<SubtractOperation, T, false, false>; \
  prefix template struct BlockRule<MultiplyOperation, T, false, false>; \
  prefix template struct BlockRule<DivideOperation, T, false, false>; \
  prefix template struct BlockRule<MaximumOperation, T, false, false>; \
  prefix template struct BlockRule<MinimumOperation, T, false, false>; \
  prefix template struct BlockRule<ClampOperation, T, false, false, false>; \
  prefix template struct BlockRule<ExpOperation, T, false>; \
  prefix template struct BlockRule<Expm1Operation, T, false>; \
  prefix template struct BlockRule<LogOperation, T, false>; \
  prefix template struct BlockRule<Log1pOperation, T, false>; \
  prefix template struct BlockRule<SqrtOperation, T, false>; \
  prefix template struct BlockRule<SinOperation, T, false>; \
  prefix template struct BlockRule<CosOperation, T, false>; \
  prefix template struct BlockRule<TanOperation, T, false>; \
  prefix template struct BlockRule<TanhOperation, T, false>; \
  prefix template struct BlockRule<ErfOperation, T, false>; \
  prefix template struct BlockRule<ErfcOperation, T, false>; \
  prefix template struct BlockRule<PowOperation, T, false, false>; \
  prefix template struct BlockRule<SigmoidOperation, T, false>; \
  prefix template struct BlockRule<SoftplusOperation, T, false>; \
  prefix template struct BlockRule<ReluOperation, T, false>; \
  prefix template struct BlockRule<GeluOperation, T, false>; \
  prefix template struct BlockRule<SiluOperation, T, false>; \
  prefix template struct BlockRule<LeakyReluOperation, T, false, false>; \
  prefix template struct BlockRule<EluOperation, T, false, false>; \
  prefix template Tensor<bool> all(const BlockFormula<T, bool>&, const Axes&, bool, Location); \
  prefix template Tensor<bool> any(const BlockFormula<T, bool>&, const Axes&, bool, Location); \
  prefix template struct BlockRule<LogitCrossEntropyOperation, T, false, false>; \
  prefix template struct BlockRule<BinaryCrossEntropyOperation, T, false, false>; \
  EIGENGRAD_COMPILED_ON(prefix, T, BlockNumbers<T>)
// clang-format on
// NOLINTEND(bugprone-macro-parentheses)

/// All of it, where the library or the program is compiled with these number types.
#define EIGENGRAD_COMPILED_ALL(prefix)   \
  EIGENGRAD_COMPILED_ONCE(prefix)        \
  EIGENGRAD_COMPILED_FOR(prefix, float)  \
  EIGENGRAD_COMPILED_FOR(prefix, double) \
  EIGENGRAD_COMPILED_BY_BLOCKS(prefix)
#if defined(EIGENGRAD_DEVELOPMENT)
#define EIGENGRAD_COMPILED_BY_BLOCKS(prefix) \
  EIGENGRAD_COMPILED_BLOCKS(prefix, float)   \
  EIGENGRAD_COMPILED_BLOCKS(prefix, double)
#else
#define EIGENGRAD_COMPILED_BY_BLOCKS(prefix)
#endif

#if defined(EIGENGRAD_COMPILED)
namespace eigengrad { inline namespace EIGENGRAD_ABI {
EIGENGRAD_COMPILED_ALL(extern)
}}  // namespace eigengrad::EIGENGRAD_ABI
#endif
