#pragma once

#include <cmath>

#include "csv_number.hpp"

// Whether a first line is a header.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Decides whether a table's first line names the columns, by comparing it with up to 200 lines below: text above
/// numbers is a name; a value that occurs again below is a sample; numbers may be names when they count (0, 1, 2, ...),
/// are years, or are quoted where the samples are not. What remains undecided is an error.
EIGENGRAD_LAZY class CsvHeaderDecision {
 public:
  CsvHeaderDecision(const CsvCells& cells, const CsvNumbers<>& numbers, std::string_view name, Index columns)
      : cells_(cells), numbers_(numbers), name_(name), columns_(columns), rows_(std::min<Index>(cells.rows(), 201)) {}

  bool has_header() {
    for (Index c = 0; c < columns_; ++c) compare(c);
    if (rows_ == 1) return first_.texts > 0 && first_.numbers + first_.values == 0;
    if (names_ > 0) {
      if (first_.numbers + values_above_values_ == 0 || numbers_are_names()) return true;
      undecided("a text stands above numbers, but there are numbers in it, too");
    }
    if (first_.numbers + first_.values > 0) return numbers_decide();
    return first_.texts > 0 ? texts_decide() : missing_decide();
  }

 private:
  enum class Kind { empty, missing, mark, infinite, whole, fraction, value, text };
  struct Look {
    Kind kind = Kind::empty;
    double number = 0;
    bool round = false;  // written with a decimal point and a zero behind, as 3.0
  };

  Look look(std::string_view cell) const {
    cell = CsvNumbers<>::trimmed(cell);
    if (cell.empty()) return {Kind::empty};
    if (numbers_.is_missing(cell)) return {Kind::missing};
    double number = 0;
    const NumberStatus status = numbers_.parse(cell, number);
    if (status == NumberStatus::good && std::isinf(number)) return {Kind::infinite, number};
    if (status != NumberStatus::malformed) {
      const bool whole = cell.find_first_not_of("0123456789+-") == std::string_view::npos;
      return {whole ? Kind::whole : Kind::fraction, number, !whole && number == std::floor(number)};
    }
    if (is_word_for_missing(cell)) return {Kind::mark};
    const std::size_t sign = cell.find_first_not_of("+-") == 1 ? 1 : 0;
    bool letter = false, digit = false, foreign = false;
    for (const char c : cell) {
      letter = letter || (lower(c) >= 'a' && lower(c) <= 'z');
      digit = digit || (c >= '0' && c <= '9');
      foreign = foreign || static_cast<unsigned char>(c) >= 0x80;
    }
    if (cell[sign] >= '0' && cell[sign] <= '9') return {Kind::value};
    if (letter || foreign)
      return {CsvNumbers<>::is_truth(cell) || (!letter && digit && !numbers_.explain(cell).empty()) ? Kind::value
                                                                                                    : Kind::text};
    return {digit ? Kind::value : Kind::mark};
  }
  // Usual words that are not among na_values.
  static bool is_word_for_missing(std::string_view cell) {
    for (const std::string_view word : {"none", "nil", "missing", "unknown", "undefined", "n.a.", "#n/a", "#na", "<na>",
                                        "nat", "(null)", "#value!", "#div/0!", "-nan", "1.#ind", "-1.#ind", "1.#qnan"})
      if (equal_ignoring_case(cell, word)) return true;
    return false;
  }

  // The first line's cells, counted by kind.
  struct Counts {
    Index empty = 0, missing = 0, marks = 0, infinite = 0, numbers = 0, values = 0, texts = 0;
  };

  void compare(Index c) {
    const CsvCell cell = cells_.whole_cell(0, c);
    const Look top = look(cell.text);
    Index numbers = 0, values = 0, texts = 0, quoted = 0, whole = 0;
    bool counts = true;  // the column is 0, 1, 2, ... or 1, 2, 3, ...
    double from = 0;
    seen_.clear();
    for (Index r = 1; r < rows_; ++r) {
      const CsvCell below = cells_.whole_cell(r, c);
      const Look seen = look(below.text);
      const bool number = seen.kind == Kind::whole || seen.kind == Kind::fraction;
      numbers += number || seen.kind == Kind::infinite;
      whole += seen.kind == Kind::whole;
      values += seen.kind == Kind::value;
      if (r == 1) from = seen.number;
      counts = counts && seen.kind == Kind::whole && seen.number == from + static_cast<double>(r - 1) && from <= 1;
      quoted += number && below.quoted;
      missing_below_ = missing_below_ || seen.kind == Kind::missing || seen.kind == Kind::infinite;
      if (seen.kind == Kind::text || seen.kind == Kind::value) {
        texts += seen.kind == Kind::text;
        repeats_ = repeats_ || below.text == cell.text;
        seen_.push_back(below.text);
      }
      if (!number || !is_number(top.kind)) continue;
      round_ = round_ || seen.round;
      const bool year = is_year(seen.number);
      years_below_ += year;
      others_below_ += !year;
      most_below_ = (std::max)(most_below_, std::abs(seen.number));
    }
    const bool mostly_numbers =
        numbers + values > texts || (numbers + values == texts && texts > 0 && !CsvNumbers<>::has_digit(cell.text));
    switch (top.kind) {
      case Kind::empty:
        ++first_.empty;
        index_ = index_ || (c == 0 && counts && rows_ > 1);
        break;
      case Kind::missing:
        ++first_.missing;
        missing_above_numbers_ = missing_above_numbers_ || mostly_numbers;
        break;
      case Kind::mark:
        ++first_.marks;
        break;
      case Kind::infinite:
        ++first_.infinite;
        signed_ = signed_ || cell.text.find_first_of("+-") != std::string_view::npos;
        break;
      case Kind::text:
        ++first_.texts;
        names_ += mostly_numbers;
        if (!mostly_numbers) note_texts(cell.text);
        break;
      case Kind::value:
        ++first_.values;
        if (numbers > values && CsvNumbers<>::is_date(cell.text))
          ++names_;
        else if (numbers > values + texts)
          ++odd_;
        else
          ++values_above_values_;
        break;
      default:
        ++first_.numbers;
        fraction_ = fraction_ || top.kind == Kind::fraction;
        odd_ += texts > 0 && numbers + values == 0;
        quoted_names_ += cell.quoted && numbers > 0 && quoted == 0;
        if (numbers > 0) {
          columns_of_fractions_ += whole == 0;
          ++columns_of_numbers_;
        }
        note_number(top.number);
    }
  }
  static bool is_number(Kind kind) { return kind == Kind::whole || kind == Kind::fraction; }
  static bool is_year(double x) { return x >= 1800 && x <= 2200 && x == std::floor(x); }

  void note_number(double x) {
    const auto k = static_cast<double>(first_.numbers - 1);
    from_zero_ = from_zero_ && x == k;
    from_one_ = from_one_ && x == k + 1;
    years_ = years_ && is_year(x);
    if (first_.numbers > 1) {
      rises_ = rises_ && x > last_;
      falls_ = falls_ && x < last_;
    }
    last_ = x;
    if (first_numbers_.size() < 1000) first_numbers_.push_back(x);
  }

  // Whether a text column has few values, each often, so that a name among them would have been seen again; or holds
  // digits in each, as k1, k2, k3 do, but not in the first.
  void note_texts(std::string_view first) {
    name_above_texts_ = name_above_texts_ || (seen_.size() > 2 && !CsvNumbers<>::has_digit(first) &&
                                              std::all_of(seen_.begin(), seen_.end(), CsvNumbers<>::has_digit));
    std::sort(seen_.begin(), seen_.end());
    std::size_t single = 0;
    for (std::size_t i = 0; i < seen_.size(); ++i)
      single += (i == 0 || seen_[i - 1] != seen_[i]) && (i + 1 == seen_.size() || seen_[i + 1] != seen_[i]);
    name_above_texts_ = name_above_texts_ || (single + 1) * 10 <= seen_.size();
  }

  bool numbers_are_names() const {
    const Index count = first_.numbers;
    if (count == 0 || fraction_ || values_above_values_ > 0) return false;
    return quoted_names_ == count ||
           (count > 1 && (from_zero_ || from_one_ || (years_ && (rises_ || falls_) && years_below_ == 0)));
  }

  // The first line has numbers, and no text above numbers.
  bool numbers_decide() {
    const Index count = first_.numbers;
    if (count > 0 && quoted_names_ == count && odd_ == 0) return true;
    if (odd_ > 0) {
      if (count > 0 && first_.values == 0 && numbers_are_names()) return true;
      undecided("it has numbers where the lines below have text, or dates and the like where they have numbers");
    }
    if (count == 0 || fraction_ || repeats_ || values_above_values_ > 0) return false;
    if (index_ && from_zero_) return true;  // as pandas writes its index
    std::sort(first_numbers_.begin(), first_numbers_.end());
    if (std::adjacent_find(first_numbers_.begin(), first_numbers_.end()) != first_numbers_.end()) return false;
    const bool only_fractions = columns_of_numbers_ > 0 && columns_of_fractions_ == columns_of_numbers_;
    if (years_ && others_below_ > 0) {
      if (count > 1 && years_below_ == 0 && (rises_ || falls_)) return true;
      if (count > 1 || most_below_ < 1000) undecided("its numbers may be years");
    }
    if (count > 1 && (from_zero_ || from_one_)) {
      if (only_fractions && (round_ || count > 2)) return true;
      if (from_zero_ && (count > 15 || (count > 3 && columns_of_fractions_ > 0))) return true;
      if (from_zero_ || only_fractions || count > 5)
        undecided("it counts the columns, as pandas names them, or is a sample of whole numbers");
    }
    if (only_fractions && (count > 1 || from_zero_ || round_))
      undecided("it has whole numbers only, where the lines below have none");
    return false;
  }

  // The first line has texts, all above text.
  bool texts_decide() {
    if (repeats_ || missing_above_numbers_) return false;
    if (index_ || name_above_texts_) return true;
    undecided("it is text, as the lines below are");
  }

  // The first line has neither numbers nor texts: nothing is there, or nan and inf.
  bool missing_decide() {
    if (first_.marks > 0) undecided("it may hold words for missing numbers: then add them to .na_values");
    if (first_.infinite == 0 || signed_) return false;
    if (columns_ == 2 && first_.infinite == 1 && first_.missing == 1 && !missing_below_)
      return true;  // named nan and inf
    undecided("it has infinite numbers only");
  }

  [[noreturn]] void undecided(std::string_view why) const {
    fail<FileError>("csv: '", name_, "': line ", cells_.line(0), " may name the columns or be the first sample (", why,
                    "): set .header = CsvHeader::yes or CsvHeader::no");
  }

  const CsvCells& cells_;
  const CsvNumbers<>& numbers_;
  std::string_view name_;
  Index columns_, rows_;
  Counts first_;
  Index names_ = 0, odd_ = 0, values_above_values_ = 0, quoted_names_ = 0;
  Index columns_of_numbers_ = 0, columns_of_fractions_ = 0, years_below_ = 0, others_below_ = 0;
  double last_ = 0, most_below_ = 0;
  bool missing_below_ = false, fraction_ = false, repeats_ = false, round_ = false, index_ = false,
       name_above_texts_ = false, signed_ = false;
  bool from_zero_ = true, from_one_ = true, years_ = true, rises_ = true, falls_ = true, missing_above_numbers_ = false;
  std::vector<Delayed<double, Lazy>> first_numbers_;  // enough of them to tell whether some are equal
  std::vector<Delayed<std::string_view, Lazy>> seen_;
};

// Compiled once: class CsvHeaderDecision<>
}}  // namespace eigengrad::EIGENGRAD_ABI
