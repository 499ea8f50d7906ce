#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "../../core/buffer.hpp"
#include "../../simd/lane.hpp"

namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace pooling {

/// Positions in a plane, as many as a lane has numbers.
template <class T>
struct PlaceLane {
  using Number = std::int32_t;
  using Lane = std::int32_t;
};
#if EIGENGRAD_LANE_BYTES > 0
template <class T>
  requires(lane_width<T> > 1)
struct PlaceLane<T> {
  using Number = typename LaneVectors<T>::Bits;
  using Lane = typename LaneVectors<T>::Masks;
};
#endif

/// Where the positions of one plane after another go; if nobody wants them, all to the same place, which stays in the
/// cache.
class PlacesToKeep {
 public:
  PlacesToKeep(std::int32_t* positions, Index outputs, Index last_plane)
      : positions_(positions),
        outputs_(outputs),
        last_(last_plane),
        scratch_(positions != nullptr ? 0 : bytes_of_numbers(outputs, sizeof(std::int32_t))) {}

  std::int32_t* of(Index plane) const {
    return positions_ != nullptr ? positions_ + plane * outputs_ : static_cast<std::int32_t*>(scratch_.data());
  }
  /// What may be written to ends here.
  const std::int32_t* end(Index plane) const {
    return positions_ != nullptr ? positions_ + last_ * outputs_ : of(plane) + outputs_;
  }

 private:
  std::int32_t* positions_;
  Index outputs_, last_;
  Block scratch_;
};

template <class T>
EIGENGRAD_INLINE typename PlaceLane<T>::Lane load_places(const typename PlaceLane<T>::Number* from) {
  typename PlaceLane<T>::Lane result;
  std::memcpy(&result, from, sizeof result);
  return result;
}

/// Writes a lane of a row of which `left` numbers are left: whole where what it writes too much is inside `end`,
/// because those who write in order write there later.
template <class T>
EIGENGRAD_INLINE void store_in_order(T* to, const lane_t<T>& lane, Index left, const T* end) {
  if (left >= lane_width<T> || end - to >= lane_width<T>)
    lane::store<T>(to, lane);
  else
    lane::store<T>(to, lane, left);
}
/// The same of positions.
template <class T>
EIGENGRAD_INLINE void store_places(std::int32_t* to, const typename PlaceLane<T>::Lane& places, Index left,
                                   const std::int32_t* end) {
  constexpr Index width = lane_width<T>;
  if constexpr (width == 1) {
    *to = places;
  } else {
#if EIGENGRAD_LANE_BYTES > 0
    using Narrow [[gnu::vector_size(lane_width<T> * sizeof(std::int32_t))]] = std::int32_t;
    const Narrow narrow = __builtin_convertvector(places, Narrow);
    if (left >= width || end - to >= width)
      std::memcpy(to, &narrow, sizeof narrow);
    else
      std::memcpy(to, &narrow, static_cast<std::size_t>(left) * sizeof(std::int32_t));
#endif
  }
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::pooling
