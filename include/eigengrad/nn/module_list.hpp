#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "../core/error.hpp"
#include "module/held_modules.hpp"
#include "module/module.hpp"

// Modules that another module has any number of, by position or by name. What is done with them, that one says.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Goes over held modules: for (eg::Module<float>& module : list).
template <class T>
class HeldIterator {
 public:
  explicit HeldIterator(Holder<T>* held) : held_(held) {}
  Module<T>& operator*() const { return held_->module; }
  HeldIterator& operator++() {
    held_ = held_->next;
    return *this;
  }
  friend bool operator==(const HeldIterator& a, const HeldIterator& b) { return a.held_ == b.held_; }

 private:
  Holder<T>* held_;
};

/// Modules in a row, named "0", "1", ...: a member of a module that calls them as it likes. Owns copies, and copies
/// them when it is copied.
template <class T>
class ModuleList : public Module<T> {
 public:
  ModuleList() = default;
  template <Holdable<T> First, Holdable<T>... Rest>
    requires(!(sizeof...(Rest) == 0 && std::is_same_v<std::decay_t<First>, ModuleList>))
  EIGENGRAD_OUTLINE explicit ModuleList(First&& first, Rest&&... rest) {
    held_.put_all(std::forward<First>(first), std::forward<Rest>(rest)...);
  }
  /// Puts a module at the end.
  template <Holdable<T> M>
  ModuleList& add(M&& module) {
    held_.put_all(std::forward<M>(module));
    this->tell_change();
    return *this;
  }

  Index size() const {
    this->tell_plan();
    return held_.size();
  }
  /// The module at position i; throws IndexError outside.
  Module<T>& operator[](Index i) { return at(i); }
  Module<T>& at(Index i, Location where = Location::current()) {
    this->tell_plan();
    return held_.at("ModuleList", i, where).module;
  }
  /// The same, as the type it was added with; throws ValueError when it is another.
  template <class M>
  M& at(Index i, Location where = Location::current()) {
    this->tell_plan();
    return held_.template at<M>("ModuleList", i, where);
  }
  HeldIterator<T> begin() {
    this->tell_plan();
    return HeldIterator<T>(held_.first());
  }
  HeldIterator<T> end() { return HeldIterator<T>(nullptr); }

  EIGENGRAD_COLD void members(Members<T>& m) override {
    Index i = 0;
    for (Holder<T>* held = held_.first(); held != nullptr; held = held->next) m(to_text(i++), held->module);
  }
  std::string kind() const override { return "ModuleList"; }

 private:
  HeldModules<T> held_;
};

/// Modules by name, in the order in which they were added: a member of a module that calls them as it likes. Owns
/// copies, and copies them when it is copied.
template <class T>
class ModuleDict : public Module<T> {
 public:
  /// Puts a module in under a name. Throws ValueError for one that is taken, empty, or has a dot.
  template <Holdable<T> M>
  ModuleDict& add(std::string_view name, M&& module, Location where = Location::current()) {
    require<ValueError>(!name.empty() && name.find('.') == std::string_view::npos && !contains(name),
                        "ModuleDict: the name '", name, "' is ",
                        name.empty()     ? "empty"
                        : contains(name) ? "taken"
                                         : "not one of a module, as it has a dot",
                        where);
    names_.emplace_back(name);
    held_.put_all(std::forward<M>(module));
    this->tell_change();
    return *this;
  }

  Index size() const { return held_.size(); }
  bool contains(std::string_view name) const { return place_of(name) < held_.size(); }
  const std::vector<std::string>& names() const { return names_; }
  /// The module of this name; throws IndexError if there is none.
  Module<T>& operator[](std::string_view name) { return at(name); }
  Module<T>& at(std::string_view name, Location where = Location::current()) {
    return held_.at("ModuleDict", found(name, where), where).module;
  }
  /// The same, as the type it was added with; throws ValueError when it is another.
  template <class M>
  M& at(std::string_view name, Location where = Location::current()) {
    return held_.template at<M>("ModuleDict", found(name, where), where);
  }

  EIGENGRAD_COLD void members(Members<T>& m) override {
    std::size_t i = 0;
    for (Holder<T>* held = held_.first(); held != nullptr; held = held->next) m(names_[i++], held->module);
  }
  std::string kind() const override { return "ModuleDict"; }

 private:
  Index place_of(std::string_view name) const {
    this->tell_plan();
    Index i = 0;
    while (i < held_.size() && names_[static_cast<std::size_t>(i)] != name) ++i;
    return i;
  }
  Index found(std::string_view name, const Location& where) const {
    const Index place = place_of(name);
    if (place < held_.size()) return place;
    std::string all;
    for (const std::string& each : names_) all += (all.empty() ? "'" : ", '") + each + "'";
    fail<IndexError>("ModuleDict: there is no module '", name, "', but ", all.empty() ? "none at all" : all, where);
  }

  std::vector<std::string> names_;
  HeldModules<T> held_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
