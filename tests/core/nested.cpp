#include "eigengrad/core/nested.hpp"

#include <gtest/gtest.h>

#include "eigengrad/core/tensor.hpp"
#include "support/message.hpp"

namespace eg = eigengrad;
using Tensor = eg::Tensor<double>;

TEST(Nested, BracesAreValues) {
  const Tensor vector = {2, 3}, row{{2, 3}}, column{{2}, {3}}, cube = {{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}};
  EXPECT_EQ(vector.shape(), eg::Shape{2});
  EXPECT_EQ(vector(1), 3);
  EXPECT_EQ(row.shape(), (eg::Shape{1, 2}));
  EXPECT_EQ(column.shape(), (eg::Shape{2, 1}));
  EXPECT_EQ(cube.shape(), (eg::Shape{2, 2, 2}));
  EXPECT_EQ(cube(1, 0, 1), 6);
  EXPECT_EQ(Tensor{5}.shape(), eg::Shape{1});
}

TEST(Nested, TakesNumbersOfOtherTypes) {
  const eg::Tensor<float> t = {{1, 2.5}, {3u, 4.5f}};
  EXPECT_EQ(t(0, 1), 2.5f);
  EXPECT_EQ(t(1, 0), 3.f);
}

TEST(Nested, EmptyBraces) {
  const Tensor rows{{}, {}};
  EXPECT_EQ(rows.shape(), (eg::Shape{2, 0}));
}

// Line 26 of the reliability list: both shapes in the message.
TEST(Nested, RefusesRaggedRows) {
  const std::string text = support::message_of<eg::ShapeError>([&] { Tensor{{1, 2, 3}, {4, 5}}; });
  EXPECT_TRUE(text.find("[3]") != std::string::npos && text.find("[2]") != std::string::npos) << text;
  EXPECT_THROW((Tensor{{{1, 2}}, {{1}, {2}}}), eg::ShapeError);
  EXPECT_THROW((Tensor{{1, 2}, 3}), eg::ShapeError);
}
