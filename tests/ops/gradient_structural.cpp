#include "eigengrad/ops/index.hpp"
#include "eigengrad/ops/join.hpp"
#include "eigengrad/ops/matmul.hpp"
#include "eigengrad/ops/shape.hpp"
#include "eigengrad/ops/softmax.hpp"
#include "eigengrad/ops/statistics.hpp"
#include "gradient_row.hpp"

// The other half of the gradient table: one row per way of calling an operation.
namespace gradients {

#define OF(expression) [](const auto& x) { return expression; }

GRADIENT_ROWS(structural) {
  using Positions = eg::Tensor<std::int64_t>;
  const auto unary = shape_classes(1);
  const std::vector<Shapes> matrices = {{{1, 1}}, {{1, 4}}, {{3, 1}}, {{3, 4}}, {{3, 19}}, {{0, 3}}, {{3, 0}}};
  const std::vector<Shapes> filled = {{{1, 1}}, {{1, 4}}, {{3, 1}}, {{3, 4}}, {{2, 3, 4}}, {{3, 19}}},
                            rows = {{{5, 2}}, {{5, 4}}, {{4, 3, 2}}};
  const std::vector<Shapes> cubes = {{{2, 3, 4}}, {{1, 3, 1}}, {{2, 1, 17}}},
                            pairs = {{{2, 3}, {4, 3}}, {{1, 3}, {1, 3}}, {{0, 3}, {2, 3}}};
  const Shapes large = {{32, 64}}, large_cube = {{8, 16, 16}}, large_pair = {{32, 64}, {8, 64}};
  return {
      // sum.hpp, statistics.hpp, reduce.hpp
      structural("sum", {any}, OF(sum(x[0])), unary, large),
      structural("sum", {any}, OF(sum(x[0], 0)), matrices, large),
      structural("sum", {any}, OF(sum(x[0], -1, true)), matrices, large),
      structural("sum", {any}, OF(sum(x[0], {0, 2})), {{{2, 3, 4}}, {{1, 3, 1}}, {{0, 3, 2}}}, large_cube),
      structural("sum", {any}, OF(sum(exp(x[0]) * x[0] + x[1], 1)), {{{3, 4}, {4}}, {{3, 4}, {3, 1}}, {{3, 4}, {}}},
                 {{32, 64}, {64}}),
      structural("mean", {any}, OF(mean(x[0])), filled, large),
      structural("mean", {any}, OF(mean(x[0], 0, true)), filled, large),
      structural("mean", {any}, OF(mean(tanh(x[0]) * x[1], {0, 1})),
                 {{{3, 4}, {3, 4}}, {{3, 4}, {4}}, {{3, 1}, {1, 4}}}, {{32, 64}, {32, 1}}),
      structural("var", {any}, OF(var(x[0])), rows, large),
      structural("var", {any}, OF(var(x[0], 0, {.correction = 0, .keepdims = true})), filled, large),
      structural("std", {any}, OF(eg::std(x[0], 0)), rows, large),
      structural("std", {any}, OF(eg::std(x[0], {}, {.correction = 0})), rows, large),
      structural("norm", {nonzero}, OF(norm(x[0])), filled, large),
      structural("norm", {nonzero}, OF(norm(x[0], -1, true)), filled, large),
      structural("max", {any}, OF(max(x[0])), filled, large),
      structural("max", {any}, OF(max(x[0], 0, true)), filled, large),
      structural("max", {any}, OF(max(x[0], {0, 2})), cubes, large_cube),
      structural("min", {any}, OF(min(x[0], -1)), filled, large),
      structural("prod", {nonzero}, OF(prod(x[0])), filled, {{24}}),
      structural("prod", {nonzero}, OF(prod(x[0], {0, 2}, true)), cubes, {{3, 64, 3}}),
      // softmax.hpp
      structural("softmax", {any}, OF(softmax(x[0])), matrices, large),
      structural("softmax", {any}, OF(softmax(x[0], 0)), matrices, large),
      structural("log_softmax", {any}, OF(log_softmax(x[0])), matrices, large),
      structural("log_softmax", {any}, OF(log_softmax(x[0], 1)), cubes, large_cube),
      structural("log_sum_exp", {any}, OF(log_sum_exp(x[0])), filled, large),
      structural("log_sum_exp", {any}, OF(log_sum_exp(x[0], {0, 2}, true)), cubes, large_cube),
      // shape.hpp, cast.hpp
      structural("reshape", {any}, OF(reshape(x[0], {-1}) * 2.0), unary, large),
      structural("reshape", {any}, OF(unsqueeze(flatten(x[0], 1), 1)), {{{2, 3, 4}}, {{1, 1, 5}}}, large_cube),
      structural("permute", {any}, OF(permute(x[0], {2, 0, 1})), cubes, large_cube),
      structural("permute", {any}, OF(transpose(x[0])), matrices, large),
      structural("broadcast_to", {any}, OF(broadcast_to(x[0], {2, 3, 4})),
                 {{{}}, {{4}}, {{1, 4}}, {{3, 1}}, {{2, 1, 4}}, {{2, 3, 4}}}, {{3, 4}}),
      structural("cast", {any}, OF(cast<double>(cast<long double>(x[0]))), unary, large),
      // index.hpp, join.hpp
      structural("slice", {any}, OF(slice(x[0], 0, 1, 3)), rows, large),
      structural("slice", {any}, OF(slice(x[0], -1, 0, eg::to_the_end, 2)), filled, large),
      structural("select", {any}, OF(select(x[0], 0, 0) + select(x[0], 0, -1)), filled, large),
      structural("select", {any}, OF(select(x[0], 1, 0)), filled, large),
      structural("element", {any}, OF(element(x[0], 0, -1) * x[0] + element(tanh(x[0]), -1, 0)),
                 {{{1, 1}}, {{3, 4}}, {{3, 19}}}, large),
      structural("element", {any}, OF(element(x[0], 1) * element(x[0], -2)), {{{2}}, {{7}}}, {{64}}),
      structural("index_select", {any}, OF(index_select(x[0], 0, Positions{2, 0, 2})), rows, large),
      structural("index_select", {any}, OF(index_select(x[0], 1, Positions{1, 1})), rows, large),
      structural("gather", {any}, OF(gather(x[0], 0, Positions{{2, 0}, {2, 2}})), {{{3, 2}}, {{4, 5}}}, large),
      structural("gather", {any}, OF(gather(x[0], 1, Positions{{1}, {0}})), {{{2, 2}}, {{4, 5}}}, large),
      structural("concatenate", {any}, OF(eg::concatenate(x)), pairs, large_pair),
      structural("concatenate", {any}, OF(eg::concatenate({x[0], (2 * x[1]).eval(), x[0]}, 1)),
                 {{{2, 3}, {2, 1}}, {{1, 0}, {1, 2}}}, {{32, 64}, {32, 5}}),
      structural("stack", {any}, OF(eg::stack(x, 1)), {{{2, 3}, {2, 3}}, {{4}, {4}}, {{0, 3}, {0, 3}}},
                 {{32, 64}, {32, 64}}),
      // matmul.hpp
      structural("matmul", {any}, OF(matmul(x[0], x[1])),
                 {{{1, 1}, {1, 1}},
                  {{3, 4}, {4, 5}},
                  {{1, 4}, {4, 1}},
                  {{3, 1}, {1, 5}},
                  {{17, 9}, {9, 33}},
                  {{0, 3}, {3, 2}},
                  {{2, 0}, {0, 3}},
                  {{3, 2}, {2, 0}},
                  {{4}, {4}},
                  {{4}, {4, 5}},
                  {{3, 4}, {4}},
                  {{2, 3, 4}, {2, 4, 5}},
                  {{3, 4}, {2, 4, 5}},
                  {{2, 1, 3, 4}, {5, 4, 2}},
                  {{2, 3, 4}, {4}},
                  {{4}, {2, 4, 3}},
                  {{0, 3, 4}, {4, 2}}},
                 {{32, 64}, {64, 48}}),
      structural("matmul", {any}, OF(matmul(x[0], x[0])), {{{3, 3}}, {{1, 1}}, {{2, 3, 3}}}, {{32, 32}}),
      structural("matmul", {any}, OF(matmul(transpose(x[0]), x[1])), {{{4, 3}, {4, 5}}, {{1, 3}, {1, 2}}},
                 {{64, 32}, {64, 48}}),
  };
}

}  // namespace gradients
