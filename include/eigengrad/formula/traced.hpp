#pragma once

#include "../autograd/engine/compute.hpp"
#include "../core/loop.hpp"
#include "../core/pool_allocator.hpp"
#include "../core/tensor.hpp"
#include "apply.hpp"

// Element-wise operations carried out one at a time, each leaving a record of its own: what gradients of gradients are
// made of. A formula is one type per expression; here all expressions share one kernel per operation.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
struct TracedOperation;

/// A tensor as an operand of operations that are carried out one by one. The result of an operation is not computed
/// before it is asked for, as many a gradient is never wanted.
template <class T>
class Traced {
 public:
  using TracedElement = T;
  static constexpr int max_inputs = 4;

  Traced() = default;
  explicit Traced(const Tensor<T>& tensor) : state_(new State{.value = tensor}) {}
  /// `own` is the operation's own state, which this takes over; null where it has none.
  EIGENGRAD_COLD Traced(const TracedOperation<T>& operation, const void* own,
                        std::initializer_list<const Traced*> operands)
      : state_(new State{.operation = &operation, .own = own}) {
    for (const Traced* operand : operands) state_->inputs[state_->count++] = *operand;
  }
  Traced(const Traced& other) : state_(other.state_) {
    if (state_ != nullptr) ++state_->references;
  }
  Traced(Traced&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  Traced& operator=(Traced other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~Traced() {
    if (state_ != nullptr) let_go();
  }
  /// Whether it stands for a tensor; a default-made one is no gradient.
  bool exists() const { return state_ != nullptr; }
  /// The tensor, computed and recorded now if it was not yet.
  EIGENGRAD_COLD const Tensor<T>& value() const;

 private:
  template <class>
  friend class TracedNode;

  struct State {
    Tensor<T> value{};
    const TracedOperation<T>* operation = nullptr;  // null for a tensor that was given
    const void* own = nullptr;
    int references = 1;
    int count = 0;
    bool computed = false;
    Traced inputs[max_inputs] = {};

    ~State();
    // Made and dropped by the dozen: from the pool, which is faster than the heap.
    static void* operator new(std::size_t bytes) { return PoolAllocator<std::byte>().allocate(bytes); }
    static void operator delete(void* state) {
      PoolAllocator<std::byte>().deallocate(static_cast<std::byte*>(state), 0);
    }
  };
  EIGENGRAD_COLD void let_go() {
    if (--state_->references == 0) delete state_;
  }
  State* state_ = nullptr;
};

/// The answer of a comparison: 1 where it holds, 0 elsewhere.
template <class T>
struct TracedMask {
  using TracedElement = T;
  Traced<T> numbers;
  const Tensor<T>& value() const { return numbers.value(); }
};
template <class X>
inline constexpr bool is_traced_mask = false;
template <class T>
inline constexpr bool is_traced_mask<TracedMask<T>> = true;

template <class T>
Tensor<T> numbers_of(const Tensor<bool>& mask) {
  const auto run = [](T* to, const Tensor<bool>& from) {
    std::transform(kernel_access(from).numbers(), from.end(), to, [](bool holds) { return T(holds ? 1 : 0); });
  };
  return compute_values<T>("cast", mask.shape(), run, mask);
}

/// One operation with its loops for numbers of type T.
template <class T>
struct TracedOperation {
  const char* name;
  /// to[i] = operation(inputs[k][i * steps[k]] ...) for i < count.
  void (*run)(const void* own, const T* const* inputs, const Index* steps, Index count, T* to);
  /// What flows to each input; empty where nothing does. Null for a comparison.
  void (*gradient)(const void* own, const Traced<T>& dy, const Traced<T>* inputs, const Traced<T>& y,
                   Traced<T>* gradients);
  void (*destroy)(const void* own);
};

template <class T>
Traced<T>::State::~State() {
  if (own != nullptr) operation->destroy(own);
}

/// The record of one such operation.
template <class T>
class TracedNode final : public OperationNode<T> {
 public:
  TracedNode(const TapeState* tape, Traced<T> result, const Shape& shape)
      : OperationNode<T>(result.state_->operation->name, shape), count_(result.state_->count), y_(std::move(result)) {
    for (int k = 0; k < count_; ++k) nodes_[k] = node_on(tape, y_.state_->inputs[k].value(), this->name);
    this->forward = Forward::operation;
  }
  /// How many inputs there are, the record behind one if it lies on this tape, and what `dy` comes to there; empty
  /// where nothing does. An element's derivative is a number, so with an input's tangent for dy that is the result's
  /// part.
  int count() const { return count_; }
  TypedNode<T>* input(int k) const { return nodes_[k]; }
  Traced<T> part(int k, const Tensor<T>& dy) const {
    Traced<T> gradients[Traced<T>::max_inputs];
    const auto& state = *y_.state_;
    state.operation->gradient(state.own, Traced<T>(dy), state.inputs, y_, gradients);
    return gradients[k];
  }

  void propagate() override {
    const Traced<T> dy(expanded_to(this->take_gradient(), this->shape_));
    Traced<T> gradients[Traced<T>::max_inputs];
    auto& state = *y_.state_;
    state.operation->gradient(state.own, dy, state.inputs, y_, gradients);
    for (int k = 0; k < count_; ++k) {
      if (nodes_[k] == nullptr || !gradients[k].exists()) continue;
      if (Slot<T>* slot = nodes_[k]->slot()) contribute(*slot, nodes_[k]->shape(), gradients[k].value());
    }
  }
  void visit_inputs(void (*visit)(void*, Node*), void* context) const override {
    for (int k = 0; k < count_; ++k)
      if (nodes_[k] != nullptr) visit(context, nodes_[k]);
  }
  void describe(Steps& steps) const override {
    for (int k = 0; k < count_; ++k)
      steps.operand(nodes_[k],
                    y_.exists() ? AnyNumbers::of(y_.state_->inputs[k].value()) : AnyNumbers::of(constants_[k]));
    steps.operation(this->name, count_);
  }
  void release() override {
    for (int k = 0; k < count_; ++k)
      if (nodes_[k] == nullptr) constants_[k] = y_.state_->inputs[k].value();
    y_ = Traced<T>();
  }

 private:
  int count_;
  TypedNode<T>* nodes_[Traced<T>::max_inputs] = {};
  Tensor<T> constants_[Traced<T>::max_inputs];  // once released
  Traced<T> y_;
};

template <class T>
const Tensor<T>& Traced<T>::value() const {
  State& state = *state_;
  if (state.operation == nullptr || state.computed) return state.value;
  const int count = state.count;
  const Tensor<T>* inputs[max_inputs];
  Shape shape;
  for (int k = 0; k < count; ++k) {
    inputs[k] = &state.inputs[k].value();
    shape = k == 0 ? inputs[k]->shape() : broadcast(shape, inputs[k]->shape(), state.operation->name);
  }
  state.value = Tensor<T>::empty(shape);
  state.computed = true;
  const auto run = [](const State& from) {
    const Shape* all[max_inputs];
    for (int k = 0; k < from.count; ++k) all[k] = &from.inputs[k].value().shape();
    const Loop loop(from.value.shape(), all, from.count);
    T* to = kernel_access(from.value).shared_data();
    loop.for_each_row([&](const Index* offsets) {
      const T* rows[max_inputs];
      for (int k = 0; k < from.count; ++k) rows[k] = kernel_access(from.inputs[k].value()).numbers() + offsets[k];
      from.operation->run(from.own, rows, loop.row_strides, loop.row, to);
      to += loop.row;
    });
  };
  run(state);
  if (ReplayPlan* plan = listening_plan())
    for (int k = 0; k < count; ++k) plan->reads(state.operation->name, kernel_access(*inputs[k]).block());
  on_replay(state.operation->name, reads(), writes(state.value),
            [&] { return [run, self = *this] { run(*self.state_); }; });

  TapeState* tape = recording_tape();
  if (tape == nullptr || state.operation->gradient == nullptr) return state.value;
  bool any = false;
  for (int k = 0; k < count; ++k) any = node_on(tape, *inputs[k], state.operation->name) != nullptr || any;
  if (!any) return state.value;
  Node* node = tape->template add<TracedNode<T>>(tape->last, tape, *this, shape);
  tape->connect(state.value, node);
  return state.value;
}

/// The loops and the gradient of Op; `mask` says which inputs are masks.
template <class Op, class T, bool... mask>
struct TracedRule {
  static constexpr std::size_t arity = sizeof...(mask);

  static const Op& operation_of(const void* own) {
    if constexpr (std::is_empty_v<Op>) {
      static constexpr Op stateless{};
      return stateless;
    } else {
      return *static_cast<const Op*>(own);
    }
  }
  template <bool masked>
  EIGENGRAD_INLINE static auto load(const T* from, Index step, Index i, Index rest) {
    const lane_t<T> lane = step == 0               ? lane_t<T>(*from)
                           : rest >= lane_width<T> ? lane::load(from + i)
                                                   : lane::load(from + i, rest);
    if constexpr (masked)
      return lane != lane_t<T>(0);
    else
      return lane;
  }
  EIGENGRAD_OUTLINE static void run(const void* own, const T* const* inputs, const Index* steps, Index count, T* to) {
    [&]<std::size_t... k>(std::index_sequence<k...>) EIGENGRAD_INLINE_LAMBDA {
      for (Index i = 0; i < count; i += lane_width<T>) {
        const Index rest = count - i;
        const auto value = apply_with(operation_of(own), load<mask>(inputs[k], steps[k], i, rest)...);
        lane_t<T> result;
        if constexpr (is_mask<std::decay_t<decltype(value)>>)
          result = math::select(value, lane_t<T>(1), lane_t<T>(0));
        else
          result = lane_t<T>(value);
        if (rest >= lane_width<T>)
          lane::store<T>(to + i, result);
        else
          lane::store<T>(to + i, result, rest);
      }
    }(std::make_index_sequence<arity>());
  }
  template <bool masked>
  static auto as_operand(const Traced<T>& x) {
    if constexpr (masked)
      return TracedMask<T>{x};
    else
      return x;
  }
  EIGENGRAD_COLD static void gradient(const void* own, const Traced<T>& dy, const Traced<T>* inputs, const Traced<T>& y,
                                      Traced<T>* gradients) {
    [&]<std::size_t... k>(std::index_sequence<k...>) EIGENGRAD_INLINE_LAMBDA {
      const auto each = gradients_of(operation_of(own), dy, y, as_operand<mask>(inputs[k])...);
      const auto keep = [](Traced<T>& to, const auto& from) EIGENGRAD_INLINE_LAMBDA {
        if constexpr (std::is_same_v<std::decay_t<decltype(from)>, Traced<T>>) to = from;
      };
      (keep(gradients[k], part<k>(each)), ...);
    }(std::make_index_sequence<arity>());
  }

  static constexpr const char* name_of() {
    if constexpr (std::is_empty_v<Op>)
      return Op::name;
    else
      return "operation";
  }
  static constexpr auto gradient_of() {
    if constexpr (Predicate<Op>)
      return nullptr;
    else
      return &gradient;
  }
  static void destroy(const void* own) { delete static_cast<const Op*>(own); }
  static constexpr auto destroy_of() {
    if constexpr (std::is_empty_v<Op>)
      return nullptr;
    else
      return &destroy;
  }
  static constexpr TracedOperation<T> operation{name_of(), &run, gradient_of(), destroy_of()};
};

template <class T>
EIGENGRAD_COLD Traced<T> traced_number(const T& number) {
  return Traced<T>(Tensor<T>::full({}, number));
}
template <class T, class X>
EIGENGRAD_INLINE decltype(auto) to_traced(const X& x) {
  if constexpr (Number<X> || is_dual<X>)
    return traced_number(static_cast<T>(x));
  else if constexpr (is_traced_mask<X>)
    return (x.numbers);
  else
    return (x);
}
template <class T>
EIGENGRAD_INLINE const Traced<T>* address_of(const Traced<T>& operand) {
  return &operand;
}
template <class... X>
struct TracedElementOf;
template <class First, class... Rest>
struct TracedElementOf<First, Rest...> : TracedElementOf<Rest...> {};
template <TracedValue First, class... Rest>
struct TracedElementOf<First, Rest...> {
  using type = typename First::TracedElement;
};

/// The operation on traced operands and plain numbers, to be carried out when its value is asked for.
template <class Op, class... X>
EIGENGRAD_COLD auto evaluate_traced(const Op& op, const X&... x) {
  if constexpr (requires { op.unfold(x...); }) {
    return op.unfold(x...);
  } else {
    using T = typename TracedElementOf<X...>::type;
    using Rule = TracedRule<Op, T, (is_traced_mask<X> || std::is_same_v<X, bool>)...>;
    static_assert(sizeof...(X) <= Traced<T>::max_inputs, "an element-wise operation of more than four inputs");
    const void* own = nullptr;
    if constexpr (!std::is_empty_v<Op>) own = new Op(op);
    Traced<T> result(Rule::operation, own, {address_of<T>(to_traced<T>(x))...});
    if constexpr (Predicate<Op>)
      return TracedMask<T>{std::move(result)};
    else
      return result;
  }
}

// Compiled: class TracedNode<T>
// Compiled: class Traced<T>
// Compiled: struct TracedRule<AddOperation, T, false, false>
// Compiled: struct TracedRule<SubtractOperation, T, false, false>
// Compiled: struct TracedRule<MultiplyOperation, T, false, false>
// Compiled: struct TracedRule<NegateOperation, T, false>
// Compiled: struct TracedRule<SquareOperation, T, false>
// Compiled: struct TracedRule<KeptSlopeOperation<SigmoidOperation>, T, false, false>
// Compiled: struct TracedRule<KeptSlopeOperation<TanhOperation>, T, false, false>
}}  // namespace eigengrad::EIGENGRAD_ABI
