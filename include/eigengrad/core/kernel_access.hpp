#pragma once

#include <cstring>
#include <span>

#include "buffer.hpp"
#include "replay.hpp"
#include "shape.hpp"
#include "size.hpp"

// What kernels and the tape do with a tensor, behind one door.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
class Tensor;

/// A tensor as the tape and the operations' kernels see it. Reached by kernel_access(tensor) only, as most of it is
/// wrong outside an operation: who reads numbers here is not noticed by a compiled step, and an alias has no gradient.
template <class T>
class KernelAccess {
 public:
  /// As data and mutable_data, for what computes an operation: nobody is told, and the pointer is not kept.
  EIGENGRAD_INLINE const T* numbers() const { return own(); }
  std::span<const T> number_span() const { return {own(), static_cast<std::size_t>(block_->shape.size())}; }
  EIGENGRAD_INLINE T* writable_numbers() {
    if (!block_.unshared()) [[unlikely]]
      unshare();
    block_->link.node = nullptr;
    return own();
  }
  /// For what is replayed: writes through to everybody who shares the numbers.
  T* shared_data() const { return own(); }
  bool unshared() const { return block_.unshared(); }
  /// How many tensors share this one's numbers, itself counted.
  std::uint32_t holders() const { return block_.references(); }
  Block& block() { return block_; }
  const Block& block() const { return block_; }
  void release() { block_.reset(); }
  /// Whether every lane that begins inside can be read and written whole, as in memory of our own.
  EIGENGRAD_INLINE bool padded() const {
    if (block_.owns()) [[likely]]
      return true;
    return padded_view();
  }

  /// Which record computed it.
  const TapeLink& link() const { return block_->link; }
  void set_link(const TapeLink& link) {
    if (block_.leaked()) [[unlikely]]
      part_from_leaked();
    if (block_.has_copies()) [[unlikely]] {  // they keep theirs
      if (link.node == nullptr && block_->link.node == nullptr) return;
      block_ = alias(block_->shape).block_;
    }
    block_->link = link;
  }
  /// The same value with another link.
  Tensor<T> linked(const TapeLink& link) const {
    Tensor<T> result = alias(block_->shape);
    result.block_->link = link;
    return result;
  }
  /// Without the connection to a tape; tangents stay.
  Tensor<T> unrecorded() const {
    if (block_->link.node == nullptr) return static_cast<const Tensor<T>&>(*this);
    return alias(block_->shape);
  }
  /// The same buffer seen from element `first` on under another shape of at most as many elements; not recorded.
  Tensor<T> alias(const Shape& shape, Index first = 0) const {
    if (block_.leaked()) [[unlikely]]
      if (thread_state().replay_plan == nullptr) return copied(shape, first);
    Tensor<T> result(block_.view());
    result.block_->data = own() + first;
    result.block_->shape = shape;
    return result;
  }

  /// Uninitialised numbers, and behind them, at extra_numbers(), `extra` more, which live as long.
  EIGENGRAD_OUTLINE static Tensor<T> empty_with_extra(const Shape& shape, Index extra) {
    return in_block(bytes_of_numbers(add_sizes(in_lines(shape.size()), extra, "tensor"), sizeof(T)), shape);
  }
  T* extra_numbers() const { return own() + in_lines(block_->shape.size()); }

 protected:
  KernelAccess() = default;
  explicit KernelAccess(Block block) : block_(std::move(block)) {}

  EIGENGRAD_INLINE T* own() const { return static_cast<T*>(block_.data()); }
  EIGENGRAD_INLINE static Tensor<T> in_block(std::size_t bytes, const Shape& shape) {
    Block block(bytes);
    block->shape = shape;
    block->link.node = nullptr;
    // Kernels load and compute with whole lanes, also behind the last number: what lies there up to the end of its
    // cache line must be initialised, or sanitizers complain and old NaNs make the arithmetic slow.
    const std::size_t used = static_cast<std::size_t>(shape.size()) * sizeof(T),
                      line = used == 0 ? 0 : (used - 1) / 64 * 64;
    std::memset(static_cast<std::byte*>(block.data()) + line, 0, 64);
    return Tensor<T>(std::move(block));
  }
  /// Takes numbers of its own, which whoever writes to the leaked ones does not change. A compiled step reads a
  /// tensor's numbers where they lie, whoever writes to them.
  EIGENGRAD_COLD void part_from_leaked() {
    if (thread_state().replay_plan != nullptr) return;
    Tensor<T> copy = copied(block_->shape, 0);
    copy.block_->link = block_->link;
    block_ = std::move(copy.block_);
  }

  Block block_;

 private:
  /// So many numbers, filled up to the end of a cache line.
  static Index in_lines(Index count) {
    constexpr Index line = (std::max)(Index{1}, static_cast<Index>(64 / sizeof(T)));
    return (count + line - 1) / line * line;
  }
  EIGENGRAD_COLD Tensor<T> copied(const Shape& shape, Index first) const {
    Tensor<T> copy = Tensor<T>::empty(shape);
    if (shape.size() > 0) std::memcpy(copy.own(), own() + first, static_cast<std::size_t>(shape.size()) * sizeof(T));
    return copy;
  }
  EIGENGRAD_COLD void unshare() {
    if (block_.watched()) outside_changed();
    block_ = std::move(copied(block_->shape, 0).block_);
  }
  EIGENGRAD_OUTLINE bool padded_view() const {
    const std::byte* const end = block_.end();
    return end != nullptr && static_cast<std::size_t>(end - static_cast<const std::byte*>(block_.data())) >=
                                 (static_cast<std::size_t>(block_->shape.size()) * sizeof(T) + 63) / 64 * 64;
  }
};

/// The one door to a tensor's members for kernels.
template <class T>
EIGENGRAD_INLINE const KernelAccess<T>& kernel_access(const Tensor<T>& tensor) {
  return tensor;
}
template <class T>
EIGENGRAD_INLINE KernelAccess<T>& kernel_access(Tensor<T>& tensor) {
  return tensor;
}
template <class T>
EIGENGRAD_INLINE const Block& block_of(const Tensor<T>& tensor) {
  return kernel_access(tensor).block();
}

}}  // namespace eigengrad::EIGENGRAD_ABI
