#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>

#include "file.hpp"
#if __has_include(<sys/mman.h>) && __has_include(<sys/stat.h>) && __has_include(<fcntl.h>) && __has_include(<unistd.h>)
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#define EIGENGRAD_MAPS_FILES 1
#else
#define EIGENGRAD_MAPS_FILES 0
#endif

// Files seen as memory.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A file's bytes, mapped into memory where the system can, else read: a large file takes no memory until it is looked
/// at. Who cuts a file short while it is mapped ends the program that reads it (SIGBUS); files that AtomicFile
/// replaces, or that are renamed or removed, stay as they were. Failures are FileErrors naming path and reason.
EIGENGRAD_LAZY class BasicMappedFile {
 public:
  explicit BasicMappedFile(const std::string& path) : path_(path) {
    require_whole_path(path);
#if EIGENGRAD_MAPS_FILES
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {  // a pipe can be opened only once
      const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
      require<FileError>(file >= 0, "cannot open '", path, "': ", std::generic_category().message(errno));
      if (::fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
        const auto size = static_cast<std::size_t>(status.st_size);
        void* const data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
        if (data != MAP_FAILED) mapped_ = {static_cast<const char*>(data), size};
      }
      if (!mapped_.empty()) {
        file_ = file;
        return;
      }
      ::close(file);
    }
#endif
    read_ = read_file(path);
  }
  BasicMappedFile(const BasicMappedFile&) = delete;
  ~BasicMappedFile() {
#if EIGENGRAD_MAPS_FILES
    if (!mapped_.empty()) ::munmap(const_cast<char*>(mapped_.data()), mapped_.size());
    if (file_ >= 0) ::close(file_);
#endif
  }

  const std::string& path() const { return path_; }
  std::string_view bytes() const { return mapped_.empty() ? std::string_view(read_) : mapped_; }
  /// Copies a part of bytes() to memory: by reading the file, which is a fifth faster than copying its mapping.
  void copy(std::string_view part, void* to) const {
#if EIGENGRAD_MAPS_FILES
    if (!mapped_.empty()) return read(part, static_cast<char*>(to));
#endif
    if (!part.empty()) std::memcpy(to, part.data(), part.size());
  }
  /// The same of a file that is not known as one, for StoredNumbers::copy.
  static void copy_of(const void* file, std::string_view part, void* to) {
    static_cast<const BasicMappedFile*>(file)->copy(part, to);
  }
  /// Lets the system take back the memory of a part that was looked at; it is still there.
  void forget([[maybe_unused]] std::string_view part) const {
#if EIGENGRAD_MAPS_FILES
    if (mapped_.empty() || part.size() < (std::size_t{1} << 20)) return;
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const auto first = static_cast<std::size_t>(part.data() - mapped_.data());
    const std::size_t begin = (first + page - 1) / page * page, end = (first + part.size()) / page * page;
    if (begin < end) ::madvise(const_cast<char*>(mapped_.data()) + begin, end - begin, MADV_DONTNEED);
#endif
  }

 private:
#if EIGENGRAD_MAPS_FILES
  void read(std::string_view part, char* to) const {
    auto at = part.data() - mapped_.data();
    for (std::size_t left = part.size(); left > 0;) {
      const auto count = ::pread(file_, to, (std::min)(left, std::size_t{1} << 30), at);
      if (count < 0 && errno == EINTR) continue;
      require<FileError>(count >= 0, "cannot read '", path_, "': ", std::generic_category().message(errno));
      require<FileError>(count > 0, "'", path_, "' was cut short while it was read: read it again");
      at += count;
      to += count;
      left -= static_cast<std::size_t>(count);
    }
  }
  int file_ = -1;
#endif
  std::string path_, read_;
  std::string_view mapped_;
};
using MappedFile = BasicMappedFile<>;

}}  // namespace eigengrad::EIGENGRAD_ABI
