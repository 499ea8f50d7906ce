#include <eigengrad/io/atomic_file.hpp>

#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>

#include <eigengrad/io/escaped.hpp>
#include <eigengrad/io/npy.hpp>

#include "stored_files.hpp"

namespace eg = eigengrad;

TEST(AtomicFile, WhatIsNotCommittedLeavesTheOldFile) {
  const TemporaryFolder folder;
  const std::string path = folder.write("x", "old");
  {
    eg::AtomicFile file(path);
    file.write("new");
    EXPECT_EQ(bytes_of_file(path), "old");
    EXPECT_EQ(files_in(folder), 2u);
  }
  EXPECT_EQ(bytes_of_file(path), "old");
  EXPECT_EQ(files_in(folder), 1u);
  eg::AtomicFile file(path);
  file.write("ne");
  file.write("w");
  EXPECT_EQ(file.written(), 3u);
  file.commit();
  EXPECT_EQ(bytes_of_file(path), "new");
  EXPECT_EQ(files_in(folder), 1u);
}

TEST(AtomicFile, TwoWritersDoNotMix) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/x";
  eg::AtomicFile first(path), second(path);
  first.write("first");
  second.write("second");
  second.commit();
  EXPECT_EQ(bytes_of_file(path), "second");
  first.commit();
  EXPECT_EQ(bytes_of_file(path), "first");
  EXPECT_EQ(files_in(folder), 1u);
}

// 60: a kill between write and rename.
TEST(AtomicFile, WhatAKilledProgramLeftIsTakenAgain) {
  const TemporaryFolder folder;
  const std::string path = folder.write("x", "old");
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      eg::AtomicFile file(path);
      file.write(std::string(100'000, 'n'));
      raise(SIGKILL);
    }
    ASSERT_GT(child, 0);
    waitpid(child, nullptr, 0);
    EXPECT_EQ(bytes_of_file(path), "old");
  }
  EXPECT_EQ(files_in(folder), 2u) << "not one for each";
  eg::write_file(path, "new");
  EXPECT_EQ(bytes_of_file(path), "new");
  EXPECT_EQ(files_in(folder), 1u);
}

// 60: a full disk, a folder that may not be written.
TEST(AtomicFile, AFullDiskLeavesTheOldFile) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/x.npy";
  eg::save_npy(path, eg::Tensor<float>{1, 2, 3});
  const std::string before = bytes_of_file(path);
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100'000, 100'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    int status = 1;
    try {
      eg::save_npy(path, eg::Tensor<float>::ones({1'000'000}));
    } catch (const eg::FileError& error) {
      status = std::string(error.what()).find("save: " + path + ": File too large") == 0 ? 0 : 2;
    }
    _exit(status);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(bytes_of_file(path), before);
  EXPECT_EQ(files_in(folder), 1u);
  if (std::filesystem::exists("/dev/full"))
    expect_contains(message_of<eg::FileError>([] { eg::save_npy("/dev/full", eg::Tensor<float>{1}); }),
                    "save: /dev/full: No space left on device");
  expect_contains(message_of<eg::FileError>([] { eg::save_npy("/proc/self/x.npy", eg::Tensor<float>{1}); }),
                  "choose a folder that exists, may be written and has room");
  expect_contains(message_of<eg::FileError>([&] { eg::save_npy(folder.path() + "/no/x.npy", eg::Tensor<float>{1}); }),
                  "No such file or directory");
  EXPECT_EQ(files_in(folder), 1u);
}

TEST(AtomicFile, LinksStayLinksAndForeignFilesStayWhole) {
  const TemporaryFolder folder;
  const std::string target = folder.write("target", "old"), link = folder.path() + "/link";
  std::filesystem::create_symlink("target", link);
  eg::write_file(link, "new");
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(bytes_of_file(target), "new");
  // Where the file beside it would be there is a link to somebody's file.
  const std::string mine = folder.write("mine", "mine");
  std::filesystem::create_symlink("mine", target + ".unfinished0");
  std::filesystem::create_hard_link(mine, target + ".unfinished1");
  eg::write_file(target, "newer");
  EXPECT_EQ(bytes_of_file(target), "newer");
  EXPECT_EQ(bytes_of_file(mine), "mine");
}

TEST(Escaped, WhatATerminalObeysIsShownInstead) {
  EXPECT_EQ(eg::escaped("plain name"), "'plain name'");
  EXPECT_EQ(eg::escaped("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "'\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80'");
  EXPECT_EQ(eg::escaped(std::string("a\0\x1b[m\n\x7f", 7)), "'a\\x00\\x1b[m\\x0a\\x7f'");
  EXPECT_EQ(eg::escaped("it's \\"), "'it\\'s \\\\'");
  EXPECT_EQ(eg::escaped("\xff\xc3"), "'\\xff\\xc3'");
  EXPECT_EQ(eg::escaped("\xc2\x9b"), "'\\xc2\\x9b'") << "a control of Latin-1";
  EXPECT_EQ(eg::escaped("\xe2\x80\xae"), "'\\xe2\\x80\\xae'") << "writes from right to left";
  EXPECT_EQ(eg::escaped(std::string(100, 'x'), 3), "'xxx...'");
}
