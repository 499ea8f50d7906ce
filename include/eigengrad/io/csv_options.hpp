#pragma once

#include <string>
#include <vector>

#include "../core/error.hpp"

// How a CSV file is to be read.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Whether the first line names the columns. `automatic` compares it with the lines below and throws, saying so, where
/// that does not tell.
enum class CsvHeader { automatic, yes, no };

/// What a text column's missing cells are: an error, or a class of their own, the last, named "(missing)".
enum class CsvMissing { error, own_class };

/// Settings of read_csv.
struct CsvOptions {
  CsvHeader header = CsvHeader::automatic;
  char delimiter = ',';       // ' ': any run of blanks and tabs, as in columns aligned by blanks
  char decimal = '.';         // ',' reads 1,5 as one and a half
  bool empty_as_nan = false;  // an empty cell becomes NaN instead of an error
  /// Cells that stand for a missing number and are read as NaN, in any case; an empty cell only with empty_as_nan.
  std::vector<std::string> na_values = {"", "NA", "N/A", "NaN", "null", "?"};
  char thousands = '\0';  // what may stand between groups of three digits, as in 1,234,567
  char comment = '\0';    // lines that begin with it are skipped
  Index skip_rows = 0;    // so many lines at the file's beginning are skipped

  /// Throws ValueError for characters that contradict each other.
  EIGENGRAD_LAZY void validate() const {
    const auto is_punctuation = [](char c) {
      return c != '"' && c != '\n' && c != '\r' && c != '\0' && c != '-' && c != '+' && !(c >= '0' && c <= '9') &&
             !((c | 32) >= 'a' && (c | 32) <= 'z');
    };
    require<ValueError>(
        is_punctuation(delimiter) && delimiter != decimal,
        "csv: the delimiter may not be a quote, a line end, a letter, a digit, a sign or the decimal sign");
    require<ValueError>(decimal == '.' || decimal == ',', "csv: the decimal sign must be '.' or ','");
    require<ValueError>(thousands == '\0' || (is_punctuation(thousands) && thousands != decimal && thousands != '\t'),
                        "csv: the thousands separator may not be a letter, a digit or the decimal sign: ",
                        "it is ',', '.', ' ', '\\'' or '_'");
    require<ValueError>(comment == '\0' || (is_punctuation(comment) && comment != delimiter && comment != decimal),
                        "csv: comments may not begin with a letter, a digit, the delimiter or the decimal sign");
    require<ValueError>(skip_rows >= 0, "csv: skip_rows is ", skip_rows, ": it must be 0 or more");
  }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
