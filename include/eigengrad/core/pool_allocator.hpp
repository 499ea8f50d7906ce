#pragma once

#include "buffer.hpp"

// Lists in pooled memory.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// For a container whose memory should come from the thread's pool of buffers: the second time it asks nothing of the
/// heap. Any thread may free it.
template <class T>
struct PoolAllocator {
  static_assert(alignof(T) <= alignof(BlockHeader));
  using value_type = T;

  PoolAllocator() = default;
  template <class U>
  PoolAllocator(const PoolAllocator<U>&) {}

  T* allocate(std::size_t count) {
    if (count > (std::numeric_limits<std::size_t>::max)() / sizeof(T)) fail<Error>("pool: ", count, " are too many");
    return static_cast<T*>(BufferPool::take(count * sizeof(T))->own_data());
  }
  void deallocate(T* numbers, std::size_t /*count*/) noexcept {
    BufferPool::give_back(static_cast<BlockHeader*>(static_cast<void*>(numbers)) - 1);
  }
  friend bool operator==(const PoolAllocator&, const PoolAllocator&) { return true; }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
