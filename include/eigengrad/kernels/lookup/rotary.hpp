#pragma once

#include "../../core/buffer.hpp"
#include "../../core/threads.hpp"
#include "../../simd/lane.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace lookup {

/// Rows of `size` numbers, `rows_at_position` of them at each of `positions`, in `outer` rounds; 2 * pairs numbers at a
/// row's begin are turned, pair by pair: j and j + pairs, or 2 j and 2 j + 1 where they are interleaved.
struct Rotation {
  Index outer, positions, rows_at_position, size, pairs;
  bool interleaved;
};

/// y = x with every pair turned by its position's angle, of which `cosines` and `sines` [positions, pairs] are told;
/// the other way round with `back`.
template <class T>
EIGENGRAD_OUTLINE void rotate_pairs(const T* x, const T* cosines, const T* sines, const Rotation& shape, bool back,
                                    T* y) {
  using L = lane_t<T>;
  constexpr Index width = lane_width<T>;
  const Index size = shape.size, pairs = shape.pairs;
  const auto turn = [=](auto a, auto b, auto c, auto s, auto& first, auto& second) {
    first = back ? a * c + b * s : a * c - b * s;
    second = back ? b * c - a * s : b * c + a * s;
  };
  const Index rows = shape.outer * shape.positions * shape.rows_at_position;
  parallel_ranges(rows, 1, (Index{1} << 15) / (size + 1) + 1, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      const Index position = r / shape.rows_at_position % shape.positions;
      const T *const from = x + r * size, *const c = cosines + position * pairs, *const s = sines + position * pairs;
      T* const to = y + r * size;
      Index j = 0;
      if (shape.interleaved) {
        for (; j < pairs; ++j) {
          const T a = from[2 * j], b = from[2 * j + 1];
          turn(a, b, c[j], s[j], to[2 * j], to[2 * j + 1]);
        }
      } else {
        for (; j + width <= pairs; j += width) {
          L first, second;
          turn(L(lane::load(from + j)), L(lane::load(from + pairs + j)), L(lane::load(c + j)), L(lane::load(s + j)),
               first, second);
          lane::store<T>(to + j, first);
          lane::store<T>(to + pairs + j, second);
        }
        for (; j < pairs; ++j) {
          const T a = from[j], b = from[pairs + j];
          turn(a, b, c[j], s[j], to[j], to[pairs + j]);
        }
      }
      for (Index k = 2 * pairs; k < size; ++k) to[k] = from[k];
    }
  });
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::lookup
