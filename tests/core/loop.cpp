#include "eigengrad/core/loop.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace eg = eigengrad;
using eg::Shape;

namespace {

/// Every element's offset in the operand of shape `own`, as the loop visits the space.
std::vector<eg::Index> visited(const Shape& space, const Shape& own) {
  const eg::Loop loop(space, {&own, &space});
  std::vector<eg::Index> offsets;
  loop.for_each_row([&](const eg::Index* at) {
    for (eg::Index i = 0; i < loop.row; ++i) {
      EXPECT_EQ(at[1] + i * loop.row_strides[1], static_cast<eg::Index>(offsets.size()));  // the space itself, in order
      offsets.push_back(at[0] + i * loop.row_strides[0]);
    }
  });
  return offsets;
}
/// The same by plain division.
std::vector<eg::Index> expected(const Shape& space, const Shape& own) {
  std::vector<eg::Index> offsets;
  for (eg::Index element = 0; element < space.size(); ++element) {
    eg::Index rest = element, stride = 1, offset = 0;
    for (eg::Index axis = 1; axis <= space.rank(); ++axis) {
      const eg::Index position = rest % space[space.rank() - axis];
      rest /= space[space.rank() - axis];
      if (axis > own.rank()) continue;
      const eg::Index size = own[own.rank() - axis];
      if (size > 1) offset += position * stride;
      stride *= size;
    }
    offsets.push_back(offset);
  }
  return offsets;
}

}  // namespace

TEST(Loop, VisitsEveryElementInOrder) {
  const Shape space{2, 3, 4, 5};
  for (int mask = 0; mask < 16; ++mask)
    for (eg::Index dropped = 0; dropped <= 4; ++dropped) {
      Shape own;
      for (eg::Index axis = dropped; axis < 4; ++axis) own.push_back((mask >> axis & 1) != 0 ? space[axis] : 1);
      EXPECT_EQ(visited(space, own), expected(space, own)) << eg::to_text(own);
    }
}

TEST(Loop, AxesOfSizeOneAreSkipped) {
  for (const Shape& space : {Shape{1, 3, 1, 4}, Shape{1, 1}, Shape{}, Shape{1}, Shape{3, 1}, Shape{1, 3}})
    for (const Shape& own : {space, Shape{}, Shape{1, 1}}) {
      if (own.rank() > space.rank()) continue;
      EXPECT_EQ(visited(space, own), expected(space, own)) << eg::to_text(space, own);
    }
}

TEST(Loop, OfNothingHasNoRows) {
  for (const Shape& space : {Shape{0}, Shape{0, 3}, Shape{3, 0}, Shape{2, 0, 3}}) {
    EXPECT_TRUE(visited(space, space).empty());
    EXPECT_TRUE(visited(space, Shape{}).empty());
    EXPECT_TRUE(visited(space, Shape{1, 1}).empty() || space.rank() < 2);
  }
}

TEST(Loop, MergesContiguousAxes) {
  const Shape space{2, 3, 4}, row{4}, scalar;
  EXPECT_EQ(eg::Loop(space, {&space, &scalar}).row, 24);
  const eg::Loop rows(space, {&space, &row});
  EXPECT_EQ(rows.row, 4);
  EXPECT_EQ(rows.rows, 6);
  EXPECT_EQ(rows.rows_at_one_place(1), 6);
  EXPECT_EQ(rows.rows_at_one_place(0), 1);
}
