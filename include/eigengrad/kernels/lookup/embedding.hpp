#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "../../core/buffer.hpp"
#include "../../core/pool_allocator.hpp"
#include "../../core/threads.hpp"
#include "../../simd/lane.hpp"
#include "../sums.hpp"

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

/// The rows `first` to `end` of a table's gradient that more than `most` rows are added to, as those of common words:
/// they go on in totals, so that no digits are lost.
template <class T>
class OftenMet {
 public:
  OftenMet(Index first, Index end, Index size, T* dtable)
      : first_(first), size_(size), dtable_(dtable), met_(static_cast<std::size_t>(end - first)) {}
  /// How often row r was met, up to `most`.
  Index times(Index r) const { return met_[place(r)]; }
  /// Counts it; whether there is no more to be added to it in T.
  EIGENGRAD_INLINE bool is_full(Index r) {
    std::uint8_t& times = met_[place(r)];
    if (times < most) {
      ++times;
      return false;
    }
    return true;
  }
  /// Row r's totals.
  EIGENGRAD_OUTLINE const Totals<T>& totals(Index r) {
    if (slots_.empty()) slots_.assign(met_.size(), -1);
    Index& slot = slots_[place(r)];
    if (slot < 0) {
      slot = static_cast<Index>(totals_.size());
      totals_.emplace_back(1, size_);
      totals_.back().take_numbers(0, dtable_ + r * size_, size_);
    }
    return totals_[static_cast<std::size_t>(slot)];
  }
  void end() {
    for (std::size_t r = 0; r < slots_.size(); ++r)
      if (slots_[r] >= 0)
        totals_[static_cast<std::size_t>(slots_[r])].add_to(dtable_ + (first_ + static_cast<Index>(r)) * size_, 0,
                                                            size_);
  }

 private:
  static constexpr std::uint8_t most = few_numbers;
  std::size_t place(Index r) const { return static_cast<std::size_t>(r - first_); }

  Index first_, size_;
  T* dtable_;
  std::vector<std::uint8_t, PoolAllocator<std::uint8_t>> met_;
  std::vector<Index, PoolAllocator<Index>> slots_;
  std::vector<Totals<T>, PoolAllocator<Totals<T>>> totals_;
};

/// dtable [rows, size], written whole: row r is the sum of dy[i] over the i with indices[i] == r, in order; row
/// `padding` gets none (-1: there is no such row). With `add` the sums are added to what is there.
template <class T>
EIGENGRAD_OUTLINE void scatter_rows(const T* dy, const std::int64_t* indices, Index count, Index rows, Index size,
                                    Index padding, T* dtable, bool add = false) {
  // Rows are 0 only where nothing is copied to them first.
  for_parts_of_table(rows, count * size + rows * size / 4, [&](Index from, Index to) {
    OftenMet<T> met(from, to, size, dtable);
    for (Index i = 0; i < count; ++i) {
      const Index r = indices[i];
      if (i + rows_ahead < count)
        if (const Index soon = indices[i + rows_ahead]; soon >= from && soon < to)
          ask_for_row<1>(dtable + soon * size, size);
      if (r < from || r >= to || r == padding) continue;
      if (met.is_full(r))
        met.totals(r).add_numbers(0, dy + i * size, size);
      else if (met.times(r) == 1 && !add)
        copy_row(dy + i * size, size, dtable + r * size);
      else
        add_numbers(dy + i * size, size, dtable + r * size);
    }
    for (Index r = add ? to : from; r < to;) {
      Index end = r;
      while (end < to && met.times(end) == 0) ++end;
      std::fill(dtable + r * size, dtable + end * size, T(0));
      for (r = end; r < to && met.times(r) != 0;) ++r;
    }
    met.end();
  });
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::lookup
