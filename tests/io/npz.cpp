#include <eigengrad/io/npz.hpp>

#include <eigengrad/core/create.hpp>
#include <eigengrad/core/print.hpp>

#include "../support/peak_memory.hpp"
#include "stored_files.hpp"

namespace eg = eigengrad;

namespace {

std::string refusal(const std::string& bytes, eg::LoadNpzOptions options = {}) {
  return message_of<eg::FileError>([&] { eg::parse_npz(bytes, "a.npz", options); });
}
eg::NamedTensors some_tensors() {
  eg::NamedTensors result;
  result.add("weight", eg::Tensor<float>{{0, 1, 2}, {3, 4, 5}});
  result.add("0.bias", eg::Tensor<double>{1.5, -2});
  result.add("count", eg::Tensor<std::int64_t>::full({}, 7));
  result.add("mask", eg::Tensor<bool>{true, false});
  return result;
}
std::string as_text(const eg::NamedTensors& tensors) {
  std::string result;
  for (const auto& [name, tensor] : tensors) {
    result += name + " " + eg::to_string(tensor.dtype()) + " " + eg::to_text(tensor.shape()) + " ";
    const eg::StoredNumbers numbers = eg::stored(tensor, "test");
    for (const char c : numbers.bytes) result += std::to_string(static_cast<int>(c)) + ",";
    result += "\n";
  }
  return result;
}

/// A zip archive of one entry, whose fields may lie.
struct Zip {
  std::string name = "x.npy", content = eg::npy_header(eg::NumberFormat::uint8, {3}) + "abc", extra = {};
  std::uint64_t crc = eg::crc_of(content), method = 0, in = content.size(), out = content.size(), flags = 0, begin = 0,
                count = 1, directory_begin = 0, directory_size = 0, disk = 0;
  std::string local_name = name, comment = {};

  std::string bytes() const {
    const std::string common = little(20, 2) + little(flags, 2) + little(method, 2) + little(0, 4) + little(crc, 4) +
                               little(in, 4) + little(out, 4);
    const std::string front =
        "PK\x03\x04" + common + little(local_name.size(), 2) + little(0, 2) + local_name + content;
    const std::string directory = "PK\x01\x02" + little(20, 2) + common + little(name.size(), 2) +
                                  little(extra.size(), 2) + little(0, 2) + little(disk, 2) + little(0, 6) +
                                  little(begin, 4) + name + extra;
    return front + directory + "PK\x05\x06" + little(0, 4) + little(count, 2) + little(count, 2) +
           little(directory_size != 0 ? directory_size : directory.size(), 4) +
           little(directory_begin != 0 ? directory_begin : front.size(), 4) + little(comment.size(), 2) + comment;
  }
};

}  // namespace

TEST(Npz, ReadsWhatNumPyWrote) {
  const eg::NamedTensors stored = eg::load_npz(stored_file("stored.npz"));
  EXPECT_EQ(as_text(stored), as_text(some_tensors()));
  eg::NamedTensors deflated = eg::load_npz(stored_file("deflated.npz"));
  EXPECT_EQ(deflated.at<float>("zeros").shape(), (eg::Shape{1000}));
  deflated.erase("zeros");
  EXPECT_EQ(as_text(deflated), as_text(some_tensors()));
  EXPECT_EQ(eg::to_text(eg::load_npz(stored_file("streamed.npz")).at<std::int32_t>("x")),
            eg::to_text(eg::Tensor<std::int32_t>{0, 1, 2}))
      << "sizes behind the numbers";
}

TEST(Npz, WritesWhatItReads) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/x.npz";
  eg::NamedTensors tensors = some_tensors();
  tensors.add("", eg::Tensor<std::uint8_t>{255});
  tensors.add("../../etc/passwd", eg::Tensor<float>::zeros({0, 3}));
  tensors.add("\xc3\xa4 and a\nline", eg::Tensor<std::int32_t>{-1});
  for (const bool compress : {false, true}) {
    eg::save_npz(path, tensors, {.compress = compress});
    EXPECT_EQ(as_text(eg::load_npz(path)), as_text(tensors));
  }
  const std::string bytes = bytes_of_file(path);
  eg::save_npz(path, tensors, {.compress = true});
  EXPECT_EQ(bytes_of_file(path), bytes) << "the same every time";
  eg::save_npz(path, {});
  EXPECT_TRUE(eg::load_npz(path).empty());
  EXPECT_EQ(files_in(folder), 1u);
}

// 61: names that look like paths are names.
TEST(Npz, NamesAreNoPaths) {
  Zip zip;
  zip.name = zip.local_name = "../../../tmp/eigengrad_was_here.npy";
  EXPECT_TRUE(eg::parse_npz(zip.bytes()).contains("../../../tmp/eigengrad_was_here"));
  EXPECT_FALSE(std::filesystem::exists("/tmp/eigengrad_was_here.npy"));
  zip.name = zip.local_name = "a\x1b[2J\n.txt";
  expect_contains(refusal(zip.bytes()), "holds 'a\\x1b[2J\\x0a.txt', which is no array");
}

TEST(Npz, DamagedArchivesAreRefused) {
  EXPECT_EQ(eg::parse_npz(Zip().bytes()).at<std::uint8_t>("x")(2), 'c');
  EXPECT_EQ(eg::parse_npz(Zip{.comment = "PK\x05\x06 a comment"}.bytes()).size(), 1u);
  expect_contains(refusal(Zip{.crc = 1}.bytes()), "has another check sum than it should: it is damaged");
  expect_contains(refusal(Zip{.method = 12}.bytes()), "compressed by method 12");
  expect_contains(refusal(Zip{.flags = 1}.bytes()), "has the encrypted entry 'x.npy'");
  expect_contains(refusal(Zip{.in = 1}.bytes()), "announces 131 bytes of the entry 'x.npy', which has 1");
  expect_contains(refusal(Zip{.out = 1}.bytes()), "announces 1 bytes of the entry 'x.npy', which has 131");
  expect_contains(refusal(Zip{.in = 0xfffffff0, .out = 0xfffffff0}.bytes()), "an entry that is not all there");
  expect_contains(refusal(Zip{.in = 0xffffffff, .out = 0xffffffff}.bytes()), "an entry that is not all there");
  expect_contains(refusal(Zip{.begin = 5}.bytes()), "points to no file");
  expect_contains(refusal(Zip{.begin = 0x7fffffff}.bytes()), "points to no file");
  expect_contains(refusal(Zip{.count = 2}.bytes()), "announces more entries than its directory can hold");
  expect_contains(refusal(Zip{.count = 0}.bytes()), "has a directory of another size than it says");
  expect_contains(refusal(Zip{.directory_begin = 1}.bytes()), "has no entry where its directory goes on");
  expect_contains(refusal(Zip{.directory_begin = 0xfffffff0}.bytes()), "has its directory outside the file");
  expect_contains(refusal(Zip{.directory_size = 0xfffffff0}.bytes()), "has its directory outside the file");
  expect_contains(refusal(Zip{.disk = 1}.bytes()), "one of several parts");
  expect_contains(refusal(Zip{.local_name = "y.npy"}.bytes()), "calls the entry 'x.npy' otherwise");
  expect_contains(refusal(Zip{.extra = little(1, 2) + little(100, 2)}.bytes()), "extra field that ends outside");
  expect_contains(refusal(Zip{.extra = little(1, 2) + little(4, 2) + "abcd", .out = 0xffffffff}.bytes()),
                  "has a zip64 field that is too short");
  expect_contains(refusal(Zip{.extra = little(1, 2) + little(8, 2) + little(1, 8), .out = 0xffffffff}.bytes()),
                  "announces 1 bytes");
  expect_contains(refusal(Zip{.content = "no array"}.bytes()), "npy: 'a.npz/x.npy' is no NumPy array");
  expect_contains(refusal("\x93NUMPY"), "read it by load_npy");
  expect_contains(refusal(""), "has no directory at its end");
}

TEST(Npz, EveryTruncationAndEveryChangedByteOfNumbersIsSeen) {
  const std::string whole = bytes_of_file(stored_file("deflated.npz"));
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_THROW(eg::parse_npz(whole.substr(0, length)), eg::FileError) << length;
  const std::string expected = as_text(eg::parse_npz(whole));
  std::size_t seen = 0;
  for (std::size_t place = 0; place < whole.size(); ++place) {
    std::string damaged = whole;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x41);
    try {  // a date, a name or a version says nothing about numbers
      const eg::NamedTensors read = eg::parse_npz(damaged);
      const auto weight = read.find("weight");
      if (weight == read.end()) continue;
      EXPECT_EQ(eg::to_text(weight->tensor.as<float>()), eg::to_text(some_tensors().at<float>("weight"))) << place;
    } catch (const eg::FileError&) {
      ++seen;
    }
  }
  EXPECT_GT(seen, whole.size() / 2);
}

TEST(Npz, EntriesThatShareBytesAreRefused) {
  const Zip zip;
  const std::string one = zip.bytes();
  const std::size_t directory = one.find("PK\x01\x02"), end = one.find("PK\x05\x06");
  std::string entry = one.substr(directory, end - directory), two = entry;
  const std::string front = one.substr(0, directory);
  const auto archive = [&](const std::string& other) {
    return front + entry + other + "PK\x05\x06" + little(0, 4) + little(2, 2) + little(2, 2) +
           little(entry.size() + other.size(), 4) + little(front.size(), 4) + little(0, 2);
  };
  expect_contains(refusal(archive(entry)), "has entries that share bytes");
}

TEST(Npz, BombsAreRefusedBeforeTheyAreInflated) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/bomb.npz";
  eg::NamedTensors zeros;
  for (const char* name : {"a", "b", "c"}) zeros.add(name, eg::Tensor<float>::zeros({5'000'000}));
  eg::save_npz(path, zeros, {.compress = true});
  EXPECT_LT(std::filesystem::file_size(path), 100'000u);
  const std::string message = message_of<eg::FileError>([&] { eg::load_npz(path, {.limit = 50'000'000}); });
  expect_contains(message, "inflates to more than the limit of 50000000 bytes: raise LoadNpzOptions::limit");
  EXPECT_EQ(eg::load_npz(path, {.limit = 70'000'000}).size(), 3u);
  const double peak = support::peak_megabytes([&] {
    try {
      eg::load_npz(path, {.limit = 50'000'000});
    } catch (const eg::FileError&) {
    }
  });
  EXPECT_LT(peak, 16);
  // One that says less than it inflates to, and one that says more than deflate can give.
  std::string bytes = bytes_of_file(path);
  const auto claim = [&](std::uint64_t size) {
    std::string lies = bytes;
    for (std::size_t at = lies.find("PK\x01\x02"); at != std::string::npos; at = lies.find("PK\x01\x02", at + 1))
      lies.replace(at + 24, 4, little(size, 4));
    return lies;
  };
  expect_contains(refusal(claim(1000)), "is damaged after 1000 inflated bytes");
  expect_contains(refusal(claim(0xfffffff0)), "announces 4294967280 bytes");
}

TEST(Npz, WhatCannotBeWrittenIsRefused) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/x.npz";
  eg::NamedTensors tensors;
  tensors.add(std::string(70000, 'x'), eg::Tensor<float>{1});
  expect_contains(message_of<eg::ValueError>([&] { eg::save_npz(path, tensors); }), "65535 bytes: shorten it");
  eg::NamedTensors nothing;
  nothing["a\x1b"];
  expect_contains(message_of<eg::ValueError>([&] { eg::save_npz(path, nothing); }),
                  "save_npz: 'a\\x1b': there is a tensor");
  EXPECT_EQ(files_in(folder), 0u);
}
