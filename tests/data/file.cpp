#include <eigengrad/io/file.hpp>

#include "files.hpp"

namespace eg = eigengrad;

TEST(ReadFile, GivesAllBytes) {
  const TemporaryFolder folder;
  std::string bytes(100000, 'x');
  bytes[0] = '\0';
  bytes[777] = '\r';
  EXPECT_EQ(eg::read_file(folder.write("some", bytes)), bytes);
  EXPECT_EQ(eg::read_file(folder.write("empty", "")), "");
  EXPECT_TRUE(eg::file_exists(folder.path() + "/some"));
  EXPECT_FALSE(eg::file_exists(folder.path() + "/other"));
}

TEST(ReadFile, NamesWhatCannotBeOpened) {
  const TemporaryFolder folder;
  const std::string missing = folder.path() + "/missing";
  expect_contains(message_of<eg::FileError>([&] { eg::read_file(missing); }), "'" + missing + "': No such file");
  expect_contains(message_of<eg::FileError>([&] { eg::read_file(folder.path()); }), "Is a directory");
  EXPECT_THROW(eg::read_file(""), eg::FileError);
}

TEST(ReadFile, APathWithANulIsRefused) {
  const TemporaryFolder folder;
  const std::string there = folder.write("some", "text");
  const std::string path = there + '\0' + ".csv";
  expect_contains(message_of<eg::FileError>([&] { eg::read_file(path); }),
                  "path '" + there + "': a NUL byte follows at position " + std::to_string(there.size()));
  EXPECT_THROW(eg::FileSource{path}, eg::FileError);
  EXPECT_TRUE(eg::file_exists(there));
  EXPECT_FALSE(eg::file_exists(path));
}

TEST(ReadFile, ADeviceWithoutEndDoesNotFillMemory) {
  if (!eg::file_exists("/dev/zero")) GTEST_SKIP() << "there is no /dev/zero";
  EXPECT_EQ(eg::read_file("/dev/zero"), "");
}

TEST(ReadFile, ReadsAPipe) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "1,2\n", 4), 4);
  close(ends[1]);
  const std::string path = "/dev/fd/" + std::to_string(ends[0]);
  if (eg::file_exists("/dev/fd/0")) {
    EXPECT_EQ(eg::read_file(path), "1,2\n");
  }
  close(ends[0]);
}
