#include <eigengrad/data/csv.hpp>

#include <locale>

#include "files.hpp"

namespace eg = eigengrad;
using Names = std::vector<std::string>;

static eg::CsvTable table(const std::string& text, const eg::CsvOptions& options = {}) {
  return eg::CsvTable(text, options, "some.csv");
}
template <class T = double>
static std::vector<T> values(const eg::Tensor<T>& tensor) {
  return {tensor.begin(), tensor.end()};
}
static std::string number_error(const std::string& text, const eg::CsvOptions& options = {}) {
  return message_of<eg::FileError>([&] { table(text, options).numbers<double>(); });
}

// 59: files as they come, in every locale.
TEST(Csv, ReadsAFileWithHeader) {
  const TemporaryFolder folder;
  const auto read = eg::read_csv(folder.write("a.csv", "\xef\xbb\xbfwidth,height\r\n1,2.5\r\n-3,4e2\r\n"));
  EXPECT_EQ(read.names(), (Names{"width", "height"}));
  const auto numbers = read.numbers<float>();
  EXPECT_EQ(numbers.shape(), (eg::Shape{2, 2}));
  EXPECT_EQ(values(numbers), (std::vector<float>{1, 2.5, -3, 400}));
  EXPECT_EQ(values(read.numbers<double>({"height", "width"})), (std::vector<double>{2.5, 1, 400, -3}));
  EXPECT_EQ(values(read.numbers_except<double>("width")), (std::vector<double>{2.5, 400}));
  EXPECT_EQ(values(read.numbers<std::int64_t>({"width"})), (std::vector<std::int64_t>{1, -3}));
}

TEST(Csv, TheHeaderIsRecognisedOrStated) {
  EXPECT_EQ(table("1,2\n3,4\n").rows(), 2);
  EXPECT_EQ(table("1,2\n3,4\n").names(), (Names{"0", "1"}));
  EXPECT_EQ(table("1,2\n3,4\n", {.header = eg::CsvHeader::yes}).names(), (Names{"1", "2"}));
  EXPECT_EQ(table("5.1,setosa\n4.9,setosa\n").rows(), 2) << "a row with a number is no header";
  EXPECT_EQ(table("nan,x\n4.9,setosa\n").rows(), 2);
  EXPECT_EQ(table("a,b\n1,2\n", {.header = eg::CsvHeader::no}).rows(), 2);
  expect_contains(number_error("1,label\n3,4\n"), "set .header = CsvHeader::yes");
}

TEST(Csv, OnlyAHeaderGivesNoRows) {
  const auto read = table("a,b\n");
  EXPECT_EQ(read.rows(), 0);
  EXPECT_EQ(read.numbers<float>().shape(), (eg::Shape{0, 2}));
  EXPECT_EQ(read.labels("a").labels.shape(), (eg::Shape{0}));
  EXPECT_EQ(read.classification<float>("b").size(), 0);
}

TEST(Csv, EmptyAndMissingFilesAreNamed) {
  const TemporaryFolder folder;
  const std::string path = folder.write("empty.csv", "");
  expect_contains(message_of<eg::FileError>([&] { eg::read_csv(path); }), "'" + path + "' is empty");
  expect_contains(message_of<eg::FileError>([&] { eg::read_csv(folder.path() + "/no.csv"); }), "no.csv");
}

TEST(Csv, DecimalCommas) {
  EXPECT_EQ(values(table("a;b\n1,5;-2\n", {.delimiter = ';', .decimal = ','}).numbers<double>()),
            (std::vector<double>{1.5, -2}));
  const std::string semicolons = number_error("a;b\n1,5;2,5\n", {.delimiter = ';'});
  expect_contains(semicolons, "'some.csv': line 2, column 1 ('a'): '1,5' has a decimal comma: set .decimal = ','");
  expect_contains(number_error("a,b\n\"1,5\",2\n"), "has a decimal comma");
  expect_contains(number_error("a;b\n1.5;2\n", {.delimiter = ';', .decimal = ','}), "decimal point");
  expect_contains(number_error("a\n1;5\n"), "set .delimiter = ';'");
  expect_contains(number_error("a\n1\t5\n"), "set .delimiter = '\\t'");
  expect_contains(message_of<eg::FileError>([] { table("a,b\n1,5,2,5\n"); }), ".decimal");
}

TEST(Csv, NumbersAtTheEdges) {
  const auto read = table("a\ninf\n-Infinity\nNaN\n 1.5\t\n+2\n1e-400\n").numbers<double>();
  EXPECT_EQ(read(0, 0), INFINITY);
  EXPECT_EQ(read(1, 0), -INFINITY);
  EXPECT_TRUE(std::isnan(read(2, 0)));
  EXPECT_EQ(read(3, 0), 1.5);
  EXPECT_EQ(read(4, 0), 2);
  EXPECT_EQ(read(5, 0), 0);
  expect_contains(number_error("a,b\n1,2\n1,1e400\n"), "line 3, column 2 ('b'): '1e400' is too large");
  EXPECT_THROW(table("a\n1e39\n").numbers<float>(), eg::FileError);
}

TEST(Csv, TextWhereANumberIsNeeded) {
  const std::string message = number_error("size,species\n1,setosa\n");
  expect_contains(message, "'some.csv': line 2, column 2 ('species'): 'setosa' is not a number");
  expect_contains(message, "labels()");
  expect_contains(number_error("a,b\n\"x\ny\",1\n2,3\n"), "line 2");
  expect_contains(number_error("a,b\n\"1\",\"2\"\n\n\n3,oops\n"), "line 5");
  EXPECT_THROW(table("a\n1.5\n").numbers<std::int64_t>(), eg::FileError);
}

TEST(Csv, EmptyNumbers) {
  expect_contains(number_error("a,b\n1,\n"), "is empty, where a number is needed");
  const auto read = table("a,b\n1,\n ,2\n", {.empty_as_nan = true}).numbers<float>();
  EXPECT_TRUE(std::isnan(read(0, 1)));
  EXPECT_TRUE(std::isnan(read(1, 0)));
  EXPECT_THROW((table("a,b\n1,\n", {.empty_as_nan = true}).numbers<std::int64_t>()), eg::FileError);
}

TEST(Csv, LabelsAreSortedUnlessGiven) {
  const auto read = table("x,kind\n1,dog\n2,cat\n3,dog\n4,\"a, b\"\n");
  const auto [labels, names] = read.labels("kind");
  EXPECT_EQ(names, (Names{"a, b", "cat", "dog"}));
  EXPECT_EQ(values(labels), (std::vector<std::int64_t>{2, 1, 2, 0}));
  const auto given = table("kind\ndog\ncat\n", {.header = eg::CsvHeader::yes}).labels("kind", {"dog", "cat", "cow"});
  EXPECT_EQ(values(given.labels), (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(given.names.size(), 3u);
  const auto whole = table("x,kind\n1,10\n2,9\n3,-1\n").labels("kind");
  EXPECT_EQ(whole.names, (Names{"-1", "9", "10"}));
  EXPECT_EQ(values(whole.labels), (std::vector<std::int64_t>{2, 1, 0}));

  expect_contains(message_of<eg::FileError>([&] { read.labels("kind", {"dog", "cat"}); }), "line 5, column 2 ('kind')");
  expect_contains(message_of<eg::FileError>([] { table("x,kind\n1,\n").labels("kind"); }), "is empty");
}

TEST(Csv, ColumnsThatAreNotThereOrTwice) {
  const auto read = table("a,b,a\n1,2,3\n");
  expect_contains(message_of<eg::FileError>([&] { read.labels("c"); }), "has no column 'c': it has 'a', 'b', 'a'");
  expect_contains(message_of<eg::FileError>([&] { read.numbers<float>({"a"}); }), "more than one column 'a'");
  EXPECT_EQ(read.text(0, 2), "3");
  EXPECT_THROW(read.text(1, 0), eg::IndexError);
  EXPECT_THROW(read.text(0, 3), eg::IndexError);
  EXPECT_THROW(read.text(-1, 0), eg::IndexError);
}

TEST(Csv, BecomesADataset) {
  const auto read = table("x,kind,y\n1,b,10\n2,a,20\n");
  const auto classes = read.classification<float>("kind");
  EXPECT_EQ(values(classes.inputs), (std::vector<float>{1, 10, 2, 20}));
  EXPECT_EQ(values(classes.targets), (std::vector<std::int64_t>{1, 0}));
  EXPECT_EQ(classes.input_names, (Names{"x", "y"}));
  EXPECT_EQ(classes.class_names, (Names{"a", "b"}));
  const auto curve = table("x,y\n1,10\n2,20\n").regression<float>("y");
  EXPECT_EQ(curve.targets.shape(), (eg::Shape{2, 1}));
  EXPECT_EQ(values(curve.targets), (std::vector<float>{10, 20}));
}

TEST(Csv, RefusesOptionsThatContradict) {
  EXPECT_THROW(table("a\n", {.delimiter = '.'}), eg::ValueError);
  EXPECT_THROW(table("a\n", {.delimiter = '"'}), eg::ValueError);
  EXPECT_THROW(table("a\n", {.delimiter = '\n'}), eg::ValueError);
  EXPECT_THROW(table("a\n", {.decimal = ','}), eg::ValueError);
  EXPECT_THROW(table("a\n", {.decimal = 'x'}), eg::ValueError);
}

TEST(Csv, IsTheSameInEveryLocale) {
  // Works without the system's de_DE: a C++ locale of our own with a decimal comma.
  struct Comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Comma));
  EXPECT_EQ(values(table("a,b\n1.5,1234.25\n").numbers<double>()), (std::vector<double>{1.5, 1234.25}));
  expect_contains(number_error("a,b\n1.5,x\n1234,2\n"), "line 2");
  std::locale::global(before);
}

TEST(Csv, ACopyOfATableIsWhole) {
  auto read = std::make_unique<eg::CsvTable>("a\n1\n", eg::CsvOptions{}, "some.csv");
  const eg::CsvTable copy = *read;
  read.reset();
  EXPECT_EQ(copy.numbers<float>().item(), 1);
}

TEST(Csv, DamagedFilesNeverCrash) {
  const std::string good = "width,\"he\"\"ight\",kind\r\n1,2.5,\"a,\nb\"\r\n-3,4e2,c\r\n";
  for (std::size_t place = 0; place < good.size(); ++place)
    for (const char damage : {'\0', '"', ',', '\n', '\r', 'x', '\xff'}) {
      std::string text = good;
      text[place] = damage;
      for (const std::string& variant : {text, text.substr(0, place)}) try {
          table(variant).classification<float>("kind");
        } catch (const eg::FileError& error) {
          expect_contains(error.what(), "some.csv");
        }
    }
}
