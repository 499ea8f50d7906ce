#pragma once

#include "../autograd/engine/tape_state.hpp"
#include "../core/replay_tensors.hpp"
#include "formula.hpp"

// An activation that can be applied to numbers in place, where a product has just written them, and shares its record
// with all others of its kind instead of being a formula. Where the value tells the gradient (`gradient_from_value`)
// the value is what is kept; where it has no digits left for that (`Slope`), the slope is written behind it, into the
// same buffer.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What is known of one at run time. The functions work on the lanes that begin before `end`; `to` may be an input.
template <class T>
struct Pointwise {
  using Lanes = void(const T* a, const T* b, T* to, T* slope, Index end);

  const char* name;
  bool keeps_slope;
  Lanes* value;     // to = f(a), and slope = f'(a) unless that is null
  Lanes* gradient;  // to = a f', from b: the slope where it is kept, else f
  Tensor<T> (*recorded)(const Tensor<T>& dy, const Tensor<T>& y);  // to be differentiated again

  /// Room for y = f(x), and behind it for the slope if that is kept and `with_slope`.
  Tensor<T> room_for(const Shape& shape, bool with_slope) const {
    return with_slope && keeps_slope ? KernelAccess<T>::empty_with_extra(shape, shape.size()) : Tensor<T>::empty(shape);
  }
  /// Writes y, which may be x, and the slope behind it.
  void evaluate(const Tensor<T>& x, Tensor<T>& y, bool with_slope) const {
    run(value, x, kernel_access(x).numbers(), y,
        with_slope && keeps_slope ? kernel_access(y).extra_numbers() : nullptr);
  }
  /// dx = dy f', of a y that has its slope behind it if that is kept.
  void pull_back(const Tensor<T>& dy, const Tensor<T>& y, Tensor<T>& dx) const {
    run(gradient, dy, keeps_slope ? kernel_access(y).extra_numbers() : kernel_access(y).numbers(), dx, nullptr);
  }
  /// How many numbers are kept for the way back beside y.
  Index kept_numbers(const Shape& shape) const { return keeps_slope ? shape.size() : 0; }

 private:
  /// `second` has as many numbers as `a`, and extra numbers behind them where y has.
  EIGENGRAD_OUTLINE static void run(Lanes* lanes, const Tensor<T>& a, const T* second, Tensor<T>& to, T* slope) {
    constexpr Index width = lane_width<T>;
    const Index size = to.size(),
                whole = kernel_access(a).padded() && kernel_access(to).padded() ? size : size - size % width;
    T* const result = kernel_access(to).shared_data();
    const T* const first = kernel_access(a).numbers();
    constexpr Index large = 1 << 16;
    if (has_threads && size >= large)
      parallel_ranges(whole, 64 * width, large / 4, [=](Index begin, Index end) {
        lanes(first + begin, second + begin, result + begin, slope != nullptr ? slope + begin : nullptr, end - begin);
      });
    else
      lanes(first, second, result, slope, whole);
    if (whole == size) return;
    T last[4][extent(width)] = {};
    std::copy_n(first + whole, size - whole, last[0]);
    std::copy_n(second + whole, size - whole, last[1]);
    lanes(last[0], last[1], last[2], slope != nullptr ? last[3] : nullptr, width);
    std::copy_n(last[2], size - whole, result + whole);
    if (slope != nullptr) std::copy_n(last[3], size - whole, slope + whole);
  }
};

/// A slope that was kept beside y = f(x): of the same digits when it is differentiated again, by f'' = bend(y) f'.
template <class Op>
struct KeptSlopeOperation {
  static constexpr const char* name = Op::Slope::name;
  EIGENGRAD_INLINE static auto value(const auto&, const auto& slope) { return slope; }
  EIGENGRAD_INLINE static auto gradient(const auto& dy, const auto& y, const auto&) {
    return to_each(dy * Op::bend(y), NoGradient());
  }
};

template <class Op, class T>
struct PointwiseOf {
  static constexpr bool keeps_slope = requires { typename Op::Slope; };

  EIGENGRAD_KERNEL static void value(const T* x, const T*, T* to, T* slope, Index end) {
    for (Index i = 0; i < end; i += lane_width<T>) {
      const lane_t<T> from = lane::load(x + i), result = Op::value(from);
      if constexpr (keeps_slope)
        if (slope != nullptr) lane::store<T>(slope + i, Op::Slope::of(from, result));
      lane::store<T>(to + i, result);
    }
  }
  EIGENGRAD_KERNEL static void gradient(const T* dy, const T* kept, T* to, T*, Index end) {
    for (Index i = 0; i < end; i += lane_width<T>) {
      const lane_t<T> upstream = lane::load(dy + i), factor = lane::load(kept + i);
      if constexpr (keeps_slope)
        lane::store<T>(to + i, upstream * factor);
      else
        lane::store<T>(to + i, Op::gradient(upstream, factor, factor));
    }
  }
  EIGENGRAD_COLD static Tensor<T> recorded(const Tensor<T>& dy, const Tensor<T>& y) {
    const Traced<T> value(y);
    if constexpr (keeps_slope)
      return (Traced<T>(dy) * apply<KeptSlopeOperation<Op>>(value, Traced<T>(slope_behind(y)))).value();
    else
      return Op::gradient(Traced<T>(dy), value, value).value();
  }
  EIGENGRAD_COLD static Tensor<T> slope_behind(const Tensor<T>& y) {
    const Tensor<T> slope = Tensor<T>::empty(y.shape());
    const auto run = [](const TensorStep<T>& step) {
      std::copy_n(kernel_access(step.operands[0]).extra_numbers(), step.result.size(), step.to());
    };
    run(TensorStep<T>(run, slope, {&y}, nullptr));
    on_replay(Op::name, slope, {&y}, run);
    return slope;
  }
  static constexpr Pointwise<T> table{Op::name, keeps_slope, &value, &gradient, &recorded};
};

/// Whether the function that gives the formula F of a tensor has such a table.
template <class F, class T>
inline constexpr bool is_pointwise = false;
template <class Op, class T>
inline constexpr bool is_pointwise<Formula<Op, Leaf<T>>, T> =
    std::is_floating_point_v<T> && (requires { requires Op::gradient_from_value; } || requires { typename Op::Slope; });

template <class Op, class T>
inline constexpr bool is_pointwise<ProbedOperation<Op, T>, T> = is_pointwise<Formula<Op, Leaf<T>>, T>;
template <class T>
inline constexpr bool is_pointwise<ProbedOperation<void, T>, T> = false;

/// The table; null where there is none. (g++ -fsanitize=undefined takes no comparison of its address for a constant.)
template <class F, class T>
inline constexpr const Pointwise<T>* pointwise_of = nullptr;
template <class Op, class T>
  requires is_pointwise<Formula<Op, Leaf<T>>, T>
inline constexpr const Pointwise<T>* pointwise_of<Formula<Op, Leaf<T>>, T> = &PointwiseOf<Op, T>::table;
template <class Op, class T>
  requires is_pointwise<ProbedOperation<Op, T>, T>
inline constexpr const Pointwise<T>* pointwise_of<ProbedOperation<Op, T>, T> = &PointwiseOf<Op, T>::table;

template <class T>
class PointwiseNode final : public OperationNode<T> {
 public:
  PointwiseNode(const Pointwise<T>& function, const Location& from, const Tensor<T>& y, TypedNode<T>* x)
      : OperationNode<T>({function.name, from}, y.shape()), function_(function), x_(x) {}
  void keep_result(const Tensor<T>& y) {
    y_ = y;
    this->kept_numbers_ = function_.kept_numbers(y.shape());
  }
  void propagate() override {
    const Tensor<T> dy = expanded_to(this->take_gradient(), this->shape_);
    Slot<T>* slot = x_->slot();
    if (slot == nullptr) return;
    if (records_gradients()) [[unlikely]]
      return contribute_recorded(*slot, this->shape_, function_.recorded(dy, y_));
    if (slot->filled) {
      Tensor<T> dx = Tensor<T>::empty(this->shape_);
      function_.pull_back(dy, y_, dx);
      return contribute(*slot, this->shape_, std::move(dx));
    }
    bool add = false;
    function_.pull_back(dy, y_, prepare_over(dy, *slot, this->shape_, add));
  }
  void visit_inputs(void (*visit)(void*, Node*), void* context) const override { visit(context, x_); }
  void release() override {
    kernel_access(y_).release();
    this->spent = true;
  }

 private:
  const Pointwise<T>& function_;
  TypedNode<T>* x_;
  Tensor<T> y_;
};

/// The function applied to every number, as a record of its own.
template <class T>
Tensor<T> apply_pointwise(const Pointwise<T>& function, const Tensor<T>& x, const Location& where) {
  TapeState* tape = recording_tape();
  TypedNode<T>* node = tape != nullptr ? node_on(tape, x, function.name) : nullptr;
  Tensor<T> y = function.room_for(x.shape(), node != nullptr);
  function.evaluate(x, y, node != nullptr);
  on_replay(
      function.name, y, {&x},
      [](const TensorStep<T>& step) {
        Tensor<T> again = step.result;
        static_cast<const Pointwise<T>*>(step.setting)->evaluate(step.operands[0], again, step.recorded);
      },
      &function, node != nullptr);
  if (node == nullptr) return y;
  if (tape->observer != nullptr) [[unlikely]]
    tape->tell_input(x);
  auto* record = tape->template add<PointwiseNode<T>>(tape->last, function, where, y, node);
  tape->connect(y, record);
  record->keep_result(y);
  return y;
}

// Compiled: class PointwiseNode<T>
// Compiled: struct PointwiseOf<SigmoidOperation, T>
// Compiled: struct PointwiseOf<TanhOperation, T>
// Compiled: struct PointwiseOf<ReluOperation, T>
// Compiled: Tensor<T> apply_pointwise(const Pointwise<T>&, const Tensor<T>&, const Location&)
}}  // namespace eigengrad::EIGENGRAD_ABI
