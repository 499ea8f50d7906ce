#pragma once

#include <cstring>
#include <initializer_list>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "../../autograd/engine/node.hpp"
#include "../../autograd/parameter.hpp"
#include "../../core/error.hpp"
#include "../../core/tensor.hpp"
#include "layer.hpp"
#include "module.hpp"

// How containers own modules of any type.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Whether an M has only the forward that every module has, which throws.
template <class M, class T>
concept WithoutForward =
    requires { requires std::is_same_v<typename DeclaringClass<decltype(&M::forward)>::type, Module<T>>; };

/// What can be held: any module that can be made.
template <class M, class T>
concept Holdable = std::is_base_of_v<Module<T>, std::decay_t<M>> && !std::is_abstract_v<std::decay_t<M>>;
/// What can stand in a Sequential: it has a forward too.
template <class M, class T>
concept PartOf = Holdable<M, T> && !WithoutForward<std::decay_t<M>, T>;

// By name: a shared library has its own copy of whatever else could stand for a type.
template <class M>
const char* type_name() {
#ifdef __cpp_rtti
  return typeid(M).name();
#else
  return __PRETTY_FUNCTION__;
#endif
}

/// A module of any type, copyable although Module itself knows nothing of copying.
template <class T>
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
  Holder(const Holder&) = delete;
  virtual ~Holder() = default;
  virtual Holder* copy() const = 0;
  virtual void assign(const Holder& other) = 0;
  template <class M>
  bool is() const {
    return type == type_name<M>() || std::strcmp(type, type_name<M>()) == 0;
  }

  Module<T>& module;
  const char* type;
  Layer<T>* takes_along = nullptr;  // the module, if it has a forward_then of its own
  Layer<T>* function = nullptr;     // the module, if it says which function it is
  bool assignable = true;
  Holder* next = nullptr;
};
template <class T, class M>
struct Held final : Holder<T> {
  template <class From>
  EIGENGRAD_COLD explicit Held(From&& from)  // NOLINT(bugprone-forwarding-reference-overload): it is never copied
      : Holder<T>(held), held(std::forward<From>(from)) {
    this->assignable = std::is_copy_assignable_v<M>;
  }
  EIGENGRAD_COLD Holder<T>* copy() const override { return new Held(held); }
  EIGENGRAD_COLD void assign([[maybe_unused]] const Holder<T>& other) override {
    if constexpr (std::is_copy_assignable_v<M>) held = static_cast<const Held&>(other).held;
  }

  M held;
};

/// Modules in a row, with what containers do with them: own them, copy them when they are copied, find them.
template <class T>
class HeldModules {
 public:
  HeldModules() = default;
  EIGENGRAD_OUTLINE HeldModules(const HeldModules& other) : HeldModules() {
    for (const Holder<T>* held = other.first_; held != nullptr; held = held->next) append(held->copy());
  }
  HeldModules(HeldModules&& other) noexcept { swap(other); }
  /// Module by module where both have the same types, so that the parameters stay those that an optimizer holds and get
  /// new values; else all are replaced by copies.
  EIGENGRAD_COLD HeldModules& operator=(const HeldModules& other) {
    if (this == &other) return *this;
    if (!same_types(other)) return *this = HeldModules(other);
    for (Holder<T>*to = first_, *from = other.first_; to != nullptr; to = to->next, from = from->next)
      to->assign(*from);
    return *this;
  }
  HeldModules& operator=(HeldModules&& other) noexcept {
    HeldModules taken(std::move(other));  // the old ones end here, so that an optimizer which holds them can tell
    swap(taken);
    return *this;
  }
  EIGENGRAD_OUTLINE ~HeldModules() {
    while (first_ != nullptr) delete std::exchange(first_, first_->next);
  }

  /// At the end. What is moved in keeps its parameters.
  template <class M>
  void put(M&& module) {
    append(new Held<T, std::decay_t<M>>(std::forward<M>(module)));
  }
  /// C++ leaves it to the compiler which of several arguments it makes first. In those moved in, what still holds what
  /// was first drawn takes its stream of random numbers by its place, as if all were made from left to right.
  EIGENGRAD_COLD static void draw_in_order(const Holder<T>* held, std::initializer_list<bool> moved_in) {
    std::vector<ParameterRef<T>> drawn;
    for (const bool moved : moved_in) {
      if (moved)
        for (const ParameterRef<T>& parameter : held->module.parameters())
          if (parameter.is_fresh() && parameter.state().start.by.draw != nullptr) drawn.push_back(parameter);
      held = held->next;
    }
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      const DrawnStart<T>& mine = drawn[i].state().start;
      const ParameterRef<T>* earliest = &drawn[i];  // of those behind, which drew before
      for (std::size_t k = i + 1; k < drawn.size(); ++k) {
        const Generator::Stream& other = drawn[k].state().start.from;
        if (other.key == mine.from.key && other.number < earliest->state().start.from.number) earliest = &drawn[k];
      }
      if (earliest == &drawn[i]) continue;
      const Generator::Stream own = mine.from;
      drawn[i].draw_from({mine.by, earliest->state().start.from});
      earliest->draw_from({earliest->state().start.by, own});
    }
  }

  /// Several modules, which are then drawn in this order.
  template <class... M>
  void put_all(M&&... modules) {
    Holder<T>* const before = last_;
    (put(std::forward<M>(modules)), ...);
    draw_in_order(before == nullptr ? first_ : before->next, {!std::is_lvalue_reference_v<M>...});
  }

  /// The one at position i; throws IndexError outside, naming the container.
  Holder<T>& at(const char* container, Index i, const Location& where) const {
    require<IndexError>(i >= 0 && i < size_, container, ": no module ", i, " of ", size_, where);
    Holder<T>* held = first_;
    while (i-- > 0) held = held->next;
    return *held;
  }
  /// The same, as the type it was put in with; throws ValueError when it is another.
  template <class M>
  M& at(const char* container, Index i, const Location& where) const {
    const Holder<T>& held = at(container, i, where);
    if (!held.template is<M>())  // a long name is on the heap: only the error asks for it
      fail<ValueError>(container, ": module ", i, " is a ", held.module.kind(), ", not of the type asked for", where);
    return static_cast<M&>(held.module);
  }

  Holder<T>* first() const { return first_; }
  Holder<T>* last() const { return last_; }
  Index size() const { return size_; }

 private:
  void append(Holder<T>* held) {
    (last_ != nullptr ? last_->next : first_) = held;
    last_ = held;
    ++size_;
  }
  bool same_types(const HeldModules& other) const {
    const Holder<T>*mine = first_, *theirs = other.first_;
    for (; mine != nullptr && theirs != nullptr; mine = mine->next, theirs = theirs->next)
      if (mine->type != theirs->type || !mine->assignable) return false;
    return mine == theirs;
  }
  void swap(HeldModules& other) noexcept {
    std::swap(first_, other.first_);
    std::swap(last_, other.last_);
    std::swap(size_, other.size_);
  }

  Holder<T>*first_ = nullptr, *last_ = nullptr;
  Index size_ = 0;
};

// Compiled: class HeldModules<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
