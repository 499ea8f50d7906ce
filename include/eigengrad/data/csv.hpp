#pragma once

#include <algorithm>

#include "csv_cells.hpp"
#include "dataset.hpp"
#include "file.hpp"
#include "number.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// Whether the first line names the columns. `automatic`: it does when none of its fields reads as a number.
enum class CsvHeader { automatic, yes, no };

struct CsvOptions {
  CsvHeader header = CsvHeader::automatic;
  char delimiter = ',';
  char decimal = '.';         // ',' reads 1,5 as one and a half
  bool empty_as_nan = false;  // a missing number becomes NaN instead of an error
};

/// A text column as classes: labels [rows], and names[label].
struct CsvLabels {
  Tensor<std::int64_t> labels;
  std::vector<std::string> names;
};

/// A CSV file's rows and named columns (without a header they are called "0", "1", ...). Cells become numbers when
/// asked for; every error is a FileError with the file, the line, the column and what to do.
EIGENGRAD_LAZY class BasicCsvTable {
 public:
  /// Takes a CSV text; `name` stands for the file in messages.
  BasicCsvTable(std::string text, CsvOptions options, std::string name) : options_(options), name_(std::move(name)) {
    const auto is_punctuation = [](char c) { return c != '"' && c != '\n' && c != '\r'; };
    require<ValueError>(is_punctuation(options_.delimiter) && options_.delimiter != options_.decimal,
                        "csv: the delimiter may not be a quote, a line end or the decimal sign");
    require<ValueError>(options_.decimal == '.' || options_.decimal == ',', "csv: the decimal sign must be '.' or ','");
    cells_ = split_csv(std::move(text), options_.delimiter, name_);
    bool header = options_.header == CsvHeader::yes;
    if (options_.header == CsvHeader::automatic) {
      header = true;
      double number = 0;
      for (Index c = 0; c < columns(); ++c)
        header = header && parse(cells_.cell(0, c), number) == NumberStatus::malformed;
    }
    first_row_ = header ? 1 : 0;
    for (Index c = 0; c < columns(); ++c) names_.push_back(header ? std::string(cells_.cell(0, c)) : to_text(c));
  }

  Index rows() const { return cells_.rows() - first_row_; }
  Index columns() const { return cells_.columns; }
  const std::vector<std::string>& names() const { return names_; }

  /// The position of the column of that name; throws FileError listing the names there are.
  Index column(std::string_view name) const {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found == names_.end()) {
      std::string known;
      for (const std::string& other : names_)
        if (known.size() < 400) known += (known.empty() ? "" : ", ") + excerpt(other);
      fail<FileError>("csv: '", name_, "' has no column ", excerpt(name), ": it has ", known);
    }
    require<FileError>(std::find(found + 1, names_.end(), name) == names_.end(), "csv: '", name_,
                       "' has more than one column ", excerpt(name), ": rename one in the file's header");
    return found - names_.begin();
  }
  /// A cell as it stands in the file, without quotes.
  std::string_view text(Index row, Index column) const {
    require<IndexError>(row >= 0 && row < rows() && column >= 0 && column < columns(), "csv: cell ", row, ", ", column,
                        " is outside the table of ", rows(), " rows and ", columns(), " columns");
    return cells_.cell(row + first_row_, column);
  }

  /// All columns as numbers, [rows, columns].
  template <class T>
  Tensor<T> numbers() const {
    std::vector<Index> chosen;
    for (Index c = 0; c < columns(); ++c) chosen.push_back(c);
    return numbers_of<T>(chosen);
  }
  /// The named columns as numbers, in that order, [rows, names].
  template <class T>
  Tensor<T> numbers(const std::vector<std::string>& names) const {
    std::vector<Index> chosen;
    for (const std::string& name : names) chosen.push_back(column(name));
    return numbers_of<T>(chosen);
  }
  /// All columns but one as numbers, [rows, columns - 1].
  template <class T>
  Tensor<T> numbers_except(std::string_view name) const {
    return numbers_of<T>(others(name));
  }

  /// A column's texts as classes 0, 1, ...: sorted (as numbers when all are whole numbers), or in the order of
  /// `classes`, where a text that is not among them is an error.
  CsvLabels labels(std::string_view name, std::vector<std::string> classes = {}) const {
    const Index c = column(name);
    const bool given = !classes.empty();
    std::vector<std::string_view> known(classes.begin(), classes.end());
    if (!given) known = distinct(c);
    std::vector<std::pair<std::string_view, std::int64_t>> ranks;
    for (const std::string_view text : known) ranks.emplace_back(text, static_cast<std::int64_t>(ranks.size()));
    std::sort(ranks.begin(), ranks.end());
    Tensor<std::int64_t> result = Tensor<std::int64_t>::empty({rows()});
    std::int64_t* out = result.mutable_data();
    for (Index r = 0; r < rows(); ++r) {
      const std::string_view cell = text(r, c);
      if (cell.empty()) cell_error(r, c, "is empty, where a class is needed: fill it in");
      const auto found = std::lower_bound(ranks.begin(), ranks.end(), std::pair(cell, std::int64_t{0}));
      if (found == ranks.end() || found->first != cell)
        cell_error(r, c, "is none of the given classes: correct it, or add it to them");
      *out++ = found->second;
    }
    if (!given) classes.assign(known.begin(), known.end());
    return {std::move(result), std::move(classes)};
  }

  /// The column `target` as class labels (see labels), all others as inputs.
  template <class T>
  Dataset<T, std::int64_t> classification(std::string_view target, std::vector<std::string> classes = {}) const {
    CsvLabels read = labels(target, std::move(classes));
    Dataset<T, std::int64_t> result(numbers_except<T>(target), std::move(read.labels));
    result.class_names = std::move(read.names);
    for (const Index c : others(target)) result.input_names.push_back(names_[static_cast<std::size_t>(c)]);
    return result;
  }
  /// The column `target` as numbers [rows, 1], all others as inputs.
  template <class T>
  Dataset<T> regression(std::string_view target) const {
    Dataset<T> result(numbers_except<T>(target), numbers_of<T>({column(target)}));
    for (const Index c : others(target)) result.input_names.push_back(names_[static_cast<std::size_t>(c)]);
    return result;
  }

 private:
  std::vector<Index> others(std::string_view name) const {
    const Index left_out = column(name);
    std::vector<Index> result;
    for (Index c = 0; c < columns(); ++c)
      if (c != left_out) result.push_back(c);
    return result;
  }

  std::vector<std::string_view> distinct(Index c) const {
    std::vector<std::string_view> result;
    for (Index r = 0; r < rows(); ++r) result.push_back(text(r, c));
    std::sort(result.begin(), result.end());
    result.erase(std::unique(result.begin(), result.end()), result.end());
    const auto value = [](std::string_view cell) {
      std::int64_t number = 0;
      return std::pair(parse_number(cell, number) == NumberStatus::good, number);
    };
    if (std::all_of(result.begin(), result.end(), [&](std::string_view cell) { return value(cell).first; }))
      std::sort(result.begin(), result.end(), [&](std::string_view a, std::string_view b) {
        return std::pair(value(a).second, a) < std::pair(value(b).second, b);
      });
    return result;
  }

  template <class T>
  Tensor<T> numbers_of(const std::vector<Index>& chosen) const {
    Tensor<T> result = Tensor<T>::empty({rows(), static_cast<Index>(chosen.size())});
    T* out = result.mutable_data();
    for (Index r = 0; r < rows(); ++r)
      for (const Index c : chosen) *out++ = number<T>(r, c);
    return result;
  }

  template <class T>
  NumberStatus parse(std::string_view cell, T& value) const {
    const std::size_t first = cell.find_first_not_of(" \t");
    if (first == std::string_view::npos) return NumberStatus::malformed;
    cell = cell.substr(first, cell.find_last_not_of(" \t") - first + 1);
    if (options_.decimal == '.') return parse_number(cell, value);
    if (cell.find('.') != std::string_view::npos) return NumberStatus::malformed;
    std::string text(cell);
    if (const auto comma = text.find(','); comma != std::string::npos) text[comma] = '.';
    return parse_number(text, value);
  }

  template <class T>
  T number(Index row, Index column) const {
    const std::string_view cell = text(row, column);
    T value{};
    const NumberStatus status = parse(cell, value);
    if (status == NumberStatus::good) return value;
    if (status == NumberStatus::out_of_range)
      cell_error(row, column, "is too large for the number type asked for: correct it, or read a wider type");
    if (cell.find_first_not_of(" \t") == std::string_view::npos) {
      if constexpr (std::is_floating_point_v<T>)
        if (options_.empty_as_nan) return std::numeric_limits<T>::quiet_NaN();
      cell_error(row, column, "is empty, where a number is needed: fill it in, or set .empty_as_nan = true for floats");
    }
    const bool any_digit = cell.find_first_of("0123456789") != std::string_view::npos;
    if (any_digit && cell.find(';') != std::string_view::npos)
      cell_error(row, column, "holds semicolons: set .delimiter = ';'");
    if (any_digit && cell.find('\t') != std::string_view::npos)
      cell_error(row, column, "holds tabs: set .delimiter = '\\t'");
    if (any_digit && options_.decimal == '.' && cell.find(',') != std::string_view::npos)
      cell_error(row, column, "has a decimal comma: set .decimal = ',' and .delimiter = ';' (or as in the file)");
    if (any_digit && options_.decimal == ',' && cell.find('.') != std::string_view::npos)
      cell_error(row, column, "has a decimal point: leave .decimal = '.', or remove thousands separators");
    if (row + first_row_ == 0)
      cell_error(row, column, "is not a number: if this line names the columns, set .header = CsvHeader::yes");
    cell_error(row, column, "is not a number: correct it, or read this column by labels() and the others by name");
  }

  [[noreturn]] void cell_error(Index row, Index column, std::string_view what) const {
    fail<FileError>("csv: '", name_, "': line ", cells_.lines[static_cast<std::size_t>(row + first_row_)], ", column ",
                    column + 1, " (", excerpt(names_[static_cast<std::size_t>(column)]),
                    "): ", excerpt(text(row, column)), " ", what);
  }

  CsvOptions options_;
  std::string name_;
  CsvCells cells_;
  std::vector<std::string> names_;
  Index first_row_ = 0;
};

using CsvTable = BasicCsvTable<>;

/// Reads a CSV file whole: `read_csv("iris.csv").classification<float>("species")`. RFC 4180, UTF-8 with or without a
/// byte order mark, the same in every locale; nan and inf are numbers, 1e400 is an error. Only a header gives no rows.
EIGENGRAD_LAZY CsvTable read_csv(const std::string& path, CsvOptions options = {}) {
  return CsvTable(read_file(path), options, path);
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
