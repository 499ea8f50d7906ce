#pragma once

#include "../ops/activations.hpp"

// An activation whose gradient needs nothing but its value, as a layer: it can be applied to numbers in place, where a
// product has just written them, and shares its record with all others of its kind instead of being a formula.
namespace eigengrad::inline EIGENGRAD_ABI {

/// What is known of one at run time. The functions work on the lanes that begin before `end`; `to` may be an input.
template <class T>
struct Pointwise {
  const char* name;
  void (*value)(const T* x, const T* unused, T* to, Index end);    // to = f(x)
  void (*gradient)(const T* dy, const T* y, T* to, Index end);     // to = dy f'(x), by y = f(x)
  Tensor<T> (*recorded)(const Tensor<T>& dy, const Tensor<T>& y);  // the same, to be differentiated again

  void evaluate(const Tensor<T>& x, Tensor<T>& y) const { run(value, x, x, y); }
  void pull_back(const Tensor<T>& dy, const Tensor<T>& y, Tensor<T>& dx) const { run(gradient, dy, y, dx); }

 private:
  EIGENGRAD_OUTLINE static void run(void (*lanes)(const T*, const T*, T*, Index), const Tensor<T>& a,
                                    const Tensor<T>& b, Tensor<T>& to) {
    constexpr Index width = lane_width<T>;
    const Index size = to.size(), whole = a.padded() && b.padded() && to.padded() ? size : size - size % width;
    T* const result = to.shared_data();
    const T *const first = a.numbers(), *const second = b.numbers();
    constexpr Index large = 1 << 16;
    if (has_threads && size >= large)
      parallel_ranges(whole, 64 * width, large / 4, [=](Index begin, Index end) {
        lanes(first + begin, second + begin, result + begin, end - begin);
      });
    else
      lanes(first, second, result, whole);
    if (whole == size) return;
    T last[3][extent(width)] = {};
    std::copy_n(a.numbers() + whole, size - whole, last[0]);
    std::copy_n(b.numbers() + whole, size - whole, last[1]);
    lanes(last[0], last[1], last[2], width);
    std::copy_n(last[2], size - whole, result + whole);
  }
};

template <class Op, class T>
struct PointwiseOf {
  EIGENGRAD_KERNEL static void value(const T* x, const T*, T* to, Index end) {
    for (Index i = 0; i < end; i += lane_width<T>) lane::store<T>(to + i, Op::value(lane::load(x + i)));
  }
  EIGENGRAD_KERNEL static void gradient(const T* dy, const T* y, T* to, Index end) {
    for (Index i = 0; i < end; i += lane_width<T>) {
      const lane_t<T> value = lane::load(y + i);
      lane::store<T>(to + i, Op::gradient(lane::load(dy + i), value, value));
    }
  }
  EIGENGRAD_COLD static Tensor<T> recorded(const Tensor<T>& dy, const Tensor<T>& y) {
    const Traced<T> value(y);
    return Op::gradient(Traced<T>(dy), value, value).value();
  }
  static constexpr Pointwise<T> table{Op::name, &value, &gradient, &recorded};
};

/// Whether the function that gives the formula F of a tensor has such a table.
template <class F, class T>
inline constexpr bool is_pointwise = false;
template <class Op, class T>
inline constexpr bool is_pointwise<Formula<Op, Leaf<T>>, T> =
    requires { requires Op::gradient_from_value && std::is_floating_point_v<T>; };

/// The table; null where there is none. (g++ -fsanitize=undefined takes no comparison of its address for a constant.)
template <class F, class T>
inline constexpr const Pointwise<T>* pointwise_of = nullptr;
template <class Op, class T>
  requires is_pointwise<Formula<Op, Leaf<T>>, T>
inline constexpr const Pointwise<T>* pointwise_of<Formula<Op, Leaf<T>>, T> = &PointwiseOf<Op, T>::table;

template <class T>
class PointwiseNode final : public OperationNode<T> {
 public:
  PointwiseNode(const Pointwise<T>& function, const Location& from, const Tensor<T>& y, TypedNode<T>* x)
      : OperationNode<T>({function.name, from}, y.shape()), function_(function), x_(x) {}
  void keep_result(const Tensor<T>& y) { y_ = y; }
  void propagate() override {
    const Tensor<T> dy = whole(this->take_gradient(), this->shape_);
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
    y_.release();
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
  Tensor<T> y = Tensor<T>::empty(x.shape());
  function.evaluate(x, y);
  on_replay(
      function.name, y, {&x},
      [](const TensorStep<T>& step) {
        Tensor<T> again = step.result;
        static_cast<const Pointwise<T>*>(step.setting)->evaluate(step.operands[0], again);
      },
      &function);
  TapeState* tape = recording_tape();
  TypedNode<T>* node = tape != nullptr ? node_on(tape, x, function.name) : nullptr;
  if (node == nullptr) return y;
  if (tape->observer != nullptr) [[unlikely]]
    tape->tell_input(x);
  auto* record = tape->template add<PointwiseNode<T>>(tape->last, function, where, y, node);
  tape->connect(y, record);
  record->keep_result(y);
  return y;
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
