#include "eigengrad/ops/attention.hpp"
#include "gradient_row.hpp"

// Rows of the gradient table for attention.
namespace gradients {

#define OF(expression) [](const auto& x) { return expression; }

GRADIENT_ROWS(attention) {
  using eg::scaled_dot_product_attention;
  using Bools = eg::Tensor<bool>;
  return {
      structural("scaled_dot_product_attention", {any}, OF(scaled_dot_product_attention(x[0], x[1], x[2])),
                 {{{2, 3, 4}, {2, 5, 4}, {2, 5, 3}},
                  {{1, 1}, {1, 1}, {1, 1}},
                  {{2, 1, 2, 3}, {3, 4, 3}, {4, 2}},
                  {{0, 3, 4}, {0, 5, 4}, {0, 5, 4}},
                  {{2, 3, 4}, {2, 0, 4}, {2, 0, 4}}},
                 {{2, 3, 70, 8}, {2, 3, 140, 8}, {2, 3, 140, 8}}),
      structural("scaled_dot_product_attention", {any},
                 OF(scaled_dot_product_attention(x[0], x[0], x[1], {.causal = true, .scale = -0.3})),
                 {{{2, 3, 4}, {2, 3, 4}}, {{40, 2}, {40, 2}}}, {{3, 70, 8}, {3, 70, 8}}),
      structural("scaled_dot_product_attention", {any},
                 OF(scaled_dot_product_attention(x[0], x[1], x[2], {.mask = x[3], .causal = true})),
                 {{{2, 3, 4}, {2, 3, 4}, {2, 3, 4}, {3, 1}}, {{2, 2, 3, 1}, {3, 1}, {3, 2}, {2, 1, 3, 3}}},
                 {{2, 3, 20, 4}, {2, 3, 20, 4}, {2, 3, 20, 4}, {20, 20}}),
      structural("scaled_dot_product_attention", {any},
                 OF(scaled_dot_product_attention(x[0], x[1], x[2],
                                                 {.mask = Bools{{true, false, false}, {false, false, false}}})),
                 {{{2, 2, 4}, {2, 3, 4}, {2, 3, 2}}, {{2, 1}, {3, 1}, {3, 17}}}, {{99, 2, 4}, {99, 3, 4}, {99, 3, 4}}),
  };
}

}  // namespace gradients
