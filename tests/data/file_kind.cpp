#include <eigengrad/data/csv.hpp>

#include "files.hpp"

namespace eg = eigengrad;
using namespace std::string_literals;

// The error of a CSV text, whatever is said of its header.
static std::string error_of(const std::string& text, eg::CsvOptions options = {}) {
  return message_of<eg::FileError>([&] { eg::CsvTable(text, options, "some.csv"); });
}
static std::string utf16(const std::string& ascii, bool big, bool mark) {
  std::string text = !mark ? "" : big ? "\xfe\xff" : "\xff\xfe";
  for (const char c : ascii) text += big ? "\0"s + c : c + "\0"s;
  return text;
}

TEST(FileKind, CompressedFilesAndArchivesAreNamed) {
  const struct {
    std::string bytes, said;
  } cases[] = {
      {"\x1f\x8b\x08\0\0\0\0\0"s,
       "is gzip-compressed: read it by read_csv_gz (eigengrad/data/csv_gz.hpp), or gunzip it"},
      {"PK\x03\x04\x14\0\x06\0"s, "is a zip archive (as .xlsx, .ods and .npz are): unzip it, or save the sheet as CSV"},
      {"\xfd\x37zXZ\0\0\x04"s, "is xz-compressed: decompress it first, by unxz"},
      {"BZh91AY&SY\x8a"s, "is bzip2-compressed: decompress it first, by bunzip2"},
      {"\x28\xb5\x2f\xfd\x24"s, "is zstd-compressed"},
      {"\x04\x22\x4d\x18\x64"s, "is lz4-compressed"},
      {"7z\xbc\xaf\x27\x1c\0\x04"s, "is a 7z archive"},
      {"Rar!\x1a\x07\x01\0"s, "is a RAR archive"},
  };
  for (const auto& [bytes, said] : cases) expect_contains(error_of(bytes), "csv: 'some.csv' " + said);
}

TEST(FileKind, OtherFormatsAreNamed) {
  const struct {
    std::string bytes, said;
  } cases[] = {
      {"%PDF-1.7\n%\xe2\xe3\n"s, "is a PDF document"},
      {"PAR1\x15\x04\x15"s, "is a Parquet file"},
      {"ARROW1\0\0"s, "is an Arrow (Feather) file"},
      {"SQLite format 3\0\x10"s, "is an SQLite database: export a table: sqlite3 -csv -header"},
      {"\x93NUMPY\x01\0v\0{'descr'"s, "is a NumPy array (.npy): read it by load_npy"},
      {"\x89HDF\r\n\x1a\n\0"s, "is an HDF5 file"},
      {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0"s, "is an old Microsoft Office file (.xls)"},
      {"\x80\x04\x95\x1a\0"s, "is a pickle of Python"},
      {"RDX3\nX\n"s, "is R's .RData"},
      {"\x89PNG\r\n\x1a\n"s, "is a picture (PNG)"},
      {"\0\0\x08\x03\0\0"s, "is an IDX file (as MNIST's): read it by read_idx"},
      {"<!DOCTYPE html>\n<html>\n"s, "is an HTML page: download the file itself"},
      {"\n <HTML><body>404</body></html>"s, "is an HTML page"},
      {"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<a/>"s, "is XML"},
      {"<data>\n  <row a=\"1\"/>\n</data>\n"s, "is XML or HTML"},
      {"{\"a\": [1, 2]}\n"s, "is JSON: save it as CSV"},
      {"{\n  \"a\": 1\n}\n"s, "is JSON"},
      {"[{\"a\": 1}]"s, "is JSON"},
      {"[1, 2, 3]\n"s, "is JSON"},
      {"@RELATION iris\n@ATTRIBUTE a REAL\n"s, "is an ARFF file"},
      {"version https://git-lfs.github.com/spec/v1\noid"s, "is a pointer of Git LFS"},
  };
  for (const auto& [bytes, said] : cases) expect_contains(error_of(bytes), "csv: 'some.csv' " + said);
}

TEST(FileKind, EncodingsAreNamed) {
  for (const bool big : {false, true})
    for (const bool mark : {false, true}) {
      const std::string message = error_of(utf16("a,b\r\n1,2\r\n", big, mark));
      expect_contains(message, big ? "is text in UTF-16 (big-endian" : "is text in UTF-16 (little-endian");
      EXPECT_EQ(message.find("without a byte order mark") == std::string::npos, mark) << message;
      expect_contains(message, mark ? "iconv -f UTF-16 -t UTF-8" : big ? "iconv -f UTF-16BE" : "iconv -f UTF-16LE");
    }
  expect_contains(error_of("\xff\xfe\0\0a\0\0\0"s), "is text in UTF-32 (little-endian)");
  expect_contains(error_of("a,gr\xf6\xdf"
                           "e\n1,2\n"),
                  "csv: 'some.csv': line 1 holds byte 0xf6, which is not UTF-8 but probably Latin-1 (Windows-1252): "
                  "convert the file: iconv -f WINDOWS-1252 -t UTF-8");
  expect_contains(error_of("a,b\n1,2\n1,caf\xe9"), "line 3 holds byte 0xe9");
  expect_contains(error_of("a,b\n1,2\n1,\0"s), "line 3 holds a NUL byte: it is a binary file, or damaged");
  EXPECT_EQ(eg::CsvTable("gr\xc3\xb6\xc3\x9f"
                         "e,\xe6\xb8\xa9\xe5\xba\xa6,\xf0\x9f\x98\x80\n1,2,3\n",
                         {}, "t")
                .names()[0],
            "gr\xc3\xb6\xc3\x9f"
            "e");
}

TEST(FileKind, Utf8IsCheckedAsUnicodeSays) {
  EXPECT_EQ(eg::utf8_length("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), 10u);
  for (const std::string bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x80\x80", "\xed\xa0\x80",
                                "\xe2\x82", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xfe"})
    EXPECT_EQ(eg::utf8_length("ok" + bad), 2u) << bad;
  EXPECT_EQ(eg::utf8_length("ok\0"s), 2u);
}

TEST(FileKind, TablesThatLookAlmostLikeIt) {
  const auto columns = [](const std::string& text, char delimiter = ',') {
    return eg::CsvTable(text, {.header = eg::CsvHeader::yes, .delimiter = delimiter}, "t").columns();
  };
  EXPECT_EQ(columns("<DATE>,<OPEN>\n1,2\n"), 2);
  EXPECT_EQ(columns("<DATE>\t<OPEN>\n1\t2\n", '\t'), 2);
  EXPECT_EQ(columns("PAR1,PAR2\n1,2\n"), 2);
  EXPECT_EQ(columns("PK,b\n1,2\n"), 2);
  EXPECT_EQ(columns("BZh,b\n1,2\n"), 2);
  EXPECT_EQ(columns("[a],[b]\n1,2\n"), 2);
  EXPECT_EQ(eg::CsvTable("{\"made\": \"today\"}\na,b\n1,2\n", {.skip_rows = 1}, "t").rows(), 1);
}
