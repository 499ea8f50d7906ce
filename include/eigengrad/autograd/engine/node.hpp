#pragma once

#include "../../core/random.hpp"
#include "../../core/tensor.hpp"
#include "describe.hpp"
#include "lineage.hpp"

// Records and leaves, and the places their gradients gather in.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Where a gradient is gathered. Until it is filled, `value` may still hold an old buffer, to be written over.
template <class T>
struct Slot {
  Tensor<T> value;
  bool filled = false;
  bool keep_whole = false;  // expand what arrives unexpanded at once
};

/// A name that most parameters do not have; out of line, as are its copies.
class OptionalName {
 public:
  OptionalName() = default;
  EIGENGRAD_COLD OptionalName(const OptionalName& other) { *this = other; }
  EIGENGRAD_COLD OptionalName& operator=(const OptionalName& other) {
    set(other.get());
    return *this;
  }
  EIGENGRAD_COLD ~OptionalName() { delete text_; }
  EIGENGRAD_COLD void set(const std::string& text) {
    if (text_ != nullptr)
      *text_ = text;
    else if (!text.empty())
      text_ = new std::string(text);
  }
  EIGENGRAD_COLD std::string get() const { return text_ == nullptr ? std::string() : *text_; }

 private:
  std::string* text_ = nullptr;
};

/// How first numbers are drawn. Null where anything will do.
template <class T>
struct WeightInitializer {
  Tensor<T> (*draw)(const Shape& shape, double gain, Generator& generator) = nullptr;
  double gain = 1;
};
/// By what a parameter's first numbers were drawn, and from which stream of random numbers.
template <class T>
struct DrawnStart {
  WeightInitializer<T> by = {};
  Generator::Stream from = {};
};

/// What a Parameter refers to; shared by the module, the optimizer and the tape's leaves.
template <class T>
struct ParameterState {
  Tensor<T> value;
  Slot<T> gradient{{}, false, true};
  bool requires_grad = true;
  bool fresh = false;  // initialised and not set since
  DrawnStart<T> start = {};
  OptionalName name = {};
  std::atomic<std::uint32_t> references{1};
  std::atomic<bool> has_owner{true};      // the Parameter, in a module or elsewhere, whose identity this is
  std::atomic<bool> is_optimized{false};  // held by an optimizer
  bool is_beside_origin = false;          // a copy whose gradient came from a loss that its origin was part of, too
  bool was_read = false;                  // a copy's gradient, by grad()
  Lineage lineage = {};

  /// Lets the origin know when a part of its gradient went here and nobody will see it.
  void tell_if_lost() const {
    if (is_beside_origin && !was_read && gradient.filled && !has_owner.load(std::memory_order_relaxed) &&
        !is_optimized.load(std::memory_order_relaxed)) [[unlikely]]
      lineage.tell_lost();
  }
  /// Whether a gradient has ever arrived; its buffer is kept.
  bool was_reached() const { return gradient.filled || !(gradient.value.shape() == Shape::empty()); }
  bool watched = false;  // a compiled step reads it
};

/// Keeps a parameter alive, as a std::shared_ptr would, in a fraction of the code.
template <class T>
class ParameterHandle {
 public:
  /// Takes over the first reference of a new one.
  explicit ParameterHandle(ParameterState<T>* state) : state_(state) {}
  ParameterHandle(const ParameterHandle& other) : state_(other.state_) {
    if (state_ != nullptr) count_up(state_->references);
  }
  ParameterHandle(ParameterHandle&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  ParameterHandle& operator=(ParameterHandle other) noexcept {
    tell_change();
    std::swap(state_, other.state_);
    return *this;
  }
  ~ParameterHandle() {
    if (state_ != nullptr && count_down(state_->references)) destroy();
  }
  ParameterState<T>* get() const { return state_; }
  ParameterState<T>* operator->() const { return state_; }
  /// Lets compiled steps that read the parameter know that something about it is another now.
  void tell_change() const {
    if (state_ != nullptr && state_->watched) [[unlikely]]
      outside_changed();
  }

 private:
  EIGENGRAD_COLD void destroy() { delete state_; }

  ParameterState<T>* state_;
};

/// What a record is called, and the user's line it comes from where that is known.
struct OperationName {
  OperationName(const char* operation, Location from = {}) : name(operation), where(from) {}
  const char* name;
  Location where;
};

/// How a tangent gets through a record (transform/push.hpp): by the transpose of its rules, by unfolding its formula,
/// as one element-wise operation, by fitting it to the output's shape; or not at all.
enum class Forward : std::uint8_t { transposed, formula, operation, fitting, never };

/// What a parameter's appearance on a tape can do beside what every record can, known without its number type.
class ParameterLeaf {
 public:
  /// Which parameter it stands for, and what that is called.
  virtual const void* parameter() const = 0;
  virtual std::string parameter_name() const = 0;
  virtual AnyNumbers parameter_value() const = 0;
  /// Where its gradient goes: to another slot, null for nowhere, or to the parameter's own.
  virtual void gather_in(void* slot) = 0;
  virtual void gather_in_parameter() = 0;
  virtual const Lineage& lineage() const = 0;
  /// Lets the parameter that this one is a copy of, and that may stand `beside` it, know of a gradient that went here.
  virtual void tell_origin(bool beside) = 0;
  /// Remembers the gradient that is there, to be brought back when a walk fails.
  virtual void keep_gradient() = 0;
  virtual void drop_kept_gradient() = 0;
  /// Back to what was kept, or to none.
  virtual void restore_gradient() = 0;
  /// Another leaf of the same parameter, older than this one, restores it.
  virtual void leave_gradient_alone() = 0;

 protected:
  ~ParameterLeaf() = default;
};

/// One record of a tape.
class Node {
 public:
  explicit Node(const OperationName& operation) : name(operation.name), where(operation.where) {}
  Node(const Node&) = delete;

  /// A gradient has arrived and waits to be passed on.
  bool reached() const { return *filled_; }
  /// Takes the gradient and passes it on to the inputs.
  virtual void propagate() = 0;
  /// Lets go of the gradient that has been gathered.
  virtual void forget_gradient() = 0;
  /// Lets go of the rules and of recorded operands' values; what it was computed from can still be told.
  virtual void release() = 0;
  virtual const Shape& shape() const = 0;
  /// visit(context, input) for every recorded input.
  virtual void visit_inputs(void (* /*visit*/)(void* context, Node* input), void* /*context*/) const {}
  /// What it computes, step by step; by default its name, applied to its recorded inputs.
  virtual void describe(Steps& steps) const {
    const int before = steps.count();
    visit_inputs([](void* to, Node* input) { static_cast<Steps*>(to)->operand(input); }, &steps);
    steps.operation(name, steps.count() - before);
  }
  /// The gradient that has been gathered so far.
  virtual AnyNumbers gradient() const = 0;
  /// The bytes of the output, and of what else is known to be kept for the way back.
  virtual std::size_t bytes() const = 0;
  /// What stands for a parameter; null for an operation.
  virtual ParameterLeaf* leaf() { return nullptr; }
  const ParameterLeaf* leaf() const { return const_cast<Node*>(this)->leaf(); }

  const char* name;
  Node* previous = nullptr;
  [[no_unique_address]] Location where;  // the flags lie in its padding
  bool released = false;
  void (*destroy)(Node* node) = nullptr;  // one function, where a virtual destructor is two
  bool spent = false;                     // released, and so bare that it need not be destroyed
  bool wanted = true;                     // off while a walk has no use for this node's gradient
  Forward forward = Forward::transposed;
  std::uint32_t place = 0;  // of its tangent in the list that is being made, where there is one

 protected:
  ~Node() = default;

  static constexpr bool never = false;
  const bool* filled_ = &never;  // whether a gradient has arrived
};

/// A node whose output has numbers of type T.
template <class T>
class TypedNode : public Node {
 public:
  using Node::Node;

  /// Where contributions go; null when nobody asked for this gradient.
  Slot<T>* slot() {
    require<GradientError>(!released, "backward: the records of ", name,
                           " were released by an earlier backward: call it with {.retain_graph = true} the first time");
    return wanted ? slot_ : nullptr;
  }
  /// Which slot that is, to compare; released or not.
  const Slot<T>* slot_identity() const { return slot_; }
  AnyNumbers gradient() const override {
    return slot_ != nullptr && slot_->filled ? AnyNumbers::of(slot_->value) : AnyNumbers();
  }
  std::size_t bytes() const override { return static_cast<std::size_t>(this->shape().size()) * sizeof(T); }

 protected:
  Slot<T>* slot_ = nullptr;
};

/// A recorded operation. Its gradient may arrive unexpanded, in a shape that broadcasts to the output's.
template <class T>
class OperationNode : public TypedNode<T> {
 public:
  OperationNode(const OperationName& operation, const Shape& shape) : TypedNode<T>(operation), shape_(shape) {
    this->filled_ = &own_.filled;
    this->slot_ = &own_;
  }

  /// A linear operation of one input, done to that input's tangent; false where nobody said how.
  virtual bool done_to(const Tensor<T>& /*tangent*/, Tensor<T>& /*result*/) const { return false; }
  /// The gradient that has arrived, for a walk that ends here.
  Slot<T>& gathered() { return own_; }
  void forget_gradient() final {
    kernel_access(own_.value).release();
    own_.filled = false;
  }
  const Shape& shape() const final { return shape_; }
  std::size_t bytes() const final {
    return TypedNode<T>::bytes() + static_cast<std::size_t>(kept_numbers_) * sizeof(T);
  }

 protected:
  /// The gathered gradient, which its slot then no longer holds.
  Tensor<T> take_gradient() {
    own_.filled = false;
    return std::move(own_.value);
  }

  Shape shape_;
  Slot<T> own_;
  Index kept_numbers_ = 0;  // beside the output, for the way back; told once released, too
};

/// A parameter's appearance on a tape: what flows into it lands in the parameter's gradient.
template <class T>
class LeafNode final : public TypedNode<T>, public ParameterLeaf {
 public:
  explicit LeafNode(const ParameterHandle<T>& state) : TypedNode<T>("parameter"), state_(state) {
    gather_in_parameter();
  }

  void propagate() override {}
  void forget_gradient() override {}
  void release() override {}
  const Shape& shape() const override { return state_->value.shape(); }
  using TypedNode<T>::leaf;
  ParameterLeaf* leaf() override { return this; }

  const void* parameter() const override { return state_.get(); }
  EIGENGRAD_OUTLINE void gather_in(void* slot) override {
    this->slot_ = static_cast<Slot<T>*>(slot);
    this->filled_ = slot != nullptr ? &this->slot_->filled : &this->never;
  }
  void gather_in_parameter() override { gather_in(&state_->gradient); }
  EIGENGRAD_OUTLINE void keep_gradient() override {
    kept_ = this->slot_->value;
    before_ = Before::filled;
  }
  void drop_kept_gradient() override {
    kernel_access(kept_).release();
    before_ = Before::empty;
  }
  EIGENGRAD_OUTLINE void restore_gradient() override {
    if (before_ == Before::unknown || this->slot_ == nullptr) return;
    this->slot_->filled = before_ == Before::filled;
    if (this->slot_->filled) this->slot_->value = kept_;
    drop_kept_gradient();
  }
  void leave_gradient_alone() override { before_ = Before::unknown; }
  const Lineage& lineage() const override { return state_->lineage; }
  EIGENGRAD_OUTLINE void tell_origin(bool beside) override {
    if (this->slot_ != &state_->gradient || !state_->gradient.filled) return;
    state_->lineage.tell_origin(state_->is_optimized.load(std::memory_order_relaxed));
    state_->is_beside_origin = state_->is_beside_origin || beside;
    state_->tell_if_lost();
  }
  std::string parameter_name() const override { return state_->name.get(); }
  AnyNumbers parameter_value() const override { return AnyNumbers::of(state_->value); }
  void describe(Steps& steps) const override { steps.operand(this); }

 private:
  enum class Before : std::uint8_t { empty, filled, unknown };

  ParameterHandle<T> state_;
  Tensor<T> kept_;  // shared with the slot, so that who adds to that makes a copy
  Before before_ = Before::empty;
};

// Compiled: class OperationNode<T>
// Compiled: class LeafNode<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
