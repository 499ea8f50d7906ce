#include <eigengrad/data/labels.hpp>

#include "files.hpp"

namespace eg = eigengrad;
using Labels = eg::Tensor<std::int64_t>;

TEST(OneHot, PutsASingleOneInEachRow) {
  const auto rows = eg::one_hot<float>(Labels{2, 0}, 3);
  EXPECT_EQ(rows.shape(), (eg::Shape{2, 3}));
  EXPECT_EQ(std::vector<float>(rows.begin(), rows.end()), (std::vector<float>{0, 0, 1, 1, 0, 0}));
  EXPECT_EQ(eg::one_hot<float>(Labels(), 3).shape(), (eg::Shape{0, 3}));
}

TEST(OneHot, RefusesLabelsOutsideTheClasses) {
  const auto message = message_of<eg::IndexError>([] { eg::one_hot<float>(Labels{0, 3}, 3); });
  expect_contains(message, "label 3 at position 1");
  EXPECT_THROW(eg::one_hot<float>(Labels{-1}, 3), eg::IndexError);
  EXPECT_THROW(eg::one_hot<float>(Labels{{0}}, 3), eg::ShapeError);
  EXPECT_THROW(eg::one_hot<float>(Labels{0}, 0), eg::ValueError);
}

TEST(ClassCounts, CountsEachClass) {
  const auto counts = eg::class_counts(Labels{2, 0, 2}, 4);
  EXPECT_EQ(std::vector<std::int64_t>(counts.begin(), counts.end()), (std::vector<std::int64_t>{1, 0, 2, 0}));
  EXPECT_THROW(eg::class_counts(Labels{4}, 4), eg::IndexError);
}
