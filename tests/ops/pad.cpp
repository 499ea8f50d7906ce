#include "eigengrad/ops/pad.hpp"

#include "support/close.hpp"

namespace eg = eigengrad;
using Real = eg::Tensor<double>;
using eg::PaddingMode;
using support::close, support::mentions, support::message_of;

TEST(Pad, ImagesByEveryMode) {
  const Real x = {{1, 2, 3}, {4, 5, 6}};
  EXPECT_TRUE(close(pad2d(x, {1, 0, 1, 2}), Real{{0, 0, 0, 0, 0, 0}, {0, 1, 2, 3, 0, 0}, {0, 4, 5, 6, 0, 0}}));
  EXPECT_TRUE(close(pad2d(x, {1, 0, 1, 2}, PaddingMode::reflect),
                    Real{{5, 4, 5, 6, 5, 4}, {2, 1, 2, 3, 2, 1}, {5, 4, 5, 6, 5, 4}}));
  EXPECT_TRUE(
      close(pad2d(x, {0, 1, 2, 0}, PaddingMode::replicate), Real{{1, 1, 1, 2, 3}, {4, 4, 4, 5, 6}, {4, 4, 4, 5, 6}}));
  EXPECT_TRUE(close(pad2d(x, {0, 2, 1, 1}, PaddingMode::circular),
                    Real{{3, 1, 2, 3, 1}, {6, 4, 5, 6, 4}, {3, 1, 2, 3, 1}, {6, 4, 5, 6, 4}}));
  EXPECT_THROW(pad2d(x, {2, 0, 0, 0}, PaddingMode::reflect), eg::ShapeError);
  EXPECT_THROW(pad2d(x, {0, 0, 0, 4}, PaddingMode::circular), eg::ShapeError);
  EXPECT_THROW(pad2d(Real::zeros({0, 2}), {1, 0, 0, 0}, PaddingMode::replicate), eg::ShapeError);
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { pad2d(x, {-1, 0, 0, 0}); }), {"pad2d", "[2, 3]", "negative"}));
  EXPECT_TRUE(mentions(message_of<eg::ShapeError>([&] { pad2d(Real{1, 2}, {}); }), {"[..., rows, columns]"}));
}
