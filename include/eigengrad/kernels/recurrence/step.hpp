#pragma once

#include "../lane_tile.hpp"
#include "weights.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// A recurrent layer's cell, ready to take one step after another: the weights are packed once, and a step asks for no
/// memory. It keeps what the weights were when it was made.
template <class T, RecurrentKind kind>
class RecurrentStep {
  using Cell = RecurrentCell<T, kind>;
  using Layout = RecurrentLayout<T, kind>;
  using Tile = LaneTile<T>;
  using L = lane_t<T>;
  static constexpr Index width = Cell::width;

 public:
  /// For a batch of sizes.batch; `steps` and what belongs to sequences is not looked at.
  RecurrentStep(const RecurrentSizes& sizes, const RecurrentWeights<T>& weights)
      : s_(sizes), blocks_(Cell::blocks(sizes.hidden)), hidden_(Cell::padded(sizes.hidden)) {
    const Index depth = s_.inputs + s_.state(), kept = Cell::kept_row(s_.hidden),
                projection = s_.projected > 0 ? Tile::padded(s_.projected) * (s_.hidden + s_.batch) : 0;
    memory_ = RecurrentScratch<T>(blocks_ * Cell::block * depth + kept + s_.batch * (Cell::kept_block + hidden_) +
                                  projection);
    T* at = memory_.data();
    const auto next = [&](Index count) { return std::exchange(at, at + count); };
    panels_ = next(blocks_ * Cell::block * depth);
    bias_ = next(kept);
    sums_ = next(s_.batch * Cell::kept_block);
    units_ = next(s_.batch * hidden_);
    projection_ = next(Tile::padded(s_.projected) * s_.hidden);
    projected_ = next(Tile::padded(s_.projected) * s_.batch);
    Layout::to_panels(s_.hidden, s_.inputs, weights.input, Layout::input_shift, panels_, Cell::block * depth);
    Layout::to_panels(s_.hidden, s_.state(), weights.hidden, 0, panels_ + Cell::block * s_.inputs, Cell::block * depth);
    Layout::to_kept_row(s_.hidden, weights.input_bias, weights.hidden_bias, bias_);
    if (s_.projected > 0) Tile::pack(s_.hidden, s_.projected, {weights.projection, 1, s_.hidden}, projection_);
  }

  /// One step: x [batch, inputs] changes the states [batch, state], and cells [batch, hidden] of LSTM, in place.
  void operator()(const T* x, T* states, T* cells = nullptr) const {
    const Index depth = s_.inputs + s_.state();
    for (Index j = 0; j < blocks_; ++j) {
      const T *panel = panels_ + j * Cell::block * depth, *bias = bias_ + j * Cell::kept_block;
      if constexpr (Cell::is_gru)
        for (Index b = 0; b < s_.batch; ++b)
          lane::store<T>(sums_ + b * Cell::kept_block + 3 * width, lane::load(bias + 3 * width));
      Tile::template panel<Cell::lanes>(s_.batch, s_.inputs, x, s_.inputs, 1, panel, Cell::block, bias, 0, sums_,
                                        Cell::kept_block);
      T* const sums = sums_ + Cell::recurrent;
      Tile::template panel<Cell::lanes>(s_.batch, s_.state(), states, s_.state(), 1, panel + Cell::block * s_.inputs,
                                        Cell::block, sums, Cell::kept_block, sums, Cell::kept_block);
      gates(j, states, cells);
    }
    const T* from = units_;
    Index step = hidden_;
    if (s_.projected > 0) {
      step = Tile::padded(s_.projected);
      std::fill_n(projected_, s_.batch * step, T(0));
      Tile::add_product(s_.batch, s_.projected, s_.hidden, units_, hidden_, projection_, projected_, step);
      from = projected_;
    }
    for (Index b = 0; b < s_.batch; ++b) std::copy_n(from + b * step, s_.state(), states + b * s_.state());
  }

 private:
  EIGENGRAD_OUTLINE void gates(Index j, const T* states, T* cells) const {
    for (Index b = 0; b < s_.batch; ++b)
      for (Index g = 0; g < Cell::group; ++g) {
        const Index unit = j * Cell::units + g * width, left = s_.hidden - unit;
        if (left <= 0) continue;
        const L old = Cell::is_gru ? load_units(states + b * s_.hidden + unit, left) : L(0);
        L cell(0);
        if constexpr (Cell::is_lstm) cell = load_units(cells + b * s_.hidden + unit, left);
        const L state = Cell::forward(sums_ + b * Cell::kept_block + g * width, old, cell);
        if constexpr (Cell::is_lstm) store_units<T>(cells + b * s_.hidden + unit, cell, left);
        lane::store<T>(units_ + b * hidden_ + unit, state);
      }
  }

  RecurrentSizes s_;
  Index blocks_, hidden_;
  RecurrentScratch<T> memory_;
  T *panels_ = nullptr, *bias_ = nullptr, *sums_ = nullptr, *units_ = nullptr, *projection_ = nullptr,
    *projected_ = nullptr;
};

// Compiled: class RecurrentStep<T, RecurrentKind::lstm>
// Compiled: class RecurrentStep<T, RecurrentKind::gru>
// Compiled: class RecurrentStep<T, RecurrentKind::tanh>
}}  // namespace eigengrad::EIGENGRAD_ABI
