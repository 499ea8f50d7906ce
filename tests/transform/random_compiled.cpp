// Random programs as compiled steps: replayed on other values, each gives the bits that recording gives.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "eigengrad/ops/arithmetic.hpp"
#include "eigengrad/transform/compile.hpp"
#include "program.hpp"

namespace programs {

namespace {

bool same_bits(const eg::Tensor<double>& a, const eg::Tensor<double>& b) {
  bool same = a.shape() == b.shape();
  for (eg::Index i = 0; same && i < a.size(); ++i)
    same = std::memcmp(a.data() + i, b.data() + i, sizeof(double)) == 0 ||
           (std::isnan(a.data()[i]) && std::isnan(b.data()[i]));
  return same;
}
List take_gradients(const std::vector<eg::Parameter<double>>& parameters) {
  List gradients;
  for (const auto& parameter : parameters) {
    gradients.push_back(parameter.grad() * 1.0);  // numbers of its own
    parameter.zero_grad();
  }
  return gradients;
}

}  // namespace

TEST(RandomPrograms, ReplayAsTheyRecord) {
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Program program = random_program(seed, all_operations());
    SCOPED_TRACE(text(program));
    const List inputs = inputs_of(program);
    std::vector<eg::Parameter<double>> parameters(inputs.begin(), inputs.end());
    const auto f = [&] { return library_result(program, List(parameters.begin(), parameters.end())); };
    {
      eg::Tape tape;
      if (kernel_access(f()).link().node == nullptr) continue;  // as when all that is left is an empty mean
    }
    auto step = eg::compile(f);
    for (int call = 0; call < 4; ++call) {
      for (std::size_t k = 0; k < inputs.size(); ++k) parameters[k].set_value(inputs[k] * (1 - 0.05 * call));
      const eg::Tensor<double> replayed = step();
      const List replayed_gradients = take_gradients(parameters);
      eg::Tape tape;
      const eg::Tensor<double> recorded = f();
      tape.backward(recorded);
      const List recorded_gradients = take_gradients(parameters);
      ASSERT_TRUE(same_bits(replayed, recorded)) << "call " << call;
      for (std::size_t k = 0; k < inputs.size(); ++k)
        ASSERT_TRUE(same_bits(replayed_gradients[k], recorded_gradients[k])) << "call " << call << ", input " << k;
    }
    ++compared;
  }
  EXPECT_GT(compared, 1500);
}

}  // namespace programs
