#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "../core/path.hpp"
#if __has_include(<sys/file.h>) && __has_include(<sys/stat.h>) && __has_include(<fcntl.h>) && __has_include(<unistd.h>)
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#define EIGENGRAD_LOCKS_FILES 1
#else
#define EIGENGRAD_LOCKS_FILES 0
#endif

// Files written whole or not at all.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Whether what is written must be on the disk before it takes its name.
enum class Durable : bool { no, yes };

/// A file that appears under its name when it is complete: written to one beside it, which then takes the name. Until
/// commit() returns, and after a full disk, a crash or a kill, what was there is unchanged. A symbolic link stays one;
/// a device or pipe is written straight. Every failure is a FileError naming path and reason.
EIGENGRAD_LAZY class BasicAtomicFile {
 public:
  explicit BasicAtomicFile(const std::string& path) : path_(path), target_(path) {
    require_whole_path(path);
    std::error_code ignored;
    old_ = std::filesystem::status(target_, ignored);
    if (exists(old_) && !is_regular_file(old_)) {
      file_.reset(std::fopen(path.c_str(), "wb"));
      if (file_ == nullptr) fail_with(last_error());
      return;
    }
    // A link that points nowhere yet is followed too.
    for (int links = 0; links < 40 && is_link(); ++links)
      target_ = target_.parent_path() / std::filesystem::read_symlink(target_, ignored);
    if (is_link()) fail_with(std::make_error_code(std::errc::too_many_symbolic_link_levels));
    open_beside();
  }
  BasicAtomicFile(const BasicAtomicFile&) = delete;
  ~BasicAtomicFile() { remove_unfinished(); }

  void write(std::string_view bytes) {
    if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size())
      fail_with(last_error());
    written_ += bytes.size();
  }
  /// How many bytes were written so far.
  std::uint64_t written() const { return written_; }

  /// Gives the file its name; nothing may be written afterwards.
  void commit(Durable durable = Durable::yes) {
    if (std::fflush(file_.get()) != 0) fail_with(last_error());
    if (!beside_.empty()) {
#if EIGENGRAD_LOCKS_FILES
      if (durable == Durable::yes && ::fsync(::fileno(file_.get())) != 0) fail_with(last_error());
#endif
      std::error_code problem, ignored;
      if (exists(old_)) std::filesystem::permissions(beside_, old_.permissions(), ignored);
      // While it is locked, so that nobody takes it for one that was left behind.
      std::filesystem::rename(beside_, target_, problem);
      if (problem) fail_with(problem);
      beside_.clear();
    }
    if (std::fclose(file_.release()) != 0) fail_with(last_error());
#if EIGENGRAD_LOCKS_FILES
    if (durable == Durable::yes) sync_folder();
#endif
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  static std::error_code last_error() { return {errno, std::generic_category()}; }
  bool is_link() const {
    std::error_code ignored;
    return is_symlink(std::filesystem::symlink_status(target_, ignored));
  }
  [[noreturn]] void fail_with(const std::error_code& reason) {
    remove_unfinished();
    fail<FileError>("save: ", path_, ": ", reason.message(),
                    ": choose a folder that exists, may be written and has room");
  }
  void remove_unfinished() noexcept {
    std::error_code ignored;
    if (!beside_.empty()) std::filesystem::remove(beside_, ignored);
    beside_.clear();
    file_.reset();
  }

  // What a program that was killed left behind is taken again: nobody holds its lock.
  void open_beside() {
    for (int attempt = 0; attempt < 100; ++attempt) {
      std::filesystem::path name = target_;
      name += to_text(".unfinished", attempt);
      if (std::FILE* const file = try_to_open(name)) {
        beside_ = std::move(name);
        file_.reset(file);
        return;
      }
    }
    fail_with(std::make_error_code(std::errc::file_exists));
  }
#if EIGENGRAD_LOCKS_FILES
  std::FILE* try_to_open(const std::filesystem::path& name) {
    constexpr int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    int file = ::open(name.c_str(), flags | O_EXCL, exists(old_) ? 0600 : 0666);
    const bool created = file >= 0;
    if (!created) {
      if (errno != EEXIST) fail_with(last_error());
      file = ::open(name.c_str(), flags | O_NONBLOCK, 0666);
      if (file < 0) return nullptr;
    }
    // A file system without locks is trusted with what is new only. Who renamed it in between has the lock no longer,
    // but the name is another's, or nobody's.
    const bool locked = ::flock(file, LOCK_EX | LOCK_NB) == 0;
    struct stat held{};
    struct stat named{};
    const bool ours = (locked || (created && errno != EWOULDBLOCK)) && ::fstat(file, &held) == 0 &&
                      ::stat(name.c_str(), &named) == 0 && S_ISREG(held.st_mode) && held.st_nlink == 1 &&
                      held.st_ino == named.st_ino && held.st_dev == named.st_dev;
    std::FILE* const stream = ours && ::ftruncate(file, 0) == 0 ? ::fdopen(file, "wb") : nullptr;
    if (stream == nullptr) ::close(file);
    return stream;
  }
  void sync_folder() const {
    const std::filesystem::path folder = target_.has_parent_path() ? target_.parent_path() : ".";
    const int file = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (file < 0) return;
    static_cast<void>(::fsync(file));  // not every file system has it for folders
    ::close(file);
  }
#else
  std::FILE* try_to_open(const std::filesystem::path& name) {
    std::FILE* const file = std::fopen(name.string().c_str(), "wbx");
    if (file == nullptr && errno != EEXIST) fail_with(last_error());
    return file;
  }
#endif

  std::string path_;
  std::filesystem::path target_, beside_;
  std::filesystem::file_status old_;
  std::unique_ptr<std::FILE, Close> file_;
  std::uint64_t written_ = 0;
};
using AtomicFile = BasicAtomicFile<>;

/// Writes the whole text or nothing, as AtomicFile does.
EIGENGRAD_LAZY void write_file(const std::string& path, std::string_view text, Durable durable = Durable::yes) {
  AtomicFile file(path);
  file.write(text);
  file.commit(durable);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
