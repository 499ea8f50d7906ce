#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <utility>
#ifdef EIGENGRAD_USE_THREADS
#include <cstdlib>
#include <system_error>
#include <thread>
#if __has_include(<unistd.h>)
#include <unistd.h>
#define EIGENGRAD_PROCESS static_cast<long>(getpid())
#else
#define EIGENGRAD_PROCESS 1L
#endif
#endif

#include "error.hpp"

// Work in pieces: on several threads where the program is compiled with EIGENGRAD_USE_THREADS (the target
// eigengrad::threads), in a plain loop elsewhere. How work is divided never changes what is computed: an element is
// computed by the same code in the same order whoever does it, and where pieces are summed, which pieces there are
// depends on shapes alone. So the bits are the same with any number of threads, and without.
//
// The threads are our own, not OpenMP's: there every thread must come to the end of every loop, so one that waits for
// a processor that another program has holds up all (docs/performance.md). Here whoever is free takes a piece, and
// the one that asked takes all that nobody else does.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

#ifdef EIGENGRAD_USE_THREADS
inline constexpr bool has_threads = true;
#else
inline constexpr bool has_threads = false;
#endif

/// One of several pieces of some work.
using Piece = void (*)(const void* work, Index piece);

#ifdef EIGENGRAD_USE_THREADS
/// The threads that help. There is one team in the process, which works for one thread at a time.
class EIGENGRAD_SHARED Team {
 public:
  static int wanted() {
    const int set = wanted_.load(std::memory_order_relaxed);
    return set > 0 ? set : start_value();
  }
  static void want(int threads) { wanted_.store(threads, std::memory_order_relaxed); }

  /// How many threads may work for this one: 1 while the team works for another, or for this one already.
  EIGENGRAD_OUTLINE static int size() {
    const int threads = wanted();
    if (threads == 1) return 1;
    return is_ours() && !busy_.load(std::memory_order_relaxed) ? threads : 1;
  }

  /// Runs all pieces; the first exception is thrown when every piece that was begun has ended.
  EIGENGRAD_OUTLINE static void run(Index pieces, int threads, Piece piece, const void* work) {
    if (!is_ours() || busy_.exchange(true, std::memory_order_acquire)) return in_order(pieces, piece, work);
    start(threads - 1);
    const std::uint64_t call = (ticket_.load(std::memory_order_relaxed) >> 32) + 1;
    piece_.store(piece, std::memory_order_relaxed);
    work_.store(work, std::memory_order_relaxed);
    pieces_.store(pieces, std::memory_order_relaxed);
    helpers_.store(threads - 1, std::memory_order_relaxed);
    done_.store(0, std::memory_order_relaxed);
    ticket_.store(call << 32, std::memory_order_release);
    calls_.fetch_add(1, std::memory_order_release);
    calls_.notify_all();
    take_pieces();
    for (int spins = 0; done_.load(std::memory_order_acquire) != pieces; ++spins)
      spins < spins_before_sleep ? pause() : std::this_thread::yield();
    ticket_.store((call + 1) << 32, std::memory_order_release);  // closed: what follows may be written over
    const std::exception_ptr error = failed_.load(std::memory_order_relaxed) ? std::exchange(error_, nullptr) : nullptr;
    failed_.store(false, std::memory_order_relaxed);
    busy_.store(false, std::memory_order_release);
    if (error) std::rethrow_exception(error);
  }

 private:
  static constexpr int spins_before_sleep = 2000;  // some 30 us: what lies between two products of a training step

  /// A child of fork has the team's numbers but not its threads: the first to ask makes the team anew. False while
  /// another thread does.
  static bool is_ours() {
    constexpr long nobody = 0, in_the_making = -1;
    const long here = EIGENGRAD_PROCESS;
    long owner = process_.load(std::memory_order_acquire);
    if (owner == here) return true;
    if (owner == in_the_making) return false;
    if (!process_.compare_exchange_strong(owner, owner == nobody ? here : in_the_making)) return owner == here;
    if (owner == nobody) return true;
    members_ = 0;
    busy_ = false;
    failed_ = false;
    ticket_ = (ticket_ >> 32 | 1) << 32;  // closed
    process_.store(here, std::memory_order_release);
    return true;
  }
  static void in_order(Index pieces, Piece piece, const void* work) {
    for (Index p = 0; p < pieces; ++p) piece(work, p);
  }
  static void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
  }
  EIGENGRAD_COLD static int start_value() {
    static const int value = [] {
      for (const char* name : {"EIGENGRAD_NUM_THREADS", "OMP_NUM_THREADS"})
        if (const char* text = std::getenv(name)) {
          const int number = std::atoi(text);
          if (number > 0) return number;
        }
      return (std::max)(1, static_cast<int>(std::thread::hardware_concurrency()));
    }();
    return value;
  }
  /// Makes sure that there are `count` helpers, or as many as the system gives.
  static void start(int count) {
    while (members_.load(std::memory_order_relaxed) < count) try {
        std::thread(help, members_.load(std::memory_order_relaxed)).detach();
        members_.fetch_add(1, std::memory_order_relaxed);
      } catch (const std::system_error&) {
        return;
      }
  }
  /// Takes pieces of the call that is open until none is left. A ticket holds the call, odd when closed, and the next
  /// piece; taking it succeeds only while it has not changed, so what was read of the call meanwhile belongs to it.
  static void take_pieces(int helper = -1) {
    for (std::uint64_t ticket = ticket_.load(std::memory_order_acquire);;) {
      const Piece piece = piece_.load(std::memory_order_relaxed);
      const void* const work = work_.load(std::memory_order_relaxed);
      const auto next = static_cast<Index>(ticket & 0xffffffff);
      if ((ticket >> 32 & 1) != 0 || next >= pieces_.load(std::memory_order_relaxed) ||
          helper >= helpers_.load(std::memory_order_relaxed))
        return;
      if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel)) continue;
      try {
        if (!failed_.load(std::memory_order_relaxed)) piece(work, next);
      } catch (...) {
        if (!failed_.exchange(true)) error_ = std::current_exception();
      }
      done_.fetch_add(1, std::memory_order_acq_rel);
      ticket = ticket_.load(std::memory_order_acquire);
    }
  }
  static void help(int helper) {
    for (std::uint32_t seen = calls_.load(std::memory_order_acquire);;) {
      take_pieces(helper);
      int spins = 0;
      while (calls_.load(std::memory_order_acquire) == seen && ++spins < spins_before_sleep) pause();
      calls_.wait(seen, std::memory_order_acquire);
      seen = calls_.load(std::memory_order_acquire);
    }
  }

  // Constant-initialised and never destroyed: helpers sleep here when the program ends.
  inline static constinit std::atomic<int> wanted_{0}, members_{0}, helpers_{0};
  inline static constinit std::atomic<bool> busy_{false}, failed_{false};
  inline static constinit std::atomic<long> process_{0};
  inline static constinit std::atomic<Piece> piece_{nullptr};
  inline static constinit std::atomic<const void*> work_{nullptr};
  inline static constinit std::atomic<Index> pieces_{0};
  alignas(64) inline static constinit std::atomic<std::uint64_t> ticket_{std::uint64_t{1} << 32};
  alignas(64) inline static constinit std::atomic<Index> done_{0};
  alignas(64) inline static constinit std::atomic<std::uint32_t> calls_{0};
  inline static std::exception_ptr error_;
};
#endif

/// How many threads large works use: what set_num_threads said, else the environment's EIGENGRAD_NUM_THREADS or
/// OMP_NUM_THREADS, else one per processor. 1 without EIGENGRAD_USE_THREADS.
inline int num_threads() {
#ifdef EIGENGRAD_USE_THREADS
  return Team::wanted();
#else
  return 1;
#endif
}

/// Sets how many threads large works use, in the whole process; small works stay on the thread that asks. Any number
/// gives the same bits. Without EIGENGRAD_USE_THREADS it stays 1. Throws ValueError for less than 1.
inline void set_num_threads(int count, Location where = Location::current()) {
  require<ValueError>(count >= 1, "set_num_threads: ", count, " threads: at least 1 must compute", where);
#ifdef EIGENGRAD_USE_THREADS
  Team::want(count);
#endif
}

/// How many threads may work for this one now.
inline int team_size() {
#ifdef EIGENGRAD_USE_THREADS
  return Team::size();
#else
  return 1;
#endif
}

/// body(piece) for every piece, on up to `threads` threads.
template <class Body>
void parallel_for(Index pieces, [[maybe_unused]] int threads, const Body& body) {
#ifdef EIGENGRAD_USE_THREADS
  if (threads > 1 && pieces > 1)
    return Team::run(
        pieces, static_cast<int>(std::min<Index>(threads, pieces)),
        [](const void* work, Index piece) { (*static_cast<const Body*>(work))(piece); }, &body);
#endif
  for (Index p = 0; p < pieces; ++p) body(p);
}

/// body(begin, end) over ranges that make up [0, size) and begin at multiples of `unit`, with at least `least` in each.
template <class Body>
void parallel_ranges(Index size, Index unit, Index least, const Body& body) {
  const int threads = team_size();
  const Index units = (size + unit - 1) / unit;
  const Index pieces = std::clamp<Index>((std::min)(size / least, units), 1, threads > 1 ? 4 * threads : 1);
  parallel_for(pieces, threads, [&](Index p) {
    const Index begin = units * p / pieces * unit, end = (std::min)(size, units * (p + 1) / pieces * unit);
    body(begin, end);
  });
}

}}  // namespace eigengrad::EIGENGRAD_ABI
