#include <limits>

#include "eigengrad/ops/rectifiers.hpp"
#include "eigengrad/ops/smooth_activations.hpp"
#include "gradient_row.hpp"

// Rows of the gradient table for the activations beside relu, tanh, sigmoid, gelu and silu.
namespace gradients {

#define UNARY(expression) [](const auto& x) { return expression; }
#define BINARY(expression) [](const auto& a, const auto& b) { return expression; }
#define OF(expression) [](const auto& x) { return expression; }

GRADIENT_ROWS(activations) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  // Away from the kinks, which lie at 0, 0.5, 1, 3 and 6.
  constexpr Domain pieces{"off the kinks", 0.6, 0.9, true};
  return {
      elementwise<1>("selu", {nonzero}, UNARY(eg::selu(x)),
                     {{{0}, {1.7580993408473766}}, {{-1000}, {0}}, {{1000}, {1.0507009873554805}}}),
      elementwise<2>("celu", {nonzero, positive}, BINARY(eg::celu(a, b)),
                     {{{0, 0.5}, {1, 0}}, {{-1000, 0.5}, {0, -1}}, {{1000, 0.5}, {1, 0}}}),
      elementwise<1>("relu6", {nonzero}, UNARY(eg::relu6(x)), {{{0}, {0}}, {{6}, {0}}, {{5}, {1}}, {{inf}, {0}}}),
      elementwise<1>("hardtanh", {pieces}, UNARY(eg::hardtanh(x)),
                     {{{-1}, {0}}, {{1}, {0}}, {{0}, {1}}, {{-inf}, {0}}}),
      elementwise<1>("hardsigmoid", {any}, UNARY(eg::hardsigmoid(x)),
                     {{{-3}, {0}}, {{3}, {0}}, {{0}, {1.0 / 6}}, {{inf}, {0}}}),
      elementwise<1>("hardswish", {any}, UNARY(eg::hardswish(x)),
                     {{{-3}, {0}}, {{3}, {1}}, {{0}, {0.5}}, {{-inf}, {0}}, {{inf}, {1}}}),
      elementwise<1>("threshold", {pieces}, UNARY(eg::threshold(x, 0.1, 20)), {{{0.1}, {0}}, {{0.2}, {1}}}),
      elementwise<1>("hardshrink", {pieces}, UNARY(eg::hardshrink(x)), {{{0.5}, {0}}, {{-0.5}, {0}}, {{-1}, {1}}}),
      elementwise<1>("softshrink", {pieces}, UNARY(eg::softshrink(x)), {{{0.5}, {0}}, {{-0.5}, {0}}, {{-1}, {1}}}),
      elementwise<1>("softsign", {nonzero}, UNARY(eg::softsign(x)), {{{0}, {1}}, {{1e200}, {0}}, {{-1e200}, {0}}}),
      elementwise<1>("log_sigmoid", {nonzero}, UNARY(eg::log_sigmoid(x)),
                     {{{0}, {0.5}}, {{-1000}, {1}}, {{1000}, {0}}, {{inf}, {0}}, {{-inf}, {1}}}),
      elementwise<1>("tanhshrink", {any}, UNARY(eg::tanhshrink(x)), {{{0}, {0}}, {{50}, {1}}, {{-inf}, {1}}}),
      elementwise<1>("mish", {any}, UNARY(eg::mish(x)),
                     {{{0}, {0.6}}, {{-1000}, {0}}, {{1000}, {1}}, {{-1e200}, {0}}, {{1e200}, {1}}}),
      elementwise<1>("mish_slope", {any}, UNARY(eg::apply<eg::MishSlopeOperation>(x))),
      elementwise<1>("gelu_tanh", {any}, UNARY(eg::gelu_tanh(x)),
                     {{{0}, {0.5}}, {{40}, {1}}, {{-40}, {0}}, {{-1e4}, {0}}, {{1e200}, {1}}, {{-1e200}, {0}}}),
      elementwise<1>("gelu_tanh_slope", {any}, UNARY(eg::apply<eg::GeluTanhSlopeOperation>(x))),
      structural("glu", {any}, OF(eg::glu(x[0])), {{{2}}, {{3, 4}}, {{2, 38}}, {{0, 4}}}, {{32, 64}}),
      structural("glu", {any}, OF(eg::glu(x[0], 0)), {{{4, 3}}}, {{32, 9}}),
      structural("leaky_relu", {nonzero, any}, OF(eg::prelu(x[0], x[1])),
                 {{{3, 4}, {4}}, {{3, 4}, {1}}, {{2, 3, 4}, {3}}, {{5}, {}}}, {{32, 64}, {64}}),
  };
}

}  // namespace gradients
