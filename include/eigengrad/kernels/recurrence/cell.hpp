#pragma once

#include "../../simd/math.hpp"
#include "../lane_tile.hpp"

// What one step of a recurrent layer computes of its products, and the way back through it, over lanes of units.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// The gates' order is that of the weights' rows: LSTM input, forget, cell, output; GRU reset, update, new.
enum class RecurrentKind { tanh, relu, lstm, gru };

/// What one direction of one layer runs over. Rows of x, of the output and of what is kept are one for each step and
/// element of the batch: [steps, batch], or [batch, steps].
struct RecurrentSizes {
  Index steps = 0, batch = 0, inputs = 0, hidden = 0;
  Index projected = 0;             // numbers of the state where it is projected (LSTM's proj_size)
  bool reverse = false;            // from each sequence's end to its beginning
  bool batch_first = false;        // [batch, steps]
  const Index* lengths = nullptr;  // [batch]: the sequences' lengths, where they are not all `steps`

  Index state() const { return projected > 0 ? projected : hidden; }
  Index rows() const { return steps * batch; }
  Index row(Index step, Index element) const { return batch_first ? element * steps + step : step * batch + element; }
  Index time_step() const { return batch_first ? 1 : batch; }
  Index batch_step() const { return batch_first ? steps : 1; }
  Index length(Index element) const { return lengths != nullptr ? lengths[element] : steps; }
};

/// Blocks of units: all numbers of a block's units lie next to each other, a lane of each. Of the products LSTM has
/// [i f g o] and keeps the new cell behind them; GRU has [n r z] of the input and [r z n] of the state, which keeps its
/// own part of n: [n r z part].
template <class T, RecurrentKind kind>
struct RecurrentCell {
  using L = lane_t<T>;
  static constexpr bool is_lstm = kind == RecurrentKind::lstm, is_gru = kind == RecurrentKind::gru;
  static constexpr Index width = lane_width<T>;
  static constexpr int gates = is_lstm ? 4 : is_gru ? 3 : 1;
  static constexpr int group = gates == 1 ? 2 : 1;  // a block's lanes of units
  static constexpr int lanes = gates * group;       // of products
  static constexpr int kept = lanes + (gates > 1 ? 1 : 0);
  static constexpr Index units = group * width, block = lanes * width, kept_block = kept * width;
  static constexpr Index recurrent = is_gru ? width : 0;  // where a kept block's products with the state begin

  static constexpr Index blocks(Index hidden) { return (hidden + units - 1) / units; }
  static constexpr Index padded(Index hidden) { return blocks(hidden) * units; }
  static constexpr Index gate_row(Index hidden) { return blocks(hidden) * block; }
  /// A lane more, as rows that are a power of two apart get in each other's way in the cache.
  static constexpr Index kept_row(Index hidden) { return blocks(hidden) * kept_block + width; }
  /// How many numbers the way back needs besides the output.
  static Index kept_numbers(const RecurrentSizes& s) { return s.rows() * kept_row(s.hidden); }

  /// The new state of a lane of units from their sums, which become what is kept; LSTM's `cells` are changed.
  EIGENGRAD_INLINE static L forward(T* sums, const L& old_state, L& cells) {
    if constexpr (is_lstm) {
      const L i = sigmoid(lane::load(sums)), f = sigmoid(lane::load(sums + width)),
              g = hyperbolic(lane::load(sums + 2 * width)), o = sigmoid(lane::load(sums + 3 * width));
      cells = f * cells + i * g;
      lane::store<T>(sums, i);
      lane::store<T>(sums + width, f);
      lane::store<T>(sums + 2 * width, g);
      lane::store<T>(sums + 3 * width, o);
      lane::store<T>(sums + 4 * width, cells);
      return o * hyperbolic(cells);
    } else if constexpr (is_gru) {
      const L r = sigmoid(lane::load(sums + width)), z = sigmoid(lane::load(sums + 2 * width)),
              n = hyperbolic(lane::load(sums) + r * lane::load(sums + 3 * width));
      lane::store<T>(sums, n);
      lane::store<T>(sums + width, r);
      lane::store<T>(sums + 2 * width, z);
      return (L(1) - z) * n + z * old_state;
    } else {
      const L x = lane::load(sums),
              h = kind == RecurrentKind::tanh ? hyperbolic(x) : math::select(is_below(x, L(0)), L(0), x);
      lane::store<T>(sums, h);
      return h;
    }
  }

  /// From the gradient of a lane of new states: that of the sums into `dx`, in the order of the weights, that of GRU's
  /// sums with the state into `dh` (elsewhere they are the same), of the old cells into `dcells`. `old` is the old
  /// state (GRU) or cell (LSTM). Returns what reaches the old state past the product.
  EIGENGRAD_INLINE static L backward(const L& dstate, L& dcells, const T* kept_numbers, const L& old, T* dx, T* dh) {
    const L one(1), first = lane::load(kept_numbers);
    if constexpr (is_lstm) {
      const L i = first, f = lane::load(kept_numbers + width), g = lane::load(kept_numbers + 2 * width),
              o = lane::load(kept_numbers + 3 * width), bent = hyperbolic(lane::load(kept_numbers + 4 * width));
      const L d = dcells + dstate * o * (one - bent * bent);
      lane::store<T>(dx, d * g * (i * (one - i)));
      lane::store<T>(dx + width, d * old * (f * (one - f)));
      lane::store<T>(dx + 2 * width, d * i * (one - g * g));
      lane::store<T>(dx + 3 * width, dstate * bent * (o * (one - o)));
      dcells = d * f;
      return L(0);
    } else if constexpr (is_gru) {
      const L n = first, r = lane::load(kept_numbers + width), z = lane::load(kept_numbers + 2 * width),
              part = lane::load(kept_numbers + 3 * width);
      const L dn = dstate * (one - z) * (one - n * n), dr = dn * part * (r * (one - r)),
              dz = dstate * (old - n) * (z * (one - z));
      lane::store<T>(dx, dr);
      lane::store<T>(dx + width, dz);
      lane::store<T>(dx + 2 * width, dn);
      lane::store<T>(dh, dr);
      lane::store<T>(dh + width, dz);
      lane::store<T>(dh + 2 * width, dn * r);
      return dstate * z;
    } else {
      lane::store<T>(dx, kind == RecurrentKind::tanh ? dstate * (one - first * first)
                                                     : math::select(is_equal(first, L(0)), L(0), dstate));
      return L(0);
    }
  }

  /// Dual numbers find these functions where formulas are.
  EIGENGRAD_INLINE static L hyperbolic(const L& x) {
    using math::tanh;
    return tanh(x);
  }
  /// 1 / (1 + exp(-x)), exact far out on both sides.
  EIGENGRAD_INLINE static L sigmoid(const L& x) {
    using math::abs, math::exp;
    const L e = exp(-abs(x));
    return math::select(is_below(x, L(0)), e, L(1)) / (L(1) + e);
  }
};

/// The first `count` numbers of a row's lane, then zeros; a whole one where there are enough.
template <class T>
EIGENGRAD_INLINE lane_t<T> load_units(const T* from, Index count) {
  if (count >= lane_width<T>) return lane::load(from);
  return lane::first<T>(lane::load(from, count), count);
}
template <class T>
EIGENGRAD_INLINE void store_units(T* to, const lane_t<T>& numbers, Index count) {
  if (count >= lane_width<T>)
    lane::store<T>(to, numbers);
  else
    lane::store<T>(to, numbers, count);
}

}}  // namespace eigengrad::EIGENGRAD_ABI
