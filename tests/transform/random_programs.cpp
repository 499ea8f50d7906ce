// Thousands of random programs, each compared in value and in first and second derivatives with a plain evaluation that
// shares no code with the library. A program that differs is printed as small as it can be made.
#include <gtest/gtest.h>

#include <map>

#include "eigengrad/autograd/engine/record.hpp"
#include "eigengrad/ops/functions.hpp"
#include "program.hpp"

namespace programs {

const Operations& all_operations() {
  static const Operations all = [] {
    Operations list = elementwise_operations();
    for (Operation& other : structural_operations()) list.push_back(std::move(other));
    return list;
  }();
  return all;
}

bool uses(const Program& program, const Operation& operation) {
  for (const Step& step : program)
    if (!step.is_input() && step.operation->text == operation.text) return true;
  return false;
}

TEST(RandomPrograms, AgreeWithAPlainEvaluation) {
  std::map<std::string, int> times;
  int compared = 0, skipped = 0, faults = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    const Program program = random_program(seed, all_operations());
    const std::string found = fault(program);
    if (found == "skip") {
      ++skipped;
      continue;
    }
    ++compared;
    for (const Step& step : program)
      if (!step.is_input()) ++times[step.operation->text];
    if (found.empty()) continue;
    const Program small = shrunk(program);
    ADD_FAILURE() << "seed " << seed << ": " << found << "\nshrunk: " << fault(small) << '\n' << text(small);
    if (++faults == 5) break;
  }
  EXPECT_GT(compared, 20 * skipped) << skipped << " programs could not be compared";
  for (const Operation& operation : all_operations()) EXPECT_GT(times[operation.text], 20) << operation.text;
}

// The test's own test: operations that are wrong in their value, their gradient, or their second derivative only.
eg::Tensor<double> wrong_value(const eg::Tensor<double>& x) { return eg::tanh(x) + where(x > 1, 1e-9, 0); }
eg::Tensor<double> wrong_gradient(const eg::Tensor<double>& x) {
  return eg::record("wrong", kernel_access(eg::Tensor<double>(tanh(x))).unrecorded(),
                    eg::wrt(x, [](const auto& dy, const auto& y) { return dy * (1 - y); }));
}
eg::Tensor<double> wrong_second_derivative(const eg::Tensor<double>& x) {
  return eg::record("wrong", kernel_access(eg::Tensor<double>(tanh(x))).unrecorded(),
                    eg::wrt(x, [](const auto& dy, const auto& y) {
                      const eg::Tensor<double> slope = 1 - y * y;
                      return dy * slope.detach();
                    }));
}
Array wrong_value(const Array& x) { return tanh(x); }
Array wrong_gradient(const Array& x) { return tanh(x); }
Array wrong_second_derivative(const Array& x) { return tanh(x); }

void expect_found(const Operation& wrong, const std::string& what) {
  Operations operations = all_operations();
  operations.push_back(wrong);
  int found = 0;
  for (std::uint64_t seed = 0; found < 5; ++seed) {
    ASSERT_LT(seed, 10000u) << wrong.text << " is not found";
    const Program program = random_program(seed, operations);
    const std::string fault_there = fault(program);
    if (fault_there.empty() || fault_there == "skip") continue;
    ++found;
    EXPECT_TRUE(uses(program, wrong)) << fault_there << '\n' << text(program);
    EXPECT_NE(fault_there.find(what), std::string::npos) << fault_there << '\n' << text(program);
    const Program small = shrunk(program);
    const std::string printed = text(small);
    EXPECT_LE(operations_in(small), 2u) << printed;
    EXPECT_LE(small.size(), 3u) << printed;
    EXPECT_TRUE(uses(small, wrong)) << printed;
    EXPECT_FALSE(fault(small).empty() || fault(small) == "skip") << fault(small) << '\n' << printed;
    EXPECT_NE(printed.find("wrong"), std::string::npos) << printed;
  }
}

TEST(RandomPrograms, FindAWrongValue) { expect_found(OPERATION(1, wrong_value(x)), "value"); }
TEST(RandomPrograms, FindAWrongGradient) { expect_found(OPERATION(1, wrong_gradient(x)), "grad"); }
TEST(RandomPrograms, FindAWrongSecondDerivative) { expect_found(OPERATION(1, wrong_second_derivative(x)), "hvp"); }

}  // namespace programs
