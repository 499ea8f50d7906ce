#pragma once

#include <algorithm>

#include "../../core/buffer.hpp"
#include "../../core/size.hpp"
#include "../lane_tile.hpp"
#include "cell.hpp"

// A recurrent layer's weights in the order in which the kernels take them: units in blocks, all gates of a block next
// to each other, units that are missing of the last block 0.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// One direction of one layer, PyTorch's layouts: input [gates * hidden, inputs], hidden [gates * hidden, state], the
/// biases [gates * hidden] or null, projection [projected, hidden] or null.
template <class T>
struct RecurrentWeights {
  const T* input = nullptr;
  const T* hidden = nullptr;
  const T* input_bias = nullptr;
  const T* hidden_bias = nullptr;
  const T* projection = nullptr;
};

/// Numbers that live until the next use of the buffer.
template <class T>
class RecurrentScratch {
 public:
  explicit RecurrentScratch(Index count = 0) {
    if (count > 0) block_ = Block(bytes_of_numbers(count, sizeof(T)));
  }
  T* data() const { return block_ ? static_cast<T*>(block_.data()) : nullptr; }

 private:
  Block block_;
};

template <class T, RecurrentKind kind>
struct RecurrentLayout {
  using Cell = RecurrentCell<T, kind>;
  static constexpr Index width = Cell::width;

  /// Where GRU's products with the input begin: its new gate.
  static constexpr int input_shift = Cell::is_gru ? 2 : 0;

  /// body(place, row, count): `count` rows of weights from `row` on are columns of gates from `place` on, the gates
  /// turned by `shift`.
  template <class Body>
  static void for_lanes(Index hidden, int shift, const Body& body) {
    for (Index j = 0; j < Cell::blocks(hidden); ++j)
      for (int v = 0; v < Cell::lanes; ++v) {
        const Index unit = j * Cell::units + v % Cell::group * width, gate = (v / Cell::group + shift) % Cell::gates;
        body(j * Cell::block + v * width, gate * hidden + unit, std::clamp<Index>(hidden - unit, 0, width));
      }
  }
  /// Weights [gates * hidden, columns] as rows in blocks.
  static void to_rows(Index hidden, Index columns, const T* weights, T* to) {
    for_lanes(hidden, 0, [&](Index place, Index row, Index count) {
      T* const here = to + place * columns;
      if (count > 0) std::copy_n(weights + row * columns, count * columns, here);
      std::fill(here + count * columns, here + width * columns, T(0));
    });
  }
  /// Rows in blocks, `step` numbers apart, as weights.
  static void from_rows(Index hidden, Index columns, const T* rows, Index step, T* to) {
    for_lanes(hidden, 0, [&](Index place, Index row, Index count) {
      for (Index l = 0; l < count; ++l) std::copy_n(rows + (place + l) * step, columns, to + (row + l) * columns);
    });
  }
  /// Weights [gates * hidden, columns] as panels, one for each block, `step` numbers apart: column p of all its gates,
  /// p after p.
  static void to_panels(Index hidden, Index columns, const T* weights, int shift, T* to, Index step) {
    for_lanes(hidden, shift, [&](Index place, Index row, Index count) {
      T* const panel = to + place / Cell::block * step + place % Cell::block;
      if (count < width)
        for (Index p = 0; p < columns; ++p) lane::store<T>(panel + p * Cell::block, lane_t<T>(0));
      if (count > 0)
        LaneTile<T>::pack_transposed(columns, count, weights + row * columns, 1, columns, panel, Cell::block, false);
    });
  }
  /// The biases as a row of what is kept: added up, but GRU's of the new gate, which stay apart.
  static void to_kept_row(Index hidden, const T* of_input, const T* of_hidden, T* to) {
    std::fill_n(to, Cell::kept_row(hidden), T(0));
    const auto add = [&](const T* bias, int shift, Index offset) {
      if (bias == nullptr) return;
      for_lanes(hidden, shift, [&](Index place, Index row, Index count) {
        T* const here = to + place / Cell::block * Cell::kept_block + place % Cell::block + offset;
        for (Index l = 0; l < count; ++l) here[l] = here[l] + bias[row + l];
      });
    };
    add(of_input, input_shift, 0);
    add(of_hidden, 0, Cell::recurrent);
  }
};

/// States of elements `from` to `to` in rows of `step` numbers: those given, [batch, count], or 0.
template <class T>
void load_states(Index from, Index to, const T* given, Index count, T* states, Index step) {
  for (Index b = from; b < to; ++b) {
    T* const row = states + b * step;
    if (given != nullptr) std::copy_n(given + b * count, count, row);
    std::fill(row + (given != nullptr ? count : 0), row + step, T(0));
  }
}

}}  // namespace eigengrad::EIGENGRAD_ABI
