#pragma once

#include <cctype>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

// What is measured, as its name says it. Shared by the programs of eigengrad and of libtorch (C++17).

/// A name taken apart at its slashes, as "train/xor/2-8-1/b4/sgd".
struct Work {
  std::string name;
  std::vector<std::string> fields;

  explicit Work(const std::string& text) : name(text), fields(split(text, '/')) {}
  const std::string& kind() const { return fields[0]; }
  const std::string& field(std::size_t i) const {
    if (i >= fields.size())
      throw std::invalid_argument(name + ": something is missing; benchmarks/works.txt has all forms");
    return fields[i];
  }
  /// 16M is 16,000,000, 1k is 1,000, b64 is 64.
  static long count(const std::string& text) {
    const std::size_t start = !text.empty() && text[0] == 'b' ? 1 : 0;
    std::size_t used = 0;
    long number = 0;
    if (start < text.size() && std::isdigit(static_cast<unsigned char>(text[start])))
      number = std::stol(text.substr(start), &used);
    const std::string unit = text.substr(start + used);
    const long factor = unit.empty() ? 1 : unit == "k" ? 1000 : unit == "M" ? 1000000 : 0;
    if (number <= 0 || factor == 0)
      throw std::invalid_argument("'" + text + "' is not a count such as 64, b64, 1k or 16M");
    return number * factor;
  }
  static std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> parts(1);
    for (const char c : text)
      if (c == at)
        parts.emplace_back();
      else
        parts.back() += c;
    return parts;
  }
  static std::vector<int> counts(const std::string& text, char at) {
    std::vector<int> numbers;
    for (const std::string& part : split(text, at)) numbers.push_back(static_cast<int>(count(part)));
    return numbers;
  }
};

/// The network that a work names: its layer sizes, the batch, and which activations and loss.
struct NetworkShape {
  enum class Kind { xor_gate, regressor, classifier } kind;
  std::vector<int> sizes;
  int batch;

  explicit NetworkShape(const Work& work)
      : kind(kind_of(work)),
        sizes(Work::counts(work.field(2), '-')),
        batch(static_cast<int>(Work::count(work.field(3)))) {
    if (sizes.size() < 2) throw std::invalid_argument(work.name + ": a network has two sizes or more");
  }
  bool classifies() const { return kind == Kind::classifier; }
  bool is_xor() const { return kind == Kind::xor_gate; }
  /// The label of sample i.
  int label(int i) const { return i * 7 % sizes.back(); }

 private:
  static Kind kind_of(const Work& work) {
    if (work.field(1) == "xor") return Kind::xor_gate;
    if (work.field(1) == "regressor") return Kind::regressor;
    if (work.field(1) == "classifier") return Kind::classifier;
    throw std::invalid_argument(work.name + ": '" + work.field(1) + "' is not xor, regressor or classifier");
  }
};

/// True for "adam", false for "sgd".
inline bool uses_adam(const Work& work) {
  if (work.field(4) == "adam") return true;
  if (work.field(4) == "sgd") return false;
  throw std::invalid_argument(work.name + ": '" + work.field(4) + "' is not sgd or adam");
}

constexpr float sgd_rate = 0.001f, adam_rate = 0.0001f;  // small: the weights of a benchmark must stay finite
constexpr long formula_columns = 250, reduce_columns = 1000;
