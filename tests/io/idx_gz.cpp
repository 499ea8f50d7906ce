#include <eigengrad/data/idx_gz.hpp>

#include "gzip_files.hpp"

namespace eg = eigengrad;

static std::string images_of(std::uint32_t count) {
  std::string bytes = idx_header(0x08, {count, 2, 2});
  for (std::uint32_t i = 0; i < 4 * count; ++i) bytes += static_cast<char>(i);
  return bytes;
}
static std::string labels_of(std::uint32_t count) { return idx_header(0x08, {count}) + std::string(count, '\1'); }

TEST(IdxGz, ReadsCompressedAndPlainFilesAlike) {
  const TemporaryFolder folder;
  for (const std::string& path : {folder.write("a.gz", gzipped(images_of(5))), folder.write("a", images_of(5))}) {
    const auto tensor = eg::read_idx_gz<float>(path);
    EXPECT_EQ(tensor.shape(), (eg::Shape{5, 2, 2}));
    EXPECT_EQ(tensor(4, 1, 1), 19);
  }
  const auto data = eg::load_idx_images_and_labels_gz<float>(folder.write("i.gz", gzipped(images_of(5))),
                                                             folder.write("l.gz", gzipped(labels_of(5))));
  EXPECT_EQ(data.inputs.shape(), (eg::Shape{5, 4}));
  EXPECT_EQ(data.targets(4), 1);
}

TEST(IdxGz, ThePlainReaderPointsHere) {
  const TemporaryFolder folder;
  const std::string path = folder.write("a.gz", gzipped(images_of(5)));
  expect_contains(message_of<eg::FileError>([&] { eg::read_idx<float>(path); }), "read_idx_gz");
}

TEST(IdxGz, RefusesTruncatedFilesEvenInTheLastByte) {
  const TemporaryFolder folder;
  const std::string whole = gzipped(images_of(50));
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_THROW(eg::read_idx_gz<float>(folder.write("cut.gz", whole.substr(0, length))), eg::FileError) << length;
}

TEST(IdxGz, RefusesHugeCountsBeforeAllocating) {
  const TemporaryFolder folder;
  const std::string path = folder.write("huge.gz", gzipped(idx_header(0x08, {0x7fffffff, 28, 28}) + "abc"));
  expect_contains(message_of<eg::FileError>([&] { eg::read_idx_gz<double>(path); }), "announces more elements");
}

TEST(IdxGz, ABombEndsWhereTheHeaderSays) {
  const TemporaryFolder folder;
  const std::string path = folder.write("bomb.gz", gzipped(images_of(2) + std::string(20 << 20, '\0')));
  const std::string message = message_of<eg::FileError>([&] { eg::read_idx_gz<double>(path); });
  expect_contains(message, "goes on after its elements [2, 2, 2]");
}

TEST(IdxGz, RefusesImagesAndLabelsThatDoNotBelongTogether) {
  const TemporaryFolder folder;
  const std::string images = folder.write("i.gz", gzipped(images_of(5)));
  const std::string labels = folder.write("l.gz", gzipped(labels_of(4)));
  const auto load = [&] { eg::load_idx_images_and_labels_gz<float>(images, labels); };
  expect_contains(message_of<eg::FileError>(load), "has 5 images, but '" + labels + "' has 4 labels");
}
