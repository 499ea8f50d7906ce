#pragma once

#include <algorithm>

#include "../../core/buffer.hpp"
#include "../../core/threads.hpp"
#include "matrix_view.hpp"
#include "pack.hpp"
#include "small.hpp"
#include "tile.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Products that take A as it lies, and of B a panel after another, packed so that it is read in order. Packing is
/// skipped where it would cost more than it saves.
template <class T>
class PanelGemm {
  using Sizes = GemmSizes<T>;
  using Pack = GemmPack<T>;
  static constexpr Index width = Sizes::width, rows = Sizes::rows, panel = Sizes::panel;
  static constexpr Index stack_room = SmallGemm<T>::stack_room;

 public:
  /// Columns `from`, where a panel begins, to `to` of C[m, n].
  EIGENGRAD_OUTLINE static void multiply(Index m, Index n, Index k, MatrixView<T> a, const MatrixView<T>& b,
                                         const ProductTarget<T>& c, Index from, Index to) {
    // Rows of B that are already lanes next to each other can be read in place while they stay in the cache.
    const bool in_place = b.column_step == 1 && (n % width == 0 || b.padded) && (k * n <= 8192 || m <= rows || k <= 32);
    // What a row's last lane writes too much is where the next row begins, which comes later.
    const bool whole = c.padded && !c.add && n <= panel && c.step == n;
    Block packed_b, packed_a;
    T* b_panel = nullptr;
    alignas(64) T on_stack[extent(stack_room)];  // for products too small to be worth a buffer
    if (!in_place) b_panel = k * panel <= stack_room ? on_stack : Pack::scratch(packed_b, k * panel);
    if (a.column_step != 1 && n > panel && k > 1) a = pack_rows(m, k, a, packed_a);
    // Of few products each, C is what takes time: it is written by rows, not by panels.
    if (const Index block = 4 * rows; in_place && k <= 32 && m > block && to - from > 4 * panel) {
      for (Index i = 0; i < m; i += block)
        multiply((std::min)(block, m - i), n, k, {a.data + i * a.row_step, a.row_step, a.column_step}, b, c.from(i, 0),
                 from, to);
      return;
    }
    for (Index j = from; j < to; j += panel) {
      const Index columns = (std::min)(panel, n - j), lanes = (columns + width - 1) / width;
      MatrixView<T> right{b.data + j, b.row_step, 1};
      if (!in_place) {
        Pack::panel(k, columns, lanes * width, {b.data + j * b.column_step, b.row_step, b.column_step}, b_panel);
        right = {b_panel, lanes * width, 1};
      }
      if (lanes == 2)
        GemmTile<T>::template panel<2>(m, k, a, right, c.from(0, j), whole ? 2 * width : columns);
      else
        GemmTile<T>::template panel<1>(m, k, a, right, c.from(0, j), whole ? width : columns);
    }
  }

  /// On several threads: whole panels, or where there are few of them blocks of whole tiles' rows, so that every
  /// element is computed as by one thread.
  EIGENGRAD_COLD static void by_threads(int threads, Index m, Index n, Index k, MatrixView<T> a, const MatrixView<T>& b,
                                        const ProductTarget<T>& c) {
    const Index count = (n + panel - 1) / panel;
    Block packed;
    if (a.column_step != 1 && n > panel && k > 1) {
      T* to = Pack::scratch(packed, m * k);
      parallel_ranges(m, 8, 32, [&](Index from, Index end) { pack_some_rows(from, end, k, a, to); });
      a = {to, k, 1};
    }
    if (count >= 2 * threads || (count >= threads && count % threads == 0) || m < 4 * rows)
      return parallel_for(count, threads,
                          [&](Index p) { multiply(m, n, k, a, b, c, p * panel, (std::min)(n, (p + 1) * panel)); });
    constexpr Index unit = std::max<Index>(rows, width);
    const Index units = m / unit, pieces = std::min<Index>(threads, units / 2);
    parallel_for(pieces, threads, [&](Index p) {
      const auto block = [&](Index begin, Index end, bool padded) {
        ProductTarget<T> target = c.from(begin, 0);
        target.padded = padded;
        multiply(end - begin, n, k, {a.data + begin * a.row_step, a.row_step, a.column_step}, b, target, 0, n);
      };
      const Index begin = units * p / pieces * unit, end = p + 1 == pieces ? m : units * (p + 1) / pieces * unit;
      // What a block's last lanes write too much would be where another thread's rows are.
      if (c.padded && p + 1 < pieces && n <= panel) {
        block(begin, end - unit, true);
        block(end - unit, end, false);
      } else {
        block(begin, end, c.padded);
      }
    });
  }

 private:
  /// A transposed copied to rows.
  static MatrixView<T> pack_rows(Index m, Index k, const MatrixView<T>& a, Block& block) {
    T* to = Pack::scratch(block, m * k);
    pack_some_rows(0, m, k, a, to);
    return {to, k, 1};
  }
  static void pack_some_rows(Index from, Index end, Index k, const MatrixView<T>& a, T* to) {
    Pack::transpose(k, end - from, a.data + from * a.row_step, a.column_step, to + from * k, k);
  }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
