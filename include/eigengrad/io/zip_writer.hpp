#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "atomic_file.hpp"
#include "escaped.hpp"

// Zip archives, written (target eigengrad::io, needs zlib).
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The check sum of gzip and zip, of parts one after another.
inline std::uint32_t crc_of(std::string_view bytes, std::uint32_t before = 0) {
  uLong crc = before;
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, std::size_t{1} << 30);
    crc = crc32(crc, reinterpret_cast<const Bytef*>(part.data()), static_cast<uInt>(part.size()));
    bytes.remove_prefix(part.size());
  }
  return static_cast<std::uint32_t>(crc);
}

/// Writes the entries of an archive one after another, then its directory; zip64 where sizes need it. The same entries
/// give the same bytes: no times are written.
EIGENGRAD_LAZY class BasicZipWriter {
 public:
  explicit BasicZipWriter(AtomicFile& file) : file_(file) {}

  /// An entry, of two parts one behind the other. Throws ValueError for a name that is too long.
  void add(std::string_view name, std::string_view first, std::string_view second, bool compress) {
    require<ValueError>(name.size() <= 0xffff, "save_npz: the name ", escaped(name),
                        " is longer than a zip archive's names can be, 65535 bytes: shorten it");
    const std::uint64_t begin = file_.written(), size = first.size() + second.size();
    std::string deflated;
    if (compress) deflated = deflate_parts({first, second});
    const std::uint64_t stored = compress ? deflated.size() : size;
    const std::uint32_t crc = crc_of(second, crc_of(first));
    const bool wide = begin >= wide_from || size >= wide_from || stored >= wide_from;
    const bool ascii = std::all_of(name.begin(), name.end(), [](char c) { return c > 0; });

    std::string common;  // of the entry and of its line in the directory
    put(common, wide ? 45u : 20u, 2);
    put(common, ascii ? 0u : 0x800u, 2);  // names in UTF-8
    put(common, compress ? 8u : 0u, 2);
    put(common, 0, 2);
    put(common, 0x21, 2);  // the first day that a zip archive knows, 1980-01-01
    put(common, crc, 4);
    put(common, wide ? wide_from : stored, 4);
    put(common, wide ? wide_from : size, 4);
    put(common, name.size(), 2);
    std::string local = "PK\x03\x04" + common;
    put(local, wide ? 20u : 0u, 2);
    local += name;
    if (wide) put_wide(local, {size, stored});
    file_.write(local);
    if (compress) {
      file_.write(deflated);
    } else {
      file_.write(first);
      file_.write(second);
    }

    directory_ += "PK\x01\x02";
    put(directory_, 0x0300 | (wide ? 45u : 20u), 2);  // made where files have Unix's modes
    directory_ += common;
    put(directory_, wide ? 28u : 0u, 2);
    put(directory_, 0, 2);                          // no comment
    put(directory_, 0, 2);                          // the first disk
    put(directory_, 0, 2);                          // bytes
    put(directory_, std::uint64_t{0644} << 16, 4);  // that others may read
    put(directory_, wide ? wide_from : begin, 4);
    directory_ += name;
    if (wide) put_wide(directory_, {size, stored, begin});
    ++count_;
  }
  /// The directory; nothing may be added afterwards.
  void finish() {
    const std::uint64_t begin = file_.written(), size = directory_.size();
    file_.write(directory_);
    std::string end;
    const bool wide = begin >= wide_from || size >= wide_from || count_ >= 0xffff;
    if (wide) {
      const std::uint64_t at = file_.written();
      end += "PK\x06\x06";
      put(end, 44, 8);
      put(end, 45, 2);
      put(end, 45, 2);
      put(end, 0, 8);  // the first disk, twice
      for (const std::uint64_t each : {count_, count_, size, begin}) put(end, each, 8);
      end += "PK\x06\x07";
      put(end, 0, 4);
      put(end, at, 8);
      put(end, 1, 4);
    }
    end += "PK\x05\x06";
    put(end, 0, 4);
    put(end, (std::min)(count_, std::uint64_t{0xffff}), 2);
    put(end, (std::min)(count_, std::uint64_t{0xffff}), 2);
    put(end, wide ? (std::min)(size, wide_from) : size, 4);
    put(end, wide ? wide_from : begin, 4);
    put(end, 0, 2);
    file_.write(end);
  }

 private:
  static constexpr std::uint64_t wide_from = 0xffffffff;

  static void put(std::string& to, std::uint64_t number, int bytes) {
    for (int i = 0; i < bytes; ++i) to += static_cast<char>(number >> (8 * i) & 0xff);
  }
  static void put_wide(std::string& to, std::initializer_list<std::uint64_t> numbers) {
    put(to, 1, 2);
    put(to, 8 * numbers.size(), 2);
    for (const std::uint64_t each : numbers) put(to, each, 8);
  }
  static std::string deflate_parts(std::initializer_list<std::string_view> parts) {
    z_stream stream{};
    require<Error>(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK,
                   "save_npz: zlib has no memory to compress with: close other programs");
    const struct End {
      z_stream& stream;
      ~End() { deflateEnd(&stream); }
    } end{stream};
    std::string result;
    Bytef out[1 << 14];
    const auto run = [&](int how) {
      do {
        stream.next_out = out;
        stream.avail_out = sizeof out;
        deflate(&stream, how);
        result.append(reinterpret_cast<const char*>(out), sizeof out - stream.avail_out);
      } while (stream.avail_out == 0);
    };
    for (std::string_view part : parts)
      while (!part.empty()) {
        const std::string_view now = part.substr(0, std::size_t{1} << 30);
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(now.data()));
        stream.avail_in = static_cast<uInt>(now.size());
        run(Z_NO_FLUSH);
        part.remove_prefix(now.size());
      }
    run(Z_FINISH);
    return result;
  }

  AtomicFile& file_;
  std::string directory_;
  std::uint64_t count_ = 0;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
