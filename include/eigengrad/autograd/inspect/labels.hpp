#pragma once

#include <unordered_map>

#include "../../core/shape.hpp"
#include "../engine/tape_state.hpp"

// Records as text: formulas of the operands' names.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A number for people.
EIGENGRAD_LAZY std::string short_number(double number, int digits = 6) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number, std::chars_format::general, digits).ptr};
}

/// "a", "[a, b]" or "[a, b, ...]": the first `most` numbers, with four digits.
EIGENGRAD_LAZY std::string first_numbers(const AnyNumbers& numbers, Index most) {
  if (numbers.type == nullptr) return "";
  if (numbers.size == 1) return short_number(numbers[0], 4);
  std::string text = "[";
  for (Index i = 0; i < numbers.size && i < most; ++i) text += to_text(i > 0 ? ", " : "", short_number(numbers[i], 4));
  return text + (numbers.size > most ? ", ...]" : "]");
}

/// "(1, 2)": where element number `element` of a tensor of this shape stands.
EIGENGRAD_LAZY EIGENGRAD_COLD std::string element_position(Index element, const Shape& shape) {
  std::string text;
  for (Index axis = 0; axis < shape.rank(); ++axis) {
    Index step = 1;
    for (Index inner = axis + 1; inner < shape.rank(); ++inner) step *= shape[inner];
    append(text, axis == 0 ? "(" : ", ");
    append(text, element / step % shape[axis]);
  }
  append(text, shape.rank() == 0 ? "()" : ")");
  return text;
}

/// Whether the line is the user's and not one of ours.
EIGENGRAD_LAZY bool is_users(const Location& where) {
  constexpr std::string_view here = __FILE__;
  constexpr std::string_view folder =
      here.substr(0, here.size() - std::string_view("autograd/inspect/labels.hpp").size());
  return where.line != 0 && !std::string_view(where.file).starts_with(folder);
}
/// "xor.cpp:12", or "" where no line of the user's is known.
EIGENGRAD_LAZY std::string line_of(const Location& where) {
  if (!is_users(where)) return "";
  const std::string text = to_text(where);
  return text.substr(2, text.size() - 3);
}

/// Numbers of whatever has an address.
using Places = std::unordered_map<const void*, std::size_t>;

/// What the records, parameters and constants of a tape are called: %0, %1 ... by age; a parameter by its name, or p0,
/// p1 ...; a constant c0, c1 ..., or the number it is.
EIGENGRAD_LAZY class Labels {
 public:
  Labels() = default;
  /// With all the records that the tape has now.
  explicit Labels(const TapeState& tape) {
    std::vector<const Node*> records;
    for (const Node* node = tape.last; node != nullptr; node = node->previous) records.push_back(node);
    while (!records.empty()) {
      add(records.back());
      records.pop_back();
    }
  }
  /// The next record.
  void add(const Node* record) { places_[record] = records_++; }

  std::string of(const Node* node) {
    const ParameterLeaf* leaf = node->leaf();
    if (leaf == nullptr) return to_text("%", places_[node]);
    const std::string name = leaf->parameter_name();
    return name.empty() ? to_text("p", place_of(leaf->parameter(), parameters_)) : name;
  }
  std::string of(const Step& operand) {
    if (operand.input != nullptr) return of(operand.input);
    if (operand.numbers.size == 1) return short_number(operand.numbers[0]);
    if (operand.numbers.type == nullptr) return "_";
    return to_text("c", place_of(operand.buffer, constants_));
  }

 private:
  std::size_t place_of(const void* key, std::size_t& count) {
    const auto [place, is_new] = places_.try_emplace(key, count);
    if (is_new) ++count;
    return place->second;
  }
  Places places_;
  std::size_t records_ = 0, parameters_ = 0, constants_ = 0;
};

/// How tightly an operation binds, and its sign; the sign is null for one that is written as a function.
struct Notation {
  const char* operation;
  const char* sign;
  int arity, precedence;
};

EIGENGRAD_LAZY const Notation& notation_of(const Step& step) {
  static constexpr Notation function{"", nullptr, 0, 9},
      table[] = {{"logical_or", " || ", 2, 1}, {"logical_and", " && ", 2, 2},   {"equal", " == ", 2, 3},
                 {"not_equal", " != ", 2, 3},  {"less", " < ", 2, 4},           {"less_equal", " <= ", 2, 4},
                 {"greater", " > ", 2, 4},     {"greater_equal", " >= ", 2, 4}, {"add", " + ", 2, 5},
                 {"subtract", " - ", 2, 5},    {"multiply", " * ", 2, 6},       {"divide", " / ", 2, 6},
                 {"negate", "-", 1, 7},        {"logical_not", "!", 1, 7}};
  for (const Notation& row : table)
    if (row.arity == step.arity && std::string_view(row.operation) == step.operation) return row;
  return function;
}

/// What a record says of itself.
EIGENGRAD_LAZY Steps steps_of(const Node& node) {
  Steps steps([](Steps& to, const Step& step) { to.list.push_back(step); });
  node.describe(steps);
  return steps;
}

/// The steps as one would write them: "tanh(%2 * weight + bias)"; constants with or without their shapes.
EIGENGRAD_LAZY std::string formula_text(const Steps& steps, Labels<>& labels, bool with_shapes = true) {
  struct Part {
    std::string text;
    int precedence;
  };
  std::vector<Part> parts;
  const auto inside = [](const Part& part, bool brackets) { return brackets ? "(" + part.text + ")" : part.text; };
  for (const Step& step : steps.list) {
    if (step.operation == nullptr) {
      std::string text = labels.of(step);
      if (with_shapes && step.input == nullptr && step.numbers.size != 1 && step.numbers.shape != nullptr)
        text += to_text(*step.numbers.shape);
      parts.push_back({text, text.starts_with('-') ? 7 : 9});
      continue;
    }
    const Notation& notation = notation_of(step);
    const auto arguments = parts.end() - step.arity;
    std::string text;
    if (notation.sign == nullptr) {
      text = step.operation;
      for (auto part = arguments; part != parts.end(); ++part) text += (part == arguments ? "(" : ", ") + part->text;
      text += step.arity == 0 ? "()" : ")";
    } else if (step.arity == 1) {
      text = notation.sign + inside(*arguments, arguments->precedence <= notation.precedence);
    } else {
      text = inside(arguments[0], arguments[0].precedence < notation.precedence) + notation.sign +
             inside(arguments[1], arguments[1].precedence <= notation.precedence);
    }
    parts.erase(arguments, parts.end());
    parts.push_back({std::move(text), notation.precedence});
  }
  return parts.empty() ? "" : parts.back().text;
}

/// Rows under a head, in columns; `right` says which are flush right.
EIGENGRAD_LAZY class TextTable {
 public:
  using Row = std::vector<Delayed<std::string, Lazy>>;

  TextTable(Row head, std::string right) : right_(std::move(right)) { add(std::move(head)); }
  void add(Row cells) {
    for (std::string& cell : cells)
      for (char& c : cell)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';  // a name of the user's may hold anything
    rows_.push_back(std::move(cells));
  }
  /// A column with nothing in it but its head is left out.
  std::string text() const {
    std::string text;
    std::vector<Delayed<std::size_t, Lazy>> widths(right_.size(), 0);
    for (std::size_t column = 0; column < widths.size(); ++column) {
      for (std::size_t row = 1; row < rows_.size(); ++row)
        widths[column] = (std::max)(widths[column], rows_[row][column].size());
      if (widths[column] > 0) widths[column] = (std::max)(widths[column], rows_[0][column].size());
    }
    for (const auto& row : rows_) {
      std::string line;
      for (std::size_t column = 0; column < widths.size(); ++column) {
        if (widths[column] == 0) continue;
        const std::string gap(widths[column] - row[column].size(), ' ');
        if (!line.empty()) line += "  ";
        line += right_[column] == 'r' ? gap + row[column] : row[column] + gap;
      }
      while (line.ends_with(' ')) line.pop_back();
      text += line + "\n";
    }
    return text;
  }

 private:
  std::string right_;
  std::vector<Row> rows_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
