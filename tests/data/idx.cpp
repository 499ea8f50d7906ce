#include <eigengrad/data/idx.hpp>

#include "../support/sanitizers.hpp"
#include "files.hpp"

namespace eg = eigengrad;
using namespace std::string_literals;

template <class T>
static std::vector<T> values(const eg::Tensor<T>& tensor) {
  return {tensor.begin(), tensor.end()};
}
static std::string error_of(const std::string& bytes) {
  return message_of<eg::FileError>([&] { eg::parse_idx<float>(bytes, "bad.idx"); });
}

TEST(Idx, ReadsEveryElementTypeBigEndian) {
  EXPECT_EQ(values(eg::parse_idx<float>(idx_header(0x08, {3}) + "\x00\x7f\xff"s)), (std::vector<float>{0, 127, 255}));
  EXPECT_EQ(values(eg::parse_idx<float>(idx_header(0x09, {2}) + "\x01\xff"s)), (std::vector<float>{1, -1}));
  EXPECT_EQ(values(eg::parse_idx<double>(idx_header(0x0b, {2}) + "\x01\x02\xff\xfe"s)), (std::vector<double>{258, -2}));
  EXPECT_EQ(values(eg::parse_idx<std::int64_t>(idx_header(0x0c, {1, 2}) + "\x01\x00\x00\x02\xff\xff\xff\xff"s)),
            (std::vector<std::int64_t>{16777218, -1}));
  EXPECT_EQ(values(eg::parse_idx<float>(idx_header(0x0d, {1}) + "\xc0\x20\x00\x00"s)), (std::vector<float>{-2.5}));
  EXPECT_EQ(values(eg::parse_idx<double>(idx_header(0x0e, {1}) + "\x3f\xf8\x00\x00\x00\x00\x00\x00"s)),
            (std::vector<double>{1.5}));
}

TEST(Idx, ReadsAFileOfSeveralAxes) {
  const TemporaryFolder folder;
  std::string bytes = idx_header(0x08, {100, 28, 28});
  for (int i = 0; i < 100 * 28 * 28; ++i) bytes += static_cast<char>(i % 251);
  const auto images = eg::read_idx<float>(folder.write("images", bytes));
  EXPECT_EQ(images.shape(), (eg::Shape{100, 28, 28}));
  EXPECT_EQ(images(99, 27, 27), static_cast<float>((100 * 28 * 28 - 1) % 251));
  EXPECT_EQ(images(50, 3, 4), static_cast<float>((50 * 784 + 3 * 28 + 4) % 251));
}

TEST(Idx, ScalarsAndEmptyTensors) {
  EXPECT_EQ(eg::parse_idx<float>(idx_header(0x08, {}) + "\x07"s).item(), 7);
  EXPECT_EQ(eg::parse_idx<float>(idx_header(0x08, {0, 28, 28})).shape(), (eg::Shape{0, 28, 28}));
  EXPECT_EQ(eg::parse_idx<float>(idx_header(0x0e, {28, 0})).shape(), (eg::Shape{28, 0}));
}

// 58: magic numbers, sizes, counts.
TEST(Idx, RefusesABadMagicNumber) {
  expect_contains(error_of(""), "'bad.idx' ends inside its magic number, after 0 bytes");
  expect_contains(error_of("\0\0\x08"s), "after 3 bytes");
  expect_contains(error_of("\x89PNG\r\n"), "no IDX magic number");
  expect_contains(error_of("\0\0\x0a\x01\0\0\0\x01x"s), "no IDX magic number");
  expect_contains(error_of("\0\0\x0f\x01\0\0\0\x01x"s), "no IDX magic number");
  expect_contains(error_of("\0\x01\x08\x01\0\0\0\x01x"s), "no IDX magic number");
  expect_contains(error_of("\0\0\x08\xff"s), "255 axes");
  expect_contains(error_of("\x1f\x8b\x08\x00"s), "gzip-compressed: read it by read_idx_gz");
}

TEST(Idx, RefusesTruncatedFilesAndTrailingBytes) {
  const std::string whole = idx_header(0x0d, {2, 2}) + std::string(16, '\0');
  EXPECT_EQ(eg::parse_idx<float>(whole).size(), 4);
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_THROW(eg::parse_idx<float>(whole.substr(0, length)), eg::FileError) << length;
  expect_contains(error_of(whole.substr(0, 10)), "ends inside its header, at the size of axis 1");
  expect_contains(error_of(whole.substr(0, 20)), "truncated");
  expect_contains(error_of(whole + "x"), "goes on after its elements [2, 2]");
}

TEST(Idx, RefusesHugeCountsBeforeAllocating) {
  constexpr std::uint32_t most = 0xffffffff;
  constexpr std::uint32_t half = 1u << 31, root = 1u << 16;  // products of 2^64: 0 when they overflow
  const std::vector<std::vector<std::uint32_t>> hostile = {
      {most}, {most, most}, {most, most, most, most}, {half, half, 4}, {root, root, root, root}, {60000, 28, 28}};
  for (const auto& sizes : hostile) {
    std::string bytes = idx_header(0x0e, {});
    bytes[3] = static_cast<char>(sizes.size());
    for (const std::uint32_t size : sizes) bytes += idx_header(0, {size}).substr(4);
    expect_contains(error_of(bytes + "12345678"), "announces more elements than its");
  }
  expect_contains(error_of(idx_header(0x08, {most, 0, most, most})), "announces more elements");
}

TEST(Idx, OtherFilesAreNamed) {
  expect_contains(error_of("PK\x03\x04...."s), "no IDX magic number (0 0 type axes): it is a zip archive");
  expect_contains(error_of("<!DOCTYPE html>"), "it is HTML or XML");
  expect_contains(error_of("\x1f\x8b\x08\x00"s), "is gzip-compressed: read it by read_idx_gz");
}

TEST(Idx, WhatAPipeAnnouncesBeyondAllMemoryIsRefused) {
#if EIGENGRAD_ANY_SANITIZER
  GTEST_SKIP() << "a sanitizer's heap ends the program there";
#else
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const std::string bytes = idx_header(0x0e, {1u << 28, 1u << 26}) + "12345678";
  ASSERT_EQ(write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  close(ends[1]);
  const std::string path = "/dev/fd/" + std::to_string(ends[0]);
  if (eg::file_exists("/dev/fd/0"))
    expect_contains(message_of<eg::Error>([&] { eg::read_idx<double>(path); }), "out of memory");
  close(ends[0]);
#endif
}

TEST(Idx, AWholeNumberTypeMustHoldTheFilesValues) {
  const std::string wide = idx_header(0x0c, {1}) + "\x7f\xff\xff\xff"s;
  const std::string real = idx_header(0x0d, {1}) + "\x3f\x80\x00\x00"s;
  EXPECT_THROW(eg::parse_idx<std::uint8_t>(wide), eg::FileError);
  EXPECT_THROW(eg::parse_idx<std::int64_t>(real), eg::FileError);
  EXPECT_THROW(eg::parse_idx<std::uint8_t>(idx_header(0x09, {1}) + "x"), eg::FileError);
  EXPECT_EQ(eg::parse_idx<std::uint8_t>(idx_header(0x08, {1}) + "\xff").item(), 255);
  EXPECT_EQ(eg::parse_idx<std::int32_t>(wide).item(), 2147483647);
}

TEST(Idx, LoadsImagesWithTheirLabels) {
  const TemporaryFolder folder;
  const std::string pixels = "\x00\xff\x33\x00\x00\x00\x01\x02\x03\x04\x05\x06"s;
  const std::string images = folder.write("images", idx_header(0x08, {2, 2, 3}) + pixels);
  const std::string labels = folder.write("labels", idx_header(0x08, {2}) + "\x09\x00"s);
  const auto data = eg::load_idx_images_and_labels<double>(images, labels);
  EXPECT_EQ(data.inputs.shape(), (eg::Shape{2, 6}));
  EXPECT_EQ(data.inputs(0, 1), 1);
  EXPECT_EQ(data.inputs(0, 2), 0.2);
  EXPECT_EQ(values(data.targets), (std::vector<std::int64_t>{9, 0}));
}

TEST(Idx, RefusesImagesAndLabelsThatDoNotBelongTogether) {
  const TemporaryFolder folder;
  const std::string images = folder.write("images", idx_header(0x08, {2, 1, 1}) + "ab");
  const std::string three = folder.write("three", idx_header(0x08, {3}) + "\x01\x02\x03"s);
  const std::string reals = folder.write("reals", idx_header(0x0d, {2, 1, 1}) + std::string(8, '\0'));
  const auto load = [](const std::string& a, const std::string& b) {
    return message_of<eg::FileError>([&] { eg::load_idx_images_and_labels<float>(a, b); });
  };
  expect_contains(load(images, three), "has 2 images, but '" + three + "' has 3 labels");
  expect_contains(load(three, images), "not images");
  expect_contains(load(images, images), "not labels");
  expect_contains(load(reals, three), "not images");
  expect_contains(load(folder.path() + "/none", three), "none': No such file");
}

TEST(Idx, DamagedHeadersNeverCrash) {
  const std::string good = idx_header(0x08, {2, 3}) + "abcdef";
  for (std::size_t place = 0; place < good.size(); ++place)
    for (int damage = 0; damage < 256; ++damage) {
      std::string bytes = good;
      bytes[place] = static_cast<char>(damage);
      try {
        EXPECT_LE(eg::parse_idx<float>(bytes).size(), 6);
      } catch (const eg::FileError&) {
      }
    }
}
