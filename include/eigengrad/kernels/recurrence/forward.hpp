#pragma once

#include "../../core/threads.hpp"
#include "../lane_tile.hpp"
#include "weights.hpp"

// One direction of one recurrent layer over whole sequences: the products with the input for all steps at once, then
// for each step those with the state, a block of units at a time, whose gates are taken while it lies in the cache.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Where a run's numbers are. Rows of x and of the output may lie apart, as where an output is half of a wider one.
template <class T>
struct RecurrentRun {
  const T* x = nullptr;  // [rows, inputs]
  Index x_step = 0;
  const T* initial_state = nullptr;  // [batch, state]; null for 0
  const T* initial_cell = nullptr;   // [batch, hidden]
  T* output = nullptr;               // [rows, state]
  Index output_step = 0;
  T* last_state = nullptr;  // [batch, state]; null where nobody asks
  T* last_cell = nullptr;   // [batch, hidden]
  T* kept = nullptr;        // RecurrentCell::kept_numbers for the way back; null without one
};

/// As many products of numbers are worth a second thread.
inline constexpr Index large_recurrence = Index{1} << 20;

/// Into how many ranges of the batch a run of so many products is cut for threads.
template <class T>
Index batch_pieces(const RecurrentSizes& s, Index products) {
  constexpr Index unit = LaneTile<T>::template most_rows<4>;
  return std::clamp<Index>(s.batch / unit, 1, products >= large_recurrence ? team_size() : 1);
}
/// body(from, to) over those ranges. Threads have whole sequences, so none waits for another at every step.
template <class Body>
void for_batch(const RecurrentSizes& s, Index pieces, const Body& body) {
  parallel_for(pieces, static_cast<int>(pieces),
               [&](Index p) { body(s.batch * p / pieces, s.batch * (p + 1) / pieces); });
}

/// How many steps' products with the input are taken at once: as many as fill tiles of rows and stay in the cache until
/// the steps come.
inline Index steps_at_once(const RecurrentSizes& s) {
  if (s.steps == 0 || s.batch == 0) return 1;
  const Index enough = (64 + s.batch - 1) / s.batch;
  return (std::min)((std::max)(enough, Index{s.batch_first ? 8 : 1}), s.steps);
}
/// body(row, count) for the rows of elements `from` to `to` at `count` steps of a run from its `step`th on, which
/// follow each other where they can.
template <class Body>
void for_steps(const RecurrentSizes& s, Index from, Index to, Index step, Index count, const Body& body) {
  const Index first = s.reverse ? s.steps - step - count : step;
  if (s.batch_first)
    for (Index b = from; b < to; ++b) body(s.row(first, b), count);
  else if (to - from == s.batch)
    body(s.row(first, 0), count * s.batch);
  else
    for (Index t = first; t < first + count; ++t) body(s.row(t, from), to - from);
}

template <class T, RecurrentKind kind>
class RecurrentForward {
  using Cell = RecurrentCell<T, kind>;
  using Layout = RecurrentLayout<T, kind>;
  using Tile = LaneTile<T>;
  using L = lane_t<T>;
  static constexpr Index width = Cell::width;

 public:
  /// Output, last states, and what the way back needs. Past a sequence's length the output is 0 and the state stays.
  static void run(const RecurrentSizes& sizes, const RecurrentWeights<T>& weights, const RecurrentRun<T>& run) {
    if (sizes.batch > 0) RecurrentForward(sizes, weights, run).run();
  }

 private:
  RecurrentForward(const RecurrentSizes& sizes, const RecurrentWeights<T>& weights, const RecurrentRun<T>& run)
      : s_(sizes),
        kept_sizes_(sizes),
        w_(weights),
        run_(run),
        at_once_(steps_at_once(sizes)),
        blocks_(Cell::blocks(sizes.hidden)),
        hidden_(Cell::padded(sizes.hidden)),
        state_(Tile::padded(sizes.projected > 0 ? sizes.projected : hidden_)),
        kept_row_(Cell::kept_row(sizes.hidden)) {
    if (run.kept == nullptr) kept_sizes_.steps = at_once_;
    const Index kept = run.kept == nullptr ? Cell::kept_numbers(kept_sizes_) : 0,
                projection = s_.projected > 0 ? Tile::padded(s_.projected) * s_.hidden + s_.batch * hidden_ : 0;
    memory_ = RecurrentScratch<T>(blocks_ * Cell::block * (s_.inputs + s_.state()) + kept_row_ +
                                  s_.batch * (2 * state_ + hidden_) + projection + kept);
    T* at = memory_.data();
    const auto next = [&](Index count) { return std::exchange(at, at + count); };
    input_panels_ = next(blocks_ * Cell::block * s_.inputs);
    state_panels_ = next(blocks_ * Cell::block * s_.state());
    bias_ = next(kept_row_);
    now_ = next(s_.batch * state_);
    next_ = next(s_.batch * state_);
    cells_ = next(s_.batch * hidden_);
    if (s_.projected > 0) {
      projection_ = next(Tile::padded(s_.projected) * s_.hidden);
      unprojected_ = next(s_.batch * hidden_);
      Tile::pack(s_.hidden, s_.projected, {w_.projection, 1, s_.hidden}, projection_);
    }
    kept_ = run.kept != nullptr ? run.kept : next(kept);
    Layout::to_panels(s_.hidden, s_.inputs, w_.input, Layout::input_shift, input_panels_, Cell::block * s_.inputs);
    Layout::to_panels(s_.hidden, s_.state(), w_.hidden, 0, state_panels_, Cell::block * s_.state());
    Layout::to_kept_row(s_.hidden, w_.input_bias, w_.hidden_bias, bias_);
  }

  void run() {
    for_batch(s_, batch_pieces<T>(s_, s_.rows() * Cell::gates * s_.hidden * (s_.inputs + s_.state())),
              [&](Index from, Index to) { sequences(from, to); });
  }

  /// The biases and the products with rows of x from `row` on, the first of which are of step `first`.
  void input_products(Index row, Index rows, Index first) const {
    T* const kept_rows = kept_ + kept_row_ * (run_.kept != nullptr ? row
                                              : s_.batch_first     ? row / s_.steps * at_once_
                                                                   : row - first * s_.batch);
    for (Index j = 0; j < blocks_; ++j) {
      T* const kept = kept_rows + j * Cell::kept_block;
      if constexpr (Cell::is_gru)
        for (Index i = 0; i < rows; ++i)
          lane::store<T>(kept + i * kept_row_ + 3 * width, lane::load(bias_ + j * Cell::kept_block + 3 * width));
      Tile::template panel<Cell::lanes>(rows, s_.inputs, run_.x + row * run_.x_step, run_.x_step, 1,
                                        input_panels_ + j * Cell::block * s_.inputs, Cell::block,
                                        bias_ + j * Cell::kept_block, 0, kept, kept_row_);
    }
  }

  void sequences(Index from, Index to) const {
    T *now = now_, *next = next_;
    load_states<T>(from, to, run_.initial_state, s_.state(), now, state_);
    load_states<T>(from, to, run_.initial_cell, s_.hidden, cells_, hidden_);
    Index longest = 0;
    for (Index b = from; b < to; ++b) longest = (std::max)(longest, s_.length(b));
    Index first = 0;  // of the steps whose products with the input there are
    for (Index step = 0; step < s_.steps; ++step) {
      const Index t = s_.reverse ? s_.steps - 1 - step : step;
      if (step % at_once_ == 0) {
        const Index count = (std::min)(at_once_, s_.steps - step);
        first = s_.reverse ? s_.steps - step - count : step;
        for_steps(s_, from, to, step, count, [&](Index row, Index rows) { input_products(row, rows, first); });
      }
      if (t >= longest) {
        for (Index b = from; b < to; ++b) std::fill_n(output(t, b), s_.state(), T(0));
        continue;
      }
      T* const rows = kept_ + kept_sizes_.row(run_.kept != nullptr ? t : t - first, from) * kept_row_;
      const Index kept_step = kept_sizes_.batch_step() * kept_row_;
      for (Index j = 0; j < blocks_; ++j) {
        T* const kept = rows + j * Cell::kept_block;
        Tile::template panel<Cell::lanes>(to - from, s_.state(), now + from * state_, state_, 1,
                                          state_panels_ + j * Cell::block * s_.state(), Cell::block,
                                          kept + Cell::recurrent, kept_step, kept + Cell::recurrent, kept_step);
        gates(t, from, to, j, kept, kept_step, now, next);
      }
      if (s_.projected > 0) project(t, from, to, now, next);
      std::swap(now, next);
    }
    for (Index b = from; b < to; ++b) {
      if (run_.last_state != nullptr) std::copy_n(now + b * state_, s_.state(), run_.last_state + b * s_.state());
      if (run_.last_cell != nullptr) std::copy_n(cells_ + b * hidden_, s_.hidden, run_.last_cell + b * s_.hidden);
    }
  }

  T* output(Index t, Index b) const { return run_.output + s_.row(t, b) * run_.output_step; }

  /// Block j's gates and states at step t.
  EIGENGRAD_OUTLINE void gates(Index t, Index from, Index to, Index j, T* kept, Index kept_step, const T* now,
                               T* next) const {
    const bool projects = s_.projected > 0;
    for (Index b = from; b < to; ++b, kept += kept_step) {
      const bool active = t < s_.length(b);
      for (Index g = 0; g < Cell::group; ++g) {
        const Index unit = j * Cell::units + g * width;
        T* const cell = cells_ + b * hidden_ + unit;
        const L old = projects ? L(0) : lane::load(now + b * state_ + unit);
        L cells = Cell::is_lstm ? lane::load(cell) : L(0);
        L state = Cell::forward(kept + g * width, old, cells);
        if (projects) {
          if (active) lane::store<T>(cell, cells);
          lane::store<T>(unprojected_ + b * hidden_ + unit, state);
          continue;
        }
        if (active && Cell::is_lstm) lane::store<T>(cell, cells);
        lane::store<T>(next + b * state_ + unit, active ? state : old);
        if (unit < s_.hidden) store_units<T>(output(t, b) + unit, active ? state : L(0), s_.hidden - unit);
      }
    }
  }
  void project(Index t, Index from, Index to, const T* now, T* next) const {
    std::fill(next + from * state_, next + to * state_, T(0));
    Tile::add_product(to - from, s_.projected, s_.hidden, unprojected_ + from * hidden_, hidden_, projection_,
                      next + from * state_, state_);
    for (Index b = from; b < to; ++b) {
      const bool active = t < s_.length(b);
      if (!active) std::copy_n(now + b * state_, state_, next + b * state_);
      if (active)
        std::copy_n(next + b * state_, s_.projected, output(t, b));
      else
        std::fill_n(output(t, b), s_.projected, T(0));
    }
  }

  const RecurrentSizes& s_;
  RecurrentSizes kept_sizes_;  // with the steps there is room for
  const RecurrentWeights<T>& w_;
  const RecurrentRun<T>& run_;
  Index at_once_;
  Index blocks_, hidden_, state_, kept_row_;  // padded to whole blocks and lanes
  RecurrentScratch<T> memory_;
  T *input_panels_ = nullptr, *state_panels_ = nullptr, *bias_ = nullptr, *now_ = nullptr, *next_ = nullptr,
    *cells_ = nullptr, *projection_ = nullptr, *unprojected_ = nullptr, *kept_ = nullptr;
};

}}  // namespace eigengrad::EIGENGRAD_ABI
