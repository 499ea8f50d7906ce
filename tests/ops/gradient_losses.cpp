#include "eigengrad/nn/layers/linear.hpp"
#include "eigengrad/nn/losses/cross_entropy.hpp"
#include "eigengrad/nn/losses/loss.hpp"
#include "eigengrad/ops/softmax.hpp"
#include "gradient_row.hpp"

// Rows of the gradient table for what nn/ records.
namespace gradients {

#define OF(expression) [](const auto& x) { return expression; }

GRADIENT_ROWS(losses) {
  using Labels = eg::Tensor<std::int64_t>;
  using eg::Reduction;
  const std::vector<Shapes> same = {{{1, 1}, {1, 1}}, {{3, 4}, {3, 4}}, {{5}, {5}}, {{2, 19}, {2, 19}}},
                            logits = {{{3, 4}}, {{3, 2}}, {{3, 19}}};
  const Shapes large = {{32, 64}, {32, 64}};
  return {
      structural("linear", {any}, OF(eg::linear(x[0], x[1], x[2])),
                 {{{3, 4}, {5, 4}, {5}},
                  {{1, 1}, {1, 1}, {1}},
                  {{2, 3, 4}, {5, 4}, {5}},
                  {{4}, {5, 4}, {5}},
                  {{0, 4}, {5, 4}, {5}},
                  {{17, 3}, {33, 3}, {33}}},
                 {{32, 64}, {48, 64}, {48}}),
      structural("linear", {any}, OF(eg::linear(x[0], x[1], eg::Tensor<double>())),
                 {{{3, 4}, {5, 4}}, {{1, 4}, {1, 4}}}, {{32, 64}, {48, 64}}),
      structural("linear", {any}, OF(eg::linear(x[0], x[0], x[1])), {{{3, 3}, {3}}}, {{32, 32}, {32}}),
      structural("mse_loss", {any}, OF(mse_loss(x[0], x[1])), same, large),
      structural("mse_loss", {any}, OF(mse_loss(x[0], x[1], Reduction::none)), same, large),
      structural("l1_loss", {any}, OF(l1_loss(x[0], x[1], Reduction::mean)), same, large),
      structural("huber", {any}, OF(huber_loss(x[0], x[1], 0.7, Reduction::none)), same, large),
      structural("huber_loss", {any}, OF(huber_loss(x[0], x[1], 1.5, Reduction::sum)), same, large),
      structural("binary_cross_entropy", {unit}, OF(binary_cross_entropy(x[0], x[1])), same, large),
      structural("binary_cross_entropy", {unit}, OF(binary_cross_entropy(x[0], x[1], Reduction::none)), same, large),
      structural("binary_cross_entropy_with_logits", {nonzero, unit}, OF(binary_cross_entropy_with_logits(x[0], x[1])),
                 same, large),
      structural("binary_cross_entropy_with_logits", {nonzero, unit},
                 OF(binary_cross_entropy_with_logits(x[0], x[1], Reduction::none)), same, large),
      structural("cross_entropy", {any, unit}, OF(cross_entropy(eg::softmax(x[0]), x[1])),
                 {{{3, 4}, {3, 4}}, {{1, 1}, {1, 1}}}, large),
      structural("cross_entropy", {any}, OF(cross_entropy(eg::softmax(x[0]), Labels{1, 0, 1}, Reduction::none)), logits,
                 {{3, 64}}),
      structural("softmax_cross_entropy", {any}, OF(softmax_cross_entropy(x[0], Labels{1, 0, 1})), logits, {{3, 64}}),
      structural("softmax_cross_entropy", {any}, OF(softmax_cross_entropy(x[0], Labels{1, 0, 1}, Reduction::none)),
                 logits, {{3, 64}}),
      structural("softmax_cross_entropy", {any}, OF(softmax_cross_entropy(x[0], eg::softmax(x[0].detach() * 0.0))),
                 logits, {{32, 64}}),
  };
}

}  // namespace gradients
