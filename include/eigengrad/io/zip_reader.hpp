#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "escaped.hpp"

// What is in a zip archive; inflating is npz.hpp's.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// One file in an archive: where it lies, and what it must be when it is out.
struct ZipEntry {
  std::string_view name, data;  // data as it lies in the archive
  bool deflated = false;
  std::uint32_t crc = 0;
  std::uint64_t size = 0;  // of what comes out
  std::uint64_t begin = 0;
};

/// The entries of an archive in memory, in the central directory's order (with zip64). All is checked before it is
/// used: bounds, that no two entries share bytes, that a local header agrees with the directory's. Throws FileError
/// for what is damaged, encrypted, in several parts or compressed otherwise than by deflate.
EIGENGRAD_LAZY class BasicZipReader {
 public:
  BasicZipReader(std::string_view bytes, std::string_view source) : bytes_(bytes), source_(source) {
    const std::uint64_t end = find_end();
    std::uint64_t count = number(end + 10, 2), size = number(end + 12, 4), begin = number(end + 16, 4),
                  directory_end = end;
    ask(number(end + 4, 2) == 0 && number(end + 6, 2) == 0, end, "is one of several parts of an archive");
    if (end >= 20 && bytes_.substr(end - 20, 4) == "PK\x06\x07") {  // zip64
      const std::uint64_t wide = number(end - 20 + 8, 8);
      ask(wide <= end - 20 && end - 20 - wide >= 56 && bytes_.substr(wide, 4) == "PK\x06\x06", end - 20,
          "points to no zip64 directory");
      count = number(wide + 32, 8);
      size = number(wide + 40, 8);
      begin = number(wide + 48, 8);
      directory_end = wide;
    }
    ask(begin <= directory_end && size <= directory_end - begin, end, "has its directory outside the file");
    ask(count <= size / 46, end, "announces more entries than its directory can hold");
    entries_.reserve(count);
    std::uint64_t at = begin;
    for (std::uint64_t i = 0; i < count; ++i) at = read_entry(at, begin, begin + size);
    ask(at == begin + size, at, "has a directory of another size than it says");
    std::vector<const ZipEntry*> by_place;
    for (const ZipEntry& entry : entries_) by_place.push_back(&entry);
    std::sort(by_place.begin(), by_place.end(), [](auto a, auto b) { return a->begin < b->begin; });
    for (std::size_t i = 1; i < by_place.size(); ++i)
      ask(end_of(*by_place[i - 1]) <= by_place[i]->begin, by_place[i]->begin, "has entries that share bytes");
    std::sort(by_place.begin(), by_place.end(), [](auto a, auto b) { return a->name < b->name; });
    for (std::size_t i = 1; i < by_place.size(); ++i)
      if (by_place[i - 1]->name == by_place[i]->name)
        refuse(by_place[i]->begin, "has two entries named ", escaped(by_place[i]->name));
  }

  const std::vector<ZipEntry>& entries() const& { return entries_; }
  std::vector<ZipEntry> entries() && { return std::move(entries_); }

 private:
  template <class... Words>
  [[noreturn]] EIGENGRAD_COLD void refuse(std::uint64_t at, const Words&... words) const {
    fail<FileError>(
        "zip: ", escaped(source_, 400), ", at byte ", at, ", ", words...,
        ": it is truncated or damaged, or no plain zip archive: write it again, by numpy.savez or save_npz");
  }
  void ask(bool condition, std::uint64_t at, const char* is) const {
    if (!condition) refuse(at, is);
  }
  /// A little-endian number.
  std::uint64_t number(std::uint64_t at, std::uint64_t width) const {
    ask(at <= bytes_.size() && width <= bytes_.size() - at, at, "ends inside a header");
    std::uint64_t result = 0;
    for (std::uint64_t i = width; i-- > 0;) result = result << 8 | static_cast<unsigned char>(bytes_[at + i]);
    return result;
  }
  std::uint64_t end_of(const ZipEntry& entry) const {
    return static_cast<std::uint64_t>(entry.data.data() - bytes_.data()) + entry.data.size();
  }
  /// The record at the archive's end, behind which there is its comment only.
  std::uint64_t find_end() const {
    constexpr std::uint64_t record = 22, longest_comment = 65535;
    if (bytes_.size() >= record)
      for (std::uint64_t comment = 0; comment <= (std::min)(longest_comment, bytes_.size() - record); ++comment) {
        const std::uint64_t at = bytes_.size() - record - comment;
        if (bytes_.substr(at, 4) == "PK\x05\x06" && number(at + 20, 2) == comment) return at;
      }
    const FileKind kind = file_kind(bytes_.substr(0, 1024));
    if (!kind.is.empty() && !bytes_.starts_with("PK"))
      fail<FileError>(
          "zip: ", escaped(source_, 400), " is no zip archive but ", kind.is,
          bytes_.starts_with("\x93NUMPY") ? ": read it by load_npy (eigengrad/io/npy.hpp)" : ": check the path");
    refuse(bytes_.size(), "has no directory at its end");
  }
  std::uint64_t read_entry(std::uint64_t at, std::uint64_t data_end, std::uint64_t directory_end) {
    ask(directory_end - at >= 46 && bytes_.substr(at, 4) == "PK\x01\x02", at,
        "has no entry where its directory goes on");
    ZipEntry entry;
    const std::uint64_t flags = number(at + 8, 2), method = number(at + 10, 2), name_size = number(at + 28, 2),
                        extra_size = number(at + 30, 2), comment_size = number(at + 32, 2);
    entry.crc = static_cast<std::uint32_t>(number(at + 16, 4));
    ask(directory_end - at - 46 >= name_size + extra_size + comment_size, at, "has a directory that ends in an entry");
    entry.name = bytes_.substr(at + 46, name_size);
    const Sizes sizes = read_sizes(at, bytes_.substr(at + 46 + name_size, extra_size));
    if ((flags & 1) != 0) refuse(at, "has the encrypted entry ", escaped(entry.name));
    if (method != 0 && method != 8)
      refuse(at, "has the entry ", escaped(entry.name), ", compressed by method ", method,
             " where 0 (stored) and 8 (deflated) are known");
    entry.deflated = method == 8;
    entry.size = sizes.out;
    entry.begin = sizes.begin;

    const std::uint64_t local = sizes.begin;
    ask(local <= data_end && data_end - local >= 30 && bytes_.substr(local, 4) == "PK\x03\x04", at,
        "has an entry that points to no file");
    const std::uint64_t front = 30 + number(local + 26, 2) + number(local + 28, 2);
    ask(front <= data_end - local && sizes.in <= data_end - local - front, local, "has an entry that is not all there");
    if (bytes_.substr(local + 30, number(local + 26, 2)) != entry.name || number(local + 8, 2) != method)
      refuse(local, "calls the entry ", escaped(entry.name), " otherwise in its directory than beside it");
    entry.data = bytes_.substr(local + front, sizes.in);
    // Deflate makes at most 1032 bytes of one.
    const bool possible = entry.deflated ? entry.size / 1032 <= sizes.in : entry.size == sizes.in;
    if (!possible)
      refuse(at, "announces ", entry.size, " bytes of the entry ", escaped(entry.name), ", which has ", sizes.in);
    entries_.push_back(entry);
    return at + 46 + name_size + extra_size + comment_size;
  }
  struct Sizes {
    std::uint64_t out, in, begin;
  };
  /// Those that need more than 32 bits stand in an extra field.
  Sizes read_sizes(std::uint64_t at, std::string_view extra) const {
    Sizes result{number(at + 24, 4), number(at + 20, 4), number(at + 42, 4)};
    ask(number(at + 34, 2) == 0, at, "is one of several parts of an archive");
    std::uint64_t field = at + 46 + number(at + 28, 2);
    const std::uint64_t end = field + extra.size();
    while (end - field >= 4) {
      const std::uint64_t id = number(field, 2), size = number(field + 2, 2);
      field += 4;
      ask(size <= end - field, field, "has an extra field that ends outside its entry");
      if (id == 1) {
        std::uint64_t next = field;
        for (std::uint64_t* each : {&result.out, &result.in, &result.begin})
          if (*each == 0xffffffff) {
            ask(field + size - next >= 8, next, "has a zip64 field that is too short");
            *each = number(next, 8);
            next += 8;
          }
        return result;
      }
      field += size;
    }
    return result;
  }

  std::string_view bytes_, source_;
  std::vector<ZipEntry> entries_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
