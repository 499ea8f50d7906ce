#pragma once

// What eigengrad::compiled holds of the vocabulary: operations on tensors and parameters, and on formulas where these
// are one class (eigengrad::development). See compiled.hpp.
#include "../autograd/engine/node.hpp"
#include "../autograd/tape.hpp"
#include "../core/error.hpp"
#include "../core/shape.hpp"
#include "../core/tensor_class.hpp"
#include "../data/csv.hpp"
#include "../data/datasets.hpp"
#include "../data/imputer.hpp"
#include "../data/loader.hpp"
#include "../data/standardizer.hpp"
#include "../formula/formula.hpp"
#include "../nn/losses/cross_entropy.hpp"
#include "../nn/losses/loss.hpp"
#include "../nn/module/module.hpp"
#include "../ops/index.hpp"
#include "../ops/join.hpp"
#include "../ops/matmul.hpp"
#include "../ops/reduce.hpp"
#include "../ops/shape.hpp"
#include "../ops/softmax.hpp"
#include "../ops/statistics.hpp"
#include "../ops/sum.hpp"
#include "../optim/adam.hpp"
#include "../optim/lbfgs.hpp"
#include "../train/evaluate.hpp"
#include "../train/fit.hpp"
#include "../transform/grad.hpp"

// NOLINTBEGIN(bugprone-macro-parentheses): `prefix` is extern, or nothing
/// Operations on an X of numbers T. Sums and means are not among them: clang 14 cannot instantiate what returns auto.
#define EIGENGRAD_COMPILED_ON(prefix, T, X)                                                       \
  prefix template Tensor<T>(max)(const X&, const Axes&, bool, Location);                          \
  prefix template Tensor<T>(min)(const X&, const Axes&, bool, Location);                          \
  prefix template Tensor<std::int64_t> argmax(const X&, Index, bool, Location);                   \
  prefix template Tensor<T> prod(const X&, const Axes&, bool, Location);                          \
  prefix template Tensor<T> var(const X&, const Axes&, VarianceOptions, Location);                \
  prefix template Tensor<T> std(const X&, const Axes&, VarianceOptions, Location);                \
  prefix template Tensor<T> norm(const X&, const Axes&, bool, Location);                          \
  prefix template Tensor<T> softmax(const X&, Index, Location);                                   \
  prefix template Tensor<T> log_softmax(const X&, Index, Location);                               \
  prefix template Tensor<T> log_sum_exp(const X&, const Axes&, bool, Location);                   \
  prefix template Tensor<T> reshape(const X&, const NewShape&, Location);                         \
  prefix template Tensor<T> flatten(const X&, Index, Location);                                   \
  prefix template Tensor<T> squeeze(const X&, const Axes&, Location);                             \
  prefix template Tensor<T> unsqueeze(const X&, Index, Location);                                 \
  prefix template Tensor<T> permute(const X&, const Axes&, Location);                             \
  prefix template Tensor<T> transpose(const X&, Index, Index, Location);                          \
  prefix template Tensor<T> transpose(const X&, Location);                                        \
  prefix template Tensor<T> broadcast_to(const X&, const Shape&, Location);                       \
  prefix template Tensor<T> slice(const X&, Index, Index, Index, Index, Location);                \
  prefix template Tensor<T> select(const X&, Index, Index, Location);                             \
  prefix template Tensor<T> index_select(const X&, Index, const Tensor<std::int64_t>&, Location); \
  prefix template Tensor<T> gather(const X&, Index, const Tensor<std::int64_t>&, Location);       \
  prefix template auto matmul(const X&, const Tensor<T>&, Location);                              \
  prefix template auto softmax_cross_entropy(const X&, const Tensor<std::int64_t>&, Reduction, Location);

#define EIGENGRAD_COMPILED_OPERATIONS(prefix, T)                                                                       \
  EIGENGRAD_COMPILED_ON(prefix, T, Tensor<T>)                                                                          \
  EIGENGRAD_COMPILED_ON(prefix, T, Parameter<T>)                                                                       \
  EIGENGRAD_COMPILED_ON(prefix, T, ParameterRef<T>)                                                                    \
  prefix template class FormulaNode<T>;                                                                                \
  prefix template Tensor<T> value_of_formula(const FormulaKind<T>&, const void*, const Shape&, const OperationName&);  \
  prefix template Tensor<bool> value_of_formula(const FormulaKind<T>&, const void*, const Shape&,                      \
                                                const OperationName&);                                                 \
  prefix template void write_formula(const FormulaKind<T>&, const void*, const Shape&, const char*, Tensor<T>&, bool); \
  prefix template Tensor<T> sum_of_formula(const FormulaKind<T>&, const FormulaSums<T>&, const void*, const Shape&,    \
                                           const OperationName&, const Reduced&, const T&);                            \
  prefix template Tensor<T> join(const char*, std::span<const Tensor<T>>, Index, const Location&);                     \
  prefix template Tensor<T> batched_matmul(const Tensor<T>&, const Tensor<T>&, const Location&);                       \
  prefix template auto matmul(const Tensor<T>&, const Parameter<T>&, Location);                                        \
  prefix template double clip_gradient_norm(const std::vector<ParameterRef<T>>&, double, Location);                    \
  prefix template class LBFGS<T>;                                                                                      \
  prefix template class FunctionTape<T>;                                                                               \
  prefix template Tensor<T> predict(Module<T>&, const Tensor<T>&, Index, Location);                                    \
  prefix template Tensor<T> gather_rows(const Tensor<T>&, std::span<const Index>, Location);                           \
  prefix template Tensor<T> one_hot(const Tensor<std::int64_t>&, Index, Location);                                     \
  prefix template Tensor<T> BasicCsvTable<>::numbers<T>(const std::vector<std::string>&) const;                        \
  prefix template Dataset<T, std::int64_t> load_digits<T>(const std::string&);                                         \
  prefix template struct Dataset<T, T>;                                                                                \
  prefix template struct Dataset<T, std::int64_t>;                                                                     \
  prefix template class DataLoader<T, std::int64_t>;                                                                   \
  prefix template class Standardizer<T>;                                                                               \
  prefix template class Imputer<T>;                                                                                    \
  prefix template class DataLoader<T, T>;                                                                              \
  prefix template class AdamW<T>;

/// What does not depend on a number type.
#define EIGENGRAD_COMPILED_ONCE(prefix)                                                                          \
  prefix template class BasicCsvTable<>;                                                                         \
  prefix template class CsvHeaderDecision<>;                                                                     \
  prefix template class CsvNumbers<>;                                                                            \
  prefix template class CsvSplitter<>;                                                                           \
  prefix template class BasicProgressLine<>;                                                                     \
  prefix template class OnlyTowards<>;                                                                           \
  prefix template Tensor<std::int64_t> join(const char*, std::span<const Tensor<std::int64_t>>, Index,           \
                                            const Location&);                                                    \
  prefix template Tensor<std::int64_t> reshape(const Tensor<std::int64_t>&, const NewShape&, Location);          \
  prefix template Tensor<std::int64_t> slice(const Tensor<std::int64_t>&, Index, Index, Index, Index, Location); \
  prefix template Tensor<std::int64_t> gather_rows(const Tensor<std::int64_t>&, std::span<const Index>, Location);

/// What else formulas evaluated by blocks are made of.
#define EIGENGRAD_COMPILED_RULE(prefix, T, Op, ...) prefix template struct BlockRule<Op, T __VA_OPT__(, ) __VA_ARGS__>;
#define EIGENGRAD_COMPILED_UNARY(prefix, T, Op) EIGENGRAD_COMPILED_RULE(prefix, T, Op, false)
#define EIGENGRAD_COMPILED_BINARY(prefix, T, Op) EIGENGRAD_COMPILED_RULE(prefix, T, Op, false, false)
#define EIGENGRAD_COMPILED_TERNARY(prefix, T, Op) EIGENGRAD_COMPILED_RULE(prefix, T, Op, false, false, false)
#define EIGENGRAD_COMPILED_BLOCKS(prefix, T)                                                   \
  prefix template class BlockProgram<T>;                                                       \
  prefix template class BlockFormula<T, T>;                                                    \
  prefix template class BlockFormula<T, bool>;                                                 \
  prefix template struct BlockKernels<T>;                                                      \
  EIGENGRAD_COMPILED_ON(prefix, T, BlockNumbers<T>)                                            \
  prefix template Tensor<T> as_recorded(const BlockFormula<T, T>&);                            \
  prefix template Tensor<bool> all(const BlockFormula<T, bool>&, const Axes&, bool, Location); \
  prefix template Tensor<bool> any(const BlockFormula<T, bool>&, const Axes&, bool, Location); \
  EIGENGRAD_COMPILED_UNARY(prefix, T, NegateOperation)                                         \
  EIGENGRAD_COMPILED_UNARY(prefix, T, SquareOperation)                                         \
  EIGENGRAD_COMPILED_UNARY(prefix, T, AbsOperation)                                            \
  EIGENGRAD_COMPILED_UNARY(prefix, T, SignOperation)                                           \
  EIGENGRAD_COMPILED_UNARY(prefix, T, ExpOperation)                                            \
  EIGENGRAD_COMPILED_UNARY(prefix, T, Expm1Operation)                                          \
  EIGENGRAD_COMPILED_UNARY(prefix, T, LogOperation)                                            \
  EIGENGRAD_COMPILED_UNARY(prefix, T, Log1pOperation)                                          \
  EIGENGRAD_COMPILED_UNARY(prefix, T, SqrtOperation)                                           \
  EIGENGRAD_COMPILED_UNARY(prefix, T, SinOperation)                                            \
  EIGENGRAD_COMPILED_UNARY(prefix, T, CosOperation)                                            \
  EIGENGRAD_COMPILED_UNARY(prefix, T, TanOperation)                                            \
  EIGENGRAD_COMPILED_UNARY(prefix, T, TanhOperation)                                           \
  EIGENGRAD_COMPILED_UNARY(prefix, T, ErfOperation)                                            \
  EIGENGRAD_COMPILED_UNARY(prefix, T, ErfcOperation)                                           \
  EIGENGRAD_COMPILED_UNARY(prefix, T, SigmoidOperation)                                        \
  EIGENGRAD_COMPILED_UNARY(prefix, T, SoftplusOperation)                                       \
  EIGENGRAD_COMPILED_UNARY(prefix, T, ReluOperation)                                           \
  EIGENGRAD_COMPILED_UNARY(prefix, T, GeluOperation)                                           \
  EIGENGRAD_COMPILED_UNARY(prefix, T, SiluOperation)                                           \
  EIGENGRAD_COMPILED_BINARY(prefix, T, LeakyReluOperation)                                     \
  EIGENGRAD_COMPILED_BINARY(prefix, T, EluOperation)                                           \
  EIGENGRAD_COMPILED_BINARY(prefix, T, AddOperation)                                           \
  EIGENGRAD_COMPILED_BINARY(prefix, T, SubtractOperation)                                      \
  EIGENGRAD_COMPILED_BINARY(prefix, T, MultiplyOperation)                                      \
  EIGENGRAD_COMPILED_BINARY(prefix, T, DivideOperation)                                        \
  EIGENGRAD_COMPILED_BINARY(prefix, T, PowOperation)                                           \
  EIGENGRAD_COMPILED_BINARY(prefix, T, MaximumOperation)                                       \
  EIGENGRAD_COMPILED_BINARY(prefix, T, MinimumOperation)                                       \
  EIGENGRAD_COMPILED_BINARY(prefix, T, LessOperation)                                          \
  EIGENGRAD_COMPILED_BINARY(prefix, T, LessEqualOperation)                                     \
  EIGENGRAD_COMPILED_BINARY(prefix, T, GreaterOperation)                                       \
  EIGENGRAD_COMPILED_BINARY(prefix, T, GreaterEqualOperation)                                  \
  EIGENGRAD_COMPILED_BINARY(prefix, T, EqualOperation)                                         \
  EIGENGRAD_COMPILED_BINARY(prefix, T, NotEqualOperation)                                      \
  EIGENGRAD_COMPILED_BINARY(prefix, T, LogitCrossEntropyOperation)                             \
  EIGENGRAD_COMPILED_BINARY(prefix, T, BinaryCrossEntropyOperation)                            \
  EIGENGRAD_COMPILED_TERNARY(prefix, T, ClampOperation)                                        \
  EIGENGRAD_COMPILED_RULE(prefix, T, WhereOperation, true, false, false)
// NOLINTEND(bugprone-macro-parentheses)

#if defined(EIGENGRAD_COMPILED)
namespace eigengrad { inline namespace EIGENGRAD_ABI {
EIGENGRAD_COMPILED_ONCE(extern)
EIGENGRAD_COMPILED_OPERATIONS(extern, float)
EIGENGRAD_COMPILED_OPERATIONS(extern, double)
#if defined(EIGENGRAD_DEVELOPMENT)
EIGENGRAD_COMPILED_BLOCKS(extern, float)
EIGENGRAD_COMPILED_BLOCKS(extern, double)
#endif
}}  // namespace eigengrad::EIGENGRAD_ABI
#endif
