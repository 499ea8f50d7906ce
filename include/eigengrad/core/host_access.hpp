#pragma once

#include "error.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

struct TapeLink;

/// Is told when the program itself, not an operation's kernel, reads a tensor's numbers or writes to them. Watchers
/// nest; the innermost of a thread asks the one outside.
class HostAccess {
 public:
  HostAccess() : outer_(innermost) { innermost = this; }
  HostAccess(const HostAccess&) = delete;
  HostAccess& operator=(const HostAccess&) = delete;

  /// `how` is the member that was called: "item", "data", ...
  virtual void read(const char* how, const TapeLink& link, const Location& where) = 0;
  virtual void write(const char* how, const TapeLink& link, const Location& where) = 0;

  HostAccess* outer() const { return outer_; }

  /// This thread's, or null. No watcher costs one test per access.
  inline static constinit thread_local HostAccess* innermost = nullptr;

 protected:
  ~HostAccess() { innermost = outer_; }

 private:
  HostAccess* outer_;
};

EIGENGRAD_COLD inline void tell_read(const char* how, const TapeLink& link, const Location& where) {
  for (HostAccess* watcher = HostAccess::innermost; watcher != nullptr; watcher = watcher->outer())
    watcher->read(how, link, where);
}
EIGENGRAD_COLD inline void tell_write(const char* how, const TapeLink& link, const Location& where) {
  for (HostAccess* watcher = HostAccess::innermost; watcher != nullptr; watcher = watcher->outer())
    watcher->write(how, link, where);
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
