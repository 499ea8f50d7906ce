#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <new>
#include <utility>
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define EIGENGRAD_SINGLE_THREADED static_cast<bool>(__libc_single_threaded)
#else
#define EIGENGRAD_SINGLE_THREADED false
#endif

#include "error.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// What precedes the numbers of a buffer: one cache line, so the numbers are 64-byte aligned.
struct alignas(64) BlockHeader {
  std::atomic<std::uint32_t> references{1};
  std::uint32_t size_class = 0;
  std::size_t bytes = 0;
  BlockHeader* next = nullptr;

  void* data() { return this + 1; }
};

/// What a thread's pool knows. Constant-initialised and trivially destroyed, so that reaching it costs nothing.
struct PoolState {
  static constexpr std::uint32_t classes = 4 * 56;  // up to 2^63 bytes

  BlockHeader* free[classes] = {};
  std::size_t kept = 0;
  std::size_t peak = 0;
  std::ptrdiff_t in_use = 0;
  bool open = false;  // from the thread's first allocation to its end: what is kept then will be freed
};
inline constinit thread_local PoolState pool_state{};

/// A thread's free buffers, by size class (four per doubling): a training step's buffers come back every step, so
/// after the first step none is allocated. A buffer freed by another thread joins that thread's pool, if it has one; what a pool
/// keeps is bounded by what its thread has had in use at once, or 256 MiB.
class BufferPool {
 public:
  static constexpr std::size_t kept_at_least = std::size_t{256} << 20;

  static BlockHeader* take(std::size_t bytes) {
    const std::uint32_t size_class = class_of(bytes);
    PoolState& pool = pool_state;
    pool.in_use += static_cast<std::ptrdiff_t>(bytes_of(size_class));
    if (BlockHeader* block = pool.free[size_class]) [[likely]] {
      pool.free[size_class] = block->next;
      pool.kept -= block->bytes;
      block->references.store(1, std::memory_order_relaxed);
      return block;
    }
    return allocate(size_class, bytes);
  }

  static void give_back(BlockHeader* block) noexcept {
    PoolState& pool = pool_state;
    pool.in_use -= static_cast<std::ptrdiff_t>(block->bytes);
    if (!pool.open || !pooled || pool.kept + block->bytes > std::max(kept_at_least, pool.peak)) [[unlikely]]
      return release(block);
    pool.kept += block->bytes;
    block->next = pool.free[block->size_class];
    pool.free[block->size_class] = block;
  }

  /// Bytes this thread's pool holds ready.
  static std::size_t kept_bytes() { return pool_state.kept; }
  /// Returns this thread's free buffers to the system.
  static void trim() noexcept {
    for (BlockHeader*& list : pool_state.free)
      while (list) release(std::exchange(list, list->next));
    pool_state.kept = 0;
  }

 private:
  // Under AddressSanitizer every buffer is its own, so that a use after its end is seen.
#if defined(__SANITIZE_ADDRESS__)
  static constexpr bool pooled = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  static constexpr bool pooled = false;
#else
  static constexpr bool pooled = true;
#endif
#else
  static constexpr bool pooled = true;
#endif

  // Frees what the thread kept when it ends; tensors that die later, or in a thread that never made one, go straight to
  // the system.
  struct Closer {
    bool opened = true;
    Closer() { pool_state.open = true; }
    ~Closer() {
      trim();
      pool_state.open = false;
    }
  };

  // Whole cache lines: 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, ...
  static std::uint32_t class_of(std::size_t bytes) {
    const std::size_t lines = bytes <= 64 ? 1 : (bytes + 63) / 64;
    if (lines <= 4) return static_cast<std::uint32_t>(lines - 1);
    const auto shift = static_cast<std::uint32_t>(std::bit_width(lines - 1)) - 3;
    return 4 * shift + static_cast<std::uint32_t>((lines - 1) >> shift);
  }
  static std::size_t bytes_of(std::uint32_t size_class) {
    if (size_class < 4) return 64 * (std::size_t{size_class} + 1);
    const std::uint32_t shift = (size_class - 4) / 4;
    return ((std::size_t{size_class} - 4 * shift + 1) << shift) * 64;
  }

  EIGENGRAD_COLD static BlockHeader* allocate(std::uint32_t size_class, std::size_t asked) {
    thread_local Closer closer;
    PoolState& pool = pool_state;
    const std::size_t bytes = bytes_of(size_class);
    pool.peak = std::max(pool.peak, static_cast<std::size_t>(std::max<std::ptrdiff_t>(pool.in_use, 0)));
    void* memory =
        closer.opened ? ::operator new(sizeof(BlockHeader) + bytes, std::align_val_t{64}, std::nothrow) : nullptr;
    if (memory == nullptr) {
      pool.in_use -= static_cast<std::ptrdiff_t>(bytes);
      fail<Error>("tensor: out of memory: ", asked, " bytes could not be allocated");
    }
    auto* block = new (memory) BlockHeader;
    block->size_class = size_class;
    block->bytes = bytes;
    return block;
  }
  static void release(BlockHeader* block) noexcept { ::operator delete(block, std::align_val_t{64}); }
};

/// A shared handle on a buffer; null owns nothing. Counting is atomic once the process has a second thread.
class Block {
 public:
  Block() = default;
  explicit Block(std::size_t bytes) : header_(BufferPool::take(bytes)) {}
  EIGENGRAD_INLINE Block(const Block& other) noexcept : header_(other.header_) {
    if (header_ == nullptr) return;
    auto& count = header_->references;
    if (EIGENGRAD_SINGLE_THREADED)
      count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    else
      count.fetch_add(1, std::memory_order_relaxed);
  }
  EIGENGRAD_INLINE Block(Block&& other) noexcept : header_(std::exchange(other.header_, nullptr)) {}
  EIGENGRAD_INLINE Block& operator=(Block other) noexcept {
    std::swap(header_, other.header_);
    return *this;
  }
  EIGENGRAD_INLINE ~Block() {
    if (header_ != nullptr && drop()) BufferPool::give_back(header_);
  }

  explicit operator bool() const { return header_ != nullptr; }
  void* data() const { return header_ ? header_->data() : nullptr; }
  std::size_t bytes() const { return header_ ? header_->bytes : 0; }
  bool unshared() const { return header_ && header_->references.load(std::memory_order_acquire) == 1; }

 private:
  EIGENGRAD_INLINE bool drop() noexcept {
    auto& count = header_->references;
    if (EIGENGRAD_SINGLE_THREADED) {
      const std::uint32_t left = count.load(std::memory_order_relaxed) - 1;
      count.store(left, std::memory_order_relaxed);
      return left == 0;
    }
    return count.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }

  BlockHeader* header_ = nullptr;
};

}  // namespace eigengrad::inline EIGENGRAD_ABI
