#include <eigengrad/io/safetensors.hpp>

#include <random>

#include "../support/peak_memory.hpp"
#include "stored_files.hpp"

namespace eg = eigengrad;
using namespace std::string_literals;

namespace {

/// A file of that header, and that many bytes behind it.
std::string file_of(const std::string& header, std::size_t size = 4) {
  return little(header.size(), 8) + header + std::string(size, '\0');
}
class Hostile : public testing::Test {
 protected:
  std::string refusal(const std::string& bytes) const {
    const std::string path = folder_.write("a.safetensors", bytes);
    const std::string message = message_of<eg::FileError>([&] { eg::load_safetensors(path); });
    expect_contains(message, path);
    return message;
  }
  eg::NamedTensors load(const std::string& bytes) const {
    return eg::load_safetensors(folder_.write("a.safetensors", bytes));
  }
  const TemporaryFolder folder_;
};
const std::string good = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";

}  // namespace

// 51: lengths.
TEST_F(Hostile, TheHeadersLength) {
  EXPECT_EQ(load(file_of(good)).at<float>("a")(0), 0);
  for (std::size_t length = 0; length < 8; ++length)
    expect_contains(refusal(file_of(good).substr(0, length)), "where its header's length takes 8");
  expect_contains(refusal(little(0, 8)), "does not begin by {");
  expect_contains(refusal(little(std::uint64_t{1} << 63, 8) + "{}"),
                  "a header of 9223372036854775808 bytes, where 100000000");
  expect_contains(refusal(little(~std::uint64_t{0}, 8) + "{}"), "where 100000000 are the most");
  expect_contains(refusal(little(100'000'001, 8) + "{}"), "where 100000000 are the most");
  expect_contains(refusal(little(100'000'000, 8) + "{}"), "of which 2 are there");
  expect_contains(refusal(little(3, 8) + "{}"), "announces a header of 3 bytes, of which 2 are there");
  expect_contains(refusal(little(20, 8) + std::string(20, '\xfe')), "does not begin by {");
  expect_contains(refusal(little(20, 8) + "{" + std::string(19, '\xfe')),
                  "is not UTF-8, or holds a NUL, at its byte 1");
  expect_contains(refusal("PK\x03\x04\x14\0\x08\0 a model of torch.save"s), "write it by safetensors.torch.save_file");
  expect_contains(refusal(bytes_of_file(stored_file("bool.npy"))), "is a NumPy array (.npy): check the path");
  const std::string whole = file_of(good);
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_THROW(load(whole.substr(0, length)), eg::FileError) << length;
}

// 52: JSON.
TEST_F(Hostile, TheHeadersText) {
  const auto with_good = [](const std::string& part, const std::string& other) {
    return file_of(with(good, part, other));
  };
  expect_contains(refusal(file_of(" " + good)), "does not begin by {");
  expect_contains(refusal(file_of("[]")), "does not begin by {");
  expect_contains(refusal(file_of("\xef\xbb\xbf" + good)), "does not begin by {");
  expect_contains(refusal(with_good("\"a\"", "\"\xff\"")), "is not UTF-8");
  expect_contains(refusal(with_good("\"a\"", "\"\xed\xa0\x80\"")), "is not UTF-8");
  expect_contains(refusal(with_good("\"a\"", "\"\\udc00\"")), "is not UTF-8");
  expect_contains(refusal(with_good("\"a\"", "\"\\ud800\"")), "surrogate");
  expect_contains(refusal(with_good("\"a\"", std::string("\"\0\"", 3))), "holds a NUL, at its byte 2");
  expect_contains(refusal(with_good("\"a\"", "\"\n\"")), "at its byte");
  expect_contains(refusal(file_of(good + std::string(3, '\0'))), "holds a NUL");
  expect_contains(refusal(file_of(good + "x")), "must not be followed by other values");
  expect_contains(refusal(file_of(good + good)), "must not be followed by other values");
  expect_contains(refusal(with_good("[1]", "[1,]")), "at its byte");
  expect_contains(refusal(with_good("}}", "},}")), "at its byte");
  EXPECT_EQ(load(file_of(good + "     ")).size(), 1u);
  EXPECT_EQ(load(file_of(with(good, ":", " :\n"))).size(), 1u);
  for (std::size_t length = 1; length < good.size(); ++length) refusal(file_of(good.substr(0, length), 0));
  for (const char* deep : {"[", "{\"a\":"}) {
    std::string nested = "{\"a\":";
    for (int i = 0; i < 1'000'000; ++i) nested += deep;
    refusal(file_of(nested));
  }
  std::string comment = with(good, "}}", "}/* */}");
  refusal(file_of(comment));
  for (const char* other : {"null", "true", "NaN", "Infinity", "-Infinity", "1", "[]"})
    refusal(with_good(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})", other));
}

// 52: the same key twice.
TEST_F(Hostile, NothingIsSaidTwice) {
  const std::string entry = R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  expect_contains(refusal(file_of("{\"a\":" + entry + ",\"a\":" + entry + "}")), "has the name 'a' twice");
  expect_contains(refusal(file_of("{\"a\":" + entry + ",\"\\u0061\":" + entry + "}")), "has the name 'a' twice");
  expect_contains(refusal(file_of(with(good, "\"shape\"", "\"dtype\":\"F32\",\"shape\""))), "'a' has dtype twice");
  expect_contains(refusal(file_of(with(good, "\"dtype\"", "\"shape\":[1],\"dtype\""))), "'a' has shape twice");
  expect_contains(refusal(file_of(with(good, "\"dtype\"", "\"data_offsets\":[0,4],\"dtype\""))), "data_offsets twice");
  expect_contains(refusal(file_of("{\"__metadata__\":{},\"__metadata__\":{}}", 0)), "there is __metadata__ twice");
  expect_contains(refusal(file_of("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0)), "has the metadata 'k' twice");
}

// 52 and 55: __metadata__ holds texts.
TEST_F(Hostile, MetadataHoldsTexts) {
  for (const char* other : {"1", "[]", "{}", "null", "true", "1e999"})
    expect_contains(refusal(file_of("{\"__metadata__\":{\"k\":" + std::string(other) + "}}", 0)), "at its byte");
  for (const char* other : {"1", "[]", "\"text\"", "null"})
    expect_contains(refusal(file_of("{\"__metadata__\":" + std::string(other) + "}", 0)), "an object should be");
  expect_contains(refusal(file_of(R"({"__metadata__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})")),
                  "there is an array where a text should be");
  EXPECT_TRUE(load(file_of("{\"__metadata__\":{\"\":\"\"}}", 0)).empty());
}

// 53: numbers and fields.
TEST_F(Hostile, NumbersAreWholeAndFieldsAreThree) {
  for (const char* number : {"-1", "1.0", "1e0", "1E3", "-0"}) {
    for (const char* place : {"[1]", "[0,4]"}) {
      const std::string other = with(place, place[1] == '1' ? "1" : "0", number);
      expect_contains(refusal(file_of(with(good, place, other))), "where a whole number from 0 should be");
    }
  }
  expect_contains(refusal(file_of(with(good, "[1]", "[18446744073709551616]"))), "a number beyond 2^64");
  expect_contains(refusal(file_of(with(good, "[1]", "[18446744073709551615]"))), "more numbers than can be indexed");
  expect_contains(refusal(file_of(with(good, "[0,4]", "[0,99999999999999999999999]"))), "a number beyond 2^64");
  expect_contains(refusal(file_of(with(good, "[0,4]", "[0,18446744073709551615]"))), "goes beyond the file's end");
  for (const char* number : {"01", "1x", "+1", ".5", "1_0", "0x1", "\"1\"", "null", "[1]", "{}", "true"})
    refusal(file_of(with(good, "[1]", "[" + std::string(number) + "]")));
  expect_contains(refusal(file_of(with(good, "[0,4]", "[0]"))), "fewer than two data_offsets");
  expect_contains(refusal(file_of(with(good, "[0,4]", "[]"))), "fewer than two data_offsets");
  expect_contains(refusal(file_of(with(good, "[0,4]", "[0,4,4]"))), "more than two data_offsets");
  expect_contains(refusal(file_of(with(good, "[0,4]", "4"))), "there is a number where an array should be");
  expect_contains(refusal(file_of(with(good, "[0,4]", "\"0,4\""))), "there is a text where an array should be");
  expect_contains(refusal(file_of(with(good, "\"dtype\":\"F32\",", ""))), "the entry 'a' lacks dtype");
  expect_contains(refusal(file_of(with(good, "\"shape\":[1],", ""))), "the entry 'a' lacks shape");
  expect_contains(refusal(file_of(with(good, ",\"data_offsets\":[0,4]", ""))), "the entry 'a' lacks data_offsets");
  expect_contains(refusal(file_of(with(good, "\"dtype\"", "\"color\":1,\"dtype\""))), "has the unknown field 'color'");
  expect_contains(refusal(file_of(with(good, "\"F32\"", "\"f32\""))),
                  "is of the number type 'f32', which is none of F64");
  expect_contains(refusal(file_of(with(good, "\"F32\"", "\"F8_E4M3\""))), "number type 'F8_E4M3'");
  expect_contains(refusal(file_of(with(good, "\"F32\"", "\"\""))), "number type ''");
  expect_contains(refusal(file_of(with(good, "\"F32\"", "3"))), "there is a number where a text should be");
  expect_contains(refusal(file_of(R"({"u":{"dtype":"U64","shape":[],"data_offsets":[0,8]}})", 8)), "holds uint64");
}

// 54: places.
TEST_F(Hostile, TensorsFillTheFile) {
  const auto entry = [](const std::string& name, int begin, int end, const std::string& shape = "[1]") {
    return "\"" + name + R"(":{"dtype":"F32","shape":)" + shape + ",\"data_offsets\":[" + std::to_string(begin) + "," +
           std::to_string(end) + "]}";
  };
  const auto two = [&](const std::string& a, const std::string& b) { return "{" + a + "," + b + "}"; };
  std::string unsorted = file_of(two(entry("b", 4, 8), entry("a", 0, 4)), 8);
  unsorted[unsorted.size() - 1] = '\x40';
  const eg::NamedTensors read = load(unsorted);
  EXPECT_EQ(read.at<float>("b")(0), 2);
  EXPECT_EQ(read.begin()->name, "b") << "the header's order";
  expect_contains(refusal(file_of(two(entry("a", 0, 4), entry("b", 2, 6)), 6)), "ends at 4: they overlap");
  expect_contains(refusal(file_of(two(entry("a", 0, 4), entry("b", 0, 4)), 4)), "they overlap");
  expect_contains(refusal(file_of(two(entry("a", 0, 4), entry("b", 8, 12)), 12)), "there is a hole");
  expect_contains(refusal(file_of("{" + entry("a", 4, 8) + "}", 8)), "there is a hole");
  expect_contains(refusal(file_of("{" + entry("a", 4, 0) + "}")), "ends before it begins");
  expect_contains(refusal(file_of(good, 5)), "goes on for 1 bytes behind its last tensor");
  expect_contains(refusal(file_of("{}", 1)), "goes on for 1 bytes");
  expect_contains(refusal(file_of(good, 3)), "goes beyond the file's end");
  expect_contains(refusal(file_of("{" + entry("a", 0, 4, "[2]") + "}")), "has 4 bytes, where float32 [2] takes 8");
  expect_contains(refusal(file_of("{" + entry("a", 0, 4, "[0]") + "}")), "has 4 bytes, where float32 [0] takes 0");
  const char* const large = "4294967296";
  const std::string product = "[" + std::string(large) + "," + large + "," + large + "]";
  expect_contains(refusal(file_of("{" + entry("a", 0, 4, product) + "}")), "more numbers than can be indexed");
  expect_contains(refusal(file_of("{" + entry("a", 0, 0, "[0," + product.substr(1)) + "}", 0)), "can be indexed");
  expect_contains(refusal(file_of("{" + entry("a", 0, 4, "[1,1,1,1,1,1,1,1,1]") + "}")), "more than 8 axes");
  expect_contains(refusal(file_of("{" + entry("a", 0, 4, "[1152921504606846976]") + "}")), "can be indexed");
  // Empty tensors lie anywhere between others.
  EXPECT_EQ(load(file_of("{" + entry("a", 0, 4) + "," + entry("e", 4, 4, "[0,5]") + "," + entry("f", 0, 0, "[0]") +
                             "," + entry("b", 4, 8, "[]") + "}",
                         8))
                .size(),
            4u);
}

// 61: names from a file are names, and harmless in messages.
TEST_F(Hostile, NamesAreEscapedInMessages) {
  const std::string message = refusal(file_of(with(good, "\"a\"", R"("..\/..\/x\u001b[2J\u202e\n")"), 3));
  expect_contains(message, "the entry '../../x\\x1b[2J\\xe2\\x80\\xae\\x0a', bytes 0 to 4 of 3");
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_EQ(message.find('\n'), std::string::npos);
  const std::string long_name = refusal(file_of(with(good, "\"a\"", "\"" + std::string(1'000'000, 'n') + "\""), 3));
  EXPECT_LT(long_name.size(), 1000u);
}

TEST_F(Hostile, AnyChangedByteIsReadOrRefused) {
  const std::string whole = bytes_of_file(stored_file("types.safetensors"));
  std::mt19937 random(1);
  for (int i = 0; i < 500; ++i) {
    std::string damaged = whole;
    for (int k = 0; k < 1 + i % 3; ++k) damaged[random() % damaged.size()] = static_cast<char>(random());
    try {
      load(damaged);
    } catch (const eg::FileError&) {
    }
  }
}

TEST_F(Hostile, LiesTakeNoMemory) {
  const std::string path = folder_.write(
      "a.safetensors", file_of(R"({"a":{"dtype":"F64","shape":[100000000],"data_offsets":[0,800000000]}})"));
  const auto peak = [](const std::string& of) {
    return support::peak_megabytes([&] {
      try {
        eg::load_safetensors(of);
      } catch (const eg::FileError&) {
      }
    });
  };
  if (peak(path) < 0) GTEST_SKIP() << "a child's memory cannot be measured here";
  EXPECT_LT(peak(path), 16);
  std::string sizes = "1";
  for (int i = 0; i < 5'000'000; ++i) sizes += ",1";
  const std::string many = file_of(R"({"a":{"dtype":"F64","shape":[)" + sizes + R"(],"data_offsets":[0,8]}})", 8);
  EXPECT_LT(peak(folder_.write("b.safetensors", many)), 2 * 10 + 16);
}
