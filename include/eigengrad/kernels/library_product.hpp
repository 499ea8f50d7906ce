#pragma once

#include <limits>
#include <type_traits>

#include "../config.hpp"

#if defined(EIGENGRAD_USE_BLAS)
// The reference interface: column by column, everything by reference.
extern "C" {
void sgemm_(const char*, const char*, const int*, const int*, const int*, const float*, const float*, const int*,
            const float*, const int*, const float*, float*, const int*);
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*, const double*, const int*,
            const double*, const int*, const double*, double*, const int*);
}
#elif defined(EIGENGRAD_USE_ONEDNN)
#include <dnnl.h>
#endif

// Large products by a library: any BLAS (the target eigengrad::blas), or oneDNN (eigengrad::onednn), which has floats
// only. How many threads they use, and so whether their bits depend on that, is theirs to say.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

#if defined(EIGENGRAD_USE_BLAS)
template <class T>
inline constexpr bool has_library_product = std::is_same_v<T, float> || std::is_same_v<T, double>;
#elif defined(EIGENGRAD_USE_ONEDNN)
template <class T>
inline constexpr bool has_library_product = std::is_same_v<T, float>;
#else
template <class T>
inline constexpr bool has_library_product = false;
#endif

/// Where the library may be faster than our own kernel, as measured (docs/performance.md): neither small nor narrow.
EIGENGRAD_INLINE bool worth_library(Index m, Index n, Index k) {
#if defined(EIGENGRAD_USE_BLAS)
  constexpr Index numbers = Index{1} << 22, narrow = 32;
#else
  constexpr Index numbers = Index{1} << 20, narrow = 4;
#endif
  return m * n * k >= numbers && m >= narrow && n >= narrow;
}

/// A matrix as libraries take it: rows of numbers next to each other, or the transpose of such.
template <class T>
struct LibraryOperand {
  const T* data = nullptr;
  bool transposed = false;
  Index step = 0;  // between rows, or between columns where it is transposed

  bool set(const T* numbers, Index row_step, Index column_step, Index rows, Index columns) {
    constexpr Index most = (std::numeric_limits<int>::max)();
    data = numbers;
    transposed = column_step != 1;
    step = transposed ? column_step : row_step;
    const bool fits = (transposed ? row_step == 1 && step >= rows : step >= columns) && step > 0;
    return fits && step <= most && rows <= most && columns <= most;
  }
  char letter() const { return transposed ? 'T' : 'N'; }
};

/// C (=|+=) A . B, rows of C being `step` apart; false where the library would not.
template <class T>
bool library_product([[maybe_unused]] Index m, [[maybe_unused]] Index n, [[maybe_unused]] Index k,
                     [[maybe_unused]] const LibraryOperand<T>& a, [[maybe_unused]] const LibraryOperand<T>& b,
                     [[maybe_unused]] bool add, [[maybe_unused]] T* c, [[maybe_unused]] Index step) {
#if defined(EIGENGRAD_USE_BLAS)
  // Read column by column our matrices are their transposes, and C^T = B^T A^T.
  const char left = b.letter(), right = a.letter();
  const int rows = static_cast<int>(n), columns = static_cast<int>(m), inner = static_cast<int>(k),
            left_step = static_cast<int>(b.step), right_step = static_cast<int>(a.step),
            result_step = static_cast<int>(step);
  const T one(1), old(add ? 1 : 0);
  if constexpr (std::is_same_v<T, float>)
    sgemm_(&left, &right, &rows, &columns, &inner, &one, b.data, &left_step, a.data, &right_step, &old, c,
           &result_step);
  else
    dgemm_(&left, &right, &rows, &columns, &inner, &one, b.data, &left_step, a.data, &right_step, &old, c,
           &result_step);
  return true;
#elif defined(EIGENGRAD_USE_ONEDNN)
  return dnnl_sgemm(a.letter(), b.letter(), m, n, k, 1.f, a.data, a.step, b.data, b.step, add ? 1.f : 0.f, c, step) ==
         dnnl_success;
#else
  return false;
#endif
}

}}  // namespace eigengrad::EIGENGRAD_ABI
