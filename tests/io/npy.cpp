#include <eigengrad/io/npy.hpp>

#include <cmath>

#include <eigengrad/eigengrad.hpp>

#include "../support/peak_memory.hpp"
#include "stored_files.hpp"

namespace eg = eigengrad;

template <class T>
static std::vector<T> numbers_of(const eg::Tensor<T>& tensor) {
  return {tensor.begin(), tensor.end()};
}
/// A .npy file of version 1 with that dictionary.
static std::string npy(const std::string& dictionary, const std::string& numbers = std::string(4, '\0')) {
  return "\x93NUMPY" + little(1, 2) + little(dictionary.size(), 2) + dictionary + numbers;
}
static std::string refusal(const std::string& bytes) {
  return message_of<eg::FileError>([&] { eg::parse_npy(bytes, "a.npy"); });
}

template <class T>
static void expect_whole_range(const std::string& name) {
  using limits = std::numeric_limits<T>;
  const auto tensor = eg::load_npy<T>(stored_file(name + ".npy"));
  EXPECT_EQ(numbers_of(tensor), (std::vector<T>{limits::min(), 0, 1, 100, limits::max()})) << name;
}

TEST(Npy, ReadsWhatNumPyWrote) {
  expect_whole_range<std::int8_t>("int8");
  expect_whole_range<std::int16_t>("int16");
  expect_whole_range<std::int32_t>("int32");
  expect_whole_range<std::int64_t>("int64");
  expect_whole_range<std::uint8_t>("uint8");
  expect_whole_range<std::uint16_t>("uint16");
  expect_whole_range<std::uint32_t>("uint32");
  expect_whole_range<std::uint64_t>("uint64");
  EXPECT_EQ(eg::to_text(eg::load_npy<bool>(stored_file("bool.npy"))), eg::to_text(eg::Tensor<bool>{{1, 0}, {0, 1}}));
  const auto floats = eg::load_npy<float>(stored_file("float32.npy"));
  EXPECT_EQ(floats.shape(), (eg::Shape{2, 3}));
  EXPECT_EQ(numbers_of(floats), (std::vector<float>{1.5f, -2, 3e38f, INFINITY, -0.0f, 1e-45f}));
  EXPECT_TRUE(std::signbit(floats(1, 1)));
  const auto doubles = eg::load_npy<double>(stored_file("float64.npy"));
  EXPECT_EQ(doubles.shape(), (eg::Shape{2, 3, 4}));
  EXPECT_EQ(doubles(1, 2, 3), 23 / 8.);
  EXPECT_EQ(eg::load_npy<double>(stored_file("scalar.npy")).shape(), eg::Shape());
  EXPECT_EQ(eg::load_npy<double>(stored_file("scalar.npy")).item(), 2.5);
  EXPECT_EQ(eg::load_npy<float>(stored_file("empty.npy")).shape(), (eg::Shape{0, 3}));
  for (const char* name : {"version2.npy", "version3.npy"})
    EXPECT_EQ(numbers_of(eg::load_npy<std::int64_t>(stored_file(name))), (std::vector<std::int64_t>{0, 1, 2, 3}));
}

// 57: fortran_order, the other byte order.
TEST(Npy, TurnsAxesAndBytesRound) {
  const auto tensor = eg::load_npy<std::int32_t>(stored_file("columns_first.npy"));
  ASSERT_EQ(tensor.shape(), (eg::Shape{2, 3, 4}));
  for (std::int32_t i = 0; i < 24; ++i) EXPECT_EQ(tensor.data()[i], i);
  EXPECT_EQ(numbers_of(eg::load_npy<double>(stored_file("big_endian.npy"))), (std::vector<double>{0, 1, 2, 3, 4, 5}));
  const auto both = eg::load_npy<float>(stored_file("big_endian_columns_first.npy"));
  EXPECT_EQ(both.shape(), (eg::Shape{2, 3}));
  EXPECT_EQ(numbers_of(both), (std::vector<float>{0, 1, 2, 3, 4, 5}));
}

TEST(Npy, ReadsFloatsOf16Bits) {
  const auto halves = eg::load_npy<float>(stored_file("float16.npy"));
  const std::vector<float> expected{0, -0.0f, 1.5f, 65504, 0x1p-24f, 6.1e-5f, INFINITY, -INFINITY, NAN, -2};
  ASSERT_EQ(halves.size(), 10);
  for (eg::Index i = 0; i < 10; ++i) {
    const float e = expected[static_cast<std::size_t>(i)];
    EXPECT_EQ(std::signbit(halves(i)), std::signbit(e)) << i;
    EXPECT_TRUE(std::isnan(e)   ? std::isnan(halves(i))
                : std::isinf(e) ? halves(i) == e
                                : std::abs(halves(i) - e) < 1e-7f)
        << i << ": " << halves(i);
  }
  EXPECT_EQ(eg::load_npy<double>(stored_file("float16.npy"))(3), 65504);
}

TEST(Npy, WritesTheBytesThatNumPyWrites) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/own.npy";
  const auto expect_same = [&]<class T>(const std::string& name, T) {
    eg::save_npy(path, eg::load_npy<T>(stored_file(name)));
    EXPECT_EQ(bytes_of_file(path), bytes_of_file(stored_file(name))) << name;
  };
  expect_same("int8.npy", std::int8_t());
  expect_same("int16.npy", std::int16_t());
  expect_same("int32.npy", std::int32_t());
  expect_same("int64.npy", std::int64_t());
  expect_same("uint8.npy", std::uint8_t());
  expect_same("uint16.npy", std::uint16_t());
  expect_same("uint32.npy", std::uint32_t());
  expect_same("uint64.npy", std::uint64_t());
  expect_same("bool.npy", bool());
  expect_same("float32.npy", float());
  expect_same("float64.npy", double());
  expect_same("scalar.npy", double());
  expect_same("empty.npy", float());
  EXPECT_EQ(files_in(folder), 1u);
}

TEST(Npy, EveryLengthOfShapeRoundTrips) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/x.npy";
  for (const eg::Shape& shape : {eg::Shape{}, eg::Shape{0}, eg::Shape{1}, eg::Shape{7, 1, 3}, eg::Shape{1, 1, 1, 1, 2},
                                 eg::Shape{1, 2, 1, 2, 1, 2, 1, 2}, eg::Shape{3, 0, 1000000000}}) {
    const eg::Tensor<double> x = eg::Tensor<double>::rand(shape);
    eg::save_npy(path, x);
    const auto read = eg::load_npy<double>(path);
    EXPECT_EQ(read.shape(), shape);
    EXPECT_EQ(numbers_of(read), numbers_of(x));
    const std::string bytes = bytes_of_file(path);
    EXPECT_EQ((bytes.size() - static_cast<std::size_t>(x.size()) * 8) % 64, 0u);
  }
}

TEST(Npy, FindsTheTypeAndTakesParametersAndFormulas) {
  const TemporaryFolder folder;
  const eg::AnyTensor found = eg::load_npy(stored_file("float16.npy"));
  EXPECT_EQ(found.dtype(), eg::DType::float32);
  EXPECT_EQ(eg::load_npy(stored_file("uint32.npy")).dtype(), eg::DType::int64);
  EXPECT_EQ(eg::load_npy(stored_file("int8.npy")).dtype(), eg::DType::int32);
  EXPECT_EQ(eg::load_npy(stored_file("bool.npy")).dtype(), eg::DType::boolean);
  expect_contains(message_of<eg::FileError>([] { eg::load_npy(stored_file("uint64.npy")); }), "store it as int64");
  const eg::Parameter<float> w(eg::Tensor<float>{1, 2});
  eg::save_npy(folder.path() + "/w.npy", w);
  eg::save_npy(folder.path() + "/twice.npy", w * 2.f);
  eg::save_npy(folder.path() + "/any.npy", eg::AnyTensor(w.value()));
  EXPECT_EQ(numbers_of(eg::load_npy<float>(folder.path() + "/w.npy")), (std::vector<float>{1, 2}));
  EXPECT_EQ(numbers_of(eg::load_npy<float>(folder.path() + "/twice.npy")), (std::vector<float>{2, 4}));
  EXPECT_EQ(bytes_of_file(folder.path() + "/any.npy"), bytes_of_file(folder.path() + "/w.npy"));
  expect_contains(message_of<eg::ValueError>([&] { eg::save_npy(folder.path() + "/n.npy", eg::AnyTensor()); }),
                  "holds nothing");
}

TEST(Npy, NarrowerTypesAreRefusedWithBothNamed) {
  const auto message = [](auto type, const char* name) {
    return message_of<eg::FileError>([&] { eg::load_npy<decltype(type)>(stored_file(name)); });
  };
  EXPECT_TRUE(support::mentions(message(float(), "float64.npy"),
                                {"float64.npy' holds float64, which float32 cannot hold whole",
                                 "load it as load_npy<double>(path), and cast<T>(tensor) that"}));
  EXPECT_TRUE(support::mentions(message(std::int32_t(), "float32.npy"), {"float32", "int32", "load_npy<float>"}));
  EXPECT_TRUE(support::mentions(message(std::int64_t(), "uint64.npy"), {"uint64", "load_npy<std::uint64_t>"}));
  EXPECT_TRUE(support::mentions(message(float(), "int32.npy"), {"int32", "float32", "load_npy<std::int32_t>"}));
  EXPECT_TRUE(support::mentions(message(bool(), "uint8.npy"), {"uint8", "bool"}));
  EXPECT_TRUE(support::mentions(message(std::uint8_t(), "int8.npy"), {"int8", "uint8"}));
  EXPECT_EQ(numbers_of(eg::load_npy<double>(stored_file("int32.npy"))).back(), 2147483647.);
  EXPECT_EQ(numbers_of(eg::load_npy<float>(stored_file("bool.npy"))), (std::vector<float>{1, 0, 0, 1}));
}

// 57: types that are no numbers.
TEST(Npy, WhatNoTensorHoldsIsRefusedInASentence) {
  const auto message = [](const char* name) {
    return message_of<eg::FileError>([&] { eg::load_npy<double>(stored_file(name)); });
  };
  EXPECT_TRUE(support::mentions(message("objects.npy"), {"objects.npy' holds Python objects, which can run any program",
                                                         "array.astype('float64')"}));
  expect_contains(message("records.npy"), "records of named fields (a structured array): save each field");
  expect_contains(message("complex.npy"), "complex numbers: save array.real and array.imag");
  expect_contains(message("texts.npy"), "holds texts");
  expect_contains(message("dates.npy"), "holds dates or times: save array.astype('int64')");
  expect_contains(message("long_double.npy"), "floats of more than 8 bytes");
}

// 57: magic, version, header beyond the end, sizes, injected code.
TEST(Npy, EveryFaultOfAHeaderIsNamed) {
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
  const struct {
    const char *part, *other, *message;
  } cases[] = {
      {"(1,)", "(1099511627776, 1099511627776)", "more numbers than can be indexed"},
      {"(1,)", "(0, 1099511627776, 1099511627776)", "more numbers than can be indexed"},
      {"(1,)", "(99999999999999999999,)", "a size that cannot be indexed"},
      {"(1,)", "(4611686018427387904,)", "more numbers than can be indexed"},
      {"(1,)", "(1000000000000,)", "announces float32 [1000000000000], 4000000000000 bytes, of which 4 are there"},
      {"(1,)", "(-1,)", "has a negative size"},
      {"(1,)", "(1)", "which is no tuple"},
      {"(1,)", "(01,)", "begins by 0"},
      {"(1,)", "(1.0,)", "has no comma between two sizes"},
      {"(1,)", "(1 1)", "has no comma between two sizes"},
      {"(1,)", "(,)", "something else than a size"},
      {"(1,)", "(1,1,1,1,1,1,1,1,1)", "more than 8 axes"},
      {"(1,)", "[1]", "has no ( where the shape begins"},
      {"(1,)", "__import__('os').system('touch /tmp/eigengrad_was_here')", "has no ( where the shape begins"},
      {"'<f4'", "__import__('os')", "has no text in quotes"},
      {"False", "not True", "is neither True nor False"},
      {"False", "0", "is neither True nor False"},
      {"'<f4'", "'<f3'", "floats of more than 8 bytes"},
      {"'<f4'", "'<q'", "unknown number type '<q'"},
      {"'<f4'", "''", "unknown number type ''"},
      {"'<f4'", "'<\\x66", "has an escaped text"},
      {"'<f4'", "'<\x1b[31m4'", "unknown number type '<\\x1b[31m4'"},
      {"'<f4'", "('<f4', (2,))", "records of named fields"},
      {"'fortran_order': False", "'descr': '<f4'", "has the key 'descr' twice"},
      {"'descr'", "'Descr'", "has the key 'Descr', which an array does not have"},
      {"'descr': '<f4', ", "", "lacks the key descr"},
      {"'fortran_order': False, ", "", "lacks the key fortran_order"},
      {", 'shape': (1,)", "", "lacks the key shape"},
      {"{", "", "has no { where a dictionary begins"},
      {"}", "", "has no text in quotes"},
      {"}", "} + {}", "goes on behind its dictionary"},
      {"'descr':", "'descr'", "has no : after a key"},
      {"False,", "False", "has no } where the dictionary ends"},
  };
  for (const auto& each : cases) {
    const std::string message = refusal(npy(with(good, each.part, each.other)));
    expect_contains(message, each.message);
    expect_contains(message, "npy: 'a.npy'");
  }
  expect_contains(refusal(npy(with(good, "(1,)", "(-1,)"))), "at byte 61,");
  EXPECT_FALSE(std::filesystem::exists("/tmp/eigengrad_was_here"));
}

TEST(Npy, DamagedFilesAreRefused) {
  const std::string whole = bytes_of_file(stored_file("float32.npy"));
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_THROW(eg::parse_npy(whole.substr(0, length)), eg::FileError) << length;
  expect_contains(refusal(whole.substr(0, whole.size() - 1)), "24 bytes, of which 23 are there: it is truncated");
  expect_contains(refusal(whole + "x"), "goes on for 1 bytes behind its numbers [2, 3]");
  expect_contains(refusal(with(whole, "\x93NUMPY", "\x92NUMPY")), "is no NumPy array: check the path");
  expect_contains(refusal(""), "is no NumPy array");
  expect_contains(refusal("PK\x03\x04xxxx"), "read it by load_npz");
  std::string other = whole;
  other[6] = 9;
  expect_contains(refusal(other), "is of version 9.0 of the format, of which 1.0, 2.0 and 3.0 are known");
  other = whole;
  other[9] = '\x7f';
  expect_contains(refusal(other), "announces a header of 32630 bytes");
  other = "\x93NUMPY" + little(2, 2) + "\xff\xff\xff\xff{}";
  expect_contains(refusal(other), "announces a header of 4294967295 bytes, of which 2 are there");
}

TEST(Npy, MissingFilesAndFoldersAreNamed) {
  const TemporaryFolder folder;
  const std::string missing = folder.path() + "/no.npy";
  EXPECT_EQ(message_of<eg::FileError>([&] { eg::load_npy<float>(missing); }),
            "cannot open '" + missing + "': No such file or directory");
  expect_contains(message_of<eg::FileError>([&] { eg::load_npy<float>(folder.path()); }), "Is a directory");
  EXPECT_THROW(eg::load_npy<float>(missing + '\0'), eg::FileError);
  expect_contains(message_of<eg::FileError>([&] { eg::load_npy<float>(folder.write("e.npy", "")); }),
                  "is no NumPy array");
}

TEST(Npy, ReadsAPipe) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const std::string bytes = bytes_of_file(stored_file("float64.npy"));
  ASSERT_EQ(write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  close(ends[1]);
  const std::string path = "/dev/fd/" + std::to_string(ends[0]);
  if (eg::file_exists("/dev/fd/0")) {
    EXPECT_EQ(eg::load_npy<double>(path)(1, 2, 3), 23 / 8.);
  }
  close(ends[0]);
}

TEST(Npy, AFileThatShrinksWhileItIsReadIsRefused) {
  const TemporaryFolder folder;
  const std::string path = folder.write("x", bytes_of_file(stored_file("float64.npy")));
  const eg::MappedFile file(path);
  std::filesystem::resize_file(path, 200);
  char numbers[192];
  expect_contains(message_of<eg::FileError>([&] { file.copy(file.bytes().substr(128), numbers); }),
                  "was cut short while it was read");
}

TEST(Npy, TakesNoMoreMemoryThanTheFile) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/large.npy";
  eg::save_npy(path, eg::Tensor<float>::ones({10'000'000}), eg::Durable::no);
  const double peak = support::peak_megabytes([&] { eg::load_npy<float>(path); });
  if (peak < 0) GTEST_SKIP() << "a child's memory cannot be measured here";
  EXPECT_LT(peak, 2 * 40 + 16);
  // One that says it is large takes nothing.
  const std::string liar =
      folder.write("liar.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (250000000,)}"));
  EXPECT_LT(support::peak_megabytes([&] {
              try {
                eg::load_npy<float>(liar);
              } catch (const eg::FileError&) {  // truncated
              }
            }),
            16);
}
