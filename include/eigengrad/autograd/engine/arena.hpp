#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "../../config.hpp"

// The memory that a tape's records lie in, one after another, and are freed in at once.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Memory for a tape's records: handed out in order, taken back all at once, kept for the next tape.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  ~Arena() { drop_from(&first_chunk_); }

  void* take(std::size_t bytes) {
    bytes = (bytes + 63) / 64 * 64;
    if (used_ + bytes > end_) [[unlikely]]
      next_chunk(bytes);
    used_ += bytes;
    return reinterpret_cast<void*>(used_ - bytes);
  }

  /// Everything taken is free again; at most `kept_bytes` stay for reuse.
  void clear() {
    if (current_ == first_chunk_ && end_ - first_ <= kept_bytes) [[likely]] {
      used_ = first_;
      return;
    }
    clear_chunks();
  }

 private:
  static constexpr std::size_t chunk_bytes = std::size_t{64} << 10, kept_bytes = std::size_t{16} << 20;
  struct Chunk {
    Chunk* next;
    std::size_t bytes;  // behind this
  };

  void open(Chunk* chunk) {
    current_ = chunk;
    used_ = end_ = 0;
    if (chunk == nullptr) return;
    const auto start = reinterpret_cast<std::uintptr_t>(chunk + 1);
    used_ = (start + 63) / 64 * 64;
    end_ = start + chunk->bytes;
  }
  EIGENGRAD_COLD void next_chunk(std::size_t bytes) {
    Chunk** place = current_ != nullptr ? &current_->next : &first_chunk_;
    for (; *place != nullptr; place = &(*place)->next) {
      open(*place);
      if (used_ + bytes <= end_) return;
    }
    const std::size_t size = bytes + 64 > chunk_bytes ? bytes + 64 : chunk_bytes;
    *place = new (::operator new(sizeof(Chunk) + size)) Chunk{nullptr, size};
    open(*place);
    if (current_ == first_chunk_) first_ = used_;
  }
  EIGENGRAD_COLD void clear_chunks() {
    std::size_t kept = 0;
    Chunk** place = &first_chunk_;
    for (; *place != nullptr && kept + (*place)->bytes <= kept_bytes; place = &(*place)->next) kept += (*place)->bytes;
    drop_from(place);
    open(first_chunk_);
    first_ = used_;
  }
  EIGENGRAD_COLD static void drop_from(Chunk** place) noexcept {
    Chunk* chunk = *place;
    *place = nullptr;
    while (chunk != nullptr) {
      Chunk* const next = chunk->next;
      ::operator delete(chunk);
      chunk = next;
    }
  }

  Chunk *first_chunk_ = nullptr, *current_ = nullptr;
  std::uintptr_t used_ = 0, end_ = 0;
  std::uintptr_t first_ = 0;  // where the first chunk's memory begins
};

}}  // namespace eigengrad::EIGENGRAD_ABI
