#pragma once

#include "../lane_tile.hpp"
#include "../run_sums.hpp"
#include "../sums.hpp"
#include "forward.hpp"

// The way back through a recurrent layer: for each step from the last the gates' gradients and what they bring to the
// state before, then, for as many steps at once as fill tiles and stay in the cache, the gradients of input and
// weights.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What comes in, null for 0, and where gradients go, written over; null where nobody asks. Shapes are those of what
/// they belong to.
template <class T>
struct RecurrentGradients {
  const T* output = nullptr;
  Index output_step = 0;
  const T* last_state = nullptr;
  const T* last_cell = nullptr;

  T* x = nullptr;  // [rows, inputs], contiguous
  T* initial_state = nullptr;
  T* initial_cell = nullptr;
  T* input_weights = nullptr;
  T* hidden_weights = nullptr;
  T* input_bias = nullptr;
  T* hidden_bias = nullptr;
  T* projection = nullptr;
};

template <class T, RecurrentKind kind>
class RecurrentBackward {
  using Cell = RecurrentCell<T, kind>;
  using Layout = RecurrentLayout<T, kind>;
  using Tile = LaneTile<T>;
  using L = lane_t<T>;
  static constexpr Index width = Cell::width, chunk = 128;  // rows that stay in the cache

 public:
  /// `ran` is what RecurrentForward ran with, its output and what it kept included.
  static void run(const RecurrentSizes& sizes, const RecurrentWeights<T>& weights, const RecurrentRun<T>& ran,
                  const RecurrentGradients<T>& gradients) {
    RecurrentBackward backward(sizes, weights, ran, gradients);
    for_batch(sizes, backward.pieces_, [&](Index from, Index to) { backward.sequences(from, to); });
    backward.finish();
  }

 private:
  RecurrentBackward(const RecurrentSizes& sizes, const RecurrentWeights<T>& weights, const RecurrentRun<T>& ran,
                    const RecurrentGradients<T>& gradients)
      : s_(sizes),
        w_(weights),
        ran_(ran),
        d_(gradients),
        rows_(sizes.rows()),
        pieces_(batch_pieces<T>(sizes, rows_ * Cell::gates * sizes.hidden * sizes.state())),
        at_once_(std::clamp<Index>(sizes.batch > 0 ? chunk / sizes.batch : 1, 1, (std::max)(sizes.steps, Index{1}))),
        kept_steps_(pieces_ > 1 ? sizes.steps : at_once_),
        hidden_(Cell::padded(sizes.hidden)),
        state_(Tile::padded(sizes.projected > 0 ? sizes.projected : hidden_)),
        gate_row_(Cell::gate_row(sizes.hidden)),
        gate_step_(gate_row_ + width),
        kept_row_(Cell::kept_row(sizes.hidden)),
        matrix_row_(Tile::padded(sizes.inputs) + Tile::padded(sizes.state())) {
    const Index projected = Tile::padded(s_.projected), packed = gate_row_ * Tile::padded(s_.state()),
                packed_input = d_.x != nullptr ? gate_row_ * Tile::padded(s_.inputs) : 0,
                matrix = gate_row_ * (std::max)(matrix_row_, s_.state()),
                projection = s_.projected > 0 ? hidden_ * (s_.projected + rows_ + s_.batch) +
                                                    projected * (rows_ + s_.batch) + s_.projected * hidden_
                                              : 0;
    const Index sums = kept_steps_ * s_.batch * gate_step_;
    memory_ = RecurrentScratch<T>(sums * (Cell::is_gru ? 2 : 1) + packed + packed_input + matrix +
                                  s_.batch * (state_ + hidden_) + 2 * gate_row_ + projection);
    T* at = memory_.data();
    const auto next = [&](Index count) { return std::exchange(at, at + count); };
    dsums_ = next(sums);
    dstate_sums_ = Cell::is_gru ? next(sums) : dsums_;
    packed_ = next(packed);
    packed_input_ = next(packed_input);
    matrix_ = next(matrix);
    dstate_ = next(s_.batch * state_);
    dcells_ = next(s_.batch * hidden_);
    biases_ = next(2 * gate_row_);
    if (s_.projected > 0) {
      projection_ = next(hidden_ * s_.projected);
      units_ = next(rows_ * hidden_);
      dunits_ = next(s_.batch * hidden_);
      doutput_ = next(rows_ * projected);
      dprojected_ = next(s_.batch * projected);
      dprojection_ = next(s_.projected * hidden_);
      Tile::pack(s_.projected, s_.hidden, {w_.projection, s_.hidden, 1}, projection_);
    }
    if (d_.x != nullptr) {
      Layout::to_rows(s_.hidden, s_.inputs, w_.input, matrix_);
      Tile::pack(gate_row_, s_.inputs, {matrix_, s_.inputs, 1}, packed_input_);
    }
    Layout::to_rows(s_.hidden, s_.state(), w_.hidden, matrix_);
    Tile::pack(gate_row_, s_.state(), {matrix_, s_.state(), 1}, packed_);
  }

  bool begins(Index t, Index b) const { return t == (s_.reverse ? s_.length(b) - 1 : 0); }
  Index row_before(Index t, Index b) const { return s_.row(s_.reverse ? t + 1 : t - 1, b); }

  bool weighs() const {
    return d_.input_weights != nullptr || d_.hidden_weights != nullptr || d_.input_bias != nullptr ||
           d_.hidden_bias != nullptr;
  }
  /// Where the gradients of element b's sums at the run's `step`th step are; one thread needs but a few steps at once.
  Index place(Index step, Index b) const { return (step % kept_steps_ * s_.batch + b) * gate_step_; }
  Index time(Index step) const { return s_.reverse ? s_.steps - 1 - step : step; }

  void sequences(Index from, Index to) const {
    load_states<T>(from, to, d_.last_state, s_.state(), dstate_, state_);
    load_states<T>(from, to, d_.last_cell, s_.hidden, dcells_, hidden_);
    const RecurrentScratch<T> memory(d_.x != nullptr ? chunk * Tile::padded(s_.inputs) : 0);
    const bool weighs_here = pieces_ == 1 && weighs();
    const WeightSums weights(*this, 0, weighs_here ? gate_row_ : 0);
    for (Index step = s_.steps - 1; step >= 0; --step) {
      const Index t = time(step), count = (std::min)(at_once_, s_.steps - step);
      if (s_.projected > 0) unproject(t, from, to);
      for (Index b = from; b < to; ++b) gates(step, t, b);
      if (step % at_once_ == 0) {
        if (d_.x != nullptr) input_gradients(step, count, from, to, memory.data());
        if (weighs_here) weights.add(step, count);
      }
      if (step == 0 && d_.initial_state == nullptr) break;
      Tile::add_product(to - from, s_.state(), gate_row_, dstate_sums_ + place(step, from), gate_step_, packed_,
                        dstate_ + from * state_, state_);
    }
    weights.end();
    for (Index b = from; b < to; ++b) {
      if (d_.initial_state != nullptr) std::copy_n(dstate_ + b * state_, s_.state(), d_.initial_state + b * s_.state());
      if (d_.initial_cell != nullptr) std::copy_n(dcells_ + b * hidden_, s_.hidden, d_.initial_cell + b * s_.hidden);
    }
  }

  /// The gradients of one step's sums, of the cells before it, and of the state before it but for its products.
  EIGENGRAD_OUTLINE void gates(Index step, Index t, Index b) const {
    const Index row = s_.row(t, b);
    T *dsums = dsums_ + place(step, b), *dstate_sums = dstate_sums_ + place(step, b), *dstate = dstate_ + b * state_;
    if (t >= s_.length(b)) {
      std::fill_n(dsums, gate_row_, T(0));
      std::fill_n(dstate_sums, gate_row_, T(0));
      if (s_.projected > 0) std::fill_n(units_ + row * hidden_, hidden_, T(0));
      return;
    }
    const bool first = begins(t, b);
    const T* const dy = d_.output != nullptr && s_.projected == 0 ? d_.output + row * d_.output_step : nullptr;
    const T* kept = ran_.kept + row * kept_row_;
    const T *old_cells = nullptr, *old_states = nullptr;
    if (Cell::is_lstm && !first) old_cells = ran_.kept + row_before(t, b) * kept_row_ + 4 * width;
    if (Cell::is_gru) {
      if (!first)
        old_states = ran_.output + row_before(t, b) * ran_.output_step;
      else if (ran_.initial_state != nullptr)
        old_states = ran_.initial_state + b * s_.state();
    }
    for (Index unit = 0; unit < hidden_; unit += Cell::units) {
      for (Index g = 0; g < Cell::group; ++g) {
        const Index place = unit + g * width, left = s_.hidden - place;
        L d = lane::load(s_.projected > 0 ? dunits_ + b * hidden_ + place : dstate + place), old(0);
        if (dy != nullptr && left > 0) d = d + load_units(dy + place, left);
        if (Cell::is_lstm && old_cells != nullptr)
          old = lane::load(old_cells + unit * Cell::kept);
        else if (Cell::is_lstm && ran_.initial_cell != nullptr)
          old = load_units(ran_.initial_cell + b * s_.hidden + place, left);
        else if (old_states != nullptr && left > 0)
          old = load_units(old_states + place, left);
        L dcell = Cell::is_lstm ? lane::load(dcells_ + b * hidden_ + place) : L(0);
        const L past = Cell::backward(d, dcell, kept + g * width, old, dsums + g * width, dstate_sums + g * width);
        if (Cell::is_lstm) lane::store<T>(dcells_ + b * hidden_ + place, dcell);
        if (s_.projected > 0)
          lane::store<T>(units_ + row * hidden_ + place,
                         lane::load(kept + 3 * width) * Cell::hyperbolic(lane::load(kept + 4 * width)));
        else
          lane::store<T>(dstate + place, past);
      }
      kept += Cell::kept_block;
      dsums += Cell::block;
      dstate_sums += Cell::block;
    }
    if (s_.projected > 0) std::fill_n(dstate, state_, T(0));
  }
  /// The gradients of the projected states of one step, and of what they were projected from.
  void unproject(Index t, Index from, Index to) const {
    const Index step = Tile::padded(s_.projected);
    for (Index b = from; b < to; ++b) {
      T* const d = dprojected_ + b * step;
      const bool active = t < s_.length(b);
      const T* const dy = active && d_.output != nullptr ? d_.output + s_.row(t, b) * d_.output_step : nullptr;
      for (Index i = 0; i < step; ++i) {
        d[i] = active && i < s_.projected ? dstate_[b * state_ + i] : T(0);
        if (dy != nullptr && i < s_.projected) d[i] = d[i] + dy[i];
      }
      std::copy_n(d, step, doutput_ + s_.row(t, b) * step);
      std::fill_n(dunits_ + b * hidden_, hidden_, T(0));
    }
    Tile::add_product(to - from, s_.hidden, s_.projected, dprojected_ + from * step, step, projection_,
                      dunits_ + from * hidden_, hidden_);
  }

  void finish() const {
    if (pieces_ > 1 && weighs()) {
      // A piece for each thread, as every one reads all of the input.
      const Index lanes = gate_row_ / width, pieces = std::clamp<Index>(lanes / 4, 1, team_size());
      parallel_for(pieces, static_cast<int>(pieces), [&](Index p) {
        const WeightSums weights(*this, lanes * p / pieces * width, lanes * (p + 1) / pieces * width);
        for (Index step = (s_.steps - 1) / at_once_ * at_once_; step >= 0; step -= at_once_)
          weights.add(step, (std::min)(at_once_, s_.steps - step));
        weights.end();
      });
    }
    if (d_.input_weights != nullptr) Layout::from_rows(s_.hidden, s_.inputs, matrix_, matrix_row_, d_.input_weights);
    if (d_.hidden_weights != nullptr)
      Layout::from_rows(s_.hidden, s_.state(), matrix_ + Tile::padded(s_.inputs), matrix_row_, d_.hidden_weights);
    if (d_.input_bias != nullptr) Layout::from_rows(s_.hidden, 1, biases_, 1, d_.input_bias);
    if (d_.hidden_bias != nullptr)
      Layout::from_rows(s_.hidden, 1, biases_ + (Cell::is_gru ? gate_row_ : 0), 1, d_.hidden_bias);
    if (d_.projection != nullptr) projection_gradient();
  }

  /// dx = gates' gradients . input weights.
  void input_gradients(Index step, Index count, Index from, Index to, T* room) const {
    const Index room_step = Tile::padded(s_.inputs);
    for (Index i = from; i < to + (count - 1) * s_.batch;) {
      // Elements of one step follow those of the one before where this thread has them all.
      const bool follow = to - from == s_.batch;
      const Index first = i / s_.batch, end = follow ? count * s_.batch : first * s_.batch + to,
                  rows = (std::min)(chunk, end - i);
      std::fill_n(room, rows * room_step, T(0));
      Tile::add_product(rows, s_.inputs, gate_row_, dsums_ + place(step, i), gate_step_, packed_input_, room,
                        room_step);
      for (Index j = 0; j < rows; ++j)
        std::copy_n(room + j * room_step, s_.inputs,
                    d_.x + s_.row(time(step + (i + j) / s_.batch), (i + j) % s_.batch) * s_.inputs);
      i += rows;
      if (i == end && !follow) i = (first + 1) * s_.batch + from;
    }
  }

  /// Rows `from` to `to` of the gradients of both weights, and those of the biases: gates' gradients, transposed, times
  /// the input and the states before. Steps are added from the last to the first, whoever does it.
  class WeightSums {
   public:
    WeightSums(const RecurrentBackward& all, Index from, Index to)
        : all_(all), from_(from), to_(to), right_(from < to ? chunk * all.matrix_row_ : 0) {
      if (from == to) return;
      biases_ = Totals<T>(Cell::is_gru ? 2 : 1, to - from);
      std::fill_n(all.matrix_ + from * all.matrix_row_, (to - from) * all.matrix_row_, T(0));
      std::fill_n(all.biases_ + from, to - from, T(0));
      std::fill_n(all.biases_ + all.gate_row_ + from, to - from, T(0));
    }
    EIGENGRAD_OUTLINE void add(Index step, Index count) const {
      const RecurrentSizes& s = all_.s_;
      const RecurrentGradients<T>& d = all_.d_;
      const Index inputs = Tile::padded(s.inputs), row = all_.matrix_row_, gate_step = all_.gate_step_,
                  most = count * s.batch;
      T *const right = right_.data(), *const to = all_.matrix_ + from_ * row;
      for (Index begin = 0; begin < most; begin += chunk) {
        const Index rows = (std::min)(chunk, most - begin), first = all_.place(step, begin) + from_;
        for (Index i = 0; i < rows; ++i)
          all_.operands(all_.time(step + (begin + i) / s.batch), (begin + i) % s.batch, right + i * row);
        const T *const dsums = all_.dsums_ + first, *const dstate_sums = all_.dstate_sums_ + first;
        if (d.input_weights != nullptr)
          Tile::add_product_of_rows(to_ - from_, s.inputs, rows, dsums, 1, gate_step, right, row, to, row);
        if (d.hidden_weights != nullptr)
          Tile::add_product_of_rows(to_ - from_, s.state(), rows, dstate_sums, 1, gate_step, right + inputs, row,
                                    to + inputs, row);
        // But for GRU both biases have the same gradient.
        if (d.input_bias != nullptr || (d.hidden_bias != nullptr && !Cell::is_gru))
          add_rows(biases_, biases_.place(0), dsums, rows, gate_step, true, 0, to_ - from_);
        if (d.hidden_bias != nullptr && Cell::is_gru)
          add_rows(biases_, biases_.place(1), dstate_sums, rows, gate_step, true, 0, to_ - from_);
      }
    }
    void end() const {
      if (from_ == to_) return;
      biases_.add_to(all_.biases_ + from_, biases_.place(0), to_ - from_);
      if (Cell::is_gru) biases_.add_to(all_.biases_ + all_.gate_row_ + from_, biases_.place(1), to_ - from_);
    }

   private:
    const RecurrentBackward& all_;
    Index from_, to_;
    RecurrentScratch<T> right_;
    Totals<T> biases_;
  };
  /// One row of x, and the state before. Past a sequence's end x may hold anything: it counts as 0.
  void operands(Index t, Index b, T* to) const {
    const Index inputs = Tile::padded(s_.inputs);
    if (t >= s_.length(b)) {
      std::fill_n(to, matrix_row_, T(0));
      return;
    }
    const T* state = nullptr;
    if (!begins(t, b))
      state = ran_.output + row_before(t, b) * ran_.output_step;
    else if (ran_.initial_state != nullptr)
      state = ran_.initial_state + b * s_.state();
    const auto copy = [](const T* numbers, Index count, T* at, Index padded) {
      if (numbers != nullptr) std::copy_n(numbers, count, at);
      std::fill(at + (numbers != nullptr ? count : 0), at + padded, T(0));
    };
    copy(ran_.x + s_.row(t, b) * ran_.x_step, s_.inputs, to, inputs);
    copy(state, s_.state(), to + inputs, matrix_row_ - inputs);
  }
  void projection_gradient() const {
    const Index step = Tile::padded(s_.projected);
    std::fill_n(dprojection_, s_.projected * hidden_, T(0));
    for (Index begin = 0; begin < rows_; begin += chunk)
      Tile::add_product_of_rows(s_.projected, s_.hidden, (std::min)(chunk, rows_ - begin), doutput_ + begin * step, 1,
                                step, units_ + begin * hidden_, hidden_, dprojection_, hidden_);
    for (Index i = 0; i < s_.projected; ++i)
      std::copy_n(dprojection_ + i * hidden_, s_.hidden, d_.projection + i * s_.hidden);
  }

  const RecurrentSizes& s_;
  const RecurrentWeights<T>& w_;
  const RecurrentRun<T>& ran_;
  const RecurrentGradients<T>& d_;
  Index rows_, pieces_, at_once_, kept_steps_;
  Index hidden_, state_, gate_row_, gate_step_, kept_row_, matrix_row_;  // padded to whole blocks and lanes
  RecurrentScratch<T> memory_;
  T *dsums_ = nullptr, *dstate_sums_ = nullptr, *packed_ = nullptr, *packed_input_ = nullptr, *matrix_ = nullptr,
    *dstate_ = nullptr, *dcells_ = nullptr, *biases_ = nullptr, *projection_ = nullptr, *units_ = nullptr,
    *dunits_ = nullptr, *doutput_ = nullptr, *dprojected_ = nullptr, *dprojection_ = nullptr;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
