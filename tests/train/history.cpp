#include <eigengrad/train/history.hpp>

#include <gtest/gtest.h>

#include <cmath>

namespace eg = eigengrad;

TEST(History, GivesSeriesForPictures) {
  eg::History history;
  EXPECT_TRUE(history.losses().empty());
  history.epochs.push_back({1, 0.5, 0.25, 0.75, 0.125, 2});
  history.epochs.push_back({.epoch = 2, .loss = 0.375, .seconds = 3});
  EXPECT_EQ(history.losses(), (std::vector<double>{0.5, 0.375}));
  EXPECT_EQ(history.accuracies().front(), 0.25);
  EXPECT_EQ(history.validation_losses().front(), 0.75);
  EXPECT_EQ(history.validation_accuracies().front(), 0.125);
  EXPECT_TRUE(std::isnan(history.accuracies().back())) << "what was not measured is NaN";
  EXPECT_TRUE(std::isnan(history.validation_losses().back()));
  EXPECT_EQ(history.seconds(), 5);
}
