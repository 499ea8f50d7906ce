#pragma once

#include <zlib.h>

#include <algorithm>

#include "file.hpp"

// Compressed files (target eigengrad::io, needs zlib).
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Settings of read_gzip and GzipSource.
struct GzipOptions {
  std::uint64_t limit = std::uint64_t{4} << 30;  // more inflated bytes than this are refused
};

/// A gzip file (or a plain one, passed through) open for reading; a source for read_idx. Throws FileError when it is
/// missing, truncated or damaged, or inflates beyond the limit. Link with eigengrad::io, or -lz.
class GzipSource {
 public:
  explicit GzipSource(const std::string& path, GzipOptions options = {}) : path_(path), limit_(options.limit) {
    const FileSource file(path);  // says why it cannot be opened
    require<FileError>(file.seekable(), "gzip: '", path_,
                       "' is a pipe or a device, whose beginning can be read only once: write it to a file first");
    const std::uint64_t size = file.most();
    file_.reset(gzopen(path.c_str(), "rb"));
    require<FileError>(file_ != nullptr, "cannot open '", path_, "': ", std::generic_category().message(errno));
    gzbuffer(file_.get(), 1 << 16);
    // Deflate makes at most 1032 bytes of one.
    const std::uint64_t ratio = gzdirect(file_.get()) != 0 ? 1 : 1032;
    most_ = (std::min)(limit_, size <= limit_ / ratio ? size * ratio : limit_);
  }

  const std::string& path() const { return path_; }
  /// More bytes than this it cannot give.
  std::uint64_t most() const { return most_; }

  /// Reads up to `count` bytes; fewer only at the end.
  std::size_t read(char* target, std::size_t count) {
    std::size_t done = 0;
    while (done < count) {
      const auto part = static_cast<unsigned>(std::min<std::size_t>(count - done, 1u << 30));
      const int have = gzread(file_.get(), target + done, part);
      int status = Z_OK;
      const char* reason = gzerror(file_.get(), &status);
      // A truncated file is no error to gzread until the end: Z_BUF_ERROR then tells it from a whole one.
      require<FileError>(have >= 0 && (status == Z_OK || status == Z_STREAM_END), "gzip: '", path_,
                         "' is truncated or damaged after ", total_ + static_cast<std::uint64_t>((std::max)(have, 0)),
                         " inflated bytes (", reason, "): get the file again");
      if (have == 0) break;
      done += static_cast<std::size_t>(have);
      total_ += static_cast<std::uint64_t>(have);
      require<FileError>(total_ <= limit_, "gzip: '", path_, "' inflates to more than the limit of ", limit_,
                         " bytes: raise GzipOptions::limit if that is right");
    }
    return done;
  }

  /// Back to the first byte.
  void rewind() {
    require<FileError>(gzrewind(file_.get()) == 0, "gzip: cannot read '", path_, "' a second time");
    total_ = 0;
  }

 private:
  struct Close {
    void operator()(gzFile file) const { gzclose(file); }
  };

  std::string path_;
  std::uint64_t limit_ = 0, most_ = 0, total_ = 0;
  std::unique_ptr<std::remove_pointer_t<gzFile>, Close> file_;
};

/// All bytes of a gzip (or plain) file, inflated. It is inflated twice, to be counted first: memory is what comes out,
/// never more than the limit and 1 MiB, where a string that grows would take up to twice as much.
inline std::string read_gzip(const std::string& path, GzipOptions options = {}) {
  GzipSource source(path, options);
  std::size_t size = 0;
  char part[1 << 14];
  while (const std::size_t have = source.read(part, sizeof part)) size += have;
  source.rewind();
  std::string bytes(size, '\0');
  const std::size_t have = source.read(bytes.data(), size);
  require<FileError>(have == size && source.read(part, 1) == 0, "gzip: '", path, "' changed while it was read");
  return bytes;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
