#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "../core/any_tensor.hpp"
#include "../core/replay.hpp"
#include "../core/tensor.hpp"

// What a compiled step knows of a module.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Whether both have the same shape and numbers of the same bits.
template <class T>
bool same_replayed_bits(const Tensor<T>& a, const Tensor<T>& b) {
  return a.shape() == b.shape() && (a.size() == 0 || std::memcmp(kernel_access(a).numbers(), kernel_access(b).numbers(),
                                                                 static_cast<std::size_t>(a.size()) * sizeof(T)) == 0);
}

/// A module's buffers, of any number types, as a compiled step knows them: what they held before it, what it makes of
/// them.
EIGENGRAD_LAZY class ModuleState final : public Delayed<ReplayState, Lazy> {
 public:
  /// But for buffers that others know already.
  ModuleState(const ReplayModule& module, const std::vector<std::unique_ptr<Delayed<ReplayState, Lazy>>>& others)
      : Delayed<ReplayState, Lazy>(module.module), module_(module), places_(places()) {
    for (const auto& other : others)
      std::erase_if(places_, [&](const TensorPlace& place) { return other->has(place.tensor); });
    for (const TensorPlace& place : places_) buffers_.push_back({AnyTensor(place)});
  }
  bool has(const void* place) const override { return has(places_, place); }
  std::uint32_t count_given(const void* block_owner) override {
    std::uint32_t count = 0;
    for (std::size_t k = 0; k < places_.size(); ++k)
      if (given(k) && places_[k].block().owner_identity() == block_owner) ++count;
    return count;
  }
  bool written() const override {
    return std::any_of(buffers_.begin(), buffers_.end(), [](const Buffer& buffer) { return buffer.written; });
  }
  void rewind() override {
    for (std::size_t k = 0; k < places_.size(); ++k) {
      buffers_[k].written = given(k);
      buffers_[k].result = given(k) ? AnyTensor::duplicate_of(places_[k]) : AnyTensor();
      if (given(k)) assign(places_[k], buffers_[k].before);
    }
  }
  void begin_record() override {
    for (std::size_t k = 0; k < places_.size(); ++k)
      if (buffers_[k].written)
        assign(places_[k], buffers_[k].before = AnyTensor::duplicate_of(places_[k]));
      else
        buffers_[k].before = buffers_[k].result = AnyTensor();
  }
  void end_record(bool done) override {
    for (std::size_t k = 0; k < places_.size(); ++k) {
      if (!buffers_[k].written) continue;
      if (done) buffers_[k].result = AnyTensor(places_[k]);
      assign(places_[k], AnyTensor::duplicate_of((done ? buffers_[k].result : buffers_[k].before).place()));
    }
  }
  bool load() override {
    if (places_.empty()) return true;
    const std::vector<Delayed<TensorPlace, Lazy>> now = places();  // a member may have been built anew
    for (std::size_t k = 0; k < places_.size(); ++k) {
      if (!has(now, places_[k].tensor)) return false;
      if (!buffers_[k].written) continue;
      if (!(places_[k].shape() == buffers_[k].before.shape())) return false;
      copy_numbers(places_[k].block(), buffers_[k].before.place());
    }
    return true;
  }
  void store() override {
    for (std::size_t k = 0; k < places_.size(); ++k) {
      if (!buffers_[k].written) continue;
      // The numbers in a block that nobody else has; where the program holds what was there, in one of its own.
      if (!(places_[k].shape() == buffers_[k].result.shape()) || !places_[k].block().unshared() ||
          places_[k].block().leaked())
        assign(places_[k], AnyTensor::duplicate_of(buffers_[k].result.place()));
      else
        copy_numbers(buffers_[k].result.place().block(), places_[k]);
    }
  }
  bool same_as(const ReplayState& rewound) const override {
    const auto& other = static_cast<const ModuleState&>(rewound);
    if (other.buffers_.size() != buffers_.size()) return false;
    for (std::size_t k = 0; k < buffers_.size(); ++k) {
      const AnyTensor &mine = buffers_[k].result, &theirs = other.buffers_[k].result;
      if (mine.empty() != theirs.empty() || !(mine.shape() == theirs.shape())) return false;
      if (mine.size() > 0 &&
          std::memcmp(mine.place().block().data(), theirs.place().block().data(), bytes_of(mine.place())) != 0)
        return false;
    }
    return true;
  }

 private:
  struct Buffer {
    AnyTensor before{};  // what the step reads
    AnyTensor result{};  // what it gives
    bool written = false;
  };
  static bool has(const std::vector<Delayed<TensorPlace, Lazy>>& list, const void* tensor) {
    return std::any_of(list.begin(), list.end(), [&](const TensorPlace& place) { return place.tensor == tensor; });
  }
  bool given(std::size_t k) const {
    return buffers_[k].before.empty() || places_[k].block().identity() != buffers_[k].before.place().block().identity();
  }
  static void assign(const TensorPlace& place, const AnyTensor& tensor) {
    place.operations->assign(place.tensor, tensor.place().tensor);
  }
  static std::size_t bytes_of(const TensorPlace& place) {
    return static_cast<std::size_t>(place.shape().size()) * place.operations->number_bytes;
  }
  static void copy_numbers(const Block& from, const TensorPlace& to) {
    if (to.shape().size() > 0) std::memcpy(to.block().data(), from.data(), bytes_of(to));
  }
  std::vector<Delayed<TensorPlace, Lazy>> places() {
    std::vector<Delayed<TensorPlace, Lazy>> all;
    module_.visit_buffers(
        module_.module,
        [](void* to, const TensorPlace& buffer) {
          static_cast<std::vector<Delayed<TensorPlace, Lazy>>*>(to)->push_back(buffer);
        },
        &all);
    return all;
  }

  ReplayModule module_;
  std::vector<Delayed<TensorPlace, Lazy>> places_;
  std::vector<Delayed<Buffer, Lazy>> buffers_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
