#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <system_error>

#include "../core/path.hpp"

// Files read whole.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A file open for reading. Every failure is a FileError naming the path and the system's reason.
/// One of the sources that read_idx takes: read(), most() and path().
EIGENGRAD_LAZY class BasicFileSource {
 public:
  explicit BasicFileSource(const std::string& path) : path_(path) {
    require_whole_path(path_);
    file_.reset(std::fopen(path_.c_str(), "rb"));
    require<FileError>(file_ != nullptr, "cannot open '", path_, "': ", std::generic_category().message(errno));
    // A directory opens, but cannot be read.
    const int first = std::fgetc(file_.get());
    require<FileError>(first != EOF || std::ferror(file_.get()) == 0, "cannot read '", path_,
                       "': ", std::generic_category().message(errno));
    if (std::fseek(file_.get(), 0, SEEK_END) == 0) {
      const long end = std::ftell(file_.get());
      if (end >= 0) size_ = static_cast<std::uint64_t>(end);
      seekable_ = end >= 0 && std::fseek(file_.get(), 0, SEEK_SET) == 0;
    }
    if (!seekable_ && first != EOF) std::ungetc(first, file_.get());
  }

  const std::string& path() const { return path_; }
  /// More bytes than this the file does not hold; no limit is known for a pipe.
  std::uint64_t most() const { return seekable_ ? size_ : (std::numeric_limits<std::uint64_t>::max)(); }
  bool seekable() const { return seekable_; }

  /// Reads up to `count` bytes; fewer only at the file's end.
  std::size_t read(char* target, std::size_t count) {
    const std::size_t done = std::fread(target, 1, count, file_.get());
    require<FileError>(done == count || std::ferror(file_.get()) == 0, "cannot read '", path_,
                       "': ", std::generic_category().message(errno));
    return done;
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::uint64_t size_ = 0;
  bool seekable_ = false;
};
using FileSource = BasicFileSource<>;

/// All bytes of a file (or pipe); memory stays in proportion to what the file really holds.
EIGENGRAD_LAZY std::string read_file(const std::string& path) {
  FileSource source(path);
  std::string bytes;
  if (source.seekable()) {
    bytes.resize(static_cast<std::size_t>(static_cast<Index>(source.most())));
    bytes.resize(source.read(bytes.data(), bytes.size()));
    return bytes;
  }
  char part[1 << 14];
  while (const std::size_t count = source.read(part, sizeof part)) bytes.append(part, count);
  return bytes;
}

/// Whether the file can be opened for reading; no file has a path with a NUL byte in it.
EIGENGRAD_LAZY bool file_exists(const std::string& path) {
  if (std::strlen(path.c_str()) != path.size()) return false;
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file != nullptr) std::fclose(file);
  return file != nullptr;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
