#pragma once

#include <array>
#include <span>
#include <vector>

#include "../autograd/engine/joint.hpp"
#include "../core/error.hpp"
#include "../core/shape.hpp"
#include "../core/tensor.hpp"
#include "../kernels/recurrence/weights.hpp"
#include "activations.hpp"
#include "arithmetic.hpp"
#include "index.hpp"
#include "join.hpp"
#include "matmul.hpp"
#include "shape.hpp"
#include "where.hpp"

// What a recurrent layer is given, and what it computes, by operations, step after step: gradients of gradients flow
// through it.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// One direction's weights: [gates * hidden, inputs], [gates * hidden, state], the biases [gates * hidden] or empty,
/// LSTM's projection [state, hidden] or empty.
template <class T>
struct RecurrentTensors {
  Tensor<T> weight_ih, weight_hh, bias_ih = {}, bias_hh = {}, weight_hr = {};
};
/// Settings of `recurrence`.
struct RecurrentOptions {
  bool batch_first = false;
  Tensor<std::int64_t> lengths = {};
};

/// Everything that a layer is differentiated by: x, the first state and cells [directions, batch, ...] or empty, and
/// both directions' weights, the second's empty where there is one.
template <class T>
struct RecurrentOperands {
  using Array = std::array<Tensor<T>, 13>;

  RecurrentOperands(const Tensor<T>& x, const Tensor<T>& h, const Tensor<T>& c, const RecurrentTensors<T>& forward,
                    const RecurrentTensors<T>& reverse = {})
      : all{x,
            h,
            c,
            forward.weight_ih,
            forward.weight_hh,
            forward.bias_ih,
            forward.bias_hh,
            forward.weight_hr,
            reverse.weight_ih,
            reverse.weight_hh,
            reverse.bias_ih,
            reverse.bias_hh,
            reverse.weight_hr} {}

  static constexpr std::size_t first_weight(int direction) { return direction == 0 ? 3 : 8; }
  int directions() const { return is_left_out(all[8]) ? 1 : 2; }
  bool recorded(const char* name) const {
    for (const Tensor<T>& tensor : all)
      if (records(name, tensor)) return true;
    return false;
  }

  Array all;
};

/// What a kind's records are called.
template <RecurrentKind kind>
struct RecurrenceName;
template <>
struct RecurrenceName<RecurrentKind::tanh> {
  static constexpr const char* name = "rnn_tanh";
};
template <>
struct RecurrenceName<RecurrentKind::relu> {
  static constexpr const char* name = "rnn_relu";
};
template <>
struct RecurrenceName<RecurrentKind::lstm> {
  static constexpr const char* name = "lstm";
};
template <>
struct RecurrenceName<RecurrentKind::gru> {
  static constexpr const char* name = "gru";
};
constexpr Index recurrent_gates(RecurrentKind kind) {
  return kind == RecurrentKind::lstm ? 4 : kind == RecurrentKind::gru ? 3 : 1;
}

/// The sequences' lengths as kernels take them, checked.
class SequenceLengths {
 public:
  SequenceLengths(const Tensor<std::int64_t>& lengths, Index steps, const char* name)
      : copy_(is_left_out(lengths) ? 0 : lengths.size() + 1) {
    for (Index b = 0; copy_.data() != nullptr && b < lengths.size(); ++b) {
      const std::int64_t length = kernel_access(lengths).numbers()[b];
      require<ValueError>(length >= 0 && length <= steps, name, ": the length ", length, " of sequence ", b,
                          " is outside 0 to ", steps, ", the steps that x has");
      copy_.data()[b] = static_cast<Index>(length);
    }
  }
  const Index* numbers() const { return copy_.data(); }

 private:
  RecurrentScratch<Index> copy_;
};

template <class T>
EIGENGRAD_COLD void require_recurrence(RecurrentKind kind, const char* name, const RecurrentOperands<T>& given,
                                       const RecurrentOptions& options, const Location& where) {
  const Index gates = recurrent_gates(kind);
  const Shape& x = given.all[0].shape();
  require<ShapeError>(x.rank() == 3, name, ": x is ", x, ", where ",
                      options.batch_first ? "[batch, steps, inputs]" : "[steps, batch, inputs]", " is needed", where);
  const Index batch = x[options.batch_first ? 0 : 1], directions = given.directions();
  const auto& first_ih = given.all[3].shape();
  require<ShapeError>(first_ih.rank() == 2 && first_ih[0] > 0 && first_ih[0] % gates == 0, name, ": weight_ih is ",
                      first_ih, ", where [", gates, " * hidden, inputs] is needed", where);
  const Index hidden = first_ih[0] / gates;
  const bool projects = !is_left_out(given.all[7]);
  require<ShapeError>(!projects || (kind == RecurrentKind::lstm && given.all[7].rank() == 2), name, ": weight_hr is ",
                      given.all[7].shape(), ", where LSTM takes [state, hidden] and others none", where);
  const Index state = projects ? given.all[7].shape()[0] : hidden;
  const auto require_shape = [&](const char* what, const Tensor<T>& tensor, const Shape& shape, bool may_be_left_out) {
    require<ShapeError>(tensor.shape() == shape || (may_be_left_out && is_left_out(tensor)), name, ": ", what, " is ",
                        tensor.shape(), ", where ", shape, " is needed for x of ", x, " and ", hidden, " hidden units",
                        where);
  };
  for (int d = 0; d < directions; ++d) {
    const Tensor<T>* const w = given.all.data() + RecurrentOperands<T>::first_weight(d);
    require<ShapeError>(w[0].shape() == Shape({gates * hidden, x[2]}), name, ": x is ", x, ", weight_ih is ",
                        w[0].shape(), ": x's last axis must be the weight's second", where);
    require_shape("weight_hh", w[1], {gates * hidden, state}, false);
    require_shape("bias_ih", w[2], {gates * hidden}, true);
    require_shape("bias_hh", w[3], {gates * hidden}, true);
    if (projects) require_shape("weight_hr", w[4], {state, hidden}, false);
  }
  require_shape("the first state", given.all[1], {directions, batch, state}, true);
  if (kind == RecurrentKind::lstm) require_shape("the first cells", given.all[2], {directions, batch, hidden}, true);
  require<ShapeError>(kind == RecurrentKind::lstm || is_left_out(given.all[2]), name, ": there are cells of ",
                      given.all[2].shape(), ", which only an LSTM has", where);
  const Shape& lengths = options.lengths.shape();
  require<ShapeError>(is_left_out(options.lengths) || lengths == Shape{batch}, name, ": lengths are ", lengths,
                      ", where one for each sequence, [", batch, "], is needed for x of ", x, where);
}

/// A part of a row of numbers in a shape of its own, without a copy. Gradient: dy at its place among zeros.
template <class T>
Tensor<T> part_of(const OperationName& name, const Tensor<T>& all, Index first, const Shape& shape);

template <class T>
struct PlacedPart {
  Tensor<T> dy;
  Index first;
  Shape target_shape;

  const Shape& shape() const { return target_shape; }
  void write_to(Tensor<T>& target, bool add) const {
    T* const to = kernel_access(target).writable_numbers();
    const T* const from = kernel_access(dy).numbers();
    if (add) return expand_row(to + first, from, 1, dy.size(), true);
    std::fill_n(to, first, T(0));
    std::copy_n(from, dy.size(), to + first);
    std::fill(to + first + dy.size(), to + target_shape.size(), T(0));
  }
  Tensor<T> to_tensor() const {
    const auto run = [self = *this](T* to, const Tensor<T>& from) {
      std::fill_n(to, self.target_shape.size(), T(0));
      std::copy_n(kernel_access(from).numbers(), from.size(), to + self.first);
    };
    return compute<T>("place_part", target_shape, run,
                      with_respect_to(dy, [at = first, part = dy.shape()](const auto& again) {
                        return part_of("part", again, at, part);
                      }));
  }
};
template <class T>
Tensor<T> part_of(const OperationName& name, const Tensor<T>& all, Index first, const Shape& shape) {
  return record(name, kernel_access(all).alias(shape, shape.size() > 0 ? first : 0),
                with_respect_to(
                    all, [first, whole = all.shape()](const auto& dy) { return PlacedPart<T>{dy, first, whole}; },
                    [first, shape](const auto& again) { return part_of("part", again, first, shape); }));
}

/// [steps, batch, 1]: true up to each sequence's end.
inline Tensor<bool> sequence_mask(Index steps, const Tensor<std::int64_t>& lengths) {
  const Index batch = lengths.size();
  const auto run = [steps, batch](bool* to, const Tensor<std::int64_t>& ends) {
    for (Index i = 0; i < steps * batch; ++i) to[i] = i / batch < kernel_access(ends).numbers()[i % batch];
  };
  return compute_values<bool>("sequence mask", {steps, batch, 1}, run, lengths);
}

/// One step's new state and cells from the products with x and with the state, [batch, gates * hidden] each.
template <class T>
void step_by_operations(RecurrentKind kind, const Tensor<T>& of_x, const Tensor<T>& of_h, Tensor<T>& h, Tensor<T>& c) {
  const Index hidden = of_x.shape()[1] / recurrent_gates(kind);
  const auto gate = [&](const Tensor<T>& from, Index k) { return slice(from, 1, k * hidden, (k + 1) * hidden); };
  if (kind == RecurrentKind::tanh) {
    h = tanh(of_x + of_h);
  } else if (kind == RecurrentKind::relu) {
    h = relu(of_x + of_h);
  } else if (kind == RecurrentKind::lstm) {
    const Tensor<T> sums = of_x + of_h;
    c = sigmoid(gate(sums, 1)) * c + sigmoid(gate(sums, 0)) * tanh(gate(sums, 2));
    h = sigmoid(gate(sums, 3)) * tanh(c);
  } else {
    const Tensor<T> z = sigmoid(gate(of_x, 1) + gate(of_h, 1)),
                    n = tanh(gate(of_x, 2) + sigmoid(gate(of_x, 0) + gate(of_h, 0)) * gate(of_h, 2));
    h = n + z * (h - n);
  }
}

/// Recurrence's row of numbers by recorded operations.
template <class T>
EIGENGRAD_COLD Tensor<T> recurrence_by_steps(RecurrentKind kind, std::span<const Tensor<T>> in,
                                             const RecurrentOptions& options) {
  Tensor<T> x = options.batch_first ? transpose(in[0], 0, 1) : in[0];
  const Index steps = x.shape()[0], batch = x.shape()[1], gate_rows = in[3].shape()[0];
  const bool masked = !is_left_out(options.lengths);
  const Tensor<bool> mask = masked ? sequence_mask(steps, options.lengths) : Tensor<bool>();
  const Tensor<T> zero = Tensor<T>::zeros({});
  if (masked) x = where(mask, x, zero);  // what lies behind an end counts for nothing, even NaN
  std::vector<Tensor<T>> outputs, states, cells;
  for (int d = 0; d < (is_left_out(in[8]) ? 1 : 2); ++d) {
    const auto w = in.subspan(RecurrentOperands<T>::first_weight(d), 5);
    const Index hidden = gate_rows / recurrent_gates(kind), state = w[1].shape()[1];
    Tensor<T> of_x = matmul(reshape(x, Shape{steps * batch, x.shape()[2]}), transpose(w[0]));
    if (!is_left_out(w[2])) of_x = of_x + w[2];
    of_x = reshape(of_x, Shape{steps, batch, gate_rows});
    const Tensor<T> turned = transpose(w[1]);
    Tensor<T> h = is_left_out(in[1]) ? Tensor<T>::zeros({batch, state}) : select(in[1], 0, d),
              c = is_left_out(in[2]) ? Tensor<T>::zeros({batch, hidden}) : select(in[2], 0, d);
    std::vector<Tensor<T>> rows(static_cast<std::size_t>(steps));
    for (Index step = 0; step < steps; ++step) {
      const Index t = d == 1 ? steps - 1 - step : step;
      Tensor<T> of_h = matmul(h, turned), new_h = h, new_c = c;
      if (!is_left_out(w[3])) of_h = of_h + w[3];
      step_by_operations(kind, select(of_x, 0, t), of_h, new_h, new_c);
      if (!is_left_out(w[4])) new_h = matmul(new_h, transpose(w[4]));
      Tensor<T>& row = rows[static_cast<std::size_t>(t)];
      row = new_h;
      if (masked) {
        const Tensor<bool> active = select(mask, 0, t);
        row = where(active, new_h, zero);
        new_h = where(active, new_h, h);
        if (kind == RecurrentKind::lstm) new_c = where(active, new_c, c);
      }
      h = new_h;
      c = new_c;
    }
    outputs.push_back(steps > 0 ? stack(rows) : Tensor<T>::zeros({0, batch, state}));
    states.push_back(reshape(h, Shape{batch * state}));
    cells.push_back(reshape(c, Shape{batch * hidden}));
  }
  Tensor<T> output = outputs.size() == 1 ? outputs[0] : concatenate(outputs, 2);
  if (options.batch_first) output = transpose(output, 0, 1);
  std::vector<Tensor<T>> parts = {reshape(output, Shape{output.size()})};
  parts.insert(parts.end(), states.begin(), states.end());
  if (kind == RecurrentKind::lstm) parts.insert(parts.end(), cells.begin(), cells.end());
  return concatenate(parts);
}

// Compiled: Tensor<T> recurrence_by_steps(RecurrentKind, std::span<const Tensor<T>>, const RecurrentOptions&)
}}  // namespace eigengrad::EIGENGRAD_ABI
