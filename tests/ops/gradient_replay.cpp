// The gradient table as compiled steps: replayed on other values, every row gives the bits that recording gives.
#include <gtest/gtest.h>

#include "eigengrad/transform/compile.hpp"
#include "gradient_row.hpp"
#include "support/close.hpp"

namespace gradients {

/// Gradients of their own, so that the next step finds the parameters as it left them.
List take_gradients(const std::vector<eg::Parameter<double>>& parameters) {
  List gradients;
  for (const auto& parameter : parameters) {
    gradients.push_back(parameter.grad() * 1.0);
    parameter.zero_grad();
  }
  return gradients;
}

TEST(GradientTable, ReplaysWhatItRecords) {
  eg::Generator generator(31);
  for (const Row& row : table())
    for (const Shapes& shapes : row.shapes) {
      SCOPED_TRACE(row.name + " " + text(shapes));
      const List inputs = draw(row, shapes, generator);
      const auto seed = eg::Tensor<double>::randn(row.run(inputs).shape(), generator);
      if (seed.size() == 0) continue;  // there is nothing to be the loss
      std::vector<eg::Parameter<double>> parameters(inputs.begin(), inputs.end());
      const auto loss = [&] { return sum(row.run(List(parameters.begin(), parameters.end())) * seed); };
      auto step = eg::compile(loss);
      for (int call = 0; call < 3; ++call) {
        for (std::size_t k = 0; k < inputs.size(); ++k) parameters[k].set_value(inputs[k] * (1 - 0.05 * call));
        const eg::Tensor<double> replayed = step() * 1.0;
        const List replayed_gradients = take_gradients(parameters);
        eg::Tape tape;
        const eg::Tensor<double> recorded = loss();
        tape.backward(recorded);
        const List recorded_gradients = take_gradients(parameters);
        EXPECT_TRUE(support::same_bits(replayed, recorded)) << "call " << call;
        for (std::size_t k = 0; k < inputs.size(); ++k)
          EXPECT_TRUE(support::same_bits(replayed_gradients[k], recorded_gradients[k]))
              << "call " << call << ", input " << k;
      }
    }
}

}  // namespace gradients
