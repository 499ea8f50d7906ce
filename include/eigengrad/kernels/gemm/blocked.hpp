#pragma once

#include <algorithm>

#include "../../core/buffer.hpp"
#include "../../core/threads.hpp"
#include "matrix_view.hpp"
#include "pack.hpp"
#include "tile.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// Products of which both operands are packed, a piece of k after another: A in tiles that stay in the second-level
/// cache, of B a panel, which stays in the first. C is read and written once for each piece.
template <class T>
class BlockedGemm {
  using Sizes = GemmSizes<T>;
  using Pack = GemmPack<T>;
  static constexpr Index width = Sizes::width, rows = Sizes::rows;

 public:
  EIGENGRAD_OUTLINE static void multiply(Index m, Index n, Index k, const OffsetView<T>& a, const OffsetView<T>& b,
                                         const ProductTarget<T>& c, int threads) {
    if (threads > 1) return by_threads(m, n, k, a, b, c, threads);
    part(m, n, k, a, b, c);
  }

 private:
  static constexpr Index packed_a_bytes = Index{128} << 10, packed_b_bytes = Index{1} << 20;

  // Not optimised much: what takes time are the tiles and the packing that it calls.
  EIGENGRAD_COLD static void part(Index m, Index n, Index k, const OffsetView<T>& a, const OffsetView<T>& b,
                                  const ProductTarget<T>& c) {
    constexpr Index number = static_cast<Index>(sizeof(T)), panel = Sizes::panel;
    const Index depth = Sizes::depth(k, Sizes::packed_depth);
    const Index height = even(m, packed_a_bytes / number / depth, rows),
                wide = even(n, packed_b_bytes / number / depth, panel);
    Block memory_a, memory_b;
    T* const packed_a = Pack::scratch(memory_a, height * depth);
    T* const packed_b = Pack::scratch(memory_b, wide * depth);
    for (Index left = 0; left < n; left += wide)
      for (Index p = 0; p < k; p += depth) {
        const Index piece = (std::min)(depth, k - p), right = (std::min)(n, left + wide);
        Pack::panels(piece, right - left, b.from(p, left), packed_b);
        for (Index i = 0; i < m; i += height) {
          const Index here = (std::min)(height, m - i);
          // Where A lies by columns, the first panel's tiles read it as it lies and pack it on the way; but for the
          // rest.
          const bool on_the_way = a.rows == nullptr && a.row_step == 1 && a.columns == nullptr && right - left > width;
          const Index tiled = on_the_way ? here / rows * rows : 0;
          if (tiled < here) Pack::tiles(here - tiled, piece, a.from(i + tiled, p), packed_a + tiled * piece);
          for (Index j = left; j < right; j += panel) {
            ProductTarget<T> target = c.from(i, j);
            if (p > 0) {
              target.add = true;
              target.bias = target.row_bias = nullptr;
            }
            const Index columns = (std::min)(panel, right - j);
            const MatrixView<T> panel_of_b{packed_b + (j - left) * piece, panel, 1};
            Index done = 0;
            if (j == left)
              for (; done < tiled; done += rows)
                GemmTile<T>::packing(piece, {a.from(i + done, p).data, 1, a.column_step}, panel_of_b,
                                     target.from(done, 0), columns, packed_a + done * piece);
            if (columns > width)
              rows_of_tiles<2>(here - done, piece, packed_a + done * piece, panel_of_b, target.from(done, 0), columns);
            else
              rows_of_tiles<1>(here - done, piece, packed_a + done * piece, panel_of_b, target.from(done, 0), columns);
          }
        }
      }
  }
  /// The size of blocks that `size` is cut into evenly, each of whole units and `most` at most.
  static Index even(Index size, Index most, Index unit) {
    const Index units = (size + unit - 1) / unit, blocks = (units * unit + most - 1) / most;
    return (units + blocks - 1) / blocks * unit;
  }
  template <int lanes>
  static void rows_of_tiles(Index m, Index k, const T* a, const MatrixView<T>& b, const ProductTarget<T>& c,
                            Index columns) {
    for (Index i = 0; i < m; i += rows)
      GemmTile<T>::template panel<lanes>((std::min)(rows, m - i), k, {a + i * k, 1, rows}, b, c.from(i, 0), columns);
  }

  /// Pieces of C, each of which packs what it needs: by rows, or where those are few by panels, so that little is
  /// packed twice. Every element is computed as by one thread.
  EIGENGRAD_COLD static void by_threads(Index m, Index n, Index k, const OffsetView<T>& a, const OffsetView<T>& b,
                                        const ProductTarget<T>& c, int threads) {
    const Index tiles = (m + rows - 1) / rows, panels = (n + Sizes::panel - 1) / Sizes::panel;
    const bool by_rows = m >= n ? tiles >= 4 * threads : panels < threads;
    const Index units = by_rows ? tiles : panels, unit = by_rows ? rows : Sizes::panel;
    const Index pieces = std::min<Index>(units, units >= 16 * threads ? 2 * threads : threads);
    parallel_for(pieces, threads, [&](Index p) {
      const Index begin = units * p / pieces * unit, end = (std::min)(by_rows ? m : n, units * (p + 1) / pieces * unit);
      if (by_rows)
        part(end - begin, n, k, a.from(begin, 0), b, c.from(begin, 0));
      else
        part(m, end - begin, k, a, b.from(0, begin), c.from(0, begin));
    });
  }
};

}}  // namespace eigengrad::EIGENGRAD_ABI
