#include <eigengrad/data/fashion_mnist.hpp>
#include <eigengrad/data/labels.hpp>

#include "gzip_files.hpp"

namespace eg = eigengrad;

TEST(FashionMnist, HasItsImagesAndLabels) {
  if (!eg::has_fashion_mnist()) GTEST_SKIP() << "the package dataset-fashion-mnist is not installed";
  const auto [train, test] = eg::load_fashion_mnist<float>();
  EXPECT_EQ(train.inputs.shape(), (eg::Shape{60000, 784}));
  EXPECT_EQ(test.inputs.shape(), (eg::Shape{10000, 784}));
  for (const std::int64_t count : eg::class_counts(train.targets, 10)) EXPECT_EQ(count, 6000);
  for (const std::int64_t count : eg::class_counts(test.targets, 10)) EXPECT_EQ(count, 1000);
  EXPECT_EQ(train.targets(0), 9);
  EXPECT_EQ(train.class_names[9], "Ankle boot");
  const auto [low, high] = std::minmax_element(train.inputs.begin(), train.inputs.end());
  EXPECT_EQ(*low, 0);
  EXPECT_EQ(*high, 1);
  EXPECT_NEAR(train.inputs.array().cast<double>().mean(), 0.2860406, 1e-6) << "as published with the data";
}

TEST(FashionMnist, SaysWhereItLookedAndWhatToInstall) {
  const TemporaryFolder folder;
  const std::string message = message_of<eg::FileError>([&] { eg::load_fashion_mnist<float>(folder.path()); });
  expect_contains(message, folder.path());
  expect_contains(message, "apt-get install dataset-fashion-mnist");
}

TEST(FashionMnist, ReadsUncompressedFilesToo) {
  const TemporaryFolder folder;
  for (const std::string part : {"train", "t10k"}) {
    folder.write(part + "-images-idx3-ubyte", idx_header(0x08, {1, 1, 2}) + "ab");
    folder.write(part + "-labels-idx1-ubyte.gz", gzipped(idx_header(0x08, {1}) + "\x03"));
  }
  ASSERT_TRUE(eg::has_fashion_mnist(folder.path()));
  EXPECT_EQ(eg::load_fashion_mnist<float>(folder.path()).second.targets.item(), 3);
}
