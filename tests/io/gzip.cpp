#include <eigengrad/io/gzip.hpp>

#include "gzip_files.hpp"

namespace eg = eigengrad;

TEST(Gzip, ReadsCompressedAndPlainFiles) {
  const TemporaryFolder folder;
  std::string bytes;
  for (int i = 0; i < 200000; ++i) bytes += static_cast<char>(i % 1009 * i >> 3);
  EXPECT_EQ(eg::read_gzip(folder.write("a.gz", gzipped(bytes))), bytes);
  EXPECT_EQ(eg::read_gzip(folder.write("plain", bytes)), bytes);
  EXPECT_EQ(eg::read_gzip(folder.write("nothing.gz", gzipped(""))), "");
  EXPECT_EQ(eg::read_gzip(folder.write("empty", "")), "");
  EXPECT_EQ(eg::read_gzip(folder.write("two.gz", gzipped("one ") + gzipped("two"))), "one two");
}

TEST(Gzip, RefusesMissingFiles) {
  const TemporaryFolder folder;
  expect_contains(message_of<eg::FileError>([&] { eg::read_gzip(folder.path() + "/no.gz"); }), "no.gz': No such file");
  expect_contains(message_of<eg::FileError>([&] { eg::read_gzip(folder.path()); }), "Is a directory");
}

TEST(Gzip, RefusesEveryTruncation) {
  const TemporaryFolder folder;
  const std::string whole = gzipped("some bytes, some bytes, and some more of them: 0123456789");
  for (std::size_t length = 2; length < whole.size(); ++length) {
    const std::string path = folder.write("cut.gz", whole.substr(0, length));
    const std::string message = message_of<eg::FileError>([&] { eg::read_gzip(path); });
    expect_contains(message, "truncated");
    expect_contains(message, path);
  }
}

TEST(Gzip, RefusesDamagedBytes) {
  const TemporaryFolder folder;
  std::string bytes;
  for (int i = 0; i < 3000; ++i) bytes += static_cast<char>(i * 37 % 101);
  const std::string whole = gzipped(bytes);
  for (std::size_t place = 10; place < whole.size(); place += 3) {
    std::string damaged = whole;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x55);
    expect_contains(message_of<eg::FileError>([&] { eg::read_gzip(folder.write("bad.gz", damaged)); }), "bad.gz");
  }
}

TEST(Gzip, RefusesABomb) {
  const TemporaryFolder folder;
  const std::string path = folder.write("bomb.gz", gzipped(std::string(20 << 20, '\0')));
  EXPECT_LT(std::filesystem::file_size(path), 30000u);
  const std::string message = message_of<eg::FileError>([&] { eg::read_gzip(path, {.limit = 1 << 20}); });
  expect_contains(message, "more than the limit of 1048576 bytes");
  expect_contains(message, "GzipOptions::limit");
  EXPECT_EQ(eg::read_gzip(path, {.limit = 20 << 20}).size(), std::size_t{20} << 20);
}

TEST(Gzip, KnowsTheMostItCanGive) {
  const TemporaryFolder folder;
  EXPECT_EQ(eg::GzipSource(folder.write("plain", "1234")).most(), 4u);
  const std::string compressed = gzipped(std::string(5 << 20, 'x'));
  const std::uint64_t most = eg::GzipSource(folder.write("a.gz", compressed)).most();
  EXPECT_GE(most, std::uint64_t{5} << 20);
  EXPECT_LE(most, compressed.size() * 1032);
}
