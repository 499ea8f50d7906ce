#include <exception>
#include <sstream>

#include "eigengrad/transform/jacobian.hpp"
#include "program.hpp"

// How the library's value and derivatives of a program are compared with plain ones, and how a program with a fault is
// made small.
namespace programs {

namespace {

// In units of the size of what was added up; some hundred times a double's precision.
constexpr double value_tolerance = 1e-13, derivative_tolerance = 1e-12;
constexpr double too_large = 1e6, too_vague = 1e9;
constexpr std::size_t small_enough_for_a_hessian = 5;

using plain::Number;
using plain::Sized;

/// Of all inputs' elements, one after another.
std::size_t elements_of(const Program& program) {
  std::size_t n = 0;
  for (const Step& step : program) n += step.values.size();
  return n;
}
double direction(std::size_t i) { return std::cos(1.7 * static_cast<double>(i) + 0.4); }

/// The inputs as plain arrays whose elements move by `s` and, with `t`, by another.
template <class S, class T>
std::vector<Array> plain_inputs(const Program& program, S s, T t) {
  std::vector<Array> inputs;
  std::size_t element = 0;
  for (const Step& step : program)
    if (step.is_input()) {
      std::size_t i = 0;
      inputs.push_back(Array(step.shape, [&](const Sizes&) {
        const std::size_t e = element++;
        return Number({Sized(step.values[i++]), Sized(s(e))}, {Sized(t(e)), Sized()});
      }));
    }
  return inputs;
}
double still(std::size_t) { return 0; }
auto unit(std::size_t i) {
  return [i](std::size_t e) { return e == i ? 1.0 : 0.0; };
}
template <class S, class T>
Number plain_result(const Program& program, S s, T t) {
  const Number result = result_of(program, run_plainly(program, plain_inputs(program, s, t)));
  for (const Sized& part : {result.value.value, result.value.tangent, result.tangent.value, result.tangent.tangent})
    plain::need(std::abs(part.value) < too_large && part.size < too_vague);
  return result;
}

}  // namespace

eg::Tensor<double> library_result(const Program& program, const List& inputs) {
  const List values = run_steps<eg::Tensor<double>>(
      program, [&](std::size_t n) { return inputs[n]; },
      [](const Step& step, const List& v) {
        return step.operation->on_tensors(v, LibraryParameters(step.parameters));
      });
  const std::vector<bool> used = used_steps(program);
  eg::Tensor<double> result = eg::Tensor<double>::zeros({});
  for (std::size_t k = 0; k < program.size(); ++k)
    if (!used[k] && !program[k].is_input()) {
      std::vector<double> weights(static_cast<std::size_t>(values[k].size()));
      for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = weight(i);
      result = result + eg::sum(values[k] * eg::Tensor<double>::from(weights, values[k].shape()));
    }
  return result;
}

namespace {

/// Compares what the library gives with what is expected, and keeps the first difference as a sentence.
class Comparison {
 public:
  void number(const std::string& what, double actual, const Sized& expected, double tolerance) {
    if (!fault_.empty() || std::abs(actual - expected.value) <= tolerance * expected.size) return;
    std::ostringstream text;
    text.precision(17);
    text << what << " is " << actual << ", not " << expected.value << " (of what adds up to " << expected.size << ")";
    fault_ = text.str();
  }
  void list(const std::string& what, const List& actual, const List& inputs, const std::vector<Sized>& expected) {
    std::size_t e = 0;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      if (fault_.empty() && actual[k].shape() != inputs[k].shape())
        fault_ = what + ": input " + std::to_string(k) + " is " + eg::to_text(inputs[k].shape()) + ", this is " +
                 eg::to_text(actual[k].shape());
      if (!fault_.empty()) return;
      for (const double element : actual[k]) {
        number(what + ": element " + std::to_string(e) + " of all inputs'", element, expected[e], derivative_tolerance);
        ++e;
      }
    }
  }
  const std::string& fault() const { return fault_; }

 private:
  std::string fault_;
};

/// All second derivatives; blocks[k][j] are those by the elements of inputs k and j.
void compare_hessian(const Program& program, const std::vector<List>& blocks, const List& inputs,
                     Comparison& comparison) {
  std::size_t row = 0;
  for (std::size_t k = 0; k < inputs.size(); ++k)
    for (eg::Index i = 0; i < inputs[k].size(); ++i, ++row) {
      std::size_t column = 0;
      for (std::size_t j = 0; j < inputs.size(); ++j)
        for (eg::Index m = 0; m < inputs[j].size(); ++m, ++column)
          comparison.number("hessian: element " + std::to_string(row) + ", " + std::to_string(column),
                            blocks[k][j].data()[i * inputs[j].size() + m],
                            plain_result(program, unit(row), unit(column)).tangent.tangent, derivative_tolerance);
    }
}

std::string compare(const Program& program) {
  const std::size_t n = elements_of(program);
  const Number along = plain_result(program, direction, still);
  std::vector<Sized> gradient, product;
  for (std::size_t i = 0; i < n; ++i) {
    const Number result = plain_result(program, direction, unit(i));
    gradient.push_back(result.tangent.value);
    product.push_back(result.tangent.tangent);
  }

  const List inputs = inputs_of(program);
  List directions = inputs;
  std::size_t e = 0;
  for (eg::Tensor<double>& v : directions)
    for (eg::Index i = 0; i < v.size(); ++i) v.mutable_data()[i] = direction(e++);
  const auto f = [&](const List& x) { return library_result(program, x); };
  Comparison comparison;

  comparison.number("the value", f(inputs).item(), along.value.value, value_tolerance);
  const auto [value, gradients] = eg::value_and_grad(f, inputs);
  comparison.number("the value while recording", value.item(), along.value.value, value_tolerance);
  comparison.list("grad", gradients, inputs, gradient);
  {
    std::vector<eg::Parameter<double>> parameters(inputs.begin(), inputs.end());
    eg::Tape tape;
    const eg::Tensor<double> y = f(List(parameters.begin(), parameters.end()));
    if (kernel_access(y).link().node != nullptr) tape.backward(y);
    List arrived;
    for (const auto& parameter : parameters) arrived.push_back(parameter.grad());
    comparison.list("backward", arrived, inputs, gradient);
  }
  comparison.number("jvp", eg::jvp(f, inputs, directions).second.item(), along.value.tangent, derivative_tolerance);
  comparison.list("hvp", eg::hvp(f, inputs, directions), inputs, product);
  const auto along_directions = [&](const List& x) {
    const List g = eg::grad(f, x);
    eg::Tensor<double> total = eg::Tensor<double>::zeros({});
    for (std::size_t k = 0; k < g.size(); ++k) total = total + eg::sum(g[k] * directions[k]);
    return total;
  };
  comparison.list("grad of grad", eg::grad(along_directions, inputs), inputs, product);
  if (n <= small_enough_for_a_hessian && comparison.fault().empty())
    compare_hessian(program, eg::hessian(f, inputs), inputs, comparison);
  return comparison.fault();
}

/// Without a step and all that follows from it.
Program without(const Program& program, std::size_t removed) {
  Program result;
  std::vector<std::size_t> place(program.size());
  std::vector<bool> gone(program.size(), false);
  for (std::size_t k = 0; k < program.size(); ++k) {
    gone[k] = k == removed;
    for (const std::size_t operand : program[k].operands) gone[k] = gone[k] || gone[operand];
    if (gone[k]) continue;
    place[k] = result.size();
    result.push_back(program[k]);
    for (std::size_t& operand : result.back().operands) operand = place[operand];
  }
  return result;
}
Step as_input(const Array& value) {
  Step step;
  step.shape = value.shape;
  for (const Number& number : value.numbers) step.values.push_back(plain_value(number));
  return step;
}

/// Calls `tried` with programs a little smaller than this one, most promising first, until it returns true.
template <class Tried>
bool any_smaller(const Program& program, Tried tried) {
  for (std::size_t k = program.size(); k-- > 0;)
    if (tried(without(program, k))) return true;
  const std::vector<Array> values = run_plainly(program, plain_inputs(program, still, still));
  for (std::size_t k = program.size(); k-- > 0;) {
    Program smaller = program;
    const auto with = [&](Step step) {
      smaller[k] = std::move(step);
      return tried(smaller);
    };
    const Step& step = program[k];
    if (!step.is_input()) {
      if (with(as_input(values[k]))) return true;
      for (std::size_t n = 0; n < step.operands.size(); ++n)
        for (std::size_t other = 0; other < step.operands[n]; ++other) {
          Step simpler = step;
          simpler.operands[n] = other;
          if (values[other].shape == values[step.operands[n]].shape && with(simpler)) return true;
        }
      continue;
    }
    for (std::size_t axis = 0; axis < step.shape.size(); ++axis) {
      Sizes shape = step.shape;
      if (shape[axis] == 1)
        shape.erase(shape.begin() + static_cast<Index>(axis));
      else if (shape[axis] > 1)
        --shape[axis];
      else
        continue;
      const Array from = values[k];
      const Array cut(shape, [&](Sizes position) {
        if (position.size() < from.shape.size()) position.insert(position.begin() + static_cast<Index>(axis), 0);
        return from(position);
      });
      if (with(as_input(cut))) return true;
    }
    Step rounder = step;
    for (double& number : rounder.values) number = std::round(10 * number) / 10 + 0.0;  // no -0
    if (rounder.values != step.values && with(rounder)) return true;
  }
  return false;
}

}  // namespace

std::string fault(const Program& program) {
  try {
    return compare(program);
  } catch (const plain::Skip&) {
    return "skip";
  } catch (const std::exception& error) {
    return std::string("an error is thrown: ") + error.what();
  }
}

Program shrunk(Program program) {
  const auto fails = [](const Program& smaller) {
    const std::string found = fault(smaller);
    return !found.empty() && found != "skip";
  };
  while (any_smaller(program, [&](const Program& smaller) {
    if (operations_in(smaller) == 0 || !fails(smaller)) return false;
    program = smaller;
    return true;
  })) {
  }
  return program;
}

}  // namespace programs
