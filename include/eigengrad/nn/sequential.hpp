#pragma once

#include "linear.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// Modules one after another; owns copies of them, and copies them when it is copied. Weights that nobody has set start
/// as the module after them prefers.
template <class T>
class Sequential : public Module<T> {
 public:
  Sequential() = default;
  template <class First, class... Rest>
    requires(std::is_base_of_v<Module<T>, std::decay_t<First>> &&
             !(sizeof...(Rest) == 0 && std::is_same_v<std::decay_t<First>, Sequential>))
  explicit Sequential(First&& first, Rest&&... rest) {
    add(std::forward<First>(first));
    (add(std::forward<Rest>(rest)), ...);
  }
  Sequential(const Sequential& other) : Module<T>(other) {
    for (const auto& held : other.held_) held_.push_back(held->copy());
  }
  Sequential(Sequential&&) noexcept = default;
  Sequential& operator=(const Sequential& other) {
    if (this != &other) *this = Sequential(other);
    return *this;
  }
  Sequential& operator=(Sequential&&) noexcept = default;

  /// Puts a module at the end.
  template <class M>
  Sequential& add(M&& module) {
    held_.push_back(std::make_unique<Held<std::decay_t<M>>>(std::forward<M>(module)));
    const WeightInitializer<T> wanted = held_.back()->module.preferred_initializer();
    if (wanted.draw != nullptr && held_.size() > 1) held_[held_.size() - 2]->module.reinitialize(wanted);
    return *this;
  }

  Tensor<T> forward(const Tensor<T>& x) override {
    if (held_.empty()) return x;
    std::size_t next = 0;
    Tensor<T> y = run(next, x);
    while (next < held_.size()) y = run(next, y);
    return y;
  }
  void members(Members<T>& m) override {
    for (std::size_t i = 0; i < held_.size(); ++i) m(to_text(i), held_[i]->module);
  }
  std::string kind() const override { return "Sequential"; }
  // Within another Sequential: its first module follows what is before, its last one is followed by what comes after.
  WeightInitializer<T> preferred_initializer() const override {
    return held_.empty() ? WeightInitializer<T>() : held_.front()->module.preferred_initializer();
  }
  void reinitialize(const WeightInitializer<T>& initializer) override {
    if (!held_.empty()) held_.back()->module.reinitialize(initializer);
  }

  Index size() const { return static_cast<Index>(held_.size()); }
  /// The module at position i; throws IndexError outside.
  Module<T>& operator[](Index i) { return at(i); }
  Module<T>& at(Index i, Location where = Location::current()) {
    require<IndexError>(i >= 0 && i < size(), "Sequential: no module ", i, " of ", size(), where);
    return held_[static_cast<std::size_t>(i)]->module;
  }
  /// The same, as the type it was added with; throws ValueError when it is another.
  template <class M>
  M& at(Index i, Location where = Location::current()) {
    Module<T>& module = at(i, where);
    require<ValueError>(held_[static_cast<std::size_t>(i)]->type() == &type_tag<M>, "Sequential: module ", i, " is a ",
                        module.kind(), ", not of the type asked for", where);
    return static_cast<M&>(module);
  }

 private:
  /// The next module, with the one after it if that is an activation which a Linear can take along: two passes less
  /// over the numbers. A tape that looks at every value gets to see each.
  Tensor<T> run(std::size_t& next, const Tensor<T>& x) {
    const Holder& held = *held_[next++];
    if (held.linear == nullptr || next == held_.size() || held_[next]->pointwise == nullptr) return held.module(x);
    const TapeState* tape = recording_tape();
    if (tape != nullptr && tape->observer != nullptr) return held.module(x);
    return held.linear->forward_then(x, held_[next++]->pointwise);
  }

  template <class M>
  static inline const char type_tag = 0;

  // A module of any type, copyable although Module itself knows nothing of copying.
  struct Holder {
    template <class M>
    explicit Holder(M& m) : module(m) {  // of exactly these types: a derived one may do something else
      if constexpr (std::is_same_v<M, Linear<T>>) linear = &m;
      if constexpr (requires { requires std::is_same_v<typename M::Itself, M>; }) pointwise = M::pointwise;
    }
    virtual ~Holder() = default;
    virtual const void* type() const = 0;  // stands in for RTTI, which may be off
    virtual std::unique_ptr<Holder> copy() const = 0;

    Module<T>& module;
    Linear<T>* linear = nullptr;
    const Pointwise<T>* pointwise = nullptr;
  };
  template <class M>
  struct Held final : Holder {
    explicit Held(M m) : Holder(held), held(std::move(m)) {}
    const void* type() const override { return &type_tag<M>; }
    std::unique_ptr<Holder> copy() const override { return std::make_unique<Held>(held); }

    M held;
  };

  std::vector<std::unique_ptr<Holder>> held_;
};

}  // namespace eigengrad::inline EIGENGRAD_ABI
