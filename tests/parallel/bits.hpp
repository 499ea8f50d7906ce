#pragma once

#include <eigengrad/eigengrad.hpp>

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

// The bits of a work's results with 1, 2, 3 and 8 threads.
namespace support {

/// What a work has come to, as bytes in a row.
class Bits {
 public:
  template <class T>
  Bits& operator<<(const eigengrad::Tensor<T>& tensor) {
    const auto* from = reinterpret_cast<const char*>(tensor.data());
    bytes_.insert(bytes_.end(), from, from + static_cast<std::size_t>(tensor.size()) * sizeof(T));
    return *this;
  }
  template <class T>
  Bits& operator<<(const eigengrad::Parameter<T>& parameter) {
    *this << parameter.value();
    return parameter.has_grad() ? *this << parameter.grad() : *this;
  }
  bool operator==(const Bits&) const = default;
  std::size_t size() const { return bytes_.size(); }
  /// Where the first difference is; for messages.
  std::string difference(const Bits& other) const {
    if (bytes_.size() != other.bytes_.size()) return "another size";
    std::size_t first = bytes_.size(), count = 0;
    for (std::size_t i = 0; i < bytes_.size(); ++i)
      if (bytes_[i] != other.bytes_[i]) {
        first = std::min(first, i);
        ++count;
      }
    return std::to_string(count) + " of " + std::to_string(bytes_.size()) + " bytes, the first at " +
           std::to_string(first);
  }

 private:
  std::vector<char> bytes_;
};

/// Puts the number of threads back when it ends.
class ThreadsRestored {
 public:
  ThreadsRestored() = default;
  ThreadsRestored(const ThreadsRestored&) = delete;
  ~ThreadsRestored() { eigengrad::set_num_threads(before_); }

 private:
  int before_ = eigengrad::num_threads();
};

/// `work()` gives Bits; they must be the same with any number of threads.
inline void expect_same_bits(const std::string& name, const auto& work) {
  const ThreadsRestored restored;
  eigengrad::set_num_threads(1);
  const Bits alone = work();
  EXPECT_GT(alone.size(), 0u) << name;
  for (const int threads : {2, 3, 8, 3, 8}) {  // twice, as threads seldom meet
    eigengrad::set_num_threads(threads);
    const Bits divided = work();
    EXPECT_TRUE(divided == alone) << name << " with " << threads << " threads: " << divided.difference(alone);
  }
}

}  // namespace support
