#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../core/error.hpp"
#include "../core/shape.hpp"
#include "../core/tensor.hpp"

// What a model computes, as plain data: what every file format is written from. Nothing here knows modules or tapes.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What a tensor of a graph is.
enum class ExportRole { input, weight, constant, result };
/// A tensor of a graph: given from outside, part of the model, or what a node gives.
template <class T>
struct ExportValue {
  ExportRole role;
  std::string name;  // a weight's is the state_dict's; none for a result
  Shape shape;
  Tensor<T> numbers;  // of a weight or a constant
};

/// A setting of a node: one number or several, as a stride {2, 1}. Whole numbers up to 2^53 are kept exactly.
struct ExportAttribute {
  std::string name;
  std::vector<double> numbers;
};

/// An operand that a node does without, as a convolution without bias.
inline constexpr std::size_t no_value = static_cast<std::size_t>(-1);

/// One operation of a graph, by the name that a tape's record of it has. Operands and results are places in `values`.
struct ExportNode {
  std::string operation;
  std::vector<std::size_t> operands, results;
  std::vector<ExportAttribute> attributes;
  std::string origin;  // what it stands for, to be named in messages: "0.body.1 (Linear)"

  /// The numbers of an attribute. Throws ValueError naming the operation and the attribute where there is none.
  EIGENGRAD_COLD const std::vector<double>& attribute(std::string_view name) const {
    for (const ExportAttribute& each : attributes)
      if (each.name == name) return each.numbers;
    fail<ValueError>("export: ", operation, " of ", origin, " does not say its ", std::string(name),
                     ": give that attribute where the node is made");
  }
  double number(std::string_view name) const { return attribute(name).at(0); }
  Index size(std::string_view name, std::size_t i = 0) const { return static_cast<Index>(attribute(name).at(i)); }
};

/// Nodes in the order in which they compute, and the tensors between them.
template <class T>
class ExportGraph {
 public:
  const std::vector<ExportValue<T>>& values() const { return values_; }
  const std::vector<ExportNode>& nodes() const { return nodes_; }
  std::vector<ExportNode>& nodes() { return nodes_; }
  const ExportValue<T>& value(std::size_t place) const { return values_.at(place); }
  const std::vector<std::size_t>& inputs() const { return inputs_; }
  const std::vector<std::size_t>& outputs() const { return outputs_; }

  std::size_t add_input(const std::string& name, const Shape& shape) {
    inputs_.push_back(add({ExportRole::input, name, shape, {}}));
    return inputs_.back();
  }
  /// A parameter or buffer; the same name is the same value.
  EIGENGRAD_COLD std::size_t add_weight(const std::string& name, const Tensor<T>& numbers) {
    for (std::size_t i = 0; i < values_.size(); ++i)
      if (values_[i].role == ExportRole::weight && values_[i].name == name) return i;
    return add({ExportRole::weight, name, numbers.shape(), numbers});
  }
  std::size_t add_constant(const std::string& name, const Tensor<T>& numbers) {
    return add({ExportRole::constant, name, numbers.shape(), numbers});
  }
  /// A node behind all others, with one result of this shape, whose place is returned.
  std::size_t add_node(ExportNode node, const Shape& shape) {
    const std::size_t result = add({ExportRole::result, {}, shape, {}});
    node.results = {result};
    nodes_.push_back(std::move(node));
    return result;
  }
  void add_output(std::size_t value) { outputs_.push_back(value); }

  /// How many operands of nodes, and outputs, a value is.
  EIGENGRAD_COLD std::size_t uses(std::size_t value) const {
    std::size_t count = 0;
    for (const ExportNode& node : nodes_)
      for (const std::size_t operand : node.operands) count += operand == value ? 1 : 0;
    for (const std::size_t output : outputs_) count += output == value ? 1 : 0;
    return count;
  }

 private:
  std::size_t add(ExportValue<T> value) {
    values_.push_back(std::move(value));
    return values_.size() - 1;
  }

  std::vector<ExportValue<T>> values_;
  std::vector<ExportNode> nodes_;
  std::vector<std::size_t> inputs_, outputs_;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
