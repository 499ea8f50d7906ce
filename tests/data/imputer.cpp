#include <eigengrad/data/csv.hpp>
#include <eigengrad/data/imputer.hpp>
#include <eigengrad/data/standardizer.hpp>

#include "files.hpp"

namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;
static const double nan_ = std::nan("");

static std::vector<double> values(const Tensor& tensor) { return {tensor.begin(), tensor.end()}; }

TEST(Imputer, FillsByTheMean) {
  const Tensor inputs = {{1, nan_}, {nan_, 5}, {3, 7}, {8, 0}};
  const eg::Imputer<double> fill(inputs);
  EXPECT_EQ(values(fill.values()), (std::vector<double>{4, 4}));
  EXPECT_EQ(values(fill(inputs)), (std::vector<double>{1, 4, 4, 5, 3, 7, 8, 0}));
  EXPECT_EQ(values(fill(Tensor{{nan_, nan_}})), (std::vector<double>{4, 4})) << "by what was fitted";
  EXPECT_TRUE(std::isnan(inputs(0, 1))) << "the inputs stay as they were";
}

TEST(Imputer, FillsByTheMedian) {
  const Tensor inputs = {{1, 9}, {nan_, 5}, {3, 7}, {800, nan_}, {2, 6}};
  const eg::Imputer<double> fill(inputs, eg::Impute::median);
  EXPECT_EQ(values(fill.values()), (std::vector<double>{2.5, 6.5}));
  EXPECT_EQ(values(eg::Imputer<double>(Tensor{{5}, {nan_}, {1}, {3}}, eg::Impute::median).values()),
            (std::vector<double>{3}));
}

TEST(Imputer, EqualNumbersHaveThatMean) {
  for (const float each : {0.1f, 1e30f, 16777217.0f, -3e-40f})
    for (const eg::Index count : {1, 3, 7, 1000})
      EXPECT_EQ(eg::Imputer<float>(eg::Tensor<float>::full({count, 1}, each)).values()(0), each);
}

TEST(Imputer, InfinitiesCount) {
  EXPECT_EQ(eg::Imputer<double>(Tensor{{INFINITY}, {1}, {nan_}}).values()(0), INFINITY);
  EXPECT_EQ(eg::Imputer<double>(Tensor{{1}, {-INFINITY}}).values()(0), -INFINITY);
  EXPECT_EQ(eg::Imputer<double>(Tensor{{INFINITY}, {1}, {0}}, eg::Impute::median).values()(0), 1);
  expect_contains(message_of<eg::ValueError>([] { eg::Imputer<double>(Tensor{{INFINITY}, {-INFINITY}}); }),
                  "column 0 of shape [2, 1] has infinite numbers of both signs");
}

TEST(Imputer, IsMadeAgainFromItsValues) {
  const auto again = eg::Imputer<double>::from_values({4, 5});
  EXPECT_EQ(values(again(Tensor{{nan_, 1}, {2, nan_}})), (std::vector<double>{4, 1, 2, 5}));
  expect_contains(message_of<eg::ValueError>([] { eg::Imputer<double>::from_values({4, nan_}); }), "column 1 is NaN");
  expect_contains(message_of<eg::ShapeError>([] { eg::Imputer<double>::from_values(Tensor::full({}, 1)); }),
                  "values are []");
}

TEST(Imputer, RefusesWhatDoesNotFit) {
  expect_contains(message_of<eg::ValueError>([] { eg::Imputer<double>(Tensor{{1, nan_}, {2, nan_}}); }),
                  "imputer: column 1 of shape [2, 2] has no numbers but NaN: leave it out");
  expect_contains(message_of<eg::ValueError>([] { eg::Imputer<double>(Tensor::zeros({0, 2})); }), "column 0");
  expect_contains(message_of<eg::ShapeError>([] { eg::Imputer<double>(Tensor{1, 2}); }), "fitted to shape [2]");
  const eg::Imputer<double> fill(Tensor{{1, 2}});
  expect_contains(message_of<eg::ShapeError>([&] { fill(Tensor{{1, 2, 3}}); }),
                  "imputer: inputs [1, 3] do not match the columns [2]");
}

TEST(Imputer, CompletesATableOfNumbersAndCategories) {
  const eg::CsvTable table("age,kind,size\n1,cat,5\nNA,dog,7\n3,?,NA\n", {}, "t");
  const auto read = table.numbers<double>({"age", "size"});
  const auto filled = eg::Imputer<double>(read)(read);
  EXPECT_EQ(values(filled), (std::vector<double>{1, 5, 2, 7, 3, 6}));
  EXPECT_TRUE(eg::Standardizer<double>(filled)(filled).array().isFinite().all());
  EXPECT_EQ(table.one_hot<double>("kind", {}, eg::CsvMissing::own_class).values.shape(), (eg::Shape{3, 3}));
}
