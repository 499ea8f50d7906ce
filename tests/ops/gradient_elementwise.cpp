#include <limits>

#include "eigengrad/ops/activations.hpp"
#include "gradient_row.hpp"

// The element-wise half of the gradient table: name, domain, operation, awkward places and the gradients documented
// there.
namespace gradients {

#define UNARY(expression) [](const auto& x) { return expression; }
#define BINARY(expression) [](const auto& a, const auto& b) { return expression; }
#define TERNARY(expression) [](const auto& a, const auto& b, const auto& c) { return expression; }

GRADIENT_ROWS(elementwise) {
  constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  return {
      elementwise<2>("add", {any}, BINARY(a + b), {{{inf, 1}, {1, 1}}}),
      elementwise<2>("subtract", {any}, BINARY(a - b), {{{inf, 1}, {1, -1}}}),
      elementwise<2>("multiply", {any}, BINARY(a * b), {{{0, 0}, {0, 0}}, {{inf, 2}, {2, inf}}}),
      elementwise<2>("divide", {any, nonzero}, BINARY(a / b), {{{1, 0}, {inf, -inf}}, {{0, 2}, {0.5, 0}}}),
      elementwise<1>("negate", {any}, UNARY(-x), {{{0}, {-1}}}),
      elementwise<1>("square", {any}, UNARY(eg::square(x)), {{{0}, {0}}, {{-1e200}, {-2e200}}}),
      elementwise<1>("abs", {nonzero}, UNARY(eg::abs(x)), {{{0}, {0}}, {{-0.0}, {0}}, {{-inf}, {-1}}, {{nan}, {nan}}}),
      elementwise<1>("sign", {nonzero}, UNARY(eg::sign(x)), {{{0}, {0}}, {{5}, {0}}}),
      elementwise<2>("maximum", {any}, BINARY(eg::maximum(a, b)),
                     {{{1, 1}, {1, 0}}, {{nan, 1}, {1, 0}}, {{1, nan}, {0, 1}}}),
      elementwise<2>("minimum", {any}, BINARY(eg::minimum(a, b)),
                     {{{1, 1}, {1, 0}}, {{nan, 1}, {1, 0}}, {{1, nan}, {0, 1}}}),
      elementwise<3>("clamp", {any}, TERNARY(eg::clamp(a, b, c)),
                     {{{0, 0, 1}, {1, 0, 0}},
                      {{1, 0, 1}, {1, 0, 0}},
                      {{-1, 0, 1}, {0, 1, 0}},
                      {{2, 0, 1}, {0, 0, 1}},
                      {{-1, 1, 0}, {0, 0, 1}},
                      {{0.5, 1, 0}, {0, 0, 1}},
                      {{2, 1, 0}, {0, 0, 1}}}),
      elementwise<3>("where", {nonzero, any}, TERNARY(eg::where(a > 0, b, c)),
                     {{{1, 2, nan}, {0, 1, 0}}, {{-1, nan, 2}, {0, 0, 1}}, {{1, 2, inf}, {0, 1, 0}}}),
      elementwise<1>("exp", {any}, UNARY(eg::exp(x)), {{{-746}, {0}}, {{-inf}, {0}}, {{710}, {inf}}}),
      elementwise<1>("expm1", {any}, UNARY(eg::expm1(x)), {{{0}, {1}}, {{-800}, {0}}}),
      elementwise<1>("log", {positive}, UNARY(eg::log(x)), {{{0}, {inf}}, {{inf}, {0}}}),
      elementwise<1>("log1p", {above_minus_one}, UNARY(eg::log1p(x)), {{{-1}, {inf}}, {{0}, {1}}}),
      elementwise<1>("sqrt", {positive}, UNARY(eg::sqrt(x)), {{{0}, {inf}}, {{inf}, {0}}}),
      elementwise<2>("pow", {positive, any}, BINARY(eg::pow(a, b)),
                     {{{0, 0}, {0, 0}},
                      {{0, 1}, {1, 0}},
                      {{0, 2}, {0, 0}},
                      {{0, -1}, {-inf, -inf}},
                      {{-2, 3}, {12, nan}},
                      {{5, 0}, {0, std::log(5)}}}),
      elementwise<1>("sin", {any}, UNARY(eg::sin(x)), {{{0}, {1}}}),
      elementwise<1>("cos", {any}, UNARY(eg::cos(x)), {{{0}, {0}}}),
      elementwise<1>("tan", {within_one}, UNARY(eg::tan(x)), {{{0}, {1}}}),
      elementwise<1>("tanh_slope", {any}, UNARY(eg::apply<eg::TanhSlopeOperation>(x))),
      elementwise<1>("sigmoid_slope", {any}, UNARY(eg::apply<eg::SigmoidSlopeOperation>(x))),
      elementwise<1>("silu_slope", {any}, UNARY(eg::apply<eg::SiluSlopeOperation>(x))),
      elementwise<1>("tanh", {any}, UNARY(eg::tanh(x)),
                     {{{40}, {0}},
                      {{-40}, {0}},
                      {{745}, {0}},
                      {{-745}, {0}},
                      {{1e4}, {0}},
                      {{-1e4}, {0}},
                      {{inf}, {0}},
                      {{-inf}, {0}}}),
      elementwise<1>("erf", {any}, UNARY(eg::erf(x)), {{{40}, {0}}, {{-inf}, {0}}}),
      elementwise<1>("erfc", {any}, UNARY(eg::erfc(x)), {{{40}, {0}}, {{-inf}, {0}}}),
      elementwise<1>(
          "sigmoid", {any}, UNARY(eg::sigmoid(x)),
          {{{40}, {0}}, {{-745}, {0}}, {{745}, {0}}, {{1e4}, {0}}, {{-1e4}, {0}}, {{inf}, {0}}, {{-inf}, {0}}}),
      elementwise<1>("softplus", {nonzero}, UNARY(eg::softplus(x)),
                     {{{-1000}, {0}}, {{1000}, {1}}, {{0}, {0.5}}, {{inf}, {1}}, {{-inf}, {0}}}),
      elementwise<1>("relu", {nonzero}, UNARY(eg::relu(x)), {{{0}, {0}}, {{-0.0}, {0}}, {{inf}, {1}}, {{-inf}, {0}}}),
      elementwise<2>("leaky_relu", {nonzero, any}, BINARY(eg::leaky_relu(a, b)),
                     {{{0, 0.1}, {0.1, 0}}, {{-2, 0.1}, {0.1, -2}}, {{3, 0.1}, {1, 0}}}),
      elementwise<2>("elu", {nonzero, any}, BINARY(eg::elu(a, b)),
                     {{{0, 0.5}, {0.5, 0}}, {{-1000, 0.5}, {0, -1}}, {{1000, 0.5}, {1, 0}}}),
      elementwise<1>("gelu", {any}, UNARY(eg::gelu(x)),
                     {{{40}, {1}}, {{-40}, {0}}, {{0}, {0.5}}, {{1e4}, {1}}, {{-1e4}, {0}}}),
      elementwise<1>("silu", {any}, UNARY(eg::silu(x)),
                     {{{1e4}, {1}}, {{-1e4}, {0}}, {{0}, {0.5}}, {{745}, {1}}, {{-745}, {0}}}),
  };
}

}  // namespace gradients
