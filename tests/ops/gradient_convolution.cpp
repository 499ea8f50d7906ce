#include "eigengrad/ops/convolution.hpp"
#include "gradient_row.hpp"

// Rows of the gradient table for convolutions.
namespace gradients {

#define OF(expression) [](const auto& x) { return expression; }

GRADIENT_ROWS(convolution) {
  using eg::PaddingMode;
  const std::vector<Shapes> images = {{{2, 2, 4, 3}, {3, 2, 3, 2}, {3}}, {{0, 1, 3, 3}, {2, 1, 2, 2}, {2}}},
                            signals = {{{2, 4, 9}, {4, 2, 3}}, {{2, 6}, {2, 1, 2}}};
  return {
      structural("conv2d", {any}, OF(eg::conv2d(x[0], x[1], x[2], {.stride = {2, 1}, .padding = {1, 0}})), images,
                 {{4, 8, 16, 16}, {16, 8, 3, 3}, {16}}),
      structural("conv2d", {any}, OF(eg::conv2d(x[0], x[1])), {{{1, 2, 3, 3}, {1, 2, 1, 3}}, {{1, 3, 4}, {2, 1, 2, 2}}},
                 {{2, 3, 17, 40}, {4, 3, 3, 3}}),
      structural("conv2d", {any}, OF(eg::conv2d(x[0], x[0])), {{{2, 2, 3, 3}}}, {{3, 3, 8, 8}}),
      structural("conv1d", {any},
                 OF(eg::conv1d(x[0], x[1], {.padding = "same", .groups = 2, .padding_mode = PaddingMode::circular})),
                 signals, {{2, 4, 100}, {6, 2, 4}}),
      structural("conv_transpose2d", {any},
                 OF(eg::conv_transpose2d(x[0], x[1], x[2], {.stride = {2, 3}, .padding = 1, .output_padding = {1, 0}})),
                 {{{2, 2, 2, 3}, {2, 3, 3, 2}, {3}}}, {{4, 8, 12, 12}, {8, 16, 3, 3}, {16}}),
      structural("conv_transpose1d", {any}, OF(eg::conv_transpose1d(x[0], x[1], {.dilation = 2, .groups = 2})),
                 {{{2, 2, 4}, {2, 1, 3}}, {{4, 1}, {4, 2, 2}}}, {{2, 4, 50}, {4, 3, 3}}),
      structural("pad2d", {any}, OF(eg::pad2d(x[0], {1, 0, 2, 1}, PaddingMode::reflect)), {{{2, 2, 3}}, {{3, 4}}},
                 {{4, 20, 30}}),
      structural("pad2d", {any}, OF(eg::pad2d(x[0], {1, 2, 0, 3}, PaddingMode::replicate)), {{{2, 1, 1}}, {{0, 2, 3}}},
                 {{4, 20, 30}}),
      structural("pad2d", {any}, OF(eg::pad2d(x[0], {0, 1, 2, 1})), {{{2, 2, 3}}, {{2, 0, 1}}}, {{4, 20, 30}}),
  };
}

}  // namespace gradients
