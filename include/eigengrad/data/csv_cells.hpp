#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/error.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

/// A piece of a file for an error message: at most 40 bytes, control characters as '?'.
EIGENGRAD_LAZY std::string excerpt(std::string_view text) {
  std::string result = "'";
  result += text.substr(0, 40);
  for (char& c : result)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  result += text.size() > 40 ? "...'" : "'";
  return result;
}

/// The cells of a CSV text, row after row, without delimiters and quotes.
struct CsvCells {
  std::string text;                 // the cells' characters, one after another
  std::vector<std::size_t> starts;  // where each cell begins in `text`, and the end of the last
  std::vector<Index> lines;         // the line on which each row begins, from 1
  Index columns = 0;

  Index rows() const { return static_cast<Index>(lines.size()); }
  std::string_view cell(Index row, Index column) const {
    const auto at = static_cast<std::size_t>(row * columns + column);
    return std::string_view(text).substr(starts[at], starts[at + 1] - starts[at]);
  }
};

/// Cuts a text into cells, one character after another; see split_csv.
EIGENGRAD_LAZY class CsvSplitter {
 public:
  CsvSplitter(std::string text, char delimiter, std::string_view name)
      : text_(std::move(text)), delimiter_(delimiter), name_(name) {}

  CsvCells split() {
    require<FileError>(!text_.starts_with("\xff\xfe") && !text_.starts_with("\xfe\xff"), "csv: '", name_,
                       "' is UTF-16 text: save it as UTF-8");
    if (text_.starts_with("\xef\xbb\xbf")) in_ = 3;
    while (in_ < text_.size()) row();
    require<FileError>(cells_.rows() > 0, "csv: '", name_, "' is empty: rows of numbers or a header are needed");
    cells_.starts.push_back(out_);
    text_.resize(out_);
    cells_.text = std::move(text_);
    return std::move(cells_);
  }

 private:
  void row() {
    const std::size_t first = cells_.starts.size(), begin = in_;
    const Index line = line_;
    for (;; ++in_) {
      cells_.starts.push_back(out_);
      if (in_ < text_.size() && text_[in_] == '"')
        quoted_cell(line, first);
      else
        plain_cell(line, first);
      if (in_ >= text_.size() || text_[in_] != delimiter_) break;
    }
    const bool blank = in_ == begin;
    if (in_ < text_.size()) line_end();
    if (blank) return cells_.starts.pop_back();
    const Index fields = static_cast<Index>(cells_.starts.size() - first);
    if (cells_.rows() == 0) cells_.columns = fields;
    if (fields != cells_.columns)
      fail<FileError>("csv: '", name_, "': line ", line, " has ", fields, " fields, but line ", cells_.lines[0],
                      " has ", cells_.columns, ": quote fields that hold the delimiter '",
                      std::string_view(&delimiter_, 1), "', or set .delimiter (and .decimal for numbers like 1,5)");
    cells_.lines.push_back(line);
  }

  void plain_cell(Index line, std::size_t first) {
    for (; in_ < text_.size(); ++in_) {
      const char c = text_[in_];
      if (c == delimiter_ || c == '\n' || c == '\r') return;
      if (c == '"') quote_error(line, first, "a quote inside a field that does not begin with one");
      text_[out_++] = c;
    }
  }

  void quoted_cell(Index line, std::size_t first) {
    const Index opened = line_;
    for (++in_;; ++in_) {
      if (in_ >= text_.size()) quote_error(opened, first, "a quote that is never closed");
      if (text_[in_] == '"' && text_[++in_] != '"') break;  // std::string ends in a readable '\0'
      line_ += ends_line();
      text_[out_++] = text_[in_];
    }
    if (in_ < text_.size() && text_[in_] != delimiter_ && text_[in_] != '\n' && text_[in_] != '\r')
      quote_error(line, first, "text after a closing quote");
  }

  // Whether the line ends at this character; of CR LF only the LF counts.
  bool ends_line() const { return text_[in_] == '\n' || (text_[in_] == '\r' && text_[in_ + 1] != '\n'); }
  void line_end() {
    if (!ends_line()) ++in_;
    ++in_;
    ++line_;
  }
  [[noreturn]] void quote_error(Index line, std::size_t first, std::string_view what) const {
    fail<FileError>("csv: '", name_, "': line ", line, ", column ", cells_.starts.size() - first, ": ", what,
                    ": put the whole field in quotes and double the quotes inside it");
  }

  std::string text_;
  char delimiter_;
  std::string_view name_;
  CsvCells cells_;
  std::size_t in_ = 0, out_ = 0;  // the cells are moved together in place: out_ never passes in_
  Index line_ = 1;
};

/// Splits a CSV text as RFC 4180 says: quoted fields may hold delimiters, doubled quotes and line ends. Lines end in
/// LF, CRLF or CR; a UTF-8 byte order mark and empty lines are skipped. Throws FileError with `name` and the line for
/// an empty text, rows of different length, or quotes out of place.
EIGENGRAD_LAZY CsvCells split_csv(std::string text, char delimiter, std::string_view name) {
  return CsvSplitter<>(std::move(text), delimiter, name).split();
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
