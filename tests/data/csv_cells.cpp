#include <eigengrad/io/csv_cells.hpp>

#include "files.hpp"

namespace eg = eigengrad;
using Rows = std::vector<std::vector<std::string>>;

static Rows split(const std::string& text, char delimiter = ',') {
  const eg::CsvCells cells = eg::split_csv(text, {.delimiter = delimiter}, "memory");
  Rows rows;
  for (eg::Index r = 0; r < cells.rows(); ++r) {
    rows.emplace_back();
    for (eg::Index c = 0; c < cells.columns; ++c) rows.back().emplace_back(cells.cell(r, c));
  }
  return rows;
}
static std::string error_of(const std::string& text) {
  return message_of<eg::FileError>([&] { eg::split_csv(text, {}, "bad.csv"); });
}

TEST(SplitCsv, PlainFieldsWithEveryLineEnd) {
  const Rows expected = {{"a", "b"}, {"1", "2"}};
  for (const char* text : {"a,b\n1,2", "a,b\n1,2\n", "a,b\r\n1,2\r\n", "a,b\r1,2\r",
                           "\xef\xbb\xbf"
                           "a,b\n1,2\n",
                           "\n\na,b\r\n\r\n1,2\n\n\n"})
    EXPECT_EQ(split(text), expected) << text;
  EXPECT_EQ(split("a;b\n1;2\n", ';'), expected);
}

TEST(SplitCsv, EmptyFields) {
  EXPECT_EQ(split(",\n"), (Rows{{"", ""}}));
  EXPECT_EQ(split("a,\n,b"), (Rows{{"a", ""}, {"", "b"}}));
  EXPECT_EQ(split("\"\"\n"), (Rows{{""}})) << "a quoted empty field is no empty line";
  EXPECT_EQ(split(" a , b "), (Rows{{" a ", " b "}})) << "RFC 4180: spaces are part of a field";
}

TEST(SplitCsv, QuotedFields) {
  EXPECT_EQ(split("\"a,b\",\"c\"\"d\"\n"), (Rows{{"a,b", "c\"d"}}));
  EXPECT_EQ(split("\"a\nb\",c\n\"d\r\ne\",f\r\n"), (Rows{{"a\nb", "c"}, {"d\r\ne", "f"}}));
  EXPECT_EQ(split("a,\"b\""), (Rows{{"a", "b"}}));
  EXPECT_EQ(split("\"\"\"\""), (Rows{{"\""}}));
  EXPECT_EQ(split("\"a\",\"\"\r\n"), (Rows{{"a", ""}}));
  EXPECT_EQ(split("\"\xef\xbb\xbf\"\n"), (Rows{{"\xef\xbb\xbf"}}));
}

TEST(SplitCsv, CountsLinesAcrossEmbeddedLineEnds) {
  const eg::CsvCells cells = eg::split_csv("a,b\r\n\"x\ny\rz\r\n\",2\n\n3,4\n", {}, "memory");
  EXPECT_EQ(cells.rows(), 3);
  EXPECT_EQ(cells.line(0), 1);
  EXPECT_EQ(cells.line(1), 2);
  EXPECT_EQ(cells.line(2), 6 + 1);
}

TEST(SplitCsv, RefusesEmptyTexts) {
  for (const char* text : {"", "\n", "\r\n\r\n", "\xef\xbb\xbf", "\xef\xbb\xbf\n"}) {
    const std::string message = error_of(text);
    expect_contains(message, "'bad.csv' is empty");
  }
}

TEST(SplitCsv, RefusesRaggedRows) {
  const std::string message = error_of("a,b\n1,2\n1,2,3\n");
  expect_contains(message, "'bad.csv': line 3 has 3 fields, but line 1 has 2");
  expect_contains(message, ".decimal");
  expect_contains(error_of("a,b\n1\n"), "line 2 has 1 fields");
}

TEST(SplitCsv, RefusesMisplacedQuotes) {
  expect_contains(error_of("a,b\n1,\"2\n3,4\n"), "line 2, column 2: a quote that is never closed");
  expect_contains(error_of("a\n\""), "line 2, column 1: a quote that is never closed");
  expect_contains(error_of("a,b\n1,2\"3\"\n"), "line 2, column 2: a quote inside");
  expect_contains(error_of("a,b\n\"1\"x,2\n"), "line 2, column 1: text after a closing quote");
  expect_contains(error_of("\"\"\"\"\""), "never closed");
}

TEST(SplitCsv, RefusesUtf16) {
  expect_contains(error_of(std::string("\xff\xfe"
                                       "1\0,\0",
                                       6)),
                  "save it as UTF-8");
  expect_contains(error_of(std::string("\xfe\xff\0"
                                       "1",
                                       4)),
                  "save it as UTF-8");
}

TEST(SplitCsv, EveryShortTextEitherSplitsOrThrows) {
  const std::string letters = "a,\"\n\r\xef";
  std::size_t split_count = 0, refused = 0;
  for (int length = 1; length <= 6; ++length) {
    std::size_t total = 1;
    for (int i = 0; i < length; ++i) total *= letters.size();
    for (std::size_t code = 0; code < total; ++code) {
      std::string text;
      for (std::size_t rest = code, i = 0; i < static_cast<std::size_t>(length); ++i, rest /= letters.size())
        text += letters[rest % letters.size()];
      try {
        const eg::CsvCells cells = eg::split_csv(text, {}, "memory");
        ASSERT_EQ(cells.places.size(), static_cast<std::size_t>((cells.rows() * cells.columns + 15) / 16));
        ASSERT_LE(cells.text.size(), text.size());
        eg::CsvCursor cursor = cells.at(0);
        std::size_t place = 0;
        for (eg::Index i = 0; i < cells.rows() * cells.columns; ++i) {
          const eg::CsvCell cell = cursor.next();
          place += cell.text.size() + cell.quoted + 1;
          ASSERT_EQ(cells.cell(i / cells.columns, i % cells.columns), cell.text);
        }
        ASSERT_EQ(place, cells.text.size() + 1) << "the cells fill the text, the last one's NUL being the string's own";
        ++split_count;
      } catch (const eg::FileError&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(split_count, 1000u);
  EXPECT_GT(refused, 1000u);
}

TEST(Excerpt, IsShortAndPrintable) {
  EXPECT_EQ(eg::excerpt("a\nb\x1b"), "'a?b?'");
  EXPECT_EQ(eg::excerpt(std::string(1000, 'x')).size(), 45u);
}
