#pragma once

#include <new>
#include <utility>

#include "../config.hpp"

// What is used of std::optional: something that is let go of early.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A value that may be let go before its holder ends: what is needed of std::optional, in a fraction of the code.
template <class T>
class Releasable {
 public:
  explicit Releasable(T value, bool held = true) : held_(held) {
    if (held) new (&value_) T(std::move(value));
  }
  Releasable(Releasable&& other) noexcept : held_(other.held_) {
    if (held_) new (&value_) T(std::move(other.value_));
  }
  Releasable& operator=(const Releasable&) = delete;
  ~Releasable() { release(); }

  void release() {
    if (!std::exchange(held_, false)) return;
    value_.~T();
  }
  bool held() const { return held_; }
  T& operator*() { return value_; }
  const T& operator*() const { return value_; }

 private:
  union {
    T value_;
  };
  bool held_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
