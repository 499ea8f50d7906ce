#pragma once

#include "image.hpp"

// Weights as the tiles read them: blocks of rows, and in each block for every product the rows' numbers next to each
// other. How the rows are cut depends on their number alone.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

struct ConvolutionTile {
  static constexpr bool many_registers = EIGENGRAD_LANE_BYTES == 64;
  static constexpr int rows = many_registers ? 8 : 6;            // results' channels at once, at most
  static constexpr int lanes = many_registers ? 3 : 2;           // lanes of pixels at once, at most
  static constexpr int channel_places = many_registers ? 8 : 4;  // places at once where lanes are channels

  /// How many of `left` rows the next block takes: 8, 6, 4, 2 or 1.
  static int block(Index left) {
    if (many_registers && left >= 8 && left != 10 && left != 12) return 8;
    return left >= 6 ? 6 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
  }
};

/// to = the blocks of `rows` rows of `count` numbers: number k of row r is from[r * row_step + offsets[k]], times the
/// row's scale where there is one.
template <class T>
EIGENGRAD_OUTLINE void pack_weights(const T* from, Index rows, Index row_step, Index count, const Index* offsets,
                                    const T* scale, T* to) {
  for (Index r = 0; r < rows;) {
    const int block = ConvolutionTile::block(rows - r);
    for (int i = 0; i < block; ++i, ++r, from += row_step)
      for (Index k = 0; k < count; ++k) {
        const T number = from[offsets[k]];
        to[k * block + i] = scale != nullptr ? T(number * scale[r]) : number;
      }
    to += block * count;
  }
}

}}  // namespace eigengrad::EIGENGRAD_ABI
