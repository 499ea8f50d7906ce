#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "csv_options.hpp"
#include "file_kind.hpp"

// A CSV text cut into cells.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A piece of a file for an error message: at most 40 bytes, control characters as '?'.
EIGENGRAD_LAZY std::string excerpt(std::string_view text) {
  std::string result = "'";
  result += text.substr(0, 40);
  for (char& c : result)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  result += text.size() > 40 ? "...'" : "'";
  return result;
}

/// A cell without its quotes, and whether it had any.
struct CsvCell {
  std::string_view text;
  bool quoted = false;
};

/// Walks over cells one after another.
class CsvCursor {
 public:
  explicit CsvCursor(const char* at) : at_(at) {}
  CsvCell next() {
    const bool quoted = *at_ == '"';
    const std::string_view text(at_ + quoted);
    at_ = text.data() + text.size() + 1;
    return {text, quoted};
  }

 private:
  const char* at_;
};

/// The cells of a CSV text, row after row, all in the memory of the text itself: each is its characters, a quote before
/// them where they were quoted, and a NUL behind. Beside it there are 8 bytes for every 16 cells.
EIGENGRAD_LAZY struct BasicCsvCells {
  static constexpr Index stride = 16;

  std::string text;
  std::vector<Delayed<std::size_t, Lazy>> places;  // where every 16th cell begins
  std::string line_steps;                          // see add_row; empty while every line holds one row
  Index columns = 0, row_count = 0;
  Index first_line = 1;      // the line on which the first row begins, from 1
  Index trailing_empty = 0;  // so many unquoted cells at the end are empty in every row

  Index rows() const { return row_count; }
  /// A cursor at a cell; there may be none at the end of all.
  CsvCursor at(Index row, Index column = 0) const {
    const Index position = row * columns + column;
    CsvCursor cursor(text.data() + places[static_cast<std::size_t>(position / stride)]);
    for (Index i = position % stride; i > 0; --i) cursor.next();
    return cursor;
  }
  CsvCell whole_cell(Index row, Index column) const { return at(row, column).next(); }
  std::string_view cell(Index row, Index column) const { return whole_cell(row, column).text; }

  /// Notes a row that begins `step` lines after the one before. Steps are kept as bytes, 255 meaning that more follows,
  /// and only from the first on that is not 1.
  void add_row(Index step) {
    if (++row_count == 1) {
      first_line = step;
      return;
    }
    if (step == 1 && line_steps.empty()) return;
    if (line_steps.empty()) line_steps.assign(static_cast<std::size_t>(row_count - 2), '\1');
    for (; step >= 255; step -= 255) line_steps += '\xff';
    line_steps += static_cast<char>(step);
  }
  /// The line on which a row begins, from 1.
  Index line(Index row) const {
    if (line_steps.empty()) return first_line + row;
    Index result = first_line;
    for (std::size_t i = 0; row > 0; ++i) {
      result += static_cast<unsigned char>(line_steps[i]);
      row -= line_steps[i] != '\xff';
    }
    return result;
  }
};
using CsvCells = BasicCsvCells<>;

/// Cuts a text into cells, one character after another; see split_csv.
EIGENGRAD_LAZY class CsvSplitter {
 public:
  CsvSplitter(std::string text, const CsvOptions& options, std::string_view name)
      : text_(std::move(text)), options_(options), name_(name) {}

  CsvCells split() {
    require_text("csv", text_, name_, options_.skip_rows > 0 || options_.comment != '\0');
    if (text_.starts_with("\xef\xbb\xbf")) in_ = 3;
    for (Index i = 0; i < options_.skip_rows; ++i) skip_line();
    while (in_ < text_.size()) {
      if (begins_comment())
        skip_line();
      else
        row();
    }
    require<FileError>(cells_.rows() > 0, "csv: '", name_, "' is empty",
                       options_.skip_rows > 0 ? " after .skip_rows lines" : "",
                       ": rows of numbers or a header are needed");
    text_.resize(out_ - 1);  // a string ends in a NUL by itself
    cells_.text = std::move(text_);
    return std::move(cells_);
  }

 private:
  bool by_blanks() const { return options_.delimiter == ' '; }
  bool is_delimiter(char c) const { return c == options_.delimiter || (c == '\t' && by_blanks()); }
  static bool is_line_end(char c) { return c == '\n' || c == '\r'; }
  // What stands at a place; NUL at the text's end, and nowhere else.
  char at(std::size_t place) const { return place < text_.size() ? text_[place] : '\0'; }

  bool begins_comment() const {
    std::size_t place = in_;
    while (at(place) == ' ' || at(place) == '\t') ++place;
    return options_.comment != '\0' && at(place) == options_.comment;
  }
  void skip_line() {
    while (in_ < text_.size() && !is_line_end(text_[in_])) ++in_;
    if (in_ < text_.size()) pass_line_end(text_[in_]);
  }
  void pass_line_end(char first) {
    if (first == '\r' && at(in_ + 1) == '\n') ++in_;
    ++in_;
    ++line_;
  }
  void skip_blanks() {
    while (at(in_) == ' ' || at(in_) == '\t') ++in_;
  }

  void row() {
    const std::size_t begin = out_;
    const Index line = line_;
    if (by_blanks()) skip_blanks();
    Index fields = 0, filled = 0;  // `filled` counts up to the last cell that is not empty
    char stop = at(in_);
    const bool blank = stop == '\0' || is_line_end(stop);
    for (bool more = !blank; more; more = is_delimiter(stop)) {
      if ((position_ + fields++) % CsvCells::stride == 0) cells_.places.push_back(out_);
      const std::size_t cell = out_;
      if (at(in_) == '"')
        quoted_cell(line, fields);
      else
        plain_cell(line, fields);
      if (out_ > cell) filled = fields;
      stop = at(in_);
      if (by_blanks() && is_delimiter(stop)) {
        skip_blanks();
        const char next = at(in_);
        if (next == '\0' || is_line_end(next)) stop = next;
      } else if (is_delimiter(stop)) {
        ++in_;
      }
      text_[out_++] = '\0';  // in place of a delimiter, a quote, the line's end or the text's own
    }
    if (stop != '\0') pass_line_end(stop);
    if (!blank) end_row(line, fields, filled, begin);
  }

  void end_row(Index line, Index fields, Index filled, std::size_t begin) {
    if (cells_.rows() == 0) cells_.columns = cells_.trailing_empty = fields;
    if (fields != cells_.columns) ragged(line, fields, filled, begin);
    cells_.trailing_empty = (std::min)(cells_.trailing_empty, fields - filled);
    position_ += fields;
    cells_.add_row(line - last_line_);
    last_line_ = line;
  }

  void plain_cell(Index line, Index field) {
    for (; in_ < text_.size(); ++in_) {
      const char c = text_[in_];
      if (is_delimiter(c) || is_line_end(c)) return;
      if (c == '"') quote_error(line, field, "a quote inside a field that does not begin with one");
      text_[out_++] = c;
    }
  }

  void quoted_cell(Index line, Index field) {
    const Index opened = line_;
    text_[out_++] = text_[in_++];
    for (;; ++in_) {
      if (in_ >= text_.size()) quote_error(opened, field, "a quote that is never closed");
      if (text_[in_] == '"' && at(++in_) != '"') break;
      const char c = text_[in_];
      line_ += c == '\n' || (c == '\r' && at(in_ + 1) != '\n');  // of CR LF only the LF counts
      text_[out_++] = c;
    }
    const char stop = at(in_);
    if (stop != '\0' && !is_delimiter(stop) && !is_line_end(stop))
      quote_error(line, field, "text after a closing quote");
  }

  [[noreturn]] void quote_error(Index line, Index field, std::string_view what) const {
    fail<FileError>("csv: '", name_, "': line ", line, ", column ", field, ": ", what,
                    ": put the whole field in quotes, without blanks around them, and double the quotes inside it");
  }

  [[noreturn]] void ragged(Index line, Index fields, Index filled, std::size_t begin) const {
    const Index columns = cells_.columns;
    const bool second = cells_.rows() == 1;
    const char first = text_[0], here = text_[begin];
    const bool percent = first == '%' || here == '%';
    std::string_view remedy =
        "quote fields that hold the delimiter, or set .delimiter (and .decimal for numbers like 1,5), or .skip_rows "
        "where lines of text stand above the table";
    if (options_.comment == '\0' && (percent || first == '#' || here == '#'))
      remedy = percent ? "if lines that begin with '%' are comments, set .comment to it"
                       : "if lines that begin with '#' are comments, set .comment to it";
    else if (second && fields == columns - 1 && cells_.trailing_empty > 0)
      remedy = "the first of them ends in a delimiter, the others do not: remove it";
    else if (fields == columns + 1 && filled == columns)
      remedy = "it ends in a delimiter, and the first does not: remove it there, or add it to the first";
    else if (second && columns > 1 && fields == columns + 1)
      remedy =
          "if the first field of each line is the name of a row, as R writes them, give the column of these names a "
          "name, too (in R: col.names = NA, or row.names = FALSE)";
    fail<FileError>("csv: '", name_, "': line ", line, " has ", fields, " fields, but line ", cells_.line(0), " has ",
                    columns, ": ", remedy);
  }

  std::string text_;
  const CsvOptions& options_;
  std::string_view name_;
  BasicCsvCells<Lazy> cells_;
  std::size_t in_ = 0, out_ = 0;  // the cells are moved together in place: out_ never passes in_
  Index line_ = 1, last_line_ = 0, position_ = 0;
};

/// Splits a CSV text as RFC 4180 says: quoted fields may hold delimiters, doubled quotes and line ends. Lines end in
/// LF, CRLF or CR; a UTF-8 byte order mark and empty lines are skipped. Throws FileError with `name` and the line for
/// an empty text, what is no text in UTF-8, rows of different length, or quotes out of place.
EIGENGRAD_LAZY CsvCells split_csv(std::string text, const CsvOptions& options, std::string_view name) {
  return CsvSplitter<>(std::move(text), options, name).split();
}

// Compiled once: class CsvSplitter<>
}}  // namespace eigengrad::EIGENGRAD_ABI
