#include <eigengrad/data/datasets.hpp>
#include <eigengrad/data/labels.hpp>

#include "files.hpp"

namespace eg = eigengrad;
using Data = eg::Dataset<double, std::int64_t>;

static std::vector<std::int64_t> counts(const Data& data) {
  const auto result = eg::class_counts(data.targets, static_cast<eg::Index>(data.class_names.size()));
  return {result.begin(), result.end()};
}
static double column_mean(const Data& data, eg::Index column) { return data.inputs.matrix().col(column).mean(); }

// The values are scikit-learn's for the same data.
TEST(ShippedData, Iris) {
  const Data data = eg::load_iris<double>();
  EXPECT_EQ(data.inputs.shape(), (eg::Shape{150, 4}));
  EXPECT_NEAR(column_mean(data, 0), 5.843333, 1e-6);
  EXPECT_NEAR(column_mean(data, 1), 3.057333, 1e-6);
  EXPECT_NEAR(data.inputs.array().sum(), 2078.7, 1e-9);
  EXPECT_EQ(counts(data), (std::vector<std::int64_t>{50, 50, 50}));
  EXPECT_EQ(data.class_names[0], "setosa");
  EXPECT_EQ(data.input_names[0], "sepal_length");
  EXPECT_EQ(data.targets(0), 0);
  EXPECT_EQ(data.targets(149), 2);
}

TEST(ShippedData, Wine) {
  const Data data = eg::load_wine<double>();
  EXPECT_EQ(data.inputs.shape(), (eg::Shape{178, 13}));
  EXPECT_NEAR(column_mean(data, 0), 13.00061798, 1e-8);
  EXPECT_NEAR(data.inputs.array().sum(), 159975.295999, 1e-6);
  EXPECT_EQ(counts(data), (std::vector<std::int64_t>{59, 71, 48}));
}

TEST(ShippedData, Digits) {
  const Data data = eg::load_digits<double>();
  EXPECT_EQ(data.inputs.shape(), (eg::Shape{1797, 64}));
  EXPECT_EQ(data.inputs.array().sum() * 16, 561718);
  const auto [low, high] = std::minmax_element(data.inputs.begin(), data.inputs.end());
  EXPECT_EQ(*low, 0);
  EXPECT_EQ(*high, 1);
  EXPECT_EQ(counts(data), (std::vector<std::int64_t>{178, 182, 177, 183, 181, 182, 181, 179, 174, 180}));
  EXPECT_EQ(data.class_names[7], "7");
}

TEST(ShippedData, BreastCancer) {
  const Data data = eg::load_breast_cancer<double>();
  EXPECT_EQ(data.inputs.shape(), (eg::Shape{569, 30}));
  EXPECT_NEAR(column_mean(data, 0), 14.12729174, 1e-8);
  EXPECT_NEAR(data.inputs.array().sum(), 1056474.4596356, 1e-6);
  EXPECT_EQ(counts(data), (std::vector<std::int64_t>{212, 357}));
  EXPECT_EQ(data.class_names[0], "malignant");
}

// tests/packaging tries it in every way to get the library.
TEST(ShippedData, IsFoundBesideTheHeader) { EXPECT_EQ(eg::load_iris<float>(eg::data_beside_header()).size(), 150); }

TEST(ShippedData, TheDirectoryComesFromTheArgumentOrTheEnvironment) {
  const TemporaryFolder folder;
  const char* before = std::getenv("EIGENGRAD_DATA_DIR");
  const std::string kept = before == nullptr ? "" : before;
  folder.write("iris.csv", "sepal_length,sepal_width,petal_length,petal_width,species\n1,2,3,4,virginica\n");
  EXPECT_EQ(eg::load_iris<float>(folder.path()).targets.item(), 2);
  setenv("EIGENGRAD_DATA_DIR", folder.path().c_str(), 1);
  EXPECT_EQ(eg::load_iris<float>().size(), 1);
  const std::string message = message_of<eg::FileError>([] { eg::load_wine<float>(); });
  expect_contains(message, "'" + folder.path() + "/wine.csv'");
  expect_contains(message, "EIGENGRAD_DATA_DIR");
  unsetenv("EIGENGRAD_DATA_DIR");
#if !defined(EIGENGRAD_DATA_DIR)
  EXPECT_EQ(eg::data_directory(), eg::data_beside_header());
#endif
  if (before != nullptr) setenv("EIGENGRAD_DATA_DIR", kept.c_str(), 1);
}
