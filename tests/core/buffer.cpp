#include "eigengrad/core/buffer.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "support/sanitizers.hpp"

namespace eg = eigengrad;

constexpr bool pooled = !EIGENGRAD_ADDRESS_SANITIZER;  // under it every buffer is its own

TEST(Buffer, HoldsWhatWasAskedForAndIsAligned) {
  for (std::size_t bytes = 0; bytes < 5000; bytes += 37) {
    const eg::Block block(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block.data()) % 64, 0u);
    std::memset(block.data(), 1, bytes);
  }
}

TEST(Buffer, CountsItsOwners) {
  eg::Block a(100);
  EXPECT_TRUE(a.unshared());
  eg::Block b = a;
  EXPECT_FALSE(a.unshared());
  EXPECT_EQ(a.data(), b.data());
  eg::Block c = std::move(b);
  EXPECT_FALSE(static_cast<bool>(b));
  c = eg::Block();
  EXPECT_TRUE(a.unshared());
  eg::Block& alias = a;
  a = alias;
  EXPECT_TRUE(a.unshared());
  EXPECT_FALSE(eg::Block().unshared());
  EXPECT_EQ(eg::Block().data(), nullptr);
}

// Line 12 of the reliability list: a freed buffer is the next one of its size.
TEST(Buffer, ComesBackFromThePool) {
  if (!pooled) GTEST_SKIP() << "buffers are not pooled under AddressSanitizer";
  for (const std::size_t bytes : std::initializer_list<std::size_t>{1, 64, 1000, 100'000, 3'000'000}) {
    void* first = eg::Block(bytes).data();
    EXPECT_EQ(eg::Block(bytes).data(), first) << bytes;
  }
}

TEST(Buffer, PoolIsBoundedAndCanBeTrimmed) {
  if (!pooled) GTEST_SKIP() << "buffers are not pooled under AddressSanitizer";
  {
    const eg::Block block(1 << 20);
  }
  EXPECT_GE(eg::BufferPool::kept_bytes(), std::size_t{1} << 20);
  eg::BufferPool::trim();
  EXPECT_EQ(eg::BufferPool::kept_bytes(), 0u);
  for (int round = 0; round < 20; ++round) const eg::Block block(std::size_t{64} << 20);
  EXPECT_LE(eg::BufferPool::kept_bytes(), eg::BufferPool::kept_at_least);
  eg::BufferPool::trim();
}

TEST(Buffer, MayEndInAnotherThread) {
  std::vector<eg::Block> blocks;
  std::thread([&] {
    for (int i = 0; i < 100; ++i) blocks.emplace_back(1000);
  }).join();
  blocks.clear();
  std::thread([moved = std::vector<eg::Block>(100, eg::Block(64))]() mutable { moved.clear(); }).join();
}

// Only a thread that has made a buffer has a pool, which its end empties; nothing else may keep one.
TEST(Buffer, AThreadThatOnlyFreesKeepsNothing) {
  std::size_t kept = 1;
  std::thread([&kept, moved = eg::Block(1 << 20)]() mutable {
    moved = eg::Block();
    kept = eg::BufferPool::kept_bytes();
  }).join();
  EXPECT_EQ(kept, 0u);
}

// A queue between two threads: what its end frees goes to the system, whatever it has made itself.
TEST(Buffer, TheEndOfAQueueDoesNotHoard) {
  if (!pooled) GTEST_SKIP() << "buffers are not pooled under AddressSanitizer";
  std::size_t most = 0;
  std::thread([&most] {
    const eg::Block own(std::size_t{10} << 20);  // with it the thread has a pool
    for (int round = 0; round < 300; ++round) {
      eg::Block made;
      std::thread([&made] { made = eg::Block(1 << 20); }).join();
      made = eg::Block();
      most = std::max(most, eg::BufferPool::kept_bytes());
    }
  }).join();
  EXPECT_LE(most, std::size_t{2} << 20);
}

// What a thread takes itself still comes back from its pool, although foreign buffers of the same size end there.
TEST(Buffer, ForeignBuffersDoNotDriveOutOnesOwn) {
  if (!pooled) GTEST_SKIP() << "buffers are not pooled under AddressSanitizer";
  eg::BufferPool::trim();
  constexpr std::size_t bytes = 5 << 18;  // a size of its own
  std::size_t kept = 0;
  for (int round = 0; round < 20; ++round) {
    eg::Block foreign;
    std::thread([&foreign] { foreign = eg::Block(bytes); }).join();
    std::vector<eg::Block> own(3, eg::Block());
    for (eg::Block& block : own) block = eg::Block(bytes);
    if (round > 2) {
      EXPECT_GE(kept, 3 * bytes) << "round " << round;
    }
    foreign = eg::Block();
    own.clear();
    kept = eg::BufferPool::kept_bytes();
  }
  EXPECT_LE(kept, 5 * bytes);
  eg::BufferPool::trim();
}

TEST(Buffer, TheLimitCanBeSet) {
  if (!pooled) GTEST_SKIP() << "buffers are not pooled under AddressSanitizer";
  const auto use = [] {
    std::vector<eg::Block> blocks(8, eg::Block());
    for (eg::Block& block : blocks) block = eg::Block(1 << 20);
  };
  use();
  EXPECT_GE(eg::BufferPool::kept_bytes(), std::size_t{8} << 20);
  eg::set_pool_limit(3 << 20);
  EXPECT_LE(eg::BufferPool::kept_bytes(), std::size_t{3} << 20);
  use();
  EXPECT_LE(eg::BufferPool::kept_bytes(), std::size_t{3} << 20);
  EXPECT_GE(eg::BufferPool::kept_bytes(), std::size_t{2} << 20);
  eg::set_pool_limit(0);
  use();
  EXPECT_EQ(eg::BufferPool::kept_bytes(), 0u);
  eg::set_pool_limit(std::numeric_limits<std::size_t>::max());
  use();
  EXPECT_GE(eg::BufferPool::kept_bytes(), std::size_t{8} << 20);
  eg::BufferPool::trim();
}

// Line 28: what cannot be had is an error, and the pool goes on.
TEST(Buffer, OutOfMemoryIsAnError) {
  if (!pooled) GTEST_SKIP() << "AddressSanitizer has its own limit";
  EXPECT_THROW(eg::Block(std::size_t{1} << 58), eg::Error);
  EXPECT_NE(eg::Block(64).data(), nullptr);
}
