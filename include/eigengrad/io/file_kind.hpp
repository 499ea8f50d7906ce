#pragma once

#include <algorithm>
#include <string_view>

#include "../core/error.hpp"

// What a file is that is no table.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What a file is that is not the text asked for, and what to do; both empty for what may be a table.
struct FileKind {
  std::string_view is, remedy;
};

/// Lower case, as far as it is ASCII.
inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
/// Whether two texts are equal but for the case of ASCII letters.
EIGENGRAD_OUTLINE inline bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

/// Whether a text without its beginning blanks is a page or document of HTML, XML or JSON, by its first characters.
EIGENGRAD_LAZY FileKind markup_kind(std::string_view text) {
  const auto skip_blanks = [&](std::size_t from) {
    return text.substr((std::min)(text.find_first_not_of(" \t\r\n", from), text.size()));
  };
  text = skip_blanks(0);
  const auto begins = [&](std::string_view word) { return equal_ignoring_case(text.substr(0, word.size()), word); };
  if (begins("{\\rtf")) return {"a document in RTF", "save the table as CSV"};
  if (begins("@relation")) return {"an ARFF file", "remove the lines down to @data, and name the columns"};
  if (begins("%%MatrixMarket")) return {"a Matrix Market file", "write the matrix as CSV"};
  if (begins("version https://git-lfs"))
    return {"a pointer of Git LFS, not the file itself", "fetch the file by git lfs pull"};
  for (const std::string_view tag : {"<!doctype html", "<html", "<head", "<body", "<table", "<script"})
    if (begins(tag)) return {"an HTML page", "download the file itself, not the page that shows it"};
  if (begins("<?xml") || begins("<!--") || begins("<!doctype") || begins("<svg")) return {"XML", "save it as CSV"};
  if (text.starts_with('<')) {  // <DATE>,<OPEN> is a header; after an XML tag there comes another one
    const std::size_t end = text.find('>');
    const std::size_t after = end == std::string_view::npos ? end : text.find_first_not_of(" \t\r\n", end + 1);
    if (after != std::string_view::npos && text[after] == '<' &&
        (after == end + 1 || text.substr(end, after - end).find_first_of("\r\n") != std::string_view::npos))
      return {"XML or HTML", "save it as CSV"};
  }
  if (text.starts_with('{') || text.starts_with('[')) {
    const std::string_view rest = skip_blanks(1);
    const std::string_view next = text[0] == '{' ? "\"}" : "{[";
    const std::size_t last = text.find_last_not_of(" \t\r\n");
    if (rest.empty() || next.find(rest[0]) != std::string_view::npos || (text[0] == '[' && text[last] == ']'))
      return {"JSON", "save it as CSV"};
  }
  return {};
}

/// What the first bytes say of a file: compressed, a workbook, a picture, another format of tables.
EIGENGRAD_LAZY FileKind file_kind(std::string_view bytes) {
  using namespace std::string_view_literals;
  struct Signature {
    std::string_view bytes, is, remedy;
  };
  static constexpr std::string_view decompress = "decompress it first", to_csv = "save its table as CSV",
                                    picture = "a table was expected: check the path",
                                    utf8 =
                                        "convert it: iconv -f UTF-16 -t UTF-8 old.csv > new.csv, or save it as UTF-8",
                                    pickle = "a pickle of Python";
  static constexpr Signature signatures[] = {
      {"\x1f\x8b"sv, "gzip-compressed", "read it by read_csv_gz (eigengrad/data/csv_gz.hpp), or gunzip it"},
      {"PK\x03\x04"sv, "a zip archive (as .xlsx, .ods and .npz are)", "unzip it, or save the sheet as CSV"},
      {"PK\x05\x06"sv, "an empty zip archive", picture},
      {"\xfd\x37zXZ\0"sv, "xz-compressed", "decompress it first, by unxz"},
      {"\x28\xb5\x2f\xfd"sv, "zstd-compressed", "decompress it first, by unzstd"},
      {"\x04\x22\x4d\x18"sv, "lz4-compressed", decompress},
      {"\x1f\x9d"sv, "compressed (.Z)", decompress},
      {"LZIP\x01"sv, "lzip-compressed", decompress},
      {"7z\xbc\xaf\x27\x1c"sv, "a 7z archive", decompress},
      {"Rar!\x1a\x07"sv, "a RAR archive", decompress},
      {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv, "an old Microsoft Office file (.xls)", "save the sheet as CSV"},
      {"%PDF-"sv, "a PDF document", to_csv},
      {"ARROW1\0"sv, "an Arrow (Feather) file", to_csv},
      {"Obj\x01"sv, "an Avro file", to_csv},
      {"SQLite format 3\0"sv, "an SQLite database", "export a table: sqlite3 -csv -header file 'select * from t'"},
      {"\x93NUMPY"sv, "a NumPy array (.npy)", "read it by load_npy (eigengrad/io/npy.hpp)"},
      {"\x89HDF\r\n\x1a\n"sv, "an HDF5 file", to_csv},
      {"CDF\x01"sv, "a NetCDF file", to_csv},
      {"CDF\x02"sv, "a NetCDF file", to_csv},
      {"MATLAB 5.0 MAT-file"sv, "a MATLAB file (.mat)", "write the matrix by writematrix"},
      {"RDX2\n"sv, "R's .RData", "write the table by write.csv"},
      {"RDX3\n"sv, "R's .RData", "write the table by write.csv"},
      {"<stata_dta>"sv, "a Stata file", to_csv},
      {"\x80\x02"sv, pickle, to_csv},
      {"\x80\x03"sv, pickle, to_csv},
      {"\x80\x04"sv, pickle, to_csv},
      {"\x80\x05"sv, pickle, to_csv},
      {"\x89PNG"sv, "a picture (PNG)", picture},
      {"\xff\xd8\xff"sv, "a picture (JPEG)", picture},
      {"GIF87a"sv, "a picture (GIF)", picture},
      {"GIF89a"sv, "a picture (GIF)", picture},
      {"\x7f\x45LF"sv, "a program", picture},
      {"\0\0\x08"sv, "an IDX file (as MNIST's)", "read it by read_idx"},
      {"\xff\xfe\0\0"sv, "text in UTF-32 (little-endian)", "convert it: iconv -f UTF-32 -t UTF-8 old.csv > new.csv"},
      {"\0\0\xfe\xff"sv, "text in UTF-32 (big-endian)", "convert it: iconv -f UTF-32 -t UTF-8 old.csv > new.csv"},
      {"\xff\xfe"sv, "text in UTF-16 (little-endian)", utf8},
      {"\xfe\xff"sv, "text in UTF-16 (big-endian)", utf8},
  };
  for (const Signature& signature : signatures)
    if (bytes.starts_with(signature.bytes)) return {signature.is, signature.remedy};
  // Columns may have such names, too.
  if (bytes.starts_with("PAR1") && bytes.find_first_of(",;\t \r\n") != 4) return {"a Parquet file", to_csv};
  if (bytes.starts_with("BZh") && (bytes.find("1AY&SY") == 4 || bytes.find("\x17rE8P\x90") == 4))
    return {"bzip2-compressed", "decompress it first, by bunzip2"};
  // UTF-16 without a mark: of ordinary letters every other byte is 0.
  const std::string_view first = bytes.substr(0, std::min<std::size_t>(bytes.size(), 512));
  std::size_t zeros[2] = {}, pairs = first.size() / 2;
  for (std::size_t i = 0; i < 2 * pairs; ++i) zeros[i % 2] += first[i] == '\0';
  if (pairs >= 2 && (std::max)(zeros[0], zeros[1]) * 10 >= pairs * 7 && (std::min)(zeros[0], zeros[1]) * 10 <= pairs)
    return {zeros[1] > zeros[0] ? "text in UTF-16 (little-endian, without a byte order mark)"
                                : "text in UTF-16 (big-endian, without a byte order mark)",
            zeros[1] > zeros[0] ? "convert it: iconv -f UTF-16LE -t UTF-8 old.csv > new.csv"
                                : "convert it: iconv -f UTF-16BE -t UTF-8 old.csv > new.csv"};
  return {};
}

/// How many bytes of the text are UTF-8 without a NUL: all, or up to the first byte that is out of place.
EIGENGRAD_LAZY std::size_t utf8_length(std::string_view text) {
  std::size_t at = 0;
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  while (at < text.size()) {
    const unsigned first = byte(at);
    if (first - 1 < 0x7f) {
      ++at;
      continue;
    }
    const std::size_t length = first >= 0xc2 && first < 0xe0   ? 2
                               : first >= 0xe0 && first < 0xf0 ? 3
                               : first >= 0xf0 && first < 0xf5 ? 4
                                                               : 0;
    if (length == 0) break;
    // No longer than needed, no halves of UTF-16's pairs, no more than U+10FFFF.
    const unsigned second = byte(at + 1),
                   least = first == 0xe0   ? 0xa0
                           : first == 0xf0 ? 0x90
                                           : 0x80,
                   most = first == 0xed   ? 0x9f
                          : first == 0xf4 ? 0x8f
                                          : 0xbf;
    bool good = second >= least && second <= most;
    for (std::size_t i = 2; i < length; ++i) good = good && (byte(at + i) & 0xc0) == 0x80;
    if (!good) break;
    at += length;
  }
  return at;
}

/// Throws FileError, named `reader: 'name'`, for what is no text in UTF-8, or (unless `any_text`) for a page or
/// document of a known kind: it says what it is instead.
EIGENGRAD_LAZY void require_text(std::string_view reader, std::string_view text, std::string_view name,
                                 bool any_text = false) {
  FileKind kind = file_kind(text);
  if (kind.is.empty() && !any_text) kind = markup_kind(text.substr(text.starts_with("\xef\xbb\xbf") ? 3 : 0));
  if (!kind.is.empty()) fail<FileError>(reader, ": '", name, "' is ", kind.is, ": ", kind.remedy);
  const std::size_t good = utf8_length(text);
  if (good == text.size()) return;
  const std::string_view before = text.substr(0, good);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  if (text[good] == '\0')
    fail<FileError>(reader, ": '", name, "': line ", line, " holds a NUL byte: it is a binary file, or damaged");
  static constexpr char digits[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(text[good]);
  const char hex[] = {'0', 'x', digits[byte >> 4], digits[byte & 15], '\0'};
  fail<FileError>(reader, ": '", name, "': line ", line, " holds byte ", hex,
                  ", which is not UTF-8 but probably Latin-1 (Windows-1252): convert the file: ",
                  "iconv -f WINDOWS-1252 -t UTF-8 old.csv > new.csv, or save it as UTF-8");
}

}}  // namespace eigengrad::EIGENGRAD_ABI
