#include "eigengrad/nn/losses/ctc.hpp"
#include "eigengrad/nn/losses/labelled.hpp"
#include "eigengrad/nn/losses/likelihood.hpp"
#include "eigengrad/nn/losses/margin.hpp"
#include "gradient_row.hpp"

// Rows of the gradient table for the losses beside those of gradient_losses.cpp.
namespace gradients {

#define OF(expression) [](const auto& x) { return expression; }

GRADIENT_ROWS(objectives) {
  using Whole = eg::Tensor<std::int64_t>;
  using eg::Reduction;
  const std::vector<Shapes> pairs = {{{3, 4}, {3, 4}}, {{3, 1}, {3, 1}}}, logits = {{{3, 4}}, {{3, 19}}};
  const Shapes large = {{32, 64}, {32, 64}};
  constexpr Domain logarithm{"a logarithm", -1.9, 0.9};  // of no such size that exp(y) - exp(y) is noise
  static const eg::Tensor<double> weights = {0.5, 2, 1, 1.5};
  return {
      structural("softmax_cross_entropy", {any},
                 OF(softmax_cross_entropy(x[0], Whole{1, 0, 3}, {.weight = weights, .label_smoothing = 0.1})),
                 {{{3, 4}}}, {{3, 4}}),
      structural("softmax_cross_entropy", {any},
                 OF(softmax_cross_entropy(x[0], Whole{{1, 0}, {-1, 2}, {3, 3}},
                                          {.ignore_index = -1, .reduction = Reduction::none})),
                 {{{3, 4, 2}}, {{3, 17, 2}}}, {{3, 64, 2}}),
      structural("softmax_cross_entropy", {any, unit},
                 OF(softmax_cross_entropy(x[0], x[1], {.weight = weights, .label_smoothing = 0.1})),
                 {{{3, 4}, {3, 4}}, {{2, 4, 3}, {2, 4, 3}}}, {{9, 4, 3}, {9, 4, 3}}),
      structural("nll_loss", {any}, OF(nll_loss(x[0], Whole{1, 0, -100})), logits, {{3, 64}}),
      structural("nll_loss", {any},
                 OF(nll_loss(x[0], Whole{{1, 0}, {2, 2}}, {.weight = weights, .reduction = Reduction::none})),
                 {{{2, 4, 2}}}, {{2, 4, 2}}),
      structural("smooth_l1_loss", {any}, OF(smooth_l1_loss(x[0], x[1], 0.7)), pairs, large),
      structural("kl_div", {any, unit}, OF(kl_div_loss(x[0], x[1], {.reduction = Reduction::none})), pairs, large),
      structural("kl_div_loss", {any, unit}, OF(kl_div_loss(x[0], x[1])), pairs, large),
      structural("kl_div_log_target", {logarithm}, OF(kl_div_loss(x[0], x[1], {.log_target = true})), pairs, large),
      structural("kl_div_log_target", {logarithm},
                 OF(kl_div_loss(x[0], x[1], {.log_target = true, .reduction = Reduction::none})), pairs, large),
      structural("poisson_nll_loss", {positive}, OF(poisson_nll_loss(x[0], x[1], {.log_input = false})), pairs, large),
      structural("gaussian_nll_loss", {any, any, positive}, OF(gaussian_nll_loss(x[0], x[1], x[2])),
                 {{{3, 4}, {3, 4}, {3, 4}}, {{3, 4}, {3, 4}, {3, 1}}}, {{32, 64}, {32, 64}, {32, 64}}),
      structural("least_variance", {positive}, OF(gaussian_nll_loss(x[0], x[0], x[1], {.reduction = Reduction::none})),
                 pairs, large),
      structural("cosine_embedding_loss", {any}, OF(cosine_embedding_loss(x[0], x[1], Whole{1, -1, 1}, {.margin = -1})),
                 {{{3, 4}, {3, 4}}}, {{3, 64}, {3, 64}}),
      structural("margin_ranking_loss", {nonzero}, OF(margin_ranking_loss(x[0], x[1], Whole{1, -1, 1}, {.margin = 5})),
                 {{{3}, {3}}}, {{3}, {3}}),
      structural("hinge_embedding_loss", {nonzero}, OF(hinge_embedding_loss(x[0], Whole{1, -1, 1}, {.margin = 3})),
                 {{{3}}}, {{3}}),
      structural("soft_margin_loss", {nonzero}, OF(soft_margin_loss(x[0], Whole{1, -1, 1})), {{{3}}}, {{3}}),
      structural("triplet_margin_loss", {any}, OF(triplet_margin_loss(x[0], x[1], x[2], {.margin = 9, .swap = true})),
                 {{{3, 4}, {3, 4}, {3, 4}}}, {{5, 64}, {5, 64}, {5, 64}}),
      structural("multi_margin_loss", {any}, OF(multi_margin_loss(x[0], Whole{1, 0, 3}, {.margin = 5, .p = 2})),
                 {{{3, 4}}}, {{3, 64}}),
      structural("ctc_loss", {any},
                 OF(ctc_loss(x[0], Whole{{1, 1}, {2, 1}}, Whole{4, 3}, Whole{2, 1}, {.reduction = Reduction::none})),
                 {{{4, 2, 3}}}, {{7, 2, 20}}),
      structural("ctc_loss", {any}, OF(ctc_loss(x[0], Whole{1, 2, 1}, Whole{4, 5}, Whole{2, 1}, {.blank = 0})),
                 {{{5, 2, 3}}}, {{7, 2, 20}}),
  };
}

}  // namespace gradients
