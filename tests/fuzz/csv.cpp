// A CSV text of any bytes is read, or refused by a FileError; never anything else. By libFuzzer (scripts/fuzz.sh), and
// over the stored corpus by replay.cpp.
#include <eigengrad/data/csv.hpp>

#include <cstdint>
#include <cstdlib>

namespace eg = eigengrad;

static void must(bool condition) {
  if (!condition) std::abort();
}
template <class Action>
static void refused_or(Action action) {
  try {
    action();
  } catch (const eg::FileError&) {
  }
}

static void read_by(const std::string& text, const eg::CsvOptions& options) {
  const eg::CsvTable table(text, options, "fuzz");
  const eg::Index rows = table.rows(), columns = table.columns();
  must(rows >= 0 && columns > 0 && rows * columns <= static_cast<eg::Index>(text.size()) + 1);
  const auto names = table.names();
  must(names.size() == static_cast<std::size_t>(columns));
  std::size_t characters = 0;
  for (eg::Index r = 0; r < rows; ++r)
    for (eg::Index c = 0; c < columns; ++c) characters += table.text(r, c).size();
  must(characters <= text.size());
  refused_or([&] { must(table.numbers<double>().shape() == (eg::Shape{rows, columns})); });
  refused_or([&] { must(table.numbers<std::int64_t>().shape() == (eg::Shape{rows, columns})); });
  for (const std::string& name : {names.front(), names.back()}) {
    refused_or([&] { must(table.one_hot<float>(name, {}, eg::CsvMissing::own_class).values.shape()[0] == rows); });
    refused_or([&] { must(table.classification<float>(name).size() == rows); });
    refused_or([&] { table.numbers<float>({name}); });
  }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  using enum eg::CsvHeader;
  for (const eg::CsvOptions& options : {
           eg::CsvOptions{},
           eg::CsvOptions{.header = no, .empty_as_nan = true, .na_values = {"-", "-999"}, .thousands = ','},
           eg::CsvOptions{.header = yes, .delimiter = ';', .decimal = ',', .thousands = '.', .skip_rows = 1},
           eg::CsvOptions{.delimiter = ' ', .thousands = ' ', .comment = '#'},
       })
    refused_or([&] { read_by(text, options); });
  return 0;
}
