#pragma once

#include <algorithm>
#include <cstdint>

#include "../autograd/engine/tape_state.hpp"
#include "../autograd/parameter.hpp"
#include "../core/replay.hpp"
#include "../core/shape.hpp"
#include "../core/tensor.hpp"
#include "../formula/pointwise.hpp"
#include "../kernels/convolution/forward.hpp"
#include "../kernels/convolution/input_gradient.hpp"
#include "../kernels/convolution/weight_gradient.hpp"
#include "../kernels/run_sums.hpp"
#include "../simd/lane.hpp"
#include "convolution_options.hpp"
#include "pad.hpp"

// Convolutions, transposed ones, and their gradients, which are of the same family: of x, weight and y each two give
// the third, by a sum of products that is linear in both.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The three that a convolution knows, in the order in which operations take them.
enum class ConvolutionPart : std::uint8_t { input, weight, output };

/// Which of them is made of the other two, and how.
struct ConvolutionWork {
  ConvolutionPart wanted;
  int axes;
  ConvolutionShape geometry;

  /// What operand 0 or 1 is.
  ConvolutionPart operand(int k) const {
    if (k == 0) return wanted == ConvolutionPart::input ? ConvolutionPart::weight : ConvolutionPart::input;
    return wanted == ConvolutionPart::output ? ConvolutionPart::weight : ConvolutionPart::output;
  }
  /// The work that gives operand k's gradient.
  ConvolutionWork gradient(int k) const { return {operand(k), axes, geometry}; }
  OperationName name(const Location& where) const {
    if (wanted == ConvolutionPart::weight) return OperationName("conv_weight", where);
    if (wanted == ConvolutionPart::output) return {axes == 1 ? "conv1d" : "conv2d", where};
    return {axes == 1 ? "conv_transpose1d" : "conv_transpose2d", where};
  }
};

template <class T>
EIGENGRAD_OUTLINE void run_convolution(const ConvolutionWork& work, const Tensor<T>& first, const Tensor<T>& second,
                                       T* to, ConvolutionExtras<T> extras = {}) {
  const T *const a = kernel_access(first).numbers(), *const b = kernel_access(second).numbers();
  const bool first_padded = kernel_access(first).padded(), second_padded = kernel_access(second).padded();
  extras.room = work.wanted == ConvolutionPart::output ? first_padded : second_padded;
  if (work.wanted == ConvolutionPart::output)
    convolution_forward(work.geometry, a, b, to, extras);
  else if (work.wanted == ConvolutionPart::input)
    convolution_input_gradient(work.geometry, b, a, to, extras);
  else
    convolution_weight_gradient(work.geometry, a, b, to, first_padded && second_padded);
}

/// A function that rides along, applied to stretches of y while they are in the cache.
template <class T>
struct RidingFunction {
  const Pointwise<T>& function;
  T *y, *slope;  // the slope, where it is kept, has y's places

  static void run(const void* setting, T* numbers, Index count) {
    const auto& riding = *static_cast<const RidingFunction*>(setting);
    constexpr Index width = lane_width<T>;
    T* const slope = riding.slope != nullptr ? riding.slope + (numbers - riding.y) : nullptr;
    const Index whole = count - count % width;
    if (whole == count) return riding.function.value(numbers, numbers, numbers, slope, count);
    // The last lane's numbers, some of them once more, as what lies behind is others'.
    T last[2][extent(width)] = {};
    const Index some = (std::min)(count, width);
    T* const from = numbers + count - some;
    some == width ? lane::store<T>(last[0], lane::load(from)) : copy_few(from, last[0], some);
    riding.function.value(last[0], last[0], last[0], slope != nullptr ? last[1] : nullptr, width);
    if (whole > 0) riding.function.value(numbers, numbers, numbers, slope, whole);
    put(last[0], from, some);
    if (slope != nullptr) put(last[1], slope + (from - numbers), some);
  }

 private:
  static void put(const T* from, T* to, Index count) {
    count == lane_width<T> ? lane::store<T>(to, lane::load(from)) : copy_few(from, to, count);
  }
  static void copy_few(const T* from, T* to, Index count) {
    for (Index i = 0; i < count; ++i) {
      to[i] = from[i];
      EIGENGRAD_NO_VECTORS;
    }
  }
};
/// The same with a bias, and a function on top.
template <class T>
void run_convolution(const ConvolutionWork& work, const Tensor<T>& first, const Tensor<T>& second,
                     const Tensor<T>& bias, const Tensor<T>& y, const Pointwise<T>* then, bool with_slope) {
  ConvolutionExtras<T> extras;
  T* const to = kernel_access(y).shared_data();
  if (bias.size() > 0) extras.bias = kernel_access(bias).numbers();
  if (then == nullptr) return run_convolution(work, first, second, to, extras);
  const bool slope = with_slope && then->keeps_slope;
  const RidingFunction<T> riding{*then, to, slope ? kernel_access(y).extra_numbers() : nullptr};
  extras.finish = {&RidingFunction<T>::run, &riding};
  run_convolution(work, first, second, to, extras);
}

/// dy [n, channels, ...] summed over all but its channels: the gradient of a bias.
template <class T>
struct ChannelSum {
  const Tensor<T>& dy;
  Index images, channels;

  Index plane() const { return images > 0 ? dy.size() / (images * channels) : 0; }
  EIGENGRAD_OUTLINE void sum_into(Tensor<T>& target, bool add) const {
    T* const to = kernel_access(target).shared_data();
    const T* const from = kernel_access(dy).numbers();
    const Index places = plane();
    if (places == 1) {
      if (!add) std::fill_n(to, channels, T(0));
      return sum_plain_rows(from, images, channels, kernel_access(dy).padded(), to, T(1));
    }
    const Index least = std::max<Index>(1, (Index{1} << 17) / (images * places + 1));
    parallel_ranges(channels, 1, least, [&](Index begin, Index end) {
      for (Index c = begin; c < end; ++c) {
        Sum<T> total(0);
        for (Index n = 0; n < images; ++n) total = total + sum_of_numbers(from + (n * channels + c) * places, places);
        const T sum = quotient_of_sum<T>(total, T(1));
        to[c] = add ? to[c] + sum : sum;
      }
    });
  }
  Tensor<T> to_tensor() const {
    const Tensor<T> planes = recorded_reshape(dy, Shape{images, channels, plane()});
    return recorded_reshape(recorded_sum_to(planes, Shape{1, channels, 1}), Shape{channels});
  }
};

template <class T>
Tensor<T> record_convolution(const OperationName& name, const ConvolutionWork& work, const Shape& shape,
                             const Appearance<T>& first, const Appearance<T>& second, const Appearance<T>& bias,
                             const Pointwise<T>* then);

/// The record of one of the three, or of f(y). Each operand's gradient is the same of the other one and dy; that of a
/// bias the sum of dy over all but the channels.
template <class T>
class ConvolutionNode final : public OperationNode<T> {
 public:
  ConvolutionNode(const OperationName& operation, const ConvolutionWork& work, const Shape& shape,
                  const Appearance<T>& first, const Appearance<T>& second, TypedNode<T>* bias, const Pointwise<T>* then)
      : OperationNode<T>(operation, shape),
        work_(work),
        nodes_{first.node, second.node, bias},
        then_(then),
        tensors_{second.node != nullptr ? Tensor<T>(first.tensor) : Tensor<T>(),
                 first.node != nullptr ? Tensor<T>(second.tensor) : Tensor<T>()} {}
  void keep_result(const Tensor<T>& y) {
    y_ = y;
    this->kept_numbers_ = then_->kept_numbers(this->shape_);
  }
  void propagate() override {
    Tensor<T> dy = expanded_to(this->take_gradient(), this->shape_);
    if (records_gradients()) [[unlikely]]
      return propagate_recorded(then_ != nullptr ? then_->recorded(dy, y_) : dy);
    if (then_ != nullptr) {
      const bool in_place = kernel_access(dy).unshared() && kernel_access(dy).link().node == nullptr;
      Tensor<T> inner = in_place ? dy : Tensor<T>::empty(this->shape_);
      then_->pull_back(dy, y_, inner);
      dy = std::move(inner);
    }
    pass(1, dy);
    if (Slot<T>* slot = slot_of(2)) {
      bool add = false;
      Tensor<T>& target = prepare(*slot, nodes_[2]->shape(), add);
      sum_of(dy).sum_into(target, add);
    }
    pass(0, dy);
  }
  void visit_inputs(void (*visit)(void*, Node*), void* context) const override {
    for (TypedNode<T>* node : nodes_)
      if (node != nullptr) visit(context, node);
  }
  void describe(Steps& steps) const override {
    const int count = nodes_[2] != nullptr ? 3 : 2;
    for (int k = 0; k < count; ++k) steps.operand(nodes_[k]);
    steps.operation(this->name, count);
    if (then_ != nullptr) steps.operation(then_->name, 1);
  }
  void release() override {
    for (Tensor<T>* kept : {&tensors_[0], &tensors_[1], &y_}) kernel_access(*kept).release();
    this->spent = true;
  }

 private:
  Slot<T>* slot_of(int k) const { return nodes_[k] != nullptr ? nodes_[k]->slot() : nullptr; }
  /// Of the output, or of the input of a convolution that a transposed one is the gradient of.
  ChannelSum<T> sum_of(const Tensor<T>& dy) const { return {dy, work_.geometry.images, nodes_[2]->shape()[0]}; }
  /// Whether dy comes before the other operand where operand k's gradient is computed.
  bool dy_first(int k) const { return work_.wanted < work_.operand(1 - k); }

  void pass(int k, const Tensor<T>& dy) {
    Slot<T>* slot = slot_of(k);
    if (slot == nullptr) return;
    const ConvolutionWork work = work_.gradient(k);
    const Tensor<T>&first = dy_first(k) ? dy : tensors_[1 - k], &second = dy_first(k) ? tensors_[1 - k] : dy;
    bool add = false;
    Tensor<T>& target = prepare(*slot, nodes_[k]->shape(), add);
    if (!add) return run_convolution(work, first, second, kernel_access(target).shared_data());
    const Tensor<T> more = Tensor<T>::empty(nodes_[k]->shape());
    run_convolution(work, first, second, kernel_access(more).shared_data());
    add_in_place(target, more);
  }
  EIGENGRAD_COLD void propagate_recorded(const Tensor<T>& dy) {
    const Tensor<T> none;
    for (int k = 0; k < 2; ++k) {
      Slot<T>* slot = slot_of(k);
      if (slot == nullptr) continue;
      const ConvolutionWork work = work_.gradient(k);
      Tensor<T>& other = tensors_[1 - k];  // a parameter's value was kept bare
      if (nodes_[1 - k] != nullptr && kernel_access(other).link().node == nullptr)
        other = kernel_access(other).linked(recording_tape()->link_to(nodes_[1 - k]));
      const OperationName operation = work.name(this->where);
      const Appearance<T> upstream = appearance_of(dy, operation.name), operand = appearance_of(other, operation.name);
      contribute_recorded(*slot, nodes_[k]->shape(),
                          record_convolution(operation, work, nodes_[k]->shape(), dy_first(k) ? upstream : operand,
                                             dy_first(k) ? operand : upstream, Appearance<T>{none, nullptr},
                                             static_cast<const Pointwise<T>*>(nullptr)));
    }
    if (Slot<T>* slot = slot_of(2)) contribute_recorded(*slot, nodes_[2]->shape(), sum_of(dy).to_tensor());
  }

  ConvolutionWork work_;
  TypedNode<T>* nodes_[3];  // the operands' and the bias'
  const Pointwise<T>* then_;
  Tensor<T> tensors_[2];  // each kept where the other's gradient needs it
  Tensor<T> y_;           // with a function on top, what that gave, and behind it the slope if that is kept
};

/// Done again where a compiled step is replayed.
template <class T>
struct ConvolutionStep final : ReplayStep {
  ConvolutionStep(const ConvolutionWork& what, const Tensor<T>& result, const Tensor<T>& a, const Tensor<T>& b,
                  const Tensor<T>& c, const Pointwise<T>* function, bool was_recorded)
      : work(what), y(result), first(a), second(b), bias(c), then(function), recorded(was_recorded) {}
  void run() override { run_convolution(work, first, second, bias, y, then, recorded); }

  ConvolutionWork work;
  Tensor<T> y, first, second, bias;
  const Pointwise<T>* then;
  bool recorded;
};
template <class T>
EIGENGRAD_COLD void add_convolution_step(const char* name, ConvolutionStep<T>* step) {
  ReplayPlan& plan = *thread_state().replay_plan;
  for (const Tensor<T>* operand : {&step->first, &step->second, &step->bias})
    plan.reads(name, kernel_access(*operand).block());
  plan.computed(name, kernel_access(step->y).block());
  plan.add(step);
}

/// The work done and recorded. `then`, if not null, is applied to the result under the same record; an empty bias is
/// none.
template <class T>
Tensor<T> record_convolution(const OperationName& name, const ConvolutionWork& work, const Shape& shape,
                             const Appearance<T>& first, const Appearance<T>& second, const Appearance<T>& bias,
                             const Pointwise<T>* then) {
  TypedNode<T>* const bias_node = bias.tensor.size() > 0 ? bias.node : nullptr;
  const bool recorded = first.node != nullptr || second.node != nullptr || bias_node != nullptr;
  Tensor<T> y = then != nullptr ? then->room_for(shape, recorded) : Tensor<T>::empty(shape);
  run_convolution(work, first.tensor, second.tensor, bias.tensor, y, then, recorded);
  if (thread_state().replay_plan != nullptr) [[unlikely]]
    add_convolution_step(name.name,
                         new ConvolutionStep<T>(work, y, first.tensor, second.tensor, bias.tensor, then, recorded));
  if (!recorded) return y;
  TapeState* tape = recording_tape();
  if (tape->observer != nullptr) [[unlikely]]
    for (const auto* input : {&first, &second, &bias}) tape->tell_input(input->tensor);
  auto* node = tape->template add<ConvolutionNode<T>>(tape->last, name, work, shape, first, second, bias_node, then);
  tape->connect(y, node);
  if (then != nullptr) node->keep_result(y);
  return y;
}

/// x padded by its settings' mode, and a convolution without padding.
template <class T>
EIGENGRAD_OUTLINE Tensor<T> convolve_padded(const OperationName& name, ConvolutionPlan& plan, PaddingMode mode,
                                            ConvolutionWork& work, const Appearance<T>& x, const Appearance<T>& weight,
                                            const Appearance<T>& bias, const Pointwise<T>* then) {
  ConvolutionAxis &rows = work.geometry.rows, &columns = work.geometry.columns;
  const Tensor<T> padded =
      pad2d(x.tensor, EdgeSizes{rows.before, rows.after, columns.before, columns.after}, mode, name.where);
  for (ConvolutionAxis* axis : {&rows, &columns}) {
    axis->input += axis->before + axis->after;
    axis->before = axis->after = 0;
  }
  return record_convolution(name, work, plan.result, appearance_of(padded, name.name), weight, bias, then);
}

/// A convolution, transposed or not, of settings that were found good; `then`, if not null, is applied to the result
/// under the same record.
template <class T>
Tensor<T> convolve(const OperationName& name, const ConvolutionSettings& settings, const Appearance<T>& x,
                   const Appearance<T>& weight, const Appearance<T>& bias, const Pointwise<T>* then = nullptr) {
  ConvolutionPlan plan =
      plan_convolution(settings, x.tensor.shape(), weight.tensor.shape(), bias.tensor.shape(), name.where);
  ConvolutionWork work{settings.transposed ? ConvolutionPart::input : ConvolutionPart::output, settings.axes,
                       plan.geometry};
  if (settings.mode != PaddingMode::zeros) [[unlikely]]
    return convolve_padded(name, plan, settings.mode, work, x, weight, bias, then);
  return settings.transposed ? record_convolution(name, work, plan.result, weight, x, bias, then)
                             : record_convolution(name, work, plan.result, x, weight, bias, then);
}

// Compiled: class ConvolutionNode<T>
// Compiled: struct ConvolutionStep<T>
// Compiled: struct ChannelSum<T>
// Compiled: void run_convolution(const ConvolutionWork&, const Tensor<T>&, const Tensor<T>&, T*, ConvolutionExtras<T>)
// Compiled: Tensor<T> record_convolution(const OperationName&, const ConvolutionWork&, const Shape&, const
//   Appearance<T>&, const Appearance<T>&, const Appearance<T>&, const Pointwise<T>*)
// Compiled: Tensor<T> convolve(const OperationName&, const ConvolutionSettings&, const Appearance<T>&, const
//   Appearance<T>&, const Appearance<T>&, const Pointwise<T>*)
}}  // namespace eigengrad::EIGENGRAD_ABI
