#include <eigengrad/data/csv.hpp>

#include "files.hpp"

namespace eg = eigengrad;
using Names = std::vector<std::string>;
using Values = std::vector<double>;

static eg::CsvTable table(const std::string& text, eg::CsvOptions options = {}) {
  return eg::CsvTable(text, options, "some.csv");
}
static Values values(const std::string& text, eg::CsvOptions options = {}) {
  const auto numbers = table(text, options).numbers<double>();
  return {numbers.begin(), numbers.end()};
}
static std::string error_of(const std::string& text, eg::CsvOptions options = {}) {
  return message_of<eg::FileError>([&] { table(text, options).numbers<double>(); });
}

TEST(CsvMissingNumbers, UsualWordsAreNan) {
  const Values read = values("a\n1\nNA\nN/A\nNaN\nnull\n?\nn/a\nNULL\n \tNA \n2\n");
  ASSERT_EQ(read.size(), 10u);
  for (std::size_t i = 1; i < 9; ++i) EXPECT_TRUE(std::isnan(read[i])) << i;
  EXPECT_EQ(read[9], 2);
  expect_contains(message_of<eg::FileError>([] { table("a\n1\nNA\n").numbers<std::int64_t>(); }),
                  "line 3, column 1 ('a'): 'NA' stands for a missing number (.na_values), which whole numbers cannot");
}

TEST(CsvMissingNumbers, WordsOfOnesOwn) {
  EXPECT_TRUE(std::isnan(values("a\n1\n-\n", {.na_values = {"-"}})[1]));
  EXPECT_TRUE(std::isnan(values("a\n1\n-999\n", {.na_values = {"-999"}})[1]));
  EXPECT_TRUE(std::isnan(values("a\n1\n-999.0\n", {.na_values = {"-999"}})[1])) << "equal as a number";
  EXPECT_EQ(values("a\n1\n-99\n", {.na_values = {"-999"}})[1], -99);
  expect_contains(error_of("a\n1\nNA\n", {.na_values = {}}), "'NA' is not a number");
  expect_contains(error_of("a\n1\nmissing\n"), "add it to .na_values if it stands for a missing number");
  expect_contains(error_of("a\n1\n\n2\n\"\"\n"), "line 5, column 1 ('a'): '' is empty");
}

TEST(CsvThousands, AreReadWhenTheirSeparatorIsGiven) {
  EXPECT_EQ(values("a,b\n\"1,234\",\"5,678.5\"\n\"-1,234,567\",8\n", {.thousands = ','}),
            (Values{1234, 5678.5, -1234567, 8}));
  EXPECT_EQ(values("a;b\n1.234;1.234.567,5\n", {.delimiter = ';', .decimal = ',', .thousands = '.'}),
            (Values{1234, 1234567.5}));
  EXPECT_EQ(values("a;b\n1 234;12 345,5\n", {.delimiter = ';', .decimal = ',', .thousands = ' '}),
            (Values{1234, 12345.5}));
  EXPECT_EQ(values("a\n1\xc2\xa0"
                   "234\n1\xe2\x80\xaf"
                   "234\n",
                   {.thousands = ' '}),
            (Values{1234, 1234}))
      << "blanks that do not break";
  EXPECT_EQ(values("a\n1'234\n+1'234.5\n", {.thousands = '\''}), (Values{1234, 1234.5}));
  EXPECT_EQ(values("a\n1_234\n", {.thousands = '_'}), (Values{1234}));
  for (const char* cell :
       {"\"1,23\"", "\"1,2345\"", "\"1234,567\"", "\",234\"", "\"1,,234\"", "\"1,234,\"", "\"1.5,234\""})
    expect_contains(error_of(std::string("a\n") + cell + "\n", {.thousands = ','}), "groups are of three digits");
}

TEST(CsvThousands, WithoutTheOptionTheMessageNamesIt) {
  const std::string either = error_of("a,b\n\"1,234\",5\n");
  expect_contains(either,
                  "line 2, column 1 ('a'): '1,234' has a comma, which may separate thousands or be a decimal comma");
  expect_contains(either, "set .thousands = ',', or .decimal = ','");
  const std::string known = "has thousands separators: set .thousands = ','";
  expect_contains(error_of("a,b\n\"1,234\",5\n\"1,234,567\",5\n"), known);  // another line tells
  expect_contains(error_of("a\n\"1,234.5\"\n"), known);
  expect_contains(error_of("a;b\n1,234;5\n1,5;3\n", {.delimiter = ';'}), "has a decimal comma: set .decimal = ','");
  expect_contains(error_of("a\n\"1,234,567\"\n", {.delimiter = ';', .decimal = ','}),
                  "set .decimal = '.' and .thousands = ','");
  expect_contains(error_of("a\n1.234.567\n"), "set .decimal = ',' and .thousands = '.'");
  expect_contains(error_of("a\n\"1.234,5\"\n"), "set .decimal = ',' and .thousands = '.'");
  expect_contains(error_of("a\n1.234\n", {.delimiter = ';', .decimal = ','}), "set .thousands = '.'");
  expect_contains(error_of("a\n1 234\n"), "set .thousands = ' ', or .delimiter = ' '");
  expect_contains(error_of("a\n1'234\n"), "set .thousands = '\\''");
  expect_contains(error_of("a\n1_234\n"), "set .thousands = '_'");
}

TEST(CsvComment, LinesThatBeginWithItAreSkipped) {
  const std::string text = "# made by hand, twice\na,b\n  # between\n1,2\n#\n3,\"# no comment\"\n# end";
  const auto read = table(text, {.comment = '#'});
  EXPECT_EQ(read.names(), (Names{"a", "b"}));
  EXPECT_EQ(read.rows(), 2);
  EXPECT_EQ(read.text(1, 1), "# no comment");
  expect_contains(error_of(text, {.comment = '#'}), "line 6, column 2 ('b')");
  EXPECT_EQ(values("% matlab\n1 2\n", {.delimiter = ' ', .comment = '%'}), (Values{1, 2}));
  expect_contains(error_of("# made, by, hand\na,b\n1,2\n"),
                  "if lines that begin with '#' are comments, set .comment to it");
  expect_contains(error_of("a,b\n1,2\n# note\n3,4\n"), "if lines that begin with '#' are comments");
  expect_contains(error_of("a\n2 # two\n"), ".comment skips lines that begin with it, not the rest of a line");
}

TEST(CsvSkipRows, LinesAreSkipped) {
  const auto read = table("\xef\xbb\xbfReport of \"May\r\n\r\na,b\r\n1,2\r\n", {.skip_rows = 2});
  EXPECT_EQ(read.names(), (Names{"a", "b"}));
  expect_contains(error_of("title\na,b\n1,x\n", {.skip_rows = 1}), "line 3, column 2");
  expect_contains(error_of("a\n1\n", {.skip_rows = 2}), "is empty after .skip_rows lines");
  expect_contains(error_of("Report of May\na,b\n1,2\n"), "or .skip_rows where lines of text stand above the table");
  EXPECT_THROW(table("a\n", {.skip_rows = -1}), eg::ValueError);
}

TEST(CsvBlanks, ColumnsAlignedByBlanks) {
  EXPECT_EQ(values("  x      y \n 1.0   2.5\n-3.25\t\t4  \n\n  \n10 20", {.delimiter = ' '}),
            (Values{1, 2.5, -3.25, 4, 10, 20}));
  EXPECT_EQ(table("name x\n\"two words\" 1\n", {.delimiter = ' '}).text(0, 0), "two words");
  EXPECT_EQ(values("1 2\r3 4\r", {.delimiter = ' '}), (Values{1, 2, 3, 4})) << "lines of an old Mac";
  expect_contains(error_of("1 2 3\n4 5\n", {.delimiter = ' '}), "line 2 has 2 fields, but line 1 has 3");
  expect_contains(error_of("x    y\n1.0   2.0\n3.0   4.0\n"), "holds blanks between numbers: set .delimiter = ' '");
}

TEST(CsvTrailingDelimiters, AreNoColumns) {
  EXPECT_EQ(values("a,b,\n1,2,\n3,4,\n"), (Values{1, 2, 3, 4}));
  EXPECT_EQ(table("a,b,\n1,2,\n").names(), (Names{"a", "b"}));
  EXPECT_EQ(values("1,2,\n3,4,\n"), (Values{1, 2, 3, 4}));
  EXPECT_EQ(values("a,b,,,\n1,2,,,\n"), (Values{1, 2})) << "as workbooks write them";
  EXPECT_EQ(table("a,b\n1,\n2,\n").columns(), 2) << "a named column is one, though it is empty";
  EXPECT_EQ(table("a,b,\n1,2,\n3,4,5\n").columns(), 3);
  EXPECT_EQ(table("a,\"\"\n1,\"\"\n").columns(), 2) << "what is quoted is meant";
  EXPECT_EQ(table(",,\n,,\n").columns(), 3);
  expect_contains(error_of("a,b,\n1,2\n3,4\n"), "the first of them ends in a delimiter, the others do not: remove it");
  expect_contains(error_of("a,b\n1,2,\n3,4,\n"), "it ends in a delimiter, and the first does not");
}

TEST(CsvRowNames, OfRAreNamed) {
  const std::string message = error_of("\"x\",\"y\"\n\"1\",5.1,3.5\n\"2\",4.9,3.0\n");
  expect_contains(message,
                  "line 2 has 3 fields, but line 1 has 2: if the first field of each line is the name of a row");
  expect_contains(message, "col.names = NA, or row.names = FALSE");
  expect_contains(error_of("x y\na 1 2\nb 3 4\n", {.delimiter = ' '}), "is the name of a row");
  EXPECT_EQ(table("\"\",\"x\"\n\"1\",5.1\n\"2\",4.9\n").names(), (Names{"", "x"})) << "as write.csv writes them";
}

TEST(CsvCells, WhatIsNoNumberIsExplained) {
  const struct {
    const char *cell, *said;
  } cases[] = {
      {"5%", "has a percent sign: write numbers without it"},
      {"$5", "has a sign of currency"},
      {"5 \xe2\x82\xac", "has a sign of currency"},
      {"\xe2\x88\x92"
       "5",
       "has a minus sign that is not '-'"},
      {"0x1F", "is hexadecimal"},
      {"true", "is a truth value: read this column by labels() or one_hot()"},
      {"2020-01-31", "is a date or a time"},
      {"31/12/2020", "is a date or a time"},
      {"12:30", "is a date or a time"},
      {"1.5D+03", "has Fortran's exponent: write e in place of d"},
      {"1|2", "holds bars: set .delimiter = '|'"},
      {"1e400", "is too large"},
      {"-", "is not a number: correct it, add it to .na_values"},
      {"(5)", "is not a number"},
      {"1.5.5", "is not a number"},
  };
  for (const auto& [cell, said] : cases) expect_contains(error_of(std::string("a\n") + cell + "\n7\n8\n"), said);
  EXPECT_EQ(values("a\n+5\n 6\t\n"), (Values{5, 6}));
}

TEST(CsvOptions, ThatContradictAreRefused) {
  EXPECT_THROW(table("a\n", {.decimal = ',', .thousands = ','}), eg::ValueError);
  EXPECT_THROW(table("a\n", {.thousands = '5'}), eg::ValueError);
  EXPECT_THROW(table("a\n", {.thousands = '-'}), eg::ValueError);
  EXPECT_THROW(table("a\n", {.comment = ','}), eg::ValueError);
  EXPECT_THROW(table("a\n", {.comment = '"'}), eg::ValueError);
  EXPECT_THROW(table("a\n", {.delimiter = '\0'}), eg::ValueError);
  EXPECT_THROW(table("a\n", {.delimiter = '5'}), eg::ValueError);
}

TEST(CsvLines, AreCountedAcrossWhatIsSkipped) {
  std::string text = "# one\n\na,b\n1,2\n";
  for (int i = 0; i < 600; ++i) text += "# and more\n";
  text += "1,2\n\"x\ny\",3\n\n5,6\noops,7\n";
  const auto read = table(text, {.comment = '#'});
  expect_contains(message_of<eg::FileError>([&] { read.numbers<double>({"a"}); }), "line 606, column 1 ('a'): 'x?y'");
  expect_contains(message_of<eg::FileError>([&] { read.labels("b", {"2", "3", "6"}); }),
                  "line 610, column 2 ('b'): '7'");
}

TEST(CsvCategories, BecomeOneHot) {
  const auto read = table("x,colour\n1,red\n2,blue\n3,red\n");
  const auto [rows, names] = read.one_hot<float>("colour");
  EXPECT_EQ(names, (Names{"blue", "red"}));
  EXPECT_EQ(rows.shape(), (eg::Shape{3, 2}));
  EXPECT_EQ(std::vector<float>(rows.begin(), rows.end()), (std::vector<float>{0, 1, 1, 0, 0, 1}));
  EXPECT_EQ(read.one_hot<double>("colour", {"green", "red", "blue"}).values.shape(), (eg::Shape{3, 3}));
  expect_contains(message_of<eg::FileError>([&] { read.one_hot<float>("colour", {"red"}); }),
                  "line 3, column 2 ('colour'): 'blue' is none of the given classes");
  EXPECT_EQ(table("x,colour\n", {.header = eg::CsvHeader::yes}).one_hot<float>("colour").values.shape(),
            (eg::Shape{0, 0}));
}

TEST(CsvCategories, MissingOnesAreAnErrorOrAClass) {
  const auto read = table("x,colour\n1,red\n2,NA\n3,\n4,blue\n");
  expect_contains(message_of<eg::FileError>([&] { read.labels("colour"); }),
                  "line 3, column 2 ('colour'): 'NA' stands for a missing value (.na_values), where a class is needed: "
                  "fill it in, pass CsvMissing::own_class, or leave it out of .na_values");
  const auto [rows, names] = read.one_hot<float>("colour", {}, eg::CsvMissing::own_class);
  EXPECT_EQ(names, (Names{"blue", "red", "(missing)"}));
  EXPECT_EQ(std::vector<float>(rows.begin(), rows.end()), (std::vector<float>{0, 1, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0}));
  EXPECT_EQ(table("x,k\n1,a\n2,b\n").labels("k", {}, eg::CsvMissing::own_class).names, (Names{"a", "b"}));
  EXPECT_EQ(read.labels("colour", {"NA", "red", "blue"}, eg::CsvMissing::own_class).names,
            (Names{"NA", "red", "blue", "(missing)"}))
      << "a class that is given counts, whatever it is called";
  EXPECT_EQ(table("x,k\n1,NA\n2,b\n", {.na_values = {}}).labels("k").names, (Names{"NA", "b"}));
  expect_contains(
      message_of<eg::FileError>([] { table("x,k\n1,(missing)\n2,?\n").labels("k", {}, eg::CsvMissing::own_class); }),
      "has a class (missing) already");
}
