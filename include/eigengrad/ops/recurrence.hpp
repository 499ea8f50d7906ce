#pragma once

#include <array>
#include <span>

#include "../autograd/engine/joint.hpp"
#include "../core/error.hpp"
#include "../core/shape.hpp"
#include "../core/tensor.hpp"
#include "../kernels/recurrence/backward.hpp"
#include "index.hpp"
#include "recurrence_by_steps.hpp"
#include "shape.hpp"

// One layer of a recurrent network over whole sequences, in one or both directions: one record, whose numbers and
// gradients come from kernels/recurrence. Gradients of gradients flow through the same by operations.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What a recurrent layer gives: the output [steps, batch, directions * state], and the state after the last step
/// [directions, batch, state], of LSTM the cells too [directions, batch, hidden].
template <class T>
struct RecurrentResult {
  Tensor<T> output, h, c;
};

template <class T, RecurrentKind kind>
class Recurrence {
  using Cell = RecurrentCell<T, kind>;
  using Given = std::span<const Tensor<T>>;
  using Operands = typename RecurrentOperands<T>::Array;

 public:
  Recurrence(const RecurrentOperands<T>& given, const RecurrentOptions& options)
      : directions_(given.directions()), lengths_(kernel_access(options.lengths).unrecorded()) {
    const Shape& x = given.all[0].shape();
    sizes_.steps = x[options.batch_first ? 1 : 0];
    sizes_.batch = x[options.batch_first ? 0 : 1];
    sizes_.inputs = x[2];
    sizes_.hidden = given.all[3].shape()[0] / Cell::gates;
    sizes_.projected = is_left_out(given.all[7]) ? 0 : given.all[7].shape()[0];
    sizes_.batch_first = options.batch_first;
  }
  /// The result as one row of numbers: the output, the last states, the last cells.
  Index states_begin() const { return sizes_.rows() * directions_ * sizes_.state(); }
  Index cells_begin() const { return states_begin() + directions_ * sizes_.batch * sizes_.state(); }
  Index size() const { return cells_begin() + (Cell::is_lstm ? directions_ * sizes_.batch * sizes_.hidden : 0); }
  Index kept() const { return directions_ * Cell::kept_numbers(sizes_); }

  RecurrentResult<T> parts_of(const Tensor<T>& all, const Location& where) const {
    const RecurrentSizes& s = sizes_;
    const Index outer = s.batch_first ? s.batch : s.steps, inner = s.batch_first ? s.steps : s.batch;
    RecurrentResult<T> result;
    result.output = part_of({"output", where}, all, 0, {outer, inner, directions_ * s.state()});
    result.h = part_of({"last_state", where}, all, states_begin(), {directions_, s.batch, s.state()});
    if (Cell::is_lstm) result.c = part_of({"last_cell", where}, all, cells_begin(), {directions_, s.batch, s.hidden});
    return result;
  }

  void forward(T* to, Given in, const Tensor<std::int64_t>& lengths, T* kept) const {
    const SequenceLengths checked(lengths, sizes_.steps, RecurrenceName<kind>::name);
    for (int d = 0; d < directions_; ++d)
      RecurrentForward<T, kind>::run(sizes_of(d, checked), weights_of(d, in), run_of(d, in, to, kept));
  }
  /// Gradients, in the order of the operands.
  EIGENGRAD_OUTLINE Operands backward(const Tensor<T>& dy, const Tensor<T>& y, const auto& wanted, const Operands& in,
                                      const Tensor<T>& kept) const {
    const SequenceLengths checked(lengths_, sizes_.steps, RecurrenceName<kind>::name);
    Operands to;
    for (std::size_t k = 0; k < to.size(); ++k)
      if (wanted[k]) to[k] = Tensor<T>::empty(in[k].shape());
    const T* const from = kernel_access(dy).numbers();
    for (int d = directions_; d-- > 0;) {  // what was kept last lies nearest
      const bool is_second = d + 1 < directions_;
      const auto place = [&](std::size_t k, Index first = 0) {
        return wanted[k] ? kernel_access(to[k]).writable_numbers() + first : nullptr;
      };
      const std::size_t own = RecurrentOperands<T>::first_weight(d);
      const Index state = d * sizes_.batch * sizes_.state(), cell = d * sizes_.batch * sizes_.hidden;
      RecurrentGradients<T> g;
      g.output = from + d * sizes_.state();
      g.output_step = directions_ * sizes_.state();
      g.last_state = from + states_begin() + state;
      g.last_cell = Cell::is_lstm ? from + cells_begin() + cell : nullptr;
      Tensor<T> second;
      if (is_second && wanted[0]) second = Tensor<T>::empty(in[0].shape());
      g.x = is_second && wanted[0] ? kernel_access(second).writable_numbers() : place(0);
      g.initial_state = place(1, state);
      g.initial_cell = Cell::is_lstm ? place(2, cell) : nullptr;
      g.input_weights = place(own);
      g.hidden_weights = place(own + 1);
      g.input_bias = place(own + 2);
      g.hidden_bias = place(own + 3);
      g.projection = place(own + 4);
      T* const ran = kernel_access(y).shared_data();
      RecurrentBackward<T, kind>::run(sizes_of(d, checked), weights_of(d, in),
                                      run_of(d, in, ran, kernel_access(kept).shared_data()), g);
      if (is_second && wanted[0]) add_in_place(to[0], second);
    }
    return to;
  }

 private:
  static const T* numbers_of(const Tensor<T>& tensor, Index first = 0) {
    return is_left_out(tensor) ? nullptr : kernel_access(tensor).numbers() + first;
  }
  RecurrentSizes sizes_of(int d, const SequenceLengths& lengths) const {
    RecurrentSizes sizes = sizes_;
    sizes.reverse = d == 1;
    sizes.lengths = lengths.numbers();
    return sizes;
  }
  static RecurrentWeights<T> weights_of(int d, Given in) {
    const std::size_t first = RecurrentOperands<T>::first_weight(d);
    return {numbers_of(in[first]), numbers_of(in[first + 1]), numbers_of(in[first + 2]), numbers_of(in[first + 3]),
            numbers_of(in[first + 4])};
  }
  RecurrentRun<T> run_of(int d, Given in, T* to, T* kept) const {
    const Index states = d * sizes_.batch * sizes_.state(), cells = d * sizes_.batch * sizes_.hidden;
    RecurrentRun<T> run;
    run.x = kernel_access(in[0]).numbers();
    run.x_step = sizes_.inputs;
    run.initial_state = numbers_of(in[1], states);
    run.initial_cell = Cell::is_lstm ? numbers_of(in[2], cells) : nullptr;
    run.output = to + d * sizes_.state();
    run.output_step = directions_ * sizes_.state();
    run.last_state = to + states_begin() + states;
    run.last_cell = Cell::is_lstm ? to + cells_begin() + cells : nullptr;
    run.kept = kept != nullptr ? kept + d * Cell::kept_numbers(sizes_) : nullptr;
    return run;
  }

  RecurrentSizes sizes_;
  int directions_;
  Tensor<std::int64_t> lengths_;
};

/// A layer of the given kind over x [steps, batch, inputs], or [batch, steps, inputs] by {.batch_first = true}, in
/// PyTorch's layouts and order of gates. {.lengths} [batch]: behind a sequence's end the output is 0, the state is that
/// at the end, and the other direction begins there. Throws ShapeError, and ValueError for lengths that do not fit.
template <RecurrentKind kind, class T>
RecurrentResult<T> recurrence(const RecurrentOperands<T>& given, const RecurrentOptions& options = {},
                              Location where = Location::current()) {
  const char* const name = RecurrenceName<kind>::name;
  require_recurrence(kind, name, given, options, where);
  const Recurrence<T, kind> layer(given, options);
  const Tensor<T> kept = given.recorded(name) ? Tensor<T>::empty({layer.kept()}) : Tensor<T>();
  const auto run = [layer](T* to, std::span<const Tensor<T>> in, const Tensor<std::int64_t>& lengths, T* keep) {
    layer.forward(to, in, lengths, keep);
  };
  const auto rule = [layer, in = given.all, kept](const Tensor<T>& dy, const Tensor<T>& y, const auto& wanted) {
    return layer.backward(dy, y, wanted, in, kept);
  };
  const auto composed = [options](std::span<const Tensor<T>> in) { return recurrence_by_steps(kind, in, options); };
  return layer.parts_of(compute<T>({name, where}, {layer.size()}, run, with_respect_to_all(given.all, rule, composed),
                                   options.lengths, extra_output(kept)),
                        where);
}

// The states of several layers and of the next one, along the first axis. Gradients: dy's parts. Throws ShapeError for
// what are no states of one batch.
template <class T>
Tensor<T> append_states(const Tensor<T>& several, const Tensor<T>& next, Location where = Location::current()) {
  require<ShapeError>(several.rank() == 3 && next.rank() == 3 && several.shape().without(0) == next.shape().without(0),
                      "append_states: ", several.shape(), " and ", next.shape(),
                      ": give [layers, batch, state] with the same batch and state", where);
  const Index before = several.shape()[0], count = before + next.shape()[0];
  const Shape shape{count, next.shape()[1], next.shape()[2]};
  const auto run = [](T* to, const Tensor<T>& first, const Tensor<T>& second) {
    std::copy_n(kernel_access(first).numbers(), first.size(), to);
    std::copy_n(kernel_access(second).numbers(), second.size(), to + first.size());
  };
  return compute<T>({"append_states", where}, shape, run,
                    with_respect_to(several, [=](const auto& dy) { return slice(dy, 0, 0, before); }),
                    with_respect_to(next, [=](const auto& dy) { return slice(dy, 0, before, count); }));
}

// Compiled: RecurrentResult<T> recurrence<RecurrentKind::lstm>(const RecurrentOperands<T>&, const RecurrentOptions&,
//   Location)
// Compiled: RecurrentResult<T> recurrence<RecurrentKind::gru>(const RecurrentOperands<T>&, const RecurrentOptions&,
//   Location)
// Compiled: RecurrentResult<T> recurrence<RecurrentKind::tanh>(const RecurrentOperands<T>&, const RecurrentOptions&,
//   Location)
}}  // namespace eigengrad::EIGENGRAD_ABI
