#include <eigengrad/data/csv.hpp>

#include "files.hpp"

namespace eg = eigengrad;

// How many samples a text has when nothing is said of a header; -1 when that is undecided, and an error says so.
static eg::Index samples(const std::string& text, eg::CsvOptions options = {}) {
  try {
    return eg::CsvTable(text, options, "some.csv").rows();
  } catch (const eg::FileError& error) {
    expect_contains(error.what(), "'some.csv': line ");
    expect_contains(error.what(), "may name the columns or be the first sample (");
    expect_contains(error.what(), "): set .header = CsvHeader::yes or CsvHeader::no");
    return -1;
  }
}
struct Case {
  const char* text;
  eg::Index samples;
};
static void expect_samples(std::initializer_list<Case> cases) {
  for (const Case& each : cases) EXPECT_EQ(samples(each.text), each.samples) << each.text;
}
// The lines below, many times over.
static std::string often(const std::string& first, const std::string& below, int times) {
  std::string text = first;
  for (int i = 0; i < times; ++i) text += below;
  return text;
}

// 74: a header or none, decided or asked.
TEST(CsvHeader, UsualFiles) {
  expect_samples({
      {"sepal_length,species\n5.1,setosa\n4.9,setosa\n", 2},
      {"5.1,setosa\n4.9,setosa\n", 2},
      {"a,b\n1,2\n3,4\n", 2},
      {"1,2\n3,4\n", 2},
      {"1,2,3\n4,5,6\n", 2},
      {"0,0,0\n0,1,1\n1,0,1\n1,1,0\n", 4},
      {"5.1,3.5\n4.9,3.0\n", 2},
      {"x\n1\n2\n", 2},
      {"3\n1\n2\n", 3},
      {"0\n1\n1\n0\n", 4},
      {"0,0\n0.1,0.05\n0.2,0.1\n", 3},
      {"id,name,age\n7,Ann,30\n8,Bob,31\n", 2},
      {"a,,c\n1,2,3\n", 1},
      {"a,b,a\n1,2,3\n", 1},
      {"\"a\",\"b\"\n\"1\",\"2\"\n", 1},
      {"\xef\xbb\xbf\"a\",b\r\n1,2\r\n", 1},
      {"\xe5\xba\xa6,\xe5\x80\xbc\n1,2\n", 1},
      {"date,value\n2020-01-01,5\n2020-01-02,6\n", 2},
      {"2020-01-01,5\n2020-01-02,6\n", 2},
      {"flag,on\ntrue,false\nfalse,true\n", 2},
      {"true,false\ntrue,true\n", 2},
      {"price,share\n$5,10%\n$6,20%\n", 2},
      {"time,speed\ns,m/s\n1,2\n3,4\n", 3},
      {"code,x\n7B,1\n3C,2\n", 2},
      {"7B,1\n3C,2\n", 2},
      {"#,name,score\n1,Bob,5\n2,Ann,6\n", 2},
  });
}

TEST(CsvHeader, OneLine) {
  expect_samples({{"a,b\n", 0}, {"1,2\n", 1}, {"5.1,setosa\n", 1}, {",\n", 1}, {"NA,NA\n", 1}, {"7\n", 1}, {"a", 0}});
}

TEST(CsvHeader, NamesThatAreNumbers) {
  expect_samples({
      {"2019,2020\n1,2\n3,4\n", 2},
      {"2020,2019,2018\n1.5,2,3\n", 1},
      {"\"2019\",\"2020\"\n1,2\n3,4\n", 2},
      {"\"7\",\"3\"\n1,2\n3,4\n", 2},
      {"country,2019,2020\nFrance,1,2\nSpain,3,4\n", 2},
      {",2019,2020\nFrance,1,2\nSpain,3,4\n", 2},
      {"id,2019,2020\n7,1,2\n", 1},
      {"2020-01-01,2020-01-02\n1,2\n", 1},
      {"0,1,2\n5.1,3.5,1.4\n4.9,3.0,1.4\n", 2},
      {"0,1,2,3,4\n5.1,3.5,1.4,0.2,0\n4.9,3.0,1.4,0.2,0\n", 2},
      {"0,1,2,3,4\n5.1,3.5,1.4,0.2,setosa\n", 1},
      {"1,2,3\n5.1,3.5,1.4\n4.9,3.0,1.4\n", 2},
      {",0,1\n0,5.1,3.5\n1,4.9,3.0\n", 2},
      {",0,1\n0,5,3\n1,4,3\n", 2},
      {",a,b\n0,5,3\n1,4,3\n", 2},
      {",name\n0,Ann\n1,Bob\n", 2},
      {"0,1\nred,5\nblue,6\n", 2},
      {"0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,7\n", 1},
  });
}

TEST(CsvHeader, WhatIsUndecidedIsAnError) {
  expect_samples({
      {"0,1\n1,0\n", -1},
      {"0,1,2\n3,4,5\n6,7,8\n", -1},
      {"0,1\n0.1,0.995\n0.2,0.98\n", -1},
      {"0\n5.1\n4.9\n", -1},
      {"2019\n1.5\n2.5\n", -1},
      {"2019,2020\n2021,5\n", -1},
      {"2019,2010,2015\n1,2,3\n", -1},
      {"10,20\n0.1,0.2\n0.3,0.4\n", -1},
      {"1,label\n3,4\n", -1},
      {"x,1.5\n2,3\n", -1},
      {"1.5x\n2\n3\n", -1},
      {"5%,6%\n1,2\n", -1},
      {"\"1,234\",5\n3,4\n", -1},
      {"None,None\n1,2\n", -1},
      {"-\n1\n2\n", -1},
      {"inf\n1\n2\n", -1},
      {"nan,inf\n1,2\nnan,3\n", -1},
      {"name,city\nAnn,Rome\nBob,Paris\n", -1},
      {"Ann,F\nBob,M\nCarl,M\n", -1},
  });
  expect_contains(message_of<eg::FileError>([] { eg::CsvTable("-\n1\n2\n", {}, "t"); }), "add them to .na_values");
}

TEST(CsvHeader, YearsAmongSamples) {
  expect_samples({{"2019,2020\n2021,2022\n", 2}, {"2000\n1500\n3000\n", 3}, {"2019,5\n2020,6\n", 2}});
}

TEST(CsvHeader, AFirstLineWithMissingValues) {
  expect_samples({
      {"NA,NA\n1,2\n3,4\n", 3},
      {",\n1,2\n", 2},
      {"NA,2\n1,2\n", 2},
      {",2\n1,2\n", 2},
      {"?,?\n1,2\n", 2},
      {"NaN\n1\n", 2},
      {"-inf,nan\n1,2\n", 2},
      {"NA,red\n1,red\n", 2},
      {"nan,x\n4.9,setosa\n", 2},
  });
  expect_samples({{"nan,inf\n1,2\n", 1}, {"a,nan,inf\n1,2,3\n", 1}, {"NA,x\n1,2\n", 1}, {"a,b\nNA,\n1,2\n", 2}});
}

TEST(CsvHeader, TablesOfTextAlone) {
  EXPECT_EQ(samples("dog\ncat\ndog\n"), 3) << "a class that occurs again is no name";
  EXPECT_EQ(samples(often("text,label\n", "hello,spam\nbye,ham\n", 10)), 20);
  EXPECT_EQ(samples(often("hello,spam\n", "hello,spam\nbye,ham\n", 10)), 21);
  EXPECT_EQ(samples("hello,spam\nbye,ham\n"), -1);
  EXPECT_EQ(samples("id\nk1\nk2\nk3\n"), 3) << "all others hold digits";
  EXPECT_EQ(samples("k0\nk1\nk2\nk3\n"), -1);
}

TEST(CsvHeader, WhatIsStatedHolds) {
  for (const char* text : {"0,1\n1,0\n", "a,b\nc,d\n", "2019,2020\n1,2\n", "1,2\n3,4\n", "-,-\n1,2\n"}) {
    EXPECT_EQ(samples(text, {.header = eg::CsvHeader::yes}), 1) << text;
    EXPECT_EQ(samples(text, {.header = eg::CsvHeader::no}), 2) << text;
  }
}

TEST(CsvHeader, FollowsTheOtherOptions) {
  EXPECT_EQ(samples("a;b\n1,5;2,5\n", {.delimiter = ';', .decimal = ','}), 1);
  EXPECT_EQ(samples("4,5;3,5\n1,5;2,5\n", {.delimiter = ';', .decimal = ','}), 2);
  EXPECT_EQ(samples("x y\n1   2\n", {.delimiter = ' '}), 1);
  EXPECT_EQ(samples("none,3\n1,4\n", {.na_values = {"none"}}), 2);
  EXPECT_EQ(samples("# made by hand\n7,8\n", {.comment = '#'}), 1);
  EXPECT_EQ(samples("some title\na,b\n1,2\n", {.skip_rows = 1}), 1);
}
