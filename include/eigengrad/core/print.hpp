#pragma once

#include <iosfwd>

#include "print_numbers.hpp"
#include "tensor.hpp"

// Tensors as NumPy prints them: std::cout << t, append(text, t).
namespace eigengrad { inline namespace EIGENGRAD_ABI {

namespace print {

constexpr Index summarise_above = 1000, edge_items = 3;
constexpr std::size_t line_width = 75;

/// Whether the middle of an axis is left out.
inline bool skips(const Shape& shape, Index axis) {
  return shape.size() > summarise_above && shape[axis] > 2 * edge_items;
}

/// A tensor's numbers as words of one width.
class Words {
 public:
  /// Every number that is written is shown in two rounds before.
  virtual void look(int round, Index i) = 0;
  virtual void write(std::string& text, Index i) const = 0;

 protected:
  ~Words() = default;
};
template <class T>
class WordsOf final : public Words {
 public:
  explicit WordsOf(const T* numbers) : numbers_(numbers) {}
  EIGENGRAD_COLD void look(int round, Index i) override { column_.look(round, numbers_[i]); }
  EIGENGRAD_COLD void write(std::string& text, Index i) const override { column_.write(text, numbers_[i]); }

 private:
  const T* numbers_;
  Column<T> column_;
};

/// Shows the words all numbers that are printed, row by row.
EIGENGRAD_COLD inline void look_at_all(Words& words, int round, const Shape& shape, Index axis = 0, Index first = 0) {
  if (axis == shape.rank()) return words.look(round, first);
  const Index size = shape[axis];
  for (Index i = 0; i < size; ++i) {
    if (skips(shape, axis) && i == edge_items) i = size - edge_items;
    look_at_all(words, round, shape, axis + 1, first * size + i);
  }
}

/// Writes the words inside nested brackets, with lines broken at line_width and blank lines between blocks.
class Layout {
 public:
  Layout(std::string& text, const Shape& shape, const Words& words) : text_(text), shape_(shape), words_(words) {}

  EIGENGRAD_COLD void write(Index axis = 0, Index first = 0) {
    const Index size = shape_[axis], inner = shape_.rank() - axis - 1;
    const auto indent = static_cast<std::size_t>(axis + 1);
    text_ += '[';
    std::size_t column = indent;
    for (Index i = 0; i < size; ++i) {
      const bool skipped = skips(shape_, axis) && i == edge_items;
      if (skipped) i = size - edge_items - 1;
      if (inner == 0)
        write_word(skipped, first * size + i, indent, column);
      else if (skipped)
        text_ += "...";
      else
        write(axis + 1, first * size + i);
      if (i == size - 1) break;
      if (inner == 0) {
        text_ += ' ';
      } else {
        text_.append(static_cast<std::size_t>(inner), '\n');
        text_.append(indent, ' ');
      }
    }
    text_ += ']';
  }

 private:
  EIGENGRAD_COLD void write_word(bool skipped, Index i, std::size_t indent, std::size_t& column) {
    std::string word;
    if (skipped)
      word = "...";
    else
      words_.write(word, i);
    if (column + word.size() > line_width - indent && column > indent) {
      while (text_.back() == ' ') text_.pop_back();
      text_ += '\n';
      text_.append(indent, ' ');
      column = indent;
    }
    text_ += word;
    column += word.size() + 1;
  }

  std::string& text_;
  const Shape& shape_;
  const Words& words_;
};

EIGENGRAD_COLD inline void append_array(std::string& text, const Shape& shape, Words& words) {
  look_at_all(words, 0, shape);
  look_at_all(words, 1, shape);
  Layout(text, shape, words).write();
}

/// Text for a stream of any characters, minding its width.
template <class C, class Traits>
std::basic_ostream<C, Traits>& put(std::basic_ostream<C, Traits>& out, const std::string& text) {
  if constexpr (std::is_same_v<C, char> && std::is_same_v<Traits, std::char_traits<char>>)
    return out << text;
  else
    return out << std::basic_string<C, Traits>(text.begin(), text.end());
}

}  // namespace print

/// Writes a tensor as NumPy prints an array: nested brackets, 8 digits, the middle of more than 1000 numbers left out.
template <class T>
EIGENGRAD_OUTLINE void append(std::string& text, const Tensor<T>& tensor) {
  forbid_in_replay("print", "it would show the numbers of this time only; return them instead");
  if (tensor.size() == 0) {
    text += "[]";
  } else if (tensor.rank() == 0) {
    print::append_word(text, *tensor.numbers());
  } else {
    print::WordsOf<T> words(tensor.numbers());
    print::append_array(text, tensor.shape(), words);
  }
}

template <class C, class Traits, class T>
std::basic_ostream<C, Traits>& operator<<(std::basic_ostream<C, Traits>& out, const Tensor<T>& tensor) {
  return print::put(out, to_text(tensor));
}

template <class C, class Traits, class X>
std::basic_ostream<C, Traits>& operator<<(std::basic_ostream<C, Traits>& out, const Dual<X>& number) {
  std::string text;
  print::append_word(text, number);
  return print::put(out, text);
}

template <class C, class Traits>
std::basic_ostream<C, Traits>& operator<<(std::basic_ostream<C, Traits>& out, const Shape& shape) {
  return print::put(out, to_text(shape));
}

// Compiled: void append(std::string&, const Tensor<T>&)
}}  // namespace eigengrad::EIGENGRAD_ABI
