#pragma once

#include <algorithm>
#include <cstdint>

#include "../../core/buffer.hpp"
#include "../../core/threads.hpp"
#include "../../simd/lane.hpp"

// Rows of a table by their numbers.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace lookup {

/// Where the first index outside [0, rows) stands, or -1.
EIGENGRAD_OUTLINE inline Index first_out_of_range(const std::int64_t* indices, Index count, Index rows) {
  for (Index i = 0; i < count; ++i)
    if (indices[i] < 0 || indices[i] >= rows) return i;
  return -1;
}

/// Asks for a row that is read, or written, soon.
template <int write, class T>
EIGENGRAD_INLINE void ask_for_row([[maybe_unused]] const T* row, [[maybe_unused]] Index size) {
#if defined(__GNUC__) || defined(__clang__)
  for (Index j = 0; j < size; j += static_cast<Index>(64 / sizeof(T))) __builtin_prefetch(row + j, write);
#endif
}
inline constexpr Index rows_ahead = 8;

/// to = from.
template <class T>
EIGENGRAD_INLINE void copy_row(const T* from, Index size, T* to) {
  constexpr Index width = lane_width<T>;
  Index j = 0;
  for (; j + width <= size; j += width) lane::store<T>(to + j, lane::load(from + j));
  for (; j < size; ++j) to[j] = from[j];
}

/// y[i] = table[indices[i]]; table [rows, size], y [count, size]. Indices are looked at before (first_out_of_range).
template <class T>
EIGENGRAD_OUTLINE void gather_rows(const T* table, const std::int64_t* indices, Index count, Index size, T* y) {
  parallel_ranges(count, 1, (Index{1} << 15) / (size + 1) + 1, [&](Index from, Index to) {
    for (Index i = from; i < to; ++i) {
      if (i + rows_ahead < to) ask_for_row<0>(table + indices[i + rows_ahead] * size, size);
      copy_row(table + indices[i] * size, size, y + i * size);
    }
  });
}

/// to += from * factor.
template <class T>
EIGENGRAD_INLINE void add_scaled(const T* from, const T& factor, Index size, T* to) {
  constexpr Index width = lane_width<T>;
  Index j = 0;
  for (; j + width <= size; j += width)
    lane::store<T>(to + j, lane_t<T>(lane::load(to + j) + lane_t<T>(factor) * lane::load(from + j)));
  for (; j < size; ++j) to[j] = to[j] + factor * from[j];
}
template <class T>
EIGENGRAD_INLINE void add_numbers(const T* from, Index size, T* to) {
  constexpr Index width = lane_width<T>;
  Index j = 0;
  for (; j + width <= size; j += width) lane::store<T>(to + j, lane_t<T>(lane::load(to + j) + lane::load(from + j)));
  for (; j < size; ++j) to[j] = to[j] + from[j];
}

/// body(first row, end row) over parts of a table, each of which one thread does: whoever adds to a row does so in the
/// order of the indices, however many threads there are.
template <class Body>
void for_parts_of_table(Index rows, Index work, const Body& body) {
  const int threads = work >= Index{1} << 16 ? team_size() : 1;
  const Index parts = (std::min)(rows, threads > 1 ? Index{2} * threads : Index{1});
  parallel_for(parts, threads, [&](Index p) { body(rows * p / parts, rows * (p + 1) / parts); });
}

/// dtable [rows, size], written whole: row r is the sum of dy[i] over the i with indices[i] == r, in order; row
/// `padding` gets none (-1: there is no such row).
template <class T>
EIGENGRAD_OUTLINE void scatter_rows(const T* dy, const std::int64_t* indices, Index count, Index rows, Index size,
                                    Index padding, T* dtable) {
  // Rows are 0 only where nothing is copied to them first.
  const Block block(static_cast<std::size_t>(rows));
  char* const met = static_cast<char*>(block.data());
  for_parts_of_table(rows, count * size + rows * size / 4, [&](Index from, Index to) {
    std::fill(met + from, met + to, static_cast<char>(0));
    for (Index i = 0; i < count; ++i) {
      const Index r = indices[i];
      if (i + rows_ahead < count)
        if (const Index soon = indices[i + rows_ahead]; soon >= from && soon < to)
          ask_for_row<1>(dtable + soon * size, size);
      if (r < from || r >= to || r == padding) continue;
      if (met[r] == 0)
        copy_row(dy + i * size, size, dtable + r * size);
      else
        add_numbers(dy + i * size, size, dtable + r * size);
      met[r] = 1;
    }
    for (Index r = from; r < to;) {
      Index end = r;
      while (end < to && met[end] == 0) ++end;
      std::fill(dtable + r * size, dtable + end * size, T(0));
      for (r = end; r < to && met[r] != 0;) ++r;
    }
  });
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::lookup
