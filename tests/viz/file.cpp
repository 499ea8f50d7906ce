#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include <eigengrad/viz/figure.hpp>

#include "xml.hpp"

namespace fs = std::filesystem;
namespace viz = eigengrad::viz;

namespace {

class Save : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              ("eigengrad_save_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  static std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::size_t files() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), {})); }

  fs::path folder_;
};

TEST_F(Save, WritesThePictureAndLeavesNothingElse) {
  const viz::Figure figure(viz::Panel().line({0, 1}, {0, 1}));
  const fs::path path = folder_ / "picture.svg";
  figure.save(path.string());
  EXPECT_EQ(read(path), figure.svg());
  figure.save(path.string());  // over itself
  EXPECT_EQ(read(path), figure.svg());
  EXPECT_EQ(files(), 1u);
}

TEST_F(Save, KeepsTheOldFilesModeAndFollowsLinks) {
  const fs::path target = folder_ / "target.svg", link = folder_ / "link.svg", fresh = folder_ / "fresh.svg";
  viz::write_file(target.string(), "old");
  fs::permissions(target, fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("target.svg", link);
  fs::create_symlink("nowhere.svg", fresh);
  viz::write_file(link.string(), "new");
  viz::write_file(fresh.string(), "first");
  EXPECT_TRUE(fs::is_symlink(link) && fs::is_symlink(fresh));
  EXPECT_EQ(read(target), "new");
  EXPECT_EQ(read(folder_ / "nowhere.svg"), "first");
  EXPECT_EQ(fs::status(target).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(Save, AMissingFolderIsNamed) {
  const std::string path = (folder_ / "no" / "such.svg").string();
  const std::string message = message_of<eigengrad::FileError>([&] { viz::write_file(path, "text"); });
  EXPECT_EQ(message,
            "save: " + path + ": No such file or directory: choose a folder that exists, may be written and has room");
  EXPECT_THROW(viz::write_file("", "text"), eigengrad::FileError);
}

TEST_F(Save, APathWithANulIsRefused) {
  const std::string whole = (folder_ / "picture.svg").string();
  for (const std::string& path : {whole + '\0', whole + '\0' + ".png", '\0' + whole, std::string(1, '\0')}) {
    const std::string message = message_of<eigengrad::FileError>([&] { viz::write_file(path, "text"); });
    EXPECT_NE(message.find("a NUL byte follows at position " + std::to_string(path.find('\0'))), std::string::npos)
        << message;
    EXPECT_THROW(viz::Figure(viz::Panel()).save(path), eigengrad::FileError);
  }
  EXPECT_EQ(files(), 0u);
}

TEST_F(Save, AFolderIsNotOverwritten) {
  fs::create_directories(folder_ / "folder.svg" / "inside");
  EXPECT_THROW(viz::write_file((folder_ / "folder.svg").string(), "text"), eigengrad::FileError);
  EXPECT_TRUE(fs::exists(folder_ / "folder.svg" / "inside"));
  EXPECT_EQ(files(), 1u);
}

TEST_F(Save, ALinkInACircleIsRefused) {
  fs::create_symlink("b.svg", folder_ / "a.svg");
  fs::create_symlink("a.svg", folder_ / "b.svg");
  EXPECT_THROW(viz::write_file((folder_ / "a.svg").string(), "text"), eigengrad::FileError);
  EXPECT_EQ(files(), 2u);
}

// 60: a full disk.
TEST_F(Save, AFullDiskIsReported) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  const std::string message = message_of<eigengrad::FileError>([] { viz::Figure(viz::Panel()).save("/dev/full"); });
  EXPECT_NE(message.find("save: /dev/full: No space left on device"), std::string::npos) << message;
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

}  // namespace
