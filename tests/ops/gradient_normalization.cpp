#include "eigengrad/ops/normalization.hpp"

#include "eigengrad/ops/batch_norm.hpp"
#include "gradient_row.hpp"

// Rows of the gradient table for norms.
namespace gradients {

/// What a number alone does not have: a norm over it is refused.
inline eg::Shape last_axis_of(const eg::Shape& shape) {
  return shape.rank() > 0 ? eg::Shape{shape.back()} : eg::Shape{};
}

#define OF(expression) [](const auto& x) { return expression; }

GRADIENT_ROWS(normalization) {
  const eg::Tensor<double> mean = {0.3, -0.2, 0.7, 1.1}, variance = {0.2, 1.5, 0.7, 3};
  return {
      structural("batch_norm", {any}, OF(eg::batch_norm(x[0], x[1], x[2])),
                 {{{3, 4}, {4}, {4}}, {{2, 3, 5}, {3}, {3}}, {{2, 2, 2, 3}, {2}, {2}}, {{0, 2, 3}, {2}, {2}}},
                 {{8, 17, 20}, {17}, {17}}),
      structural("batch_norm", {any}, OF(eg::batch_norm(x[0], {}, {}, 0.1)), {{{5, 1}}}, {{20, 19}}),
      structural(
          "batch_norm", {any}, [=](const auto& x) { return eg::batch_norm_given(x[0], mean, variance, x[1], x[2]); },
          {{{3, 4}, {4}, {4}}, {{2, 4, 3}, {4}, {4}}, {{1, 4}, {4}, {4}}, {{0, 4}, {4}, {4}}}, {{8, 4, 20}, {4}, {4}}),
      structural("layer_norm", {any}, OF(eg::layer_norm(x[0], x[1].shape(), x[1], x[2])),
                 {{{3, 4}, {4}, {4}}, {{2, 2, 3}, {2, 3}, {2, 3}}, {{5}, {5}, {5}}, {{0, 3}, {3}, {3}}},
                 {{32, 70}, {70}, {70}}),
      structural("layer_norm", {any}, OF(eg::layer_norm(x[0], last_axis_of(x[0].shape()))), {{{3, 5}}}, {{40, 33}}),
      structural("rms_norm", {any}, OF(eg::rms_norm(x[0], x[1].shape(), x[1])),
                 {{{3, 4}, {4}}, {{2, 2, 3}, {2, 3}}, {{0, 3}, {3}}}, {{32, 70}, {70}}),
      structural("group_norm", {any}, OF(eg::group_norm(x[0], 2, x[1], x[2])),
                 {{{2, 4}, {4}, {4}}, {{2, 2, 3}, {2}, {2}}, {{1, 4, 2, 2}, {4}, {4}}, {{0, 4, 2}, {4}, {4}}},
                 {{5, 6, 37}, {6}, {6}}),
      structural("instance_norm", {any}, OF(eg::instance_norm(x[0], x[1], x[2])),
                 {{{2, 3, 4}, {3}, {3}}, {{0, 2, 3}, {2}, {2}}}, {{5, 6, 37}, {6}, {6}}),
      structural("instance_norm", {any}, OF(eg::instance_norm(x[0])), {{{2, 2, 2, 3}}}, {{4, 3, 50}}),
  };
}

}  // namespace gradients
