// The gradient table (style: one row per operation): every operation over every class of shapes and every subset of
// inputs that are parameters. Numbers in comments are lines of the reliability list.
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "gradient_row.hpp"

namespace gradients {

const std::vector<Row>& table() {
  static const std::vector<Row> rows = [] {
    std::vector<Row> all;
    const std::vector<RowFile> plain = row_files(false), dual = row_files(true);
    if (plain.size() != dual.size())
      throw std::logic_error("a file of rows, gradient_<name>.cpp, has no dual_<name>.cpp, or the other way round");
    for (std::size_t f = 0; f < plain.size(); ++f) {
      std::vector<Row> duals = dual[f].rows();
      std::size_t i = 0;
      for (Row& row : plain[f].rows()) {
        row.run_dual = std::move(duals.at(i++).run_dual);
        all.push_back(std::move(row));
      }
    }
    return all;
  }();
  return rows;
}

/// The operation as a function of the inputs marked in `subset` alone, the others held fixed.
auto of_subset(const Row& row, const List& inputs, unsigned subset) {
  return [&row, inputs, subset](const List& chosen) {
    List all = inputs;
    std::size_t next = 0;
    for (std::size_t k = 0; k < all.size(); ++k)
      if (subset >> k & 1) all[k] = chosen[next++];
    return row.run(all);
  };
}
List chosen(const List& inputs, unsigned subset) {
  List result;
  for (std::size_t k = 0; k < inputs.size(); ++k)
    if (subset >> k & 1) result.push_back(inputs[k]);
  return result;
}

// Lines 1, 2, 24, 25: finite differences, every shape, every subset of parameters.
TEST(GradientTable, AgreesWithFiniteDifferences) {
  eg::Generator generator(1);
  for (const Row& row : table())
    for (const Shapes& shapes : row.shapes) {
      SCOPED_TRACE(row.name + " " + text(shapes));
      const List inputs = draw(row, shapes, generator);
      for (unsigned subset = 1; subset < 1u << inputs.size(); ++subset)
        EXPECT_NO_THROW(eg::gradcheck(of_subset(row, inputs, subset), chosen(inputs, subset))) << "inputs " << subset;
    }
}

// Line 2: what is frozen stays without a gradient, and nothing is recorded when everything is.
TEST(GradientTable, GivesConstantsNoGradient) {
  eg::Generator generator(2);
  for (const Row& row : table()) {
    SCOPED_TRACE(row.name);
    const List inputs = draw(row, row.shapes.back(), generator);
    for (unsigned subset = 0; subset < 1u << inputs.size(); ++subset) {
      std::vector<eg::Parameter<double>> parameters;
      eg::Tape tape;
      List tracked;
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        parameters.emplace_back(inputs[k]);
        parameters[k].set_requires_grad((subset >> k & 1) != 0);
        tracked.push_back(parameters[k].to_tensor());
      }
      const eg::Tensor<double> output = row.run(tracked);
      EXPECT_EQ(eg::is_recorded(output), subset != 0);
      if (subset == 0) {
        EXPECT_EQ(tape.size(), 0);
        continue;
      }
      tape.backward(output, eg::Tensor<double>::ones(output.shape()));
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        const bool constant = !(subset >> k & 1);
        EXPECT_FALSE(constant && parameters[k].has_grad()) << "input " << k << " of subset " << subset;
      }
    }
  }
}

// Line 3: larger shapes, in a random direction.
TEST(GradientTable, AgreesOnLargeShapes) {
  eg::Generator generator(3);
  for (const Row& row : table()) {
    SCOPED_TRACE(row.name);
    EXPECT_NO_THROW(eg::gradcheck(row.run, draw(row, row.large, generator)));
  }
}

// Line 22: the gradient is linear in the seed.
TEST(GradientTable, IsLinearInTheSeed) {
  eg::Generator generator(22);
  for (const Row& row : table()) {
    SCOPED_TRACE(row.name);
    const List inputs = draw(row, row.shapes[row.shapes.size() > 7 ? 7 : 0], generator);
    const auto pull = [&](const eg::Tensor<double>& seed) {
      eg::Parameter<double> first(inputs[0]);
      eg::Tape tape;
      List tracked = inputs;
      tracked[0] = first.to_tensor();
      tape.backward(row.run(tracked), seed);
      return first.grad();
    };
    const eg::Shape shape = row.run(inputs).shape();
    const auto u = eg::Tensor<double>::randn(shape, generator), v = eg::Tensor<double>::randn(shape, generator);
    eg::Tensor<double> both = u;
    both.mutable_array() = 2 * u.array() - 3 * v.array();
    const auto of_u = pull(u), of_v = pull(v), of_both = pull(both);
    const auto expected = 2 * of_u.array() - 3 * of_v.array();
    EXPECT_TRUE(((of_both.array() - expected).abs() <= 1e-12 * (1 + of_u.array().abs() + of_v.array().abs())).all());
  }
}

// Line 4: the rule beside a five-point stencil in long double, and beside dual numbers.
TEST(GradientTable, AgreesToTwelveDigits) {
  eg::Generator generator(4);
  for (const Row& row : table()) {
    if (!row.precise) continue;
    SCOPED_TRACE(row.name);
    const List inputs = draw(row, Shapes(row.inputs(), eg::Shape{23}), generator);
    std::vector<eg::Parameter<double>> parameters;
    eg::Tape tape;
    List tracked;
    for (const auto& input : inputs) {
      parameters.emplace_back(input);
      tracked.push_back(parameters.back().to_tensor());
    }
    const eg::Tensor<double> output = row.run(tracked);
    tape.backward(output, eg::Tensor<double>::ones(output.shape()));
    for (std::size_t k = 0; k < inputs.size(); ++k)
      for (eg::Index i = 0; i < 23; ++i) {
        std::vector<long double> point;
        std::vector<Dual> dual_point;
        for (std::size_t j = 0; j < inputs.size(); ++j) {
          point.push_back(inputs[j](i));
          dual_point.push_back(Dual(inputs[j](i), j == k ? 1 : 0));
        }
        const long double h = 1e-4L;
        const auto at = [&](int steps) {
          auto moved = point;
          moved[k] += steps * h;
          return row.precise(moved);
        };
        const auto stencil = static_cast<double>((at(-2) - 8 * at(-1) + 8 * at(1) - at(2)) / (12 * h));
        const double rule = parameters[k].grad()(i), allowed = 1e-12 * std::max(1.0, std::abs(rule));
        EXPECT_NEAR(rule, stencil, allowed) << "input " << k;
        EXPECT_NEAR(rule, row.dual(dual_point).tangent, allowed) << "input " << k;
        EXPECT_NEAR(output(i), row.dual(dual_point).value, 1e-12 * std::max(1.0, std::abs(output(i))));
      }
  }
}

// Lines 31, 32, 33, 37: at kinks and far out the gradient is the documented one, in whole lanes and in their rest.
TEST(GradientTable, IsAsDocumentedInAwkwardPlaces) {
  for (const Row& row : table())
    for (const Awkward& place : row.awkward) {
      std::vector<eg::Parameter<double>> parameters;
      eg::Tape tape;
      List tracked;
      for (const double number : place.inputs) {
        parameters.emplace_back(eg::Tensor<double>::full({19}, number));
        tracked.push_back(parameters.back().to_tensor());
      }
      const eg::Tensor<double> output = row.run(tracked);
      tape.backward(output, eg::Tensor<double>::ones(output.shape()));
      for (std::size_t k = 0; k < parameters.size(); ++k)
        for (const double gradient : parameters[k].grad()) {
          const bool same = std::isnan(place.gradients[k]) ? std::isnan(gradient)
                            : std::isinf(place.gradients[k])
                                ? gradient == place.gradients[k]
                                : std::abs(gradient - place.gradients[k]) <= 1e-15 * std::max(1.0, std::abs(gradient));
          ASSERT_TRUE(same) << row.name << " at " << place.inputs[0] << ": input " << k << " has gradient " << gradient
                            << ", not " << place.gradients[k];
        }
    }
}

}  // namespace gradients
