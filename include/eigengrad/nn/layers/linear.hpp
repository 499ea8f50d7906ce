#pragma once

#include "../../autograd/engine/tape_state.hpp"
#include "../../autograd/parameter.hpp"
#include "../../core/replay_tensors.hpp"
#include "../../formula/pointwise.hpp"
#include "../../kernels/gemm.hpp"
#include "../../kernels/run_sums.hpp"
#include "../../ops/matmul.hpp"
#include "../../ops/shape.hpp"
#include "../module/init.hpp"
#include "../module/layer.hpp"
#include "../module/module.hpp"

// Linear layers, and the function they are.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// dy [n, m] summed over its rows: the gradient of a bias.
template <class T>
struct ColumnSum {
  const Tensor<T>& dy;

  Shape shape() const { return {dy.shape()[1]}; }
  void sum_into(T* to, bool padded, bool add) const {
    const Index rows = dy.shape()[0], columns = dy.shape()[1];
    const T* const from = kernel_access(dy).numbers();
    if (columns == 1) {
      const T sum = quotient_of_sum<T>(sum_of_numbers(from, rows), T(1));
      to[0] = add ? to[0] + sum : sum;
      return;
    }
    if (rows <= few_numbers) return sum_few_rows(from, rows, columns, kernel_access(dy).padded() && padded, to, add);
    if (!add) std::fill_n(to, columns, T(0));
    sum_plain_rows(from, rows, columns, kernel_access(dy).padded(), to, T(1));
  }
  /// Recorded, by the engine's own sum: a formula would be compiled into every program that has a Linear.
  Tensor<T> to_tensor() const {
    const Index columns = dy.shape()[1];
    return recorded_reshape(recorded_sum_to(dy, Shape{1, columns}), Shape{columns});
  }
};

template <class T>
void run_linear(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias, Tensor<T>& result,
                const Pointwise<T>* then, bool with_slope) {
  T* const y = kernel_access(result).shared_data();
  const Index in = weight.shape()[1];
  const bool biased = bias.size() > 0;
  Gemm<T>::multiply(x.shape()[0], weight.shape()[0], in, {kernel_access(x).numbers(), in, 1, kernel_access(x).padded()},
                    {kernel_access(weight).numbers(), 1, in, kernel_access(weight).padded()}, y, false,
                    biased ? kernel_access(bias).numbers() : nullptr, !biased || kernel_access(bias).padded());
  if (then != nullptr) then->evaluate(result, result, with_slope);
}

/// The record of y = x W^T + b, or of f(y). Gradients: dx = dy W, dW = dy^T x, db = the sum of dy's rows.
template <class T>
class LinearNode final : public OperationNode<T> {
 public:
  LinearNode(const OperationName& operation, const Shape& shape, const Appearance<T>& x, const Appearance<T>& w,
             TypedNode<T>* b, const Pointwise<T>* then)
      : OperationNode<T>(operation, shape),
        x_node_(x.node),
        weight_node_(w.node),
        bias_node_(b),
        then_(then),
        x_(w.node != nullptr ? Tensor<T>(x.tensor) : Tensor<T>()),
        weight_(x.node != nullptr ? Tensor<T>(w.tensor) : Tensor<T>()) {}
  void keep_result(const Tensor<T>& y) {
    y_ = y;
    this->kept_numbers_ = then_->kept_numbers(this->shape_);
  }
  void propagate() override {
    Tensor<T> dy = expanded_to(this->take_gradient(), this->shape_);
    if (records_gradients()) [[unlikely]]
      return propagate_recorded(then_ != nullptr ? then_->recorded(dy, y_) : dy);
    if (then_ != nullptr) {
      if (kernel_access(dy).unshared() && kernel_access(dy).link().node == nullptr) {
        then_->pull_back(dy, y_, dy);
      } else {
        Tensor<T> inner = Tensor<T>::empty(this->shape_);
        then_->pull_back(dy, y_, inner);
        dy = std::move(inner);
      }
    }
    contribute_product(weight_node_, Product<T>{{dy, true}, {x_}});
    if (Slot<T>* slot = bias_node_ != nullptr ? bias_node_->slot() : nullptr) {
      bool add = false;
      Tensor<T>& target = prepare(*slot, bias_node_->shape(), add);
      ColumnSum<T>{dy}.sum_into(kernel_access(target).shared_data(), kernel_access(target).padded(), add);
    }
    contribute_product(x_node_, Product<T>{{dy}, {weight_}});
  }
  void visit_inputs(void (*visit)(void*, Node*), void* context) const override {
    for (TypedNode<T>* node : {x_node_, weight_node_, bias_node_})
      if (node != nullptr) visit(context, node);
  }
  void describe(Steps& steps) const override {
    for (TypedNode<T>* node : {x_node_, weight_node_, bias_node_}) steps.operand(node);
    steps.operation(this->name, 3);
    if (then_ != nullptr) steps.operation(then_->name, 1);
  }
  void release() override {
    kernel_access(y_).release();
    kernel_access(x_).release();
    kernel_access(weight_).release();
    this->spent = true;
  }

 private:
  EIGENGRAD_COLD void propagate_recorded(const Tensor<T>& dy) {
    // A parameter's value was kept bare.
    if (weight_node_ != nullptr) weight_ = kernel_access(weight_).linked(recording_tape()->link_to(weight_node_));
    contribute_product(x_node_, Product<T>{{dy}, {weight_}});
    contribute_product(weight_node_, Product<T>{{dy, true}, {x_}});
    if (Slot<T>* slot = bias_node_ != nullptr ? bias_node_->slot() : nullptr)
      contribute_recorded(*slot, bias_node_->shape(), ColumnSum<T>{dy}.to_tensor());
  }

  TypedNode<T>*x_node_, *weight_node_, *bias_node_;
  const Pointwise<T>* then_;
  Tensor<T> x_, weight_;  // each kept where the other's gradient needs it
  Tensor<T> y_;           // with a function on top, what that gave, and behind it the slope if that is kept
};

template <class T>
EIGENGRAD_COLD Tensor<T> linear_of_batches(const Appearance<T>& x, const Appearance<T>& weight,
                                           const Appearance<T>& bias, const Location& where, const Pointwise<T>* then) {
  const Shape& from = x.tensor.shape();
  const Shape& over = weight.tensor.shape();
  Shape shape(from.begin(), from.end() - 1);
  const Tensor<T> flat = recorded_reshape(x.tensor, Shape{shape.size(), over[1]}, where);
  shape.push_back(over[0]);
  return recorded_reshape(linear(appearance_of(flat, "linear"), weight, bias, where, then), shape, where);
}

/// x W^T + b for x [n, in] (more leading axes are batches), W [out, in] and b [out] or empty: one record.
/// Gradients: dx = dy W, dW = dy^T x, db = the sum of dy's rows. Throws ShapeError naming all three. `then`, if not
/// null, is applied to the result under the same record.
template <class T>
Tensor<T> linear(const Appearance<T>& x, const Appearance<T>& weight, const Appearance<T>& bias,
                 Location where = Location::current(), const Pointwise<T>* then = nullptr) {
  const Shape& from = x.tensor.shape();
  const Shape& over = weight.tensor.shape();
  const Shape& start = bias.tensor.shape();
  require<ShapeError>(over.rank() == 2 && from.rank() >= 1 && from.back() == over[1] &&
                          (start.size() == 0 || (start.rank() == 1 && start[0] == over[0])),
                      "linear: x is ", from, ", weight is ", over, ", bias is ", start,
                      ": x's last axis must be the weight's second, the bias as long as its first", where);
  if (from.rank() != 2) [[unlikely]]
    return linear_of_batches(x, weight, bias, where, then);
  // An empty bias is none, though it may be tracked: it gets no gradient.
  auto* const bias_node = start.size() > 0 ? bias.node : nullptr;
  const bool recorded = x.node != nullptr || weight.node != nullptr || bias_node != nullptr;
  const Shape shape{from[0], over[0]};
  Tensor<T> y = then != nullptr ? then->room_for(shape, recorded) : Tensor<T>::empty(shape);
  run_linear(x.tensor, weight.tensor, bias.tensor, y, then, recorded);
  on_replay(
      "linear", y, {&x.tensor, &weight.tensor, &bias.tensor},
      [](const TensorStep<T>& step) {
        Tensor<T> result = step.result;
        run_linear(step.operands[0], step.operands[1], step.operands[2], result,
                   static_cast<const Pointwise<T>*>(step.setting), step.recorded);
      },
      then, recorded);
  if (!recorded) return y;
  TapeState* tape = recording_tape();
  if (tape->observer != nullptr) [[unlikely]]
    for (const auto* input : {&x, &weight, &bias}) tape->tell_input(input->tensor);
  auto* node = tape->template add<LinearNode<T>>(tape->last, OperationName("linear", where), y.shape(), x, weight,
                                                 bias_node, then);
  tape->connect(y, node);
  if (then != nullptr) node->keep_result(y);
  return y;
}
/// The same for tensors.
template <class T>
Tensor<T> linear(const Tensor<T>& x, const Tensor<T>& weight, const Tensor<T>& bias,
                 Location where = Location::current()) {
  return linear(appearance_of(x, "linear"), appearance_of(weight, "linear"), appearance_of(bias, "linear"), where);
}

/// The same for parameters, formulas, and plain numbers beside dual ones.
template <Expression X, Expression W, Expression B>
  requires(!std::is_same_v<X, Tensor<typename X::Element>> || !std::is_same_v<X, W> || !std::is_same_v<X, B>)
auto linear(const X& x, const W& weight, const B& bias, Location where = Location::current()) {
  using T = scalar_of<X, W, B>;
  return linear<T>(tensor_of<T>(x), tensor_of<T>(weight), tensor_of<T>(bias), where);
}

/// Settings of Linear.
struct LinearOptions {
  bool bias = true;
};

/// A layer of neurons: y = x W^T + b, [n, in] -> [n, out]. The weight is [out, in], as in PyTorch. It starts uniform in
/// +-1 / sqrt(in), or as the activation after it prefers in a Sequential; the bias uniform in +-1 / sqrt(in).
template <class T>
class Linear : public Layer<T> {
 public:
  explicit Linear(Index) = delete;  // two sizes: Linear<T>(inputs, outputs)
  EIGENGRAD_COLD Linear(Index in, Index out, LinearOptions options = {}, Generator& generator = default_generator()) {
    initialize(in, out, options, generator);
  }

  Tensor<T> forward(const Tensor<T>& x) override { return apply(x, nullptr); }
  Tensor<T> forward_then(const Tensor<T>& x, const Pointwise<T>& then) override { return apply(x, &then); }
  void members(Members<T>& m) override {
    m("weight", weight);
    if (has_bias()) m("bias", bias);
  }
  std::string kind() const override { return "Linear"; }
  void reinitialize(const WeightInitializer<T>& initializer) override {
    if (weight.is_fresh()) weight.draw(initializer);
  }
  bool has_bias() const { return bias.size() > 0; }

  Parameter<T> weight;
  Parameter<T> bias;

 private:
  EIGENGRAD_OUTLINE Tensor<T> apply(const Tensor<T>& x, const Pointwise<T>* then) {
    const Appearance<T> w = weight.appear("linear");
    return linear(appearance_of(x, "linear"), w,
                  has_bias() ? bias.appear("linear") : Appearance<T>{bias.value(), nullptr}, calling_line(), then);
  }
  EIGENGRAD_COLD void initialize(Index in, Index out, const LinearOptions& options, Generator& generator) {
    require<ValueError>(in >= 0 && out >= 0, "Linear: sizes ", in, " and ", out, " must not be negative");
    const double bound = 1 / std::sqrt(static_cast<double>(std::max<Index>(in, 1)));
    weight.initialize_as({out, in}, {&init::uniform_within<T>, bound}, generator);
    if (options.bias) bias.initialize_as({out}, {&init::uniform_within<T>, bound}, generator);
  }
};

// Compiled: class LinearNode<T>
// Compiled: struct ColumnSum<T>
// Compiled: class Linear<T>
// Compiled: Tensor<T> linear(const Appearance<T>&, const Appearance<T>&, const Appearance<T>&, Location, const
//   Pointwise<T>*)
}}  // namespace eigengrad::EIGENGRAD_ABI
