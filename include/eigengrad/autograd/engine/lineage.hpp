#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "../../core/buffer.hpp"

// Which parameter is a copy of which, to tell where a gradient went instead.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What a parameter hears of its copies: whether a gradient arrived at one of them, where the program may have meant
/// the parameter itself. Shared by both sides, so that neither keeps the other alive.
struct CopyNews {
  static constexpr int most_generations = 8;  // that hear of a copy's copy

  CopyNews* origin = nullptr;  // of the parameter that the hearer is a copy of
  int generation = 0;
  std::atomic<std::uint32_t> references{1};
  std::atomic<bool> reached{false};          // a copy has got a gradient
  std::atomic<bool> reached_unowned{false};  // one that no optimizer holds
  std::atomic<bool> lost{false};             // one that was part of the same loss has ended, its gradient unread

  EIGENGRAD_COLD static void let_go(CopyNews* news) {
    while (news != nullptr && count_down(news->references)) delete std::exchange(news, news->origin);
  }
};

/// A parameter's two ends of that: towards what it is a copy of, and towards its own copies.
class Lineage {
 public:
  Lineage() = default;
  /// Of a copy.
  EIGENGRAD_COLD explicit Lineage(const Lineage& of) : origin_(of.own_news()) { count_up(origin_->references); }
  Lineage& operator=(const Lineage&) = delete;
  ~Lineage() {
    if (origin_ != nullptr) CopyNews::let_go(origin_);
    if (CopyNews* news = news_.load(std::memory_order_acquire); news != nullptr) CopyNews::let_go(news);
  }

  bool is_copy() const { return origin_ != nullptr; }
  bool has_copies() const { return news_.load(std::memory_order_relaxed) != nullptr; }
  /// A gradient has arrived here.
  EIGENGRAD_COLD void tell_origin(bool owned) const {
    for (CopyNews* news = origin_; news != nullptr; news = news->origin) {
      news->reached.store(true, std::memory_order_relaxed);
      if (!owned) news->reached_unowned.store(true, std::memory_order_relaxed);
    }
  }
  /// The gradient that arrived here, in a loss of which the origin was a part too, can no longer be asked for.
  EIGENGRAD_COLD void tell_lost() const {
    for (CopyNews* news = origin_; news != nullptr; news = news->origin)
      news->lost.store(true, std::memory_order_relaxed);
  }
  /// What happened to copies since forget(): to any of them, or to those only that no optimizer holds.
  bool copy_reached(bool also_owned) const {
    const CopyNews* news = news_.load(std::memory_order_acquire);
    return news != nullptr && (also_owned ? news->reached : news->reached_unowned).load(std::memory_order_relaxed);
  }
  bool copy_lost() const {
    const CopyNews* news = news_.load(std::memory_order_acquire);
    return news != nullptr && news->lost.load(std::memory_order_relaxed);
  }
  EIGENGRAD_COLD void forget() const {
    CopyNews* news = news_.load(std::memory_order_acquire);
    news->reached.store(false, std::memory_order_relaxed);
    news->reached_unowned.store(false, std::memory_order_relaxed);
    news->lost.store(false, std::memory_order_relaxed);
  }
  /// Whether this is a copy of `other`, or a copy's copy.
  EIGENGRAD_COLD bool descends_from(const Lineage& other) const {
    const CopyNews* theirs = other.news_.load(std::memory_order_acquire);
    for (const CopyNews* news = origin_; news != nullptr; news = news->origin)
      if (news == theirs) return true;
    return false;
  }

 private:
  /// Made with the first copy; copies may be made by several threads.
  CopyNews* own_news() const {
    CopyNews* news = news_.load(std::memory_order_acquire);
    if (news != nullptr) return news;
    auto* fresh = new CopyNews;
    if (origin_ != nullptr && origin_->generation < CopyNews::most_generations) {
      fresh->origin = origin_;
      fresh->generation = origin_->generation + 1;
      count_up(origin_->references);
    }
    if (news_.compare_exchange_strong(news, fresh, std::memory_order_acq_rel)) return fresh;
    CopyNews::let_go(fresh);
    return news;
  }

  CopyNews* origin_ = nullptr;
  mutable std::atomic<CopyNews*> news_{nullptr};
};

}}  // namespace eigengrad::EIGENGRAD_ABI
