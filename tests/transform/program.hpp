#pragma once

#include <functional>
#include <string>
#include <vector>

#include "eigengrad/core/tensor.hpp"
#include "eigengrad/ops/axes.hpp"
#include "plain_array.hpp"

// A random program: steps that are inputs or operations on earlier steps, as data that can be drawn, run with the
// library and without it, taken apart, and printed.
namespace programs {

namespace eg = eigengrad;
using List = std::vector<eg::Tensor<double>>;
using plain::Array;
using plain::Index;
using plain::Sizes;

/// What operations take beside their operands; each uses what it needs.
struct Parameters {
  Sizes axes, order, shape, stretched, positions;
  Index axis = 0, begin = 0, end = 0, step = 1;
  bool keepdims = false;
};
/// The same as the library takes it.
struct LibraryParameters {
  explicit LibraryParameters(const Parameters& p)
      : axes(as_axes(p.axes)),
        order(as_axes(p.order)),
        shape(p.shape.begin(), p.shape.end()),
        stretched(p.stretched.begin(), p.stretched.end()),
        positions(eg::Tensor<std::int64_t>::from({p.positions.data(), p.positions.size()}, {plain::rank(p.positions)})),
        axis(p.axis),
        begin(p.begin),
        end(p.end),
        step(p.step),
        keepdims(p.keepdims) {}
  static eg::Axes as_axes(const Sizes& list) {
    eg::Axes result;
    for (const Index axis : list) result.axes[result.count++] = axis;
    return result;
  }

  eg::Axes axes, order;
  eg::Shape shape, stretched;
  eg::Tensor<std::int64_t> positions;
  Index axis, begin, end, step;
  bool keepdims;
};

/// One expression in x, y, z and p, compiled twice: for tensors and for plain arrays.
struct Operation {
  std::string text;
  std::size_t operands;
  std::function<Array(const std::vector<Array>&, const Parameters&)> on_arrays;
  std::function<eg::Tensor<double>(const List&, const LibraryParameters&)> on_tensors;
};
template <class F>
Operation operation(const char* text, std::size_t operands, F f) {
  const auto run = [f, operands](const auto& v, const auto& p) {
    return f(v[0], v[operands > 1 ? 1 : 0], v[operands > 2 ? 2 : 0], p);
  };
  return {text, operands, [run](const std::vector<Array>& v, const Parameters& p) { return Array(run(v, p)); },
          [run](const List& v, const LibraryParameters& p) { return eg::Tensor<double>(run(v, p)); }};
}
#define OPERATION(operands, ...)                                                                         \
  programs::operation(                                                                                   \
      #__VA_ARGS__, operands,                                                                            \
      []([[maybe_unused]] const auto& x, [[maybe_unused]] const auto& y, [[maybe_unused]] const auto& z, \
         [[maybe_unused]] const auto& p) -> auto { return __VA_ARGS__; })
using Operations = std::vector<Operation>;
/// All that random programs are made of.
Operations elementwise_operations();
Operations structural_operations();
const Operations& all_operations();

struct Step {
  const Operation* operation = nullptr;  // none for an input
  std::vector<std::size_t> operands = {};
  Parameters parameters = {};
  Sizes shape = {};  // of an input
  std::vector<double> values = {};

  bool is_input() const { return operation == nullptr; }
};
/// Its result is the weighed sum of every step that no other one uses.
using Program = std::vector<Step>;

inline double weight(std::size_t i) {
  return 0.7 + 0.31 * static_cast<double>(i % 7) - 0.13 * static_cast<double>(i % 5);
}
inline std::size_t operations_in(const Program& program) {
  std::size_t n = 0;
  for (const Step& step : program) n += step.is_input() ? 0u : 1u;
  return n;
}
inline std::vector<bool> used_steps(const Program& program) {
  std::vector<bool> used(program.size(), false);
  for (const Step& step : program)
    for (const std::size_t operand : step.operands) used[operand] = true;
  return used;
}

/// The inputs as tensors, in order.
inline List inputs_of(const Program& program) {
  List inputs;
  for (const Step& step : program)
    if (step.is_input())
      inputs.push_back(eg::Tensor<double>::from(step.values, eg::Shape(step.shape.begin(), step.shape.end())));
  return inputs;
}

/// Every step's value: `input(n)` is the n-th input, `apply` runs an operation.
template <class Value, class Input, class Apply>
std::vector<Value> run_steps(const Program& program, Input input, Apply apply) {
  std::vector<Value> values;
  std::size_t inputs = 0;
  for (const Step& step : program) {
    if (step.is_input()) {
      values.push_back(input(inputs++));
      continue;
    }
    std::vector<Value> operands;
    for (const std::size_t operand : step.operands) operands.push_back(values[operand]);
    values.push_back(apply(step, operands));
  }
  return values;
}

/// With plain arrays; throws plain::Skip where that cannot be compared.
inline std::vector<Array> run_plainly(const Program& program, const std::vector<Array>& inputs) {
  return run_steps<Array>(
      program, [&](std::size_t n) { return inputs[n]; },
      [](const Step& step, const std::vector<Array>& v) { return step.operation->on_arrays(v, step.parameters); });
}
inline plain::Number result_of(const Program& program, const std::vector<Array>& values) {
  const std::vector<bool> used = used_steps(program);
  plain::Number result;
  for (std::size_t k = 0; k < program.size(); ++k)
    for (std::size_t i = 0; i < values[k].numbers.size() && !used[k] && !program[k].is_input(); ++i)
      result = result + values[k].numbers[i] * weight(i);
  return result;
}

/// The program as C++, one line per step.
std::string text(const Program& program);

/// A program of at most 3 inputs and 8 operations; the same for the same seed.
Program random_program(std::uint64_t seed, const Operations& operations);

/// The program's result, by the library.
eg::Tensor<double> library_result(const Program& program, const List& inputs);

/// What is wrong with the library's value and derivatives of a program; "" when nothing is, and "skip" when they
/// cannot be compared.
std::string fault(const Program& program);
/// A small program with a fault, made from one with a fault.
Program shrunk(Program program);

}  // namespace programs
