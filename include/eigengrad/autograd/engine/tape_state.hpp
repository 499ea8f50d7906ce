#pragma once

#include <atomic>

#include "../../core/tensor.hpp"
#include "arena.hpp"
#include "node.hpp"

// What is recording on this thread, and how to pause it.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Looks on while a tape records and walks back (autograd/inspect/watch.hpp); a tape without options has none.
class TapeObserver {
 public:
  virtual ~TapeObserver() = default;
  /// An input of the operation that is recorded next, constant or not.
  virtual void input(const AnyNumbers& numbers) = 0;
  virtual void recorded(Node& node, const AnyNumbers& output) = 0;
  virtual void begin_backward(const Node& root, const AnyNumbers& seed) = 0;
  virtual void propagate(Node& node) = 0;
  virtual void end_backward() = 0;
};

/// What is behind a Tape. States are recycled and never freed, so a tensor's link can always be asked whether its tape
/// still lives: it does while the serial numbers agree.
struct TapeState : AnyTape {
  std::atomic<std::uint64_t> serial{0};
  Arena arena;
  Node* last = nullptr;       // the newest record; each knows the one before
  Node* last_leaf = nullptr;  // likewise the parameters that appeared
  Index records = 0;
  bool has_copies = false;  // of the parameters that appeared, one is a copy of another
  TapeState* outer = nullptr;
  int paused_outside = 0;
  const ThreadState* recorder = nullptr;  // the thread that records here; null once it does not
  std::atomic<bool> abandoned{false};     // ended by another thread, which must leave it to the recorder
  TapeObserver* observer = nullptr;       // owned; gone when the tape is cleared
  // Set while gradients are gathered elsewhere than in the parameters: told of every leaf that appears.
  void (*redirect)(void* context, Node* appeared) = nullptr;
  void* redirect_context = nullptr;

  /// Makes a node in the arena and chains it to `list`.
  template <class N, class... Arguments>
  N* add(Node*& list, Arguments&&... arguments) {
    static_assert(alignof(N) <= 64);
    N* node = new (arena.take(sizeof(N))) N(std::forward<Arguments>(arguments)...);
    node->destroy = [](Node* any) { static_cast<N*>(any)->~N(); };
    node->previous = list;
    list = node;
    return node;
  }
  TapeLink link_to(Node* node) { return {this, serial.load(std::memory_order_relaxed), node}; }
  /// Counts the new record `node`, and lets its result know it.
  template <class T>
  EIGENGRAD_INLINE void connect(Tensor<T>& result, Node* node) {
    ++records;
    result.set_link(link_to(node));
    if (observer != nullptr) [[unlikely]]
      tell(*node, result);
  }
  template <class T>
  EIGENGRAD_COLD void tell(Node& node, const Tensor<T>& result) {
    observer->recorded(node, AnyNumbers::of(result));
  }
  template <class T>
  EIGENGRAD_COLD void tell_input(const Tensor<T>& input) {
    observer->input(AnyNumbers::of(input));
  }

  void clear() noexcept {
    for (Node* list : {last, last_leaf})
      while (list != nullptr) {
        Node* const node = std::exchange(list, list->previous);
        if (!node->spent) node->destroy(node);
      }
    last = last_leaf = nullptr;
    records = 0;
    has_copies = false;
    delete std::exchange(observer, nullptr);
    arena.clear();
  }
};

/// The thread's innermost tape, recording or paused; null where there is none.
EIGENGRAD_INLINE TapeState* innermost_tape(const ThreadState& thread = thread_state()) {
  return static_cast<TapeState*>(thread.innermost);
}

/// Tapes' states between two uses: one spare per thread, the rest shared.
class TapeStates {
 public:
  static TapeState* take() {
    watch_end_of_thread();
    if (thread_state().spare != nullptr) [[likely]]
      return static_cast<TapeState*>(std::exchange(thread_state().spare, nullptr));
    return take_shared();
  }
  /// Drops what a tape recorded; the next use of its state has another serial number, so links to this one are known to
  /// be old.
  EIGENGRAD_OUTLINE static void reuse(TapeState* state) noexcept {
    state->clear();
    state->recorder = nullptr;
    state->abandoned.store(false, std::memory_order_relaxed);
    state->serial.store(state->serial.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    give_back(state);
  }
  /// Ends a tape that another thread has ended, but could not take from this one.
  EIGENGRAD_COLD static void end_abandoned() {
    ThreadState& thread = thread_state();
    TapeState* const tape = innermost_tape(thread);
    thread.innermost = std::exchange(tape->outer, nullptr);
    thread.paused = tape->paused_outside;
    reuse(tape);
  }
  EIGENGRAD_COLD static TapeState* take_shared() {
    const Lock lock;
    if (free_ == nullptr) return new TapeState;
    return std::exchange(free_, std::exchange(free_->outer, nullptr));
  }
  static void give_back(TapeState* state) {
    if (watch_end_of_thread() && thread_state().spare == nullptr) {
      thread_state().spare = state;
      return;
    }
    share(state);
  }

 private:
  struct Closer {
    bool opened = true;
    ~Closer() {
      opened = false;
      // Tapes that were handed to other threads record nothing from now on.
      for (auto* tape = static_cast<TapeState*>(std::exchange(thread_state().innermost, nullptr)); tape != nullptr;) {
        tape->recorder = nullptr;
        TapeState* const next = std::exchange(tape->outer, nullptr);
        if (tape->abandoned.load(std::memory_order_acquire)) reuse(tape);
        tape = next;
      }
      if (thread_state().spare != nullptr) share(static_cast<TapeState*>(std::exchange(thread_state().spare, nullptr)));
    }
  };
  /// False where this thread is about to end.
  static bool watch_end_of_thread() {
    thread_local Closer closer;
    return closer.opened;
  }
  EIGENGRAD_COLD static void share(TapeState* state) {
    const Lock lock;
    state->outer = std::exchange(free_, state);
  }
  /// Held for a moment, when threads begin and end. <mutex> takes a twentieth as long to compile as Eigen.
  struct Lock {
    Lock() {
      while (busy_.test_and_set(std::memory_order_acquire)) {
      }
    }
    Lock(const Lock&) = delete;
    ~Lock() { busy_.clear(std::memory_order_release); }
  };
  static inline constinit std::atomic_flag busy_{};
  static inline constinit TapeState* free_ = nullptr;  // each knows the next by its `outer`
};

/// The tape that records what this thread evaluates now, or null.
EIGENGRAD_INLINE TapeState* recording_tape() {
  const ThreadState& thread = thread_state();
  return thread.paused == 0 ? innermost_tape(thread) : nullptr;
}

/// While it lives, nothing is recorded on this thread (until a new Tape begins inside it). One that ends after a tape
/// begun later, before one begun earlier, or on another thread, takes back its own pause and no other's.
class [[nodiscard]] NoGrad {
 public:
  explicit NoGrad(bool pause = true) {
    if (!pause) return;
    thread_ = &thread_state();
    under_ = innermost_tape(*thread_);
    serial_ = serial_of(under_);
    ++thread_->paused;
  }
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;
  ~NoGrad() {
    if (thread_ == nullptr) return;
    if (thread_ == &thread_state() && thread_->innermost == under_ && serial_of(under_) == serial_) [[likely]]
      --thread_->paused;
    else
      end_out_of_turn();
  }

 private:
  static std::uint64_t serial_of(const TapeState* tape) {
    return tape != nullptr ? tape->serial.load(std::memory_order_relaxed) : 0;
  }
  EIGENGRAD_COLD void end_out_of_turn() const {
    // Another thread's pauses cannot be changed from here: it stays paused, and says so when backward is called.
    if (thread_ != &thread_state()) return;
    // A tape that has ended took the pauses under it along.
    for (TapeState* tape = innermost_tape(*thread_); tape != nullptr; tape = tape->outer)
      if (tape->outer == under_ && serial_of(under_) == serial_) {
        if (tape->paused_outside > 0) --tape->paused_outside;
        return;
      }
  }

  ThreadState* thread_ = nullptr;
  TapeState* under_ = nullptr;  // the tape that it paused
  std::uint64_t serial_ = 0;
};

/// Throws GradientError when `link` leads to another tape that still lives.
EIGENGRAD_COLD inline void require_ended(const TapeState* tape, const TapeLink& link, const char* operation) {
  const auto* other = static_cast<const TapeState*>(link.tape);
  if (other == tape || other->serial.load(std::memory_order_acquire) != link.serial) return;
  fail<GradientError>(
      operation, ": a tensor of shape ", static_cast<const Node*>(link.node)->shape(),
      " was recorded by another tape than the one recording now: compute it under this tape, or take it as a "
      "constant by .detach()");
}

/// The node that computed `tensor` on `tape`, or null for a constant. Throws GradientError naming `operation` for a
/// tensor of another tape that still lives.
template <class T>
EIGENGRAD_INLINE TypedNode<T>* node_on(const TapeState* tape, const TapeLink& link, const char* operation) {
  if (link.node == nullptr) return nullptr;
  if (link.tape == tape && link.serial == tape->serial.load(std::memory_order_relaxed)) [[likely]]
    return static_cast<TypedNode<T>*>(static_cast<Node*>(link.node));
  require_ended(tape, link, operation);
  return nullptr;
}
template <class T>
EIGENGRAD_INLINE TypedNode<T>* node_on(const TapeState* tape, const Tensor<T>& tensor, const char* operation) {
  return node_on<T>(tape, tensor.link(), operation);
}

/// Whether the recording tape has computed `tensor`, so that operations on it are recorded.
template <class T>
bool is_recorded(const Tensor<T>& tensor) {
  const TapeState* tape = recording_tape();
  return tape != nullptr && node_on(tape, tensor, "is_recorded") != nullptr;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
