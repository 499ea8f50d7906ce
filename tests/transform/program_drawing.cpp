#include <algorithm>
#include <cctype>
#include <random>

#include "program.hpp"

// How random programs are drawn, and how they are printed.
namespace programs {

namespace {

class Drawing {
 public:
  Drawing(std::uint64_t seed, const Operations& operations) : random_(seed), operations_(operations) {}

  Program draw() {
    draw_inputs();
    const std::size_t length = 1 + below(8);
    for (int attempt = 0; attempt < 60 && operations_in(program_) < length; ++attempt) add_operation();
    return program_;
  }

 private:
  std::size_t below(std::size_t n) { return random_() % n; }
  bool one_in(std::size_t n) { return below(n) == 0; }
  Index index_below(Index n) { return static_cast<Index>(below(static_cast<std::size_t>(n))); }
  Sizes random_shape() {
    Sizes shape(below(4), 1);
    for (Index& size : shape) size = one_in(20) ? 0 : 1 + index_below(4);
    return shape;
  }

  // Shapes that mostly broadcast with each other: one with axes dropped in front, or of size 1.
  void draw_inputs() {
    const Sizes base = random_shape();
    for (std::size_t n = 1 + below(3); n > 0; --n) {
      Step step;
      step.shape = one_in(4) ? random_shape() : base;
      if (one_in(3))
        step.shape.erase(step.shape.begin(), step.shape.begin() + index_below(plain::rank(step.shape) + 1));
      for (Index& size : step.shape)
        if (one_in(5)) size = 1;
      for (Index left = plain::count(step.shape); left > 0; --left) {
        const double uniform = static_cast<double>(random_() >> 11) / static_cast<double>(1ull << 53);
        step.values.push_back(one_in(10) ? static_cast<double>(below(3)) - 1 : 4 * uniform - 2);
      }
      std::size_t i = 0;
      values_.push_back(Array(step.shape, [&](const Sizes&) { return plain::Number(step.values[i++]); }));
      program_.push_back(std::move(step));
    }
  }

  void add_operation() {
    Step step;
    step.operation = &operations_[below(operations_.size())];
    for (int attempt = 0; attempt < 10; ++attempt) {
      step.operands.clear();
      std::vector<Array> operands;
      for (std::size_t k = 0; k < step.operation->operands; ++k) {
        // Half of the time one of the last, so that programs grow deep.
        const std::size_t n = values_.size();
        step.operands.push_back(one_in(2) ? n - 1 - below(std::min<std::size_t>(n, 2)) : below(n));
        operands.push_back(values_[step.operands.back()]);
      }
      step.parameters = draw_parameters(operands[0].shape);
      try {
        Array value = step.operation->on_arrays(operands, step.parameters);
        if (value.numbers.size() > 64 || value.shape.size() > 4 || !tame(value)) continue;
        program_.push_back(std::move(step));
        values_.push_back(std::move(value));
        return;
      } catch (const plain::Skip&) {
      }
    }
  }
  static bool tame(const Array& value) {
    return std::all_of(value.numbers.begin(), value.numbers.end(),
                       [](const plain::Number& x) { return std::abs(plain_value(x)) < 100; });
  }

  /// Parameters that suit an operand of this shape, for whichever operation.
  Parameters draw_parameters(const Sizes& shape) {
    Parameters p;
    const Index rank = plain::rank(shape);
    for (Index axis = 0; axis < rank; ++axis) p.order.push_back(axis);
    for (std::size_t k = p.order.size(); k > 1; --k) std::swap(p.order[k - 1], p.order[below(k)]);
    p.axes.assign(p.order.begin(), p.order.begin() + index_below(rank + 1));
    p.keepdims = one_in(2);
    p.axis = index_below(rank + 1);
    p.stretched = shape;
    for (Index& size : p.stretched)
      if (size == 1) size = 1 + index_below(3);
    if (one_in(2)) p.stretched.insert(p.stretched.begin(), 1 + index_below(3));
    // Two axes made one, or one split in two.
    p.shape = shape;
    if (rank > 1 && one_in(2)) {
      const auto place = p.shape.begin() + index_below(rank - 1);
      *place *= *(place + 1);
      p.shape.erase(place + 1);
    } else if (rank > 0) {
      const auto place = p.shape.begin() + index_below(rank);
      const Index divisor = 1 + index_below(3), size = *place;
      if (size % divisor == 0) {
        *place = divisor;
        p.shape.insert(place, size / divisor);
      }
    }
    if (p.axis < rank && shape[plain::at(p.axis)] > 0) {
      const Index size = shape[plain::at(p.axis)];
      p.begin = index_below(size);
      p.end = p.begin + index_below(size - p.begin + 1);
      p.step = 1 + index_below(2);
      for (std::size_t n = below(5); n > 0; --n) p.positions.push_back(index_below(size));
    }
    return p;
  }

  std::mt19937_64 random_;
  const Operations& operations_;
  Program program_;
  std::vector<Array> values_;
};

std::string in_braces(const auto& numbers) {
  std::string result = "{";
  for (const auto& number : numbers) {
    if (result.size() > 1) result += ", ";
    std::string digits(32, '\0');
    digits.resize(static_cast<std::size_t>(std::snprintf(digits.data(), 32, "%.17g", static_cast<double>(number))));
    result += digits;
  }
  return result + "}";
}
std::string name(std::size_t step) { return "v" + std::to_string(step); }

/// What stands in an operation's text for a word of it.
std::string replaced(const std::string& word, const Step& step) {
  const Parameters& p = step.parameters;
  if (word == "x") return name(step.operands[0]);
  if (word == "y") return name(step.operands[1]);
  if (word == "z") return name(step.operands[2]);
  if (word == "p.axes") return in_braces(p.axes);
  if (word == "p.order") return in_braces(p.order);
  if (word == "p.shape") return in_braces(p.shape);
  if (word == "p.stretched") return in_braces(p.stretched);
  if (word == "p.positions") return in_braces(p.positions);
  if (word == "p.axis") return std::to_string(p.axis);
  if (word == "p.begin") return std::to_string(p.begin);
  if (word == "p.end") return std::to_string(p.end);
  if (word == "p.step") return std::to_string(p.step);
  if (word == "p.keepdims") return p.keepdims ? "true" : "false";
  return word;
}

}  // namespace

std::string text(const Program& program) {
  std::string result;
  for (std::size_t k = 0; k < program.size(); ++k) {
    const Step& step = program[k];
    result += "  const Tensor<double> " + name(k) + " = ";
    if (step.is_input()) {
      result += "reshape(Tensor<double>" + in_braces(step.values) + ", " + in_braces(step.shape) + ")";
    } else {
      const std::string& all = step.operation->text;
      const auto in_word = [&](std::size_t i) {
        return i < all.size() && (std::isalnum(static_cast<unsigned char>(all[i])) || all[i] == '_' || all[i] == '.');
      };
      for (std::size_t i = 0; i < all.size();) {
        std::size_t end = i + 1;
        while (in_word(i) && in_word(end)) ++end;
        result += replaced(all.substr(i, end - i), step);
        i = end;
      }
    }
    result += ";\n";
  }
  return result;
}

Program random_program(std::uint64_t seed, const Operations& operations) { return Drawing(seed, operations).draw(); }

}  // namespace programs
