#include "eigengrad/ops/join.hpp"
#include "eigengrad/ops/recurrence.hpp"
#include "gradient_row.hpp"

// Rows of the gradient table for recurrent layers: output, last state and last cells in one.
namespace gradients {

#define OF(expression) [](const auto& x) { return all_of(expression); }

template <class T>
eg::Tensor<T> all_of(const eg::RecurrentResult<T>& result) {
  const eg::Tensor<T> both = concatenate(std::vector{flatten(result.output), flatten(result.h)});
  const eg::Tensor<T> all = result.c.size() > 0 ? concatenate(std::vector{both, flatten(result.c)}) : both;
  return all * all;
}
/// Forward, with everything: x, h, c, weights and biases.
template <eg::RecurrentKind kind, class T>
auto forward(const std::vector<eg::Tensor<T>>& x) {
  return eg::recurrence<kind>(eg::RecurrentOperands<T>(x[0], x[1], x[2], {x[3], x[4], x[5], x[6]}));
}
/// The same of what has no cells.
template <eg::RecurrentKind kind, class T>
auto without_cells(const std::vector<eg::Tensor<T>>& x) {
  return eg::recurrence<kind>(eg::RecurrentOperands<T>(x[0], x[1], {}, {x[2], x[3], x[4], x[5]}));
}
/// Both directions over sequences of unequal length, batch first, without biases and states: x and weights.
template <eg::RecurrentKind kind, class T>
auto both_ways(const std::vector<eg::Tensor<T>>& x) {
  return eg::recurrence<kind>(eg::RecurrentOperands<T>(x[0], {}, {}, {x[1], x[2]}, {x[3], x[4]}),
                              {.batch_first = true, .lengths = {1, 3}});
}
/// The same of an LSTM that projects its states.
template <class T>
auto projected(const std::vector<eg::Tensor<T>>& x) {
  return eg::recurrence<eg::RecurrentKind::lstm>(
      eg::RecurrentOperands<T>(x[0], x[1], {}, {x[2], x[3], {}, {}, x[4]}, {x[5], x[6], {}, {}, x[7]}),
      {.lengths = {3, 2}});
}

GRADIENT_ROWS(recurrence) {
  using eg::RecurrentKind;
  return {
      structural("append_states", {any}, [](const auto& x) { return eg::append_states(x[0], x[1]); },
                 {{{1, 2, 3}, {2, 2, 3}}, {{2, 0, 3}, {1, 0, 3}}}, {{2, 8, 9}, {1, 8, 9}}),
      structural("lstm", {any}, OF(forward<RecurrentKind::lstm>(x)),
                 {{{2, 2, 1}, {1, 2, 2}, {1, 2, 2}, {8, 1}, {8, 2}, {8}, {8}},
                  {{1, 1, 2}, {1, 1, 1}, {1, 1, 1}, {4, 2}, {4, 1}, {4}, {4}},
                  {{2, 0, 1}, {1, 0, 1}, {1, 0, 1}, {4, 1}, {4, 1}, {4}, {4}},
                  {{0, 2, 1}, {1, 2, 1}, {1, 2, 1}, {4, 1}, {4, 1}, {4}, {4}}},
                 {{6, 3, 4}, {1, 3, 9}, {1, 3, 9}, {36, 4}, {36, 9}, {36}, {36}}),
      structural("lstm", {any}, OF(projected(x)),
                 {{{3, 2, 1}, {2, 2, 1}, {8, 1}, {8, 1}, {1, 2}, {8, 1}, {8, 1}, {1, 2}}},
                 {{3, 2, 4}, {2, 2, 3}, {20, 4}, {20, 3}, {3, 5}, {20, 4}, {20, 3}, {3, 5}}),
      structural("gru", {any}, OF(without_cells<RecurrentKind::gru>(x)),
                 {{{2, 2, 1}, {1, 2, 2}, {6, 1}, {6, 2}, {6}, {6}}},
                 {{6, 3, 4}, {1, 3, 9}, {27, 4}, {27, 9}, {27}, {27}}),
      structural("gru", {any}, OF(both_ways<RecurrentKind::gru>(x)), {{{2, 3, 1}, {3, 1}, {3, 1}, {3, 1}, {3, 1}}},
                 {{2, 3, 4}, {27, 4}, {27, 9}, {27, 4}, {27, 9}}),
      structural("rnn_tanh", {any}, OF(both_ways<RecurrentKind::tanh>(x)),
                 {{{2, 3, 1}, {2, 1}, {2, 2}, {2, 1}, {2, 2}}}, {{2, 3, 4}, {9, 4}, {9, 9}, {9, 4}, {9, 9}}),
      structural("rnn_relu", {any}, OF(without_cells<RecurrentKind::relu>(x)),
                 {{{2, 2, 1}, {1, 2, 2}, {2, 1}, {2, 2}, {2}, {2}}}, {{6, 3, 4}, {1, 3, 9}, {9, 4}, {9, 9}, {9}, {9}}),
  };
}

}  // namespace gradients
