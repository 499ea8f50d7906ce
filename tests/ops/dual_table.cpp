// The gradient table on dual numbers: every operation forward, and backward over forward. No finite differences in the
// first: what the rules say backwards and what they say forwards are two ways through the same numbers.
#include <gtest/gtest.h>

#include "gradient_row.hpp"

namespace gradients {

/// What backward gives for every input, the outputs weighed by `seed`, in numbers of type T.
template <class T, class Run>
std::vector<eg::Tensor<T>> pull_back(const Run& run, const std::vector<eg::Tensor<T>>& inputs,
                                     const eg::Tensor<T>& seed) {
  std::vector<eg::Parameter<T>> parameters;
  eg::Tape tape;
  std::vector<eg::Tensor<T>> tracked, gradients;
  for (const auto& input : inputs) {
    parameters.emplace_back(input);
    tracked.push_back(parameters.back().to_tensor());
  }
  tape.backward(run(tracked), seed);
  for (const auto& parameter : parameters) gradients.push_back(parameter.grad());
  return gradients;
}
List random_like(const List& inputs, eg::Generator& generator) {
  List result;
  for (const auto& input : inputs) result.push_back(eg::Tensor<double>::randn(input.shape(), generator));
  return result;
}
DualList moving(const List& values, const List& tangents) {
  DualList result;
  for (std::size_t k = 0; k < values.size(); ++k) result.push_back(eg::make_dual(values[k], tangents[k]));
  return result;
}
/// The sum of products, and of their sizes: what rounding is measured by.
struct Dot {
  double sum = 0, size = 0;
  void add(const eg::Tensor<double>& a, const eg::Tensor<double>& b) {
    sum += (a.array() * b.array()).sum();
    size += (a.array() * b.array()).abs().sum();
  }
};

// Lines 1, 3, 24, 25 to twelve digits: along a random direction, and along every single element of the small cases.
TEST(DualTable, ForwardAgreesWithBackward) {
  eg::Generator generator(5);
  for (const Row& row : table()) {
    std::vector<Shapes> all = row.shapes;
    all.push_back(row.large);
    for (const Shapes& shapes : all) {
      SCOPED_TRACE(row.name + " " + text(shapes));
      const List inputs = draw(row, shapes, generator);
      const eg::Tensor<double> output = row.run(inputs);
      const auto seed = eg::Tensor<double>::randn(output.shape(), generator);
      const List gradients = pull_back<double>(row.run, inputs, seed);
      const auto check = [&](const List& direction) {
        const eg::Tensor<Dual> y = row.run_dual(moving(inputs, direction));
        ASSERT_EQ(y.shape(), output.shape());
        for (eg::Index i = 0; i < y.size(); ++i)
          EXPECT_NEAR(y.data()[i].value, output.data()[i], 1e-12 * std::max(1.0, std::abs(output.data()[i])));
        Dot forward, backward;
        forward.add(seed, eg::tangent_part(y));
        for (std::size_t k = 0; k < inputs.size(); ++k) backward.add(gradients[k], direction[k]);
        EXPECT_NEAR(forward.sum, backward.sum, 1e-12 * std::max({1.0, forward.size, backward.size}));
      };
      check(random_like(inputs, generator));
      if (&shapes == &all.back()) continue;
      List direction;
      for (const auto& input : inputs) direction.push_back(eg::Tensor<double>::zeros(input.shape()));
      for (auto& along : direction)
        for (eg::Index i = 0; i < along.size(); ++i) {
          along.mutable_data()[i] = 1;
          check(direction);
          along.mutable_data()[i] = 0;
        }
    }
  }
}

// Lines 31, 32, 33, 37: the tangent at kinks and far out is the documented gradient.
TEST(DualTable, IsAsDocumentedInAwkwardPlaces) {
  for (const Row& row : table())
    for (const Awkward& place : row.awkward)
      for (std::size_t k = 0; k < place.inputs.size(); ++k) {
        DualList inputs;
        for (std::size_t j = 0; j < place.inputs.size(); ++j)
          inputs.push_back(eg::Tensor<Dual>::full({3}, Dual(place.inputs[j], j == k ? 1 : 0)));
        const double tangent = row.run_dual(inputs)(1).tangent, expected = place.gradients[k];
        EXPECT_TRUE(std::isnan(expected)   ? std::isnan(tangent)
                    : std::isinf(expected) ? tangent == expected
                                           : std::abs(tangent - expected) <= 1e-15 * std::max(1.0, std::abs(expected)))
            << row.name << " at " << place.inputs[0] << ": the tangent along input " << k << " is " << tangent
            << ", not " << expected;
      }
}

// Backward over forward: the gradient's tangent is the Hessian times the direction. It agrees with differences of
// gradients, and the Hessian is symmetric.
TEST(DualTable, GradientsHaveTangents) {
  eg::Generator generator(6);
  for (const Row& row : table())
    for (const Shapes& shapes : row.shapes) {
      SCOPED_TRACE(row.name + " " + text(shapes));
      const List inputs = draw(row, shapes, generator), u = random_like(inputs, generator),
                 v = random_like(inputs, generator);
      const eg::Tensor<double> output = row.run(inputs);
      const auto seed = eg::Tensor<double>::randn(output.shape(), generator);
      const auto products = [&](const List& direction) {
        List result;
        for (const auto& g : pull_back<Dual>(row.run_dual, moving(inputs, direction), seed))
          result.push_back(eg::tangent_part(g));
        return result;
      };
      const auto moved = [&](double step) {
        List at = inputs;
        for (std::size_t k = 0; k < at.size(); ++k) at[k].mutable_array() += step * v[k].array();
        return pull_back<double>(row.run, at, seed);
      };
      const List hu = products(u), hv = products(v), above = moved(1e-5), below = moved(-1e-5);
      Dot uhv, vhu;
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        uhv.add(u[k], hv[k]);
        vhu.add(v[k], hu[k]);
        for (eg::Index i = 0; i < hv[k].size(); ++i) {
          const double difference = (above[k].data()[i] - below[k].data()[i]) / 2e-5, exact = hv[k].data()[i];
          EXPECT_NEAR(exact, difference, 1e-5 * std::max(1.0, std::abs(exact))) << "input " << k << ", element " << i;
        }
      }
      EXPECT_NEAR(uhv.sum, vhu.sum, 1e-12 * std::max({1.0, uhv.size, vhu.size}));
    }
}

}  // namespace gradients
