#pragma once

#include <algorithm>

#include "../core/tensor.hpp"
#include "../io/csv_header.hpp"
#include "../io/file.hpp"
#include "dataset.hpp"
#include "labels.hpp"

// Tables of numbers and text. Whether the first line names the columns is decided by comparing it with those below.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A text column as classes: labels [rows], and names[label].
struct CsvLabels {
  Tensor<std::int64_t> labels;
  std::vector<std::string> names;
};

/// A text column as rows with a single 1: values [rows, names].
template <class T>
struct CsvOneHot {
  Tensor<T> values;
  std::vector<std::string> names;
};

/// A CSV file's rows and named columns (without a header they are called "0", "1", ...). Cells become numbers when
/// asked for; every error is a FileError with the file, the line, the column and what to do.
EIGENGRAD_LAZY class BasicCsvTable {
 public:
  /// Takes a CSV text; `name` stands for the file in messages.
  BasicCsvTable(std::string text, CsvOptions options, std::string name)
      : options_(std::move(options)), name_(std::move(name)) {
    options_.validate();
    cells_ = split_csv(std::move(text), options_, name_);
    // Delimiters at the end of every line, the first included, are no columns.
    if (cells_.trailing_empty < cells_.columns)
      columns_ = cells_.columns - cells_.trailing_empty;
    else
      columns_ = cells_.columns;
    const CsvNumbers<> numbers(options_);
    const bool header = options_.header == CsvHeader::automatic
                            ? CsvHeaderDecision<>(cells_, numbers, name_, columns_).has_header()
                            : options_.header == CsvHeader::yes;
    first_row_ = header ? 1 : 0;
  }

  Index rows() const { return cells_.rows() - first_row_; }
  Index columns() const { return columns_; }
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (Index c = 0; c < columns(); ++c) result.push_back(name_of(c));
    return result;
  }

  /// The position of the column of that name; throws FileError listing the names there are.
  Index column(std::string_view name) const {
    Index found = -1;
    std::string known;
    CsvCursor header = cells_.at(0);
    for (Index c = 0; c < columns(); ++c) {
      const std::string other = first_row_ > 0 ? std::string(header.next().text) : to_text(c);
      if (known.size() < 400) known += (known.empty() ? "" : ", ") + excerpt(other);
      if (other != name) continue;
      require<FileError>(found < 0, "csv: '", name_, "' has more than one column ", excerpt(name),
                         ": rename one in the file's header");
      found = c;
    }
    if (found < 0) fail<FileError>("csv: '", name_, "' has no column ", excerpt(name), ": it has ", known);
    return found;
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
    return numbers_without<T>(-1);
  }
  /// The named columns as numbers, in that order, [rows, names].
  template <class T>
  Tensor<T> numbers(const std::vector<std::string>& names) const {
    std::vector<Delayed<Index, Lazy>> chosen;
    chosen.reserve(names.size());
    for (const std::string& name : names) chosen.push_back(column(name));
    Tensor<T> result = Tensor<T>::empty({rows(), static_cast<Index>(chosen.size())});
    T* out = kernel_access(result).writable_numbers();
    const CsvNumbers<> reader(options_);
    for (Index r = 0; r < rows(); ++r)
      for (const Index c : chosen) *out++ = number<T>(reader, text(r, c), r, c);
    return result;
  }
  /// All columns but one as numbers, [rows, columns - 1].
  template <class T>
  Tensor<T> numbers_except(std::string_view name) const {
    return numbers_without<T>(column(name));
  }

  /// A column's texts as classes 0, 1, ...: sorted (as numbers when all are whole numbers), or in the order of
  /// `classes`, where a text that is not among them is an error. Missing cells (see CsvOptions::na_values) are errors,
  /// or the last class.
  CsvLabels labels(std::string_view name, std::vector<std::string> classes = {},
                   CsvMissing missing = CsvMissing::error) const {
    const Index c = column(name);
    const CsvNumbers<> reader(options_);
    const bool given = !classes.empty();
    if (!given) classes = distinct(reader, c);
    using Rank = std::pair<Delayed<std::string_view, Lazy>, std::int64_t>;
    std::vector<Rank> ranks;
    ranks.reserve(classes.size());
    for (const std::string& text : classes) ranks.emplace_back(text, static_cast<std::int64_t>(ranks.size()));
    std::sort(ranks.begin(), ranks.end());
    const auto find = [&](std::string_view cell) {
      const auto found = std::lower_bound(ranks.begin(), ranks.end(), Rank(cell, 0));
      return found == ranks.end() || found->first != cell ? std::int64_t{-1} : found->second;
    };
    const auto own_class = static_cast<std::int64_t>(ranks.size());
    bool any_missing = false;
    Tensor<std::int64_t> result = Tensor<std::int64_t>::empty({rows()});
    std::int64_t* out = kernel_access(result).writable_numbers();
    for (Index r = 0; r < rows(); ++r) {
      const std::string_view cell = text(r, c);
      std::int64_t label = find(cell);
      if (label < 0) {
        if (!reader.is_missing(cell)) cell_error(r, c, "is none of the given classes: correct it, or add it to them");
        if (missing == CsvMissing::error)
          cell_error(r, c,
                     cell.empty()
                         ? "is empty, where a class is needed: fill it in, or pass CsvMissing::own_class"
                         : "stands for a missing value (.na_values), where a class is needed: fill it in, pass "
                           "CsvMissing::own_class, or leave it out of .na_values");
        label = own_class;
        any_missing = true;
      }
      *out++ = label;
    }
    if (any_missing) {
      static constexpr std::string_view own_name = "(missing)";
      require<FileError>(find(own_name) < 0, "csv: '", name_, "': column ", excerpt(name), " has a class ", own_name,
                         " already: give the missing cells a name in the file");
      classes.emplace_back(own_name);
    }
    return {std::move(result), std::move(classes)};
  }

  /// A text column as rows with a single 1, [rows, classes], for a model's inputs; classes and missing as for labels.
  template <class T>
  CsvOneHot<T> one_hot(std::string_view name, std::vector<std::string> classes = {},
                       CsvMissing missing = CsvMissing::error) const {
    CsvLabels read = labels(name, std::move(classes), missing);
    if (rows() == 0) return {Tensor<T>::zeros({0, static_cast<Index>(read.names.size())}), std::move(read.names)};
    return {eigengrad::one_hot<T>(read.labels, static_cast<Index>(read.names.size())), std::move(read.names)};
  }

  /// The column `target` as class labels (see labels), all others as inputs.
  template <class T>
  Dataset<T, std::int64_t> classification(std::string_view target, std::vector<std::string> classes = {}) const {
    CsvLabels read = labels(target, std::move(classes));
    Dataset<T, std::int64_t> result(numbers_except<T>(target), std::move(read.labels));
    result.class_names = std::move(read.names);
    result.input_names = names_without(column(target));
    return result;
  }
  /// The column `target` as numbers [rows, 1], all others as inputs.
  template <class T>
  Dataset<T> regression(std::string_view target) const {
    Dataset<T> result(numbers_except<T>(target), numbers<T>({std::string(target)}));
    result.input_names = names_without(column(target));
    return result;
  }

 private:
  std::string name_of(Index column) const {
    return first_row_ > 0 ? std::string(cells_.cell(0, column)) : to_text(column);
  }
  std::vector<std::string> names_without(Index left_out) const {
    std::vector<std::string> result = names();
    result.erase(result.begin() + left_out);
    return result;
  }

  // The texts of a column, each once and in order, but for those that stand for missing values.
  std::vector<std::string> distinct(const CsvNumbers<>& reader, Index c) const {
    std::vector<Delayed<std::string_view, Lazy>> result;
    const auto merge = [&] {
      std::sort(result.begin(), result.end());
      result.erase(std::unique(result.begin(), result.end()), result.end());
    };
    std::size_t full = 1024;
    for (Index r = 0; r < rows(); ++r) {
      const std::string_view cell = text(r, c);
      if (reader.is_missing(cell)) continue;
      result.push_back(cell);
      if (result.size() < full) continue;
      merge();
      full = std::max<std::size_t>(1024, 2 * result.size());
    }
    merge();
    const auto value = [](std::string_view cell) {
      std::int64_t number = 0;
      return std::pair(parse_number(cell, number) == NumberStatus::good, number);
    };
    if (std::all_of(result.begin(), result.end(), [&](std::string_view cell) { return value(cell).first; }))
      std::sort(result.begin(), result.end(), [&](std::string_view a, std::string_view b) {
        return std::pair(value(a).second, a) < std::pair(value(b).second, b);
      });
    return {result.begin(), result.end()};
  }

  template <class T>
  Tensor<T> numbers_without(Index left_out) const {
    Tensor<T> result = Tensor<T>::empty({rows(), columns() - (left_out < 0 ? 0 : 1)});
    if (rows() == 0) return result;
    T* out = kernel_access(result).writable_numbers();
    const CsvNumbers<> reader(options_);
    CsvCursor cursor = cells_.at(first_row_);
    for (Index r = 0; r < rows(); ++r)
      for (Index c = 0; c < cells_.columns; ++c) {
        const std::string_view cell = cursor.next().text;
        if (c != left_out && c < columns()) *out++ = number<T>(reader, cell, r, c);
      }
    return result;
  }

  template <class T>
  T number(const CsvNumbers<>& reader, std::string_view cell, Index row, Index column) const {
    T value{};
    const NumberStatus status = reader.parse(cell, value);
    if (status == NumberStatus::good && !reader.is_sentinel(value)) return value;
    if (status == NumberStatus::out_of_range)
      cell_error(row, column, "is too large for the number type asked for: correct it, or read a wider type");
    const bool empty = CsvNumbers<>::trimmed(cell).empty();
    if (reader.is_missing(cell)) {
      if constexpr (std::is_floating_point_v<T>)
        if (!empty || options_.empty_as_nan) return std::numeric_limits<T>::quiet_NaN();
      cell_error(row, column,
                 empty ? "is empty, where a number is needed: fill it in, or set .empty_as_nan = true for floats"
                       : "stands for a missing number (.na_values), which whole numbers cannot: read floats");
    }
    if (const std::string_view problem = explain(reader, cell, column); !problem.empty())
      cell_error(row, column, problem);
    if (row + first_row_ == 0)
      cell_error(row, column, "is not a number: if this line names the columns, set .header = CsvHeader::yes");
    cell_error(row, column,
               "is not a number: correct it, add it to .na_values if it stands for a missing number, or read "
               "this column by labels() and the others by name");
  }

  // What may be a thousands separator or a decimal sign, other cells of the column can tell.
  std::string_view explain(const CsvNumbers<>& reader, std::string_view cell, Index column) const {
    std::string_view problem = reader.explain(cell);
    if (problem.find("may separate thousands or be") == std::string_view::npos) return problem;
    for (Index r = 0; r < std::min<Index>(rows(), 1000); ++r)
      if (const std::string_view other = reader.explain(text(r, column));
          other.starts_with("has thousands separators") || other.starts_with("has a decimal"))
        return other;
    return problem;
  }

  [[noreturn]] void cell_error(Index row, Index column, std::string_view what) const {
    fail<FileError>("csv: '", name_, "': line ", cells_.line(row + first_row_), ", column ", column + 1, " (",
                    excerpt(name_of(column)), "): ", excerpt(text(row, column)), " ", what);
  }

  CsvOptions options_;
  std::string name_;
  BasicCsvCells<Lazy> cells_;
  Index columns_ = 0, first_row_ = 0;
};

using CsvTable = BasicCsvTable<>;

/// Reads a CSV file whole: `read_csv("iris.csv").classification<float>("species")`. RFC 4180, UTF-8 with or without a
/// byte order mark, the same in every locale; nan and inf are numbers, 1e400 is an error. Only a header gives no rows.
/// A table takes at most twice its file's memory. What is no such text is named: compressed, a workbook, UTF-16, ...
EIGENGRAD_LAZY CsvTable read_csv(const std::string& path, CsvOptions options = {}) {
  return CsvTable(read_file(path), std::move(options), path);
}

// Compiled: Tensor<T> BasicCsvTable<>::numbers<T>(const std::vector<std::string>&) const
// Compiled once: class BasicCsvTable<>
}}  // namespace eigengrad::EIGENGRAD_ABI
