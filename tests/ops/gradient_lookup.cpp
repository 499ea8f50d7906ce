#include "eigengrad/ops/bags.hpp"
#include "eigengrad/ops/lookup.hpp"
#include "eigengrad/ops/positions.hpp"
#include "gradient_row.hpp"

// Rows of the gradient table for what looks up rows of tables, and for rotations by position.
namespace gradients {

#define OF(expression) [](const auto& x) { return expression; }

GRADIENT_ROWS(lookup) {
  using Whole = eg::Tensor<std::int64_t>;
  using eg::BagMode;
  const std::vector<Shapes> tables = {{{5, 3}}, {{6, 1}}, {{5, 17}}, {{5, 0}}};
  static const auto angles = eg::rotary_table<double>(8, 4);
  return {
      structural("embedding", {any}, OF(eg::embedding(Whole{{1, 4, 0}, {4, 4, 2}}, x[0])), tables, {{9, 64}}),
      structural("embedding", {any}, OF(eg::embedding(Whole(), x[0])), {{{5, 3}}, {{0, 3}}}, {{9, 64}}),
      structural("embedding_bag", {any}, OF(eg::embedding_bag(Whole{{1, 4, 0}, {4, 4, 2}}, x[0])), tables, {{9, 64}}),
      structural("embedding_bag", {any},
                 OF(eg::embedding_bag(Whole{1, 4, 0, 4, 2}, x[0], Whole{0, 2, 2}, {.mode = BagMode::max})), tables,
                 {{9, 64}}),
      structural("embedding_bag", {any},
                 OF(eg::embedding_bag(Whole{1, 4, 0, 4, 4}, x[0], Whole{0, 2, 2}, x[1], {.mode = BagMode::sum})),
                 {{{5, 3}, {5}}, {{6, 18}, {5}}}, {{9, 64}, {5}}),
      structural("rotary", {any}, OF(eg::rotary(x[0], angles)), {{{2, 3, 4}}, {{5, 6}}, {{0, 3, 4}}}, {{4, 8, 20}}),
      structural("rotary", {any}, OF(eg::rotary(x[0], angles, {.interleaved = true, .axis = 0, .first = 2})),
                 {{{3, 2, 4}}}, {{4, 8, 20}}),
  };
}

}  // namespace gradients
