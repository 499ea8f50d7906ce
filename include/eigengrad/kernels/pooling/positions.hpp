#pragma once

#include <algorithm>
#include <cstdint>

#include "../../core/threads.hpp"
#include "window.hpp"

// The gradient of whatever took a number of each plane by its position, and that gradient's own.
namespace eigengrad { inline namespace EIGENGRAD_ABI { namespace pooling {

/// dx [planes, inputs] = 0, then dx[position] += dy for every position of [planes, outputs], in order.
template <class T>
EIGENGRAD_OUTLINE void scatter_positions(const T* dy, const std::int32_t* positions, Index planes, Index inputs,
                                         Index outputs, T* dx) {
  parallel_ranges(planes, 1, planes_per_piece(inputs), [&](Index from, Index to) {
    for (Index p = from; p < to; ++p) {
      T* const target = dx + p * inputs;
      std::fill_n(target, inputs, T(0));
      const T* const gradient = dy + p * outputs;
      const std::int32_t* const places = positions + p * outputs;
      for (Index i = 0; i < outputs; ++i) target[places[i]] = target[places[i]] + gradient[i];
    }
  });
}

/// y[i] = x[position i] for every position of [planes, outputs].
template <class T>
EIGENGRAD_OUTLINE void gather_positions(const T* x, const std::int32_t* positions, Index planes, Index inputs,
                                        Index outputs, T* y) {
  parallel_ranges(planes, 1, planes_per_piece(outputs), [&](Index from, Index to) {
    for (Index p = from; p < to; ++p)
      for (Index i = p * outputs; i < (p + 1) * outputs; ++i) y[i] = x[p * inputs + positions[i]];
  });
}

}}}  // namespace eigengrad::EIGENGRAD_ABI::pooling
