#include <eigengrad/data/csv.hpp>
#include <eigengrad/data/idx.hpp>

#include "../support/peak_memory.hpp"
#include "files.hpp"

namespace eg = eigengrad;

// What a reader of big files may take: beside the tensor that is asked for, at most twice the file.
namespace {

std::string repeated(const std::string& part, std::size_t size) {
  std::string text;
  while (text.size() < size) text += part;
  return text;
}

class ReaderMemory : public testing::Test {
 protected:
  static constexpr double megabytes = 10;
  void SetUp() override {
    if (support::peak_megabytes([] { std::string(20 << 20, 'x').swap(*new std::string); }) < 19)
      GTEST_SKIP() << "a child's memory cannot be measured here";
  }
  std::string file(const std::string& part) const {
    return folder_.write("big.csv", repeated(part, static_cast<std::size_t>(megabytes * 1e6)));
  }
  static eg::CsvTable read(const std::string& path) {
    return eg::read_csv(path, {.header = eg::CsvHeader::no, .empty_as_nan = true});
  }

  TemporaryFolder folder_;
};

TEST_F(ReaderMemory, TablesOfCommasDigitsAndLines) {
  for (const char* part : {",", ",,,,,,,,,\n", "7,", "7\n", "1,2,3,4,5\n", "7\n\n", "\"\",", "0.25,-17\n", "a,bb\n"}) {
    const std::string path = file(part);
    const double peak = support::peak_megabytes([&] { read(path); });
    EXPECT_GT(peak, megabytes / 2) << part;
    EXPECT_LT(peak, 2 * megabytes + 16) << part;
  }
}

TEST_F(ReaderMemory, TheHeaderIsDecidedWithoutMore) {
  for (const char* part : {",", "7,", "0.5\n"}) {
    const std::string path = file(part);
    EXPECT_LT(support::peak_megabytes([&] { eg::read_csv(path, {.empty_as_nan = true}); }), 2 * megabytes + 16) << part;
  }
  const std::string half = repeated("7,", static_cast<std::size_t>(megabytes / 2 * 1e6)) + "7\n";
  const std::string path = folder_.write("two.csv", half + half);
  EXPECT_LT(support::peak_megabytes([&] { eg::read_csv(path); }), 4 * megabytes + 16);
}

TEST_F(ReaderMemory, NumbersTakeTheirTensorBeside) {
  for (const char* part : {"1,2,3,4,5\n", "0.25,-17\n", "7\n"}) {
    const std::string path = file(part);
    const double peak = support::peak_megabytes([&] { read(path).numbers<float>(); });
    EXPECT_LT(peak, 4 * megabytes + 16) << part;
  }
  const std::string path = file("0.125,12.5,3.25\n");
  EXPECT_LT(support::peak_megabytes([&] { read(path).numbers<double>(); }), 4 * megabytes + 16);
}

TEST_F(ReaderMemory, LabelsTakeTheirTensorAndTheClasses) {
  const std::string path = file("red,1\nblue,2\n");
  EXPECT_LT(support::peak_megabytes([&] { read(path).labels("0"); }), 4 * megabytes + 16);
}

TEST_F(ReaderMemory, IdxTakesItsTensor) {
  const std::string path = folder_.write(
      "big.idx", idx_header(0x08, {10, 1000, 1000}) + std::string(static_cast<std::size_t>(megabytes * 1e6), '\7'));
  EXPECT_LT(support::peak_megabytes([&] { eg::read_idx<float>(path); }), 4 * megabytes + 16);
}

}  // namespace
