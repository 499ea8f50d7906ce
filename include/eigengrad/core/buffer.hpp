#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <limits>
#include <new>
#include <utility>
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define EIGENGRAD_SINGLE_THREADED static_cast<bool>(__libc_single_threaded)
#else
#define EIGENGRAD_SINGLE_THREADED false
#endif

#include "float_rules.hpp"
#include "shape.hpp"
#include "thread_state.hpp"

// The memory of tensors: pooled by thread, shared by copies.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Which record of which tape computed a tensor, if any. Means nothing to the core; the tape reads and writes it.
struct TapeLink {
  void* tape = nullptr;
  std::uint64_t serial = 0;
  void* node = nullptr;

  constexpr TapeLink() = default;
  EIGENGRAD_INLINE TapeLink(void* by, std::uint64_t number, void* record) : tape(by), serial(number), node(record) {}
  EIGENGRAD_INLINE TapeLink(const TapeLink& other) { *this = other; }
  EIGENGRAD_INLINE TapeLink& operator=(const TapeLink& other) {  // one by one, as a shape's sizes
    tape = other.tape;
    EIGENGRAD_NO_VECTORS;
    serial = other.serial;
    EIGENGRAD_NO_VECTORS;
    node = other.node;
    return *this;
  }
};

/// What precedes the numbers of a buffer, in two cache lines, so that they are 64-byte aligned; also all that a tensor
/// is, so that copying one copies a pointer. A tensor that views another's numbers has a block of its own, whose `base`
/// is the block that owns them.
struct alignas(64) BlockHeader {
  std::atomic<std::uint32_t> references{1};
  std::uint16_t lent = 0;       // of the references, those of compiled steps, which see what is written in place
  std::uint8_t size_class = 0;  // no_class where there are no numbers: told by the block, as its address may be
                                // another shared library's
  bool watched : 1 = false;     // a compiled step reads it: who holds it is not to be given another unseen
  bool leaked : 1 = false;      // the program may have kept a way to write to the numbers: who copies makes a copy
  BlockHeader* base = nullptr;  // in the pool: the next free one
  void* data = nullptr;
  Shape shape = Shape::empty();
  TapeLink link{};

  static constexpr std::uint8_t no_class = 0xff;

  bool is_none() const { return size_class == no_class; }
  void* own_data() { return this + 1; }
};
static_assert(sizeof(BlockHeader) <= 128);
/// What a handle without a block points to, so that reading a shape needs no test for null. With more than one
/// reference it looks shared: whoever wants to write makes a block of his own first.
EIGENGRAD_SHARED inline constinit BlockHeader no_block{2, 0, BlockHeader::no_class};

/// Counts of references. They are atomic once the process has a second thread.
EIGENGRAD_INLINE void count_up(std::atomic<std::uint32_t>& count) noexcept {
  if (EIGENGRAD_SINGLE_THREADED)
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  else
    count.fetch_add(1, std::memory_order_relaxed);
}
/// True when that was the last one; the count then stays as it is. Who holds the last one need not ask for it by an
/// atomic operation: nobody else is left to change it.
EIGENGRAD_INLINE bool count_down(std::atomic<std::uint32_t>& count) noexcept {
  if (count.load(std::memory_order_acquire) == 1) return true;
  if (EIGENGRAD_SINGLE_THREADED) {
    const std::uint32_t left = count.load(std::memory_order_relaxed) - 1;
    count.store(left, std::memory_order_relaxed);
    return left == 0;
  }
  return count.fetch_sub(1, std::memory_order_acq_rel) == 1;
}

/// What a thread's pool knows. Constant-initialised and trivially destroyed, so that reaching it costs nothing.
struct PoolState {
  static constexpr std::uint32_t classes = 4 * 56;  // up to 2^63 bytes

  struct Class {
    BlockHeader* free = nullptr;
    std::ptrdiff_t lacking = 0;  // buffers taken by this thread and not given back; below 0: others' came instead
  };
  Class of[classes] = {};
  std::size_t kept = 0;    // bytes that lie free
  std::size_t limit = 0;   // how many may
  std::ptrdiff_t all = 0;  // bytes kept and in use; negative where other threads' buffers ended up
};
inline constinit thread_local PoolState pool_state{};
/// What all threads' pools share; read and written where the system is asked for memory.
struct PoolSettings {
  std::atomic<std::size_t> most{(std::numeric_limits<std::size_t>::max)()};  // that a thread may keep
  std::atomic<std::ptrdiff_t> bytes{0};                                      // of all threads, kept and in use
};
EIGENGRAD_SHARED inline constinit PoolSettings pool_settings{};

/// A thread's free buffers, by size class (four per doubling): a training step's buffers come back every step, so after
/// the first none is allocated. What a pool keeps is bounded by what the process has had in use at once, or 256 MiB, or
/// set_pool_limit. A thread that frees more of a class than it takes, as one at the end of a queue, keeps two of them.
/// Behind every buffer lie 64 bytes more, so that a lane that begins inside can be read and written whole.
class BufferPool {
 public:
  static constexpr std::size_t kept_at_least = std::size_t{256} << 20;
  static constexpr std::ptrdiff_t others_kept = 2;  // of a class

  EIGENGRAD_INLINE static BlockHeader* take(std::size_t bytes) {
    const std::uint32_t size_class = class_of(bytes);
    PoolState& pool = pool_state;
    PoolState::Class& mine = pool.of[size_class];
    BlockHeader* const block = mine.free;
    ++mine.lacking;
    if (block == nullptr) [[unlikely]]
      return allocate(size_class, bytes);
    mine.free = block->base;
    pool.kept -= bytes_of(size_class);
    block->references.store(1, std::memory_order_relaxed);
    block->base = nullptr;
    block->watched = block->leaked = false;
    return block;
  }

  EIGENGRAD_INLINE static void give_back(BlockHeader* block) noexcept {
    PoolState& pool = pool_state;
    const std::size_t kept = pool.kept + bytes_of(block->size_class);
    PoolState::Class& mine = pool.of[block->size_class];
    if (kept > pool.limit || mine.lacking <= -others_kept) [[unlikely]]
      return release(block);
    --mine.lacking;
    pool.kept = kept;
    block->base = mine.free;
    mine.free = block;
  }

  /// Bytes this thread's pool holds ready.
  static std::size_t kept_bytes() { return pool_state.kept; }
  /// Bytes of this thread's buffers that are in use.
  static std::ptrdiff_t bytes_in_use() { return pool_state.all - static_cast<std::ptrdiff_t>(pool_state.kept); }
  /// Returns this thread's free buffers to the system.
  static void trim() noexcept { keep_at_most(0); }
  /// Lets every thread keep `bytes` free ones at most: this one from now on, others from when they next ask the system.
  static void set_limit(std::size_t bytes) noexcept {
    pool_settings.most.store(bytes, std::memory_order_relaxed);
    pool_state.limit = (std::min)(pool_state.limit, bytes);
    keep_at_most(bytes);
  }
  /// What a block of this class holds.
  static std::size_t bytes_of(std::uint32_t size_class) {
    if (size_class < 4) return 64 * (std::size_t{size_class} + 1);
    const std::uint32_t shift = (size_class - 4) / 4;
    return ((std::size_t{size_class} - 4 * shift + 1) << shift) * 64;
  }

 private:
  // Whole cache lines: 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, ...
  static std::uint32_t class_of(std::size_t bytes) {
    const std::size_t lines = bytes <= 64 ? 1 : (bytes + 63) / 64;
    if (lines <= 4) return static_cast<std::uint32_t>(lines - 1);
    const auto shift = static_cast<std::uint32_t>(std::bit_width(lines - 1)) - 3;
    return 4 * shift + static_cast<std::uint32_t>((lines - 1) >> shift);
  }
  /// The largest first: they are the fewest.
  static void keep_at_most(std::size_t bytes) noexcept {
    for (std::uint32_t size_class = PoolState::classes; size_class-- > 0 && pool_state.kept > bytes;)
      for (BlockHeader*& list = pool_state.of[size_class].free; list != nullptr && pool_state.kept > bytes;) {
        BlockHeader* const block = std::exchange(list, list->base);
        pool_state.kept -= bytes_of(size_class);
        release(block);
      }
  }

  // Frees what the thread kept when it ends; tensors that die later, or in a thread that never made one, go straight to
  // the system.
  struct Closer {
    bool opened = true;
    ~Closer() {
      trim();
      opened = false;
      pool_state.limit = 0;
    }
  };

  EIGENGRAD_COLD static BlockHeader* allocate(std::uint32_t size_class, std::size_t asked) {
    require_float_rules();
    thread_local Closer closer;
    PoolState& pool = pool_state;
    const std::size_t bytes = bytes_of(size_class);
    void* memory = ::operator new(sizeof(BlockHeader) + bytes + 64, std::align_val_t{64}, std::nothrow);
    if (memory == nullptr) {
      --pool.of[size_class].lacking;
      fail<Error>("tensor: out of memory: ", asked, " bytes could not be allocated");
    }
    const auto signed_bytes = static_cast<std::ptrdiff_t>(bytes), kept = static_cast<std::ptrdiff_t>(pool.kept);
    pool.all += signed_bytes;
    const std::ptrdiff_t in_use = pool_settings.bytes.fetch_add(signed_bytes, std::memory_order_relaxed) - kept;
    if (EIGENGRAD_POOLED && closer.opened)
      pool.limit = (std::min)(
          pool_settings.most.load(std::memory_order_relaxed),
          (std::max)({kept_at_least, pool.limit, static_cast<std::size_t>(std::max<std::ptrdiff_t>(in_use, 0))}));
    auto* block = new (memory) BlockHeader;
    block->size_class = static_cast<std::uint8_t>(size_class);
    return block;
  }
  EIGENGRAD_COLD static void release(BlockHeader* block) noexcept {
    const auto bytes = static_cast<std::ptrdiff_t>(bytes_of(block->size_class));
    pool_state.all -= bytes;
    pool_settings.bytes.fetch_sub(bytes, std::memory_order_relaxed);
    ::operator delete(block, std::align_val_t{64});
  }
};

/// How many free bytes a thread may keep for its next tensors: 0 returns everything to the system at once, which makes
/// every step allocate. This thread gives up what is more; others do when they next ask the system for memory.
inline void set_pool_limit(std::size_t bytes) noexcept { BufferPool::set_limit(bytes); }

/// A shared handle on a buffer, or on none.
class Block {
 public:
  Block() = default;
  explicit Block(std::size_t bytes) : header_(BufferPool::take(bytes)) { header_->data = header_->own_data(); }
  Block(const Block& other) noexcept : header_(other.header_) { retain(header_); }
  EIGENGRAD_INLINE Block(Block&& other) noexcept : header_(std::exchange(other.header_, &no_block)) {}
  Block& operator=(const Block& other) noexcept {
    if (!header_->is_none() || other.header_->watched) return *this = Block(other);
    retain(header_ = other.header_);
    return *this;
  }
  Block& operator=(Block&& other) noexcept {
    if (!header_->is_none() || other.header_->watched) return replace(other);
    header_ = std::exchange(other.header_, &no_block);
    return *this;
  }
  /// Lets go of it; no compiled step asks who holds a tape's.
  EIGENGRAD_INLINE void reset() noexcept {
    if (!header_->is_none()) let_go(std::exchange(header_, &no_block));
  }
  ~Block() {
    if (!header_->is_none()) let_go(header_);
  }
  /// A block that shows this one's numbers, and has a shape and a link of its own.
  Block view() const {
    Block result(0);
    result.header_->link.node = nullptr;
    BlockHeader* const owner = header_->base != nullptr ? header_->base : header_;
    if (owner->data == owner->own_data()) {  // numbers that nobody owns need not be kept alive
      retain(owner);
      result.header_->base = owner;
    }
    result.header_->data = header_->data;
    return result;
  }

  explicit operator bool() const { return !header_->is_none(); }
  BlockHeader* operator->() { return header_; }
  const BlockHeader* operator->() const { return header_; }
  void* data() const { return header_->data; }
  /// Whether this is the only way to the numbers, which are ours.
  EIGENGRAD_INLINE bool unshared() const {
    if (header_->references.load(std::memory_order_acquire) != 1u + header_->lent) return false;
    return owns() || unshared_view();
  }
  EIGENGRAD_OUTLINE bool unshared_view() const {
    return header_->base != nullptr && header_->base->references.load(std::memory_order_acquire) == 1;
  }
  std::uint32_t references() const { return header_->references.load(std::memory_order_acquire); }
  /// Says that `count` of the references belong to a compiled step; false, and nothing is said, when they are too many.
  bool lend(std::uint32_t count) {
    if (count + header_->lent > (std::numeric_limits<std::uint16_t>::max)()) return false;
    header_->lent = static_cast<std::uint16_t>(header_->lent + count);
    return true;
  }
  void take_back(std::uint32_t count) { header_->lent = static_cast<std::uint16_t>(header_->lent - count); }
  /// References of others than compiled steps.
  std::uint32_t holders_outside() const { return references() - header_->lent; }
  /// Lets compiled steps know when a tensor that has this block is given another.
  void watch() {
    header_->watched = true;
    if (header_->base != nullptr) header_->base->watched = true;
  }
  bool watched() const { return header_->watched; }
  void leak() { header_->leaked = true; }
  EIGENGRAD_INLINE bool leaked() const { return header_->leaked; }
  /// What tells two blocks apart, and whose numbers they show.
  const void* identity() const { return header_; }
  const void* owner_identity() const { return header_->base != nullptr ? header_->base : header_; }
  /// Whether the numbers lie in memory that is not ours.
  bool is_foreign() const { return header_->base == nullptr && !owns(); }
  /// The block that owns the numbers.
  Block owner() const {
    Block result;
    result.header_ = header_->base != nullptr ? header_->base : header_;
    retain(result.header_);
    return result;
  }
  /// Whether this block and no other holds the numbers.
  EIGENGRAD_INLINE bool owns() const { return header_->data == header_->own_data(); }
  /// Where the memory ends in which the numbers lie; null when it is not ours.
  const std::byte* end() const {
    BlockHeader* const owner = header_->base != nullptr ? header_->base : header_;
    if (owner->data != owner->own_data()) return nullptr;
    return static_cast<const std::byte*>(owner->data) + BufferPool::bytes_of(owner->size_class);
  }
  /// Whether another handle has this very block.
  bool has_copies() const { return header_->references.load(std::memory_order_acquire) != 1; }

 private:
  static void retain(BlockHeader* header) noexcept {
    if (!header->is_none()) count_up(header->references);
  }
  /// Takes over `other`, which may be watched, and lets go of what was here, which may be, too.
  EIGENGRAD_OUTLINE Block& replace(Block& other) noexcept {
    if (header_->watched || other.header_->watched) [[unlikely]]
      outside_changed();
    BlockHeader* const former = std::exchange(header_, std::exchange(other.header_, &no_block));
    if (!former->is_none()) let_go(former);
    return *this;
  }
  EIGENGRAD_INLINE static bool drop(BlockHeader* header) noexcept { return count_down(header->references); }
  /// Out of line, as it stands at the end of almost everything, and again where an exception passes.
  EIGENGRAD_OUTLINE static void let_go(BlockHeader* header) noexcept {
    if (drop(header)) give_back(header);
  }
  EIGENGRAD_INLINE static void give_back(BlockHeader* header) noexcept {
    if (BlockHeader* const base = header->base; base != nullptr && drop(base)) BufferPool::give_back(base);
    BufferPool::give_back(header);
  }

  BlockHeader* header_ = &no_block;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
