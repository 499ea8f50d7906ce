#pragma once

#include <atomic>

#include "generator.hpp"
#if defined(__ELF__) && defined(__linux__) && (defined(__GNUC__) || defined(__clang__))
#define EIGENGRAD_ELF
#if defined(__PIC__) && !defined(__PIE__)  // may become part of a shared library
#define EIGENGRAD_IN_LIBRARY
#endif
#endif
#ifdef EIGENGRAD_IN_LIBRARY
#include "program_notes.hpp"
#endif

// What a thread records on, and what it is in the middle of.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

class ReplayPlan;
class HostAccess;
/// What autograd keeps of a thread here, without being known here.
struct AnyTape {};
struct AnyStandIns {};

EIGENGRAD_SHARED inline constinit std::atomic<std::uint64_t> own_outside_changes{0};

/// What the library knows of a thread, in one place because a program and the shared libraries it opens must agree on
/// it: a plugin's operations are recorded by the program's tape.
struct ThreadState {
  AnyTape* innermost = nullptr;            // the tape that records
  int paused = 0;                          // NoGrads that live
  AnyTape* spare = nullptr;                // a tape's state to use again
  ReplayPlan* replay_plan = nullptr;       // the plan that listens to what is computed
  HostAccess* host_access = nullptr;       // who watches the program read and write numbers
  const AnyStandIns* stand_ins = nullptr;  // tensors in the place of parameters
  Generator generator{0};
  std::atomic<std::uint64_t>* outside_changes = &own_outside_changes;  // one count for all threads
  bool in_step = false;                                                // a compiled step runs or is recorded
  Location caller{};  // the line from which the program called the module that runs
};
EIGENGRAD_SHARED inline constinit thread_local ThreadState own_thread_state{};

#ifdef EIGENGRAD_ELF
// A program does not export its variables to what it opens by dlopen, so a library would have its own. Therefore a
// program carries a note that says where its state is, which libraries find (core/program_notes.hpp).
#define EIGENGRAD_TEXT_(text) #text
#define EIGENGRAD_TEXT(text) EIGENGRAD_TEXT_(text)
#define EIGENGRAD_STATE_SYMBOL "eigengrad_thread_state_" EIGENGRAD_TEXT(EIGENGRAD_ABI)
[[gnu::visibility("hidden")]] ThreadState* own_thread_state_address() noexcept __asm__(EIGENGRAD_STATE_SYMBOL);
[[gnu::used]] inline ThreadState* own_thread_state_address() noexcept { return &own_thread_state; }
// As the format of notes has it: sizes of name and contents, type, name, contents; each padded to 4 bytes.
__asm__(
    ".pushsection .note.eigengrad,\"a\",%note\n"
    ".balign 4\n"
    ".long 12, 91f - 90f, 1\n"
    ".asciz \"eigengrad\"\n"
    ".balign 4\n"
    "90: .long " EIGENGRAD_STATE_SYMBOL " - .\n"
    ".asciz \"" EIGENGRAD_TEXT(EIGENGRAD_ABI) "\"\n"
    "91: .balign 4\n"
    ".popsection\n");
#endif

#ifdef EIGENGRAD_IN_LIBRARY
EIGENGRAD_SHARED inline constinit thread_local ThreadState* found_thread_state = nullptr;
/// The program's where it has one, else this library's.
EIGENGRAD_COLD inline ThreadState* find_thread_state() noexcept {
  using Address = ThreadState* (*)() noexcept;
  static const Address address = [] {
    const void* const found = find_program_note("eigengrad", EIGENGRAD_TEXT(EIGENGRAD_ABI));
    return found != nullptr ? reinterpret_cast<Address>(const_cast<void*>(found)) : &own_thread_state_address;
  }();
  return found_thread_state = address();
}
/// This thread's.
EIGENGRAD_INLINE ThreadState& thread_state() noexcept {
  ThreadState* const state = found_thread_state;
  return state != nullptr ? *state : *find_thread_state();
}
#else
/// This thread's.
EIGENGRAD_INLINE ThreadState& thread_state() noexcept { return own_thread_state; }
#endif

/// Something that compiled steps watch was changed: they see by the count that they must be recorded anew. What a step
/// does itself does not count.
EIGENGRAD_COLD inline void outside_changed() noexcept {
  if (!thread_state().in_step) thread_state().outside_changes->fetch_add(1, std::memory_order_relaxed);
}
/// Throws while a compiled step is being recorded.
void forbid_in_plan(const ReplayPlan& plan, const char* operation, const char* remedy, const Location& where);
EIGENGRAD_INLINE void forbid_in_replay(const char* operation, const char* remedy, const Location& where = {}) {
  if (thread_state().replay_plan != nullptr) [[unlikely]]
    forbid_in_plan(*thread_state().replay_plan, operation, remedy, where);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
