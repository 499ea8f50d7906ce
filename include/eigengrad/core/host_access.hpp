#pragma once

#include <utility>

#include "thread_state.hpp"

// Who watches the program read and write numbers.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

struct TapeLink;

/// Is told when the program itself, not an operation's kernel, reads a tensor's numbers or writes to them. Watchers
/// nest; the innermost of a thread asks the one outside.
class HostAccess {
 public:
  HostAccess() : outer_(std::exchange(thread_state().host_access, this)) {}
  HostAccess(const HostAccess&) = delete;
  HostAccess& operator=(const HostAccess&) = delete;

  /// `how` is the member that was called: "item", "data", ...
  virtual void read(const char* how, const TapeLink& link, const Location& where) = 0;
  virtual void write(const char* how, const TapeLink& link, const Location& where) = 0;

  HostAccess* outer() const { return outer_; }

 protected:
  ~HostAccess() {  // whichever of them ends first
    for (HostAccess** place = &thread_state().host_access; *place != nullptr; place = &(*place)->outer_)
      if (*place == this) {
        *place = outer_;
        return;
      }
  }

 private:
  HostAccess* outer_;
};

EIGENGRAD_COLD inline void tell_read(const char* how, const TapeLink& link, const Location& where) {
  for (HostAccess* watcher = thread_state().host_access; watcher != nullptr; watcher = watcher->outer())
    watcher->read(how, link, where);
}
EIGENGRAD_COLD inline void tell_write(const char* how, const TapeLink& link, const Location& where) {
  for (HostAccess* watcher = thread_state().host_access; watcher != nullptr; watcher = watcher->outer())
    watcher->write(how, link, where);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
