#include <gtest/gtest.h>

#include "eigengrad/eigengrad.hpp"
#include "eigengrad/kernels/lookup/embedding.hpp"
#include "eigengrad/kernels/lookup/embedding_bag.hpp"
#include "normalization_cases.hpp"

namespace eg = eigengrad;
namespace lookup = eigengrad::lookup;

using eg::Index;
using norm_cases::at;

namespace {

std::vector<std::int64_t> indices(Index count, Index rows, std::uint32_t seed) {
  std::vector<std::int64_t> result(at(count));
  std::uint32_t state = seed;
  for (std::int64_t& index : result) {
    state = state * 1664525u + 1013904223u;
    index = (state >> 8) % static_cast<std::uint32_t>(rows);
  }
  return result;
}

template <class T>
void check_embedding(Index rows, Index size, Index count, Index padding) {
  const auto table = norm_cases::numbers<T>(rows * size, 1), dy = norm_cases::numbers<T>(count * size, 2);
  const auto ids = indices(count, rows, 3);
  std::vector<T> y(at(count * size + 20), T(77)), dtable(at(rows * size + 20), T(77)), expected(at(rows * size), T(0));
  std::vector<double> exact(expected.size(), 0);
  lookup::gather_rows(table.data(), ids.data(), count, size, y.data());
  lookup::scatter_rows(dy.data(), ids.data(), count, rows, size, padding, dtable.data());
  for (Index i = 0; i < count * size; ++i) {
    const Index place = ids[at(i / size)] * size + i % size;
    ASSERT_EQ(y[at(i)], table[at(place)]);
    if (ids[at(i / size)] == padding) continue;
    expected[at(place)] += dy[at(i)];  // in the order of the indices: the same bits
    exact[at(place)] += static_cast<double>(dy[at(i)]);
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (count <= 128)
      ASSERT_EQ(dtable[i], expected[i]) << i;
    else  // a row that is met more often goes on in totals
      ASSERT_NEAR(static_cast<double>(dtable[i]), exact[i], sizeof(T) == 4 ? 2e-5 : 1e-13) << i;
  }
  for (std::size_t i = 0; i < 20; ++i)
    ASSERT_TRUE(y[y.size() - 1 - i] == T(77) && dtable[dtable.size() - 1 - i] == T(77));
}

template <class T>
void check_bags(Index rows, Index size, Index count, const std::vector<std::int64_t>& offsets, Index padding) {
  const auto bags_count = static_cast<Index>(offsets.size());
  const auto table = norm_cases::numbers<T>(rows * size, 1), dy = norm_cases::numbers<T>(bags_count * size, 2),
             weights = norm_cases::numbers<T>(count, 4);
  const auto ids = indices(count, rows, 3);
  const lookup::Bags bags{ids.data(), offsets.data(), count, bags_count, padding};
  ASSERT_EQ(bags.first_wrong_offset(), -1);
  const double allowed = sizeof(T) == 4 ? 1e-5 : 1e-13;
  std::vector<T> y(dy.size()), dtable(table.size()), dweights(weights.size());
  for (const int mode : {0, 1, 2, 3}) {  // sum, mean, weighted sum, maximum
    std::vector<double> expected(y.size(), 0), gradient(table.size(), 0), weight_gradient(weights.size(), 0);
    std::vector<std::int64_t> winners(y.size()), expected_winners(y.size(), -1);
    for (Index b = 0; b < bags_count; ++b) {
      std::vector<Index> members;
      const Index end = b + 1 < bags_count ? offsets[at(b + 1)] : count;
      for (Index i = offsets[at(b)]; i < end; ++i)
        if (ids[at(i)] != padding) members.push_back(i);
      for (Index j = 0; j < size; ++j) {
        const std::size_t here = at(b * size + j);
        for (const Index i : members) {
          const std::size_t place = at(ids[at(i)] * size + j);
          const auto number = static_cast<double>(table[place]);
          const double share = mode == 1   ? 1 / static_cast<double>(members.size())
                               : mode == 2 ? static_cast<double>(weights[at(i)])
                                           : 1;
          if (mode < 3) {
            expected[here] += share * number;
            gradient[place] += share * static_cast<double>(dy[here]);
            weight_gradient[at(i)] += number * static_cast<double>(dy[here]);
          } else if (expected_winners[here] < 0 || number > expected[here]) {
            expected[here] = number;
            expected_winners[here] = ids[at(i)];
          }
        }
        if (mode == 3 && expected_winners[here] >= 0)
          gradient[at(expected_winners[here] * size + j)] += static_cast<double>(dy[here]);
      }
    }
    const T* const factors = mode == 2 ? weights.data() : nullptr;
    if (mode < 3) {
      lookup::sum_bags(table.data(), bags, factors, mode == 1, size, y.data());
      lookup::sum_bags_gradient(dy.data(), bags, factors, mode == 1, rows, size, dtable.data());
      lookup::bag_weights_gradient(table.data(), dy.data(), bags, size, dweights.data());
    } else {
      lookup::max_bags(table.data(), bags, size, y.data(), winners.data());
      lookup::max_bags_gradient(dy.data(), winners.data(), bags_count, rows, size, dtable.data());
      ASSERT_EQ(winners, expected_winners);
    }
    for (std::size_t i = 0; i < y.size(); ++i)
      ASSERT_NEAR(static_cast<double>(y[i]), expected[i], allowed) << "mode " << mode;
    for (std::size_t i = 0; i < dtable.size(); ++i)
      ASSERT_NEAR(static_cast<double>(dtable[i]), gradient[i], allowed) << "mode " << mode;
    for (std::size_t i = 0; mode == 2 && i < dweights.size(); ++i)
      ASSERT_NEAR(static_cast<double>(dweights[i]), weight_gradient[i], 10 * allowed);
  }
}

}  // namespace

TEST(Lookup, GathersAndScattersRows) {
  for (const Index rows : {1, 2, 9, 100})
    for (const Index size : {1, 3, 16, 50})
      for (const Index count : {0, 1, 7, 300})
        for (const Index padding : {-1, 0, 1}) {
          check_embedding<float>(rows, size, count, padding);
          check_embedding<double>(rows, size, count, padding);
          if (testing::Test::HasFatalFailure()) return;
        }
}
TEST(Lookup, FindsTheIndexThatIsOutOfRange) {
  const std::int64_t ids[] = {0, 3, 4, -1};
  EXPECT_EQ(lookup::first_out_of_range(ids, 4, 4), 2);
  EXPECT_EQ(lookup::first_out_of_range(ids, 4, 5), 3);
  EXPECT_EQ(lookup::first_out_of_range(ids, 2, 4), -1);
}
TEST(Lookup, Bags) {
  for (const Index size : {1, 5, 33})
    for (const Index padding : {-1, 2}) {
      check_bags<double>(6, size, 20, {0, 3, 3, 10, 20}, padding);  // two of them empty
      check_bags<float>(6, size, 20, {0, 1, 19}, padding);
      check_bags<float>(3, size, 0, {0, 0}, padding);
      check_bags<double>(3, size, 0, {}, padding);
      if (testing::Test::HasFatalFailure()) return;
    }
}
TEST(Lookup, WrongOffsets) {
  const std::int64_t ids[] = {0, 1, 2}, not_zero[] = {1, 2}, falling[] = {0, 2, 1}, beyond[] = {0, 4};
  EXPECT_EQ((lookup::Bags{ids, not_zero, 3, 2}.first_wrong_offset()), 0);
  EXPECT_EQ((lookup::Bags{ids, falling, 3, 3}.first_wrong_offset()), 2);
  EXPECT_EQ((lookup::Bags{ids, beyond, 3, 2}.first_wrong_offset()), 1);
}
// PyTorch 2.15's EmbeddingBag(mode="max") of [[nan, 1], [2, 1], [3, 0]], of bags 0 1 2, nothing, 1 0.
TEST(Lookup, MaximumOfNanAndTies) {
  const double table[] = {std::numeric_limits<double>::quiet_NaN(), 1, 2, 1, 3, 0};
  const std::int64_t ids[] = {0, 1, 2, 1, 0}, offsets[] = {0, 3, 3};
  double y[6];
  std::int64_t winners[6];
  lookup::max_bags(table, {ids, offsets, 5, 3}, 2, y, winners);
  EXPECT_TRUE(y[0] != y[0]);
  EXPECT_EQ(y[1], 1);
  EXPECT_EQ(winners[1], 0);  // the first of equals
  EXPECT_EQ(y[2], 0);
  EXPECT_EQ(winners[2], -1);
  EXPECT_TRUE(y[4] != y[4]);  // where PyTorch, to which no number is larger than NaN, gives 2
  EXPECT_EQ(winners[5], 1);
}
TEST(Lookup, DualNumbers) {
  using D = eg::Dual<double>;
  const D table[] = {D(1, 2), D(3, 4), D(5, 6), D(7, 8)};
  const std::int64_t ids[] = {1, 0, 1}, offsets[] = {0, 1};
  D y[6], back[4], means[4], largest[4];
  std::int64_t winners[4];
  lookup::gather_rows(table, ids, 3, 2, y);
  EXPECT_EQ(y[1].tangent, 8);
  lookup::scatter_rows(y, ids, 3, 2, 2, -1, back);
  EXPECT_EQ(back[2].tangent, 12);
  lookup::sum_bags(table, {ids, offsets, 3, 2}, nullptr, true, 2, means);
  EXPECT_EQ(means[2].tangent, 4);
  lookup::sum_bags_gradient(means, {ids, offsets, 3, 2}, nullptr, true, 2, 2, back);
  EXPECT_EQ(back[0].tangent, 2);
  lookup::max_bags(table, {ids, offsets, 3, 2}, 2, largest, winners);
  EXPECT_EQ(largest[3].tangent, 8);
}
// A word that is met a million times loses no digits, in whichever way it is met.
TEST(Lookup, RowsThatAreMetOften) {
  const Index count = 1'000'000, rows = 3, size = 5;
  std::vector<std::int64_t> ids(at(count), 1), offsets(1, 0), firsts(at(count));
  for (Index i = 0; i < count; ++i) firsts[at(i)] = i;
  const std::vector<float> dy(at(count * size), 0.1f), table(at(rows * size), 0.1f);
  std::vector<float> dtable(at(rows * size), 7.0f), y(at(size));
  const auto exact = static_cast<float>(static_cast<double>(0.1f) * static_cast<double>(count));
  const auto expect_row = [&](const char* way) {
    for (Index j = 0; j < rows * size; ++j)
      ASSERT_NEAR(dtable[at(j)], j / size == 1 ? exact : 0.0f, 0.01f) << way << " at " << j;  // an ulp is 0.0078
  };
  lookup::scatter_rows(dy.data(), ids.data(), count, rows, size, -1, dtable.data());
  expect_row("scatter_rows");
  const lookup::Bags one{ids.data(), offsets.data(), count, 1, -1}, each{ids.data(), firsts.data(), count, count, -1};
  lookup::sum_bags(table.data(), one, nullptr, false, size, y.data());
  for (const float sum : y) ASSERT_NEAR(sum, exact, 0.01f);
  lookup::sum_bags_gradient(dy.data(), one, nullptr, false, rows, size, dtable.data());
  expect_row("sum_bags_gradient of one bag");
  lookup::sum_bags_gradient(dy.data(), each, nullptr, false, rows, size, dtable.data());
  expect_row("sum_bags_gradient of many");
  const std::vector<std::int64_t> winners(at(count * size), 1);
  lookup::max_bags_gradient(dy.data(), winners.data(), count, rows, size, dtable.data());
  expect_row("max_bags_gradient");
}
