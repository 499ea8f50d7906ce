#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "sanitizers.hpp"
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace support {

/// A line of the process's /proc/self/status, in MB (10^6 bytes); -1 where there is none.
inline double status_megabytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name + ":")) return std::strtod(line.c_str() + name.size() + 1, nullptr) * 1024 / 1e6;
  return -1;
}

/// How much memory `action` makes a process take at its peak, in MB, run in a child of this one; -1 where that cannot
/// be measured: without Linux's /proc, or with a sanitizer's own heap.
template <class Action>
double peak_megabytes(Action action) {
#if EIGENGRAD_ANY_SANITIZER
  static_cast<void>(action);
  return -1;
#else
  int ends[2];
  if (pipe(ends) != 0) return -1;
  const pid_t child = fork();
  if (child == 0) {
#if defined(__GLIBC__)
    malloc_trim(0);  // else what this process has freed would be taken again unseen
#endif
    std::ofstream("/proc/self/clear_refs") << "5";  // forgets the peak so far
    const double before = status_megabytes("VmRSS");
    double result = -1;
    try {
      action();
      result = status_megabytes("VmHWM");
      if (before >= 0 && result >= 0) result -= before;
    } catch (...) {
      result = -2;
    }
    const bool written = write(ends[1], &result, sizeof result) == sizeof result;
    _exit(written ? 0 : 1);
  }
  double result = -1;
  const bool have = child > 0 && read(ends[0], &result, sizeof result) == sizeof result;
  close(ends[0]);
  close(ends[1]);
  if (child > 0) waitpid(child, nullptr, 0);
  return have ? result : -1;
#endif
}

}  // namespace support
