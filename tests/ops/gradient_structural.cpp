#include "eigengrad/ops/matmul.hpp"
#include "gradient_row.hpp"

// The other half of the gradient table: one row per way of calling an operation.
namespace gradients {

#define OF(expression) [](const List& x) { return expression; }

std::vector<Row> structural_rows() {
  const auto unary = shape_classes(1);
  const std::vector<Shapes> matrices = {{{1, 1}}, {{1, 4}}, {{3, 1}}, {{3, 4}}, {{3, 19}}, {{0, 3}}, {{3, 0}}};
  const Shapes large = {{32, 64}};
  return {
      structural("sum", {any}, OF(sum(x[0])), unary, large),
      structural("sum", {any}, OF(sum(x[0], 0)), matrices, large),
      structural("sum", {any}, OF(sum(x[0], -1, true)), matrices, large),
      structural("sum", {any}, OF(sum(x[0], {0, 2})), {{{2, 3, 4}}, {{1, 3, 1}}, {{0, 3, 2}}}, {{8, 16, 16}}),
      structural("sum", {any}, OF(sum(exp(x[0]) * x[0] + x[1], 1)), {{{3, 4}, {4}}, {{3, 4}, {3, 1}}, {{3, 4}, {}}}, {{32, 64}, {64}}),
      structural("mean", {any}, OF(mean(x[0])), {{{}}, {{1}}, {{5}}, {{3, 4}}, {{2, 3, 4}}}, large),
      structural("mean", {any}, OF(mean(x[0], 0, true)), {{{1, 4}}, {{3, 1}}, {{3, 4}}}, large),
      structural("mean", {any}, OF(mean(tanh(x[0]) * x[1], {0, 1})), {{{3, 4}, {3, 4}}, {{3, 4}, {4}}, {{3, 1}, {1, 4}}}, {{32, 64}, {32, 1}}),
      structural("matmul", {any}, OF(matmul(x[0], x[1])),
                 {{{1, 1}, {1, 1}}, {{3, 4}, {4, 5}}, {{1, 4}, {4, 1}}, {{3, 1}, {1, 5}}, {{17, 9}, {9, 33}}, {{0, 3}, {3, 2}}, {{2, 0}, {0, 3}},
                  {{3, 2}, {2, 0}}, {{4}, {4}}, {{4}, {4, 5}}, {{3, 4}, {4}}, {{2, 3, 4}, {2, 4, 5}}, {{3, 4}, {2, 4, 5}}, {{2, 1, 3, 4}, {5, 4, 2}},
                  {{2, 3, 4}, {4}}, {{4}, {2, 4, 3}}, {{0, 3, 4}, {4, 2}}},
                 {{32, 64}, {64, 48}}),
      structural("matmul", {any}, OF(matmul(x[0], x[0])), {{{3, 3}}, {{1, 1}}, {{2, 3, 3}}}, {{32, 32}}),
  };
}

}  // namespace gradients
