#pragma once

#include <algorithm>
#include <cmath>

#include "../core/tensor.hpp"

// The search for a step that satisfies the strong Wolfe conditions.
namespace eigengrad { inline namespace EIGENGRAD_ABI {

/// What is known of a loss at x + step * direction: its value, its slope along the direction, its gradient.
template <class T>
struct LinePoint {
  double step = 0;
  double loss = 0;
  double slope = 0;
  Tensor<T> gradient;
};

struct StrongWolfeOptions {
  double decrease = 1e-4;    // of what the first slope promises, the loss must fall by at least this share
  double curvature = 0.9;    // the slope must shrink to at most this share
  double narrowest = 0;      // stop when the step is known to within this
  int max_evaluations = 26;  // 1 and the 25 that PyTorch allows
};

/// Where the cubic with the losses and slopes of `a` and `b` is smallest, kept in [low, high]; its middle where that
/// cubic has no minimum. Nocedal, Wright: Numerical Optimization, 2006, equation 3.59.
template <class T>
double cubic_minimum(const LinePoint<T>& a, const LinePoint<T>& b, double low, double high) {
  const LinePoint<T>&left = a.step <= b.step ? a : b, &right = a.step <= b.step ? b : a;
  const double d1 = left.slope + right.slope - 3 * (left.loss - right.loss) / (left.step - right.step);
  const double d2 = std::sqrt(d1 * d1 - left.slope * right.slope);
  const double step =
      right.step - (right.step - left.step) * ((right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2));
  return std::isfinite(step) ? std::clamp(step, low, high) : low + (high - low) / 2;
}

/// A step that meets the strong Wolfe conditions: the loss falls by `decrease * step * slope`, the slope shrinks to
/// `curvature` of start's. `at(step)` gives the LinePoint there; an infinite or NaN loss counts as too far. Gives the
/// lowest point found where none is met. Nocedal, Wright: Numerical Optimization, 2006, algorithms 3.5 and 3.6.
template <class T, class At>
LinePoint<T> strong_wolfe(const At& at, const LinePoint<T>& start, double first_step,
                          const StrongWolfeOptions& options) {
  const auto too_high = [&](const LinePoint<T>& point) {
    return !(point.loss <= start.loss + options.decrease * point.step * start.slope);
  };
  const auto flat = [&](const LinePoint<T>& point) {
    return std::abs(point.slope) <= -options.curvature * start.slope;
  };
  // Lengthen the step until an interval from `low` to `high`, in either order, holds what is looked for.
  LinePoint<T> low = start, high, trial = at(first_step);
  int left = options.max_evaluations - 1;
  for (;;) {
    if (too_high(trial) || (low.step > 0 && trial.loss >= low.loss)) {
      high = std::move(trial);
      break;
    }
    if (flat(trial) || left-- == 0) return trial;
    if (trial.slope >= 0) {
      high = std::exchange(low, std::move(trial));
      break;
    }
    const double next = cubic_minimum(low, trial, trial.step + 0.01 * (trial.step - low.step), 10 * trial.step);
    low = std::exchange(trial, at(next));
  }
  // Narrow it. `low` is the lowest point that has fallen enough; the slope there points towards `high`.
  bool crept = false;  // the last step came close to an end
  while (left-- > 0 && std::abs(high.step - low.step) > options.narrowest) {
    const auto [begin, end] = std::minmax(low.step, high.step);
    const double margin = 0.1 * (end - begin);
    double next = cubic_minimum(low, high, begin, end);
    const bool close = (std::min)(end - next, next - begin) < margin;
    if (close && (crept || next >= end || next <= begin)) {
      next = end - next < next - begin ? end - margin : begin + margin;
      crept = false;
    } else {
      crept = close;
    }
    trial = at(next);
    if (too_high(trial) || trial.loss >= low.loss) {
      high = std::move(trial);
    } else {
      if (flat(trial)) return trial;
      if (trial.slope * (high.step - low.step) >= 0) high = std::move(low);
      low = std::move(trial);
    }
  }
  return low;
}

}}  // namespace eigengrad::EIGENGRAD_ABI
