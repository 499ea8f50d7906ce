#include <eigengrad/train/text.hpp>

#include <gtest/gtest.h>

#include <cmath>

namespace report = eigengrad::report;

TEST(ReportText, WritesShortNumbers) {
  EXPECT_EQ(report::short_number(0.031415926), "0.03142");
  EXPECT_EQ(report::short_number(1.23456e-7), "1.235e-07");
  EXPECT_EQ(report::short_number(2), "2");
  EXPECT_EQ(report::short_number(1234567.0, 2), "1.2e+06");
  EXPECT_EQ(report::short_number(std::nan("")), "nan");
  EXPECT_EQ(report::short_number(INFINITY), "inf");
}

TEST(ReportText, WritesFixedNumbersAndShares) {
  EXPECT_EQ(report::fixed(12.3, 2), "12.30");
  EXPECT_EQ(report::fixed(1e300, 0).size(), 301u);
  EXPECT_EQ(report::percent(0.97123), "97.1 %");
  EXPECT_EQ(report::percent(0.625, 0), "62 %");
}

TEST(ReportText, PadsToAWidth) {
  EXPECT_EQ(report::left_padded("ab", 4), "  ab");
  EXPECT_EQ(report::right_padded("ab", 4), "ab  ");
  EXPECT_EQ(report::left_padded("abcde", 4), "abcde");
}
