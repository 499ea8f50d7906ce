#pragma once

#include <cstring>
#include <typeinfo>

#include "../autograd/engine/tape_state.hpp"
#include "../autograd/parameter.hpp"
#include "../core/tensor.hpp"
#include "../formula/pointwise.hpp"
#include "module/layer.hpp"
#include "module/module.hpp"

// Modules one after another.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Whether an M has only the forward that every module has, which throws.
template <class M, class T>
concept WithoutForward =
    requires { requires std::is_same_v<typename DeclaringClass<decltype(&M::forward)>::type, Module<T>>; };

/// What can stand in a Sequential.
template <class M, class T>
concept PartOf = std::is_base_of_v<Module<T>, std::decay_t<M>> && !std::is_abstract_v<std::decay_t<M>> &&
                 !WithoutForward<std::decay_t<M>, T>;

/// Modules one after another; owns copies of them, and copies them when it is copied. Weights that nobody has set start
/// as the module after them prefers, and are drawn in the order of modules, whichever of them the compiler makes first.
template <class T>
class Sequential : public Layer<T> {
 public:
  Sequential() = default;
  template <class First, class... Rest>
    requires(PartOf<First, T> && (PartOf<Rest, T> && ...) &&
             !(sizeof...(Rest) == 0 && std::is_same_v<std::decay_t<First>, Sequential>))
  EIGENGRAD_OUTLINE explicit Sequential(First&& first, Rest&&... rest) : Sequential() {
    put(std::forward<First>(first));
    (put(std::forward<Rest>(rest)), ...);
    draw_in_order(first_, {!std::is_lvalue_reference_v<First>, !std::is_lvalue_reference_v<Rest>...});
  }
  template <class First, class... Rest>
    requires(!(PartOf<First, T> && (PartOf<Rest, T> && ...)))
  explicit Sequential(First&&, Rest&&...) = delete;  // each must be an eg::Module<T> of this T, with a forward()
  EIGENGRAD_OUTLINE Sequential(const Sequential& other) : Sequential() {
    Module<T>::operator=(other);
    for (const Holder* held = other.first_; held != nullptr; held = held->next) append(held->copy());
  }
  Sequential(Sequential&& other) noexcept : Layer<T>(std::move(other)) { swap(other); }
  /// Layer by layer where both have the same types of layers, so that the parameters stay those that an optimizer holds
  /// and get new values; else all layers are replaced by copies.
  EIGENGRAD_COLD Sequential& operator=(const Sequential& other) {
    if (this == &other) return *this;
    if (!same_types(other)) return *this = Sequential(other);
    Module<T>::operator=(other);
    for (Holder *to = first_, *from = other.first_; to != nullptr; to = to->next, from = from->next) to->assign(*from);
    return *this;
  }
  Sequential& operator=(Sequential&& other) noexcept {
    Sequential taken(std::move(other));  // the old layers end here, so that an optimizer which holds them can tell
    Module<T>::operator=(taken);
    swap(taken);
    return *this;
  }
  EIGENGRAD_OUTLINE ~Sequential() override {
    while (first_ != nullptr) delete std::exchange(first_, first_->next);
  }

  /// Puts a module at the end.
  template <class M>
  Sequential& add(M&& module) {
    constexpr bool fits = PartOf<M, T>;
    if constexpr (fits) {
      put(std::forward<M>(module));
      draw_in_order(last_, {!std::is_lvalue_reference_v<M>});
    } else {
      static_assert(fits, "add: it must be an eg::Module<T> of this T, with a forward()");
    }
    return *this;
  }

  Tensor<T> forward(const Tensor<T>& x) override {
    this->tell_plan();
    const Holder *next = first_, *running = next;
    try {
      Tensor<T> y = next != nullptr ? run(next, x) : x;
      while (next != nullptr) {
        running = next;
        y = run(next, y);
      }
      return y;
    } catch (Error& error) {
      running->module.came_through(error);
      this->came_through(error);
      throw;
    }
  }
  EIGENGRAD_COLD void members(Members<T>& m) override {
    Index i = 0;
    for (Holder* held = first_; held != nullptr; held = held->next) m(to_text(i++), held->module);
  }
  std::string kind() const override { return "Sequential"; }
  // Within another Sequential: its first module follows what is before, its last one is followed by what comes after.
  WeightInitializer<T> preferred_initializer() const override {
    return first_ == nullptr ? WeightInitializer<T>() : first_->module.preferred_initializer();
  }
  void reinitialize(const WeightInitializer<T>& initializer) override {
    if (last_ != nullptr) last_->module.reinitialize(initializer);
  }

  Index size() const { return size_; }
  /// The module at position i; throws IndexError outside.
  Module<T>& operator[](Index i) { return at(i); }
  Module<T>& at(Index i, Location where = Location::current()) { return holder_at(i, where).module; }
  /// The same, as the type it was added with; throws ValueError when it is another.
  template <class M>
  M& at(Index i, Location where = Location::current()) {
    const Holder& held = holder_at(i, where);
    require<ValueError>(is_type<M>(held), "Sequential: module ", i, " is a ", held.module.kind(),
                        ", not of the type asked for", where);
    return static_cast<M&>(held.module);
  }

 private:
  struct Holder;

  /// The next module, with the one after it if that is a function which it can take along: for a Linear two passes less
  /// over the numbers. A tape that looks at every value gets to see each.
  static Tensor<T> run(const Holder*& next, const Tensor<T>& x) {
    const Holder& held = *next;
    next = held.next;
    if (held.takes_along == nullptr || next == nullptr || next->function == nullptr) return held.module.forward(x);
    const Pointwise<T>* then = next->function->pointwise();
    const TapeState* tape = recording_tape();
    if (then == nullptr || (tape != nullptr && tape->observer != nullptr)) return held.module.forward(x);
    next = next->next;
    return held.takes_along->forward_then(x, *then);
  }

  template <class M>
  void put(M&& module) {
    Holder* const before = last_;
    append(new Held<std::decay_t<M>>(std::forward<M>(module)));
    this->tell_change();
    if (before != nullptr) suit(*before);
  }
  /// C++ leaves it to the compiler which of several arguments it makes first. In those moved in, what still holds what
  /// was first drawn takes its stream of random numbers by its place, as if all were made from left to right.
  EIGENGRAD_COLD static void draw_in_order(const Holder* held, std::initializer_list<bool> moved_in) {
    std::vector<ParameterRef<T>> drawn;
    for (const bool moved : moved_in) {
      if (moved)
        for (const ParameterRef<T>& parameter : held->module.parameters())
          if (parameter.is_fresh() && parameter.state().start.by.draw != nullptr) drawn.push_back(parameter);
      held = held->next;
    }
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      const DrawnStart<T>& mine = drawn[i].state().start;
      const ParameterRef<T>* first = &drawn[i];  // of those behind, which drew before
      for (std::size_t k = i + 1; k < drawn.size(); ++k) {
        const Generator::Stream& other = drawn[k].state().start.from;
        if (other.key == mine.from.key && other.number < first->state().start.from.number) first = &drawn[k];
      }
      if (first == &drawn[i]) continue;
      const Generator::Stream own = mine.from;
      drawn[i].draw_from({mine.by, first->state().start.from});
      first->draw_from({first->state().start.by, own});
    }
  }
  void append(Holder* held) {
    (last_ != nullptr ? last_->next : first_) = held;
    last_ = held;
    ++size_;
  }
  /// Lets the module before the last one start as that prefers.
  EIGENGRAD_COLD void suit(Holder& before) {
    const WeightInitializer<T> wanted = last_->module.preferred_initializer();
    if (wanted.draw != nullptr) before.module.reinitialize(wanted);
  }
  Holder& holder_at(Index i, const Location& where) {
    require<IndexError>(i >= 0 && i < size_, "Sequential: no module ", i, " of ", size_, where);
    Holder* held = first_;
    while (i-- > 0) held = held->next;
    return *held;
  }
  bool same_types(const Sequential& other) const {
    const Holder *mine = first_, *theirs = other.first_;
    for (; mine != nullptr && theirs != nullptr; mine = mine->next, theirs = theirs->next)
      if (mine->type != theirs->type || !mine->assignable) return false;
    return mine == theirs;
  }
  void swap(Sequential& other) noexcept {
    std::swap(first_, other.first_);
    std::swap(last_, other.last_);
    std::swap(size_, other.size_);
  }

  // By name: a shared library has its own copy of whatever else could stand for a type.
  template <class M>
  static const char* type_name() {
#ifdef __cpp_rtti
    return typeid(M).name();
#else
    return __PRETTY_FUNCTION__;
#endif
  }
  template <class M>
  static bool is_type(const Holder& held) {
    return held.type == type_name<M>() || std::strcmp(held.type, type_name<M>()) == 0;
  }

  // A module of any type, copyable although Module itself knows nothing of copying.
  struct Holder {
    template <class M>
    explicit Holder(M& m) : module(m), type(type_name<M>()) {
      if constexpr (std::is_base_of_v<Layer<T>, M>) {
        if constexpr (requires { requires OverriddenBeside<decltype(&M::forward_then), decltype(&M::forward)>; })
          takes_along = &m;
        if constexpr (requires { requires OverriddenBeside<decltype(&M::pointwise), decltype(&M::forward)>; })
          function = &m;
      }
    }
    virtual ~Holder() = default;
    virtual Holder* copy() const = 0;
    virtual void assign(const Holder& other) = 0;

    Module<T>& module;
    const char* type;
    Layer<T>* takes_along = nullptr;  // the module, if it has a forward_then of its own
    Layer<T>* function = nullptr;     // the module, if it says which function it is
    bool assignable = true;
    Holder* next = nullptr;
  };
  template <class M>
  struct Held final : Holder {
    template <class From>
    EIGENGRAD_COLD explicit Held(From&& from)  // NOLINT(bugprone-forwarding-reference-overload): it is never copied
        : Holder(held), held(std::forward<From>(from)) {
      this->assignable = std::is_copy_assignable_v<M>;
    }
    EIGENGRAD_COLD Holder* copy() const override { return new Held(held); }
    EIGENGRAD_COLD void assign([[maybe_unused]] const Holder& other) override {
      if constexpr (std::is_copy_assignable_v<M>) held = static_cast<const Held&>(other).held;
    }

    M held;
  };

  Holder *first_ = nullptr, *last_ = nullptr;
  Index size_ = 0;
};

// Compiled: class Sequential<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
