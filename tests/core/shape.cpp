#include "eigengrad/core/shape.hpp"

#include <gtest/gtest.h>

#include "support/message.hpp"

// Numbers in comments are lines of the reliability list.
namespace eg = eigengrad;
using eg::Shape;
using support::message_of;

namespace {

constexpr eg::Index largest = std::numeric_limits<eg::Index>::max();

}  // namespace

TEST(Shape, KnowsItsSizes) {
  const Shape scalar, shape{2, 3, 4};
  EXPECT_EQ(scalar.rank(), 0);
  EXPECT_EQ(scalar.size(), 1);
  EXPECT_EQ(shape.rank(), 3);
  EXPECT_EQ(shape.size(), 24);
  EXPECT_EQ(shape[1], 3);
  EXPECT_EQ(shape.at(-1), 4);
  EXPECT_EQ(shape.back(), 4);
  EXPECT_EQ(shape.without(1), (Shape{2, 4}));
  EXPECT_EQ((Shape{2} + Shape{} + Shape{3, 4}), shape);
  EXPECT_EQ(std::vector<eg::Index>(shape.begin(), shape.end()), (std::vector<eg::Index>{2, 3, 4}));
  EXPECT_EQ(eg::to_text(shape), "[2, 3, 4]");
}

TEST(Shape, ComparesSizesAndRank) {
  EXPECT_EQ((Shape{2, 3}), (Shape{2, 3}));
  EXPECT_NE((Shape{2, 3}), (Shape{3, 2}));
  EXPECT_NE((Shape{6}), (Shape{2, 3}));
  EXPECT_NE((Shape{1}), Shape{});
  EXPECT_NE((Shape{0, 3}), (Shape{0, 4}));
  EXPECT_EQ(Shape::empty(), Shape{0});
}

// 24
TEST(Shape, EmptyAxes) {
  EXPECT_EQ((Shape{0, 0}).size(), 0);
  EXPECT_EQ((Shape{0, 5}).size(), 0);
  Shape shape{0, 5};
  shape.set(0, 3);
  EXPECT_EQ(shape.size(), 15);
}

// 28: more elements than can be indexed, also beside an empty axis.
TEST(Shape, RefusesWhatCannotBeIndexed) {
  EXPECT_NE(message_of<eg::ShapeError>([] { Shape{largest, 2}; }).find("more elements than can be indexed"),
            std::string::npos);
  EXPECT_THROW((Shape{eg::Index{1} << 31, eg::Index{1} << 31, 4}), eg::ShapeError);
  EXPECT_THROW((Shape{0, largest, largest}), eg::ShapeError);
  EXPECT_THROW((Shape{largest, largest, 0}), eg::ShapeError);
  EXPECT_THROW((Shape{3, -1}), eg::ShapeError);
  EXPECT_NE(message_of<eg::ShapeError>([] { Shape{3, -1}; }).find("axis 1 has the negative size -1"),
            std::string::npos);
  EXPECT_THROW((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), eg::ShapeError);
}

TEST(Shape, ChecksAxes) {
  const Shape shape{2, 3};
  EXPECT_EQ(shape.checked_axis(-2, "sum"), 0);
  EXPECT_EQ(shape.checked_axis(1, "sum"), 1);
  const std::string text = message_of<eg::IndexError>([&] { shape.checked_axis(2, "sum"); });
  EXPECT_NE(text.find("sum: axis 2 of shape [2, 3], which has 2 axes: use one of -2 to 1"), std::string::npos) << text;
  EXPECT_THROW(shape.checked_axis(-3, "sum"), eg::IndexError);
  const std::string none = message_of<eg::IndexError>([] { Shape{}.checked_axis(0, "sum"); });
  EXPECT_NE(none.find("sum: axis 0 of shape [], a single number, which has no axes"), std::string::npos) << none;
}

// 25: every broadcasting pair.
TEST(Shape, Broadcast) {
  const auto joined = [](const Shape& a, const Shape& b) {
    EXPECT_EQ(eg::broadcast(a, b, "add"), eg::broadcast(b, a, "add"));
    return eg::broadcast(a, b, "add");
  };
  EXPECT_EQ(joined({}, {}), Shape{});
  EXPECT_EQ(joined({}, {2, 3}), (Shape{2, 3}));
  EXPECT_EQ(joined({1, 1}, {2, 3}), (Shape{2, 3}));
  EXPECT_EQ(joined({3}, {2, 3}), (Shape{2, 3}));
  EXPECT_EQ(joined({1, 3}, {2, 1}), (Shape{2, 3}));
  EXPECT_EQ(joined({2, 1, 4}, {3, 1}), (Shape{2, 3, 4}));
  EXPECT_EQ(joined({0, 3}, {1, 3}), (Shape{0, 3}));
  EXPECT_EQ(joined({0}, {1}), (Shape{0}));
}

// 28: bytes, too, and sums of sizes.
TEST(Shape, SizesAreAddedAndCountedInBytesWithoutOverflow) {
  EXPECT_EQ(eg::add_sizes(2, 3, "split"), 5);
  EXPECT_NE(message_of<eg::ShapeError>([] {
              (void)eg::add_sizes(eg::largest_size, 1, "split");
            }).find("split: sizes 576460752303423487 and 1 add up to more than can be indexed"),
            std::string::npos);
  EXPECT_THROW((void)eg::add_sizes(largest, largest, "split"), eg::ShapeError);
  EXPECT_EQ(eg::bytes_of_numbers(3, 64), 192u);
  EXPECT_THROW((void)eg::bytes_of_numbers(eg::Index{1} << 58, 64), eg::ShapeError);
}

// 26: both shapes and the operation.
TEST(Shape, BroadcastRefusesWhatDiffers) {
  const std::string text = message_of<eg::ShapeError>([] { eg::broadcast({2, 3}, {2}, "add"); });
  EXPECT_NE(text.find("add: shapes [2, 3] and [2] do not broadcast"), std::string::npos) << text;
  EXPECT_THROW(eg::broadcast({0}, {2}, "add"), eg::ShapeError);
  EXPECT_THROW(eg::broadcast({2, 3}, {3, 2}, "add"), eg::ShapeError);
}
