#include "eigengrad/core/error.hpp"

#include <gtest/gtest.h>

#include "eigengrad/core/shape.hpp"
#include "support/message.hpp"

namespace eg = eigengrad;

TEST(Error, TextIsMadeOfItsParts) {
  EXPECT_EQ(eg::to_text("matmul: ", eg::Shape{2, 3}, " and ", eg::Shape{}, ": ", 7, " ", -1, " ", true),
            "matmul: [2, 3] and []: 7 -1 true");
  EXPECT_EQ(eg::to_text(0.1, " ", 0.1f, " ", 1e300, " ", std::size_t{5}), "0.1 0.1 1e+300 5");
  EXPECT_EQ(eg::to_text(std::numeric_limits<double>::infinity(), " ", -std::numeric_limits<float>::infinity()),
            "inf -inf");
}

TEST(Error, LocationIsTheCallersFileAndLine) {
  const auto where = [](eg::Location location = eg::Location::current()) { return location; };
  const unsigned line = __LINE__ + 1;
  const eg::Location here = where();
  EXPECT_EQ(eg::to_text(here), eg::to_text(" (error.cpp:", line, ")"));
  EXPECT_EQ(eg::to_text(eg::Location{"C:\\a\\b.cpp", 3}), " (b.cpp:3)");
}

TEST(Error, RequireThrowsTheNamedTypeInEveryBuild) {
  EXPECT_NO_THROW(eg::require<eg::ShapeError>(true, "unused"));
  EXPECT_THROW(eg::require<eg::ShapeError>(false, "a"), eg::ShapeError);
  EXPECT_THROW(eg::fail<eg::FileError>("a"), eg::FileError);
  const std::string text =
      support::message_of<eg::Error>([&] { eg::fail<eg::ValueError>("rate ", -1, " is negative"); });
  EXPECT_EQ(text, "rate -1 is negative");
}

TEST(Error, EveryTypeIsAnErrorAndARuntimeError) {
  EXPECT_TRUE((std::is_base_of_v<eg::Error, eg::ShapeError> && std::is_base_of_v<eg::Error, eg::IndexError> &&
               std::is_base_of_v<eg::Error, eg::ValueError> && std::is_base_of_v<eg::Error, eg::GradientError> &&
               std::is_base_of_v<eg::Error, eg::FileError> && std::is_base_of_v<std::runtime_error, eg::Error>));
}
