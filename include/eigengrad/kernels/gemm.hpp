#pragma once

#include <limits>

#include "../core/threads.hpp"
#include "gemm/blocked.hpp"
#include "gemm/dots.hpp"
#include "gemm/matrix_view.hpp"
#include "gemm/panels.hpp"
#include "gemm/small.hpp"
#include "gemm/tile.hpp"
#include "library_product.hpp"

// The matrix product C (=|+=) A . B over lanes. B is taken in panels of two lanes' columns, packed one after another so
// that they are read in order; a tile of rows of A against a panel keeps its sums in registers. Long sums are cut into
// pieces, by their length alone, so the bits do not depend on threads. Measured in docs/performance.md.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

template <class T>
class Gemm {
 public:
  /// C[m, n] = A[m, k] . B[k, n] (+ C if `add`, + bias[n] in every row if not null). C is contiguous; with `padded`,
  /// lanes that begin inside it, or inside the bias, can be written and read whole. Large ones go to the library that
  /// the program was built to use, if any.
  EIGENGRAD_INLINE static void multiply(Index m, Index n, Index k, const MatrixView<T>& a, const MatrixView<T>& b, T* c,
                                        bool add, const T* bias = nullptr, bool padded = false) {
    if constexpr (has_library_product<T>)
      if (worth_library(m, n, k) && by_library(m, n, k, a, b, {c, n, add, bias, nullptr, padded})) return;
    compute(m, n, k, a, b, c, add, bias, padded);
  }
  /// The same where rows of C lie apart, or every row has a bias of its own.
  static void multiply(Index m, Index n, Index k, const MatrixView<T>& a, const MatrixView<T>& b,
                       const ProductTarget<T>& c) {
    if constexpr (has_library_product<T>)
      if (worth_library(m, n, k) && by_library(m, n, k, a, b, c)) return;
    compute(m, n, k, a, b, c);
  }
  /// The same for operands that tables describe, which are read once for each block of the other and packed.
  static void multiply(Index m, Index n, Index k, const OffsetView<T>& a, const OffsetView<T>& b,
                       const ProductTarget<T>& c) {
    if (m == 0 || n == 0) return;
    if (k == 0) return nothing(m, n, c);
    BlockedGemm<T>::multiply(m, n, k, a, b, c, m * n * k >= large ? team_size() : 1);
  }
  /// By our own kernel.
  static void compute(Index m, Index n, Index k, const MatrixView<T>& a, const MatrixView<T>& b, T* c, bool add,
                      const T* bias, bool padded) {
    if (n == 1 && m * k <= 128 && k > 0) return SmallGemm<T>::column(m, k, a, b, c, add, bias);
    if (n <= width && k * width <= SmallGemm<T>::stack_room && padded && !add && m * n * k > 0)
      return SmallGemm<T>::narrow(m, n, k, a, b, c, bias);
    compute(m, n, k, a, b, {c, n, add, bias, nullptr, padded});
  }
  static void compute(Index m, Index n, Index k, const MatrixView<T>& a, const MatrixView<T>& b,
                      const ProductTarget<T>& c) {
    if (m == 0 || n == 0) return;
    if (k == 0) return nothing(m, n, c);
    const bool by_rows = m < 4 && b.row_step == 1 && a.column_step == 1 && k >= width;
    int threads = 1;
    if constexpr (has_threads)
      if (m * n * k >= (by_rows ? large / 8 : large)) [[unlikely]]
        threads = team_size();
    if (by_rows)
      return threads > 1 ? RowGemm<T>::by_threads(threads, m, n, k, a, b, c) : RowGemm<T>::columns(m, 0, n, k, a, b, c);
    if (worth_blocks(m, n, k, a)) return BlockedGemm<T>::multiply(m, n, k, a, b, c, threads);
    threads > 1 ? PanelGemm<T>::by_threads(threads, m, n, k, a, b, c) : PanelGemm<T>::multiply(m, n, k, a, b, c, 0, n);
  }

 private:
  using Sizes = GemmSizes<T>;
  static constexpr Index width = Sizes::width;
  static constexpr Index large = Index{1} << 20;  // products of numbers that are worth a second thread

  /// Whether what packing both operands costs comes back: where A's columns lie apart, and sums are long.
  static bool worth_blocks(Index m, Index n, Index k, const MatrixView<T>& a) {
    return a.column_step != 1 && k >= 256 && m >= 2 * Sizes::rows && m * n * k >= (Index{1} << 18);
  }

  /// False where the operands do not lie as libraries want them: rows, or columns, of numbers next to each other.
  static bool by_library(Index m, Index n, Index k, const MatrixView<T>& a, const MatrixView<T>& b,
                         const ProductTarget<T>& c) {
    LibraryOperand<T> left, right;
    if (!left.set(a.data, a.row_step, a.column_step, m, k) || !right.set(b.data, b.row_step, b.column_step, k, n) ||
        c.step > (std::numeric_limits<int>::max)())
      return false;
    const bool biased = c.bias != nullptr || c.row_bias != nullptr;
    if (biased) nothing(m, n, c);
    return library_product(m, n, k, left, right, c.add || biased, c.data, c.step);
  }

  /// A sum over nothing: C as it is or 0, plus the biases. Operands without numbers have no address to count from.
  static void nothing(Index m, Index n, const ProductTarget<T>& c) {
    for (Index i = 0; i < m; ++i)
      for (Index j = 0; j < n; ++j) {
        T& to = c.data[i * c.step + j];
        T start = c.add ? to : T(0);
        if (c.bias != nullptr) start = start + c.bias[j];
        if (c.row_bias != nullptr) start = start + c.row_bias[i];
        to = start;
      }
  }
};

// Compiled: class Gemm<T>
}}  // namespace eigengrad::EIGENGRAD_ABI
