#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "../core/kernel_access.hpp"
#include "../core/shape.hpp"
#include "../core/tensor.hpp"
#include "cpp_functions.hpp"
#include "cpp_writer.hpp"
#include "fold_norms.hpp"
#include "graph.hpp"

// How each operation of a graph is written in C++: one row for each.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A node that is being written, with the names of its operands.
template <class T>
struct CppCall {
  const ExportGraph<T>& graph;
  const ExportNode& node;
  CppConstants& constants;
  const std::vector<std::string>& names;  // of the graph's values
  Index& state_size;                      // of what recurrent layers keep from call to call

  const Shape& shape(std::size_t operand = 0) const { return graph.value(node.operands[operand]).shape; }
  const Shape& result() const { return graph.value(node.results[0]).shape; }
  const std::string& x(std::size_t operand = 0) const { return names[node.operands[operand]]; }
  const std::string& y() const { return names[node.results[0]]; }
  bool has(std::size_t operand) const { return operand < node.operands.size() && node.operands[operand] != no_value; }

  /// A weight's numbers, where it is given.
  EIGENGRAD_COLD std::vector<T> numbers(std::size_t operand) const {
    if (!has(operand)) return {};
    const ExportValue<T>& value = graph.value(node.operands[operand]);
    require<ValueError>(value.role != ExportRole::result && value.role != ExportRole::input,
                        "export_cpp: ", node.operation, " of ", node.origin, ": operand ", operand,
                        " is computed, where only a weight can be written");
    const T* const first = kernel_access(value.numbers).numbers();
    return {first, first + value.numbers.size()};
  }
  /// The name of an array of these numbers, or of a weight as it is; nullptr where there is none.
  std::string array(std::size_t operand, const std::vector<T>& of, const char* what = "") const {
    return constants.add(graph.value(node.operands[operand]).name + what, of);
  }
  std::string array(std::size_t operand) const { return has(operand) ? array(operand, numbers(operand)) : "nullptr"; }
  /// "name<1, 2>(first, second);"
  EIGENGRAD_COLD static std::string call(const char* name, const std::vector<Index>& sizes,
                                         const std::vector<std::string>& arguments) {
    std::string text = name;
    text += '<';
    for (std::size_t i = 0; i < sizes.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(sizes[i]);
    text += ">(";
    for (std::size_t i = 0; i < arguments.size(); ++i) text += (i > 0 ? ", " : "") + arguments[i];
    return text + ");";
  }
  std::string attribute(const char* name) const { return cpp_number(static_cast<float>(node.number(name))); }
};

/// Sizes before an axis, along it and behind it.
struct SizesAround {
  Index outer, count, inner;

  SizesAround(const Shape& shape, Index axis)
      : outer(Shape(shape.begin(), shape.begin() + axis).size()),
        count(shape[axis]),
        inner(Shape(shape.begin() + axis + 1, shape.end()).size()) {}
};
/// The axis of an attribute that may count from the end.
inline Index export_axis(const ExportNode& node, const Shape& shape) {
  const Index axis = node.size("axis");
  return axis < 0 ? axis + shape.rank() : axis;
}

/// A weight [out, in] as [in, out], so that the innermost loop runs over outputs.
template <class T>
EIGENGRAD_COLD std::string transposed(const CppCall<T>& c, std::size_t operand) {
  const Index out = c.shape(operand)[0], in = c.shape(operand)[1];
  const std::vector<T> rows = c.numbers(operand);
  std::vector<T> columns(rows.size());
  for (Index o = 0; o < out; ++o)
    for (Index i = 0; i < in; ++i)
      columns[static_cast<std::size_t>(i * out + o)] = rows[static_cast<std::size_t>(o * in + i)];
  return c.array(operand, columns, "_transposed");
}
template <class T>
std::string write_linear(const CppCall<T>& c) {
  const Index out = c.shape(1)[0], in = c.shape(1)[1];
  return c.call("linear", {c.result().size() / (out > 0 ? out : 1), in, out},
                {c.x(), transposed(c, 1), c.array(2), c.y()});
}
/// One direction of one recurrent layer, over [steps, batch, in], [batch, steps, in] or [steps, in].
template <class T>
std::string write_recurrence(const CppCall<T>& c) {
  const Shape& x = c.shape();
  const Index batch_first = x.rank() == 3 ? c.node.size("batch_first") : 0;
  const Index steps = x[batch_first], batch = x.rank() == 3 ? x[1 - batch_first] : 1, hidden = c.result().back();
  const bool rnn = c.node.operation.find("rnn") == 0;
  std::vector<Index> sizes = {steps, batch, x.back(), hidden, batch_first, c.node.size("backwards")};
  if (rnn) sizes.push_back(c.node.operation == "rnn_relu");
  const std::string state = "state + " + std::to_string(c.state_size);
  c.state_size += (c.node.operation == "lstm" ? 2 : 1) * batch * hidden;
  return c.call(rnn ? "rnn" : c.node.operation.c_str(), sizes,
                {c.x(), transposed(c, 1), transposed(c, 2), c.array(3), c.array(4), state, c.y()});
}
/// Rows and columns of an attribute; sequences have one row, for which `rows` stands.
inline Index along(const ExportNode& node, const char* name, int axis, Index rows) {
  const std::vector<double>& numbers = node.attribute(name);
  if (numbers.size() == 2) return static_cast<Index>(numbers[static_cast<std::size_t>(axis)]);
  return axis == 1 ? static_cast<Index>(numbers[0]) : rows;
}
/// The last axes of a shape as planes: {count, rows, columns}.
inline std::vector<Index> planes_along(const Shape& shape, Index axes) {
  const Index columns = shape.back(), rows = axes == 2 ? shape[shape.rank() - 2] : 1;
  return {Shape(shape.begin(), shape.end() - axes).size(), rows, columns};
}
template <class T>
std::string write_convolution(const CppCall<T>& c) {
  const Shape &x = c.shape(), &weight = c.shape(1), &y = c.result();
  const Index axes = weight.rank() - 2;
  const Index batch = x.rank() == axes + 2 ? x[0] : 1, channels = x[x.rank() - axes - 1],
              outputs = y[y.rank() - axes - 1];
  const auto from = planes_along(x, axes), taps = planes_along(weight, axes), to = planes_along(y, axes);
  const ExportNode& n = c.node;
  return c.call(
      n.operation.find("transpose") != std::string::npos ? "transposed_convolution" : "convolution",
      {batch, channels, outputs, n.size("groups"), from[1], from[2], taps[1], taps[2], along(n, "stride", 0, 1),
       along(n, "stride", 1, 1), along(n, "padding_before", 0, 0), along(n, "padding_before", 1, 0),
       along(n, "dilation", 0, 1), along(n, "dilation", 1, 1), to[1], to[2]},
      {c.x(), c.array(1), c.array(2), c.y()});
}
template <class T>
std::string write_pool(const CppCall<T>& c) {
  const ExportNode& n = c.node;
  const Index axes = static_cast<Index>(n.attribute("kernel").size());
  const auto from = planes_along(c.shape(), axes), to = planes_along(c.result(), axes);
  std::vector<Index> sizes = from;
  for (const char* each : {"kernel", "stride", "padding"})
    for (int axis = 0; axis < 2; ++axis) sizes.push_back(along(n, each, axis, each[0] == 'p' ? 0 : 1));
  const bool largest = n.operation[0] == 'm';
  if (largest) {
    for (int axis = 0; axis < 2; ++axis) sizes.push_back(along(n, "dilation", axis, 1));
  } else {
    sizes.push_back(n.size("divisor"));
    sizes.push_back(n.size("count_include_pad"));
  }
  sizes.insert(sizes.end(), {to[1], to[2]});
  return c.call(largest ? "max_pool" : "avg_pool", sizes, {c.x(), c.y()});
}
template <class T>
std::string write_adaptive_pool(const CppCall<T>& c) {
  const std::string& name = c.node.operation;
  const bool global = name.find("global") == 0;
  const bool largest = name.find("max") != std::string::npos;
  std::vector<Index> sizes;
  if (global) {
    const Index planes = c.result().size();
    sizes = {planes, 1, planes > 0 ? c.shape().size() / planes : 1, 1, 1};
  } else {
    const Index axes = name.back() == 'd' && name[name.size() - 2] == '2' ? 2 : 1;
    sizes = planes_along(c.shape(), axes);
    const auto to = planes_along(c.result(), axes);
    sizes.insert(sizes.end(), {to[1], to[2]});
  }
  sizes.push_back(largest);
  return c.call("adaptive_pool", sizes, {c.x(), c.y()});
}
template <class T>
std::string write_batch_norm(const CppCall<T>& c) {
  const ChannelScale channels(c.graph, c.node);
  const SizesAround around(c.shape(), 1);
  const std::string& name = c.graph.value(c.node.operands[1]).name;
  const std::string scale = c.constants.add(name + "_scale", channels.scale);
  return c.call("scale_channels", {around.outer, around.count, around.inner},
                {c.x(), scale, c.constants.add(name + "_shift", channels.shift), c.y()});
}
/// Norms of examples: rows of n numbers, weighed along `around`.
template <class T>
std::string write_norm(const CppCall<T>& c, Index rows, bool centred, const SizesAround& around) {
  const Index n = rows > 0 ? c.result().size() / rows : 0;
  std::string text = c.call("normalise", {rows, n, centred}, {c.x(), c.attribute("epsilon"), c.y()});
  if (c.has(1))
    text += "\n    " + c.call("weigh", {around.outer, around.count, around.inner}, {c.array(1), c.array(2), c.y()});
  return text;
}
template <class T>
std::string write_last_norm(const CppCall<T>& c) {
  const Shape& x = c.shape();
  const Index axes = c.node.size("axes"), rows = Shape(x.begin(), x.end() - axes).size();
  return write_norm(c, rows, c.node.operation == "layer_norm",
                    SizesAround(Shape{rows, rows > 0 ? x.size() / rows : 0}, 1));
}
template <class T>
std::string write_group_norm(const CppCall<T>& c) {
  return write_norm(c, c.shape()[0] * c.node.size("groups"), true, SizesAround(c.shape(), 1));
}
template <class T>
std::string write_instance_norm(const CppCall<T>& c) {
  const Shape& x = c.shape();
  const SizesAround around(x, x.rank() - 1 - c.node.size("axes"));  // of channels; no batch is before them, or one
  return write_norm(c, around.outer * around.count, true, around);
}
template <class T>
std::string write_softmax(const CppCall<T>& c) {
  const SizesAround around(c.shape(), export_axis(c.node, c.shape()));
  return c.call(
      "softmax",
      {around.outer, around.count, around.inner, c.node.operation == "softmin", c.node.operation == "log_softmax"},
      {c.x(), c.y()});
}
template <class T>
std::string write_prelu(const CppCall<T>& c) {
  const Shape& x = c.shape();
  if (c.shape(1).size() == 1) return c.call("prelu", {1, 1, x.size()}, {c.x(), c.array(1), c.y()});
  const SizesAround around(x, 1);
  return c.call("prelu", {around.outer, around.count, around.inner}, {c.x(), c.array(1), c.y()});
}
template <class T>
std::string write_glu(const CppCall<T>& c) {
  const SizesAround around(c.shape(), export_axis(c.node, c.shape()));
  return c.call("glu", {around.outer, around.count / 2 * around.inner}, {c.x(), c.y()});
}
template <class T>
std::string write_maxout(const CppCall<T>& c) {
  return c.call("maxout", {c.result().size(), c.node.size("pieces")}, {c.x(), c.y()});
}
template <class T>
std::string write_concatenate(const CppCall<T>& c) {
  const SizesAround all(c.result(), export_axis(c.node, c.result()));
  std::string text;
  Index offset = 0;
  for (std::size_t i = 0; i < c.node.operands.size(); ++i) {
    const SizesAround part(c.shape(i), export_axis(c.node, c.result()));
    if (i > 0) text += "\n    ";
    text += c.call("copy_rows", {part.outer, part.count * part.inner, all.count * all.inner},
                   {c.x(i), c.y() + " + " + std::to_string(offset)});
    offset += part.count * part.inner;
  }
  return text;
}
/// for each number y = f(x), or of x and another.
template <class T>
std::string write_elementwise(const CppCall<T>& c) {
  const std::string& name = c.node.operation;
  std::string value;
  if (name == "add") {
    value = c.x(0) + "[i] + " + c.x(1) + "[i]";
  } else {
    value = name + "(" + c.x() + "[i]";
    for (const ExportAttribute& each : c.node.attributes) value += ", " + c.attribute(each.name.c_str());
    value += ")";
  }
  return "for (index i = 0; i < " + std::to_string(c.result().size()) + "; ++i) " + c.y() + "[i] = " + value + ";";
}

/// An operation's row: its text, and whether it may write where it reads.
template <class T>
struct CppOperation {
  std::string_view operation;
  std::string (*write)(const CppCall<T>& call);
  bool in_place;
};
/// The row of an operation; null where there is none. An element-wise one is a function of its name.
template <class T>
EIGENGRAD_COLD const CppOperation<T>* cpp_operation(std::string_view name) {
  static const CppOperation<T> rows[] = {
      {"linear", &write_linear<T>, false},
      {"lstm", &write_recurrence<T>, false},
      {"gru", &write_recurrence<T>, false},
      {"rnn_tanh", &write_recurrence<T>, false},
      {"rnn_relu", &write_recurrence<T>, false},
      {"conv1d", &write_convolution<T>, false},
      {"conv2d", &write_convolution<T>, false},
      {"conv_transpose1d", &write_convolution<T>, false},
      {"conv_transpose2d", &write_convolution<T>, false},
      {"max_pool1d", &write_pool<T>, false},
      {"max_pool2d", &write_pool<T>, false},
      {"avg_pool1d", &write_pool<T>, false},
      {"avg_pool2d", &write_pool<T>, false},
      {"adaptive_avg_pool1d", &write_adaptive_pool<T>, false},
      {"adaptive_avg_pool2d", &write_adaptive_pool<T>, false},
      {"adaptive_max_pool1d", &write_adaptive_pool<T>, false},
      {"adaptive_max_pool2d", &write_adaptive_pool<T>, false},
      {"global_avg_pool", &write_adaptive_pool<T>, false},
      {"global_max_pool", &write_adaptive_pool<T>, false},
      {"batch_norm", &write_batch_norm<T>, true},
      {"layer_norm", &write_last_norm<T>, true},
      {"rms_norm", &write_last_norm<T>, true},
      {"group_norm", &write_group_norm<T>, true},
      {"instance_norm", &write_instance_norm<T>, true},
      {"softmax", &write_softmax<T>, true},
      {"softmin", &write_softmax<T>, true},
      {"log_softmax", &write_softmax<T>, true},
      {"prelu", &write_prelu<T>, true},
      {"glu", &write_glu<T>, false},
      {"maxout", &write_maxout<T>, false},
      {"concatenate", &write_concatenate<T>, false},
      {"add", &write_elementwise<T>, true},
  };
  static const CppOperation<T> elementwise{"", &write_elementwise<T>, true};
  for (const CppOperation<T>& row : rows)
    if (row.operation == name) return &row;
  for (const cpp_text::Function& function : cpp_text::functions)
    if (function.name == name) return &elementwise;
  return nullptr;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
