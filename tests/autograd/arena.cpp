#include "eigengrad/autograd/engine/arena.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace eg = eigengrad;

TEST(Arena, GivesAlignedPiecesThatDoNotOverlap) {
  eg::Arena arena;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::pair<unsigned char*, std::size_t>> pieces;
    for (const std::size_t bytes :
         std::initializer_list<std::size_t>{1, 63, 64, 65, 1000, 70'000, 1, 200'000, 64, 65'536, 1}) {
      auto* piece = static_cast<unsigned char*>(arena.take(bytes));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(piece) % 64, 0u);
      std::memset(piece, static_cast<int>(pieces.size()), bytes);
      pieces.push_back({piece, bytes});
    }
    for (std::size_t k = 0; k < pieces.size(); ++k)
      for (std::size_t i = 0; i < pieces[k].second; ++i) ASSERT_EQ(pieces[k].first[i], k);
    arena.clear();
  }
}

// Line 12: the same memory again after clear().
TEST(Arena, UsesItsMemoryAgain) {
  eg::Arena arena;
  std::vector<void*> first;
  for (int i = 0; i < 2000; ++i) first.push_back(arena.take(192));
  for (int round = 0; round < 5; ++round) {
    arena.clear();
    for (int i = 0; i < 2000; ++i) ASSERT_EQ(arena.take(192), first[static_cast<std::size_t>(i)]);
  }
}

TEST(Arena, SkipsChunksThatAreTooSmall) {
  eg::Arena arena;
  arena.take(64);
  auto* large = static_cast<char*>(arena.take(1 << 20));
  std::memset(large, 1, 1 << 20);
  arena.clear();
  auto* again = static_cast<char*>(arena.take(1 << 20));  // the first, small chunk is skipped
  std::memset(again, 2, 1 << 20);
  auto* small = static_cast<char*>(arena.take(64));
  std::memset(small, 3, 64);
  EXPECT_EQ(again[(1 << 20) - 1], 2);
}

TEST(Arena, IsEmptyAfterClearingNothing) {
  eg::Arena arena;
  arena.clear();
  arena.clear();
  EXPECT_NE(arena.take(1), nullptr);
}
