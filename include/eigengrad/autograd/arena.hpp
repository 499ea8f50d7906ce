#pragma once

#include <memory>
#include <vector>

#include "../core/config.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// Memory for a tape's records: handed out in order, taken back all at once, kept for the next tape.
class Arena {
 public:
  void* take(std::size_t bytes) {
    bytes = (bytes + 63) / 64 * 64;
    if (used_ + bytes > end_) [[unlikely]]
      next_chunk(bytes);
    used_ += bytes;
    return reinterpret_cast<void*>(used_ - bytes);
  }

  /// Everything taken is free again; at most `kept_bytes` stay for reuse.
  void clear() {
    if (current_ == 0 && end_ - first_ <= kept_bytes) [[likely]] {
      used_ = first_;
      return;
    }
    std::size_t kept = 0, count = 0;
    while (count < chunks_.size() && kept + chunks_[count].bytes <= kept_bytes) kept += chunks_[count++].bytes;
    if (count < chunks_.size()) chunks_.resize(count);
    current_ = 0;
    open(0);
    first_ = used_;
  }

 private:
  static constexpr std::size_t chunk_bytes = std::size_t{64} << 10, kept_bytes = std::size_t{16} << 20;
  struct Chunk {
    std::unique_ptr<std::byte[]> memory;
    std::size_t bytes;
  };

  void open(std::size_t chunk) {
    used_ = end_ = 0;
    if (chunk >= chunks_.size()) return;
    const auto start = reinterpret_cast<std::uintptr_t>(chunks_[chunk].memory.get());
    used_ = (start + 63) / 64 * 64;
    end_ = start + chunks_[chunk].bytes;
  }
  EIGENGRAD_COLD void next_chunk(std::size_t bytes) {
    for (current_ += end_ != 0 ? 1 : 0; current_ < chunks_.size(); ++current_) {
      open(current_);
      if (used_ + bytes <= end_) return;
    }
    const std::size_t size = bytes + 64 > chunk_bytes ? bytes + 64 : chunk_bytes;
    chunks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
    open(current_);
    if (current_ == 0) first_ = used_;
  }

  std::vector<Chunk> chunks_;
  std::size_t current_ = 0;
  std::uintptr_t used_ = 0, end_ = 0;
  std::uintptr_t first_ = 0;  // where the first chunk's memory begins
};

}  // namespace eigengrad::inline EIGENGRAD_ABI
