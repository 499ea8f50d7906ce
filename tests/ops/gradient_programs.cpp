// The rows of the gradient table in random programs: each on an input that is itself computed, with others behind it.
// Two ways through the same rules must agree, backward and forward mode, in first and second derivatives; and a
// compiled step must give the bits that recording gives. (tests/transform/random_programs.cpp has random axes and
// positions besides, and compares with an evaluation that shares no code.)
#include <gtest/gtest.h>

#include <map>

#include "eigengrad/transform/compile.hpp"
#include "eigengrad/transform/jacobian.hpp"
#include "gradient_row.hpp"
#include "support/close.hpp"

namespace gradients {

namespace {

/// The first step's row takes the inputs, each later one what stands at these places among inputs and results.
struct Step {
  const Row* row;
  std::vector<std::size_t> operands;
};
struct Program {
  List inputs;
  std::vector<Step> steps;
};

template <class T>
const auto& run_of(const Row& row) {
  if constexpr (eg::is_dual<T>)
    return row.run_dual;
  else
    return row.run;
}
/// Inputs, made results by a product, and every step's result.
template <class T>
std::vector<eg::Tensor<T>> run(const Program& program, const std::vector<eg::Tensor<T>>& inputs) {
  std::vector<eg::Tensor<T>> values;
  for (const auto& input : inputs) values.push_back(input * 1.0);
  for (const Step& step : program.steps) {
    std::vector<eg::Tensor<T>> operands;
    for (const std::size_t place : step.operands) operands.push_back(values[place]);
    values.push_back(run_of<T>(*step.row)(operands));
  }
  return values;
}
/// The weighed sum of all results.
template <class T>
eg::Tensor<T> result(const Program& program, const std::vector<eg::Tensor<T>>& inputs) {
  const auto values = run<T>(program, inputs);
  eg::Tensor<T> total = eg::Tensor<T>::zeros({});
  double weight = 0.9;
  for (std::size_t k = inputs.size(); k < values.size(); ++k, weight *= -0.7) total = total + weight * sum(values[k]);
  return total;
}
/// Small numbers are what rounding left of others: two ways to compute them have no digits in common.
bool is_tame(const eg::Tensor<double>& x) {
  const auto size = x.array().abs();
  return x.size() <= 64 && (size < 50).all() && (size == 0 || size > 1e-6).all();
}
/// Whether numbers lie where the row is smooth: beyond its domain's lower end, and its upper one where that is a
/// border.
bool suit(const eg::Tensor<double>& numbers, const Domain& domain) {
  for (const double number : numbers) {
    const double size = domain.both_signs ? std::abs(number) : number;
    if ((domain.low > any.low && size < domain.low) || (domain.high < 1 && size > domain.high)) return false;
  }
  return true;
}

/// A program that begins with `row` on inputs it is made for, with up to four steps behind it that the results suit.
Program draw_program(const Row& row, eg::Generator& generator) {
  const auto below = [&](std::size_t n) -> std::size_t { return generator.below(n); };
  Program program;
  program.inputs = draw(row, row.shapes[below(row.shapes.size())], generator);
  program.steps.push_back({&row, {}});
  for (std::size_t k = 0; k < program.inputs.size(); ++k) program.steps[0].operands.push_back(k);
  for (int attempt = 0; attempt < 40 && program.steps.size() < 5; ++attempt) {
    const List values = run<double>(program, program.inputs);
    const std::size_t known = values.size();
    Step step{&table()[below(table().size())], {}};
    bool suits = true;
    for (std::size_t k = 0; k < step.row->inputs(); ++k) {
      step.operands.push_back(k == 0 ? known - 1 : below(known));  // deep rather than wide
      suits = suits && suit(values[step.operands[k]], step.row->domains[std::min(k, step.row->domains.size() - 1)]);
    }
    if (!suits) continue;
    program.steps.push_back(step);
    try {
      if (is_tame(run<double>(program, program.inputs).back())) continue;
    } catch (const eg::Error&) {  // shapes or numbers that do not suit the operation
    }
    program.steps.pop_back();
  }
  return program;
}
std::string program_text(const Program& program) {
  Shapes shapes;
  for (const auto& input : program.inputs) shapes.push_back(input.shape());
  std::string all = "inputs " + text(shapes);
  for (std::size_t k = 0; k < program.steps.size(); ++k) {
    all += "\n  v" + std::to_string(program.inputs.size() + k) + " = " + program.steps[k].row->name + "(";
    for (const std::size_t place : program.steps[k].operands) all += " v" + std::to_string(place);
    all += " )";
  }
  return all;
}

List random_like(const List& inputs, eg::Generator& generator) {
  List all;
  for (const auto& input : inputs) all.push_back(eg::Tensor<double>::randn(input.shape(), generator));
  return all;
}
template <class T>
std::vector<eg::Tensor<T>> pull_back(const Program& program, const std::vector<eg::Tensor<T>>& inputs) {
  const std::vector<eg::Parameter<T>> parameters(inputs.begin(), inputs.end());
  eg::Tape tape;
  tape.backward(result<T>(program, {parameters.begin(), parameters.end()}));
  std::vector<eg::Tensor<T>> gradients;
  for (const auto& parameter : parameters) gradients.push_back(parameter.grad());
  return gradients;
}

/// First and second derivatives along u by both modes; false when they are too large to be compared.
bool agrees(const Program& program, eg::Generator& generator) {
  const List& x = program.inputs;
  const List u = random_like(x, generator), gradients = pull_back<double>(program, x);
  DualList moving;
  for (std::size_t k = 0; k < x.size(); ++k) moving.push_back(eg::make_dual(x[k], u[k]));
  const Dual forward = result<Dual>(program, moving).item();
  double backward = 0, size = 1 + std::abs(forward.value);
  for (std::size_t k = 0; k < x.size(); ++k) {
    backward += (gradients[k].array() * u[k].array()).sum();
    size += (gradients[k].array() * u[k].array()).abs().sum();
  }
  const DualList pulled = pull_back<Dual>(program, moving);
  const List product = eg::hvp([&](const List& at) { return result<double>(program, at); }, x, u);
  double largest = size;
  for (const auto& p : product) largest = std::max(largest, p.size() > 0 ? p.array().abs().maxCoeff() : 0.0);
  if (!(largest < 1e6)) return false;
  EXPECT_NEAR(forward.value, result<double>(program, x).item(), 1e-11 * size) << "the value on dual numbers";
  EXPECT_NEAR(forward.tangent, backward, 1e-9 * size) << "forward and backward";
  for (std::size_t k = 0; k < x.size(); ++k)
    for (eg::Index i = 0; i < x[k].size(); ++i) {
      EXPECT_NEAR(pulled[k].data()[i].value, gradients[k].data()[i], 1e-9 * largest) << "the gradient on dual numbers";
      EXPECT_NEAR(pulled[k].data()[i].tangent, product[k].data()[i], 1e-8 * largest) << "the second derivative";
    }
  return true;
}

/// What a compiled step and a recorded one give, for the values it was made with and for others.
void expect_same_replayed(const Program& program) {
  try {
    List smaller = program.inputs;
    for (auto& input : smaller) input = input * 0.98;
    result<double>(program, smaller);
  } catch (const eg::ValueError&) {
    return;  // they lie outside an operation's domain: nothing to compare
  }
  const std::vector<eg::Parameter<double>> parameters(program.inputs.begin(), program.inputs.end());
  const auto loss = [&] { return result<double>(program, List(parameters.begin(), parameters.end())); };
  const auto gradients = [&] {
    List all;
    for (const auto& parameter : parameters) {
      all.push_back(parameter.grad() * 1.0);
      parameter.zero_grad();
    }
    return all;
  };
  auto step = eg::compile(loss);
  for (int call = 0; call < 3; ++call) {
    for (std::size_t k = 0; k < parameters.size(); ++k) parameters[k].set_value(program.inputs[k] * (1 - 0.01 * call));
    const eg::Tensor<double> replayed = step() * 1.0;
    const List replayed_gradients = gradients();
    eg::Tape tape;
    const eg::Tensor<double> recorded = loss();
    tape.backward(recorded);
    const List recorded_gradients = gradients();
    EXPECT_TRUE(support::same_bits(replayed, recorded)) << "replayed, call " << call;
    for (std::size_t k = 0; k < parameters.size(); ++k)
      EXPECT_TRUE(support::same_bits(replayed_gradients[k], recorded_gradients[k])) << "replayed, call " << call;
  }
}

}  // namespace

TEST(GradientTable, AgreesWithItselfInRandomPrograms) {
  eg::Generator generator(77);
  std::map<const Row*, int> behind;
  int compared = 0, too_large = 0;
  for (const Row& row : table())
    for (int n = 0; n < 30; ++n) {
      const Program program = draw_program(row, generator);
      SCOPED_TRACE(program_text(program));
      if (agrees(program, generator)) {
        ++compared;
        for (std::size_t k = 1; k < program.steps.size(); ++k) ++behind[program.steps[k].row];
      } else {
        ++too_large;
      }
      expect_same_replayed(program);
      if (testing::Test::HasFailure()) return;  // one is enough
    }
  EXPECT_GT(compared, 10 * too_large) << too_large << " programs could not be compared";
  EXPECT_GT(behind.size(), table().size() / 2) << "rows that came behind others";
}

}  // namespace gradients
