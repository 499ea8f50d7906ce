#include <eigengrad/data/csv_gz.hpp>

#include "../support/peak_memory.hpp"
#include "gzip_files.hpp"

namespace eg = eigengrad;

TEST(CsvGz, ReadsCompressedAndPlainTables) {
  const TemporaryFolder folder;
  const std::string text = "a;b\n1,5;2\n3;4\n";
  for (const std::string& path : {folder.write("t.csv.gz", gzipped(text)), folder.write("t.csv", text)}) {
    const auto numbers = eg::read_csv_gz(path, {.delimiter = ';', .decimal = ','}).numbers<double>();
    EXPECT_EQ(std::vector<double>(numbers.begin(), numbers.end()), (std::vector<double>{1.5, 2, 3, 4}));
  }
  const std::string path = folder.write("t.csv.gz", gzipped(text));
  expect_contains(message_of<eg::FileError>([&] { eg::read_csv(path); }), "read it by read_csv_gz");
  expect_contains(message_of<eg::FileError>([&] { eg::read_csv_gz(path, {}, {.limit = 5}); }), "limit of 5 bytes");
  expect_contains(message_of<eg::FileError>([&] { eg::read_csv_gz(path).numbers<double>(); }), path + "': line 2");
}

TEST(CsvGz, OtherCompressedFilesAreNamed) {
  const TemporaryFolder folder;
  const std::string zip = folder.write("t.zip", "PK\x03\x04xxxx");
  expect_contains(message_of<eg::FileError>([&] { eg::read_csv_gz(zip); }), "is a zip archive");
}

TEST(Gzip, TakesNoMoreMemoryThanItsLimit) {
  const TemporaryFolder folder;
  const std::string path = folder.write("big.gz", gzipped(std::string(40'000'000, 'x')));
  const auto peak = [&](std::uint64_t limit) {
    return support::peak_megabytes([&] {
      try {
        eg::read_gzip(path, {.limit = limit});
      } catch (const eg::FileError&) {  // beyond the limit
      }
    });
  };
  if (peak(40'000'000) < 0) GTEST_SKIP() << "a child's memory cannot be measured here";
  EXPECT_GT(peak(40'000'000), 38);
  EXPECT_LT(peak(40'000'000), 40 + 16);
  EXPECT_LT(peak(39'999'999), 16) << "a bomb is found before anything is kept";
}

TEST(Gzip, RefusesWhatCannotBeReadTwice) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const std::string bytes = gzipped("1,2\n");
  ASSERT_EQ(write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  close(ends[1]);
  const std::string path = "/dev/fd/" + std::to_string(ends[0]);
  if (eg::file_exists("/dev/fd/0")) {
    expect_contains(
        message_of<eg::FileError>([&] { eg::read_gzip(path); }),
        "gzip: '" + path + "' is a pipe or a device, whose beginning can be read only once: write it to a file");
  }
  close(ends[0]);
}
