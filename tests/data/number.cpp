#include <eigengrad/io/number.hpp>

#include <cstring>

#include "files.hpp"

namespace eg = eigengrad;
using eg::NumberStatus;

template <class T>
static T parsed(std::string_view text) {
  T value{};
  EXPECT_EQ(eg::parse_number(text, value), NumberStatus::good) << text;
  return value;
}

TEST(ParseNumber, ReadsOrdinaryNumbers) {
  EXPECT_EQ(parsed<double>("1"), 1);
  EXPECT_EQ(parsed<double>("+2.5"), 2.5);
  EXPECT_EQ(parsed<double>("-.5e-3"), -0.0005);
  EXPECT_EQ(parsed<double>("5."), 5);
  EXPECT_EQ(parsed<double>("1E3"), 1000);
  EXPECT_TRUE(std::signbit(parsed<double>("-0")));
  EXPECT_EQ(parsed<float>("0.1"), 0.1f);
  EXPECT_EQ(parsed<std::int64_t>("-42"), -42);
  EXPECT_EQ(parsed<std::int64_t>("+42"), 42);
}

TEST(ParseNumber, ReadsTheWordsForNanAndInfinity) {
  for (const char* word : {"inf", "INF", "Infinity", "+inf"}) EXPECT_EQ(parsed<float>(word), INFINITY) << word;
  EXPECT_EQ(parsed<double>("-inf"), -INFINITY);
  for (const char* word : {"nan", "NaN", "NAN", "-nan"}) EXPECT_TRUE(std::isnan(parsed<float>(word))) << word;
}

TEST(ParseNumber, KeepsTheSmallestAndRefusesTheTooLarge) {
  EXPECT_EQ(parsed<double>("4.9e-324"), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(parsed<float>("1e-45"), std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(parsed<double>("1e-400"), 0);
  EXPECT_EQ(parsed<double>("0." + std::string(400, '0') + "1"), 0);
  EXPECT_EQ(parsed<double>("-1e-400"), 0);
  EXPECT_EQ(parsed<float>("1e-60"), 0);
  EXPECT_EQ(parsed<double>("1" + std::string(400, '0') + "e-400"), 1);
  double number = 7;
  float small = 7;
  std::int64_t whole = 7;
  for (const char* text : {"1e400", "-1e400", "1.5e309"})
    EXPECT_EQ(eg::parse_number(text, number), NumberStatus::out_of_range) << text;
  EXPECT_EQ(eg::parse_number(std::string(400, '9'), number), NumberStatus::out_of_range);
  EXPECT_EQ(eg::parse_number("1e39", small), NumberStatus::out_of_range);
  EXPECT_EQ(eg::parse_number("9223372036854775808", whole), NumberStatus::out_of_range);
  EXPECT_EQ(number, 7);
}

TEST(ParseNumber, RefusesWhatIsNoNumber) {
  double number = 7;
  for (const char* text :
       {"",    "+",   "-",   ".",     "e5",    "1e",  "1e+",    "1,5",     "1 ", " 1", "0x10",         "1.5.5",
        "--1", "++1", "+-1", "1_000", "1'000", "1d5", "nan(1)", "infinit", "na", "1f", "\xef\xbc\x91", "1e400x"})
    EXPECT_EQ(eg::parse_number(text, number), NumberStatus::malformed) << text;
  EXPECT_EQ(eg::parse_number(std::string_view("1\0", 2), number), NumberStatus::malformed);
  EXPECT_EQ(number, 7);
  std::int64_t whole = 7;
  for (const char* text : {"1.0", "1e3", "nan", ""}) EXPECT_EQ(eg::parse_number(text, whole), NumberStatus::malformed);
}

TEST(ParseNumber, IsTheSameInEveryLocale) {
  const std::string before = std::setlocale(LC_ALL, nullptr);
  const TemporaryFolder folder;
  const auto german = [] { return std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr; };
  if (!german()) {  // where glibc's sources of locales are, it can be made
    const std::string target = folder.path() + "/de_DE.UTF-8";
    const bool made = std::system(("localedef -i de_DE -f UTF-8 " + target + " >" + target + ".log 2>&1").c_str()) == 0;
    setenv("LOCPATH", folder.path().c_str(), 1);
    const bool speaks_german = made && german();
    unsetenv("LOCPATH");
    if (!speaks_german) GTEST_SKIP() << "there is no locale de_DE.UTF-8";
  }
  EXPECT_EQ(parsed<double>("1.5"), 1.5);
  EXPECT_EQ(parsed<double>("1.5e-320"), 1.5e-320);
  EXPECT_EQ(parsed<double>("123.5e-400"), 0);
  std::size_t used = 0;
  EXPECT_EQ(eg::parse_slowly("12.25x", used), 12.25);
  EXPECT_EQ(used, 5u);
  double number = 0;
  EXPECT_EQ(eg::parse_number("1,5", number), NumberStatus::malformed);
  EXPECT_EQ(eg::parse_number("1.5e400", number), NumberStatus::out_of_range);
  std::setlocale(LC_ALL, before.c_str());
}
