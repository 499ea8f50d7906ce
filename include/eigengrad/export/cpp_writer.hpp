#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/error.hpp"
#include "../core/kernel_access.hpp"
#include "../core/shape.hpp"
#include "../core/tensor.hpp"
#include "graph.hpp"

// Where the numbers of an exported header lie: results in one block of memory, weights as constants.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Where the results of a graph's nodes lie: in x or y, or so many floats behind the workspace's beginning. What is no
/// longer needed is written over; a result may take its operand's place where `in_place(node)` allows.
class CppMemory {
 public:
  enum class Kind { none, input, output, workspace };
  struct Place {
    Kind kind = Kind::none;
    Index offset = 0;
  };

  template <class T, class InPlace>
  CppMemory(const ExportGraph<T>& graph, const InPlace& in_place) : root_(graph.values().size()) {
    for (std::size_t i = 0; i < root_.size(); ++i) root_[i] = i;
    const std::size_t count = graph.nodes().size(), input = graph.inputs()[0], output = graph.outputs()[0];
    std::vector<std::size_t> last(root_.size(), 0);  // the node behind the last that reads it
    for (std::size_t i = 0; i < count; ++i)
      for (const std::size_t operand : graph.nodes()[i].operands)
        if (operand != no_value) last[operand] = i + 1;
    last[output] = count + 1;
    // Views first, as they let what they show be read later; then each node that may write over its operand.
    for (const ExportNode& node : graph.nodes())
      if (node.operation == "reshape") join(node.operands[0], node.results[0], last);
    for (std::size_t i = 0; i < count; ++i) {
      const ExportNode& node = graph.nodes()[i];
      const std::size_t x = root_of(node.operands[0]);
      if (node.operation != "reshape" && graph.value(x).role == ExportRole::result && last[x] == i + 1 &&
          in_place(node))
        join(x, node.results[0], last);
    }
    for (std::size_t& each : root_) each = root_of(each);
    place_.resize(root_.size());
    place_[input] = {Kind::input, 0};
    std::vector<Block> live;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t root = root_[graph.nodes()[i].results[0]];
      if (place_[root].kind != Kind::none) continue;
      if (root == root_[output]) {
        place_[root] = {Kind::output, 0};
        continue;
      }
      const Index size = rounded_up(graph.value(root).shape.size());
      std::erase_if(live, [&](const Block& block) { return block.last < i + 1; });
      Index offset = 0;
      for (const Block& block : live) {  // in order of their offsets
        if (block.offset - offset >= size) break;
        offset = block.offset + block.size;
      }
      place_[root] = {Kind::workspace, offset};
      live.push_back({offset, size, last[root]});
      std::sort(live.begin(), live.end(), [](const Block& a, const Block& b) { return a.offset < b.offset; });
      size_ = (std::max)(size_, offset + size);
    }
  }

  Place of(std::size_t value) const { return place_[root_[value]]; }
  bool same(std::size_t a, std::size_t b) const { return root_[a] == root_[b]; }
  /// The workspace's, in floats.
  Index size() const { return size_; }

 private:
  struct Block {
    Index offset, size;
    std::size_t last;
  };
  std::size_t root_of(std::size_t value) const {
    while (root_[value] != value) value = root_[value];
    return value;
  }
  /// `y` lies where `x` does.
  void join(std::size_t x, std::size_t y, std::vector<std::size_t>& last) {
    const std::size_t root = root_of(x);
    root_[y] = root;
    last[root] = (std::max)(last[root], last[y]);
  }
  static Index rounded_up(Index size) { return (size + 15) / 16 * 16; }  // a cache line

  std::vector<std::size_t> root_;
  std::vector<Place> place_;
  Index size_ = 0;
};

/// A float as C++ text, exactly: "0x1.8p+1f".
EIGENGRAD_COLD inline std::string cpp_number(float number) {
  char digits[48];
  const bool negative = std::signbit(number);
  char* const end = std::to_chars(digits, digits + sizeof digits, std::fabs(number), std::chars_format::hex).ptr;
  return std::string(negative ? "-" : "") + "0x" + std::string(digits, end) + "f";
}

/// Arrays of constants, named by the weights they come from; arrays of the same numbers are written once.
class CppConstants {
 public:
  /// The array's name. Throws ValueError for what is no number, or beyond float.
  template <class T>
  EIGENGRAD_COLD std::string add(const std::string& name, const std::vector<T>& numbers) {
    std::vector<float> rounded;
    rounded.reserve(numbers.size());
    for (const T number : numbers) {
      rounded.push_back(static_cast<float>(number));
      require<ValueError>(std::isfinite(rounded.back()), "export_cpp: number ", rounded.size() - 1, " of ", name,
                          " is ", static_cast<double>(number), ", for which C++ has no constant of type float");
    }
    for (const Array& array : arrays_)
      if (array.numbers == rounded && array.name == name) return array.identifier;
    arrays_.push_back({name, "w" + std::to_string(arrays_.size()) + "_", std::move(rounded)});
    for (const char c : name) arrays_.back().identifier += is_letter(c) ? c : '_';
    return arrays_.back().identifier;
  }
  static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  }

  EIGENGRAD_COLD std::string text() const {
    std::string text;
    for (const Array& array : arrays_) {
      text += "  alignas(64) static constexpr float " + array.identifier + "[" + std::to_string(array.numbers.size()) +
              "] = {";
      std::size_t column = 120;
      for (std::size_t i = 0; i < array.numbers.size(); ++i) {
        const std::string number = cpp_number(array.numbers[i]) + (i + 1 < array.numbers.size() ? "," : "");
        if (column + number.size() + 1 > 116) {
          text += "\n     ";
          column = 5;
        }
        text += " " + number;
        column += number.size() + 1;
      }
      text += "};\n";
    }
    return text;
  }

 private:
  struct Array {
    std::string name, identifier;
    std::vector<float> numbers;
  };
  std::vector<Array> arrays_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
