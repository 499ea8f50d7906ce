#include <eigengrad/data/dataset.hpp>

#include <set>

#include "files.hpp"

namespace eg = eigengrad;
using Labels = eg::Tensor<std::int64_t>;

static eg::Dataset<double, std::int64_t> counted(eg::Index samples, eg::Index classes) {
  eg::Tensor<double> inputs = eg::Tensor<double>::empty({samples, 2});
  Labels labels = Labels::empty({samples});
  for (eg::Index i = 0; i < samples; ++i) {
    inputs.at(i, 0) = static_cast<double>(i);
    inputs.at(i, 1) = static_cast<double>(-i);
    labels.at(i) = i % classes;
  }
  return {inputs, labels};
}

TEST(Dataset, RefusesDifferentFirstAxesNamingBothShapes) {
  const auto message = message_of<eg::ShapeError>(
      [] { eg::Dataset<float>(eg::Tensor<float>::zeros({4, 2}), eg::Tensor<float>::zeros({3, 1})); });
  expect_contains(message, "[4, 2]");
  expect_contains(message, "[3, 1]");
  expect_contains(message, "dataset.cpp:");
  EXPECT_THROW(eg::Dataset<float>(eg::Tensor<float>::full({}, 1), eg::Tensor<float>::full({}, 1)), eg::ShapeError);
}

TEST(Dataset, TypesAreDeduced) {
  const eg::Dataset data(eg::Tensor<float>::zeros({4, 2}), Labels::zeros({4}));
  static_assert(std::is_same_v<decltype(data), const eg::Dataset<float, std::int64_t>>);
  EXPECT_EQ(data.size(), 4);
  EXPECT_EQ((eg::Dataset<float>().size()), 0);
}

TEST(Dataset, TakeSharesTheStorage) {
  auto data = counted(10, 2);
  data.class_names = {"even", "odd"};
  const auto part = data.take(3, 7);
  EXPECT_EQ(part.size(), 4);
  EXPECT_EQ(part.inputs.data(), data.inputs.data() + 6);
  EXPECT_EQ(part.targets.data(), data.targets.data() + 3);
  EXPECT_EQ(part.class_names, data.class_names);
  EXPECT_EQ(data.take(10, 10).inputs.shape(), (eg::Shape{0, 2}));

  auto changed = data.take(0, 2);
  changed.inputs.at(0, 0) = 99;
  EXPECT_EQ(data.inputs(0, 0), 0) << "a value: writing to a part leaves the whole";
  expect_contains(message_of<eg::IndexError>([&] { data.take(3, 11); }), "[10, 2]");
  EXPECT_THROW(data.take(-1, 2), eg::IndexError);
  EXPECT_THROW(data.take(4, 3), eg::IndexError);
}

TEST(Dataset, SubsetKeepsTheOrderAsked) {
  const auto data = counted(10, 3);
  const std::vector<eg::Index> positions = {7, 0, 7};
  const auto part = data.subset(positions);
  EXPECT_EQ(part.inputs.shape(), (eg::Shape{3, 2}));
  EXPECT_EQ(part.inputs(0, 0), 7);
  EXPECT_EQ(part.inputs(1, 1), 0);
  EXPECT_EQ(part.targets(2), 1);
  EXPECT_EQ(data.subset({}).size(), 0);
  const std::vector<eg::Index> outside = {10}, negative = {-1};
  EXPECT_THROW(data.subset(outside), eg::IndexError);
  EXPECT_THROW(data.subset(negative), eg::IndexError);
}

TEST(Dataset, SplitPartitionsReproducibly) {
  const auto data = counted(150, 3);
  const auto [train, test] = data.split(0.2, 7);
  EXPECT_EQ(train.size(), 120);
  EXPECT_EQ(test.size(), 30);
  std::multiset<double> seen;
  for (const auto* part : {&train, &test})
    for (eg::Index i = 0; i < part->size(); ++i) {
      seen.insert(part->inputs(i, 0));
      EXPECT_EQ(part->targets(i), static_cast<std::int64_t>(part->inputs(i, 0)) % 3) << "inputs and targets together";
    }
  EXPECT_EQ(seen.size(), 150u);
  EXPECT_EQ(*seen.begin(), 0);
  EXPECT_EQ(*seen.rbegin(), 149);
  EXPECT_EQ(std::set<double>(seen.begin(), seen.end()).size(), 150u);

  const auto again = data.split(0.2, 7), other = data.split(0.2, 8);
  EXPECT_TRUE((again.second.inputs.array() == test.inputs.array()).all());
  EXPECT_FALSE((other.second.inputs.array() == test.inputs.array()).all());
}

TEST(Dataset, SplitRefusesWhatLeavesAPartEmpty) {
  const auto data = counted(3, 2);
  for (const double fraction : {0.0, 1.0, -0.1, 1.5, std::nan(""), 0.1, 0.95})
    EXPECT_THROW(data.split(fraction), eg::ValueError) << fraction;
  EXPECT_THROW((eg::Dataset<float>().split(0.5)), eg::ValueError);
}

TEST(Dataset, StratifiedSplitKeepsTheShares) {
  // Classes of 60, 30 and 10.
  Labels labels = Labels::empty({100});
  eg::Tensor<float> inputs = eg::Tensor<float>::empty({100, 1});
  for (eg::Index i = 0; i < 100; ++i) {
    labels.at(i) = i < 60 ? 2 : i < 90 ? 0 : 1;
    inputs.at(i, 0) = static_cast<float>(i);
  }
  const eg::Dataset data(inputs, labels);
  for (const std::uint64_t seed : {0u, 1u, 2u}) {
    const auto [train, test] = data.split_stratified(0.2, seed);
    ASSERT_EQ(test.size(), 20);
    std::vector<int> counts(3);
    for (const auto label : test.targets) ++counts[static_cast<std::size_t>(label)];
    EXPECT_EQ(counts, (std::vector<int>{6, 2, 12}));
    std::set<float> seen(train.inputs.begin(), train.inputs.end());
    seen.insert(test.inputs.begin(), test.inputs.end());
    EXPECT_EQ(seen.size(), 100u);
    EXPECT_FALSE(std::is_sorted(train.targets.begin(), train.targets.end())) << "shuffled, not class by class";
  }
  EXPECT_NE(*data.split_stratified(0.2, 0).second.inputs.begin(), *data.split_stratified(0.2, 1).second.inputs.begin());
  const eg::Dataset column(eg::Tensor<float>::zeros({4, 1}), Labels::zeros({4, 1}));
  EXPECT_THROW(column.split_stratified(0.5), eg::ShapeError);
}
