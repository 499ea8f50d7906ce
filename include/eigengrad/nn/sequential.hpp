#pragma once

#include "../autograd/engine/tape_state.hpp"
#include "../core/tensor.hpp"
#include "../formula/pointwise.hpp"
#include "module/held_modules.hpp"
#include "module/layer.hpp"
#include "module/module.hpp"

// Modules one after another.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Modules one after another; owns copies of them, and copies them when it is copied. Weights that nobody has set start
/// as the module after them prefers, and are drawn in the order of modules, whichever of them the compiler makes first.
template <class T>
class Sequential : public Layer<T> {
 public:
  Sequential() = default;
  template <class First, class... Rest>
    requires(PartOf<First, T> && (PartOf<Rest, T> && ...) &&
             !(sizeof...(Rest) == 0 && std::is_same_v<std::decay_t<First>, Sequential>))
  EIGENGRAD_OUTLINE explicit Sequential(First&& first, Rest&&... rest) {
    put(std::forward<First>(first), std::forward<Rest>(rest)...);
  }
  template <class First, class... Rest>
    requires(!(PartOf<First, T> && (PartOf<Rest, T> && ...)))
  explicit Sequential(First&&, Rest&&...) = delete;  // each must be an eg::Module<T> of this T, with a forward()
  Sequential(const Sequential&) = default;
  Sequential(Sequential&&) noexcept = default;
  /// Layer by layer where both have the same types of layers, so that the parameters stay those that an optimizer holds
  /// and get new values; else all layers are replaced by copies.
  Sequential& operator=(const Sequential&) = default;
  Sequential& operator=(Sequential&&) noexcept = default;

  /// Puts a module at the end.
  template <class M>
  Sequential& add(M&& module) {
    constexpr bool fits = PartOf<M, T>;
    if constexpr (fits)
      put(std::forward<M>(module));
    else
      static_assert(fits, "add: it must be an eg::Module<T> of this T, with a forward()");
    return *this;
  }

  Tensor<T> forward(const Tensor<T>& x) override {
    this->tell_plan();
    const Holder<T>*next = held_.first(), *running = next;
    try {
      Tensor<T> y = next != nullptr ? forward_next(next, x) : x;
      while (next != nullptr) {
        running = next;
        y = forward_next(next, y);
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
    for (Holder<T>* held = held_.first(); held != nullptr; held = held->next) m(to_text(i++), held->module);
  }
  std::string kind() const override { return "Sequential"; }
  // Within another Sequential: its first module follows what is before, its last one is followed by what comes after.
  WeightInitializer<T> preferred_initializer() const override {
    return size() == 0 ? WeightInitializer<T>() : held_.first()->module.preferred_initializer();
  }
  void reinitialize(const WeightInitializer<T>& initializer) override {
    if (size() > 0) held_.last()->module.reinitialize(initializer);
  }

  Index size() const { return held_.size(); }
  /// The module at position i; throws IndexError outside.
  Module<T>& operator[](Index i) { return at(i); }
  Module<T>& at(Index i, Location where = Location::current()) { return held_.at("Sequential", i, where).module; }
  /// The same, as the type it was added with; throws ValueError when it is another.
  template <class M>
  M& at(Index i, Location where = Location::current()) {
    return held_.template at<M>("Sequential", i, where);
  }

 private:
  /// The next module, with the one after it if that is a function which it can take along: for a Linear two passes less
  /// over the numbers. A tape that looks at every value gets to see each.
  static Tensor<T> forward_next(const Holder<T>*& next, const Tensor<T>& x) {
    const Holder<T>& held = *next;
    next = held.next;
    if (held.takes_along == nullptr || next == nullptr || next->function == nullptr) return held.module.forward(x);
    const Pointwise<T>* then = next->function->pointwise();
    const TapeState* tape = recording_tape();
    if (then == nullptr || (tape != nullptr && tape->observer != nullptr)) return held.module.forward(x);
    next = next->next;
    return held.takes_along->forward_then(x, *then);
  }

  template <class... M>
  void put(M&&... modules) {
    Holder<T>* const before = held_.last();
    (put_one(std::forward<M>(modules)), ...);
    held_.draw_in_order(before == nullptr ? held_.first() : before->next, {!std::is_lvalue_reference_v<M>...});
  }
  template <class M>
  void put_one(M&& module) {
    Holder<T>* const before = held_.last();
    held_.put(std::forward<M>(module));
    this->tell_change();
    if (before != nullptr) suit(*before);
  }
  /// Lets a module start as the next one prefers.
  EIGENGRAD_COLD static void suit(const Holder<T>& before) {
    const WeightInitializer<T> wanted = before.next->module.preferred_initializer();
    if (wanted.draw != nullptr) before.module.reinitialize(wanted);
  }

  HeldModules<T> held_;
};

// Compiled: class Sequential<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
