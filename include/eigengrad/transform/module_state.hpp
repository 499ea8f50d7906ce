#pragma once

#include <cstring>
#include <memory>

#include "../core/replay.hpp"
#include "../core/tensor.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Whether both have the same shape and numbers of the same bits.
template <class T>
bool same_replayed_bits(const Tensor<T>& a, const Tensor<T>& b) {
  return a.shape() == b.shape() &&
         (a.size() == 0 || std::memcmp(a.numbers(), b.numbers(), static_cast<std::size_t>(a.size()) * sizeof(T)) == 0);
}

/// A module's buffers as a compiled step knows them: what they held before it, what it makes of them.
template <class T>
class ModuleState final : public ReplayState {
 public:
  /// But for buffers that others know already.
  ModuleState(const ReplayModule& module, const std::vector<std::unique_ptr<Delayed<ReplayState, T>>>& others)
      : ReplayState(module.module), module_(module), places_(places()) {
    for (const auto& other : others) std::erase_if(places_, [&](const Tensor<T>* place) { return other->has(place); });
    for (const Tensor<T>* place : places_) buffers_.push_back({*place});
  }
  bool has(const void* place) const override {
    return std::find(places_.begin(), places_.end(), place) != places_.end();
  }
  std::uint32_t count_given(const void* block_owner) override {
    std::uint32_t count = 0;
    for (std::size_t k = 0; k < places_.size(); ++k)
      if (given(k) && places_[k]->block().owner_identity() == block_owner) ++count;
    return count;
  }
  bool written() const override {
    return std::any_of(buffers_.begin(), buffers_.end(), [](const Buffer& buffer) { return buffer.written; });
  }
  void rewind() override {
    for (std::size_t k = 0; k < places_.size(); ++k) {
      buffers_[k].written = given(k);
      buffers_[k].result = given(k) ? copy_of(*places_[k]) : Tensor<T>();
      if (given(k)) *places_[k] = buffers_[k].before;
    }
  }
  void begin_record() override {
    for (std::size_t k = 0; k < places_.size(); ++k)
      if (buffers_[k].written)
        *places_[k] = buffers_[k].before = copy_of(*places_[k]);
      else
        buffers_[k].before = buffers_[k].result = Tensor<T>();
  }
  void end_record(bool done) override {
    for (std::size_t k = 0; k < places_.size(); ++k) {
      if (!buffers_[k].written) continue;
      if (done) buffers_[k].result = *places_[k];
      *places_[k] = copy_of(done ? buffers_[k].result : buffers_[k].before);
    }
  }
  bool load() override {
    if (places_.empty()) return true;
    const std::vector<Tensor<T>*> now = places();  // a member may have been built anew
    for (std::size_t k = 0; k < places_.size(); ++k) {
      if (std::find(now.begin(), now.end(), places_[k]) == now.end()) return false;
      if (!buffers_[k].written) continue;
      if (!(places_[k]->shape() == buffers_[k].before.shape())) return false;
      std::copy_n(places_[k]->numbers(), places_[k]->size(), buffers_[k].before.shared_data());
    }
    return true;
  }
  void store() override {
    for (std::size_t k = 0; k < places_.size(); ++k) {
      if (!buffers_[k].written) continue;
      const Tensor<T>& result = buffers_[k].result;
      if (!(places_[k]->shape() == result.shape())) *places_[k] = Tensor<T>::empty(result.shape());
      std::copy_n(result.numbers(), result.size(), places_[k]->writable_numbers());
    }
  }
  bool same_as(const ReplayState& rewound) const override {
    const auto& other = static_cast<const ModuleState&>(rewound);
    if (other.buffers_.size() != buffers_.size()) return false;
    for (std::size_t k = 0; k < buffers_.size(); ++k) {
      if (!same_replayed_bits(buffers_[k].result, other.buffers_[k].result)) return false;
    }
    return true;
  }

 private:
  struct Buffer {
    Tensor<T> before{};  // what the step reads
    Tensor<T> result{};  // what it gives
    bool written = false;
  };
  bool given(std::size_t k) const { return places_[k]->block().identity() != buffers_[k].before.block().identity(); }
  static Tensor<T> copy_of(const Tensor<T>& tensor) { return Tensor<T>::from(tensor.number_span(), tensor.shape()); }
  std::vector<Tensor<T>*> places() {
    std::vector<Tensor<T>*> all;
    module_.visit_buffers(
        module_.module,
        [](void* to, void* buffer) {
          static_cast<std::vector<Tensor<T>*>*>(to)->push_back(static_cast<Tensor<T>*>(buffer));
        },
        &all);
    return all;
  }

  ReplayModule module_;
  std::vector<Tensor<T>*> places_;
  std::vector<Buffer> buffers_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
