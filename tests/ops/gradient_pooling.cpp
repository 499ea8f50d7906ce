#include "eigengrad/ops/adaptive_pooling.hpp"
#include "eigengrad/ops/pooling.hpp"
#include "eigengrad/ops/resample.hpp"
#include "eigengrad/ops/unfold.hpp"
#include "gradient_row.hpp"

// Rows of the gradient table for windows over sequences and images.
// A square behind a linear operation has its gradient recorded, and differentiated again.
namespace gradients {

#define OF(expression) [](const auto& x) { return expression; }

GRADIENT_ROWS(pooling) {
  using eg::UpsampleMode;
  const std::vector<Shapes> sequences = {{{2, 2, 7}}, {{3, 4}}, {{0, 2, 5}}, {{1, 1, 19}}},
                            images = {{{1, 2, 5, 4}}, {{2, 4, 6}}, {{0, 2, 4, 4}}, {{1, 1, 4, 19}}};
  const Shapes long_ones = {{4, 8, 64}}, large = {{2, 8, 16, 16}};
  return {
      structural("max_pool1d", {any}, OF(square(max_pool1d(x[0], 3, {.stride = 2, .padding = 1, .ceil_mode = true}))),
                 sequences, long_ones),
      structural("max_pool2d", {any}, OF(max_pool2d(x[0], 2)), images, large),
      structural("max_pool2d", {any}, OF(max_pool2d(x[0], {3, 2}, {.stride = 2, .padding = 1, .dilation = {1, 2}})),
                 images, large),
      structural("avg_pool1d", {any}, OF(square(avg_pool1d(x[0], 3, {.stride = 2, .padding = 1}))), sequences,
                 long_ones),
      structural("avg_pool2d", {any},
                 OF(avg_pool2d(x[0], {2, 3}, {.padding = {0, 1}, .ceil_mode = true, .count_include_pad = false})),
                 images, large),
      structural("adaptive_avg_pool1d", {any}, OF(square(adaptive_avg_pool1d(x[0], 3))), sequences, long_ones),
      structural("adaptive_avg_pool2d", {any}, OF(adaptive_avg_pool2d(x[0], {3, 2})), images, large),
      structural("adaptive_max_pool1d", {any}, OF(adaptive_max_pool1d(x[0], 3)), sequences, long_ones),
      structural("adaptive_max_pool2d", {any}, OF(adaptive_max_pool2d(x[0], {3, 2})), images, large),
      structural("global_avg_pool", {any}, OF(global_avg_pool(x[0])), images, large),
      structural("global_max_pool", {any}, OF(global_max_pool(x[0])), images, large),
      structural("upsample", {any}, OF(square(upsample(x[0], {.scale_factor = 1.5}))), {{{2, 2, 5}}, {{1, 2, 3, 2}}},
                 large),
      structural("upsample", {any}, OF(upsample(x[0], {.size = {5, 3}, .mode = UpsampleMode::bilinear})),
                 {{{1, 2, 3, 4}}, {{0, 2, 3, 4}}}, large),
      structural("pixel_shuffle", {any}, OF(pixel_shuffle(x[0], 2)), {{{2, 4, 2, 3}}, {{8, 1, 2}}, {{0, 4, 2, 2}}},
                 large),
      structural("pixel_unshuffle", {any}, OF(pixel_unshuffle(x[0], 2)), {{{2, 1, 2, 6}}, {{2, 4, 2}}}, large),
      structural("unfold", {any}, OF(unfold(x[0], {2, 3}, {.padding = {0, 2}, .dilation = {1, 2}})), images, large),
      structural("fold", {any}, OF(fold(x[0], {3, 4}, 2, {.stride = {1, 2}, .padding = {1, 0}})),
                 {{{2, 8, 8}}, {{4, 8}}}, {{3, 16, 8}}),
  };
}

}  // namespace gradients
