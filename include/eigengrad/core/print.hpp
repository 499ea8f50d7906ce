#pragma once

#include <iosfwd>

#include "print_numbers.hpp"
#include "tensor.hpp"

namespace eigengrad::inline EIGENGRAD_ABI {

namespace print {

constexpr Index summarise_above = 1000, edge_items = 3;
constexpr std::size_t line_width = 75;

/// Whether the middle of an axis is left out.
inline bool skips(const Shape& shape, Index axis) {
  return shape.size() > summarise_above && shape[axis] > 2 * edge_items;
}

/// The numbers that are printed, row by row.
template <class T>
void shown_numbers(const Tensor<T>& tensor, Index axis, Index first, std::vector<T>& numbers) {
  if (axis == tensor.rank()) return numbers.push_back(tensor.data()[first]);
  const Index size = tensor.shape()[axis];
  for (Index i = 0; i < size; ++i) {
    if (skips(tensor.shape(), axis) && i == edge_items) i = size - edge_items;
    shown_numbers(tensor, axis + 1, first * size + i, numbers);
  }
}

/// Writes the words inside nested brackets, with lines broken at line_width and blank lines between blocks.
class Layout {
 public:
  Layout(std::string& text, const Shape& shape, const std::vector<std::string>& words)
      : text_(text), shape_(shape), next_(words.begin()) {}

  void write(Index axis = 0) {
    text_ += '[';
    if (axis + 1 == shape_.rank())
      write_row(axis);
    else
      for_each_part(axis, [&](bool skipped, bool last) {
        if (skipped)
          text_ += "...";
        else
          write(axis + 1);
        if (last) return;
        text_.append(static_cast<std::size_t>(shape_.rank() - axis - 1), '\n');
        text_.append(static_cast<std::size_t>(axis + 1), ' ');
      });
    text_ += ']';
  }

 private:
  void write_row(Index axis) {
    const auto indent = static_cast<std::size_t>(axis + 1);
    std::size_t column = indent;
    for_each_part(axis, [&](bool skipped, bool last) {
      const std::string& word = skipped ? ellipsis_ : *next_++;
      if (column + word.size() > line_width - indent && column > indent) {
        while (text_.back() == ' ') text_.pop_back();
        text_ += '\n';
        text_.append(indent, ' ');
        column = indent;
      }
      text_ += word;
      if (!last) text_ += ' ';
      column += word.size() + 1;
    });
  }
  template <class Body>
  void for_each_part(Index axis, Body body) const {
    const Index size = shape_[axis];
    for (Index i = 0; i < size; ++i) {
      const bool skipped = skips(shape_, axis) && i == edge_items;
      body(skipped, i == size - 1);
      if (skipped) i = size - edge_items - 1;
    }
  }

  std::string& text_;
  const Shape& shape_;
  std::vector<std::string>::const_iterator next_;
  const std::string ellipsis_ = "...";
};

}  // namespace print

/// Writes a tensor as NumPy prints an array: nested brackets, 8 digits, the middle of more than 1000 numbers left out.
template <class T>
EIGENGRAD_COLD void append(std::string& text, const Tensor<T>& tensor) {
  if (tensor.size() == 0) {
    text += "[]";
  } else if (tensor.rank() == 0) {
    text += print::to_word(*tensor.data());
  } else {
    std::vector<T> numbers;
    print::shown_numbers(tensor, 0, 0, numbers);
    print::Layout(text, tensor.shape(), print::to_words(numbers)).write();
  }
}

template <class C, class Traits, class T>
std::basic_ostream<C, Traits>& operator<<(std::basic_ostream<C, Traits>& out, const Tensor<T>& tensor) {
  const std::string text = to_text(tensor);
  return out << std::basic_string<C, Traits>(text.begin(), text.end());
}

template <class C, class Traits, class X>
std::basic_ostream<C, Traits>& operator<<(std::basic_ostream<C, Traits>& out, const Dual<X>& number) {
  const std::string text = print::to_word(number);
  return out << std::basic_string<C, Traits>(text.begin(), text.end());
}

template <class C, class Traits>
std::basic_ostream<C, Traits>& operator<<(std::basic_ostream<C, Traits>& out, const Shape& shape) {
  const std::string text = to_text(shape);
  return out << std::basic_string<C, Traits>(text.begin(), text.end());
}

}  // namespace eigengrad::inline EIGENGRAD_ABI
