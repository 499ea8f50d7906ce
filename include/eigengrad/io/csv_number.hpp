#pragma once

#include <algorithm>

#include "csv_cells.hpp"
#include "number.hpp"

// Numbers as files write them.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Whether a text is made of one to three digits and then groups of a separator and three digits, as 1,234,567 is, with
/// a sign before and `decimal` and digits behind or not; `groups` becomes the number of separators.
EIGENGRAD_LAZY bool is_grouped(std::string_view text, std::string_view separator, char decimal, Index& groups) {
  const auto digits = [&](std::size_t from) {
    std::size_t count = 0;
    while (from + count < text.size() && text[from + count] >= '0' && text[from + count] <= '9') ++count;
    return count;
  };
  std::size_t at = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  const std::size_t first = digits(at);
  if (first < 1 || first > 3) return false;
  at += first;
  for (groups = 0; text.substr(at).starts_with(separator); ++groups) {
    if (digits(at + separator.size()) != 3) return false;
    at += separator.size() + 3;
  }
  if (groups == 0) return false;
  return at == text.size() || (text[at] == decimal && at + 1 + digits(at + 1) == text.size());
}

/// Reads a CSV file's cells as numbers, and says why one is none.
EIGENGRAD_LAZY class CsvNumbers {
 public:
  explicit CsvNumbers(const CsvOptions& options) : options_(options) {
    for (const std::string& word : options_.na_values)
      if (double value = 0; parse(word, value) == NumberStatus::good && !std::isnan(value)) sentinels_.push_back(value);
  }

  /// Without the blanks around it.
  static std::string_view trimmed(std::string_view cell) {
    const std::size_t first = cell.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return cell.substr(first, cell.find_last_not_of(" \t") - first + 1);
  }
  /// Whether the cell stands for a missing value: it is empty, one of na_values, or equal to one that is a number.
  bool is_missing(std::string_view cell) const {
    cell = trimmed(cell);
    const auto same = [&](const std::string& word) { return equal_ignoring_case(cell, word); };
    if (cell.empty() || std::any_of(options_.na_values.begin(), options_.na_values.end(), same)) return true;
    double value = 0;
    return !sentinels_.empty() && parse(cell, value) == NumberStatus::good && is_sentinel(value);
  }
  /// Whether a number is among na_values, as -999 may be.
  template <class T>
  bool is_sentinel(T value) const {
    return std::any_of(sentinels_.begin(), sentinels_.end(),
                       [&](double sentinel) { return static_cast<T>(sentinel) == value; });
  }

  template <class T>
  NumberStatus parse(std::string_view cell, T& value) const {
    cell = trimmed(cell);
    if (options_.decimal == '.' && options_.thousands == '\0') return parse_number(cell, value);
    return parse_number(as_usual(cell), value);
  }

  /// What is wrong with a cell that is no number, and the remedy; behind the cell in a sentence. Empty: no idea.
  std::string_view explain(std::string_view cell) const {
    cell = trimmed(cell);
    const auto has = [&](std::string_view part) { return cell.find(part) != std::string_view::npos; };
    if (has("\xe2\x88\x92") || has("\xe2\x80\x93")) return "has a minus sign that is not '-': replace it by '-'";
    if (is_truth(cell)) return "is a truth value: read this column by labels() or one_hot(), or write 0 and 1";
    if (!has_digit(cell)) return "";
    if (has(";")) return "holds semicolons: set .delimiter = ';'";
    if (has("\t")) return "holds tabs: set .delimiter = '\\t'";
    if (has("|")) return "holds bars: set .delimiter = '|'";
    if (const std::string_view said = explain_separators(cell); !said.empty()) return said;
    if (has(" ") && cell.find_first_not_of("0123456789+-.eE ") == std::string_view::npos)
      return "holds blanks between numbers: set .delimiter = ' '";
    if (has("#") || has("//"))
      return "holds what may be a comment: .comment skips lines that begin with it, not the rest of a line";
    if (cell.back() == '%') return "has a percent sign: write numbers without it, or read this column by text()";
    for (const std::string_view sign : {"$", "\xe2\x82\xac", "\xc2\xa3", "\xc2\xa5", "EUR", "USD"})
      if (has(sign)) return "has a sign of currency: write numbers without it, or read this column by text()";
    if (cell.starts_with("0x") || cell.starts_with("0X")) return "is hexadecimal: write it in decimal digits";
    if (is_date(cell))
      return "is a date or a time: write it as a number (of days, or seconds), or read this column by text()";
    if (exponent_is_fortrans(cell)) return "has Fortran's exponent: write e in place of d";
    return "";
  }

  static bool has_digit(std::string_view cell) { return cell.find_first_of("0123456789") != std::string_view::npos; }
  static bool is_truth(std::string_view cell) {
    for (const std::string_view word : {"true", "false", "yes", "no"})
      if (equal_ignoring_case(trimmed(cell), word)) return true;
    return false;
  }
  /// Whether the cell looks like a date or a time: groups of digits with two '-' or '/', or with ':', between them.
  static bool is_date(std::string_view cell) {
    cell = trimmed(cell);
    const auto is_digit = [&](std::size_t i) { return i < cell.size() && cell[i] >= '0' && cell[i] <= '9'; };
    Index between = 0, colons = 0, digits = is_digit(0);
    for (std::size_t i = 1; i < cell.size(); ++i) {
      digits += is_digit(i);
      if (!is_digit(i - 1) || !is_digit(i + 1)) continue;
      between += cell[i] == '-' || cell[i] == '/' || cell[i] == '.';
      colons += cell[i] == ':';
    }
    return is_digit(0) && ((between == 2 && digits > 3) || colons > 0) &&
           cell.find_first_not_of("0123456789-/:. TZ+") == std::string_view::npos;
  }

 private:
  // A blank may be one that does not break (U+00A0, U+202F, U+2009).
  static constexpr std::string_view blanks[] = {" ", "\xc2\xa0", "\xe2\x80\xaf", "\xe2\x80\x89"};
  std::string_view thousands_in(std::string_view cell) const {
    if (options_.thousands == '\0') return {};
    for (const std::string_view blank : blanks)
      if (options_.thousands == ' ' && cell.find(blank) != std::string_view::npos) return blank;
    return cell.find(options_.thousands) == std::string_view::npos ? std::string_view()
                                                                   : std::string_view(&options_.thousands, 1);
  }

  /// With a decimal point, and without thousands separators; empty when they stand where they may not.
  std::string as_usual(std::string_view cell) const {
    std::string text(cell);
    const std::string_view separator = thousands_in(cell);
    Index groups = 0;
    if (!separator.empty()) {
      if (!is_grouped(cell, separator, options_.decimal, groups)) return "";
      for (std::size_t at; (at = text.find(separator)) != std::string::npos;) text.erase(at, separator.size());
    }
    if (options_.decimal == '.') return text;
    if (text.find('.') != std::string::npos) return "";
    if (const auto comma = text.find(','); comma != std::string::npos) text[comma] = '.';
    return text;
  }

  // Decimal commas, thousands, and what may be either.
  std::string_view explain_separators(std::string_view cell) const {
    const bool point = options_.decimal == '.';
    const char other = point ? ',' : '.';
    const auto grouped = [&](std::string_view separator, char decimal) {
      Index groups = 0;
      return is_grouped(cell, separator, decimal, groups) ? groups : 0;
    };
    const auto grouped_by = [&](std::string_view separator) {
      return grouped(separator, '.') > 0 || grouped(separator, ',') > 0;
    };
    if (const Index groups = grouped({&other, 1}, options_.decimal); groups > 0) {
      if (groups > 1 || cell.find(options_.decimal) != std::string_view::npos)
        return point ? "has thousands separators: set .thousands = ','"
                     : "has thousands separators: set .thousands = '.'";
      return point ? "has a comma, which may separate thousands or be a decimal comma: set .thousands = ',', or "
                     ".decimal = ',' (and .delimiter = ';', or as in the file)"
                   : "has a point, which may separate thousands or be a decimal point: set .thousands = '.', or leave "
                     ".decimal = '.'";
    }
    if (const Index groups = grouped({&options_.decimal, 1}, other);
        groups > 1 || (groups > 0 && cell.find(other) != std::string_view::npos))
      return point ? "has thousands separators: set .decimal = ',' and .thousands = '.'"
                   : "has thousands separators: set .decimal = '.' and .thousands = ','";
    if (grouped_by("'")) return "has thousands separators: set .thousands = '\\''";
    if (grouped_by("_")) return "has thousands separators: set .thousands = '_'";
    for (const std::string_view blank : blanks)
      if (grouped_by(blank))
        return "has blanks, which may separate thousands or columns: set .thousands = ' ', or .delimiter = ' '";
    if (cell.find_first_not_of("0123456789+-.,eE") != std::string_view::npos) return "";
    if (!thousands_in(cell).empty())
      return "has the thousands separator in an unusual place: groups are of three digits";
    if (cell.find(other) == std::string_view::npos) return "";
    return point ? "has a decimal comma: set .decimal = ',' and .delimiter = ';' (or as in the file)"
                 : "has a decimal point: leave .decimal = '.'";
  }

  static bool exponent_is_fortrans(std::string_view cell) {
    std::string text(cell);
    for (char& c : text)
      if (c == 'd' || c == 'D') c = 'e';
    double ignored = 0;
    return text != cell && parse_number(text, ignored) != NumberStatus::malformed;
  }

  const CsvOptions& options_;
  std::vector<Delayed<double, Lazy>> sentinels_;
};

// Compiled once: class CsvNumbers<>
}}  // namespace eigengrad::EIGENGRAD_ABI
