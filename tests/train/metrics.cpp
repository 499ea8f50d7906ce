#include <eigengrad/ops/arithmetic.hpp>
#include <eigengrad/train/metrics.hpp>

#include "data/files.hpp"

#include <limits>

#include "support/message.hpp"

namespace eg = eigengrad;
using support::message_of;
using Labels = eg::Tensor<std::int64_t>;
using Scores = eg::Tensor<double>;

static const double nan_value = std::numeric_limits<double>::quiet_NaN();

TEST(Accuracy, CountsTheFirstLargestScoreAgainstLabels) {
  const Scores scores = {{1, 2, 0}, {5, 5, 1}, {0, 0, 3}, {-1, -2, -3}};
  EXPECT_EQ(eg::accuracy(scores, Labels{1, 0, 2, 0}), 1);
  EXPECT_EQ(eg::accuracy(scores, Labels{1, 1, 2, 2}), 0.5) << "of equals the first";
  EXPECT_EQ(eg::accuracy(scores, Labels{{1}, {0}, {2}, {0}}), 1);
  EXPECT_EQ(eg::accuracy(2.0 * scores, Labels{0, 2, 1, 0}), 0.25) << "a formula will do";
}

TEST(Accuracy, ComparesSingleScoresWithTheThreshold) {
  const Scores column = {{0.2}, {0.5}, {0.51}, {3}}, flat = {0.2, 0.5, 0.51, 3};
  EXPECT_EQ(eg::accuracy(column, Labels{0, 0, 1, 1}), 1) << "the threshold itself counts as 0";
  EXPECT_EQ(eg::accuracy(flat, Scores{0, 1, 1, 1}), 0.75);
  EXPECT_EQ(eg::accuracy(column, Scores{{0}, {0}, {1}, {0}}), 0.75);
  EXPECT_EQ(eg::accuracy(flat, Scores{{0}, {0}, {1}, {1}}), 1) << "[n] against [n, 1]";
  EXPECT_EQ(eg::accuracy(flat, Labels{1, 1, 1, 1}, 0), 1) << "logits";
}

TEST(Accuracy, TakesOneHotAndSoftRows) {
  const Scores scores = {{0.1, 0.9}, {0.6, 0.4}};
  EXPECT_EQ(eg::accuracy(scores, Scores{{0, 1}, {0, 1}}), 0.5);
  EXPECT_EQ(eg::accuracy(scores, Scores{{0.3, 0.7}, {0.8, 0.2}}), 1);
}

TEST(Accuracy, CallsNaNWrong) {
  EXPECT_EQ(eg::accuracy(Scores{{nan_value, 1}, {0, nan_value}, {0, 1}}, Labels{0, 1, 1}), 1.0 / 3);
  EXPECT_EQ(eg::accuracy(Scores{nan_value, nan_value}, Labels{0, 1}), 0);
  EXPECT_EQ(eg::predicted_classes(Scores{{nan_value, 1}, {0, 1}})(0), -1);
}

TEST(Accuracy, SaysWhatDoesNotFit) {
  const Scores scores = Scores::zeros({2, 3});
  auto message = message_of<eg::ShapeError>([&] { eg::accuracy(scores, Labels{0, 1, 2}); });
  expect_contains(message, "the prediction is [2, 3], the target is [3]");
  expect_contains(message, "metrics.cpp:");
  expect_contains(message_of<eg::IndexError>([&] { eg::accuracy(scores, Labels{0, 3}); }),
                  "label 3 at position 1 is outside 0 to 2");
  expect_contains(message_of<eg::IndexError>([&] { eg::accuracy(Scores{0.1, 0.2}, Labels{0, 2}); }), "outside 0 to 1");
  expect_contains(message_of<eg::IndexError>([&] { eg::accuracy(scores, Labels{-1, 0}); }), "label -1");
  expect_contains(message_of<eg::ValueError>([&] { eg::accuracy(Scores{0.1, 0.2}, Scores{0, 0.5}); }),
                  "names no class");
  expect_contains(message_of<eg::ValueError>([&] { eg::accuracy(scores, Scores{{1, 1, 0}, {0, 0, 1}}); }), "sample 0");
  EXPECT_THROW(eg::accuracy(scores, Scores::zeros({2, 2})), eg::ShapeError);
  EXPECT_THROW(eg::accuracy(Scores::zeros({2, 3, 4}), Labels{0, 1}), eg::ShapeError);
  EXPECT_THROW(eg::accuracy(Scores::zeros({2, 0}), Labels{0, 1}), eg::ShapeError);
  EXPECT_THROW(eg::accuracy(Scores::zeros({}), Labels{0}), eg::ShapeError);
  expect_contains(message_of<eg::ShapeError>([&] { eg::accuracy(Scores::zeros({0, 3}), Labels()); }), "no samples");
}

TEST(ConfusionMatrix, HasARowForEachClass) {
  const Labels labels = {0, 0, 1, 2, 2, 2};
  const auto matrix = eg::confusion_matrix(Labels{0, 1, 1, 2, 0, 2}, labels, 3);
  const std::int64_t expected[3][3] = {{1, 1, 0}, {0, 1, 0}, {1, 0, 2}};
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) EXPECT_EQ(matrix(i, j), expected[i][j]);
  EXPECT_EQ(eg::confusion_matrix(Scores{{1, 0}, {0, 1}}, Labels{1, 1}, 2)(1, 0), 1);
  EXPECT_EQ(eg::confusion_matrix(Scores{0.2, 0.9}, Labels{0, 0}, 2)(0, 1), 1);
}

TEST(ConfusionMatrix, SaysWhatDoesNotFit) {
  EXPECT_THROW(eg::confusion_matrix(Labels{0, 1}, Labels{0}, 2), eg::ShapeError);
  EXPECT_THROW(eg::confusion_matrix(Labels{0, 2}, Labels{0, 1}, 2), eg::IndexError);
  EXPECT_THROW(eg::confusion_matrix(Labels{0, 1}, Labels{0, 2}, 2), eg::IndexError);
  EXPECT_THROW(eg::confusion_matrix(Scores{nan_value}, Labels{0}, 2), eg::IndexError) << "NaN names no class";
  EXPECT_THROW(eg::confusion_matrix(Labels{}, Labels{}, 0), eg::ValueError);
}

TEST(R2Score, ComparesWithTheMean) {
  const Scores target = {3, -0.5, 2, 7};
  EXPECT_NEAR(eg::r2_score(Scores{2.5, 0.0, 2, 8}, target), 0.9486081370449679, 1e-15)
      << "scikit-learn's documented example";
  EXPECT_EQ(eg::r2_score(target, target), 1);
  EXPECT_NEAR(eg::r2_score(Scores::full({4}, 2.875), target), 0, 1e-15);
  EXPECT_NEAR(eg::r2_score(Scores{{0, 2}, {-1, 2}, {8, -5}}, Scores{{0.5, 1}, {-1, 1}, {7, -6}}), 0.93680052666227787,
              1e-14);
  EXPECT_EQ(eg::r2_score(Scores{1, 1}, Scores{1, 1}), 1);
  EXPECT_EQ(eg::r2_score(Scores{1, 2}, Scores{1, 1}), 0);
  EXPECT_THROW(eg::r2_score(Scores{1, 2}, Scores{1}), eg::ShapeError);
  EXPECT_THROW(eg::r2_score(Scores(), Scores()), eg::ShapeError);
}
